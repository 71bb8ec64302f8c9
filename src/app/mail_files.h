// Mail as other programs keep it on disk: Maildir (with Maildir++ folders) and mbox, read and written.
//
// Line ends: we keep messages with CRLF, these files usually have LF. A file whose every line ends
// with LF alone becomes CRLF on the way in; a message whose every line ends with CRLF becomes LF on
// the way out; one that mixes them is left alone. So export and import give back every byte.
#pragma once

#include "base/result.h"
#include "base/time.h"

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace posthouse::app {

struct MailFile {
    std::string mailbox;  // "INBOX", "lists/cpp"
    std::vector<std::string> flags;
    WallTime date;
    std::string bytes;
};

using TakeMail = std::function<Result<void>(MailFile mail)>;
enum class MailFormat { maildir, mbox };

// What lies there: a Maildir has cur/ and new/; a file that begins with "From " is an mbox.
Result<MailFormat> format_of(const std::filesystem::path& path);

// Hands over every message, in a stable order. `inbox` is the mailbox for the top of a Maildir and
// for an mbox. A message that cannot be read ends the reading with its file's name in the error.
Result<void> read_maildir(const std::filesystem::path& path, const std::string& inbox, const TakeMail& take);
Result<void> read_mbox(const std::filesystem::path& path, const std::string& inbox, const TakeMail& take);

// Adds to a Maildir (safe: tmp/, synced, then renamed) or to the end of an mbox (mboxrd quoting).
class MailWriter {
public:
    virtual ~MailWriter() = default;
    virtual Result<void> write(const MailFile& mail) = 0;
    virtual Result<void> finish() = 0;  // all of it on disk
};
Result<std::unique_ptr<MailWriter>> write_maildir(const std::filesystem::path& path);
Result<std::unique_ptr<MailWriter>> write_mbox(const std::filesystem::path& path);  // INBOX; others in path.NAME

std::string with_crlf(std::string bytes);
std::string with_lf(std::string bytes);

}  // namespace posthouse::app

#include "app/mail_files.h"

#include "base/text.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <fstream>
#include <map>
#include <sstream>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace posthouse::app {

namespace fs = std::filesystem;

namespace {

constexpr std::uintmax_t most_message = 128 * 1024 * 1024;

Error file_error(const fs::path& path)
{
    return {ErrorCode::io, fmt::format("{}: {}", path.string(), std::strerror(errno))};
}

struct LineEnds {
    std::size_t crlf = 0;
    std::size_t bare = 0;  // LF without CR, or CR without LF
};

LineEnds line_ends(std::string_view bytes)
{
    LineEnds ends;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (bytes[i] == '\r' && i + 1 < bytes.size() && bytes[i + 1] == '\n') {
            ++ends.crlf;
            ++i;
        } else if (bytes[i] == '\r' || bytes[i] == '\n') {
            ++ends.bare;
        }
    }
    return ends;
}

Result<std::string> read_file(const fs::path& path)
{
    std::error_code error;
    if (fs::file_size(path, error) > most_message || error)
        return fail(ErrorCode::too_large, fmt::format("{} is over 128 MiB, or cannot be read", path.string()));
    std::ifstream in(path, std::ios::binary);
    std::ostringstream bytes;
    bytes << in.rdbuf();
    if (!in)
        return fail(file_error(path));
    return std::move(bytes).str();
}

// Maildir's letters and what they mean here.
constexpr std::array<std::pair<char, std::string_view>, 6> letters{{{'D', "\\Draft"},
                                                                    {'F', "\\Flagged"},
                                                                    {'P', "$Forwarded"},
                                                                    {'R', "\\Answered"},
                                                                    {'S', "\\Seen"},
                                                                    {'T', "\\Deleted"}}};

std::vector<std::string> flags_of_name(std::string_view name)
{
    std::vector<std::string> flags;
    const std::size_t info = name.rfind(":2,");
    if (info == std::string_view::npos)
        return flags;
    for (const auto& [letter, flag] : letters)
        if (name.substr(info + 3).find(letter) != std::string_view::npos)
            flags.emplace_back(flag);
    return flags;
}

std::string letters_of(const std::vector<std::string>& flags)
{
    std::string out;
    for (const auto& [letter, flag] : letters)
        if (std::ranges::find(flags, flag) != flags.end())
            out += letter;
    return out;
}

WallTime modified(const fs::path& path)
{
    struct stat facts{};
    if (::stat(path.c_str(), &facts) != 0)
        return {};
    return WallTime{std::chrono::seconds(facts.st_mtime)};
}

Result<void> read_maildir_folder(const fs::path& path, const std::string& mailbox, const TakeMail& take)
{
    for (const char* part : {"cur", "new"}) {
        std::vector<fs::path> files;
        std::error_code error;
        for (const auto& entry : fs::directory_iterator(path / part, error))
            if (entry.is_regular_file(error) && !entry.path().filename().string().starts_with('.'))
                files.push_back(entry.path());
        std::ranges::sort(files);
        for (const fs::path& file : files) {
            Result<std::string> bytes = read_file(file);
            if (!bytes)
                return fail(bytes.error());
            MailFile mail{mailbox, flags_of_name(file.filename().string()), modified(file),
                          with_crlf(std::move(*bytes))};
            const Result<void> taken = take(std::move(mail));
            if (!taken)
                return fail(taken.error().code, fmt::format("{}: {}", file.string(), taken.error().text));
        }
    }
    return {};
}

}  // namespace

std::string with_crlf(std::string bytes)
{
    const LineEnds ends = line_ends(bytes);
    if (ends.crlf > 0 || ends.bare == 0 || bytes.find('\r') != std::string::npos)
        return bytes;
    std::string out;
    out.reserve(bytes.size() + ends.bare);
    for (const char c : bytes) {
        if (c == '\n')
            out += '\r';
        out += c;
    }
    return out;
}

std::string with_lf(std::string bytes)
{
    if (line_ends(bytes).bare > 0)
        return bytes;
    std::erase(bytes, '\r');
    return bytes;
}

Result<MailFormat> format_of(const fs::path& path)
{
    std::error_code error;
    if (fs::is_directory(path / "cur", error) && fs::is_directory(path / "new", error))
        return MailFormat::maildir;
    if (fs::is_regular_file(path, error)) {
        std::ifstream in(path, std::ios::binary);
        std::array<char, 5> first{};
        in.read(first.data(), first.size());
        if (in.gcount() == 0 || std::string_view(first.data(), 5) == "From ")
            return MailFormat::mbox;
    }
    return fail(ErrorCode::malformed,
                fmt::format("{} is neither a Maildir (no cur/ and new/) nor an mbox (does not begin with \"From \")",
                            path.string()));
}

Result<void> read_maildir(const fs::path& path, const std::string& inbox, const TakeMail& take)
{
    const Result<void> top = read_maildir_folder(path, inbox, take);
    if (!top)
        return top;
    std::vector<fs::path> folders;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(path, error))
        if (entry.is_directory(error) && entry.path().filename().string().starts_with('.') &&
            fs::is_directory(entry.path() / "cur", error))
            folders.push_back(entry.path());
    std::ranges::sort(folders);
    for (const fs::path& folder : folders) {  // Maildir++: ".lists.cpp" is lists/cpp
        std::string name = folder.filename().string().substr(1);
        std::ranges::replace(name, '.', '/');
        const Result<void> read = read_maildir_folder(folder, name, take);
        if (!read)
            return read;
    }
    return {};
}

namespace {

// "From alice@north.test Sun Nov 22 00:02:27 2026"
WallTime date_of_from_line(std::string_view line)
{
    const std::size_t space = line.find(' ', 5);
    if (space == std::string_view::npos)
        return {};
    const std::string text(trim(line.substr(space)));
    std::tm parts{};
    if (::strptime(text.c_str(), "%a %b %d %H:%M:%S %Y", &parts) == nullptr)
        return {};
    return WallTime{std::chrono::seconds(::timegm(&parts))};
}

// Status: RO, X-Status: AFTD, as mutt and Dovecot write them.
std::vector<std::string> flags_of_header(std::string_view bytes)
{
    std::vector<std::string> flags;
    const auto has = [&](std::string_view value, char letter, std::string_view flag) {
        if (value.find(letter) != std::string_view::npos)
            flags.emplace_back(flag);
    };
    while (!bytes.empty()) {
        const std::size_t end = bytes.find('\n');
        const std::string_view line = bytes.substr(0, end);
        if (line.empty() || line == "\r")
            break;
        if (starts_with_ignoring_case(line, "Status:"))
            has(line.substr(7), 'R', "\\Seen");
        if (starts_with_ignoring_case(line, "X-Status:")) {
            has(line.substr(9), 'A', "\\Answered");
            has(line.substr(9), 'F', "\\Flagged");
            has(line.substr(9), 'T', "\\Draft");
            has(line.substr(9), 'D', "\\Deleted");
        }
        if (end == std::string_view::npos)
            break;
        bytes.remove_prefix(end + 1);
    }
    return flags;
}

}  // namespace

Result<void> read_mbox(const fs::path& path, const std::string& inbox, const TakeMail& take)
{
    std::ifstream in(path, std::ios::binary);
    if (!in)
        return fail(file_error(path));
    std::string line;
    MailFile mail{inbox, {}, {}, {}};
    bool in_message = false;
    bool after_blank = true;
    const auto hand_over = [&]() -> Result<void> {
        if (!in_message)
            return {};
        if (mail.bytes.ends_with("\n\n"))  // the blank line that separates messages
            mail.bytes.pop_back();
        else if (mail.bytes.ends_with("\n\r\n"))
            mail.bytes.erase(mail.bytes.size() - 2);
        mail.flags = flags_of_header(mail.bytes);
        mail.bytes = with_crlf(std::move(mail.bytes));
        return take(std::exchange(mail, MailFile{inbox, {}, {}, {}}));
    };
    while (std::getline(in, line)) {
        if (after_blank && line.starts_with("From ")) {
            const Result<void> taken = hand_over();
            if (!taken)
                return taken;
            in_message = true;
            mail.date = date_of_from_line(line);
            after_blank = false;
            continue;
        }
        after_blank = line.empty() || line == "\r";
        const std::size_t quotes = line.find_first_not_of('>');  // mboxrd
        const bool quoted = quotes != std::string::npos && quotes > 0 && line.compare(quotes, 5, "From ") == 0;
        mail.bytes += quoted ? line.substr(1) : line;
        if (!in.eof())
            mail.bytes += '\n';
        if (mail.bytes.size() > most_message)
            return fail(ErrorCode::too_large, fmt::format("{} has a message over 128 MiB", path.string()));
    }
    return hand_over();
}

namespace {

Result<void> write_whole(int file, std::string_view bytes, const fs::path& path)
{
    while (!bytes.empty()) {
        const ssize_t written = ::write(file, bytes.data(), bytes.size());
        if (written < 0 && errno != EINTR)
            return fail(file_error(path));
        if (written > 0)
            bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
}

// A file that is closed however we leave.
class File {
public:
    File(const fs::path& path, int how) : path_(path), file_(::open(path.c_str(), how | O_CLOEXEC, 0600)) { }
    ~File()
    {
        if (file_ >= 0)
            ::close(file_);
    }
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    bool is_open() const { return file_ >= 0; }
    Result<void> write(std::string_view bytes) { return write_whole(file_, bytes, path_); }
    Result<void> sync() { return ::fsync(file_) == 0 ? Result<void>{} : fail(file_error(path_)); }

private:
    fs::path path_;
    int file_;
};

class MaildirWriter final : public MailWriter {
public:
    explicit MaildirWriter(fs::path path) : path_(std::move(path)) { }

    Result<void> write(const MailFile& mail) override
    {
        const Result<fs::path> folder = folder_of(mail.mailbox);
        if (!folder)
            return fail(folder.error());
        const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(mail.date.time_since_epoch()).count();
        const std::string name = fmt::format("{}.M{:06}P{}.posthouse", seconds, ++count_, ::getpid());
        const fs::path temporary = *folder / "tmp" / name;
        {
            File file(temporary, O_WRONLY | O_CREAT | O_EXCL);
            if (!file.is_open())
                return fail(file_error(temporary));
            Result<void> written = file.write(with_lf(mail.bytes));
            if (written)
                written = file.sync();
            if (!written)
                return written;
        }
        const timespec times[2]{{seconds, 0}, {seconds, 0}};
        ::utimensat(AT_FDCWD, temporary.c_str(), times, 0);
        const fs::path final_path = *folder / "cur" / (name + ":2," + letters_of(mail.flags));
        if (::rename(temporary.c_str(), final_path.c_str()) != 0)
            return fail(file_error(final_path));
        return {};
    }

    Result<void> finish() override
    {
        for (const auto& [name, folder] : folders_) {
            File directory(folder / "cur", O_RDONLY | O_DIRECTORY);
            const Result<void> synced = directory.is_open() ? directory.sync() : fail(file_error(folder));
            if (!synced)
                return synced;
        }
        return {};
    }

private:
    Result<fs::path> folder_of(const std::string& mailbox)
    {
        const auto known = folders_.find(mailbox);
        if (known != folders_.end())
            return known->second;
        fs::path folder = path_;
        if (mailbox != "INBOX") {
            std::string name = mailbox;
            if (name.find('.') != std::string::npos)
                std::ranges::replace(name, '.', '_');
            std::ranges::replace(name, '/', '.');
            folder /= "." + name;
        }
        std::error_code error;
        for (const char* part : {"tmp", "new", "cur"})
            fs::create_directories(folder / part, error);
        if (error)
            return fail(ErrorCode::io, fmt::format("{}: {}", folder.string(), error.message()));
        return folders_.emplace(mailbox, folder).first->second;
    }

    fs::path path_;
    std::map<std::string, fs::path> folders_;
    unsigned count_ = 0;
};

class MboxWriter final : public MailWriter {
public:
    explicit MboxWriter(fs::path path) : path_(std::move(path)) { }

    Result<void> write(const MailFile& mail) override
    {
        auto& file = files_[mail.mailbox];
        if (!file) {
            fs::path path = path_;
            if (mail.mailbox != "INBOX") {
                std::string name = mail.mailbox;
                std::ranges::replace(name, '/', '.');
                path += "." + name;
            }
            file = std::make_unique<File>(path, O_WRONLY | O_CREAT | O_APPEND);
            if (!file->is_open())
                return fail(file_error(path));
        }
        const std::time_t seconds =
            std::chrono::duration_cast<std::chrono::seconds>(mail.date.time_since_epoch()).count();
        std::tm parts{};
        ::gmtime_r(&seconds, &parts);
        std::array<char, 64> date{};
        std::strftime(date.data(), date.size(), "%a %b %e %H:%M:%S %Y", &parts);
        return file->write(fmt::format("From MAILER-DAEMON {}\n{}\n", date.data(), quoted(with_lf(mail.bytes))));
    }

    Result<void> finish() override
    {
        for (const auto& [name, file] : files_) {
            const Result<void> synced = file->sync();
            if (!synced)
                return synced;
        }
        return {};
    }

private:
    // mboxrd: a line of any number of '>' and then "From " gets one more '>'.
    static std::string quoted(std::string_view bytes)
    {
        std::string out;
        while (!bytes.empty()) {
            const std::size_t end = bytes.find('\n');
            const std::string_view line = bytes.substr(0, end == std::string_view::npos ? end : end + 1);
            const std::size_t start = line.find_first_not_of('>');
            if (start != std::string_view::npos && line.substr(start).starts_with("From "))
                out += '>';
            out += line;
            bytes.remove_prefix(line.size());
        }
        if (!out.ends_with('\n'))
            out += '\n';
        return out;
    }

    fs::path path_;
    std::map<std::string, std::unique_ptr<File>> files_;
};

}  // namespace

Result<std::unique_ptr<MailWriter>> write_maildir(const fs::path& path)
{
    return std::make_unique<MaildirWriter>(path);
}

Result<std::unique_ptr<MailWriter>> write_mbox(const fs::path& path) { return std::make_unique<MboxWriter>(path); }

}  // namespace posthouse::app

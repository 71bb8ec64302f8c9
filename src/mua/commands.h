// The commands of the mail client. Each prints what it has to say and answers an exit code (sysexits(3));
// an Error is printed by the caller.
//
// Threads: one loop, which the commands may block. Lifetime: the desk outlives the task.
#pragma once

#include "mua/desk.h"

namespace posthouse::mua {

using Outcome = Result<int>;

// inbox, search: lists messages, the newest first, and keeps what their numbers mean.
struct ListOptions {
    std::string mailbox = "INBOX";
    std::size_t most = 25;
    bool everywhere = false;  // in all mailboxes
    std::vector<std::string> words;  // anywhere in the message, all of them
    std::vector<std::string> from, to, subject, body;
    std::string since, before;  // 2026-11-22
    bool unread = false;
    bool flagged = false;
};
Task<Outcome> list_messages(Desk& desk, ListOptions options);
// The terms of a SEARCH. malformed: a date that is none.
Result<std::vector<imap::SearchTerm>> search_terms(const ListOptions& options);

struct ReadOptions {
    std::vector<std::string> messages;
    bool raw = false;
    bool headers = false;
    bool keep_unread = false;
    std::string save;  // a folder for the attachments
};
Task<Outcome> read_messages(Desk& desk, ReadOptions options);

struct MoveOptions {
    std::vector<std::string> messages;
    std::string mailbox;
};
Task<Outcome> move_messages(Desk& desk, MoveOptions options);

struct DeleteOptions {
    std::vector<std::string> messages;
    bool forever = false;  // not into Trash
};
Task<Outcome> delete_messages(Desk& desk, DeleteOptions options);

struct FlagOptions {
    std::vector<std::string> messages;
    std::vector<std::string> add, remove;  // "seen", "flagged", "answered", "draft", "work", "$Junk"
};
Task<Outcome> flag_messages(Desk& desk, FlagOptions options);
// IMAP's name of a flag as a person says it. malformed.
Result<std::string> flag_named(std::string_view word);

Task<Outcome> list_folders(Desk& desk);

struct WatchOptions {
    std::string mailbox = "INBOX";
    std::size_t most = 0;  // messages to wait for; 0: until interrupted
};
Task<Outcome> watch_mailbox(Desk& desk, WatchOptions options);

// What a new message is made of.
struct WriteOptions {
    std::vector<std::string> to, cc, bcc;
    std::string subject;
    std::vector<std::string> files;  // to attach
    std::optional<std::string> text;  // else standard input
    bool no_copy = false;  // none into Sent
    std::optional<Duration> wait;  // --wait: look what becomes of it, so long
    std::optional<WallTime> hold_until;  // the server keeps it until then (RFC 4865)
};
Task<Outcome> send_message(Desk& desk, WriteOptions options);

struct ReplyOptions {
    std::string message;
    bool all = false;
    bool quote = false;
    WriteOptions write;
};
Task<Outcome> reply_to_message(Desk& desk, ReplyOptions options);

struct ForwardOptions {
    std::string message;
    bool in_line = false;  // as text, not as an attached message
    WriteOptions write;
};
Task<Outcome> forward_message(Desk& desk, ForwardOptions options);

struct LoginOptions {
    std::string address;
    std::string name;
    std::string imap, pop3, submission;  // servers, where they are not all --server's
    std::string certificate;
    bool forget = false;  // takes the identity out
    bool make_standard = false;
    bool list = false;
};
Task<Outcome> log_in(Desk& desk, LoginOptions options);

// An SMTP conversation, shown line by line. Answers swaks' exit codes.
struct TestOptions {
    std::vector<std::string> to;
    std::string from;
    std::string hello;
    std::string server;
    bool auth = false;
    bool starttls = false;
    bool tls_on_connect = false;
    std::string data;  // a file; empty: a short message of its own
    std::string quit_after;
};
Task<Outcome> test_smtp(Desk& desk, TestOptions options);

// As sendmail(8) and mailx(1) are called by other programs.
struct SendmailOptions {
    bool recipients_from_header = false;  // -t
    bool ignore_dots = false;  // -i, -oi
    std::string sender;  // -f, -r
    std::string full_name;  // -F
    std::vector<std::string> to;
};
Result<SendmailOptions> parse_sendmail(std::span<const std::string> words);
Task<Outcome> sendmail(Desk& desk, SendmailOptions options);

struct MailOptions {
    bool read = false;  // no recipients: a listing
    std::string from;
    WriteOptions write;
};
Result<MailOptions> parse_mail(std::span<const std::string> words);

}  // namespace posthouse::mua

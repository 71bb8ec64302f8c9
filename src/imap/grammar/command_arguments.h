// The arguments of each verb, one function each; used by command.cc alone.
//
// Each reads to the end of its arguments, not of the line: parse_command() sees to that.
#pragma once

#include "base/cursor.h"
#include "imap/grammar/command.h"
#include "imap/grammar/utf7.h"

#include <expected>

namespace posthouse::imap {

// Why arguments do not fit: `syntax` or `bad_name`, and a sentence.
struct ArgumentFault {
    SyntaxError::Kind kind = SyntaxError::Kind::syntax;
    std::string reason;
};
template <class T> using Parsed = std::expected<T, ArgumentFault>;

inline std::unexpected<ArgumentFault> misfit(std::string reason)
{
    return std::unexpected(ArgumentFault{SyntaxError::Kind::syntax, std::move(reason)});
}

// A command's text, and how mailbox names are written in it.
class CommandCursor : public Cursor {
public:
    CommandCursor(std::string_view text, NameEncoding names) : Cursor(text), names_(names) { }
    NameEncoding names() const { return names_; }

private:
    NameEncoding names_;
};

// Behind the verb, from the space on.
Parsed<Arguments> no_arguments(CommandCursor& in);
Parsed<Arguments> append_arguments(CommandCursor& in);
Parsed<Arguments> authenticate_arguments(CommandCursor& in);
Parsed<Arguments> cancel_update_arguments(CommandCursor& in);
Parsed<Arguments> compress_arguments(CommandCursor& in);
Parsed<Arguments> copy_arguments(CommandCursor& in);
Parsed<Arguments> create_arguments(CommandCursor& in);
Parsed<Arguments> enable_arguments(CommandCursor& in);
Parsed<Arguments> esearch_arguments(CommandCursor& in);
Parsed<Arguments> fetch_arguments(CommandCursor& in);
Parsed<Arguments> get_metadata_arguments(CommandCursor& in);
Parsed<Arguments> get_quota_arguments(CommandCursor& in);
Parsed<Arguments> id_arguments(CommandCursor& in);
Parsed<Arguments> identifier_arguments(CommandCursor& in);
Parsed<Arguments> list_arguments(CommandCursor& in);
Parsed<Arguments> login_arguments(CommandCursor& in);
Parsed<Arguments> lsub_arguments(CommandCursor& in);
Parsed<Arguments> mailbox_arguments(CommandCursor& in);
Parsed<Arguments> notify_arguments(CommandCursor& in);
Parsed<Arguments> rename_arguments(CommandCursor& in);
Parsed<Arguments> replace_arguments(CommandCursor& in);
Parsed<Arguments> search_arguments(CommandCursor& in);
Parsed<Arguments> select_arguments(CommandCursor& in);
Parsed<Arguments> set_acl_arguments(CommandCursor& in);
Parsed<Arguments> set_metadata_arguments(CommandCursor& in);
Parsed<Arguments> set_quota_arguments(CommandCursor& in);
Parsed<Arguments> sort_arguments(CommandCursor& in);
Parsed<Arguments> status_arguments(CommandCursor& in);
Parsed<Arguments> store_arguments(CommandCursor& in);
Parsed<Arguments> thread_arguments(CommandCursor& in);
Parsed<Arguments> uid_batches_arguments(CommandCursor& in);
Parsed<Arguments> uid_expunge_arguments(CommandCursor& in);

// Shared by them.
Parsed<std::string> mailbox_name(CommandCursor& in);  // mailbox = "INBOX" / astring, decoded
Parsed<std::string> decoded_name(std::string_view wire, NameEncoding names);
Parsed<std::vector<StatusItem>> status_items(Cursor& in);  // with the parentheses
std::optional<std::vector<std::string>> flag_list(Cursor& in);  // with the parentheses
// RFC 5464: entry / "(" entry *(SP entry) ")", in lower case.
std::optional<std::vector<std::string>> metadata_entries(Cursor& in);

}  // namespace posthouse::imap

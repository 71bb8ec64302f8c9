// The arguments of each verb, one function each; used by command.cc alone.
//
// Each reads to the end of its arguments, not of the line: parse_command() sees to that.
#pragma once

#include "base/cursor.h"
#include "imap/grammar/command.h"

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

// Behind the verb, from the space on.
Parsed<Arguments> no_arguments(Cursor& in);
Parsed<Arguments> append_arguments(Cursor& in);
Parsed<Arguments> authenticate_arguments(Cursor& in);
Parsed<Arguments> copy_arguments(Cursor& in);
Parsed<Arguments> create_arguments(Cursor& in);
Parsed<Arguments> enable_arguments(Cursor& in);
Parsed<Arguments> fetch_arguments(Cursor& in);
Parsed<Arguments> id_arguments(Cursor& in);
Parsed<Arguments> list_arguments(Cursor& in);
Parsed<Arguments> login_arguments(Cursor& in);
Parsed<Arguments> lsub_arguments(Cursor& in);
Parsed<Arguments> mailbox_arguments(Cursor& in);
Parsed<Arguments> rename_arguments(Cursor& in);
Parsed<Arguments> search_arguments(Cursor& in);
Parsed<Arguments> select_arguments(Cursor& in);
Parsed<Arguments> status_arguments(Cursor& in);
Parsed<Arguments> store_arguments(Cursor& in);
Parsed<Arguments> uid_expunge_arguments(Cursor& in);

// Shared by them.
Parsed<std::string> mailbox_name(Cursor& in);  // mailbox = "INBOX" / astring, out of modified UTF-7
Parsed<std::vector<StatusItem>> status_items(Cursor& in);  // with the parentheses
std::optional<std::vector<std::string>> flag_list(Cursor& in);  // with the parentheses

}  // namespace posthouse::imap

// A client's command: its tag, its verb, its arguments (arguments.h).
//
// RFC 3501 section 6 and 9; the extensions are named where they come in. Everything is a copy: a
// command outlives the line it was read from. Mailbox names are UTF-8 here, decoded strictly.
#pragma once

#include "imap/grammar/arguments.h"
#include "imap/grammar/utf7.h"

#include <expected>
#include <string>
#include <string_view>

namespace posthouse::imap {

enum class Verb : std::uint8_t {
    append,
    authenticate,
    cancel_update,
    capability,
    check,
    close,
    compress,
    copy,
    create,
    delete_acl,
    delete_mailbox,
    enable,
    esearch,
    examine,
    expunge,
    fetch,
    get_acl,
    get_metadata,
    get_quota,
    get_quota_root,
    id,
    idle,
    list,
    list_rights,
    login,
    logout,
    lsub,
    move,
    my_rights,
    name_space,
    noop,
    notify,
    rename,
    replace,
    search,
    select,
    set_acl,
    set_metadata,
    set_quota,
    sort,
    starttls,
    status,
    store,
    subscribe,
    thread,
    uid_batches,
    unauthenticate,
    unselect,
    unsubscribe,
};

struct Command {
    std::string tag;
    Verb verb = Verb::noop;
    bool by_uid = false;  // UID FETCH, UID STORE, …
    Arguments arguments;
};

struct SyntaxError {
    enum class Kind {
        syntax,  // BAD
        unknown_command,  // BAD
        bad_name,  // NO [CANNOT]: a mailbox name that is no modified UTF-7
        bad_event,  // NO [BADEVENT]: RFC 5465 section 5
    };
    Kind kind = Kind::syntax;
    std::string tag;  // empty: not even that could be read
    std::string reason;  // a sentence for the peer
};

// RFC 5465 section 5.8: what BADEVENT tells.
inline constexpr std::string_view known_events =
    "MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange MailboxMetadataChange ServerMetadataChange";

// A whole command as the framer gives it, without its last CRLF, literals in place. An APPEND whose messages
// are literals never comes here whole: see LiteralPurpose.
std::expected<Command, SyntaxError> parse_command(std::string_view text, NameEncoding names = NameEncoding::utf7);

// The word of a verb as the client writes it: "FETCH".
std::string_view name_of(Verb verb);
bool is_verb(std::string_view word);

// What a literal is that has just been announced: `text` is the command so far, up to and with
// "{n}". Before its bytes are asked for, so that a command that is wrong already costs nothing.
struct LiteralPurpose {
    enum class Kind {
        argument,  // a part of the command
        message,  // APPEND's or REPLACE's: `append` is what stands before it
        wrong,  // `error` says why
    };
    Kind kind = Kind::argument;
    Command append;
    SyntaxError error;
};
LiteralPurpose purpose_of_literal(std::string_view text, NameEncoding names = NameEncoding::utf7);

}  // namespace posthouse::imap

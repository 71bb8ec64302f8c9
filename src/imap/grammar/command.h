// A client's command: its tag, its verb, its arguments, each in a struct of its own.
//
// RFC 3501 section 6 and 9; the extensions are named where they come in. Everything is a copy: a
// command outlives the line it was read from. Mailbox names are UTF-8 here, decoded strictly.
#pragma once

#include "base/time.h"
#include "imap/grammar/fetch_attributes.h"
#include "imap/grammar/search_program.h"
#include "imap/grammar/sequence_set.h"

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace posthouse::imap {

enum class Verb : std::uint8_t {
    append,
    authenticate,
    capability,
    check,
    close,
    copy,
    create,
    delete_mailbox,
    enable,
    examine,
    expunge,
    fetch,
    id,
    idle,
    list,
    login,
    logout,
    lsub,
    move,
    name_space,
    noop,
    rename,
    search,
    select,
    starttls,
    status,
    store,
    subscribe,
    unselect,
    unsubscribe,
};

struct NoArguments { };
struct AuthenticateArguments {
    std::string mechanism;  // upper case
    std::optional<std::string> initial_response;  // still base64; "=" stands for an empty one (RFC 4959)
};
struct LoginArguments {
    std::string user;
    std::string password;
};
struct SelectArguments {  // SELECT, EXAMINE
    std::string mailbox;
    bool condstore = false;  // RFC 7162 section 3.1.8
};
struct CreateArguments {
    std::string mailbox;
    std::string special_use;  // RFC 6154: "\\Drafts", or empty
};
struct MailboxArguments {  // DELETE, SUBSCRIBE, UNSUBSCRIBE
    std::string mailbox;
};
struct RenameArguments {
    std::string from;
    std::string to;
};

enum class StatusItem : std::uint8_t {
    messages,
    recent,
    uid_next,
    uid_validity,
    unseen,
    deleted,  // RFC 9051
    size,  // RFC 8438
    highest_modseq,  // RFC 7162
    mailbox_id,  // RFC 8474
    append_limit,  // RFC 7889
};
struct StatusArguments {
    std::string mailbox;
    std::vector<StatusItem> items;
};

// RFC 3501 section 6.3.8, RFC 5258 (LIST-EXTENDED), RFC 5819 (LIST-STATUS), RFC 6154 (SPECIAL-USE).
struct ListArguments {
    std::string reference;
    std::vector<std::string> patterns;
    bool is_extended = false;
    bool select_subscribed = false;
    bool select_special_use = false;
    bool recursive_match = false;
    bool return_subscribed = false;
    bool return_children = false;
    bool return_special_use = false;
    std::vector<StatusItem> return_status;
};

struct AppendArguments {  // what stands before the message's literal
    std::string mailbox;
    std::vector<std::string> flags;
    std::optional<WallTime> date;
};
struct FetchArguments {
    SequenceSet set;
    std::vector<FetchAttribute> attributes;
    std::optional<std::uint64_t> changed_since;  // RFC 7162
};
struct StoreArguments {
    enum class Change { replace, add, remove };
    SequenceSet set;
    Change change = Change::replace;
    bool silent = false;
    std::vector<std::string> flags;
    std::optional<std::uint64_t> unchanged_since;  // RFC 7162
};
struct CopyArguments {  // COPY, MOVE
    SequenceSet set;
    std::string mailbox;
};
struct ExpungeArguments {
    std::optional<SequenceSet> uids;  // RFC 4315: UID EXPUNGE
};

// RFC 4731. Without RETURN nothing is set and the answer is an old-style SEARCH.
struct SearchArguments {
    bool is_extended = false;
    bool return_min = false;
    bool return_max = false;
    bool return_all = false;
    bool return_count = false;
    SearchProgram program;
};
struct IdArguments {
    std::vector<std::pair<std::string, std::string>> fields;  // NIL values are left out
};
struct EnableArguments {
    std::vector<std::string> capabilities;  // upper case
};

using Arguments =
    std::variant<NoArguments, AuthenticateArguments, LoginArguments, SelectArguments, CreateArguments, MailboxArguments,
                 RenameArguments, StatusArguments, ListArguments, AppendArguments, FetchArguments, StoreArguments,
                 CopyArguments, ExpungeArguments, SearchArguments, IdArguments, EnableArguments>;

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
    };
    Kind kind = Kind::syntax;
    std::string tag;  // empty: not even that could be read
    std::string reason;  // a sentence for the peer
};

// A whole command as the framer gives it, without its last CRLF, literals in place. For APPEND up
// to and without the message's literal: see append_head().
std::expected<Command, SyntaxError> parse_command(std::string_view text);

// The word of a verb as the client writes it: "FETCH".
std::string_view name_of(Verb verb);

// What a literal is that has just been announced: `text` is the command so far, up to and with
// "{n}". Before its bytes are asked for, so that a command that is wrong already costs nothing.
struct LiteralPurpose {
    enum class Kind {
        argument,  // a part of the command
        message,  // APPEND's: `append` is what stands before it
        wrong,  // `error` says why
    };
    Kind kind = Kind::argument;
    Command append;
    SyntaxError error;
};
LiteralPurpose purpose_of_literal(std::string_view text);

}  // namespace posthouse::imap

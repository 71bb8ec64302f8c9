// The arguments of each command, in a struct of its own. Values; everything is a copy.
#pragma once

#include "base/time.h"
#include "imap/grammar/append_syntax.h"
#include "imap/grammar/fetch_attributes.h"
#include "imap/grammar/mailbox_filter.h"
#include "imap/grammar/search_program.h"
#include "imap/grammar/search_return.h"
#include "imap/grammar/sequence_set.h"

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace posthouse::imap {

struct NoArguments { };
struct AuthenticateArguments {
    std::string mechanism;  // upper case
    std::optional<std::string> initial_response;  // still base64; "=" stands for an empty one (RFC 4959)
};
struct LoginArguments {
    std::string user;
    std::string password;
};
// RFC 7162 section 3.2.5: what an offline client knows of the mailbox. Its sequence match data is read and not
// needed: all expunged UIDs are known here.
struct Resynchronisation {
    std::uint32_t uid_validity = 0;
    std::uint64_t modseq = 0;
    std::optional<SequenceSet> known_uids;
    bool has_sequence_match = false;
};
struct SelectArguments {  // SELECT, EXAMINE
    std::string mailbox;
    bool condstore = false;  // RFC 7162 section 3.1.8
    std::optional<Resynchronisation> resynchronise;
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
    deleted_storage,  // RFC 9208: bytes of what is marked \Deleted
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
    bool return_my_rights = false;  // RFC 8440
    std::vector<std::string> return_metadata;  // RFC 9590: entries
    std::vector<StatusItem> return_status;
};

// APPEND, REPLACE: what stands before the first message's literal; the rest is read by `syntax`.
struct AppendArguments {
    std::optional<SequenceSet> replaced;  // REPLACE: one number (RFC 8508)
    std::string mailbox;
    std::string rest;  // not read yet
    AppendSyntax syntax;
    std::vector<AppendStep> steps;
};
struct FetchArguments {
    SequenceSet set;
    std::vector<FetchAttribute> attributes;
    std::optional<std::uint64_t> changed_since;  // RFC 7162
    bool vanished = false;  // RFC 7162 section 3.2.6
    std::optional<PartialRange> partial;  // RFC 9394 section 3.3
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

struct SearchArguments {
    SearchReturn result;
    SearchProgram program;
};
// RFC 5256 section 3, RFC 5957, RFC 6203.
struct SortCriterion {
    enum class Key : std::uint8_t { arrival, cc, date, from, size, subject, to, display_from, display_to, relevancy };
    Key key = Key::arrival;
    bool reverse = false;
};
struct SortArguments {
    SearchReturn result;  // RFC 5267: ESORT
    std::vector<SortCriterion> criteria;  // one or more
    SearchProgram program;
};
struct ThreadArguments {
    enum class Algorithm : std::uint8_t { ordered_subject, references };
    Algorithm algorithm = Algorithm::references;
    SearchProgram program;
};
// RFC 7377: ESEARCH. Without sources it is the selected mailbox's.
struct MultiSearchArguments {
    std::vector<MailboxFilter> sources;
    SearchReturn result;
    SearchProgram program;
};
struct CancelUpdateArguments {  // RFC 5267 section 4.3
    std::vector<std::string> tags;
};

// RFC 5465. No groups: NONE.
struct NotifyArguments {
    struct Group {
        MailboxFilter filter;
        bool message_new = false;
        std::vector<FetchAttribute> attributes;  // told of each new message
        bool message_expunge = false;
        bool flag_change = false;
        bool mailbox_name = false;
        bool subscription_change = false;
        bool mailbox_metadata_change = false;
        bool server_metadata_change = false;
    };
    bool status = false;
    std::vector<Group> groups;
};

struct QuotaArguments {  // GETQUOTA, SETQUOTA: RFC 9208
    std::string root;
    std::vector<std::pair<std::string, std::uint64_t>> limits;
};
struct AclArguments {  // SETACL, DELETEACL, LISTRIGHTS: RFC 4314
    std::string mailbox;
    std::string identifier;
    std::string rights;  // SETACL: with its "+" or "-"
};
// RFC 5464. An empty mailbox is the server itself.
struct GetMetadataArguments {
    std::string mailbox;
    std::optional<std::uint64_t> most_size;
    std::uint32_t depth = 0;  // levels below each entry; most_depth: all
    std::vector<std::string> entries;
    static constexpr std::uint32_t most_depth = UINT32_MAX;
};
struct SetMetadataArguments {
    std::string mailbox;
    std::vector<std::pair<std::string, std::optional<std::string>>> entries;
};

struct UidBatchesArguments {  // RFC 10022
    std::uint32_t size = 0;
    std::uint32_t first = 1;  // which batches
    std::uint32_t last = UINT32_MAX;
};
struct CompressArguments {  // RFC 4978
    std::string mechanism;  // upper case
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
                 CopyArguments, ExpungeArguments, SearchArguments, SortArguments, ThreadArguments, MultiSearchArguments,
                 CancelUpdateArguments, NotifyArguments, QuotaArguments, AclArguments, GetMetadataArguments,
                 SetMetadataArguments, UidBatchesArguments, CompressArguments, IdArguments, EnableArguments>;

}  // namespace posthouse::imap

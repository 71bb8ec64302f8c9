// The mailbox: what IMAP, POP3 and JMAP look into and the MDA files into. The one authorisation gate.
//
// Each account is owned by one loop (hash of its id): all its changes are planned there, one batch
// in flight at a time; what arrives meanwhile becomes the next batch. Reads do not go to the owner.
//
// Threads: every member from any loop; the answer comes back on the caller's loop. An answer of
// success means: safe on disk (docs/design.md, the durability contract), and visible in the
// snapshots that snapshot() gives from now on.
// Lifetime: `Mailboxes` outlives every Account handle; handles keep their account loaded.
#pragma once

#include "base/log.h"
#include "base/task.h"
#include "mailbox/acl.h"
#include "mailbox/types.h"
#include "message/digest.h"
#include "store/store.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace posthouse::mailbox {

// RFC 6154, without All and Flagged, which are searches.
enum class SpecialUse : std::uint8_t { none, drafts, sent, junk, trash, archive };

// Limits of one account. Names are UTF-8 in NFC, levels separated by '/'.
struct NameLimits {
    std::size_t level_bytes = 255;
    std::size_t name_bytes = 1000;
    std::size_t depth = 50;
    std::size_t mailboxes = 10'000;
};

struct Mailbox {
    MailboxId id = 0;
    std::string name;  // whole path: "INBOX", "lists/cpp"
    UidValidity uid_validity = 0;
    SpecialUse special_use = SpecialUse::none;
    bool subscribed = false;
    bool selectable = true;  // false: only children are left (\Noselect)
    // As of this tree's moment.
    Uid uid_next = 1;
    std::uint32_t messages = 0;
    std::uint32_t unseen = 0;
    std::uint32_t deleted = 0;
    std::uint64_t size = 0;
    ModSeq highest_modseq = 1;
    // RFC 4314: what the handle's actor may do, and who else may do what (null: nobody; or it is not his to see).
    Rights rights = Rights::all();
    AclPtr acl;
    Id shelf = 0;  // where its messages stand; the gate's business
};

// All mailboxes of an account, sorted by name with INBOX first; immutable and shared.
struct MailboxTree {
    ModSeq modseq = 0;
    std::vector<Mailbox> mailboxes;
    std::vector<std::string> subscribed_gone;  // subscribed names without a mailbox (RFC 3501 section 6.3.9)
    const Mailbox* find(std::string_view name) const;  // INBOX in any case
    const Mailbox* find(MailboxId id) const;
    const Mailbox* find(SpecialUse use) const;
};
using MailboxTreePtr = std::shared_ptr<const MailboxTree>;

// The first level of the names under which one sees what others share; no mailbox of one's own is called so.
inline constexpr std::string_view shared_namespace = "shared";

// What a name is told to be wrong by, as a sentence; nullopt: it is fine. Checks UTF-8, controls,
// empty levels, `.` and `..` levels, lengths, depth. normal_name() gives NFC and "INBOX" in capitals.
std::optional<std::string> fault_of_name(std::string_view name, const NameLimits& limits = {});
Result<std::string> normal_name(std::string_view name, const NameLimits& limits = {});

// A message's bytes without the prefix: in memory up to 64 KiB, else a blob. Shared by recipients.
inline constexpr std::size_t inline_content = 64 * 1024;
struct Content {
    std::shared_ptr<const std::string> bytes;  // of `size` bytes; set, or else blob is
    store::BlobId blob = 0;
    std::uint64_t size = 0;
};

// Where a message goes within an account.
struct Placement {
    MailboxId mailbox = 0;  // or 0: by name
    std::string name = "INBOX";  // if there is no such mailbox: INBOX
    std::vector<std::string> flags;  // names of system flags and keywords
};

enum class Quota { enforced, exempt };  // exempt: accepted already, is always filed

// The MDA's and APPEND's unit: one account commit.
struct Filing {
    Content content;
    std::shared_ptr<const message::Digest> digest;  // of the content
    std::string prefix;  // "Return-Path: …\r\nDelivered-To: …\r\n", or empty
    std::vector<Placement> placements;  // one or more
    WallTime internal_date;
    Id delivery = 0;  // idempotence: a delivery filed in the last 7 days is answered, not filed again; 0: none
    Quota quota = Quota::enforced;
    // RFC 8508: a message that goes in the same commit (its UID, and where); not_found when it is gone already.
    std::optional<std::pair<MailboxId, Uid>> replaces = {};
};
inline constexpr std::size_t most_filings = 2000;  // of one file_all()
struct FiledIn {
    MailboxId mailbox = 0;
    UidValidity uid_validity = 0;
    Uid uid = 0;
};
struct Filed {
    EmailId email = 0;
    std::vector<FiledIn> places;
    bool was_filed_before = false;
};

enum class FlagChange { replace, add, remove };
struct StoreFlags {
    NumberSet uids;
    FlagChange change = FlagChange::add;
    std::vector<std::string> flags;
    std::optional<ModSeq> unchanged_since;
    FlagBits kept = {};  // bits that stay as they are, whatever is asked
};
struct FlagsStored {
    SnapshotPtr snapshot;  // the first that shows the change
    NumberSet modified;  // refused by unchanged_since
};

struct Copied {
    UidValidity uid_validity = 0;  // of the target
    NumberSet from;  // source UIDs, in order
    std::vector<Uid> to;  // the new ones, one for each in `from`, in order
    SnapshotPtr snapshot;  // of the source
};

struct Expunged {
    NumberSet uids;
    SnapshotPtr snapshot;
};

// One stored message: the immutable row. `digest` offsets speak of the content; in the whole
// message they are shifted by prefix.size().
struct Email {
    EmailId id = 0;
    ThreadId thread = 0;
    WallTime received;
    std::string prefix;
    std::uint64_t size = 0;  // whole
    store::BlobId blob = 0;  // 0: the content is a row of the account
    std::shared_ptr<const message::Digest> digest;
};

// The same row as it is stored: what listings and readers of whole messages need of thousands.
struct StoredEmail {
    EmailId id = 0;  // 0: it cannot be had this way; email() says why
    ThreadId thread = 0;
    std::uint64_t size = 0;  // whole
    store::BlobId blob = 0;
    std::string row;
    std::uint32_t prefix_at = 0;
    std::uint32_t prefix_size = 0;
    std::uint32_t digest_at = 0;

    std::string_view prefix() const { return std::string_view(row).substr(prefix_at, prefix_size); }
    std::string_view digest() const { return std::string_view(row).substr(digest_at); }  // as message::encode() made it
};

// Tells a session that something it watches has changed. Dropped: no more calls.
class Watch {
public:
    Watch() = default;
    explicit Watch(std::shared_ptr<void> registration) : registration_(std::move(registration)) { }
    explicit operator bool() const { return registration_ != nullptr; }

private:
    std::shared_ptr<void> registration_;
};

struct Usage {
    std::uint64_t bytes = 0;
    std::uint64_t messages = 0;
    std::uint64_t limit_bytes = 0;  // 0: none
};

// RFC 5464: "/private/…" is the actor's own, "/shared/…" everybody's. Names in lower case.
struct MetadataEntry {
    std::string name;
    std::string value;
};
struct MetadataChange {
    std::string name;
    std::optional<std::string> value;  // nullopt: it goes
};
inline constexpr std::size_t most_metadata = 100;  // entries of a mailbox that one actor sees
inline constexpr std::size_t largest_metadata = 32 * 1024;  // bytes of a value

// What the full-text index says of a search, so that few messages need be read (search/README.md).
struct TextQuery {
    enum class In : std::uint8_t { text, body, header, subject, from, to, cc, bcc };  // RFC 3501 section 6.4.4
    In in = In::text;
    std::string folded;  // mailbox/search_text.h
    // It is a part of the text as it is; or each word of it begins a word there, or is one, wherever.
    enum class How : std::uint8_t { part, beginnings, whole_words };
    How how = How::part;
};
enum class TextHint : std::uint8_t { unread, no, yes };  // unread: the message must be read to know
using TextAnswer = std::vector<TextHint>;  // by position in the snapshot

// A door's handle on one account, as one actor sees it. Who is not its owner sees the mailboxes he may look up (RFC
// 4314), is answered not_found for all others, and not_permitted for what he may see but not do.
class Account {
public:
    virtual ~Account() = default;
    virtual AccountId id() const = 0;

    virtual Task<Result<MailboxTreePtr>> tree() = 0;
    virtual Task<Result<Usage>> usage() = 0;
    // The newest snapshot; from the cache where the mailbox is open, without going to the owner.
    virtual Task<Result<SnapshotPtr>> snapshot(MailboxId mailbox) = 0;
    // `wake` runs on `loop`, at most once between two calls of snapshot() or tree() through this
    // handle, after a commit that changed the mailbox (0: the tree, or any mailbox).
    virtual Watch watch(MailboxId mailbox, Loop& loop, std::function<void()> wake) = 0;

    // Errors: malformed (text says why), already_exists, not_found, limit, not_permitted.
    virtual Task<Result<MailboxId>> create(std::string name, SpecialUse use) = 0;  // with missing parents
    virtual Task<Result<void>> remove(std::string name) = 0;
    virtual Task<Result<void>> rename(std::string from, std::string to) = 0;  // INBOX: moves its messages
    virtual Task<Result<void>> subscribe(std::string name, bool on) = 0;

    // over_quota, not_found, limit (too many keywords), no_space, too_large.
    virtual Task<Result<Filed>> file(Filing filing) = 0;
    // RFC 3502: all of them or none, each into one mailbox, the same for all. Answers in their order.
    virtual Task<Result<std::vector<Filed>>> file_all(std::vector<Filing> filings) = 0;
    virtual Task<Result<FlagsStored>> store_flags(MailboxId mailbox, StoreFlags change) = 0;
    virtual Task<Result<Copied>> copy(MailboxId from, NumberSet uids, MailboxId to) = 0;
    virtual Task<Result<Copied>> move(MailboxId from, NumberSet uids, MailboxId to) = 0;
    enum class Which { marked_deleted, all };  // all: also those without \Deleted (POP3)
    virtual Task<Result<Expunged>> expunge(MailboxId mailbox, std::optional<NumberSet> uids, Which which) = 0;

    // The UIDs that were taken out of a mailbox by commits after `since` (RFC 7162 section 3.2.10).
    virtual Task<Result<NumberSet>> vanished(MailboxId mailbox, ModSeq since) = 0;

    // RFC 4314. Who lists them finds them in tree(). limit (most_acl_entries).
    virtual Task<Result<void>> change_acl(MailboxId mailbox, AclEntry entry, AclChange change) = 0;

    // Mailbox 0: the account's own. In order of name; those set must be malformed-free, few and small (malformed,
    // limit, too_large), all of them are set or none.
    virtual Task<Result<std::vector<MetadataEntry>>> metadata(MailboxId mailbox) = 0;
    virtual Task<Result<void>> set_metadata(MailboxId mailbox, std::vector<MetadataChange> changes) = 0;

    // What the account's full-text index knows, an answer a query. It catches up in the background with what it does
    // not know yet.
    virtual Task<Result<std::vector<TextAnswer>>> look_up(SnapshotPtr snapshot, std::vector<TextQuery> queries) = 0;

    // Rows and bytes, read on the caller's loop. A message expunged less than 7 days ago is still read.
    virtual Task<Result<Email>> email(EmailId id) = 0;
    // The rows of several, in the order asked for; one scan where the ids lie close together.
    virtual Task<Result<std::vector<Result<Email>>>> emails(std::vector<EmailId> ids) = 0;
    // The same, not taken apart; in the order asked for.
    virtual Task<Result<std::vector<StoredEmail>>> stored_emails(std::vector<EmailId> ids) = 0;
    // Begins to read the contents (without the prefixes) of several whose `blob` is 0, which together fit into memory;
    // in the order asked for. nullopt: not for this actor, who reads one by one.
    using Contents = std::vector<std::optional<std::string>>;
    virtual std::optional<Promise<Result<Contents>>> contents_ahead(const std::vector<EmailId>& ids) = 0;
    // Bytes of the whole message (prefix and content joined), in pieces.
    virtual Task<Result<void>> read(Email email, std::uint64_t offset, std::uint64_t length, store::Sink sink) = 0;
    // The same at once, for at most `inline_content` + prefix bytes or what the caller can bear.
    virtual Task<Result<std::string>> read_all(Email email) = 0;
};
using AccountPtr = std::shared_ptr<Account>;

// Who lives here is another room's knowledge: the mailbox room asks it only this.
class Quotas {
public:
    virtual ~Quotas() = default;
    virtual Task<Result<std::uint64_t>> limit_of(AccountId account) = 0;  // bytes; 0: none
};

// Takes a message's bytes as they come, and makes Content of them: in memory to 64 KiB, then a blob.
// Computes the digest on the way. One per message; one task.
class ContentWriter {
public:
    virtual ~ContentWriter() = default;
    virtual Task<Result<void>> append(std::string piece) = 0;
    struct Finished {
        Content content;
        std::shared_ptr<const message::Digest> digest;
    };
    virtual Task<Result<Finished>> finish() = 0;
};

// What an audit saw of one account, and every place where its rows do not agree.
struct AuditReport {
    std::uint64_t mailboxes = 0;
    std::uint64_t messages = 0;  // over all mailboxes
    std::uint64_t emails = 0;  // rows; also those expunged and not yet swept
    std::uint64_t bytes = 0;  // of contents that were read
    std::uint64_t faults = 0;
    std::vector<std::string> texts;  // of the first 1,000 faults: a sentence each
};
enum class AuditDepth { rows, contents };  // contents: also reads every byte

struct Swept {
    std::uint64_t emails = 0;
    std::uint64_t deliveries = 0;
};

class Mailboxes {
public:
    virtual ~Mailboxes() = default;
    // The authorisation gate: `actor` looks into `owner`'s mail. not_found: also where nothing is shared with him.
    virtual Task<Result<AccountPtr>> open(AccountId actor, AccountId owner) = 0;
    // Whose mailboxes `actor` may look up, besides his own; in order of id, at most 1,000.
    struct Sharer {
        AccountId owner = 0;
        bool with_anyone = false;  // shared with everybody, not with the actor by name
    };
    virtual Task<Result<std::vector<Sharer>>> sharers(AccountId actor) = 0;
    // For the MDA, which acts for nobody.
    virtual Task<Result<AccountPtr>> open_for_delivery(AccountId owner) = 0;
    // A new account's mailboxes: INBOX, Drafts, Sent, Junk, Trash, Archive. Idempotent; open() does it as well.
    virtual Task<Result<void>> found(AccountId account) = 0;
    // Everything of it, at once for the doors. Handles that are left answer not_found.
    virtual Task<Result<void>> erase_account(AccountId account) = 0;
    // Changes to the account wait while its rows are read.
    virtual Task<Result<AuditReport>> audit(AccountId account, AuditDepth depth) = 0;
    // Indexes some thousand more messages of an account for full-text search (`anew`: having forgotten all); until
    // `indexed` is `all`. Searching does the same in the background.
    struct Indexed {
        std::uint64_t indexed = 0;
        std::uint64_t all = 0;
    };
    virtual Task<Result<Indexed>> index_some(AccountId account, bool anew) = 0;
    // Erases what was expunged, and forgets deliveries, 7 days ago and longer. For the roof to call now and then (once
    // an hour); one at a time.
    virtual Task<Result<Swept>> sweep() = 0;
    virtual std::unique_ptr<ContentWriter> writer() = 0;
    // Ends: batches in flight are awaited, later calls get `cancelled`.
    virtual Task<void> stop() = 0;
};

// COPY from one account into another: whole, and the messages stay what they are, byte for byte. limit: more than
// most_filings messages, or more than 64 MiB of them.
Task<Result<Copied>> copy_between(AccountPtr from, MailboxId source, NumberSet uids, AccountPtr to, MailboxId target);

struct MailboxServices {
    store::Store& store;
    store::Blobs& blobs;
    Loops& loops;
    IdSource& ids;
    const Clock& clock;
    Quotas& quotas;
    Log& log;
};
std::unique_ptr<Mailboxes> make_mailboxes(MailboxServices services);

}  // namespace posthouse::mailbox

// The account's rows, as docs/store-layout.md states them, typed: keys, and values written and read.
//
// Readers answer `corrupt` for whatever the writers do not write; they never read past the end and
// take memory in proportion to the value only. Pure; threads: any.
#pragma once

#include "mailbox/mailbox.h"
#include "store/key.h"

#include <array>

namespace posthouse::mailbox {

using NodeId = Id;  // a place in the tree of names
using ShelfId = Id;  // where the blocks of a mailbox stand

enum class Table : std::uint8_t {
    head = 1,
    keywords = 2,
    subscribed = 3,
    mailbox = 4,
    intent = 5,
    acl = 6,
    block = 16,
    vanished = 17,
    email = 32,  // in bodies: the content
    email_in = 33,
    thread = 34,
    message_id = 35,
    change = 40,
    metadata = 41,
    delivered = 48,
    release = 49,
    outbox = 50,
};

store::Partition partition_of(AccountId account);
store::KeyBuilder key_of(Table table);
store::Range all_of(Table table);

store::Key head_key();
store::Key keywords_key();
store::Key subscribed_key(std::string_view name);
store::Key mailbox_key(NodeId node);
store::Key intent_key(Id id);
store::Key acl_key(MailboxId mailbox);
store::Key block_key(ShelfId shelf, Uid number);
store::Range blocks_of(ShelfId shelf, Uid from_number = 0);
store::Key vanished_key(MailboxId mailbox, ModSeq modseq);
store::Range vanished_of(MailboxId mailbox, ModSeq after = 0);
store::Key email_key(EmailId email);
store::Key email_in_key(EmailId email, ShelfId shelf, Uid uid);
store::Range email_in_of(EmailId email);
store::Key thread_key(ThreadId thread, EmailId email);
store::Range members_of(ThreadId thread);
using MessageIdHash = std::array<char, 16>;
store::Key message_id_key(const MessageIdHash& hash);
enum class ObjectType : std::uint8_t { mailbox = 1 };
store::Key change_key(ObjectType type, Id object);
// `account`: whose private entry it is; 0: shared by all.
store::Key metadata_key(MailboxId mailbox, AccountId account, std::string_view name);
store::Range metadata_of(MailboxId mailbox);
store::Range metadata_of(MailboxId mailbox, AccountId account);
store::Key delivered_key(Id delivery);
store::Key release_key(WallTime time, ModSeq modseq, std::uint32_t part);
store::Range released_until(WallTime time);

struct HeadRow {
    ModSeq modseq = 0;
    std::uint64_t bytes = 0;  // used: the sum over all mailboxes
    std::uint64_t messages = 0;
    UidValidity last_uid_validity = 0;
    Id last_id = 0;  // the highest ever given in this account
    friend bool operator==(const HeadRow&, const HeadRow&) = default;
};
std::string write_head(const HeadRow& head);
Result<HeadRow> read_head(std::string_view value);

std::string write_keywords(const KeywordTable& keywords);
Result<KeywordTable> read_keywords(std::string_view value);

struct MailboxRow {
    NodeId node = 0;  // in the key
    NodeId parent = 0;  // 0: top
    std::string leaf;
    MailboxId mailbox = 0;
    ShelfId shelf = 0;
    UidValidity uid_validity = 0;
    Uid uid_next = 1;
    SpecialUse special_use = SpecialUse::none;
    bool selectable = true;
    std::uint32_t messages = 0;
    std::uint32_t unseen = 0;
    std::uint32_t deleted = 0;
    std::uint64_t bytes = 0;
    ModSeq highest_modseq = 1;
    ModSeq changed = 0;  // name or kind
    ModSeq shelf_since = 0;
    friend bool operator==(const MailboxRow&, const MailboxRow&) = default;
};
std::string write_mailbox(const MailboxRow& row);
Result<MailboxRow> read_mailbox(NodeId node, std::string_view value);

struct IntentRow {
    enum class Kind : std::uint8_t { clear = 1, copy = 2, erase = 3, append = 4 };
    Kind kind = Kind::clear;
    ShelfId shelf = 0;
    MailboxId mailbox = 0;  // clear
    Uid first_uid = 0;  // copy, append
    std::vector<EmailId> emails = {};  // append
    friend bool operator==(const IntentRow&, const IntentRow&) = default;
};
std::string write_intent(const IntentRow& intent);
Result<IntentRow> read_intent(std::string_view value);

std::string write_acl(const Acl& acl);
Result<Acl> read_acl(std::string_view value);

std::string write_metadata(std::string_view value);
Result<std::string> read_metadata(std::string_view value);

// uids.count() is emails.size(), or emails is empty.
struct VanishedRow {
    NumberSet uids;
    std::vector<EmailId> emails;  // in order of UID
    friend bool operator==(const VanishedRow&, const VanishedRow&) = default;
};
std::string write_vanished(const VanishedRow& row);
Result<VanishedRow> read_vanished(std::string_view value);

std::string write_release(std::span<const EmailId> emails);
Result<std::vector<EmailId>> read_release(std::string_view value);

struct ThreadMember {
    ThreadId thread = 0;
    std::vector<MessageIdHash> names;
};
std::string write_member(std::span<const MessageIdHash> names);
Result<std::vector<MessageIdHash>> read_member(std::string_view value);
std::string write_message_id(ThreadId thread);
Result<ThreadId> read_message_id(std::string_view value);

enum class Change : std::uint8_t { created = 1, changed = 2, destroyed = 3 };
struct ChangeRow {
    Change change = Change::created;
    ModSeq modseq = 0;
    friend bool operator==(const ChangeRow&, const ChangeRow&) = default;
};
std::string write_change(const ChangeRow& row);
Result<ChangeRow> read_change(std::string_view value);

struct DeliveredRow {
    WallTime time;
    Filed filed;  // was_filed_before is not kept
};
std::string write_delivered(const DeliveredRow& row);
Result<DeliveredRow> read_delivered(std::string_view value);

// Rows that say all by being there.
std::string write_mark();

}  // namespace posthouse::mailbox

#include "mailbox/rows.h"

#include "base/codec.h"

#include <algorithm>
#include <limits>

namespace posthouse::mailbox {

namespace {

constexpr std::uint8_t version = 1;

std::int64_t ticks(WallTime time) { return time.time_since_epoch().count(); }
WallTime time_of(std::int64_t ticks) { return WallTime(Duration(ticks)); }

Writer begin()
{
    Writer writer;
    writer.u8(version);
    return writer;
}

// Values of later versions only grow: what is behind the fields known here is left alone.
class Row {
public:
    explicit Row(std::string_view value) : in(value) { sound_ = in.u8() >= version; }
    template <class Number> Number number()
    {
        const std::uint64_t value = in.varint();
        sound_ &= value <= std::numeric_limits<Number>::max();
        return static_cast<Number>(value);
    }
    WallTime time() { return time_of(in.signed_varint()); }
    // A count of things that take at least a byte each.
    std::size_t count(std::size_t least_bytes = 1)
    {
        const std::uint64_t value = in.varint();
        demand(value <= in.rest().size() / least_bytes);
        return sound() ? value : 0;
    }
    void demand(bool holds) { sound_ &= holds; }
    bool sound() const { return sound_ && in.ok(); }
    std::unexpected<Error> corrupt(std::string_view what) const
    {
        return fail(ErrorCode::corrupt, std::string(what) + " row cannot be read");
    }

    Reader in;

private:
    bool sound_ = true;
};

void pack(Writer& writer, std::span<const Id> ids)
{
    writer.varint(ids.size());
    Id last = 0;
    for (const Id id : ids) {
        writer.signed_varint(static_cast<std::int64_t>(id - last));
        last = id;
    }
}

std::vector<Id> unpack(Row& row)
{
    std::vector<Id> ids(row.count());
    Id last = 0;
    for (Id& id : ids)
        id = last += static_cast<Id>(row.in.signed_varint());
    return ids;
}

}  // namespace

store::Partition partition_of(AccountId account) { return {store::PartitionKind::account, account}; }
store::KeyBuilder key_of(Table table) { return store::KeyBuilder(static_cast<std::uint8_t>(table)); }
store::Range all_of(Table table) { return key_of(table).range(); }

store::Key head_key() { return key_of(Table::head).key(); }
store::Key keywords_key() { return key_of(Table::keywords).key(); }
store::Key subscribed_key(std::string_view name) { return key_of(Table::subscribed).text(name).key(); }
store::Key mailbox_key(NodeId node) { return key_of(Table::mailbox).u64(node).key(); }
store::Key intent_key(Id id) { return key_of(Table::intent).u64(id).key(); }
store::Key acl_key(MailboxId mailbox) { return key_of(Table::acl).u64(mailbox).key(); }
store::Key block_key(ShelfId shelf, Uid number) { return key_of(Table::block).u64(shelf).u32(number).key(); }
store::Range blocks_of(ShelfId shelf, Uid from_number)
{
    return {block_key(shelf, from_number), key_of(Table::block).u64(shelf).range().until};
}
store::Key vanished_key(MailboxId mailbox, ModSeq modseq)
{
    return key_of(Table::vanished).u64(mailbox).u64(modseq).key();
}
store::Range vanished_of(MailboxId mailbox, ModSeq after)
{
    store::Range range = key_of(Table::vanished).u64(mailbox).range();
    if (after != 0)
        range.from = after == std::numeric_limits<ModSeq>::max() ? range.until : vanished_key(mailbox, after + 1);
    return range;
}
store::Key email_key(EmailId email) { return key_of(Table::email).u64(email).key(); }
store::Key email_in_key(EmailId email, ShelfId shelf, Uid uid)
{
    return key_of(Table::email_in).u64(email).u64(shelf).u32(uid).key();
}
store::Range email_in_of(EmailId email) { return key_of(Table::email_in).u64(email).range(); }
store::Key thread_key(ThreadId thread, EmailId email) { return key_of(Table::thread).u64(thread).u64(email).key(); }
store::Range members_of(ThreadId thread) { return key_of(Table::thread).u64(thread).range(); }
store::Key message_id_key(const MessageIdHash& hash)
{
    return key_of(Table::message_id).raw({hash.data(), hash.size()}).key();
}
store::Key change_key(ObjectType type, Id object)
{
    return key_of(Table::change).u8(static_cast<std::uint8_t>(type)).u64(object).key();
}
store::Key metadata_key(MailboxId mailbox, AccountId account, std::string_view name)
{
    return key_of(Table::metadata).u64(mailbox).u64(account).text(name).key();
}
store::Range metadata_of(MailboxId mailbox) { return key_of(Table::metadata).u64(mailbox).range(); }
store::Range metadata_of(MailboxId mailbox, AccountId account)
{
    return key_of(Table::metadata).u64(mailbox).u64(account).range();
}
store::Key delivered_key(Id delivery) { return key_of(Table::delivered).u64(delivery).key(); }
store::Key release_key(WallTime time, ModSeq modseq, std::uint32_t part)
{
    const auto at = static_cast<std::uint64_t>(std::max<std::int64_t>(0, ticks(time)));
    return key_of(Table::release).u64(at).u64(modseq).u32(part).key();
}
store::Range released_until(WallTime time) { return {key_of(Table::release).key(), release_key(time, 0, 0)}; }

std::string write_head(const HeadRow& head)
{
    return begin()
        .varint(head.modseq)
        .varint(head.bytes)
        .varint(head.messages)
        .varint(head.last_uid_validity)
        .varint(head.last_id)
        .take();
}

Result<HeadRow> read_head(std::string_view value)
{
    Row row(value);
    HeadRow head;
    head.modseq = row.in.varint();
    head.bytes = row.in.varint();
    head.messages = row.in.varint();
    head.last_uid_validity = row.number<UidValidity>();
    head.last_id = row.in.varint();
    if (!row.sound())
        return row.corrupt("a head");
    return head;
}

std::string write_keywords(const KeywordTable& keywords)
{
    Writer writer = begin();
    writer.varint(keywords.names.size());
    for (const std::string& name : keywords.names)
        writer.string(name);
    return writer.take();
}

Result<KeywordTable> read_keywords(std::string_view value)
{
    Row row(value);
    KeywordTable keywords;
    const std::size_t count = row.count();
    row.demand(count <= most_keywords);
    for (std::size_t i = 0; i < count && row.sound(); ++i)
        keywords.names.emplace_back(row.in.string());
    if (!row.sound())
        return row.corrupt("a keyword");
    return keywords;
}

std::string write_mailbox(const MailboxRow& row)
{
    return begin()
        .varint(row.parent)
        .string(row.leaf)
        .varint(row.mailbox)
        .varint(row.shelf)
        .varint(row.uid_validity)
        .varint(row.uid_next)
        .u8(static_cast<std::uint8_t>(row.special_use))
        .u8(row.selectable ? 1 : 0)
        .varint(row.messages)
        .varint(row.unseen)
        .varint(row.deleted)
        .varint(row.bytes)
        .varint(row.highest_modseq)
        .varint(row.changed)
        .varint(row.shelf_since)
        .take();
}

Result<MailboxRow> read_mailbox(NodeId node, std::string_view value)
{
    Row in(value);
    MailboxRow row{.node = node};
    row.parent = in.in.varint();
    row.leaf = in.in.string();
    row.mailbox = in.in.varint();
    row.shelf = in.in.varint();
    row.uid_validity = in.number<UidValidity>();
    row.uid_next = in.number<Uid>();
    const std::uint8_t use = in.in.u8();
    in.demand(use <= static_cast<std::uint8_t>(SpecialUse::archive));
    row.special_use = static_cast<SpecialUse>(use);
    row.selectable = in.in.u8() != 0;
    row.messages = in.number<std::uint32_t>();
    row.unseen = in.number<std::uint32_t>();
    row.deleted = in.number<std::uint32_t>();
    row.bytes = in.in.varint();
    row.highest_modseq = in.in.varint();
    row.changed = in.in.varint();
    row.shelf_since = in.in.varint();
    if (!in.sound())
        return in.corrupt("a mailbox");
    return row;
}

std::string write_intent(const IntentRow& intent)
{
    Writer writer = begin();
    writer.u8(static_cast<std::uint8_t>(intent.kind));
    if (intent.kind != IntentRow::Kind::erase)
        writer.varint(intent.shelf).varint(intent.kind == IntentRow::Kind::clear ? intent.mailbox : intent.first_uid);
    if (intent.kind == IntentRow::Kind::append)
        pack(writer, intent.emails);
    return writer.take();
}

Result<IntentRow> read_intent(std::string_view value)
{
    Row row(value);
    IntentRow intent;
    intent.kind = static_cast<IntentRow::Kind>(row.in.u8());
    switch (intent.kind) {
    case IntentRow::Kind::clear:
        intent.shelf = row.in.varint();
        intent.mailbox = row.in.varint();
        break;
    case IntentRow::Kind::copy:
        intent.shelf = row.in.varint();
        intent.first_uid = row.number<Uid>();
        break;
    case IntentRow::Kind::append:
        intent.shelf = row.in.varint();
        intent.first_uid = row.number<Uid>();
        intent.emails = unpack(row);
        break;
    case IntentRow::Kind::erase: break;
    default: row.demand(false);
    }
    if (!row.sound())
        return row.corrupt("an intent");
    return intent;
}

std::string write_acl(const Acl& acl)
{
    Writer writer = begin();
    writer.varint(acl.size());
    for (const AclEntry& entry : acl)
        writer.u8(entry.negative ? 1 : 0).varint(entry.account).varint(entry.rights.bits());
    return writer.take();
}

Result<Acl> read_acl(std::string_view value)
{
    Row row(value);
    Acl acl(row.count(3));
    for (AclEntry& entry : acl) {
        entry.negative = row.in.u8() != 0;
        entry.account = row.in.varint();
        entry.rights = Rights(row.number<std::uint16_t>());
    }
    if (!row.sound())
        return row.corrupt("an access control");
    return acl;
}

std::string write_metadata(std::string_view value) { return begin().string(value).take(); }

Result<std::string> read_metadata(std::string_view value)
{
    Row row(value);
    std::string text(row.in.string());
    if (!row.sound())
        return row.corrupt("a metadata");
    return text;
}

std::string write_vanished(const VanishedRow& row)
{
    Writer writer = begin();
    writer.varint(row.uids.ranges().size());
    Uid behind = 0;
    for (const NumberRange& range : row.uids.ranges()) {
        writer.varint(range.first - behind).varint(range.last - range.first);
        behind = range.last;
    }
    pack(writer, row.emails);
    return writer.take();
}

Result<VanishedRow> read_vanished(std::string_view value)
{
    Row row(value);
    VanishedRow vanished;
    const std::size_t ranges = row.count(2);
    std::uint64_t behind = 0;
    for (std::size_t i = 0; i < ranges && row.sound(); ++i) {
        const std::uint64_t first = behind + row.number<Uid>();
        const std::uint64_t last = first + row.number<Uid>();
        row.demand(last <= std::numeric_limits<Uid>::max() && (i == 0 || first > behind + 1));
        vanished.uids.add({static_cast<Uid>(first), static_cast<Uid>(last)});
        behind = last;
    }
    vanished.emails = unpack(row);
    row.demand(vanished.emails.empty() || vanished.emails.size() == vanished.uids.count());
    if (!row.sound())
        return row.corrupt("a vanished");
    return vanished;
}

std::string write_release(std::span<const EmailId> emails)
{
    Writer writer = begin();
    pack(writer, emails);
    return writer.take();
}

Result<std::vector<EmailId>> read_release(std::string_view value)
{
    Row row(value);
    std::vector<EmailId> emails = unpack(row);
    if (!row.sound())
        return row.corrupt("a release");
    return emails;
}

std::string write_member(std::span<const MessageIdHash> names)
{
    Writer writer = begin();
    writer.varint(names.size());
    for (const MessageIdHash& name : names)
        writer.raw({name.data(), name.size()});
    return writer.take();
}

Result<std::vector<MessageIdHash>> read_member(std::string_view value)
{
    Row row(value);
    std::vector<MessageIdHash> names(row.count(sizeof(MessageIdHash)));
    for (MessageIdHash& name : names)
        std::ranges::copy(row.in.raw(name.size()), name.begin());
    if (!row.sound())
        return row.corrupt("a thread");
    return names;
}

std::string write_message_id(ThreadId thread) { return begin().varint(thread).take(); }

Result<ThreadId> read_message_id(std::string_view value)
{
    Row row(value);
    const ThreadId thread = row.in.varint();
    if (!row.sound())
        return row.corrupt("a message id");
    return thread;
}

std::string write_change(const ChangeRow& row)
{
    return begin().u8(static_cast<std::uint8_t>(row.change)).varint(row.modseq).take();
}

Result<ChangeRow> read_change(std::string_view value)
{
    Row row(value);
    ChangeRow change;
    change.change = static_cast<Change>(row.in.u8());
    row.demand(change.change >= Change::created && change.change <= Change::destroyed);
    change.modseq = row.in.varint();
    if (!row.sound())
        return row.corrupt("a change");
    return change;
}

std::string write_delivered(const DeliveredRow& row)
{
    Writer writer = begin();
    writer.signed_varint(ticks(row.time)).varint(row.filed.email).varint(row.filed.places.size());
    for (const FiledIn& place : row.filed.places)
        writer.varint(place.mailbox).varint(place.uid_validity).varint(place.uid);
    return writer.take();
}

Result<DeliveredRow> read_delivered(std::string_view value)
{
    Row row(value);
    DeliveredRow delivered;
    delivered.time = row.time();
    delivered.filed.email = row.in.varint();
    delivered.filed.places.resize(row.count(3));
    for (FiledIn& place : delivered.filed.places) {
        place.mailbox = row.in.varint();
        place.uid_validity = row.number<UidValidity>();
        place.uid = row.number<Uid>();
    }
    if (!row.sound())
        return row.corrupt("a delivered");
    return delivered;
}

std::string write_mark() { return begin().take(); }

}  // namespace posthouse::mailbox

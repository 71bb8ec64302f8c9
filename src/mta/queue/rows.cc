#include "mta/queue/rows.h"

#include "base/codec.h"

#include <algorithm>

namespace posthouse::mta::queue {

namespace {

constexpr std::uint8_t version = 2;  // 1: only local recipients, no queue time
constexpr std::size_t most_text = 500;  // of what a peer said, each
constexpr std::size_t most_lines = 10;  // of its dialogue

store::KeyBuilder key_of(Table table) { return store::KeyBuilder(static_cast<std::uint8_t>(table)); }

bool is_of(store::KeyReader& key, Table table) { return key.u8() == static_cast<std::uint8_t>(table); }

void write_path(Writer& out, const smtp::Path& path) { out.string(path.local_part).string(path.domain); }

smtp::Path read_path(Reader& in)
{
    smtp::Path path;
    path.local_part = in.string();
    path.domain = in.string();
    return path;
}

void write_text(Writer& out, std::string_view text) { out.string(text.substr(0, most_text)); }

// What the next attempt and a notice to the sender need to know of the last one.
void write_fate(Writer& out, const smtp::RecipientFate& fate)
{
    write_text(out, fate.status);
    out.varint(static_cast<std::uint64_t>(fate.reply.code));
    write_text(out, fate.reply.enhanced);
    write_text(out, fate.reply.text);
    write_text(out, fate.remote_mta);
    write_text(out, fate.remote_address);
    const std::size_t lines = std::min(fate.dialogue.size(), most_lines);
    out.varint(lines);
    for (std::size_t i = 0; i < lines; ++i)
        write_text(out, fate.dialogue[i]);
}

void read_fate(Reader& in, smtp::RecipientFate& fate)
{
    fate.status = in.string();
    fate.reply.code = static_cast<int>(std::min<std::uint64_t>(in.varint(), 999));
    fate.reply.enhanced = in.string();
    fate.reply.text = in.string();
    fate.remote_mta = in.string();
    fate.remote_address = in.string();
    const std::uint64_t lines = in.varint();
    for (std::uint64_t i = 0; i < lines && in.ok(); ++i)
        fate.dialogue.emplace_back(in.string());
}

enum ItemFlag : std::uint8_t { eight_bit = 1, utf8_header = 2 };
enum EntryFlag : std::uint8_t { held = 1, told_delay = 2, told_by = 4 };
enum ByFlag : std::uint8_t { notify_only = 1, trace = 2 };

}  // namespace

std::uint64_t to_number(WallTime time)
{
    return static_cast<std::uint64_t>(std::max<std::int64_t>(0, time.time_since_epoch().count()));
}

WallTime to_time(std::uint64_t number) { return WallTime{Duration{static_cast<std::int64_t>(number)}}; }

Error damaged(std::string_view what) { return {ErrorCode::corrupt, std::string(what) + " row cannot be read"}; }

const std::string& Entry::lane() const
{
    static const std::string local;
    return is_local() ? local : recipient.path.domain;
}

std::uint64_t shard_of(ItemId item) { return (item ^ (item >> 16)) % shards; }
store::Partition partition_of(ItemId item) { return {store::PartitionKind::queue, shard_of(item)}; }

store::Key item_key(ItemId item) { return key_of(Table::item).u64(item).key(); }
ItemId item_of(std::string_view key)
{
    store::KeyReader in(key);
    in.u8();
    return in.u64();
}

store::Range all_items() { return key_of(Table::item).range(); }
store::Key body_key(ItemId item) { return key_of(Table::body).u64(item).key(); }
store::Key entry_key(ItemId item, std::uint16_t index) { return key_of(Table::recipient).u64(item).u16(index).key(); }
store::Range entries_of(ItemId item) { return key_of(Table::recipient).u64(item).range(); }

store::Key waiting_key(std::string_view lane, WallTime due, ItemId item, std::uint16_t index)
{
    return key_of(Table::waiting).text(lane).u64(to_number(due)).u64(item).u16(index).key();
}

Result<Place> read_waiting_key(std::string_view key)
{
    store::KeyReader in(key);
    const bool is_waiting = is_of(in, Table::waiting);
    Place place;
    place.lane = in.text();
    place.due = to_time(in.u64());
    place.item = in.u64();
    place.index = in.u16();
    if (!is_waiting || !in.ok())
        return fail(damaged("waiting"));
    return place;
}

store::Range all_waiting() { return key_of(Table::waiting).range(); }

store::Range waiting_in(std::string_view lane, WallTime from)
{
    store::Range range = key_of(Table::waiting).text(lane).range();
    range.from = key_of(Table::waiting).text(lane).u64(to_number(from)).key();
    return range;
}

store::Key event_key(WallTime time, ItemId item) { return key_of(Table::event).u64(to_number(time)).u64(item).key(); }

Result<Event> read_event_key(std::string_view key)
{
    store::KeyReader in(key);
    const bool is_event = is_of(in, Table::event);
    Event event;
    event.time = to_time(in.u64());
    event.item = in.u64();
    if (!is_event || !in.ok())
        return fail(damaged("event"));
    return event;
}

store::Range events_from(WallTime time)
{
    store::Range range = key_of(Table::event).range();
    range.from = key_of(Table::event).u64(to_number(time)).key();
    return range;
}

store::Range all_former_due() { return key_of(Table::former_due).range(); }

Result<FormerDue> read_former_due_key(std::string_view key)
{
    store::KeyReader in(key);
    const bool is_due = is_of(in, Table::former_due);
    FormerDue due;
    due.due = to_time(in.u64());
    due.item = in.u64();
    due.index = in.u16();
    if (!is_due || !in.ok())
        return fail(damaged("due"));
    return due;
}

std::string write_item(const Item& item)
{
    const smtp::Envelope& envelope = item.envelope;
    Writer out;
    out.u8(version).varint(to_number(item.arrived));
    write_path(out, envelope.reverse_path);
    out.u8(static_cast<std::uint8_t>(envelope.body)).u8(envelope.smtputf8 ? 1 : 0);
    out.u8(static_cast<std::uint8_t>(envelope.ret)).string(envelope.envelope_id);
    out.varint(item.size).varint(item.blob);
    out.varint(to_number(item.accepted)).varint(to_number(item.next_event));
    out.u8((item.eight_bit ? ItemFlag::eight_bit : 0) | (item.utf8_header ? ItemFlag::utf8_header : 0));
    out.varint(envelope.hold_until ? to_number(*envelope.hold_until) : 0);
    out.varint(envelope.deliver_by ? to_number(envelope.deliver_by->until) : 0);
    out.u8(envelope.deliver_by ? (envelope.deliver_by->notify_only ? ByFlag::notify_only : 0) |
                   (envelope.deliver_by->trace ? ByFlag::trace : 0)
                               : 0);
    out.signed_varint(envelope.priority);
    return out.take();
}

namespace {

void read_second_version(Reader& in, Item& item)
{
    item.accepted = to_time(in.varint());
    item.next_event = to_time(in.varint());
    const std::uint8_t flags = in.u8();
    item.eight_bit = (flags & ItemFlag::eight_bit) != 0;
    item.utf8_header = (flags & ItemFlag::utf8_header) != 0;
    const std::uint64_t hold = in.varint();
    if (hold != 0)
        item.envelope.hold_until = to_time(hold);
    const std::uint64_t by = in.varint();
    const std::uint8_t by_flags = in.u8();
    if (by != 0)
        item.envelope.deliver_by =
            smtp::DeliverBy{to_time(by), (by_flags & ByFlag::notify_only) != 0, (by_flags & ByFlag::trace) != 0};
    item.envelope.priority = static_cast<int>(std::clamp<std::int64_t>(in.signed_varint(), -9, 9));
}

}  // namespace

Result<Item> read_item(ItemId id, std::string_view value)
{
    Reader in(value);
    const std::uint8_t written = in.u8();
    if (written == 0)
        return fail(damaged("item"));
    Item item;
    item.id = id;
    item.arrived = to_time(in.varint());
    item.envelope.reverse_path = read_path(in);
    item.envelope.body = static_cast<smtp::BodyType>(in.u8());
    item.envelope.smtputf8 = in.u8() != 0;
    item.envelope.ret = static_cast<smtp::Ret>(in.u8());
    item.envelope.envelope_id = in.string();
    item.size = in.varint();
    item.blob = in.varint();
    item.accepted = item.arrived;
    if (written >= 2)
        read_second_version(in, item);
    if (!in.ok())
        return fail(damaged("item"));
    return item;
}

std::string write_entry(const Entry& entry)
{
    Writer out;
    out.u8(version).varint(entry.delivery);
    write_path(out, entry.recipient.path);
    out.u8(entry.recipient.notify).string(entry.recipient.original_recipient);
    out.varint(entry.account).string(entry.subaddress);
    out.varint(entry.attempts).varint(to_number(entry.due));
    write_text(out, entry.last.reason);
    out.u8((entry.held ? EntryFlag::held : 0) | (entry.told_delay ? EntryFlag::told_delay : 0) |
           (entry.told_by ? EntryFlag::told_by : 0));
    out.varint(to_number(entry.last_attempt));
    if (entry.attempts > 0)
        write_fate(out, entry.last);
    return out.take();
}

Result<Entry> read_entry(std::string_view key, std::string_view value)
{
    store::KeyReader name(key);
    Entry entry;
    const bool is_entry = is_of(name, Table::recipient);
    entry.item = name.u64();
    entry.index = name.u16();
    Reader in(value);
    const std::uint8_t written = in.u8();
    if (!is_entry || !name.ok() || written == 0)
        return fail(damaged("recipient"));
    entry.delivery = in.varint();
    entry.recipient.path = read_path(in);
    entry.recipient.notify = in.u8();
    entry.recipient.original_recipient = in.string();
    entry.account = in.varint();
    entry.subaddress = in.string();
    entry.attempts = static_cast<std::uint32_t>(in.varint());
    entry.due = to_time(in.varint());
    entry.last.reason = in.string();
    if (written >= 2) {
        const std::uint8_t flags = in.u8();
        entry.held = (flags & EntryFlag::held) != 0;
        entry.told_delay = (flags & EntryFlag::told_delay) != 0;
        entry.told_by = (flags & EntryFlag::told_by) != 0;
        entry.last_attempt = to_time(in.varint());
        if (entry.attempts > 0)
            read_fate(in, entry.last);
    }
    if (!in.ok())
        return fail(damaged("recipient"));
    return entry;
}

}  // namespace posthouse::mta::queue

#include "mta/queue/rows.h"

#include "base/codec.h"

namespace posthouse::mta::queue {

namespace {

constexpr std::uint8_t version = 1;

store::KeyBuilder key_of(Table table) { return store::KeyBuilder(static_cast<std::uint8_t>(table)); }

std::uint64_t to_number(WallTime time)
{
    return static_cast<std::uint64_t>(std::max<std::int64_t>(0, time.time_since_epoch().count()));
}

WallTime to_time(std::uint64_t number) { return WallTime{Duration{static_cast<std::int64_t>(number)}}; }

void write_path(Writer& out, const smtp::Path& path) { out.string(path.local_part).string(path.domain); }

smtp::Path read_path(Reader& in)
{
    smtp::Path path;
    path.local_part = in.string();
    path.domain = in.string();
    return path;
}

Error damaged(std::string_view what) { return {ErrorCode::corrupt, std::string(what) + " row cannot be read"}; }

}  // namespace

store::Partition partition_of(ItemId item) { return {store::PartitionKind::queue, (item ^ (item >> 16)) % shards}; }

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

store::Key due_key(WallTime due, ItemId item, std::uint16_t index)
{
    return key_of(Table::due).u64(to_number(due)).u64(item).u16(index).key();
}

store::Range due_until(WallTime time)
{
    return {key_of(Table::due).key(), key_of(Table::due).u64(to_number(time) + 1).key()};
}

Result<DueKey> read_due_key(std::string_view key)
{
    store::KeyReader in(key);
    DueKey due;
    const bool is_due = in.u8() == static_cast<std::uint8_t>(Table::due);
    due.due = to_time(in.u64());
    due.item = in.u64();
    due.index = in.u16();
    if (!is_due || !in.ok())
        return fail(damaged("due"));
    return due;
}

std::string write_item(const Item& item)
{
    Writer out;
    out.u8(version).varint(to_number(item.arrived));
    write_path(out, item.envelope.reverse_path);
    out.u8(static_cast<std::uint8_t>(item.envelope.body)).u8(item.envelope.smtputf8 ? 1 : 0);
    out.u8(static_cast<std::uint8_t>(item.envelope.ret)).string(item.envelope.envelope_id);
    out.varint(item.size).varint(item.blob);
    return out.take();
}

Result<Item> read_item(ItemId id, std::string_view value)
{
    Reader in(value);
    if (in.u8() != version)
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
    out.varint(entry.attempts).varint(to_number(entry.due)).string(entry.last_error);
    return out.take();
}

Result<Entry> read_entry(std::string_view key, std::string_view value)
{
    store::KeyReader name(key);
    Entry entry;
    const bool is_entry = name.u8() == static_cast<std::uint8_t>(Table::recipient);
    entry.item = name.u64();
    entry.index = name.u16();
    Reader in(value);
    if (!is_entry || !name.ok() || in.u8() != version)
        return fail(damaged("recipient"));
    entry.delivery = in.varint();
    entry.recipient.path = read_path(in);
    entry.recipient.notify = in.u8();
    entry.recipient.original_recipient = in.string();
    entry.account = in.varint();
    entry.subaddress = in.string();
    entry.attempts = static_cast<std::uint32_t>(in.varint());
    entry.due = to_time(in.varint());
    entry.last_error = in.string();
    if (!in.ok())
        return fail(damaged("recipient"));
    return entry;
}

}  // namespace posthouse::mta::queue

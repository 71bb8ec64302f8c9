// The queue's rows, as docs/store-layout.md states them, typed.
//
// A queue item lives in the partition (queue, shard of its id): one item row, its body, one row a
// recipient, one waiting row a recipient (which orders them by domain and time), and one event row
// (when to look whether the item is late).
//
// Times in rows are queue time (queue_clock.h), but for `arrived`, which is what the world's clock said.
#pragma once

#include "mailbox/mailbox.h"
#include "smtp/envelope.h"
#include "smtp/relay.h"
#include "store/key.h"

namespace posthouse::mta::queue {

using ItemId = Id;

// How many partitions the queue is spread over, so that no single one is hot.
inline constexpr std::uint64_t shards = 8;
std::uint64_t shard_of(ItemId item);
store::Partition partition_of(ItemId item);
// What is of no item: policies and the queue's clock.
inline constexpr store::Partition common{store::PartitionKind::queue, 4096};

// At most this many recipients an item, so that accepting it is one batch; more make more items.
inline constexpr std::size_t most_entries = 990;
// … and this many a job, so that settling it is one batch.
inline constexpr std::size_t most_in_local_job = 500;

enum class Table : std::uint8_t {
    item = 1,
    body = 2,
    recipient = 3,
    former_due = 4,  // of stores written before there were other hosts: former.cc turns them into waiting rows
    waiting = 5,
    event = 6,
    policy = 16,
    clock = 17,
};

struct Item {
    ItemId id = 0;
    WallTime arrived;
    WallTime accepted;  // the same moment in queue time, or the end of its hold: ages count from here
    WallTime next_event;  // when its event row is due; the epoch: it has none
    smtp::Envelope envelope;  // without its recipients: they have rows of their own
    std::uint64_t size = 0;
    store::BlobId blob = 0;  // 0: the body is a row
    bool eight_bit = false;  // the content has bytes over 127
    bool utf8_header = false;  // its header has
};

struct Entry {
    ItemId item = 0;
    std::uint16_t index = 0;
    Id delivery = 0;  // given once, at acceptance: what makes filing idempotent
    smtp::Recipient recipient;
    mailbox::AccountId account = 0;  // 0: lives elsewhere
    std::string subaddress;
    std::uint32_t attempts = 0;
    WallTime due;
    bool held = false;  // by the operator: not due until released
    bool told_delay = false;  // the sender knows that it is late
    bool told_by = false;  // and that its time (RFC 2852) has passed
    WallTime last_attempt;
    smtp::RecipientFate last;  // what came of the last attempt

    bool is_local() const { return account != 0; }
    // What it waits among: its domain; empty for our own mailboxes.
    const std::string& lane() const;
};

// When what is held is due.
inline constexpr WallTime never = WallTime{Duration{std::int64_t{1} << 62}};

store::Key item_key(ItemId item);
ItemId item_of(std::string_view key);  // of an item row
store::Range all_items();
store::Key body_key(ItemId item);
store::Key entry_key(ItemId item, std::uint16_t index);
store::Range entries_of(ItemId item);

struct Place {  // of a waiting row
    std::string lane;
    WallTime due;
    ItemId item = 0;
    std::uint16_t index = 0;
};
store::Key waiting_key(std::string_view lane, WallTime due, ItemId item, std::uint16_t index);
inline store::Key waiting_key(const Entry& entry)
{
    return waiting_key(entry.lane(), entry.due, entry.item, entry.index);
}
Result<Place> read_waiting_key(std::string_view key);
store::Range all_waiting();
store::Range waiting_in(std::string_view lane, WallTime from);  // to the lane's end

store::Key event_key(WallTime time, ItemId item);
struct Event {
    WallTime time;
    ItemId item = 0;
};
Result<Event> read_event_key(std::string_view key);
store::Range events_from(WallTime time);  // to the last one

struct FormerDue {
    WallTime due;
    ItemId item = 0;
    std::uint16_t index = 0;
};
inline constexpr std::uint16_t former_whole_item = 0xffff;
store::Range all_former_due();
Result<FormerDue> read_former_due_key(std::string_view key);

std::string write_item(const Item& item);
Result<Item> read_item(ItemId id, std::string_view value);
std::string write_entry(const Entry& entry);
Result<Entry> read_entry(std::string_view key, std::string_view value);

std::uint64_t to_number(WallTime time);
WallTime to_time(std::uint64_t number);
Error damaged(std::string_view what);

}  // namespace posthouse::mta::queue

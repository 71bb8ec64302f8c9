// The queue's rows, as docs/store-layout.md states them, typed.
//
// A queue item lives in the partition (queue, shard of its id): one item row, its body, one row a
// recipient, and one due row for the item's first attempt or for each recipient that waits.
#pragma once

#include "mailbox/mailbox.h"
#include "smtp/envelope.h"
#include "store/key.h"

namespace posthouse::mta::queue {

using ItemId = Id;

// How many partitions the queue is spread over, so that no single one is hot.
inline constexpr std::uint64_t shards = 8;
store::Partition partition_of(ItemId item);

// At most this many recipients an item, so that accepting it is one batch; more make more items.
inline constexpr std::size_t most_entries = 900;
// In a due row: the item's first attempt, all of its entries at once.
inline constexpr std::uint16_t whole_item = 0xffff;

enum class Table : std::uint8_t { item = 1, body = 2, recipient = 3, due = 4 };

struct Item {
    ItemId id = 0;
    WallTime arrived;
    smtp::Envelope envelope;  // without its recipients: they have rows of their own
    std::uint64_t size = 0;
    store::BlobId blob = 0;  // 0: the body is a row
};

struct Entry {
    ItemId item = 0;
    std::uint16_t index = 0;
    Id delivery = 0;  // given once, at acceptance: what makes filing idempotent
    smtp::Recipient recipient;
    mailbox::AccountId account = 0;
    std::string subaddress;
    std::uint32_t attempts = 0;
    WallTime due;
    std::string last_error;
};

store::Key item_key(ItemId item);
ItemId item_of(std::string_view key);  // of an item row
store::Range all_items();
store::Key body_key(ItemId item);
store::Key entry_key(ItemId item, std::uint16_t index);
store::Range entries_of(ItemId item);
store::Key due_key(WallTime due, ItemId item, std::uint16_t index);
store::Range due_until(WallTime time);

struct DueKey {
    WallTime due;
    ItemId item = 0;
    std::uint16_t index = 0;
};
Result<DueKey> read_due_key(std::string_view key);

std::string write_item(const Item& item);
Result<Item> read_item(ItemId id, std::string_view value);
std::string write_entry(const Entry& entry);
Result<Entry> read_entry(std::string_view key, std::string_view value);

}  // namespace posthouse::mta::queue

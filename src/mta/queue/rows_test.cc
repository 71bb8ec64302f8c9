#include "mta/queue/rows.h"

#include "base/codec.h"

#include <gtest/gtest.h>

namespace posthouse::mta::queue {
namespace {

Entry an_entry()
{
    Entry entry;
    entry.item = 7;
    entry.index = 3;
    entry.delivery = 99;
    entry.recipient.path = {"b o\"b", "south.test"};
    entry.recipient.notify = 5;
    entry.recipient.original_recipient = "rfc822;x";
    entry.account = 12;
    entry.subaddress = "lists";
    entry.attempts = 4;
    entry.due = WallTime{Duration{123456789}};
    entry.held = true;
    entry.told_by = true;
    entry.last_attempt = WallTime{Duration{123456}};
    entry.last.reason = "why";
    entry.last.status = "4.2.0";
    entry.last.reply = {450, "4.2.0", "come again"};
    entry.last.remote_mta = "mx.south.test";
    entry.last.dialogue = {"C: RCPT", "S: 450"};
    return entry;
}

TEST(QueueRows, GiveBackWhatWasWritten)
{
    const Entry entry = an_entry();
    const auto read = read_entry(entry_key(7, 3), write_entry(entry));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->item, 7u);
    EXPECT_EQ(read->index, 3);
    EXPECT_EQ(read->recipient.path, entry.recipient.path);
    EXPECT_EQ(read->due, entry.due);
    EXPECT_TRUE(read->held);
    EXPECT_FALSE(read->told_delay);
    EXPECT_TRUE(read->told_by);
    EXPECT_EQ(read->last_attempt, entry.last_attempt);
    EXPECT_EQ(read->last.reason, "why");
    EXPECT_EQ(read->last.reply, entry.last.reply);
    EXPECT_EQ(read->last.dialogue, entry.last.dialogue);
    const std::string whole = write_entry(entry);
    for (std::size_t cut = 0; cut < whole.size(); ++cut)
        EXPECT_FALSE(read_entry(entry_key(7, 3), whole.substr(0, cut))) << "a row cut at " << cut << " is damage";
}

TEST(QueueRows, ItemsToo)
{
    Item item;
    item.arrived = WallTime{Duration{1000}};
    item.accepted = WallTime{Duration{2000}};
    item.next_event = WallTime{Duration{3000}};
    item.envelope.reverse_path = {"alice", "north.test"};
    item.envelope.envelope_id = "env";
    item.envelope.hold_until = WallTime{Duration{4000}};
    item.envelope.deliver_by = smtp::DeliverBy{WallTime{Duration{5000}}, true, false};
    item.envelope.priority = -7;
    item.size = 12;
    item.blob = 13;
    item.utf8_header = true;
    const std::string whole = write_item(item);
    const auto read = read_item(5, whole);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->id, 5u);
    EXPECT_EQ(read->accepted, item.accepted);
    EXPECT_EQ(read->next_event, item.next_event);
    EXPECT_EQ(read->envelope.hold_until, item.envelope.hold_until);
    ASSERT_TRUE(read->envelope.deliver_by);
    EXPECT_TRUE(read->envelope.deliver_by->notify_only);
    EXPECT_EQ(read->envelope.priority, -7);
    EXPECT_TRUE(read->utf8_header);
    EXPECT_FALSE(read->eight_bit);
    for (std::size_t cut = 0; cut < whole.size(); ++cut)
        EXPECT_FALSE(read_item(5, whole.substr(0, cut)));
}

TEST(QueueRows, OfTheFirstVersionAreRead)
{
    Writer item;
    item.u8(1).varint(1000).string("alice").string("north.test").u8(1).u8(0).u8(0).string("").varint(17).varint(0);
    const auto read = read_item(5, item.take());
    ASSERT_TRUE(read);
    EXPECT_EQ(read->arrived, WallTime{Duration{1000}});
    EXPECT_EQ(read->accepted, read->arrived);
    Writer entry;
    entry.u8(1).varint(99).string("bob").string("north.test").u8(0).string("").varint(12).string("");
    entry.varint(2).varint(123).string("no space: full");
    const auto recipient = read_entry(entry_key(5, 0), entry.take());
    ASSERT_TRUE(recipient);
    EXPECT_EQ(recipient->attempts, 2u);
    EXPECT_EQ(recipient->last.reason, "no space: full");
}

TEST(QueueRows, WaitingRowsLieByLaneAndTime)
{
    const WallTime early{Duration{1000}};
    const WallTime late{Duration{2000}};
    EXPECT_LT(waiting_key("south.test", early, 900, 1), waiting_key("south.test", late, 1, 0));
    EXPECT_LT(waiting_key("", late, 900, 1), waiting_key("a.test", early, 1, 0)) << "our own come first";
    const store::Range range = waiting_in("south.test", late);
    EXPECT_LT(waiting_key("south.test", early, 900, 1), range.from);
    EXPECT_GE(waiting_key("south.test", late, 0, 0), range.from);
    EXPECT_LT(waiting_key("south.test", never, 1, 0), range.until) << "what is held stays in its lane";
    EXPECT_GE(waiting_key("south.testing", early, 0, 0), range.until);
    const auto read = read_waiting_key(waiting_key("south.test", late, 7, 3));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->lane, "south.test");
    EXPECT_EQ(read->due, late);
    EXPECT_EQ(read->item, 7u);
    EXPECT_EQ(read->index, 3);
    EXPECT_FALSE(read_waiting_key("x"));
    EXPECT_FALSE(read_event_key("x"));
    EXPECT_FALSE(read_former_due_key("x"));
}

}  // namespace
}  // namespace posthouse::mta::queue

// What the operator does to the queue.
#include "mta/queue/test_world.h"

namespace posthouse::mta::queue {
namespace {

using Action = Queue::Action;
const auto busy = [](const smtp::Recipient&) { return FakeCarrier::deferred(); };

class OperatorTest : public QueueTest {
protected:
    OperatorTest()
    {
        world.carrier.answers("south.test", busy);
        world.carrier.answers("west.test", busy);
        world.start();
    }
    ItemId queued(std::vector<std::string> addresses)
    {
        Accepted accepted = world.message_to(std::move(addresses));
        const ItemId id = accepted.item.id;
        EXPECT_TRUE(world.accept(std::move(accepted)));
        world.rest();
        return id;
    }
    std::size_t act(ItemId item, Action action, std::string domain = {})
    {
        const Result<std::size_t> done = run(world.loops[0], world.queue->act(item, action, std::move(domain)));
        world.rest();
        return done.value_or(999);
    }
};

TEST_F(OperatorTest, RetryTriesAtOnce)
{
    const ItemId id = queued({"carol@south.test"});
    world.pass(2h);
    world.carrier.answers("south.test", nullptr);
    EXPECT_EQ(act(id, Action::retry), 1u);
    EXPECT_EQ(world.carrier.relayed_to("carol@south.test"), 1u);
    EXPECT_EQ(world.rows(), 0u);
    EXPECT_EQ(act(id, Action::retry), 999u) << "it is gone";
}

TEST_F(OperatorTest, RetryOfADomainDoesNotWaitForItsHost)
{
    world.carrier.answers("south.test", [](const smtp::Recipient&) { return FakeCarrier::host_fails(); });
    for (int i = 0; i < 20; ++i)
        queued({"r" + std::to_string(i) + "@south.test"});
    queued({"x@west.test"});
    world.pass(1h);
    world.carrier.answers("south.test", nullptr);
    world.carrier.answers("west.test", nullptr);
    const Result<std::size_t> done = run(world.loops[0], world.queue->act_on_domain("south.test", Action::retry));
    ASSERT_TRUE(done);
    EXPECT_GE(*done, 1u);
    EXPECT_LE(*done, 20u) << "the first ones are on their way before the last ones are reached";
    world.rest();
    for (int i = 0; i < 20; ++i)
        EXPECT_EQ(world.carrier.relayed_to("r" + std::to_string(i) + "@south.test"), 1u) << i;
    EXPECT_EQ(world.waiting(), 1u) << "west waits for its time";
    ASSERT_TRUE(run(world.loops[0], world.queue->act_on_domain("", Action::retry)));
    world.rest();
    EXPECT_EQ(world.rows(), 0u);
}

TEST_F(OperatorTest, WhatIsHeldStaysUntilItIsReleased)
{
    const ItemId id = queued({"carol@south.test"});
    EXPECT_EQ(act(id, Action::hold), 1u);
    EXPECT_EQ(act(id, Action::hold), 0u);
    world.carrier.answers("south.test", nullptr);
    world.pass(200h);
    world.restart();
    world.pass(1h);
    EXPECT_EQ(world.carrier.relayed_to("carol@south.test"), 0u);
    EXPECT_EQ(act(id, Action::retry), 0u) << "held is held";
    EXPECT_EQ(act(id, Action::release), 1u);
    EXPECT_EQ(world.carrier.relayed_to("carol@south.test"), 1u);
    EXPECT_EQ(world.rows(), 0u);
}

TEST_F(OperatorTest, FailTellsTheSenderAndDropDoesNot)
{
    const ItemId failed = queued({"carol@south.test", "dave@west.test"});
    EXPECT_EQ(act(failed, Action::fail, "south.test"), 1u);
    EXPECT_EQ(world.told(), std::vector<std::string>{"failed carol@south.test 5.0.0; "});
    EXPECT_EQ(world.waiting(), 1u) << "dave's waits on";
    EXPECT_EQ(act(failed, Action::drop), 1u);
    EXPECT_EQ(world.told().size(), 1u);
    EXPECT_EQ(world.rows(), 0u);
}

TEST_F(OperatorTest, WhatIsHeldForALaterTimeCanBeDroppedUntilThen)
{
    Accepted accepted = world.message_to({"carol@south.test"});
    const ItemId id = accepted.item.id;
    accepted.item.envelope.hold_until = world.clock.now() + Duration{10min};
    ASSERT_TRUE(world.accept(std::move(accepted)));
    world.pass(9min);
    EXPECT_EQ(act(id, Action::drop), 1u);
    world.pass(2min);
    EXPECT_TRUE(world.carrier.carried().empty());
    EXPECT_EQ(world.rows(), 0u);
}

TEST_F(OperatorTest, WhatIsBeingSentIsLeftAlone)
{
    world.carrier.hangs("hang.test");
    Accepted accepted = world.message_to({"x@hang.test"});
    const ItemId id = accepted.item.id;
    ASSERT_TRUE(world.accept(std::move(accepted)));
    ASSERT_TRUE(world.eventually([&] { return world.carrier.carried().size() == 1; }));
    EXPECT_EQ(run(world.loops[0], world.queue->act(id, Action::drop)).value_or(999), 0u);
    const Result<Queue::Waiting> seen = run(world.loops[0], world.queue->show(id));
    ASSERT_TRUE(seen);
    EXPECT_TRUE(seen->entries.front().taken);
    world.carrier.let_go("hang.test");
}

TEST_F(OperatorTest, EverythingThatWaitsIsSeen)
{
    const ItemId id = queued({"carol@south.test", "dave@west.test"});
    queued({"erin@south.test"});
    std::size_t items = 0;
    std::size_t entries = 0;
    ASSERT_TRUE(run(world.loops[0], world.queue->each([&](const Queue::Waiting& waiting) {
        ++items;
        entries += waiting.entries.size();
        return true;
    })));
    EXPECT_EQ(items, 2u);
    EXPECT_EQ(entries, 3u);
    const Result<Queue::Waiting> seen = run(world.loops[0], world.queue->show(id));
    ASSERT_TRUE(seen);
    EXPECT_EQ(seen->entries.front().entry.last.reason, "the mailbox is busy");
    EXPECT_EQ(run(world.loops[0], world.queue->beginning(id, 10)).value_or(""), "Subject: x");
}

}  // namespace
}  // namespace posthouse::mta::queue

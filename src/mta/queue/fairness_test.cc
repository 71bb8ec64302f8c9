// One slow or dead destination never holds up another (HOSTILE F14, and the speed of the queue).
#include "mta/queue/test_world.h"

namespace posthouse::mta::queue {
namespace {

std::string dead(int i) { return "d" + std::to_string(i) + ".dead"; }

TEST_F(QueueTest, AThousandHostsThatHangAndAGoodOne)
{
    world.start();
    for (int i = 0; i < 1'000; ++i) {
        world.carrier.hangs(dead(i));
        ASSERT_TRUE(world.accept(world.message_to({"x@" + dead(i)})));
    }
    // The places for hosts that are not known to answer are all taken; a second later they count as slow.
    ASSERT_TRUE(world.eventually([&] {
        world.clock.advance(100ms);
        return world.carrier.carried().size() >= 900;
    }));
    ASSERT_TRUE(world.accept(world.message_to({"carol@south.test"})));
    const SteadyTime before = world.clock.steady();
    ASSERT_TRUE(world.eventually([&] {
        world.clock.advance(50ms);
        std::this_thread::sleep_for(1ms);
        return world.carrier.relayed_to("carol@south.test") == 1;
    }));
    EXPECT_LE(world.clock.steady() - before, 1s) << "never heard of before";
    const std::size_t begun = world.carrier.carried().size();
    ASSERT_TRUE(world.accept(world.message_to({"carol@south.test"})));
    EXPECT_TRUE(world.eventually([&] { return world.carrier.relayed_to("carol@south.test") == 2; }))
        << "known to answer: it has places of its own, and no time has to pass";
    EXPECT_LE(world.carrier.carried().size(), begun + 2);
    for (int i = 0; i < 1'000; ++i)
        world.carrier.let_go(dead(i));
}

TEST_F(QueueTest, ThousandsOfDestinationsThatAreDown)  // bench/queue_bench.cc has 50,000
{
    constexpr int count = 5'000;
    world.start();
    const auto down = [](const smtp::Recipient&) { return FakeCarrier::host_fails(); };
    for (int i = 0; i < count; ++i) {
        world.carrier.answers(dead(i), down);
        ASSERT_TRUE(world.accept(world.message_to({"x@" + dead(i)})));
    }
    ASSERT_TRUE(world.accept(world.message_to({"carol@south.test"})));
    EXPECT_TRUE(world.eventually([&] { return world.carrier.relayed_to("carol@south.test") == 1; }));
    ASSERT_TRUE(world.eventually([&] { return world.queue->rests_until().has_value(); }));
    EXPECT_LT(world.queue->counts().items, 100u) << "what waits is on disk";
    // All of them are tried again within the next minutes; a message in between is not held up.
    for (int i = 0; i < 20; ++i) {
        world.clock.advance(5s);
        ASSERT_TRUE(world.accept(world.message_to({"carol@south.test"})));
        const SteadyTime before = std::chrono::steady_clock::now();
        ASSERT_TRUE(world.eventually(
            [&] { return world.carrier.relayed_to("carol@south.test") == static_cast<std::size_t>(i) + 2; }));
        EXPECT_LT(std::chrono::steady_clock::now() - before, 5s);
    }
}

TEST(QueueFairness, WhatDoesNotFitIntoMemoryIsReadFromDiskInTurn)
{
    DispatchLimits small;
    small.ready = 50;
    small.ready_from_disk = 40;
    small.window = 20;
    small.content_bytes = 100;
    World world(small);
    world.start();
    world.carrier.hangs("south.test");
    for (int i = 0; i < 500; ++i)
        ASSERT_TRUE(world.accept(world.message_to({"r" + std::to_string(i) + "@south.test"})));
    EXPECT_LE(world.queue->counts().ready, 50u);
    EXPECT_LE(world.queue->counts().items, 60u);
    world.carrier.answers("south.test", nullptr);
    world.carrier.let_go("south.test");
    EXPECT_TRUE(world.eventually([&] { return world.rows() == 0; }));
    for (int i = 0; i < 500; ++i)
        EXPECT_EQ(world.carrier.relayed_to("r" + std::to_string(i) + "@south.test"), 1u) << i;
}

TEST(QueueFairness, ABusyDestinationDoesNotKeepThePlacesOfOthers)
{
    DispatchLimits small;
    small.answering = 2;
    World world(small);
    world.start();
    ASSERT_TRUE(world.accept(world.message_to({"x@busy.test", "x@calm.test"})));
    ASSERT_TRUE(world.eventually([&] { return world.rows() == 0; }));
    world.carrier.hangs("busy.test");
    for (int i = 0; i < 200; ++i)
        ASSERT_TRUE(world.accept(world.message_to({"x@busy.test"})));
    world.carrier.answers("busy.test", nullptr);
    world.carrier.let_go("busy.test");
    for (int i = 0; i < 20; ++i)
        ASSERT_TRUE(world.accept(world.message_to({"x@calm.test"})));
    ASSERT_TRUE(world.eventually([&] { return world.rows() == 0; }));
    EXPECT_EQ(world.carrier.relayed_to("x@busy.test"), 201u);
    EXPECT_EQ(world.carrier.relayed_to("x@calm.test"), 21u);
}

}  // namespace
}  // namespace posthouse::mta::queue

// Weeks of retries in a second: schedules, delay notices, expiry, holds, and clocks that jump.
#include "mta/queue/test_world.h"

namespace posthouse::mta::queue {
namespace {

const auto busy = [](const smtp::Recipient&) { return FakeCarrier::deferred(); };
const auto down = [](const smtp::Recipient&) { return FakeCarrier::host_fails(); };

std::vector<Duration> gaps(const std::vector<WallTime>& times)
{
    std::vector<Duration> out;
    for (std::size_t i = 1; i < times.size(); ++i)
        out.push_back(times[i] - times[i - 1]);
    return out;
}

// HOSTILE F15.
TEST_F(QueueTest, FiveDaysOf4xxAreOneDelayNoticeAndOneBounce)
{
    world.carrier.answers("south.test", busy);
    world.start();
    ASSERT_TRUE(world.accept(world.message_to({"carol@south.test"})));
    world.pass(4h - 1min);
    EXPECT_TRUE(world.told().empty());
    world.pass(10min);
    EXPECT_EQ(world.told(), std::vector<std::string>{"delayed carol@south.test 4.2.0; "});
    world.pass(120h - 4h - 10min);
    EXPECT_EQ(world.told().size(), 1u) << "told once of the delay, and given up no sooner than after five days";
    world.pass(10min);
    EXPECT_EQ(world.told(),
              (std::vector<std::string>{"delayed carol@south.test 4.2.0; ", "failed carol@south.test 4.2.0; "}));
    EXPECT_EQ(world.rows(), 0u);
    const std::vector<WallTime> times = world.carrier.times("south.test");
    const std::vector<Duration> pauses = gaps(times);
    const std::vector<Duration> schedule{1min, 5min, 15min, 30min, 1h, 2h, 4h, 4h};
    ASSERT_GT(pauses.size(), schedule.size());
    for (std::size_t i = 0; i < schedule.size(); ++i) {
        EXPECT_GE(pauses[i], schedule[i] * 9 / 10) << i;
        EXPECT_LE(pauses[i], schedule[i] * 11 / 10 + Duration{1s}) << i;
    }
    EXPECT_GE(times.size(), 30u) << "tried to the end";
    EXPECT_LE(times.size(), 42u);
    world.pass(24h);
    EXPECT_EQ(world.told().size(), 2u);
}

TEST_F(QueueTest, WhenAHostFailsItsEntriesWaitWithoutEachBeingTried)
{
    world.carrier.answers("down.test", down);
    world.start();
    for (int i = 0; i < 50; ++i)
        ASSERT_TRUE(world.accept(world.message_to({"user" + std::to_string(i) + "@down.test"})));
    world.pass(24h);
    const std::size_t attempts = world.carrier.times("down.test").size();
    EXPECT_LE(attempts, 24u * 4 + 20) << "a quarter of an hour apart at the most, whoever waits";
    EXPECT_EQ(world.told().size(), 50u) << "each sender knows after four hours, tried or not";
    world.carrier.answers("down.test", nullptr);
    world.pass(30min);
    EXPECT_TRUE(world.eventually([&] { return world.carrier.relayed_to("user0@down.test") == 1; }));
    world.pass(5h);
    EXPECT_EQ(world.rows(), 0u) << "when it is back, all of them go";
}

TEST_F(QueueTest, WhoWasNeverTriedExpiresWithTheReasonOfItsHost)
{
    world.carrier.answers("down.test", down);
    world.start();
    for (int i = 0; i < 5; ++i)
        ASSERT_TRUE(world.accept(world.message_to({"user" + std::to_string(i) + "@down.test"})));
    world.pass(121h);
    EXPECT_EQ(world.told().size(), 10u);
    EXPECT_EQ(world.rows(), 0u);
}

TEST_F(QueueTest, AScheduleIsSetByDomain)
{
    world.start();
    Policy hasty;
    hasty.retry = {Duration{10s}};
    hasty.warn_after = 0s;
    hasty.give_up_after = 1h;
    ASSERT_TRUE(run(world.loops[0], world.queue->set_policy("south.test", hasty)));
    world.restart();  // it is data: it stays
    world.rest();
    world.carrier.answers("south.test", busy);
    ASSERT_TRUE(world.accept(world.message_to({"carol@south.test"})));
    world.pass(59min);
    EXPECT_TRUE(world.told().empty());
    EXPECT_GE(world.carrier.times("south.test").size(), 300u);
    world.pass(2min);
    EXPECT_EQ(world.told(), std::vector<std::string>{"failed carol@south.test 4.2.0; "});
    Policy wrong;
    wrong.retry.clear();
    EXPECT_FALSE(run(world.loops[0], world.queue->set_policy("south.test", wrong)));
}

TEST_F(QueueTest, ARateIsKept)
{
    world.start();
    Policy slow;
    slow.per_minute = 6;
    ASSERT_TRUE(run(world.loops[0], world.queue->set_policy("south.test", slow)));
    for (int i = 0; i < 30; ++i)
        ASSERT_TRUE(world.accept(world.message_to({"carol@south.test"})));
    world.pass(61s);
    const std::size_t sent = world.carrier.relayed_to("carol@south.test");
    EXPECT_GE(sent, 5u);
    EXPECT_LE(sent, 8u);
    world.pass(5min);
    EXPECT_EQ(world.carrier.relayed_to("carol@south.test"), 30u);
}

TEST_F(QueueTest, WhatIsHeldGoesAtItsTime)
{
    world.start();
    Accepted accepted = world.message_to({"carol@south.test"});
    accepted.entries.push_back(world.local(11));
    accepted.item.envelope.hold_until = world.clock.now() + Duration{10min};
    ASSERT_TRUE(world.accept(std::move(accepted)));
    world.pass(10min - 1s);
    EXPECT_TRUE(world.carrier.carried().empty());
    EXPECT_TRUE(world.courier.received(11).empty());
    world.restart();
    world.pass(2s);
    EXPECT_EQ(world.carrier.relayed_to("carol@south.test"), 1u);
    EXPECT_EQ(world.courier.received(11).size(), 1u);
    EXPECT_EQ(world.rows(), 0u);
}

TEST_F(QueueTest, DeliverByReturnsWhatIsLate)  // RFC 2852
{
    world.carrier.answers("south.test", busy);
    world.start();
    Accepted returned = world.message_to({"r@south.test"});
    returned.item.envelope.deliver_by = smtp::DeliverBy{world.clock.now() + Duration{30min}, false, false};
    ASSERT_TRUE(world.accept(std::move(returned)));
    Accepted notified = world.message_to({"n@south.test"});
    notified.item.envelope.deliver_by = smtp::DeliverBy{world.clock.now() + Duration{30min}, true, false};
    ASSERT_TRUE(world.accept(std::move(notified)));
    world.pass(29min);
    EXPECT_TRUE(world.told().empty());
    world.pass(5min);
    std::vector<std::string> told = world.told();
    std::ranges::sort(told);
    EXPECT_EQ(told, (std::vector<std::string>{"delayed n@south.test 4.2.0; ", "failed r@south.test 4.2.0; "}));
    EXPECT_EQ(world.waiting(), 1u) << "mode N goes on";
}

// HOSTILE F12: nothing bounces early, nothing stalls.
TEST_F(QueueTest, AClockAYearAheadMakesNothingExpire)
{
    world.carrier.answers("south.test", busy);
    world.start();
    ASSERT_TRUE(world.accept(world.message_to({"carol@south.test"})));
    world.pass(1h);
    world.clock.step(365 * 24h);
    world.pass(1h);
    world.restart();
    world.pass(1h);
    EXPECT_EQ(world.waiting(), 1u);
    world.clock.step(-365 * 24h);
    world.pass(1h);
    world.carrier.answers("south.test", nullptr);
    world.pass(5h);
    EXPECT_EQ(world.carrier.relayed_to("carol@south.test"), 1u);
    for (const std::string& told : world.told())
        EXPECT_TRUE(told.starts_with("delayed")) << told;
}

TEST_F(QueueTest, AClockADayBackStallsNothing)
{
    world.carrier.answers("south.test", busy);
    world.start();
    ASSERT_TRUE(world.accept(world.message_to({"carol@south.test"})));
    world.pass(2min);
    world.clock.step(-24h);
    world.pass(1h);
    EXPECT_GE(world.carrier.times("south.test").size(), 4u) << "tried at 1, 6, 21 and 51 minutes";
    world.restart();
    world.carrier.answers("south.test", nullptr);
    world.pass(2h);
    EXPECT_EQ(world.rows(), 0u);
}

TEST(QueueClockTest, FollowsADayAheadAndNothingBack)
{
    FakeClock clock;
    QueueClock time(clock);
    const WallTime start = time.now();
    EXPECT_EQ(start, clock.now());
    clock.advance(1h);
    EXPECT_EQ(time.now(), start + Duration{1h});
    clock.step(-24h);
    clock.advance(1h);
    EXPECT_EQ(time.now(), start + Duration{2h});
    EXPECT_EQ(time.to_wall(time.now()), clock.now());
    clock.step(3h);
    EXPECT_EQ(time.now(), start + Duration{5h}) << "a machine that slept";
    clock.step(365 * 24h);
    EXPECT_EQ(time.now(), start + Duration{29h});
    const std::string kept = time.write();
    clock.advance(10min);
    QueueClock later(clock);
    ASSERT_TRUE(later.resume(kept));
    EXPECT_EQ(later.now(), start + Duration{29h} + Duration{10min});
    EXPECT_FALSE(later.resume("x"));
}

TEST(QueueClockTest, ManyQuestionsDoNotMakeItGain)
{
    const SystemClock clock;
    const QueueClock time(clock);
    const WallTime wall = clock.now();
    const WallTime start = time.now();
    for (int i = 0; i < 100'000; ++i)
        (void)time.now();
    const Duration difference = (time.now() - start) - (clock.now() - wall);
    EXPECT_LT(std::abs(difference.count()), 100'000);
}

}  // namespace
}  // namespace posthouse::mta::queue

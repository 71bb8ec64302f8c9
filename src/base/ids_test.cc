#include "base/ids.h"

#include <set>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace posthouse {
namespace {

class HandClock final : public Clock {
public:
    WallTime now() const override { return wall; }
    SteadyTime steady() const override { return {}; }
    WallTime wall{std::chrono::sys_days{std::chrono::year{2026} / 11 / 22}};
};

TEST(IdsTest, RisesWithinAMillisecondAndWhenTheClockStepsBack)
{
    HandClock clock;
    SeededRandom random(1);
    IdSource ids(clock, random);
    Id last = 0;
    const auto draw = [&](int count) {
        for (int i = 0; i < count; ++i) {
            const Id id = ids.next();
            ASSERT_GT(id, last);
            last = id;
        }
    };
    draw(100'000);  // more than a millisecond's 65,536: runs ahead instead of repeating
    clock.wall -= 24h;
    draw(1000);
    clock.wall += 24h + 10min;
    draw(1000);
    const auto milliseconds = std::chrono::floor<std::chrono::milliseconds>(clock.wall.time_since_epoch()).count();
    EXPECT_EQ(last >> 16, static_cast<Id>(milliseconds));  // the time can be read off it
}

TEST(IdsTest, RisesAboveWhatIsOnDisk)
{
    HandClock clock;
    SeededRandom random(1);
    IdSource ids(clock, random);
    const Id stored = ids.next() + (Id{3'600'000} << 16);  // written before the clock was set back an hour
    ids.rise_above(stored);
    EXPECT_EQ(ids.next(), stored + 1);
    ids.rise_above(5);  // never goes back
    EXPECT_EQ(ids.next(), stored + 2);
}

TEST(IdsTest, NoTwoThreadsGetTheSame)
{
    HandClock clock;
    SystemRandom random;
    IdSource ids(clock, random);
    std::vector<std::vector<Id>> drawn(4);
    {
        std::vector<std::jthread> threads;
        for (auto& mine : drawn)
            threads.emplace_back([&ids, &mine] {
                for (int i = 0; i < 5000; ++i)
                    mine.push_back(ids.next());
            });
    }
    std::set<Id> all;
    for (const auto& mine : drawn)
        all.insert(mine.begin(), mine.end());
    EXPECT_EQ(all.size(), 20'000u);
}

TEST(IdsTest, TextRoundTripsAndSorts)
{
    for (const Id id : {Id{0}, Id{1}, Id{31}, Id{32}, Id{0x0123456789abcdef}, ~Id{0}}) {
        const std::string text = id_text(id);
        EXPECT_EQ(text.size(), 13u);
        EXPECT_EQ(parse_id(text), id);
    }
    EXPECT_EQ(id_text(~Id{0}), "fzzzzzzzzzzzz");
    EXPECT_LT(id_text(1000), id_text(1001));
    EXPECT_EQ(parse_id("FZZZZZZZZZZZZ"), ~Id{0});
    for (const std::string_view bad :
         {"", "0", "000000000000", "00000000000000", "gzzzzzzzzzzzz",  // 65 bits
          "000000000000i", "000000000000l", "000000000000o", "000000000000u", "00000000000 0", "-000000000001"})
        EXPECT_EQ(parse_id(bad), std::nullopt) << bad;
}

TEST(RandomTest, SeedsRepeatAndTheSystemDoesNot)
{
    SeededRandom a(7);
    SeededRandom b(7);
    EXPECT_EQ(a.bytes(37), b.bytes(37));
    EXPECT_NE(a.bytes(37), a.bytes(37));
    SystemRandom system;
    EXPECT_NE(system.bytes(32), system.bytes(32));
    EXPECT_EQ(system.bytes(0), "");
    EXPECT_EQ(system.bytes(1000).size(), 1000u);
}

}  // namespace
}  // namespace posthouse

#include "directory/guesses.h"

#include "directory/test_house.h"

namespace posthouse::directory {
namespace {

struct Counted {
    StandingClock clock;
    Guesses guesses{clock, {1, 2}, {.at_once = 5, .per_guess = 1s, .slowest = 3s}};
    // Guesses wrongly; false: refused unheard.
    bool guess(std::string_view address, std::string_view account) { return !guesses.ask(address, account).is_refused; }
    unsigned heard(unsigned tries, std::string_view address, std::string_view account)
    {
        unsigned count = 0;
        for (unsigned i = 0; i < tries; ++i)
            count += guess(address, account) ? 1 : 0;
        return count;
    }
};

TEST(Guesses, AFewAtOnceThenOneEachSecond)
{
    Counted at;
    for (int i = 0; i < 5; ++i)
        EXPECT_EQ(at.guesses.ask("127.0.0.1", "bob").wait, 0s);
    EXPECT_EQ(at.guesses.ask("127.0.0.1", "bob").wait, 1s) << "then slowed";
    EXPECT_EQ(at.guesses.ask("127.0.0.1", "bob").wait, 2s);
    EXPECT_EQ(at.guesses.ask("127.0.0.1", "bob").wait, 3s);
    EXPECT_TRUE(at.guesses.ask("127.0.0.1", "bob").is_refused) << "then refused";
    EXPECT_TRUE(at.guesses.ask("127.0.0.1", "bob").is_refused) << "which costs nothing more";
    at.clock.move(1s);
    EXPECT_EQ(at.guesses.ask("127.0.0.1", "bob").wait, 3s);
    EXPECT_TRUE(at.guesses.ask("127.0.0.1", "bob").is_refused);
    at.clock.move(1h);
    EXPECT_EQ(at.guesses.ask("127.0.0.1", "bob").wait, 0s);
}

// Right passwords cost nothing, however many come at once: who is crowded out by them waits, and is not refused.
TEST(Guesses, ACrowdIsNotAFlood)
{
    Counted at;
    std::vector<Guesses::Ticket> tickets;
    std::vector<std::unique_ptr<Guesses::Looking>> looking;
    tickets.reserve(8);
    for (int i = 0; i < 5; ++i) {
        EXPECT_FALSE(at.guesses.is_crowded("127.0.0.1", "bob")) << i;
        tickets.push_back(at.guesses.ask("127.0.0.1", "bob"));
        looking.push_back(std::make_unique<Guesses::Looking>(at.guesses, tickets.back()));
    }
    EXPECT_TRUE(at.guesses.is_crowded("127.0.0.1", "bob"));
    EXPECT_TRUE(at.guesses.is_crowded("127.0.0.1", "alice")) << "the same address";
    EXPECT_TRUE(at.guesses.is_crowded("10.0.0.1", "bob")) << "the same account";
    EXPECT_FALSE(at.guesses.is_crowded("10.0.0.1", "alice"));
    at.guesses.succeeded(tickets[0]);
    looking[0].reset();
    EXPECT_FALSE(at.guesses.is_crowded("127.0.0.1", "alice")) << "a price has come back";
    EXPECT_FALSE(at.guesses.is_crowded("127.0.0.1", "bob")) << "known now: a measure of its own";
    // The others were wrong: their price stays, and they make no crowd any more.
    EXPECT_EQ(at.guesses.ask("127.0.0.1", "alice").wait, 0s);
    for (int i = 1; i < 5; ++i)
        looking[static_cast<std::size_t>(i)].reset();
    EXPECT_FALSE(at.guesses.is_crowded("127.0.0.1", "alice"));
    EXPECT_EQ(at.guesses.ask("127.0.0.1", "alice").wait, 1s);
}

// HOSTILE A22: 1,000 tries from one address and from a hundred.
TEST(Guesses, AThousandTriesGetAsManyAnswersAsSeconds)
{
    Counted one;
    unsigned heard = 0;
    for (int second = 0; second < 100; ++second, one.clock.move(1s))
        heard += one.heard(10, "127.0.0.1", "bob");
    EXPECT_LE(heard, 108u);
    EXPECT_GE(heard, 100u);

    Counted hundred;
    heard = 0;
    for (int second = 0; second < 10; ++second, hundred.clock.move(1s))
        for (int address = 0; address < 100; ++address)
            heard += hundred.guess(fmt::format("10.0.0.{}", address), "bob") ? 1 : 0;
    EXPECT_LE(heard, 18u) << "the account's own measure";

    Counted many_accounts;
    heard = 0;
    for (int i = 0; i < 1000; ++i)
        heard += many_accounts.guess("10.0.0.1", fmt::format("user{}", i)) ? 1 : 0;
    EXPECT_LE(heard, 8u) << "the address's own measure";
}

TEST(Guesses, TheRightPersonGetsInFromAKnownAddress)
{
    Counted at;
    at.guesses.succeeded(at.guesses.ask("192.0.2.7", "bob"));
    for (int address = 0; address < 100; ++address)
        at.guess(fmt::format("10.0.0.{}", address), "bob");
    EXPECT_FALSE(at.guess("10.0.1.1", "bob"));
    EXPECT_EQ(at.guesses.ask("192.0.2.7", "bob").wait, 0s) << "though the account is under attack";
    at.heard(100, "192.0.2.7", "alice");
    EXPECT_EQ(at.guesses.ask("192.0.2.7", "bob").wait, 0s) << "and somebody guesses behind the same address";
    EXPECT_LE(at.heard(100, "192.0.2.7", "bob"), 8u) << "not a way to guess without end";
    at.clock.move(std::chrono::days(31));
    for (int address = 0; address < 100; ++address)
        at.guess(fmt::format("10.0.0.{}", address), "bob");
    EXPECT_FALSE(at.guess("192.0.2.7", "bob")) << "lately, not for ever";
}

TEST(Guesses, RightPasswordsCostNothing)
{
    Counted at;
    for (int i = 0; i < 1000; ++i) {
        const Guesses::Ticket ticket = at.guesses.ask("127.0.0.1", fmt::format("user{}", i % 10));
        ASSERT_EQ(ticket.wait, 0s);
        at.guesses.succeeded(ticket);
    }
    for (int i = 0; i < 1000; ++i)
        at.guesses.give_back(at.guesses.ask("127.0.0.2", "carol"));
    EXPECT_EQ(at.guesses.ask("127.0.0.2", "carol").wait, 0s) << "one that could not be looked at is no guess";
}

TEST(Guesses, AnIpv6NetworkIsOneAddress)
{
    EXPECT_EQ(guess_origin("2001:db8:1:2:3::4"), guess_origin("2001:db8:1:2:ffff::1"));
    EXPECT_NE(guess_origin("2001:db8:1:2::1"), guess_origin("2001:db8:1:3::1"));
    EXPECT_NE(guess_origin("192.0.2.1"), guess_origin("192.0.2.2"));
}

TEST(Guesses, MemoryIsBounded)
{
    Generations<int, int> map(100);
    for (int i = 0; i < 10'000; ++i) {
        map.put(i, i);
        ASSERT_LE(map.size(), 200u);
        if (i > 0)
            ASSERT_TRUE(map.find(0)) << "what is used stays";
    }
    EXPECT_EQ(map.find(1), nullptr);
    map.erase(9'999);
    EXPECT_EQ(map.find(9'999), nullptr);
}

}  // namespace
}  // namespace posthouse::directory

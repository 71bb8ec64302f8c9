#include "directory/test_house.h"

namespace posthouse::directory {
namespace {

struct OutgoingTest : testing::Test {
    OutgoingTest()
    {
        EXPECT_TRUE(house.run(house.directory().add_domain("north.test")));
        alice = house.add("alice@north.test").id;
        bob = house.add("bob@north.test").id;
    }
    // How many of `most` are let out.
    int taken(AccountId account, int most)
    {
        for (int i = 0; i < most; ++i)
            if (!house.run(house.made.outgoing->take(account)))
                return i;
        return most;
    }
    std::uint32_t used(AccountId account) { return house.run(house.made.outgoing->use(account)).value().used; }

    TestHouse house;
    AccountId alice = 0;
    AccountId bob = 0;
};

TEST_F(OutgoingTest, AnHourHas500AndTheNextOneToo)
{
    EXPECT_EQ(taken(alice, 600), 500);
    EXPECT_EQ(house.run(house.made.outgoing->take(alice)).error().code, ErrorCode::limit);
    EXPECT_EQ(taken(bob, 10), 10) << "each for himself";
    house.clock.move(30min);
    EXPECT_EQ(taken(alice, 1), 0);
    house.clock.move(31min);
    EXPECT_EQ(taken(alice, 600), 500);
}

TEST_F(OutgoingTest, WhatWasNotSentIsGivenBack)
{
    EXPECT_EQ(taken(alice, 500), 500);
    house.clock.move(6min);
    house.made.outgoing->give_back(alice, 20);
    EXPECT_EQ(used(alice), 480u);
    EXPECT_EQ(taken(alice, 600), 20);
}

TEST_F(OutgoingTest, TheLimitIsTheAccounts)
{
    ASSERT_TRUE(house.run(house.directory().set_outgoing("alice@north.test", 3)));
    EXPECT_EQ(taken(alice, 10), 3);
    ASSERT_TRUE(house.run(house.directory().set_outgoing("alice@north.test", unlimited_outgoing)));
    EXPECT_EQ(taken(alice, 700), 700);
    ASSERT_TRUE(house.run(house.directory().set_outgoing("alice@north.test", 0)));
    EXPECT_EQ(taken(alice, 1), 0);
    house.reopen();
    EXPECT_EQ(house.run(house.directory().account(alice)).value().outgoing_per_hour, 0u);
    EXPECT_EQ(house.run(house.directory().account(bob)).value().outgoing_per_hour, usual_outgoing);
}

TEST_F(OutgoingTest, ARestartForgetsLittle)
{
    for (int i = 0; i < 40; ++i) {
        EXPECT_EQ(taken(alice, 10), 10);
        house.clock.move(11s);
    }
    house.reopen();
    EXPECT_GE(used(alice), 380u);
    EXPECT_LE(taken(alice, 600), 120);
}

TEST_F(OutgoingTest, AClockThatWasAYearAheadLocksNobodyOut)
{
    house.clock.move(365 * 24h);
    EXPECT_EQ(taken(alice, 500), 500);
    house.clock.step_back(365 * 24h);
    EXPECT_EQ(taken(alice, 10), 10);
}

}  // namespace
}  // namespace posthouse::directory

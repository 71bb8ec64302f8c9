// Mail that is held until later (RFC 4865), and taken back meanwhile.
#include "world/world.h"

#include <gtest/gtest.h>

namespace posthouse::world {
namespace {

class Holding : public testing::Test {
protected:
    World world;
    House& north = world.house("north.test", {"alice", "bob"});
    House& south = world.house("south.test", {"carol"});
};

TEST_F(Holding, MailGoesWhenItIsDue)
{
    north.send("alice@north.test", {"carol@south.test", "bob@north.test"}, {.hold = 6h});
    world.pass(5h + 59min);
    EXPECT_TRUE(south.mail("carol").empty());
    EXPECT_TRUE(north.mail("bob").empty());
    EXPECT_TRUE(north.mail("alice").empty()) << "held is not late";
    world.pass(2min);
    EXPECT_EQ(south.mail("carol").size(), 1u);
    EXPECT_EQ(north.mail("bob").size(), 1u);
    EXPECT_EQ(north.waiting(), 0u);
}

TEST_F(Holding, ItsSenderTakesItBack)
{
    const Id id = north.send("alice@north.test", {"carol@south.test", "bob@north.test"}, {.hold = 10min});
    world.pass(9min);
    EXPECT_FALSE(north.cancel("bob", id)) << "it is not his";
    EXPECT_TRUE(north.cancel("alice", id));
    EXPECT_FALSE(north.cancel("alice", id)) << "it is gone";
    world.pass(24h);
    EXPECT_TRUE(south.mail("carol").empty());
    EXPECT_TRUE(north.mail("bob").empty());
    EXPECT_TRUE(north.mail("alice").empty()) << "nobody is told";
    EXPECT_EQ(north.waiting(), 0u);
}

TEST_F(Holding, WhatIsDueIsNotTakenBack)
{
    world.nobody_at("down.test");
    const Id id = north.send("alice@north.test", {"eve@down.test"}, {.hold = 1min});
    world.pass(2min);
    EXPECT_FALSE(north.cancel("alice", id)) << "it was tried already, and waits for another reason";
    EXPECT_EQ(north.waiting(), 1u);
}

}  // namespace
}  // namespace posthouse::world

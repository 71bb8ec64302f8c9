#include "net/deflate.h"

#include "net/test_support.h"

namespace posthouse::net {
namespace {

std::string inflated(std::string_view packed)
{
    Inflater inflater;
    std::string out;
    for (;;) {
        char block[1000];
        std::span<char> room(block);
        const Inflater::Outcome outcome = inflater.inflate(packed, room);
        out.append(block, sizeof block - room.size());
        if (outcome != Inflater::Outcome::more)
            return out;
    }
}

TEST(Deflate, EachWriteStandsForItself)
{
    const std::vector<std::string> first{"* OK ", "", std::string(100'000, 'x')};
    const std::vector<std::string> second{"secret secret secret"};
    const std::string one = deflate(first).value();
    const std::string two = deflate(second).value();
    EXPECT_LT(one.size(), 1000u);
    EXPECT_EQ(inflated(one + two), "* OK " + std::string(100'000, 'x') + "secret secret secret");
    EXPECT_EQ(deflate(second).value(), two) << "what was written before leaves no trace in the lengths (HOSTILE A19)";
    EXPECT_EQ(inflated(two), "secret secret secret");
}

TEST(Deflate, WhatIsNone)
{
    Inflater inflater;
    std::string_view packed = "\xff\xff\xff\xff";
    char block[100];
    std::span<char> room(block);
    EXPECT_EQ(inflater.inflate(packed, room), Inflater::Outcome::broken);
}

class DeflatedWire : public testing::Test {
protected:
    static Task<std::pair<Wire, Wire>> make_pair()
    {
        const LoopExecutor executor = co_await asio::this_coro::executor;
        Result<std::pair<Wire, Wire>> pair = connected_pair(executor);
        co_return std::move(*pair);
    }
    static Task<void> drop(Wire, Wire) { co_return; }
    template <class T> T run_here(Task<T> task) { return run(loops_[0], std::move(task)); }
    void SetUp() override
    {
        auto pair = run_here(make_pair());
        left_ = std::move(pair.first);
        right_ = std::move(pair.second);
    }
    void TearDown() override { run(loops_[0], drop(std::move(left_), std::move(right_))); }

    Loops loops_{1};
    Wire left_;
    Wire right_;
};

TEST_F(DeflatedWire, BothDirections)
{
    ASSERT_TRUE(left_.start_deflate());
    ASSERT_TRUE(right_.start_deflate());
    EXPECT_FALSE(right_.start_deflate()) << "once is enough";
    ASSERT_TRUE(run_here(left_.write(std::vector<std::string>{"a NOOP", "\r\n"}, patient())));
    EXPECT_EQ(run_here(take(right_, 8)), "a NOOP\r\n");
    ASSERT_TRUE(run_here(right_.write(std::string("a OK\r\n"), patient())));
    EXPECT_EQ(run_here(take(left_, 6)), "a OK\r\n");
}

TEST_F(DeflatedWire, NothingMayWaitThatCameBefore)
{
    ASSERT_TRUE(run_here(left_.write(std::string("b NOOP\r\n"), patient())));
    ASSERT_TRUE(run_here(right_.fill(patient())));
    EXPECT_EQ(right_.start_deflate().error(), ErrorCode::malformed);
}

// HOSTILE A19: a small bomb; what comes out of it is never more than the reader keeps.
TEST_F(DeflatedWire, ABombIsInflatedAsFarAsItIsWanted)
{
    const std::vector<std::string> zeros{std::string(100'000'000, '\0')};
    ASSERT_TRUE(right_.start_deflate());
    ASSERT_TRUE(run_here(left_.write(deflate(zeros).value(), patient())));
    const Result<void> filled = run_here(right_.fill(patient(), 64 * 1024));
    ASSERT_TRUE(filled);
    EXPECT_LE(right_.input().size(), 64u * 1024u);
    std::size_t reads = 0;
    Result<void> more;
    while (more && ++reads < 100)
        more = run_here(right_.fill(patient(), 64 * 1024));
    EXPECT_EQ(more.error(), ErrorCode::too_large);
    EXPECT_EQ(right_.input().size(), 64u * 1024u);
}

TEST_F(DeflatedWire, GarbageEndsTheConnection)
{
    ASSERT_TRUE(right_.start_deflate());
    ASSERT_TRUE(run_here(left_.write(std::string("\xff\xff\xff\xff\xff"), patient())));
    EXPECT_EQ(run_here(right_.fill(patient())).error(), ErrorCode::malformed);
}

}  // namespace
}  // namespace posthouse::net

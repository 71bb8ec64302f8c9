#include "store/memory/memory.h"

#include "store/conformance.h"

namespace posthouse::store {

namespace {

struct MemoryFactory {
    SystemClock system;
    MemoryStore engine{system};
    Store& store() { return engine; }
    const Clock& clock() { return system; }
};

}  // namespace

INSTANTIATE_TYPED_TEST_SUITE_P(Memory, StoreConformance, MemoryFactory);

class MemoryFaults : public ::testing::Test {
protected:
    Batch batch(Value value, Durability durability = Durability::synced)
    {
        Batch batch{.partition = anna, .id = ++id, .durability = durability};
        batch.puts = {{"k", std::move(value)}};
        return batch;
    }
    Outcome commit(Batch batch) { return loop.run(store.commit(std::move(batch), Deadline::never())); }
    std::optional<Value> value() { return loop.run(store.get(anna, "k", Deadline::never())).value(); }

    const Partition anna{PartitionKind::account, 1};
    SystemClock clock;
    MemoryStore store{clock};
    TestLoop loop;
    CommitId id = 0;
};

TEST_F(MemoryFaults, TheNthCommitFails)
{
    store.fail_commit(2, Outcome::unavailable);
    store.fail_commit(3, Outcome::unknown, Landed::yes);
    store.fail_commit(4, Outcome::unknown, Landed::no);
    EXPECT_EQ(commit(batch("1")), Outcome::ok);
    EXPECT_EQ(commit(batch("2")), Outcome::unavailable);
    EXPECT_EQ(value(), "1");
    const Batch third = batch("3");
    EXPECT_EQ(commit(third), Outcome::unknown);
    EXPECT_EQ(loop.run(store.resolve(third, Deadline::never())), Outcome::ok);
    EXPECT_EQ(value(), "3");
    EXPECT_EQ(loop.run(commit_surely(store, batch("4"), Deadline::never())), Outcome::conflict);
    EXPECT_EQ(value(), "3");
    EXPECT_EQ(store.commits(), 1u);
}

TEST_F(MemoryFaults, AReadFails)
{
    store.fail_read(1, ErrorCode::corrupt);
    const auto read = loop.run(store.get(anna, "k", Deadline::never()));
    ASSERT_FALSE(read.has_value());
    EXPECT_EQ(read.error(), ErrorCode::corrupt);
    EXPECT_EQ(value(), std::nullopt);
}

TEST_F(MemoryFaults, ACrashTakesBackWhatWasNotSafe)
{
    EXPECT_EQ(commit(batch("safe")), Outcome::ok);
    EXPECT_EQ(commit(batch("lazy", Durability::lazy)), Outcome::ok);
    EXPECT_EQ(value(), "lazy");
    store.crash();
    EXPECT_EQ(value(), "safe");

    Batch elsewhere{.partition = {PartitionKind::account, 2}, .id = ++id, .durability = Durability::lazy};
    elsewhere.puts = {{"k", "v"}};
    EXPECT_EQ(commit(elsewhere), Outcome::ok);
    EXPECT_EQ(commit(batch("lazy", Durability::lazy)), Outcome::ok);
    EXPECT_EQ(commit(batch("synced")), Outcome::ok);
    store.crash();
    EXPECT_EQ(value(), "synced");
    EXPECT_EQ(loop.run(store.get(elsewhere.partition, "k", Deadline::never())).value(), "v");
}

TEST_F(MemoryFaults, WhatIsInFlightAtACrashNeverHappened)
{
    store.hold();
    auto answer = loop.start(store.commit(batch("1"), Deadline::never()));
    EXPECT_EQ(value(), std::nullopt) << "by now the commit has been handed in, and is not visible";
    store.crash();
    EXPECT_EQ(answer.get(), Outcome::unavailable);
    EXPECT_EQ(value(), std::nullopt);
}

TEST_F(MemoryFaults, HeldAndDelayedCommitsLandInOrder)
{
    store.hold();
    auto first = loop.start(store.commit(batch("1"), Deadline::never()));
    auto second = loop.start(store.commit(batch("2"), Deadline::never()));
    EXPECT_EQ(value(), std::nullopt);
    store.release();
    EXPECT_EQ(first.get(), Outcome::ok);
    EXPECT_EQ(second.get(), Outcome::ok);
    EXPECT_EQ(value(), "2");
    store.set_delay(2ms);
    auto third = loop.start(store.commit(batch("3"), Deadline::never()));
    store.set_delay(0ms);
    EXPECT_EQ(commit(batch("4")), Outcome::ok) << "overtakes nobody";
    EXPECT_EQ(third.get(), Outcome::ok);
    EXPECT_EQ(value(), "4");
}

TEST_F(MemoryFaults, LowSpaceRefusesIntakeOnly)
{
    store.set_health(Health::low_space);
    EXPECT_EQ(commit(batch("1")), Outcome::unavailable);
    Batch upkeep = batch("2");
    upkeep.purpose = Purpose::upkeep;
    EXPECT_EQ(commit(upkeep), Outcome::ok);
    store.set_health(Health::read_only);
    EXPECT_EQ(commit(upkeep), Outcome::unavailable);
    EXPECT_EQ(value(), "2");
}

}  // namespace posthouse::store

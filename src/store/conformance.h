// What every engine must do, as one typed GoogleTest suite that each engine's tests instantiate:
//
//   struct Factory { Factory(); Store& store(); const Clock& clock(); };
//   INSTANTIATE_TYPED_TEST_SUITE_P(Memory, StoreConformance, Factory);
//
// Only tests include this header.
#pragma once

#include "store/blobs.h"
#include "store/key.h"
#include "store/store.h"

#include <future>

#include <gtest/gtest.h>

namespace posthouse::store {

// One loop on a thread of its own; run() blocks the test until the task has ended.
class TestLoop {
public:
    template <class T> T run(Task<T> task) { return start(std::move(task)).get(); }
    template <class T> std::future<T> start(Task<T> task)
    {
        const auto answer = std::make_shared<std::promise<T>>();
        asio::co_spawn(loops_[0].executor(), std::move(task), [answer](std::exception_ptr bug, T value) {
            if (bug)
                answer->set_exception(bug);
            else
                answer->set_value(std::move(value));
        });
        return answer->get_future();
    }
    Loop& loop() { return loops_[0]; }

private:
    Loops loops_{1};
};

template <class Factory> class StoreConformance : public ::testing::Test {
protected:
    Store& store() { return factory_.store(); }
    Deadline soon() { return Deadline::in(factory_.clock(), 60s); }

    Outcome commit(Batch batch)
    {
        if (batch.id == 0)
            batch.id = ++last_id_;
        return loop_.run(store().commit(std::move(batch), soon()));
    }
    Outcome put(Partition partition, Key key, Value value, Space space = Space::rows)
    {
        Batch batch{.partition = partition};
        batch.puts.push_back({std::move(key), std::move(value), space});
        return commit(std::move(batch));
    }
    std::optional<Value> get(Partition partition, Key key, Space space = Space::rows)
    {
        const auto value = loop_.run(store().get(partition, std::move(key), soon(), space));
        EXPECT_TRUE(value.has_value());
        return value ? *value : std::nullopt;
    }
    Page scan(Partition partition, Range range = {}, std::size_t most = 1000, Space space = Space::rows)
    {
        auto page = loop_.run(store().scan(partition, std::move(range), most, soon(), space));
        EXPECT_TRUE(page.has_value());
        return page ? *std::move(page) : Page{};
    }
    std::string keys(const Page& page)
    {
        std::string all;
        for (const Row& row : page.rows)
            all += row.key + " ";
        return all;
    }

    const Partition anna{PartitionKind::account, 1};
    const Partition bert{PartitionKind::account, 2};
    TestLoop loop_;  // ends after every thread that posts to it
    Factory factory_;
    CommitId last_id_ = 100;
};

TYPED_TEST_SUITE_P(StoreConformance);

TYPED_TEST_P(StoreConformance, KeepsWhatWasPut)
{
    EXPECT_EQ(this->get(this->anna, "a"), std::nullopt);
    EXPECT_EQ(this->put(this->anna, "a", "1"), Outcome::ok);
    EXPECT_EQ(this->get(this->anna, "a"), "1");
    EXPECT_EQ(this->put(this->anna, "a", ""), Outcome::ok);
    EXPECT_EQ(this->get(this->anna, "a"), "") << "an empty value is a value";
    EXPECT_EQ(this->get(this->bert, "a"), std::nullopt) << "partitions do not see each other";
    EXPECT_EQ(this->get({PartitionKind::queue, 1}, "a"), std::nullopt) << "nor do kinds of one id";
}

TYPED_TEST_P(StoreConformance, SpacesAreApart)
{
    EXPECT_EQ(this->put(this->anna, "a", "row"), Outcome::ok);
    EXPECT_EQ(this->put(this->anna, "a", "body", Space::bodies), Outcome::ok);
    EXPECT_EQ(this->get(this->anna, "a"), "row");
    EXPECT_EQ(this->get(this->anna, "a", Space::bodies), "body");
    Batch batch{.partition = this->anna};
    batch.erases.push_back({"a", Space::bodies});
    EXPECT_EQ(this->commit(std::move(batch)), Outcome::ok);
    EXPECT_EQ(this->get(this->anna, "a"), "row");
    EXPECT_EQ(this->get(this->anna, "a", Space::bodies), std::nullopt);
}

TYPED_TEST_P(StoreConformance, ScansInByteOrder)
{
    for (const char* key : {"b", "a", "\xff", "c\x01", "c", "\x80"})
        ASSERT_EQ(this->put(this->anna, key, key), Outcome::ok);
    ASSERT_EQ(this->put(this->anna, std::string("\0z", 2), "zero"), Outcome::ok);
    ASSERT_EQ(this->put(this->bert, "b2", "another's"), Outcome::ok);
    EXPECT_EQ(this->keys(this->scan(this->anna)), std::string("\0z a b c c\x01 \x80 \xff ", 16));
    EXPECT_EQ(this->keys(this->scan(this->anna, {"b", "c\x01"})), "b c ") << "until is not in the range";
    EXPECT_EQ(this->keys(this->scan(this->anna, {"bb", ""})), "c c\x01 \x80 \xff ");
    EXPECT_EQ(this->keys(this->scan(this->anna, {"c", "b"})), "") << "a range that ends before it begins";
    EXPECT_EQ(this->keys(this->scan(this->anna, {"", ""}, 1000, Space::bodies)), "");
}

TYPED_TEST_P(StoreConformance, PagesByRowsAndBytes)
{
    Batch batch{.partition = this->anna};
    for (std::uint32_t i = 0; i < 1500; ++i)
        batch.puts.push_back({KeyBuilder(1).u32(i).key(), std::to_string(i)});
    ASSERT_EQ(this->commit(std::move(batch)), Outcome::ok);
    const Page first = this->scan(this->anna, {}, 5000);
    ASSERT_EQ(first.rows.size(), 1000u) << "no page is longer than the limit";
    EXPECT_TRUE(first.more);
    const Page second = this->scan(this->anna, {first.rows.back().key + '\0', {}});
    ASSERT_EQ(second.rows.size(), 500u);
    EXPECT_FALSE(second.more);
    EXPECT_EQ(second.rows.front().value, "1000");
    const Page exact = this->scan(this->anna, {}, 1500 - 1000);
    EXPECT_EQ(exact.rows.size(), 500u);

    for (char c = 'a'; c < 'a' + 20; ++c)
        ASSERT_EQ(this->put(this->bert, {c}, std::string(60'000, c), Space::bodies), Outcome::ok);
    const Page big = this->scan(this->bert, {}, 1000, Space::bodies);
    EXPECT_EQ(big.rows.size(), 17u) << "1 MiB holds 17 of 60,000 bytes";
    EXPECT_TRUE(big.more);
    EXPECT_EQ(big.rows.back().value, std::string(60'000, 'q'));
}

TYPED_TEST_P(StoreConformance, LastRowOfARange)
{
    const auto last = [this](Range range) {
        const auto row = this->loop_.run(this->store().last(this->anna, std::move(range), this->soon()));
        EXPECT_TRUE(row.has_value());
        return row && *row ? (*row)->key : std::string("none");
    };
    EXPECT_EQ(last({}), "none");
    for (const char* key : {"b", "d", "f"})
        ASSERT_EQ(this->put(this->anna, key, key), Outcome::ok);
    ASSERT_EQ(this->put(this->bert, "z", "another's"), Outcome::ok);
    EXPECT_EQ(last({}), "f");
    EXPECT_EQ(last({"a", "f"}), "d");
    EXPECT_EQ(last({"a", "ff"}), "f");
    EXPECT_EQ(last({"c", "d"}), "none");
    EXPECT_EQ(last({"g", ""}), "none");
}

TYPED_TEST_P(StoreConformance, ChecksDecideAboutAllOrNothing)
{
    ASSERT_EQ(this->put(this->anna, "head", "1"), Outcome::ok);
    const auto attempt = [this](std::optional<Value> head, std::optional<Value> other) {
        Batch batch{.partition = this->anna};
        batch.checks = {{"head", std::move(head)}, {"other", std::move(other)}};
        batch.puts = {{"head", "2"}, {"new", "row"}};
        batch.erases = {{"old"}};
        return this->commit(std::move(batch));
    };
    EXPECT_EQ(attempt("0", std::nullopt), Outcome::conflict);
    EXPECT_EQ(attempt(std::nullopt, std::nullopt), Outcome::conflict);
    EXPECT_EQ(attempt("1", "x"), Outcome::conflict) << "absent is not equal to anything";
    EXPECT_EQ(attempt("1", ""), Outcome::conflict) << "absent is not empty";
    EXPECT_EQ(this->get(this->anna, "head"), "1");
    EXPECT_EQ(this->get(this->anna, "new"), std::nullopt);
    EXPECT_EQ(attempt("1", std::nullopt), Outcome::ok);
    EXPECT_EQ(this->get(this->anna, "head"), "2");
    EXPECT_EQ(attempt("1", std::nullopt), Outcome::conflict) << "the second one of two equal attempts";
}

TYPED_TEST_P(StoreConformance, RangesThenErasesThenPuts)
{
    for (const char* key : {"a", "b", "c", "d", "e"}) {
        ASSERT_EQ(this->put(this->anna, key, "old"), Outcome::ok);
        ASSERT_EQ(this->put(this->bert, key, "old"), Outcome::ok);
    }
    Batch batch{.partition = this->anna};
    batch.puts = {{"b", "new"}, {"d", "new"}};
    batch.erases = {{"d"}, {"nothing"}};
    batch.erase_ranges = {{"b", "d"}};
    ASSERT_EQ(this->commit(std::move(batch)), Outcome::ok);
    EXPECT_EQ(this->keys(this->scan(this->anna)), "a b d e ");
    EXPECT_EQ(this->get(this->anna, "b"), "new");
    EXPECT_EQ(this->get(this->anna, "d"), "new");

    Batch rest{.partition = this->anna};
    rest.erase_ranges = {{"d", ""}, {"z", "b"}};
    ASSERT_EQ(this->commit(std::move(rest)), Outcome::ok);
    EXPECT_EQ(this->keys(this->scan(this->anna)), "a b ") << "an empty end is the partition's; a turned range is empty";
    EXPECT_EQ(this->keys(this->scan(this->bert)), "a b c d e ");
}

TYPED_TEST_P(StoreConformance, LimitsHoldOnEveryEngine)
{
    const Limits& limits = this->store().limits();
    EXPECT_EQ(this->put(this->anna, std::string(limits.key_bytes, 'k'), "v"), Outcome::ok);
    EXPECT_EQ(this->put(this->anna, std::string(limits.key_bytes + 1, 'k'), "v"), Outcome::too_large);
    EXPECT_EQ(this->put(this->anna, "k", std::string(limits.value_bytes, 'v')), Outcome::ok);
    EXPECT_EQ(this->put(this->anna, "k", std::string(limits.value_bytes + 1, 'v')), Outcome::too_large);
    EXPECT_EQ(this->put(this->anna, "k", std::string(limits.value_bytes + 1, 'v'), Space::bodies), Outcome::too_large);
    Batch many{.partition = this->anna};
    for (std::size_t i = 0; i < limits.batch_operations; ++i)
        many.erases.push_back({std::to_string(i)});
    EXPECT_EQ(this->commit(many), Outcome::ok);
    many.checks.push_back({"absent", std::nullopt});
    EXPECT_EQ(this->commit(std::move(many)), Outcome::too_large) << "a check is an operation";
    Batch big{.partition = this->anna};
    for (char c = 'a'; c < 'a' + 17; ++c)
        big.puts.push_back({{c}, std::string(63'000, c)});
    EXPECT_EQ(this->commit(std::move(big)), Outcome::too_large);
    EXPECT_EQ(this->get(this->anna, "a"), std::nullopt);
    const auto read = this->loop_.run(this->store().get(this->anna, std::string(2000, 'k'), this->soon()));
    ASSERT_FALSE(read.has_value());
    EXPECT_EQ(read.error(), ErrorCode::too_large);
}

TYPED_TEST_P(StoreConformance, ListsPartitionsThatHaveRows)
{
    for (const std::uint64_t id : {7u, 1u, 300u, 2u})
        ASSERT_EQ(this->put({PartitionKind::journey, id}, "k", "v"), Outcome::ok);
    ASSERT_EQ(this->put({PartitionKind::journey, 5}, "k", "v", Space::bodies), Outcome::ok);
    ASSERT_EQ(this->put({PartitionKind::queue, 3}, "k", "v"), Outcome::ok);
    Batch gone{.partition = {PartitionKind::journey, 2}};
    gone.erase_ranges = {{"", ""}};
    ASSERT_EQ(this->commit(std::move(gone)), Outcome::ok);
    const auto list = [this](PartitionKind kind, std::uint64_t from) {
        std::string ids;
        const auto found = this->loop_.run(this->store().partitions(kind, from, this->soon()));
        EXPECT_TRUE(found.has_value());
        for (const Partition& partition : found.value_or(std::vector<Partition>{}))
            ids += std::to_string(partition.id) + " ";
        return ids;
    };
    EXPECT_EQ(list(PartitionKind::journey, 0), "1 5 7 300 ");
    EXPECT_EQ(list(PartitionKind::journey, 6), "7 300 ");
    EXPECT_EQ(list(PartitionKind::journey, 301), "");
    EXPECT_EQ(list(PartitionKind::account, 0), "");
}

TYPED_TEST_P(StoreConformance, ResolveTellsWhetherABatchLanded)
{
    Batch landed{.partition = this->anna, .id = 11};
    landed.puts = {{"a", "1"}};
    ASSERT_EQ(this->commit(landed), Outcome::ok);
    Batch never{.partition = this->anna, .id = 12};
    EXPECT_EQ(this->loop_.run(this->store().resolve(landed, this->soon())), Outcome::ok);
    EXPECT_EQ(this->loop_.run(this->store().resolve(never, this->soon())), Outcome::conflict);
    Batch elsewhere{.partition = this->bert, .id = 11};
    EXPECT_EQ(this->loop_.run(this->store().resolve(elsewhere, this->soon())), Outcome::conflict);
}

TYPED_TEST_P(StoreConformance, APassedDeadlineWritesNothing)
{
    Batch batch{.partition = this->anna, .id = 1};
    batch.puts = {{"a", "1"}};
    const Deadline passed{this->factory_.clock().steady() - 1s};
    EXPECT_EQ(this->loop_.run(this->store().commit(std::move(batch), passed)), Outcome::unavailable);
    EXPECT_EQ(this->get(this->anna, "a"), std::nullopt);
}

// Commits handed in together, without waiting for each other: each sees all earlier ones, also those
// that share its sync.
TYPED_TEST_P(StoreConformance, CommitsHandedInTogetherAreOrdered)
{
    ASSERT_EQ(this->put(this->anna, "n", "0"), Outcome::ok);
    std::vector<std::future<Outcome>> answers;
    for (int i = 0; i < 200; ++i) {
        Batch batch{.partition = this->anna, .id = static_cast<CommitId>(1000 + i)};
        batch.checks = {{"n", std::to_string(i)}, {"old" + std::to_string(i), std::nullopt}};
        if (i % 7 == 3)
            batch.erase_ranges = {{"", ""}};
        if (i % 7 == 5)
            batch.erases = {{"n"}};
        batch.puts = {{"n", std::to_string(i + 1)}, {"old" + std::to_string(i), "x"}};
        answers.push_back(this->loop_.start(this->store().commit(std::move(batch), this->soon())));
    }
    for (auto& answer : answers)
        EXPECT_EQ(answer.get(), Outcome::ok);
    EXPECT_EQ(this->get(this->anna, "n"), "200");
}

TYPED_TEST_P(StoreConformance, OnlyOneOfTwoRivalsWins)
{
    for (int round = 0; round < 30; ++round) {
        std::vector<std::future<Outcome>> answers;
        for (int rival = 0; rival < 4; ++rival) {
            Batch batch{.partition = this->anna, .id = static_cast<CommitId>(5000 + round * 4 + rival)};
            batch.checks = {{"lock" + std::to_string(round), std::nullopt}};
            batch.puts = {{"lock" + std::to_string(round), std::to_string(rival)}};
            answers.push_back(this->loop_.start(this->store().commit(std::move(batch), this->soon())));
        }
        int winners = 0;
        for (auto& answer : answers)
            winners += answer.get() == Outcome::ok ? 1 : 0;
        EXPECT_EQ(winners, 1);
    }
}

TYPED_TEST_P(StoreConformance, LazyCommitsAreSeenAtOnceAndInOrder)
{
    for (int i = 0; i < 50; ++i) {
        Batch batch{.partition = this->anna, .durability = i % 5 == 4 ? Durability::synced : Durability::lazy};
        if (i > 0)
            batch.checks = {{"n", std::to_string(i - 1)}};
        batch.puts = {{"n", std::to_string(i)}};
        ASSERT_EQ(this->commit(std::move(batch)), Outcome::ok);
        ASSERT_EQ(this->get(this->anna, "n"), std::to_string(i));
    }
}

REGISTER_TYPED_TEST_SUITE_P(StoreConformance, KeepsWhatWasPut, SpacesAreApart, ScansInByteOrder, PagesByRowsAndBytes,
                            LastRowOfARange, ChecksDecideAboutAllOrNothing, RangesThenErasesThenPuts,
                            LimitsHoldOnEveryEngine, ListsPartitionsThatHaveRows, ResolveTellsWhetherABatchLanded,
                            APassedDeadlineWritesNothing, CommitsHandedInTogetherAreOrdered, OnlyOneOfTwoRivalsWins,
                            LazyCommitsAreSeenAtOnceAndInOrder);

}  // namespace posthouse::store

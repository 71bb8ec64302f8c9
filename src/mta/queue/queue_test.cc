#include "mta/queue/queue.h"

#include "base/random.h"
#include "store/blobs.h"
#include "store/memory/memory.h"

#include <future>
#include <map>
#include <numeric>
#include <set>

#include <gtest/gtest.h>

namespace posthouse::mta::queue {
namespace {

// A clock that the test moves.
class TestClock final : public Clock {
public:
    WallTime now() const override { return WallTime{Duration{now_.load()}}; }
    SteadyTime steady() const override { return std::chrono::steady_clock::now(); }
    void advance(Duration by) { now_ += by.count(); }

private:
    std::atomic<std::int64_t> now_{1'800'000'000'000'000};
};

// Files by delivery id, as the mailbox does: the same delivery twice is filed once.
class FakeCourier final : public mailbox::Courier {
public:
    Task<Result<mailbox::Filed>> deliver(mailbox::Delivery delivery) override
    {
        const std::scoped_lock lock(mutex_);
        ++attempts;
        if (refusals.contains(delivery.account))
            co_return fail(refusals[delivery.account], "the test says so");
        mailbox::Filed filed;
        filed.was_filed_before = !filed_.insert(delivery.delivery).second;
        if (!filed.was_filed_before)
            received[delivery.account].push_back(delivery.content.bytes ? *delivery.content.bytes : "a blob");
        co_return filed;
    }
    Task<Result<void>> has_room(mailbox::AccountId, std::uint64_t) override { co_return Result<void>{}; }

    std::map<mailbox::AccountId, ErrorCode> refusals;
    std::map<mailbox::AccountId, std::vector<std::string>> received;
    int attempts = 0;

private:
    std::mutex mutex_;
    std::set<Id> filed_;
};

template <class T> T run(Loop& loop, Task<T> task)
{
    std::promise<T> promise;
    asio::co_spawn(loop.executor(), std::move(task), [&promise](std::exception_ptr bug, T result) {
        bug ? promise.set_exception(bug) : promise.set_value(std::move(result));
    });
    return promise.get_future().get();
}

class QueueTest : public testing::Test {
protected:
    QueueTest() { make_queue(); }
    ~QueueTest() override { end_queue(); }

    void make_queue()
    {
        tasks_ = std::make_unique<TaskGroup>([](std::string_view, std::string_view what) { ADD_FAILURE() << what; });
        queue_ = std::make_unique<Queue>(
            QueueServices{store_, *blobs_, courier_, loops_, ids_, clock_, recorder_, log_, *tasks_});
    }
    void end_queue()
    {
        queue_->stop();
        tasks_->wait();
    }
    void start() { tasks_->spawn(loops_[0], "queue", queue_->run()); }
    // As after a kill -9: what was in memory is gone, what was committed is there.
    void restart()
    {
        end_queue();
        store_.crash();
        make_queue();
        start();
    }

    Accepted message_for(std::vector<mailbox::AccountId> accounts)
    {
        Accepted accepted;
        accepted.item.id = ids_.next();
        accepted.item.arrived = clock_.now();
        accepted.item.envelope.reverse_path = {"alice", "north.test"};
        accepted.content.bytes = std::make_shared<const std::string>("Subject: x\r\n\r\nhello\r\n");
        accepted.content.size = accepted.item.size = accepted.content.bytes->size();
        accepted.digest = std::make_shared<const message::Digest>();
        for (const mailbox::AccountId account : accounts) {
            Entry entry;
            entry.account = account;
            entry.recipient.path = {"user" + std::to_string(account), "north.test"};
            accepted.entries.push_back(std::move(entry));
        }
        return accepted;
    }
    Result<void> accept(Accepted accepted) { return run(loops_[0], queue_->accept(std::move(accepted), 5s)); }
    std::size_t waiting()
    {
        const auto found = run(loops_[0], queue_->waiting(1000));
        EXPECT_TRUE(found);
        return found ? found->size() : 0;
    }
    // The queue works in the background; the test waits for what must come, without a fixed pause.
    template <class Condition> bool eventually(Condition condition)
    {
        for (int i = 0; i < 2000; ++i) {
            if (condition())
                return true;
            std::this_thread::sleep_for(5ms);
        }
        return false;
    }

    TestClock clock_;
    SeededRandom random_{1};
    IdSource ids_{clock_, random_};
    NoRecorder recorder_;
    NoLog log_;
    Loops loops_{2};
    store::MemoryStore store_{clock_};
    std::unique_ptr<store::Blobs> blobs_ = store::make_blobs(store_, ids_);
    FakeCourier courier_;
    std::unique_ptr<TaskGroup> tasks_;
    std::unique_ptr<Queue> queue_;
};

TEST_F(QueueTest, EverybodyHasItWhenAcceptAnswers)
{
    ASSERT_TRUE(accept(message_for({1, 2, 3})));
    EXPECT_EQ(courier_.received.size(), 3u);
    EXPECT_TRUE(eventually([&] { return waiting() == 0; })) << "a settled item leaves no row";
}

TEST_F(QueueTest, MoreRecipientsThanWorkersAllGetIt)
{
    std::vector<mailbox::AccountId> accounts(most_entries);
    std::iota(accounts.begin(), accounts.end(), 1);
    ASSERT_TRUE(accept(message_for(accounts)));
    EXPECT_EQ(courier_.received.size(), most_entries);
    EXPECT_TRUE(eventually([&] { return waiting() == 0; }));
}

TEST_F(QueueTest, WhoCannotHaveItNowGetsItLater)
{
    courier_.refusals[2] = ErrorCode::unavailable;
    start();
    ASSERT_TRUE(accept(message_for({1, 2}))) << "it is accepted: safe in the queue";
    ASSERT_TRUE(eventually([&] { return waiting() == 1 && courier_.received.size() == 1; }));
    courier_.refusals.clear();
    restart();  // run() sleeps by a clock that does not move here; a restart looks at once
    clock_.advance(2min);
    restart();
    EXPECT_TRUE(eventually([&] { return courier_.received[2].size() == 1; }));
    EXPECT_TRUE(eventually([&] { return waiting() == 0; }));
    EXPECT_EQ(courier_.received[1].size(), 1u) << "who had it does not get it twice";
}

TEST_F(QueueTest, WhatFailsForGoodStaysToo)
{
    courier_.refusals[2] = ErrorCode::not_found;
    ASSERT_TRUE(accept(message_for({1, 2})));
    EXPECT_TRUE(eventually([&] { return waiting() == 1; })) << "accepted is accepted: it is never dropped";
}

TEST_F(QueueTest, CrashBeforeSettlingFilesNobodyTwice)
{
    store_.fail_commit(2, store::Outcome::unavailable);  // 1: the acceptance, 2: the settling
    ASSERT_TRUE(accept(message_for({1, 2, 3})));
    restart();
    EXPECT_TRUE(eventually([&] { return waiting() == 0; }));
    for (const auto& [account, messages] : courier_.received)
        EXPECT_EQ(messages.size(), 1u) << account;
    EXPECT_GE(courier_.attempts, 6) << "they were tried again, and recognised";
}

TEST_F(QueueTest, AStoreThatRefusesIsNotAskedWithoutPause)
{
    ASSERT_TRUE(store_.health() == store::Health::good);
    store_.fail_commit(2, store::Outcome::unavailable);
    ASSERT_TRUE(accept(message_for({1, 2})));
    store_.set_health(store::Health::read_only);
    start();
    std::this_thread::sleep_for(350ms);
    EXPECT_LT(courier_.attempts, 20) << "one look in 100 ms at the most, each of two deliveries";
}

TEST_F(QueueTest, NothingIsDeliveredThatWasNotCommitted)
{
    store_.fail_commit(1, store::Outcome::unavailable);
    const Result<void> accepted = accept(message_for({1, 2}));
    ASSERT_FALSE(accepted);
    EXPECT_EQ(accepted.error().code, ErrorCode::unavailable);
    EXPECT_TRUE(courier_.received.empty()) << "the client keeps it: half a delivery must not be visible";
    EXPECT_EQ(waiting(), 0u);
}

TEST_F(QueueTest, AnUnknownOutcomeIsAskedAfter)
{
    store_.fail_commit(1, store::Outcome::unknown, store::Landed::yes);
    EXPECT_TRUE(accept(message_for({1, 2}))) << "it landed";
    store_.fail_commit(1, store::Outcome::unknown, store::Landed::no);
    // The settling of the first may come in between; either way nothing is lost and nothing lies.
    const Result<void> second = accept(message_for({3, 4}));
    EXPECT_EQ(second.has_value(), courier_.received.contains(3));
}

TEST_F(QueueTest, ABlobIsHeldUntilTheLastRecipientHasIt)
{
    const auto write = [&]() -> store::BlobInfo {
        auto writer = blobs_->create();
        EXPECT_TRUE(run(loops_[0], writer->append(std::string(100'000, 'x'), Deadline::never())));
        return run(loops_[0], writer->finish(Deadline::never())).value();
    };
    const store::BlobInfo blob = write();
    Accepted accepted = message_for({1, 2});
    accepted.content.bytes = nullptr;
    accepted.content.blob = accepted.item.blob = blob.id;
    accepted.content.size = accepted.item.size = blob.size;
    courier_.refusals[2] = ErrorCode::unavailable;
    ASSERT_TRUE(accept(std::move(accepted)));
    ASSERT_TRUE(eventually([&] { return waiting() == 1; }));
    clock_.advance(2min);
    const WallTime later = clock_.now();
    EXPECT_EQ(run(loops_[0], blobs_->sweep(later, Deadline::never())).value(), 0u) << "the queue still needs it";
    courier_.refusals.clear();
    restart();
    EXPECT_TRUE(eventually([&] { return waiting() == 0; }));
    EXPECT_TRUE(eventually([&] { return run(loops_[0], blobs_->sweep(later, Deadline::never())).value() == 1; }));
}

TEST(QueueRows, GiveBackWhatWasWritten)
{
    Entry entry;
    entry.item = 7;
    entry.index = 3;
    entry.delivery = 99;
    entry.recipient.path = {"b o\"b", "north.test"};
    entry.recipient.notify = 5;
    entry.recipient.original_recipient = "rfc822;x";
    entry.account = 12;
    entry.subaddress = "lists";
    entry.attempts = 4;
    entry.due = WallTime{Duration{123456789}};
    entry.last_error = "why";
    const auto read = read_entry(entry_key(7, 3), write_entry(entry));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->item, 7u);
    EXPECT_EQ(read->index, 3);
    EXPECT_EQ(read->recipient.path, entry.recipient.path);
    EXPECT_EQ(read->due, entry.due);
    EXPECT_EQ(read->last_error, "why");
    const std::string whole = write_entry(entry);
    for (std::size_t cut = 0; cut < whole.size(); ++cut)
        EXPECT_FALSE(read_entry(entry_key(7, 3), whole.substr(0, cut))) << "a row cut at " << cut << " is damage";
}

TEST(QueueRows, DueRowsLieInTheOrderOfTime)
{
    const WallTime early{Duration{1000}};
    const WallTime late{Duration{2000}};
    EXPECT_LT(due_key(early, 900, 1), due_key(late, 1, 0));
    EXPECT_LT(due_key(early, 1, 0), due_until(early).until) << "due at that moment is due";
    EXPECT_GE(due_key(late, 1, 0), due_until(early).until);
    EXPECT_FALSE(read_due_key("x"));
}

}  // namespace
}  // namespace posthouse::mta::queue

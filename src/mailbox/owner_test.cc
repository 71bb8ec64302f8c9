// Where an owner works, and that only one does at a time.
#include "mailbox/owner.h"

#include "mailbox/fixture.h"
#include "mailbox/handle.h"

#include <gtest/gtest.h>

namespace posthouse::mailbox {
namespace {

// Notes the thread that plans it, and who else is planning meanwhile.
class Probe final : public RequestFor<std::thread::id> {
public:
    Probe(LoopExecutor caller, std::atomic<int>& inside) : RequestFor(std::move(caller)), inside_(inside) { }
    Planned plan(Draft&) override
    {
        EXPECT_EQ(++inside_, 1) << "somebody else is at work";
        std::this_thread::yield();
        --inside_;
        result_ = std::this_thread::get_id();
        return Planned::all;
    }

private:
    std::atomic<int>& inside_;
};

Task<std::thread::id> own_thread() { co_return std::this_thread::get_id(); }

class OwnerTest : public ::testing::Test, protected Workplace {
protected:
    OwnerTest() : Workplace(2) { }

    static Task<std::thread::id> probe(OwnerTest* test)
    {
        const LoopExecutor caller = co_await asio::this_coro::executor;
        auto request = std::make_unique<Probe>(caller, test->inside);
        const auto later = request->answer_later();
        test->owner->submit(std::move(request));
        co_return (co_await later.get()).value();
    }
    // On both loops at once, again and again, beside somebody who wants to forget.
    static Task<int> probe_often(OwnerTest* test, int times)
    {
        int answered = 0;
        for (int i = 0; i < times; ++i) {
            const std::thread::id thread = co_await probe(test);
            answered += thread != std::thread::id() ? 1 : 0;
        }
        co_return answered;
    }

    std::shared_ptr<Activity> activity = std::make_shared<Activity>();
    std::shared_ptr<Owner> owner = std::make_shared<Owner>(1, services, activity, loops[0]);
    std::atomic<int> inside = 0;
};

TEST_F(OwnerTest, ALoneCallerCrossesNoLoop)
{
    for (const std::size_t loop : {0, 1, 1, 0}) {
        while (owner->busy())
            std::this_thread::yield();
        const std::thread::id thread = start_on(loops[loop], own_thread()).get();
        EXPECT_EQ(start_on(loops[loop], probe(this)).get(), thread) << "loop " << loop;
    }
}

TEST_F(OwnerTest, OneIsAtWorkAtATime)
{
    constexpr int times = 300;
    std::vector<std::future<int>> callers;
    for (const std::size_t loop : {0, 1, 0, 1})
        callers.push_back(start_on(loops[loop], probe_often(this, times)));
    const auto still_working = [&] {
        return std::ranges::any_of(callers, [](const std::future<int>& caller) {
            return caller.wait_for(std::chrono::seconds(0)) != std::future_status::ready;
        });
    };
    while (still_working()) {
        owner->forget_mailboxes(SteadyTime::max());
        std::this_thread::yield();
    }
    for (std::future<int>& caller : callers)
        EXPECT_EQ(caller.get(), times);
}

TEST_F(OwnerTest, WhoComesWhileMailboxesAreForgottenIsAnswered)
{
    Handle handle(owner, quotas);
    std::vector<std::future<Result<Filed>>> filed;
    for (int i = 0; i < 200; ++i) {
        filed.push_back(start_on(
            loops[1], handle.file(filing_of(message_text(std::to_string(i)), {{.name = "INBOX"}}, clock.now()))));
        owner->forget_mailboxes(SteadyTime::max());
    }
    for (auto& one : filed)
        EXPECT_TRUE(one.get().has_value());
}

}  // namespace
}  // namespace posthouse::mailbox

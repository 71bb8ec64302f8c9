// A directory on the memory store, with cheap passwords, for this room's tests.
#pragma once

#include "directory/make.h"
#include "store/memory/memory.h"

#include <future>

#include <gtest/gtest.h>

namespace posthouse::directory {

// A clock that stands until it is moved.
class StandingClock final : public Clock {
public:
    WallTime now() const override { return WallTime(Duration(now_.load() - back_.load())); }
    SteadyTime steady() const override { return SteadyTime(Duration(now_.load())); }
    void move(Duration by) { now_ += by.count(); }
    void step_back(Duration by) { back_ += by.count(); }  // the wall clock only

private:
    std::atomic<std::int64_t> now_{1'700'000'000'000'000};
    std::atomic<std::int64_t> back_{0};
};

inline Options cheap()
{
    return {.argon2_kib = 64, .argon2_passes = 1, .scram_iterations = 4096, .slowest = Duration::zero()};
}

struct TestHouse {
    explicit TestHouse(Options options = cheap()) : options_(options) { reopen(); }
    ~TestHouse() { loops.stop_and_join(); }

    // As a new process would see the store.
    void reopen() { made = make_directory({store, ids, clock, random, workers, log}, options_); }

    template <class T> T run(Task<T> task) { return start(std::move(task)).get(); }
    template <class T> std::future<T> start(Task<T> task, std::size_t loop = 0)
    {
        const auto answer = std::make_shared<std::promise<T>>();
        asio::co_spawn(loops[loop].executor(), std::move(task), [answer](std::exception_ptr bug, T value) {
            if (bug)
                answer->set_exception(bug);
            else
                answer->set_value(std::move(value));
        });
        return answer->get_future();
    }
    Directory& directory() { return *made.directory; }
    Authenticator& authenticator() { return *made.authenticator; }

    Recipient resolve(std::string local_part, std::string domain)
    {
        const Result<Recipient> recipient = run(directory().resolve(std::move(local_part), std::move(domain)));
        EXPECT_TRUE(recipient) << recipient.error().text;
        return recipient.value_or(Recipient{});
    }
    // "alice@north.test bob@north.test+lists", or the kind where it is not local.
    std::string resolved(std::string local_part, std::string domain = "north.test")
    {
        const Recipient recipient = resolve(std::move(local_part), std::move(domain));
        switch (recipient.kind) {
        case RecipientKind::not_ours: return "(not ours)";
        case RecipientKind::no_such_user: return "(no such user)";
        case RecipientKind::disabled: return "(disabled)";
        case RecipientKind::loop: return "(loop)";
        case RecipientKind::local: break;
        }
        std::string out;
        for (const Target& target : recipient.targets) {
            out += (out.empty() ? "" : " ") + target.address;
            if (!target.subaddress.empty())
                out += "+" + target.subaddress;
        }
        for (const Elsewhere& away : recipient.elsewhere)
            out += (out.empty() ? "elsewhere: " : " elsewhere: ") + away.local_part + '@' + away.domain;
        return out;
    }
    Account add(std::string address, std::string password = "secret")
    {
        const Result<Account> account = run(directory().add_account(std::move(address), std::move(password), ""));
        EXPECT_TRUE(account) << account.error().text;
        return account.value_or(Account{});
    }
    std::string alias(std::string address, std::vector<std::string> targets)
    {
        const Result<void> set = run(directory().set_alias({std::move(address), std::move(targets)}));
        return set ? "ok" : std::string(to_string(set.error().code)) + ": " + set.error().text;
    }
    void north()
    {
        ASSERT_TRUE(run(directory().add_domain("north.test")));
        add("alice@north.test");
        add("bob@north.test");
    }

    StandingClock clock;
    SeededRandom random{7};
    IdSource ids{clock, random};
    NoLog log;
    store::MemoryStore store{clock};
    Workers workers{2, 64};
    Loops loops{2};
    Made made;

private:
    Options options_;
};

}  // namespace posthouse::directory

// For tests: a server with its whole house on the memory store; alice and bob live in it.
#pragma once

#include "base/random.h"
#include "directory/make.h"
#include "imap/server/server.h"
#include "store/blobs.h"
#include "store/memory/memory.h"

#include <future>
#include <map>
#include <mutex>
#include <thread>

#include <gtest/gtest.h>

namespace posthouse::imap {

class CollectingRecorder final : public Recorder {
public:
    void line(const DialogueLine& line) override
    {
        const std::scoped_lock lock(mutex_);
        text_ += (line.speaker == Speaker::client ? "C: " : "S: ") + std::string(line.text) + "\n";
    }
    void step(const Step& step) override
    {
        const std::scoped_lock lock(mutex_);
        text_ += "(" + std::string(step.step) + " " + std::string(step.result) + ")\n";
    }
    std::string text() const
    {
        const std::scoped_lock lock(mutex_);
        return text_;
    }

private:
    mutable std::mutex mutex_;
    std::string text_;
};

class TestQuotas final : public mailbox::Quotas {
public:
    Task<Result<std::uint64_t>> limit_of(mailbox::AccountId) override { co_return limit.load(); }
    std::atomic<std::uint64_t> limit{0};
};

// Keeps what went wrong.
class TestLog final : public Log {
public:
    void write(LogLevel level, std::string_view room, Id, std::string_view what,
               std::initializer_list<LogField> fields) override
    {
        if (level < LogLevel::error)
            return;
        const std::scoped_lock lock(mutex_);
        text_ += std::string(room) + ": " + std::string(what);
        for (const LogField& field : fields)
            text_ += " " + std::string(field.key) + "=" + field.value;
        text_ += "\n";
    }
    std::string text() const
    {
        const std::scoped_lock lock(mutex_);
        return text_;
    }

private:
    mutable std::mutex mutex_;
    std::string text_;
};

struct TestHouse {
    TestHouse() : TestHouse(options_for_tests()) { }
    // `listens`: who is told everything; nullptr: `recorder`.
    explicit TestHouse(ServerOptions options, const net::TlsContext* tls = nullptr, Recorder* listens = nullptr) :
        made(directory::make_directory({store, ids, clock, random, workers, log},
                                       {.argon2_kib = 64,
                                        .argon2_passes = 1,
                                        .scram_iterations = 4096,
                                        .guesses_at_once = 100,
                                        .slowest = Duration::zero()})),
        blobs(store::make_blobs(store, ids)),
        mailboxes(mailbox::make_mailboxes({store, *blobs, loops, ids, clock, quotas, log}))
    {
        services = std::make_unique<ServerServices>(ServerServices{clock, log, listens != nullptr ? *listens : recorder,
                                                                   ids, loops, *made.authenticator, *mailboxes,
                                                                   connections, tls, made.directory.get()});
        server = std::make_unique<Server>(*services, options);
        add_people();
    }
    ~TestHouse()
    {
        group.wait();
        run_void(mailboxes->stop());
        loops.stop_and_join();
        EXPECT_EQ(bugs, "");
    }

    static ServerOptions options_for_tests()
    {
        return {.name = "north.test", .version = "1", .allow_plaintext_login = true};
    }

    template <class T> T run(Task<T> task)
    {
        std::promise<T> answer;
        asio::co_spawn(loops[0].executor(), std::move(task), [&answer](std::exception_ptr bug, T value) {
            if (bug)
                answer.set_exception(bug);
            else
                answer.set_value(std::move(value));
        });
        return answer.get_future().get();
    }
    void run_void(Task<void> task)
    {
        std::promise<void> answer;
        asio::co_spawn(loops[0].executor(), std::move(task), [&answer](std::exception_ptr) { answer.set_value(); });
        answer.get_future().get();
    }
    // A connection to the server; its session runs in `group`. On the loop.
    net::Wire connect()
    {
        auto ends = net::connected_pair(loops[0].executor());
        EXPECT_TRUE(ends);
        group.spawn(loops[0], "imap session", server->serve(std::move(ends->first)));
        return std::move(ends->second);
    }

    SystemClock clock;
    SeededRandom random{1};
    IdSource ids{clock, random};
    TestLog log;
    CollectingRecorder recorder;
    store::MemoryStore store{clock};
    Loops loops{1};
    Workers workers{2, 64};
    net::ConnectionTable connections{net::ConnectionLimits{}};
    TestQuotas quotas;
    directory::Made made;
    std::unique_ptr<store::Blobs> blobs;
    std::unique_ptr<mailbox::Mailboxes> mailboxes;
    std::unique_ptr<ServerServices> services;
    std::unique_ptr<Server> server;
    std::string bugs;
    TaskGroup group{[this](std::string_view, std::string_view what) { bugs += what; }};
    std::map<std::string, directory::AccountId> people;

private:
    void add_people()
    {
        EXPECT_TRUE(run(made.directory->add_domain("north.test")));
        for (const char* address : {"alice@north.test", "bob@north.test"}) {
            const Result<directory::Account> account = run(made.directory->add_account(address, "posthouse", ""));
            ASSERT_TRUE(account) << account.error().text;
            people[address] = account->id;
        }
    }
};

}  // namespace posthouse::imap

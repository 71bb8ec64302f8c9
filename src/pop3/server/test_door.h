// The POP3 door with everything behind it, on the memory store, for this room's tests.
#pragma once

#include "base/text.h"
#include "directory/make.h"
#include "mailbox/mailbox.h"
#include "net/tls.h"
#include "pop3/server/server.h"
#include "store/blobs.h"
#include "store/memory/memory.h"

#include <filesystem>
#include <future>

#include <gtest/gtest.h>

namespace posthouse::pop3 {

class NoQuotas final : public mailbox::Quotas {
public:
    Task<Result<std::uint64_t>> limit_of(mailbox::AccountId) override { co_return 0; }
};

// What was told, as a script: "C: …", "S: …".
class Script final : public Recorder {
public:
    void line(const DialogueLine& line) override
    {
        const std::scoped_lock lock(mutex_);
        text_ += (line.speaker == Speaker::client ? "C: " : "S: ") + std::string(line.text) + '\n';
    }
    void step(const posthouse::Step&) override { }
    std::string text() const
    {
        const std::scoped_lock lock(mutex_);
        return text_;
    }

private:
    mutable std::mutex mutex_;
    std::string text_;
};

inline Task<Result<void>> write_to(net::Wire& wire, std::string text)
{
    co_return co_await wire.write(std::move(text), {std::chrono::steady_clock::now() + 60s});
}

// Up to the next CRLF, without it; "(closed)" where nothing more comes.
inline Task<std::string> read_line(net::Wire& wire)
{
    for (;;) {
        const std::size_t end = wire.input().find("\r\n");
        if (end != std::string_view::npos) {
            std::string line(wire.input().substr(0, end));
            wire.consume(end + 2);
            co_return line;
        }
        const Result<void> filled = co_await wire.fill({std::chrono::steady_clock::now() + 60s}, 64 * 1024 * 1024);
        if (!filled)
            co_return "(closed)";
    }
}

inline Task<Result<void>> shake_hands(net::Wire& wire, const net::TlsContext& context)
{
    co_return co_await wire.connect_tls(context, "north.test", {std::chrono::steady_clock::now() + 60s});
}

inline Task<bool> close_wire(std::unique_ptr<net::Wire> wire)
{
    wire.reset();
    co_return true;
}

inline Task<bool> cancel_wire(net::Wire& wire)
{
    wire.cancel();
    co_return true;
}

// One client's end. Lines with CRLF; scripts of C: and S: lines, where `*` stands for any rest.
class Talker {
public:
    Talker(Loop& loop, net::Wire wire) : loop_(loop), wire_(std::make_unique<net::Wire>(std::move(wire))) { }
    ~Talker() { hang_up(); }

    void hang_up()
    {
        if (wire_)
            run(close_wire(std::move(wire_)));
    }
    void send(std::string bytes) { run(write_to(*wire_, std::move(bytes))); }
    std::string line() { return run(read_line(*wire_)); }
    void play(std::string_view script)
    {
        for (std::string_view step : split(script, '\n')) {
            step = trim(step);
            if (step.starts_with("C: ")) {
                send(std::string(step.substr(3)) + "\r\n");
            } else if (step.starts_with("S:")) {
                const std::string_view expected = step.substr(std::min<std::size_t>(3, step.size()));
                const std::string got = line();
                if (expected.ends_with('*'))
                    EXPECT_TRUE(got.starts_with(expected.substr(0, expected.size() - 1))) << got << "\n  for " << step;
                else
                    EXPECT_EQ(got, expected);
            }
        }
    }
    net::Wire& wire() { return *wire_; }
    net::Wire take_wire() { return std::move(*std::exchange(wire_, nullptr)); }

    template <class T> T run(Task<T> task)
    {
        const auto answer = std::make_shared<std::promise<T>>();
        asio::co_spawn(loop_.executor(), std::move(task), [answer](std::exception_ptr bug, T value) {
            if (bug)
                answer->set_exception(bug);
            else
                answer->set_value(std::move(value));
        });
        return answer->get_future().get();
    }

private:
    Loop& loop_;
    std::unique_ptr<net::Wire> wire_;
};

struct TestDoor {
    // `listens`: who is told everything; nullptr: `script`.
    explicit TestDoor(bool with_tls = false, bool plaintext = true, Recorder* listens = nullptr)
    {
        if (with_tls)
            make_tls();
        options.name = "north.test";
        options.allow_plaintext_login = plaintext;
        options.linger = 100ms;
        server =
            std::make_unique<Server>(ServerServices{clock, log, listens != nullptr ? *listens : script, ids,
                                                    *made.authenticator, *mailboxes, connections, server_tls.get()},
                                     options);
        EXPECT_TRUE(run(made.directory->add_domain("north.test")));
        for (const char* name : {"alice@north.test", "bob@north.test"})
            EXPECT_TRUE(run(made.directory->add_account(name, "secret", "")));
        alice = run(made.directory->account_by_address("alice@north.test"))->id;
    }
    ~TestDoor()
    {
        group.wait();
        run(stop());
        mailboxes.reset();
        loops.stop_and_join();
        if (!folder.empty())
            std::filesystem::remove_all(folder);
    }

    template <class T> T run(Task<T> task)
    {
        const auto answer = std::make_shared<std::promise<T>>();
        asio::co_spawn(loops[0].executor(), std::move(task), [answer](std::exception_ptr bug, T value) {
            if (bug)
                answer->set_exception(bug);
            else
                answer->set_value(std::move(value));
        });
        return answer->get_future().get();
    }
    // A connection whose other end the server serves.
    net::Wire connect()
    {
        auto ends = net::connected_pair(loops[0].executor());
        EXPECT_TRUE(ends);
        group.spawn(loops[0], "session", server->serve(std::move(ends->second)));
        return std::move(ends->first);
    }
    Talker talker() { return Talker(loops[0], connect()); }

    void file(std::string message) { ASSERT_TRUE(run(file_message(std::move(message)))); }
    Task<bool> file_message(std::string message)
    {
        const auto account = co_await mailboxes->open(alice, alice);
        const auto writer = mailboxes->writer();
        const auto added = co_await writer->append(std::move(message));
        auto finished = co_await writer->finish();
        if (!account || !added || !finished)
            co_return false;
        mailbox::Filing filing{.content = finished->content, .digest = finished->digest, .internal_date = clock.now()};
        filing.placements.push_back({});
        const auto filed = co_await (*account)->file(std::move(filing));
        co_return filed.has_value();
    }
    // As an IMAP session would.
    Task<bool> expunge_everything()
    {
        const auto account = co_await mailboxes->open(alice, alice);
        const auto tree = co_await (*account)->tree();
        const auto expunged =
            co_await (*account)->expunge((*tree)->find("INBOX")->id, std::nullopt, mailbox::Account::Which::all);
        co_return expunged.has_value();
    }
    Task<std::uint32_t> count()
    {
        const auto account = co_await mailboxes->open(alice, alice);
        const auto tree = co_await (*account)->tree();
        const auto snapshot = co_await (*account)->snapshot((*tree)->find("INBOX")->id);
        co_return (*snapshot)->size();
    }

    SystemClock clock;
    SystemRandom random;
    IdSource ids{clock, random};
    NoLog log;
    Script script;
    NoQuotas quotas;
    store::MemoryStore store{clock};
    std::unique_ptr<store::Blobs> blobs = store::make_blobs(store, ids);
    Workers workers{1, 64};
    Loops loops{2};
    TaskGroup group{[](std::string_view name, std::string_view what) { ADD_FAILURE() << name << ": " << what; }};
    net::ConnectionTable connections{{}};
    directory::Made made = directory::make_directory(
        {store, ids, clock, random, workers, log},
        {.argon2_kib = 64, .argon2_passes = 1, .scram_iterations = 4096, .guesses_at_once = 1000});
    std::unique_ptr<mailbox::Mailboxes> mailboxes =
        mailbox::make_mailboxes({store, *blobs, loops, ids, clock, quotas, log});
    std::string folder;
    std::unique_ptr<net::TlsContext> server_tls;
    std::unique_ptr<net::TlsContext> client_tls;
    ServerOptions options;
    std::unique_ptr<Server> server;
    Id alice = 0;

private:
    Task<bool> stop()
    {
        co_await mailboxes->stop();
        co_return true;
    }
    void make_tls()
    {
        char name[] = "/tmp/posthouse-pop3-XXXXXX";
        folder = ::mkdtemp(name);
        const net::TlsContext::Files files{folder + "/cert.pem", folder + "/key.pem"};
        ASSERT_TRUE(net::make_self_signed({"north.test"}, files, 30));
        server_tls = std::move(*net::TlsContext::server({files}));
        client_tls = std::move(*net::TlsContext::client(net::TlsContext::Verify::yes, files.certificate));
    }
};

}  // namespace posthouse::pop3

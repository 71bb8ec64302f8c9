// What the room's tests and benchmarks share: a house of loops, a store, and the mailboxes on it.
//
// Only tests and benchmarks include this header.
#pragma once

#include "mailbox/mailbox.h"
#include "message/parser.h"
#include "store/blobs.h"
#include "store/memory/memory.h"

#include <future>

#include <fmt/format.h>

namespace posthouse::mailbox {

// A clock that tests set; steady time goes with it.
class SetClock final : public Clock {
public:
    WallTime now() const override { return WallTime(Duration(microseconds_.load())); }
    SteadyTime steady() const override { return SteadyTime(std::chrono::nanoseconds(microseconds_.load() * 1000)); }
    void advance(Duration duration) { microseconds_ += duration.count(); }

private:
    std::atomic<std::int64_t> microseconds_{1'790'000'000'000'000};
};

class FixedQuotas final : public Quotas {
public:
    Task<Result<std::uint64_t>> limit_of(AccountId) override { co_return limit.load(); }
    std::atomic<std::uint64_t> limit = 0;
};

template <class T> std::future<T> start_on(Loop& loop, Task<T> task)
{
    const auto answer = std::make_shared<std::promise<T>>();
    asio::co_spawn(loop.executor(), std::move(task), [answer](std::exception_ptr bug, T value) {
        if (bug)
            answer->set_exception(bug);
        else
            answer->set_value(std::move(value));
    });
    return answer->get_future();
}

inline Task<bool> stop_mailboxes(Mailboxes* mailboxes)
{
    co_await mailboxes->stop();
    co_return true;
}

// The room over any store; reopen() is a restart of the program on the same store.
class House {
public:
    House(store::Store& store, const Clock& clock, unsigned loops = 2) :
        clock(clock), store(store), loops(loops), blobs(store::make_blobs(store, ids))
    {
        reopen();
    }
    ~House() { close(); }

    void close()
    {
        if (mailboxes)
            start_on(loops[0], stop_mailboxes(mailboxes.get())).get();
        mailboxes = nullptr;
    }
    void reopen()
    {
        close();
        mailboxes = make_mailboxes({store, *blobs, loops, ids, clock, quotas, log});
    }
    template <class T> T run(Task<T> task, std::size_t loop = 0)
    {
        return start_on(loops[loop], std::move(task)).get();
    }
    AccountPtr open(AccountId account) { return run(mailboxes->open(account, account)).value(); }

    const Clock& clock;
    store::Store& store;
    SeededRandom random{7};
    IdSource ids{clock, random};
    FixedQuotas quotas;
    NoLog log;
    Loops loops;
    std::unique_ptr<store::Blobs> blobs;
    std::unique_ptr<Mailboxes> mailboxes;
};

// What an account's owner works with, for tests of what lies below the room's door.
struct Workplace {
    explicit Workplace(unsigned loops) : loops(loops) { }

    SetClock clock;
    SeededRandom random{1};
    IdSource ids{clock, random};
    store::MemoryStore store{clock};
    std::unique_ptr<store::Blobs> blobs = store::make_blobs(store, ids);
    FixedQuotas quotas;
    NoLog log;
    Loops loops;
    MailboxServices services{store, *blobs, loops, ids, clock, quotas, log};
};

inline std::string message_text(std::string_view id, std::size_t body_bytes = 20, std::string_view more_header = {})
{
    std::string text = fmt::format("From: alice@north.test\r\nSubject: {0}\r\nMessage-ID: <{0}@north.test>\r\n{1}\r\n",
                                   id, more_header);
    while (body_bytes > 0) {
        const std::size_t line = std::min<std::size_t>(body_bytes, 72);
        text.append(line, 'x').append("\r\n");
        body_bytes -= line;
    }
    return text;
}

inline Filing filing_of(std::string text, std::vector<Placement> placements, WallTime date)
{
    Filing filing;
    filing.digest = std::make_shared<const message::Digest>(message::digest_of(text));
    filing.content.size = text.size();
    filing.content.bytes = std::make_shared<const std::string>(std::move(text));
    filing.prefix = "Return-Path: <alice@north.test>\r\n";
    filing.placements = std::move(placements);
    filing.internal_date = date;
    return filing;
}

}  // namespace posthouse::mailbox

// A house around a queue, for its tests: the store in memory, a clock that is moved by hand, a mailbox and
// other hosts that do as they are told.
#pragma once

#include "base/fake_clock.h"
#include "directory/make.h"
#include "mta/queue/queue.h"
#include "store/blobs.h"
#include "store/memory/memory.h"

#include <future>
#include <map>
#include <set>

#include <gtest/gtest.h>

namespace posthouse::mta::queue {

// Files by delivery id, as the mailbox does: the same delivery twice is filed once.
class FakeCourier final : public mailbox::Courier {
public:
    Task<Result<mailbox::Filed>> deliver(mailbox::Delivery delivery) override
    {
        const std::scoped_lock lock(mutex_);
        ++attempts;
        const auto refusal = refusals.find(delivery.account);
        if (refusal != refusals.end())
            co_return fail(refusal->second, "the test says so");
        mailbox::Filed filed;
        filed.was_filed_before = !filed_.insert(delivery.delivery).second;
        if (!filed.was_filed_before)
            received_[delivery.account].push_back(delivery.content.bytes ? *delivery.content.bytes : "a blob");
        co_return filed;
    }
    Task<Result<void>> has_room(mailbox::AccountId, std::uint64_t) override { co_return Result<void>{}; }

    std::vector<std::string> received(mailbox::AccountId account)
    {
        const std::scoped_lock lock(mutex_);
        return received_[account];
    }
    std::size_t receivers()
    {
        const std::scoped_lock lock(mutex_);
        return static_cast<std::size_t>(
            std::ranges::count_if(received_, [](const auto& each) { return !each.second.empty(); }));
    }

    std::map<mailbox::AccountId, ErrorCode> refusals;  // changed while nothing runs
    std::atomic<int> attempts = 0;

private:
    std::mutex mutex_;
    std::map<mailbox::AccountId, std::vector<std::string>> received_;
    std::set<Id> filed_;
};

// Other hosts: each domain answers as it was told; who was told nothing takes everything.
class FakeCarrier final : public smtp::Carrier {
public:
    explicit FakeCarrier(const Clock& clock) : clock_(clock) { }

    Task<std::string> destination_of(std::string domain) override
    {
        const std::scoped_lock lock(mutex_);
        const auto found = smarthosts.find(domain);
        co_return found == smarthosts.end() ? domain : found->second;
    }

    Task<std::vector<smtp::RecipientFate>> carry(smtp::Shipment shipment) override
    {
        const std::string domain = shipment.domain;
        bool hangs = false;
        Promise<bool> until;
        {
            const std::scoped_lock lock(mutex_);
            Host& host = hosts_[domain];
            hangs = host.hangs;
            if (hangs)
                host.waiting.push_back(until);  // one each: a promise wakes one
            ++host.now;
            host.most = std::max(host.most, host.now);
            host.times.push_back(clock_.now());
            Carried carried{shipment.message, domain, {}, {}, shipment.envelope};
            for (const smtp::Recipient& recipient : shipment.envelope.recipients)
                carried.recipients.push_back(recipient.path.text());
            carried_.push_back(std::move(carried));
        }
        if (slowly)
            co_await sleep_for(1ms);
        if (hangs)
            co_await until.ready_within(clock_, std::chrono::minutes{5});
        std::vector<smtp::RecipientFate> fates;
        std::string text;
        const std::unique_ptr<smtp::MessageSource> source = shipment.content();
        for (;;) {
            const Result<std::string> piece = co_await source->next();
            EXPECT_TRUE(piece);
            if (!piece || piece->empty())
                break;
            text += *piece;
        }
        EXPECT_EQ(text.size(), shipment.size);
        const std::scoped_lock lock(mutex_);
        const Answer answer = hosts_[domain].answer;
        for (const smtp::Recipient& recipient : shipment.envelope.recipients) {
            smtp::RecipientFate fate = answer ? answer(recipient) : relayed();
            if (fate.fate == smtp::Fate::relayed)
                relayed_[recipient.path.text()].push_back(shipment.message);
            fates.push_back(std::move(fate));
        }
        --hosts_[domain].now;
        co_return fates;
    }

    using Answer = std::function<smtp::RecipientFate(const smtp::Recipient&)>;
    void answers(const std::string& domain, Answer answer)
    {
        const std::scoped_lock lock(mutex_);
        hosts_[domain].answer = std::move(answer);
    }
    void hangs(const std::string& domain)
    {
        const std::scoped_lock lock(mutex_);
        hosts_[domain].hangs = true;
        hosts_[domain].answer = [](const smtp::Recipient&) { return host_fails(); };
    }
    void let_go(const std::string& domain)
    {
        const std::scoped_lock lock(mutex_);
        hosts_[domain].hangs = false;
        for (const Promise<bool>& until : std::exchange(hosts_[domain].waiting, {}))
            until.fulfil(true);
    }

    static smtp::RecipientFate relayed()
    {
        smtp::RecipientFate fate;
        fate.fate = smtp::Fate::relayed;
        fate.status = "2.0.0";
        fate.reply = {250, "2.0.0", "queued as x"};
        return fate;
    }
    static smtp::RecipientFate deferred()
    {
        smtp::RecipientFate fate;
        fate.fate = smtp::Fate::deferred;
        fate.status = "4.2.0";
        fate.reply = {450, "4.2.0", "come again"};
        fate.reason = "the mailbox is busy";
        return fate;
    }
    static smtp::RecipientFate failed()
    {
        smtp::RecipientFate fate;
        fate.fate = smtp::Fate::failed;
        fate.status = "5.1.1";
        fate.reply = {550, "5.1.1", "no such user"};
        fate.reason = "does not exist there";
        return fate;
    }
    static smtp::RecipientFate host_fails()
    {
        smtp::RecipientFate fate;
        fate.fate = smtp::Fate::deferred;
        fate.status = "4.4.1";
        fate.reason = "the host does not answer";
        fate.host_failed = true;
        return fate;
    }

    struct Carried {
        ItemId message = 0;
        std::string domain;
        std::vector<std::string> recipients;
        std::vector<WallTime> times;
        smtp::Envelope envelope;
    };
    std::vector<Carried> carried()
    {
        const std::scoped_lock lock(mutex_);
        return carried_;
    }
    std::vector<WallTime> times(const std::string& domain)
    {
        const std::scoped_lock lock(mutex_);
        return hosts_[domain].times;
    }
    unsigned most_at_once(const std::string& domain)
    {
        const std::scoped_lock lock(mutex_);
        return hosts_[domain].most;
    }
    // How often somebody got something.
    std::size_t relayed_to(const std::string& address)
    {
        const std::scoped_lock lock(mutex_);
        return relayed_[address].size();
    }
    std::atomic<bool> slowly = false;  // a real millisecond each
    std::map<std::string, std::string> smarthosts;  // domain → destination; set before anything runs

private:
    struct Host {
        Answer answer;
        bool hangs = false;
        std::vector<Promise<bool>> waiting;
        unsigned now = 0;
        unsigned most = 0;
        std::vector<WallTime> times;
    };
    const Clock& clock_;
    std::mutex mutex_;
    std::map<std::string, Host> hosts_;
    std::vector<Carried> carried_;
    std::map<std::string, std::vector<ItemId>> relayed_;
};

// "failed carol@south.test 5.1.1; …"
class FakeNotices final : public smtp::NoticeWriter {
public:
    std::string write(const smtp::Notice& notice, WallTime) const override
    {
        static constexpr std::array kinds{"failed", "delayed", "delivered", "relayed", "expanded"};
        std::string text = "Subject: notice\r\n\r\n";
        for (const smtp::NoticeRecipient& recipient : notice.recipients)
            text += std::string(kinds[static_cast<std::size_t>(recipient.kind)]) + ' ' +
                recipient.recipient.path.text() + ' ' + recipient.fate.status + "; ";
        return text + "\r\n" + notice.header + notice.content;
    }
};

class NoQuotas final : public mailbox::Quotas {
public:
    Task<Result<std::uint64_t>> limit_of(mailbox::AccountId) override { co_return std::uint64_t{0}; }
};

template <class T> T run(Loop& loop, Task<T> task)
{
    std::promise<T> promise;
    asio::co_spawn(loop.executor(), std::move(task), [&promise](std::exception_ptr bug, T result) {
        bug ? promise.set_exception(bug) : promise.set_value(std::move(result));
    });
    return promise.get_future().get();
}

// north.test is ours, alice@north.test lives here.
class World {
public:
    explicit World(DispatchLimits limits = {}) : limits_(limits)
    {
        const auto made = run(loops[0], directory.directory->add_domain("north.test"));
        EXPECT_TRUE(made);
        const auto account = run(loops[0], directory.directory->add_account("alice@north.test", "secret word", ""));
        EXPECT_TRUE(account);
        alice = account ? account->id : 0;
        make_queue();
    }
    ~World()
    {
        end_queue();
        run(loops[0], ended());
        loops.stop_and_join();
    }

    void make_queue()
    {
        tasks = std::make_unique<TaskGroup>([](std::string_view, std::string_view what) { ADD_FAILURE() << what; });
        queue =
            std::make_unique<Queue>(QueueServices{store, *blobs, *directory.directory, *mailboxes, courier, &carrier,
                                                  &notices, loops, ids, clock, random, recorder, log, *tasks},
                                    limits_);
    }
    void start() { tasks->spawn(loops[0], "queue", queue->run()); }
    void end_queue()
    {
        queue->stop();
        tasks->wait();
    }
    // As after a kill -9: what was in memory is gone, what was committed is there.
    void restart()
    {
        end_queue();
        store.crash();
        make_queue();
        start();
    }

    Accepted message(std::string sender = "alice@north.test")
    {
        Accepted accepted;
        accepted.item.id = ids.next();
        accepted.item.arrived = clock.now();
        if (!sender.empty())
            accepted.item.envelope.reverse_path = path(sender);
        set_content(accepted, "Subject: x\r\n\r\nhello\r\n");
        return accepted;
    }
    static void set_content(Accepted& accepted, std::string text)
    {
        accepted.letter.content.size = accepted.item.size = text.size();
        accepted.letter.content.bytes = std::make_shared<const std::string>(std::move(text));
        accepted.letter.digest = std::make_shared<const message::Digest>();
    }
    static smtp::Path path(std::string_view address)
    {
        const std::size_t at = address.rfind('@');
        return {std::string(address.substr(0, at)), std::string(address.substr(at + 1))};
    }
    static Entry local(mailbox::AccountId account)
    {
        Entry entry;
        entry.account = account;
        entry.recipient.path = {"user" + std::to_string(account), "north.test"};
        return entry;
    }
    static Entry remote(std::string_view address, std::uint8_t notify = 0)
    {
        Entry entry;
        entry.recipient.path = path(address);
        entry.recipient.notify = notify;
        return entry;
    }
    Accepted message_to(std::vector<std::string> addresses, std::string sender = "alice@north.test")
    {
        Accepted accepted = message(std::move(sender));
        for (const std::string& address : addresses)
            accepted.entries.push_back(remote(address));
        return accepted;
    }
    Accepted message_for(std::vector<mailbox::AccountId> accounts)
    {
        Accepted accepted = message();
        for (const mailbox::AccountId account : accounts)
            accepted.entries.push_back(local(account));
        return accepted;
    }
    Result<void> accept(Accepted accepted) { return run(loops[0], queue->accept(std::move(accepted), 5s)); }

    // Until everything that can be done without time passing is done; answers when the queue goes on by itself.
    std::optional<SteadyTime> rest()
    {
        int quiet = 0;
        for (int i = 0; i < 100'000; ++i) {
            const std::optional<SteadyTime> until = queue->rests_until();
            quiet = until ? quiet + 1 : 0;
            if (quiet >= 2)
                return until;
            std::this_thread::sleep_for(i < 1'000 ? 20us : 500us);
        }
        ADD_FAILURE() << "the queue does not come to rest";
        return std::nullopt;
    }
    // Time passes: wherever somebody wakes on the way, the world comes to rest first.
    void pass(Duration span)
    {
        const SteadyTime end = clock.steady() + span;
        while (const std::optional<SteadyTime> queue_wakes = rest()) {
            const SteadyTime now = clock.steady();
            if (end - now < Duration{1})
                return;
            // The queue may be about to tell the clock when it wakes.
            auto next = std::chrono::ceil<Duration>(std::min(end, *queue_wakes) - now);
            if (const std::optional<Duration> other = clock.until_next())
                next = std::min(next, *other);
            clock.advance(std::max(next, Duration{1}));
        }
    }
    template <class Condition> static bool eventually(Condition condition)
    {
        for (int i = 0; i < 4'000; ++i) {
            if (condition())
                return true;
            std::this_thread::sleep_for(5ms);
        }
        return false;
    }
    std::size_t waiting()
    {
        const auto found = run(loops[0], queue->count(1'000'000));
        EXPECT_TRUE(found);
        return found.value_or(999'999);
    }
    // Every row of every shard: nothing may be left when the queue is empty.
    std::size_t rows()
    {
        std::size_t count = 0;
        for (std::uint64_t shard = 0; shard < shards; ++shard)
            for (const store::Space space : {store::Space::rows, store::Space::bodies})
                count +=
                    run(loops[0], store.scan({store::PartitionKind::queue, shard}, {}, 1000, Deadline::never(), space))
                        .value()
                        .rows.size();
        return count;
    }
    // What alice was told of, without the message it is about.
    std::vector<std::string> told()
    {
        std::vector<std::string> out;
        for (const std::string& text : courier.received(alice)) {
            const std::size_t begin = text.find("\r\n\r\n") + 4;
            out.push_back(text.substr(begin, text.find("\r\n", begin) - begin));
        }
        return out;
    }

    FakeClock clock;
    SeededRandom random{1};
    IdSource ids{clock, random};
    NoRecorder recorder;
    NoLog log;
    Loops loops{2};
    Workers workers{1, 100};
    store::MemoryStore store{clock};
    std::unique_ptr<store::Blobs> blobs = store::make_blobs(store, ids);
    directory::Made directory = directory::make_directory(
        {store, ids, clock, random, workers, log},
        {.argon2_kib = 64, .argon2_passes = 1, .scram_iterations = 4096, .slowest = Duration::zero()});
    NoQuotas quotas;
    std::unique_ptr<mailbox::Mailboxes> mailboxes =
        mailbox::make_mailboxes({store, *blobs, loops, ids, clock, quotas, log});
    FakeCourier courier;
    FakeCarrier carrier{clock};
    FakeNotices notices;
    std::unique_ptr<TaskGroup> tasks;
    std::unique_ptr<Queue> queue;
    mailbox::AccountId alice = 0;

private:
    Task<bool> ended()
    {
        co_await mailboxes->stop();
        co_return true;
    }
    DispatchLimits limits_;
};

class QueueTest : public testing::Test {
protected:
    World world;
};

}  // namespace posthouse::mta::queue

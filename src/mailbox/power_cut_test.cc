// What the room has answered survives power cuts, over RocksDB on a disk that loses what was not synced.
#include "mailbox/fixture.h"
#include "store/rocksdb/fault_fs.h"
#include "store/rocksdb/rocks_store.h"
#include "store/rocksdb/test_folder.h"

#include <random>
#include <thread>

#include <gtest/gtest.h>

namespace posthouse::mailbox {

namespace {

constexpr AccountId account_id = 5;
constexpr int sessions = 6;

// POSTHOUSE_DOSE=n runs n times as many rounds as a test of every day.
unsigned dose(unsigned rounds)
{
    const char* factor = std::getenv("POSTHOUSE_DOSE");
    return rounds * static_cast<unsigned>(factor != nullptr ? std::max(1, std::atoi(factor)) : 1);
}

// How far each message has come by what was answered: the next step may have landed too, no other.
enum Stage { nowhere, filed, flagged, moved, expunged };
using Stages = std::map<std::string, int>;

NumberSet one(Uid uid)
{
    NumberSet set;
    set.add(uid);
    return set;
}

// Brings message after message through its stages until something fails: the power has gone.
Task<bool> carry_messages(House* house, AccountPtr account, std::string name, Stages* stages,
                          std::atomic<unsigned>* answers)
{
    const MailboxTreePtr tree = (co_await account->tree()).value();
    const MailboxId inbox = tree->find("INBOX")->id;
    const MailboxId archive = tree->find("Archive")->id;
    for (int number = 0;; ++number) {
        const std::string id = fmt::format("{}-{}", name, number);
        int& stage = (*stages)[id];
        Filing filing = filing_of(message_text(id, number % 5 * 3000), {{.mailbox = inbox}}, house->clock.now());
        filing.delivery = house->ids.next();
        const Result<Filed> done = co_await account->file(std::move(filing));
        if (!done)
            co_return true;
        stage = filed;
        ++*answers;
        StoreFlags change{one(done->places[0].uid), FlagChange::add, {"\\Flagged"}, {}};
        const Result<FlagsStored> stored = co_await account->store_flags(inbox, std::move(change));
        if (!stored)
            co_return true;
        stage = flagged;
        ++*answers;
        const Result<Copied> gone = co_await account->move(inbox, one(done->places[0].uid), archive);
        if (!gone)
            co_return true;
        stage = moved;
        ++*answers;
        if (number % 3 != 0)
            continue;
        const Result<Expunged> erased = co_await account->expunge(archive, one(gone->to.at(0)), Account::Which::all);
        if (!erased)
            co_return true;
        stage = expunged;
        ++*answers;
    }
}

}  // namespace

class PowerCutTest : public ::testing::TestWithParam<store::Unsynced> {
protected:
    void open()
    {
        disk = std::make_shared<store::FaultFileSystem>();
        store = store::RocksStore::open({.folder = folder.path() + "/store",
                                         .rows_buffer_bytes = 64 << 10,
                                         .bodies_buffer_bytes = 128 << 10,
                                         .wal_bytes = 512 << 10,
                                         .intake_floor_bytes = 0,
                                         .reserve_bytes = 0,
                                         .tick = 2ms,
                                         .file_system = disk},
                                        clock, workers, log)
                    .value();
        house = std::make_unique<House>(*store, clock);
        account = house->open(account_id);
    }
    void close()
    {
        account = nullptr;
        house = nullptr;
        store = nullptr;
    }
    SnapshotPtr snapshot(const char* name)
    {
        const MailboxId id = house->run(account->tree()).value()->find(name)->id;
        return house->run(account->snapshot(id)).value();
    }
    void expect_sound()
    {
        const auto report = house->run(house->mailboxes->audit(account_id, AuditDepth::contents));
        ASSERT_TRUE(report.has_value()) << report.error().text;
        for (const std::string& text : report->texts)
            ADD_FAILURE() << text;
    }
    Stages found()
    {
        Stages stages;
        for (const char* name : {"INBOX", "Archive"}) {
            const SnapshotPtr mailbox = snapshot(name);
            EXPECT_GE(mailbox->uid_next, uid_next[name]) << "a UID was given out twice";
            uid_next[name] = mailbox->uid_next;
            for (std::uint32_t i = 0; i < mailbox->size(); ++i) {
                const Entry& entry = mailbox->at(i);
                const auto email = house->run(account->email(entry.email)).value();
                const int stage = name == std::string_view("Archive") ? moved
                    : entry.flags.has(SystemFlag::flagged)            ? flagged
                                                                      : filed;
                EXPECT_TRUE(stages.emplace(email.digest->envelope.subject.value_or(""), stage).second) << "twice";
            }
        }
        return stages;
    }

    store::TestFolder folder;
    SystemClock clock;
    NoLog log;
    Workers workers{1, 1000};
    std::shared_ptr<store::FaultFileSystem> disk;
    std::unique_ptr<store::RocksStore> store;
    std::unique_ptr<House> house;
    AccountPtr account;
    std::map<std::string, Uid> uid_next;
};

INSTANTIATE_TEST_SUITE_P(Disks, PowerCutTest,
                         ::testing::Values(store::Unsynced::lost, store::Unsynced::cut_short,
                                           store::Unsynced::scattered));

TEST_P(PowerCutTest, WhatWasAnsweredIsThere)
{
    std::mt19937 dice(11);
    std::map<std::string, int> settled;  // of former rounds
    for (unsigned round = 0; round < dose(8); ++round) {
        SCOPED_TRACE(round);
        open();
        std::vector<Stages> stages(sessions);
        std::atomic<unsigned> answers = 0;
        std::vector<std::future<bool>> ends;
        for (int i = 0; i < sessions; ++i)
            ends.push_back(start_on(house->loops[i % 2],
                                    carry_messages(house.get(), house->open(account_id), fmt::format("{}.{}", round, i),
                                                   &stages[i], &answers)));
        const unsigned enough = 1 + dice() % 150;
        while (answers < enough)
            std::this_thread::yield();
        disk->cut_power(GetParam(), round);
        for (auto& end : ends)
            end.get();
        close();
        open();
        expect_sound();
        Stages there = found();
        for (const Stages& of_session : stages) {
            for (const auto& [id, answered] : of_session) {
                const auto at = there.find(id);
                const int stage = at != there.end() ? at->second : answered >= moved ? expunged : nowhere;
                EXPECT_TRUE(stage == answered || stage == answered + 1)
                    << id << " had come to " << answered << " and is at " << stage;
                settled[id] = stage;
            }
        }
        for (const auto& [id, stage] : there)
            EXPECT_TRUE(settled.contains(id) && settled[id] == stage) << id << " changed by itself";
        close();
        if (HasFailure())
            return;
    }
}

TEST_P(PowerCutTest, ACopyIsThereWhollyOrNotAtAll)
{
    constexpr std::uint32_t messages = 2500;
    open();
    std::vector<std::future<Result<Filed>>> answers;
    for (std::uint32_t i = 0; i < messages; ++i)
        answers.push_back(
            start_on(house->loops[i % 2],
                     account->file(filing_of(message_text(std::to_string(i), 1), {{.name = "INBOX"}}, clock.now()))));
    for (auto& answer : answers)
        ASSERT_TRUE(answer.get().has_value());
    close();
    std::uint32_t copies = 0;
    for (unsigned round = 0; round < dose(6); ++round) {
        SCOPED_TRACE(round);
        open();
        NumberSet all;
        all.add({1, messages});
        const std::uint64_t syncs = disk->syncs();
        auto copy =
            start_on(house->loops[0], account->copy(snapshot("INBOX")->mailbox, all, snapshot("Archive")->mailbox));
        while (disk->syncs() < syncs + round % 6 && copy.wait_for(0s) != std::future_status::ready)
            std::this_thread::yield();
        disk->cut_power(GetParam(), round);
        const bool answered = copy.get().has_value();
        close();
        open();
        const std::uint32_t there = snapshot("Archive")->size();
        EXPECT_TRUE(there == copies + messages || (!answered && there == copies)) << there;
        copies = there;
        expect_sound();
        close();
        if (HasFailure())
            return;
    }
}

}  // namespace posthouse::mailbox

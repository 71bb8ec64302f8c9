// Each command of docs/design.md section 4 stopped at its first commit, its second, and so on, and the program started
// anew: MULTIAPPEND, COPY, RENAME and DELETE are wholly there or not at all; STORE, EXPUNGE and MOVE for each message.
#include "mailbox/fixture.h"
#include "mailbox/rows.h"

#include <gtest/gtest.h>

namespace posthouse::mailbox {

namespace {

constexpr AccountId account_id = 5;

NumberSet everything()
{
    NumberSet set;
    set.add({1, 4294967295});
    return set;
}

}  // namespace

class EveryCommitTest : public ::testing::Test {
protected:
    // `act` answers whether the command was told done; `look` checks what there is then, told whether it was.
    void stop_at_every(std::size_t messages, const std::function<bool()>& act,
                       const std::function<void(bool done)>& look)
    {
        bool done = false;
        for (std::uint64_t n = 1; !done; ++n) {
            ASSERT_LT(n, 100u);
            SCOPED_TRACE(n);
            fresh(messages);
            engine->stop_at_commit(n);
            done = act();
            restart();
            look(done);
            const auto report = house->run(house->mailboxes->audit(account_id, AuditDepth::rows));
            ASSERT_TRUE(report.has_value());
            for (const std::string& text : report->texts)
                ADD_FAILURE() << text;
            const auto intents =
                house->run(engine->scan(partition_of(account_id), all_of(Table::intent), 10, Deadline::never()));
            for (const store::Row& row : intents->rows)
                EXPECT_EQ(read_intent(row.value)->kind, IntentRow::Kind::clear)
                    << "only what goes in the background is left";
        }
    }
    void fresh(std::size_t messages)
    {
        account = nullptr;
        house = nullptr;
        engine = std::make_unique<store::MemoryStore>(clock);
        house = std::make_unique<House>(*engine, clock);
        account = house->open(account_id);
        if (messages == 0)
            return;
        std::vector<Filing> filings;
        for (std::size_t i = 0; i < messages; ++i)
            filings.push_back(filing_of(message_text(std::to_string(i), 1), {{.name = "INBOX"}}, clock.now()));
        for (std::size_t at = 0; at < filings.size(); at += most_filings) {
            const auto end = filings.begin() + static_cast<std::ptrdiff_t>(std::min(at + most_filings, filings.size()));
            ASSERT_TRUE(
                house->run(account->file_all({filings.begin() + static_cast<std::ptrdiff_t>(at), end})).has_value());
        }
    }
    void restart()
    {
        engine->stop_at_commit(0);
        account = nullptr;
        house->reopen();
        account = house->open(account_id);
    }
    SnapshotPtr snapshot(std::string_view name)
    {
        const Mailbox* mailbox = house->run(account->tree()).value()->find(name);
        return mailbox ? house->run(account->snapshot(mailbox->id)).value() : nullptr;
    }
    MailboxId id_of(std::string_view name) { return house->run(account->tree()).value()->find(name)->id; }

    SetClock clock;
    std::unique_ptr<store::MemoryStore> engine;
    std::unique_ptr<House> house;
    AccountPtr account;
};

TEST_F(EveryCommitTest, Multiappend)
{
    const auto act = [this] {
        std::vector<Filing> filings;
        for (int i = 0; i < 700; ++i)
            filings.push_back(filing_of(message_text(std::to_string(i), i % 7 == 0 ? 5000 : 50),
                                        {{.name = "Archive", .flags = {"\\Seen", "many"}}}, clock.now()));
        return house->run(account->file_all(std::move(filings))).has_value();
    };
    stop_at_every(3, act, [this](bool done) {
        const std::uint32_t there = snapshot("Archive")->size();
        EXPECT_TRUE(there == 0 || there == 700) << there;
        EXPECT_TRUE(!done || there == 700);
        EXPECT_EQ(house->run(account->usage())->messages, 3 + there);
        for (std::uint32_t i = 0; i < there; i += 100)
            EXPECT_TRUE(
                house->run(account->read_all(house->run(account->email(snapshot("Archive")->at(i).email)).value()))
                    .has_value());
    });
}

TEST_F(EveryCommitTest, Copy)
{
    const auto act = [this] {
        return house->run(account->copy(id_of("INBOX"), everything(), id_of("Archive"))).has_value();
    };
    stop_at_every(2500, act, [this](bool done) {
        const std::uint32_t there = snapshot("Archive")->size();
        EXPECT_TRUE(there == 0 || there == 2500) << there;
        EXPECT_TRUE(!done || there == 2500);
        EXPECT_EQ(snapshot("INBOX")->size(), 2500u);
    });
}

TEST_F(EveryCommitTest, Move)
{
    const auto act = [this] {
        return house->run(account->move(id_of("INBOX"), everything(), id_of("Archive"))).has_value();
    };
    stop_at_every(2500, act, [this](bool done) {
        const std::uint32_t there = snapshot("Archive")->size();
        EXPECT_EQ(there + snapshot("INBOX")->size(), 2500u) << "never none, never two";
        EXPECT_TRUE(!done || there == 2500);
    });
}

TEST_F(EveryCommitTest, Store)
{
    const auto act = [this] {
        return house
            ->run(account->store_flags(id_of("INBOX"), {everything(), FlagChange::add, {"\\Flagged", "new"}, {}}))
            .has_value();
    };
    stop_at_every(20'000, act, [this](bool done) {
        const SnapshotPtr inbox = snapshot("INBOX");
        std::uint32_t flagged = 0;
        for (std::uint32_t i = 0; i < inbox->size(); ++i)
            flagged += inbox->at(i).flags.has(SystemFlag::flagged) ? 1 : 0;
        EXPECT_EQ(inbox->size(), 20'000u);
        EXPECT_TRUE(!done || flagged == 20'000) << flagged;
    });
}

TEST_F(EveryCommitTest, Expunge)
{
    const auto act = [this] {
        return house->run(account->expunge(id_of("INBOX"), std::nullopt, Account::Which::all)).has_value();
    };
    stop_at_every(5000, act, [this](bool done) {
        const SnapshotPtr inbox = snapshot("INBOX");
        EXPECT_TRUE(!done || inbox->size() == 0);
        EXPECT_EQ(house->run(account->vanished(id_of("INBOX"), 1)).value().count() + inbox->size(), 5000u)
            << "who is gone is told as gone";
        EXPECT_EQ(house->run(account->usage())->messages, inbox->size());
    });
}

TEST_F(EveryCommitTest, Rename)
{
    const auto act = [this] { return house->run(account->rename("INBOX", "was/inbox")).has_value(); };
    stop_at_every(300, act, [this](bool done) {
        const SnapshotPtr moved = snapshot("was/inbox");
        EXPECT_EQ(snapshot("INBOX")->size() + (moved ? moved->size() : 0), 300u);
        EXPECT_TRUE(moved ? moved->size() == 300 : !done) << "the name and all of them together";
    });
}

TEST_F(EveryCommitTest, Delete)
{
    const auto act = [this] {
        return house->run(account->rename("INBOX", "old")).has_value() &&
            house->run(account->remove("old")).has_value();
    };
    stop_at_every(3000, act, [this](bool done) {
        const SnapshotPtr old = snapshot("old");
        const std::uint64_t left = house->run(account->usage())->messages;
        EXPECT_TRUE(!done || !old);
        EXPECT_EQ(left, snapshot("INBOX")->size() + (old ? old->size() : 0));
        EXPECT_TRUE(left == 0 || left == 3000) << left;
    });
}

}  // namespace posthouse::mailbox

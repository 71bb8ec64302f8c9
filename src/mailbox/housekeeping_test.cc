// What leaves memory and when; and that the audit sees what does not agree.
#include "mailbox/housekeeping.h"

#include "mailbox/fixture.h"
#include "mailbox/handle.h"

#include <gtest/gtest.h>

namespace posthouse::mailbox {

class HousekeepingTest : public ::testing::Test, protected Workplace {
protected:
    HousekeepingTest() : Workplace(1) { }

    std::shared_ptr<Owner> used(Household& household, AccountId account)
    {
        auto owner = household.find(account);
        Handle handle(owner, quotas);
        EXPECT_TRUE(start_on(loops[0], handle.load()).get().has_value());
        // The work has ended when the next thing on its loop runs.
        settle();
        return owner;
    }
    void settle()
    {
        start_on(loops[0], [](int n) -> Task<int> { co_return n; }(0)).get();
    }
    void keep_house(const std::shared_ptr<Household>& household)
    {
        loops[0].post([household] { household->keep_house(); });
        settle();
    }
    std::shared_ptr<Household> household(Memory memory)
    {
        return std::make_shared<Household>(services, activity, loops[0], memory);
    }

    std::shared_ptr<Activity> activity = std::make_shared<Activity>();
};

TEST_F(HousekeepingTest, AccountsNobodyUsesLeave)
{
    const auto house = household({.patience = 1min, .accounts = 100, .entries = 1000});
    const auto held = used(*house, 1);
    used(*house, 2);
    used(*house, 3);
    clock.advance(59s);
    keep_house(house);
    EXPECT_EQ(house->size(), 3u);
    clock.advance(2s);
    used(*house, 3);
    keep_house(house);
    EXPECT_EQ(house->size(), 2u) << "the one in use and the one used lately";
    EXPECT_EQ(house->find(1), held);
}

TEST_F(HousekeepingTest, AFloodOfAccountsIsBounded)
{
    const auto house = household({.patience = 1h, .accounts = 10, .entries = 1000});
    for (AccountId account = 1; account <= 100; ++account) {
        used(*house, account);
        clock.advance(1ms);
        settle();
    }
    EXPECT_LE(house->size(), 12u);
    keep_house(house);
    EXPECT_EQ(house->size(), 10u);
}

TEST_F(HousekeepingTest, MailboxesNobodyLooksAtLeave)
{
    const auto house = household({.patience = 1min, .accounts = 100, .entries = 1000});
    const auto owner = used(*house, 1);
    Handle handle(owner, quotas);
    for (int i = 0; i < 200; ++i)
        ASSERT_TRUE(start_on(loops[0],
                             handle.file(filing_of(message_text(std::to_string(i)), {{.name = "INBOX"}}, clock.now())))
                        .get()
                        .has_value());
    const MailboxId inbox = start_on(loops[0], handle.tree()).get().value()->find("INBOX")->id;
    const SnapshotPtr before = start_on(loops[0], handle.snapshot(inbox)).get().value();
    settle();
    EXPECT_EQ(owner->forget_mailboxes(SteadyTime::min()), 200u);
    clock.advance(2min);
    keep_house(house);
    EXPECT_EQ(owner->forget_mailboxes(SteadyTime::min()), 0u);
    EXPECT_EQ(before->size(), 200u) << "who holds a snapshot keeps it";
    const auto filed =
        start_on(loops[0], handle.file(filing_of(message_text("n"), {{.name = "INBOX"}}, clock.now()))).get();
    EXPECT_EQ(filed->places[0].uid, 201u) << "its last block is still known";
    EXPECT_EQ(start_on(loops[0], handle.snapshot(inbox)).get().value()->size(), 201u);
}

// Each row spoilt in turn: the audit must say so.
TEST_F(HousekeepingTest, TheAuditSeesWhatDoesNotAgree)
{
    House house(store, clock);
    constexpr AccountId account_id = 9;
    const auto account = house.open(account_id);
    for (int i = 0; i < 3; ++i)
        ASSERT_TRUE(
            house.run(account->file(filing_of(message_text(std::to_string(i)), {{.name = "INBOX"}}, clock.now())))
                .has_value());
    const auto audit = [&] {
        house.reopen();
        return house.run(house.mailboxes->audit(account_id, AuditDepth::contents)).value();
    };
    AuditReport sound = audit();
    EXPECT_EQ(sound.faults, 0u);
    EXPECT_EQ(sound.mailboxes, 6u);
    EXPECT_EQ(sound.messages, 3u);
    EXPECT_EQ(sound.emails, 3u);
    EXPECT_EQ(sound.bytes, house.run(house.open(account_id)->usage())->bytes);

    const store::Partition partition = partition_of(account_id);
    const auto spoil = [&](const store::Row& row, store::Space space, bool erase) {
        store::Batch batch{.partition = partition, .id = house.ids.next()};
        if (erase)
            batch.erases.push_back({row.key, space});
        else
            batch.puts.push_back({row.key, row.value, space});
        ASSERT_EQ(house.run(store.commit(batch, Deadline::never())), store::Outcome::ok);
    };
    for (const auto& [table, space, name] : {std::tuple{Table::block, store::Space::rows, "block"},
                                             {Table::email, store::Space::rows, "e-mail"},
                                             {Table::email_in, store::Space::rows, "e-mail in"},
                                             {Table::email, store::Space::bodies, "body"}}) {
        const auto page = house.run(store.scan(partition, all_of(table), 1, Deadline::never(), space)).value();
        ASSERT_EQ(page.rows.size(), 1u) << name;
        spoil(page.rows[0], space, true);
        EXPECT_GT(audit().faults, 0u) << name << " gone";
        spoil({page.rows[0].key, "spoilt"}, space, false);
        EXPECT_EQ(audit().faults > 0, table != Table::email_in) << name << " spoilt";
        spoil(page.rows[0], space, false);
        EXPECT_EQ(audit().faults, 0u) << name;
    }
    const auto head = house.run(store.get(partition, head_key(), Deadline::never())).value().value();
    HeadRow wrong = read_head(head).value();
    wrong.bytes += 1;
    spoil({head_key(), write_head(wrong)}, store::Space::rows, false);
    EXPECT_EQ(audit().faults, 1u) << "the usage";
    spoil({head_key(), head}, store::Space::rows, false);
    const EmailId stray = house.ids.next();
    spoil({email_in_key(stray, 5, 6), write_mark()}, store::Space::rows, false);
    EXPECT_EQ(audit().faults, 2u) << "a place that is not there, and one too many";
}

}  // namespace posthouse::mailbox

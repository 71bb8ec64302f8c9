// Faults at every commit of the commands that take many; doubtful commits; and everything at once from two
// loops.
#include "mailbox/fixture.h"
#include "mailbox/rows.h"

#include <random>

#include <gtest/gtest.h>

namespace posthouse::mailbox {

namespace {

constexpr AccountId account_id = 5;
constexpr NumberRange all_uids{1, 4294967295};

NumberSet everything()
{
    NumberSet set;
    set.add(all_uids);
    return set;
}

}  // namespace

class FaultsTest : public ::testing::Test {
protected:
    MailboxId id_of(const char* name) { return house.run(account->tree()).value()->find(name)->id; }
    std::uint32_t size_of(const char* name) { return house.run(account->snapshot(id_of(name))).value()->size(); }
    void fill(const char* name, int count)
    {
        std::vector<std::future<Result<Filed>>> answers;
        for (int i = 0; i < count; ++i)
            answers.push_back(start_on(
                house.loops[i % 2],
                account->file(filing_of(message_text(std::to_string(++serial), 1), {{.name = name}}, clock.now()))));
        for (auto& answer : answers)
            ASSERT_TRUE(answer.get().has_value());
    }
    void restart()
    {
        account = nullptr;
        house.reopen();
        account = house.open(account_id);
    }
    void expect_sound(const std::string& where)
    {
        const auto report = house.run(house.mailboxes->audit(account_id, AuditDepth::rows));
        ASSERT_TRUE(report.has_value()) << where << ": " << report.error().text;
        for (const std::string& text : report->texts)
            ADD_FAILURE() << where << ": " << text;
    }

    SetClock clock;
    store::MemoryStore engine{clock};
    House house{engine, clock};
    AccountPtr account = house.open(account_id);
    int serial = 0;
};

// Both within a running program and after a restart.
TEST_F(FaultsTest, HalfACopyIsNeverVisible)
{
    fill("INBOX", 4500);
    fill("Archive", 70);
    bool copied = false;
    for (std::uint64_t n = 1; !copied; ++n) {
        SCOPED_TRACE(n);
        ASSERT_LT(n, 20u);
        engine.fail_commit(n, store::Outcome::unavailable);
        const auto copy = house.run(account->copy(id_of("INBOX"), everything(), id_of("Archive")));
        copied = copy.has_value();
        if (n % 2 == 0)
            restart();
        if (!copied) {
            EXPECT_EQ(copy.error(), ErrorCode::unavailable);
            EXPECT_EQ(size_of("Archive"), 70u);
            expect_sound("after a failed copy");
            EXPECT_EQ(house.run(account->usage())->messages, 4570u);
        }
    }
    engine.fail_commit(1, store::Outcome::unknown, store::Landed::yes);
    EXPECT_EQ(size_of("Archive"), 4570u);
    expect_sound("at the end");
    fill("Archive", 1);
    EXPECT_EQ(house.run(account->snapshot(id_of("Archive"))).value()->uid_next, 4572u);
}

TEST_F(FaultsTest, AMoveNeverLeavesNoCopyOrTwo)
{
    fill("INBOX", 3000);
    std::set<EmailId> emails;
    const auto before = house.run(account->snapshot(id_of("INBOX"))).value();
    for (std::uint32_t i = 0; i < before->size(); ++i)
        emails.insert(before->at(i).email);
    bool moved = false;
    for (std::uint64_t n = 2; !moved; n = 3) {
        engine.fail_commit(n, store::Outcome::unavailable);
        const auto move = house.run(account->move(id_of("INBOX"), everything(), id_of("Archive")));
        moved = move.has_value();
        std::set<EmailId> found;
        for (const char* name : {"INBOX", "Archive"}) {
            const auto snapshot = house.run(account->snapshot(id_of(name))).value();
            for (std::uint32_t i = 0; i < snapshot->size(); ++i)
                EXPECT_TRUE(found.insert(snapshot->at(i).email).second) << "twice";
        }
        EXPECT_EQ(found, emails);
        expect_sound("after a move");
    }
    EXPECT_EQ(size_of("Archive"), 3000u);
}

TEST_F(FaultsTest, DeletingGoesOnAfterAFault)
{
    ASSERT_TRUE(house.run(account->create("big", SpecialUse::none)).has_value());
    fill("big", 4000);
    fill("INBOX", 1);
    // The first commit deletes; those behind it take away what is left.
    engine.fail_commit(3, store::Outcome::unavailable);
    ASSERT_TRUE(house.run(account->remove("big")).has_value());
    EXPECT_EQ(house.run(account->usage())->messages, 1u) << "gone at once";
    expect_sound("half taken away");
    restart();
    fill("INBOX", 1);
    for (int i = 0; i < 10; ++i)
        ASSERT_TRUE(house.run(account->subscribe("x", i % 2 == 0)).has_value());
    const auto left = house.run(engine.scan(partition_of(account_id), all_of(Table::intent), 10, Deadline::never()));
    EXPECT_TRUE(left->rows.empty());
    clock.advance(std::chrono::hours(24 * 8));
    EXPECT_EQ(house.run(house.mailboxes->sweep())->emails, 4000u);
    expect_sound("at the end");
}

TEST_F(FaultsTest, DeletingIsNotTriedForEver)
{
    ASSERT_TRUE(house.run(account->create("big", SpecialUse::none)).has_value());
    fill("big", 100);
    engine.hold();
    auto removed = start_on(house.loops[0], account->remove("big"));
    engine.release();
    engine.set_health(store::Health::read_only);
    removed.get();
    // Were it tried in a circle, stopping would never end or commits would be counted by thousands.
    house.run(stop_mailboxes(house.mailboxes.get()));
    engine.set_health(store::Health::good);
    restart();
    expect_sound("after");
}

TEST_F(FaultsTest, ADoubtfulCommitIsResolvedWhenTheStoreIsBack)
{
    fill("INBOX", 1);
    for (const auto landed : {store::Landed::yes, store::Landed::no}) {
        engine.hold();
        engine.fail_commit(1, store::Outcome::unknown, landed);
        auto filed =
            start_on(house.loops[1], account->file(filing_of(message_text("d"), {{.name = "INBOX"}}, clock.now())));
        // Nothing can be resolved for a while.
        engine.set_health(store::Health::read_only);
        engine.release();
        EXPECT_EQ(filed.wait_for(60ms), std::future_status::timeout);
        engine.set_health(store::Health::good);
        EXPECT_TRUE(filed.get().has_value()) << "found there, or filed again";
    }
    EXPECT_EQ(size_of("INBOX"), 3u) << "neither lost nor doubled";
    expect_sound("after");
}

TEST_F(FaultsTest, BlobsAreHeldExactlyAsLongAsTheyAreNeeded)
{
    const std::string text = message_text("big", 100'000);
    const auto write = [&] {
        auto writer = house.mailboxes->writer();
        EXPECT_TRUE(house.run(writer->append(text)).has_value());
        return house.run(writer->finish()).value();
    };
    const auto finished = write();
    Filing filing = filing_of("", {{.name = "INBOX"}}, clock.now());
    filing.content = finished.content;
    filing.digest = finished.digest;
    const WallTime far = clock.now() + std::chrono::hours(24 * 365);
    const auto orphans = [&] { return house.run(house.blobs->sweep(far, Deadline::never())).value(); };
    // Twice into one account: two e-mails share the blob.
    const auto first = house.run(account->file(filing)).value();
    const auto second = house.run(account->file(filing)).value();
    house.quotas.limit = 10;
    EXPECT_EQ(house.run(account->file(filing)).error(), ErrorCode::over_quota);
    house.quotas.limit = 0;
    NumberSet one;
    one.add(1);
    ASSERT_TRUE(house.run(account->expunge(id_of("INBOX"), one, Account::Which::all)).has_value());
    clock.advance(std::chrono::hours(24 * 8));
    EXPECT_EQ(house.run(house.mailboxes->sweep())->emails, 1u);
    EXPECT_EQ(house.run(account->email(first.email)).error(), ErrorCode::not_found);
    EXPECT_EQ(orphans(), 0u);
    const auto email = house.run(account->email(second.email)).value();
    EXPECT_EQ(house.run(account->read_all(email)).value(), filing.prefix + text);
    ASSERT_TRUE(house.run(account->expunge(id_of("INBOX"), std::nullopt, Account::Which::all)).has_value());
    clock.advance(std::chrono::hours(24 * 8));
    EXPECT_EQ(house.run(house.mailboxes->sweep())->emails, 1u);
    EXPECT_EQ(orphans(), 1u);
    // What was refused holds nothing.
    const auto refused = write();
    filing.content = refused.content;
    filing.placements = {{.mailbox = 4711}};
    EXPECT_EQ(house.run(account->file(filing)).error(), ErrorCode::not_found);
    EXPECT_EQ(orphans(), 1u);
}

TEST_F(FaultsTest, AnAccountIsErasedWholly)
{
    fill("INBOX", 50);
    auto writer = house.mailboxes->writer();
    ASSERT_TRUE(house.run(writer->append(message_text("big", 100'000))).has_value());
    const auto finished = house.run(writer->finish()).value();
    Filing filing = filing_of("", {{.name = "INBOX"}}, clock.now());
    filing.content = finished.content;
    filing.digest = finished.digest;
    ASSERT_TRUE(house.run(account->file(filing)).has_value());
    // intent, the blob's reference, then everything: the last fails.
    engine.fail_commit(3, store::Outcome::unavailable);
    EXPECT_FALSE(house.run(house.mailboxes->erase_account(account_id)).has_value());
    account = nullptr;
    house.reopen();
    account = house.open(account_id);
    EXPECT_EQ(size_of("INBOX"), 0u) << "the opening has finished it, and founded anew";
    EXPECT_EQ(house.run(house.blobs->sweep(clock.now() + std::chrono::hours(999), Deadline::never())).value(), 1u);
}

// A store with a bug: it throws.
namespace {

class ThrowingStore final : public store::Store {
public:
    explicit ThrowingStore(store::Store& good) : good_(good) { }
    Task<store::Outcome> commit(store::Batch batch, Deadline deadline) override
    {
        if (throws)
            throw std::runtime_error("a bug in the store");
        return good_.commit(std::move(batch), deadline);
    }
    Task<store::Outcome> resolve(store::Batch batch, Deadline deadline) override
    {
        return good_.resolve(std::move(batch), deadline);
    }
    Task<Result<std::optional<store::Value>>> get(store::Partition partition, store::Key key, Deadline deadline,
                                                  store::Space space) override
    {
        return good_.get(partition, std::move(key), deadline, space);
    }
    Promise<Result<Values>> read_ahead(store::Partition partition, std::vector<store::Key> keys, Deadline deadline,
                                       store::Space space) override
    {
        return good_.read_ahead(partition, std::move(keys), deadline, space);
    }
    Task<Result<store::Page>> scan(store::Partition partition, store::Range range, std::size_t most_rows,
                                   Deadline deadline, store::Space space) override
    {
        return good_.scan(partition, std::move(range), most_rows, deadline, space);
    }
    Task<Result<std::optional<store::Row>>> last(store::Partition partition, store::Range range,
                                                 Deadline deadline) override
    {
        return good_.last(partition, std::move(range), deadline);
    }
    Task<Result<std::vector<store::Partition>>> partitions(store::PartitionKind kind, std::uint64_t from,
                                                           Deadline deadline) override
    {
        return good_.partitions(kind, from, deadline);
    }
    store::Health health() const override { return good_.health(); }
    std::atomic<bool> throws = false;

private:
    store::Store& good_;
};

}  // namespace

TEST_F(FaultsTest, ABugIsAnsweredToo)
{
    account = nullptr;
    house.close();
    ThrowingStore throwing(engine);
    House other(throwing, clock);
    account = other.open(account_id);
    const MailboxId inbox = other.run(account->tree()).value()->find("INBOX")->id;
    throwing.throws = true;
    std::vector<std::future<Result<Filed>>> answers;
    for (int i = 0; i < 5; ++i)
        answers.push_back(start_on(other.loops[i % 2],
                                   account->file(filing_of(message_text("m"), {{.name = "INBOX"}}, clock.now()))));
    for (auto& answer : answers)
        EXPECT_EQ(answer.get().error(), ErrorCode::internal);
    EXPECT_EQ(other.run(account->move(inbox, everything(), inbox)).has_value(), true) << "nothing to write";
    throwing.throws = false;
    EXPECT_TRUE(other.run(account->file(filing_of(message_text("m"), {{.name = "INBOX"}}, clock.now()))).has_value());
    account = nullptr;
}

// ---- everything at once

namespace {

struct Tally {
    std::atomic<std::int64_t> messages = 0;
    std::atomic<int> faults = 0;
};

struct Seen {
    Uid uid_next = 0;
    ModSeq modseq = 0;
    std::map<Uid, EmailId> emails;
};

// What a session may see: UIDs and modseqs never go back, a UID never means another e-mail.
bool goes_on(Seen& seen, const Snapshot& snapshot)
{
    bool good = snapshot.uid_next >= seen.uid_next && snapshot.highest_modseq >= seen.modseq;
    Uid before = 0;
    for (std::uint32_t i = 0; i < snapshot.size(); ++i) {
        const Entry& entry = snapshot.at(i);
        good &= entry.uid > before && entry.uid < snapshot.uid_next && entry.modseq <= snapshot.highest_modseq;
        good &= seen.emails.try_emplace(entry.uid, entry.email).first->second == entry.email;
        before = entry.uid;
    }
    seen.uid_next = snapshot.uid_next;
    seen.modseq = snapshot.highest_modseq;
    return good;
}

Task<bool> busy_session(House* house, AccountPtr account, unsigned seed, Tally* tally)
{
    std::mt19937 dice(seed);
    const MailboxTreePtr tree = (co_await account->tree()).value();
    const MailboxId mailboxes[] = {tree->find("INBOX")->id, tree->find("Archive")->id};
    std::map<MailboxId, Seen> seen;
    for (int step = 0; step < 120; ++step) {
        const MailboxId here = mailboxes[dice() % 2];
        const MailboxId there = mailboxes[dice() % 2];
        NumberSet uids;
        const Uid first = 1 + dice() % 300;
        uids.add({first, first + static_cast<Uid>(dice() % 30)});
        switch (dice() % 6) {
        case 0:
        case 1: {
            Filing filing = filing_of(message_text(std::to_string(seed * 1000 + step), dice() % 2000),
                                      {{.mailbox = here}}, house->clock.now());
            const Result<Filed> filed = co_await account->file(std::move(filing));
            tally->messages += filed ? 1 : 0;
            tally->faults += filed ? 0 : 1;
            break;
        }
        case 2: {
            StoreFlags change{std::move(uids), static_cast<FlagChange>(dice() % 3), {"\\Deleted", "k"}, {}};
            const Result<FlagsStored> stored = co_await account->store_flags(here, std::move(change));
            tally->faults += stored && goes_on(seen[here], *stored->snapshot) ? 0 : 1;
            break;
        }
        case 3: {
            const Result<Copied> copied = co_await account->copy(here, std::move(uids), there);
            tally->messages += copied ? static_cast<std::int64_t>(copied->to.size()) : 0;
            tally->faults += copied && copied->from.count() == copied->to.size() ? 0 : 1;
            break;
        }
        case 4: {
            const Result<Copied> moved = co_await account->move(here, std::move(uids), there);
            tally->faults += moved && goes_on(seen[here], *moved->snapshot) ? 0 : 1;
            break;
        }
        case 5: {
            const Result<Expunged> expunged =
                co_await account->expunge(here, std::move(uids), Account::Which::marked_deleted);
            tally->messages -= expunged ? static_cast<std::int64_t>(expunged->uids.count()) : 0;
            tally->faults += expunged && goes_on(seen[here], *expunged->snapshot) ? 0 : 1;
            break;
        }
        }
        const Result<SnapshotPtr> snapshot = co_await account->snapshot(there);
        tally->faults += snapshot && goes_on(seen[there], **snapshot) ? 0 : 1;
    }
    co_return true;
}

}  // namespace

TEST_F(FaultsTest, EverythingAtOnce)
{
    Tally tally;
    fill("INBOX", 10);
    for (std::uint64_t n = 10; n < 400; n += 7)
        engine.fail_commit(n, n % 2 ? store::Outcome::conflict : store::Outcome::unknown,
                           n % 4 ? store::Landed::no : store::Landed::yes);
    std::vector<std::future<bool>> sessions;
    for (unsigned i = 0; i < 8; ++i)
        sessions.push_back(start_on(house.loops[i % 2], busy_session(&house, house.open(account_id), i, &tally)));
    for (auto& session : sessions)
        EXPECT_TRUE(session.get());
    EXPECT_EQ(tally.faults, 0);
    EXPECT_EQ(house.run(account->usage())->messages, static_cast<std::uint64_t>(10 + tally.messages));
    expect_sound("at the end");
    restart();
    EXPECT_EQ(house.run(account->usage())->messages, static_cast<std::uint64_t>(10 + tally.messages));
    expect_sound("after a restart");
}

}  // namespace posthouse::mailbox

#include "directory/stored_directory.h"

#include "directory/test_house.h"

namespace posthouse::directory {
namespace {

class Lookup : public ::testing::Test {
protected:
    void SetUp() override { house.north(); }
    TestHouse house;
};

TEST_F(Lookup, AddressesLeadToAccounts)
{
    EXPECT_EQ(house.resolved("alice"), "alice@north.test");
    EXPECT_EQ(house.resolved("ALICE", "NORTH.TEST."), "alice@north.test") << "case does not count";
    EXPECT_EQ(house.resolved("carol"), "(no such user)");
    EXPECT_EQ(house.resolved("alice", "south.test"), "(not ours)");
    EXPECT_EQ(house.resolved("alice", "[127.0.0.1]"), "(not ours)");
    EXPECT_EQ(house.resolved("alice", ""), "(not ours)");
    EXPECT_EQ(house.resolved("", "north.test"), "(no such user)");
    EXPECT_EQ(house.resolved("alice@north.test"), "(no such user)");
    EXPECT_EQ(house.resolved(std::string("ali\0ce", 6)), "(no such user)");
}

TEST_F(Lookup, SubaddressesAreKept)
{
    EXPECT_EQ(house.resolved("bob+lists"), "bob@north.test+lists");
    EXPECT_EQ(house.resolved("bob+Lists+cpp"), "bob@north.test+lists+cpp");
    EXPECT_EQ(house.resolved("bob+"), "bob@north.test");
    EXPECT_EQ(house.resolved("+bob"), "(no such user)");
    EXPECT_EQ(house.alias("bob+shop@north.test", {"alice@north.test"}), "ok");
    EXPECT_EQ(house.resolved("bob+shop"), "alice@north.test") << "an exact name goes before a subaddress";
    EXPECT_EQ(house.alias("team@north.test", {"alice@north.test", "bob+work@north.test"}), "ok");
    EXPECT_EQ(house.resolved("team+x"), "alice@north.test+x bob@north.test+x") << "the sender's subaddress wins";
    EXPECT_EQ(house.resolved("team"), "alice@north.test bob@north.test+work");
}

TEST_F(Lookup, AliasesLeadToSeveralAndToAliases)
{
    EXPECT_EQ(house.alias("sales@north.test", {"alice@north.test", "BOB@north.test", "bob@north.test"}), "ok");
    EXPECT_EQ(house.resolved("sales"), "alice@north.test bob@north.test") << "each once, in the order given";
    EXPECT_EQ(house.alias("info@north.test", {"sales@north.test", "alice@north.test"}), "ok");
    EXPECT_EQ(house.resolved("info"), "alice@north.test bob@north.test") << "one copy for alice";
    EXPECT_EQ(house.alias("info@north.test", {"nobody@north.test"}),
              "malformed: nobody@north.test is nobody's address");
    EXPECT_EQ(house.alias("away@north.test", {"Carol@South.test", "bob@north.test"}), "ok");
    EXPECT_EQ(house.resolved("away"), "bob@north.test elsewhere: Carol@south.test") << "capitals are the other host's";
    EXPECT_EQ(house.alias("far@north.test", {"away@north.test", "Carol@south.test"}), "ok");
    EXPECT_EQ(house.resolved("far"), "bob@north.test elsewhere: Carol@south.test") << "each once";
    EXPECT_EQ(house.alias("alice@north.test", {"bob@north.test"}), "already exists: alice@north.test is an account");
    EXPECT_EQ(house.alias("info@south.test", {"bob@north.test"}), "not found: south.test is not one of our domains");
    EXPECT_FALSE(house.run(house.directory().set_alias({"x@north.test", {}})));
    EXPECT_TRUE(house.run(house.directory().remove_account("bob@north.test")));
    EXPECT_EQ(house.resolved("info"), "alice@north.test") << "who is gone is left out";
    EXPECT_TRUE(house.run(house.directory().remove_alias("sales@north.test")));
    EXPECT_EQ(house.resolved("sales"), "(no such user)");
    EXPECT_FALSE(house.run(house.directory().remove_alias("alice@north.test"))) << "an account is no alias";
}

TEST_F(Lookup, AliasesThatLeadRoundAreRefusedAndSurvived)
{
    EXPECT_EQ(house.alias("a@north.test", {"alice@north.test"}), "ok");
    EXPECT_EQ(house.alias("b@north.test", {"a@north.test"}), "ok");
    EXPECT_EQ(house.alias("a@north.test", {"b@north.test"}),
              "malformed: a@north.test would lead back to itself, or too far");
    EXPECT_EQ(house.alias("a@north.test", {"a@north.test"}),
              "malformed: a@north.test would lead back to itself, or too far");
    EXPECT_EQ(house.alias("a@north.test", {"b@north.test", "bob@north.test"}), "ok") << "somebody gets it all the same";
    EXPECT_EQ(house.resolved("a"), "bob@north.test");
    EXPECT_EQ(house.resolved("b"), "bob@north.test");
    EXPECT_TRUE(house.run(house.directory().remove_account("bob@north.test")));
    EXPECT_EQ(house.resolved("a"), "(loop)");
}

TEST_F(Lookup, AliasesAreCutAtADepthOfTen)
{
    EXPECT_EQ(house.alias("a1@north.test", {"alice@north.test"}), "ok");
    for (int i = 2; i <= 10; ++i)
        EXPECT_EQ(house.alias(fmt::format("a{}@north.test", i), {fmt::format("a{}@north.test", i - 1)}), "ok");
    EXPECT_EQ(house.resolved("a10"), "alice@north.test");
    EXPECT_EQ(house.alias("a11@north.test", {"a10@north.test"}),
              "malformed: a11@north.test would lead back to itself, or too far");
    EXPECT_EQ(house.alias("a0@north.test", {"alice@north.test"}), "ok");
    EXPECT_EQ(house.alias("a1@north.test", {"a0@north.test"}), "ok") << "shallow in itself";
    EXPECT_EQ(house.resolved("a10"), "(loop)") << "but deep for who stands above";
    EXPECT_EQ(house.resolved("a9"), "alice@north.test");
}

TEST_F(Lookup, AnAliasOfAliasesIsBounded)
{
    for (int i = 0; i < 30; ++i)
        house.add(fmt::format("u{}@north.test", i));
    std::vector<std::string> lists;
    for (int list = 0; list < 40; ++list) {
        std::vector<std::string> members;
        for (int i = 0; i < 30; ++i)
            members.push_back(fmt::format("u{}+l{}@north.test", i, list));
        lists.push_back(fmt::format("l{}@north.test", list));
        EXPECT_EQ(house.alias(lists.back(), members), "ok");
    }
    EXPECT_EQ(house.resolve("l0", "north.test").targets.size(), 30u);
    EXPECT_EQ(house.alias("all@north.test", lists), "malformed: all@north.test would lead back to itself, or too far")
        << "1,200 targets are over the bound: nobody rather than some";
    lists.resize(30);
    EXPECT_EQ(house.alias("all@north.test", lists), "ok");
    EXPECT_EQ(house.resolve("all", "north.test").targets.size(), 900u);
}

TEST_F(Lookup, TheCatchAllTakesTheRest)
{
    EXPECT_TRUE(house.run(house.directory().set_catch_all("north.test", "bob@north.test")));
    EXPECT_EQ(house.resolved("whoever"), "bob@north.test");
    EXPECT_EQ(house.resolved("alice"), "alice@north.test");
    EXPECT_EQ(house.resolved("whoever", "south.test"), "(not ours)");
    EXPECT_EQ(house.run(house.directory().domains()).value().at(0).catch_all, "bob@north.test");
    EXPECT_FALSE(house.run(house.directory().set_catch_all("north.test", "x@south.test"))) << "not ours";
    EXPECT_TRUE(house.run(house.directory().set_catch_all("north.test", "")));
    EXPECT_EQ(house.resolved("whoever"), "(no such user)");
    EXPECT_FALSE(house.run(house.directory().set_catch_all("north.test", "nobody@north.test")));
}

TEST_F(Lookup, ACatchAllWhoseTargetIsGoneEndsByItself)
{
    EXPECT_TRUE(house.run(house.directory().set_catch_all("north.test", "bob@north.test")));
    EXPECT_TRUE(house.run(house.directory().remove_account("bob@north.test")));
    EXPECT_EQ(house.resolved("whoever"), "(loop)");
}

TEST_F(Lookup, PostmasterAndAbuseAlwaysResolve)
{
    EXPECT_EQ(house.resolved("postmaster"), "alice@north.test") << "the first account";
    EXPECT_EQ(house.resolved("Abuse"), "alice@north.test");
    EXPECT_EQ(house.resolved("POSTMASTER", ""), "alice@north.test") << "RFC 5321 section 4.1.1.3: without a domain";
    EXPECT_EQ(house.alias("postmaster@north.test", {"bob@north.test"}), "ok");
    EXPECT_EQ(house.resolved("postmaster"), "bob@north.test");
    EXPECT_TRUE(house.run(house.directory().remove_account("alice@north.test")));
    EXPECT_EQ(house.resolved("abuse"), "bob@north.test") << "the first that is left";
}

TEST_F(Lookup, WhoMaySendAsWhom)
{
    const AccountId alice = house.run(house.directory().account_by_address("alice@north.test"))->id;
    const AccountId bob = house.run(house.directory().account_by_address("bob@north.test"))->id;
    EXPECT_EQ(house.alias("sales@north.test", {"alice@north.test"}), "ok");
    EXPECT_TRUE(house.run(house.directory().set_catch_all("north.test", "bob@north.test")));
    const struct {
        AccountId who;
        std::string local_part;
        std::string domain;
        bool may;
        std::string_view reason;
    } rows[] = {
        {alice, "alice", "north.test", true, "her own"},
        {alice, "Alice", "NORTH.test", true, "in another case"},
        {alice, "alice+x", "north.test", true, "her subaddress"},
        {alice, "sales", "north.test", true, "an alias that leads to her"},
        {alice, "bob", "north.test", false, "somebody else's"},
        {bob, "sales", "north.test", false, "an alias that leads to others"},
        {bob, "whoever", "north.test", false, "the catch-all is for reading, not for being everybody"},
        {alice, "alice", "south.test", false, "another house's domain"},
        {alice, "", "north.test", false, "nothing"},
        {999, "alice", "north.test", false, "an account that is not there"},
    };
    for (const auto& row : rows)
        EXPECT_EQ(house.run(house.directory().may_send_as(row.who, row.local_part, row.domain)).value(), row.may)
            << row.local_part << ": " << row.reason;
}

TEST_F(Lookup, DisabledAccountsTakeNoMail)
{
    EXPECT_TRUE(house.run(house.directory().set_disabled("bob@north.test", true)));
    EXPECT_EQ(house.resolved("bob"), "(disabled)");
    EXPECT_EQ(house.alias("both@north.test", {"alice@north.test", "bob@north.test"}), "ok");
    EXPECT_EQ(house.resolved("both"), "alice@north.test");
    EXPECT_TRUE(house.run(house.directory().set_disabled("bob@north.test", false)));
    EXPECT_EQ(house.resolved("bob"), "bob@north.test");
}

TEST_F(Lookup, WhatIsWarmReadsNoStore)
{
    const std::vector<std::pair<std::string, std::string>> names = {
        {"alice", "north.test"}, {"bob+x", "north.test"}, {"nobody", "north.test"}, {"alice", "south.test"}};
    for (const auto& [local_part, domain] : names)
        house.resolved(local_part, domain);
    const std::uint64_t before = house.store.reads();
    for (const auto& [local_part, domain] : names)
        house.resolved(local_part, domain);
    EXPECT_EQ(house.store.reads(), before) << "answers of `nobody` are kept too";
    house.add("nobody@north.test");
    EXPECT_EQ(house.resolved("nobody"), "nobody@north.test") << "and forgotten when they change";
    EXPECT_TRUE(house.run(house.directory().add_domain("south.test")));
    EXPECT_EQ(house.resolved("alice", "south.test"), "(no such user)");
}

TEST_F(Lookup, AReadThatBeganBeforeAChangeIsNotKept)
{
    // The read waits in the store's queue while the change lands; what it saw must not stay.
    std::vector<std::future<Result<Recipient>>> reads;
    for (int round = 0; round < 50; ++round) {
        const std::string name = fmt::format("new{}", round);
        reads.push_back(house.start(house.directory().resolve(name, "north.test"), 1));
        house.add(name + "@north.test");
        (void)reads.back().get();
        ASSERT_EQ(house.resolved(name), name + "@north.test");
    }
}

TEST_F(Lookup, AStoreThatCannotAnswerIsNotTakenForNobody)
{
    house.store.fail_read(1, ErrorCode::unavailable);
    const Result<Recipient> recipient = house.run(house.directory().resolve("carol", "north.test"));
    ASSERT_FALSE(recipient);
    EXPECT_EQ(recipient.error(), ErrorCode::unavailable);
    EXPECT_EQ(house.resolved("carol"), "(no such user)");
}

TEST_F(Lookup, EverythingIsThereForTheNextProcess)
{
    EXPECT_EQ(house.alias("sales@north.test", {"alice@north.test"}), "ok");
    EXPECT_TRUE(house.run(house.directory().set_quota("alice@north.test", 12345)));
    house.reopen();
    EXPECT_EQ(house.resolved("sales"), "alice@north.test");
    EXPECT_EQ(house.run(house.directory().account_by_address("Alice@North.Test"))->quota_bytes, 12345u);
    const auto accounts = house.run(house.directory().accounts(""));
    ASSERT_TRUE(accounts);
    ASSERT_EQ(accounts->size(), 2u);
    EXPECT_EQ(accounts->at(0).address, "alice@north.test");
    EXPECT_EQ(house.run(house.directory().accounts("north.test"))->size(), 2u);
    EXPECT_FALSE(house.run(house.directory().accounts("south.test")));
    const auto aliases = house.run(house.directory().aliases("north.test"));
    ASSERT_TRUE(aliases);
    ASSERT_EQ(aliases->size(), 1u);
    EXPECT_EQ(aliases->at(0).address, "sales@north.test");
    EXPECT_EQ(aliases->at(0).targets, std::vector<std::string>{"alice@north.test"});
}

class Change : public ::testing::Test {
protected:
    void SetUp() override { house.north(); }
    TestHouse house;
};

TEST_F(Change, NamesAreTakenOnce)
{
    const auto again = house.run(house.directory().add_account("ALICE@north.test", "x", ""));
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error(), ErrorCode::already_exists);
    EXPECT_EQ(house.alias("sales@north.test", {"alice@north.test"}), "ok");
    EXPECT_FALSE(house.run(house.directory().add_account("sales@north.test", "x", ""))) << "an alias has the name";
    EXPECT_FALSE(house.run(house.directory().add_domain("North.Test")));
}

TEST_F(Change, OfTwoThatAddTheSameNameOneWins)
{
    auto first = house.start(house.directory().add_account("carol@north.test", "one", ""), 0);
    auto second = house.start(house.directory().add_account("carol@north.test", "two", ""), 1);
    const Result<Account> a = first.get();
    const Result<Account> b = second.get();
    EXPECT_NE(a.has_value(), b.has_value());
    EXPECT_EQ((a ? b : a).error(), ErrorCode::already_exists);
    EXPECT_EQ(house.run(house.directory().accounts("north.test"))->size(), 3u);
}

TEST_F(Change, ManyAtOnceAllLand)
{
    std::vector<std::future<Result<Account>>> added;
    for (int i = 0; i < 40; ++i)
        added.push_back(house.start(house.directory().add_account(fmt::format("u{}@north.test", i), "secret", ""),
                                    static_cast<std::size_t>(i % 2)));
    std::set<AccountId> ids;
    for (auto& one : added) {
        const Result<Account> account = one.get();
        ASSERT_TRUE(account) << account.error().text;
        ids.insert(account->id);
    }
    EXPECT_EQ(ids.size(), 40u);
    house.reopen();
    EXPECT_EQ(house.run(house.directory().accounts("north.test"))->size(), 42u);
}

TEST_F(Change, IdsNeverComeBackAlsoWhenTheClockDoes)
{
    const AccountId bob = house.run(house.directory().account_by_address("bob@north.test"))->id;
    EXPECT_TRUE(house.run(house.directory().remove_account("bob@north.test")));
    house.clock.step_back(24h);
    IdSource ids{house.clock, house.random};  // a new process: it remembers nothing
    Made made = make_directory({house.store, ids, house.clock, house.random, house.workers, house.log}, cheap());
    const auto again = house.run(made.directory->add_account("bob@north.test", "secret", ""));
    ASSERT_TRUE(again) << again.error().text;
    EXPECT_GT(again->id, bob);
}

TEST_F(Change, ADomainGoesOnlyWhenItIsEmpty)
{
    const auto refused = house.run(house.directory().remove_domain("north.test"));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().text, "north.test still has 2 accounts and 0 aliases");
    EXPECT_TRUE(house.run(house.directory().add_domain("east.test")));
    EXPECT_TRUE(house.run(house.directory().remove_account("alice@north.test")));
    EXPECT_TRUE(house.run(house.directory().remove_account("bob@north.test")));
    EXPECT_TRUE(house.run(house.directory().remove_domain("north.test")));
    EXPECT_EQ(house.resolved("alice"), "(not ours)");
    house.add("carol@east.test");
    EXPECT_EQ(house.resolved("postmaster", ""), "carol@east.test") << "the next domain is the primary one now";
    EXPECT_FALSE(house.run(house.directory().remove_domain("north.test")));
}

TEST_F(Change, ADomainThatIsLeftIsNotMovedInto)
{
    EXPECT_TRUE(house.run(house.directory().add_domain("east.test")));
    auto removed = house.start(house.directory().remove_domain("east.test"), 0);
    auto added = house.start(house.directory().add_account("eve@east.test", "secret", ""), 1);
    const bool was_removed = removed.get().has_value();
    const bool was_added = added.get().has_value();
    EXPECT_NE(was_removed, was_added) << "never an account without a domain";
}

TEST_F(Change, RefusalsSayWhy)
{
    const auto why = [&](std::string address, std::string password = "x", std::string name = "") {
        return house.run(house.directory().add_account(std::move(address), std::move(password), std::move(name)))
            .error()
            .text;
    };
    EXPECT_EQ(why("carol@south.test"), "south.test is not one of our domains");
    EXPECT_EQ(why("carol"), "an address has an @");
    EXPECT_EQ(why("carol+x@north.test"), "what follows + is a subaddress, not part of an account's name");
    EXPECT_EQ(why("carol@north.test", ""), "the password is empty");
    EXPECT_EQ(why("carol@north.test", "x", "a\nb"), "a display name is UTF-8 without controls, at most 1,000 bytes");
    EXPECT_EQ(house.run(house.directory().set_password("carol@north.test", "x")).error().code, ErrorCode::not_found);
    EXPECT_EQ(house.run(house.directory().remove_account("carol@north.test")).error().code, ErrorCode::not_found);
}

TEST_F(Change, AnUnknownOutcomeIsResolved)
{
    house.store.fail_commit(1, store::Outcome::unknown, store::Landed::yes);
    EXPECT_TRUE(house.run(house.directory().add_domain("east.test")));
    house.store.fail_commit(1, store::Outcome::unknown, store::Landed::no);
    EXPECT_TRUE(house.run(house.directory().add_domain("west.test"))) << "planned again";
    EXPECT_TRUE(house.run(house.directory().is_ours("east.test")).value());
    EXPECT_TRUE(house.run(house.directory().is_ours("west.test")).value());
}

TEST_F(Change, AFullDiskChangesNothing)
{
    house.store.fail_commit(1, store::Outcome::unavailable);
    const auto added = house.run(house.directory().add_account("carol@north.test", "secret", ""));
    ASSERT_FALSE(added);
    EXPECT_EQ(added.error(), ErrorCode::unavailable);
    EXPECT_EQ(house.resolved("carol"), "(no such user)");
    house.add("carol@north.test");
}

TEST(Rows, DamageIsNoticed)
{
    for (const std::string& value : {encode(DomainRow{"a@b", true, 1, 2, 3}), encode(NameRow{7, {}}),
                                     encode(NameRow{0, {"a@b", "c@d"}}), encode(Account{7, "a@b", "A", 9, true})}) {
        for (std::size_t length = 0; length < value.size(); ++length) {
            const std::string_view cut = std::string_view(value).substr(0, length);
            EXPECT_FALSE(decode<DomainRow>(cut) && decode<NameRow>(cut) && decode<Account>(cut));
        }
    }
    EXPECT_TRUE(decode<NameRow>(encode(NameRow{0, {"a@b", "c@d"}}) + "more"))
        << "a newer program may have added something";
    EXPECT_FALSE(decode<NameRow>("\x01\x02\xff\xff\xff\xff\x0f")) << "a count without its rows";
    EXPECT_FALSE(decode<NameRow>("\x01\x03")) << "a kind that is none";
    EXPECT_FALSE(decode<Account>(""));
}

}  // namespace
}  // namespace posthouse::directory

// The one authorisation gate (RFC 4314), and annotations (RFC 5464): what a guest sees of somebody else's account.
#include "mailbox/fixture.h"

#include <gtest/gtest.h>

namespace posthouse::mailbox {

namespace {

constexpr AccountId alice = 11;
constexpr AccountId bob = 12;
constexpr AccountId carol = 13;

NumberSet everything()
{
    NumberSet set;
    set.add({1, 4294967295});
    return set;
}

}  // namespace

class SharingTest : public ::testing::Test {
protected:
    MailboxId id_of(const AccountPtr& account, std::string_view name)
    {
        const Mailbox* found = house.run(account->tree()).value()->find(name);
        return found ? found->id : 0;
    }
    EmailId file(const AccountPtr& account, std::string name, std::string id)
    {
        const auto filed =
            house.run(account->file(filing_of(message_text(id), {{.name = std::move(name)}}, clock.now())));
        return filed ? filed->email : 0;
    }
    void share(std::string_view name, AccountId with, std::string_view rights, AclChange change = AclChange::replace)
    {
        ASSERT_TRUE(
            house.run(owner->change_acl(id_of(owner, name), {.account = with, .rights = *rights_of(rights)}, change))
                .has_value());
    }
    Result<AccountPtr> enter(AccountId actor) { return house.run(house.mailboxes->open(actor, alice)); }
    std::string names(const AccountPtr& account)
    {
        std::string names;
        for (const Mailbox& mailbox : house.run(account->tree()).value()->mailboxes)
            names += mailbox.name + ":" + text_of(mailbox.rights) + " ";
        return names;
    }

    SetClock clock;
    store::MemoryStore engine{clock};
    House house{engine, clock};
    AccountPtr owner = house.open(alice);
};

TEST_F(SharingTest, NobodyEntersUninvited)
{
    EXPECT_EQ(enter(bob).error(), ErrorCode::not_found);
    EXPECT_EQ(house.run(house.mailboxes->open(bob, 999)).error(), ErrorCode::not_found) << "no such account";
    EXPECT_TRUE(house.run(engine.partitions(store::PartitionKind::account, 999, Deadline::never()))->empty())
        << "asking must not found it";
    EXPECT_TRUE(house.run(house.mailboxes->sharers(bob))->empty());
}

TEST_F(SharingTest, AGuestSeesWhatIsSharedWithHim)
{
    share("Archive", bob, "lr");
    share("Sent", carol, "lr");
    share("Junk", anyone, "l");
    EXPECT_EQ(names(*enter(bob)), "Archive:lr Junk:l ");
    EXPECT_EQ(names(*enter(carol)), "Junk:l Sent:lr ");
    EXPECT_EQ(text_of(house.run(owner->tree()).value()->find("Archive")->rights), "lrswipkxteacd");
    const auto sharers = house.run(house.mailboxes->sharers(bob)).value();
    ASSERT_EQ(sharers.size(), 1u);
    EXPECT_EQ(sharers[0].owner, alice);
    EXPECT_FALSE(sharers[0].with_anyone);
    EXPECT_TRUE(house.run(house.mailboxes->sharers(99)).value().at(0).with_anyone);
    EXPECT_TRUE(house.run(house.mailboxes->sharers(alice))->empty()) << "not one's own";

    share("Archive", bob, "", AclChange::replace);
    share("Junk", anyone, "", AclChange::replace);
    EXPECT_EQ(enter(bob).error(), ErrorCode::not_found) << "no longer";
    EXPECT_TRUE(house.run(house.mailboxes->sharers(bob))->empty());
}

TEST_F(SharingTest, AccessSurvivesARestartAndARename)
{
    share("Archive", bob, "lr");
    ASSERT_TRUE(house.run(owner->rename("Archive", "Old/Post")).has_value());
    owner = nullptr;
    house.reopen();
    owner = house.open(alice);
    EXPECT_EQ(names(*enter(bob)), "Old/Post:lr ");
    ASSERT_TRUE(house.run(owner->create("Old/Post/2026", SpecialUse::none)).has_value());
    EXPECT_EQ(names(*enter(bob)), "Old/Post:lr Old/Post/2026:lr ") << "a new mailbox is shared as the one above it";
    ASSERT_TRUE(house.run(owner->remove("Old/Post/2026")).has_value());
    ASSERT_TRUE(house.run(owner->create("Old/Other", SpecialUse::none)).has_value());
    EXPECT_EQ(names(*enter(bob)), "Old/Post:lr ");
}

TEST_F(SharingTest, EveryActHasItsRight)
{
    const EmailId email = file(owner, "Archive", "one");
    const EmailId hidden = file(owner, "INBOX", "secret");
    const MailboxId archive = id_of(owner, "Archive");
    const MailboxId inbox = id_of(owner, "INBOX");
    share("Archive", bob, "l");
    const AccountPtr guest = *enter(bob);
    const auto code = [](const auto& result) { return result ? ErrorCode::internal : result.error().code; };
    const auto flag = [&](std::string name) {
        return house.run(guest->store_flags(archive, {everything(), FlagChange::add, {std::move(name)}, {}}));
    };
    constexpr auto forbidden = ErrorCode::not_permitted;

    EXPECT_EQ(code(house.run(guest->snapshot(inbox))), ErrorCode::not_found) << "what he does not see is not there";
    EXPECT_EQ(code(house.run(guest->snapshot(archive))), forbidden);
    EXPECT_EQ(code(house.run(guest->email(email))), ErrorCode::not_found);
    share("Archive", bob, "lr");
    EXPECT_TRUE(house.run(guest->snapshot(archive)).has_value());
    EXPECT_TRUE(house.run(guest->email(email)).has_value());
    EXPECT_EQ(code(house.run(guest->email(hidden))), ErrorCode::not_found) << "by its number neither";
    const auto several = house.run(guest->emails({email, hidden})).value();
    EXPECT_TRUE(several[0].has_value());
    EXPECT_FALSE(several[1].has_value());

    EXPECT_EQ(code(flag("\\Seen")), forbidden);
    share("Archive", bob, "lrs");
    EXPECT_TRUE(flag("\\Seen").has_value());
    EXPECT_EQ(code(flag("\\Flagged")), forbidden);
    EXPECT_EQ(code(flag("\\Deleted")), forbidden);
    ASSERT_TRUE(house.run(owner->store_flags(archive, {everything(), FlagChange::add, {"\\Flagged"}, {}})).has_value());
    ASSERT_TRUE(house.run(guest->store_flags(archive, {everything(), FlagChange::replace, {"work"}, {}})).has_value());
    EXPECT_EQ(flag_names(house.run(owner->snapshot(archive)).value()->at(0).flags, {}),
              std::vector<std::string>{"\\Flagged"})
        << "replacing touches what he may touch: \\Seen goes, the rest stays";
    share("Archive", bob, "lrswt");
    EXPECT_TRUE(flag("\\Flagged").has_value());
    EXPECT_TRUE(flag("\\Deleted").has_value());

    EXPECT_EQ(code(house.run(guest->expunge(archive, std::nullopt, Account::Which::marked_deleted))), forbidden);
    EXPECT_EQ(file(guest, "Archive", "two"), 0u);
    share("Archive", bob, "lrswtei");
    EXPECT_NE(file(guest, "Archive", "two"), 0u);
    EXPECT_EQ(file(guest, "Nowhere", "three"), 0u) << "a guest's message does not fall into INBOX";
    EXPECT_TRUE(house.run(guest->expunge(archive, std::nullopt, Account::Which::marked_deleted)).has_value());
    EXPECT_EQ(house.run(guest->snapshot(archive)).value()->size(), 1u);

    EXPECT_EQ(code(house.run(guest->create("Archive/new", SpecialUse::none))), forbidden);
    EXPECT_EQ(code(house.run(guest->create("top", SpecialUse::none))), forbidden);
    EXPECT_EQ(code(house.run(guest->remove("Archive"))), forbidden);
    EXPECT_EQ(code(house.run(guest->rename("Archive", "Archive2"))), forbidden);
    EXPECT_EQ(code(house.run(guest->subscribe("Archive", true))), forbidden);
    EXPECT_EQ(code(house.run(guest->change_acl(archive, {.account = carol, .rights = Rights::all()}, AclChange::add))),
              forbidden);
    share("Archive", bob, "lrkxa");
    EXPECT_TRUE(house.run(guest->create("Archive/new", SpecialUse::none)).has_value());
    EXPECT_TRUE(house.run(guest->rename("Archive/new", "Archive/newer")).has_value());
    EXPECT_EQ(code(house.run(guest->rename("Archive/newer", "newest"))), forbidden) << "not to where he may not create";
    EXPECT_TRUE(house.run(guest->remove("Archive/newer")).has_value());
    EXPECT_TRUE(
        house.run(guest->change_acl(archive, {.account = carol, .rights = Rights::all()}, AclChange::add)).has_value());
    EXPECT_EQ(names(*enter(carol)), "Archive:lrswipkxteacd ");
}

TEST_F(SharingTest, AnnotationsArePrivateOrShared)
{
    const MailboxId archive = id_of(owner, "Archive");
    share("Archive", bob, "lr");
    const AccountPtr guest = *enter(bob);
    const ModSeq before = house.run(owner->snapshot(archive)).value()->highest_modseq;
    ASSERT_TRUE(house.run(owner->set_metadata(archive, {{"/private/comment", "mine"}, {"/SHARED/Comment", "ours"}}))
                    .has_value());
    EXPECT_GT(house.run(owner->snapshot(archive)).value()->highest_modseq, before);  // RFC 7162 section 3.2
    EXPECT_EQ(house.run(guest->set_metadata(archive, {{"/shared/comment", "his"}})).error(), ErrorCode::not_permitted);
    ASSERT_TRUE(house.run(guest->set_metadata(archive, {{"/private/comment", "his"}})).has_value());
    const auto text = [&](const AccountPtr& account, MailboxId mailbox) {
        std::string text;
        for (const MetadataEntry& entry : house.run(account->metadata(mailbox)).value())
            text += entry.name + "=" + entry.value + " ";
        return text;
    };
    EXPECT_EQ(text(owner, archive), "/private/comment=mine /shared/comment=ours ");
    EXPECT_EQ(text(guest, archive), "/private/comment=his /shared/comment=ours ");
    owner = nullptr;
    house.reopen();
    owner = house.open(alice);
    ASSERT_TRUE(house.run(owner->set_metadata(archive, {{"/private/comment", std::nullopt}})).has_value());
    ASSERT_TRUE(house.run(owner->set_metadata(0, {{"/private/vendor/x", std::string("\0\r\n", 3)}})).has_value());
    EXPECT_EQ(text(owner, archive), "/shared/comment=ours ");
    EXPECT_EQ(text(owner, 0), "/private/vendor/x=" + std::string("\0\r\n", 3) + " ")
        << "any bytes, on the account itself";
    ASSERT_TRUE(house.run(owner->remove("Archive")).has_value());
    EXPECT_EQ(text(owner, archive), "") << "gone with its mailbox";
}

TEST_F(SharingTest, AnnotationsAreLimited)
{
    const auto code = [&](std::vector<MetadataChange> changes) {
        const auto set = house.run(owner->set_metadata(0, std::move(changes)));
        return set ? ErrorCode::internal : set.error().code;
    };
    EXPECT_EQ(code({{"/other/x", "y"}}), ErrorCode::malformed);
    EXPECT_EQ(code({{"/private/*", "y"}}), ErrorCode::malformed);
    EXPECT_EQ(code({{"/private//x", "y"}}), ErrorCode::malformed);
    EXPECT_EQ(code({{"/private/x", std::string(largest_metadata + 1, 'y')}}), ErrorCode::too_large);
    for (std::size_t i = 0; i < most_metadata; ++i)
        ASSERT_TRUE(house.run(owner->set_metadata(0, {{fmt::format("/private/{}", i), "y"}})).has_value());
    EXPECT_EQ(code({{"/private/more", "y"}}), ErrorCode::limit);
    EXPECT_EQ(code({{"/private/0", std::nullopt}, {"/private/more", "y"}}), ErrorCode::internal)
        << "one goes, one comes";
    EXPECT_EQ(code({{"/private/7", "z"}}), ErrorCode::internal) << "changing one is no new one";
}

TEST_F(SharingTest, CopyIntoAnotherAccountIsTheSameMessage)
{
    const AccountPtr own = house.open(bob);
    std::string large = message_text("large", 200'000);
    auto writer = house.mailboxes->writer();
    ASSERT_TRUE(house.run(writer->append(large)).has_value());
    auto finished = house.run(writer->finish()).value();
    ASSERT_NE(finished.content.blob, 0u);
    Filing filing{.content = finished.content, .digest = finished.digest, .prefix = "Return-Path: <>\r\n"};
    filing.placements = {{.name = "Archive", .flags = {"\\Seen", "work"}}};
    ASSERT_TRUE(house.run(owner->file(filing)).has_value());
    file(owner, "Archive", "small");
    share("Archive", bob, "lr");
    const auto copied =
        house.run(copy_between(*enter(bob), id_of(owner, "Archive"), everything(), own, id_of(own, "INBOX")));
    ASSERT_TRUE(copied.has_value()) << copied.error().text;
    EXPECT_EQ(copied->to.size(), 2u);
    EXPECT_EQ(copied->from.text(), "1:2");
    const SnapshotPtr inbox = house.run(own->snapshot(id_of(own, "INBOX"))).value();
    ASSERT_EQ(inbox->size(), 2u);
    EXPECT_EQ(flag_names(inbox->at(0).flags, *inbox->keywords), (std::vector<std::string>{"\\Seen", "work"}));
    EXPECT_EQ(house.run(own->read_all(house.run(own->email(inbox->at(0).email)).value())).value(),
              "Return-Path: <>\r\n" + large);
    for (const AccountId account : {alice, bob})
        EXPECT_EQ(house.run(house.mailboxes->audit(account, AuditDepth::contents))->faults, 0u);
}

TEST_F(SharingTest, TheVanishedAreTold)
{
    for (int i = 0; i < 5; ++i)
        file(owner, "INBOX", std::to_string(i));
    const MailboxId inbox = id_of(owner, "INBOX");
    const auto uids = [](std::uint32_t first, std::uint32_t last) {
        NumberSet set;
        set.add({first, last});
        return set;
    };
    ASSERT_TRUE(house.run(owner->expunge(inbox, uids(4, 5), Account::Which::all)).has_value());
    const ModSeq between = house.run(owner->snapshot(inbox)).value()->highest_modseq;
    ASSERT_TRUE(house.run(owner->move(inbox, uids(1, 2), id_of(owner, "Archive"))).has_value());
    EXPECT_EQ(house.run(owner->vanished(inbox, 1)).value().text(), "1:2,4:5");
    EXPECT_EQ(house.run(owner->vanished(inbox, between)).value().text(), "1:2");
    EXPECT_EQ(house.run(owner->vanished(inbox, ~ModSeq{0})).value().text(), "");
}

TEST_F(SharingTest, AMessageIsReplacedInOneCommit)
{
    file(owner, "Drafts", "first");
    Filing next = filing_of(message_text("second"), {{.name = "Drafts"}}, clock.now());
    next.replaces = std::pair(id_of(owner, "Drafts"), Uid{1});
    ASSERT_TRUE(house.run(owner->file(next)).has_value());
    const SnapshotPtr drafts = house.run(owner->snapshot(id_of(owner, "Drafts"))).value();
    ASSERT_EQ(drafts->size(), 1u);
    EXPECT_EQ(drafts->at(0).uid, 2u);
    EXPECT_EQ(house.run(owner->file(next)).error(), ErrorCode::not_found) << "it is gone: nothing is filed";
    EXPECT_EQ(house.run(owner->snapshot(id_of(owner, "Drafts"))).value()->size(), 1u);
    EXPECT_EQ(house.run(house.mailboxes->audit(alice, AuditDepth::rows))->faults, 0u);
}

}  // namespace posthouse::mailbox

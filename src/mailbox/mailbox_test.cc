// The contract of mailbox.h, one promise a test, over the store in memory.
#include "mailbox/fixture.h"

#include <gtest/gtest.h>

namespace posthouse::mailbox {

namespace {

constexpr AccountId alice = 11;

NumberSet uids(std::initializer_list<NumberRange> ranges)
{
    NumberSet set;
    for (const NumberRange& range : ranges)
        set.add(range);
    return set;
}

std::string listing(const SnapshotPtr& snapshot)
{
    std::string text;
    for (std::uint32_t i = 0; i < snapshot->size(); ++i) {
        const Entry& entry = snapshot->at(i);
        text += (text.empty() ? "" : " ") + std::to_string(entry.uid);
        for (const std::string& flag : flag_names(entry.flags, *snapshot->keywords))
            text += flag;
    }
    return text;
}

}  // namespace

class MailboxTest : public ::testing::Test {
protected:
    MailboxId id_of(std::string_view name)
    {
        const auto tree = house.run(account->tree());
        const Mailbox* mailbox = tree.value()->find(name);
        return mailbox ? mailbox->id : 0;
    }
    const Mailbox mailbox(std::string_view name)
    {
        const auto tree = house.run(account->tree()).value();
        const Mailbox* found = tree->find(name);
        EXPECT_NE(found, nullptr) << name;
        return found ? *found : Mailbox{};
    }
    SnapshotPtr snapshot(std::string_view name) { return house.run(account->snapshot(id_of(name))).value(); }
    Result<Filed> file(std::string_view id, std::string mailbox = "INBOX", std::vector<std::string> flags = {},
                       std::size_t bytes = 20)
    {
        return house.run(account->file(filing_of(
            message_text(id, bytes), {{.name = std::move(mailbox), .flags = std::move(flags)}}, clock.now())));
    }
    void fill(std::string mailbox, int count)
    {
        std::vector<std::future<Result<Filed>>> answers;
        for (int i = 0; i < count; ++i)
            answers.push_back(start_on(house.loops[i % 2],
                                       account->file(filing_of(message_text(fmt::format("{}-{}", mailbox, i)),
                                                               {{.name = mailbox}}, clock.now()))));
        for (auto& answer : answers)
            ASSERT_TRUE(answer.get().has_value());
    }
    Result<FlagsStored> store_flags(std::string_view name, NumberSet set, FlagChange change,
                                    std::vector<std::string> flags, std::optional<ModSeq> unchanged_since = {})
    {
        return house.run(
            account->store_flags(id_of(name), {std::move(set), change, std::move(flags), unchanged_since}));
    }
    void expect_sound()
    {
        const auto report = house.run(house.mailboxes->audit(alice, AuditDepth::contents));
        ASSERT_TRUE(report.has_value()) << report.error().text;
        for (const std::string& text : report->texts)
            ADD_FAILURE() << text;
    }
    std::string read(EmailId id)
    {
        const auto email = house.run(account->email(id));
        if (!email)
            return std::string(to_string(email.error().code));
        return house.run(account->read_all(*email)).value_or("unreadable");
    }
    std::string names()
    {
        std::string text;
        for (const Mailbox& one : house.run(account->tree()).value()->mailboxes)
            text += one.name + (one.selectable ? " " : "! ");
        return text;
    }
    void restart()
    {
        account = nullptr;
        house.reopen();
        account = house.open(alice);
    }
    ErrorCode error_of(const auto& result) { return result ? ErrorCode::internal : result.error().code; }

    SetClock clock;
    store::MemoryStore store{clock};
    House house{store, clock};
    AccountPtr account = house.open(alice);
};

TEST_F(MailboxTest, ANewAccountHasItsMailboxes)
{
    EXPECT_EQ(names(), "INBOX Archive Drafts Junk Sent Trash ");
    const auto tree = house.run(account->tree()).value();
    EXPECT_EQ(tree->find(SpecialUse::junk)->name, "Junk");
    EXPECT_TRUE(tree->find("inbox")->subscribed) << "in any case";
    EXPECT_EQ(house.run(house.mailboxes->open(alice, 12)).error(), ErrorCode::not_found) << "nothing is shared";
    restart();
    EXPECT_EQ(names(), "INBOX Archive Drafts Junk Sent Trash ") << "founded once";
    expect_sound();
}

TEST_F(MailboxTest, WhatIsFiledIsSeenAndRead)
{
    const auto filed = file("one", "INBOX", {"\\Seen", "work"});
    ASSERT_TRUE(filed.has_value()) << filed.error().text;
    ASSERT_EQ(filed->places.size(), 1u);
    EXPECT_EQ(filed->places[0].uid, 1u);
    EXPECT_EQ(filed->places[0].mailbox, id_of("INBOX"));
    EXPECT_EQ(listing(snapshot("INBOX")), "1\\Seenwork");
    const std::string whole = "Return-Path: <alice@north.test>\r\n" + message_text("one");
    EXPECT_EQ(read(filed->email), whole);
    EXPECT_EQ(mailbox("INBOX").size, whole.size());
    restart();
    EXPECT_EQ(listing(snapshot("INBOX")), "1\\Seenwork");
    EXPECT_EQ(read(filed->email), whole);
    const auto email = house.run(account->email(filed->email)).value();
    EXPECT_EQ(email.digest->envelope.subject, "one");
    EXPECT_EQ(email.received, clock.now());
    expect_sound();
}

TEST_F(MailboxTest, MessagesAreReadInPieces)
{
    const std::string whole = "Return-Path: <alice@north.test>\r\n" + message_text("one", 200'000);
    auto writer = house.mailboxes->writer();
    const std::string text = message_text("one", 200'000);
    for (std::size_t at = 0; at < text.size(); at += 30'000)
        ASSERT_TRUE(house.run(writer->append(text.substr(at, 30'000))).has_value());
    auto finished = house.run(writer->finish()).value();
    EXPECT_NE(finished.content.blob, 0u);
    Filing filing = filing_of("", {{.name = "INBOX"}}, clock.now());
    filing.content = finished.content;
    filing.digest = finished.digest;
    const auto filed = house.run(account->file(filing)).value();
    EXPECT_EQ(read(filed.email), whole);
    const auto email = house.run(account->email(filed.email)).value();
    for (const auto& [offset, length] :
         {std::pair<std::uint64_t, std::uint64_t>{0, 10}, {5, 100}, {33, 10}, {70'000, 100'000}, {whole.size(), 0}}) {
        std::string got;
        store::Sink sink = [&got](std::string piece) -> Task<bool> {
            got += piece;
            return [](bool more) -> Task<bool> { co_return more; }(true);
        };
        ASSERT_TRUE(house.run(account->read(email, offset, length, sink)).has_value());
        EXPECT_EQ(got, whole.substr(offset, length));
    }
    store::Sink sink = [](std::string) { return [](bool more) -> Task<bool> { co_return more; }(true); };
    EXPECT_EQ(house.run(account->read(email, 1, whole.size(), sink)).error(), ErrorCode::too_large);
    expect_sound();
}

TEST_F(MailboxTest, SmallContentStaysInMemory)
{
    auto writer = house.mailboxes->writer();
    ASSERT_TRUE(house.run(writer->append(message_text("small"))).has_value());
    const auto finished = house.run(writer->finish()).value();
    EXPECT_EQ(finished.content.blob, 0u);
    EXPECT_EQ(*finished.content.bytes, message_text("small"));
    EXPECT_EQ(finished.digest->envelope.subject, "small");
    // Exactly at the limit, too.
    std::string text = message_text("x", 0);
    text.append(inline_content - text.size(), 'y');
    writer = house.mailboxes->writer();
    ASSERT_TRUE(house.run(writer->append(text)).has_value());
    EXPECT_EQ(house.run(writer->finish())->content.bytes->size(), inline_content);
    ASSERT_TRUE(house.run(account->file(filing_of(text, {{.name = "INBOX"}}, clock.now()))).has_value());
}

TEST_F(MailboxTest, AFilingGoesIntoSeveralMailboxesAtOnce)
{
    const auto filed = house.run(account->file(
        filing_of(message_text("one"), {{.name = "Archive", .flags = {"a"}}, {.name = "no such"}, {.name = "INBOX"}},
                  clock.now())));
    ASSERT_TRUE(filed.has_value());
    EXPECT_EQ(filed->places.size(), 2u) << "a mailbox that is not there means INBOX, and INBOX once";
    EXPECT_EQ(listing(snapshot("Archive")), "1a");
    EXPECT_EQ(listing(snapshot("INBOX")), "1");
    EXPECT_EQ(error_of(house.run(account->file(filing_of(message_text("x"), {{.mailbox = 999}}, clock.now())))),
              ErrorCode::not_found);
    expect_sound();
}

TEST_F(MailboxTest, ADeliveryIsFiledOnce)
{
    Filing filing = filing_of(message_text("one"), {{.name = "INBOX"}}, clock.now());
    filing.delivery = 77;
    auto first = start_on(house.loops[0], account->file(filing));
    auto second = start_on(house.loops[1], account->file(filing));
    const auto a = first.get();
    const auto b = second.get();
    ASSERT_TRUE(a && b);
    EXPECT_EQ(a->email, b->email);
    EXPECT_NE(a->was_filed_before, b->was_filed_before);
    restart();
    const auto later = house.run(account->file(filing));
    EXPECT_TRUE(later->was_filed_before);
    EXPECT_EQ(later->places[0].uid, 1u);
    EXPECT_EQ(mailbox("INBOX").messages, 1u);
    clock.advance(std::chrono::hours(24 * 8));
    EXPECT_EQ(house.run(house.mailboxes->sweep())->deliveries, 1u);
    EXPECT_FALSE(house.run(account->file(filing))->was_filed_before) << "forgotten after 7 days";
}

TEST_F(MailboxTest, ManyAtOnceShareCommits)
{
    store.set_delay(5ms);
    const std::uint64_t before = store.commits();
    fill("INBOX", 100);
    EXPECT_LT(store.commits() - before, 20u);
    EXPECT_EQ(snapshot("INBOX")->size(), 100u);
    EXPECT_EQ(mailbox("INBOX").uid_next, 101u);
    expect_sound();
}

TEST_F(MailboxTest, QuotaIsExact)
{
    const std::uint64_t size = message_text("a").size() + filing_of("", {}, {}).prefix.size();
    house.quotas.limit = 3 * size;
    EXPECT_TRUE(file("a").has_value());
    EXPECT_TRUE(file("b").has_value());
    EXPECT_TRUE(file("c").has_value());
    EXPECT_EQ(error_of(file("d")), ErrorCode::over_quota);
    EXPECT_EQ(error_of(house.run(account->copy(id_of("INBOX"), uids({{1, 1}}), id_of("Archive")))),
              ErrorCode::over_quota);
    Filing accepted = filing_of(message_text("e"), {{.name = "INBOX"}}, clock.now());
    accepted.quota = Quota::exempt;
    EXPECT_TRUE(house.run(account->file(accepted)).has_value()) << "accepted already";
    const auto usage = house.run(account->usage()).value();
    EXPECT_EQ(usage.bytes, 4 * size);
    EXPECT_EQ(usage.messages, 4u);
    ASSERT_TRUE(house.run(account->expunge(id_of("INBOX"), uids({{1, 2}}), Account::Which::all)).has_value());
    EXPECT_TRUE(file("f").has_value());
    EXPECT_EQ(error_of(file("g")), ErrorCode::over_quota);
    // RFC 8508 section 3.4: of one that replaces another counts what it takes more.
    Filing replacing = filing_of(message_text("h"), {{.name = "INBOX"}}, clock.now());
    replacing.replaces = {id_of("INBOX"), 5};
    EXPECT_TRUE(house.run(account->file(replacing)).has_value());
    Filing larger = filing_of(message_text("a longer one"), {{.name = "INBOX"}}, clock.now());
    larger.replaces = {id_of("INBOX"), 6};
    EXPECT_EQ(error_of(house.run(account->file(larger))), ErrorCode::over_quota);
    expect_sound();
}

TEST_F(MailboxTest, OneOverQuotaDoesNotHurtTheOthers)
{
    house.quotas.limit = 3000;
    store.hold();
    std::vector<std::future<Result<Filed>>> answers;
    for (const std::size_t bytes : {100u, 5000u, 100u, 9000u, 100u})
        answers.push_back(start_on(
            house.loops[1], account->file(filing_of(message_text("m", bytes), {{.name = "INBOX"}}, clock.now()))));
    store.release();
    std::string got;
    for (auto& answer : answers)
        got += answer.get() ? "+" : "-";
    EXPECT_EQ(got, "+-+-+");
    EXPECT_EQ(listing(snapshot("INBOX")), "1 2 3");
}

TEST_F(MailboxTest, FlagsChange)
{
    fill("INBOX", 3);
    const ModSeq before = snapshot("INBOX")->highest_modseq;
    auto stored = store_flags("INBOX", uids({{1, 2}}), FlagChange::add, {"\\Seen", "Work"});
    ASSERT_TRUE(stored.has_value());
    EXPECT_EQ(listing(stored->snapshot), "1\\SeenWork 2\\SeenWork 3");
    EXPECT_GT(stored->snapshot->highest_modseq, before);
    EXPECT_EQ(mailbox("INBOX").unseen, 1u);
    stored = store_flags("INBOX", uids({{1, 1}, {3, 9}}), FlagChange::replace, {"WORK", "\\Deleted"});
    EXPECT_EQ(listing(stored->snapshot), "1\\DeletedWork 2\\SeenWork 3\\DeletedWork") << "keywords as first spelt";
    stored = store_flags("INBOX", uids({{1, 4294967295}}), FlagChange::remove, {"work", "never heard of"});
    EXPECT_EQ(error_of(stored), ErrorCode::malformed) << "a blank";
    stored = store_flags("INBOX", uids({{1, 4294967295}}), FlagChange::remove, {"work", "unheard"});
    EXPECT_EQ(listing(stored->snapshot), "1\\Deleted 2\\Seen 3\\Deleted");
    EXPECT_EQ(stored->snapshot->keywords->names.size(), 1u);
    const ModSeq now = stored->snapshot->highest_modseq;
    stored = store_flags("INBOX", uids({{2, 2}}), FlagChange::add, {"\\Seen"});
    EXPECT_EQ(stored->snapshot->highest_modseq, now) << "nothing changed";
    EXPECT_EQ(error_of(store_flags("INBOX", uids({{1, 1}}), FlagChange::add, {"\\Recent"})), ErrorCode::malformed);
    expect_sound();
}

TEST_F(MailboxTest, UnchangedSinceIsHonoured)
{
    fill("INBOX", 3);
    const ModSeq since = snapshot("INBOX")->highest_modseq;
    ASSERT_TRUE(store_flags("INBOX", uids({{2, 2}}), FlagChange::add, {"\\Flagged"}).has_value());
    const auto stored = store_flags("INBOX", uids({{1, 3}}), FlagChange::add, {"\\Seen"}, since);
    EXPECT_EQ(stored->modified.text(), "2");
    EXPECT_EQ(listing(stored->snapshot), "1\\Seen 2\\Flagged 3\\Seen");
}

TEST_F(MailboxTest, KeywordsAreLimited)
{
    fill("INBOX", 1);
    std::vector<std::string> many;
    for (std::size_t i = 0; i < most_keywords; ++i)
        many.push_back("k" + std::to_string(i));
    ASSERT_TRUE(store_flags("INBOX", uids({{1, 1}}), FlagChange::add, many).has_value());
    EXPECT_EQ(error_of(store_flags("INBOX", uids({{1, 1}}), FlagChange::add, {"one-more"})), ErrorCode::limit);
    EXPECT_EQ(error_of(file("m", "INBOX", {"one-more"})), ErrorCode::limit);
    EXPECT_TRUE(store_flags("INBOX", uids({{1, 1}}), FlagChange::remove, {"K7"}).has_value());
    EXPECT_EQ(error_of(store_flags("INBOX", uids({{1, 1}}), FlagChange::add, {std::string(65, 'x')})),
              ErrorCode::malformed);
    restart();
    EXPECT_EQ(flag_names(snapshot("INBOX")->at(0).flags, *snapshot("INBOX")->keywords).size(), most_keywords - 1);
}

TEST_F(MailboxTest, ExpungedMessagesStayReadableForAWhile)
{
    fill("INBOX", 5);
    const EmailId email = snapshot("INBOX")->at(1).email;
    const std::string text = read(email);
    ASSERT_TRUE(store_flags("INBOX", uids({{2, 3}}), FlagChange::add, {"\\Deleted"}).has_value());
    auto expunged = house.run(account->expunge(id_of("INBOX"), uids({{1, 2}}), Account::Which::marked_deleted));
    EXPECT_EQ(expunged->uids.text(), "2") << "only what is marked and named";
    EXPECT_EQ(listing(expunged->snapshot), "1 3\\Deleted 4 5");
    expunged = house.run(account->expunge(id_of("INBOX"), std::nullopt, Account::Which::marked_deleted));
    EXPECT_EQ(expunged->uids.text(), "3");
    EXPECT_EQ(read(email), text);
    clock.advance(std::chrono::hours(24 * 6));
    EXPECT_EQ(house.run(house.mailboxes->sweep())->emails, 0u);
    EXPECT_EQ(read(email), text);
    clock.advance(std::chrono::hours(25));
    EXPECT_EQ(house.run(house.mailboxes->sweep())->emails, 2u);
    EXPECT_EQ(read(email), "not found");
    EXPECT_EQ(file("next")->places[0].uid, 6u);
    expect_sound();
}

TEST_F(MailboxTest, SweepingWaitsForTheLastCopy)
{
    fill("INBOX", 1);
    const EmailId email = snapshot("INBOX")->at(0).email;
    ASSERT_TRUE(house.run(account->copy(id_of("INBOX"), uids({{1, 1}}), id_of("Archive"))).has_value());
    ASSERT_TRUE(house.run(account->expunge(id_of("INBOX"), std::nullopt, Account::Which::all)).has_value());
    clock.advance(std::chrono::hours(24 * 8));
    EXPECT_EQ(house.run(house.mailboxes->sweep())->emails, 0u);
    EXPECT_NE(read(email), "not found") << "it is in Archive";
    ASSERT_TRUE(house.run(account->copy(id_of("Archive"), uids({{1, 1}}), id_of("Trash"))).has_value());
    ASSERT_TRUE(house.run(account->expunge(id_of("Archive"), std::nullopt, Account::Which::all)).has_value());
    clock.advance(std::chrono::hours(24 * 4));
    ASSERT_TRUE(house.run(account->expunge(id_of("Trash"), std::nullopt, Account::Which::all)).has_value());
    clock.advance(std::chrono::hours(24 * 4));
    EXPECT_EQ(house.run(house.mailboxes->sweep())->emails, 0u) << "taken out of Trash four days ago";
    clock.advance(std::chrono::hours(24 * 4));
    EXPECT_EQ(house.run(house.mailboxes->sweep())->emails, 1u);
    expect_sound();
}

TEST_F(MailboxTest, NothingOfASweptMessageIsLeft)
{
    const auto rows = [this] {
        const auto page =
            house.run(house.store.scan({store::PartitionKind::account, alice}, {"\x10", ""}, 1000, Deadline::never()));
        return page->rows.size();
    };
    const std::size_t before = rows();
    house.run(account->file(filing_of(message_text("a"), {{.name = "INBOX"}}, clock.now()))).value();
    house
        .run(account->file(filing_of(message_text("b", 9, "References: <a@north.test> <c@north.test>\r\n"),
                                     {{.name = "INBOX"}}, clock.now())))
        .value();
    ASSERT_TRUE(house.run(account->expunge(id_of("INBOX"), std::nullopt, Account::Which::all)).has_value());
    clock.advance(std::chrono::hours(24 * 8));
    EXPECT_EQ(house.run(house.mailboxes->sweep())->emails, 2u);
    EXPECT_EQ(rows() - before, 1u) << "the vanished row, which QRESYNC asks for";
}

TEST_F(MailboxTest, CopyAndMove)
{
    fill("INBOX", 4);
    const auto copied = house.run(account->copy(id_of("INBOX"), uids({{2, 3}}), id_of("Archive")));
    ASSERT_TRUE(copied.has_value());
    EXPECT_EQ(copied->from.text(), "2:3");
    EXPECT_EQ(copied->to, (std::vector<Uid>{1, 2}));
    EXPECT_EQ(copied->uid_validity, mailbox("Archive").uid_validity);
    EXPECT_EQ(snapshot("Archive")->at(0).email, snapshot("INBOX")->at(1).email) << "the same e-mail";
    const auto moved = house.run(account->move(id_of("INBOX"), uids({{1, 1}, {4, 9}}), id_of("Archive")));
    EXPECT_EQ(moved->from.text(), "1,4");
    EXPECT_EQ(moved->to, (std::vector<Uid>{3, 4}));
    EXPECT_EQ(listing(moved->snapshot), "2 3");
    EXPECT_EQ(listing(snapshot("Archive")), "1 2 3 4");
    const auto itself = house.run(account->move(id_of("INBOX"), uids({{1, 9}}), id_of("INBOX")));
    EXPECT_EQ(itself->to, (std::vector<Uid>{5, 6}));
    EXPECT_EQ(listing(itself->snapshot), "5 6");
    EXPECT_EQ(error_of(house.run(account->copy(id_of("INBOX"), uids({{5, 5}}), 4711))), ErrorCode::not_found);
    EXPECT_TRUE(house.run(account->copy(id_of("INBOX"), uids({{1, 4}}), id_of("Archive")))->to.empty());
    expect_sound();
}

TEST_F(MailboxTest, CommandsBiggerThanABatch)
{
    fill("INBOX", 5000);
    ASSERT_TRUE(store_flags("INBOX", uids({{1, 5000}}), FlagChange::add, {"\\Flagged"}).has_value());
    fill("Archive", 130);
    auto copied = house.run(account->copy(id_of("INBOX"), uids({{1, 5000}}), id_of("Archive")));
    ASSERT_TRUE(copied.has_value()) << copied.error().text;
    EXPECT_EQ(copied->from.text(), "1:5000");
    EXPECT_EQ(copied->to.front(), 131u);
    EXPECT_EQ(copied->to.back(), 5130u);
    EXPECT_EQ(snapshot("Archive")->size(), 5130u);
    EXPECT_EQ(snapshot("Archive")->at(5129).email, snapshot("INBOX")->at(4999).email);
    fill("Archive", 1);
    expect_sound();
    restart();
    EXPECT_EQ(snapshot("Archive")->size(), 5131u);
    auto moved = house.run(account->move(id_of("Archive"), uids({{1, 4294967295}}), id_of("Trash")));
    ASSERT_TRUE(moved.has_value());
    EXPECT_EQ(moved->to.size(), 5131u);
    EXPECT_EQ(moved->snapshot->size(), 0u);
    const auto expunged = house.run(account->expunge(id_of("Trash"), std::nullopt, Account::Which::all));
    EXPECT_EQ(expunged->uids.text(), "1:5131");
    EXPECT_EQ(mailbox("Trash").messages, 0u);
    EXPECT_EQ(house.run(account->usage())->messages, 5000u);
    expect_sound();
}

TEST_F(MailboxTest, CreateAndItsFaults)
{
    const auto created = house.run(account->create("lists/cpp/", SpecialUse::none));
    ASSERT_TRUE(created.has_value());
    EXPECT_EQ(*created, id_of("lists/cpp"));
    EXPECT_TRUE(mailbox("lists").selectable) << "parents come with it";
    for (const auto& [name, code, why] : std::initializer_list<std::tuple<const char*, ErrorCode, const char*>>{
             {"lists", ErrorCode::already_exists, "there"},
             {"inbox", ErrorCode::already_exists, "INBOX in any case"},
             {"", ErrorCode::malformed, "empty"},
             {"a//b", ErrorCode::malformed, "an empty level"},
             {"/a", ErrorCode::malformed, "an empty level"},
             {"../etc", ErrorCode::malformed, "dots"},
             {"a/./b", ErrorCode::malformed, "a dot"},
             {"a\r\nb", ErrorCode::malformed, "controls"},
             {"a\x7f", ErrorCode::malformed, "DEL"},
             {"a\xc2\x85", ErrorCode::malformed, "C1"},
             {"\xff\xfe", ErrorCode::malformed, "not UTF-8"},
             {"a\xe2\x80\xae", ErrorCode::malformed, "right-to-left override"},
             {" a", ErrorCode::malformed, "a blank in front"},
             {"Shared/x", ErrorCode::not_permitted, "reserved"},
             {"shared", ErrorCode::not_permitted, "the namespace of what others share (RFC 2342)"},
             {"Other Users", ErrorCode::not_permitted, "reserved"}}) {
        const auto refused = house.run(account->create(name, SpecialUse::none));
        EXPECT_EQ(error_of(refused), code) << why;
        if (!refused)
            EXPECT_FALSE(refused.error().text.empty()) << why;
    }
    EXPECT_EQ(error_of(house.run(account->create(std::string(5000, 'x'), SpecialUse::none))), ErrorCode::malformed);
    EXPECT_EQ(error_of(house.run(account->create(std::string(256, 'x'), SpecialUse::none))), ErrorCode::malformed);
    std::string deep = "d";
    for (int i = 0; i < 600; ++i)
        deep += "/d";
    EXPECT_EQ(error_of(house.run(account->create(deep, SpecialUse::none))), ErrorCode::malformed);
    EXPECT_EQ(error_of(house.run(account->create("more junk", SpecialUse::junk))), ErrorCode::not_permitted);
    ASSERT_TRUE(house.run(account->create("Gru\xcc\x88n", SpecialUse::none)).has_value());
    EXPECT_NE(id_of("Gr\xc3\xbcn"), 0u) << "NFC";
    EXPECT_EQ(error_of(house.run(account->create("Gr\xc3\xbcn", SpecialUse::none))), ErrorCode::already_exists);
    restart();
    EXPECT_NE(id_of("Gr\xc3\xbcn"), 0u);
    expect_sound();
}

TEST_F(MailboxTest, MailboxesAreLimited)
{
    const auto parent = house.run(account->create("many", SpecialUse::none));
    ASSERT_TRUE(parent.has_value());
    std::vector<std::future<Result<MailboxId>>> answers;
    for (int i = 7; i < 10'000; ++i)
        answers.push_back(start_on(house.loops[0], account->create(fmt::format("many/{}", i), SpecialUse::none)));
    for (auto& answer : answers)
        ASSERT_TRUE(answer.get().has_value());
    EXPECT_EQ(error_of(house.run(account->create("one more", SpecialUse::none))), ErrorCode::limit);
    EXPECT_EQ(error_of(house.run(account->rename("INBOX", "another"))), ErrorCode::limit);
    EXPECT_TRUE(house.run(account->rename("many", "lots")).has_value()) << "however many are below";
    EXPECT_NE(id_of("lots/9999"), 0u);
}

TEST_F(MailboxTest, DeleteAndItsName)
{
    ASSERT_TRUE(house.run(account->create("a/b", SpecialUse::none)).has_value());
    fill("a", 3);
    const UidValidity before = mailbox("a").uid_validity;
    const MailboxId id = id_of("a");
    ASSERT_TRUE(house.run(account->remove("a")).has_value());
    EXPECT_EQ(names(), "INBOX Archive Drafts Junk Sent Trash a! a/b ");
    EXPECT_EQ(error_of(house.run(account->snapshot(id))), ErrorCode::not_found);
    EXPECT_EQ(house.run(account->usage())->messages, 0u);
    EXPECT_EQ(error_of(house.run(account->remove("a"))), ErrorCode::not_permitted) << "children are left";
    EXPECT_EQ(error_of(house.run(account->remove("inbox"))), ErrorCode::not_permitted);
    EXPECT_EQ(error_of(house.run(account->remove("nowhere"))), ErrorCode::not_found);
    ASSERT_TRUE(house.run(account->create("a", SpecialUse::none)).has_value());
    EXPECT_GT(mailbox("a").uid_validity, before);
    EXPECT_NE(id_of("a"), id);
    EXPECT_EQ(snapshot("a")->size(), 0u);
    ASSERT_TRUE(house.run(account->remove("a/b")).has_value());
    ASSERT_TRUE(house.run(account->remove("a")).has_value());
    EXPECT_EQ(names(), "INBOX Archive Drafts Junk Sent Trash ");
    restart();
    EXPECT_EQ(names(), "INBOX Archive Drafts Junk Sent Trash ");
    clock.advance(std::chrono::hours(24 * 8));
    EXPECT_EQ(house.run(house.mailboxes->sweep())->emails, 3u);
    expect_sound();
}

TEST_F(MailboxTest, RenameTakesWhatIsBelow)
{
    ASSERT_TRUE(house.run(account->create("a/b/c", SpecialUse::none)).has_value());
    fill("a/b", 2);
    const Mailbox before = mailbox("a/b");
    ASSERT_TRUE(house.run(account->rename("a/b", "x/y")).has_value());
    EXPECT_EQ(names(), "INBOX Archive Drafts Junk Sent Trash a x x/y x/y/c ");
    EXPECT_EQ(mailbox("x/y").id, before.id);
    EXPECT_EQ(mailbox("x/y").uid_validity, before.uid_validity);
    EXPECT_EQ(snapshot("x/y")->size(), 2u);
    EXPECT_EQ(error_of(house.run(account->rename("x", "x/y/z"))), ErrorCode::malformed) << "into itself";
    EXPECT_EQ(error_of(house.run(account->rename("x", "a"))), ErrorCode::already_exists);
    EXPECT_EQ(error_of(house.run(account->rename("x", "inbox"))), ErrorCode::already_exists);
    EXPECT_EQ(error_of(house.run(account->rename("nowhere", "b"))), ErrorCode::not_found);
    EXPECT_EQ(error_of(house.run(account->rename("x", "Shared/x"))), ErrorCode::not_permitted);
    ASSERT_TRUE(house.run(account->create(std::string(200, 'l') + "/" + std::string(200, 'm'), SpecialUse::none)));
    const std::string far = std::string(250, 'q') + "/" + std::string(250, 'r') + "/" + std::string(250, 's');
    EXPECT_EQ(error_of(house.run(account->rename("x", far + "/" + std::string(244, 't')))), ErrorCode::malformed)
        << "x/y/c would be too long";
    restart();
    EXPECT_NE(id_of("x/y/c"), 0u);
    expect_sound();
}

TEST_F(MailboxTest, RenameOfInboxMovesItsMessages)
{
    ASSERT_TRUE(house.run(account->create("INBOX/below", SpecialUse::none)).has_value());
    fill("INBOX", 200);
    const Mailbox before = mailbox("INBOX");
    const EmailId email = snapshot("INBOX")->at(7).email;
    ASSERT_TRUE(house.run(account->rename("INBOX", "old/2026")).has_value());
    EXPECT_EQ(names(), "INBOX Archive Drafts INBOX/below Junk Sent Trash old old/2026 ");
    EXPECT_EQ(snapshot("old/2026")->size(), 200u);
    EXPECT_EQ(snapshot("old/2026")->at(7).email, email);
    EXPECT_GT(mailbox("old/2026").uid_validity, before.uid_validity);
    EXPECT_EQ(mailbox("INBOX").id, before.id) << "who watches INBOX goes on watching it";
    EXPECT_EQ(mailbox("INBOX").uid_validity, before.uid_validity);
    EXPECT_EQ(snapshot("INBOX")->size(), 0u);
    EXPECT_EQ(file("next")->places[0].uid, 201u);
    EXPECT_EQ(file("next", "old/2026")->places[0].uid, 201u);
    expect_sound();
    restart();
    EXPECT_EQ(listing(snapshot("INBOX")), "201");
    EXPECT_EQ(snapshot("old/2026")->size(), 201u);
    ASSERT_TRUE(house.run(account->rename("INBOX", "again")).has_value());
    ASSERT_TRUE(house.run(account->rename("INBOX", "and again")).has_value());
    EXPECT_EQ(listing(snapshot("again")), "201");
    EXPECT_EQ(listing(snapshot("and again")), "");
    expect_sound();
}

TEST_F(MailboxTest, SubscriptionsAreOfNames)
{
    ASSERT_TRUE(house.run(account->create("a", SpecialUse::none)).has_value());
    EXPECT_FALSE(mailbox("a").subscribed);
    ASSERT_TRUE(house.run(account->subscribe("a", true)).has_value());
    EXPECT_TRUE(mailbox("a").subscribed);
    ASSERT_TRUE(house.run(account->remove("a")).has_value());
    EXPECT_EQ(house.run(account->tree()).value()->subscribed_gone, std::vector<std::string>{"a"});
    restart();
    EXPECT_EQ(house.run(account->tree()).value()->subscribed_gone, std::vector<std::string>{"a"});
    ASSERT_TRUE(house.run(account->subscribe("a", false)).has_value());
    EXPECT_TRUE(house.run(account->tree()).value()->subscribed_gone.empty());
    EXPECT_EQ(error_of(house.run(account->subscribe("a\n", true))), ErrorCode::malformed);
}

TEST_F(MailboxTest, AnswersBelongToThreads)
{
    const auto thread = [this](const Result<Filed>& filed) { return house.run(account->email(filed->email))->thread; };
    const auto first = file("root");
    const auto answer = house.run(account->file(
        filing_of(message_text("answer", 5, "In-Reply-To: <root@north.test>\r\n"), {{.name = "INBOX"}}, clock.now())));
    const auto third = house.run(
        account->file(filing_of(message_text("third", 5, "References: <root@north.test> <lost@north.test>\r\n"),
                                {{.name = "Archive"}}, clock.now())));
    const auto sibling = house.run(account->file(
        filing_of(message_text("sibling", 5, "References: <lost@north.test>\r\n"), {{.name = "INBOX"}}, clock.now())));
    const auto other = file("other");
    EXPECT_EQ(thread(first), first->email);
    EXPECT_EQ(thread(answer), first->email);
    EXPECT_EQ(thread(third), first->email);
    EXPECT_EQ(thread(sibling), first->email) << "by a message nobody here has seen";
    EXPECT_EQ(thread(other), other->email);
    // In one breath: the store knows neither yet.
    store.hold();
    auto a = start_on(house.loops[0], account->file(filing_of(message_text("p"), {{.name = "INBOX"}}, clock.now())));
    auto b = start_on(house.loops[0],
                      account->file(filing_of(message_text("q", 5, "In-Reply-To: <p@north.test>\r\n"),
                                              {{.name = "INBOX"}}, clock.now())));
    store.release();
    const auto p = a.get();
    const auto q = b.get();
    EXPECT_EQ(thread(p), thread(q));
}

TEST_F(MailboxTest, ManyEmailsAtOnce)
{
    fill("INBOX", 300);
    const SnapshotPtr inbox = snapshot("INBOX");
    std::vector<EmailId> wanted;
    for (std::uint32_t i = 0; i < inbox->size(); ++i)
        wanted.push_back(inbox->at(inbox->size() - 1 - i).email);
    wanted.push_back(4711);
    wanted.push_back(wanted.front());
    const auto emails = house.run(account->emails(wanted));
    ASSERT_TRUE(emails.has_value());
    ASSERT_EQ(emails->size(), wanted.size());
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        if (wanted[i] == 4711)
            EXPECT_EQ((*emails)[i].error(), ErrorCode::not_found);
        else
            EXPECT_EQ((*emails)[i].value().id, wanted[i]);
    }
    const std::uint64_t reads = store.reads();
    ASSERT_TRUE(house.run(account->emails(wanted)).has_value());
    EXPECT_LT(store.reads() - reads, 10u) << "by scans";
    const auto few = house.run(account->emails({wanted[5], wanted[200]}));
    EXPECT_EQ((*few)[1]->id, wanted[200]);
}

TEST_F(MailboxTest, AHugeDigestSpills)
{
    std::string header;
    for (int i = 0; i < 4000; ++i)
        header += fmt::format("To: person-number-{}@a-rather-long-domain-name.north.test\r\n", i);
    const std::string text = message_text("huge", 10, header);
    auto writer = house.mailboxes->writer();
    ASSERT_TRUE(house.run(writer->append(text)).has_value());
    const auto finished = house.run(writer->finish()).value();
    ASSERT_GT(message::encode(*finished.digest).size(), 65536u);
    Filing filing = filing_of("", {{.name = "INBOX"}}, clock.now());
    filing.content = finished.content;
    filing.digest = finished.digest;
    const auto filed = house.run(account->file(filing));
    ASSERT_TRUE(filed.has_value()) << filed.error().text;
    restart();
    const auto email = house.run(account->email(filed->email));
    ASSERT_TRUE(email.has_value()) << email.error().text;
    EXPECT_EQ(*email->digest, *finished.digest);
    EXPECT_EQ(house.run(account->read_all(*email)).value(), filing.prefix + text);
    // Both blobs go when the message has gone.
    ASSERT_TRUE(house.run(account->expunge(id_of("INBOX"), std::nullopt, Account::Which::all)).has_value());
    clock.advance(std::chrono::hours(24 * 8));
    EXPECT_EQ(house.run(house.mailboxes->sweep())->emails, 1u);
    EXPECT_EQ(house.run(house.blobs->sweep(clock.now() - 1h, Deadline::never())).value(), 2u);
}

TEST_F(MailboxTest, WatchersAreWokenOnce)
{
    std::atomic<int> inbox_wakes = 0;
    std::atomic<int> any_wakes = 0;
    const MailboxId inbox = id_of("INBOX");
    Watch on_inbox = account->watch(inbox, house.loops[1], [&inbox_wakes] { ++inbox_wakes; });
    Watch on_any = account->watch(0, house.loops[1], [&any_wakes] { ++any_wakes; });
    const auto settle = [this] { start_on(house.loops[1], [](int n) -> Task<int> { co_return n; }(1)).get(); };
    ASSERT_TRUE(file("a").has_value());
    ASSERT_TRUE(file("b").has_value());
    settle();
    EXPECT_EQ(inbox_wakes, 1) << "once, until it has looked";
    EXPECT_EQ(any_wakes, 1);
    ASSERT_TRUE(house.run(account->snapshot(inbox)).has_value());
    ASSERT_TRUE(file("c", "Archive").has_value());
    settle();
    EXPECT_EQ(inbox_wakes, 1) << "another mailbox";
    EXPECT_EQ(any_wakes, 2);
    on_inbox = {};
    ASSERT_TRUE(house.run(account->tree()).has_value());
    ASSERT_TRUE(file("d").has_value());
    settle();
    EXPECT_EQ(inbox_wakes, 1) << "dropped";
    EXPECT_EQ(any_wakes, 3);
}

TEST_F(MailboxTest, ADamagedBlockHurtsNoOther)
{
    fill("INBOX", 300);
    const MailboxId inbox = id_of("INBOX");
    // Spoil the row of UIDs 128 to 255, whichever shelf it stands on.
    const auto rows =
        house.run(store.scan({store::PartitionKind::account, alice}, {"\x10", "\x11"}, 10, Deadline::never()));
    ASSERT_EQ(rows->rows.size(), 3u);
    store::Batch batch{.partition = {store::PartitionKind::account, alice}, .id = 1};
    batch.puts.push_back({rows->rows[1].key, "spoilt"});
    ASSERT_EQ(house.run(store.commit(batch, Deadline::never())), store::Outcome::ok);
    restart();
    EXPECT_EQ(house.run(account->snapshot(inbox)).value()->size(), 300u - 128);
    EXPECT_EQ(file("next")->places[0].uid, 301u);
    const auto report = house.run(house.mailboxes->audit(alice, AuditDepth::rows));
    EXPECT_GT(report->faults, 0u);
    const auto kept =
        house.run(store.get({store::PartitionKind::account, alice}, rows->rows[1].key, Deadline::never()));
    EXPECT_EQ(kept->value(), "spoilt") << "every byte is kept";
}

TEST_F(MailboxTest, ADamagedLastBlockIsSteppedOver)
{
    fill("INBOX", 200);
    const auto rows =
        house.run(store.scan({store::PartitionKind::account, alice}, {"\x10", "\x11"}, 10, Deadline::never()));
    store::Batch batch{.partition = {store::PartitionKind::account, alice}, .id = 1};
    batch.puts.push_back({rows->rows[1].key, "spoilt"});
    ASSERT_EQ(house.run(store.commit(batch, Deadline::never())), store::Outcome::ok);
    restart();
    EXPECT_EQ(file("next")->places[0].uid, 256u);
    EXPECT_EQ(snapshot("INBOX")->size(), 128u);
    const auto kept =
        house.run(store.get({store::PartitionKind::account, alice}, rows->rows[1].key, Deadline::never()));
    EXPECT_EQ(kept->value(), "spoilt");
}

TEST_F(MailboxTest, AnErasedAccountIsGone)
{
    fill("INBOX", 10);
    ASSERT_TRUE(house.run(house.mailboxes->erase_account(alice)).has_value());
    EXPECT_EQ(error_of(file("late")), ErrorCode::not_found);
    EXPECT_TRUE(house.run(store.partitions(store::PartitionKind::account, 0, Deadline::never()))->empty());
    account = house.open(alice);
    EXPECT_EQ(mailbox("INBOX").messages, 0u);
}

TEST_F(MailboxTest, AfterStopNothingGoes)
{
    store.set_delay(20ms);
    auto last = start_on(house.loops[0], account->file(filing_of(message_text("a"), {{.name = "INBOX"}}, clock.now())));
    store.set_delay(0ms);
    house.run(stop_mailboxes(house.mailboxes.get()));
    EXPECT_EQ(error_of(file("b")), ErrorCode::cancelled);
    const auto filed = last.get();
    EXPECT_TRUE(filed.has_value() || filed.error() == ErrorCode::cancelled);
}

TEST_F(MailboxTest, ALowDiskRefusesMailAndLetsDelete)
{
    fill("INBOX", 3);
    store.set_health(store::Health::low_space);
    EXPECT_EQ(error_of(file("a")), ErrorCode::no_space);
    EXPECT_EQ(error_of(house.run(account->copy(id_of("INBOX"), uids({{1, 1}}), id_of("Trash")))), ErrorCode::no_space);
    EXPECT_TRUE(store_flags("INBOX", uids({{1, 1}}), FlagChange::add, {"\\Deleted"}).has_value());
    EXPECT_TRUE(house.run(account->move(id_of("INBOX"), uids({{2, 2}}), id_of("Trash"))).has_value());
    EXPECT_TRUE(house.run(account->expunge(id_of("INBOX"), std::nullopt, Account::Which::marked_deleted)).has_value());
    store.set_health(store::Health::read_only);
    EXPECT_EQ(error_of(store_flags("INBOX", uids({{3, 3}}), FlagChange::add, {"\\Seen"})), ErrorCode::unavailable);
    EXPECT_EQ(listing(snapshot("INBOX")), "3");
    store.set_health(store::Health::good);
    EXPECT_TRUE(file("b").has_value());
    expect_sound();
}

// Whoever has a 250 for it cannot send it again.
TEST_F(MailboxTest, ALowDiskFilesWhatWasAccepted)
{
    auto writer = house.mailboxes->writer();
    ASSERT_TRUE(house.run(writer->append(message_text("large", 200'000))).has_value());
    const auto finished = house.run(writer->finish()).value();
    store.set_health(store::Health::low_space);
    Filing small = filing_of(message_text("small"), {{.name = "INBOX"}}, clock.now());
    small.quota = Quota::exempt;
    EXPECT_TRUE(house.run(account->file(small)).has_value());
    Filing large = small;
    large.content = finished.content;
    large.digest = finished.digest;
    EXPECT_TRUE(house.run(account->file(large)).has_value());
    expect_sound();
}

TEST_F(MailboxTest, ALowDiskFoundsNoAccount)
{
    store.set_health(store::Health::low_space);
    EXPECT_EQ(error_of(house.run(house.mailboxes->open(alice + 1, alice + 1))), ErrorCode::no_space);
}

}  // namespace posthouse::mailbox

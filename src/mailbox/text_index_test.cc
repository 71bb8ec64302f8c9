// The index against reading: whatever it says for sure is what the message holds, as messages come, move and go, over
// restarts, damage and stops at any commit.
#include "mailbox/fixture.h"
#include "mailbox/index_rows.h"
#include "mailbox/search_text.h"

#include <random>

#include <gtest/gtest.h>

namespace posthouse::mailbox {

namespace {

constexpr AccountId alice = 11;

}  // namespace

class TextIndexTest : public ::testing::Test {
protected:
    void file(std::string subject, std::string body, std::string name = "INBOX")
    {
        const std::string text = fmt::format("From: Zoë <zoe@north.test>\r\nTo: bob@south.test\r\nSubject: {}\r\n"
                                             "X-Colour: mauve\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{}\r\n",
                                             subject, body);
        ASSERT_TRUE(house.run(account->file(filing_of(text, {{.name = std::move(name)}}, clock.now()))).has_value());
        texts.push_back(folded(text));
    }
    MailboxId id_of(std::string_view name) { return house.run(account->tree()).value()->find(name)->id; }
    SnapshotPtr inbox() { return house.run(account->snapshot(id_of("INBOX"))).value(); }
    void index_all(bool anew = false)
    {
        for (;;) {
            const auto state = house.run(house.mailboxes->index_some(alice, anew));
            ASSERT_TRUE(state.has_value()) << state.error().text;
            if (state->indexed == state->all)
                return;
            anew = false;
        }
    }
    // A letter a message: y(es), n(o), u(nread).
    std::string hints(std::string key, TextQuery::In in = TextQuery::In::text,
                      TextQuery::How how = TextQuery::How::part)
    {
        const auto answers = house.run(account->look_up(inbox(), {{.in = in, .folded = folded(key), .how = how}}));
        if (!answers)
            return answers.error().text;
        std::string letters;
        for (const TextHint hint : answers->front())
            letters += hint == TextHint::yes ? 'y' : hint == TextHint::no ? 'n' : 'u';
        return letters;
    }
    void restart()
    {
        account = nullptr;
        house.reopen();
        account = house.open(alice);
    }

    SetClock clock;
    store::MemoryStore engine{clock};
    House house{engine, clock};
    AccountPtr account = house.open(alice);
    std::vector<std::string> texts;
};

TEST_F(TextIndexTest, WhatIsIndexedNeedNotBeRead)
{
    file("Grüße aus Köln", "Der Zug fährt um 17 Uhr.");
    EXPECT_EQ(hints("zug"), "u") << "not indexed yet: it must be read";
    file("Invoice 2026-17", "Please pay at caf\xc3\xa9 Central.");
    index_all();
    file("The tail", "zug");
    EXPECT_EQ(hints("zug"), "ynu");
    EXPECT_EQ(hints("ahr"), "ynu") << "a part of a word, without its accent";
    EXPECT_EQ(hints("CAFE"), "nyu");
    EXPECT_EQ(hints("zug fährt"), "unu") << "two words: who has both is read";
    EXPECT_EQ(hints("fährt zug"), "unu");
    EXPECT_EQ(hints("nowhere"), "nnu");
    EXPECT_EQ(hints("mauve"), "yyu") << "any header field";
    EXPECT_EQ(hints("mauve", TextQuery::In::body), "nnu");
    EXPECT_EQ(hints("koln", TextQuery::In::subject), "ynu");
    EXPECT_EQ(hints("zoe@north", TextQuery::In::from), "uuu");
    EXPECT_EQ(hints("zoe", TextQuery::In::from), "yyu");
    EXPECT_EQ(hints("zoe", TextQuery::In::to), "nnu");
    EXPECT_EQ(hints("!"), "uuu") << "of punctuation the index knows nothing";
    EXPECT_EQ(hints("uhr zug", TextQuery::In::text, TextQuery::How::beginnings), "ynu") << "words in any order";
    EXPECT_EQ(hints("ug", TextQuery::In::text, TextQuery::How::beginnings), "nnu")
        << "a word's beginning, not its middle";
    EXPECT_EQ(hints("zu", TextQuery::In::text, TextQuery::How::beginnings), "ynu");
    EXPECT_EQ(hints("zu", TextQuery::In::text, TextQuery::How::whole_words), "nnu") << "no word of its own";
    EXPECT_EQ(hints("fahrt Zug", TextQuery::In::text, TextQuery::How::whole_words), "ynu");
}

TEST_F(TextIndexTest, AgreesWithReading)
{
    std::minstd_rand dice(3);
    const auto word = [&dice] {
        std::string word;
        for (unsigned left = 1 + dice() % 6; left > 0; --left)
            word += "abcdé"[dice() % 4];
        return word;
    };
    for (int i = 0; i < 400; ++i) {
        std::string body;
        for (unsigned left = dice() % 40; left > 0; --left)
            body += word() + " .,-@\n"[dice() % 6];
        file(word(), body);
        if (i % 90 == 0)
            index_all();
        if (i == 200)
            restart();
    }
    index_all();
    const SnapshotPtr snapshot = inbox();
    for (int search = 0; search < 300; ++search) {
        const std::string& source = texts[dice() % texts.size()];
        const std::string body = source.substr(source.find("\r\n\r\n") + 4);
        if (body.size() < 4)
            continue;
        const std::string key = body.substr(dice() % (body.size() - 3), 1 + dice() % 3);
        const std::string said = hints(key, TextQuery::In::body);
        for (std::size_t i = 0; i < texts.size(); ++i) {
            const std::string read = texts[i].substr(texts[i].find("\r\n\r\n") + 4);
            const bool is_there = read.find(key) != read.npos;
            if (said[i] != 'u') {
                ASSERT_EQ(said[i] == 'y', is_there) << key << " in " << read;
            }
        }
    }
}

TEST_F(TextIndexTest, ItCatchesUpInTheBackground)
{
    for (int i = 0; i < 100; ++i)
        file("x", "word" + std::to_string(i));
    EXPECT_EQ(hints("word7"), std::string(100, 'u'));
    for (int i = 0; i < 1000 && hints("word7").find('u') != std::string::npos; ++i)
        std::this_thread::sleep_for(5ms);
    EXPECT_EQ(std::ranges::count(hints("word7"), 'y'), 11);
}

TEST_F(TextIndexTest, SegmentsAreMergedAndForgetWhoIsGone)
{
    for (int round = 0; round < 6; ++round) {
        for (int i = 0; i < 20; ++i)
            file("x", fmt::format("round{} number{}", round, i));
        if (round == 1) {
            NumberSet some;
            some.add({1, 10});
            ASSERT_TRUE(house.run(account->expunge(id_of("INBOX"), some, Account::Which::all)).has_value());
        }
        index_all();
    }
    const auto catalogue = house.run(engine.get(index_partition(alice), catalogue_key(), Deadline::never())).value();
    EXPECT_LE(read_catalogue(*catalogue)->size(), 3u) << "six were written";
    EXPECT_EQ(std::ranges::count(hints("round0"), 'y'), 10);
    EXPECT_EQ(std::ranges::count(hints("number3"), 'y'), 5);
    const auto rows =
        house.run(engine.scan(index_partition(alice), all_segment_emails(), 100, Deadline::never())).value();
    std::size_t emails = 0;
    for (const store::Row& row : rows.rows)
        emails += read_segment_emails(row.value)->emails.size();
    EXPECT_EQ(emails, 110u) << "rows of merged segments are gone, and so are expunged messages";
}

TEST_F(TextIndexTest, AnythingLostIsMadeAgain)
{
    file("x", "precious");
    index_all();
    const auto erase = [this](store::Range range) {
        store::Batch batch{.partition = index_partition(alice), .id = house.ids.next()};
        batch.erase_ranges.push_back({range.from, range.until});
        ASSERT_EQ(house.run(engine.commit(std::move(batch), Deadline::never())), store::Outcome::ok);
    };
    const auto segment = [this] {
        const auto row = house.run(engine.get(index_partition(alice), catalogue_key(), Deadline::never())).value();
        return read_catalogue(*row)->front().id;
    };
    for (int lost = 0; lost < 3; ++lost) {
        erase(lost == 0 ? terms_of_segment(segment()) : lost == 1 ? emails_of_segment(segment()) : store::Range{});
        restart();
        EXPECT_EQ(hints("precious"), "u");
        index_all();
        EXPECT_EQ(hints("precious"), "y");
    }
    // Postings are read when a term has been found: then the index learns that they are not there.
    erase(postings_of_segment(segment()));
    restart();
    EXPECT_NE(hints("precious"), "y");
    index_all();
    EXPECT_EQ(hints("precious"), "y");
    index_all(true);
    EXPECT_EQ(hints("precious"), "y");
    ASSERT_TRUE(house.run(house.mailboxes->erase_account(alice)).has_value());
    EXPECT_TRUE(house.run(engine.partitions(store::PartitionKind::search, 0, Deadline::never()))->empty());
}

TEST_F(TextIndexTest, AStopAtAnyCommitLeavesNothingWrong)
{
    for (int i = 0; i < 60; ++i)
        file("x", "some word" + std::to_string(i));
    for (std::uint64_t n = 1; n < 12; ++n) {
        engine.stop_at_commit(n);
        static_cast<void>(house.run(house.mailboxes->index_some(alice, n % 3 == 0)));
        engine.stop_at_commit(0);
        restart();
        const std::string said = hints("word5");
        for (std::size_t i = 0; i < said.size(); ++i) {
            const bool is_there = i == 5 || i / 10 == 5;
            EXPECT_NE(said[i], is_there ? 'n' : 'y') << n << ": " << i;
        }
        file("x", "one more");
    }
    index_all();
    EXPECT_EQ(std::ranges::count(hints("word5"), 'y'), 11);
}

}  // namespace posthouse::mailbox

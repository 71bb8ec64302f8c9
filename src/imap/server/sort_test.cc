// SORT, THREAD, and what SEARCH can return: RFC 5256, 5957, 5267, 5182, 9394.
#include "imap/server/base_subject.h"
#include "imap/server/search_answer.h"
#include "imap/server/test_messages.h"
#include "imap/server/thread_tree.h"

namespace posthouse::imap {
namespace {

TEST(BaseSubject, RfcSteps)
{
    struct Row {
        std::string_view subject;
        std::string_view base;
        bool is_reply;
    };
    constexpr Row rows[]{
        {"Hello", "hello", false},
        {"Re: Hello", "hello", true},
        {"re:re: Fwd : hello", "hello", true},
        {"RE [list]: Hello", "hello", true},
        {"[list] Re: [other] Hello (fwd) ", "hello", true},
        {"[list] Hello", "hello", false},
        {"[PATCH]", "[patch]", false},
        {"Re: [PATCH]", "[patch]", true},
        {"[Fwd: Hello]", "hello", true},
        {"[fwd: Re: Hello]", "hello", true},
        {"Rebate", "rebate", false},
        {"=?utf-8?q?Re=3A_Stra=C3=9Fe?=", "strasse", true},
        {"Hello\t  world", "hello world", false},
        {"", "", false},
        {"Re:", "", true},
    };
    for (const Row& row : rows) {
        const BaseSubject base = base_subject(row.subject);
        EXPECT_EQ(base.text, row.base) << row.subject;
        EXPECT_EQ(base.is_reply, row.is_reply) << row.subject;
    }
}

ThreadedMessage message(std::uint32_t number, std::string id, std::vector<std::string> references,
                        std::string subject = "x", bool is_reply = true)
{
    return {number, std::move(id), std::move(references), std::move(subject), is_reply, number};
}
std::string by_references(std::vector<ThreadedMessage> messages)
{
    Serializer out;
    write_threads(out, thread_by_references(std::move(messages)));
    return out.take_joined();
}

TEST(ThreadTree, References)
{
    EXPECT_EQ(by_references({}), "");
    // RFC 5256 section 4: "(2)(3 6 (4 23)(44 7 96))"
    EXPECT_EQ(
        by_references({message(2, "2", {}, "a", false), message(3, "3", {}, "b", false), message(4, "4", {"3", "6"}),
                       message(6, "6", {"3"}), message(7, "7", {"3", "6", "44"}), message(23, "23", {"3", "6", "4"}),
                       message(44, "44", {"3", "6"}), message(96, "96", {"3", "6", "44", "7"})}),
        "(2)(3 6 (4 23)(44 7 96))");
    // A parent that is not there holds its children together.
    EXPECT_EQ(by_references({message(3, "3", {"gone"}, "a"), message(5, "5", {"gone"}, "a")}), "((3)(5))");
    // A single child takes its place; an empty container in between goes.
    EXPECT_EQ(by_references({message(1, "1", {}, "a", false), message(2, "2", {"1", "gone"}, "a")}), "(1 2)");
    // Circles and ids of one's own.
    EXPECT_EQ(by_references({message(1, "a", {"b"}, "s"), message(2, "b", {"a"}, "s")}), "(2 1)");
    EXPECT_EQ(by_references({message(1, "a", {"a"}, "s")}), "(1)");
    // The same id twice: the second is a message of its own; they meet again by their subject.
    EXPECT_EQ(by_references({message(1, "a", {}, "s", false), message(2, "a", {}, "t", false)}), "(1)(2)");
    // Step 5: one subject, one thread; a reply goes below, equals below a common parent.
    EXPECT_EQ(by_references({message(1, "a", {}, "s", false), message(2, "b", {}, "s", true)}), "(1 2)");
    EXPECT_EQ(by_references({message(1, "a", {}, "s", false), message(2, "b", {}, "s", false)}), "((1)(2))");
}

// HOSTILE A18: 3,000 messages that name 100 others each (what a digest keeps of 3,000), in one chain.
TEST(ThreadTree, ManyReferencesAreLinear)
{
    std::vector<ThreadedMessage> messages;
    for (std::uint32_t i = 1; i <= 3000; ++i) {
        std::vector<std::string> references;
        for (std::uint32_t j = i > 100 ? i - 100 : 1; j < i; ++j)
            references.push_back(std::to_string(j));
        messages.push_back(message(i, std::to_string(i), std::move(references)));
    }
    const auto begin = std::chrono::steady_clock::now();
    const std::string text = by_references(std::move(messages));
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s) << "some milliseconds where nothing is quadratic";
    EXPECT_TRUE(text.starts_with("(1 2 3 4") && text.ends_with(" 3000)"));
}

TEST(SearchAnswer, Windows)
{
    Hits hits;
    for (std::uint32_t i = 1; i <= 10; ++i)
        hits.push_back({i * 2, 0});
    const auto text = [&](PartialRange range) { return numbers_text(cut(hits, range)); };
    EXPECT_EQ(text({1, 3, false}), "2,4,6");
    EXPECT_EQ(text({9, 300, false}), "18,20");
    EXPECT_EQ(text({11, 12, false}), "");
    EXPECT_EQ(text({1, 2, true}), "18,20");
    EXPECT_EQ(text({10, 4000000000, true}), "2");
    EXPECT_EQ(text({11, 20, true}), "");
}

std::string with_letters(std::string_view script)
{
    return as_alice(
        append(with_header("From: Zoe <b@north.test>\r\nTo: x@north.test\r\nSubject: [list] Beta\r\n"
                           "Date: Mon, 1 Jan 2024 12:00:00 +0000\r\nMessage-ID: <1@t>\r\n")) +
        append(with_header("From: =?utf-8?q?=C3=84rne?= <c@north.test>\r\nCc: a@north.test\r\nSubject: alpha\r\n"
                           "Date: Wed, 3 Jan 2024 12:00:00 +0000\r\nMessage-ID: <2@t>\r\n")) +
        append(with_header("From: a@north.test\r\nSubject: Re: beta\r\nDate: Tue, 2 Jan 2024 12:00:00 +0000\r\n"
                           "Message-ID: <3@t>\r\nReferences: <1@t>\r\n")) +
        append(with_header("From: B <b@north.test>\r\nSubject: Re: beta\r\nDate: Thu, 4 Jan 2024 12:00:00 +0000\r\n"
                           "Message-ID: <4@t>\r\nIn-Reply-To: <3@t>\r\nX-Long: xxxxxxxxxxxxxxxxxxxxxxxx\r\n")) +
        selected(script));
}

TEST(Sort, ByEveryKey)
{
    expect_conversation(with_letters(R"~(
        C: a SORT (SUBJECT) UTF-8 ALL
        S: * SORT 2 1 3 4
        S: a OK …
        C: b SORT (REVERSE SUBJECT REVERSE DATE) US-ASCII ALL
        S: * SORT 4 3 1 2
        S: b OK …
        C: c UID SORT (DATE) UTF-8 2:*
        S: * SORT 3 2 4
        S: c OK …
        C: d SORT (FROM DATE) UTF-8 ALL
        S: * SORT 3 1 4 2
        S: d OK …
        C: e SORT (DISPLAYFROM) UTF-8 ALL
        S: * SORT 3 2 4 1
        S: e OK …
        C: f SORT (CC TO) UTF-8 ALL
        S: * SORT 3 4 1 2
        S: f OK …
        C: g SORT (REVERSE SIZE) UTF-8 ALL
        S: * SORT 4 …
        S: g OK …
        C: h SORT (ARRIVAL) UTF-8 SUBJECT nothing
        S: * SORT
        S: h OK …
        C: i SORT (SIZE) KLINGON ALL
        S: i NO [BADCHARSET …] …
        C: j UID SORT RETURN (MIN MAX COUNT ALL) (REVERSE DATE) UTF-8 UNDELETED
        S: * ESEARCH (TAG "j") UID MIN 4 MAX 1 ALL 4,2:3,1 COUNT 4
        S: j OK …
        C: k SORT RETURN (PARTIAL 2:3) (REVERSE DATE) UTF-8 ALL
        S: * ESEARCH (TAG "k") PARTIAL (2:3 2:3)
        S: k OK …
        C: l SORT (SIZE) UTF-8 99
        S: * SORT
        S: l OK …
    )~"));
}

// RFC 5051: letters are compared as capitals, so what ASCII has between Z and a comes behind them.
TEST(Sort, PunctuationBehindLetters)
{
    std::string script;
    for (const std::string_view subject : {"_a", "b", "[c", "Z"})
        script += append("Subject: " + std::string(subject) + "\r\n\r\n\r\n");
    expect_conversation(as_alice(script + selected("C: a SORT (SUBJECT) UTF-8 ALL\nS: * SORT 2 4 3 1\nS: a OK …\n")));
}

TEST(Thread, BothAlgorithms)
{
    expect_conversation(with_letters(R"~(
        C: a THREAD REFERENCES UTF-8 ALL
        S: * THREAD (1 3 4)(2)
        S: a OK …
        C: b UID THREAD ORDEREDSUBJECT UTF-8 ALL
        S: * THREAD (1 (3)(4))(2)
        S: b OK …
        C: c THREAD REFERENCES UTF-8 SUBJECT nothing
        S: * THREAD
        S: c OK …
        C: d THREAD REFERENCES UTF-8 2
        S: * THREAD (2)
        S: d OK …
    )~"));
}

// RFC 5182: `$` in every place where a set may stand.
TEST(SearchRes, TheLastResult)
{
    expect_conversation(with_letters(R"~(
        C: z FETCH $ UID
        S: z OK …
        C: a SEARCH RETURN (SAVE) SUBJECT beta
        S: a OK searched
        C: b UID SEARCH RETURN (SAVE MIN COUNT) $ NOT SUBJECT list
        S: * ESEARCH (TAG "b") UID MIN 3 COUNT 2
        S: b OK …
        C: c FETCH $ (UID)
        S: * 3 FETCH (UID 3)
        S: * 4 FETCH (UID 4)
        S: c OK …
        C: d SEARCH RETURN (SAVE MIN) ALL
        S: * ESEARCH (TAG "d") MIN 1
        S: d OK …
        C: e UID STORE $ +FLAGS.SILENT (\Deleted)
        S: e OK …
        C: f EXPUNGE
        S: * 1 EXPUNGE
        S: f OK …
        C: g FETCH $ (UID)
        S: g OK …
        C: h UID SORT RETURN (SAVE) (DATE) UTF-8 UID 2:3
        S: h OK …
        C: i UID COPY $ Archive
        S: i OK [COPYUID … 2:3 1:2] copied
        C: j SEARCH RETURN (SAVE) CHARSET KLINGON ALL
        S: j NO …
        C: k SEARCH UID $
        S: * SEARCH
        S: k OK …
    )~"));
}

// RFC 9394 section 3.2, table 1: what `$` is with PARTIAL.
TEST(Partial, WhatIsSaved)
{
    expect_conversation(with_letters(R"~(
        C: a UID SEARCH RETURN (SAVE PARTIAL 2:3) ALL
        S: * ESEARCH (TAG "a") UID PARTIAL (2:3 2:3)
        S: a OK …
        C: b UID SEARCH $
        S: * SEARCH 2 3
        S: b OK …
        C: c UID SEARCH RETURN (SAVE PARTIAL 2:2 MIN) ALL
        S: * ESEARCH (TAG "c") UID MIN 1 PARTIAL (2:2 2)
        S: c OK …
        C: d UID SEARCH $
        S: * SEARCH 1 2
        S: d OK …
        C: e UID SEARCH RETURN (SAVE PARTIAL -4:-3 MIN MAX) ALL
        S: * ESEARCH (TAG "e") UID MIN 1 MAX 4 PARTIAL (-4:-3 1:2)
        S: e OK …
        C: f UID SEARCH $
        S: * SEARCH 1 2 4
        S: f OK …
        C: g UID SEARCH RETURN (SAVE PARTIAL 9:10) ALL
        S: * ESEARCH (TAG "g") UID PARTIAL (9:10 NIL)
        S: g OK …
        C: h UID SEARCH $
        S: * SEARCH
        S: h OK …
        C: i UID SEARCH RETURN (SAVE PARTIAL 1:1 COUNT MAX) ALL
        S: * ESEARCH (TAG "i") UID MAX 4 PARTIAL (1:1 1) COUNT 4
        S: i OK …
        C: j UID SEARCH $
        S: * SEARCH 1 2 3 4
        S: j OK …
        C: k UID SEARCH RETURN (PARTIAL 1:2 ALL) ALL
        S: k BAD …
        C: l UID SEARCH RETURN (PARTIAL 1:2 PARTIAL 3:4) ALL
        S: l BAD …
        # section 3.4: the window first, then what has changed in it
        C: m UID STORE 1 +FLAGS.SILENT (\Flagged)
        S: m OK …
        C: n UID FETCH 1:* (UID FLAGS) (PARTIAL -1:-3 CHANGEDSINCE 1)
        S: * OK [HIGHESTMODSEQ …
        S: * 2 FETCH (UID 2 …
        S: * 3 FETCH (UID 3 …
        S: * 4 FETCH (UID 4 …
        S: n OK …
    )~"));
}

// RFC 9394.
TEST(Partial, WindowsOfResults)
{
    expect_conversation(with_letters(R"~(
        C: a UID SEARCH RETURN (PARTIAL 1:2) ALL
        S: * ESEARCH (TAG "a") UID PARTIAL (1:2 1:2)
        S: a OK …
        C: b UID SEARCH RETURN (PARTIAL -1:-3 COUNT) ALL
        S: * ESEARCH (TAG "b") UID PARTIAL (-1:-3 2:4) COUNT 4
        S: b OK …
        C: c UID SEARCH RETURN (PARTIAL 500:600) ALL
        S: * ESEARCH (TAG "c") UID PARTIAL (500:600 NIL)
        S: c OK …
        C: d UID FETCH 1:* (UID) (PARTIAL -1:-2)
        S: * 3 FETCH (UID 3)
        S: * 4 FETCH (UID 4)
        S: d OK …
        C: e UID FETCH 2:* (UID) (PARTIAL 2:2)
        S: * 3 FETCH (UID 3)
        S: e OK …
        C: f FETCH 1:* (UID) (PARTIAL 1:2)
        S: f BAD …
    )~"));
}

// RFC 9585: what takes long says how far it is.
TEST(InProgress, IsToldWhileSearching)
{
    ServerOptions options = TestHouse::options_for_tests();
    options.progress_every = Duration::zero();
    TestHouse house(options);
    expect_conversation(house, as_alice(append(first) + append(first) + selected(R"~(
        C: a SEARCH BODY nothing
        S: * OK [INPROGRESS ("a" 0 2)] searching
        S: * OK [INPROGRESS ("a" 1 2)] searching
        S: * SEARCH
        S: a OK …
        C: b] SEARCH BODY nothing
        S: * OK [INPROGRESS (NIL 0 2)] searching
        S: * OK [INPROGRESS (NIL 1 2)] searching
        S: * SEARCH
        S: b] OK …
    )~")));
}

}  // namespace
}  // namespace posthouse::imap

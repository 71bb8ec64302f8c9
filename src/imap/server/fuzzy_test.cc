// SEARCH=FUZZY: RFC 6203. Words, in the texts and by the index, and how near a message comes.
#include "imap/server/test_messages.h"

namespace posthouse::imap {
namespace {

std::string letter(std::string_view from, std::string_view subject, std::string_view body)
{
    return "From: " + std::string(from) + "\r\nSubject: " + std::string(subject) + "\r\n\r\n" + std::string(body) +
        "\r\n";
}

std::string with_letters(std::string_view script)
{
    return as_alice(append(letter("Work <work@north.test>", "Invoices of May", "please pay")) +
                    append(letter("Dave <dave@north.test>", "IMAP is broken", "the invoice is attached")) +
                    append(letter("Invoice Office <office@north.test>", "lunch?", "nothing to add")) +
                    append(letter("Zoe <user@example.com>", "the invoice", "work, work")) +
                    append(letter("Zoe <zoe@north.test>", "preinvoiced", "not a word's beginning")) + selected(script));
}

TEST(Fuzzy, WordsInAnyOrder)
{
    expect_conversation(with_letters(R"~(
        # RFC 6203 section 3: "IMAP break" finds "IMAP is broken" here by the beginning of a word, not by its stem.
        C: a SEARCH FUZZY (SUBJECT "brok imap")
        S: * SEARCH 2
        S: a OK searched
        C: b SEARCH SUBJECT "brok imap"
        S: * SEARCH
        S: b OK searched
        # One key is asked by words, the other as it is.
        C: c SEARCH FUZZY SUBJECT invoice FROM user@example.com
        S: * SEARCH 4
        S: c OK searched
        C: d SEARCH FUZZY TEXT invoice
        S: * SEARCH 1 2 3 4
        S: d OK searched
        C: e SEARCH TEXT invoice
        S: * SEARCH 1 2 3 4 5
        S: e OK searched
        C: f SEARCH FUZZY BODY "the invoice is"
        S: * SEARCH 2
        S: f OK searched
        # One word in the header, the other in the body.
        C: g SEARCH FUZZY TEXT "attached imap"
        S: * SEARCH 2
        S: g OK searched
        C: h SEARCH FUZZY HEADER Subject "may inv"
        S: * SEARCH 1
        S: h OK searched
        C: i SEARCH NOT FUZZY TEXT invoice
        S: * SEARCH 5
        S: i OK searched
        # Flags and sizes are what they are (section 5).
        C: j SEARCH SUBJECT preinvoiced FUZZY (UNSEEN LARGER 10)
        S: * SEARCH 5
        S: j OK searched
        # No word: as it is written.
        C: k SEARCH FUZZY SUBJECT "?"
        S: * SEARCH 3
        S: k OK searched
        C: l SEARCH FUZZY
        S: l BAD …
        C: m SEARCH FUZZY FUZZY FUZZY SUBJECT may
        S: * SEARCH 1
        S: m OK searched
    )~"));
}

// RFC 6203 sections 4 and 6.
TEST(Fuzzy, Relevancy)
{
    expect_conversation(with_letters(R"~(
        # The subject, then who wrote it, then the text; a whole word before the beginning of one.
        C: a SEARCH RETURN (RELEVANCY ALL) FUZZY TEXT invoice
        S: * ESEARCH (TAG "a") ALL 1:4 RELEVANCY (60 40 80 100)
        S: a OK searched
        C: b SORT (RELEVANCY) UTF-8 FUZZY TEXT invoice
        S: * SORT 4 3 1 2
        S: b OK sorted
        C: c SORT RETURN (RELEVANCY ALL) (RELEVANCY) UTF-8 FUZZY TEXT invoice
        S: * ESEARCH (TAG "c") ALL 4,3,1:2 RELEVANCY (100 80 60 40)
        S: c OK sorted
        C: d UID SORT RETURN (PARTIAL 1:2 RELEVANCY) (RELEVANCY) UTF-8 FUZZY TEXT invoice
        S: * ESEARCH (TAG "d") UID PARTIAL (1:2 4,3) RELEVANCY (100 80)
        S: d OK sorted
        C: e SORT (REVERSE RELEVANCY) UTF-8 FUZZY TEXT invoice
        S: * SORT 2 1 3 4
        S: e OK sorted
        # More of what was asked for is nearer.
        C: f SEARCH RETURN (RELEVANCY ALL) OR FUZZY SUBJECT invoice FUZZY BODY work
        S: * ESEARCH (TAG "f") ALL 1,4 RELEVANCY (30 100)
        S: f OK searched
        C: g SEARCH RETURN (RELEVANCY ALL) FUZZY (SUBJECT inv NOT FROM zoe)
        S: * ESEARCH (TAG "g") ALL 1 RELEVANCY (60)
        S: g OK searched
        C: h SEARCH RETURN (RELEVANCY COUNT) FUZZY UNSEEN FUZZY SUBJECT nowhere
        S: * ESEARCH (TAG "h") COUNT 0
        S: h OK searched
        C: i SEARCH RETURN (RELEVANCY ALL) FUZZY 1:2
        S: * ESEARCH (TAG "i") ALL 1:2 RELEVANCY (100 100)
        S: i OK searched
        C: j ESEARCH IN (mailboxes INBOX) RETURN (RELEVANCY ALL) FUZZY SUBJECT invoice
        S: * ESEARCH (TAG "j" MAILBOX INBOX UIDVALIDITY …) UID ALL 1,4 RELEVANCY (60 100)
        S: j OK searched
        # Without a FUZZY key there is no relevancy.
        C: k SEARCH RETURN (RELEVANCY ALL) TEXT invoice
        S: k BAD …
        C: l SORT (RELEVANCY) UTF-8 TEXT invoice
        S: l BAD …
        C: m ESEARCH IN (mailboxes INBOX) RETURN (RELEVANCY) TEXT invoice
        S: m BAD …
    )~"));
}

// HOSTILE A16: words cost like bodies do.
TEST(Fuzzy, OnlySoManyWords)
{
    std::string words;
    for (int i = 0; i < 65; ++i)
        words += " w" + std::to_string(i);
    expect_conversation(with_letters("C: a SEARCH FUZZY TEXT \"" + words + "\"\nS: a NO [LIMIT] …\n" +
                                     "C: b SEARCH TEXT \"" + words + "\"\nS: * SEARCH\nS: b OK searched\n"));
}

// What the index answers is what reading does.
TEST(Fuzzy, ByTheIndex)
{
    TestHouse house;
    std::string many;
    for (int i = 0; i < 130; ++i)
        many += append(letter("Zoe <zoe@north.test>", i % 50 == 0 ? "the invoice" : "another",
                              i == 7       ? "an invoice"
                                  : i == 8 ? "invoices"
                                           : "nothing"));
    expect_conversation(house, as_alice(many));
    const mailbox::AccountId alice = house.people["alice@north.test"];
    for (;;) {
        const auto state = house.run(house.mailboxes->index_some(alice, false));
        ASSERT_TRUE(state);
        if (state->indexed == state->all)
            break;
    }
    expect_conversation(house, as_alice(selected(R"~(
        C: a UID SORT RETURN (RELEVANCY ALL) (RELEVANCY) UTF-8 FUZZY TEXT invoice
        S: * ESEARCH (TAG "a") UID ALL 1,51,101,8:9 RELEVANCY (100 100 100 40 24)
        S: a OK sorted
        C: b SEARCH RETURN (RELEVANCY ALL) FUZZY BODY invoice
        S: * ESEARCH (TAG "b") ALL 8:9 RELEVANCY (100 60)
        S: b OK searched
        C: c SEARCH RETURN (RELEVANCY ALL) FUZZY SUBJECT "inv the"
        S: * ESEARCH (TAG "c") ALL 1,51,101 RELEVANCY (80 80 80)
        S: c OK searched
    )~")));
}

}  // namespace
}  // namespace posthouse::imap

// Conversations about messages: APPEND, FETCH, STORE, COPY, MOVE, EXPUNGE, SEARCH, IDLE, by one session and several.
#include "imap/server/test_messages.h"

namespace posthouse::imap {
namespace {

TEST(Fetch, WhatWasComputedWhenFiled)
{
    expect_conversation(with_two(R"~(
        C: a FETCH 1 FULL
        S: * 1 FETCH (FLAGS (\Recent) INTERNALDATE "08-Feb-1994 05:52:25 +0000" RFC822.SIZE 310 ENVELOPE ("Mon, 7 Feb 1994 21:52:25 -0800 (PST)" "afternoon meeting" (("Fred Foobar" NIL "foobar" "Blurdybloop.COM")) (("Fred Foobar" NIL "foobar" "Blurdybloop.COM")) (("Fred Foobar" NIL "foobar" "Blurdybloop.COM")) ((NIL NIL "mooch" "owatagu.siam.edu")) NIL NIL NIL "<B27397-0100000@Blurdybloop.COM>") BODY ("text" "plain" ("charset" "US-ASCII") NIL NIL "7bit" 55 1))
        S: a OK …
        C: b UID FETCH 2:* (BODYSTRUCTURE)
        S: * 2 FETCH (UID 2 BODYSTRUCTURE (("text" "plain" ("charset" "utf-8") NIL NIL "quoted-printable" 11 0 NIL NIL NIL NIL)("message" "rfc822" NIL NIL NIL "7bit" 24 (NIL "inner" …) ("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 6 0 NIL NIL NIL NIL) 2 NIL NIL NIL NIL) "mixed" ("boundary" "b") NIL NIL NIL))
        S: b OK …
        C: c FETCH 1:2 (UID EMAILID THREADID SAVEDATE PREVIEW)
        S: * 1 FETCH (UID 1 EMAILID (…) THREADID (…) SAVEDATE "…" PREVIEW "Hello Joe, do you think we can meet at 3:30 tomorrow?")
        S: * 2 FETCH (UID 2 …PREVIEW …
        S: Straße)
        S: c OK …
    )~"));
}

TEST(Fetch, Sections)
{
    expect_conversation(with_two(R"~(
        C: a FETCH 2 (BODY.PEEK[1] BODY.PEEK[2.HEADER] BODY.PEEK[2.TEXT] BODY.PEEK[2.1] BODY.PEEK[1.MIME])
        S: * 2 FETCH (BODY[1] {11}
        S: Stra=C3=9Fe BODY[2.HEADER] {18}
        S: Subject: inner
        S:
        S:  BODY[2.TEXT] {6}
        S: inside BODY[2.1] {6}
        S: inside BODY[1.MIME] {88}
        S: Content-Type: text/plain; charset=utf-8
        S: Content-Transfer-Encoding: quoted-printable
        S:
        S: )
        S: a OK …
        C: b FETCH 2 (BODY.PEEK[HEADER.FIELDS (subject x-none)] BODY.PEEK[TEXT]<2.5> BODY.PEEK[9] BODY.PEEK[1.HEADER] BODY.PEEK[]<5000.1>)
        S: * 2 FETCH (BODY[HEADER.FIELDS (subject x-none)] {24}
        S: Subject: two
        S:  parts
        S:
        S:  BODY[TEXT]<2> {5}
        S: eambl BODY[9] NIL BODY[1.HEADER] NIL BODY[]<5000> {0}
        S: )
        S: b OK …
        C: c FETCH 1 (BODY.PEEK[HEADER.FIELDS.NOT (Date From To Message-Id MIME-Version Content-Type)] RFC822.HEADER)
        S: * 1 FETCH (BODY[HEADER.FIELDS.NOT (Date From To Message-Id MIME-Version Content-Type)] {30}
        S: Subject: afternoon meeting
        S:
        S:  RFC822.HEADER {255}
        S: Date: …
        S: From: …
        S: Subject: …
        S: To: …
        S: Message-Id: …
        S: MIME…
        S: Content…
        S:
        S: )
        S: c OK …
        C: d FETCH 1 FLAGS
        S: * 1 FETCH (FLAGS (\Recent))
        S: d OK …
    )~"));
}

TEST(Fetch, ReadingSetsSeen)
{
    expect_conversation(with_two(R"~(
        C: a FETCH 1 BODY[1]<0.5>
        S: * 1 FETCH (BODY[1]<0> {5}
        S: Hello FLAGS (\Seen \Recent))
        S: a OK …
        C: b FETCH 1 (FLAGS RFC822.TEXT)
        S: * 1 FETCH (FLAGS (\Seen \Recent) RFC822.TEXT {55}
        S: Hello Joe, do you think we can meet at 3:30 tomorrow?
        S: )
        S: b OK …
        C: c EXAMINE INBOX
        S: * OK [CLOSED] …
        S: * FLAGS …
        S: * OK [PERM…
        S: * 2 EXISTS
        S: * 0 RECENT
        S: * OK [UNSEEN 2] …
        S: * OK …
        S: * OK …
        S: * OK …
        S: * OK [MAILB…
        S: c OK [READ-ONLY] …
        C: d FETCH 2 BODY[2]<0.7>
        S: * 2 FETCH (BODY[2]<0> {7}
        S: Subject)
        S: d OK …
    )~"));
}

// A body of everything a byte can be comes back as it went in; so does one that is larger than a row.
TEST(Append, ByteExact)
{
    std::string odd = "not a header\n";
    for (int i = 0; i < 256; ++i)
        odd += static_cast<char>(i);
    for (const std::string& message : {odd, odd + std::string(300'000, 'x') + odd}) {
        TestHouse house;
        net::Wire wire = house.connect();
        const auto talk = [&wire, &message]() -> Task<std::string> {
            const std::string head = "a LOGIN alice@north.test posthouse\r\nb APPEND INBOX {" +
                std::to_string(message.size()) + "+}\r\n" + message + "\r\nc SELECT INBOX\r\nd FETCH 1 BODY.PEEK[]\r\n";
            co_await wire.write(head, patient());
            std::string heard;
            while (heard.find("\r\nd OK") == std::string::npos) {
                const Result<void> filled = co_await wire.fill(patient());
                if (!filled)
                    break;
                heard += wire.input();
                wire.consume(wire.input().size());
            }
            co_return heard;
        };
        const std::string heard = house.run(talk());
        const std::string wanted = "* 1 FETCH (BODY[] {" + std::to_string(message.size()) + "}\r\n" + message + ")\r\n";
        EXPECT_NE(heard.find(wanted), std::string::npos) << heard.substr(0, 1000);
        auto gone = std::move(wire);
    }
}

TEST(Append, Refusals)
{
    TestHouse house;
    house.quotas.limit = 100'000;
    expect_conversation(house, as_alice(R"~(
        C: a APPEND nothing {14}
        S: a NO [TRYCREATE] …
        C: b APPEND INBOX (\Nonsense) {14}
        S: b BAD …
        C: c APPEND INBOX {200000}
        S: c NO [OVERQUOTA] …
        C: d APPEND INBOX {0}
        S: + …
        C:
        S: d NO [CANNOT] …
        C: e APPEND nothing {16+}
        C: x LOGOUT
        C: y NO
        C:
        C: f NOOP
        S: e NO [TRYCREATE] …
        S: f OK …
        C: g APPEND INBOX {5}
        S: + …
        C: hello and more
        S: g BAD …
        C: h APPEND INBOX {3+}
        C: abc {10+}
        C: x LOGOUT
        C:
        C: i STATUS INBOX (MESSAGES)
        S: h OK [APPENDUID … 1:2] …
        S: * STATUS INBOX (MESSAGES 2)
        S: i OK …
        C: j APPEND INBOX "17-Jul-1996 02:44" {5}
        S: j BAD …
        C: k APPEND INBOX x
        S: k BAD …
        C: l APPEND {5}
        S: + …
        C: INBOX (work) {14}
        S: + …
        C: Subject: z
        C:
        C:
        S: l OK [APPENDUID …
    )~"));
}

TEST(Append, IntoTheSelectedMailbox)
{
    expect_conversation(with_two(R"~(
        C: a APPEND INBOX (work) {14+}
        C: Subject: z
        C:
        C:
        S: * FLAGS (\Answered \Flagged \Deleted \Seen \Draft work)
        S: * OK [PERMANENTFLAGS …
        S: * 3 EXISTS
        S: * 3 RECENT
        S: a OK …
        C: b SEARCH KEYWORD work
        S: * SEARCH 3
        S: b OK …
    )~"));
}

TEST(Store, ChangesAreEchoedOrNot)
{
    expect_conversation(with_two(R"~(
        C: a STORE 1:2 +FLAGS (\Flagged work)
        S: * FLAGS …work)
        S: * OK [PERM…
        S: * 1 FETCH (FLAGS (\Flagged work \Recent))
        S: * 2 FETCH (FLAGS (\Flagged work \Recent))
        S: a OK …
        C: b UID STORE 2 -FLAGS (\Flagged)
        S: * 2 FETCH (UID 2 FLAGS (work \Recent))
        S: b OK …
        C: c STORE 1 FLAGS.SILENT (\Seen)
        S: c OK …
        C: d STORE 1 +FLAGS \Seen
        S: * 1 FETCH (FLAGS (\Seen \Recent))
        S: d OK …
        C: e FETCH 1:2 FLAGS
        S: * 1 FETCH (FLAGS (\Seen \Recent))
        S: * 2 FETCH (FLAGS (work \Recent))
        S: e OK …
        C: f STORE 3 FLAGS ()
        S: f BAD …
        C: g UID STORE 9 FLAGS ()
        S: g OK …
        C: h STORE 1 +FLAGS (\Nonsense)
        S: h BAD …
    )~"));
}

TEST(Expunge, TellsNumbersFromTheEnd)
{
    expect_conversation(with_two(R"~(
        C: a STORE 1:2 +FLAGS.SILENT (\Deleted)
        S: a OK …
        C: b UID EXPUNGE 2:9
        S: * 2 EXPUNGE
        S: b OK …
        C: c EXPUNGE
        S: * 1 EXPUNGE
        S: c OK …
        C: d UID FETCH 1:* FLAGS
        S: d OK …
        C: e EXPUNGE
        S: e OK …
    )~"));
}

TEST(Close, ExpungesWithoutAWord)
{
    expect_conversation(with_two(R"~(
        C: a STORE 1 +FLAGS.SILENT (\Deleted)
        C: b CLOSE
        C: c STATUS INBOX (MESSAGES)
        S: a OK …
        S: b OK …
        S: * STATUS INBOX (MESSAGES 1)
        S: c OK …
    )~"));
}

TEST(Copy, AndMove)
{
    expect_conversation(with_two(R"~(
        C: a COPY 1:2 Archive
        S: a OK [COPYUID … 1:2 1:2] copied
        C: b COPY 1 nothing
        S: b NO [TRYCREATE] …
        C: c UID COPY 50 Archive
        S: c OK there was nothing to copy
        C: d UID MOVE 1 Trash
        S: * OK [COPYUID … 1 1] moved
        S: * 1 EXPUNGE
        S: d OK …
        C: e STATUS Trash (MESSAGES UIDNEXT)
        S: * STATUS Trash (MESSAGES 1 UIDNEXT 2)
        S: e OK …
        C: f COPY 1 INBOX
        S: * 2 EXISTS
        S: * 2 RECENT
        S: f OK [COPYUID … 2 3] copied
    )~"));
}

TEST(Copy, OverQuota)
{
    TestHouse house;
    house.quotas.limit = 700;
    expect_conversation(house, with_two(R"~(
        C: a COPY 1:2 Archive
        S: a NO [OVERQUOTA] …
        C: b STATUS Archive (MESSAGES)
        S: * STATUS Archive (MESSAGES 0)
        S: b OK …
        C: c MOVE 1:2 Archive
        S: * OK [COPYUID … 1:2 1:2] moved
        S: * 2 EXPUNGE
        S: * 1 EXPUNGE
        S: c OK …
    )~"));
}

// A message that is streamed: what has no header is NIL, and takes no other's.
TEST(Fetch, HeadersOfALargeMessage)
{
    std::string large = "Subject: outer\r\n\r\n";
    for (int i = 0; i < 5000; ++i)
        large += "sixty letters in a line, so that five thousand lines are a lot\r\n";
    expect_conversation(as_alice(append(large) + selected(R"~(
        C: a FETCH 1 (BODY.PEEK[9.HEADER.FIELDS (Subject)] BODY.PEEK[HEADER.FIELDS (Subject)])
        S: * 1 FETCH (BODY[9.HEADER.FIELDS (Subject)] NIL BODY[HEADER.FIELDS (Subject)] {18}
        S: Subject: outer
        S:
        S: )
        S: a OK …
    )~")));
}

TEST(Search, Keys)
{
    const std::pair<std::string_view, std::string_view> rows[]{
        {"ALL", " 1 2"},
        {"2", " 2"},
        {"7", ""},
        {"2:4294967295", " 2"},
        {"*:7", " 2"},
        {"NOT 3:9", " 1 2"},
        {"1:*", " 1 2"},
        {"UID 2:*", " 2"},
        {"NOT 1", " 2"},
        {"OR 1 2", " 1 2"},
        {"FROM foobar", " 1"},
        {"FROM \"fred foo\"", " 1"},
        {"FROM JURGEN", " 2"},
        {"SUBJECT \"two parts\"", " 2"},
        {"TO mooch", " 1"},
        {"CC x", ""},
        {"BODY \"3:30\"", " 1"},
        {"BODY inside", " 2"},
        {"CHARSET UTF-8 BODY {7+}\r\nSTRASSE", " 2"},
        {"TEXT inner", ""},
        {"TEXT jurgen", " 2"},
        {"HEADER Message-ID B27397", " 1"},
        {"HEADER Message-ID \"\"", " 1"},
        {"HEADER Subject meeting", " 1"},
        {"LARGER 300", " 1"},
        {"SMALLER 310", " 2"},
        {"BEFORE 8-Feb-1994", ""},
        {"ON 8-Feb-1994", " 1 2"},
        {"SINCE 9-Feb-1994", ""},
        {"SENTON 7-Feb-1994", " 1"},
        {"SENTBEFORE 8-Feb-1994", " 1"},
        {"SENTSINCE 1-Jan-2000", ""},
        {"RECENT", " 1 2"},
        {"NEW", " 1 2"},
        {"OLD", ""},
        {"UNSEEN", " 1 2"},
        {"SEEN", ""},
        {"KEYWORD none", ""},
        {"UNKEYWORD none", " 1 2"},
        {"OLDER 1000", " 1 2"},
        {"YOUNGER 1000", ""},
        {"SAVEDSINCE 1-Jan-2020", " 1 2"},
        {"NOT (FROM foobar BODY Hello)", " 2"},
        {"OR BODY inside SUBJECT meeting", " 1 2"},
        {"CHARSET UTF-8 FROM {6+}\r\nFoobar", " 1"},
    };
    std::string script;
    for (const auto& [keys, found] : rows)
        script += "R: a SEARCH " + escaped(keys) + "\\r\\n\nS: * SEARCH" + std::string(found) + "\nS: a OK …\n";
    expect_conversation(with_two(script));
    expect_conversation(with_two(R"~(
        C: a SEARCH CHARSET KLINGON ALL
        S: a NO [BADCHARSET (US-ASCII …)] …
        C: b UID SEARCH RETURN (MIN MAX COUNT ALL) ALL
        S: * ESEARCH (TAG "b") UID MIN 1 MAX 2 ALL 1:2 COUNT 2
        S: b OK …
        C: c SEARCH RETURN (MIN COUNT) SEEN
        S: * ESEARCH (TAG "c") COUNT 0
        S: c OK …
    )~"));
}

TEST(Sessions, SeeEachOther)
{
    expect_conversation(both_as_alice(append(first) + append(second) + selected("") + R"~(
        C2: a SELECT INBOX
        S2: * FLAGS …
        S2: * OK [PERM…
        S2: * 2 EXISTS
        S2: * 0 RECENT
        S2: * OK [UNSEEN…
        S2: * OK …
        S2: * OK …
        S2: * OK …
        S2: * OK [MAILB…
        S2: a OK …
        # flags
        C: b STORE 1 +FLAGS.SILENT (\Flagged)
        S: b OK …
        C2: c NOOP
        S2: * 1 FETCH (FLAGS (\Flagged))
        S2: c OK …
        # an expunge is held back while FETCH, STORE and SEARCH are answered, and told by the next command
        C: d STORE 1 +FLAGS.SILENT (\Deleted)
        C: e EXPUNGE
        S: d OK …
        S: * 1 EXPUNGE
        S: e OK …
        C2: f FETCH 1:2 (UID)
        S2: * 1 FETCH (UID 1)
        S2: * 2 FETCH (UID 2)
        S2: f OK …
        C2: g SEARCH ALL
        S2: * SEARCH 1 2
        S2: g OK …
        C2: h STORE 2 +FLAGS (\Draft)
        S2: * 2 FETCH (FLAGS (\Draft))
        S2: h OK …
        C2: i FETCH 1 BODY.PEEK[1]<0.5>
        S2: * 1 FETCH (BODY[1]<0> {5}
        S2: Hello)
        S2: i OK …
        C2: j NOOP
        S2: * 1 EXPUNGE
        S2: j OK …
        C2: k FETCH 1 (UID FLAGS)
        S2: * 1 FETCH (UID 2 FLAGS (\Draft))
        S2: k OK …
        C: l NOOP
        S: * 1 FETCH (FLAGS (\Draft \Recent))
        S: l OK …
    )~"));
}

TEST(Sessions, IdleHearsAtOnce)
{
    expect_conversation(both_as_alice(append(first) + selected("") + R"~(
        C: a IDLE
        S: + idling
        C2: b APPEND INBOX {14+}
        C2: Subject: y
        C2:
        C2:
        S2: b OK …
        S: * 2 EXISTS
        S: * 2 RECENT
        C2: c SELECT INBOX
        S2: * FLAGS …
        S2: * OK [PERM…
        S2: * 2 EXISTS
        S2: * 0 RECENT
        S2: * OK …
        S2: * OK …
        S2: * OK …
        S2: * OK …
        S2: * OK [MAILB…
        S2: c OK …
        C2: d STORE 1:2 FLAGS.SILENT (\Deleted)
        S2: d OK …
        S: * 1 FETCH (FLAGS (\Deleted \Recent))
        S: * 2 FETCH (FLAGS (\Deleted \Recent))
        C2: e EXPUNGE
        S2: * 2 EXPUNGE
        S2: * 1 EXPUNGE
        S2: e OK …
        S: * 2 EXPUNGE
        S: * 1 EXPUNGE
        # iOS sends the next command behind DONE
        C: DONE
        C: f NOOP
        S: a OK …
        S: f OK …
        C: g IDLE
        C: DONE
        S: + idling
        S: g OK …
        C: h IDLE
        C: i NOOP
        S: + idling
        S: h BAD …
    )~"));
}

TEST(Sessions, MailboxDeletedUnderneath)
{
    expect_conversation(both_as_alice(R"~(
        C: a CREATE x
        C: b SELECT x
        S: a OK …
        S: * FLAGS …
        S: * OK [PERM…
        S: * 0 EXISTS
        S: * 0 RECENT
        S: * OK …
        S: * OK …
        S: * OK …
        S: * OK [MAILB…
        S: b OK …
        C2: c DELETE x
        S2: c OK …
        C: d NOOP
        S: d OK …
        C: e FETCH 1:* FLAGS
        S: e OK …
        C: f UID STORE 1 FLAGS ()
        S: f OK …
        C: g CLOSE
        S: g OK …
    )~"));
}

// RFC 7162
TEST(Condstore, Modseqs)
{
    expect_conversation(with_two(R"~(
        C: a STORE 1 (UNCHANGEDSINCE 1) +FLAGS (\Flagged)
        S: * OK [HIGHESTMODSEQ …] …
        S: a OK [MODIFIED 1] …
        C: b FETCH 1 (MODSEQ)
        S: * 1 FETCH (MODSEQ (…))
        S: b OK …
        C: c STORE 1 (UNCHANGEDSINCE 100000) +FLAGS.SILENT (\Flagged)
        S: * 1 FETCH (UID 1 FLAGS (\Flagged \Recent) MODSEQ (…))
        S: c OK …
        C: d FETCH 1:2 (UID) (CHANGEDSINCE 100000)
        S: d OK …
        C: f SEARCH RETURN (MIN) MODSEQ 2
        S: * ESEARCH (TAG "f") MIN 1 MODSEQ …
        S: f OK …
        C: e SEARCH MODSEQ 2
        S: * SEARCH 1 2 (MODSEQ …)
        S: e OK …
    )~"));
}

}  // namespace
}  // namespace posthouse::imap

// APPEND in all its forms: RFC 3502 (several), 4469 (CATENATE), 3516 and 6855 (literal8), 8508 (REPLACE).
#include "imap/server/test_messages.h"

namespace posthouse::imap {
namespace {

constexpr std::string_view drafts = R"~(
        C: dr EXAMINE Drafts
        S: * FLAGS …
        S: * OK [PERM…
        S: * 1 EXISTS
        S: * … RECENT
        S: * OK [UIDV…
        S: * OK [UIDN…
        S: * OK [HIGH…
        S: * OK [MAILB…
        S: dr OK …
)~";

// RFC 4469 section 3: parts of messages that are there already, put together anew.
TEST(Catenate, PartsOfOwnMessages)
{
    expect_conversation(as_alice(append(second) + R"~(
        C: a APPEND Drafts (\Seen \Draft) CATENATE (TEXT {12}
        S: + …
        R: Subject: x\r\n URL "/INBOX;UIDVALIDITY=1/;UID=1/;SECTION=HEADER" TEXT {3+}\r\n
        R: abc URL "/INBOX/;UID=1/;SECTION=1")\r\n
        S: a NO [BADURL "/INBOX;UIDVALIDITY=1/;UID=1/;SECTION=HEADER"] …
        C: b APPEND Drafts (\Seen) CATENATE (TEXT {12+}
        R: Subject: x\r\n URL "/INBOX/;UID=1/;SECTION=1.MIME" URL {24+}\r\n
        R: /INBOX/;UID=1/;SECTION=1 TEXT {5+}\r\n
        R: end\r\n)\r\n
        S: b OK [APPENDUID … 1] appended
    )~" + std::string(drafts) + R"~(
        C: d FETCH 1 (FLAGS BODY.PEEK[])
        S: * 1 FETCH (FLAGS (\Seen \Recent) BODY[] {…}
        S: Subject: x
        S: Content-Type: text/plain; charset=utf-8
        S: Content-Transfer-Encoding: quoted-printable
        S:
        S: Stra=C3=9Feend
        S: )
        S: d OK …
        # relative to the selected mailbox; a URL alone is no literal
        C: e APPEND INBOX CATENATE (URL "/;UID=1")
        S: e OK [APPENDUID … 2] appended
        C: f APPEND INBOX CATENATE (URL "imap://alice%40north.test@north.test/Drafts/;UID=1/;PARTIAL=0.12")
        S: f OK [APPENDUID … 3] appended
    )~"));
}

TEST(Catenate, WhatIsRefused)
{
    expect_conversation(as_alice(append(second) + R"~(
        C: a APPEND Drafts CATENATE (URL "imap://bob@north.test/INBOX/;UID=1")
        S: a NO [BADURL "imap://bob@north.test/INBOX/;UID=1"] …
        C: b APPEND Drafts CATENATE (URL "imap://alice%40north.test@south.test/INBOX/;UID=1")
        S: b NO [BADURL …
        C: c APPEND Drafts CATENATE (URL "http://north.test/")
        S: c NO [BADURL …
        C: d APPEND Drafts CATENATE (URL "/INBOX/;UID=9")
        S: d NO [BADURL …
        C: e APPEND Drafts CATENATE (URL "/INBOX/;UID=1/;SECTION=7")
        S: e NO [BADURL …
        C: f APPEND Drafts CATENATE ()
        S: f BAD …
        C: g APPEND Drafts CATENATE (URL "/INBOX/;UID=1"
        S: g BAD …
        C: h APPEND Drafts CATENATE (TEXT {0+}
        C: )
        S: h NO [CANNOT] an empty message is none
        C: i APPEND nowhere CATENATE (URL "/INBOX/;UID=1")
        S: i NO [TRYCREATE] …
        C: j NOOP
        S: j OK …
    )~"));
}

// RFC 3516 section 4.4, RFC 6855 section 4.
TEST(Append, Literal8)
{
    expect_conversation(as_alice(R"~(
        C: a APPEND Drafts (\Seen) ~{16}
        S: + …
        R: Subject: b\r\n\r\n\0\x01\r\n
        S: a OK [APPENDUID … 1] appended
    )~" + std::string(drafts) + R"~(
        C: b FETCH 1 BINARY.SIZE[1]
        S: * 1 FETCH (BINARY.SIZE[1] 2)
        S: b OK …
        C: c ENABLE UTF8=ACCEPT
        S: * ENABLED UTF8=ACCEPT
        S: c OK …
        C: d APPEND INBOX (\Seen) UTF8 (~{16+}
        R: Subject: \xc3\xbc\r\n\r\n)\r\n
        S: d BAD …
        C: e APPEND INBOX (\Seen) UTF8 (~{15+}
        R: Subject: \xc3\xbc\r\n\r\n)\r\n
        S: e OK [APPENDUID … 1] appended
        C: f APPEND INBOX CATENATE (UTF8 (~{15+}
        R: Subject: \xc3\xbc\r\n\r\n) TEXT {4+}\r\nbody)\r\n
        S: f OK [APPENDUID … 2] appended
        C: g APPEND INBOX CATENATE (UTF8 (~{15+}
        R: Subject: \xc3\xbc\r\n\r\n TEXT {4+}\r\nbody)\r\n
        S: g BAD …
        C: h SELECT INBOX
        S: * OK [CLOSED] …
        S: * FLAGS …
        S: * OK [PERM…
        S: * 2 EXISTS
        S: * … RECENT
        S: * OK …
        S: * OK …
        S: * OK …
        S: * OK …
        S: * OK …
        S: h OK …
        C: i FETCH 2 BODY.PEEK[TEXT]
        S: * 2 FETCH (BODY[TEXT] {4}
        S: body)
        S: i OK …
    )~"));
}

// What is wrong is told once, and the session goes on behind it.
TEST(Append, TheRestOfARefusedCommandIsNoCommand)
{
    ServerOptions options = TestHouse::options_for_tests();
    options.most_message = 100;
    TestHouse house(options);
    expect_conversation(house, as_alice(R"~(
        C: a APPEND INBOX {101}
        S: a NO [TOOBIG] …
        C: b APPEND INBOX {10+}
        R: Subject: x (\Wrong) {3+}\r\n
        R: a02 NOOP\r\n
        S: b BAD …
        C: c APPEND INBOX {0+}
        C:
        S: c NO [CANNOT] …
        C: d APPEND INBOX {200+}
        R: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
        R: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx {5+}\r\n
        R: abcde\r\n
        S: d NO [TOOBIG] …
        C: e NOOP
        S: e OK …
    )~"));
}

// RFC 3502 section 6.3.11: all or none.
TEST(MultiAppend, AllOrNone)
{
    expect_conversation(as_alice(R"~(
        C: a APPEND Drafts (\Seen) {14}
        S: + …
        C: Subject: a
        C:
        R:  (\Draft work) " 7-Feb-1994 22:43:04 -0800" {14+}\r\n
        C: Subject: b
        C:
        R:  {14}\r\n
        S: + …
        C: Subject: c
        C:
        C:
        S: a OK [APPENDUID … 1:3] appended
        C: b APPEND Drafts {14+}
        C: Subject: d
        C:
        R:  {0+}\r\n
        C:
        S: b NO [CANNOT] …
        C: c APPEND Drafts {14+}
        C: Subject: d
        C:
        R:  (\\Nonsense) {14+}\r\n
        C: Subject: e
        C:
        C:
        S: c BAD …
        C: d STATUS Drafts (MESSAGES UIDNEXT UNSEEN)
        S: * STATUS Drafts (MESSAGES 3 UIDNEXT 4 UNSEEN 2)
        S: d OK …
    )~"));
}

// RFC 8508 section 3.4: the quota counts what the new one takes more. Section 4.5: HIGHESTMODSEQ as of a UID EXPUNGE.
TEST(Replace, InAFullAccount)
{
    TestHouse house;
    expect_conversation(house, as_alice(append("Subject: aaaaaaaaaaaaaaaaaaaa\r\n\r\n", "INBOX")));
    house.quotas.limit = 40;
    expect_conversation(house, as_alice(R"~(
        C: q ENABLE QRESYNC
        S: * ENABLED QRESYNC
        S: q OK …
        C: s SELECT INBOX
        S: * FLAGS …
        S: * OK [PERM…
        S: * 1 EXISTS
        S: * 1 RECENT
        S: * OK [UN…
        S: * OK [UIDV…
        S: * OK [UIDN…
        S: * OK [HIGH…
        S: * OK [MAILB…
        S: s OK …
        C: a APPEND INBOX {14+}
        C: Subject: y
        C:
        C:
        S: a NO [OVERQUOTA] …
        C: b REPLACE 1 INBOX {43+}
        C: Subject: too much of it to be taken, yy
        C:
        C:
        S: b NO [OVERQUOTA] …
        C: c REPLACE 1 INBOX {14+}
        C: Subject: y
        C:
        C:
        S: * OK [APPENDUID … 2] …
        S: * VANISHED 1
        S: * 1 EXISTS
        S: * 1 RECENT
        S: c OK [HIGHESTMODSEQ …] replaced
    )~"));
}

// RFC 8508 section 3.
TEST(Replace, OneTakesThePlaceOfAnother)
{
    expect_conversation(as_alice(append(first) + append(first) + append(first) + selected(R"~(
        C: a REPLACE 2 INBOX (\Seen \Draft) {14}
        S: + …
        C: Subject: x
        C:
        C:
        S: * OK [APPENDUID … 4] …
        S: * 2 EXPUNGE
        S: * 3 EXISTS
        S: * 3 RECENT
        S: a OK replaced
        C: b UID REPLACE 3 Drafts {14+}
        C: Subject: y
        C:
        C:
        S: * OK [APPENDUID … 1] …
        S: * 2 EXPUNGE
        S: b OK replaced
        C: c UID REPLACE 3 INBOX {14+}
        C: Subject: z
        C:
        C:
        S: c NO [NONEXISTENT] …
        C: d REPLACE 9 INBOX {14+}
        C: Subject: z
        C:
        C:
        S: d BAD …
        C: e REPLACE 1 nowhere {14+}
        C: Subject: z
        C:
        C:
        S: e NO [TRYCREATE] …
        C: f UID FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])
        S: * 1 FETCH (UID 1 …
        S: Subject: afternoon meeting
        S:
        S: )
        S: * 2 FETCH (UID 4 FLAGS (\Draft \Seen \Recent) …
        S: Subject: x
        S:
        S: )
        S: f OK …
        C: g EXAMINE INBOX
        S: * OK [CLOSED] …
        S: * FLAGS …
        S: * OK [PERM…
        S: * 2 EXISTS
        S: * 0 RECENT
        S: * OK [UN…
        S: * OK [UIDV…
        S: * OK [UIDN…
        S: * OK [HIGH…
        S: * OK [MAILB…
        S: g OK …
        C: h REPLACE 1 INBOX {14+}
        C: Subject: z
        C:
        C:
        S: h NO [CANNOT] …
    )~")));
}

}  // namespace
}  // namespace posthouse::imap

// MESSAGELIMIT: RFC 9738. The limit here is 3; that the operator may not set less than 1,000 is the settings' business.
#include "imap/server/test_messages.h"

namespace posthouse::imap {
namespace {

ServerOptions limited_to(std::uint32_t most)
{
    ServerOptions options = TestHouse::options_for_tests();
    options.message_limit = most;
    return options;
}

// Alice with so many messages "1", "2" …, INBOX selected.
std::string with(int messages, std::string_view script)
{
    std::string all;
    for (int i = 1; i <= messages; ++i)
        all += append(with_header("Subject: " + std::to_string(i) + "\r\n"));
    return as_alice(all + selected(script));
}

void expect_limited(int messages, std::string_view script, std::uint32_t most = 3)
{
    TestHouse house(limited_to(most));
    expect_conversation(house, with(messages, script));
    EXPECT_EQ(house.log.text(), "");
}

TEST(MessageLimit, IsToldAndTakesThePlaceOfSort)
{
    expect_limited(1, R"~(
        C: a CAPABILITY
        S: * CAPABILITY … RIGHTS=kxte THREAD=ORDEREDSUBJECT THREAD=REFERENCES … APPENDLIMIT=104857600 MESSAGELIMIT=3
        S: a OK …
        C: b SORT (DATE) UTF-8 ALL
        S: b BAD unknown command SORT
        C: c UID SORT RETURN (COUNT) (DATE) UTF-8 ALL
        S: c BAD unknown command SORT
    )~");
}

TEST(MessageLimit, FetchTellsTheLastFromTheHighest)
{
    expect_limited(5, R"~(
        C: a FETCH 1:* UID
        S: * 5 FETCH (UID 5)
        S: * 4 FETCH (UID 4)
        S: * 3 FETCH (UID 3)
        S: a OK [MESSAGELIMIT 3 3] fetched, but no more than the last 3 messages
        C: b UID FETCH 1,2,4,5 FLAGS
        S: * 5 FETCH (UID 5 FLAGS (\Recent))
        S: * 4 FETCH (UID 4 FLAGS (\Recent))
        S: * 2 FETCH (UID 2 FLAGS (\Recent))
        S: b OK [MESSAGELIMIT 3 2] …
        C: c FETCH 1:3 UID
        S: * 1 FETCH (UID 1)
        S: * 2 FETCH (UID 2)
        S: * 3 FETCH (UID 3)
        S: c OK fetched
        C: d UID FETCH 1:2,9:* FLAGS
        S: * 1 FETCH (UID 1 FLAGS (\Recent))
        S: * 2 FETCH (UID 2 FLAGS (\Recent))
        S: * 5 FETCH (UID 5 FLAGS (\Recent))
        S: d OK fetched
        C: e FETCH 1:6 FLAGS
        S: e BAD …
    )~");
}

// \Seen is set where something was read, in all three ways of reading.
TEST(MessageLimit, FetchReadsNoFurther)
{
    expect_limited(5, R"~(
        C: a FETCH 1:4 BODY[TEXT]
        S: * 4 FETCH (BODY[TEXT] {6}
        S: body
        S:  FLAGS (\Seen \Recent))
        S: * 3 FETCH (BODY[TEXT] {6}
        S: body
        S:  FLAGS (\Seen \Recent))
        S: * 2 FETCH (BODY[TEXT] {6}
        S: body
        S:  FLAGS (\Seen \Recent))
        S: a OK [MESSAGELIMIT 3 2] …
        C: b FETCH 1:* (ENVELOPE)
        S: * 5 FETCH (ENVELOPE (NIL "5" …
        S: * 4 FETCH (ENVELOPE (NIL "4" …
        S: * 3 FETCH (ENVELOPE (NIL "3" …
        S: b OK [MESSAGELIMIT 3 3] …
        C: c SEARCH 1:3 UNSEEN
        S: * SEARCH 1
        S: c OK searched
        C: d FETCH 5:3,1 BODY.PEEK[]
        S: * 5 FETCH (BODY[] {20}
        S: Subject: 5
        S:
        S: body
        S: )
        S: * 4 FETCH (BODY[] {20}
        S: Subject: 4
        S:
        S: body
        S: )
        S: * 3 FETCH (BODY[] {20}
        S: Subject: 3
        S:
        S: body
        S: )
        S: d OK [MESSAGELIMIT 3 3] …
    )~");
}

// Section 3.1: by the range as it is written; within it PARTIAL goes before the limit.
TEST(MessageLimit, FetchOfTooLargeAPartIsRefused)
{
    expect_limited(5, R"~(
        C: a UID FETCH 1:* (UID) (PARTIAL -1:-4)
        S: a NO [MESSAGELIMIT 3] …
        C: b UID FETCH 1:2 (UID) (PARTIAL 1:4)
        S: b NO [MESSAGELIMIT 3] …
        C: c UID FETCH 1:* (UID) (PARTIAL 1:4294967295)
        S: c NO [MESSAGELIMIT 3] …
        C: d UID FETCH 1:* (UID) (PARTIAL 1:3)
        S: * 1 FETCH (UID 1)
        S: * 2 FETCH (UID 2)
        S: * 3 FETCH (UID 3)
        S: d OK fetched
        C: e UID FETCH 1:* (UID) (PARTIAL -2:-4)
        S: * 2 FETCH (UID 2)
        S: * 3 FETCH (UID 3)
        S: * 4 FETCH (UID 4)
        S: e OK fetched
    )~");
}

// RFC 7162: what has not changed is not told, so it does not count. SELECT has no limit.
TEST(MessageLimit, FetchOfChangesCountsThem)
{
    expect_limited(6, R"~(
        C: a ENABLE QRESYNC
        S: * ENABLED QRESYNC
        S: * OK [HIGHESTMODSEQ 7] …
        S: a OK …
        C: b UID STORE 1 +FLAGS.SILENT (\Flagged)
        S: * 1 FETCH (UID 1 FLAGS (\Flagged \Recent) MODSEQ (8))
        S: b OK stored
        C: c UID FETCH 1:* FLAGS (CHANGEDSINCE 7)
        S: * 1 FETCH (UID 1 FLAGS (\Flagged \Recent) MODSEQ (8))
        S: c OK fetched
        C: d UID FETCH 1:* FLAGS (CHANGEDSINCE 4 VANISHED)
        S: * 6 FETCH (UID 6 FLAGS (\Recent) MODSEQ (7))
        S: * 5 FETCH (UID 5 FLAGS (\Recent) MODSEQ (6))
        S: * 4 FETCH (UID 4 FLAGS (\Recent) MODSEQ (5))
        S: d OK [MESSAGELIMIT 3 4] …
        C: e SELECT INBOX (QRESYNC (1 1))
        S: * OK [CLOSED] …
        S: * FLAGS …
        S: * OK [PERM…
        S: * 6 EXISTS
        S: * 0 RECENT
        S: * OK [UNSEEN 1] …
        S: * OK [UIDVALIDITY …
        S: * OK [UIDNEXT 7] …
        S: * OK [HIGHESTMODSEQ 8] …
        S: * OK [MAILBOXID …
        S: e OK …
    )~");
}

TEST(MessageLimit, FetchByUidOnly)
{
    expect_limited(4, R"~(
        C: a ENABLE UIDONLY
        S: * ENABLED UIDONLY
        S: a OK …
        C: b UID FETCH 1:* (RFC822.SIZE)
        S: * 4 UIDFETCH (RFC822.SIZE 20)
        S: * 3 UIDFETCH (RFC822.SIZE 20)
        S: * 2 UIDFETCH (RFC822.SIZE 20)
        S: b OK [MESSAGELIMIT 3 2] …
        C: c UID FETCH 1:1 (RFC822.SIZE)
        S: * 1 UIDFETCH (RFC822.SIZE 20)
        S: c OK fetched
    )~");
}

// Section 3.1: the other code stays in the tagged reply.
TEST(MessageLimit, IsToldBeforeAReplyWithAnotherCode)
{
    TestHouse house(limited_to(3));
    const std::string cte = "Content-Transfer-Encoding: x-strange\r\n";
    expect_conversation(house,
                        as_alice(append(with_header("Subject: 1\r\n")) + append(with_header("Subject: 2\r\n")) +
                                 append(with_header("Subject: 3\r\n")) + append(with_header(cte)) + selected(R"~(
        C: a FETCH 1:* (BINARY.PEEK[1])
        S: * 3 FETCH (BINARY[1] {6}
        S: body
        S: )
        S: * 2 FETCH (BINARY[1] {6}
        S: body
        S: )
        S: * NO [MESSAGELIMIT 3 2] no more than the last 3 messages
        S: a NO [UNKNOWN-CTE] …
    )~")));
}

TEST(MessageLimit, StoreChangesTheLast)
{
    expect_limited(5, R"~(
        C: a STORE 1:* +FLAGS (\Flagged)
        S: * 3 FETCH (FLAGS (\Flagged \Recent))
        S: * 4 FETCH (FLAGS (\Flagged \Recent))
        S: * 5 FETCH (FLAGS (\Flagged \Recent))
        S: a OK [MESSAGELIMIT 3 3] stored, but no more than the last 3 messages
        C: b UID STORE 1:4 +FLAGS.SILENT (\Answered)
        S: b OK [MESSAGELIMIT 3 2] …
        C: c UID STORE 1:3 +FLAGS (\Answered)
        S: * 1 FETCH (UID 1 FLAGS (\Answered \Recent))
        S: * 2 FETCH (UID 2 FLAGS (\Answered \Recent))
        S: * 3 FETCH (UID 3 FLAGS (\Answered \Flagged \Recent))
        S: c OK stored
        C: d UID STORE 1:4 (UNCHANGEDSINCE 1) +FLAGS (\Seen)
        S: * OK [HIGHESTMODSEQ …
        S: * NO [MESSAGELIMIT 3 2] no more than the last 3 messages
        S: d OK [MODIFIED 2:4] stored
    )~");
}

// Section 3.1: atomic, so nothing is copied.
TEST(MessageLimit, CopyIsRefused)
{
    expect_limited(5, R"~(
        C: a COPY 1:4 Archive
        S: a NO [MESSAGELIMIT 3 2] …
        C: b UID COPY 1:* Archive
        S: b NO [MESSAGELIMIT 3 3] …
        C: c STATUS Archive (MESSAGES)
        S: * STATUS Archive (MESSAGES 0)
        S: c OK …
        C: d UID COPY 3:* Archive
        S: d OK [COPYUID … 3:5 1:3] copied
        C: e UID COPY 1:* Nowhere
        S: e NO [TRYCREATE] …
        C: f COPY 9 Archive
        S: f BAD …
    )~");
}

// The client says the same again until nothing is left.
TEST(MessageLimit, MoveTakesTheLast)
{
    expect_limited(7, R"~(
        C: a UID MOVE 1:* Archive
        S: * OK [COPYUID … 5:7 1:3] moved
        S: * 7 EXPUNGE
        S: * 6 EXPUNGE
        S: * 5 EXPUNGE
        S: a OK [MESSAGELIMIT 3 5] moved, but no more than the last 3 messages
        C: b ENABLE QRESYNC
        S: * ENABLED QRESYNC
        S: * OK [HIGHESTMODSEQ …
        S: b OK …
        C: c MOVE 1:4 Archive
        S: * OK [COPYUID … 2:4 4:6] moved
        S: * VANISHED 2:4
        S: * NO [MESSAGELIMIT 3 2] no more than the last 3 messages
        S: c OK [HIGHESTMODSEQ …] moved
        C: d UID MOVE 1:* Archive
        S: * OK [COPYUID … 1 7] moved
        S: * VANISHED 1
        S: d OK [HIGHESTMODSEQ …] moved
        C: e UID MOVE 1:* Archive
        S: e OK there was nothing to move
    )~");
}

// Where others have taken the last ones already, the client still hears that there may be more.
TEST(MessageLimit, MoveOfWhatIsGone)
{
    TestHouse house(limited_to(1));
    expect_conversation(house, with(2, R"~(
        S2: * OK …
        C2: l LOGIN alice@north.test posthouse
        S2: l OK …
        C2: s SELECT INBOX
        S2: * FLAGS …
        S2: * OK …
        S2: * 2 EXISTS
        S2: * 0 RECENT
        S2: * OK [UNSEEN 1] …
        S2: * OK [UIDVALIDITY …
        S2: * OK [UIDNEXT …
        S2: * OK [HIGHESTMODSEQ …
        S2: * OK [MAILBOXID …
        S2: s OK …
        C2: a UID MOVE 2 Archive
        S2: * OK [COPYUID … 2 1] moved
        S2: * 2 EXPUNGE
        S2: a OK moved
        C: a UID MOVE 1:* Archive
        S: * 2 EXPUNGE
        S: a OK [MESSAGELIMIT 1 2] there was nothing to move, but no more than the last 1 messages
        C: b UID MOVE 1:* Archive
        S: * OK [COPYUID … 1 2] moved
        S: * 1 EXPUNGE
        S: b OK moved
    )~"));
}

// Section 3.1: in UID EXPUNGE those with \Deleted count; EXPUNGE and CLOSE have no limit.
TEST(MessageLimit, ExpungeByUidTakesTheLastThatAreMarked)
{
    expect_limited(9, R"~(
        C: a STORE 1:3 +FLAGS.SILENT (\Deleted)
        S: a OK stored
        C: b STORE 5,7 +FLAGS.SILENT (\Deleted)
        S: b OK stored
        C: c UID EXPUNGE 1:*
        S: * 7 EXPUNGE
        S: * 5 EXPUNGE
        S: * 3 EXPUNGE
        S: c OK [MESSAGELIMIT 3 3] expunged, but no more than the last 3 messages
        C: d UID EXPUNGE 4:9
        S: d OK there was nothing to expunge
        C: e UID EXPUNGE 1:*
        S: * 2 EXPUNGE
        S: * 1 EXPUNGE
        S: e OK expunged
        C: f STORE 1:3 +FLAGS.SILENT (\Deleted)
        S: f OK stored
        C: g STORE 4 +FLAGS.SILENT (\Deleted)
        S: g OK stored
        C: h EXPUNGE
        S: * 4 EXPUNGE
        S: * 3 EXPUNGE
        S: * 2 EXPUNGE
        S: * 1 EXPUNGE
        S: h OK expunged
    )~");
    expect_limited(4, R"~(
        C: a UID STORE 1:3 +FLAGS.SILENT (\Deleted)
        S: a OK stored
        C: b UID STORE 4 +FLAGS.SILENT (\Deleted)
        S: b OK stored
        C: c STATUS INBOX (UNSEEN)
        S: * STATUS INBOX (UNSEEN 4)
        S: c OK …
        C: d CLOSE
        S: d OK …
        C: e STATUS INBOX (MESSAGES)
        S: * STATUS INBOX (MESSAGES 0)
        S: e OK …
    )~");
}

// A mark that another session has set counts, though this one has not heard of it.
TEST(MessageLimit, ExpungeCountsTheNewestMarks)
{
    TestHouse house(limited_to(3));
    expect_conversation(house, with(4, R"~(
        S2: * OK …
        C2: l LOGIN alice@north.test posthouse
        S2: l OK …
        C2: s SELECT INBOX
        S2: * FLAGS …
        S2: * OK …
        S2: * 4 EXISTS
        S2: * 0 RECENT
        S2: * OK [UNSEEN 1] …
        S2: * OK [UIDVALIDITY …
        S2: * OK [UIDNEXT …
        S2: * OK [HIGHESTMODSEQ …
        S2: * OK [MAILBOXID …
        S2: s OK …
        C2: a STORE 2:4 +FLAGS.SILENT (\Deleted)
        S2: a OK stored
        C2: b STORE 1 +FLAGS.SILENT (\Deleted)
        S2: b OK stored
        C: a UID EXPUNGE 1:*
        S: * 4 EXPUNGE
        S: * 3 EXPUNGE
        S: * 2 EXPUNGE
        S: * 1 FETCH (FLAGS (\Deleted \Recent))
        S: a OK [MESSAGELIMIT 3 2] …
    )~"));
}

// Section 3.1: the searched count, and not the found.
TEST(MessageLimit, SearchLooksAtTheLast)
{
    expect_limited(5, R"~(
        C: a STORE 1,4 +FLAGS.SILENT (\Seen)
        S: a OK stored
        C: b SEARCH SEEN
        S: * SEARCH 4
        S: b OK [MESSAGELIMIT 3 3] searched, but no more than the last 3 messages
        C: c UID SEARCH ANSWERED
        S: * SEARCH
        S: c OK [MESSAGELIMIT 3 3] …
        C: d UID SEARCH RETURN (MIN MAX COUNT ALL) ALL
        S: * ESEARCH (TAG "d") UID MIN 3 MAX 5 ALL 3:5 COUNT 3
        S: d OK [MESSAGELIMIT 3 3] …
        C: e UID SEARCH BODY body
        S: * SEARCH 3 4 5
        S: e OK [MESSAGELIMIT 3 3] …
        C: f UID SEARCH RETURN (PARTIAL -1:-2) ALL
        S: * ESEARCH (TAG "f") UID PARTIAL (-1:-2 4:5)
        S: f OK [MESSAGELIMIT 3 3] …
        C: g UID SEARCH CHARSET X-NONE ALL
        S: g NO [BADCHARSET …
    )~");
}

// What the program's sets leave out is not searched, so it does not count.
TEST(MessageLimit, SearchGoesByItsSets)
{
    expect_limited(6, R"~(
        C: a UID SEARCH UID 1:3 UNSEEN
        S: * SEARCH 1 2 3
        S: a OK searched
        C: b UID SEARCH UID 1:4 UNSEEN
        S: * SEARCH 2 3 4
        S: b OK [MESSAGELIMIT 3 2] …
        C: c SEARCH UNSEEN (1:4 2:6)
        S: * SEARCH 2 3 4
        S: c OK searched
        C: d SEARCH OR 1 (UID 5:6 UNSEEN)
        S: * SEARCH 1 5 6
        S: d OK searched
        C: e SEARCH OR 1 UNSEEN
        S: * SEARCH 4 5 6
        S: e OK [MESSAGELIMIT 3 4] …
        C: f SEARCH NOT 5
        S: * SEARCH 4 6
        S: f OK [MESSAGELIMIT 3 4] …
        C: g SEARCH UID 1:2 UID 5
        S: * SEARCH
        S: g OK searched
        C: h SEARCH 1:7
        S: * SEARCH 4 5 6
        S: h OK [MESSAGELIMIT 3 4] …
        C: h SEARCH 5:7
        S: * SEARCH 5 6
        S: h OK searched
        C: i UID SEARCH UIDAFTER 3 UNSEEN
        S: * SEARCH 4 5 6
        S: i OK searched
        C: j UID SEARCH UIDBEFORE 4
        S: * SEARCH 1 2 3
        S: j OK searched
        C: k UID SEARCH UIDAFTER 1 UIDBEFORE 6
        S: * SEARCH 3 4 5
        S: k OK [MESSAGELIMIT 3 3] …
        C: m UID SEARCH UIDBEFORE 1
        S: * SEARCH
        S: m OK searched
        C: n UID SEARCH UIDAFTER 6
        S: * SEARCH
        S: n OK searched
    )~");
}

// Section 3.4: only what was searched is saved.
TEST(MessageLimit, SearchSavesWhatItLookedAt)
{
    expect_limited(5, R"~(
        C: a UID SEARCH RETURN (SAVE) UNSEEN
        S: a OK [MESSAGELIMIT 3 3] …
        C: b UID FETCH $ UID
        S: * 3 FETCH (UID 3)
        S: * 4 FETCH (UID 4)
        S: * 5 FETCH (UID 5)
        S: b OK fetched
        C: c UID SEARCH $ UIDBEFORE 5
        S: * SEARCH 3 4
        S: c OK searched
    )~");
}

// RFC 5267: what is told of a search later on is told unasked, and has no limit.
TEST(MessageLimit, SearchIsKeptUpToDateBeyondIt)
{
    expect_limited(5, R"~(
        C: a UID SEARCH RETURN (ALL UPDATE) UNSEEN
        S: * ESEARCH (TAG "a") UID ALL 3:5
        S: a OK [MESSAGELIMIT 3 3] …
        C: b STORE 1,5 +FLAGS.SILENT (\Seen)
        S: * ESEARCH (TAG "a") UID REMOVEFROM (0 5)
        S: b OK stored
        C: c STORE 1 -FLAGS.SILENT (\Seen)
        S: * ESEARCH (TAG "a") UID ADDTO (0 1)
        S: c OK stored
    )~");
}

// Section 3.3: not by a part.
TEST(MessageLimit, ThreadIsRefused)
{
    expect_limited(4, R"~(
        C: a THREAD REFERENCES UTF-8 ALL
        S: a NO [MESSAGELIMIT 3] …
        C: b UID THREAD ORDEREDSUBJECT UTF-8 UIDAFTER 1
        S: * THREAD (2)(3)(4)
        S: b OK threaded
        C: c UID THREAD REFERENCES UTF-8 UID 1:2
        S: * THREAD (1)(2)
        S: c OK threaded
    )~");
}

// RFC 7377: all mailboxes count together.
TEST(MessageLimit, SearchOfSeveralMailboxes)
{
    expect_limited(3, R"~(
        C: a COPY 1 Archive
        S: a OK …
        C: b ESEARCH IN (mailboxes INBOX) RETURN (COUNT) ALL
        S: * ESEARCH (TAG "b" MAILBOX INBOX UIDVALIDITY …) UID COUNT 3
        S: b OK searched
        C: c ESEARCH IN (mailboxes (INBOX Archive)) RETURN (COUNT) UID 2:*
        S: * ESEARCH (TAG "c" MAILBOX INBOX UIDVALIDITY …) UID COUNT 2
        S: * ESEARCH (TAG "c" MAILBOX Archive UIDVALIDITY …) UID COUNT 1
        S: c OK searched
        C: d ESEARCH IN (personal) RETURN (COUNT) ALL
        S: * ESEARCH (TAG "d" MAILBOX INBOX UIDVALIDITY …) UID COUNT 3
        S: d NO [MESSAGELIMIT 3] …
    )~");
}

// RFC 3502: all or none.
TEST(MessageLimit, AppendIsRefused)
{
    expect_limited(1, R"~(
        C: a APPEND Archive {1+}
        R: 1 {1+}\r\n2 {1+}\r\n3 {1+}\r\n4\r\n
        S: a NO [MESSAGELIMIT 3] …
        C: b STATUS Archive (MESSAGES)
        S: * STATUS Archive (MESSAGES 0)
        S: b OK …
        C: c APPEND Archive {1+}
        R: 1 {1+}\r\n2 {1+}\r\n3\r\n
        S: c OK [APPENDUID … 1:3] appended
    )~");
}

TEST(MessageLimit, NothingChangesWithoutIt)
{
    expect_limited(4, R"~(
        C: a CAPABILITY
        S: * CAPABILITY … SORT SORT=DISPLAY ESORT CONTEXT=SORT THREAD=ORDEREDSUBJECT THREAD=REFERENCES … APPENDLIMIT=104857600
        S: a OK …
        C: b FETCH 1:* UID
        S: * 1 FETCH (UID 1)
        S: * 2 FETCH (UID 2)
        S: * 3 FETCH (UID 3)
        S: * 4 FETCH (UID 4)
        S: b OK fetched
        C: c UID FETCH 1:* (UID) (PARTIAL -1:-4294967295)
        S: * 1 FETCH (UID 1)
        S: * 2 FETCH (UID 2)
        S: * 3 FETCH (UID 3)
        S: * 4 FETCH (UID 4)
        S: c OK fetched
        C: d UID SEARCH UNSEEN
        S: * SEARCH 1 2 3 4
        S: d OK searched
        C: e SORT (REVERSE SUBJECT) UTF-8 ALL
        S: * SORT 4 3 2 1
        S: e OK sorted
        C: f THREAD REFERENCES UTF-8 ALL
        S: * THREAD (1)(2)(3)(4)
        S: f OK threaded
        C: g ESEARCH IN (personal) RETURN (COUNT) ALL
        S: * ESEARCH (TAG "g" MAILBOX INBOX UIDVALIDITY …) UID COUNT 4
        S: g OK searched
        C: h COPY 1:* Archive
        S: h OK [COPYUID … 1:4 1:4] copied
        C: i UID STORE 1:* +FLAGS.SILENT (\Deleted)
        S: i OK stored
        C: j UID EXPUNGE 3:*
        S: * 4 EXPUNGE
        S: * 3 EXPUNGE
        S: j OK expunged
        C: k UID MOVE 1:* Archive
        S: * OK [COPYUID … 1:2 5:6] moved
        S: * 2 EXPUNGE
        S: * 1 EXPUNGE
        S: k OK moved
    )~",
                   0);
}

}  // namespace
}  // namespace posthouse::imap

// Conversations about mailboxes: CREATE to LSUB, STATUS, SELECT.
#include "imap/server/test_script.h"

namespace posthouse::imap {
namespace {

// RFC 3501 section 5.1: INBOX in any case, also as the beginning of another name.
TEST(Mailboxes, BelowInboxInAnyCase)
{
    expect_conversation(as_alice(R"~(
        C: a CREATE Inbox/sub
        S: a OK …
        C: b LIST "" inbox/%
        S: * LIST (\HasNoChildren) "/" INBOX/sub
        S: b OK …
        C: c LIST inBox/ s*
        S: * LIST (\HasNoChildren) "/" INBOX/sub
        S: c OK …
        C: d LIST "" inbox%
        S: * LIST (\HasChildren) "/" INBOX
        S: d OK …
    )~"));
}

TEST(Mailboxes, ANewAccountHasTheUsualOnes)
{
    expect_conversation(as_alice(R"(
        C: a LIST "" *
        S: * LIST (\HasNoChildren) "/" INBOX
        S: * LIST (\HasNoChildren \Archive) "/" Archive
        S: * LIST (\HasNoChildren \Drafts) "/" Drafts
        S: * LIST (\HasNoChildren \Junk) "/" Junk
        S: * LIST (\HasNoChildren \Sent) "/" Sent
        S: * LIST (\HasNoChildren \Trash) "/" Trash
        S: a OK …
        C: b LIST "" ""
        S: * LIST (\Noselect) "/" ""
        S: b OK …
        C: c LIST "" inbox
        S: * LIST (\HasNoChildren) "/" INBOX
        S: c OK …
        C: d LIST "In" "%X"
        S: * LIST (\HasNoChildren) "/" INBOX
        S: d OK …
    )"));
}

// RFC 3501 sections 6.3.3 to 6.3.5
TEST(Mailboxes, CreateDeleteRename)
{
    expect_conversation(as_alice(R"(
        C: a CREATE owatagusiam/
        S: a OK …
        C: b CREATE owatagusiam/blurdybloop
        S: b OK …
        C: c LIST owatagusiam/ %
        S: * LIST (\HasNoChildren) "/" owatagusiam/blurdybloop
        S: c OK …
        C: d CREATE owatagusiam
        S: d NO [ALREADYEXISTS] …
        C: e CREATE inbox
        S: e NO [ALREADYEXISTS] …
        C: f RENAME owatagusiam zowie
        S: f OK …
        C: g LIST "" zow*
        S: * LIST (\HasChildren) "/" zowie
        S: * LIST (\HasNoChildren) "/" zowie/blurdybloop
        S: g OK …
        C: h DELETE zowie/blurdybloop
        S: h OK …
        C: i DELETE zowie
        S: i OK …
        C: j DELETE zowie
        S: j NO [NONEXISTENT] …
        C: k DELETE INBOX
        S: k NO [CANNOT] …
        C: l RENAME nothing something
        S: l NO [NONEXISTENT] …
        C: m CREATE deep/er/est
        S: m OK …
        C: n LIST "" deep/%
        S: * LIST (\HasChildren) "/" deep/er
        S: n OK …
        C: o CREATE Outbox (USE (\Sent))
        S: o …
        C: p CREATE x (USE (\All))
        S: p NO [USEATTR] …
    )"));
}

// HOSTILE A21
TEST(Mailboxes, BadNamesGetASentence)
{
    expect_conversation(as_alice(R"(
        C: a CREATE "../x"
        S: a NO [CANNOT] …
        C: b CREATE "a//b"
        S: b NO [CANNOT] …
        C: c CREATE {3+}
        R: a\x07b\r\n
        S: c NO [CANNOT] …
        C: d CREATE &Jjo
        S: d NO [CANNOT] …
        C: e CREATE ""
        S: e NO [CANNOT] …
        C: f SELECT "../x"
        S: f NO [NONEXISTENT] …
        C: g CREATE Entw&APw-rfe
        S: g OK …
        C: h LIST "" Ent*
        S: * LIST (\HasNoChildren) "/" Entw&APw-rfe
        S: h OK …
        C: i CREATE {6+}
        C: a&-b"c
        S: i OK …
        C: j LIST "" a*
        S: * LIST (\HasNoChildren) "/" "a&-b\"c"
        S: j OK …
    )"));
    expect_conversation(
        as_alice("C: a CREATE " + std::string(5000, 'x') + "\nS: a NO [CANNOT] …\nC: b NOOP\nS: b OK …\n"));
}

TEST(Mailboxes, Subscriptions)
{
    expect_conversation(as_alice(R"(
        C: a CREATE news/cpp
        S: a OK …
        C: b SUBSCRIBE news/cpp
        S: b OK …
        C: c LSUB "" news/*
        S: * LSUB () "/" news/cpp
        S: c OK …
        C: d LSUB "" news%
        S: * LSUB (\Noselect) "/" news
        S: d OK …
        C: e DELETE news/cpp
        S: e OK …
        C: f LSUB "" news/*
        S: * LSUB () "/" news/cpp
        S: f OK …
        C: g LIST (SUBSCRIBED) "" news*
        S: * LIST (\NonExistent \Noselect \Subscribed) "/" news/cpp
        S: g OK …
        C: h UNSUBSCRIBE news/cpp
        S: h OK …
        C: i LSUB "" news/*
        S: i OK …
    )"));
}

// RFC 5258 section 5, RFC 5819, RFC 6154
TEST(Mailboxes, ExtendedList)
{
    expect_conversation(as_alice(R"(
        C: a CREATE a/b/c
        C: b SUBSCRIBE a/b/c
        C: c LIST (SUBSCRIBED) "" a* RETURN (CHILDREN)
        S: a OK …
        S: b OK …
        S: * LIST (\HasNoChildren \Subscribed) "/" a/b/c
        S: c OK …
        C: d LIST (SUBSCRIBED RECURSIVEMATCH) "" "a%"
        S: * LIST (\HasChildren) "/" a ("CHILDINFO" ("SUBSCRIBED"))
        S: d OK …
        C: e LIST "" (a "Sent" b) RETURN (SUBSCRIBED STATUS (MESSAGES UIDNEXT))
        S: * LIST (\HasNoChildren… \Sent) "/" Sent
        S: * STATUS Sent (MESSAGES 0 UIDNEXT 1)
        S: * LIST (\HasChildren) "/" a
        S: * STATUS a (MESSAGES 0 UIDNEXT 1)
        S: e OK …
        C: f LIST (SPECIAL-USE) "" *
        S: * LIST (\HasNoChildren \Archive) "/" Archive
        S: * LIST (\HasNoChildren \Drafts) "/" Drafts
        S: * LIST (\HasNoChildren \Junk) "/" Junk
        S: * LIST (\HasNoChildren \Sent) "/" Sent
        S: * LIST (\HasNoChildren \Trash) "/" Trash
        S: f OK …
    )"));
}

TEST(Mailboxes, SelectAndExamine)
{
    expect_conversation(as_alice(R"(
        C: a SELECT nothing
        S: a NO [NONEXISTENT] …
        C: b EXAMINE inbox
        S: * FLAGS (\Answered \Flagged \Deleted \Seen \Draft)
        S: * OK [PERMANENTFLAGS ()] …
        S: * 0 EXISTS
        S: * 0 RECENT
        S: * OK [UIDVALIDITY …] …
        S: * OK [UIDNEXT 1] …
        S: * OK [HIGHESTMODSEQ …] …
        S: * OK [MAILBOXID (…)] …
        S: b OK [READ-ONLY] …
        C: c STORE 1 FLAGS \Seen
        S: c NO [CANNOT] …
        C: d CLOSE
        S: d OK …
        C: e CHECK
        S: e BAD CHECK: select a mailbox first
        C: f SELECT INBOX
        S: * FLAGS …
        S: * OK [PERMANENTFLAGS (\Answered \Flagged \Deleted \Seen \Draft \*)] …
        S: * 0 EXISTS
        S: * 0 RECENT
        S: * OK [UIDV…
        S: * OK [UIDN…
        S: * OK [HIGH…
        S: * OK [MAILB…
        S: f OK [READ-WRITE] …
        C: g FETCH 1:* FLAGS
        S: g OK …
        C: h FETCH 1 FLAGS
        S: h BAD FETCH: there is no message of this number
        C: i UID FETCH 1:* FLAGS
        S: i OK …
        C: j UID MOVE 77 Trash
        S: j OK …
        C: k UNSELECT
        S: k OK …
        C: l UNSELECT
        S: l BAD …
        C: m SELECT nothing
        S: m NO …
        C: n CHECK
        S: n BAD …
    )"));
}

TEST(Mailboxes, Status)
{
    expect_conversation(as_alice(R"(
        C: a APPEND INBOX (\Seen) {14+}
        C: Subject: x
        C:
        C:
        S: a OK [APPENDUID …] …
        C: b APPEND INBOX (\Deleted) {14+}
        C: Subject: y
        C:
        C:
        S: b OK [APPENDUID …] …
        C: c STATUS inbox (MESSAGES RECENT UIDNEXT UNSEEN DELETED SIZE)
        S: * STATUS INBOX (MESSAGES 2 RECENT 2 UIDNEXT 3 UNSEEN 1 DELETED 1 SIZE 28)
        S: c OK …
        C: d STATUS nothing (MESSAGES)
        S: d NO [NONEXISTENT] …
        C: e STATUS INBOX (UIDVALIDITY HIGHESTMODSEQ MAILBOXID APPENDLIMIT)
        S: * STATUS INBOX (UIDVALIDITY … HIGHESTMODSEQ … MAILBOXID (…) APPENDLIMIT 104857600)
        S: e OK …
    )"));
}

}  // namespace
}  // namespace posthouse::imap

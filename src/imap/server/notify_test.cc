// What comes without being asked for: NOTIFY (RFC 5465), SEARCH RETURN (UPDATE) (RFC 5267), ESEARCH (RFC 7377).
#include "imap/server/test_messages.h"

namespace posthouse::imap {
namespace {

TEST(Notify, StatusOfOtherMailboxes)
{
    expect_conversation(both_as_alice(R"~(
        C: a NOTIFY SET STATUS (selected (MessageNew MessageExpunge)) (mailboxes (Drafts Sent) (MessageNew MessageExpunge FlagChange))
        S: * STATUS Drafts (MESSAGES 0 UIDNEXT 1 UIDVALIDITY … UNSEEN 0 HIGHESTMODSEQ …)
        S: * STATUS Sent (MESSAGES 0 UIDNEXT 1 UIDVALIDITY … UNSEEN 0 HIGHESTMODSEQ …)
        S: a OK …
        C2: a APPEND Drafts {14+}
        C2: Subject: x
        C2:
        C2:
        S2: a OK …
        S: * STATUS Drafts (MESSAGES 1 UIDNEXT 2 UIDVALIDITY … UNSEEN 1 HIGHESTMODSEQ …)
        C2: b SELECT Drafts
        S2: * FLAGS …
        S2: * OK [PERM…
        S2: * 1 EXISTS
        S2: * 1 RECENT
        S2: * OK [UN…
        S2: * OK [UIDV…
        S2: * OK [UIDN…
        S2: * OK [HIGH…
        S2: * OK [MAILB…
        S2: b OK …
        C2: c STORE 1 +FLAGS.SILENT (\Seen)
        S2: c OK …
        S: * STATUS Drafts (MESSAGES 1 UIDNEXT 2 UIDVALIDITY … UNSEEN 0 HIGHESTMODSEQ …)
        # Archive was not named
        C2: d COPY 1 Archive
        S2: d OK …
        C2: e COPY 1 Sent
        S2: e OK …
        S: * STATUS Sent (MESSAGES 1 UIDNEXT 2 UIDVALIDITY … UNSEEN 0 HIGHESTMODSEQ …)
        C: b NOTIFY NONE
        S: b OK …
        C2: f COPY 1 Sent
        S2: f OK …
        C: c NOOP
        S: c OK …
    )~"));
}

// RFC 5465 section 5.4 and 5.5.
TEST(Notify, NamesAndSubscriptions)
{
    expect_conversation(both_as_alice(R"~(
        C: a NOTIFY SET (subtree work (MailboxName SubscriptionChange)) (personal (SubscriptionChange))
        S: a OK …
        C2: a CREATE work
        S2: a OK …
        S: * LIST () "/" work
        C2: b RENAME work work2
        S2: b OK …
        C2: c CREATE work/x
        S2: c OK …
        S: …
        S: * LIST () "/" work/x
        C2: d RENAME work/x work/y
        S2: d OK …
        S: * LIST () "/" work/y ("OLDNAME" (work/x))
        C2: e SUBSCRIBE work/y
        S2: e OK …
        S: * LIST (\Subscribed) "/" work/y
        C2: f DELETE work/y
        S2: f OK …
        S: * LIST (\NonExistent) "/" work/y
        C: b NOOP
        S: b OK …
    )~"));
}

// RFC 5465 section 6: several groups may name a mailbox; sections 5.6 and 5.7.
TEST(Notify, GroupsAddUp)
{
    expect_conversation(both_as_alice(R"~(
        C: a NOTIFY SET (mailboxes Drafts (MessageNew MessageExpunge)) (personal (SubscriptionChange MailboxMetadataChange ServerMetadataChange))
        S: a OK …
        C2: a APPEND Drafts {14+}
        C2: Subject: x
        C2:
        C2:
        S2: a OK …
        S: * STATUS Drafts (MESSAGES 1 UIDNEXT 2 UIDVALIDITY … UNSEEN 1)
        C2: b UNSUBSCRIBE Drafts
        S2: b OK …
        S: * LIST () "/" Drafts
        C2: c SETMETADATA Drafts (/shared/comment "x" /private/comment NIL)
        S2: c OK …
        S: * METADATA Drafts /shared/comment
        S: * METADATA Drafts /private/comment
        C2: d SETMETADATA "" (/private/comment "y")
        S2: d OK …
        S: * METADATA "" /private/comment
        # one's own is not told
        C: b SETMETADATA Drafts (/shared/comment "z")
        S: b OK …
        C: c NOOP
        S: c OK …
        C: d NOTIFY SET (selected (MailboxMetadataChange))
        S: d BAD …
    )~"));
}

// RFC 5465 section 5.1: the selected mailbox without waiting, with what is asked of each new message.
TEST(Notify, TheSelectedMailbox)
{
    expect_conversation(both_as_alice(append(first) + append(first) + selected(std::string(second_selects) + R"~(
        C: a NOTIFY SET (selected-delayed (MessageNew (UID BODY.PEEK[HEADER.FIELDS (SUBJECT)]) MessageExpunge FlagChange))
        S: a OK …
        C2: a STORE 1 +FLAGS.SILENT (\Deleted)
        S2: a OK …
        S: * 1 FETCH (UID 1 FLAGS (\Deleted \Recent))
        C2: b EXPUNGE
        S2: * 1 EXPUNGE
        S2: b OK …
        C: b FETCH 2 UID
        S: * 2 FETCH (UID 2)
        S: b OK …
        C: c NOOP
        S: * 1 EXPUNGE
        S: c OK …
        C2: d APPEND INBOX {14+}
        C2: Subject: x
        C2:
        C2:
        S2: * 2 EXISTS
        S2: * … RECENT
        S2: d OK …
        S: * 2 EXISTS
        S: * … RECENT
        S: * 2 FETCH (UID 3 BODY[HEADER.FIELDS (SUBJECT)] {14}
        S: Subject: x
        S:
        S: )
    )~")));
}

// RFC 5465 section 6: whatever names them, but `personal`, which they are not.
TEST(Notify, MailboxesOfOthers)
{
    expect_conversation(alice_and_bob(R"~(
        C: a CREATE lists/cpp
        S: a OK …
        C: b SETACL lists/cpp bob@north.test lrsi
        S: b OK …
        C: c SETACL Archive bob@north.test lr
        S: c OK …
        C2: a NOTIFY SET STATUS (personal (MessageNew MessageExpunge MailboxName)) (mailboxes shared/alice@north.test/Archive (MessageNew MessageExpunge)) (subtree shared/alice@north.test/lists (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange MailboxMetadataChange))
        S2: * STATUS INBOX …
        S2: * STATUS Archive …
        S2: * STATUS Drafts …
        S2: * STATUS Junk …
        S2: * STATUS Sent …
        S2: * STATUS Trash …
        S2: * STATUS shared/alice@north.test/Archive (MESSAGES 0 UIDNEXT 1 UIDVALIDITY … UNSEEN 0)
        S2: * STATUS shared/alice@north.test/lists/cpp (MESSAGES 0 UIDNEXT 1 UIDVALIDITY … UNSEEN 0 HIGHESTMODSEQ …)
        S2: a OK …
    )~" + append(first, "Archive") +
                                      R"~(
        S2: * STATUS shared/alice@north.test/Archive (MESSAGES 1 UIDNEXT 2 UIDVALIDITY … UNSEEN 1)
    )~" + append(first, "lists/cpp") +
                                      R"~(
        S2: * STATUS shared/alice@north.test/lists/cpp (MESSAGES 1 UIDNEXT 2 UIDVALIDITY … UNSEEN 1 HIGHESTMODSEQ …)
    )~" + append(first, "INBOX") + append(first, "Sent") +
                                      R"~(
        C2: b SUBSCRIBE shared/alice@north.test/lists/cpp
        S2: b OK …
        S2: * LIST (\Subscribed) "/" shared/alice@north.test/lists/cpp
        C: d SETMETADATA lists/cpp (/shared/comment "x" /private/comment "y")
        S: d OK …
        S2: * STATUS shared/alice@north.test/lists/cpp (MESSAGES 1 UIDNEXT 2 UIDVALIDITY … UNSEEN 1 HIGHESTMODSEQ …)
        S2: * METADATA shared/alice@north.test/lists/cpp /shared/comment
        C: e SETMETADATA INBOX (/shared/comment "x")
        S: e OK …
        C: f RENAME lists/cpp lists/c++
        S: f OK …
        S2: * LIST () "/" shared/alice@north.test/lists/c++ ("OLDNAME" (shared/alice@north.test/lists/cpp))
        S2: * STATUS shared/alice@north.test/lists/c++ (MESSAGES 1 …
        C: g CREATE lists/secret
        S: g OK …
        C2: c NOOP
        S2: c OK …
        # it is told to whom it concerns only
        C: h SETACL lists/secret bob@north.test lr
        S: h OK …
        S2: * LIST () "/" shared/alice@north.test/lists/secret
        C: i DELETE lists/secret
        S: i OK …
        S2: * LIST (\NonExistent \NoAccess) "/" shared/alice@north.test/lists/secret
    )~"));
}

// RFC 5465 section 5.9: what is taken is told of once, and nothing that happens there afterwards.
TEST(Notify, RightsAreTaken)
{
    expect_conversation(alice_and_bob(R"~(
        C: a SETACL Archive bob@north.test lr
        S: a OK …
        C: b SETACL Drafts bob@north.test lr
        S: b OK …
        C2: a NOTIFY SET (mailboxes shared/alice@north.test/Archive (MessageNew MessageExpunge FlagChange MailboxMetadataChange)) (subtree shared (MailboxName))
        S2: a OK …
        C: c SETACL Archive bob@north.test l
        S: c OK …
        S2: * LIST (\NoAccess) "/" shared/alice@north.test/Archive
    )~" + append(first, "Archive") +
                                      R"~(
        C: d SETMETADATA Archive (/shared/comment "x")
        S: d OK …
        C2: b NOOP
        S2: b OK …
        C: e DELETEACL Archive bob@north.test
        S: e OK …
        S2: * LIST (\NonExistent \NoAccess) "/" shared/alice@north.test/Archive
    )~" + append(second, "Archive") +
                                      R"~(
        C: f RENAME Archive Secrets
        S: f OK …
        C: g RENAME Secrets Archive
        S: g OK …
        C2: c NOOP
        S2: c OK …
        # it is given again, and watched again
        C: h SETACL Archive bob@north.test lr
        S: h OK …
        S2: * LIST () "/" shared/alice@north.test/Archive
        C: i APPEND Archive {14+}
        C: Subject: x
        C:
        C:
        S: i OK …
        S2: * STATUS shared/alice@north.test/Archive (MESSAGES 3 UIDNEXT 4 UIDVALIDITY … UNSEEN 3 HIGHESTMODSEQ …)
        # the last that she shares
        C: j DELETEACL Archive bob@north.test
        S: j OK …
        S2: * LIST (\NonExistent \NoAccess) "/" shared/alice@north.test/Archive
        C: k DELETEACL Drafts bob@north.test
        S: k OK …
        S2: * LIST (\NonExistent \NoAccess) "/" shared/alice@north.test/Drafts
        C: l APPEND Drafts {14+}
        C: Subject: x
        C:
        C:
        S: l OK …
        C2: d NOOP
        S2: d OK …
        C2: e STATUS shared/alice@north.test/Drafts (MESSAGES)
        S2: e NO [NONEXISTENT] …
    )~"));
}

// RFC 5465 sections 3.1 and 5.9: with 'l' and without 'r' it is told that there is nothing to hear; without 'l' nothing
// is told at all.
TEST(Notify, NamedWithoutAccess)
{
    expect_conversation(alice_and_bob(R"~(
        C: a SETACL Archive bob@north.test l
        S: a OK …
        C2: a NOTIFY SET STATUS (mailboxes (shared/alice@north.test/Archive shared/alice@north.test/Drafts shared/alice@north.test/nothing shared/nobody@north.test/x) (MessageNew MessageExpunge))
        S2: * LIST (\NoAccess) "/" shared/alice@north.test/Archive
        S2: a OK …
    )~" + append(first, "Archive") + append(first, "Drafts") +
                                      R"~(
        C: b SETACL Archive bob@north.test +r
        S: b OK …
        S2: * LIST () "/" shared/alice@north.test/Archive
    )~" + append(second, "Archive") +
                                      R"~(
        S2: * STATUS shared/alice@north.test/Archive (MESSAGES 2 UIDNEXT 3 UIDVALIDITY … UNSEEN 2)
        # nobody asked for names: what is given now is watched without a word
        C: c SETACL Drafts anyone lr
        S: c OK …
        C2: b NOOP
        S2: b OK …
    )~" + append(second, "Drafts") +
                                      R"~(
        S2: * STATUS shared/alice@north.test/Drafts (MESSAGES 2 UIDNEXT 3 UIDVALIDITY … UNSEEN 2)
        C: d SETACL Drafts -bob@north.test r
        S: d OK …
        S2: * LIST (\NoAccess) "/" shared/alice@north.test/Drafts
    )~" + append(second, "Drafts") +
                                      R"~(
        C: e DELETEACL Archive bob@north.test
        S: e OK …
        S2: * LIST (\NoAccess) "/" shared/alice@north.test/Archive
        C2: c NOOP
        S2: c OK …
    )~"));
}

// Nobody shared anything yet when it was asked for; and the mailbox that is selected is another's.
TEST(Notify, SharedLater)
{
    expect_conversation(alice_and_bob(R"~(
        C2: a NOTIFY SET (selected (MessageNew (UID) MessageExpunge FlagChange)) (subtree shared (MailboxName MessageNew MessageExpunge))
        S2: a OK …
        C: a SETACL Archive anyone lrs
        S: a OK …
        S2: * LIST () "/" shared/alice@north.test/Archive
        C2: b SELECT shared/alice@north.test/Archive
        S2: * FLAGS …
        S2: * OK [PERM…
        S2: * 0 EXISTS
        S2: * 0 RECENT
        S2: * OK [UIDV…
        S2: * OK [UIDN…
        S2: * OK [HIGH…
        S2: * OK [MAILB…
        S2: b OK …
    )~" + append(first, "Archive") +
                                      R"~(
        S2: * 1 EXISTS
        S2: * 1 RECENT
        S2: * 1 FETCH (UID 1)
        C: b DELETEACL Archive anyone
        S: b OK …
        S2: * LIST (\NonExistent \NoAccess) "/" shared/alice@north.test/Archive
    )~" + append(first, "Archive") +
                                      R"~(
        C2: c NOOP
        S2: c OK …
    )~"));
}

TEST(Notify, WhatMakesNoSense)
{
    expect_conversation(as_alice(R"~(
        C: a NOTIFY SET (selected (MessageNew))
        S: a BAD …
        C: b NOTIFY SET (inboxes (FlagChange))
        S: b BAD …
        C: c NOTIFY SET (personal (AnnotationChange))
        S: c NO [BADEVENT (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange MailboxMetadataChange ServerMetadataChange)] …
        C: d NOTIFY SET (selected NONE) (selected-delayed NONE)
        S: d BAD …
        C: e NOTIFY SET
        S: e BAD …
        C: f NOTIFY SET (personal NONE)
        S: f OK …
        C: g NOTIFY SET (mailboxes INBOX (MessageNew (UID) MessageExpunge))
        S: g BAD …
    )~"));
}

// RFC 5267 section 4.3.
TEST(Context, ASearchIsKeptUpToDate)
{
    expect_conversation(
        both_as_alice(append(first) + append(first) + append(first) + selected(std::string(second_selects) + R"~(
        C: a UID SEARCH RETURN (UPDATE COUNT) UNSEEN
        S: * ESEARCH (TAG "a") UID COUNT 3
        S: a OK …
        C: b SEARCH RETURN (UPDATE ALL) FLAGGED
        S: * ESEARCH (TAG "b")
        S: b OK …
        C2: a STORE 1 +FLAGS.SILENT (\Seen)
        S2: a OK …
        C2: b STORE 2:3 +FLAGS.SILENT (\Flagged \Deleted)
        S2: b OK …
        C: c NOOP
        S: * 1 FETCH (FLAGS (\Seen \Recent))
        S: * 2 FETCH (FLAGS (\Flagged \Deleted \Recent))
        S: * 3 FETCH (FLAGS (\Flagged \Deleted \Recent))
        S: * ESEARCH (TAG "a") UID REMOVEFROM (0 1)
        S: * ESEARCH (TAG "b") ADDTO (0 2:3)
        S: c OK …
        C: d EXPUNGE
        S: * ESEARCH (TAG "a") UID REMOVEFROM (0 2:3)
        S: * ESEARCH (TAG "b") REMOVEFROM (0 2:3)
        S: * 3 EXPUNGE
        S: * 2 EXPUNGE
        S: d OK …
        C: e CANCELUPDATE "b"
        S: e OK …
        C: f CANCELUPDATE "b"
        S: f BAD …
        C: g APPEND INBOX (\Flagged) {14+}
        C: Subject: x
        C:
        C:
        S: * 2 EXISTS
        S: * 2 RECENT
        S: * ESEARCH (TAG "a") UID ADDTO (0 4)
        S: g OK …
        C: h SORT RETURN (UPDATE COUNT) (DATE) UTF-8 ALL
        S: * ESEARCH (TAG "h") COUNT 2
        S: h OK …
    )~")));
}

// What has come while an EXPUNGE was held back gets its number later, and is told then.
TEST(Context, ArrivalsThatWereHeldBack)
{
    expect_conversation(both_as_alice(append(first) + append(first) + selected(std::string(second_selects) + R"~(
        C: a UID SEARCH RETURN (UPDATE COUNT) UNDELETED
        S: * ESEARCH (TAG "a") UID COUNT 2
        S: a OK …
        C2: a STORE 1 +FLAGS.SILENT (\Deleted)
        S2: a OK …
        C2: b EXPUNGE
        S2: * 1 EXPUNGE
        S2: b OK …
        C2: c APPEND INBOX {14+}
        C2: Subject: x
        C2:
        C2:
        S2: * 2 EXISTS
        S2: * … RECENT
        S2: c OK …
        C: b FETCH 2 UID
        S: * 2 FETCH (UID 2)
        S: b OK …
        C: c NOOP
        S: * ESEARCH (TAG "a") UID REMOVEFROM (0 1)
        S: * 1 EXPUNGE
        S: * 2 EXISTS
        S: * … RECENT
        S: * ESEARCH (TAG "a") UID ADDTO (0 3)
        S: c OK …
    )~")));
}

// RFC 5267 sections 4.2 and 4.3, RFC 5465 section 7, in the order of their examples.
TEST(Context, AsTheRfcsShow)
{
    expect_conversation(
        both_as_alice(append(first) + append(second) + append(first) + selected(std::string(second_selects) + R"~(
        C: A01 SEARCH RETURN (CONTEXT COUNT) UNDELETED UNKEYWORD $Junk
        S: * ESEARCH (TAG "A01") COUNT 3
        S: A01 OK …
        C: B01 UID SEARCH RETURN (UPDATE COUNT) DELETED KEYWORD $Junk
        S: * ESEARCH (TAG "B01") UID COUNT 0
        S: B01 OK …
        # a tag is not used twice for what is kept up to date
        C: B01 SORT RETURN (UPDATE) (DATE) UTF-8 FLAGGED
        S: B01 BAD …
        C: B01 SEARCH RETURN (UPDATE) FLAGGED
        S: B01 BAD …
        C2: a STORE 1:2 +FLAGS.SILENT (\Deleted $Junk)
        S2: * FLAGS …
        S2: * OK [PERM…
        S2: a OK …
        C: B02 NOOP
        S: * FLAGS …
        S: * OK [PERM…
        S: * 1 FETCH …
        S: * 2 FETCH …
        S: * ESEARCH (TAG "B01") UID ADDTO (0 1:2)
        S: B02 OK …
        C: B04 CANCELUPDATE "B01"
        S: B04 OK …
        # numbers mean the messages that they meant when the command came
        C: C01 UID SEARCH RETURN (UPDATE ALL) 2:3 UNSEEN
        S: * ESEARCH (TAG "C01") UID ALL 2:3
        S: C01 OK …
        C: C02 UID EXPUNGE 1
        S: * 1 EXPUNGE
        S: C02 OK …
        C2: b UID STORE 3 +FLAGS.SILENT (\Seen)
        S2: * 1 EXPUNGE
        S2: b OK …
        C: C03 NOOP
        S: * 2 FETCH …
        S: * ESEARCH (TAG "C01") UID REMOVEFROM (0 3)
        S: C03 OK …
        C2: c UID STORE 3 -FLAGS.SILENT (\Seen)
        S2: c OK …
        C: C04 NOOP
        S: * 2 FETCH …
        S: * ESEARCH (TAG "C01") UID ADDTO (0 3)
        S: C04 OK …
        C: C05 CANCELUPDATE "C01"
        S: C05 OK …
        # what is new is told with what was asked of it
        C: a00 SEARCH RETURN (COUNT UPDATE (UID BODY.PEEK[HEADER.FIELDS (SUBJECT)])) FROM "boss"
        S: * ESEARCH (TAG "a00") COUNT 0
        S: a00 OK …
        C2: d APPEND INBOX {34+}
        C2: From: boss@x.test
        C2: Subject: good
        C2:
        S2: * 3 EXISTS
        S2: * … RECENT
        S2: d OK …
        C: a01 NOOP
        S: * 3 EXISTS
        S: * … RECENT
        S: * 3 FETCH (UID 4 BODY[HEADER.FIELDS (SUBJECT)] {17}
        S: Subject: good
        S:
        S: )
        S: * ESEARCH (TAG "a00") ADDTO (0 3)
        S: a01 OK …
        C: a02 SEARCH RETURN (UPDATE ()) ALL
        S: a02 BAD …
    )~")));
}

// RFC 7377 section 2.
TEST(MultiSearch, OneSearchOverMailboxes)
{
    expect_conversation(as_alice(append(first) + append(second) + append(first, "Drafts") + R"~(
        C: a CREATE lists/cpp
        S: a OK …
    )~" + append(first, "lists/cpp") +
                                 append(first, "lists/cpp", "(\\Seen)") + R"~(
        C: b ESEARCH IN (mailboxes (INBOX Drafts) subtree lists) UNSEEN
        S: * ESEARCH (TAG "b" MAILBOX INBOX UIDVALIDITY …) UID ALL 1:2
        S: * ESEARCH (TAG "b" MAILBOX Drafts UIDVALIDITY …) UID ALL 1
        S: * ESEARCH (TAG "b" MAILBOX lists/cpp UIDVALIDITY …) UID ALL 1
        S: b OK …
        C: c ESEARCH IN (subtree-one lists personal) RETURN (COUNT MIN) SUBJECT meeting UID 1:*
        S: * ESEARCH (TAG "c" MAILBOX INBOX UIDVALIDITY …) UID MIN 1 COUNT 1
        S: * ESEARCH (TAG "c" MAILBOX Drafts UIDVALIDITY …) UID MIN 1 COUNT 1
        S: * ESEARCH (TAG "c" MAILBOX lists/cpp UIDVALIDITY …) UID MIN 1 COUNT 2
        S: c OK …
        C: d ESEARCH UNSEEN
        S: d BAD …
        C: e ESEARCH IN (personal) 1:2
        S: e BAD …
        C: f ESEARCH IN (mailboxes nowhere) ALL
        S: f OK …
    )~" + selected(R"~(
        C: g ESEARCH ALL
        S: * ESEARCH (TAG "g" MAILBOX INBOX UIDVALIDITY …) UID ALL 1:2
        S: g OK …
        C: h ESEARCH IN (selected) RETURN (SAVE COUNT) 2:9
        S: * ESEARCH (TAG "h" MAILBOX INBOX UIDVALIDITY …) UID COUNT 1
        S: h OK …
        C: i ESEARCH IN (selected) RETURN (SAVE) $
        S: i OK …
        C: j FETCH $ UID
        S: * 2 FETCH (UID 2)
        S: j OK …
        C: k ESEARCH IN (selected) SUBJECT nothing
        S: k OK …
        C: l ESEARCH IN (selected inboxes) RETURN (SAVE) ALL
        S: l BAD …
        C: m ESEARCH IN (selected inboxes) $
        S: m BAD …
        C: n ESEARCH RETURN (UPDATE CONTEXT COUNT) ALL
        S: * NO [NOUPDATE "n"] …
        S: * ESEARCH (TAG "n" MAILBOX INBOX UIDVALIDITY …) UID COUNT 2
        S: n OK …
        C: o ESEARCH IN (inboxes) RETURN (CONTEXT COUNT) ALL
        S: * ESEARCH (TAG "o" MAILBOX INBOX UIDVALIDITY …) UID COUNT 2
        S: o OK …
        C: p ESEARCH IN (inboxes) RETURN (UPDATE) ALL
        S: p BAD …
    )~")));
}

}  // namespace
}  // namespace posthouse::imap

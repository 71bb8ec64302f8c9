// CONDSTORE and QRESYNC: RFC 7162, its examples where they do not hang on numbers; UIDONLY: RFC 9586.
#include "imap/server/test_messages.h"

namespace posthouse::imap {
namespace {

std::string with_five(std::string_view script)
{
    std::string all;
    for (int i = 0; i < 5; ++i)
        all += append(first);
    return as_alice(all + std::string(script));
}

TEST(Qresync, NothingWithoutEnable)
{
    expect_conversation(with_five(R"~(
        C: a SELECT INBOX (QRESYNC (1 1))
        S: a BAD SELECT: ENABLE QRESYNC comes first
        C: b SELECT INBOX
        S: * FLAGS …
        S: * OK [PERM…
        S: * 5 EXISTS
        S: * 5 RECENT
        S: * OK [UNSEEN 1] …
        S: * OK [UIDVALIDITY …
        S: * OK [UIDNEXT 6] …
        S: * OK [HIGHESTMODSEQ …
        S: * OK [MAILBOXID …
        S: b OK [READ-WRITE] …
        C: c UID FETCH 1:* FLAGS (CHANGEDSINCE 1 VANISHED)
        S: c BAD …
        C: d ENABLE QRESYNC X-UNKNOWN
        S: * ENABLED QRESYNC
        S: * OK [HIGHESTMODSEQ …
        S: d OK …
        C: e FETCH 1:* FLAGS (CHANGEDSINCE 1 VANISHED)
        S: e BAD …
        C: f ENABLE QRESYNC
        S: * ENABLED
        S: f OK …
    )~"));
}

// RFC 7162 section 3.2.10: VANISHED instead of EXPUNGE; sections 3.2.7 to 3.2.9: the codes; every FETCH has its UID.
TEST(Qresync, ExpungesAreToldAsVanished)
{
    expect_conversation(both_as_alice(append(first) + append(first) + append(first) + append(first) + R"~(
        C: q ENABLE QRESYNC
        S: * ENABLED QRESYNC
        S: q OK …
        C: a SELECT INBOX
        S: * FLAGS …
        S: * OK [PERM…
        S: * 4 EXISTS
        S: * 4 RECENT
        S: * OK [UNSEEN 1] …
        S: * OK [UIDVALIDITY …
        S: * OK [UIDNEXT 5] …
        S: * OK [HIGHESTMODSEQ …
        S: * OK [MAILBOXID …
        S: a OK …
        C: b STORE 1,3 +FLAGS.SILENT (\Deleted)
        S: * 1 FETCH (UID 1 FLAGS (\Deleted \Recent) MODSEQ (…))
        S: * 3 FETCH (UID 3 FLAGS (\Deleted \Recent) MODSEQ (…))
        S: b OK …
        C: c EXPUNGE
        S: * VANISHED 1,3
        S: c OK [HIGHESTMODSEQ …] expunged
        C: d EXPUNGE
        S: d OK expunged
        C: e UID MOVE 2 Archive
        S: * OK [COPYUID … 2 1] moved
        S: * VANISHED 2
        S: e OK [HIGHESTMODSEQ …] moved
        C2: a SELECT INBOX
        S2: * FLAGS …
        S2: * OK [PERM…
        S2: * 1 EXISTS
        S2: * 0 RECENT
        S2: * OK [UNSEEN 1] …
        S2: * OK [UIDV…
        S2: * OK [UIDN…
        S2: * OK [HIGH…
        S2: * OK [MAILB…
        S2: a OK …
        C2: b STORE 1 +FLAGS (\Flagged \Deleted)
        S2: * 1 FETCH (FLAGS (\Flagged \Deleted))
        S2: b OK …
        C: f NOOP
        S: * 1 FETCH (UID 4 FLAGS (\Flagged \Deleted \Recent) MODSEQ (…))
        S: f OK …
        C: g CLOSE
        S: g OK closed
        C2: c NOOP
        S2: * 1 EXPUNGE
        S2: c OK …
        C: h EXAMINE Archive
        S: * FLAGS …
        S: * OK [PERM…
        S: * 1 EXISTS
        S: * 1 RECENT
        S: * OK [UN…
        S: * OK [UIDV…
        S: * OK [UIDN…
        S: * OK [HIGH…
        S: * OK [MAILB…
        S: h OK …
        C: i SELECT INBOX
        S: * OK [CLOSED] …
        S: * FLAGS …
        S: * OK [PERM…
        S: * 0 EXISTS
        S: * 0 RECENT
        S: * OK [UIDV…
        S: * OK [UIDN…
        S: * OK [HIGH…
        S: * OK [MAILB…
        S: i OK …
    )~"));
}

// RFC 7162 section 3.1: STATUS switches CONDSTORE on, and its own line stays whole.
TEST(Condstore, StatusSwitchesItOn)
{
    expect_conversation(with_two(R"~(
        C: a STATUS INBOX (MESSAGES HIGHESTMODSEQ)
        S: * OK [HIGHESTMODSEQ …] …
        S: * STATUS INBOX (MESSAGES 2 HIGHESTMODSEQ …)
        S: a OK …
        C: b LIST "" INBOX RETURN (STATUS (HIGHESTMODSEQ UIDNEXT))
        S: * LIST (\HasNoChildren) "/" INBOX
        S: * STATUS INBOX (HIGHESTMODSEQ … UIDNEXT 3)
        S: b OK …
    )~"));
    expect_conversation(with_two(R"~(
        C: a LIST "" INBOX RETURN (STATUS (HIGHESTMODSEQ))
        S: * LIST (\HasNoChildren) "/" INBOX
        S: * OK [HIGHESTMODSEQ …] …
        S: * STATUS INBOX (HIGHESTMODSEQ …)
        S: a OK …
    )~"));
}

// RFC 7162 section 3.1.3: "an untagged FETCH response MUST be sent, even if the .SILENT suffix is specified".
TEST(Condstore, ModseqsAreToldBehindUnchangedSince)
{
    expect_conversation(with_two(R"~(
        C: a STORE 1:2 (UNCHANGEDSINCE 100) +FLAGS.SILENT (\Seen)
        S: * OK [HIGHESTMODSEQ …] …
        S: * 1 FETCH (UID 1 FLAGS (\Seen \Recent) MODSEQ (…))
        S: * 2 FETCH (UID 2 FLAGS (\Seen \Recent) MODSEQ (…))
        S: a OK …
        C: b STORE 1:2 (UNCHANGEDSINCE 100) +FLAGS.SILENT (\Seen)
        S: * 1 FETCH (UID 1 FLAGS (\Seen \Recent) MODSEQ (…))
        S: * 2 FETCH (UID 2 FLAGS (\Seen \Recent) MODSEQ (…))
        S: b OK …
        C: c STORE 1 +FLAGS.SILENT (\Seen)
        S: c OK …
    )~"));
}

// RFC 7162 section 3.2.4: a FETCH that sets \Seen tells the UID and the mod-sequence too, as any FETCH that tells a
// change does.
TEST(Condstore, ChangesAreToldWithUidAndModseq)
{
    expect_conversation(as_alice(append(first) + append(first) + append(first) + append(second) + R"~(
        C: q ENABLE CONDSTORE
        S: * ENABLED CONDSTORE
        S: q OK …
    )~" + selected(R"~(
        C: a FETCH 1 BODY[TEXT]<0.5>
        S: * 1 FETCH (BODY[TEXT]<0> {5}
        S: Hello FLAGS (\Seen \Recent) MODSEQ (…) UID 1)
        S: a OK …
        C: b FETCH 2 (FLAGS UID BODY[TEXT]<0.5>)
        S: * 2 FETCH (FLAGS (\Seen \Recent) UID 2 BODY[TEXT]<0> {5}
        S: Hello MODSEQ (…))
        S: b OK …
        C: c FETCH 3 (MODSEQ RFC822.SIZE BODY[TEXT]<0.5>)
        S: * 3 FETCH (MODSEQ (…) RFC822.SIZE … BODY[TEXT]<0> {5}
        S: Hello FLAGS (\Seen \Recent) UID 3)
        S: c OK …
        C: d FETCH 4 (FLAGS)
        S: * 4 FETCH (FLAGS (\Recent))
        S: d OK …
        C: e STORE 4 +FLAGS (\Flagged)
        S: * 4 FETCH (UID 4 FLAGS (\Flagged \Recent) MODSEQ (…))
        S: e OK …
    )~")));
}

// RFC 7162 section 3.2: a client that loses its connection here must not have been told of a later mod-sequence than
// that of the expunges it has not heard of. Section 3.2.10: those are told by the VANISHED that counts, and once.
TEST(Qresync, ExpungesHeldBackHoldBackTheModseq)
{
    expect_conversation(both_as_alice(append(first) + append(first) + append(first) + R"~(
        C: q ENABLE QRESYNC
        S: * ENABLED QRESYNC
        S: q OK …
    )~" + selected(R"~(
        C2: a SELECT INBOX
        S2: * FLAGS …
        S2: * OK [PERM…
        S2: * 3 EXISTS
        S2: * 0 RECENT
        S2: * OK [UNSEEN 1] …
        S2: * OK [UIDV…
        S2: * OK [UIDN…
        S2: * OK [HIGHESTMODSEQ 4] …
        S2: * OK [MAILB…
        S2: a OK …
        C2: b STORE 1 +FLAGS.SILENT (\Deleted)
        S2: b OK …
        C2: c EXPUNGE
        S2: * 1 EXPUNGE
        S2: c OK …
        C: a STORE 2 +FLAGS (\Seen)
        S: * 2 FETCH (UID 2 FLAGS (\Seen \Recent) MODSEQ (7))
        S: * OK [HIGHESTMODSEQ 4] …
        S: a OK …
        C: b UID SEARCH 1:2
        S: * SEARCH 1 2
        S: * OK [HIGHESTMODSEQ 4] …
        S: b OK …
        C: c UID FETCH 1:* (FLAGS) (CHANGEDSINCE 4 VANISHED)
        S: * 2 FETCH (UID 2 FLAGS (\Seen \Recent) MODSEQ (7))
        S: * VANISHED 1
        S: c OK …
        C: d UID FETCH 1:* (FLAGS) (CHANGEDSINCE 4 VANISHED)
        S: * VANISHED (EARLIER) 1
        S: * 1 FETCH (UID 2 FLAGS (\Seen \Recent) MODSEQ (7))
        S: d OK …
        C: e STORE 1 +FLAGS (\Flagged)
        S: * 1 FETCH (UID 2 FLAGS (\Flagged \Seen \Recent) MODSEQ (8))
        S: e OK …
    )~")));
}

// The number behind `before` in what the server said last, for the next line of the client.
class Resync : public testing::Test {
protected:
    std::uint64_t modseq() const { return snapshot()->highest_modseq; }
    std::string validity() const { return std::to_string(snapshot()->uid_validity); }
    mailbox::SnapshotPtr snapshot() const
    {
        auto account =
            house.run(house.mailboxes->open(house.people.at("alice@north.test"), house.people.at("alice@north.test")));
        const auto tree = house.run((*account)->tree());
        return *house.run((*account)->snapshot((*tree)->find("INBOX")->id));
    }
    void talk(std::string_view script) { expect_conversation(house, as_alice(script)); }
    std::string select(std::string_view known) const
    {
        return "C: q ENABLE QRESYNC\nS: * ENABLED QRESYNC\nS: q OK …\nC: a SELECT INBOX (QRESYNC (" +
            std::string(known) +
            "))\nS: * FLAGS …\nS: * OK [PERM…\nS: * … EXISTS\nS: * … RECENT\nS: * OK [UN…\nS: * OK [UIDV…\nS: * OK "
            "[UIDN…\n"
            "S: * OK [HIGH…\nS: * OK [MAILB…\n";
    }

    mutable TestHouse house;
};

// Section 3.2.5: one round trip brings an offline client up to date; section 3.2.6: so does UID FETCH.
TEST_F(Resync, AnOfflineClientComesBack)
{
    talk(append(first) + append(first) + append(first) + append(first) + append(first));
    const std::string known = validity() + " " + std::to_string(modseq());
    talk(selected(R"~(
        C: b UID STORE 2,4 +FLAGS.SILENT (\Deleted)
        S: b OK …
        C: c EXPUNGE
        S: * 4 EXPUNGE
        S: * 2 EXPUNGE
        S: c OK …
        C: d STORE 3 +FLAGS.SILENT (\Seen work)
        S: * FLAGS …
        S: * OK [PERM…
        S: d OK …
    )~"));
    talk(append(first));
    talk(select(known) + R"~(
        S: * VANISHED (EARLIER) 2,4
        S: * 3 FETCH (UID 5 FLAGS (\Seen work) MODSEQ (…))
        S: * 4 FETCH (UID 6 FLAGS (…) MODSEQ (…))
        S: a OK [READ-WRITE] opened
    )~");
    talk(select(known + " 1:4 (1,3 1,3)") + R"~(
        S: * VANISHED (EARLIER) 2,4
        S: a OK …
    )~");
    talk(select(known + " 3,5") + R"~(
        S: * 3 FETCH (UID 5 FLAGS (\Seen work) MODSEQ (…))
        S: a OK …
    )~");
    talk(select("4294967295 1") + "S: a OK [READ-WRITE] opened\n");
    talk(select(validity() + " " + std::to_string(modseq())) + "S: a OK …\n" +
         "C: b UID FETCH 1:* (FLAGS) (CHANGEDSINCE " + known.substr(known.find(' ') + 1) + R"~( VANISHED)
        S: * VANISHED (EARLIER) 2,4
        S: * 3 FETCH (UID 5 FLAGS (\Seen work) MODSEQ (…))
        S: * 4 FETCH (UID 6 FLAGS (…) MODSEQ (…))
        S: b OK …
        C: c UID FETCH 4 (FLAGS) (CHANGEDSINCE 1 VANISHED)
        S: * VANISHED (EARLIER) 4
        S: c OK …
    )~");
}

// RFC 7162 section 3.1.3: what another session has changed is refused and named.
TEST(Condstore, UnchangedSince)
{
    expect_conversation(with_five(selected(R"~(
        C: a UID STORE 1:5 (UNCHANGEDSINCE 0) +FLAGS (\Seen)
        S: * OK [HIGHESTMODSEQ …
        S: a OK [MODIFIED 1:5] stored
        C: b STORE 2 FLAGS.SILENT (\Answered)
        S: * 2 FETCH (UID 2 FLAGS (\Answered \Recent) MODSEQ (…))
        S: b OK stored
        C: c FETCH 1:* (MODSEQ) (CHANGEDSINCE 1)
        S: * 1 FETCH (MODSEQ (…))
        S: * 2 FETCH (MODSEQ (…))
        S: * 3 FETCH (MODSEQ (…))
        S: * 4 FETCH (MODSEQ (…))
        S: * 5 FETCH (MODSEQ (…))
        S: c OK …
        C: d SEARCH MODSEQ "/flags/\\draft" all 9223372036854775807
        S: * SEARCH
        S: d OK …
    )~")));
}

// RFC 9586 section 3: no sequence numbers in either direction.
TEST(UidOnly, NoSequenceNumbers)
{
    expect_conversation(both_as_alice(append(first) + append(first) + append(first) + R"~(
        C: q ENABLE UIDONLY
        S: * ENABLED UIDONLY
        S: q OK …
        C: a SELECT INBOX
        S: * FLAGS …
        S: * OK [PERM…
        S: * 3 EXISTS
        S: * 3 RECENT
        S: * OK [UIDV…
        S: * OK [UIDN…
        S: * OK [HIGH…
        S: * OK [MAILB…
        S: a OK …
        C: b FETCH 1 FLAGS
        S: b BAD [UIDREQUIRED] FETCH: by UID only, as you wished
        C: c UID SEARCH 1:2
        S: c BAD [UIDREQUIRED] …
        C: d SEARCH ALL
        S: d BAD [UIDREQUIRED] …
        C: e UID SEARCH UID 2:*
        S: * SEARCH 2 3
        S: e OK …
        C: f UID FETCH 2:3 (FLAGS RFC822.SIZE)
        S: * 2 UIDFETCH (FLAGS (\Recent) RFC822.SIZE 310)
        S: * 3 UIDFETCH (FLAGS (\Recent) RFC822.SIZE 310)
        S: f OK …
        C: g UID STORE 2 +FLAGS (\Deleted)
        S: * 2 UIDFETCH (FLAGS (\Deleted \Recent))
        S: g OK …
        C: h UID EXPUNGE 1:*
        S: * VANISHED 2
        S: h OK …
        C: i STORE 1 +FLAGS (\Seen)
        S: i BAD [UIDREQUIRED] …
        C: j UID FETCH 3 (BODY[TEXT])
        S: * 3 UIDFETCH (BODY[TEXT] {55}
        S: Hello Joe, do you think we can meet at 3:30 tomorrow?
        S:  FLAGS (\Seen \Recent))
        S: j OK …
    )~"));
}

}  // namespace
}  // namespace posthouse::imap

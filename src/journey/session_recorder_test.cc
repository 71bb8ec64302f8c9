// Whose sessions are heard, how much of them, and what becomes of them as a script.
#include "base/fake_clock.h"
#include "base/text.h"
#include "journey/conversation.h"
#include "journey/line_pattern.h"

#include <gtest/gtest.h>

namespace posthouse::journey {
namespace {

class SessionRecorderTest : public ::testing::Test {
protected:
    void open(Id session, std::string_view peer = "192.0.2.7:1234", std::string_view room = "imap/server")
    {
        recorder->hop({.session = session, .room = room, .peer = peer});
    }
    void say(Id session, std::string_view text, Speaker speaker = Speaker::client)
    {
        recorder->line({.session = session, .speaker = speaker, .text = text});
    }
    void step(Id session, std::string_view what, std::string_view result, std::string_view room = "imap/server")
    {
        recorder->step({.session = session, .room = room, .step = what, .result = result});
    }
    // "1 opened 192.0.2.7", "1 a NOOP", "1 closed"
    std::string taken(Id watch)
    {
        const Result<std::vector<Heard>> heard = recorder->take(watch);
        if (!heard)
            return heard.error().text;
        std::string all;
        for (const Heard& one : *heard) {
            using Kind = Heard::Kind;
            const std::string_view what = one.kind == Kind::opened ? " opened"
                : one.kind == Kind::closed                         ? " closed"
                : one.kind == Kind::cut                            ? " cut"
                : one.kind == Kind::lost                           ? " lost"
                                                                   : "";
            all += std::to_string(one.number) + std::string(what) + (one.text.empty() ? "" : " " + one.text) + "\n";
        }
        return all;
    }
    Id watch(SessionWish wish)
    {
        const Result<Id> watch = recorder->watch(std::move(wish));
        EXPECT_TRUE(watch);
        return watch.value_or(0);
    }

    FakeClock clock;
    SessionLimits limits{.watches = 2,
                         .sessions = 3,
                         .waiting_sessions = 5,
                         .bytes_before_login = 200,
                         .session_bytes = 1000,
                         .held_bytes = 2000,
                         .line_bytes = 100};
    std::unique_ptr<SessionRecorder> recorder = std::make_unique<SessionRecorder>(clock, limits);
};

TEST_F(SessionRecorderTest, NobodyAsks)
{
    EXPECT_FALSE(recorder->wanted());
    open(1);
    step(1, "login", "alice@north.test");
    const Id asked = watch({.user = "alice@north.test"});
    EXPECT_TRUE(recorder->wanted());
    say(1, "a NOOP");
    EXPECT_EQ(taken(asked), "") << "it began before";
    recorder->end(asked);
    EXPECT_FALSE(recorder->wanted());
    EXPECT_EQ(taken(asked), "this recording has ended");
}

TEST_F(SessionRecorderTest, OfAnAccount)
{
    const Id asked = watch({.user = "Alice@north.test"});
    open(1);
    open(2);
    open(3, "[2001:db8::1]:99");
    open(4, "192.0.2.7:1", "pop3/server");
    for (Id id = 1; id <= 4; ++id)
        say(id, "* OK", Speaker::server);
    step(2, "login", "bob@north.test");
    step(1, "login", "refused");
    say(2, "a NOOP");
    EXPECT_EQ(taken(asked), "");
    step(3, "login", "alice@north.test");
    step(1, "login", "alice@north.test");
    say(1, "b NOOP");
    say(3, std::string(101, 'x'));
    EXPECT_EQ(taken(asked),
              "1 opened 2001:db8::1\n1 * OK\n2 opened 192.0.2.7\n2 * OK\n2 b NOOP\n1 " + std::string(100, 'x') + "…\n");
    step(1, "closed", "");
    step(3, "login", "bob@north.test");
    say(3, "c of bob");
    EXPECT_EQ(taken(asked), "2 closed\n1 closed\n");
}

TEST_F(SessionRecorderTest, OfAnAddress)
{
    const Id asked = watch({.protocol = Protocol::smtp, .peer = "192.0.2.7"});
    const Id both = watch({.protocol = Protocol::smtp, .user = "bob@north.test", .peer = "192.0.2.7"});
    open(1, "192.0.2.7:25", "mta/receive");
    open(2, "192.0.2.8:25", "mta/receive");
    open(3, "192.0.2.7:26", "msa");
    say(1, "EHLO x");
    say(2, "EHLO y");
    say(3, "EHLO z");
    step(3, "login", "bob@north.test", "msa");
    EXPECT_EQ(taken(asked), "1 opened 192.0.2.7\n2 opened 192.0.2.7\n1 EHLO x\n2 EHLO z\n");
    EXPECT_EQ(taken(both), "1 opened 192.0.2.7\n") << "what it said before went to the other one only";
    say(3, "QUIT");
    EXPECT_EQ(taken(both), "1 QUIT\n");
    EXPECT_EQ(recorder->watch({.user = "x@y"}).error().code, ErrorCode::limit);
    EXPECT_EQ(recorder->watch({}).error().code, ErrorCode::malformed);
}

// HOSTILE: whoever is recorded cannot make it cost more than this.
TEST_F(SessionRecorderTest, IsBounded)
{
    const Id asked = watch({.user = "alice@north.test"});
    for (Id id = 1; id <= 9; ++id)
        open(id);
    for (int i = 0; i < 10; ++i)
        say(1, "chatter before the login");
    step(1, "login", "alice@north.test");
    EXPECT_EQ(taken(asked), "1 opened 192.0.2.7\n1 chatter before the login\n1 chatter before the login\n1 cut\n");
    for (int i = 0; i < 20; ++i)
        say(1, "and after it");
    const std::string heard = taken(asked);
    EXPECT_TRUE(heard.starts_with("1 and after it\n") && heard.ends_with("1 cut\n")) << heard;
    EXPECT_LT(heard.size(), 400u);
    for (Id id = 2; id <= 9; ++id)
        step(id, "login", "alice@north.test");
    EXPECT_EQ(taken(asked), "2 opened 192.0.2.7\n3 opened 192.0.2.7\n") << "three are enough";
    for (Id id = 2; id <= 3; ++id)
        for (int i = 0; i < 30; ++i)
            say(id, "more");
    EXPECT_TRUE(taken(asked).ends_with("0 lost 1\n"));
    clock.advance(2min);
    EXPECT_EQ(taken(asked), "this recording has ended");
    EXPECT_FALSE(recorder->wanted());
}

TEST(ImapPattern, LeavesOpenWhatDiffers)
{
    struct Row {
        std::string_view line;
        std::string_view pattern;
    };
    constexpr Row rows[]{
        {"* OK [CAPABILITY IMAP4rev1 X] north.test is ready", "* OK [CAPABILITY …] …"},
        {"* CAPABILITY IMAP4rev1", "* CAPABILITY …"},
        {"a OK done", "a OK …"},
        {"a OK", "a OK"},
        {"a NO [TRYCREATE] no", "a NO [TRYCREATE] …"},
        {"* OK [UIDVALIDITY 123456] UIDs are valid", "* OK [UIDVALIDITY …] …"},
        {"* OK [HIGHESTMODSEQ 9] x", "* OK [HIGHESTMODSEQ …] …"},
        {"* OK [MAILBOXID (03ax)] x", "* OK [MAILBOXID (…)] …"},
        {"a OK [APPENDUID 17 4] x", "a OK [APPENDUID … 4] …"},
        {"a OK [COPYUID 17 4:5 1:2] x", "a OK [COPYUID … 4:5 1:2] …"},
        {"* 3 EXISTS", "* 3 EXISTS"},
        {"* SEARCH 1 2 (MODSEQ 917)", "* SEARCH 1 2 (MODSEQ …)"},
        {"* 1 FETCH (UID 7 MODSEQ (12) FLAGS (\\Seen))", "* 1 FETCH (UID 7 MODSEQ (…) FLAGS (\\Seen))"},
        {"* 1 FETCH (ENVELOPE (NIL \"…\" ((\"…)\" NIL))) UID 2)", "* 1 FETCH (ENVELOPE (…) UID 2)"},
        {"* 1 FETCH (BODY (\"…\" \"…\" NIL) INTERNALDATE \"…\")", "* 1 FETCH (BODY (…) INTERNALDATE …)"},
        {"* STATUS INBOX (UIDVALIDITY 3 MESSAGES 4)", "* STATUS INBOX (UIDVALIDITY … MESSAGES 4)"},
        {"+ idling", "+ …"},
        {"", ""},
        {"* 1 FETCH (MODSEQ (12", "* 1 FETCH (MODSEQ (…)"},
    };
    for (const Row& row : rows)
        EXPECT_EQ(imap_pattern(row.line), row.pattern);
}

TEST(Conversation, ManySessionsAndWhatIsMissing)
{
    ConversationWriter writer;
    const auto opened = [](unsigned number) {
        return Heard{.kind = Heard::Kind::opened, .number = number, .text = "192.0.2.7", .user = "a@b"};
    };
    EXPECT_EQ(writer.add(opened(1)), "# session 1: imap from 192.0.2.7, a@b\n");
    EXPECT_EQ(writer.add({.number = 1, .text = "a STARTTLS"}), "");
    EXPECT_EQ(writer.add({.number = 1, .speaker = Speaker::server, .text = "a OK go"}), "");
    EXPECT_EQ(writer.add({.number = 2, .text = "a NOOP"}), "C2: a NOOP\n");
    EXPECT_EQ(writer.add({.number = 2, .text = "[unreadable line]"}), "C2: ?\n");
    EXPECT_EQ(writer.add(opened(10)),
              "# session 10: imap from 192.0.2.7, a@b\n# left out: a script has nine sessions\n");
    EXPECT_EQ(writer.add({.number = 10, .text = "a NOOP"}), "");
    EXPECT_EQ(writer.add({.kind = Heard::Kind::closed, .number = 2}), "# session 2: the client hung up\n");
    EXPECT_EQ(writer.add({.kind = Heard::Kind::lost, .text = "7"}),
              "# 7 lines are missing here: nobody fetched them in time\n");
    // A literal that is asked for and refused.
    EXPECT_EQ(writer.add({.number = 1, .text = "b APPEND x {9}"}), "C: b APPEND x {9}\n");
    EXPECT_EQ(writer.add({.number = 1, .speaker = Speaker::server, .text = "b NO [TRYCREATE] no"}),
              "S: b NO [TRYCREATE] …\n");
    // Several in one command.
    EXPECT_EQ(writer.add({.number = 1, .text = "c SEARCH TEXT {3+}"}), "C: c SEARCH TEXT {3+}\nB: 3\n");
    EXPECT_EQ(writer.add({.number = 1, .text = " SUBJECT {2+}"}), "C:  SUBJECT {2+}\nB: 2\n");
    EXPECT_EQ(writer.add({.number = 1, .text = "d NOOP"}), "C:\nC: d NOOP\n");
}

// One side of an SMTP session after the other, as a script.
std::string smtp_script(std::string_view talk, std::string_view user = "")
{
    ConversationWriter writer;
    writer.add({.kind = Heard::Kind::opened, .number = 1, .protocol = Protocol::smtp, .user = std::string(user)});
    std::string script;
    for (const std::string_view line : split(talk, '\n'))
        if (!line.empty())
            script += writer.add({.number = 1,
                                  .protocol = Protocol::smtp,
                                  .speaker = line[0] == 'C' ? Speaker::client : Speaker::server,
                                  .text = std::string(line.substr(2))});
    return script;
}

TEST(Conversation, Smtp)
{
    struct Row {
        const char* why;
        const char* talk;
        const char* script;
    };
    constexpr Row rows[]{
        {"codes and not texts",
         "S 220 north.test ready\nC HELO x\nS 250 north.test\nS 250\nS 250 2.1.0\nS 250 2.1.0 ok",
         "S: 220 …\nC: HELO x\nS: 250 …\nS: 250\nS: 250 2.1.0\nS: 250 2.1.0 …\n"},
        {"what EHLO lists differs with TLS and without", "C EHLO x\nS 250-north.test\nS 250-SIZE 9\nS 250 HELP",
         "C: EHLO x\nM: 250 …\n"},
        {"no TLS in a script", "C STARTTLS\nS 220 2.0.0 go ahead\nC EHLO x\nS 250 x", "C: EHLO x\nS: 250 …\n"},
        {"a wrong proof is a wrong one", "C AUTH LOGIN\nS 334 [challenge]\nC [SASL response]\nS 535 5.7.8 wrong",
         "C: AUTH PLAIN AGEAYg==\nS: 535 5.7.8 …\n"},
        {"a login that is given up", "C AUTH LOGIN\nS 334 [challenge]\nC *\nS 501 5.7.0 given up",
         "C: AUTH PLAIN\nS: 334 …\nC: *\nS: 501 5.7.0 …\n"},
        {"what nobody knows", "C AUTH [left out]\nS 504 5.5.4 no\nC [a line behind a refused AUTH]\nS 500 5.5.1 no",
         "C: AUTH ?\nS: 504 5.5.4 …\nC: ?\nS: 500 5.5.1 …\n"},
        {"a message", "C MAIL FROM:<a@b>\nS 250 2.1.0 ok\nC DATA\nS 354 go\nC [310 bytes of message]\nS 250 2.0.0 ok",
         "C: MAIL FROM:<a@b>\nS: 250 2.1.0 …\nC: DATA\nS: 354 …\nC: From: <a@b>\nC:\nB: 310\nC:\nC: .\n"
         "S: 250 2.0.0 …\n"},
        {"a large one, from nobody",
         "C MAIL FROM:<>\nS 250 ok\nC DATA\nS 354 go\nC [99999999 bytes of message]\nS 250 ok",
         "C: MAIL FROM:<>\nS: 250 …\nC: DATA\nS: 354 …\n# of 99999999 bytes\nB: 65536\nC:\nC: .\nS: 250 …\n"},
        {"chunks",
         "C MAIL FROM:<a@b>\nS 250 ok\nC BDAT 20\nC [20 bytes of message]\nS 250 ok\nC BDAT 5 LAST\n"
         "C [5 bytes of message]\nS 250 ok",
         "C: MAIL FROM:<a@b>\nS: 250 …\nC: BDAT 20\nR: From: <a@b>\\r\\n\\r\\n\nB: 5\nS: 250 …\nC: BDAT 5 LAST\nB: 5\n"
         "S: 250 …\n"},
        {"a chunk that is refused is sent all the same", "C BDAT 7 LAST\nS 503 5.5.1 no",
         "C: BDAT 7 LAST\nB: 7\nS: 503 5.5.1 …\n"},
    };
    for (const Row& row : rows)
        EXPECT_EQ(smtp_script(row.talk), row.script) << row.why;
    EXPECT_EQ(smtp_script("C MAIL FROM:<Alice@north.test> SIZE=9", "alice@north.test"),
              "C: MAIL FROM:<$user> SIZE=9\n");
}

}  // namespace
}  // namespace posthouse::journey

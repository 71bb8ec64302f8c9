#include "pop3/server/dialogue.h"

#include <gtest/gtest.h>

namespace posthouse::pop3 {
namespace {

using directory::LoginFailure;

Maildrop three_messages()
{
    auto block = std::make_shared<mailbox::Block>();
    for (const mailbox::Uid uid : {3, 5, 9})
        block->entries.push_back({.uid = uid, .email = uid * 100u, .size = uid * 10u});
    auto snapshot = std::make_shared<mailbox::Snapshot>();
    snapshot->uid_validity = 77;
    snapshot->blocks = {block};
    snapshot->count();
    return Maildrop(snapshot);
}

// Holds a conversation without a wire: logins succeed for the password "secret".
struct Talk {
    explicit Talk(Offer offer = {"north.test", false, true, {"SCRAM-SHA-256", "PLAIN"}}) :
        dialogue(std::move(offer)) { }

    // What is sent for one line, with everything that is asked for on the way answered.
    std::string say(std::string_view line)
    {
        Step step = dialogue.on_line(line);
        for (;;) {
            switch (step.next) {
            case Next::command: return step.reply;
            case Next::close: return step.reply + "(closed)";
            case Next::start_tls: return step.reply + "(handshake)";
            case Next::retrieve:
                return step.reply + "(message " + std::to_string(step.number) +
                    (step.lines ? ", " + std::to_string(*step.lines) + " lines)" : ")");
            case Next::log_in: {
                const auto credentials = dialogue.take_credentials();
                step = dialogue.on_sasl(answer(credentials.password));
                break;
            }
            case Next::begin_exchange:
                step = dialogue.on_sasl(step.response ? answer(*step.response) : directory::Challenge{"who?"});
                break;
            case Next::respond: step = dialogue.on_sasl(answer(*step.response)); break;
            case Next::open_maildrop: step = dialogue.on_maildrop(three_messages()); break;
            case Next::remove:
                removed = dialogue.maildrop().deleted_uids().text();
                step = dialogue.on_removed(remove_result);
                break;
            }
        }
    }
    directory::SaslStep answer(const std::string& password) const
    {
        if (password == "secret")
            return directory::LoggedIn{{.id = 1, .address = "alice@north.test"}, {}};
        return directory::LoginFailed{failure, {}};
    }
    void log_in()
    {
        say("USER alice@north.test");
        ASSERT_EQ(say("PASS secret"), "+OK 3 messages, 170 octets\r\n");
    }

    Dialogue dialogue;
    LoginFailure failure = LoginFailure::wrong;
    Result<void> remove_result;
    std::string removed;
};

TEST(Pop3Dialogue, TheExampleOfRfc1939)
{
    Talk talk;
    EXPECT_EQ(talk.dialogue.greet().reply, "+OK north.test POP3 Posthouse\r\n");
    EXPECT_EQ(talk.say("user alice@north.test"), "+OK and the password?\r\n");
    EXPECT_EQ(talk.say("pass secret"), "+OK 3 messages, 170 octets\r\n");
    EXPECT_EQ(talk.say("STAT"), "+OK 3 170\r\n");
    EXPECT_EQ(talk.say("LIST"), "+OK 3 messages, 170 octets\r\n1 30\r\n2 50\r\n3 90\r\n.\r\n");
    EXPECT_EQ(talk.say("LIST 2"), "+OK 2 50\r\n");
    EXPECT_EQ(talk.say("UIDL"), "+OK these are the ids\r\n1 77.3\r\n2 77.5\r\n3 77.9\r\n.\r\n");
    EXPECT_EQ(talk.say("UIDL 3"), "+OK 3 77.9\r\n");
    EXPECT_EQ(talk.say("RETR 1"), "+OK 30 octets\r\n(message 1)");
    EXPECT_EQ(talk.say("TOP 1 7"), "+OK here is the top\r\n(message 1, 7 lines)");
    EXPECT_EQ(talk.say("DELE 2"), "+OK message 2 goes when you QUIT\r\n");
    EXPECT_EQ(talk.say("DELE 2"), "-ERR message 2 is deleted already\r\n");
    EXPECT_EQ(talk.say("RETR 2"), "-ERR message 2 is deleted already\r\n");
    EXPECT_EQ(talk.say("STAT"), "+OK 2 120\r\n");
    EXPECT_EQ(talk.say("LIST"), "+OK 2 messages, 120 octets\r\n1 30\r\n3 90\r\n.\r\n") << "numbers stay";
    EXPECT_EQ(talk.say("UIDL"), "+OK these are the ids\r\n1 77.3\r\n3 77.9\r\n.\r\n");
    EXPECT_EQ(talk.say("NOOP"), "+OK still here\r\n");
    EXPECT_EQ(talk.say("RSET"), "+OK 3 messages, 170 octets\r\n");
    EXPECT_EQ(talk.say("RETR 2"), "+OK 50 octets\r\n(message 2)");
    EXPECT_EQ(talk.say("QUIT"), "+OK goodbye\r\n(closed)");
    EXPECT_EQ(talk.removed, "") << "RSET took the mark away";
}

TEST(Pop3Dialogue, DeletingIsQuitsBusiness)
{
    Talk talk;
    talk.log_in();
    talk.say("DELE 1");
    talk.say("DELE 3");
    EXPECT_EQ(talk.say("QUIT"), "+OK goodbye, the deleted messages are removed\r\n(closed)");
    EXPECT_EQ(talk.removed, "3,9");
    Talk failing;
    failing.log_in();
    failing.say("DELE 1");
    failing.remove_result = fail(ErrorCode::no_space);
    EXPECT_EQ(failing.say("QUIT"), "-ERR [SYS/TEMP] some deleted messages are not removed\r\n(closed)");
}

TEST(Pop3Dialogue, NumbersThatAreNone)
{
    Talk talk;
    talk.log_in();
    for (const std::string_view number : {"0", "4", "4294967295"})
        for (const std::string_view verb : {"RETR", "DELE", "LIST", "UIDL"})
            EXPECT_EQ(talk.say(std::string(verb) + ' ' + std::string(number)), "-ERR no such message, there are 3\r\n");
    EXPECT_EQ(talk.say("TOP 0 5"), "-ERR no such message, there are 3\r\n");
    EXPECT_EQ(talk.say("RETR -1"), "-ERR say RETR message\r\n");
    EXPECT_EQ(talk.say("RETR 18446744073709551616"), "-ERR say RETR message\r\n");
    EXPECT_EQ(talk.say("STAT"), "+OK 3 170\r\n");
}

TEST(Pop3Dialogue, CommandsHaveTheirTime)
{
    Talk talk;
    for (const std::string_view line : {"STAT", "LIST", "RETR 1", "DELE 1", "RSET", "TOP 1 1", "UIDL"})
        EXPECT_EQ(talk.say(line), "-ERR log in first\r\n") << line;
    EXPECT_EQ(talk.say("PASS secret"), "-ERR say USER first\r\n");
    EXPECT_EQ(talk.say("STLS"), "-ERR TLS is not to be had here, or is up already\r\n");
    EXPECT_EQ(talk.say("UTF8"), "+OK UTF-8 it is\r\n");
    talk.log_in();
    for (const std::string_view line : {"USER x", "PASS x", "AUTH PLAIN", "STLS", "UTF8"})
        EXPECT_EQ(talk.say(line), "-ERR you are logged in already\r\n") << line;
    Talk quitter;
    EXPECT_EQ(quitter.say("QUIT"), "+OK goodbye\r\n(closed)");
}

TEST(Pop3Dialogue, APasswordNeedsItsUser)
{
    Talk talk;
    talk.say("USER alice@north.test");
    EXPECT_EQ(talk.say("PASS guess"), "-ERR [AUTH] user or password is wrong\r\n");
    EXPECT_EQ(talk.say("PASS secret"), "-ERR say USER first\r\n");
    talk.log_in();
}

TEST(Pop3Dialogue, FailuresSayWhatAClientMayDo)
{
    const struct {
        LoginFailure failure;
        std::string_view reply;
    } rows[] = {
        {LoginFailure::wrong, "-ERR [AUTH] user or password is wrong\r\n"},
        {LoginFailure::disabled, "-ERR [AUTH] this account is disabled\r\n"},
        {LoginFailure::busy, "-ERR [SYS/TEMP] logins cannot be checked now; try again shortly\r\n"},
        {LoginFailure::throttled, "-ERR [SYS/TEMP] too many logins have failed; wait before the next one\r\n"},
        {LoginFailure::needs_tls, "-ERR [AUTH] say STLS before you send a password\r\n"},
        {LoginFailure::too_weak, "-ERR [AUTH] this mechanism is not for this connection\r\n"},
        {LoginFailure::unknown_mechanism, "-ERR this mechanism is not offered; CAPA tells which are\r\n"},
        {LoginFailure::malformed, "-ERR this does not fit the mechanism\r\n"},
    };
    for (const auto& row : rows) {
        Talk talk;
        talk.failure = row.failure;
        talk.say("USER alice");
        EXPECT_EQ(talk.say("PASS guess"), row.reply);
        EXPECT_EQ(talk.say("STAT"), "-ERR log in first\r\n");
    }
    Talk talk;
    EXPECT_EQ(talk.dialogue.on_no_maildrop("[IN-USE] another POP3 session has this mailbox").reply,
              "-ERR [IN-USE] another POP3 session has this mailbox\r\n");
}

TEST(Pop3Dialogue, Sasl)
{
    Talk talk;
    EXPECT_EQ(talk.say("AUTH"), "+OK these mechanisms\r\nSCRAM-SHA-256\r\nPLAIN\r\n.\r\n");
    EXPECT_EQ(talk.say("AUTH PLAIN"), "+ d2hvPw==\r\n");
    EXPECT_EQ(talk.dialogue.recordable("c2VjcmV0"), "[SASL response]");
    EXPECT_EQ(talk.say("*"), "-ERR cancelled, as you wished\r\n");
    EXPECT_EQ(talk.say("AUTH PLAIN"), "+ d2hvPw==\r\n");
    EXPECT_EQ(talk.say("not base64"), "-ERR this does not fit the mechanism\r\n");
    EXPECT_EQ(talk.say("STAT"), "-ERR log in first\r\n") << "a command again";
    EXPECT_EQ(talk.say("AUTH PLAIN !"), "-ERR this does not fit the mechanism\r\n");
    EXPECT_EQ(talk.say("AUTH PLAIN ="), "-ERR [AUTH] user or password is wrong\r\n") << "an empty response";
    EXPECT_EQ(talk.say("AUTH PLAIN"), "+ d2hvPw==\r\n");
    EXPECT_EQ(talk.dialogue.on_fault(LineFault::too_long).reply, "-ERR the line is too long\r\n");
    EXPECT_EQ(talk.say("AUTH PLAIN c2VjcmV0"), "+OK 3 messages, 170 octets\r\n");
}

TEST(Pop3Dialogue, WithoutTlsNoPasswordIsTaken)
{
    Talk talk({"north.test", true, false, {"SCRAM-SHA-256"}});
    EXPECT_EQ(talk.say("USER alice"), "-ERR [AUTH] say STLS before you send a password\r\n");
    EXPECT_EQ(talk.say("PASS secret"), "-ERR say USER first\r\n");
    EXPECT_EQ(
        talk.say("CAPA"),
        "+OK this is what there is\r\nTOP\r\nUIDL\r\nPIPELINING\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\nEXPIRE NEVER\r\n"
        "UTF8 USER\r\nSTLS\r\nSASL SCRAM-SHA-256\r\nIMPLEMENTATION Posthouse\r\n.\r\n");
    EXPECT_EQ(talk.say("STLS"), "+OK begin TLS\r\n(handshake)");
    EXPECT_EQ(talk.dialogue.on_tls({"north.test", false, true, {"PLAIN"}}).reply, "") << "no new greeting";
    EXPECT_EQ(talk.say("STLS"), "-ERR TLS is not to be had here, or is up already\r\n");
    EXPECT_EQ(
        talk.say("CAPA"),
        "+OK this is what there is\r\nTOP\r\nUIDL\r\nPIPELINING\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\nEXPIRE NEVER\r\n"
        "UTF8 USER\r\nUSER\r\nSASL PLAIN\r\nIMPLEMENTATION Posthouse\r\n.\r\n");
    talk.log_in();
}

TEST(Pop3Dialogue, StlsForgetsTheUser)
{
    Talk talk({"north.test", true, true, {}});
    talk.say("USER alice");
    talk.say("STLS");
    talk.dialogue.on_tls({"north.test", false, true, {}});
    EXPECT_EQ(talk.say("PASS secret"), "-ERR say USER first\r\n");
}

TEST(Pop3Dialogue, TooManyErrorsEndIt)
{
    Talk talk;
    for (unsigned i = 1; i < Dialogue::most_errors; ++i)
        EXPECT_EQ(talk.say("XYZZY"), "-ERR unknown command; CAPA tells what there is\r\n");
    EXPECT_EQ(talk.say("XYZZY"),
              "-ERR unknown command; CAPA tells what there is; too many errors, goodbye\r\n(closed)");
    EXPECT_EQ(Talk().dialogue.on_fault(LineFault::bare_lf).reply, "-ERR lines end with CRLF; with nc use -C\r\n");
    EXPECT_EQ(Talk().dialogue.on_shutdown().reply, "-ERR [SYS/TEMP] shutting down, come back later\r\n");
}

TEST(Maildrop, AnEmptyOne)
{
    Maildrop empty(std::make_shared<mailbox::Snapshot>());
    EXPECT_EQ(empty.count(), 0u);
    EXPECT_EQ(empty.list(), "");
    EXPECT_EQ(empty.find(1), nullptr);
    EXPECT_TRUE(empty.deleted_uids().empty());
}

}  // namespace
}  // namespace posthouse::pop3

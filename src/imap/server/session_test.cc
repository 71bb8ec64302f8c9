// Conversations before and around the login: states, limits, literals, goodbyes.
#include "imap/server/command_reader.h"
#include "imap/server/test_script.h"

namespace posthouse::imap {
namespace {

TEST(Session, GreetsAndTellsCapabilities)
{
    expect_conversation(R"(
        S: * OK [CAPABILITY IMAP4rev1 IMAP4rev2 LITERAL+ SASL-IR ID ENABLE AUTH=…] north.test Posthouse IMAP is ready
        C: a capability
        S: * CAPABILITY IMAP4rev1 IMAP4rev2 LITERAL+ SASL-IR ID ENABLE AUTH=…
        S: a OK …
        C: b logout
        S: * BYE …
        S: b OK …
        X
    )");
}

TEST(Session, WithoutTlsNoPasswords)
{
    ServerOptions options = TestHouse::options_for_tests();
    options.allow_plaintext_login = false;
    TestHouse house(options);
    expect_conversation(house, R"(
        S: * OK [CAPABILITY …LOGINDISABLED…] …
        C: a LOGIN alice@north.test posthouse
        S: a NO [PRIVACYREQUIRED] …
        C: b AUTHENTICATE PLAIN AGFsaWNlQG5vcnRoLnRlc3QAcG9zdGhvdXNl
        S: b NO [PRIVACYREQUIRED] …
        C: c STARTTLS
        S: c NO [UNAVAILABLE] there is no certificate here
    )");
}

TEST(Session, LoginRightAndWrong)
{
    expect_conversation(R"(
        S: * OK …
        C: a SELECT INBOX
        S: a BAD SELECT: log in first
        C: b LOGIN alice@north.test wrong
        S: b NO [AUTHENTICATIONFAILED] …
        C: c LOGIN nobody@north.test posthouse
        S: c NO [AUTHENTICATIONFAILED] …
        C: d LOGIN {16}
        S: + …
        C: alice@north.test {9+}
        C: posthouse
        S: d OK [CAPABILITY IMAP4rev1 …IDLE…] …
        C: e LOGIN alice@north.test posthouse
        S: e BAD LOGIN: you are logged in already
        C: f NOOP
        S: f OK …
    )");
}

TEST(Session, Authenticate)
{
    expect_conversation(R"(
        S: * OK …
        C: a AUTHENTICATE PLAIN
        S: +…
        C: *
        S: a BAD …
        C: b AUTHENTICATE PLAIN
        S: +…
        C: !!!
        S: b BAD …
        C: c AUTHENTICATE XYZZY
        S: c NO …
        C: d AUTHENTICATE LOGIN
        S: + VXNlcm5hbWU6
        C: YWxpY2VAbm9ydGgudGVzdA==
        S: + UGFzc3dvcmQ6
        C: cG9zdGhvdXNl
        S: d OK …
    )");
    expect_conversation(R"(
        S: * OK …
        C: a AUTHENTICATE PLAIN AGFsaWNlQG5vcnRoLnRlc3QAcG9zdGhvdXNl
        S: a OK …
    )");
}

TEST(Session, RecorderHearsNoPasswords)
{
    TestHouse house;
    expect_conversation(house, R"(
        S: * OK …
        C: a LOGIN alice@north.test wrong
        S: a NO …
        C: b AUTHENTICATE LOGIN
        S: + …
        C: YWxpY2VAbm9ydGgudGVzdA==
        S: + …
        C: cG9zdGhvdXNl
        S: b OK …
        C: c APPEND INBOX {14+}
        C: Subject: x
        C:
        C:
        S: c OK …
        C: posthouse
        S: * BAD …
        C: d SELECT INBOX
        S: * FLAGS …
        S: * OK [PERM…
        S: * 1 EXISTS
        S: * 1 RECENT
        S: * OK [UNSEEN 1]…
        S: * OK …
        S: * OK …
        S: * OK …
        S: * OK [MAILB…
        S: d OK …
        C: e FETCH 1 (ENVELOPE BODY.PEEK[])
        S: * 1 FETCH (ENVELOPE (NIL "x" NIL NIL NIL NIL NIL NIL NIL NIL) BODY[] {14}
        S: Subject: x
        S:
        S: )
        S: e OK …
    )");
    const std::string text = house.recorder.text();
    EXPECT_EQ(text.find("posthouse"), std::string::npos) << text;
    EXPECT_EQ(text.find("cG9zdGhvdXNl"), std::string::npos) << text;
    EXPECT_EQ(text.find("wrong\n"), text.find(" is wrong\n") + 4) << text;
    EXPECT_EQ(text.find("Subject: x"), std::string::npos) << text;
    EXPECT_NE(text.find("C: a LOGIN [user and password]\n"), std::string::npos) << text;
    EXPECT_NE(text.find("C: c APPEND INBOX {14+}\n"), std::string::npos) << text;
    EXPECT_NE(text.find("(login alice@north.test)"), std::string::npos) << text;
}

TEST(Session, BadCommands)
{
    expect_conversation(as_alice(R"(
        C: a FROBNICATE
        S: a BAD unknown command FROBNICATE
        C: SELECT
        S: * BAD …
        C: + x
        S: * BAD …
        C: b FETCH 1 FLAGS
        S: b BAD FETCH: select a mailbox first
        R: c NOOP\n
        S: c BAD lines end with CRLF; with nc use -C
        C: d SELECT "&AGE-"
        S: d NO [CANNOT] …
        C: e NOOP
        S: e OK …
    )"));
}

TEST(Session, TwentyBadCommandsAreEnough)
{
    std::string script;
    for (int i = 0; i < 20; ++i)
        script += "C: a x\nS: a BAD …\n";
    expect_conversation(as_alice(script + "S: * BYE …\nX\n"));
}

// HOSTILE A10
TEST(Session, EndlessLines)
{
    expect_conversation("S: * OK …\nC: a " + std::string(10'000, 'x') + "\nS: * BYE …\n");
    expect_conversation(as_alice("C: a NOOP " + std::string(20'000, 'x') + "\nS: a BAD …\nC: b " +
                                 std::string(70'000, 'x') + "\nS: * BYE …\n"));
}

// HOSTILE A15
TEST(Session, LiteralsThatAreTooLarge)
{
    expect_conversation("S: * OK …\nC: a LOGIN {4294967296}\nS: * BYE [TOOBIG] …\nX\n");
    expect_conversation("S: * OK …\nC: a ID ({100000+}\nS: * BYE [TOOBIG] …\nX\n");
    expect_conversation(as_alice(R"(
        C: a CREATE {4294967296}
        S: a NO [TOOBIG] …
        C: b APPEND INBOX {99999999999999999999}
        S: b NO [TOOBIG] …
        C: c NOOP
        S: c OK …
        C: d APPEND INBOX {2000000000+}
        S: * BYE [TOOBIG] …
        X
    )"));
    expect_conversation(as_alice("C: a CREATE {100000+}\nR: " + std::string(100'000, 'x') +
                                 "\nR: \\r\\n\nS: a NO [TOOBIG] …\nC: b NOOP\nS: b OK …\n"));
}

TEST(Session, PipelinedCommandsAreAnsweredInOrder)
{
    expect_conversation(as_alice(R"(
        C: a NOOP
        C: b CREATE x
        C: c LIST "" x
        C: d DELETE x
        C: e NOOP
        S: a OK …
        S: b OK …
        S: * LIST (\HasNoChildren) "/" x
        S: c OK …
        S: d OK …
        S: e OK …
    )"));
}

TEST(Session, OneByteAtATime)
{
    expect_conversation(as_alice(R"(
        R: a NO
        W
        R: OP\r
        W
        R: \nb NOOP\r\n
        S: a OK …
        S: b OK …
    )"));
}

TEST(Session, Autologout)
{
    ServerOptions options = TestHouse::options_for_tests();
    options.login_patience = 30ms;
    TestHouse house(options);
    expect_conversation(house, "S: * OK …\nS: * BYE logged out: …\nX\n");
}

// A byte now and then is no way around it.
Task<std::size_t> drip(TestHouse& house)
{
    net::Wire wire = house.connect();
    std::size_t sent = 0;
    for (Result<void> going; going && sent < most_before_login; ++sent) {
        going = co_await wire.write("x", patient());
        if (going && wire.input().find("BYE") == std::string_view::npos)
            co_await wire.fill({std::chrono::steady_clock::now() + 5ms}, 4096);
        else
            break;
    }
    co_return sent;
}

TEST(Session, ACommandHasADeadlineAsAWhole)
{
    ServerOptions options = TestHouse::options_for_tests();
    options.login_patience = 50ms;
    TestHouse house(options);
    EXPECT_LT(house.run(drip(house)), most_before_login) << "it ended by the command's length alone";
}

TEST(Session, EnableIdNamespace)
{
    expect_conversation(as_alice(R"(
        C: a ENABLE CONDSTORE X-GOOD-IDEA
        S: * ENABLED CONDSTORE
        S: a OK …
        C: b ID ("name" "test")
        S: * ID ("name" "Posthouse" "version" "1")
        S: b OK …
        C: c NAMESPACE
        S: * NAMESPACE (("" "/")) (("shared/" "/")) NIL
        S: c OK …
    )"));
}

}  // namespace
}  // namespace posthouse::imap

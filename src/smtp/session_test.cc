#include "smtp/test_door.h"
#include "smtp/test_script.h"

#include <fmt/format.h>

namespace posthouse::smtp {
namespace {

struct SessionTest : testing::Test {
    TestHouse house;
    Server server{house.services(house.door), TestHouse::hasty()};
    std::vector<Kept>& kept = house.door.intake.kept;

    void converse(std::string_view script) { expect_conversation(server, script); }
};

// Issue 2, item 2: what a person with telnet can type, in lower or upper case.
TEST_F(SessionTest, TelnetConversation)
{
    converse(R"(
        S: 220 north.test ESMTP Posthouse
        C: helo telnet
        S: 250 north.test
        C: mail from: <>
        S: 250 2.1.0
        C: rset
        S: 250 2.0.0
        C: MAIL FROM:<alice@north.test>
        S: 250 2.1.0
        C: RCPT TO:<bob@north.test>
        S: 250 2.1.5
        C: DATA
        S: 354
        C: Subject: hello
        C:
        C: ..a dot
        C: .
        S: 250 2.0.0 queued as
        C: quit
        S: 221 2.0.0
        X
    )");
    ASSERT_EQ(kept.size(), 1u);
    EXPECT_EQ(kept[0].content, "Subject: hello\r\n\r\n.a dot\r\n");
    EXPECT_EQ(kept[0].envelope.reverse_path.text(), "alice@north.test");
}

TEST_F(SessionTest, MailFromNothingShowsTheForm)
{
    converse(R"(
        S: 220
        C: EHLO x
        S: 250-north.test
        S: 250-PIPELINING
        S: 250-SIZE 104857600
        S: 250-8BITMIME
        S: 250-ENHANCEDSTATUSCODES
        S: 250-SMTPUTF8
        S: 250-CHUNKING
        S: 250-LIMITS RCPTMAX=1000
        S: 250 HELP
        C: mail from:
        S: 501 5.5.4 write MAIL FROM:<you@example.org>
        C: rcpt
        S: 503 5.5.1 say MAIL before RCPT
        C: QUIT
        S: 221
        X
    )");
}

TEST_F(SessionTest, BadSequences)
{
    converse(R"(
        S: 220
        C: MAIL FROM:<a@b.test>
        S: 503 5.5.1 say EHLO
        C: DATA
        S: 503 5.5.1
        C: HELO x
        S: 250
        C: DATA
        S: 503 5.5.1
        C: MAIL FROM:<a@b.test>
        S: 250
        C: MAIL FROM:<a@b.test>
        S: 503 5.5.1 MAIL has been said already
        C: DATA
        S: 503 5.5.1 say RCPT
        C: RCPT TO:<nobody@b.test>
        S: 550 5.1.1
        C: DATA
        S: 554 5.5.1 no valid recipients
        C: BOGUS
        S: 500 5.5.1
        C: EXPN list
        S: 502 5.5.1
        C: VRFY bob
        S: 252 2.0.0
        C: HELP
        S: 214-2.0.0
        S: 214-2.0.0
        S: 214 2.0.0
        C: NOOP whatever
        S: 250 2.0.0
        C: STARTTLS
        S: 503 5.5.1
        C: RSET
        S: 250
        C: STARTTLS
        S: 502 5.5.1
        C: AUTH PLAIN
        S: 502 5.5.1
        C: HELO x
        S: 250
        C: QUIT now
        S: 501 5.5.4
        C: QUIT
        S: 221
        X
    )");
}

TEST_F(SessionTest, PipelinedRepliesComeInOrder)
{
    converse(R"(
        S: 220
        C: EHLO x
        C: MAIL FROM:<a@b.test> SIZE=12 BODY=8BITMIME
        C: RCPT TO:<nobody@b.test>
        C: RCPT TO:<bob@b.test>
        C: DATA
        C: hi
        C: .
        C: RSET
        C: QUIT
        S: 250-
        S: 250-
        S: 250-
        S: 250-
        S: 250-
        S: 250-
        S: 250-
        S: 250-
        S: 250 HELP
        S: 250 2.1.0
        S: 550 5.1.1
        S: 250 2.1.5
        S: 354
        S: 250 2.0.0
        S: 250 2.0.0
        S: 221
        X
    )");
    EXPECT_EQ(kept.size(), 1u);
}

TEST_F(SessionTest, BareLineEndsInCommands)
{
    converse(R"(
        S: 220
        R: EHLO x\n
        S: 500 5.5.2 lines end with CRLF; with nc use -C
        R: EHLO \rx\r\n
        S: 500 5.5.2 lines end with CRLF
        C: HELO x
        S: 250
        R: NOOP \0\r\n
        S: 500 5.5.2
        R: NOOP \x1b[2J\r\n
        S: 500 5.5.2
        C: QUIT
        S: 221
        X
    )");
}

// Issue 2, item 2; HOSTILE A12.
TEST_F(SessionTest, Numbers)
{
    converse(R"(
        S: 220
        C: HELO x
        S: 250
        C: MAIL FROM:<a@b.test> SIZE=-1
        S: 501 5.5.4
        C: MAIL FROM:<a@b.test> SIZE=
        S: 501 5.5.4
        C: MAIL FROM:<a@b.test> SIZE
        S: 501 5.5.4
        C: MAIL FROM:<a@b.test> SIZE=99999999999999999999
        S: 552 5.3.4
        C: MAIL FROM:<a@b.test> SIZE=999999999999999999999
        S: 501 5.5.4
        C: MAIL FROM:<a@b.test> SIZE=104857601
        S: 552 5.3.4
        C: MAIL FROM:<a@b.test> BODY=BINARYMIME
        S: 555 5.5.4
        C: MAIL FROM:<a@b.test> RET=FULL
        S: 555 5.5.4
        C: MAIL FROM:<a@b.test> SIZE=1 SIZE=2
        S: 501 5.5.4
        C: MAIL FROM:<a@b.test> SIZE=104857600
        S: 250
        C: RCPT TO:<b@b.test>
        S: 250
        C: BDAT 99999999999999999999 LAST
        S: 501 5.5.4
        X
    )");
}

TEST_F(SessionTest, ChunksMakeAMessage)
{
    converse(R"(
        S: 220
        C: EHLO x
        C: MAIL FROM:<a@b.test>
        C: RCPT TO:<b@b.test>
        R: BDAT 7\r\nA: b\r\n\rBDAT 4\r\n\n.\r\nBDAT 0 LAST\r\n
        C: NOOP
        S: 250-
        S: 250-
        S: 250-
        S: 250-
        S: 250-
        S: 250-
        S: 250-
        S: 250-
        S: 250 HELP
        S: 250 2.1.0
        S: 250 2.1.5
        S: 250 2.0.0 7 bytes
        S: 250 2.0.0 4 bytes
        S: 250 2.0.0 queued
        S: 250 2.0.0 nothing
        C: QUIT
        S: 221
        X
    )");
    ASSERT_EQ(kept.size(), 1u);
    EXPECT_EQ(kept[0].content, "A: b\r\n\r\n.\r\n");
}

TEST_F(SessionTest, RefusedChunksAreStillConsumed)
{
    house.door.offer_.most_bytes = 100;
    converse(R"(
        S: 220
        C: HELO x
        R: BDAT 6 LAST\r\nQUIT\r\n
        S: 250
        S: 503 5.5.1 say MAIL
        C: MAIL FROM:<a@b.test>
        C: RCPT TO:<nobody@b.test>
        R: BDAT 6 LAST\r\nQUIT\r\n
        S: 250
        S: 550
        S: 554 5.5.1
        C: RCPT TO:<b@b.test>
        S: 250
        R: BDAT 101\r\nQUIT\r\nQUIT\r\n
        W
        R: 01234567890123456789012345678901234567890123456789012345678901234567890123456789012345678
        C: NOOP
        S: 552 5.3.4
        S: 250 2.0.0 nothing done
        C: QUIT
        S: 221
        X
    )");
    EXPECT_TRUE(kept.empty());
}

TEST_F(SessionTest, AfterARefusedChunkTheTransactionIsDead)
{
    house.door.offer_.most_bytes = 20;
    converse(R"(
        S: 220
        C: HELO x
        S: 250
        C: MAIL FROM:<a@b.test>
        C: RCPT TO:<b@b.test>
        R: BDAT 6\r\nQUIT\r\n
        S: 250
        S: 250
        S: 250 2.0.0 6 bytes
        R: BDAT 16\r\n0123456789abcdefBDAT 2 LAST\r\n\r\n
        S: 552 5.3.4
        S: 503 5.5.1
        C: MAIL FROM:<a@b.test>
        S: 250
        C: RCPT TO:<b@b.test>
        R: BDAT 6\r\nQUIT\r\nBDAT 16\r\n0123456789abcdef
        S: 250
        S: 250
        S: 552
        C: MAIL FROM:<a@b.test>
        S: 503 5.5.1 the message was refused; RSET
        C: RSET
        S: 250
        C: QUIT
        S: 221
        X
    )");
    EXPECT_TRUE(kept.empty());
}

TEST_F(SessionTest, TooLargeDuringData)
{
    house.door.offer_.most_bytes = 10;
    converse(R"(
        S: 220
        C: HELO x
        C: MAIL FROM:<a@b.test>
        C: RCPT TO:<b@b.test>
        C: DATA
        S: 250
        S: 250
        S: 250
        S: 354
        C: 0123456789
        C: .
        S: 552 5.3.4
        C: NOOP
        S: 250
        C: QUIT
        S: 221
        X
    )");
    EXPECT_TRUE(kept.empty());
}

TEST_F(SessionTest, DiskFull)
{
    house.door.intake.on_append = fail(ErrorCode::no_space, "disk full");
    const std::string mail = R"(
        C: MAIL FROM:<a@b.test>
        C: RCPT TO:<b@b.test>
        C: DATA
        S: 250
        S: 250
        S: 354
        C: hello
        C: .
        S: 452 4.3.1
    )";
    converse("S: 220\nC: HELO x\nS: 250\n" + mail + mail + "C: QUIT\nS: 221\nX");
    house.door.intake.on_append = {};
    house.door.intake.on_commit = fail(ErrorCode::no_space, "disk full");
    converse("S: 220\nC: HELO x\nS: 250\n" + mail + "C: QUIT\nS: 221\nX");
    house.door.intake.on_begin = fail(ErrorCode::no_space, "disk full");
    converse(R"(
        S: 220
        C: HELO x
        C: MAIL FROM:<a@b.test>
        C: RCPT TO:<b@b.test>
        C: DATA
        S: 250
        S: 250
        S: 250
        S: 452 4.3.1
        C: MAIL FROM:<a@b.test>
        C: RCPT TO:<b@b.test>
        R: BDAT 7 LAST\r\nhello\r\n
        S: 250
        S: 250
        S: 452 4.3.1
        C: QUIT
        S: 221
        X
    )");
    house.door.intake.has_space = false;
    converse("S: 220\nC: HELO x\nS: 250\nC: MAIL FROM:<a@b.test>\nS: 452 4.3.1\nC: QUIT\nS: 221\nX");
    EXPECT_TRUE(kept.empty());
}

// HOSTILE A7.
TEST_F(SessionTest, TwentyErrorsEndTheSession)
{
    std::string script = "S: 220\nC: HELO x\nS: 250\nC: MAIL FROM:<a@b.test>\nS: 250\n";
    for (int i = 1; i < 20; ++i)
        script += "C: RCPT TO:<nobody@b.test>\nS: 550 5.1.1\n";
    script += "C: RCPT TO:<nobody@b.test>\nS: 421 4.7.0 too many errors\nX\n";
    converse(script);
}

TEST_F(SessionTest, RecipientsHaveALimit)
{
    std::string script = "S: 220\nC: HELO x\nS: 250\nC: MAIL FROM:<a@b.test>\nS: 250\n";
    for (int i = 0; i < 1010; ++i)
        script += "C: RCPT TO:<b@b.test>\n";
    for (int i = 0; i < 1000; ++i)
        script += "S: 250 2.1.5\n";
    for (int i = 0; i < 10; ++i)
        script += "S: 452 4.5.3\n";
    converse(script + "C: DATA\nS: 354\nC: x\nC: .\nS: 250\nC: QUIT\nS: 221\nX");
    ASSERT_EQ(kept.size(), 1u);
    EXPECT_EQ(kept[0].envelope.recipients.size(), 1000u);
}

TEST_F(SessionTest, HundredThousandRecipientsEndInGoodbye)
{
    std::string flood = "S: 220\nC: HELO x\nS: 250\nC: MAIL FROM:<a@b.test>\nS: 250\n";
    for (int i = 0; i < 2020; ++i)
        flood += "C: RCPT TO:<b@b.test>\n";
    for (int i = 0; i < 1000; ++i)
        flood += "S: 250 2.1.5\n";
    for (int i = 0; i < 1019; ++i)
        flood += "S: 452 4.5.3\n";
    converse(flood + "S: 421 4.7.0\nX");
}

// HOSTILE A10: one answer, then the end after 64 kB.
TEST_F(SessionTest, EndlessLine)
{
    converse("S: 220\nC: HELO " + std::string(600, 'x') + "\nS: 501\nC: NOOP " + std::string(2100, 'x') +
             "\nS: 500 5.5.2 the line is too long\nC: NOOP\nS: 250\nR: " + std::string(90'000, 'x') +
             "\nS: 500 5.5.2 the line is too long\nS: 421 4.7.0\nX");
}

TEST_F(SessionTest, HttpIsSentAway) { converse("S: 220\nC: POST / HTTP/1.1\nS: 421\nX"); }

TEST_F(SessionTest, OtherLettersNeedSmtpUtf8)
{
    converse(R"(
        S: 220
        C: EHLO x
        W
        S: 250-
        S: 250-
        S: 250-
        S: 250-
        S: 250-
        S: 250-
        S: 250-
        S: 250-
        S: 250 HELP
        C: MAIL FROM:<ålice@north.test>
        S: 553 5.6.7
        C: MAIL FROM:<ålice@north.test> SMTPUTF8
        S: 250
        C: RCPT TO:<bøb@nørth.test>
        S: 250
        R: RCPT TO:<b\xffb@north.test>\r\n
        S: 501 5.1.3
        C: RSET
        S: 250
        C: MAIL FROM:<a@north.test>
        S: 250
        C: RCPT TO:<bøb@nørth.test>
        S: 553 5.6.7
        C: QUIT
        S: 221
        X
    )");
}

struct LoginTest : SessionTest {
    LoginTest()
    {
        house.door.with_login = true;
        house.door.offer_.login_required = true;
    }
};

TEST_F(LoginTest, NothingWithoutLogin)
{
    converse(R"(
        S: 220
        C: HELO x
        S: 250
        C: MAIL FROM:<a@b.test>
        S: 530 5.7.0
        C: RCPT TO:<b@b.test>
        S: 530 5.7.0
        C: DATA
        S: 530 5.7.0
        R: BDAT 6 LAST\r\nQUIT\r\n
        S: 530 5.7.0
        C: VRFY bob
        S: 530 5.7.0
        C: NOOP
        S: 250
        C: QUIT
        S: 221
        X
    )");
}

TEST_F(LoginTest, PlainAndLoginWithAndWithoutInitialResponse)
{
    const std::string plain = base64_encode(std::string_view("\0alice\0posthouse", 16));
    converse(fmt::format(R"(
        S: 220
        C: HELO x
        S: 250
        C: AUTH PLAIN
        S: 334
        C: {0}
        S: 235 2.7.0
        C: AUTH PLAIN {0}
        S: 503 5.5.1
        C: MAIL FROM:<a@b.test>
        S: 250
        C: QUIT
        S: 221
        X
    )",
                         plain));
    converse(fmt::format("S: 220\nC: HELO x\nS: 250\nC: auth plain {}\nC: MAIL FROM:<a@b.test>\nS: 235\nS: 250\nC: "
                         "QUIT\nS: 221\nX",
                         plain));
    converse(R"(
        S: 220
        C: HELO x
        S: 250
        C: AUTH LOGIN
        S: 334 VXNlcm5hbWU6
        C: YWxpY2U=
        S: 334 UGFzc3dvcmQ6
        C: cG9zdGhvdXNl
        S: 235
        C: QUIT
        S: 221
        X
    )");
}

// HOSTILE A23.
TEST_F(LoginTest, BadLogins)
{
    converse(R"(
        S: 220
        C: HELO x
        S: 250
        C: AUTH
        S: 501 5.5.4
        C: AUTH BOGUS
        S: 504 5.5.4
        C: AUTH PLAIN =
        S: 535 5.7.8
        C: AUTH PLAIN ***
        S: 501 5.5.2
        C: AUTH LOGIN
        S: 334
        C: *
        S: 501 5.7.0
        C: AUTH LOGIN
        S: 334
        C: not base64
        S: 501 5.5.2
        C: AUTH LOGIN
        S: 334
        R: YWxp\n
        S: 500 5.5.2
        C: NOOP
        S: 250
        C: QUIT
        S: 221
        X
    )");
    converse("S: 220\nC: HELO x\nS: 250\nC: AUTH LOGIN\nS: 334\nC: " + std::string(13'000, 'x') +
             "\nS: 500 5.5.6\nC: NOOP\nS: 250\nC: QUIT\nS: 221\nX");
}

TEST_F(LoginTest, RecorderHearsNoSecret)
{
    converse(R"(
        S: 220
        C: HELO x
        S: 250
        C: AUTH LOGIN
        S: 334
        C: YWxpY2U=
        S: 334
        C: d3Jvbmc=
        S: 535
        C: d3Jvbmc=
        S: 500
        C: AUTH PLAIN AGFsaWNlAHBvc3Rob3VzZQ==
        S: 235
        C: MAIL FROM:<a@b.test>
        S: 250
        C: RCPT TO:<b@b.test>
        S: 250
        C: DATA
        S: 354
        C: a secret
        C: .
        S: 250
        C: QUIT
        S: 221
        X
    )");
    EXPECT_EQ(house.recorder.text(), R"(S: 220 north.test ESMTP Posthouse
C: HELO x
S: 250 north.test
C: AUTH LOGIN
S: 334 [challenge]
C: [SASL response]
S: 334 [challenge]
C: [SASL response]
S: 535 5.7.8 wrong
C: [a line behind a refused AUTH]
S: 500 5.5.1 unknown command; HELP lists those that are known
C: AUTH PLAIN [SASL response]
S: 235 2.7.0 welcome
C: MAIL FROM:<a@b.test>
S: 250 2.1.0 ok
C: RCPT TO:<b@b.test>
S: 250 2.1.5 ok
C: DATA
S: 354 send the message, then a line with a single dot
C: [10 bytes of message]
S: 250 2.0.0 queued as 00000000000z9
C: QUIT
S: 221 2.0.0 north.test says goodbye
)");
}

}  // namespace
}  // namespace posthouse::smtp

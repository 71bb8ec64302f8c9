#include "pop3/server/session.h"

#include "pop3/client/client.h"
#include "pop3/server/test_door.h"

namespace posthouse::pop3 {
namespace {

constexpr std::string_view hello = "Subject: hello\r\n\r\nHello\r\n";  // 25 octets

std::string login()
{
    return "S: +OK north.test POP3 Posthouse\nC: USER alice@north.test\nS: +OK*\nC: PASS secret\nS: +OK*\n";
}

TEST(Pop3Session, MailIsDownloadedAndDeleted)
{
    TestDoor door;
    door.file(std::string(hello));
    door.file("Subject: dots\r\n\r\n.\r\n..a\r\n");
    Talker talker = door.talker();
    talker.play(login() + R"(C: STAT
        S: +OK 2 50
        C: LIST
        S: +OK 2 messages, 50 octets
        S: 1 25
        S: 2 25
        S: .
        C: RETR 1
        S: +OK 25 octets
        S: Subject: hello
        S:
        S: Hello
        S: .
        C: RETR 2
        S: +OK 25 octets
        S: Subject: dots
        S:
        S: ..
        S: ...a
        S: .
        C: TOP 2 1
        S: +OK here is the top
        S: Subject: dots
        S:
        S: ..
        S: .
        C: DELE 1
        S: +OK message 1 goes when you QUIT
        C: QUIT
        S: +OK goodbye, the deleted messages are removed
        S: (closed))");
    EXPECT_EQ(door.run(door.count()), 1u);
    Talker again = door.talker();
    again.play(login() + "C: STAT\nS: +OK 1 25\nC: RETR 1\nS: +OK 25 octets\nS: Subject: dots\n");
}

TEST(Pop3Session, UniqueIdsStay)
{
    TestDoor door;
    for (int i = 0; i < 3; ++i)
        door.file(std::string(hello));
    std::vector<std::string> ids;
    {
        Talker talker = door.talker();
        talker.play(login() + "C: UIDL\nS: +OK*\n");
        for (int i = 0; i < 3; ++i)
            ids.push_back(talker.line().substr(2));
        talker.play("S: .\nC: DELE 1\nS: +OK*\nC: QUIT\nS: +OK*\nS: (closed)");
    }
    Talker talker = door.talker();
    talker.play(login() + "C: UIDL 1\nS: +OK 1 " + ids[1] + "\nC: UIDL 2\nS: +OK 2 " + ids[2]);
    EXPECT_NE(ids[0], ids[1]);
}

// HOSTILE A26: DELE, then the line drops.
TEST(Pop3Session, WithoutQuitNothingIsRemoved)
{
    TestDoor door;
    door.file(std::string(hello));
    {
        Talker talker = door.talker();
        talker.play(login() + "C: DELE 1\nS: +OK*\n");
        talker.hang_up();
    }
    door.group.wait();
    EXPECT_EQ(door.run(door.count()), 1u);
    Talker again = door.talker();
    again.play(login() + "C: STAT\nS: +OK 1 25\n");
}

TEST(Pop3Session, OneSessionAnAccount)
{
    TestDoor door;
    Talker first = door.talker();
    first.play(login());
    Talker second = door.talker();
    second.play(R"(S: +OK*
        C: USER alice@north.test
        S: +OK*
        C: PASS secret
        S: -ERR [IN-USE] another POP3 session has this mailbox
        C: USER bob@north.test
        S: +OK*
        C: PASS secret
        S: +OK*
        C: QUIT
        S: +OK*
        S: (closed))");
    first.play("C: QUIT\nS: +OK goodbye\n");
    Talker third = door.talker();
    third.play(login());  // free as soon as the goodbye is heard
    third.hang_up();
    door.group.wait();
    Talker fourth = door.talker();
    fourth.play(login());  // and where the line has dropped
}

TEST(Pop3Session, ItsSnapshotIsServedToTheEnd)
{
    TestDoor door;
    door.file(std::string(hello));
    door.file("Subject: two\r\n\r\nTwo\r\n");
    Talker talker = door.talker();
    talker.play(login());
    EXPECT_TRUE(door.run(door.expunge_everything()));
    door.file("Subject: three\r\n\r\nThree\r\n");
    talker.play(R"(C: STAT
        S: +OK 2 46
        C: RETR 1
        S: +OK 25 octets
        S: Subject: hello
        S:
        S: Hello
        S: .
        C: DELE 1
        S: +OK*
        C: QUIT
        S: +OK goodbye, the deleted messages are removed
        S: (closed))");
    EXPECT_EQ(door.run(door.count()), 1u) << "what came later is not touched";
}

TEST(Pop3Session, PipelinedCommandsAreAnsweredInOrder)
{
    TestDoor door;
    std::string expected;
    for (int i = 1; i <= 40; ++i)
        door.file("Subject: m\r\n\r\n" + std::to_string(i) + "\r\n");
    std::string commands = "USER alice@north.test\r\nPASS secret\r\n";
    for (int i = 1; i <= 40; ++i)
        commands += "RETR " + std::to_string(i) + "\r\n";
    Talker talker = door.talker();
    talker.send(commands + "NOOP\r\nXYZZY\r\nQUIT\r\n");
    talker.play("S: +OK*\nS: +OK*\nS: +OK 40 messages*\n");
    for (int i = 1; i <= 40; ++i)
        talker.play("S: +OK*\nS: Subject: m\nS:\nS: " + std::to_string(i) + "\nS: .\n");
    talker.play("S: +OK still here\nS: -ERR*\nS: +OK goodbye\nS: (closed)\n");
}

TEST(Pop3Session, LargeMessagesAreStreamed)
{
    TestDoor door;
    std::string body;
    for (int i = 0; body.size() < 3'000'000; ++i)
        body +=
            (i % 7 == 0 ? "." : "") + std::string(static_cast<std::size_t>(i % 100), 'x') + std::to_string(i) + "\r\n";
    const std::string message = "Subject: large\r\n\r\n" + body;
    door.file(message);
    Client client(door.connect(), door.clock);
    ASSERT_TRUE(door.run(client.greeting()));
    ASSERT_TRUE(door.run(client.log_in("alice@north.test", "secret", door.random, ClearPasswords::yes)));
    const auto got = door.run(client.retrieve(1, 10'000'000));
    ASSERT_TRUE(got) << got.error().text;
    EXPECT_TRUE(*got == message);
    const auto top = door.run(client.top(1, 2));
    ASSERT_TRUE(top);
    EXPECT_EQ(*top, "Subject: large\r\n\r\n.0\r\nx1\r\n");
    const auto whole = door.run(client.top(1, 1'000'000'000));
    ASSERT_TRUE(whole);
    EXPECT_TRUE(*whole == message);
    EXPECT_TRUE(door.run(client.quit()));
}

TEST(Pop3Session, WhatAppendLeftIsSentInLines)
{
    TestDoor door;
    door.file("Subject: unix\n\na\n.\nb");
    Talker talker = door.talker();
    talker.play(login() +
                "C: RETR 1\nS: +OK*\nS: Subject: unix\nS:\nS: a\nS: ..\nS: b\nS: .\nC: NOOP\nS: +OK still here\n");
}

TEST(Pop3Session, AMessageThatCannotBeReadIsSaidSo)
{
    TestDoor door;
    door.file(std::string(hello));
    Talker talker = door.talker();
    talker.play(login());
    door.store.fail_read(1, ErrorCode::unavailable);  // RETR may have what was read ahead; TOP reads
    talker.play("C: TOP 1 9\nS: -ERR [SYS/TEMP] this message cannot be read now\nC: RETR 1\nS: +OK 25 octets\n");
}

TEST(Pop3Session, AQuitThatCannotRemoveSaysSo)
{
    TestDoor door;
    door.file(std::string(hello));
    Talker talker = door.talker();
    talker.play(login() + "C: DELE 1\nS: +OK*\n");
    door.store.fail_commit(1, store::Outcome::unavailable);
    talker.play("C: QUIT\nS: -ERR [SYS/TEMP] some deleted messages are not removed\nS: (closed)\n");
    EXPECT_EQ(door.run(door.count()), 1u);
}

TEST(Pop3Session, AStoreThatIsDownIsTemporary)
{
    TestDoor door;
    door.file(std::string(hello));
    Talker talker = door.talker();
    talker.play("S: +OK*\nC: USER nobody@north.test\nS: +OK*\n");
    door.store.fail_read(1, ErrorCode::unavailable);
    talker.play("C: PASS secret\nS: -ERR [SYS/TEMP]*\n");
}

TEST(Pop3Session, LinesThatAreNone)
{
    TestDoor door;
    Talker talker = door.talker();
    talker.play("S: +OK*\n");
    talker.send("NOOP\nNOOP\r\nNO\rOP\r\nNOOP\r\n");
    talker.play("S: -ERR lines end with CRLF; with nc use -C\nS: +OK*\nS: -ERR a CR without LF\nS: +OK*\n");
    talker.send(std::string(10'000, 'x') + "\r\nNOOP\r\n");
    talker.play("S: -ERR the line is too long\nS: +OK*\n");
    talker.send(std::string("NO\0OP\r\n", 7));
    talker.play("S: -ERR unknown command*\n");
}

// HOSTILE A10: a line of 40 MB before the login.
TEST(Pop3Session, ALineWithoutEndClosesTheSession)
{
    TestDoor door;
    Talker talker = door.talker();
    talker.play("S: +OK*\n");
    for (int i = 0; i < 20; ++i)
        talker.send(std::string(8 * 1024, 'x'));
    talker.play("S: -ERR the line is too long\nS: -ERR this line has no end, goodbye\nS: (closed)\n");
}

TEST(Pop3Session, ShutdownSaysGoodbye)
{
    TestDoor door;
    auto ends = net::connected_pair(door.loops[0].executor());
    ASSERT_TRUE(ends);
    EXPECT_TRUE(door.run(cancel_wire(ends->second)));
    door.group.spawn(door.loops[0], "session", door.server->serve(std::move(ends->second)));
    Talker talker(door.loops[0], std::move(ends->first));
    talker.play("S: +OK*\nS: -ERR [SYS/TEMP] shutting down, come back later\nS: (closed)\n");
}

TEST(Pop3Session, AnIdleSessionEndsWithoutAWord)
{
    TestDoor door;
    door.file(std::string(hello));
    ServerOptions hasty = door.options;
    hasty.autologout = 50ms;
    Server server(
        {door.clock, door.log, door.script, door.ids, *door.made.authenticator, *door.mailboxes, door.connections},
        hasty);
    auto ends = net::connected_pair(door.loops[0].executor());
    ASSERT_TRUE(ends);
    door.group.spawn(door.loops[0], "session", server.serve(std::move(ends->second)));
    Talker talker(door.loops[0], std::move(ends->first));
    talker.send("USER alice@north.test\r\nPASS secret\r\nDELE 1\r\n");
    talker.play("S: +OK*\nS: +OK*\nS: +OK*\nS: +OK*\nS: (closed)\n");
    talker.hang_up();
    door.group.wait();
    EXPECT_EQ(door.run(door.count()), 1u) << "RFC 1939 section 3: no UPDATE state after the autologout";
}

TEST(Pop3Session, PasswordsAreNotRecorded)
{
    TestDoor door;
    door.file(std::string(hello));
    {
        Talker talker = door.talker();
        talker.play("S: +OK*\nC: AUTH PLAIN\nS: +*\nC: AGFsaWNlQG5vcnRoLnRlc3QAc2VjcmV0\nS: +OK*\nC: RETR 1\nS: +OK*\n"
                    "S: Subject: hello\nS:\nS: Hello\nS: .\nC: QUIT\nS: +OK goodbye\nS: (closed)\n");
    }
    door.group.wait();
    EXPECT_EQ(door.script.text(),
              "S: +OK north.test POP3 Posthouse\nC: AUTH PLAIN\nS: + \nC: [SASL response]\n"
              "S: +OK 1 messages, 25 octets\nC: RETR 1\nS: +OK 25 octets\nS: [25 octets of message]\n"
              "C: QUIT\nS: +OK goodbye\n");
}

TEST(Pop3Session, WithoutTlsNoPasswords)
{
    TestDoor door(true, false);
    Talker talker = door.talker();
    talker.play(R"(S: +OK*
        C: USER alice@north.test
        S: -ERR [AUTH] say STLS before you send a password
        C: AUTH PLAIN
        S: -ERR [AUTH] say STLS before you send a password
        C: STLS
        S: +OK begin TLS)");
    ASSERT_TRUE(talker.run(shake_hands(talker.wire(), *door.client_tls)));
    talker.play(R"(C: STLS
        S: -ERR TLS is not to be had here, or is up already
        C: USER alice@north.test
        S: +OK*
        C: PASS secret
        S: +OK 0 messages, 0 octets
        C: QUIT
        S: +OK goodbye
        S: (closed))");
}

// HOSTILE A3.
TEST(Pop3Session, CommandsBehindStlsCloseTheSession)
{
    TestDoor door(true, true);
    Talker talker = door.talker();
    talker.play("S: +OK*\n");
    talker.send("STLS\r\nUSER alice@north.test\r\n");
    EXPECT_EQ(talker.line(), "(closed)") << "not even the +OK";
}

TEST(Pop3Session, TheClientLogsInByWhatIsTold)
{
    TestDoor door(true, false);
    door.file(std::string(hello));
    std::string shown;
    Client client(door.connect(), door.clock, [&](Speaker who, std::string_view line) {
        shown += (who == Speaker::client ? "C: " : "S: ") + std::string(line) + '\n';
    });
    ASSERT_TRUE(door.run(client.greeting()));
    EXPECT_TRUE(door.run(client.capabilities())->stls);
    ASSERT_TRUE(door.run(client.start_tls(*door.client_tls, "north.test")));
    const auto wrong = door.run(client.log_in("alice@north.test", "guess", door.random, ClearPasswords::no));
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error(), ErrorCode::not_permitted);
    const auto in = door.run(client.log_in("alice@north.test", "secret", door.random, ClearPasswords::no));
    ASSERT_TRUE(in) << in.error().text;
    EXPECT_NE(shown.find("C: AUTH PLAIN [response]\n"), std::string::npos) << "listed, and inside TLS: " << shown;
    EXPECT_EQ(door.run(client.totals())->messages, 1u);
    EXPECT_EQ(door.run(client.list())->at(0).size, 25u);
    EXPECT_EQ(door.run(client.unique_ids())->at(0).number, 1u);
    EXPECT_EQ(door.run(client.retrieve(1, 1000)).value(), hello);
    EXPECT_EQ(door.run(client.retrieve(7, 1000)).error().code, ErrorCode::not_found);
    ASSERT_TRUE(door.run(client.remove(1)));
    ASSERT_TRUE(door.run(client.reset()));
    ASSERT_TRUE(door.run(client.remove(1)));
    ASSERT_TRUE(door.run(client.quit()));
    EXPECT_EQ(door.run(door.count()), 0u);
    EXPECT_EQ(shown.find("secret"), std::string::npos);
}

TEST(Pop3Session, ScramWorksThoughItIsNotListed)
{
    for (const char* mechanism : {"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"}) {
        TestDoor door(true, false);
        Client client(door.connect(), door.clock);
        ASSERT_TRUE(door.run(client.greeting()));
        ASSERT_TRUE(door.run(client.start_tls(*door.client_tls, "north.test")));
        EXPECT_EQ(door.run(client.capabilities())->mechanisms, (std::vector<std::string>{"PLAIN", "LOGIN"}));
        const auto wrong = door.run(client.log_in_by(mechanism, "alice@north.test", "guess", door.random));
        ASSERT_FALSE(wrong);
        EXPECT_EQ(wrong.error(), ErrorCode::not_permitted);
        const auto in = door.run(client.log_in_by(mechanism, "alice@north.test", "secret", door.random));
        EXPECT_TRUE(in) << in.error().text;
        EXPECT_TRUE(door.run(client.quit()));
    }
}

TEST(Pop3Session, WithoutTlsTheClientSendsNoPassword)
{
    TestDoor door(false, true);
    Client client(door.connect(), door.clock);
    ASSERT_TRUE(door.run(client.greeting()));
    const auto refused = door.run(client.log_in("alice@north.test", "secret", door.random, ClearPasswords::no));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().text, "the server wants a password in the clear");
    EXPECT_TRUE(door.run(client.log_in_by("SCRAM-SHA-256", "alice@north.test", "secret", door.random)))
        << "SCRAM sends none";
    EXPECT_TRUE(door.run(client.quit()));
}

}  // namespace
}  // namespace posthouse::pop3

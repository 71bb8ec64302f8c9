#include "smtp/client.h"

#include "smtp/test_door.h"
#include "smtp/test_script.h"

namespace posthouse::smtp {
namespace {

struct ClientTest : testing::Test {
    net::Folder folder;
    net::TlsContext::Files files = net::self_signed(folder, "north", {"north.test"});
    std::unique_ptr<net::TlsContext> tls = std::move(*net::TlsContext::server({files}));
    std::unique_ptr<net::TlsContext> roots =
        std::move(*net::TlsContext::client(net::TlsContext::Verify::yes, files.certificate));
    TestHouse house;
    Server server{house.services(house.door, tls.get()), TestHouse::hasty()};
    std::string shown;
    Loops loops{1};

    // Runs `part` as the client of a session with the server.
    void with_client(std::function<Task<void>(Client&)> part)
    {
        TaskGroup group([](std::string_view, std::string_view what) { ADD_FAILURE() << what; });
        net::run(loops[0], hold(server, group, house.clock, shown, std::move(part)));
        group.wait();
    }
    static Task<int> hold(Server& server, TaskGroup& group, const Clock& clock, std::string& shown,
                          std::function<Task<void>(Client&)> part)
    {
        const LoopExecutor executor = co_await asio::this_coro::executor;
        auto ends = net::connected_pair(executor);
        group.spawn_here(executor, "session", server.serve(std::move(ends->first)));
        Client client(std::move(ends->second), clock, [&shown](Speaker speaker, std::string_view line) {
            shown += (speaker == Speaker::client ? "C: " : "S: ") + std::string(line) + "\n";
        });
        co_await part(client);
        co_return 0;
    }
    // Runs `part` against a server that says what the script says: C: is what it expects.
    void with_script(std::string script, std::function<Task<void>(Client&)> part)
    {
        const std::string fault = net::run(loops[0], against(std::move(script), house.clock, shown, std::move(part)));
        EXPECT_EQ(fault, "");
    }
    static Task<std::string> against(std::string script, const Clock& clock, std::string& shown,
                                     std::function<Task<void>(Client&)> part)
    {
        const LoopExecutor executor = co_await asio::this_coro::executor;
        auto ends = net::connected_pair(executor);
        // play() with the roles changed: what it sends is the server's, what it expects the client's.
        const auto fault = std::make_shared<std::string>("the script has not ended");
        asio::co_spawn(executor, play(std::move(ends->first), turns_of(script)),
                       [fault](std::exception_ptr, std::string outcome) { *fault = std::move(outcome); });
        Client client(std::move(ends->second), clock, [&shown](Speaker speaker, std::string_view line) {
            shown += (speaker == Speaker::client ? "C: " : "S: ") + std::string(line) + "\n";
        });
        co_await part(client);
        client.wire().close();
        while (*fault == "the script has not ended")
            co_await sleep_for(1ms);
        co_return *fault;
    }
};

Envelope envelope_of(std::vector<std::string> recipients)
{
    Envelope envelope;
    envelope.reverse_path = {"alice", "north.test"};
    for (std::string& name : recipients)
        envelope.recipients.push_back({{std::move(name), "north.test"}});
    return envelope;
}

Task<void> send_one(Client& client, std::string text, std::vector<std::string> recipients, Sent& sent)
{
    const Result<Reply> greeting = co_await client.greeting();
    EXPECT_EQ(greeting->code, 220);
    const Result<Reply> hello = co_await client.hello("client.test");
    EXPECT_EQ(hello->code, 250);
    TextSource source(std::move(text));
    Result<Sent> outcome = co_await client.send(envelope_of(std::move(recipients)), source);
    EXPECT_TRUE(outcome) << outcome.error().text;
    sent = outcome.value_or(Sent{});
    co_await client.quit();
}

TEST_F(ClientTest, SendsAMail)
{
    Sent sent;
    with_client(
        [&](Client& client) { return send_one(client, "Subject: x\r\n\r\n.dot\r\n", {"bob", "nobody"}, sent); });
    EXPECT_TRUE(sent.accepted());
    ASSERT_EQ(sent.recipients.size(), 2u);
    EXPECT_EQ(sent.recipients[0].code, 250);
    EXPECT_EQ(sent.recipients[1], (Reply{550, "5.1.1", "no such user"}));
    ASSERT_EQ(house.door.intake.kept.size(), 1u);
    EXPECT_EQ(house.door.intake.kept[0].content, "Subject: x\r\n\r\n.dot\r\n");
    EXPECT_NE(shown.find("C: [20 bytes of message]\nC: .\nS: 250 2.0.0 queued as"), std::string::npos) << shown;
}

TEST_F(ClientTest, NobodyLeftThough354)
{
    Sent sent;
    with_client([&](Client& client) { return send_one(client, "x\r\n", {"nobody"}, sent); });
    EXPECT_FALSE(sent.accepted());
    EXPECT_EQ(sent.recipients[0].code, 550);
    EXPECT_TRUE(house.door.intake.kept.empty());
}

Task<void> log_in(Client& client, const net::TlsContext& roots, std::string password, Reply& outcome)
{
    co_await client.greeting();
    co_await client.hello("client.test");
    EXPECT_TRUE(client.capabilities().starttls);
    const Result<Reply> begun = co_await client.start_tls(roots, "north.test");
    EXPECT_TRUE(begun) << begun.error().text;
    EXPECT_TRUE(client.capabilities().lines.empty());
    const Result<Reply> hello = co_await client.hello("client.test");
    EXPECT_TRUE(hello);
    EXPECT_FALSE(client.capabilities().starttls);
    SeededRandom random(3);
    auto sasl = choose_sasl_client(client.capabilities().mechanisms, {"alice", password, ClearPasswords::yes}, random);
    Result<Reply> reply = co_await client.login(std::move(*sasl));
    EXPECT_TRUE(reply) << reply.error().text;
    outcome = reply.value_or(Reply{});
    co_await client.quit();
}

TEST_F(ClientTest, TlsAndLogin)
{
    house.door.with_login = true;
    Reply outcome;
    with_client([&](Client& client) { return log_in(client, *roots, "posthouse", outcome); });
    EXPECT_EQ(outcome.code, 235);
    with_client([&](Client& client) { return log_in(client, *roots, "wrong", outcome); });
    EXPECT_EQ(outcome.code, 535);
    EXPECT_EQ(shown.find(base64_encode(std::string_view("\0alice\0posthouse", 16))), std::string::npos);
    EXPECT_NE(shown.find("C: AUTH PLAIN [SASL response]\n"), std::string::npos);
    EXPECT_EQ(house.recorder.steps[1].substr(0, 7), "tls TLS");
}

// HOSTILE A3: what came before the handshake is not read as if TLS had protected it.
TEST_F(ClientTest, ServerClosesOnCommandsBehindStartTls)
{
    expect_conversation(server, R"(
        S: 220
        C: HELO x
        S: 250
        R: STARTTLS\r\nNOOP\r\n
        S: 421 4.7.0
        X
    )");
}

Task<void> start_tls_only(Client& client, const net::TlsContext& roots, Result<Reply>& outcome)
{
    co_await client.greeting();
    outcome = co_await client.start_tls(roots, "north.test");
}

TEST_F(ClientTest, ClientRefusesRepliesBeforeTheHandshake)
{
    Result<Reply> outcome;
    with_script("R: 220 x\\r\\n\nS: STARTTLS\nR: 220 go\\r\\n250 injected\\r\\n\nW\nX",
                [&](Client& client) { return start_tls_only(client, *roots, outcome); });
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, ErrorCode::tls);
}

// Without PIPELINING: by turns; nobody left: RSET instead of DATA.
TEST_F(ClientTest, ByTurns)
{
    Sent sent;
    with_script(R"(
        C: 220 old.test
        S: EHLO client.test
        C: 500 what
        S: HELO client.test
        C: 250 old.test
        S: MAIL FROM:<alice@north.test>
        C: 250 ok
        S: RCPT TO:<bob@north.test>
        C: 450 4.2.0 later
        S: RSET
        C: 250 ok
        S: QUIT
        C: 221 bye
    )",
                [&](Client& client) { return send_one(client, "x\r\n", {"bob"}, sent); });
    EXPECT_EQ(sent.recipients[0].code, 450);
    EXPECT_FALSE(sent.accepted());
}

Task<void> greet_only(Client& client, Result<Reply>& outcome) { outcome = co_await client.greeting(); }

TEST_F(ClientTest, HostileReplies)
{
    const std::pair<std::string, ErrorCode> rows[] = {
        {"R: hello\\r\\n", ErrorCode::malformed}, {"R: 220-a\\r\\n250 b\\r\\n", ErrorCode::malformed},
        {"R: 220 a\\n", ErrorCode::malformed},    {"R: 220 " + std::string(5000, 'x'), ErrorCode::malformed},
        {"R: 220-", ErrorCode::closed},
    };
    for (const auto& [script, expected] : rows) {
        Result<Reply> outcome;
        with_script(script + "\nW\n", [&](Client& client) { return greet_only(client, outcome); });
        ASSERT_FALSE(outcome) << script;
        EXPECT_EQ(outcome.error().code, expected) << script << ": " << outcome.error().text;
    }
    std::string endless;
    for (int i = 0; i < 300; ++i)
        endless += "R: 220-line\\r\\n\n";
    Result<Reply> outcome;
    with_script(endless + "W\n", [&](Client& client) { return greet_only(client, outcome); });
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, ErrorCode::too_large);
}

TEST(Capabilities, AreReadFromTheReply)
{
    const Capabilities found = capabilities_of(
        {250, "", "north.test\nSIZE 1000\npipelining\nAUTH PLAIN LOGIN\nLIMITS RCPTMAX=20 MAILMAX=5\nSMTPUTF8\nXODD"});
    EXPECT_EQ(found.most_bytes, 1000u);
    EXPECT_TRUE(found.pipelining && found.smtputf8 && !found.eight_bit);
    EXPECT_EQ(found.mechanisms, (std::vector<std::string>{"PLAIN", "LOGIN"}));
    EXPECT_EQ(found.most_recipients, 20u);
}

}  // namespace
}  // namespace posthouse::smtp

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
    ClientPatience patience;
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
        const std::string fault =
            net::run(loops[0], against(std::move(script), house.clock, shown, patience, std::move(part)));
        EXPECT_EQ(fault, "");
    }
    static Task<std::string> against(std::string script, const Clock& clock, std::string& shown,
                                     ClientPatience patience, std::function<Task<void>(Client&)> part)
    {
        const LoopExecutor executor = co_await asio::this_coro::executor;
        auto ends = net::connected_pair(executor);
        // play() with the roles changed: what it sends is the server's, what it expects the client's.
        const auto fault = std::make_shared<std::string>("the script has not ended");
        asio::co_spawn(executor, play(std::move(ends->first), turns_of(script)),
                       [fault](std::exception_ptr, std::string outcome) { *fault = std::move(outcome); });
        Client client(
            std::move(ends->second), clock,
            [&shown](Speaker speaker, std::string_view line) {
                shown += (speaker == Speaker::client ? "C: " : "S: ") + std::string(line) + "\n";
            },
            patience);
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
    sent = co_await client.send(envelope_of(std::move(recipients)), source);
    EXPECT_FALSE(sent.fault) << sent.fault->text;
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
    EXPECT_NE(shown.find("C: BDAT 20 LAST\nC: [20 bytes of message]\n"), std::string::npos) << shown;
}

// --- what goes over the wire, byte by byte ----------------------------------------------------

constexpr std::string_view by_data = R"(
    C: 220 x
    S: EHLO client.test
    C: 250-x
    C: 250 PIPELINING
    S: MAIL FROM:<alice@north.test>
    S: RCPT TO:<bob@north.test>
    S: DATA
)";
constexpr std::string_view by_chunks = R"(
    C: 220 x
    S: EHLO client.test
    C: 250-x
    C: 250-PIPELINING
    C: 250 CHUNKING
    S: MAIL FROM:<alice@north.test>
    S: RCPT TO:<bob@north.test>
)";
constexpr std::string_view goodbye = "S: QUIT\nC: 221 bye\nX\n";

std::string joined(std::initializer_list<std::string_view> parts)
{
    std::string out;
    for (const std::string_view part : parts)
        out.append(part).append("\n");
    return out;
}

TEST_F(ClientTest, DataIsStuffedAndEndsOnce)
{
    Sent sent;
    with_script(joined({by_data, "C: 250 ok\nC: 250 ok\nC: 354 go\nS: a\nS: ..\nS: ..b\nS: .",
                        "C: 250 2.0.0 queued as ABC", goodbye}),
                [&](Client& client) { return send_one(client, "a\r\n.\r\n.b\r\n", {"bob"}, sent); });
    EXPECT_EQ(sent.message, (Reply{250, "2.0.0", "queued as ABC"}));
    EXPECT_NE(shown.find("C: [10 bytes of message]\nC: .\nS: 250 2.0.0 queued as ABC"), std::string::npos) << shown;
}

// HOSTILE A2: whatever is stored, a server that takes bare CR or LF for line ends sees the same end.
TEST_F(ClientTest, StoredBareLineEndsCannotEndTheData)
{
    const std::pair<std::string, std::string> rows[] = {
        {"a\n.\nQUIT\n", "S: a\nS: ..\nS: QUIT\nS: ."},         {"a\r.\rQUIT\r", "S: a\nS: ..\nS: QUIT\nS: ."},
        {"a\r\n.\rQUIT", "S: a\nS: ..\nS: QUIT\nS: ."},         {"a\n\n.\r\nQUIT", "S: a\nS:\nS: ..\nS: QUIT\nS: ."},
        {"a\r\r\n.\r\nQUIT", "S: a\nS:\nS: ..\nS: QUIT\nS: ."}, {".", "S: ..\nS: ."},
    };
    for (const auto& [body, lines] : rows) {
        Sent sent;
        with_script(joined({by_data, "C: 250 ok\nC: 250 ok\nC: 354 go", lines, "C: 250 ok", goodbye}),
                    [&](Client& client) { return send_one(client, body, {"bob"}, sent); });
        EXPECT_TRUE(sent.accepted()) << body;
    }
}

TEST_F(ClientTest, ChunksCarryDotsAndPutLineEndsRight)
{
    Sent sent;
    with_script(
        joined({by_chunks, "S: BDAT 12 LAST\nS: a\nS: .\nS: b\nS: c", "C: 250 ok\nC: 250 ok\nC: 250 ok", goodbye}),
        [&](Client& client) { return send_one(client, "a\r\n.\nb\rc", {"bob"}, sent); });
    EXPECT_TRUE(sent.accepted());
}

Task<void> send_two(Client& client, std::string text, std::vector<std::string> first, Sent& one, Sent& two)
{
    co_await client.greeting();
    co_await client.hello("client.test");
    TextSource source(text);
    one = co_await client.send(envelope_of(std::move(first)), source);
    TextSource again(text);
    two = co_await client.send(envelope_of({"carol"}), again);
    co_await client.quit();
}

// A transaction in which nobody was taken is still open: RSET goes with the next, in one write.
TEST_F(ClientTest, ReusesTheConnectionAndResetsFirst)
{
    Sent one;
    Sent two;
    with_script(joined({by_chunks, "S: BDAT 3 LAST\nS: x", "C: 250 ok\nC: 550 5.1.1 no\nC: 503 5.5.1 nobody",
                        "S: RSET\nS: MAIL FROM\nS: RCPT TO:<carol@north.test>\nS: BDAT 3 LAST\nS: x",
                        "C: 250 reset\nC: 250 ok\nC: 250 ok\nC: 250 ok", goodbye}),
                [&](Client& client) { return send_two(client, "x\r\n", {"bob"}, one, two); });
    EXPECT_EQ(one.recipients[0].enhanced, "5.1.1");
    EXPECT_EQ(one.message.code, 0) << "the 503 is no answer to a message";
    EXPECT_TRUE(two.accepted());

    with_script(
        joined({by_data, "C: 550 5.7.1 not you\nC: 503 no\nC: 503 no",
                "S: MAIL FROM\nS: RCPT TO:<carol@north.test>\nS: DATA\nC: 250 ok\nC: 250 ok\nC: 354 go\nS: x\nS: .",
                "C: 250 ok", goodbye}),
        [&](Client& client) { return send_two(client, "x\r\n", {"bob"}, one, two); });
    EXPECT_EQ(one.sender.code, 550);
    EXPECT_TRUE(two.accepted());
}

class PiecesSource final : public MessageSource {
public:
    PiecesSource(std::size_t pieces, std::string piece) : left_(pieces), piece_(std::move(piece)) { }
    Task<Result<std::string>> next() override { co_return left_-- > 0 ? piece_ : std::string(); }

private:
    std::int64_t left_;
    std::string piece_;
};

Task<void> send_pieces(Client& client, std::size_t pieces, std::string piece, Sent& sent)
{
    co_await client.greeting();
    co_await client.hello("client.test");
    PiecesSource source(pieces, std::move(piece));
    sent = co_await client.send(envelope_of({"bob", "nobody"}), source);
    co_await client.quit();
}

// A message of many pieces goes in chunks behind the answers, each answered in its turn.
TEST_F(ClientTest, LargeMessages)
{
    const std::string piece = std::string(998, 'x') + "\r\n";
    std::string whole;
    for (int i = 0; i < 1000; ++i)
        whole += piece;
    Sent sent;
    with_client([&](Client& client) { return send_pieces(client, 1000, piece, sent); });
    EXPECT_TRUE(sent.accepted()) << sent.message.line();
    ASSERT_EQ(house.door.intake.kept.size(), 1u);
    EXPECT_TRUE(house.door.intake.kept[0].content == whole);
    EXPECT_EQ(house.door.intake.kept[0].envelope.recipients.size(), 1u);
}

TEST_F(ClientTest, AChunkThatIsRefusedEndsTheMessage)
{
    house.door.intake.on_append = fail(ErrorCode::no_space);
    Sent sent;
    with_client([&](Client& client) { return send_pieces(client, 40, std::string(65'534, 'x') + "\r\n", sent); });
    EXPECT_EQ(sent.message.codes(), "452 4.3.1");
    EXPECT_TRUE(house.door.intake.kept.empty());
}

// --- peers that break off ---------------------------------------------------------------------

struct BrokenOff {
    std::string_view script;
    std::string_view why;
    int sender = 0;
    std::size_t recipients = 0;
    int message = 0;
    bool in_doubt = false;
};

Task<void> send_and_leave(Client& client, Sent& sent)
{
    co_await client.greeting();
    co_await client.hello("client.test");
    TextSource source("x\r\n");
    sent = co_await client.send(envelope_of({"bob"}), source);
    EXPECT_FALSE(client.is_usable());
}

TEST_F(ClientTest, WhatWasSaidBeforeTheEndCounts)
{
    const BrokenOff rows[] = {
        {"C: 421 4.3.2 closing", "at MAIL, with a reason", 421},
        {"W", "without a word, before DATA"},
        {"C: 250 ok\nC: 250 ok\nC: 354 go\nS: x\nS: .", "after the dot", 250, 1, 0, true},
        {"C: 250 ok\nC: 250 ok\nC: 354 go\nS: x\nS: .\nR: 250 2.0.0 que", "within the answer", 250, 1, 0, true},
        {"C: 250 ok\nC: 250 ok\nC: 354 go\nS: x\nS: .\nC: hello", "garbage for an answer", 250, 1, 0, true},
        {"C: 250 ok\nC: 421 4.7.0 enough", "at RCPT", 250, 1},
    };
    for (const BrokenOff& row : rows) {
        Sent sent;
        with_script(joined({by_data, row.script}), [&](Client& client) { return send_and_leave(client, sent); });
        EXPECT_TRUE(sent.fault) << row.why;
        EXPECT_EQ(sent.sender.code, row.sender) << row.why;
        EXPECT_EQ(sent.recipients.size(), row.recipients) << row.why;
        EXPECT_EQ(sent.message.code, row.message) << row.why;
        EXPECT_EQ(sent.in_doubt, row.in_doubt) << row.why;
    }
    const BrokenOff at_once[] = {
        {"S: BDAT 3 LAST\nS: x", "everything had gone out", 0, 0, 0, true},
        {"S: BDAT 3 LAST\nS: x\nC: 550 5.7.1 no", "MAIL was refused: nobody has it", 550},
        {"S: BDAT 3 LAST\nS: x\nC: 250 ok\nC: 550 5.1.1 no", "nobody was taken", 250, 1},
        {"S: BDAT 3 LAST\nS: x\nC: 250 ok\nC: 250 ok", "the last answer is missing", 250, 1, 0, true},
    };
    for (const BrokenOff& row : at_once) {
        Sent sent;
        with_script(joined({by_chunks, row.script}), [&](Client& client) { return send_and_leave(client, sent); });
        EXPECT_TRUE(sent.fault) << row.why;
        EXPECT_EQ(sent.sender.code, row.sender) << row.why;
        EXPECT_EQ(sent.recipients.size(), row.recipients) << row.why;
        EXPECT_EQ(sent.in_doubt, row.in_doubt) << row.why;
    }
}

class FailingSource final : public MessageSource {
public:
    Task<Result<std::string>> next() override
    {
        if (std::exchange(begun_, true))
            co_return fail(ErrorCode::corrupt, "a checksum");
        co_return std::string(100'000, 'x');
    }

private:
    bool begun_ = false;
};

Task<void> send_what_cannot_be_read(Client& client, Sent& sent)
{
    co_await client.greeting();
    co_await client.hello("client.test");
    FailingSource source;
    sent = co_await client.send(envelope_of({"bob"}), source);
}

TEST_F(ClientTest, HalfAMessageIsNeverEnded)
{
    Sent sent;
    with_client([&](Client& client) { return send_what_cannot_be_read(client, sent); });
    ASSERT_TRUE(sent.fault);
    EXPECT_EQ(sent.fault->code, ErrorCode::corrupt);
    EXPECT_TRUE(sent.unreadable);
    EXPECT_FALSE(sent.in_doubt);
    EXPECT_TRUE(house.door.intake.kept.empty());
}

// --- peers that hang: each wait has its end -----------------------------------------------------

Task<void> wait_for_it(Client& client, Sent& sent, Result<Reply>& greeted)
{
    greeted = co_await client.greeting();
    if (!greeted)
        co_return;
    co_await client.hello("client.test");
    TextSource source("x\r\n");
    sent = co_await client.send(envelope_of({"bob"}), source);
}

TEST_F(ClientTest, AHangingPeerCostsItsPatienceAndNoMore)
{
    patience = {
        .greeting = 30ms, .command = 30ms, .data_start = 30ms, .data_block = 30ms, .data_end = 30ms, .quit = 30ms};
    const std::pair<std::string, bool> rows[] = {
        {"", false},
        {joined({by_data}), false},
        {joined({by_data, "C: 250 ok\nC: 250 ok"}), false},
        {joined({by_data, "C: 250 ok\nC: 250 ok\nC: 354 go\nS: x\nS: ."}), true},
    };
    for (const auto& [script, in_doubt] : rows) {
        Sent sent;
        Result<Reply> greeted;
        with_script(script + "\nX", [&](Client& client) { return wait_for_it(client, sent, greeted); });
        EXPECT_TRUE(greeted ? sent.fault && *sent.fault == ErrorCode::timeout : greeted.error() == ErrorCode::timeout)
            << script;
        EXPECT_EQ(sent.in_doubt, in_doubt) << script;
    }
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

// Without PIPELINING: by turns; nobody left: no DATA.
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

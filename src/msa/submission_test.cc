#include "msa/submission.h"

#include "directory/test_house.h"
#include "smtp/client.h"
#include "smtp/test_door.h"
#include "smtp/test_script.h"

#include <fmt/format.h>

namespace posthouse::msa {
namespace {

struct NoQuotas final : smtp::Quotas {
    Task<Result<void>> has_room(Id, std::uint64_t) override { co_return Result<void>{}; }
};

struct SubmissionTest : testing::Test {
    SubmissionTest()
    {
        people.north();
        people.alias("info@north.test", {"alice@north.test"});
    }
    // A session over TLS, logged in as alice by `mechanisms`; then `part`.
    void with_client(std::function<Task<void>(smtp::Client&)> part)
    {
        TaskGroup group([](std::string_view, std::string_view what) { ADD_FAILURE() << what; });
        net::run(loops[0], hold(*this, group, std::move(part)));
        group.wait();
    }
    static Task<int> hold(SubmissionTest& test, TaskGroup& group, std::function<Task<void>(smtp::Client&)> part)
    {
        const LoopExecutor executor = co_await asio::this_coro::executor;
        auto ends = net::connected_pair(executor);
        group.spawn_here(executor, "session",
                         (test.lonely ? test.lonely_server : test.server).serve(std::move(ends->first)));
        smtp::Client client(std::move(ends->second), test.house.clock);
        co_await client.greeting();
        const Result<smtp::Reply> begun = co_await client.start_tls(*test.roots, "north.test");
        EXPECT_TRUE(begun && begun->is_success()) << "STARTTLS before EHLO, as GNU SASL says it";
        co_await client.hello("client.test");
        co_await part(client);
        co_await client.quit();
        co_return 0;
    }
    static Task<void> log_in(smtp::Client& client, std::vector<std::string> mechanisms, std::string password,
                             std::string& outcome)
    {
        SeededRandom random(1);
        std::string binding = client.wire().channel_binding(net::ChannelBinding::tls_exporter);
        auto sasl = smtp::choose_sasl_client(
            mechanisms, {"alice@north.test", password, smtp::ClearPasswords::yes, std::move(binding)}, random);
        const Result<smtp::Reply> reply = co_await client.login(std::move(*sasl));
        outcome = reply ? reply->codes() : reply.error().text;
    }
    std::string login(std::vector<std::string> mechanisms, std::string password)
    {
        std::string outcome;
        with_client([&](smtp::Client& client) { return log_in(client, mechanisms, password, outcome); });
        return outcome;
    }
    // Logs in and says lines; the replies' codes, each on a line.
    static Task<void> say(smtp::Client& client, std::vector<std::string> lines, std::string& codes)
    {
        std::string outcome;
        co_await log_in(client, {"PLAIN"}, "secret", outcome);
        EXPECT_EQ(outcome, "235 2.7.0");
        for (const std::string& line : lines) {
            const Result<smtp::Reply> reply = co_await client.command(line);
            codes += (reply ? reply->codes() : reply.error().text) + "\n";
        }
    }
    std::string said(std::vector<std::string> lines)
    {
        std::string codes;
        with_client([&](smtp::Client& client) { return say(client, lines, codes); });
        return codes;
    }
    static Task<void> submit(smtp::Client& client, std::string from, std::string text, smtp::Reply& outcome)
    {
        std::string login;
        co_await log_in(client, client.capabilities().mechanisms, "secret", login);
        EXPECT_EQ(login, "235 2.7.0");
        smtp::Envelope envelope;
        envelope.reverse_path = {std::move(from), "north.test"};
        envelope.recipients.push_back({{"bob", "north.test"}});
        smtp::TextSource source(std::move(text));
        const smtp::Sent sent = co_await client.send(std::move(envelope), source);
        EXPECT_FALSE(sent.fault) << sent.fault->text;
        outcome = sent.sender.is_success() ? sent.message : sent.sender;
    }
    smtp::Reply submitted(std::string text, std::string from = "alice")
    {
        smtp::Reply outcome;
        with_client([&](smtp::Client& client) { return submit(client, from, text, outcome); });
        return outcome;
    }

    net::Folder folder;
    net::TlsContext::Files files = net::self_signed(folder, "north", {"north.test"});
    std::unique_ptr<net::TlsContext> tls = std::move(*net::TlsContext::server({files}));
    std::unique_ptr<net::TlsContext> roots =
        std::move(*net::TlsContext::client(net::TlsContext::Verify::yes, files.certificate));
    directory::TestHouse people;
    smtp::TestHouse house;
    smtp::TestIntake intake;
    NoQuotas quotas;
    net::ConnectionTable connections{{}};
    Services services{people.directory(), people.authenticator(), *people.made.outgoing, intake,   quotas, connections,
                      house.clock,        house.random,           house.recorder,        house.log};
    Submission door{services, {.host_name = "north.test"}};
    Submission lonely_door{services, {.host_name = "north.test", .internet = false}};
    smtp::Server server{house.services(door, tls.get()), smtp::TestHouse::hasty()};
    smtp::Server lonely_server{house.services(lonely_door, tls.get()), smtp::TestHouse::hasty()};
    bool lonely = false;
    Loops loops{1};
};

TEST_F(SubmissionTest, InTheClear)
{
    smtp::expect_conversation(server, R"(
        S: 220 north.test ESMTP Posthouse
        C: HELO x
        S: 250
        C: MAIL FROM:<alice@north.test>
        S: 530 5.7.0 log in first: STARTTLS, then AUTH
        C: AUTH PLAIN AGFsaWNlAHBvc3Rob3VzZQ==
        S: 538 5.7.11
        C: AUTH LOGIN
        S: 538 5.7.11
        C: AUTH CRAM-MD5
        S: 504 5.5.4
        C: QUIT
        S: 221
        X
    )");
}

TEST_F(SubmissionTest, Logins)
{
    for (const char* mechanism : {"PLAIN", "LOGIN", "SCRAM-SHA-256-PLUS"}) {
        EXPECT_EQ(login({mechanism}, "secret"), "235 2.7.0") << mechanism;
        EXPECT_EQ(login({mechanism}, "wrong"), "535 5.7.8") << mechanism;
    }
    for (const std::string& line : house.recorder.lines)
        EXPECT_EQ(line.find("secret"), std::string::npos);
}

TEST_F(SubmissionTest, SendersAreTheAccountsOwn)
{
    EXPECT_EQ(said({"MAIL FROM:<bob@north.test>", "MAIL FROM:<alice@south.test>", "MAIL FROM:<nobody@north.test>",
                    "MAIL FROM:<info@north.test>", "RSET", "MAIL FROM:<alice+x@north.test>", "RSET", "MAIL FROM:<>",
                    "RCPT TO:<carol@south.test>", "RCPT TO:<nobody@north.test>", "RCPT TO:<postmaster>"}),
              "550 5.7.1\n550 5.7.1\n550 5.7.1\n250 2.1.0\n250 2.0.0\n250 2.1.0\n250 2.0.0\n250 2.1.0\n"
              "250 2.1.5\n550 5.1.1\n250 2.1.5\n");
}

TEST_F(SubmissionTest, AHouseWithoutInternetRefusesWhoLivesElsewhere)
{
    people.alias("away@north.test", {"carol@south.test"});
    lonely = true;
    EXPECT_EQ(said({"MAIL FROM:<alice@north.test>", "RCPT TO:<carol@south.test>", "RCPT TO:<away@north.test>",
                    "RCPT TO:<bob@north.test>"}),
              "250 2.1.0\n550 5.7.1\n550 5.7.1\n250 2.1.5\n");
    lonely = false;
    EXPECT_EQ(said({"MAIL FROM:<alice@north.test>", "RCPT TO:<away@north.test>"}), "250 2.1.0\n250 2.1.5\n");
}

TEST_F(SubmissionTest, AnHourHasItsShareOfRecipientsElsewhere)
{
    EXPECT_TRUE(people.run(people.directory().set_outgoing("alice@north.test", 2)));
    const std::string two = "250 2.1.0\n250 2.1.5\n250 2.1.5\n450 4.7.1\n250 2.1.5\n";
    const std::vector<std::string> lines{"MAIL FROM:<alice@north.test>", "RCPT TO:<a@south.test>",
                                         "RCPT TO:<b@south.test>", "RCPT TO:<c@south.test>",
                                         "RCPT TO:<bob@north.test>"};
    EXPECT_EQ(said(lines), two);
    EXPECT_EQ(said(lines), two) << "what was not sent is given back";
    const Id alice = people.run(people.directory().account_by_address("alice@north.test"))->id;
    EXPECT_EQ(people.run(people.made.outgoing->use(alice))->used, 0u);
}

TEST_F(SubmissionTest, WhatAnAccountMayTakeBackIsHeldFirst)
{
    const std::string text = "From: alice@north.test\r\n\r\nbody\r\n";
    submitted(text);
    EXPECT_TRUE(people.run(people.directory().set_undo("alice@north.test", 30)));
    EXPECT_FALSE(people.run(people.directory().set_undo("alice@north.test", directory::longest_undo + 1)));
    const WallTime begun = house.clock.now();
    submitted(text);
    ASSERT_EQ(intake.kept.size(), 2u);
    EXPECT_FALSE(intake.kept[0].envelope.hold_until) << "off, unless somebody asks for it";
    ASSERT_TRUE(intake.kept[1].envelope.hold_until);
    EXPECT_GE(*intake.kept[1].envelope.hold_until, begun + 30s);
}

TEST_F(SubmissionTest, AHeldMessageIsTakenBack)
{
    const std::string id = id_text(0x1234567);
    EXPECT_EQ(said({"XCANCEL " + id, "xcancel 123", "XCANCEL"}), "250 2.0.0\n501 5.5.4\n501 5.5.4\n");
    ASSERT_EQ(intake.cancelled.size(), 1u);
    EXPECT_EQ(intake.cancelled[0].first, 0x1234567u);
    EXPECT_EQ(intake.cancelled[0].second, people.run(people.directory().account_by_address("alice@north.test"))->id);
    intake.on_cancel = fail(ErrorCode::not_found, "the test says so");
    EXPECT_EQ(said({"XCANCEL " + id, "MAIL FROM:<alice@north.test>", "XCANCEL " + id}),
              "550 5.7.0\n250 2.1.0\n503 5.5.1\n");
}

TEST_F(SubmissionTest, RepairsAndTraces)
{
    EXPECT_EQ(submitted("From: alice@north.test\r\nBcc: eve@north.test\r\nSubject: x\r\n\r\nbody\r\n").codes(),
              "250 2.0.0");
    ASSERT_EQ(intake.kept.size(), 1u);
    const std::string& content = intake.kept[0].content;
    EXPECT_TRUE(
        content.starts_with("Received: from client.test ([unix])\r\n\tby north.test (Posthouse) with ESMTPSA (TLS"))
        << content;
    EXPECT_NE(content.find("\r\nDate: "), std::string::npos);
    EXPECT_NE(content.find("\r\nMessage-ID: <"), std::string::npos);
    EXPECT_EQ(content.find("eve@"), std::string::npos);
    EXPECT_TRUE(content.ends_with("From: alice@north.test\r\nSubject: x\r\n\r\nbody\r\n"));
}

TEST_F(SubmissionTest, BodiesStreamBehindTheHeader)
{
    std::string body;
    for (int i = 0; i < 20'000; ++i)
        body += fmt::format(".line {} of a body that is longer than any buffer\r\n", i);
    EXPECT_EQ(submitted("From: info@north.test\r\n\r\n" + body).code, 250);
    ASSERT_EQ(intake.kept.size(), 1u);
    EXPECT_TRUE(intake.kept[0].content.ends_with("From: info@north.test\r\n\r\n" + body));
}

TEST_F(SubmissionTest, HeaderOnlyAndNothing)
{
    EXPECT_EQ(submitted("From: alice@north.test\r\nSubject: no body, no empty line\r\n").code, 250);
    EXPECT_EQ(submitted("").codes(), "550 5.6.0");
    EXPECT_EQ(submitted("\r\nno header\r\n").codes(), "550 5.6.0");
}

TEST_F(SubmissionTest, RefusalsNameTheFault)
{
    EXPECT_EQ(submitted("From: bob@north.test\r\n\r\nx\r\n"),
              (smtp::Reply{550, "5.7.1", "From: bob@north.test is no address of yours"}));
    EXPECT_EQ(submitted("From: alice@north.test, bob@north.test\r\nSender: alice@north.test\r\n\r\nx\r\n").codes(),
              "550 5.7.1");
    EXPECT_EQ(submitted("From: alice@north.test\r\nTo: bob\r\n\r\nx\r\n").codes(), "550 5.6.0");
    EXPECT_EQ(submitted("Subject: x\r\n\r\nx\r\n").text, "From: the field is missing");
    EXPECT_EQ(submitted("From: alice@north.test\r\n\r\nx\r\n", "bob").codes(), "550 5.7.1");
    EXPECT_EQ(submitted("From: alice@north.test\r\nX: " + std::string(1'100'000, 'x') + "\r\n\r\nx\r\n").codes(),
              "552 5.3.4");
    EXPECT_TRUE(intake.kept.empty());
}

TEST_F(SubmissionTest, ConnectionsOfAnAccountHaveALimit)
{
    std::vector<net::ConnectionTable::Ticket> others;
    const Id alice = people.run(people.directory().account_by_address("alice@north.test"))->id;
    for (int i = 0; i < 50; ++i)
        others.push_back(connections.admit_account(alice));
    EXPECT_EQ(login({"PLAIN"}, "secret"), "421 4.7.0");
    others.pop_back();
    EXPECT_EQ(login({"PLAIN"}, "secret"), "235 2.7.0");
}

}  // namespace
}  // namespace posthouse::msa

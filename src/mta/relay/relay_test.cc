#include "mta/relay/relay.h"

#include "lab/scripted_host.h"
#include "net/test_support.h"
#include "smtp/test_door.h"
#include "smtp/test_script.h"

#include <future>
#include <map>

namespace posthouse::mta::relay {
namespace {

using smtp::Fate;
using smtp::RecipientFate;
using smtp::TlsUse;
using Fates = std::vector<RecipientFate>;

// Knows what the test has told it.
struct FakeRouter final : smtp::Router {
    std::map<std::string, smtp::Route> routes;

    Task<std::string> destination_of(std::string domain) override { co_return domain; }
    Task<smtp::Route> route(std::string domain, Id) override
    {
        const auto found = routes.find(domain);
        if (found != routes.end())
            co_return found->second;
        co_return smtp::Route{.kind = smtp::RouteKind::failed, .status = "5.1.2", .reason = "no such domain"};
    }
};

// What was told, as text.
class Told final : public Recorder {
public:
    void line(const DialogueLine& line) override
    {
        const std::scoped_lock lock(mutex_);
        lines_ += (line.speaker == Speaker::client ? "C: " : "S: ") + std::string(line.text) + "\n";
        if (!line.recipient.empty())
            lines_ += "(of " + std::string(line.recipient) + ")\n";
    }
    void step(const Step& step) override
    {
        const std::scoped_lock lock(mutex_);
        steps_ += std::string(step.step) + " " + std::string(step.result) + "\n";
    }
    std::string text() const
    {
        const std::scoped_lock lock(mutex_);
        return lines_;
    }
    bool has_step(std::string_view step) const
    {
        const std::scoped_lock lock(mutex_);
        return ("\n" + steps_).contains("\n" + std::string(step));
    }

private:
    mutable std::mutex mutex_;
    std::string lines_;
    std::string steps_;
};

// Plays the server's half of a conversation (smtp/test_script.h with the roles changed).
Task<void> smtp_script(net::Wire wire, std::string script, std::promise<std::string>* outcome = nullptr)
{
    std::string fault = co_await smtp::play(std::move(wire), smtp::turns_of(script));
    if (outcome)
        outcome->set_value(fault);
    else
        EXPECT_EQ(fault, "");
}

struct RelayTest : testing::Test {
    Loops loops{2};
    SystemClock clock;
    SeededRandom random{1};
    IdSource ids{clock, random};
    Told recorder;
    NoLog log;
    net::ConnectionTable table{{}};
    TaskGroup tasks{[](std::string_view, std::string_view what) { ADD_FAILURE() << what; }};
    net::Folder folder;
    net::TlsContext::Files files = net::self_signed(folder, "south", {"mx.south.test"});
    std::unique_ptr<net::TlsContext> server_tls = std::move(*net::TlsContext::server({files}));
    std::unique_ptr<net::TlsContext> any =
        std::move(*net::TlsContext::client(net::TlsContext::Verify::no, files.certificate));
    std::unique_ptr<net::TlsContext> good =
        std::move(*net::TlsContext::client(net::TlsContext::Verify::yes, files.certificate));
    FakeRouter router;
    Settings settings{.approach = {.host_name = "north.test", .connect = 5s}, .pool = {.idle = 30s, .grace = 100ms}};
    std::vector<std::unique_ptr<lab::ScriptedHost>> hosts;
    std::vector<std::unique_ptr<net::Listener>> listeners;
    struct Neighbour;
    std::vector<std::unique_ptr<Neighbour>> neighbours;
    std::unique_ptr<Relay> relay_;

    ~RelayTest() override
    {
        relay_.reset();
        for (const auto& host : hosts)
            host->stop();
        for (const auto& listener : listeners)
            listener->stop();
        tasks.wait();
    }

    Relay& relay()
    {
        if (!relay_)
            relay_ = std::make_unique<Relay>(Services{router, loops, clock, random, ids, recorder, log, *any, *good},
                                             settings);
        return *relay_;
    }
    lab::ScriptedHost& host(lab::HostScript script)
    {
        auto started = lab::ScriptedHost::start(std::move(script), {"127.0.0.1", 0}, {loops, table, log, tasks});
        EXPECT_TRUE(started);
        hosts.push_back(std::move(*started));
        return *hosts.back();
    }
    // A server of our own kind. Kept until every connection to it has ended.
    struct Neighbour {
        smtp::TestHouse house;
        std::unique_ptr<smtp::Server> server;
        std::uint16_t port = 0;
    };
    enum class Tls { no, yes };
    Neighbour& neighbour(Tls tls = Tls::no)
    {
        neighbours.push_back(std::make_unique<Neighbour>());
        Neighbour& made = *neighbours.back();
        made.server = std::make_unique<smtp::Server>(
            made.house.services(made.house.door, tls == Tls::yes ? server_tls.get() : nullptr),
            smtp::TestHouse::hasty());
        made.port = listen([&made](net::Wire wire) { return made.server->serve(std::move(wire)); });
        return made;
    }
    std::uint16_t listen(net::Serve serve)
    {
        auto bound = net::Listener::bind({.name = "peer", .address = "127.0.0.1"}, loops, table, log);
        EXPECT_TRUE(bound);
        listeners.push_back(std::move(*bound));
        listeners.back()->start(std::move(serve), tasks);
        return listeners.back()->port();
    }
    // Nobody listens there.
    std::uint16_t closed_port() { return 1; }

    smtp::RouteHost at(std::string name, std::uint16_t port)
    {
        return {.name = std::move(name), .port = port, .addresses = {"127.0.0.1"}};
    }
    void route(const std::string& domain, std::vector<smtp::RouteHost> to, TlsUse tls = TlsUse::opportunistic)
    {
        router.routes[domain] = {.kind = smtp::RouteKind::hosts, .domain = domain, .hosts = std::move(to), .tls = tls};
    }
    smtp::Shipment shipment(std::string domain, std::vector<std::string> names,
                            std::string text = "Subject: x\r\n\r\nhello\r\n")
    {
        smtp::Shipment out{.message = ids.next(), .domain = domain, .size = text.size()};
        out.envelope.reverse_path = {"alice", "north.test"};
        for (std::string& name : names)
            out.envelope.recipients.push_back({{std::move(name), domain}});
        out.eight_bit = !is_ascii(text);
        out.content = [text] { return std::make_unique<smtp::TextSource>(text); };
        return out;
    }
    std::future<Fates> begin(smtp::Shipment what)
    {
        return asio::co_spawn(loops[0].executor(), relay().carry(std::move(what)), asio::use_future);
    }
    Fates carry(smtp::Shipment what) { return begin(std::move(what)).get(); }
    RecipientFate carry_one(std::string domain, std::string text = "Subject: x\r\n\r\nhello\r\n")
    {
        return carry(shipment(std::move(domain), {"carol"}, std::move(text))).at(0);
    }
};

TEST_F(RelayTest, TenMessagesGoOverOneConnection)
{
    lab::ScriptedHost& south = host({.name = "mx.south.test"});
    route("south.test", {at("mx.south.test", south.port())});
    for (int i = 0; i < 10; ++i) {
        const RecipientFate fate = carry_one("south.test");
        EXPECT_EQ(fate.fate, Fate::relayed) << fate.reason;
        EXPECT_EQ(fate.remote_mta, "mx.south.test");
        EXPECT_EQ(fate.remote_address, fmt::format("127.0.0.1:{}", south.port()));
    }
    EXPECT_EQ(south.memory().connections(), 1u);
    EXPECT_EQ(south.memory().taken().size(), 10u);
    EXPECT_TRUE(recorder.text().contains("C: MAIL FROM:<alice@north.test>"));
    EXPECT_TRUE(recorder.text().contains("S: 250 2.0.0 taken"));
    EXPECT_FALSE(recorder.text().contains("hello")) << "content is never told";
}

TEST_F(RelayTest, ManyAtOnceShareTheConnectionsAHostMayHave)
{
    settings.pool.most_connections = 3;
    lab::ScriptedHost& south = host({.name = "mx.south.test"});
    route("south.test", {at("mx.south.test", south.port())});
    std::vector<std::future<Fates>> all;
    for (int i = 0; i < 50; ++i)
        all.push_back(begin(shipment("south.test", {"carol"})));
    for (auto& one : all)
        EXPECT_EQ(one.get().at(0).fate, Fate::relayed);
    EXPECT_LE(south.memory().connections(), 3u);
    EXPECT_EQ(south.memory().taken().size(), 50u);
}

TEST_F(RelayTest, EachRecipientHasAFateOfItsOwn)
{
    auto& [house, server, port] = neighbour();
    house.door.offer_.dsn = true;
    route("south.test", {at("mx.south.test", port)});
    smtp::Shipment what = shipment("south.test", {"carol", "nobody", "dave"});
    what.envelope.recipients[0].notify = 3;
    what.envelope.envelope_id = "QQ1";
    const Fates fates = carry(std::move(what));
    EXPECT_EQ(fates[0].fate, Fate::relayed) << fates[0].reason;
    EXPECT_TRUE(fates[0].peer_tells);
    EXPECT_EQ(fates[0].remote_id, id_text(house.door.intake.kept.at(0).message));
    EXPECT_EQ(fates[1].fate, Fate::failed);
    EXPECT_EQ(fates[1].status, "5.1.1");
    EXPECT_EQ(fates[2].fate, Fate::relayed);
    EXPECT_TRUE(recorder.text().contains("C: RCPT TO:<nobody@south.test>\n(of nobody@south.test)\n"))
        << recorder.text();
    EXPECT_TRUE(recorder.text().contains("S: 550 5.1.1 no such user\n(of nobody@south.test)\n")) << recorder.text();
    ASSERT_EQ(house.door.intake.kept.size(), 1u) << "one transaction";
    EXPECT_EQ(house.door.intake.kept[0].envelope.recipients.size(), 2u);
    EXPECT_EQ(house.door.intake.kept[0].envelope.recipients[0].notify, 3);
    EXPECT_EQ(house.door.intake.kept[0].envelope.envelope_id, "QQ1");
}

TEST_F(RelayTest, MoreRecipientsThanThePeerTakesAtOnce)
{
    auto& [house, server, port] = neighbour();
    house.door.offer_.most_recipients = 3;  // LIMITS RCPTMAX=3
    route("south.test", {at("mx.south.test", port)});
    for (const RecipientFate& fate : carry(shipment("south.test", {"a", "b", "c", "d", "e", "f", "g", "h"})))
        EXPECT_EQ(fate.fate, Fate::relayed) << fate.reason;
    EXPECT_EQ(house.door.intake.kept.size(), 3u);

    // Another says so only by 452.
    const std::uint16_t silent = listen([](net::Wire wire) -> Task<void> {
        return smtp_script(std::move(wire), R"(
            C: 220 x
            S: EHLO
            C: 250-x
            C: 250 PIPELINING
            S: MAIL
            S: RCPT TO:<a@
            S: RCPT TO:<b@
            S: RCPT TO:<c@
            S: DATA
            C: 250 ok
            C: 250 ok
            C: 452 4.5.3 too many
            C: 452 4.5.3 too many
            C: 354 go
            S: Subject
            S:
            S: hello
            S: .
            C: 250 ok
            S: MAIL
            S: RCPT TO:<b@
            S: DATA
            C: 250 ok
            C: 250 ok
            C: 354 go
            S: Subject
            S:
            S: hello
            S: .
            C: 250 ok
            S: MAIL
            S: RCPT TO:<c@
            S: DATA
            C: 250 ok
            C: 550 5.1.1 no
            C: 554 no
        )");
    });
    route("east.test", {at("mx.east.test", silent)});
    const Fates fates = carry(shipment("east.test", {"a", "b", "c"}));
    EXPECT_EQ(fates[0].fate, Fate::relayed) << fates[0].reason;
    EXPECT_EQ(fates[1].fate, Fate::relayed) << fates[1].reason;
    EXPECT_EQ(fates[2].status, "5.1.1") << fates[2].reason;
}

TEST_F(RelayTest, TheNextHostIsTried)
{
    lab::ScriptedHost& second = host({.name = "mx2.south.test"});
    route("south.test", {at("mx1.south.test", closed_port()), at("mx2.south.test", second.port())});
    const RecipientFate fate = carry_one("south.test");
    EXPECT_EQ(fate.fate, Fate::relayed) << fate.reason;
    EXPECT_EQ(fate.remote_mta, "mx2.south.test");
    EXPECT_TRUE(recorder.has_step("no connection 4.4.1"));

    // A host that says no for now does not keep the mail from the next; one that says no for good does.
    lab::ScriptedHost& busy = host({.name = "busy.test", .replies = {{"RCPT", "450 4.3.2 later"}}});
    route("busy.test", {at("busy.test", busy.port()), at("mx2.south.test", second.port())});
    EXPECT_EQ(carry_one("busy.test").remote_mta, "mx2.south.test");
    lab::ScriptedHost& strict = host({.name = "strict.test", .replies = {{"RCPT", "550 5.1.1 nobody"}}});
    route("strict.test", {at("strict.test", strict.port()), at("mx2.south.test", second.port())});
    const RecipientFate refused = carry_one("strict.test");
    EXPECT_EQ(refused.fate, Fate::failed);
    EXPECT_EQ(refused.remote_mta, "strict.test");
}

TEST_F(RelayTest, WhatNobodyAnswersIsTheHostsFault)
{
    smtp::RouteHost nowhere{.name = "mx.south.test", .port = 25, .note = "no address: NXDOMAIN"};
    route("south.test", {at("down.test", closed_port())});
    RecipientFate fate = carry_one("south.test");
    EXPECT_EQ(fate.fate, Fate::deferred);
    EXPECT_EQ(fate.status, "4.4.1");
    EXPECT_TRUE(fate.host_failed && !fate.in_doubt);
    EXPECT_TRUE(fate.reason.contains("Connection refused")) << fate.reason;
    route("south.test", {nowhere});
    fate = carry_one("south.test");
    EXPECT_EQ(fate.status, "4.4.4");
    EXPECT_TRUE(fate.reason.contains("NXDOMAIN")) << fate.reason;
    fate = carry_one("unknown.test");
    EXPECT_EQ(fate.fate, Fate::failed);
    EXPECT_EQ(fate.status, "5.1.2");
}

TEST_F(RelayTest, RefusalsOfEveryKind)
{
    struct Row {
        std::string_view place;
        std::string reply;
        Fate fate;
        std::string_view status;
        bool host_failed;
    };
    const Row rows[] = {
        {"CONNECT", "554 5.7.1 blocked", Fate::deferred, "4.4.0", true},
        {"CONNECT", "421 4.3.2 busy", Fate::deferred, "4.3.2", true},
        {"CONNECT", "521 no mail here", Fate::failed, "5.3.2", false},
        {"MAIL", "452 4.3.1 full", Fate::deferred, "4.3.1", true},
        {"MAIL", "550 5.7.1 not you", Fate::failed, "5.7.1", false},
        {"RCPT", "450 4.2.0 greylisted", Fate::deferred, "4.2.0", false},
        {"RCPT", "550-5.1.1 no such\n550 5.1.1 user", Fate::failed, "5.1.1", false},
        {"DATA", "451 4.7.1 later", Fate::deferred, "4.7.1", false},
        {".", "554 5.7.1 spam", Fate::failed, "5.7.1", false},
        {".", "451 4.3.0 disk", Fate::deferred, "4.3.0", true},
        {"EHLO", "502 what", Fate::relayed, "2.0.0", false},
    };
    for (const Row& row : rows) {
        lab::HostScript script{.name = "mx.south.test"};
        script.replies[std::string(row.place)] = row.reply;
        route("south.test", {at("mx.south.test", host(script).port())});
        const RecipientFate fate = carry_one("south.test");
        EXPECT_EQ(fate.fate, row.fate) << row.place << " " << row.reply << ": " << fate.reason;
        EXPECT_EQ(fate.status, row.status) << row.place << " " << row.reply << ": " << fate.reason;
        EXPECT_EQ(fate.host_failed, row.host_failed) << row.place << " " << row.reply;
    }
}

// HOSTILE F14 in small: whatever a peer does costs its patience, and nobody else's.
TEST_F(RelayTest, PeersThatHangOrBreakOffCostARetry)
{
    settings.approach.patience = {.greeting = 200ms,
                                  .command = 200ms,
                                  .data_start = 200ms,
                                  .data_block = 200ms,
                                  .data_end = 200ms,
                                  .handshake = 200ms,
                                  .quit = 50ms};
    settings.voyage.until_greeting = 300ms;
    const std::pair<lab::HostScript, bool> rows[] = {
        {{.name = "never greets", .hangs_at = "CONNECT"}, false},
        {{.name = "EHLO", .hangs_at = "EHLO"}, false},
        {{.name = "MAIL", .hangs_at = "MAIL"}, false},
        {{.name = "DATA", .hangs_at = "DATA"}, false},
        {{.name = "the dot", .hangs_at = "."}, true},
        {{.name = "byte a second", .pace = 1s}, false},
        {{.name = "closes", .closes_at = "CONNECT"}, false},
        {{.name = "closes at RCPT", .closes_at = "RCPT"}, false},
        {{.name = "closes at the dot", .closes_at = "."}, true},
        {{.name = "garbage", .replies = {{"MAIL", "hello there"}}}, false},
        {{.name = "endless", .replies = {{"CONNECT", "220-" + std::string(5000, 'x')}}}, false},
    };
    lab::ScriptedHost& fine = host({.name = "fine.test"});
    route("fine.test", {at("fine.test", fine.port())});
    std::vector<std::future<Fates>> dead;
    for (const auto& [script, in_doubt] : rows) {
        route(script.name, {at(script.name, host(script).port())});
        dead.push_back(begin(shipment(script.name, {"carol"})));
    }
    for (int i = 0; i < 20; ++i)
        EXPECT_EQ(carry_one("fine.test").fate, Fate::relayed);
    for (std::size_t i = 0; i < std::size(rows); ++i) {
        const RecipientFate fate = dead[i].get().at(0);
        EXPECT_EQ(fate.fate, Fate::deferred) << rows[i].first.name << ": " << fate.reason;
        EXPECT_TRUE(fate.host_failed) << rows[i].first.name << ": " << fate.reason;
        EXPECT_EQ(fate.in_doubt, rows[i].second) << rows[i].first.name << ": " << fate.reason;
        EXPECT_TRUE(fate.status.starts_with("4.4.") || fate.status == "4.5.0") << fate.status;
    }
}

TEST_F(RelayTest, NobodyInDoubtIsTriedElsewhere)
{
    settings.approach.patience.data_end = 100ms;
    lab::ScriptedHost& first = host({.name = "mx1.south.test", .hangs_at = "."});
    lab::ScriptedHost& second = host({.name = "mx2.south.test"});
    route("south.test", {at("mx1.south.test", first.port()), at("mx2.south.test", second.port())});
    EXPECT_TRUE(carry_one("south.test").in_doubt);
    EXPECT_EQ(second.memory().connections(), 0u);
}

TEST_F(RelayTest, AConnectionThatWentWhileIdleIsReplaced)
{
    std::atomic<int> served = 0;
    const std::uint16_t port = listen([&served](net::Wire wire) -> Task<void> {
        ++served;
        return smtp_script(std::move(wire), R"(
            C: 220 x
            S: EHLO
            C: 250-x
            C: 250 PIPELINING
            S: MAIL
            S: RCPT
            S: DATA
            C: 250 ok
            C: 250 ok
            C: 354 go
            S: Subject
            S:
            S: hello
            S: .
            C: 250 ok
        )");
    });
    route("south.test", {at("mx.south.test", port)});
    for (int i = 0; i < 5; ++i) {
        const RecipientFate fate = carry_one("south.test");
        EXPECT_EQ(fate.fate, Fate::relayed) << fate.reason;
    }
    EXPECT_EQ(served, 5);
}

TEST_F(RelayTest, IdleConnectionsSayQuit)
{
    settings.pool.idle = 20ms;
    std::promise<std::string> outcome;
    const std::uint16_t port = listen([&outcome](net::Wire wire) -> Task<void> {
        return smtp_script(std::move(wire), R"(
            C: 220 x
            S: EHLO
            C: 250 x
            S: MAIL
            C: 550 5.7.1 no
            S: QUIT
            C: 221 bye
            X
        )",
                           &outcome);
    });
    route("south.test", {at("mx.south.test", port)});
    EXPECT_EQ(carry_one("south.test").status, "5.7.1");
    EXPECT_EQ(outcome.get_future().get(), "");
}

// --- TLS --------------------------------------------------------------------------------------

TEST_F(RelayTest, TlsIsUsedWhereItIsOffered)
{
    const std::uint16_t port = neighbour(Tls::yes).port;
    route("south.test", {at("mx.south.test", port)});
    EXPECT_EQ(carry_one("south.test").fate, Fate::relayed);
    EXPECT_TRUE(recorder.has_step("tls TLSv1.3 TLS_"));
    // By another name nobody vouches for it: that is enough where nothing is required, and not where it is.
    route("other.test", {at("mx.other.test", port)});
    EXPECT_EQ(carry_one("other.test").fate, Fate::relayed);
    router.routes["other.test"].tls = TlsUse::required;
    router.routes["other.test"].verify_certificate = true;
    const RecipientFate fate = carry_one("other.test");
    EXPECT_EQ(fate.status, "4.7.5") << fate.reason;
    EXPECT_TRUE(fate.reason.contains("hostname mismatch")) << fate.reason;
    EXPECT_TRUE(fate.host_failed);
    router.routes["south.test"].tls = TlsUse::required;
    router.routes["south.test"].verify_certificate = true;
    EXPECT_EQ(carry_one("south.test").fate, Fate::relayed);
}

TEST_F(RelayTest, TlsThatFailsIsDoneWithoutAndRemembered)
{
    lab::ScriptedHost& south = host({.name = "badtls.test", .breaks_tls = true});
    route("badtls.test", {at("badtls.test", south.port())});
    const RecipientFate fate = carry_one("badtls.test");
    EXPECT_EQ(fate.fate, Fate::relayed) << fate.reason;
    EXPECT_TRUE(recorder.has_step("no TLS sent in the clear"));
    EXPECT_EQ(south.memory().connections(), 2u);
    route("badtls.test", {at("badtls.test", south.port())}, TlsUse::required);
    EXPECT_EQ(carry_one("badtls.test").status, "4.7.5");

    lab::ScriptedHost& plain = host({.name = "plain.test"});
    route("plain.test", {at("plain.test", plain.port())}, TlsUse::required);
    EXPECT_EQ(carry_one("plain.test").status, "4.7.5");
    EXPECT_TRUE(plain.memory().taken().empty());
}

TEST_F(RelayTest, LogsInAtASmarthost)
{
    auto& [house, server, port] = neighbour(Tls::yes);
    house.door.with_login = true;
    house.door.offer_.login_required = true;
    route("south.test", {at("mx.south.test", port)}, TlsUse::required);
    router.routes["south.test"].login = smtp::RouteLogin{"alice", "posthouse"};
    EXPECT_EQ(carry_one("south.test").fate, Fate::relayed);
    router.routes["south.test"].login = smtp::RouteLogin{"mallory", "wrong"};
    const RecipientFate fate = carry_one("south.test");
    EXPECT_EQ(fate.fate, Fate::deferred) << "the operator can put it right";
    EXPECT_EQ(fate.status, "4.7.8");
    EXPECT_FALSE(recorder.text().contains("posthouse\n") || recorder.text().contains("AHBvc3"))
        << "no password is told";
}

// --- what a peer cannot take ------------------------------------------------------------------

TEST_F(RelayTest, EightBitsForASevenBitPeer)
{
    lab::ScriptedHost& old = host({.name = "old.test", .extensions = {"PIPELINING"}});
    route("old.test", {at("old.test", old.port())});
    EXPECT_EQ(carry_one("old.test", "DKIM-Signature: v=1\r\n\r\nGr\xc3\xbc\xc3\x9f\r\n").fate, Fate::relayed);
    ASSERT_EQ(old.memory().taken().size(), 1u);
    EXPECT_TRUE(old.memory().taken()[0].content.ends_with("\r\n\r\nGr=C3=BC=C3=9F\r\n"))
        << old.memory().taken()[0].content;
    EXPECT_TRUE(recorder.has_step("converted 7 bits"));
}

TEST_F(RelayTest, LettersForAPeerWithoutSmtpUtf8)
{
    lab::ScriptedHost& old = host({.name = "old.test"});
    route("old.test", {at("old.test", old.port())});
    smtp::Shipment what = shipment("old.test", {"carol", "j\xc3\xb6rg"});
    what.envelope.smtputf8 = true;
    const Fates fates = carry(std::move(what));
    EXPECT_EQ(fates[0].fate, Fate::relayed) << fates[0].reason;
    EXPECT_EQ(fates[1].fate, Fate::failed);
    EXPECT_EQ(fates[1].status, "5.6.7");

    what = shipment("old.test", {"carol"}, "Subject: gr\xc3\xbc\xc3\x9f\r\n\r\nx\r\n");
    what.envelope.smtputf8 = what.utf8_header = true;
    EXPECT_EQ(carry(std::move(what)).at(0).status, "5.6.9");
    what = shipment("old.test", {"j\xc3\xb6rg"}, "Received: for <j\xc3\xb6rg@old.test>\r\n\r\nx\r\n");
    what.envelope.smtputf8 = what.utf8_header = true;
    EXPECT_EQ(carry(std::move(what)).at(0).status, "5.6.7");
    what = shipment("old.test", {"carol"});
    what.envelope.reverse_path.local_part = "\xc3\xa4lice";
    what.envelope.smtputf8 = true;
    EXPECT_EQ(carry(std::move(what)).at(0).status, "5.6.7");

    what = shipment("old.test", {"carol"});  // RFC 5890: a domain has another form, in ASCII
    what.envelope.recipients[0].path.domain = "m\xc3\xbcnchen.test";
    what.envelope.reverse_path.domain = "k\xc3\xb6ln.test";
    what.envelope.smtputf8 = true;
    EXPECT_EQ(carry(std::move(what)).at(0).fate, Fate::relayed);
    EXPECT_TRUE(recorder.text().contains("C: MAIL FROM:<alice@xn--kln-sna.test>"));
    EXPECT_TRUE(recorder.text().contains("C: RCPT TO:<carol@xn--mnchen-3ya.test>"));

    lab::ScriptedHost& modern = host({.name = "new.test", .extensions = {"SMTPUTF8", "8BITMIME"}});
    route("new.test", {at("new.test", modern.port())});
    what = shipment("new.test", {"j\xc3\xb6rg"}, "Subject: gr\xc3\xbc\xc3\x9f\r\n\r\nx\r\n");
    what.envelope.smtputf8 = what.utf8_header = true;
    EXPECT_EQ(carry(std::move(what)).at(0).fate, Fate::relayed);
    EXPECT_TRUE(recorder.text().contains("C: MAIL FROM:<alice@north.test> BODY=8BITMIME SMTPUTF8"));
}

TEST_F(RelayTest, TooLargeIsSaidBeforeItIsSent)
{
    lab::ScriptedHost& small = host({.name = "small.test", .extensions = {"SIZE 10"}});
    route("small.test", {at("small.test", small.port())});
    const RecipientFate fate = carry_one("small.test");
    EXPECT_EQ(fate.fate, Fate::failed);
    EXPECT_EQ(fate.status, "5.3.4");
    EXPECT_FALSE(recorder.text().contains("C: MAIL"));
}

// --- the end ----------------------------------------------------------------------------------

TEST_F(RelayTest, StoppingEndsWhatHangs)
{
    lab::ScriptedHost& slow = host({.name = "slow.test", .hangs_at = "."});
    route("slow.test", {at("slow.test", slow.port())});
    std::future<Fates> hanging = begin(shipment("slow.test", {"carol"}));
    while (!recorder.text().contains("of message]"))
        std::this_thread::sleep_for(1ms);
    relay().stop();
    const RecipientFate fate = hanging.get().at(0);
    EXPECT_TRUE(fate.fate == Fate::deferred && fate.in_doubt) << fate.reason;
    EXPECT_EQ(carry_one("slow.test").fate, Fate::deferred);
}

}  // namespace
}  // namespace posthouse::mta::relay

// libunbound against the lab's DNS server on loopback: every way in which an answer can come, come
// wrong, or not come (docs/hostile.md, F13 and the DNS part of A31).
#include "lab/dns_server.h"
#include "net/test_support.h"
#include "net/unbound_resolver.h"

#include <algorithm>
#include <fstream>

#include <fmt/format.h>

namespace posthouse::net {
namespace {

class UnboundResolverTest : public ::testing::Test {
protected:
    UnboundResolverTest() : tasks([](std::string_view, std::string_view what) { ADD_FAILURE() << what; }) { }
    ~UnboundResolverTest() override
    {
        resolver.reset();
        if (server)
            server->stop();
        tasks.wait();
        server.reset();
    }

    void start(lab::DnsZones zones, std::size_t most_at_once = 100)
    {
        auto started = lab::DnsServer::start({}, std::move(zones), loops, log, tasks);
        ASSERT_TRUE(started) << started.error().text;
        server = std::move(*started);
        open(most_at_once);
    }
    void open(std::size_t most_at_once)
    {
        ResolverOptions options;
        const Endpoint here{"127.0.0.1", server->port()};
        options.stubs = {{"test", here}, {"127.in-addr.arpa", here}};
        options.trust_anchor = "none";
        options.most_at_once = most_at_once;
        auto opened = UnboundResolver::open(options, clock, random, log);
        ASSERT_TRUE(opened) << opened.error().text;
        resolver = std::move(*opened);
    }
    static lab::DnsZones zones()
    {
        lab::DnsZones zones;
        zones.origins = {"test", "127.in-addr.arpa"};
        zones.names["south.test"].mx = {{20, "backup.south.test"}, {10, "MX.south.test"}};
        zones.names["south.test"].txt = {"v=spf1 -all"};
        zones.add_host("mx.south.test", "127.0.0.2");
        zones.add_host("mx.south.test", "::2");
        zones.names["mail.south.test"].cname = "mx.south.test";
        return zones;
    }
    // How often a question was put to the server.
    std::ptrdiff_t asked(std::string_view question) const
    {
        const auto all = server->asked();
        return std::ranges::count(all, question);
    }
    auto mx(const std::string& name, Deadline deadline = patient())
    {
        return run(loops[0], resolver->mx(name, deadline));
    }

    Loops loops{2};
    SystemClock clock;
    SeededRandom random{1};
    NoLog log;
    TaskGroup tasks;
    std::unique_ptr<lab::DnsServer> server;
    std::unique_ptr<UnboundResolver> resolver;
};

TEST_F(UnboundResolverTest, FindsRecordsOfEachType)
{
    lab::DnsZones with_tlsa = zones();
    with_tlsa.names["_25._tcp.mx.south.test"].tlsa = {{3, 1, 1, std::string(32, 'h')}};
    with_tlsa.names["nomx.test"].mx = {{0, ""}};
    start(std::move(with_tlsa));

    const auto found = mx("South.Test.");
    ASSERT_EQ(found.status, LookupStatus::found) << found.text;
    EXPECT_EQ(found.records, (std::vector<MxRecord>{{10, "mx.south.test"}, {20, "backup.south.test"}}));
    EXPECT_FALSE(found.is_secure);
    EXPECT_LE(found.ttl, 60u);
    EXPECT_EQ(mx("nomx.test").records, (std::vector<MxRecord>{{0, ""}}));  // RFC 7505

    const auto v4 = run(loops[0], resolver->addresses("mail.south.test", IpFamily::v4, patient()));
    EXPECT_EQ(v4.records, std::vector<std::string>{"127.0.0.2"});
    EXPECT_EQ(v4.canonical_name, "mx.south.test");
    const auto v6 = run(loops[0], resolver->addresses("mx.south.test", IpFamily::v6, patient()));
    EXPECT_EQ(v6.records, std::vector<std::string>{"::2"});
    EXPECT_EQ(run(loops[0], resolver->txt("south.test", patient())).records.at(0), "v=spf1 -all");
    EXPECT_EQ(run(loops[0], resolver->tlsa("_25._tcp.mx.south.test", patient())).records.at(0).data,
              std::string(32, 'h'));
    EXPECT_EQ(run(loops[0], resolver->names("127.0.0.2", patient())).records,
              std::vector<std::string>{"mx.south.test"});
}

TEST_F(UnboundResolverTest, TellsTheWaysToFailApart)
{
    lab::DnsZones faulty = zones();
    faulty.names["broken.test"].fault = lab::DnsFault::server_failure;
    faulty.names["refused.test"].fault = lab::DnsFault::refused;
    faulty.names["round.test"].cname = "about.test";
    faulty.names["about.test"].cname = "round.test";
    faulty.names["dangling.test"].cname = "nowhere.test";
    start(std::move(faulty));
    EXPECT_EQ(mx("nowhere.test").status, LookupStatus::no_such_name);
    EXPECT_EQ(mx("mx.south.test").status, LookupStatus::no_data);
    EXPECT_EQ(mx("dangling.test").status, LookupStatus::no_such_name);
    const auto broken = mx("broken.test");
    EXPECT_EQ(broken.status, LookupStatus::temporary);
    EXPECT_TRUE(broken.text.starts_with("SERVFAIL")) << broken.text;
    EXPECT_EQ(mx("refused.test").status, LookupStatus::temporary);
    EXPECT_EQ(mx("round.test").status, LookupStatus::temporary);
    EXPECT_EQ(mx(std::string(64, 'x') + ".test").status, LookupStatus::malformed);
    EXPECT_EQ(mx("two words.test").status, LookupStatus::malformed);
    EXPECT_EQ(run(loops[0], resolver->names("no address", patient())).status, LookupStatus::malformed);
}

// Nobody answers, or not what was asked: the asker's deadline ends the wait, and others are not held up.
TEST_F(UnboundResolverTest, KeepsTheDeadlineWhateverTheServerDoes)
{
    lab::DnsZones faulty = zones();
    faulty.names["silent.test"].fault = lab::DnsFault::silent;
    faulty.names["wrong.test"].fault = lab::DnsFault::wrong_id;
    faulty.names["garbage.test"].fault = lab::DnsFault::garbage;
    start(std::move(faulty));
    for (const std::string name : {"silent.test", "wrong.test", "garbage.test"}) {
        const auto lookup = mx(name, soon(300ms));
        EXPECT_EQ(lookup.status, LookupStatus::temporary) << name;
        EXPECT_EQ(lookup.text, "no answer in time") << name;
        EXPECT_TRUE(mx("south.test")) << "after " << name;
    }
    EXPECT_EQ(mx("silent.test", soon(-1s)).status, LookupStatus::temporary);
}

TEST_F(UnboundResolverTest, ALateAnswerIsThereTheNextTime)
{
    lab::DnsZones faulty = zones();
    faulty.names["late.test"].mx = {{10, "mx.south.test"}};
    faulty.names["late.test"].delay = 600ms;
    start(std::move(faulty));
    EXPECT_EQ(mx("late.test", soon(50ms)).status, LookupStatus::temporary);
    EXPECT_EQ(mx("late.test").status, LookupStatus::found);
}

TEST_F(UnboundResolverTest, WhatIsTooLongForUdpComesByTcp)
{
    lab::DnsZones large = zones();
    large.names["short.test"].mx = {{10, "mx.south.test"}};
    large.names["short.test"].fault = lab::DnsFault::truncated;
    for (unsigned i = 0; i < 1000; ++i)
        large.names["many.test"].mx.push_back({static_cast<std::uint16_t>(1000 - i), fmt::format("mx{}.many.test", i)});
    large.names["long.test"].txt = {std::string(64'000, 'x')};
    start(std::move(large));
    EXPECT_EQ(mx("short.test").status, LookupStatus::found);
    EXPECT_EQ(asked("MX short.test tcp"), 1);
    const auto many = mx("many.test");
    ASSERT_EQ(many.records.size(), most_records);
    EXPECT_EQ(many.records.front(), (MxRecord{1, "mx999.many.test"}));  // the best are kept
    const auto text = run(loops[0], resolver->txt("long.test", patient()));
    EXPECT_EQ(text.records.at(0).size(), 64'000u);
}

TEST_F(UnboundResolverTest, EqualQuestionsAreAskedOnce)
{
    lab::DnsZones slow = zones();
    slow.names["slow.test"].mx = {{10, "mx.south.test"}};
    slow.names["slow.test"].delay = 200ms;
    start(std::move(slow));
    std::vector<std::future<Lookup<MxRecord>>> all;
    for (int i = 0; i < 50; ++i)
        all.push_back(asio::co_spawn(loops[i].executor(), resolver->mx("slow.test", patient()), asio::use_future));
    for (auto& one : all)
        EXPECT_EQ(one.get().status, LookupStatus::found);
    EXPECT_EQ(asked("MX slow.test"), 1);
    EXPECT_TRUE(mx("slow.test"));
    EXPECT_EQ(asked("MX slow.test"), 1);  // by the cache
}

TEST_F(UnboundResolverTest, QuestionsOverTheLimitWaitTheirTurn)
{
    lab::DnsZones many = zones();
    many.names["*.many.test"].mx = {{10, "mx.south.test"}};
    many.names["many.test"].delay = 30ms;
    start(std::move(many), 2);
    std::vector<std::future<Lookup<MxRecord>>> all;
    for (int i = 0; i < 20; ++i)
        all.push_back(asio::co_spawn(loops[i].executor(), resolver->mx(fmt::format("n{}.many.test", i), patient()),
                                     asio::use_future));
    for (auto& one : all)
        EXPECT_EQ(one.get().status, LookupStatus::found);
    // Whose turn does not come in time is told so, and takes nobody's place.
    const auto first = asio::co_spawn(loops[0].executor(), resolver->mx("a.many.test", patient()), asio::use_future);
    EXPECT_EQ(mx("b.many.test", soon(1ms)).status, LookupStatus::temporary);
    EXPECT_TRUE(mx("south.test"));
}

// The same server is asked about all of them, as a forwarder is: its silence about some says nothing about others.
TEST_F(UnboundResolverTest, SilenceAboutSomeNamesDoesNotHoldOthersUp)
{
    lab::DnsZones faulty = zones();
    faulty.names["silent.test"].fault = lab::DnsFault::silent;
    faulty.names["*.good.test"].mx = {{10, "mx.south.test"}};
    start(std::move(faulty), 2'000);
    std::vector<std::future<Lookup<MxRecord>>> silent;
    std::vector<std::future<Lookup<MxRecord>>> good;
    for (int i = 0; i < 300; ++i)
        silent.push_back(asio::co_spawn(loops[i].executor(), resolver->mx(fmt::format("n{}.silent.test", i), soon(5s)),
                                        asio::use_future));
    for (int i = 0; i < 300; ++i)
        good.push_back(asio::co_spawn(loops[i].executor(), resolver->mx(fmt::format("n{}.good.test", i), patient()),
                                      asio::use_future));
    for (auto& one : good)
        EXPECT_EQ(one.get().status, LookupStatus::found);
    for (auto& one : silent)
        EXPECT_EQ(one.get().status, LookupStatus::temporary);
    EXPECT_TRUE(mx("late.good.test"));  // nor afterwards
}

// A zone that is signed nowhere, where the trust anchor says it must be: forged.
TEST_F(UnboundResolverTest, WhatDnssecDisprovesIsBogus)
{
    start(zones());
    const Folder folder;
    {
        std::ofstream(folder / "anchor")
            << "test. IN DS 1 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n";
    }
    ResolverOptions options;
    options.stubs = {{"test", {"127.0.0.1", server->port()}}};
    options.trust_anchor = folder / "anchor";
    auto strict = UnboundResolver::open(options, clock, random, log);
    ASSERT_TRUE(strict) << strict.error().text;
    const auto lookup = run(loops[0], (*strict)->mx("south.test", patient()));
    EXPECT_EQ(lookup.status, LookupStatus::bogus) << lookup.text;
    EXPECT_FALSE(lookup.is_secure);
    EXPECT_TRUE(lookup.text.starts_with("DNSSEC")) << lookup.text;
}

TEST_F(UnboundResolverTest, WhoWaitsWhenItStopsIsTold)
{
    lab::DnsZones faulty = zones();
    faulty.names["silent.test"].fault = lab::DnsFault::silent;
    start(std::move(faulty));
    auto waiting = asio::co_spawn(loops[0].executor(), resolver->mx("silent.test", patient()), asio::use_future);
    while (asked("MX silent.test") + asked("A silent.test") == 0)
        std::this_thread::sleep_for(1ms);
    resolver->stop();
    EXPECT_EQ(waiting.get().status, LookupStatus::temporary);
    EXPECT_EQ(mx("south.test").text, "the server is stopping");
}

TEST(UnboundResolver, RefusesWhatItCannotUse)
{
    SystemClock clock;
    SeededRandom random(1);
    NoLog log;
    ResolverOptions options;
    options.trust_anchor = "/no/such/file";
    const auto opened = UnboundResolver::open(options, clock, random, log);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error(), ErrorCode::malformed);
}

}  // namespace
}  // namespace posthouse::net

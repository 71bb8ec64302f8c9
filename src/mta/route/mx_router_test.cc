// Every rule of routing, over a fake DNS and a directory in memory.
#include "mta/route/mx_router.h"

#include "directory/test_house.h"
#include "net/fake_resolver.h"

#include <fmt/format.h>

namespace posthouse::mta::route {
namespace {

using smtp::Route;
using smtp::RouteKind;

struct Told final : Recorder {
    void line(const DialogueLine&) override { }
    void step(const Step& step) override
    {
        steps.push_back(fmt::format("{} {}: {} | {}", step.message, step.step, step.result, step.reason));
    }
    std::vector<std::string> steps;
};

class MxRouterTest : public ::testing::Test {
protected:
    MxRouterTest()
    {
        EXPECT_TRUE(house.run(house.directory().add_domain("north.test")));
        dns.mx_records["south.test"] = {{10, "mx.south.test"}};
        dns.v4["mx.south.test"] = {"127.0.0.2"};
        dns.v4["mx.north.test"] = {"127.0.0.1"};
    }

    smtp::Router& router()
    {
        made = std::make_unique<MxRouter>(
            Services{house.directory(), *house.made.routes, dns, house.clock, house.random, told},
            Settings{Ourselves("mx.north.test", listening, {"192.0.2.1", "2001:db8::1"}), relay_port, internet});
        return *made;
    }
    Route route(const std::string& domain, Id message = 0) { return house.run(router().route(domain, message)); }
    // "mx.south.test:25 127.0.0.2"
    std::vector<std::string> hosts(const Route& route)
    {
        std::vector<std::string> out;
        for (const smtp::RouteHost& host : route.hosts)
            out.push_back(fmt::format("{}:{} {}", host.name, host.port, fmt::join(host.addresses, " ")));
        return out;
    }
    void expect_failed(const std::string& domain, std::string_view status, std::string_view part_of_reason)
    {
        const Route route = this->route(domain);
        EXPECT_EQ(route.kind, RouteKind::failed) << domain;
        EXPECT_EQ(route.status, status) << domain;
        EXPECT_TRUE(route.reason.contains(part_of_reason)) << route.reason;
    }
    void expect_deferred(const std::string& domain, std::string_view part_of_reason)
    {
        const Route route = this->route(domain);
        EXPECT_EQ(route.kind, RouteKind::deferred) << domain;
        EXPECT_EQ(route.status, "4.4.3") << domain;
        EXPECT_TRUE(route.reason.contains(part_of_reason)) << route.reason;
    }

    directory::TestHouse house;
    net::FakeResolver dns;
    Told told;
    std::vector<net::Endpoint> listening{{"127.0.0.1", 25}};
    std::uint16_t relay_port = 25;
    bool internet = true;
    std::unique_ptr<MxRouter> made;
};

using Strings = std::vector<std::string>;

TEST_F(MxRouterTest, OurDomainsAreOurs)
{
    const Route route = this->route("North.TEST.");
    EXPECT_EQ(route.kind, RouteKind::ours);
    EXPECT_EQ(route.domain, "north.test");
    EXPECT_TRUE(dns.asked.empty());
}

TEST_F(MxRouterTest, MxHostsInOrderOfPreference)
{
    dns.mx_records["south.test"] = {{20, "backup.test"}, {10, "mx.south.test"}, {30, "last.test"}};
    dns.v4["backup.test"] = {"192.0.2.20"};
    dns.v6["backup.test"] = {"2001:db8::20"};
    dns.v4["last.test"] = {"192.0.2.30"};
    relay_port = 2525;
    const Route route = this->route("south.test");
    ASSERT_EQ(route.kind, RouteKind::hosts);
    EXPECT_EQ(hosts(route),
              (Strings{"mx.south.test:2525 127.0.0.2", "backup.test:2525 2001:db8::20 192.0.2.20",
                       "last.test:2525 192.0.2.30"}));
    EXPECT_EQ(route.reason, "south.test has 3 MX hosts, the first to try is mx.south.test (preference 10)");
    EXPECT_EQ(route.tls, smtp::TlsUse::opportunistic);
    EXPECT_EQ(route.destination, "south.test");
    ASSERT_EQ(route.dns.size(), 7u);  // MX, and A and AAAA of each
    EXPECT_EQ(route.dns[0].question, "MX south.test");
    EXPECT_EQ(route.dns[0].answers.size(), 3u);
}

// RFC 5321 section 5.1: equal ones in random order, so that load spreads.
TEST_F(MxRouterTest, EqualPreferencesTakeTurns)
{
    dns.mx_records["south.test"] = {{10, "a.test"}, {10, "b.test"}, {5, "c.test"}};
    for (const std::string name : {"a.test", "b.test", "c.test"})
        dns.v4[name] = {"192.0.2.9"};
    std::map<std::string, int> second;
    for (int i = 0; i < 100; ++i) {
        const Route route = this->route("south.test");
        EXPECT_EQ(route.hosts.at(0).name, "c.test");
        ++second[route.hosts.at(1).name];
    }
    EXPECT_GT(second["a.test"], 20);
    EXPECT_GT(second["b.test"], 20);
}

TEST_F(MxRouterTest, NullMxTakesNoMail)
{
    dns.mx_records["nomx.test"] = {{0, ""}};
    dns.v4["nomx.test"] = {"192.0.2.9"};  // is not looked at
    expect_failed("nomx.test", "5.1.10", "null MX");
    dns.mx_records["both.test"] = {{0, ""}, {10, "mx.south.test"}};
    EXPECT_EQ(hosts(route("both.test")), Strings{"mx.south.test:25 127.0.0.2"});
}

TEST_F(MxRouterTest, WithoutMxTheDomainItselfIsTheHost)
{
    dns.v4["plain.test"] = {"192.0.2.7"};
    const Route route = this->route("plain.test");
    EXPECT_EQ(hosts(route), Strings{"plain.test:25 192.0.2.7"});
    EXPECT_TRUE(route.reason.contains("no MX record")) << route.reason;
    dns.txt_records["silent.test"] = {"only text"};
    expect_failed("silent.test", "5.1.2", "neither an MX record nor an address");
    expect_failed("nowhere.test", "5.1.2", "there is no domain nowhere.test");
}

TEST_F(MxRouterTest, AliasesAreFollowed)
{
    dns.aliases["alias.test"] = "south.test";
    const Route route = this->route("alias.test");
    EXPECT_EQ(hosts(route), Strings{"mx.south.test:25 127.0.0.2"});
    EXPECT_TRUE(route.dns[0].text.contains("alias (CNAME) of south.test")) << route.dns[0].text;
    dns.aliases["www.test"] = "plain.test";
    dns.v4["plain.test"] = {"192.0.2.7"};
    EXPECT_EQ(hosts(this->route("www.test")), Strings{"plain.test:25 192.0.2.7"});
}

TEST_F(MxRouterTest, WhatTheDnsDoesNotSayNowIsTriedAgain)
{
    dns.temporary.insert("slow.test");
    expect_deferred("slow.test", "SERVFAIL");
    dns.bogus.insert("forged.test");
    expect_deferred("forged.test", "forged or broken");
    dns.mx_records["half.test"] = {{10, "slow.test"}};
    expect_deferred("half.test", "does not give the addresses");
    dns.mx_records["half.test"].push_back({20, "mx.south.test"});  // one is enough
    EXPECT_EQ(hosts(route("half.test")), (Strings{"slow.test:25 ", "mx.south.test:25 127.0.0.2"}));
}

TEST_F(MxRouterTest, MxHostsWithoutAddressesAreAnError)
{
    dns.mx_records["lost.test"] = {{10, "nowhere.test"}, {20, "nomore.test"}};
    expect_failed("lost.test", "5.4.4", "none of lost.test's MX hosts has an address");
}

// RFC 5321 section 5.1: a host of equal or worse preference than ourselves would send it back to us.
TEST_F(MxRouterTest, NeverToOurselvesNorToWorseHosts)
{
    dns.v4["other.test"] = {"192.0.2.5"};
    dns.mx_records["backed.test"] = {{10, "other.test"}, {20, "MX.north.test"}, {30, "mx.south.test"}};
    dns.mx_records["backed.test"][1].exchange = "mx.north.test";
    const Route by_name = this->route("backed.test");
    EXPECT_EQ(hosts(by_name), Strings{"other.test:25 192.0.2.5"});
    EXPECT_TRUE(by_name.reason.contains("this server is one of them, at preference 20")) << by_name.reason;

    dns.v4["hidden.test"] = {"127.0.0.1"};  // another name of ours
    dns.mx_records["backed.test"] = {{10, "other.test"}, {20, "hidden.test"}, {20, "mx.south.test"}};
    EXPECT_EQ(hosts(this->route("backed.test")), Strings{"other.test:25 192.0.2.5"});

    dns.mx_records["round.test"] = {{10, "mx.north.test"}, {20, "mx.south.test"}};
    expect_failed("round.test", "5.4.6", "come back to us");
    dns.v4["pointing.test"] = {"127.0.0.1"};
    expect_failed("pointing.test", "5.4.6", "come back to us");
    relay_port = 2525;  // nobody of us listens there
    EXPECT_EQ(hosts(this->route("pointing.test")), Strings{"pointing.test:2525 127.0.0.1"});
}

TEST_F(MxRouterTest, AWildcardListensOnAllAddressesOfTheMachine)
{
    listening = {{"0.0.0.0", 25}, {"::", 25}};
    for (const std::string address : {"192.0.2.1", "127.0.0.77", "0.0.0.0"}) {
        dns.v4["pointing.test"] = {address};
        expect_failed("pointing.test", "5.4.6", "come back to us");
    }
    dns.v4.erase("pointing.test");
    dns.v6["pointing.test"] = {"2001:db8::1"};
    expect_failed("pointing.test", "5.4.6", "come back to us");
}

TEST_F(MxRouterTest, ManyMxHostsAreBounded)
{
    for (unsigned i = 0; i < 100; ++i) {
        const std::string name = fmt::format("mx{}.test", i);
        dns.mx_records["many.test"].push_back({static_cast<std::uint16_t>(100 - i), name});
        for (unsigned j = 0; j < 100; ++j)
            dns.v4[name].push_back(fmt::format("192.0.{}.{}", i, j));
    }
    const Route route = this->route("many.test");
    ASSERT_EQ(route.hosts.size(), 10u);
    EXPECT_EQ(route.hosts[0].name, "mx99.test");
    EXPECT_EQ(route.hosts[0].addresses.size(), 16u);
}

TEST_F(MxRouterTest, StoredRoutesReplaceMx)
{
    directory::StoredRoute all{.domain = "*", .host = "relay.test", .port = 587};
    all.tls = directory::RouteTls::required;
    all.verify_certificate = true;
    all.login = "north";
    all.password = "secret";
    ASSERT_TRUE(house.run(house.made.routes->set_route(all)));
    ASSERT_TRUE(house.run(house.made.routes->set_route({.domain = "south.test", .host = "192.0.2.8", .port = 25})));
    dns.v4["relay.test"] = {"192.0.2.6"};

    const Route other = route("elsewhere.test");
    EXPECT_EQ(hosts(other), Strings{"relay.test:587 192.0.2.6"});
    EXPECT_EQ(other.reason, "the stored route for all domains leads to relay.test:587");
    EXPECT_EQ(other.destination, "relay.test:587");
    EXPECT_EQ(other.domain, "elsewhere.test");
    EXPECT_TRUE(other.is_smarthost);
    EXPECT_TRUE(other.verify_certificate);
    EXPECT_EQ(other.tls, smtp::TlsUse::required);
    ASSERT_TRUE(other.login);
    EXPECT_EQ(other.login->password, "secret");
    EXPECT_EQ(house.run(router().destination_of("Elsewhere.test")), "relay.test:587");

    const Route south = route("south.test");
    EXPECT_EQ(hosts(south), Strings{"192.0.2.8:25 192.0.2.8"});
    EXPECT_FALSE(south.login);
    EXPECT_EQ(house.run(router().destination_of("south.test")), "192.0.2.8:25");
    EXPECT_EQ(route("north.test").kind, RouteKind::ours);

    dns.v4.erase("relay.test");  // a mistake of ours: the mail waits
    expect_deferred("elsewhere.test", "leads to relay.test:587, which has no address");
    dns.v4["relay.test"] = {"127.0.0.1"};
    all.port = 25;
    ASSERT_TRUE(house.run(house.made.routes->set_route(all)));
    EXPECT_EQ(route("elsewhere.test").status, "4.4.6");
}

TEST_F(MxRouterTest, WithoutInternetOnlyStoredRoutesLeadOut)
{
    internet = false;
    expect_failed("south.test", "5.1.2", "internet = false");
    expect_failed("[127.0.0.2]", "5.1.2", "internet = false");
    EXPECT_TRUE(dns.asked.empty());
    ASSERT_TRUE(house.run(house.made.routes->set_route({.domain = "south.test", .host = "192.0.2.8", .port = 25})));
    EXPECT_EQ(route("south.test").kind, RouteKind::hosts);
}

TEST_F(MxRouterTest, AddressLiterals)
{
    EXPECT_EQ(hosts(route("[127.0.0.2]")), Strings{"[127.0.0.2]:25 127.0.0.2"});
    EXPECT_EQ(hosts(route("[IPv6:2001:db8::2]")), Strings{"[ipv6:2001:db8::2]:25 2001:db8::2"});
    expect_failed("[127.0.0.1]", "5.4.6", "come back to us");
    expect_failed("[300.0.0.1]", "5.1.2", "no address literal");
    expect_failed("[127.0.0.2", "5.1.2", "no address literal");
    EXPECT_TRUE(dns.asked.empty());
}

TEST_F(MxRouterTest, WhatIsNoDomainIsNotAskedFor)
{
    expect_failed("two words", "5.1.2", "no domain name");
    expect_failed("", "5.1.2", "no domain name");
    expect_failed("a\r\nb.test", "5.1.2", "no domain name");
    EXPECT_FALSE(route("a\r\nb.test").reason.contains('\n'));
    EXPECT_TRUE(dns.asked.empty());
    EXPECT_EQ(house.run(router().destination_of("South.TEST")), "south.test");
    EXPECT_TRUE(dns.asked.empty());
}

TEST_F(MxRouterTest, DnssecStatusIsKept)
{
    dns.secure = {"south.test", "mx.south.test"};
    const Route route = this->route("south.test");
    EXPECT_TRUE(route.mx_is_secure);
    EXPECT_TRUE(route.hosts[0].is_secure);
    EXPECT_TRUE(route.dns[0].is_secure);
    dns.secure.erase("mx.south.test");
    EXPECT_FALSE(this->route("south.test").hosts[0].is_secure);
}

TEST_F(MxRouterTest, TheRecorderHearsQuestionsAndDecision)
{
    EXPECT_EQ(route("south.test").kind, RouteKind::hosts);
    EXPECT_TRUE(told.steps.empty());  // nobody's message
    EXPECT_EQ(route("south.test", 7).kind, RouteKind::hosts);
    EXPECT_EQ(told.steps,
              (Strings{"7 dns: MX south.test NOERROR 10 mx.south.test | ",
                       "7 dns: AAAA mx.south.test no such record  | no such record",
                       "7 dns: A mx.south.test NOERROR 127.0.0.2 | ",
                       "7 routed: mx.south.test (10) 127.0.0.2 | south.test has 1 MX host, the first to try is "
                       "mx.south.test (preference 10)"}));
}

}  // namespace
}  // namespace posthouse::mta::route

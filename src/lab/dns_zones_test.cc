#include "lab/dns_zones.h"

#include <gtest/gtest.h>

namespace posthouse::lab {
namespace {

using net::DnsType;

DnsMessage ask(const DnsZones& zones, const std::string& name, DnsType type)
{
    DnsMessage query;
    query.id = 7;
    query.questions = {{name, static_cast<std::uint16_t>(type), 1}};
    return answer(zones, query);
}

DnsZones sample()
{
    DnsZones zones;
    zones.origins = {"test", "127.in-addr.arpa"};
    zones.names["south.test"].mx = {{10, "mx.south.test"}, {20, "backup.south.test"}};
    zones.names["south.test"].txt = {"v=spf1 -all"};
    zones.add_host("mx.south.test", "127.0.0.2");
    zones.names["mail.south.test"].cname = "mx.south.test";
    zones.names["away.test"].cname = "elsewhere.example";
    zones.names["loop.test"].cname = "pool.test";
    zones.names["pool.test"].cname = "loop.test";
    zones.names["*.down.test"].v4 = {"127.0.0.9"};
    zones.names["_25._tcp.mx.south.test"].tlsa = {{3, 1, 1, std::string(32, 'h')}};
    return zones;
}

TEST(DnsZones, AnswersWithRecordsOfTheTypeAsked)
{
    const DnsMessage reply = ask(sample(), "south.test", DnsType::mx);
    EXPECT_TRUE(reply.is_response);
    EXPECT_TRUE(reply.is_authoritative);
    EXPECT_EQ(reply.id, 7);
    ASSERT_EQ(reply.answers.size(), 2u);
    EXPECT_EQ(net::read_mx(reply.answers[1].data), (net::MxRecord{20, "backup.south.test"}));
    EXPECT_EQ(net::read_host(ask(sample(), "2.0.0.127.in-addr.arpa", DnsType::ptr).answers.at(0).data),
              "mx.south.test");
    EXPECT_EQ(net::read_tlsa(ask(sample(), "_25._tcp.mx.south.test", DnsType::tlsa).answers.at(0).data)->usage, 3);
}

TEST(DnsZones, SaysNoWithTheSoa)
{
    const DnsMessage no_name = ask(sample(), "nowhere.test", DnsType::a);
    EXPECT_EQ(no_name.rcode, Rcode::name_error);
    EXPECT_EQ(no_name.authority.at(0).name, "test");
    const DnsMessage no_data = ask(sample(), "south.test", DnsType::aaaa);
    EXPECT_EQ(no_data.rcode, Rcode::no_error);
    EXPECT_TRUE(no_data.answers.empty());
    EXPECT_EQ(no_data.authority.size(), 1u);
    // RFC 8020: there are names below it.
    EXPECT_EQ(ask(sample(), "_tcp.mx.south.test", DnsType::a).rcode, Rcode::no_error);
    EXPECT_EQ(ask(sample(), "example.org", DnsType::a).rcode, Rcode::refused);
}

TEST(DnsZones, FollowsAliasesButNotForEver)
{
    const DnsMessage reply = ask(sample(), "mail.south.test", DnsType::a);
    ASSERT_EQ(reply.answers.size(), 2u);
    EXPECT_EQ(reply.answers[0].type, 5);
    EXPECT_EQ(net::read_address(reply.answers[1].data, net::IpFamily::v4), "127.0.0.2");
    EXPECT_EQ(ask(sample(), "away.test", DnsType::mx).answers.size(), 1u);
    EXPECT_EQ(ask(sample(), "loop.test", DnsType::a).answers.size(), 8u);
}

TEST(DnsZones, WildcardsStandForWhatIsNotNamed)
{
    EXPECT_EQ(ask(sample(), "a.b.down.test", DnsType::a).answers.at(0).name, "a.b.down.test");
    EXPECT_EQ(ask(sample(), "a.down.test", DnsType::mx).rcode, Rcode::no_error);
}

TEST(DnsZones, FaultsGoForTheNamesBelow)
{
    DnsZones zones = sample();
    zones.names["slow.test"].fault = DnsFault::silent;
    zones.names["slow.test"].delay = 2s;
    EXPECT_EQ(zones.treatment_of("a.b.slow.test").fault, DnsFault::silent);
    EXPECT_EQ(zones.treatment_of("a.b.slow.test").delay, 2s);
    EXPECT_EQ(zones.treatment_of("south.test").fault, DnsFault::none);
}

TEST(DnsMessage, SaysWhereSomethingDidNotFit)
{
    DnsZones zones = sample();
    for (int i = 0; i < 1000; ++i)
        zones.names["many.test"].mx.push_back({1, "mx" + std::to_string(i) + ".many.test"});
    const DnsMessage reply = ask(zones, "many.test", DnsType::mx);
    const auto whole = read_message(write_message(reply));
    ASSERT_TRUE(whole);
    EXPECT_FALSE(whole->is_truncated);
    EXPECT_EQ(whole->answers.size(), 1000u);
    const std::string cut = write_message(reply, most_over_udp);
    EXPECT_LE(cut.size(), most_over_udp);
    EXPECT_TRUE(read_message(cut)->is_truncated);
}

TEST(DnsMessage, PointersThatLoopAreNoNames)
{
    std::string bytes = write_message(ask(sample(), "south.test", DnsType::mx));
    const std::string pointer_to_itself{"\xc0\x0c", 2};
    bytes.replace(12, 2, pointer_to_itself);
    EXPECT_FALSE(read_message(bytes));
    EXPECT_FALSE(read_message("short"));
}

}  // namespace
}  // namespace posthouse::lab

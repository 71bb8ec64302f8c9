#include "app/settings.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace posthouse::app {
namespace {

constexpr std::string_view good = R"(
hostname = "mail.example.org"
data = "/var/lib/posthouse"
user = "posthouse"
[listen]
smtp = ["0.0.0.0:25", "[::]:25"]
imaps = "127.0.0.1:993"
[[tls]]
certificate = "/etc/c.pem"
key = "/etc/k.pem"
[limits]
connections_per_address = 7
)";

TEST(Settings, ReadsWhatIsGivenAndKeepsDefaults)
{
    const auto settings = parse_settings(good, "x.toml");
    ASSERT_TRUE(settings) << settings.error().text;
    EXPECT_EQ(settings->hostname, "mail.example.org");
    ASSERT_EQ(settings->listen.size(), 3u);
    EXPECT_EQ(settings->listen[1].address, "::");
    EXPECT_EQ(settings->listen[1].port, 25);
    EXPECT_EQ(settings->listen[2].door, Door::imaps);
    EXPECT_EQ(settings->connections.per_address, 7u);
    EXPECT_EQ(settings->connections.total, 20'000u);
    EXPECT_EQ(settings->messages_per_command, 0u);
    EXPECT_FALSE(settings->unsafe_no_sync);
    EXPECT_TRUE(settings->journey);
    EXPECT_EQ(settings->journey_days, 30u);
}

TEST(Settings, LimitsAnImapCommandWhereAsked)
{
    for (const unsigned given : {0u, 1000u, 1'000'000'000u}) {
        const auto settings = parse_settings(fmt::format("{}messages_per_command = {}", good, given), "x.toml");
        ASSERT_TRUE(settings) << settings.error().text;
        EXPECT_EQ(settings->messages_per_command, given);
    }
}

TEST(Settings, TellsWhomToAskAboutNames)
{
    const auto with = [](std::string_view line) { return parse_settings(fmt::format("{}\n{}", line, good), "x.toml"); };
    const auto plain = with("");
    ASSERT_TRUE(plain);
    EXPECT_TRUE(plain->internet);
    EXPECT_EQ(plain->relay_port, 25);
    EXPECT_FALSE(plain->resolver.ask_system);
    EXPECT_TRUE(plain->resolver.forwarders.empty());
    EXPECT_TRUE(with("resolver = \"system\"")->resolver.ask_system);
    const auto several = with("resolver = [\"127.0.0.1:5300\", \"9.9.9.9\", \"2620:fe::fe\"]\n"
                              "trust_anchor = \"none\"\nrelay_port = 2525\ninternet = false");
    ASSERT_TRUE(several) << several.error().text;
    ASSERT_EQ(several->resolver.forwarders.size(), 3u);
    EXPECT_EQ(several->resolver.forwarders[0], (net::Endpoint{"127.0.0.1", 5300}));
    EXPECT_EQ(several->resolver.forwarders[2], (net::Endpoint{"2620:fe::fe", 0}));
    EXPECT_EQ(several->resolver.trust_anchor, "none");
    EXPECT_EQ(several->relay_port, 2525);
    EXPECT_FALSE(several->internet);
}

struct Wrong {
    std::string_view toml;
    std::string_view expected;  // a part of what the operator reads
    std::string_view reason;
};

TEST(Settings, SaysWhatIsWrongAndWhere)
{
    const Wrong rows[] = {
        {"hostname = 7", "x.toml:1: hostname must be a text", "a wrong type"},
        {"hostname = \"a\"\nhostnmae = \"b\"", "x.toml:2: hostnmae is not a setting",
         "a misspelt key is never ignored"},
        {"hostname = \"a\"\n[listen]\nsmtp = \"25\"", "not ADDRESS:PORT", "a port alone says not where"},
        {"hostname = \"a\"\n[listen]\nsmtp = \"1.2.3.4:70000\"", "no port from 0 to 65535", "beyond 16 bits"},
        {"hostname = \"a\"\n[listen]\nsmtp = \"::1:25\"", "in brackets", "IPv6 without brackets is ambiguous"},
        {"hostname = \"a\"\n[limits]\nconnections = 0", "limits.connections must be from 1", "nobody could connect"},
        {"hostname = \"a\"\n[limits]\nmessages_per_command = 999",
         "x.toml:3: limits.messages_per_command must be 0, or", "RFC 9738 wants 1,000 at least"},
        {"hostname = \"a\"\n[limits]\nmessages_per_command = 1000000001", "must be from 0 to 1000000000",
         "beyond the range"},
        {"hostname = \"a\"\n[[tls]]\nkey = \"k\"", "needs certificate and key", "half a certificate"},
        {"hostname = \"a\"\n[journey]\ndays = 0", "journey.days must be from 1", "nothing would be kept"},
        {"hostname = \"a\"\n[[trace_peer]]\nhost = \"b\"", "needs host, console and key", "nobody could be asked"},
        {"hostname = \"a\"\n[[trace_peer]]\nhost = \"b\"\nconsole = \"b:80\"\nkey = \"k\"",
         "trace_peer.console must be", "no way to reach it"},
        {"hostname = \"a", "x.toml:1", "broken TOML names its line"},
        {"resolver = \"my router\"", "x.toml:1: resolver must be \"recursive\"", "a name would need a resolver"},
        {"relay_port = 0", "relay_port must be from 1 to 65535", "no such port"},
        {"[[[", "x.toml", "the reader's own assertions must not end the program"},
        {"data = \"d\"", "hostname is missing", "no default can be right"},
        {"hostname = \"a\"\ndata = \"d\"", "listen is missing", "a server that listens nowhere"},
    };
    for (const Wrong& row : rows) {
        const auto settings = parse_settings(row.toml, "x.toml");
        ASSERT_FALSE(settings) << row.reason;
        EXPECT_NE(settings.error().text.find(row.expected), std::string::npos)
            << row.reason << ": " << settings.error().text;
    }
}

}  // namespace
}  // namespace posthouse::app

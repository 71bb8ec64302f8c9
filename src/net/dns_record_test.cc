#include "net/dns_record.h"

#include <gtest/gtest.h>

namespace posthouse::net {
namespace {

TEST(DnsRecord, NamesHaveOneSpelling)
{
    EXPECT_EQ(dns_name("Mail.Example.ORG."), "mail.example.org");
    EXPECT_EQ(dns_name("."), "");
    EXPECT_EQ(dns_name("_25._tcp.mx.test"), "_25._tcp.mx.test");
    EXPECT_FALSE(dns_name("a..b"));
    EXPECT_FALSE(dns_name("a\r\nb.test"));
    EXPECT_FALSE(dns_name("münchen.test"));  // as an A-label, please
    EXPECT_TRUE(dns_name(std::string(63, 'a') + ".test"));
    EXPECT_FALSE(dns_name(std::string(64, 'a') + ".test"));
    std::string long_name;
    for (int i = 0; i < 127; ++i)
        long_name += "a.";
    EXPECT_TRUE(dns_name(long_name));
    EXPECT_FALSE(dns_name(long_name + "a"));
}

TEST(DnsRecord, ReadsCompressedNamesAndNoLoops)
{
    using namespace std::string_view_literals;
    const std::string_view message = "\x04test\0\x02mx\xc0\x00rest"sv;
    const auto read = read_dns_name(message, 6);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->name, "mx.test");
    EXPECT_EQ(message.substr(read->end), "rest");
    EXPECT_FALSE(read_dns_name("\xc0\x00"sv, 0));  // to itself
    EXPECT_FALSE(read_dns_name("\x01"
                               "a\xc0\x00"sv,
                               0));
    EXPECT_FALSE(read_dns_name("\xc0\x02\xc0\x00"sv, 0));  // forwards
    EXPECT_FALSE(read_dns_name("\x05"
                               "abc"sv,
                               0));
    EXPECT_FALSE(read_dns_name("\x01\n\0"sv, 0));
}

TEST(DnsRecord, DataThatDoesNotFitIsNoRecord)
{
    using namespace std::string_view_literals;
    EXPECT_EQ(read_mx("\0\x0a\x02mx\x04test\0"sv), (MxRecord{10, "mx.test"}));
    EXPECT_EQ(read_mx("\0\0\0"sv), (MxRecord{0, ""}));
    EXPECT_FALSE(read_mx("\0\x0a\x02mx\x04test\0x"sv));
    EXPECT_FALSE(read_mx("\0\x0a"sv));
    EXPECT_EQ(read_txt("\x01"
                       "a\x02"
                       "bc"),
              "abc");
    EXPECT_FALSE(read_txt("\x05"
                          "abc"));
    EXPECT_FALSE(read_txt(""));
    EXPECT_EQ(read_address("\x7f\0\0\x02"sv, IpFamily::v4), "127.0.0.2");
    EXPECT_FALSE(read_address("\x7f\0\0"sv, IpFamily::v4));
    EXPECT_FALSE(read_tlsa("\3\1\1"sv));
}

TEST(DnsRecord, NamesOfAddresses)
{
    EXPECT_EQ(reverse_dns_name("127.0.0.2"), "2.0.0.127.in-addr.arpa");
    EXPECT_EQ(reverse_dns_name("2001:db8::1"),
              "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa");
    EXPECT_FALSE(reverse_dns_name("mx.test"));
}

}  // namespace
}  // namespace posthouse::net

#include "directory/address.h"

#include <gtest/gtest.h>

namespace posthouse::directory {
namespace {

TEST(Address, DomainsHaveOneSpelling)
{
    const struct {
        std::string_view given;
        std::string_view normal;  // empty: refused
        std::string_view reason;
    } rows[] = {
        {"north.test", "north.test", "as it is"},
        {"NORTH.Test", "north.test", "case does not count"},
        {"north.test.", "north.test", "the root's dot"},
        {"b\xc3\xbc"
         "cher.test",
         "xn--bcher-kva.test", "an IDN"},
        {"B\xc3\x9c"
         "CHER.test",
         "xn--bcher-kva.test", "an IDN in capitals"},
        {"bu\xcc\x88"
         "cher.test",
         "xn--bcher-kva.test", "an IDN with a combining mark"},
        {"XN--BCHER-KVA.test", "xn--bcher-kva.test", "its A-label"},
        {"xn--\xff", "", "not UTF-8"},
        {"xn--zzzzzzzzzzzzz999999999.test", "", "an A-label that is none"},
        {"localhost", "localhost", "one label"},
        {"", "", "nothing"},
        {".", "", "nothing but the root"},
        {"north..test", "", "an empty label"},
        {".north.test", "", "an empty label"},
        {"-north.test", "", "a hyphen in front"},
        {"north-.test", "", "a hyphen behind"},
        {"no_rth.test", "", "an underscore"},
        {"north test", "", "a blank"},
        {"[127.0.0.1]", "", "an address literal is no domain of ours"},
        {std::string_view("north\0.test", 11), "", "NUL"},
        {"a\r\nb.test", "", "line ends"},
    };
    for (const auto& row : rows) {
        const Result<std::string> normal = normal_domain(row.given);
        EXPECT_EQ(normal.value_or(""), row.normal) << row.given << ": " << row.reason;
    }
    EXPECT_TRUE(normal_domain(std::string(63, 'a') + ".test"));
    EXPECT_FALSE(normal_domain(std::string(64, 'a') + ".test")) << "labels have 63 bytes";
    std::string long_name = "test";
    while (long_name.size() < 250)
        long_name = "aaaa." + long_name;
    EXPECT_FALSE(normal_domain(long_name + "." + long_name)) << "names have 253 bytes";
}

TEST(Address, LocalPartsHaveOneSpelling)
{
    EXPECT_EQ(normal_local_part("Bob").value_or(""), "bob");
    EXPECT_EQ(normal_local_part("u\xcc\x88ser").value_or(""), "\xc3\xbcser") << "composed";
    EXPECT_EQ(normal_local_part("\xc3\x9cser").value_or(""), "\xc3\x9cser") << "only ASCII letters lose their case";
    EXPECT_EQ(normal_local_part("two words").value_or(""), "two words") << "may be looked up, never founded";
    EXPECT_FALSE(normal_local_part(""));
    EXPECT_FALSE(normal_local_part("a\rb"));
    EXPECT_FALSE(normal_local_part(std::string_view("a\0b", 3)));
    EXPECT_FALSE(normal_local_part("\xc3"));
    EXPECT_TRUE(normal_local_part(std::string(64, 'a')));
    EXPECT_FALSE(normal_local_part(std::string(65, 'a'))) << "RFC 5321 section 4.5.3.1.1";
    // U+1D15E grows to twice its bytes when it is composed.
    std::string growing;
    for (int i = 0; i < 16; ++i)
        growing += "\xf0\x9d\x85\x9e";
    EXPECT_FALSE(normal_local_part(growing)) << "too long only once it is normal";
}

TEST(Address, OnlyAddressesThatCanBeTypedAreFounded)
{
    EXPECT_TRUE(new_address("a.b+c@north.test"));
    EXPECT_TRUE(new_address("\xc3\xbcser@b\xc3\xbc"
                            "cher.test"));
    EXPECT_FALSE(new_address("two words@north.test"));
    EXPECT_FALSE(new_address(".a@north.test"));
    EXPECT_FALSE(new_address("a..b@north.test"));
    EXPECT_FALSE(new_address("a.@north.test"));
    EXPECT_FALSE(new_address("a<b@north.test"));
    EXPECT_FALSE(new_address("a@b@north.test")) << "an @ would need quotes";
    EXPECT_FALSE(new_address("alice"));
    EXPECT_FALSE(new_address("@north.test"));
    EXPECT_FALSE(new_address("alice@"));
}

TEST(Address, SubaddressesAreCutAtTheFirstPlus)
{
    ASSERT_TRUE(cut_subaddress("bob+lists+cpp"));
    EXPECT_EQ(cut_subaddress("bob+lists+cpp")->base, "bob");
    EXPECT_EQ(cut_subaddress("bob+lists+cpp")->subaddress, "lists+cpp");
    EXPECT_EQ(cut_subaddress("bob+")->subaddress, "");
    EXPECT_FALSE(cut_subaddress("bob"));
    EXPECT_FALSE(cut_subaddress("+bob")) << "nobody before the plus";
}

}  // namespace
}  // namespace posthouse::directory

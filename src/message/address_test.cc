#include "message/address.h"

#include <gtest/gtest.h>

namespace posthouse::message {
namespace {

// A list in one line: `name <local@domain>`, groups as `name:` and `;`.
std::string summary(const std::vector<Address>& list)
{
    std::string out;
    for (const Address& address : list) {
        if (!out.empty())
            out += " | ";
        if (address.kind == Address::Kind::group_end)
            out += ";";
        else if (address.kind == Address::Kind::group_start)
            out += address.display_name + ":";
        else
            out += address.display_name + "<" + address.route + (address.route.empty() ? "" : ":") +
                address.spec.local_part + "@" + address.spec.domain + ">";
    }
    return out;
}

struct Row {
    const char* text;
    const char* expected;
    const char* reason;
};

class WellFormed : public testing::TestWithParam<Row> { };

TEST_P(WellFormed, BothTempersReadTheSame)
{
    const auto strict = parse_addresses(GetParam().text, AddressRule::addresses_or_none);
    ASSERT_TRUE(strict) << GetParam().reason << ": " << strict.error().text;
    EXPECT_EQ(summary(*strict), GetParam().expected) << GetParam().reason;
    EXPECT_EQ(read_addresses(GetParam().text), *strict) << GetParam().reason;
}

INSTANTIATE_TEST_SUITE_P(
    Addresses, WellFormed,
    testing::Values(
        Row{"bob@x.test", "<bob@x.test>", "addr-spec alone"}, Row{"<bob@x.test>", "<bob@x.test>", "angle-addr alone"},
        Row{"Bob <bob@x.test>", "Bob<bob@x.test>", "name-addr"},
        Row{"Bob B. Builder <bob@x.test>", "Bob B. Builder<bob@x.test>", "obs-phrase: dots in names, RFC 5322 4.1"},
        Row{"\"Builder, Bob\" <bob@x.test>", "Builder, Bob<bob@x.test>",
            "a comma in a quoted string separates nothing"},
        Row{"\"a \\\"b\\\" \\\\c\" <b@x.test>", "a \"b\" \\c<b@x.test>", "quoted pairs are unquoted"},
        Row{"\"fold\r\n ed\" <b@x.test>", "fold ed<b@x.test>", "a fold in a quoted string"},
        Row{"\"a b\"@x.test", "<a b@x.test>", "a quoted local part"},
        Row{"\"a\".b@x.test", "<a.b@x.test>", "obs-local-part: words with dots"},
        Row{"a . b @ x . test", "<a.b@x.test>", "obs: blanks around dots and @"},
        Row{"bob@x.test (Bob (the) Builder)", "Bob (the) Builder<bob@x.test>",
            "a comment is the name, as before RFC 822"},
        Row{"(c)bob(c)@(c)x.test(c)", "c<bob@x.test>", "comments stand anywhere between tokens"},
        Row{"Bob (x) <bob@x.test> (y)", "Bob<bob@x.test>", "a name wins over a comment"},
        Row{"a@x.test, b@y.test", "<a@x.test> | <b@y.test>", "a list"},
        Row{",a@x.test,,b@y.test,", "<a@x.test> | <b@y.test>", "obs-addr-list: empty elements"},
        Row{"friends: a@x.test, B <b@y.test>;", "friends: | <a@x.test> | B<b@y.test> | ;", "a group"},
        Row{"undisclosed-recipients:;", "undisclosed-recipients: | ;", "an empty group"},
        Row{"a: b@x.test;, c@y.test", "a: | <b@x.test> | ; | <c@y.test>", "a list after a group"},
        Row{"<@r.test,@s.test:bob@x.test>", "<@r.test,@s.test:bob@x.test>", "obs-route"},
        Row{"bob@[192.0.2.1]", "<bob@[192.0.2.1]>", "an address literal"},
        Row{"bob@[IPv6:2001:db8::1]", "<bob@[IPv6:2001:db8::1]>", "colons inside brackets begin no group"},
        Row{"=?utf-8?q?J=C3=B6rg?= =?utf-8?q?_M?= <j@x.test>", "=?utf-8?q?J=C3=B6rg?= =?utf-8?q?_M?=<j@x.test>",
            "encoded-words stay raw"},
        Row{"J\xc3\xb6rg <j\xc3\xb6@b\xc3\xbc.test>", "J\xc3\xb6rg<j\xc3\xb6@b\xc3\xbc.test>", "RFC 6532 UTF-8"},
        Row{"a@x.test,\r\n\tb@y.test", "<a@x.test> | <b@y.test>", "a folded field"},
        Row{"", "", "nothing at all: Bcc may be empty"}));

struct Refused {
    const char* text;
    AddressRule rule;
    const char* sentence;  // a piece of it
};

TEST(ParseAddresses, SaysWhatIsWrong)
{
    const auto any = AddressRule::addresses;
    for (const Refused& row :
         {Refused{"bob", any, "'bob' has no '@' and no domain"},
          Refused{"bob@", any, "no domain behind its '@'"},
          Refused{"\"\"@", any, "no domain behind its '@'"},
          Refused{"@x.test", any, "begins with '@'"},
          Refused{"bob smith@x.test", any, "blank before its '@'"},
          Refused{"Bob <bob@x.test", any, "not closed by '>'"},
          Refused{"Bob <>", any, "'<>' is not an address"},
          Refused{"Bob <bob>", any, "'bob' has no '@'"},
          Refused{"a@x.test; b@y.test", any, "not by ';'"},
          Refused{"a@x.test b@y.test", any, "behind the address 'a@x.test' stands"},
          Refused{"<a@x.test> junk", any, "behind '>' stands 'junk'"},
          Refused{"a..b@x.test", any, "not well-formed"},
          Refused{".a@x.test", any, "not well-formed"},
          Refused{"a.@x.test", any, "not well-formed"},
          Refused{"a@x..test", any, "a dot too many"},
          Refused{"a@x!y.test", any, "a character that no domain has"},
          Refused{"(never closed a@x.test", any, "comment that begins with '(' is never closed"},
          Refused{"\"never closed a@x.test", any, "never closed"},
          Refused{"a@[1.2.3.4", any, "not closed by ']'"},
          Refused{"friends: a@x.test", any, "'friends' is not closed by ';'"},
          Refused{"a@x.test\x01", any, "behind the address"},
          Refused{"a\x01@x.test", any, "control character"},
          Refused{"a@x.test <a@x.test>", any, "behind the address"},
          Refused{"a[b]@x.test", any, "'['"},
          Refused{"\xff@x.test", any, "not UTF-8"},
          Refused{"", any, "no address in it"},
          Refused{"g: a@x.test;", AddressRule::mailboxes, "a group must not stand here"},
          Refused{"a@x.test, b@y.test", AddressRule::one_mailbox, "one address and not several"}}) {
        const auto parsed = parse_addresses(row.text, row.rule);
        ASSERT_FALSE(parsed) << row.text;
        EXPECT_EQ(parsed.error().code, ErrorCode::malformed) << row.text;
        EXPECT_NE(parsed.error().text.find(row.sentence), std::string::npos)
            << row.text << " gave: " << parsed.error().text;
    }
}

TEST(ParseAddresses, SentencesAreSafeToSend)
{
    const auto parsed = parse_addresses("\x1b[31m\xc3\xa9\r\n250 ok", AddressRule::addresses);
    ASSERT_FALSE(parsed);
    for (const char c : parsed.error().text)
        EXPECT_TRUE(c >= ' ' && c < 0x7f) << parsed.error().text;
}

TEST(ParseAddresses, LengthsOfRfc5321)
{
    const std::string local64(64, 'a');
    EXPECT_TRUE(parse_addresses(local64 + "@x.test", AddressRule::addresses));
    EXPECT_FALSE(parse_addresses(local64 + "a@x.test", AddressRule::addresses));
    std::string domain;
    while (domain.size() < 255)
        domain += "abcd.";
    domain.resize(255, 'x');
    domain.back() = 'x';
    EXPECT_TRUE(parse_addresses("a@" + domain, AddressRule::addresses));
    EXPECT_FALSE(parse_addresses("a@" + domain + "x", AddressRule::addresses));
}

TEST(ReadAddresses, MakesTheBestOfWhatComes)
{
    for (const Row& row :
         {Row{"bob", "<bob@>", "a local name alone"}, Row{"Bob Builder", "Bob Builder<@>", "words are a name"},
          Row{"a@x.test; b@y.test", "<a@x.test> | <b@y.test>", "Outlook's semicolons"},
          Row{"a@x.test <b@y.test>", "a@x.test<b@y.test>", "an address as an unquoted name"},
          Row{"Bob bob@x.test", "Bob<bob@x.test>", "forgotten brackets"},
          Row{"Bob <bob@x.test", "Bob<bob@x.test>", "a forgotten '>'"},
          Row{"Bob <bob@x.test, Al <al@y.test>", "Bob<bob@x.test> | Al<al@y.test>", "and the next is found"},
          Row{"[List] Bob <b@x.test>", "[List] Bob<b@x.test>", "brackets in a name"},
          Row{"<<b@x.test>>", "<b@x.test>", "too many brackets"}, Row{"Bob <>", "Bob<@>", "no address"},
          Row{"friends: a@x.test", "friends: | <a@x.test> | ;", "an unclosed group is closed"},
          Row{"\"Bob\"bob@x.test", "Bob bob<@>",
              "words that touch are a phrase, and whose address it would be is not guessed"},
          Row{"\"Bob\"bob@x.test <a@x.test>", "Bob bob<a@x.test>", "and a name"},
          Row{"Dr. \"Bob\"bob@x.test", "Dr. Bob bob<@>", "and behind other words"},
          Row{"\"Bob\".b@x.test", "<Bob.b@x.test>", "joined by a dot they are a local part"},
          Row{"(open a@x.test", "", "an unclosed comment swallows the rest"},
          Row{"\"open <a@x.test>", "<open <a@x.test>@>", "an unclosed quote too"},
          Row{"a@x.test.", "<a@x.test.>", "a trailing dot stays"},
          Row{">,<,@,:,;", nullptr, "specials alone do no harm"}}) {
        const auto list = read_addresses(row.text);
        if (row.expected)
            EXPECT_EQ(summary(list), row.expected) << row.reason;
    }
}

TEST(ReadAddresses, NeverHoldsLineEndsOrNul)
{
    using namespace std::string_literals;
    const std::string text = "\"a\r\nb\0c\" <x\ry@\0z.test>, (c\rd) e@f.test"s;
    for (const Address& address : read_addresses(text))
        for (const std::string& part : {address.display_name, address.spec.local_part, address.spec.domain})
            EXPECT_EQ(part.find_first_of(std::string_view("\r\n\0", 3)), std::string::npos);
}

TEST(ReadAddresses, StopsAtItsLimit)
{
    std::string text = "group: ";
    for (int i = 0; i < 100; ++i)
        text += "a@x.test, ";
    EXPECT_EQ(read_addresses(text, 10).size(), 11u) << "ten, and the group's end";
    EXPECT_EQ(parse_addresses(text, AddressRule::addresses, 10).error().code, ErrorCode::malformed);
    EXPECT_EQ(parse_addresses(text.substr(7), AddressRule::addresses, 10).error().code, ErrorCode::too_large);
}

// docs/hostile.md A14. Linear: a quadratic parser would take minutes here and trip the test's time limit.
TEST(ReadAddresses, TakesHostileFields)
{
    constexpr std::size_t many = 200'000;
    const std::string open(many, '(');
    const std::string close(many, ')');
    EXPECT_EQ(summary(read_addresses(open + close + "a@x.test")), "<a@x.test>");
    EXPECT_TRUE(read_addresses(open).empty());
    std::string list;
    for (int i = 0; i < 100'000; ++i)
        list += "bob@x.test,";
    EXPECT_EQ(read_addresses(list, 1'000'000).size(), 100'000u);
    EXPECT_EQ(parse_addresses(list, AddressRule::addresses, 1'000'000)->size(), 100'000u);
    for (const char* piece :
         {"<", "@", "\"", ":", ";", "[", "a@b ", "a@", "\\", ".", "<a", ">", "\"a\"", "(", "()", "a b "}) {
        std::string text;
        while (text.size() < 1'000'000)
            text += piece;
        read_addresses(text);
        const auto strict = parse_addresses(text, AddressRule::addresses);
        EXPECT_TRUE(!strict) << piece;
    }
}

TEST(AddrSpec, QuotesWhereItMust)
{
    EXPECT_EQ((AddrSpec{"bob", "x.test"}).text(), "bob@x.test");
    EXPECT_EQ((AddrSpec{"a b", "x.test"}).text(), "\"a b\"@x.test");
    EXPECT_EQ((AddrSpec{"a..b", "x.test"}).text(), "\"a..b\"@x.test") << "two dots are no dot-atom";
    EXPECT_EQ((AddrSpec{"a\"\\", "x.test"}).text(), "\"a\\\"\\\\\"@x.test");
    EXPECT_EQ((AddrSpec{"", "x.test"}).text(), "\"\"@x.test");
    EXPECT_EQ((AddrSpec{"bob", ""}).text(), "bob");
}

TEST(AddrSpec, ParsesWhatPeopleType)
{
    EXPECT_EQ(parse_addr_spec(" alice@north.test ")->text(), "alice@north.test");
    EXPECT_EQ(parse_addr_spec("\"a b\"@x.test")->local_part, "a b");
    for (const char* bad :
         {"", "alice", "alice@", "a@x.test, b@y.test", "Alice <a@x.test>", "a@x.test;", "g: a@x.test;"})
        EXPECT_FALSE(parse_addr_spec(bad)) << bad;
}

TEST(Address, TextReadsBack)
{
    for (const char* name :
         {"", "Bob", "Bob B. Builder", "a \"b\"", "comma, name", " blank", "two  blanks", "=?utf-8?q?x?="}) {
        Address address;
        address.display_name = name;
        address.spec = {"bob", "x.test"};
        const auto list = parse_addresses(address.text(), AddressRule::one_mailbox);
        ASSERT_TRUE(list) << address.text();
        EXPECT_EQ((*list)[0], address) << address.text();
    }
}

}  // namespace
}  // namespace posthouse::message

#include "smtp/path_grammar.h"

#include <gtest/gtest.h>

namespace posthouse::smtp {
namespace {

struct Row {
    std::string_view written;
    std::string_view kept;  // as Path::text() writes it again; "!" where it is refused
    std::string_view why;
};

std::string read(std::string_view written)
{
    Cursor in(written);
    const auto path = forward_path(in);
    if (!path)
        return "!";
    return in.at_end() ? path->text() : "! rest: " + std::string(in.rest());
}

TEST(PathGrammar, Rows)
{
    const std::string longest(255, 'a');
    const Row rows[] = {
        {"<bob@north.test>", "bob@north.test", "the plain case"},
        {"<bob@NORTH.Test>", "bob@north.test", "domains are compared in lower case"},
        {"<Bob.Q.Public@north.test>", "Bob.Q.Public@north.test", "the local part keeps its case"},
        {"<postmaster>", "postmaster", "RFC 5321 section 4.1.1.3"},
        {"<PostMaster>", "postmaster", "in either case"},
        {"<bob+lists@north.test>", "bob+lists@north.test", "plus is atext"},
        {"<a!b%c@north.test>", "a!b%c@north.test", "bang and percent are atext: one local part, no routing"},
        {"<\"bob smith\"@north.test>", "\"bob smith\"@north.test", "needs its quotes again"},
        {"<\"bob\"@north.test>", "bob@north.test", "quotes that are not needed are no part of the name"},
        {"<\"b\\\"o\\\\b\"@north.test>", "\"b\\\"o\\\\b\"@north.test", "quoted pairs"},
        {"<\"a@b\"@north.test>", "\"a@b\"@north.test", "an @ in quotes is no separator"},
        {"<@a.test,@b.test:bob@north.test>", "bob@north.test", "a source route is ignored (section 3.3)"},
        {"<bob@[127.0.0.1]>", "bob@[127.0.0.1]", "address literal"},
        {"<bob@[IPv6:2001:DB8::1]>", "bob@[ipv6:2001:db8::1]", "and of IPv6"},
        {"<bøb@nørth.test>", "bøb@nørth.test", "RFC 6531"},
        {"<bob@my_host.test>", "bob@my_host.test", "underscores exist"},
        {"<bob@north.test", "!", "not closed"},
        {"bob@north.test", "!", "no brackets"},
        {"<>", "!", "nobody cannot get mail"},
        {"<bob>", "!", "only postmaster has no domain"},
        {"<@north.test>", "!", "no local part"},
        {"<bob@>", "!", "no domain"},
        {"<bob@north..test>", "!", "empty label"},
        {"<bob@.test>", "!", "empty label"},
        {"<bob@north.test.>", "!", "no final dot in SMTP"},
        {"<bob@-north.test>", "!", "hyphen at the edge"},
        {"<bob@north-.test>", "!", "hyphen at the edge"},
        {"<.bob@north.test>", "!", "dot at the edge"},
        {"<bob.@north.test>", "!", "dot at the edge"},
        {"<b..ob@north.test>", "!", "two dots"},
        {"<bob smith@north.test>", "!", "a space needs quotes"},
        {"<bob@north test>", "!", "a space"},
        {"<bob@a@north.test>", "!", "two @"},
        {"<\"bob@north.test>", "!", "quote not closed"},
        {"<\"\"@north.test>", "!", "empty"},
        {"<\"a\rb\"@north.test>", "!", "control in quotes"},
        {"<bob@[127.0.0.1>", "!", "literal not closed"},
        {"<bob@[127.0.0.256]>", "!", "no such address"},
        {"<bob@[evil]>", "!", "no such kind"},
        {"<@a.test:bob@b.test,@c.test>", "!", "a route behind the address"},
        {"<b\xff@north.test>", "!", "not UTF-8"},
        {"<b\xe2\x80\xaexb@north.test>", "!", "a bidirectional override"},
        {"<b\xc2\x9b@north.test>", "!", "a C1 control"},
    };
    for (const Row& row : rows)
        EXPECT_EQ(read(row.written), row.kept) << row.written << ": " << row.why;
    EXPECT_EQ(read("<" + longest + "@north.test>"), longest + "@north.test");
    EXPECT_EQ(read("<" + longest + "a@north.test>"), "!");
    EXPECT_EQ(read("<bob@" + std::string(64, 'a') + ".test>"), "!");
    std::string deep = "a";
    for (int i = 0; i < 127; ++i)
        deep += ".a";
    EXPECT_EQ(read("<bob@" + deep + ">"), "bob@" + deep);
    EXPECT_EQ(read("<bob@" + deep + ".a>"), "!");
}

TEST(PathGrammar, NullReversePath)
{
    Cursor in("<> SIZE=1");
    const auto path = reverse_path(in);
    ASSERT_TRUE(path);
    EXPECT_TRUE(path->is_null());
    EXPECT_EQ(path->text(), "");
    EXPECT_EQ(in.rest(), " SIZE=1");
}

TEST(PathGrammar, GreetingNames)
{
    for (const std::string_view name : {"telnet", "mail.example.org", "[127.0.0.1]", "[IPv6:::1]", "my_pc", "::1"})
        EXPECT_TRUE(is_greeting_name(name)) << name;
    for (const std::string_view name :
         {"", "a b", "a(b)", "<x>", "a\x1b[2J", "[127.0.0.1", "a\"b", "b\xc3\xb8", "[[[", "a;b", "a,b", "a@b"})
        EXPECT_FALSE(is_greeting_name(name)) << name;
    EXPECT_FALSE(is_greeting_name(std::string(256, 'a')));
}

}  // namespace
}  // namespace posthouse::smtp

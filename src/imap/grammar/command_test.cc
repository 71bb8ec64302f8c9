#include "imap/grammar/command.h"

#include <gtest/gtest.h>

namespace posthouse::imap {
namespace {

template <class T> T arguments_of(std::string_view text)
{
    auto command = parse_command(text);
    EXPECT_TRUE(command) << text << ": " << (command ? "" : command.error().reason);
    return command ? std::get<T>(std::move(command->arguments)) : T{};
}

TEST(Command, ReadsTagVerbAndForm)
{
    const auto command = parse_command("a.1 uid Fetch 1:* flags");
    ASSERT_TRUE(command);
    EXPECT_EQ(command->tag, "a.1");
    EXPECT_EQ(command->verb, Verb::fetch);
    EXPECT_TRUE(command->by_uid);
}

TEST(Command, Login)
{
    const auto quoted = arguments_of<LoginArguments>(R"(a LOGIN "al\"ice" "p\\w")");
    EXPECT_EQ(quoted.user, "al\"ice");
    EXPECT_EQ(quoted.password, "p\\w");
    const auto literal = arguments_of<LoginArguments>("a LOGIN {5}\r\nalice {4+}\r\np w\"");
    EXPECT_EQ(literal.user, "alice");
    EXPECT_EQ(literal.password, "p w\"");
    EXPECT_EQ(arguments_of<LoginArguments>("a login a]b \"gr\xc3\xbc\xc3\x9f\"").user, "a]b");
}

TEST(Command, MailboxNamesAreDecoded)
{
    EXPECT_EQ(arguments_of<SelectArguments>("a SELECT Entw&APw-rfe (CONDSTORE)").mailbox, "Entwürfe");
    EXPECT_TRUE(arguments_of<SelectArguments>("a SELECT x (CONDSTORE)").condstore);
    const auto wrong = parse_command("a SELECT \"&AGE-\"");
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().kind, SyntaxError::Kind::bad_name);
    EXPECT_EQ(wrong.error().tag, "a");
}

TEST(Command, CreateWithSpecialUse)
{
    EXPECT_EQ(arguments_of<CreateArguments>("a CREATE x (USE (\\Sent))").special_use, "\\Sent");
    EXPECT_EQ(arguments_of<CreateArguments>("a CREATE x").special_use, "");
    EXPECT_FALSE(parse_command("a CREATE x (USE (\\Sent \\Junk))"));
}

TEST(Command, List)
{
    const auto plain = arguments_of<ListArguments>("a LIST \"\" %");
    EXPECT_EQ(plain.patterns, (std::vector<std::string>{"%"}));
    EXPECT_FALSE(plain.is_extended);
    // RFC 5258 section 5, RFC 5819 section 3
    const auto extended = arguments_of<ListArguments>(
        R"(a LIST (SUBSCRIBED RECURSIVEMATCH) "" (INBOX "Drafts" "Sent/%") RETURN (CHILDREN STATUS (MESSAGES UNSEEN)))");
    EXPECT_TRUE(extended.select_subscribed && extended.recursive_match && extended.return_children);
    EXPECT_EQ(extended.patterns.size(), 3u);
    EXPECT_EQ(extended.return_status, (std::vector{StatusItem::messages, StatusItem::unseen}));
    EXPECT_FALSE(parse_command("a LIST (RECURSIVEMATCH) \"\" %")) << "RFC 5258 section 3.1";
}

TEST(Command, Store)
{
    const auto add = arguments_of<StoreArguments>("a STORE 2:4 +FLAGS.SILENT (\\Deleted work)");
    EXPECT_EQ(add.change, StoreArguments::Change::add);
    EXPECT_TRUE(add.silent);
    EXPECT_EQ(add.flags, (std::vector<std::string>{"\\Deleted", "work"}));
    const auto bare = arguments_of<StoreArguments>("a STORE 1 FLAGS \\Seen \\Draft");
    EXPECT_EQ(bare.flags.size(), 2u);
    EXPECT_EQ(arguments_of<StoreArguments>("a STORE 1 (UNCHANGEDSINCE 12) -FLAGS ()").unchanged_since, 12u);
    EXPECT_FALSE(parse_command("a STORE 1 FLAGS (\\Recent)")) << "nobody sets \\Recent";
}

TEST(Command, Fetch)
{
    const auto fetch = arguments_of<FetchArguments>("a FETCH 2:4 (FLAGS BODY[HEADER.FIELDS (DATE FROM)])");
    ASSERT_EQ(fetch.attributes.size(), 2u);
    EXPECT_EQ(fetch.attributes[1].section.fields, (std::vector<std::string>{"DATE", "FROM"}));
    EXPECT_EQ(fetch.attributes[1].section.text, Section::Text::header_fields);
    const auto partial = arguments_of<FetchArguments>("a FETCH 1 BODY.PEEK[1.2.MIME]<5.10> (CHANGEDSINCE 7)");
    EXPECT_EQ(partial.attributes[0].section.part, (std::vector<std::uint32_t>{1, 2}));
    EXPECT_EQ(partial.attributes[0].partial, (Partial{5, 10}));
    EXPECT_TRUE(partial.attributes[0].peek);
    EXPECT_EQ(partial.changed_since, 7u);
    EXPECT_EQ(arguments_of<FetchArguments>("a FETCH 1 FULL").attributes.size(), 5u);
    EXPECT_EQ(arguments_of<FetchArguments>("a FETCH 1 (PREVIEW (LAZY))").attributes[0].kind,
              FetchAttribute::Kind::preview);
}

TEST(Command, SearchReturn)
{
    const auto all = arguments_of<SearchArguments>("a SEARCH RETURN () SEEN");
    EXPECT_TRUE(all.is_extended && all.return_all);
    const auto some = arguments_of<SearchArguments>("a SEARCH RETURN (MIN COUNT) SEEN");
    EXPECT_TRUE(some.return_min && some.return_count && !some.return_all);
}

TEST(Command, IdLeavesNilOut)
{
    const auto id = arguments_of<IdArguments>(R"(a ID ("name" "mutt" "os" NIL))");
    ASSERT_EQ(id.fields.size(), 1u);
    EXPECT_EQ(id.fields[0].second, "mutt");
    EXPECT_TRUE(arguments_of<IdArguments>("a ID NIL").fields.empty());
}

struct Wrong {
    std::string_view why;
    std::string_view text;
    std::string_view tag;
};
constexpr Wrong wrong[]{
    {"nothing", "", ""},
    {"no tag", " NOOP", ""},
    {"a plus in the tag", "a+ NOOP", ""},
    {"only a tag, which may be a password gone astray", "a", ""},
    {"no command", "a ", "a"},
    {"unknown", "a FROBNICATE", "a"},
    {"more than its arguments", "a NOOP now", "a"},
    {"two blanks", "a  NOOP", "a"},
    {"no UID form", "a UID SELECT x", "a"},
    {"set of nothing", "a FETCH 0 FLAGS", "a"},
    {"A12: number too big", "a FETCH 4294967296 FLAGS", "a"},
    {"set with a hole", "a FETCH 1,,2 FLAGS", "a"},
    {"section not closed", "a FETCH 1 BODY[1", "a"},
    {"part 0", "a FETCH 1 BODY[0]", "a"},
    {"MIME of the whole", "a FETCH 1 BODY[MIME]", "a"},
    {"partial of nothing", "a FETCH 1 BODY[]<0.0>", "a"},
    {"header list of nothing", "a FETCH 1 BODY[HEADER.FIELDS ()]", "a"},
    {"unknown item", "a STATUS x (SMELL)", "a"},
    {"quoted string not closed", "a LOGIN \"x y", "a"},
    {"a CR in a quoted string", "a LOGIN \"x\ry\" z", "a"},
    {"a NUL", std::string_view("a LOGIN \"x\0y\" z", 15), "a"},
    {"literal longer than what is there", "a LOGIN {10}\r\nx y", "a"},
    {"escape of a letter", R"(a LOGIN "\x" y)", "a"},
};

TEST(Command, RefusesWithTagAndReason)
{
    for (const Wrong& row : wrong) {
        const auto command = parse_command(row.text);
        ASSERT_FALSE(command) << row.why;
        EXPECT_EQ(command.error().tag, row.tag) << row.why;
        EXPECT_FALSE(command.error().reason.empty()) << row.why;
    }
}

TEST(Command, TooManyFetchAttributes)
{
    std::string text = "a FETCH 1 (FLAGS";
    for (int i = 0; i < 1000; ++i)
        text += " BODY[]";
    EXPECT_FALSE(parse_command(text + ")"));
}

TEST(Command, PurposeOfLiterals)
{
    using Kind = LiteralPurpose::Kind;
    EXPECT_EQ(purpose_of_literal("a LOGIN {5}").kind, Kind::argument);
    EXPECT_EQ(purpose_of_literal("a APPEND {5}").kind, Kind::argument);
    EXPECT_EQ(purpose_of_literal("a XYZZY {5}").kind, Kind::wrong);
    EXPECT_EQ(purpose_of_literal("a APPEND INBOX (\\Seen {5}").kind, Kind::wrong);
    const LiteralPurpose named = purpose_of_literal("a APPEND {5}\r\nINBOX (\\Seen) {300+}");
    EXPECT_EQ(named.kind, Kind::message);
    EXPECT_EQ(std::get<AppendArguments>(named.append.arguments).mailbox, "INBOX");
    const LiteralPurpose dated = purpose_of_literal(R"(a APPEND saved (\Seen) "17-Jul-1996 02:44:25 -0700" {310})");
    ASSERT_EQ(dated.kind, Kind::message);
    const auto& append = std::get<AppendArguments>(dated.append.arguments);
    EXPECT_EQ(append.flags, (std::vector<std::string>{"\\Seen"}));
    using namespace std::chrono;
    EXPECT_EQ(*append.date, WallTime(sys_days(July / 17 / 1996) + 9h + 44min + 25s));
}

}  // namespace
}  // namespace posthouse::imap

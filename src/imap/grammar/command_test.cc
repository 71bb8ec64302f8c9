#include "imap/grammar/command.h"

#include "imap/grammar/message_url.h"

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
    EXPECT_TRUE(all.result.is_extended && all.result.all);
    const auto some = arguments_of<SearchArguments>("a SEARCH RETURN (MIN COUNT) SEEN");
    EXPECT_TRUE(some.result.min && some.result.count && !some.result.all);
}

TEST(Command, SearchReturnOfExtensions)
{
    // RFC 5182 section 2.2, RFC 9394 section 3.1
    const auto saved = arguments_of<SearchArguments>("a UID SEARCH RETURN (SAVE) $ SMALLER 4096");
    EXPECT_TRUE(saved.result.save && !saved.result.all);
    EXPECT_EQ(saved.program.keys.front().kind, SearchKey::Kind::saved);
    const auto window = arguments_of<SearchArguments>("a UID SEARCH RETURN (PARTIAL -1:-100) UNDELETED");
    EXPECT_EQ(window.result.partial, (PartialRange{.first = 1, .last = 100, .from_end = true}));
    EXPECT_EQ(window.result.partial->text(), "-1:-100");
    EXPECT_FALSE(parse_command("a SEARCH RETURN (PARTIAL 1:-5) ALL"));
    EXPECT_FALSE(parse_command("a SEARCH RETURN (PARTIAL 0:5) ALL"));
    EXPECT_FALSE(parse_command("a SEARCH RETURN (ALL PARTIAL 1:5) ALL"));
}

TEST(Command, SortAndThread)
{
    // RFC 5256 section 3, RFC 5267 section 3
    const auto sort = arguments_of<SortArguments>("a SORT (SUBJECT REVERSE DATE) UTF-8 ALL");
    ASSERT_EQ(sort.criteria.size(), 2u);
    EXPECT_TRUE(sort.criteria[1].reverse && sort.criteria[1].key == SortCriterion::Key::date);
    EXPECT_EQ(sort.program.charset, "UTF-8");
    EXPECT_FALSE(sort.result.is_extended);
    EXPECT_TRUE(arguments_of<SortArguments>("a UID SORT RETURN (COUNT) (DISPLAYFROM) UTF-8 ALL").result.count);
    EXPECT_FALSE(parse_command("a SORT () UTF-8 ALL"));
    EXPECT_FALSE(parse_command("a SORT (REVERSE) UTF-8 ALL"));
    EXPECT_FALSE(parse_command("a SORT (DATE) ALL")) << "the charset is not optional";
    const auto thread = arguments_of<ThreadArguments>("a THREAD ORDEREDSUBJECT UTF-8 SINCE 5-MAR-2000");
    EXPECT_EQ(thread.algorithm, ThreadArguments::Algorithm::ordered_subject);
    EXPECT_FALSE(parse_command("a THREAD REFS UTF-8 ALL"));
}

TEST(Command, SelectResynchronises)
{
    // RFC 7162 section 3.2.5
    const auto all = arguments_of<SelectArguments>(
        "a SELECT INBOX (QRESYNC (67890007 90060115194045000 41,43:211,214:541 (1:5 2:7)))");
    ASSERT_TRUE(all.resynchronise);
    EXPECT_EQ(all.resynchronise->modseq, 90060115194045000u);
    EXPECT_EQ(all.resynchronise->known_uids->text(), "41,43:211,214:541");
    EXPECT_TRUE(all.resynchronise->has_sequence_match);
    EXPECT_TRUE(arguments_of<SelectArguments>("a SELECT x (QRESYNC (1 2))").resynchronise);
    EXPECT_TRUE(arguments_of<SelectArguments>("a SELECT x (QRESYNC (1 2 (1 1)))").resynchronise);
    EXPECT_FALSE(parse_command("a SELECT x (QRESYNC (0 2))"));
    EXPECT_FALSE(parse_command("a SELECT x (QRESYNC (1 2"));
    EXPECT_TRUE(arguments_of<FetchArguments>("a UID FETCH 1:* FLAGS (CHANGEDSINCE 1 VANISHED)").vanished);
    EXPECT_TRUE(arguments_of<FetchArguments>("a UID FETCH 1:* FLAGS (PARTIAL -1:-30)").partial);
}

TEST(Command, FetchBinary)
{
    using Kind = FetchAttribute::Kind;
    const auto fetch = arguments_of<FetchArguments>("a FETCH 1 (BINARY.PEEK[1.2]<0.9> BINARY[] BINARY.SIZE[3])");
    EXPECT_TRUE(fetch.attributes[0].kind == Kind::binary && fetch.attributes[0].peek && fetch.attributes[0].partial);
    EXPECT_TRUE(fetch.attributes[1].kind == Kind::binary && !fetch.attributes[1].peek);
    EXPECT_EQ(fetch.attributes[2].kind, Kind::binary_size);
    EXPECT_FALSE(parse_command("a FETCH 1 BINARY[1.HEADER]"));
}

TEST(Command, AppendInStretches)
{
    using Kind = AppendStep::Kind;
    const auto kinds = [](const std::vector<AppendStep>& steps) {
        std::vector<Kind> all;
        for (const AppendStep& step : steps)
            all.push_back(step.kind);
        return all;
    };
    // RFC 3502 section 6.3.11
    AppendSyntax several;
    EXPECT_EQ(kinds(*several.read(" (\\Seen) ", true)), (std::vector{Kind::begin, Kind::literal, Kind::end}));
    EXPECT_TRUE(several.is_complete());
    EXPECT_EQ(kinds(*several.read(" \" 7-Feb-1994 22:43:04 -0800\" ", true)),
              (std::vector{Kind::begin, Kind::literal, Kind::end}));
    EXPECT_TRUE(several.read("", false)->empty());
    // RFC 4469 section 3
    AppendSyntax parts;
    EXPECT_EQ(kinds(*parts.read(" CATENATE (URL \"/INBOX/;UID=1\" TEXT ", true)),
              (std::vector{Kind::begin, Kind::url, Kind::literal}));
    EXPECT_FALSE(parts.is_complete());
    EXPECT_EQ(kinds(*parts.read(" URL x)", false)), (std::vector{Kind::url, Kind::end}));
    for (const char* wrong :
         {"", " ", " (\\Seen)", " CATENATE (", " CATENATE (URL x", " CATENATE (TEXT x)", " UTF8 (x)"}) {
        AppendSyntax syntax;
        EXPECT_FALSE(syntax.read(wrong, false)) << wrong;
    }
    EXPECT_EQ(purpose_of_literal("a APPEND Drafts CATENATE (URL {9}").kind, LiteralPurpose::Kind::argument);
    EXPECT_EQ(purpose_of_literal("a APPEND Drafts UTF8 (~{9+}").kind, LiteralPurpose::Kind::message);
    EXPECT_EQ(purpose_of_literal("a REPLACE 4 {9}").kind, LiteralPurpose::Kind::argument);
    EXPECT_EQ(purpose_of_literal("a UID REPLACE 4 Drafts {9}").kind, LiteralPurpose::Kind::message);
    EXPECT_EQ(purpose_of_literal("a REPLACE 4,5 Drafts {9}").kind, LiteralPurpose::Kind::wrong);
}

TEST(Command, MessageUrls)
{
    // RFC 5092 section 9, RFC 4469 section 3
    const auto part =
        message_url("imap://minbari.example.org/gray-council;UIDVALIDITY=385759045/;UID=20/;PARTIAL=0.1024");
    ASSERT_TRUE(part);
    EXPECT_EQ(part->host, "minbari.example.org");
    EXPECT_EQ(part->mailbox, "gray-council");
    EXPECT_EQ(part->uid_validity, 385759045u);
    EXPECT_EQ(part->partial, (Partial{0, 1024}));
    const auto nested = message_url("/a%2Fb/c/;UID=7/;SECTION=1.2.MIME");
    ASSERT_TRUE(nested);
    EXPECT_EQ(nested->mailbox, "a/b/c");
    EXPECT_EQ(nested->section.text, Section::Text::mime);
    EXPECT_EQ(message_url("imap://psicorp.example.org/~peter/%E6%97%A5%E6%9C%AC/;uid=1")->mailbox, "~peter/日本");
    EXPECT_EQ(message_url("imap://michael;AUTH=*@x.test/INBOX/;UID=1")->user, "michael");
    EXPECT_EQ(message_url("/;UID=3")->mailbox, "");
    for (const char* wrong : {"", "/INBOX", "imap://", "/INBOX/;UID=0", "/%zz/;UID=1", "/%ff/;UID=1",
                              "/x/;UID=1/;SECTION=x", "/x/;UID=1 ", "/%00/;UID=1", "http://x/;UID=1"})
        EXPECT_FALSE(message_url(wrong)) << wrong;
}

TEST(Command, AccountCommands)
{
    EXPECT_EQ(arguments_of<QuotaArguments>("a SETQUOTA \"\" (STORAGE 512)").limits.front().second, 512u);
    EXPECT_EQ(arguments_of<QuotaArguments>("a GETQUOTA \"!partition/sda4\"").root, "!partition/sda4");
    // RFC 4314 section 3
    const auto acl = arguments_of<AclArguments>("a SETACL INBOX/Drafts chris +r");
    EXPECT_EQ(acl.identifier + acl.rights, "chris+r");
    EXPECT_FALSE(parse_command("a SETACL INBOX chris"));
    EXPECT_EQ(arguments_of<AclArguments>("a LISTRIGHTS ~/Mail/saved smith").identifier, "smith");
    // RFC 5464 section 4.2
    const auto get =
        arguments_of<GetMetadataArguments>("a GETMETADATA (MAXSIZE 1024 DEPTH 1) \"INBOX\" /shared/comment");
    EXPECT_EQ(get.most_size, 1024u);
    EXPECT_EQ(get.depth, 1u);
    EXPECT_EQ(get.entries, (std::vector<std::string>{"/shared/comment"}));
    EXPECT_EQ(
        arguments_of<GetMetadataArguments>("a GETMETADATA \"\" (/Shared/Comment /private/comment)").entries.size(), 2u);
    EXPECT_EQ(arguments_of<GetMetadataArguments>("a GETMETADATA INBOX (DEPTH infinity) /shared").depth,
              GetMetadataArguments::most_depth);
    EXPECT_FALSE(parse_command("a GETMETADATA INBOX comment"));
    EXPECT_FALSE(parse_command("a GETMETADATA INBOX /shared/*"));
    const auto set = arguments_of<SetMetadataArguments>(
        "a SETMETADATA INBOX (/private/comment {3}\r\nx\"y /shared/comment NIL /private/z ~{1}\r\nb)");
    ASSERT_EQ(set.entries.size(), 3u);
    EXPECT_EQ(set.entries[0].second, "x\"y");
    EXPECT_FALSE(set.entries[1].second);
    // RFC 10022 section 3.1
    const auto batches = arguments_of<UidBatchesArguments>("a UIDBATCHES 2000 10:20");
    EXPECT_TRUE(batches.size == 2000 && batches.first == 10 && batches.last == 20);
    EXPECT_EQ(arguments_of<CompressArguments>("a COMPRESS deflate").mechanism, "DEFLATE");
}

TEST(Command, NotifyAndMultiSearch)
{
    using Kind = MailboxFilter::Kind;
    // RFC 5465 section 3.1; events stand in parentheses
    EXPECT_FALSE(parse_command("a NOTIFY SET (selected MessageNew MessageExpunge)"));
    const auto good = arguments_of<NotifyArguments>(
        "a NOTIFY SET STATUS (selected (MessageNew (UID BODY.PEEK[HEADER.FIELDS (FROM)]) MessageExpunge)) "
        "(subtree (Lists work) (MessageNew MessageExpunge MailboxName)) (personal NONE)");
    ASSERT_EQ(good.groups.size(), 3u);
    EXPECT_TRUE(good.status);
    EXPECT_EQ(good.groups[0].attributes.size(), 2u);
    EXPECT_EQ(good.groups[1].filter.names.size(), 2u);
    EXPECT_TRUE(good.groups[1].mailbox_name && !good.groups[2].message_new);
    EXPECT_TRUE(arguments_of<NotifyArguments>("a NOTIFY NONE").groups.empty());
    // RFC 7377 section 2.2
    const auto search = arguments_of<MultiSearchArguments>(
        "tag1 ESEARCH IN (mailboxes \"folder1\" subtree \"folder2\") unseen subject \"chad\"");
    ASSERT_EQ(search.sources.size(), 2u);
    EXPECT_EQ(search.sources[1].kind, Kind::subtree);
    EXPECT_TRUE(arguments_of<MultiSearchArguments>("a ESEARCH RETURN (COUNT) ALL").result.count);
    EXPECT_FALSE(parse_command("a ESEARCH IN () ALL"));
}

TEST(Command, NamesInUtf8)
{
    const auto command = parse_command("a SELECT \"Entw\xc3\xbcrfe & mehr\"", NameEncoding::utf8);
    ASSERT_TRUE(command);
    EXPECT_EQ(std::get<SelectArguments>(command->arguments).mailbox, "Entwürfe & mehr");
    EXPECT_FALSE(parse_command("a SELECT \"\xc3\"", NameEncoding::utf8));
    EXPECT_EQ(std::get<SelectArguments>(parse_command("a SELECT A&-B", NameEncoding::utf8)->arguments).mailbox, "A&-B");
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
    ASSERT_EQ(append.steps.size(), 3u);
    EXPECT_EQ(append.steps[0].flags, (std::vector<std::string>{"\\Seen"}));
    using namespace std::chrono;
    EXPECT_EQ(*append.steps[0].date, WallTime(sys_days(July / 17 / 1996) + 9h + 44min + 25s));
}

}  // namespace
}  // namespace posthouse::imap

#include "imap/grammar/search_program.h"

#include <gtest/gtest.h>

namespace posthouse::imap {
namespace {

using Kind = SearchKey::Kind;

std::expected<SearchProgram, std::string> parsed(std::string_view text)
{
    Cursor in(text);
    return search_program(in);
}

std::vector<Kind> kinds(std::string_view text)
{
    const auto program = parsed(text);
    std::vector<Kind> all;
    if (program)
        for (const SearchKey& key : program->keys)
            all.push_back(key.kind);
    return all;
}

TEST(SearchProgram, BecomesPostfix)
{
    EXPECT_EQ(kinds("ALL"), (std::vector{Kind::all}));
    EXPECT_EQ(kinds("1:3 DELETED"), (std::vector{Kind::numbers, Kind::flag, Kind::all_of}));
    EXPECT_EQ(kinds("NOT SEEN"), (std::vector{Kind::flag, Kind::negation}));
    EXPECT_EQ(kinds("OR NEW NOT OLD"), (std::vector{Kind::fresh, Kind::old, Kind::negation, Kind::any_of}));
    EXPECT_EQ(kinds("(NEW)"), (std::vector{Kind::fresh}));
    EXPECT_EQ(kinds("NOT (NEW OLD) RECENT"),
              (std::vector{Kind::fresh, Kind::old, Kind::all_of, Kind::negation, Kind::recent, Kind::all_of}));
    EXPECT_EQ(kinds("OR (NEW OLD) ALL"), (std::vector{Kind::fresh, Kind::old, Kind::all_of, Kind::all, Kind::any_of}));
}

// RFC 6203 section 7: it marks the keys in it, however deep.
TEST(SearchProgram, Fuzzy)
{
    const auto marks = [](std::string_view text) {
        std::string all;
        const auto program = parsed(text);
        for (const SearchKey& key : program ? program->keys : std::vector<SearchKey>())
            all += key.fuzzy && key.negated ? 'b' : key.fuzzy ? 'f' : key.negated ? 'n' : '-';
        return all;
    };
    EXPECT_EQ(marks("FUZZY SUBJECT x FROM y"), "f--");
    EXPECT_EQ(marks("FUZZY (SUBJECT x NOT FROM y) SEEN"), "fb----");
    EXPECT_EQ(marks("NOT FUZZY BODY x"), "b-");
    EXPECT_EQ(marks("NOT SEEN FUZZY FUZZY BODY x"), "n-f-");
    EXPECT_EQ(marks("OR FUZZY BODY x BODY y"), "f--");
    EXPECT_FALSE(parsed("FUZZY"));
    EXPECT_FALSE(parsed("FUZZY "));
    EXPECT_FALSE(parsed("FUZZY ()"));
    std::string deep;
    for (std::size_t i = 0; i < SearchProgram::most_keys; ++i)
        deep += "FUZZY ";
    EXPECT_FALSE(parsed(deep + "ALL")) << "as deep as any other";
}

TEST(SearchProgram, ReadsArguments)
{
    // RFC 3501 section 6.4.4
    const auto program = parsed("FLAGGED SINCE 1-Feb-1994 NOT FROM \"Smith\"");
    ASSERT_TRUE(program);
    EXPECT_EQ(program->keys[0].text, "\\Flagged");
    EXPECT_EQ(program->keys[1].day, std::chrono::sys_days(std::chrono::year(1994) / 2 / 1));
    EXPECT_EQ(program->keys[2].text, "Smith");

    const auto header = parsed("CHARSET utf-8 HEADER X-Spam {3}\r\nyes LARGER 18446744073709551615");
    EXPECT_FALSE(header) << "A12: 64 bits are one too many";
    const auto good = parsed("CHARSET utf-8 HEADER X-Spam {3}\r\nyes LARGER 100 UID 5:*");
    ASSERT_TRUE(good);
    EXPECT_EQ(good->charset, "utf-8");
    EXPECT_EQ(good->keys[0].field, "X-Spam");
    EXPECT_EQ(good->keys[0].text, "yes");
    EXPECT_EQ(good->keys[1].number, 100u);
    EXPECT_EQ(good->keys[2].set.text(), "5:*");
    const auto modseq = parsed("MODSEQ \"/flags/\\\\draft\" all 620162338");
    ASSERT_TRUE(modseq);
    EXPECT_EQ(modseq->keys[0].number, 620162338u);
}

// RFC 9738 section 3.2: unlike "UID 8:*", never the last message where it has a lower UID.
TEST(SearchProgram, UidAfterAndBefore)
{
    const auto set = [](std::string_view text) {
        const auto program = parsed(text);
        EXPECT_TRUE(program) << text;
        return program && program->keys[0].kind == Kind::uids ? program->keys[0].set.text() : "?";
    };
    EXPECT_EQ(set("UIDAFTER 7"), "8:4294967295");
    EXPECT_EQ(set("uidbefore 7 SEEN"), "1:6");
    EXPECT_EQ(set("UIDBEFORE 2"), "1");
    EXPECT_EQ(set("UIDBEFORE 1"), "") << "nothing is below";
    EXPECT_EQ(set("UIDAFTER 4294967295"), "") << "nothing is above";
    for (const std::string_view wrong :
         {"UIDAFTER", "UIDAFTER 0", "UIDBEFORE *", "UIDBEFORE 1:2", "UIDAFTER 4294967296", "UIDAFTER $"})
        EXPECT_FALSE(parsed(wrong)) << wrong;
}

struct Wrong {
    std::string_view why;
    std::string text;
};

std::string repeated(std::string_view text, std::size_t count)
{
    std::string out;
    while (count-- > 0)
        out += text;
    return out;
}

TEST(SearchProgram, RefusesWithAReason)
{
    const Wrong rows[]{
        {"nothing", ""},
        {"unknown", "SMELLS"},
        {"a word that only begins like one", "ALLOW"},
        {"an operand is missing", "OR SEEN"},
        {"NOT of nothing", "NOT"},
        {"empty parentheses", "()"},
        {"not closed", "(ALL"},
        {"closed too often", "ALL)"},
        {"two blanks", "SEEN  OLD"},
        {"a blank at the end", "SEEN "},
        {"a blank at the end in parentheses", "(SEEN )"},
        {"no such date", "BEFORE 30-Feb-2020"},
        {"A16: parentheses", repeated("(", 100'000)},
        {"A16: NOT", repeated("NOT ", 100'000) + "ALL"},
        {"A16: OR", repeated("OR ALL ", 100'000) + "ALL"},
    };
    for (const Wrong& row : rows) {
        const auto program = parsed(row.text);
        ASSERT_FALSE(program) << row.why;
        EXPECT_FALSE(program.error().empty()) << row.why;
    }
}

TEST(SearchProgram, DeepButWithinTheLimit)
{
    EXPECT_EQ(kinds(repeated("NOT ", 1900) + "ALL").size(), 1901u);
    EXPECT_EQ(kinds(repeated("(", 1900) + "ALL" + repeated(")", 1900)).size(), 1u);
}

}  // namespace
}  // namespace posthouse::imap

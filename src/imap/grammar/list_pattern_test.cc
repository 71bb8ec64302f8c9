#include "imap/grammar/list_pattern.h"

#include <gtest/gtest.h>

namespace posthouse::imap {
namespace {

struct Row {
    std::string_view pattern;
    std::string_view name;
    bool matches;
};
constexpr Row rows[]{
    {"", "", true},
    {"", "a", false},
    {"*", "", true},
    {"*", "a/b", true},
    {"%", "a", true},
    {"%", "a/b", false},
    {"%/%", "a/b", true},
    {"a%", "abc", true},
    {"a%", "abc/d", false},
    {"a*", "abc/d", true},
    {"a%d", "a/d", false},
    {"%*", "a/b", true},
    {"*%", "a/b", true},
    {"%%", "a/b", false},
    {"a/*", "a", false},
    {"a/%", "a/", true},
    {"*b*d", "abcd", true},
    {"*b*d", "abcde", false},
    {"%/x/%", "a/x/b", true},
    {"INBOX", "inbox", false},
    {"a*b%c", "a/x/bc", true},
    {"a*b%c", "a/x/b/c", false},
};

TEST(ListPattern, Matches)
{
    for (const Row& row : rows)
        EXPECT_EQ(ListPattern(row.pattern).matches(row.name), row.matches) << row.pattern << " of " << row.name;
}

// HOSTILE A17: patterns that make backtracking matchers take for ever.
TEST(ListPattern, DoesNotBacktrack)
{
    std::string pattern;
    for (int i = 0; i < 500; ++i)
        pattern += i % 2 == 0 ? "*a" : "%a";
    const std::string name(1000, 'a');
    EXPECT_TRUE(ListPattern(pattern).matches(name));
    EXPECT_FALSE(ListPattern(pattern + "b").matches(name));
    EXPECT_FALSE(ListPattern(std::string(100'000, 'a') + "*").matches(name)) << "longer than any name";
    EXPECT_TRUE(ListPattern(std::string(100'000, '*')).matches(name));
    EXPECT_EQ(ListPattern(std::string(100'000, '*')).text(), "*");
}

}  // namespace
}  // namespace posthouse::imap

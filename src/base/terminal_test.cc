#include "base/terminal.h"

#include <gtest/gtest.h>

namespace posthouse {
namespace {

TEST(Table, FitsTheWidthByTheShrinkingColumn)
{
    Table table({{"ID"}, {"Subject", Align::left, true}, {"Size", Align::right}});
    table.add({"1", "a subject that is far too long for this line", "12"});
    table.add({"2", "short", "7"});
    EXPECT_EQ(table.text(30, false),
              "ID  Subject               Size\n"
              "1   a subject that is f…    12\n"
              "2   short                    7\n");
}

TEST(Table, ToAPipeIsTabSeparatedWithoutTitles)
{
    Table table({{"A"}, {"B"}});
    table.add({"x", "y\tz"});
    EXPECT_EQ(table.separated(), "x\ty\\x09z\n") << "a tab inside a value must not make a column";
}

TEST(Table, ControlsNeverReachTheTerminal)
{
    Table table({{"A"}});
    table.add({"\x1b[2J"});
    EXPECT_EQ(table.text(80, false).find('\x1b'), std::string::npos);
}

TEST(Width, CountsWhatATerminalShows)
{
    EXPECT_EQ(display_width("abc"), 3u);
    EXPECT_EQ(display_width("日本"), 4u) << "wide";
    EXPECT_EQ(display_width("e\u0301"), 1u) << "a combining accent takes no column";
    EXPECT_EQ(fitted("日本語", 4), "日…") << "a wide character is never halved";
}

TEST(Bytes, AreReadAsPeopleWriteThem)
{
    EXPECT_EQ(parse_bytes("500").value(), 500u);
    EXPECT_EQ(parse_bytes("10K").value(), 10240u);
    EXPECT_EQ(parse_bytes("1.5G").value(), 1610612736u);
    for (const char* wrong : {"", "-1", "K", "1X", "99999999999999999999", "20000000T", "1.", "1.5.5"})
        EXPECT_FALSE(parse_bytes(wrong)) << wrong;
    EXPECT_EQ(human_bytes(1610612736), "1.5 GiB");
    EXPECT_EQ(human_bytes(12), "12 B");
}

}  // namespace
}  // namespace posthouse

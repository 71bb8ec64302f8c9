#include "imap/grammar/utf7.h"

#include <gtest/gtest.h>

namespace posthouse::imap {
namespace {

struct Pair {
    std::string_view utf8;
    std::string_view wire;
};
constexpr Pair pairs[]{
    {"", ""},
    {"INBOX", "INBOX"},
    {"A & B", "A &- B"},
    {"~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"},  // RFC 3501 section 5.1.3
    {"Entwürfe", "Entw&APw-rfe"},
    {"Отправленные", "&BB4EQgQ,BEAEMAQyBDsENQQ9BD0ESwQ1-"},
    {"😀", "&2D3eAA-"},
    {"a😀b&c", "a&2D3eAA-b&-c"},
};

TEST(Utf7, BothWays)
{
    for (const Pair& pair : pairs) {
        EXPECT_EQ(to_utf7(pair.utf8), pair.wire);
        EXPECT_EQ(from_utf7(pair.wire), pair.utf8) << pair.wire;
    }
}

struct Wrong {
    std::string_view why;
    std::string_view wire;
};
constexpr Wrong wrong[]{
    {"8-bit", "Entw\xc3\xbcrfe"},
    {"a control", "a\tb"},
    {"never closed", "&U,BTFw"},
    {"an ampersand alone", "a&"},
    {"RFC 3501: superfluous shift", "&U,BTFw-&ZeVnLIqe-"},
    {"RFC 3501: printable ASCII in base64", "&AGE-"},
    {"A21: a slash hidden in base64", "a&AC8-b"},
    {"bits left over", "&U-"},
    {"padding bits that are not zero", "&APx-"},
    {"the alphabet of plain base64", "&U/BTFw-"},
    {"padding characters", "&APw=-"},
    {"a lone high surrogate", "&2D0-"},
    {"a lone low surrogate", "&3gA-"},
};

TEST(Utf7, StrictAboutWhatItReads)
{
    for (const Wrong& row : wrong)
        EXPECT_EQ(from_utf7(row.wire), std::nullopt) << row.why;
}

TEST(Utf7, BrokenTextBecomesReplacementCharacters)
{
    EXPECT_EQ(from_utf7(to_utf7("a\xff"
                                "b")),
              "a\xef\xbf\xbd"
              "b");
}

}  // namespace
}  // namespace posthouse::imap

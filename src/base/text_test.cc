#include "base/text.h"

#include "base/cursor.h"

#include <limits>

#include <gtest/gtest.h>

namespace posthouse {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

TEST(TextTest, CaseIsAsciiOnly)
{
    EXPECT_EQ(to_lower("MAIL From: É@[`{"), "mail from: É@[`{");
    EXPECT_EQ(to_upper("mail from: é@[`{"), "MAIL FROM: é@[`{");
    EXPECT_TRUE(equals_ignoring_case("EhLo", "eHlO"));
    EXPECT_FALSE(equals_ignoring_case("ehlo", "ehlo "));
    EXPECT_FALSE(equals_ignoring_case("@", "`"));  // 0x40 and 0x60 differ by the case bit and are no letters
    EXPECT_TRUE(starts_with_ignoring_case("RCPT TO:", "rcpt"));
    EXPECT_FALSE(starts_with_ignoring_case("RC", "rcpt"));
}

TEST(TextTest, TrimAndSplit)
{
    EXPECT_EQ(trim(" \t a b\t "), "a b");
    EXPECT_EQ(trim(" \t "), "");
    EXPECT_EQ(trim("\ra\n"), "\ra\n");  // line ends are not blanks
    EXPECT_EQ(split("a,,b,", ','), (std::vector<std::string_view>{"a", "", "b", ""}));
    EXPECT_EQ(split("", ','), (std::vector<std::string_view>{""}));
}

TEST(TextTest, ParseNumberTakesDigitsOnly)
{
    EXPECT_EQ(parse_number<std::uint64_t>("18446744073709551615"), std::numeric_limits<std::uint64_t>::max());
    EXPECT_EQ(parse_number<std::uint32_t>("0000000000000000000000042"), 42u);
    EXPECT_EQ(parse_number<int>("2147483647"), 2147483647);
    for (const std::string_view bad : {"", "-1", "+1", " 1", "1 ", "0x10", "1e3", "1.0", "99999999999999999999",
                                       "18446744073709551616", "100000000000000000000000000000000"})
        EXPECT_EQ(parse_number<std::uint64_t>(bad), std::nullopt) << bad;
    EXPECT_EQ(parse_number<std::uint8_t>("255"), 255);
    EXPECT_EQ(parse_number<std::uint8_t>("256"), std::nullopt);  // overflow in the addition
    EXPECT_EQ(parse_number<std::uint8_t>("2550"), std::nullopt);  // and in the multiplication
    EXPECT_EQ(parse_number<std::int64_t>("9223372036854775808"), std::nullopt);
    EXPECT_EQ(parse_number<std::uint64_t>("1\0"sv), std::nullopt);
}

TEST(TextTest, PrintableEscapesWhatATerminalOrLogWouldObey)
{
    EXPECT_EQ(printable("Grüße, 世界 \\x41"), "Grüße, 世界 \\x41");
    EXPECT_EQ(printable("a\x1b[31m\r\nb\0c\x7f"sv), "a\\x1b[31m\\x0d\\x0ab\\x00c\\x7f");
    EXPECT_EQ(printable("\xc2\x9b"), "\\x9b");  // C1: CSI in eight bits
    EXPECT_EQ(printable("\xff\xc3"), "\\xff\\xc3");  // never UTF-8, and cut short
    EXPECT_EQ(printable("\xc0\x8a"), "\\xc0\\x8a");  // an overlong line feed
    EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");  // a surrogate
    EXPECT_EQ(printable("evil\u202egpj.exe"), "evil\\u{202e}gpj.exe");
    EXPECT_EQ(printable("\u2028\u2066\u061c\ufeff"), "\\u{2028}\\u{2066}\\u{061c}\\u{feff}");
}

TEST(TextTest, PrintableIsCut)
{
    EXPECT_EQ(printable("abcdef", 3), "abc…");
    EXPECT_EQ(printable("abc", 3), "abc");
    EXPECT_EQ(printable("", 0), "");
    // However hostile the text, the result is at most a character's escape longer than asked for.
    EXPECT_LE(printable(std::string(100'000, '\x01')).size(), 1000u + 8u);
    // A character is never cut in its middle.
    EXPECT_TRUE(is_valid_utf8(printable("ääääää", 3)));
}

TEST(TextTest, Utf8IsStrict)
{
    for (const std::string_view good : {"", "a", "é", "\xef\xbf\xbf", "\xf4\x8f\xbf\xbf", "\xf0\x90\x80\x80", "😀"})
        EXPECT_TRUE(is_valid_utf8(good)) << good;
    for (const std::string_view bad : {"\x80", "\xc1\xbf", "\xc3", "\xc3(", "\xe0\x9f\xbf", "\xed\xbf\xbf",
                                       "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xfe", "a\xe2\x82"})
        EXPECT_FALSE(is_valid_utf8(bad)) << printable(bad);
    EXPECT_TRUE(is_ascii("a\x7f"));
    EXPECT_FALSE(is_ascii("\x80"));
    for (const std::size_t size : {1u, 63u, 64u, 65u, 128u, 200u})
        for (std::size_t at = 0; at < size; ++at) {
            std::string text(size, 'a');
            EXPECT_TRUE(is_ascii(text));
            text[at] = '\xc3';
            EXPECT_FALSE(is_ascii(text)) << at << " of " << size;
        }
}

// RFC 4648 section 10.
TEST(TextTest, Base64Vectors)
{
    constexpr std::pair<std::string_view, std::string_view> vectors[] = {{"", ""},
                                                                         {"f", "Zg=="},
                                                                         {"fo", "Zm8="},
                                                                         {"foo", "Zm9v"},
                                                                         {"foob", "Zm9vYg=="},
                                                                         {"fooba", "Zm9vYmE="},
                                                                         {"foobar", "Zm9vYmFy"}};
    for (const auto& [plain, encoded] : vectors) {
        EXPECT_EQ(base64_encode(plain), encoded);
        EXPECT_EQ(base64_decode(encoded), plain);
    }
}

// One text per secret: a decoder that takes two spellings lets a filter and a login disagree.
TEST(TextTest, Base64IsStrict)
{
    for (const std::string_view bad : {"Z", "Zg", "Zg=", "Zg===", "=", "====", "Z===", "Zm8=Zm8=", "Zg==Zg==", "Zm=v",
                                       "Zm 9", "Zm9v\r\n", "Zm9v ", "Zh==", "Zm9=", "Zm-_", "Zm9\x80", "Z\0g="})
        EXPECT_EQ(base64_decode(bad), std::nullopt) << bad;
    EXPECT_EQ(base64_decode("Zm\0v"sv), std::nullopt);
}

TEST(TextTest, Base64RoundTripsEveryByteAndLength)
{
    std::string bytes;
    for (int i = 0; i < 256; ++i) {
        bytes += static_cast<char>(i);
        EXPECT_EQ(base64_decode(base64_encode(bytes)), bytes);
        EXPECT_EQ(hex_decode(hex_encode(bytes)), bytes);
    }
}

TEST(TextTest, Hex)
{
    EXPECT_EQ(hex_encode("\x00\xff\x10"sv), "00ff10");
    EXPECT_EQ(hex_decode("00Ff10"), "\x00\xff\x10"s);
    EXPECT_EQ(hex_decode("0"), std::nullopt);
    EXPECT_EQ(hex_decode("0g"), std::nullopt);
    EXPECT_EQ(hex_decode("0x"), std::nullopt);
}

TEST(TextTest, ConstantTimeComparisonCompares)
{
    EXPECT_TRUE(equals_in_constant_time("", ""));
    EXPECT_TRUE(equals_in_constant_time("secret", "secret"));
    EXPECT_FALSE(equals_in_constant_time("secret", "secreT"));
    EXPECT_FALSE(equals_in_constant_time("Secret", "secret"));
    EXPECT_FALSE(equals_in_constant_time("secret", "secre"));
}

TEST(CursorTest, TakesAndCounts)
{
    Cursor cursor("Mail FROM:<a>x");
    EXPECT_TRUE(cursor.take("MAIL"));
    EXPECT_FALSE(cursor.take("from"));
    EXPECT_TRUE(cursor.take(' '));
    EXPECT_TRUE(cursor.take("from:"));
    EXPECT_EQ(cursor.peek(), '<');
    EXPECT_EQ(cursor.take_while([](char c) { return c != 'x'; }), "<a>");
    EXPECT_EQ(cursor.offset(), 13u);
    EXPECT_EQ(cursor.take_bytes(100), "x");  // never past the end
    EXPECT_TRUE(cursor.at_end());
    EXPECT_EQ(cursor.peek(), '\0');
    EXPECT_FALSE(cursor.take('\0'));  // the end is no NUL
    EXPECT_EQ(cursor.take_while([](char) { return true; }), "");
}

}  // namespace
}  // namespace posthouse

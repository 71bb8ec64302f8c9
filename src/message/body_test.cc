#include "message/body.h"

#include "message/parser.h"

#include <gtest/gtest.h>

namespace posthouse::message {
namespace {

struct Row {
    std::string_view raw;
    std::string_view text;
    const char* reason;
};

std::string in_pieces(std::string_view raw, TransferEncoding encoding, std::size_t size)
{
    TransferDecoder decoder(encoding);
    std::string out;
    for (std::size_t at = 0; at < raw.size(); at += size)
        decoder.feed(raw.substr(at, size), out);
    decoder.finish(out);
    return out;
}

void expect_decoded(std::initializer_list<Row> rows, TransferEncoding encoding)
{
    for (const Row& row : rows) {
        EXPECT_EQ(decode_transfer(row.raw, encoding), row.text) << row.reason;
        for (std::size_t size = 1; size < 6; ++size)
            EXPECT_EQ(in_pieces(row.raw, encoding, size), row.text) << row.reason << ", in pieces of " << size;
    }
}

TEST(TransferDecoder, QuotedPrintable)
{
    expect_decoded({{"a=3Db=C3=A9=c3=a9", "a=b\xc3\xa9\xc3\xa9", "escapes, also in lower case"},
                    {"soft=\r\nline=\nend", "softlineend", "soft line breaks"},
                    {"soft= \t\r\nline", "softline", "blanks behind a soft break's '='"},
                    {"blanks \t\r\nat end \n", "blanks\r\nat end\n",
                     "RFC 2045 section 6.7 (3): blanks at a line's end were added on the way"},
                    {"in  the middle", "in  the middle", "other blanks are text"},
                    {"a =\r\nb", "a b", "a blank before a soft break is text"},
                    {"=ZZ=4=", "=ZZ=4", "what is no escape stays; a lonely '=' at the end is a soft break"},
                    {"=4", "=4", "half an escape"},
                    {"==41", "=A", "the first '=' is none"},
                    {"= x=\rx", "= x=\rx", "neither"},
                    {"last  ", "last", "the end ends a line"},
                    {"a\rb", "a\rb", "bare CR"},
                    {"", "", ""}},
                   TransferEncoding::quoted_printable);
    for (const std::size_t blanks : {999u, 1000u, 1001u, 2500u}) {
        const std::string raw = "x" + std::string(blanks, ' ') + "\r\ny";
        const std::string whole = decode_transfer(raw, TransferEncoding::quoted_printable);
        for (const std::size_t size : {1u, 7u, 999u, 1000u, 1001u})
            EXPECT_EQ(in_pieces(raw, TransferEncoding::quoted_printable, size), whole)
                << blanks << " blanks by " << size;
    }
}

TEST(TransferDecoder, Base64)
{
    expect_decoded({{"SGVsbG8=", "Hello", ""},
                    {"SGVs\r\nbG8=\r\n", "Hello", "lines"},
                    {"SGVsbG8", "Hello", "forgotten padding"},
                    {"S G-V*s bG8=", "Hello", "what is not in the alphabet"},
                    {"SGVsbG8=SGVsbG8=", "HelloHello", "two runs joined"},
                    {"S", "", "six bits are nothing"},
                    {"====", "", ""},
                    {"", "", ""}},
                   TransferEncoding::base64);
}

TEST(TransferDecoder, NamesOfEncodings)
{
    EXPECT_EQ(transfer_encoding("BASE64"), TransferEncoding::base64);
    EXPECT_EQ(transfer_encoding("Quoted-Printable"), TransferEncoding::quoted_printable);
    for (const char* name : {"7bit", "8bit", "binary", "x-uuencode", ""})
        EXPECT_EQ(transfer_encoding(name), TransferEncoding::identity) << name;
}

TEST(ToUtf8, AnyCharset)
{
    EXPECT_EQ(to_utf8("caf\xe9", "ISO-8859-1"), "caf\xc3\xa9");
    EXPECT_EQ(to_utf8("\x80", "windows-1252"), "\xe2\x82\xac");
    EXPECT_EQ(to_utf8("\x80", "iso-8859-1"), "\xe2\x82\xac") << "as all mail clients read it";
    EXPECT_EQ(to_utf8("\xa4", "iso-8859-15"), "\xe2\x82\xac");
    EXPECT_EQ(to_utf8("caf\xc3\xa9", "utf8"), "caf\xc3\xa9");
    EXPECT_EQ(to_utf8("a\xff"
                      "b\xc3",
                      "utf-8"),
              "a\xef\xbf\xbd"
              "b\xef\xbf\xbd")
        << "what does not fit becomes U+FFFD";
    EXPECT_EQ(to_utf8("\xed\xa0\x80", "utf-8").find("\xed\xa0"), std::string::npos) << "no surrogates";
    EXPECT_EQ(to_utf8("caf\xc3\xa9", "us-ascii"), "caf\xc3\xa9") << "said to be ASCII, and UTF-8";
    EXPECT_EQ(to_utf8("caf\xe9", "us-ascii"), "caf\xc3\xa9") << "said to be ASCII, and neither";
    EXPECT_EQ(to_utf8("caf\xe9", "no such charset"), "caf\xc3\xa9");
    EXPECT_EQ(to_utf8("\xcf\xf0\xe8\xe2\xe5\xf2", "windows-1251"), "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82");
    EXPECT_EQ(to_utf8("\x83\x65", "Shift_JIS"), "\xe3\x83\x86");
    EXPECT_EQ(to_utf8("+AOk-", "utf-7"), "\xc3\xa9");
    EXPECT_EQ(to_utf8(std::string_view("\xd8\x3d\xde\x00", 4), "utf-16be"), "\xf0\x9f\x98\x80");
    std::string long_text;
    for (int i = 0; i < 5000; ++i)
        long_text += "\x83\x65";
    EXPECT_EQ(to_utf8(long_text, "shift_jis").size(), 15'000u) << "more than one of the converter's buffers";
    std::string pairs;
    for (int i = 0; i < 5001; ++i)
        pairs += i == 0 ? std::string("\0a", 2) : std::string("\xd8\x3d\xde\x00", 4);
    EXPECT_EQ(to_utf8(pairs, "utf-16be").size(), 20'001u) << "pairs over the converter's buffers";
}

TEST(Unflow, Rfc3676)
{
    for (const Row& row : {Row{"one \ntwo\nthree\n", "one two\nthree\n", "a blank at the end joins"},
                           Row{">> a \n>> b\n> c\n", ">> a b\n> c\n", "within the same depth of quotes"},
                           Row{"> a \nb\n", "> a \nb\n", "but not over a change of depth"},
                           Row{" >x\n  y\n", ">x\n y\n", "space-stuffing"},
                           Row{"a\n-- \nsig\n", "a\n-- \nsig\n", "the signature's line stands alone"},
                           Row{"a \n-- \nsig\n", "a \n-- \nsig\n", "also behind a soft break"},
                           Row{"a \r\nb\r\n", "a b\n", "CRLF"}, Row{"last ", "last \n", ""}, Row{"", "", ""}})
        EXPECT_EQ(unflow(row.raw, false), row.text) << row.reason;
    EXPECT_EQ(unflow("ab \ncd\n", true), "abcd\n") << "DelSp=yes: the blank was added";
}

TEST(DecodeBody, PutsItTogether)
{
    const auto body = [](std::string_view message) {
        const Digest digest = digest_of(message);
        const Part& part = digest.parts[0];
        return readable_text(part, message.substr(part.body_begin, part.body_size()));
    };
    EXPECT_EQ(body("Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
                   "caf=E9 \r\nau=\r\n lait\r\n"),
              "caf\xc3\xa9\nau lait\n");
    EXPECT_EQ(body("Content-Type: text/plain; format=Flowed; delsp=Yes\r\n\r\na \r\nb\r\n"), "ab\n");
    EXPECT_EQ(body("Content-Type: text/html\r\n\r\n<p>a<br>b</p>"), "a\nb\n");
    EXPECT_EQ(body("Content-Type: image/png\r\n\r\nx"), "") << "no text";
    EXPECT_EQ(body(std::string_view("A: b\r\n\r\nx\0y\rz", 14)), "xy\nz") << "NUL goes, a bare CR ends a line";
}

TEST(HtmlToText, AsAPersonReadsIt)
{
    for (const Row& row :
         {Row{"<p>one</p><p>two  three\n four</p>", "one\n\ntwo three four\n", "paragraphs, blanks collapse"},
          Row{"a<br>b<br/>c<div>d</div>e", "a\nb\nc\nd\ne\n", "lines"},
          Row{"<ul><li>one</li><li>two</li></ul>x", "* one\n* two\n\nx\n", "lists"},
          Row{"<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc\n", "tables"},
          Row{"<a href=\"https://x.test/?a=1&amp;b=2\">here</a>.", "here <https://x.test/?a=1&b=2>.\n",
              "where a link leads"},
          Row{"<a href='https://x.test/'>https://x.test/</a>", "https://x.test/\n", "unless its text says so"},
          Row{"<a href=mailto:b@x.test>b@x.test</a><a name=x>y</a>", "b@x.testy\n", ""},
          Row{"<a href=\"javascript:alert(1)\">click</a>", "click\n", "only what leads out"},
          Row{"<script>if (a < b) x('</p>')</script>ok<style>p {}</style><title>t</title>", "ok\n",
              "what is not shown"},
          Row{"&lt;&amp;&gt; &eacute;&#233;&#xe9; &nbsp; &euro; &unknown; & &#0;",
              "<&> \xc3\xa9\xc3\xa9\xc3\xa9 \xe2\x82\xac &unknown; & \xef\xbf\xbd\n", "character references"},
          Row{"<pre>a\n  b</pre>", "a\n  b\n", "preformatted"},
          Row{"<blockquote>quoted<br>more</blockquote>mine", "> quoted\n> more\n\nmine\n", "quotes"},
          Row{"<img alt=\"logo\"><img src=x>", "[logo]\n", "pictures by their text"},
          Row{"1 < 2 <3 </", "1 < 2 <3\n", "no tags"},
          Row{"<!-- <p>no</p> -->yes<!doctype x><?x?>", "yes\n", "comments"},
          Row{"<p title='>'>x", "x\n", "a '>' in quotes ends no tag"}, Row{"x<p", "x\n", "a tag that is cut"},
          Row{"", "", "nothing"}, Row{"<p></p>", "", "nothing to read"}})
        EXPECT_EQ(html_to_text(row.raw), row.text) << row.raw << ": " << row.reason;
    EXPECT_LE(html_to_text(std::string(100'000, 'x'), 100).size(), 100'001u);
}

// Linear in what comes in, or the time limit of the test is passed.
TEST(HtmlToText, TakesHostileText)
{
    for (const char* piece : {"<", "<a href=x>", "</a>", "<a href=http:http:>http:", "&", "&#", "<!--", "<p a='",
                              "<blockquote>", "<br>", "<script>", "</", "<pre>\n", "<a \"", "<li>"}) {
        std::string text;
        while (text.size() < 1'000'000)
            text += piece;
        html_to_text(text, text.size());
        unflow(text, true);
        decode_transfer(text, TransferEncoding::quoted_printable);
    }
}

}  // namespace
}  // namespace posthouse::message

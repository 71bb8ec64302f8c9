#include "message/seven_bit.h"

#include "base/text.h"
#include "message/body.h"
#include "message/parser.h"

#include <gtest/gtest.h>

namespace posthouse::message {
namespace {

// `converted` by any chunking is the same; says whether a signature is broken.
bool breaks_signature(const std::string& text, std::size_t piece, std::string& out)
{
    const Digest digest = digest_of(text);
    SevenBitScan scan(digest);
    for (std::size_t at = 0; at < text.size(); at += piece)
        scan.feed(std::string_view(text).substr(at, piece));
    SevenBitConverter converter(digest, scan.plan());
    out.clear();
    for (std::size_t at = 0; at < text.size(); at += piece)
        converter.feed(std::string_view(text).substr(at, piece), out);
    converter.finish(out);
    return converter.breaks_signature();
}

std::string converted(const std::string& text)
{
    std::string whole;
    breaks_signature(text, text.size() + 1, whole);
    for (const std::size_t piece : {1u, 2u, 7u}) {
        std::string again;
        breaks_signature(text, piece, again);
        EXPECT_EQ(again, whole) << piece;
    }
    EXPECT_EQ(to_seven_bit(text), whole);
    EXPECT_TRUE(is_ascii(whole));
    return whole;
}

TEST(SevenBit, AsciiStaysAsItIs)
{
    const std::string text = "Subject: x\r\nContent-Transfer-Encoding: 8bit\r\n\r\nhello  \r\n.\r\n-- \r\nx\r\n";
    EXPECT_EQ(converted(text), text);
    EXPECT_EQ(converted(""), "");
}

TEST(SevenBit, OneTextBecomesQuotedPrintable)
{
    EXPECT_EQ(converted("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
                        "Content-Transfer-Encoding: 8bit\r\nSubject: x\r\n\r\nGr\xc3\xbc\xc3\x9f = \r\n\r\nbye\r\n"),
              "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nSubject: x\r\n"
              "Content-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC=C3=9F =3D=20\r\n\r\nbye\r\n");
}

// RFC 1428: what nobody declared.
TEST(SevenBit, TextWithoutMimeIsDeclared)
{
    EXPECT_EQ(converted("Subject: x\r\n\r\nGr\xfc\xdf\r\n"),
              "Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=unknown-8bit\r\n"
              "Content-Transfer-Encoding: quoted-printable\r\n\r\nGr=FC=DF\r\n");
}

constexpr std::string_view mixed =
    "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n"
    "Content-Transfer-Encoding: 8bit\r\n\r\npre\xe4mble\r\n--b\r\n\r\nplain\r\n--b\r\n"
    "Content-Type: image/x; name=\"\xc3\xbc.x\"\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    "\xff\xd8\r\n\xff\r\n--b\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: "
    "quoted-printable\r\n\r\nx=3D\xe4\r\n--b--\r\nepilogue\r\n";

TEST(SevenBit, EachPartByItsKind)
{
    EXPECT_EQ(
        converted(std::string(mixed)),
        "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\npre?mble\r\n--b\r\n\r\nplain\r\n--b\r\n"
        "Content-Type: image/x; =?utf-8?Q?name=3D=22=C3=BC=2Ex=22?=\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        "/9gNCv8=\r\n--b\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: "
        "quoted-printable\r\n\r\nx=3D=E4\r\n--b--\r\nepilogue\r\n");
}

TEST(SevenBit, ForwardedMessagesAreConvertedInside)
{
    EXPECT_EQ(converted("Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
                        "Content-Type: text/html\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\xc3\xbc\r\n"),
              "Content-Type: message/rfc822\r\n\r\nContent-Type: text/html\r\nMIME-Version: 1.0\r\n"
              "Content-Transfer-Encoding: quoted-printable\r\n\r\n=C3=BC\r\n");
}

TEST(SevenBit, HeadersBecomeEncodedWords)
{
    const std::string out = converted("Subject: Gr\xc3\xbc\xc3\x9f"
                                      "e aus K\xc3\xb6ln am Rhein\r\nX: \xe4\r\n\r\nx\r\n");
    EXPECT_EQ(out,
              "Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?= aus =?utf-8?Q?K=C3=B6ln?= am Rhein\r\n"
              "X: =?unknown-8bit?Q?=E4?=\r\n\r\nx\r\n");
    const std::string two = converted("Subject: J\xc3\xb6rg M\xc3\xbcller\r\n\r\nx\r\n");
    EXPECT_EQ(decode_text(find_field(two, "Subject")->value), "J\xc3\xb6rg M\xc3\xbcller") << two;
    std::string longest = "Subject: ";
    for (int i = 0; i < 100; ++i)
        longest += "\xe2\x82\xac";
    const std::string folded = converted(longest + "\r\n\r\n");
    EXPECT_EQ(decode_text(find_field(folded, "Subject")->text()), longest.substr(9));
    for (const std::string_view line : split(folded, '\n'))
        EXPECT_LE(line.size(), 80u) << line;
}

TEST(SevenBit, TellsWhetherASignatureIsBroken)
{
    const std::pair<std::string, bool> rows[] = {
        {"DKIM-Signature: v=1\r\n\r\n\xc3\xbc\r\n", true},
        {"DKIM-Signature: v=1\r\n\r\nascii\r\n", false},
        {"Subject: x\r\n\r\n\xc3\xbc\r\n", false},
        {"Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\n\xc3\xbc\r\n--b\r\n\r\nsig\r\n--b--\r\n", true},
        {"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n\r\n\xc3\xbc\r\n--a\r\n"
         "Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b\r\n\r\nsig\r\n--b--\r\n\r\n--a--\r\n",
         false},
    };
    for (const auto& [text, expected] : rows) {
        std::string out;
        EXPECT_EQ(breaks_signature(text, 5, out), expected) << text;
    }
}

// A soft line break must not make a delimiter of what stood inside a line.
TEST(SevenBit, NoBoundaryIsMade)
{
    const std::string line = std::string(75, 'x') + "--b--\xc3\xbc";
    const std::string out =
        converted("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n" + line + "\r\n--b--\r\n");
    const Digest digest = digest_of(out);
    ASSERT_EQ(digest.parts.size(), 2u);
    const Part& part = digest.parts[1];
    EXPECT_EQ(decode_transfer(std::string_view(out).substr(part.body_begin, part.body_size()),
                              TransferEncoding::quoted_printable),
              line);
}

TEST(SevenBit, ManyPartsStayLinear)
{
    std::string text = "Content-Type: multipart/signed; boundary=b\r\n\r\n";
    for (int i = 0; i < 9'999; ++i)
        text += "--b\r\n\r\n\xc3\xbc\r\n";
    std::string out;
    EXPECT_TRUE(breaks_signature(text, text.size(), out));
    EXPECT_TRUE(is_ascii(out));
}

}  // namespace
}  // namespace posthouse::message

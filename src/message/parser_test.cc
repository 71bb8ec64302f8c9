#include "message/parser.h"

#include "base/text.h"

#include <array>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace posthouse::message {
namespace {

// The structure in one line a part: depth by indentation, type, the body's bytes.
std::string tree(std::string_view message, const Digest& digest)
{
    std::string out;
    for (const Part& part : digest.parts) {
        for (std::int32_t up = part.parent; up != no_part; up = digest.parts[static_cast<std::size_t>(up)].parent)
            out += ' ';
        out += part.type + "/" + part.subtype;
        if (part.is_leaf())
            out += fmt::format(" [{}]", message.substr(part.body_begin, part.body_size()));
        out += '\n';
    }
    return out;
}
std::string tree(std::string_view message) { return tree(message, digest_of(message)); }

constexpr std::string_view two_parts =
    "Content-Type: multipart/mixed; boundary=b\r\n\r\npreamble\r\n--b\r\n"
    "Content-Type: text/html\r\n\r\none\r\n\r\n--b\r\n\r\ntwo\r\n--b--\r\nepilogue\r\n";

TEST(Digest, OfASimpleMessage)
{
    const std::string_view text =
        "Received: x\r\nReceived: y\r\nDate: Sun, 22 Nov 2026 00:02:27 +0100\r\n"
        "From: Bob <bob@x.test>\r\nTo: a@x.test\r\nTo: b@x.test\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
        "Message-ID: <1@x.test>\r\nIn-Reply-To:\r\nReferences: <r@x.test>\r\n <s@x.test>\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n\r\nHello,\r\nworld\r\n";
    const Digest digest = digest_of(text);
    EXPECT_EQ(digest.received, 2u);
    EXPECT_EQ(digest.envelope.date, "Sun, 22 Nov 2026 00:02:27 +0100");
    ASSERT_TRUE(digest.sent);
    EXPECT_EQ(rfc3339_date(digest.sent->time), "2026-11-21T23:02:27.000Z");
    EXPECT_EQ(digest.sent->zone.count(), 60);
    EXPECT_EQ(digest.envelope.from[0].text(), "Bob <bob@x.test>");
    EXPECT_EQ(digest.envelope.to.size(), 2u) << "several To are joined, RFC 5322 section 4.5.3";
    EXPECT_EQ(digest.envelope.subject, "=?utf-8?q?Gr=C3=BC=C3=9Fe?=") << "ENVELOPE keeps encoded-words";
    EXPECT_EQ(digest.envelope.message_id, "<1@x.test>");
    EXPECT_EQ(digest.envelope.in_reply_to, "") << "there, but empty";
    EXPECT_TRUE(digest.envelope.sender.empty()) << "the default is applied by IMAP";
    EXPECT_EQ(digest.references, (std::vector<std::string>{"r@x.test", "s@x.test"}));
    ASSERT_EQ(digest.parts.size(), 1u);
    EXPECT_EQ(text.substr(digest.parts[0].body_begin), "Hello,\r\nworld\r\n");
    EXPECT_EQ(digest.parts[0].lines, 2u);
    EXPECT_EQ(digest.size(), text.size());
    EXPECT_EQ(digest.preview, "Hello, world");
    EXPECT_FALSE(digest.has_8bit || digest.has_8bit_header || digest.has_nul || digest.has_attachment);
    EXPECT_FALSE(digest.envelope.message_id == std::nullopt);
    EXPECT_EQ(digest_of("A: b\r\n\r\n").envelope.subject, std::nullopt) << "no such field";
}

TEST(Digest, OfNothing)
{
    for (const char* text : {"", "\r\n", "\n", "A", "A: b", "\r"}) {
        const Digest digest = digest_of(text);
        ASSERT_EQ(digest.parts.size(), 1u) << text;
        EXPECT_EQ(digest.size(), std::string_view(text).size());
        EXPECT_EQ(digest.parts[0].type + "/" + digest.parts[0].subtype, "text/plain");
    }
}

struct Row {
    std::string_view text;
    const char* expected;
    const char* reason;
};

TEST(Structure, Rfc2046)
{
    for (
        const Row& row :
        {Row{two_parts, "multipart/mixed\n text/html [one\r\n]\n text/plain [two]\n",
             "the line end before a delimiter is the delimiter's"},
         Row{"Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\n\ntwo\n--b--\n",
             "multipart/mixed\n text/plain [one]\n text/plain [two]\n", "lines that end with LF only"},
         Row{"Content-Type: multipart/mixed; boundary=\"b\"\r\n\r\n--b \t\r\n\r\none\r\n--b-- \r\n",
             "multipart/mixed\n text/plain [one]\n", "blanks behind a delimiter"},
         Row{"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--bc\r\n--b-\r\n-b\r\n "
             "--b\r\n--B\r\n--b--\r\n",
             "multipart/mixed\n text/plain [one\r\n--bc\r\n--b-\r\n-b\r\n --b\r\n--B]\n",
             "what only begins like a delimiter is none"},
         Row{"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none", "multipart/mixed\n text/plain [one]\n",
             "no closing delimiter"},
         Row{"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b--",
             "multipart/mixed\n text/plain [one]\n", "a closing delimiter without a line end"},
         Row{"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n--b\r\nContent-Type: "
             "text/html\r\n--b\r\n\r\n--b--\r\n",
             "multipart/mixed\n text/plain []\n text/html []\n text/plain []\n",
             "parts without a body, or without anything"},
         Row{"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b--\r\n--b\r\n\r\nx\r\n",
             "text/plain [--b--\r\n--b\r\n\r\nx\r\n]\n", "closed before it began: nothing to take apart"},
         Row{"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n1\r\n--b--\r\n--b\r\n\r\n2\r\n--b--\r\n",
             "multipart/mixed\n text/plain [1]\n", "the epilogue is no part"},
         Row{"Content-Type: multipart/mixed\r\n\r\nno boundary\r\n", "text/plain [no boundary\r\n]\n",
             "no boundary said"},
         Row{"Content-Type: multipart/mixed; boundary=b\r\n\r\nnever\r\n", "text/plain [never\r\n]\n", "or none found"},
         Row{"Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\nContent-Type: multipart/alternative; "
             "boundary=i\r\n\r\n"
             "--i\r\n\r\n1\r\n--o\r\n\r\n2\r\n--o--\r\n",
             "multipart/mixed\n multipart/alternative\n  text/plain [1]\n text/plain [2]\n",
             "an outer delimiter ends the inner multipart too"},
         Row{"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: multipart/mixed; "
             "boundary=bb\r\n\r\n"
             "--bb\r\n\r\n1\r\n--bb--\r\n--b\r\n\r\n2\r\n--b--\r\n",
             "multipart/mixed\n multipart/mixed\n  text/plain [1]\n text/plain [2]\n",
             "one boundary begins with the other"},
         Row{"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
             "--b\r\n\r\n1\r\n--b--\r\n--b\r\n\r\n2\r\n--b--\r\n",
             "multipart/mixed\n multipart/mixed\n  text/plain [1]\n text/plain [2]\n",
             "the same boundary twice: the inner first"},
         Row{"Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nSubject: a\r\n\r\nx\r\n--b\r\nContent-Type: "
             "text/html\r\n\r\ny\r\n--b--\r\n",
             "multipart/digest\n message/rfc822\n  text/plain [x]\n text/html [y]\n", "the default type in a digest"},
         Row{"Content-Type: message/rfc822\r\n\r\nSubject: in\r\nContent-Type: text/html\r\n\r\nx\r\n",
             "message/rfc822\n text/html [x\r\n]\n", "a message in a message"},
         Row{"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n--b\r\n"
             "Content-Type: message/rfc822\r\n--b--\r\n",
             "multipart/mixed\n message/rfc822\n  text/plain []\n message/rfc822\n  text/plain []\n",
             "a message/rfc822 always has its message, though it be empty"},
         Row{"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n",
             "application/octet-stream [AAAA\r\n]\n", "encoded against RFC 2046 section 5.2.1"},
         Row{"Content-Type: nonsense\r\n\r\nx", "text/plain [x]\n", "RFC 2045 section 5.2"},
         Row{"Content-Type: text/html\r\nContent-Type: image/png\r\n\r\nx", "text/html [x]\n", "the first of two"},
         Row{"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\r\n\r\nx\r\n--b--\r\n",
             "text/plain [--b\r\r\n\r\nx\r\n--b--\r\n]\n", "a bare CR before the line end belongs to the line"}})
        EXPECT_EQ(tree(row.text), row.expected) << row.reason;
}

TEST(Structure, OffsetsAndLines)
{
    const Digest digest = digest_of(two_parts);
    const Part& html = digest.parts[1];
    EXPECT_EQ(two_parts.substr(html.header_begin, html.body_begin - html.header_begin),
              "Content-Type: text/html\r\n\r\n");
    EXPECT_EQ(html.lines, 1u);
    EXPECT_EQ(digest.parts[2].lines, 0u) << "its only line end is the delimiter's";
    EXPECT_EQ(digest.parts[0].end, two_parts.size());
    EXPECT_EQ(digest.parts[0].lines, 11u);
}

TEST(Structure, FieldsOfAPart)
{
    const Digest digest = digest_of("Content-Type: Application/PDF; name=\"a b.pdf\"\r\nContent-Transfer-Encoding: "
                                    "BASE64\r\nContent-ID: <c@x.test>\r\n"
                                    "Content-Description: a\r\n description\r\nContent-MD5: "
                                    "abc\r\nContent-Disposition: Attachment; filename*=utf-8''%C3%B6\r\n"
                                    "Content-Language: de, en\r\nContent-Location: http://x.test/\r\n\r\nAAAA");
    const Part& part = digest.parts[0];
    EXPECT_EQ(part.type, "application");
    EXPECT_EQ(part.subtype, "pdf");
    EXPECT_EQ(part.parameters, (std::vector<Parameter>{{"name", "a b.pdf"}}));
    EXPECT_EQ(part.encoding, "base64");
    EXPECT_EQ(part.id, "<c@x.test>");
    EXPECT_EQ(part.description, "a description");
    EXPECT_EQ(part.md5, "abc");
    EXPECT_EQ(part.disposition, "attachment");
    EXPECT_EQ(part.file_name(), "\xc3\xb6") << "the disposition's name wins";
    EXPECT_EQ(part.language, (std::vector<std::string>{"de", "en"}));
    EXPECT_EQ(part.location, "http://x.test/");
    EXPECT_TRUE(digest.has_attachment);
}

TEST(Structure, EmbeddedEnvelope)
{
    const Digest digest =
        digest_of("Subject: out\r\nContent-Type: message/rfc822\r\n\r\nSubject: in\r\nFrom: a@x.test\r\n"
                  "Received: x\r\n\r\nbody");
    EXPECT_EQ(digest.envelope.subject, "out");
    EXPECT_EQ(digest.received, 0u) << "only the message's own header counts";
    ASSERT_EQ(digest.embedded.size(), 1u);
    EXPECT_EQ(digest.embedded[0].subject, "in");
    EXPECT_EQ(digest.parts[0].envelope, 0);
    EXPECT_EQ(digest.parts[1].header_begin, digest.parts[0].body_begin);
}

// RFC 3501 section 6.4.5, its own example.
constexpr std::string_view rfc3501_example =
    "Content-Type: multipart/mixed; boundary=a\r\n\r\n"
    "--a\r\n\r\n1\r\n"
    "--a\r\nContent-Type: application/octet-stream\r\n\r\n2\r\n"
    "--a\r\nContent-Type: message/rfc822\r\n\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    "--b\r\n\r\n3.1\r\n--b\r\nContent-Type: application/octet-stream\r\n\r\n3.2\r\n--b--\r\n"
    "--a\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n"
    "--c\r\nContent-Type: image/gif\r\n\r\n4.1\r\n"
    "--c\r\nContent-Type: message/rfc822\r\n\r\nContent-Type: multipart/mixed; boundary=d\r\n\r\n"
    "--d\r\n\r\n4.2.1\r\n"
    "--d\r\nContent-Type: multipart/alternative; boundary=e\r\n\r\n"
    "--e\r\n\r\n4.2.2.1\r\n--e\r\nContent-Type: text/richtext\r\n\r\n4.2.2.2\r\n--e--\r\n--d--\r\n--c--\r\n--a--\r\n";

TEST(Structure, PathsOfRfc3501)
{
    const Digest digest = digest_of(rfc3501_example);
    unsigned leaves = 0;
    for (std::size_t i = 0; i < digest.parts.size(); ++i) {
        const Part& part = digest.parts[i];
        const std::string path = digest.path_of(static_cast<std::int32_t>(i));
        std::vector<std::uint32_t> numbers;
        for (const std::string_view number : split(path, '.'))
            if (!number.empty())
                numbers.push_back(*parse_number<std::uint32_t>(number));
        if (part.is_leaf()) {
            EXPECT_EQ(rfc3501_example.substr(part.body_begin, part.body_size()), path)
                << "each leaf holds its own path";
            ++leaves;
        }
        if (!path.empty())
            EXPECT_EQ(digest.find(numbers), &part) << path;
    }
    EXPECT_EQ(leaves, 8u);
    const auto find = [&](std::vector<std::uint32_t> path) { return digest.find(path); };
    EXPECT_EQ(find({}), &digest.parts[0]);
    EXPECT_TRUE(find({3})->is_message());
    EXPECT_TRUE(find({4, 2})->is_message());
    EXPECT_EQ(find({4, 2, 2})->subtype, "alternative");
    for (const auto& path :
         std::vector<std::vector<std::uint32_t>>{{0}, {5}, {1, 1}, {3, 3}, {4, 2, 2, 3}, {2, 2}, {3, 1, 1}})
        EXPECT_EQ(find(path), nullptr);
    const Digest simple = digest_of("A: b\r\n\r\nx");
    EXPECT_EQ(simple.find(std::array{1u}), &simple.parts[0]) << "a message without parts has itself as part 1";
    EXPECT_EQ(simple.find(std::array{1u, 1u}), nullptr);
    const Digest forward = digest_of("Content-Type: message/rfc822\r\n\r\nA: b\r\n\r\nx");
    EXPECT_EQ(forward.find(std::array{1u}), &forward.parts[0]);
    EXPECT_EQ(forward.find(std::array{1u, 1u}), &forward.parts[1]);
    EXPECT_EQ(forward.path_of(1), "1.1");
}

TEST(Structure, AnyChunkingGivesTheSame)
{
    for (const std::string_view message : {two_parts, rfc3501_example}) {
        const Digest whole = digest_of(message);
        for (std::size_t size = 1; size < 40; ++size) {
            DigestBuilder builder;
            for (std::size_t at = 0; at < message.size(); at += size)
                builder.feed(message.substr(at, size));
            EXPECT_EQ(builder.finish(), whole) << "pieces of " << size;
        }
    }
}

TEST(Flags, EightBitAndNul)
{
    EXPECT_TRUE(digest_of("A: b\r\n\r\n\xc3\xa9").has_8bit);
    EXPECT_FALSE(digest_of("A: b\r\n\r\n\xc3\xa9").has_8bit_header);
    EXPECT_TRUE(digest_of("A: \xc3\xa9\r\n\r\nx").has_8bit_header);
    EXPECT_TRUE(digest_of(std::string_view("A: b\r\n\r\n\0", 9)).has_nul);
    EXPECT_EQ(digest_of("From x y\r\nA: b\r\ngarbage\r\n\r\n").header_garbage, 2u);
}

TEST(Flags, Attachments)
{
    const auto has = [](std::string_view inner) {
        return digest_of(fmt::format("Content-Type: multipart/mixed; "
                                     "boundary=b\r\n\r\n--b\r\n\r\ntext\r\n--b\r\n{}\r\n\r\nx\r\n--b--\r\n",
                                     inner))
            .has_attachment;
    };
    EXPECT_FALSE(has("Content-Type: text/plain"));
    EXPECT_FALSE(has("Content-Type: text/html\r\nContent-Disposition: inline"));
    EXPECT_TRUE(has("Content-Type: text/plain\r\nContent-Disposition: attachment"));
    EXPECT_TRUE(has("Content-Type: text/plain; name=x.txt"));
    EXPECT_TRUE(has("Content-Type: application/pdf"));
    EXPECT_TRUE(has("Content-Type: message/rfc822"));
    EXPECT_FALSE(has("Content-Type: image/png\r\nContent-Disposition: inline\r\nContent-ID: <a@b>"))
        << "shown in the text";
    EXPECT_FALSE(digest_of("Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b\r\n"
                           "Content-Type: application/pgp-signature; name=signature.asc\r\n\r\nx\r\n--b--\r\n")
                     .has_attachment);
    EXPECT_FALSE(digest_of("Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b\r\n"
                           "Content-Type: message/delivery-status\r\n\r\nx\r\n--b--\r\n")
                     .has_attachment);
}

TEST(Preview, OfWhatAPersonReads)
{
    const auto preview = [](std::string_view header, std::string_view body) {
        return digest_of(fmt::format("{}\r\n\r\n{}", header, body)).preview;
    };
    EXPECT_EQ(preview("A: b", "> quoted\r\n\r\n  Yes,\t I do. \r\n-- \r\nBob"), "Yes, I do. Bob");
    EXPECT_EQ(preview("A: b", "> only\r\n> quotes"), "> only > quotes");
    EXPECT_EQ(preview("Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable",
                      "caf=E9 =\r\nau lait"),
              "caf\xc3\xa9 au lait");
    EXPECT_EQ(preview("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64", "w6nDqQ=="),
              "\xc3\xa9\xc3\xa9");
    EXPECT_EQ(preview("Content-Type: text/html",
                      "<html><head><style>p {}</style><title>t</title></head><body><p>One &amp; <b>two</b>"
                      "<script>x()</script></p><p>three</p>"),
              "One & two three");
    EXPECT_EQ(preview("Content-Type: multipart/alternative; boundary=b",
                      "--b\r\nContent-Type: text/html\r\n\r\n<p>html</p>\r\n--b\r\n\r\nplain\r\n--b--\r\n"),
              "plain")
        << "text/plain wins wherever it stands";
    EXPECT_EQ(preview("Content-Type: multipart/alternative; boundary=b",
                      "--b\r\n\r\n \r\n--b\r\nContent-Type: text/html\r\n\r\n<p>html</p>\r\n--b--\r\n"),
              "html")
        << "an empty text/plain tells nothing";
    EXPECT_EQ(preview("Content-Type: multipart/mixed; boundary=b",
                      "--b\r\nContent-Disposition: attachment\r\n\r\nfile\r\n--b\r\n\r\ntext\r\n--b--\r\n"),
              "text");
    EXPECT_EQ(preview("Content-Type: image/png", "xyz"), "");
    std::string words;
    for (int i = 0; i < 1000; ++i)
        words += "\xc3\xb6\xc3\xb6\xc3\xb6 ";
    const std::string cut = preview("Content-Type: text/plain; charset=utf-8", words);
    EXPECT_EQ(cut.size(), 50 * 3 * 2 + 49u) << "200 characters, not bytes, and no blank at the end";
}

TEST(Limits, DepthIsCappedAndTheRestOpaque)
{
    std::string nested;
    for (int i = 0; i < 10'000; ++i)
        nested += fmt::format("Content-Type: multipart/mixed; boundary=b{}\r\n\r\n--b{}\r\n", i, i);
    const Digest digest = digest_of(nested);
    EXPECT_EQ(digest.parts.size(), 100u);
    EXPECT_EQ(digest.parts.back().subtype, "octet-stream");
    std::string messages;
    for (int i = 0; i < 5000; ++i)
        messages += "Content-Type: message/rfc822\r\n\r\n";
    EXPECT_EQ(digest_of(messages).parts.size(), 100u);
    EXPECT_EQ(digest_of(messages).embedded.size(), 99u);
}

TEST(Limits, PartsParametersAndTexts)
{
    std::string many = "Content-Type: multipart/mixed; boundary=b\r\n\r\n";
    for (int i = 0; i < 100'000; ++i)
        many += "--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\n";
    const Digest parts = digest_of(many);
    EXPECT_EQ(parts.parts.size(), 10'000u);
    EXPECT_EQ(decode_digest(encode(parts)).value(), parts);
    std::string parameters = "Content-Type: text/plain";
    for (int i = 0; i < 10'000; ++i)
        parameters += fmt::format(";\r\n p{}=v", i);
    EXPECT_EQ(digest_of(parameters + "\r\n\r\n").parts[0].parameters.size(), most_parameters);
    const Digest subject = digest_of("Subject: " + std::string(2000, 'x') + "\r\n\r\nbody", {.kept_bytes = 1000});
    EXPECT_EQ(subject.envelope.subject, "") << "more than is kept";
    std::string addresses = "To: a@x.test";
    for (int i = 0; i < 100'000; ++i)
        addresses += ",\r\n a@x.test";
    EXPECT_EQ(digest_of(addresses + "\r\n\r\n").envelope.to.size(), most_addresses);
}

// docs/hostile.md A13, A14: linear in their bytes, or the time limit of the test is passed.
TEST(Limits, HostileShapes)
{
    std::string boundaries;
    for (int i = 0; i < 99; ++i)
        boundaries += fmt::format("Content-Type: multipart/mixed; boundary={}\r\n\r\n--{}\r\n",
                                  static_cast<char>('0' + i % 60), static_cast<char>('0' + i % 60));
    for (const char* piece :
         {"--", "--~\r\n", "-- \r\n", "\r\n", "\n", "\r", "A:\r\n", "A\r\n", "--0\r\n", "--0--\r\n"}) {
        std::string text = boundaries;
        while (text.size() < 4'000'000)
            text += piece;
        const Digest digest = digest_of(text);
        EXPECT_LE(digest.parts.size(), 10'000u);
        EXPECT_EQ(digest.size(), text.size());
    }
    const Digest line = digest_of("Subject: s\r\n\r\n" + std::string(10'000'000, 'x'));
    EXPECT_EQ(line.parts[0].body_size(), 10'000'000u);
    std::string fields;
    for (int i = 0; i < 50'000; ++i)
        fields += "Received: by x\r\n";
    EXPECT_EQ(digest_of(fields + "\r\n").received, 50'000u);
}

TEST(Codec, ReadsBackAndTellsDamage)
{
    for (const std::string_view message :
         {two_parts, rfc3501_example,
          std::string_view("Date: 22 Nov 2026 00:00 -0330\r\nTo: g: a@x.test;\r\nSubject:\r\n\r\nx")}) {
        const Digest digest = digest_of(message);
        const std::string stored = encode(digest);
        const auto back = decode_digest(stored);
        ASSERT_TRUE(back);
        EXPECT_EQ(*back, digest);
        EnvelopeView in_place;
        EXPECT_TRUE(read_envelope(stored, in_place));
        EXPECT_TRUE(in_place == view_of(digest.envelope)) << "read in place, the same";
        for (std::size_t cut = 0; cut < stored.size(); ++cut)
            EXPECT_FALSE(decode_digest(stored.substr(0, cut))) << "cut to " << cut;
        EXPECT_FALSE(decode_digest(stored + "x"));
        for (std::size_t at = 0; at < stored.size(); ++at)
            for (const char flip : {'\x01', '\x10', '\x80', '\xff'}) {
                std::string damaged = stored;
                damaged[at] = static_cast<char>(damaged[at] ^ flip);
                const auto read = decode_digest(damaged);  // an error, or something that holds its promises
                if (!read)
                    continue;
                for (std::size_t i = 0; i < read->parts.size(); ++i)
                    ASSERT_LE(read->path_of(static_cast<std::int32_t>(i)).size(), 100u);
            }
    }
    EXPECT_LT(encode(digest_of(two_parts)).size(), 100u) << "compact";
}

}  // namespace
}  // namespace posthouse::message

#include "smtp/trace.h"

#include <gtest/gtest.h>

namespace posthouse::smtp {
namespace {

SessionFacts facts()
{
    SessionFacts facts;
    facts.peer = {"192.0.2.7", 4711};
    facts.greeted_as = "mail.south.test";
    facts.extended = true;
    return facts;
}

Envelope to(std::vector<Path> paths)
{
    Envelope envelope;
    for (Path& path : paths)
        envelope.recipients.push_back({std::move(path)});
    return envelope;
}

TEST(Received, HasForOnlyWithOneRecipient)
{
    const WallTime now{std::chrono::seconds(1'795'305'747)};
    EXPECT_EQ(received_field(facts(), to({{"bob", "north.test"}}), 1, "north.test", now),
              "Received: from mail.south.test ([192.0.2.7])\r\n\tby north.test (Posthouse) with ESMTP\r\n"
              "\tid 0000000000001\r\n\tfor <bob@north.test>;\r\n\t" +
                  rfc5322_date(now) + "\r\n");
    EXPECT_EQ(
        received_field(facts(), to({{"bob", "north.test"}, {"eve", "north.test"}}), 1, "north.test", now).find("for <"),
        std::string::npos);
}

// RFC 3848, RFC 6531 section 4.3.
TEST(Received, ProtocolWords)
{
    SessionFacts f = facts();
    Envelope e;
    EXPECT_EQ(protocol_word(f, e), "ESMTP");
    f.encrypted = true;
    EXPECT_EQ(protocol_word(f, e), "ESMTPS");
    f.login = "alice@north.test";
    EXPECT_EQ(protocol_word(f, e), "ESMTPSA");
    e.smtputf8 = true;
    EXPECT_EQ(protocol_word(f, e), "UTF8SMTPSA");
    f.encrypted = false;
    EXPECT_EQ(protocol_word(f, e), "UTF8SMTPA");
    f.extended = false;
    EXPECT_EQ(protocol_word(f, e), "SMTP");
}

TEST(Received, TlsFactsAndOddNames)
{
    SessionFacts f = facts();
    f.encrypted = true;
    f.tls_version = "TLSv1.3";
    f.tls_cipher = "TLS_AES_256_GCM_SHA384";
    f.peer.address = "2001:db8::1";
    f.greeted_as = "::1";  // no Domain
    const std::string field = received_field(f, to({}), 1, "north.test", {});
    EXPECT_TRUE(field.starts_with("Received: from [IPv6:2001:db8::1] (greets as ::1)\r\n")) << field;
    EXPECT_NE(field.find("with ESMTPS (TLSv1.3 TLS_AES_256_GCM_SHA384)\r\n"), std::string::npos);
    EXPECT_NE(received_field(f, to({{"a \"b\\", "x.test"}}), 1, "h", {}).find("for <\"a \\\"b\\\\\"@x.test>;"),
              std::string::npos);
}

std::optional<Reply> watch(std::string_view text, std::size_t piece)
{
    HeaderWatch watch;
    for (std::size_t at = 0; at < text.size(); at += piece)
        if (auto reply = watch.watch(text.substr(at, piece)))
            return reply;
    return std::nullopt;
}

std::string hops(int count, std::string_view name = "Received: x\r\n")
{
    std::string text;
    for (int i = 0; i < count; ++i)
        text += name;
    return text;
}

// HOSTILE A6.
TEST(HeaderWatch, LoopsAreCutAtFifty)
{
    for (const std::size_t piece : {1, 7, 100'000}) {
        EXPECT_FALSE(watch(hops(49) + "\r\n" + hops(300), piece));  // those in the body do not count
        EXPECT_EQ(watch(hops(50) + "\r\n", piece)->codes(), "554 5.4.6");
        EXPECT_EQ(watch(hops(300, "received: x\r\n\ty\r\n") + "\r\n", piece)->codes(), "554 5.4.6");
        EXPECT_FALSE(watch(hops(300, "X-Received: x\r\n") + "\r\n", piece));
        EXPECT_FALSE(watch("\r\n" + hops(300), piece));
    }
}

TEST(HeaderWatch, HeaderHasALimit)
{
    const std::string line = "X: " + std::string(1019, 'x') + "\r\n";
    EXPECT_FALSE(watch(hops(1023, line) + "\r\n" + std::string(2'000'000, 'x'), 4096));
    EXPECT_EQ(watch(hops(1025, line) + "\r\n", 4096)->codes(), "552 5.3.4");
    EXPECT_EQ(watch(std::string(2'000'000, 'x'), 4096)->codes(), "552 5.3.4");
}

}  // namespace
TEST(MessageIdWatch, FindsTheIdHoweverTheHeaderComes)
{
    struct Row {
        std::string_view header;
        std::string_view expected;
        std::string_view reason;
    };
    static constexpr Row rows[] = {
        {"Subject: x\r\nMessage-ID: <a@b>\r\n\r\n", "a@b", "the usual"},
        {"message-id:<a@b>\r\n\r\n", "a@b", "names are without case"},
        {"Message-ID:\r\n <a@b>\r\n\r\n", "a@b", "folded (RFC 5322 section 2.2.3)"},
        {"X: y\r\n Message-ID: <no@b>\r\n\r\n", "", "the end of another field"},
        {"Resent-Message-ID: <no@b>\r\n\r\n", "", "another name"},
        {"Subject: x\r\n\r\nMessage-ID: <no@b>\r\n", "", "in the body"},
        {"Message-ID: none\r\n\r\n", "", "no brackets"},
        {"Message-ID: >a<\r\n\r\n", "", "brackets the wrong way round"},
        {"Message-ID: <a@b>\r\nMessage-ID: <c@d>\r\n\r\n", "a@b", "the first one"},
    };
    for (const Row& row : rows)
        for (const std::size_t step : {1u, 2u, 7u, 1000u}) {
            MessageIdWatch watch;
            for (std::size_t at = 0; at < row.header.size(); at += step)
                watch.watch(row.header.substr(at, step));
            EXPECT_EQ(watch.id(), row.expected) << row.reason << " in pieces of " << step;
        }
    MessageIdWatch endless;
    endless.watch("Message-ID: <");
    for (int i = 0; i < 10'000; ++i)
        endless.watch("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    endless.watch(">\r\n\r\n");
    EXPECT_EQ(endless.id(), "");
}

}  // namespace posthouse::smtp

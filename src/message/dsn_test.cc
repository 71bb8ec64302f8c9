#include "message/dsn.h"

#include "base/text.h"

#include <gtest/gtest.h>

namespace posthouse::message {
namespace {

constexpr WallTime arrived{std::chrono::seconds{1'795'305'747}};

DeliveryStatus a_status()
{
    DeliveryStatus status;
    status.original_envelope_id = "QQ314159";
    status.reporting_mta = {"dns", "north.test"};
    status.received_from_mta = {"dns", "desk.north.test"};
    status.arrival = arrived;
    status.extensions = {{"X-Posthouse-Queue-ID", "06b1zs3k8gq00"}};
    RecipientStatus carol;
    carol.original_recipient = {"rfc822", "team@south.test"};
    carol.final_recipient = {"rfc822", "carol@south.test"};
    carol.action = DeliveryAction::failed;
    carol.status = "5.1.1";
    carol.remote_mta = {"dns", "mx.south.test"};
    carol.diagnostic_code = {"smtp", "550 5.1.1 no such user"};
    carol.last_attempt = arrived + 1h;
    carol.final_log_id = "06b1zs3k8gq00";
    status.recipients.push_back(carol);
    RecipientStatus dave;
    dave.final_recipient = {"rfc822", "dave@south.test"};
    dave.action = DeliveryAction::delayed;
    dave.status = "4.4.1";
    dave.will_retry_until = arrived + 24h * 5;
    status.recipients.push_back(dave);
    return status;
}

TEST(DeliveryStatus, EveryFieldStandsWhereRfc3464HasIt)
{
    EXPECT_EQ(write_delivery_status(a_status(), StatusForm::ascii),
              "Original-Envelope-Id: QQ314159\r\n"
              "Reporting-MTA: dns; north.test\r\n"
              "Received-From-MTA: dns; desk.north.test\r\n"
              "Arrival-Date: Sun, 22 Nov 2026 00:02:27 +0000\r\n"
              "X-Posthouse-Queue-ID: 06b1zs3k8gq00\r\n"
              "\r\n"
              "Original-Recipient: rfc822; team@south.test\r\n"
              "Final-Recipient: rfc822; carol@south.test\r\n"
              "Action: failed\r\n"
              "Status: 5.1.1\r\n"
              "Remote-MTA: dns; mx.south.test\r\n"
              "Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n"
              "Last-Attempt-Date: Sun, 22 Nov 2026 01:02:27 +0000\r\n"
              "Final-Log-ID: 06b1zs3k8gq00\r\n"
              "\r\n"
              "Final-Recipient: rfc822; dave@south.test\r\n"
              "Action: delayed\r\n"
              "Status: 4.4.1\r\n"
              "Will-Retry-Until: Fri, 27 Nov 2026 00:02:27 +0000\r\n");
}

TEST(DeliveryStatus, IsReadBackAsItWas)
{
    for (const StatusForm form : {StatusForm::ascii, StatusForm::utf8}) {
        const auto read = parse_delivery_status(write_delivery_status(a_status(), form));
        ASSERT_TRUE(read) << read.error().text;
        EXPECT_EQ(*read, a_status());
    }
}

// RFC 6533 section 3: utf-8-addr-xtext in message/delivery-status, characters themselves in the global form.
TEST(DeliveryStatus, AddressesBeyondAscii)
{
    DeliveryStatus status = a_status();
    status.recipients.resize(1);
    status.recipients[0].final_recipient = typed_address("dörte+x@süd.test");
    EXPECT_EQ(status.recipients[0].final_recipient.type, "utf-8");
    const std::string ascii = write_delivery_status(status, StatusForm::ascii);
    EXPECT_NE(ascii.find("Final-Recipient: utf-8; d\\x{F6}rte\\x{2B}x@s\\x{FC}d.test\r\n"), std::string::npos) << ascii;
    EXPECT_TRUE(is_ascii(ascii));
    const std::string global = write_delivery_status(status, StatusForm::utf8);
    EXPECT_NE(global.find("Final-Recipient: utf-8; dörte+x@süd.test\r\n"), std::string::npos) << global;
    EXPECT_EQ(*parse_delivery_status(ascii), status);
    EXPECT_EQ(*parse_delivery_status(global), status);
}

TEST(DeliveryStatus, NothingInAValueBecomesAField)
{
    DeliveryStatus status = a_status();
    status.original_envelope_id = "x\r\nAction: delivered\n\nFinal-Recipient: rfc822; eve@evil.test";
    status.received_from_mta.text = "evil\x1b[2J\0.test\xff";
    status.recipients[0].diagnostic_code.text = "550 no\r\n\r\nAction: delivered\r\n";
    status.recipients[0].remote_mta = {"dns\r\nX: y", "mx"};
    const std::string written = write_delivery_status(status, StatusForm::ascii);
    const auto read = parse_delivery_status(written);
    ASSERT_TRUE(read);
    ASSERT_EQ(read->recipients.size(), 2u);
    EXPECT_EQ(read->recipients[0].action, DeliveryAction::failed);
    EXPECT_EQ(read->recipients[0].remote_mta, (TypedText{"dns", "mx"}));
    EXPECT_EQ(read->original_envelope_id,
              "x\\x0d\\x0aAction: delivered\\x0a\\x0aFinal-Recipient: rfc822; eve@evil.test");
    EXPECT_EQ(written.find('\x1b'), std::string::npos);
}

TEST(DeliveryStatus, LongValuesAreCut)
{
    DeliveryStatus status = a_status();
    status.recipients[0].diagnostic_code.text = std::string(100'000, 'x');
    const std::string written = write_delivery_status(status, StatusForm::utf8);
    EXPECT_LT(written.size(), 3'000u);
    for (const std::string_view line : split(written, '\n'))
        EXPECT_LE(line.size(), 999u);
}

// As other servers write it: comments, folds, other orders, LF, fields unknown here, an empty line first.
TEST(DeliveryStatus, TakesWhatOthersWrite)
{
    const auto read = parse_delivery_status("\n"
                                            "X-Postfix-Queue-ID: 4Xyz\n"
                                            "Reporting-MTA: dns;\n  mx.example.test\n"
                                            "Arrival-Date: Sun, 22 Nov 2026 01:02:27 +0100 (CET)\n"
                                            "\n"
                                            "ACTION:  Failed (what else)\n"
                                            "Status: 5.1.1 (bad mailbox)\n"
                                            "Status: 4.0.0\n"
                                            "Final-Recipient: RFC822;bob@example.test\n"
                                            "Diagnostic-Code: smtp; 550-no\n    550 user\n");
    ASSERT_TRUE(read);
    EXPECT_EQ(read->reporting_mta, (TypedText{"dns", "mx.example.test"}));
    EXPECT_EQ(read->arrival, arrived);
    EXPECT_EQ(read->extensions, (std::vector<DeliveryStatus::Extension>{{"X-Postfix-Queue-ID", "4Xyz"}}));
    ASSERT_EQ(read->recipients.size(), 1u);
    EXPECT_EQ(read->recipients[0].action, DeliveryAction::failed);
    EXPECT_EQ(read->recipients[0].status, "5.1.1");
    EXPECT_EQ(read->recipients[0].final_recipient, (TypedText{"rfc822", "bob@example.test"}));
    EXPECT_EQ(read->recipients[0].diagnostic_code.type, "smtp");
    EXPECT_TRUE(read->recipients[0].diagnostic_code.text.ends_with("550 user"));
}

TEST(DeliveryStatus, WhatIsNoReportIsRefused)
{
    EXPECT_FALSE(parse_delivery_status(""));
    EXPECT_FALSE(parse_delivery_status("Reporting-MTA: dns; x\r\n"));
    EXPECT_FALSE(parse_delivery_status("Reporting-MTA: dns; x\r\n\r\nAction: dancing\r\n"));
}

TEST(DeliveryStatus, ManyRecipientsAreBounded)
{
    std::string body = "Reporting-MTA: dns; x\r\n";
    for (int i = 0; i < 5'000; ++i)
        body += "\r\nAction: failed\r\n";
    EXPECT_EQ(parse_delivery_status(body)->recipients.size(), most_status_recipients);
}

TEST(StatusCodes, Rfc3463Section2)
{
    EXPECT_EQ(parse_status_code("5.1.10"), (StatusCode{5, 1, 10}));
    EXPECT_EQ(parse_status_code("2.0.0"), (StatusCode{2, 0, 0}));
    for (const std::string_view bad : {"", "5", "5.1", "3.1.1", "5.1.1.1", "5.1.1000", "5.-1.1", "5..1", " 5.1.1"})
        EXPECT_FALSE(parse_status_code(bad)) << bad;
}

}  // namespace
}  // namespace posthouse::message

#include "mta/bounce/report.h"

#include "base/text.h"
#include "message/body.h"
#include "message/dsn.h"
#include "message/parser.h"
#include "mta/bounce/fixture.h"

#include <gtest/gtest.h>

namespace posthouse::mta::bounce {
namespace {

using smtp::NoticeKind;

class Reports : public testing::Test {
protected:
    // Writes the notice and takes it apart: three parts in a multipart/report.
    void write()
    {
        text_ = writer_.write(notice_, arrived + 2s);
        digest_ = message::digest_of(text_);
        ASSERT_GE(digest_.parts.size(), 4u) << text_;
        EXPECT_EQ(digest_.header_garbage, 0u);
        EXPECT_EQ(digest_.parts[0].type + "/" + digest_.parts[0].subtype, "multipart/report");
        EXPECT_EQ(message::parameter(digest_.parts[0].parameters, "report-type"), "delivery-status");
        EXPECT_EQ(digest_.next_sibling(3), message::no_part) << "three parts, RFC 6522 section 3";
        letter_ = message::readable_text(digest_.parts[1], raw(1));
        const auto status = message::parse_delivery_status(raw(2));
        ASSERT_TRUE(status) << text_;
        status_ = *status;
    }
    std::string_view raw(std::size_t part) const
    {
        return std::string_view(text_).substr(digest_.parts[part].body_begin, digest_.parts[part].body_size());
    }
    std::string type(std::size_t part) const { return digest_.parts[part].type + "/" + digest_.parts[part].subtype; }
    std::string field(std::string_view name) const
    {
        const auto found = message::find_field(text_, name);
        return found ? found->text() : "";
    }
    bool tells(std::string_view words) const
    {
        std::string flat = letter_;
        std::ranges::replace(flat, '\n', ' ');
        return flat.find(words) != std::string::npos;
    }
    smtp::NoticeRecipient& carol() { return notice_.recipients[0]; }

    SeededRandom random_{7};
    ReportWriter writer_{{.host_name = "north.test"}, random_};
    smtp::Notice notice_ = a_notice();
    std::string text_;
    message::Digest digest_;
    std::string letter_;
    message::DeliveryStatus status_;
};

TEST_F(Reports, ItsHeaderSaysWhatItIs)
{
    write();
    EXPECT_EQ(field("From"), "Mail Delivery System <postmaster@north.test>");
    EXPECT_EQ(field("To"), "alice@north.test");
    EXPECT_EQ(field("Subject"), "Not delivered: carol@south.test");
    EXPECT_EQ(field("Date"), "Sun, 22 Nov 2026 00:02:29 +0000");
    EXPECT_EQ(field("Auto-Submitted"), "auto-replied");
    EXPECT_EQ(field("Message-ID"), "<" + id_text(notice_.notice) + "@north.test>");
    EXPECT_EQ(field("In-Reply-To"), "<first@desk.north.test>");
    EXPECT_EQ(field("References"), "<first@desk.north.test>");
    EXPECT_EQ(field("MIME-Version"), "1.0");
}

TEST_F(Reports, ThePersonsPartBeginsWithWhatHappenedAndWhy)
{
    write();
    EXPECT_EQ(type(1), "text/plain");
    EXPECT_TRUE(letter_.starts_with("Your message could not be delivered to carol@south.test.\n\n"
                                    "carol@south.test does not exist there. The address may be misspelled.\n\n"
                                    "  Tried     once, on Sun, 22 Nov 2026 00:02:28 +0000\n"
                                    "  Server    mx.south.test (127.0.0.2:2525)\n"
                                    "  Answer    550 5.1.1 no such user here\n\n"))
        << letter_;
    EXPECT_TRUE(tells("  C: RCPT TO:<carol@south.test>   S: 550 5.1.1 no such user here"));
    EXPECT_TRUE(tells("Subject   Grüße"));
    EXPECT_TRUE(tells("Id        " + id_text(notice_.about)));
}

// RFC 3464 sections 2.2 and 2.3, every field.
TEST_F(Reports, TheMachinesPartHasEveryField)
{
    carol().fate.remote_id = "4XyZ";
    write();
    EXPECT_EQ(type(2), "message/delivery-status");
    EXPECT_EQ(status_.original_envelope_id, "QQ314159");
    EXPECT_EQ(status_.reporting_mta, (message::TypedText{"dns", "north.test"}));
    EXPECT_EQ(status_.received_from_mta, (message::TypedText{"dns", "desk.north.test"}));
    EXPECT_EQ(status_.arrival, arrived);
    ASSERT_EQ(status_.extensions.size(), 1u);
    EXPECT_EQ(status_.extensions[0].value, id_text(notice_.about));
    ASSERT_EQ(status_.recipients.size(), 1u);
    const message::RecipientStatus& one = status_.recipients[0];
    EXPECT_EQ(one.original_recipient, (message::TypedText{"rfc822", "friends@north.test"}));
    EXPECT_EQ(one.final_recipient, (message::TypedText{"rfc822", "carol@south.test"}));
    EXPECT_EQ(one.action, message::DeliveryAction::failed);
    EXPECT_EQ(one.status, "5.1.1");
    EXPECT_EQ(one.remote_mta, (message::TypedText{"dns", "mx.south.test"}));
    EXPECT_EQ(one.diagnostic_code, (message::TypedText{"smtp", "550 5.1.1 no such user here"}));
    EXPECT_EQ(one.last_attempt, arrived + 1s);
    EXPECT_EQ(one.final_log_id, "4XyZ");
    EXPECT_FALSE(one.will_retry_until) << "only of a delay (RFC 3464 section 2.3.9)";
}

TEST_F(Reports, WhatIsNotKnownHasNoField)
{
    notice_.envelope.envelope_id.clear();
    notice_.received_from.clear();
    carol().recipient.original_recipient.clear();
    carol().attempts = 0;
    carol().fate = {.fate = smtp::Fate::failed, .status = "5.1.2", .reason = "south.test does not exist"};
    write();
    const std::string_view machine = raw(2);
    for (const std::string_view name : {"Original-Envelope-Id", "Received-From-MTA", "Original-Recipient", "Remote-MTA",
                                        "Last-Attempt-Date", "Will-Retry-Until"})
        EXPECT_EQ(machine.find(name), std::string::npos) << name;
    EXPECT_EQ(status_.recipients[0].diagnostic_code, (message::TypedText{"x-posthouse", "south.test does not exist"}));
    EXPECT_EQ(status_.recipients[0].final_log_id, id_text(notice_.about));
    EXPECT_TRUE(tells("Reason    south.test does not exist"));
}

TEST_F(Reports, ADelay)
{
    carol().kind = NoticeKind::delayed;
    carol().fate = {.status = "4.4.1", .remote_mta = "mx.south.test", .reason = "mx.south.test does not answer"};
    carol().attempts = 7;
    carol().retried_until = arrived + 24h * 5;
    notice_.content = notice_.header + "body\r\n";
    notice_.content_is_whole = true;
    write();
    EXPECT_EQ(field("Subject"), "Delayed: carol@south.test");
    EXPECT_TRUE(tells("has not been delivered to carol@south.test yet. You need not do anything"));
    EXPECT_TRUE(tells("No mail server of south.test answers."));
    EXPECT_TRUE(tells("7 times, the last time on Sun, 22 Nov 2026 00:02:28 +0000"));
    EXPECT_EQ(status_.recipients[0].action, message::DeliveryAction::delayed);
    EXPECT_EQ(status_.recipients[0].will_retry_until, arrived + 24h * 5);
    EXPECT_EQ(type(3), "text/rfc822-headers") << "RET counts for failures only (RFC 3461 section 4.3)";
}

TEST_F(Reports, ADelayIsTransientWhateverTheStatusSays)
{
    carol().kind = NoticeKind::delayed;
    write();
    EXPECT_EQ(status_.recipients[0].status, "4.0.0");
}

TEST_F(Reports, Expiry)
{
    carol().fate = {.fate = smtp::Fate::failed, .status = "4.4.1", .reason = "connection refused"};
    carol().attempts = 34;
    text_ = writer_.write(notice_, arrived + 24h * 5);
    letter_ = text_;
    EXPECT_TRUE(tells("It was tried for 5 days and is given up now.")) << text_;
    EXPECT_NE(text_.find("Status: 4.4.1\r\n"), std::string::npos);
    EXPECT_NE(text_.find("Action: failed\r\n"), std::string::npos);
}

TEST_F(Reports, GoodNews)
{
    carol().kind = NoticeKind::relayed;
    carol().fate.status = "2.0.0";
    carol().fate.reply = {250, "2.0.0", "queued"};
    notice_.recipients.push_back(carol());
    notice_.recipients[1].kind = NoticeKind::delivered;
    notice_.recipients[1].recipient.path = {"bob", "north.test"};
    write();
    EXPECT_EQ(field("Subject"), "Delivered: bob@north.test");
    EXPECT_TRUE(
        tells("Your message was passed on to mx.south.test, for carol@south.test. That server does not confirm"));
    EXPECT_TRUE(tells("Your message was delivered to bob@north.test."));
    EXPECT_EQ(status_.recipients[0].action, message::DeliveryAction::relayed);
    EXPECT_EQ(status_.recipients[0].status, "2.0.0");
    EXPECT_EQ(status_.recipients[1].action, message::DeliveryAction::delivered);
}

TEST_F(Reports, SeveralRecipientsTheWorstFirst)
{
    notice_.recipients.insert(notice_.recipients.begin(), carol());
    notice_.recipients[0].kind = NoticeKind::delivered;
    notice_.recipients.push_back(carol());
    notice_.recipients[2].kind = NoticeKind::failed;
    notice_.recipients[2].recipient.path = {"dave", "south.test"};
    write();
    EXPECT_EQ(field("Subject"), "Not delivered: carol@south.test and 1 more");
    EXPECT_LT(letter_.find("could not be delivered to dave"), letter_.find("was delivered to carol"));
    EXPECT_EQ(status_.recipients.size(), 3u);
}

TEST_F(Reports, TheWholeMessageWhereItIsAskedForAndThere)
{
    notice_.content = notice_.header + "the body\r\n--=_x\r\n";
    notice_.content_is_whole = true;
    notice_.envelope.ret = smtp::Ret::full;
    write();
    EXPECT_EQ(type(3), "message/rfc822");
    EXPECT_EQ(raw(3), notice_.content);
    notice_.envelope.ret = smtp::Ret::headers;
    write();
    EXPECT_EQ(type(3), "text/rfc822-headers");
    EXPECT_EQ(raw(3), std::string_view(notice_.header).substr(0, notice_.header.size() - 2));
}

TEST_F(Reports, ContentThatNoPartCanHoldIsReturnedAsItsHeader)
{
    notice_.content_is_whole = true;
    for (const std::string& body : {std::string("a\0b\r\n", 5), std::string(5'000, 'x') + "\r\n"}) {
        notice_.content = notice_.header + body;
        write();
        EXPECT_EQ(type(3), "text/rfc822-headers");
    }
}

TEST_F(Reports, AHeaderCutAnywhere)
{
    notice_.header.resize(70);
    write();
    EXPECT_EQ(raw(3), "From: Alice <alice@north.test>\r\nTo: carol@south.test\r\n");
}

// RFC 6533: the global forms, and only where they are needed.
TEST_F(Reports, AddressesBeyondAscii)
{
    carol().recipient.path = {"dörte", "süd.test"};
    carol().recipient.original_recipient = "utf-8;d\\x{F6}rte@s\\x{FC}d.test";
    notice_.envelope.smtputf8 = true;
    notice_.header = "Subject: Grüße\r\n\r\n";
    write();
    EXPECT_EQ(type(2), "message/global-delivery-status");
    EXPECT_NE(raw(2).find("Final-Recipient: utf-8; dörte@süd.test\r\n"), std::string::npos);
    EXPECT_NE(raw(2).find("Original-Recipient: utf-8; dörte@süd.test\r\n"), std::string::npos);
    EXPECT_EQ(type(3), "message/global-headers");
    EXPECT_EQ(message::decode_text(field("Subject")), "Not delivered: dörte@süd.test");
    EXPECT_TRUE(is_ascii(field("Subject"))) << "the header needs no SMTPUTF8 on the way";
    notice_.content = notice_.header + "x\r\n";
    notice_.content_is_whole = true;
    write();
    EXPECT_EQ(type(3), "message/global");
}

TEST_F(Reports, BytesThatAreNoUtf8AreReturnedReadable)
{
    notice_.header = "Subject: Gr\xfc\xdf"
                     "e\r\n\r\n";
    write();
    EXPECT_EQ(type(3), "message/global-headers");
    EXPECT_EQ(raw(3), "Subject: Grüße\r\n");
    EXPECT_EQ(type(2), "message/delivery-status");
}

// HOSTILE A24: whatever a peer or a sender writes, the notice has the same fields and parts.
TEST_F(Reports, NothingFromOutsideBecomesAFieldOrAPart)
{
    carol().fate.reply.text = "no\r\nX-Evil: 1\r\n\r\n--=_\x1b[2J\n<script>";
    carol().fate.dialogue = {"S: 550 a\r\n\r\n--=_b\r\nContent-Type: text/html\r\n\r\nx", std::string("\0\x9b", 2)};
    carol().fate.reason = "\r\n.\r\n";
    carol().fate.remote_mta = "mx\r\nX-Evil: 1";
    carol().fate.remote_id = "id\r\nAction: delivered";
    carol().fate.status = "5.1.1\r\nAction: delivered";
    carol().recipient.original_recipient = "rfc822;x\r\nAction: delivered";
    carol().recipient.path.local_part = "a\r\nBcc: eve@evil.test";
    notice_.received_from = "x\r\n\r\nAction: delivered";
    notice_.header = "Subject: a\xe2\x80\xae =?utf-8?Q?=0D=0AX-Evil:_1?=\r\nMessage-ID: <a b\"\r\n c@d>\r\n"
                     "Content-Type: multipart/mixed; boundary=x\r\n\r\n";
    write();
    std::size_t fields = 0;
    for (message::HeaderReader reader(text_); reader.next();)
        ++fields;
    EXPECT_LE(fields, 10u);
    EXPECT_EQ(field("X-Evil"), "");
    EXPECT_EQ(field("Bcc"), "");
    EXPECT_EQ(digest_.parts.size(), 4u);
    EXPECT_EQ(status_.recipients.size(), 1u);
    EXPECT_EQ(status_.recipients[0].action, message::DeliveryAction::failed);
    EXPECT_EQ(status_.recipients[0].status, "5.0.0");
    for (const char c : text_)
        EXPECT_TRUE(!is_control(c) || c == '\r' || c == '\n') << static_cast<int>(c);
    EXPECT_EQ(letter_.find("\xe2\x80\xae"), std::string::npos) << "no text that runs backwards";
}

TEST_F(Reports, ASenderThatNoFieldCanHoldIsLeftToTheEnvelope)
{
    notice_.envelope.reverse_path = {"alice", "xn--\xff.test"};
    write();
    EXPECT_EQ(field("To"), "");
}

TEST_F(Reports, TenThousandRecipientsAreBounded)
{
    for (int i = 0; i < 10'000; ++i)
        notice_.recipients.push_back(carol());
    const std::string text = writer_.write(notice_, arrived + 2s);
    EXPECT_LT(text.size(), 10u * 1024 * 1024);
}

}  // namespace
}  // namespace posthouse::mta::bounce

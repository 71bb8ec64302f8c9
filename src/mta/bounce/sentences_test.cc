#include "mta/bounce/sentences.h"

#include "mta/bounce/fixture.h"

#include <gtest/gtest.h>

namespace posthouse::mta::bounce {
namespace {

smtp::NoticeRecipient with(std::string status, smtp::Reply reply, std::string reason = {})
{
    smtp::NoticeRecipient recipient = unknown_carol();
    recipient.fate.status = std::move(status);
    recipient.fate.reply = std::move(reply);
    recipient.fate.reason = std::move(reason);
    return recipient;
}

TEST(Sentences, EachStatusHasAReasonAPersonUnderstands)
{
    struct Case {
        std::string status;
        std::string_view sentence;
    };
    const std::array cases{
        Case{"5.1.1", "carol@south.test does not exist there. The address may be misspelled."},
        Case{"5.1.2", "There is no domain south.test that takes mail. What stands behind the @ may be misspelled."},
        Case{"5.1.10", "south.test takes no mail at all; it says so itself."},
        Case{"4.2.2",
             "The mailbox of carol@south.test is full. Its owner must make room before more mail can be delivered."},
        Case{"5.2.2",
             "The mailbox of carol@south.test is full. Its owner must make room before more mail can be delivered."},
        Case{"5.3.4", "The message is too large for mx.south.test. Make it smaller, or send a link."},
        Case{"4.4.1", "No mail server of south.test answers."},
        Case{"5.4.4",
             "It cannot be found out which server takes mail for south.test. What stands behind the @ may be "
             "misspelled."},
        Case{"5.4.6",
             "Mail for carol@south.test goes in a circle: it always comes back to a server that has had it already."},
        Case{"5.6.7",
             "The message has addresses with letters beyond English ones, and mx.south.test cannot handle these."},
        Case{"5.7.1", "mx.south.test does not accept this message from you for carol@south.test."},
    };
    for (const Case& each : cases)
        EXPECT_EQ(sentence_for(with(each.status, {550, each.status, "x"})), each.sentence) << each.status;
}

TEST(Sentences, WithoutAnEnhancedCodeTheReplyTells)
{
    EXPECT_EQ(sentence_for(with("5.0.0", {552, "", "no"})),
              "The message does not fit: the mailbox of carol@south.test is full, or the message is too large for it.");
    EXPECT_EQ(sentence_for(with("", {550, "", "no"})),
              "mx.south.test refuses mail for carol@south.test. The address may be misspelled, or the message is not "
              "wanted there.");
    EXPECT_EQ(sentence_for(with("5.9.9", {599, "5.9.9", "no"})), "mx.south.test refuses the message.");
    EXPECT_EQ(sentence_for(with("4.9.9", {499, "4.9.9", "no"})), "mx.south.test does not take the message yet.");
}

TEST(Sentences, TheReplyTellsWhereTheStatusDoesNot)
{
    const std::string full =
        "The mailbox of carol@south.test is full. Its owner must make room before more mail can be delivered.";
    EXPECT_EQ(sentence_for(with("5.0.0", {452, "4.2.2", "full"})), full);
    EXPECT_EQ(sentence_for(with("4.4.7", {452, "4.2.2", "full"})), full);
}

TEST(Sentences, WithoutAReplyOurOwnReasonTells)
{
    EXPECT_EQ(sentence_for(with("4.4.7", {}, "mx.south.test does not answer: connection refused")),
              "mx.south.test does not answer: connection refused.");
    smtp::NoticeRecipient nobody = with("", {});
    nobody.fate.remote_mta.clear();
    EXPECT_EQ(sentence_for(nobody), "It could not be brought to the mail server of south.test.");
    nobody.fate.status = "4.3.2";
    EXPECT_EQ(sentence_for(nobody), "The mail server of south.test takes no mail at the moment.");
}

TEST(Sentences, TheTimeRanOut)
{
    EXPECT_TRUE(is_expired(with("4.4.1", {})));
    EXPECT_TRUE(is_expired(with("5.4.7", {})));
    EXPECT_FALSE(is_expired(with("5.1.1", {})));
    smtp::NoticeRecipient delayed = with("4.4.1", {});
    delayed.kind = smtp::NoticeKind::delayed;
    EXPECT_FALSE(is_expired(delayed));
}

TEST(Sentences, AnAddressCannotSetASentenceOnFire)
{
    smtp::NoticeRecipient recipient = with("5.1.1", {550, "5.1.1", "no"});
    recipient.recipient.path = {"{who}\x1b[2J{host}\xff", "south.test"};
    const std::string sentence = sentence_for(recipient);
    EXPECT_EQ(sentence.find('\x1b'), std::string::npos);
    EXPECT_NE(sentence.find("{who}"), std::string::npos);
}

}  // namespace
}  // namespace posthouse::mta::bounce

#include "smtp/command_grammar.h"

#include <gtest/gtest.h>

namespace posthouse::smtp {
namespace {

TEST(CommandGrammar, VerbsInEitherCase)
{
    const std::pair<std::string_view, Verb> rows[] = {
        {"HELO x", Verb::helo},
        {"helo x", Verb::helo},
        {"EhLo x", Verb::ehlo},
        {"MAIL FROM:<>", Verb::mail},
        {"rcpt to:<a>", Verb::rcpt},
        {"DATA", Verb::data},
        {"data ", Verb::data},
        {"BDAT 1 LAST", Verb::bdat},
        {"STARTTLS", Verb::starttls},
        {"AUTH PLAIN", Verb::auth},
        {"QUIT", Verb::quit},
        {"  QUIT", Verb::quit},
        {"", Verb::unknown},
        {" ", Verb::unknown},
        {"DATAX", Verb::unknown},
        {"DAT", Verb::unknown},
        {"GET / HTTP/1.1", Verb::http},
        {"MAIL\xc2\xa0"
         "FROM",
         Verb::unknown},
    };
    for (const auto& [line, verb] : rows) {
        const Parsed<Command> parsed = command(line);
        ASSERT_TRUE(parsed) << line;
        EXPECT_EQ(parsed->verb, verb) << line;
    }
}

TEST(CommandGrammar, ControlsAreRefusedWhole)
{
    for (const char c : {'\0', '\t', '\x1b', '\x7f', '\x01'})
        EXPECT_EQ(command(std::string("NOOP ") + c).error().code, 500) << int{c};
}

struct MailRow {
    std::string_view argument;
    int code;  // 0: taken
    std::string_view enhanced;
};

TEST(CommandGrammar, Mail)
{
    const MailRow rows[] = {
        {"FROM:<a@b.test>", 0, ""},
        {"from: <a@b.test>", 0, ""},  // as people type it
        {"FROM :<a@b.test>", 0, ""},
        {"FROM:<>", 0, ""},
        {"FROM:<a@b.test> SIZE=100 BODY=8bitmime SMTPUTF8", 0, ""},
        {"FROM:<a@b.test>  SIZE=100 ", 0, ""},
        {"", 501, "5.5.4"},
        {"FROM", 501, "5.5.4"},
        {"FROM:", 501, "5.5.4"},
        {"FROM: ", 501, "5.5.4"},
        {"TO:<a@b.test>", 501, "5.5.4"},
        {"FROM:a@b.test", 501, "5.1.7"},
        {"FROM:<a@b.test>SIZE=100", 501, "5.5.4"},
        {"FROM:<a@b.test> SIZE=", 501, "5.5.4"},
        {"FROM:<a@b.test> =1", 501, "5.5.4"},
        {"FROM:<a@b.test> -X", 501, "5.5.4"},
        {"FROM:<a@b.test> SMTPUTF8=1", 501, "5.5.4"},
        {"FROM:<a@b.test> SMTPUTF8 SMTPUTF8", 501, "5.5.4"},
        {"FROM:<a@b.test> BODY=9BIT", 501, "5.5.4"},
        {"FROM:<a@b.test> BODY=BINARYMIME", 555, "5.5.4"},
        {"FROM:<a@b.test> XFOO=1", 555, "5.5.4"},
        {"FROM:<a@b.test> RET=FULL", 555, "5.5.4"},
        {"FROM:<a@b.test> AUTH=<>", 555, "5.5.4"},
    };
    for (const MailRow& row : rows) {
        const Parsed<Envelope> mail = mail_argument(row.argument, {});
        EXPECT_EQ(mail ? 0 : mail.error().code, row.code) << row.argument;
        EXPECT_EQ(mail ? "" : mail.error().enhanced, row.enhanced) << row.argument;
    }
    const Parsed<Envelope> all = mail_argument("FROM:<a@b.test> SIZE=100 BODY=8BITMIME SMTPUTF8", {});
    ASSERT_TRUE(all);
    EXPECT_EQ(all->declared_size, 100u);
    EXPECT_EQ(all->body, BodyType::eight_bit);
    EXPECT_TRUE(all->smtputf8);
}

TEST(CommandGrammar, AnnouncedExtensionsOnly)
{
    const Extensions all{.dsn = true, .auth = true};
    const auto mail = mail_argument("FROM:<a@b.test> RET=HDRS ENVID=QQ+2B1 AUTH=a+2Bx@b.test", all);
    ASSERT_TRUE(mail) << mail.error().text;
    EXPECT_EQ(mail->ret, Ret::headers);
    EXPECT_EQ(mail->envelope_id, "QQ+1");
    EXPECT_TRUE(mail_argument("FROM:<a@b.test> AUTH=<>", all));
    for (const std::string_view bad : {"AUTH=", "AUTH=nobody", "AUTH=a+2", "ENVID=a+0D", "ENVID=+0A+0Dx", "RET=ALL"})
        EXPECT_EQ(mail_argument("FROM:<a@b.test> " + std::string(bad), all).error().code, 501) << bad;

    const auto rcpt = rcpt_argument("TO:<a@b.test> NOTIFY=SUCCESS,failure ORCPT=rfc822;b+2Bc@d.test", all);
    ASSERT_TRUE(rcpt) << rcpt.error().text;
    EXPECT_EQ(rcpt->notify, 3);
    EXPECT_EQ(rcpt->original_recipient, "rfc822;b+c@d.test");
    for (const std::string_view bad : {"NOTIFY=NEVER,DELAY", "NOTIFY=,", "NOTIFY=SUCCESS,SUCCESS", "NOTIFY=x",
                                       "ORCPT=rfc822", "ORCPT=;x", "ORCPT=rfc822;", "ORCPT=rfc822;a+0D+0Ab"})
        EXPECT_EQ(rcpt_argument("TO:<a@b.test> " + std::string(bad), all).error().code, 501) << bad;
    EXPECT_EQ(rcpt_argument("TO:<a@b.test> NOTIFY=NEVER", {}).error().code, 555);
}

TEST(CommandGrammar, Bdat)
{
    EXPECT_EQ(bdat_argument("10")->size, 10u);
    EXPECT_FALSE(bdat_argument("10")->is_last);
    EXPECT_TRUE(bdat_argument("0 last")->is_last);
    for (const std::string_view bad : {"", "-1", "LAST", "10 FIRST", "99999999999999999999", "0x10", "1 0 LAST", "+1"})
        EXPECT_FALSE(bdat_argument(bad)) << bad;
}

TEST(CommandGrammar, Auth)
{
    EXPECT_FALSE(auth_argument("plain")->initial_response);
    EXPECT_EQ(auth_argument("plain")->mechanism, "PLAIN");
    EXPECT_EQ(auth_argument("PLAIN =")->initial_response, "");
    EXPECT_EQ(auth_argument("PLAIN AGEAYg==")->initial_response, std::string("\0a\0b", 4));
    for (const std::string_view bad : {"", "PLAIN AGEAYg", "PLAIN A B", "PL;AIN", "ABCDEFGHIJKLMNOPQRSTU"})
        EXPECT_FALSE(auth_argument(bad)) << bad;
}

TEST(Xtext, RoundTrip)
{
    for (const std::string_view text : {"", "bob@north.test", "a+b=c d", "bøb"})
        EXPECT_EQ(xtext(to_xtext(text)), text);
    EXPECT_EQ(to_xtext("a+b=c"), "a+2Bb+3Dc");
    for (const std::string_view bad : {"+", "+2", "+zz", "a b", "a=b", "+00", "+1B"})
        EXPECT_FALSE(xtext(bad)) << bad;
}

}  // namespace
}  // namespace posthouse::smtp

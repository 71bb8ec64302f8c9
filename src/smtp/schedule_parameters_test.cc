#include "smtp/schedule_parameters.h"

#include "smtp/command_grammar.h"
#include "smtp/command_writer.h"
#include "smtp/test_door.h"
#include "smtp/test_script.h"

namespace posthouse::smtp {
namespace {

constexpr WallTime now{std::chrono::seconds(1'800'000'000)};  // 2027-01-15T08:00:00Z

TEST(HoldInterval, IsOneToNineDigitsAndNotZero)
{
    EXPECT_EQ(hold_interval("600"), Duration(10min));
    EXPECT_EQ(hold_interval("999999999"), Duration(std::chrono::seconds(999'999'999)));
    for (const std::string_view bad : {"", "0", "000", "-1", "+1", "1.5", "1000000000", "18446744073709551616", "1 "})
        EXPECT_FALSE(hold_interval(bad)) << bad;
}

TEST(DateTime, IsRfc3339)
{
    const std::pair<std::string_view, WallTime> rows[] = {
        {"2027-01-15T08:00:00Z", now},
        {"2027-01-15t08:00:00z", now},
        {"2027-01-15T08:00:00.999Z", now},
        {"2027-01-15T09:30:00+01:30", now},
        {"2027-01-14T23:00:00-09:00", now},
        {"2028-02-29T00:00:60Z", WallTime(std::chrono::sys_days(std::chrono::year(2028) / 2 / 29)) + 60s},
    };
    for (const auto& [text, time] : rows)
        EXPECT_EQ(date_time(text), time) << text;
    for (const std::string_view bad :
         {"", "2027-01-15", "2027-01-15 08:00:00Z", "2027-02-29T08:00:00Z", "2027-13-01T08:00:00Z",
          "2027-01-15T24:00:00Z", "2027-01-15T08:60:00Z", "2027-01-15T08:00:61Z", "2027-01-15T08:00:00",
          "2027-01-15T08:00:00.Z", "2027-01-15T08:00:00+1:00", "2027-01-15T08:00:00Zx", "27-01-15T08:00:00Z"})
        EXPECT_FALSE(date_time(bad)) << bad;
}

TEST(ByValue, CountsFromNow)
{
    const auto by = by_value("120;R", now);
    ASSERT_TRUE(by);
    EXPECT_TRUE(by->until == now + 2min && !by->notify_only && !by->trace);
    const auto late = by_value("-30;nt", now);
    ASSERT_TRUE(late);
    EXPECT_TRUE(late->until == now - 30s && late->notify_only && late->trace);
    EXPECT_TRUE(by_value("+1;RT", now));
    for (const std::string_view bad : {"", "120", ";R", "120;", "120;X", "120;RX", "120;RTT", "0;R", "-1;R",
                                       "1000000000;N", "--1;N", "12 0;N", "120,R"})
        EXPECT_FALSE(by_value(bad, now)) << bad;
}

TEST(PriorityValue, IsOneDigitWithASign)
{
    EXPECT_EQ(priority_value("0"), 0);
    EXPECT_EQ(priority_value("9"), 9);
    EXPECT_EQ(priority_value("-9"), -9);
    for (const std::string_view bad : {"", "-", "-0", "10", "+1", "01", "1 "})
        EXPECT_FALSE(priority_value(bad)) << bad;
}

TEST(MailParameters, OfTime)
{
    const Extensions all{.longest_hold = 1h, .deliver_by = true, .priority = true, .now = now};
    const auto held = mail_argument("FROM:<a@b.test> HOLDFOR=600 BY=700;N MT-PRIORITY=-3", all);
    ASSERT_TRUE(held) << held.error().line();
    EXPECT_EQ(held->hold_until, now + 10min);
    EXPECT_EQ(held->deliver_by->until, now + 700s);
    EXPECT_EQ(held->priority, -3);
    EXPECT_EQ(mail_argument("FROM:<> HOLDUNTIL=2027-01-15T08:30:00Z", all)->hold_until, now + 30min);
    EXPECT_EQ(mail_argument("FROM:<> HOLDUNTIL=2026-01-15T08:30:00Z", all)->hold_until, std::nullopt) << "has passed";

    const std::pair<std::string_view, std::string_view> refused[] = {
        {"HOLDFOR=3601", "501 5.5.4"},
        {"HOLDUNTIL=2027-01-15T09:00:01Z", "501 5.5.4"},
        {"HOLDFOR=1 HOLDUNTIL=2027-01-15T08:30:00Z", "501 5.5.4"},
        {"HOLDFOR", "501 5.5.4"},
        {"BY=0;R", "501 5.5.4"},
        {"BY=5;N BY=5;N", "501 5.5.4"},
        {"MT-PRIORITY=10", "501 5.5.4"},
    };
    for (const auto& [parameters, codes] : refused) {
        const auto outcome = mail_argument("FROM:<a@b.test> " + std::string(parameters), all);
        ASSERT_FALSE(outcome) << parameters;
        EXPECT_EQ(outcome.error().codes(), codes) << parameters;
    }
    for (const std::string_view unknown : {"HOLDFOR=5", "BY=5;N", "MT-PRIORITY=1"})
        EXPECT_EQ(mail_argument("FROM:<> " + std::string(unknown), {}).error().code, 555) << unknown;
}

// --- the server's end ---------------------------------------------------------------------------

TEST(Schedule, IsAnnouncedAndTaken)
{
    TestHouse house;
    house.door.offer_.dsn = true;
    house.door.offer_.longest_hold = 1h;
    house.door.offer_.deliver_by = true;
    house.door.offer_.priority = true;
    Server server{house.services(house.door), TestHouse::hasty()};
    expect_conversation(server, R"(
        S: 220
        C: EHLO x
        S: 250-north.test
        S: 250-PIPELINING
        S: 250-SIZE
        S: 250-8BITMIME
        S: 250-ENHANCEDSTATUSCODES
        S: 250-DSN
        S: 250-FUTURERELEASE 3600 20
        S: 250-DELIVERBY
        S: 250-MT-PRIORITY
        S: 250-SMTPUTF8
        S: 250-CHUNKING
        S: 250-LIMITS
        S: 250 HELP
        C: MAIL FROM:<a@b.test> HOLDFOR=3601
        S: 501 5.5.4
        C: MAIL FROM:<a@b.test> HOLDFOR=600 BY=900;R MT-PRIORITY=-2 RET=HDRS ENVID=QQ314159
        S: 250 2.1.0
        C: RCPT TO:<bob@north.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;Bob+2BQ@north.test
        S: 250 2.1.5
        C: BDAT 0 LAST
        S: 250 2.0.0
        C: MAIL FROM:<a@b.test> MT-PRIORITY=3
        S: 250 2.3.6 0 is the new priority
        C: QUIT
        S: 221
        X
    )");
    ASSERT_EQ(house.door.intake.kept.size(), 1u);
    const Envelope& kept = house.door.intake.kept[0].envelope;
    const WallTime moment = house.clock.now();
    ASSERT_TRUE(kept.hold_until && kept.deliver_by);
    EXPECT_TRUE(*kept.hold_until > moment + 9min && *kept.hold_until <= moment + 10min);
    EXPECT_TRUE(kept.deliver_by->until > moment + 14min && !kept.deliver_by->notify_only);
    EXPECT_EQ(kept.priority, -2);
    EXPECT_EQ(kept.envelope_id, "QQ314159");
    EXPECT_EQ(kept.recipients[0].original_recipient, "rfc822;Bob+Q@north.test");
}

// --- the client's end ---------------------------------------------------------------------------

TEST(CommandWriter, SaysWhatTheServerKnows)
{
    Envelope envelope;
    envelope.reverse_path = {"a b", "x.test"};
    envelope.declared_size = 77;
    envelope.ret = Ret::headers;
    envelope.envelope_id = "a=b";
    envelope.deliver_by = DeliverBy{now + 90s, false, true};
    envelope.priority = 4;
    envelope.hold_until = now - 1s;  // has been held: nobody else need hold it
    const Recipient recipient{{"bob", "y.test"}, 5, "rfc822;bob+x@y.test"};
    const Capabilities all =
        capabilities_of({250, "", "x\nSIZE 100\nDSN\nDELIVERBY 60\nMT-PRIORITY\nFUTURERELEASE 1 2"});
    EXPECT_EQ(what_server_lacks(envelope, all, now), std::nullopt);
    EXPECT_EQ(mail_line(envelope, all, now),
              "MAIL FROM:<\"a b\"@x.test> SIZE=77 RET=HDRS ENVID=a+3Db BY=90;RT MT-PRIORITY=4");
    EXPECT_EQ(rcpt_line(recipient, all), "RCPT TO:<bob@y.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;bob+2Bx@y.test");
    EXPECT_EQ(mail_line(envelope, {}, now), "MAIL FROM:<\"a b\"@x.test>");
    EXPECT_EQ(rcpt_line(recipient, {}), "RCPT TO:<bob@y.test>");
    envelope.hold_until = now + 1min;
    EXPECT_TRUE(mail_line(envelope, all, now).contains(" HOLDUNTIL=2027-01-15T08:01:00"))
        << mail_line(envelope, all, now);
}

TEST(CommandWriter, WhatTheServerLacks)
{
    const auto lack = [](Envelope envelope, std::string_view keywords) {
        const Capabilities server = capabilities_of({250, "", "x\n" + std::string(keywords)});
        const std::optional<Reply> reply = what_server_lacks(envelope, server, now);
        return reply ? reply->enhanced : "";
    };
    EXPECT_EQ(lack({.smtputf8 = true}, "8BITMIME"), "5.6.7");
    EXPECT_EQ(lack({.body = BodyType::eight_bit}, "SMTPUTF8"), "5.6.3");
    EXPECT_EQ(lack({.declared_size = 101}, "SIZE 100"), "5.3.4");
    EXPECT_EQ(lack({.declared_size = 101}, "SIZE"), "");
    EXPECT_EQ(lack({.hold_until = now + 1s}, "DSN"), "5.3.3");
    EXPECT_EQ(lack({.hold_until = now}, "DSN"), "");
    EXPECT_EQ(lack({.deliver_by = DeliverBy{now + 1h}}, "DSN"), "5.3.3")
        << "by-mode R goes to nobody who does not know it";
    EXPECT_EQ(lack({.deliver_by = DeliverBy{now + 1h, true}}, "DSN"), "") << "by-mode N may";
    EXPECT_EQ(lack({.deliver_by = DeliverBy{now}}, "DELIVERBY"), "5.4.7");
    EXPECT_EQ(lack({.deliver_by = DeliverBy{now + 59s}}, "DELIVERBY 60"), "5.4.7");
    EXPECT_EQ(lack({.deliver_by = DeliverBy{now - 1h, true}}, "DELIVERBY 60"), "") << "it says BY=-3600;N";
}

}  // namespace
}  // namespace posthouse::smtp

// What comes back to senders, and what never does.
#include "world/world.h"

#include <gtest/gtest.h>

namespace posthouse::world {
namespace {

using message::DeliveryAction;
using message::TypedText;
using smtp::Notify;

constexpr std::uint8_t bits(Notify a) { return static_cast<std::uint8_t>(a); }
constexpr std::uint8_t bits(Notify a, Notify b) { return static_cast<std::uint8_t>(bits(a) | bits(b)); }

class Bounces : public testing::Test {
protected:
    // The only message in alice's INBOX.
    Mail notice()
    {
        const std::vector<Mail> mail = north.mail("alice");
        EXPECT_EQ(mail.size(), 1u);
        return mail.empty() ? Mail{"\r\n"} : mail.front();
    }
    lab::ScriptedHost& answering(const std::string& name, const std::string& place, const std::string& reply)
    {
        lab::HostScript script{.name = name};
        script.replies[place] = reply;
        return world.host(std::move(script));
    }
    void expect_nobody_was_told()
    {
        EXPECT_TRUE(north.mail("alice").empty());
        EXPECT_TRUE(north.mail("bob").empty());
        EXPECT_TRUE(south.mail("carol").empty());
        EXPECT_EQ(north.waiting(), 0u);
        EXPECT_EQ(south.waiting(), 0u);
    }

    World world;
    House& north = world.house("north.test", {"alice", "bob"});
    House& south = world.house("south.test", {"carol", "dave"});
};

TEST_F(Bounces, MailArrivesAndNobodyIsToldOfIt)
{
    north.send("alice@north.test", {"carol@south.test", "bob@north.test", "dave@south.test"});
    world.pass(1s);
    for (const auto& [house, person] : {std::pair{&south, "carol"}, {&south, "dave"}, {&north, "bob"}}) {
        ASSERT_EQ(house->mail(person).size(), 1u) << person;
        EXPECT_EQ(house->mail(person)[0].field("Return-Path"), "<alice@north.test>");
        EXPECT_EQ(house->mail(person)[0].field("Subject"), "x");
    }
    world.pass(24h * 6);
    EXPECT_TRUE(north.mail("alice").empty());
    EXPECT_EQ(north.waiting(), 0u);
}

// RFC 3464, every field; RFC 3461 sections 4.3, 4.4 and 6.3; RFC 3834 for the header.
TEST_F(Bounces, AFailureWithEveryField)
{
    const WallTime begun = world.clock.now();
    const Id id = north.send("alice@north.test", {"nobody@south.test"},
                             {.subject = "lost",
                              .body = "all of it\r\n",
                              .notify = bits(Notify::failure),
                              .ret = smtp::Ret::full,
                              .envelope_id = "QQ314159",
                              .original_recipient = "rfc822;friend@south.test"});
    world.pass(1s);
    const Mail mail = notice();
    ASSERT_TRUE(mail.is_report()) << mail.whole;
    EXPECT_EQ(mail.field("Return-Path"), "<>");
    EXPECT_EQ(mail.field("From"), "Mail Delivery System <postmaster@north.test>");
    EXPECT_EQ(mail.field("To"), "alice@north.test");
    EXPECT_EQ(mail.field("Subject"), "Not delivered: nobody@south.test");
    EXPECT_EQ(mail.field("Auto-Submitted"), "auto-replied");
    EXPECT_EQ(mail.field("In-Reply-To"), "<lost@north.test>");
    EXPECT_NE(mail.field("Content-Type").find("report-type=delivery-status"), std::string::npos);
    EXPECT_TRUE(mail.letter().starts_with("Your message could not be delivered to nobody@south.test.\n\n"
                                          "nobody@south.test does not exist there. The address may be misspelled.\n\n"))
        << mail.letter();
    EXPECT_NE(mail.letter().find("\n  C: RCPT TO:<nobody@south.test>"), std::string::npos) << mail.letter();
    EXPECT_NE(mail.letter().find("\n  S: 550 5.1.1 "), std::string::npos);
    const message::DeliveryStatus status = mail.status();
    EXPECT_EQ(status.original_envelope_id, "QQ314159");
    EXPECT_EQ(status.reporting_mta, (TypedText{"dns", "north.test"}));
    EXPECT_EQ(status.arrival, std::chrono::floor<std::chrono::seconds>(begun));
    EXPECT_EQ(status.extensions,
              (std::vector<message::DeliveryStatus::Extension>{{"X-Posthouse-Queue-ID", id_text(id)}}));
    ASSERT_EQ(status.recipients.size(), 1u);
    const message::RecipientStatus& one = status.recipients[0];
    EXPECT_EQ(one.original_recipient, (TypedText{"rfc822", "friend@south.test"}));
    EXPECT_EQ(one.final_recipient, (TypedText{"rfc822", "nobody@south.test"}));
    EXPECT_EQ(one.action, DeliveryAction::failed);
    EXPECT_EQ(one.status, "5.1.1");
    EXPECT_EQ(one.remote_mta, (TypedText{"dns", "mx.south.test"}));
    EXPECT_EQ(one.diagnostic_code.type, "smtp");
    EXPECT_TRUE(one.diagnostic_code.text.starts_with("550 5.1.1 "));
    ASSERT_TRUE(one.last_attempt);
    EXPECT_LE(*one.last_attempt - begun, 2s);
    EXPECT_FALSE(one.final_log_id.empty());
    EXPECT_FALSE(one.will_retry_until);
    EXPECT_EQ(mail.returned_type(), "message/rfc822");
    EXPECT_TRUE(mail.returned().ends_with("\r\n\r\nall of it\r\n")) << mail.returned();
    EXPECT_EQ(north.waiting(), 0u);
}

TEST_F(Bounces, WithoutRetFullTheHeaderComesBack)
{
    north.send("alice@north.test", {"nobody@south.test"}, {.subject = "lost", .body = "secret\r\n"});
    world.pass(1s);
    EXPECT_EQ(notice().returned_type(), "text/rfc822-headers");
    EXPECT_NE(notice().returned().find("Subject: lost\r\n"), std::string::npos);
    EXPECT_EQ(notice().whole.find("secret"), std::string::npos);
}

// HOSTILE F15: five days of 4xx are one delay notice and one bounce, at expiry.
TEST_F(Bounces, FiveDaysOfRefusalsForNow)
{
    lab::ScriptedHost& full = answering("full.test", "RCPT", "452 4.2.2 the mailbox is full");
    const WallTime begun = world.clock.now();
    north.send("alice@north.test", {"eve@full.test"}, {.subject = "late"});
    world.pass(3h + 50min);
    EXPECT_TRUE(north.mail("alice").empty());
    world.pass(1h);
    const Mail delay = notice();
    EXPECT_EQ(delay.field("Subject"), "Delayed: eve@full.test");
    EXPECT_NE(delay.letter().find("You need not do anything: it will be tried again until "), std::string::npos);
    EXPECT_NE(delay.letter().find("The mailbox of eve@full.test is full."), std::string::npos) << delay.letter();
    const message::RecipientStatus delayed = delay.status().recipients.at(0);
    EXPECT_EQ(delayed.action, DeliveryAction::delayed);
    EXPECT_EQ(delayed.status, "4.2.2");
    ASSERT_TRUE(delayed.will_retry_until);
    EXPECT_LE(std::chrono::abs(*delayed.will_retry_until - (begun + 120h)), 1min);
    world.pass(24h * 4 + 18h);
    EXPECT_EQ(north.mail("alice").size(), 1u) << "still one, and not given up before its time";
    world.pass(5h);
    ASSERT_EQ(north.mail("alice").size(), 2u);
    const Mail failure = north.mail("alice")[1];
    EXPECT_EQ(failure.field("Subject"), "Not delivered: eve@full.test");
    EXPECT_NE(failure.letter().find("It was tried for 5 days and is given up now."), std::string::npos)
        << failure.letter();
    EXPECT_EQ(failure.status().recipients.at(0).action, DeliveryAction::failed);
    EXPECT_FALSE(failure.status().recipients.at(0).will_retry_until);
    // 0, 1, 5, 15, 30 min, 1, 2 h, then every 4 h: 36, a tenth more or less.
    EXPECT_GE(full.memory().connections(), 32u);
    EXPECT_LE(full.memory().connections(), 40u);
    world.pass(24h * 3);
    EXPECT_EQ(north.mail("alice").size(), 2u);
    EXPECT_EQ(north.waiting(), 0u);
}

TEST_F(Bounces, AHostThatIsDown)
{
    world.nobody_at("down.test");
    north.send("alice@north.test", {"eve@down.test"});
    world.pass(24h * 6);
    ASSERT_EQ(north.mail("alice").size(), 2u);
    const message::RecipientStatus status = north.mail("alice")[1].status().recipients.at(0);
    EXPECT_EQ(status.action, DeliveryAction::failed);
    EXPECT_TRUE(status.status.starts_with("4.4.")) << status.status;
    EXPECT_EQ(status.diagnostic_code.type, "x-posthouse") << "nobody answered";
}

TEST_F(Bounces, GreylistingCostsOneRetryAndNothingElse)
{
    lab::HostScript script{.name = "greylist.test"};
    script.greylists = true;
    lab::ScriptedHost& host = world.host(std::move(script));
    north.send("alice@north.test", {"eve@greylist.test"});
    world.pass(10s);
    EXPECT_TRUE(host.memory().taken().empty());
    EXPECT_EQ(north.waiting(), 1u);
    world.pass(5min);
    ASSERT_EQ(host.memory().taken().size(), 1u);
    EXPECT_EQ(host.memory().taken()[0].recipients, std::vector<std::string>{"eve@greylist.test"});
    world.pass(24h * 6);
    expect_nobody_was_told();
}

// --- DNS ---

TEST_F(Bounces, DomainsThatTakeNoMail)
{
    world.let([](net::FakeResolver& dns) {
        dns.mx_records["nomx.test"] = {{0, ""}};
        dns.mx_records["hostless.test"] = {{10, "nowhere.test"}};
    });
    struct Case {
        std::string address;
        std::string_view status;
    };
    for (const Case& each :
         {Case{"eve@nomx.test", "5.1.10"}, Case{"eve@nowhere.test", "5.1.2"}, Case{"eve@hostless.test", "5.4.4"}})
        north.send("alice@north.test", {each.address}, {.subject = std::string(each.status)});
    world.pass(1s);
    const std::vector<Mail> notices = north.mail("alice");
    ASSERT_EQ(notices.size(), 3u);
    for (const Mail& mail : notices) {
        EXPECT_EQ(mail.field("In-Reply-To"), "<" + mail.status().recipients.at(0).status + "@north.test>");
        EXPECT_TRUE(mail.status().recipients.at(0).remote_mta.empty()) << "no host was reached";
    }
}

TEST_F(Bounces, DnsThatIsAwayIsWaitedFor)
{
    world.let([](net::FakeResolver& dns) { dns.temporary.insert("south.test"); });
    north.send("alice@north.test", {"carol@south.test"});
    world.pass(1h);
    EXPECT_TRUE(south.mail("carol").empty());
    world.let([](net::FakeResolver& dns) { dns.temporary.clear(); });
    world.pass(5h);
    EXPECT_EQ(south.mail("carol").size(), 1u);
    EXPECT_TRUE(north.mail("alice").empty()) << "it arrived before four hours had passed";
}

// --- NOTIFY (RFC 3461 section 4.1) ---

TEST_F(Bounces, NeverMeansNever)
{
    answering("full.test", "RCPT", "452 4.2.2 full");
    north.send("alice@north.test", {"nobody@south.test", "eve@full.test", "carol@south.test"},
               {.notify = bits(Notify::never)});
    world.pass(24h * 6);
    EXPECT_TRUE(north.mail("alice").empty());
    EXPECT_EQ(south.mail("carol").size(), 1u);
    EXPECT_EQ(north.waiting(), 0u);
}

TEST_F(Bounces, FailureAloneTellsOfNoDelay)
{
    answering("full.test", "RCPT", "452 4.2.2 full");
    north.send("alice@north.test", {"eve@full.test"}, {.notify = bits(Notify::failure)});
    world.pass(24h * 6);
    EXPECT_EQ(notice().status().recipients.at(0).action, DeliveryAction::failed);
}

TEST_F(Bounces, DelayAloneTellsOfNoFailure)
{
    answering("full.test", "RCPT", "452 4.2.2 full");
    north.send("alice@north.test", {"eve@full.test"}, {.notify = bits(Notify::delay)});
    world.pass(24h * 6);
    EXPECT_EQ(notice().status().recipients.at(0).action, DeliveryAction::delayed);
}

TEST_F(Bounces, SuccessIsToldByWhoeverDelivers)
{
    north.send("alice@north.test", {"carol@south.test"},
               {.notify = bits(Notify::success, Notify::failure), .envelope_id = "E1"});
    world.pass(1min);
    const message::DeliveryStatus status = notice().status();
    EXPECT_EQ(status.recipients.at(0).action, DeliveryAction::delivered);
    EXPECT_TRUE(status.recipients.at(0).status.starts_with("2."));
    EXPECT_EQ(status.reporting_mta, (TypedText{"dns", "south.test"})) << "north passed the question on";
    EXPECT_EQ(status.original_envelope_id, "E1");
}

TEST_F(Bounces, SuccessAtOurOwnMailbox)
{
    north.send("alice@north.test", {"bob@north.test"}, {.notify = bits(Notify::success)});
    world.pass(1min);
    EXPECT_EQ(notice().status().recipients.at(0).action, DeliveryAction::delivered);
    EXPECT_EQ(north.mail("bob").size(), 1u);
}

// RFC 3461 section 5.2.2: where the next host makes no such promise, we tell that it is out of our hands.
TEST_F(Bounces, RelayedToAHostThatKnowsNoDsn)
{
    lab::ScriptedHost& host = world.host({.name = "plain.test"});
    north.send("alice@north.test", {"eve@plain.test"}, {.notify = bits(Notify::success)});
    world.pass(1min);
    EXPECT_EQ(host.memory().taken().size(), 1u);
    EXPECT_EQ(notice().status().recipients.at(0).action, DeliveryAction::relayed);
    EXPECT_NE(notice().letter().find("passed on to mx.plain.test"), std::string::npos) << notice().letter();
}

TEST_F(Bounces, EachRecipientHasHisOwnFate)
{
    answering("full.test", "RCPT", "452 4.2.2 full");
    north.send("alice@north.test", {"carol@south.test", "nobody@south.test", "eve@full.test"});
    world.pass(1min);
    EXPECT_EQ(south.mail("carol").size(), 1u);
    const message::DeliveryStatus status = notice().status();
    ASSERT_EQ(status.recipients.size(), 1u);
    EXPECT_EQ(status.recipients[0].final_recipient.text, "nobody@south.test");
    EXPECT_EQ(north.waiting(), 1u);
}

// --- what must never be ---

TEST_F(Bounces, NeverABounceForABounce)
{
    answering("refuses.test", "RCPT", "550 5.1.1 nobody");
    north.send("", {"nobody@south.test", "eve@refuses.test", "eve@nowhere.test"});
    world.pass(24h * 6);
    expect_nobody_was_told();
}

// The notice to a sender elsewhere is refused there: it ends with that.
TEST_F(Bounces, ANoticeThatCannotBeDeliveredEnds)
{
    lab::ScriptedHost& refuses = answering("refuses.test", "RCPT", "550 5.1.1 nobody");
    north.send("eve@refuses.test", {"nobody@south.test"});
    world.pass(24h * 6);
    EXPECT_GE(refuses.memory().connections(), 1u) << "the notice was tried";
    expect_nobody_was_told();
}

TEST_F(Bounces, ASenderWhoDoesNotExistIsNotTold)
{
    north.send("ghost@north.test", {"nobody@south.test"});
    world.pass(24h * 6);
    expect_nobody_was_told();
}

// HOSTILE A6: cut at 50 hops, and the sender is told once.
TEST_F(Bounces, ALoopBetweenTwoHousesIsCut)
{
    north.alias("round@north.test", {"round@south.test"});
    south.alias("round@south.test", {"round@north.test"});
    north.send("alice@north.test", {"round@south.test"}, {.subject = "round"});
    world.pass(1h);
    EXPECT_EQ(notice().status().recipients.at(0).status, "5.4.6");
    world.pass(24h * 6);
    EXPECT_EQ(north.mail("alice").size(), 1u);
    EXPECT_TRUE(south.mail("carol").empty());
    EXPECT_EQ(north.waiting(), 0u);
    EXPECT_EQ(south.waiting(), 0u);
}

// HOSTILE A5: what can be refused in the session is, so no notice goes to anybody who did not write.
TEST_F(Bounces, NoBackscatter)
{
    const std::string unknown = world.talk(
        south,
        {"EHLO evil.test", "MAIL FROM:<alice@north.test>", "RCPT TO:<nobody@south.test>", "RCPT TO:<x@other.test>"});
    EXPECT_NE(unknown.find("\r\n550 5.1.1 "), std::string::npos) << unknown;
    EXPECT_NE(unknown.find("\r\n550 5.7.1 "), std::string::npos) << unknown;
    south.send("dave@south.test", {"carol@south.test"}, {.body = std::string(3'000, 'x') + "\r\n"});
    world.rest();
    south.quota("carol@south.test", 2'000);
    const std::string over =
        world.talk(south, {"EHLO evil.test", "MAIL FROM:<alice@north.test> SIZE=5000", "RCPT TO:<carol@south.test>"});
    EXPECT_TRUE(over.find("\r\n452 4.2.2 ") != std::string::npos || over.find("\r\n552 5.2.2 ") != std::string::npos)
        << over;
    world.pass(24h * 6);
    EXPECT_TRUE(north.mail("alice").empty());
    EXPECT_EQ(south.waiting(), 0u);
}

}  // namespace
}  // namespace posthouse::world

#include "mta/receive/receive.h"

#include "directory/test_house.h"
#include "smtp/test_door.h"
#include "smtp/test_script.h"

#include <fmt/format.h>

namespace posthouse::mta::receive {
namespace {

struct TestQuotas final : smtp::Quotas {
    Task<Result<void>> has_room(Id account, std::uint64_t size) override
    {
        if (room.contains(account) && size >= room.at(account))
            co_return fail(ErrorCode::over_quota, "full");
        co_return Result<void>{};
    }
    std::map<Id, std::uint64_t> room;  // bytes; accounts that are not here have no limit
};

struct ReceiveTest : testing::Test {
    ReceiveTest()
    {
        people.north();
        people.alias("team@north.test", {"alice@north.test", "bob@north.test"});
    }
    void converse(std::string_view script) { smtp::expect_conversation(server, script); }
    // The two lines before every MAIL.
    void mail(std::string_view script)
    {
        converse("S: 220\nC: HELO x\nS: 250\n" + std::string(script) + "\nC: QUIT\nS: 221\nX");
    }

    directory::TestHouse people;
    smtp::TestHouse house;
    smtp::TestIntake intake;
    TestQuotas quotas;
    Receive door{{people.directory(), intake, quotas, house.clock, house.recorder, house.log},
                 {.host_name = "north.test"}};
    smtp::Server server{house.services(door), smtp::TestHouse::hasty()};
};

TEST_F(ReceiveTest, TakesMailForItsOwn)
{
    mail(R"(
        C: MAIL FROM:<carol@south.test>
        S: 250 2.1.0
        C: RCPT TO:<bob@north.test>
        S: 250 2.1.5
        C: DATA
        S: 354
        C: Subject: hello
        C:
        C: text
        C: .
        S: 250 2.0.0
    )");
    ASSERT_EQ(intake.kept.size(), 1u);
    const std::string& content = intake.kept[0].content;
    EXPECT_TRUE(content.starts_with("Received: from x ([unix])\r\n\tby north.test (Posthouse) with SMTP\r\n\tid "))
        << content;
    EXPECT_NE(content.find("\r\n\tfor <bob@north.test>;\r\n\t"), std::string::npos);
    EXPECT_TRUE(content.ends_with(" +0000\r\nSubject: hello\r\n\r\ntext\r\n")) << content;
    EXPECT_EQ(house.recorder.steps.back(), "closed 221 2.0.0");
    const std::vector<std::string> told(house.recorder.steps.begin() + 1, house.recorder.steps.begin() + 4);
    EXPECT_EQ(told, (std::vector<std::string>{"sender 250 2.1.0", "recipient 250 2.1.5", "accepted 250 2.0.0"}));
}

TEST_F(ReceiveTest, Refusals)
{
    ASSERT_TRUE(people.run(people.directory().set_disabled("alice@north.test", true)));
    mail(R"(
        C: MAIL FROM:<>
        S: 250 2.1.0
        C: RCPT TO:<carol@south.test>
        S: 550 5.7.1
        C: RCPT TO:<nobody@north.test>
        S: 550 5.1.1
        C: RCPT TO:<alice@north.test>
        S: 550 5.2.1
        C: RCPT TO:<bob+lists@north.test>
        S: 250 2.1.5
        C: AUTH PLAIN
        S: 503 5.5.1
    )");
    EXPECT_TRUE(intake.kept.empty());
}

TEST_F(ReceiveTest, PostmasterAlways)
{
    mail(R"(
        C: MAIL FROM:<>
        S: 250
        C: RCPT TO:<Postmaster>
        S: 250 2.1.5 postmaster@north.test
        C: RCPT TO:<postmaster@north.test>
        S: 250
        C: DATA
        S: 354
        C: x
        C: .
        S: 250
    )");
    ASSERT_EQ(intake.kept.size(), 1u);
    EXPECT_EQ(intake.kept[0].envelope.recipients[0].path.text(), "postmaster@north.test");
    EXPECT_EQ(intake.kept[0].content.find("for <"), std::string::npos);
}

TEST_F(ReceiveTest, QuotaBeforeTheMessageComes)
{
    const Id alice = people.run(people.directory().account_by_address("alice@north.test"))->id;
    const Id bob = people.run(people.directory().account_by_address("bob@north.test"))->id;
    quotas.room = {{bob, 1000}};
    mail(R"(
        C: MAIL FROM:<c@south.test> SIZE=1000
        S: 250
        C: RCPT TO:<bob@north.test>
        S: 452 4.2.2
        C: RCPT TO:<alice@north.test>
        S: 250
        C: RCPT TO:<team@north.test>
        S: 250
        C: RSET
        S: 250
        C: MAIL FROM:<c@south.test> SIZE=999
        S: 250
        C: RCPT TO:<bob@north.test>
        S: 250
    )");
    quotas.room = {{alice, 0}, {bob, 0}};
    mail(R"(
        C: MAIL FROM:<c@south.test>
        S: 250
        C: RCPT TO:<team@north.test>
        S: 452 4.2.2
    )");
}

TEST_F(ReceiveTest, LoopsAndHeadersWithoutEnd)
{
    std::string hops;
    for (int i = 0; i < 300; ++i)
        hops += "C: Received: by x; now\n";
    mail(fmt::format(
        "C: MAIL FROM:<>\nS: 250\nC: RCPT TO:<bob@north.test>\nS: 250\nC: DATA\nS: 354\n{}C: .\nS: 554 5.4.6", hops));
    std::string header;
    for (int i = 0; i < 1100; ++i)
        header += "C: X: " + std::string(1000, 'x') + "\n";
    mail(fmt::format(
        "C: MAIL FROM:<>\nS: 250\nC: RCPT TO:<bob@north.test>\nS: 250\nC: DATA\nS: 354\n{}C: .\nS: 552 5.3.4", header));
    EXPECT_TRUE(intake.kept.empty());
}

TEST_F(ReceiveTest, EmptyMessageStillHasItsTrace)
{
    mail("C: MAIL FROM:<>\nS: 250\nC: RCPT TO:<bob@north.test>\nS: 250\nC: DATA\nS: 354\nC: .\nS: 250");
    ASSERT_EQ(intake.kept.size(), 1u);
    EXPECT_TRUE(intake.kept[0].content.starts_with("Received: "));
}

// HOSTILE A4: ways to name a foreign recipient that some server was fooled by. Those that are
// addresses of ours by the grammar name a user nobody has.
TEST_F(ReceiveTest, OpenRelayForms)
{
    const std::string_view forms[] = {
        "<victim@south.test>",
        "<victim%south.test@north.test>",
        "<victim%south.test@[127.0.0.1]>",
        "<victim%south.test>",
        "<south.test!victim@north.test>",
        "<south.test!victim>",
        "<north.test!south.test!victim>",
        "<@north.test:victim@south.test>",
        "<@north.test,@b.test:victim@south.test>",
        "<@[127.0.0.1]:victim@south.test>",
        "<@north.test:victim%south.test@north.test>",
        "<\"victim@south.test\">",
        "<\"victim@south.test\"@north.test>",
        "<\"victim%south.test\"@north.test>",
        "<\"victim\"@south.test>",
        "<victim@south.test@north.test>",
        "<victim@south.test@[127.0.0.1]>",
        "<victim@[127.0.0.1]>",
        "<victim@[IPv6:::1]>",
        "<victim@[192.0.2.1]>",
        "<victim@south.test.>",
        "<victim@north.test.south.test>",
        "<victim@south.test\\0@north.test>",
        "<victim@south.test\\0.north.test>",
        "<victim@localhost>",
        "victim@south.test",
    };
    const std::string_view senders[] = {"<>", "<alice@north.test>", "<spammer@south.test>", "<postmaster@[127.0.0.1]>"};
    ASSERT_EQ(std::size(forms), 26u);
    for (const std::string_view sender : senders)
        for (const std::string_view form : forms)
            mail(fmt::format("C: MAIL FROM:{}\nS: 250\nR: RCPT TO:{}\\r\\n\nS: 5\nC: DATA\nS: 5", sender, form));
    EXPECT_TRUE(intake.kept.empty());
}

TEST_F(ReceiveTest, FullDisk)
{
    intake.has_space = false;
    mail("C: MAIL FROM:<>\nS: 452 4.3.1");
}

}  // namespace
}  // namespace posthouse::mta::receive

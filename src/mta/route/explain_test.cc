#include "mta/route/explain.h"

#include "directory/test_house.h"
#include "mta/route/mx_router.h"
#include "net/fake_resolver.h"

namespace posthouse::mta::route {
namespace {

using smtp::Reply;

// A door that takes what the directory knows, and everything else where `relays` says so.
class TestDoor final : public smtp::Door {
public:
    TestDoor(directory::Directory& directory, std::string room, bool relays) :
        directory_(directory), room_(std::move(room)), relays_(relays)
    {
    }
    const smtp::Offer& offer() const override { return offer_; }
    std::string_view room() const override { return room_; }
    std::unique_ptr<smtp::Agent> open(const smtp::SessionFacts& facts) override;

    directory::Directory& directory_;
    std::string room_;
    bool relays_;
    smtp::Offer offer_;
    std::vector<std::string> logins;
};

class TestAgent final : public smtp::Agent {
public:
    explicit TestAgent(TestDoor& door) : door_(door) { }
    Id next_message_id() override { return 1; }
    Task<Reply> sender(Id, smtp::Envelope envelope) override
    {
        if (envelope.reverse_path.local_part == "banned")
            co_return Reply{550, "5.7.1", "not from you"};
        co_return Reply{250, "2.1.0", "go on"};
    }
    Task<smtp::RecipientVerdict> recipient(smtp::Recipient recipient, std::uint64_t) override
    {
        if (recipient.path.domain.empty())
            recipient.path.domain = "north.test";
        const Result<directory::Recipient> found =
            co_await door_.directory_.resolve(recipient.path.local_part, recipient.path.domain);
        Reply reply{550, "5.1.1", "no such user"};
        if (found->kind == directory::RecipientKind::local ||
            (found->kind == directory::RecipientKind::not_ours && door_.relays_))
            reply = {250, "2.1.5", "known"};
        co_return smtp::RecipientVerdict{std::move(reply), std::move(recipient)};
    }
    Task<std::expected<std::unique_ptr<smtp::Body>, Reply>> begin(Id, smtp::Envelope) override
    {
        ADD_FAILURE() << "explaining sends nothing";
        co_return std::unexpected(Reply{451, "4.3.0", "no"});
    }

private:
    TestDoor& door_;
};

std::unique_ptr<smtp::Agent> TestDoor::open(const smtp::SessionFacts& facts)
{
    logins.push_back(facts.login);
    return std::make_unique<TestAgent>(*this);
}

struct Hourly final : RetryPlans {
    RetryPlan plan_for(const std::string&) const override { return {{1h}, 4h, 120h}; }
};

class ExplainTest : public ::testing::Test {
protected:
    ExplainTest()
    {
        EXPECT_TRUE(house.run(house.directory().add_domain("north.test")));
        for (const std::string name : {"alice", "bob"})
            EXPECT_TRUE(house.run(house.directory().add_account(name + "@north.test", "secret", name)));
        EXPECT_TRUE(house.run(house.directory().set_alias(
            {"sales@north.test", {"alice@north.test", "bob+sales@north.test", "carol@south.test"}})));
        dns.mx_records["south.test"] = {{10, "mx.south.test"}};
        dns.v4["mx.south.test"] = {"127.0.0.2"};
    }
    Result<Explanation> ask(std::string from, std::vector<std::string> to)
    {
        return house.run(
            explain({house.directory(), router, receive, submission, &plans}, std::move(from), std::move(to)));
    }

    directory::TestHouse house;
    net::FakeResolver dns;
    NoRecorder recorder;
    MxRouter router{Services{house.directory(), *house.made.routes, dns, house.clock, house.random, recorder},
                    Settings{Ourselves("north.test", {{"127.0.0.1", 25}}, {})}};
    TestDoor receive{house.directory(), "mta/receive", false};
    TestDoor submission{house.directory(), "msa", true};
    Hourly plans;
};

TEST_F(ExplainTest, OurPeopleSubmitAndMailGoesBothWays)
{
    const auto explained = ask("Alice@North.test", {"carol@south.test", "sales@north.test", "<postmaster>"});
    ASSERT_TRUE(explained) << explained.error().text;
    EXPECT_EQ(explained->door, "msa");
    EXPECT_EQ(explained->login, "alice@north.test");
    EXPECT_EQ(submission.logins, std::vector<std::string>{"alice@north.test"});
    ASSERT_EQ(explained->recipients.size(), 3u);

    const ExplainedRecipient& carol = explained->recipients[0];
    EXPECT_TRUE(carol.local.empty());
    ASSERT_EQ(carol.remote.size(), 1u);
    EXPECT_EQ(carol.remote[0].route.hosts.at(0).addresses.at(0), "127.0.0.2");
    ASSERT_TRUE(carol.remote[0].retry);
    EXPECT_EQ(carol.remote[0].retry->give_up_after, 120h);

    const ExplainedRecipient& sales = explained->recipients[1];
    ASSERT_EQ(sales.local.size(), 2u);
    EXPECT_EQ(sales.local[1].address, "bob@north.test");
    EXPECT_EQ(sales.local[1].subaddress, "sales");
    ASSERT_EQ(sales.remote.size(), 1u);
    EXPECT_EQ(sales.remote[0].address, "carol@south.test");
    EXPECT_EQ(sales.remote[0].route.hosts.at(0).name, "mx.south.test");

    EXPECT_EQ(explained->recipients[2].address, "postmaster@north.test");
}

TEST_F(ExplainTest, TheWorldComesToPort25)
{
    const auto explained = ask("mallory@elsewhere.test", {"bob@north.test", "carol@south.test", "nobody@north.test"});
    ASSERT_TRUE(explained);
    EXPECT_EQ(explained->door, "mta/receive");
    EXPECT_TRUE(explained->login.empty());
    EXPECT_EQ(explained->recipients[0].local.size(), 1u);
    EXPECT_EQ(explained->recipients[1].reply.code, 550);
    EXPECT_TRUE(explained->recipients[1].remote.empty());
    EXPECT_EQ(explained->recipients[2].reply.code, 550);
    EXPECT_TRUE(dns.asked.empty());

    EXPECT_EQ(ask("<>", {"bob@north.test"})->door, "mta/receive");
    const auto nobody = ask("nobody@north.test", {"bob@north.test"});
    EXPECT_EQ(nobody->door, "mta/receive");
    EXPECT_TRUE(nobody->why_door.contains("nobody's address")) << nobody->why_door;
}

TEST_F(ExplainTest, ARefusedSenderEndsIt)
{
    const auto explained = ask("banned@elsewhere.test", {"bob@north.test"});
    ASSERT_TRUE(explained);
    EXPECT_EQ(explained->reply.code, 550);
    EXPECT_TRUE(explained->recipients.empty());
}

TEST_F(ExplainTest, RefusesWhatIsNoAddress)
{
    for (const std::string to : {"", "bob", "bob@north.test or so", "<bob@north.test", "bob@north.test\r\nDATA"}) {
        const auto explained = ask("alice@north.test", {to});
        ASSERT_FALSE(explained) << to;
        EXPECT_EQ(explained.error(), ErrorCode::malformed) << to;
    }
    EXPECT_EQ(ask("alice@north.test", std::vector<std::string>(101, "bob@north.test")).error(), ErrorCode::limit);
}

}  // namespace
}  // namespace posthouse::mta::route

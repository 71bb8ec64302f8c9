// Acceptance, our own mailboxes, other hosts: what happens at once.
#include "mta/queue/test_world.h"

#include <numeric>

namespace posthouse::mta::queue {
namespace {

TEST_F(QueueTest, EverybodyHasItWhenAcceptAnswers)
{
    ASSERT_TRUE(world.accept(world.message_for({11, 12, 13})));
    EXPECT_EQ(world.courier.receivers(), 3u);
    EXPECT_TRUE(world.eventually([&] { return world.rows() == 0; })) << "a settled item leaves no row";
}

TEST_F(QueueTest, MoreRecipientsThanWorkersAllGetIt)
{
    std::vector<mailbox::AccountId> accounts(most_entries);
    std::iota(accounts.begin(), accounts.end(), 11);
    ASSERT_TRUE(world.accept(world.message_for(accounts)));
    EXPECT_EQ(world.courier.receivers(), most_entries);
    EXPECT_TRUE(world.eventually([&] { return world.rows() == 0; }));
}

TEST_F(QueueTest, WhoCannotHaveItNowGetsItLater)
{
    world.courier.refusals[12] = ErrorCode::unavailable;
    world.start();
    ASSERT_TRUE(world.accept(world.message_for({11, 12}))) << "it is accepted: safe in the queue";
    world.rest();
    EXPECT_EQ(world.waiting(), 1u);
    world.courier.refusals.clear();
    world.pass(2min);
    EXPECT_EQ(world.courier.received(12).size(), 1u);
    EXPECT_EQ(world.courier.received(11).size(), 1u) << "who had it does not get it twice";
    EXPECT_EQ(world.rows(), 0u);
}

TEST_F(QueueTest, WhoDoesNotLiveHereAnyLongerIsToldOf)
{
    world.courier.refusals[12] = ErrorCode::not_found;
    world.start();
    ASSERT_TRUE(world.accept(world.message_for({11, 12})));
    world.rest();
    EXPECT_EQ(world.told(), std::vector<std::string>{"failed user12@north.test 5.1.1; "});
    EXPECT_EQ(world.rows(), 0u);
}

TEST_F(QueueTest, AStoreThatRefusesIsNotAskedWithoutPause)
{
    world.store.fail_commit(2, store::Outcome::unavailable);
    ASSERT_TRUE(world.accept(world.message_for({11, 12})));
    world.store.set_health(store::Health::read_only);
    world.start();
    std::this_thread::sleep_for(350ms);
    EXPECT_LE(world.courier.attempts, 2) << "what was delivered is not delivered again while it cannot be written";
}

TEST_F(QueueTest, NothingIsDeliveredThatWasNotCommitted)
{
    world.store.fail_commit(1, store::Outcome::unavailable);
    Accepted accepted = world.message_for({11, 12});
    accepted.entries.push_back(world.remote("carol@south.test"));
    const Result<void> answer = world.accept(std::move(accepted));
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, ErrorCode::unavailable);
    EXPECT_EQ(world.courier.receivers(), 0u) << "the client keeps it: half a delivery must not be visible";
    EXPECT_TRUE(world.carrier.carried().empty());
    EXPECT_EQ(world.rows(), 0u);
    EXPECT_EQ(world.queue->counts().items, 0u);
}

TEST_F(QueueTest, AnUnknownOutcomeIsAskedAfter)
{
    world.store.fail_commit(1, store::Outcome::unknown, store::Landed::yes);
    EXPECT_TRUE(world.accept(world.message_for({11, 12}))) << "it landed";
    ASSERT_TRUE(world.eventually([&] { return world.rows() == 0; }));
    world.store.fail_commit(1, store::Outcome::unknown, store::Landed::no);
    EXPECT_FALSE(world.accept(world.message_for({13, 14})));
    EXPECT_TRUE(world.courier.received(13).empty());
}

TEST_F(QueueTest, ABlobIsHeldUntilTheLastRecipientHasIt)
{
    const auto write = [&]() -> store::BlobInfo {
        auto writer = world.blobs->create();
        EXPECT_TRUE(run(world.loops[0], writer->append(std::string(100'000, 'x'), Deadline::never())));
        return run(world.loops[0], writer->finish(Deadline::never())).value();
    };
    const store::BlobInfo blob = write();
    Accepted accepted = world.message_for({11, 12});
    accepted.letter.content.bytes = nullptr;
    accepted.letter.content.blob = accepted.item.blob = blob.id;
    accepted.letter.content.size = accepted.item.size = blob.size;
    accepted.entries.push_back(world.remote("carol@south.test"));
    world.courier.refusals[12] = ErrorCode::unavailable;
    world.start();
    ASSERT_TRUE(world.accept(std::move(accepted)));
    world.rest();
    EXPECT_EQ(world.carrier.relayed_to("carol@south.test"), 1u);
    const WallTime later = world.clock.now() + Duration{48h};
    EXPECT_EQ(run(world.loops[0], world.blobs->sweep(later, Deadline::never())).value(), 0u) << "it is still needed";
    world.courier.refusals.clear();
    world.pass(2min);
    EXPECT_EQ(world.courier.received(12).size(), 1u);
    EXPECT_TRUE(world.eventually(
        [&] { return run(world.loops[0], world.blobs->sweep(later, Deadline::never())).value() == 1; }));
}

TEST_F(QueueTest, RemoteRecipientsAreSentToAtOnce)
{
    ASSERT_TRUE(world.accept(world.message_to({"carol@south.test"})));
    EXPECT_TRUE(world.eventually([&] { return world.carrier.relayed_to("carol@south.test") == 1; }))
        << "the first attempt needs no keeper";
    EXPECT_TRUE(world.eventually([&] { return world.rows() == 0; }));
    EXPECT_EQ(world.carrier.carried().front().envelope.reverse_path.text(), "alice@north.test");
}

TEST_F(QueueTest, RecipientsAtOneDestinationGoInOneShipment)
{
    world.carrier.smarthosts = {{"a.test", "smart:25"}, {"b.test", "smart:25"}};
    std::vector<std::string> addresses{"x@a.test", "y@b.test", "z@c.test"};
    for (int i = 0; i < 250; ++i)
        addresses.push_back("user" + std::to_string(i) + "@d.test");
    ASSERT_TRUE(world.accept(world.message_to(addresses)));
    ASSERT_TRUE(world.eventually([&] { return world.rows() == 0; }));
    std::map<std::string, std::vector<std::size_t>> sizes;
    for (const FakeCarrier::Carried& carried : world.carrier.carried())
        sizes[carried.domain].push_back(carried.recipients.size());
    EXPECT_EQ(sizes["a.test"], std::vector<std::size_t>{2}) << "two domains, one smarthost";
    EXPECT_EQ(sizes["c.test"], std::vector<std::size_t>{1});
    EXPECT_EQ(sizes["d.test"], (std::vector<std::size_t>{100, 100, 50})) << "RFC 5321 section 4.5.3.1.8";
}

TEST_F(QueueTest, TenMessagesForOneHostGoOverOneConnection)
{
    world.carrier.hangs("south.test");
    for (int i = 0; i < 10; ++i)
        ASSERT_TRUE(world.accept(world.message_to({"carol@south.test"})));
    world.carrier.answers("south.test", nullptr);
    world.carrier.let_go("south.test");
    EXPECT_TRUE(world.eventually([&] { return world.rows() == 0; }));
    EXPECT_EQ(world.carrier.most_at_once("south.test"), 1u);
    EXPECT_EQ(world.carrier.relayed_to("carol@south.test"), 10u);
}

TEST_F(QueueTest, ALongLineGetsMoreConnectionsUpToTheLimit)
{
    world.carrier.slowly = true;
    world.carrier.hangs("south.test");
    for (int i = 0; i < 300; ++i)
        ASSERT_TRUE(world.accept(world.message_to({"carol@south.test"})));
    world.carrier.answers("south.test", nullptr);
    world.carrier.let_go("south.test");
    EXPECT_TRUE(world.eventually([&] { return world.rows() == 0; }));
    EXPECT_GT(world.carrier.most_at_once("south.test"), 1u);
    EXPECT_LE(world.carrier.most_at_once("south.test"), 10u);
}

TEST_F(QueueTest, WhoIsRefusedIsToldOfAndTheOthersHaveIt)
{
    world.carrier.answers("south.test", [](const smtp::Recipient& recipient) {
        return recipient.path.local_part == "nobody" ? FakeCarrier::failed() : FakeCarrier::relayed();
    });
    world.start();
    ASSERT_TRUE(world.accept(world.message_to({"carol@south.test", "nobody@south.test"})));
    world.rest();
    EXPECT_EQ(world.told(), std::vector<std::string>{"failed nobody@south.test 5.1.1; "});
    EXPECT_EQ(world.rows(), 0u);
}

TEST_F(QueueTest, ANoticeIsNeverMadeForANotice)
{
    world.carrier.answers("south.test", [](const smtp::Recipient&) { return FakeCarrier::failed(); });
    world.start();
    ASSERT_TRUE(world.accept(world.message_to({"nobody@south.test"}, "")));
    ASSERT_TRUE(world.accept(world.message_to({"nobody@south.test"}, "ghost@south.test")));
    world.rest();
    EXPECT_EQ(world.carrier.carried().size(), 3u) << "the notice to ghost came back, and that was the end";
    EXPECT_EQ(world.rows(), 0u);
}

TEST_F(QueueTest, NotifyIsHonoured)
{
    using enum smtp::Notify;
    const auto bits = [](auto... each) { return static_cast<std::uint8_t>((static_cast<int>(each) | ...)); };
    world.carrier.answers("bad.test", [](const smtp::Recipient&) { return FakeCarrier::failed(); });
    world.carrier.answers("dsn.test", [](const smtp::Recipient&) {
        smtp::RecipientFate fate = FakeCarrier::relayed();
        fate.peer_tells = true;
        return fate;
    });
    world.start();
    Accepted accepted = world.message();
    accepted.entries = {world.remote("a@bad.test", bits(never)),
                        world.remote("b@bad.test", bits(success)),
                        world.remote("c@bad.test", bits(failure)),
                        world.remote("d@good.test", bits(success)),
                        world.remote("e@good.test", bits(failure)),
                        world.remote("f@dsn.test", bits(success)),
                        world.remote("g@good.test")};
    accepted.entries.push_back(world.local(77));
    accepted.entries.back().recipient.notify = bits(success, failure);
    ASSERT_TRUE(world.accept(std::move(accepted)));
    world.rest();
    std::vector<std::string> told = world.told();
    std::ranges::sort(told);
    EXPECT_EQ(told,
              (std::vector<std::string>{"delivered user77@north.test 2.0.0; ", "failed c@bad.test 5.1.1; ",
                                        "relayed d@good.test 2.0.0; "}))
        << "RFC 3461 section 5.2.2: f's host tells itself";
    EXPECT_EQ(world.rows(), 0u);
}

TEST_F(QueueTest, RetFullBringsTheMessageBack)
{
    world.carrier.answers("bad.test", [](const smtp::Recipient&) { return FakeCarrier::failed(); });
    world.start();
    Accepted accepted = world.message_to({"a@bad.test"});
    accepted.item.envelope.ret = smtp::Ret::full;
    ASSERT_TRUE(world.accept(std::move(accepted)));
    ASSERT_TRUE(world.accept(world.message_to({"a@bad.test"})));
    world.rest();
    const std::vector<std::string> received = world.courier.received(world.alice);
    ASSERT_EQ(received.size(), 2u);
    EXPECT_EQ(received[0].ends_with("\r\n\r\nhello\r\n") + received[1].ends_with("\r\n\r\nhello\r\n"), 1)
        << "the other one has the header alone";
}

TEST_F(QueueTest, HigherPriorityGoesFirst)
{
    world.carrier.hangs("south.test");
    ASSERT_TRUE(world.accept(world.message_to({"first@south.test"})));
    ASSERT_TRUE(world.eventually([&] { return world.carrier.carried().size() == 1; }));
    for (const int priority : {0, -3, 5}) {
        Accepted accepted = world.message_to({"p" + std::to_string(priority) + "@south.test"});
        accepted.item.envelope.priority = priority;
        ASSERT_TRUE(world.accept(std::move(accepted)));
    }
    world.carrier.answers("south.test", nullptr);
    world.carrier.let_go("south.test");
    ASSERT_TRUE(world.eventually([&] { return world.rows() == 0; }));
    std::vector<std::string> order;
    for (const FakeCarrier::Carried& carried : world.carrier.carried())
        order.push_back(carried.recipients.front());
    EXPECT_EQ(order, (std::vector<std::string>{"first@south.test", "p5@south.test", "p0@south.test", "p-3@south.test"}))
        << "RFC 6710";
}

TEST_F(QueueTest, WithoutACarrierRemoteEntriesWait)
{
    world.end_queue();
    world.tasks = std::make_unique<TaskGroup>([](std::string_view, std::string_view what) { ADD_FAILURE() << what; });
    world.queue = std::make_unique<Queue>(QueueServices{
        world.store, *world.blobs, *world.directory.directory, *world.mailboxes, world.courier, nullptr, nullptr,
        world.loops, world.ids, world.clock, world.random, world.recorder, world.log, *world.tasks});
    world.start();
    Accepted accepted = world.message_for({11});
    accepted.entries.push_back(world.remote("carol@south.test"));
    ASSERT_TRUE(world.accept(std::move(accepted)));
    world.pass(24h);
    EXPECT_EQ(world.courier.received(11).size(), 1u);
    EXPECT_EQ(world.waiting(), 1u);
    world.restart();
    world.rest();
    EXPECT_EQ(world.carrier.relayed_to("carol@south.test"), 1u) << "it goes as soon as somebody carries";
    EXPECT_EQ(world.rows(), 0u);
}

}  // namespace
}  // namespace posthouse::mta::queue

// The machine stops between any two commits: nothing is lost, our own mailboxes and senders get everything
// exactly once, and other hosts get twice only what was theirs already when the machine stopped.
#include "mta/queue/test_world.h"

namespace posthouse::mta::queue {
namespace {

// Two of ours, two elsewhere, one of them refused, one that comes later.
Accepted mixed(World& world)
{
    Accepted accepted = world.message();
    accepted.entries = {world.local(11), world.local(12), world.remote("carol@south.test"),
                        world.remote("nobody@bad.test"), world.remote("later@grey.test")};
    accepted.entries[0].recipient.notify = static_cast<std::uint8_t>(smtp::Notify::success);
    return accepted;
}

void teach(World& world)
{
    world.carrier.answers("bad.test", [](const smtp::Recipient&) { return FakeCarrier::failed(); });
    const auto count = std::make_shared<std::atomic<int>>(0);
    world.carrier.answers("grey.test", [count](const smtp::Recipient&) {
        return ++*count == 1 ? FakeCarrier::deferred() : FakeCarrier::relayed();
    });
}

void expect_all_is_well(World& world)
{
    EXPECT_EQ(world.rows(), 0u);
    EXPECT_EQ(world.courier.received(11).size(), 1u);
    EXPECT_EQ(world.courier.received(12).size(), 1u);
    EXPECT_GE(world.carrier.relayed_to("carol@south.test"), 1u);
    EXPECT_LE(world.carrier.relayed_to("carol@south.test"), 2u);
    EXPECT_GE(world.carrier.relayed_to("later@grey.test"), 1u);
    EXPECT_LE(world.carrier.relayed_to("later@grey.test"), 2u);
    std::vector<std::string> told = world.told();
    std::ranges::sort(told);
    EXPECT_EQ(told, (std::vector<std::string>{"delivered user11@north.test 2.0.0; ", "failed nobody@bad.test 5.1.1; "}))
        << "once each, whatever happened";
}

class CrashTest : public testing::TestWithParam<int> { };

// Commit N does not land, nor does what is tried in its place: as when the power goes. Then it comes back.
TEST_P(CrashTest, BeforeCommitN)
{
    World world;
    teach(world);
    world.start();
    world.rest();
    for (int n = GetParam(); n < GetParam() + 2; ++n)
        world.store.fail_commit(static_cast<std::uint64_t>(n), store::Outcome::unavailable);
    const Result<void> accepted = world.accept(mixed(world));
    std::this_thread::sleep_for(20ms);
    world.restart();
    world.pass(3min);
    for (int i = 0; i < 30 && world.rows() > 0; ++i) {
        world.restart();
        world.pass(3min);
    }
    if (accepted) {
        expect_all_is_well(world);
    } else {
        EXPECT_EQ(GetParam(), 1) << "only the first commit is the acceptance";
        EXPECT_EQ(world.rows(), 0u);
        EXPECT_EQ(world.courier.receivers(), 0u);
    }
}

// A commit whose answer was lost, landed or not, is asked after.
TEST_P(CrashTest, UnknownAtCommitN)
{
    for (const store::Landed landed : {store::Landed::no, store::Landed::yes}) {
        World world;
        teach(world);
        world.start();
        world.rest();
        world.store.fail_commit(static_cast<std::uint64_t>(GetParam()), store::Outcome::unknown, landed);
        const Result<void> accepted = world.accept(mixed(world));
        world.pass(10min);
        if (accepted)
            expect_all_is_well(world);
        else
            EXPECT_EQ(world.rows(), 0u);
    }
}

INSTANTIATE_TEST_SUITE_P(EachCommit, CrashTest, testing::Range(1, 12));

TEST_F(QueueTest, ManyStopsInARowLoseNothing)
{
    teach(world);
    world.start();
    for (int round = 0; round < 20; ++round) {
        ASSERT_TRUE(world.accept(world.message_to({"r" + std::to_string(round) + "@south.test"})));
        world.restart();
    }
    world.pass(3min);
    EXPECT_EQ(world.rows(), 0u);
    for (int round = 0; round < 20; ++round)
        EXPECT_GE(world.carrier.relayed_to("r" + std::to_string(round) + "@south.test"), 1u);
}

// Written by a version that knew only local recipients.
TEST_F(QueueTest, AFormerStoreIsTakenUp)
{
    for (const bool first_attempt_done : {false, true}) {
        Accepted accepted = world.message_for({11, 12});
        accepted.item.id = world.ids.next();
        const ItemId item = accepted.item.id;
        const auto as_before = [](std::string row, std::size_t cut) {
            row[0] = 1;
            row.resize(row.size() - cut);
            return row;
        };
        store::Batch batch;
        batch.partition = partition_of(item);
        batch.id = world.ids.next();
        // The fields of version 2 stand at the end; all of them are one byte where nothing is set.
        batch.puts.push_back({item_key(item), as_before(write_item(accepted.item), 7)});
        batch.puts.push_back({body_key(item), *accepted.letter.content.bytes, store::Space::bodies});
        if (!first_attempt_done)
            batch.puts.push_back({store::KeyBuilder(4).u64(5).u64(item).u16(former_whole_item).key(), {}});
        for (std::uint16_t i = 0; i < 2; ++i) {
            Entry& entry = accepted.entries[i];
            entry.item = item;
            entry.index = i;
            entry.delivery = world.ids.next();
            entry.due = to_time(5);
            batch.puts.push_back({entry_key(item, i), as_before(write_entry(entry), 2)});
            if (first_attempt_done)
                batch.puts.push_back({store::KeyBuilder(4).u64(5).u64(item).u16(i).key(), {}});
        }
        ASSERT_EQ(run(world.loops[0], world.store.commit(std::move(batch), Deadline::never())), store::Outcome::ok);
    }
    world.start();
    world.rest();
    EXPECT_EQ(world.courier.received(11).size(), 2u);
    EXPECT_EQ(world.courier.received(12).size(), 2u);
    EXPECT_EQ(world.rows(), 0u);
}

}  // namespace
}  // namespace posthouse::mta::queue

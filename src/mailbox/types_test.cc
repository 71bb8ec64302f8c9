#include "mailbox/types.h"

#include "mailbox/block.h"

#include <random>

#include <gtest/gtest.h>

namespace posthouse::mailbox {

TEST(NumberSetTest, JoinsWhatTouches)
{
    NumberSet set;
    for (const NumberRange range : {NumberRange{5, 7}, {1, 2}, {9, 9}, {3, 3}, {20, 15}, {8, 8}})
        set.add(range);
    EXPECT_EQ(set.text(), "1:3,5:9,15:20");
    EXPECT_EQ(set.count(), 14u);
    set.add({4, 4294967295});
    EXPECT_EQ(set.text(), "1:4294967295");
    EXPECT_EQ(set.count(), 4294967295u) << "nothing is enumerated";
    set.add({0, 0});
    EXPECT_EQ(set.ranges().size(), 1u);
}

TEST(NumberSetTest, SaysTheSameAsAPlainSet)
{
    std::mt19937 dice(1);
    for (int round = 0; round < 200; ++round) {
        NumberSet set;
        std::set<std::uint32_t> plain;
        for (int i = 0; i < 30; ++i) {
            const std::uint32_t first = dice() % 100;
            const std::uint32_t last = first + dice() % 6;
            set.add({first, last});
            for (std::uint32_t n = first; n <= last; ++n)
                plain.insert(n);
        }
        EXPECT_EQ(set.count(), plain.size());
        for (std::uint32_t n = 0; n < 110; ++n)
            EXPECT_EQ(set.contains(n), plain.contains(n)) << n;
        for (std::uint32_t n = 0; n < 100; n += 7)
            EXPECT_EQ(set.overlaps({n, n + 3}), plain.lower_bound(n) != plain.end() && *plain.lower_bound(n) <= n + 3);
        for (std::size_t i = 1; i < set.ranges().size(); ++i)
            EXPECT_GT(set.ranges()[i].first, set.ranges()[i - 1].last + 1) << "ranges do not touch";
    }
}

TEST(FlagsTest, NamesAndBits)
{
    EXPECT_EQ(system_flag("\\SEEN"), SystemFlag::seen);
    EXPECT_EQ(system_flag("Seen"), std::nullopt);
    EXPECT_EQ(system_flag("\\Recent"), std::nullopt) << "RFC 3501 section 2.3.2: a session's business";
    const KeywordTable keywords{{"$Forwarded", "Work"}};
    EXPECT_EQ(keywords.bit_of("WORK"), system_flags + 1);
    FlagBits bits;
    bits.add(SystemFlag::answered).add(system_flags + 1);
    EXPECT_EQ(flag_names(bits, keywords), (std::vector<std::string>{"\\Answered", "Work"}));
    bits.add(127);
    EXPECT_TRUE(bits.has(127));
    EXPECT_EQ((bits | FlagBits(0, 1)).without(bits), FlagBits(0, 1));
}

TEST(SnapshotTest, FindsByUidAndPosition)
{
    Snapshot snapshot;
    EXPECT_EQ(snapshot.size(), 0u);
    EXPECT_EQ(snapshot.find(1), nullptr);
    std::vector<Uid> uids;
    for (const Uid number : {0u, 1u, 5u}) {
        auto block = std::make_shared<Block>();
        block->number = number;
        for (Uid uid = number * block_span + 1; uid < (number + 1) * block_span; uid += 3) {
            block->entries.push_back({.uid = uid, .size = 2});
            uids.push_back(uid);
        }
        snapshot.blocks.push_back(std::move(block));
    }
    snapshot.count();
    ASSERT_EQ(snapshot.size(), uids.size());
    EXPECT_EQ(snapshot.unseen, uids.size());
    EXPECT_EQ(snapshot.total_size, 2 * uids.size());
    for (std::uint32_t i = 0; i < uids.size(); ++i)
        EXPECT_EQ(snapshot.at(i).uid, uids[i]);
    for (Uid uid = 0; uid < 1000; ++uid) {
        const auto at = std::ranges::lower_bound(uids, uid);
        EXPECT_EQ(snapshot.position_of(uid), static_cast<std::uint32_t>(at - uids.begin())) << uid;
        EXPECT_EQ(snapshot.find(uid) != nullptr, at != uids.end() && *at == uid) << uid;
    }
}

TEST(BlockTest, IsReadAsItWasWritten)
{
    std::mt19937_64 dice(3);
    for (int round = 0; round < 300; ++round) {
        Block block{.number = static_cast<Uid>(dice() % 4)};
        if (round % 10 == 0)
            block.number = 0x1ffffff;
        for (Uid offset = block.number == 0 ? 1 : 0; offset < block_span; offset += 1 + dice() % 9) {
            Entry entry{.uid = block.number * block_span + offset, .email = dice(), .modseq = dice() % 1000};
            if (dice() % 2 == 0)
                entry.flags = FlagBits(dice(), dice());
            entry.internal_date = WallTime(Duration(static_cast<std::int64_t>(dice())));
            entry.save_date =
                dice() % 2 == 0 ? entry.internal_date : WallTime(Duration(static_cast<std::int64_t>(dice())));
            entry.size = dice();
            block.highest_modseq = std::max(block.highest_modseq, entry.modseq);
            block.entries.push_back(entry);
        }
        const std::string row = write_block(block);
        EXPECT_LE(row.size(), largest_block);
        const auto read = read_block(block.number, row);
        ASSERT_TRUE(read.has_value());
        EXPECT_EQ((*read)->highest_modseq, block.highest_modseq);
        ASSERT_EQ((*read)->entries.size(), block.entries.size());
        for (std::size_t i = 0; i < block.entries.size(); ++i) {
            const Entry& a = (*read)->entries[i];
            const Entry& b = block.entries[i];
            EXPECT_TRUE(a.uid == b.uid && a.email == b.email && a.modseq == b.modseq && a.flags == b.flags &&
                        a.internal_date == b.internal_date && a.save_date == b.save_date && a.size == b.size);
        }
        for (std::size_t cut = 1; cut < row.size(); cut += 1 + row.size() / 20)
            (void)read_block(block.number, row.substr(0, cut));
    }
}

TEST(BlockTest, RefusesWhatNobodyWrote)
{
    for (const auto& [number, value, why] : std::initializer_list<std::tuple<Uid, std::string, const char*>>{
             {1, "", "empty"},
             {1, "\2", "another version"},
             {0, std::string("\1\1\0\0\0\0", 6), "UID 0"},
             {1, std::string("\1\x40\0\0\0\0", 6), "an unknown control"},
             {1, std::string("\1\0\x80\1\0\0\0\0\0\0\0", 11), "a UID behind the block"},
             {1, std::string("\1\1\0", 3), "cut short"},
             {0x2000000, "\1", "a number no UID has"}})
        EXPECT_EQ(read_block(number, value).error(), ErrorCode::corrupt) << why;
}

}  // namespace posthouse::mailbox

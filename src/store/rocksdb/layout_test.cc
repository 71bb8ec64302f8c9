#include "store/rocksdb/layout.h"

#include <gtest/gtest.h>

namespace posthouse::store {

TEST(Layout, ShardsArePartOfTheFormat)
{
    EXPECT_EQ(virtual_shard({PartitionKind::account, 1}), virtual_shard({PartitionKind::account, 1}));
    // Written down when the format was made; a change here loses every store there is.
    EXPECT_EQ(virtual_shard({PartitionKind::account, 1}), 2249);
    EXPECT_EQ(virtual_shard({PartitionKind::queue, 7}), 801);
    EXPECT_EQ(virtual_shard({PartitionKind::blobs, 0x0193'4f00'1234'5678}), 1193);
    std::vector<int> used(virtual_shards);
    for (std::uint64_t id = 0; id < 100'000; ++id)
        ++used[virtual_shard({PartitionKind::account, id})];
    EXPECT_GT(*std::ranges::min_element(used), 0);
    EXPECT_LT(*std::ranges::max_element(used), 80);
}

TEST(Layout, KeysComeApartAgain)
{
    const Partition partition{PartitionKind::account, 0xff00ff00ff00ff00ull};
    EXPECT_EQ(partition_of(stored_key(partition, "key")), partition);
    EXPECT_EQ(partition_of(view(head_key(partition))), partition);
    EXPECT_TRUE(is_head(view(head_key(partition))));
    EXPECT_FALSE(is_head(stored_key(partition, "key")));
    EXPECT_EQ(partition_of(format_key), std::nullopt);
    EXPECT_EQ(partition_of("short"), std::nullopt);
    std::string wrong = stored_key(partition, "key");
    wrong[0] = static_cast<char>(wrong[0] ^ 1);
    EXPECT_EQ(partition_of(wrong), std::nullopt) << "the shard must be the partition's";
}

TEST(Layout, RangesStayInTheirPartition)
{
    const Partition partition{PartitionKind::account, 0xffff'ffff'ffff'ffffull};
    const Range all = stored_range(partition, {});
    EXPECT_LT(stored_key(partition, "\xff\xff\xff\xff"), all.until);
    EXPECT_GE(stored_key(partition, ""), all.from);
    EXPECT_EQ(all.from.size(), prefix_bytes);
    EXPECT_EQ(stored_range(partition, {"a", "b"}).until, stored_key(partition, "b"));
}

TEST(Layout, Heads)
{
    EXPECT_EQ(commit_id(head_value(0)), 0u);
    EXPECT_EQ(commit_id(head_value(~0ull)), ~0ull);
    EXPECT_EQ(commit_id(""), std::nullopt);
    EXPECT_EQ(commit_id(std::string(5, '\0')), std::nullopt);
}

}  // namespace posthouse::store

#include "store/blobs.h"

#include "store/conformance.h"
#include "store/memory/memory.h"

namespace posthouse::store {

namespace {

std::string content(std::size_t size)
{
    std::string bytes(size, '\0');
    for (std::size_t i = 0; i < size; ++i)
        bytes[i] = static_cast<char>(i * 31 + i / 65536);
    return bytes;
}

Task<bool> append_to(std::string* whole, std::string piece)
{
    *whole += piece;
    co_return true;
}

Task<bool> one_piece_only(int* pieces, std::string)
{
    ++*pieces;
    co_return false;
}

}  // namespace

class BlobsTest : public ::testing::Test {
protected:
    BlobInfo put(const std::string& bytes, std::size_t piece)
    {
        const auto writer = blobs->create();
        for (std::size_t at = 0; at < bytes.size(); at += piece)
            EXPECT_TRUE(loop.run(writer->append(bytes.substr(at, piece), never)).has_value());
        const auto info = loop.run(writer->finish(never));
        EXPECT_TRUE(info.has_value());
        return info.value_or(BlobInfo{});
    }
    Result<std::string> read(BlobId id, std::uint64_t offset, std::uint64_t length)
    {
        std::string whole;
        const auto done = loop.run(
            blobs->read(id, offset, length, [&whole](std::string piece) { return append_to(&whole, piece); }, never));
        if (!done)
            return fail(done.error());
        return whole;
    }

    const Deadline never = Deadline::never();
    const Partition anna{PartitionKind::account, 1};
    const Partition bert{PartitionKind::account, 2};
    const WallTime far = WallTime(Duration(std::chrono::hours(24 * 365 * 200)));
    SystemClock clock;
    SeededRandom random{1};
    IdSource ids{clock, random};
    MemoryStore store{clock};
    std::unique_ptr<Blobs> blobs = make_blobs(store, ids);
    TestLoop loop;
};

TEST_F(BlobsTest, WhatIsWrittenIsRead)
{
    for (const std::size_t size : {0u, 1u, 65535u, 65536u, 65537u, 262144u, 700'001u}) {
        const std::string bytes = content(size);
        for (const std::size_t piece : {777u, 65536u, 1'000'000u}) {
            if (size > 100'000 && piece < 1000)
                continue;
            const BlobInfo info = put(bytes, piece);
            EXPECT_EQ(info.size, size);
            EXPECT_EQ(read(info.id, 0, size), bytes) << size << " in pieces of " << piece;
        }
    }
    const std::string bytes = content(200'000);
    const BlobInfo info = put(bytes, 5000);
    for (const auto& [offset, length] : {std::pair{0u, 0u}, {65536u, 1u}, {65535u, 2u}, {1u, 199'999u}, {200'000u, 0u}})
        EXPECT_EQ(read(info.id, offset, length), bytes.substr(offset, length));
    EXPECT_EQ(read(info.id, 1, 200'000).error(), ErrorCode::too_large);
    EXPECT_EQ(read(info.id, ~0ull, 2).error(), ErrorCode::too_large) << "no wrap";
    EXPECT_EQ(read(12345, 0, 0).error(), ErrorCode::not_found);
}

TEST_F(BlobsTest, ASinkMayStop)
{
    const BlobInfo info = put(content(300'000), 100'000);
    int pieces = 0;
    EXPECT_TRUE(loop.run(blobs->read(
                             info.id, 0, 300'000,
                             [&pieces](std::string piece) { return one_piece_only(&pieces, piece); }, never))
                    .has_value());
    EXPECT_EQ(pieces, 1);
}

TEST_F(BlobsTest, OneSyncedCommitABlob)
{
    store.fail_commit(3, Outcome::unavailable);  // chunks 1-4, 5-8, then finish
    const auto writer = blobs->create();
    EXPECT_TRUE(loop.run(writer->append(content(8 * 65536 + 5), never)).has_value());
    EXPECT_FALSE(loop.run(writer->finish(never)).has_value());
    EXPECT_FALSE(loop.run(writer->finish(never)).has_value()) << "a broken writer stays broken";
    EXPECT_EQ(store.commits(), 2u);
}

TEST_F(BlobsTest, LostChunksAreNeverFinished)
{
    const auto writer = blobs->create();
    ASSERT_TRUE(loop.run(writer->append(content(5 * 65536), never)).has_value());
    store.crash();
    const auto finished = loop.run(writer->finish(never));
    ASSERT_FALSE(finished.has_value());
    EXPECT_EQ(finished.error(), ErrorCode::unavailable);
}

TEST_F(BlobsTest, FinishedMeansSafe)
{
    const std::string bytes = content(500'000);
    const BlobInfo info = put(bytes, 70'000);
    store.crash();
    EXPECT_EQ(read(info.id, 0, bytes.size()), bytes);
}

TEST_F(BlobsTest, AnUnknownOutcomeIsResolved)
{
    store.fail_commit(1, Outcome::unknown, Landed::yes);
    const BlobInfo info = put(content(1000), 1000);
    EXPECT_EQ(read(info.id, 0, 1000), content(1000));
}

TEST_F(BlobsTest, SweptOnlyWithoutReferences)
{
    const BlobInfo kept = put(content(10), 10);
    const BlobInfo orphan = put(content(10), 10);
    const auto unfinished = blobs->create();
    ASSERT_TRUE(loop.run(unfinished->append(content(300'000), never)).has_value());
    for (int twice = 0; twice < 2; ++twice) {
        ASSERT_TRUE(loop.run(blobs->add_reference(kept.id, anna, never)).has_value());
        ASSERT_TRUE(loop.run(blobs->add_reference(kept.id, bert, never)).has_value());
    }
    EXPECT_EQ(loop.run(blobs->sweep(clock.now() - 24h, never)), 0u) << "all were begun today";
    EXPECT_EQ(loop.run(blobs->sweep(far, never)), 2u);
    EXPECT_EQ(read(orphan.id, 0, 0).error(), ErrorCode::not_found);
    EXPECT_FALSE(loop.run(unfinished->finish(never)).has_value());
    EXPECT_EQ(loop.run(blobs->add_reference(orphan.id, anna, never)).error(), ErrorCode::not_found);

    for (int twice = 0; twice < 2; ++twice)
        ASSERT_TRUE(loop.run(blobs->drop_reference(kept.id, anna, never)).has_value());
    EXPECT_EQ(loop.run(blobs->sweep(far, never)), 0u);
    EXPECT_EQ(read(kept.id, 0, 10), content(10));
    ASSERT_TRUE(loop.run(blobs->drop_reference(kept.id, bert, never)).has_value());
    EXPECT_EQ(loop.run(blobs->sweep(far, never)), 1u);
    EXPECT_EQ(loop.run(store.partitions(PartitionKind::blobs, 0, never))->size(), 0u);
}

TEST_F(BlobsTest, UnfinishedTakesNoReference)
{
    const auto writer = blobs->create();
    ASSERT_TRUE(loop.run(writer->append(content(300'000), never)).has_value());
    const auto all = loop.run(store.partitions(PartitionKind::blobs, 0, never));
    ASSERT_EQ(all->size(), 1u);
    EXPECT_EQ(loop.run(blobs->add_reference(all->front().id, anna, never)).error(), ErrorCode::not_found);
}

TEST_F(BlobsTest, RivalsForOneBlobAllGetTheirReference)
{
    const BlobInfo info = put(content(10), 10);
    std::vector<std::future<Result<void>>> answers;
    for (std::uint64_t account = 0; account < 20; ++account)
        answers.push_back(loop.start(blobs->add_reference(info.id, {PartitionKind::account, account}, never)));
    for (auto& answer : answers)
        EXPECT_TRUE(answer.get().has_value());
    EXPECT_EQ(loop.run(blobs->sweep(far, never)), 0u);
}

}  // namespace posthouse::store

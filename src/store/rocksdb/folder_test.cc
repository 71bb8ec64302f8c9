#include "store/rocksdb/folder.h"

#include "store/rocksdb/test_folder.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace posthouse::store {

TEST(Folder, OneHolderAtATime)
{
    const TestFolder folder;
    {
        const auto first = FolderLock::take(folder.path());
        ASSERT_TRUE(first.has_value());
        const auto second = FolderLock::take(folder.path());
        ASSERT_FALSE(second.has_value());
        EXPECT_EQ(second.error(), ErrorCode::already_exists);
        EXPECT_NE(second.error().text.find(std::to_string(::getpid())), std::string::npos) << second.error().text;
    }
    EXPECT_TRUE(FolderLock::take(folder.path()).has_value()) << "a lock file left behind holds nothing";
}

TEST(Folder, FilesAreWrittenWhole)
{
    const TestFolder folder;
    const std::string path = folder.path() + "/file";
    ASSERT_TRUE(write_file(path, std::string(3'000'000, 'x')).has_value());
    ASSERT_TRUE(write_file(path, "short").has_value());
    EXPECT_EQ(read_file(path), "short");
    ASSERT_TRUE(copy_file(path, folder.path() + "/copy").has_value());
    ASSERT_TRUE(cut_file(path, 2).has_value());
    EXPECT_EQ(read_file(path), "sh");
    EXPECT_EQ(read_file(folder.path() + "/copy"), "short");
    EXPECT_FALSE(read_file(folder.path() + "/none").has_value());
    EXPECT_FALSE(write_file(folder.path() + "/none/file", "").has_value());
    EXPECT_TRUE(make_folder(folder.path() + "/sub").has_value());
    EXPECT_TRUE(make_folder(folder.path() + "/sub").has_value());
    EXPECT_FALSE(make_folder(path).has_value()) << "a file stands in the way";
}

TEST(Folder, TheReserveTakesRealRoom)
{
    const TestFolder folder;
    ASSERT_TRUE(keep_reserve(folder.path(), 1 << 20).has_value());
    EXPECT_TRUE(has_reserve(folder.path()));
    EXPECT_EQ(std::filesystem::file_size(folder.path() + "/reserve"), 1u << 20);
    give_up_reserve(folder.path());
    EXPECT_FALSE(has_reserve(folder.path()));
    const auto space = disk_space(folder.path());
    ASSERT_TRUE(space.has_value());
    EXPECT_LE(space->free, space->capacity);
    EXPECT_TRUE(probe_disk(folder.path()).has_value());
    EXPECT_FALSE(probe_disk(folder.path() + "/none").has_value());
}

}  // namespace posthouse::store

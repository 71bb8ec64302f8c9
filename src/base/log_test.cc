// What stands in the log stays on its line and in its field, whatever came from outside.
#include "base/log.h"

#include <filesystem>
#include <fstream>
#include <iterator>

#include <stdlib.h>

#include <gtest/gtest.h>

namespace posthouse {
namespace {

class LogTest : public testing::Test {
protected:
    void SetUp() override
    {
        std::string name = (std::filesystem::temp_directory_path() / "posthouse-log-XXXXXX").string();
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        folder = name;
    }
    void TearDown() override { std::filesystem::remove_all(folder); }
    std::string file() const { return (folder / "log").string(); }
    // The log's lines without their time.
    std::vector<std::string> lines() const
    {
        std::ifstream in(file());
        std::vector<std::string> out;
        for (std::string line; std::getline(in, line);)
            out.push_back(line);
        return out;
    }
    std::filesystem::path folder;
};

TEST_F(LogTest, TextQuotesAndEscapes)
{
    make_log(LogLevel::info, LogFormat::text, file())
        ->write(LogLevel::warning, "smtp", 1, "refused {} %s",
                {{"helo", "a b\r\n2026 forged"}, {"from", "x=\"\\"}, {"to", ""}, {"plain", "alice@north.test"}});
    ASSERT_EQ(lines().size(), 1u);
    EXPECT_EQ(
        lines()[0].substr(lines()[0].find(' ') + 1),
        R"(warning smtp: refused {} %s id=0000000000001 helo="a b\\x0d\\x0a2026 forged" from="x=\"\\" to="" plain=alice@north.test)");
}

TEST_F(LogTest, JsonIsOneObjectALine)
{
    make_log(LogLevel::info, LogFormat::json, file())
        ->write(LogLevel::alarm, "store", 0, "bad \"block\"", {{"file", "a\\b\x1b\xff"}});
    ASSERT_EQ(lines().size(), 1u);
    EXPECT_EQ(lines()[0].substr(lines()[0].find(R"("level")")),
              R"("level":"alarm","room":"store","what":"bad \"block\"","file":"a\\b\\x1b\\xff"})");
    EXPECT_TRUE(lines()[0].starts_with(R"({"time":"20)"));
}

TEST_F(LogTest, BelowTheLeastLevelNothingIsWritten)
{
    const std::unique_ptr<Log> log = make_log(LogLevel::warning, LogFormat::text, file());
    log->write(LogLevel::debug, "smtp", 0, "no");
    log->write(LogLevel::info, "smtp", 0, "no");
    log->write(LogLevel::error, "smtp", 0, "yes");
    ASSERT_EQ(lines().size(), 1u);  // also: flushed at once, the log is read while the server lives
    EXPECT_TRUE(lines()[0].ends_with("error smtp: yes"));
}

}  // namespace
}  // namespace posthouse

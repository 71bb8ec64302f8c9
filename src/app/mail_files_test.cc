#include "app/mail_files.h"

#include <cstdlib>
#include <fstream>
#include <set>

#include <gtest/gtest.h>

namespace posthouse::app {
namespace {

class MailFiles : public testing::Test {
protected:
    MailFiles()
    {
        std::string name = "/tmp/posthouse-mail-XXXXXX";
        folder_ = ::mkdtemp(name.data());
    }
    ~MailFiles() override { std::filesystem::remove_all(folder_); }

    std::vector<MailFile> read(const std::filesystem::path& path)
    {
        std::vector<MailFile> found;
        const TakeMail take = [&](MailFile mail) {
            found.push_back(std::move(mail));
            return Result<void>{};
        };
        const Result<MailFormat> format = format_of(path);
        EXPECT_TRUE(format);
        const Result<void> done =
            *format == MailFormat::maildir ? read_maildir(path, "INBOX", take) : read_mbox(path, "INBOX", take);
        EXPECT_TRUE(done) << done.error().text;
        return found;
    }

    std::filesystem::path folder_;
};

const std::vector<MailFile> some_mail{
    {"INBOX",
     {"\\Seen", "\\Flagged"},
     WallTime{std::chrono::seconds(1'700'000'000)},
     "Subject: a\r\n\r\nFrom me\r\n>From you\r\n"},
    {"INBOX", {}, WallTime{std::chrono::seconds(1'700'000'001)}, "Subject: mixed\r\n\r\nbare\nlf\r\n"},
    {"lists/cpp", {"\\Answered"}, WallTime{std::chrono::seconds(1'700'000'002)}, "Subject: b\r\n\r\n"},
};

TEST_F(MailFiles, MaildirGivesBackEveryByteFlagAndDate)
{
    const auto out = write_maildir(folder_ / "md");
    for (const MailFile& mail : some_mail)
        ASSERT_TRUE((*out)->write(mail));
    ASSERT_TRUE((*out)->finish());
    const std::vector<MailFile> found = read(folder_ / "md");
    ASSERT_EQ(found.size(), some_mail.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
        EXPECT_EQ(found[i].bytes, some_mail[i].bytes) << "bytes in are bytes out";
        EXPECT_EQ(found[i].date, some_mail[i].date);
        EXPECT_EQ(found[i].mailbox, some_mail[i].mailbox);
        EXPECT_EQ(std::set(found[i].flags.begin(), found[i].flags.end()),
                  std::set(some_mail[i].flags.begin(), some_mail[i].flags.end()));
    }
}

TEST_F(MailFiles, MboxQuotesFromLinesSoThatTheyComeBack)
{
    const auto out = write_mbox(folder_ / "mbox");
    ASSERT_TRUE((*out)->write(some_mail[0]));
    ASSERT_TRUE((*out)->write(some_mail[0]));
    ASSERT_TRUE((*out)->finish());
    const std::vector<MailFile> found = read(folder_ / "mbox");
    ASSERT_EQ(found.size(), 2u) << "a body line that begins with From must not begin a message";
    EXPECT_EQ(found[0].bytes, some_mail[0].bytes);
    EXPECT_EQ(found[1].bytes, some_mail[0].bytes);
    EXPECT_EQ(found[0].date, some_mail[0].date);
}

TEST_F(MailFiles, MboxOfOtherProgramsHasItsFlagsInTheHeader)
{
    std::ofstream(folder_ / "mbox")
        << "From a@b Sun Nov 22 00:02:27 2026\nSubject: x\nStatus: RO\nX-Status: A\n\nhi\n\n";
    const std::vector<MailFile> found = read(folder_ / "mbox");
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].flags, (std::vector<std::string>{"\\Seen", "\\Answered"}));
    EXPECT_EQ(found[0].bytes, "Subject: x\r\nStatus: RO\r\nX-Status: A\r\n\r\nhi\r\n");
}

TEST_F(MailFiles, WhatIsNeitherIsSaidSo)
{
    std::ofstream(folder_ / "x") << "hello\n";
    const auto format = format_of(folder_ / "x");
    ASSERT_FALSE(format);
    EXPECT_NE(format.error().text.find("neither a Maildir"), std::string::npos);
}

}  // namespace
}  // namespace posthouse::app

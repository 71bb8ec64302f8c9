#include "mua/identity.h"

#include "mua/connect.h"

#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>
#include <sys/stat.h>

namespace posthouse::mua {
namespace {

TEST(Server, AsTyped)
{
    EXPECT_EQ(parse_server("mail.example.org").value_or(ServerAt()), (ServerAt{"mail.example.org"}));
    EXPECT_EQ(parse_server("127.0.0.1:2993").value_or(ServerAt()), (ServerAt{"127.0.0.1", 2993}));
    EXPECT_EQ(parse_server("[2001:db8::1]:993").value_or(ServerAt()), (ServerAt{"2001:db8::1", 993}));
    EXPECT_EQ(parse_server("2001:db8::1").value_or(ServerAt()), (ServerAt{"2001:db8::1"}));
    EXPECT_EQ((ServerAt{"2001:db8::1", 993}).text(), "[2001:db8::1]:993");
    for (const std::string_view text : {"", ":993", "a:", "a:0", "a:65536", "a:-1", "a:b", "[::1", "[::1]x",
                                        "[::1]:", "a b", "a/b", "you@example.org", "a\n"})
        EXPECT_FALSE(parse_server(text)) << text;
}

TEST(Attempts, TheRightKindOfTls)
{
    using enum Protocol;
    const auto tried = [](Protocol protocol, std::uint16_t port, Security security = Security::automatic) {
        return attempts_for(protocol, {"x", port, security});
    };
    using All = std::vector<Attempt>;
    EXPECT_EQ(tried(imap, 0), (All{{993, Security::tls}, {143, Security::starttls}}));
    EXPECT_EQ(tried(submission, 0), (All{{465, Security::tls}, {587, Security::starttls}})) << "RFC 8314 section 3.3";
    EXPECT_EQ(tried(pop3, 0), (All{{995, Security::tls}, {110, Security::starttls}}));
    EXPECT_EQ(tried(imap, 143), (All{{143, Security::starttls}}));
    EXPECT_EQ(tried(imap, 2993), (All{{2993, Security::tls}}));
    EXPECT_EQ(tried(submission, 25), (All{{25, Security::starttls}}));
    EXPECT_EQ(tried(imap, 4711), (All{{4711, Security::tls}, {4711, Security::starttls}})) << "never neither";
    EXPECT_EQ(tried(imap, 0, Security::starttls), (All{{143, Security::starttls}}));
    EXPECT_EQ(tried(imap, 0, Security::none), (All{{143, Security::none}}));
    EXPECT_EQ(tried(imap, 993, Security::starttls), (All{{993, Security::starttls}})) << "as the person says";
}

TEST(Certificates, AreExplained)
{
    const auto text = [](std::string words) {
        return explained({ErrorCode::tls, "handshake: the server's certificate: " + std::move(words)},
                         {"mail.test", 993})
            .text;
    };
    EXPECT_NE(text("self-signed certificate").find("signed by itself"), std::string::npos);
    EXPECT_NE(text("hostname mismatch").find("another name than mail.test"), std::string::npos);
    EXPECT_NE(text("certificate has expired").find("it has expired"), std::string::npos);
    EXPECT_NE(text("something new").find("something new"), std::string::npos);
    EXPECT_EQ(explained({ErrorCode::tls, "wrong version number"}, {}).text, "wrong version number");
    EXPECT_FALSE(is_about_certificate({ErrorCode::unavailable, "the server's certificate: x"}));
}

struct IdentitiesFile : testing::Test {
    void SetUp() override
    {
        char name[] = "/tmp/posthouse-mua-XXXXXX";
        folder = ::mkdtemp(name);
        file = folder + "/config/mail.json";
    }
    void TearDown() override { std::filesystem::remove_all(folder); }
    std::string folder;
    std::string file;
};

TEST_F(IdentitiesFile, ComesBackAndIsPrivate)
{
    Identities all;
    EXPECT_TRUE(read_identities(file)->list.empty()) << "nobody yet";
    all.standard = "alice@north.test";
    all.list.push_back({.address = "alice@north.test",
                        .name = "Alice \"Ä\"",
                        .user = "al",
                        .password = "pass\\word\x01",
                        .imap = {"mail.test", 993, Security::tls},
                        .submission = {"::1"},
                        .certificate = "/x.pem"});
    ASSERT_TRUE(write_identities(file, all));
    struct stat facts{};
    ASSERT_EQ(::stat(file.c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777, 0600u);
    ASSERT_EQ(::stat((folder + "/config").c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777, 0700u);
    const Result<Identities> back = read_identities(file);
    ASSERT_TRUE(back) << back.error().text;
    const Identity* alice = back->find("ALICE@north.test");
    ASSERT_NE(alice, nullptr);
    EXPECT_EQ(alice->password, "pass\\word\x01");
    EXPECT_EQ(alice->imap, all.list[0].imap);
    EXPECT_EQ(alice->submission, all.list[0].submission);
    EXPECT_EQ(alice->login(), "al");
    EXPECT_FALSE(alice->pop3.known());
    EXPECT_EQ(back->standard, "alice@north.test");
}

TEST_F(IdentitiesFile, IsNotReadWhereOthersMayReadIt)
{
    ASSERT_TRUE(write_identities(file, {}));
    ASSERT_EQ(::chmod(file.c_str(), 0640), 0);
    const Result<Identities> read = read_identities(file);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, ErrorCode::not_permitted);
    EXPECT_NE(read.error().text.find("chmod 600"), std::string::npos);
}

TEST(IdentitiesText, Refused)
{
    for (const std::string_view text : {"", "[]", "{}", "{\"identities\": 1}", "{\"identities\": [1]}",
                                        "{\"identities\": [{}]}", "{\"identities\": [{\"address\": \"\"}]}"})
        EXPECT_FALSE(parse_identities(text, "mail.json")) << text;
    const auto odd =
        parse_identities(R"({"identities": [{"address": "a@b", "imap": {"host": "h", "port": 70000}}]})", "x");
    ASSERT_TRUE(odd);
    EXPECT_EQ(odd->list[0].imap, (ServerAt{"h", 0})) << "a port that is none is none";
}

}  // namespace
}  // namespace posthouse::mua

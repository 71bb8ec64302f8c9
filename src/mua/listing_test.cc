#include "mua/listing.h"

#include "mua/identity.h"

#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>

namespace posthouse::mua {
namespace {

std::vector<Reference> references(std::vector<std::string> words)
{
    const Result<std::vector<Reference>> parsed = parse_references(words);
    EXPECT_TRUE(parsed) << parsed.error().text;
    return parsed.value_or(std::vector<Reference>());
}

TEST(References, Numbers)
{
    std::vector<std::uint32_t> numbers;
    for (const Reference& one : references({"3", "5-7,9", "1,1"}))
        numbers.push_back(one.number);
    EXPECT_EQ(numbers, (std::vector<std::uint32_t>{3, 5, 6, 7, 9, 1, 1}));
}

TEST(References, Ids)
{
    const auto all = references({"INBOX/1700000000/42", "Lists/c++/7/1", "uidl:9.4", "M6d99-a_b", "038g12vt28bgp"});
    EXPECT_EQ(all[0].place, (Place{"INBOX", 1'700'000'000, 42, {}}));
    EXPECT_EQ(all[1].place, (Place{"Lists/c++", 7, 1, {}})) << "the numbers are taken from the end";
    EXPECT_EQ(all[2].place.unique_id, "9.4");
    EXPECT_EQ(all[3].email_id, "M6d99-a_b");
    EXPECT_EQ(all[4].kind, Reference::Kind::email_id);
}

struct Wrong {
    std::string_view why;
    std::string word;
};

TEST(References, Refused)
{
    const Wrong wrong[]{
        {"nothing", ""},
        {"numbers begin with 1", "0"},
        {"backwards", "5-3"},
        {"half a range", "5-"},
        {"a negative number", "-1"},
        {"an empty item", "1,,2"},
        {"more than 32 bits", "4294967296"},
        {"more than one command takes", "1-4000000000"},
        {"blanks", "a b"},
        {"no UID", "INBOX/1/"},
        {"a UID of 0", "INBOX/1/0"},
        {"no mailbox", "/1/2"},
        {"controls", "a\x1b[2J"},
    };
    for (const Wrong& row : wrong)
        EXPECT_FALSE(parse_references(std::vector{row.word})) << row.why;
}

TEST(PermanentId, NamesTheSameMessageAgain)
{
    const Place place{"Lists/a", 7, 9, {}};
    EXPECT_EQ(permanent_id(place, "M1"), "M1");
    EXPECT_EQ(permanent_id(place, ""), "Lists/a/7/9");
    EXPECT_EQ(permanent_id(place, "123"), "Lists/a/7/9") << "digits alone would be a number of the listing";
    EXPECT_EQ(references({permanent_id(place, "")})[0].place, place);
    const Place by_pop3{.unique_id = "a/b c"};
    EXPECT_EQ(references({permanent_id(by_pop3, "")})[0].place, by_pop3);
}

struct KeptListing : testing::Test {
    void SetUp() override
    {
        char name[] = "/tmp/posthouse-mua-XXXXXX";
        folder = ::mkdtemp(name);
        file = folder + "/below/listing";
    }
    void TearDown() override { std::filesystem::remove_all(folder); }
    std::string folder;
    std::string file;
    Listing listing{.account = "bob@north.test at 127.0.0.1:993",
                    .address = "bob@north.test",
                    .session = this_session(),
                    .rows = {{"INBOX", 7, 42, {}}, {"Entwürfe/\"x\"", 8, 1, {}}}};
};

TEST_F(KeptListing, ComesBack)
{
    ASSERT_TRUE(keep_listing(file, listing));
    const Result<Listing> back = last_listing(file, listing.account);
    ASSERT_TRUE(back) << back.error().text;
    EXPECT_EQ(back->rows, listing.rows);
    EXPECT_EQ(back->address, "bob@north.test");
    const std::uint32_t second = 2;
    EXPECT_EQ(places_of(*back, std::span(&second, 1))->front(), listing.rows[1]);
    EXPECT_EQ(std::filesystem::status(file).permissions(),
              std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(KeptListing, IsRefusedWhereItIsStale)
{
    EXPECT_FALSE(last_listing(file, listing.account)) << "there is none";
    ASSERT_TRUE(keep_listing(file, listing));
    EXPECT_FALSE(last_listing(file, "alice@north.test at 127.0.0.1:993")) << "another account";
    EXPECT_FALSE(last_listing(file, "bob@north.test at 127.0.0.2:993")) << "another server";
    for (const std::uint32_t number : {0u, 3u, 4'000'000'000u})
        EXPECT_FALSE(places_of(listing, std::span(&number, 1))) << number;
    ++listing.session;
    ASSERT_TRUE(keep_listing(file, listing));
    EXPECT_FALSE(last_listing(file, listing.account)) << "another login on a terminal of the same name";
    ASSERT_TRUE(write_private_file(file, "{\"rows\": 7}"));
    EXPECT_FALSE(last_listing(file, listing.account)) << "not a listing";
}

}  // namespace
}  // namespace posthouse::mua

#include "mta/relay/fates.h"

#include <gtest/gtest.h>

namespace posthouse::mta::relay {
namespace {

using smtp::Fate;
using smtp::Sent;

const smtp::Path alice{"alice", "north.test"};
const std::vector<smtp::Recipient> carol{{{"carol", "south.test"}}};
const Peer peer{"mx.south.test", "127.0.0.2:2525", true};

struct Row {
    std::string_view why;
    Sent sent;
    Fate fate = Fate::deferred;
    std::string_view status;
    bool host_failed = false;
    bool in_doubt = false;
    int code = 0;
};

const smtp::Reply ok{250, "2.1.0", "ok"};
const smtp::Reply go{354, "", "go"};

TEST(Fates, ByWhatDecided)
{
    const Row rows[] = {
        {"taken", {ok, {ok}, go, {250, "2.0.0", "queued as X"}}, Fate::relayed, "2.0.0", false, false, 250},
        {"taken, no enhanced code", {ok, {ok}, go, {250, "", "ok"}}, Fate::relayed, "2.0.0", false, false, 250},
        {"the sender refused", {{550, "5.7.1", "no"}, {{503, "", "x"}}}, Fate::failed, "5.7.1", false, false, 550},
        {"greylisted", {ok, {{450, "4.7.1", "later"}}}, Fate::deferred, "4.7.1", false, false, 450},
        {"no such user", {ok, {{550, "", "who?"}}}, Fate::failed, "5.0.0", false, false, 550},
        {"full", {{452, "4.3.1", "full"}}, Fate::deferred, "4.3.1", true, false, 452},
        {"421", {{421, "", "going"}}, Fate::deferred, "4.0.0", true, false, 421},
        {"DATA refused", {ok, {ok}, {451, "4.3.0", "no"}}, Fate::deferred, "4.3.0", true, false, 451},
        {"content refused", {ok, {ok}, go, {554, "5.7.0", "spam"}}, Fate::failed, "5.7.0", false, false, 554},
        {"broke off at once", {.fault = Error{ErrorCode::closed}}, Fate::deferred, "4.4.2", true},
        {"the last answer was lost",
         {ok, {ok}, go, {}, Error{ErrorCode::timeout}, false, true},
         Fate::deferred,
         "4.4.2",
         true,
         true},
        {"refused, then lost: the refusal counts",
         {ok, {{550, "5.1.1", "no"}}, go, {}, Error{ErrorCode::closed}},
         Fate::failed,
         "5.1.1",
         false,
         false,
         550},
        {"garbage",
         {ok, {ok}, go, {}, Error{ErrorCode::malformed, "hello"}, false, true},
         Fate::deferred,
         "4.5.0",
         true,
         true},
        {"our own trouble", {ok, {ok}, go, {}, Error{ErrorCode::corrupt, "x"}, true}, Fate::deferred, "4.3.0"},
        {"354 to MAIL", {{354, "", "what"}}, Fate::deferred, "4.5.0", false, false, 354},
        {"we know it takes no more",
         {.sender = {552, "5.3.4", "too large"}, .refused_here = true},
         Fate::failed,
         "5.3.4"},
        {"said nothing of it", {ok, {smtp::Reply{}}}, Fate::deferred, "4.5.0"},
    };
    for (const Row& row : rows) {
        const smtp::RecipientFate fate = fates_of(row.sent, alice, carol, peer).at(0);
        EXPECT_EQ(fate.fate, row.fate) << row.why;
        EXPECT_EQ(fate.status, row.status) << row.why;
        EXPECT_EQ(fate.host_failed, row.host_failed) << row.why;
        EXPECT_EQ(fate.in_doubt, row.in_doubt) << row.why;
        EXPECT_EQ(fate.reply.code, row.code) << row.why;
        EXPECT_FALSE(fate.reason.empty()) << row.why;
        EXPECT_EQ(fate.remote_mta, "mx.south.test");
    }
}

TEST(Fates, TheLinesThatProveIt)
{
    const Sent sent{ok, {{550, "5.1.1", "no such user\nsee https://south.test/\x1b[31m"}}};
    const smtp::RecipientFate fate = fates_of(sent, alice, carol, peer).at(0);
    EXPECT_EQ(fate.dialogue,
              (std::vector<std::string>{"C: RCPT TO:<carol@south.test>", "S: 550-5.1.1 no such user",
                                        "S: 550 5.1.1 see https://south.test/\\x1b[31m"}));
    EXPECT_EQ(fate.reason,
              "mx.south.test refuses carol@south.test: 550 5.1.1 no such user see https://south.test/\\x1b[31m");
    std::string endless = "a";
    for (int i = 0; i < 100; ++i)
        endless += "\nmore";
    const Sent long_winded{{550, "5.7.1", endless}};
    EXPECT_LE(fates_of(long_winded, alice, carol, peer).at(0).dialogue.size(), 10u);
}

TEST(Fates, RemoteId)
{
    const std::pair<std::string_view, std::string_view> rows[] = {
        {"2000 bytes queued as 01h4x", "01h4x"},
        {"Ok: queued as 4F2A1.", "4F2A1"},
        {"OK id=1pQx-0003-Ab", "1pQx-0003-Ab"},
        {"QUEUED AS X", "X"},
        {"ok", ""},
        {"queued as ", ""},
        {"queued as \x1b[31m", ""},
    };
    for (const auto& [text, id] : rows)
        EXPECT_EQ(remote_id(text), id) << text;
    EXPECT_EQ(remote_id("queued as " + std::string(1000, 'x')), "");
}

TEST(Fates, TooMany)
{
    EXPECT_TRUE(is_too_many({452, "4.5.3", "too many recipients"}));
    EXPECT_TRUE(is_too_many({552, "5.5.3", "too many recipients"}));
    EXPECT_FALSE(is_too_many({452, "4.2.2", "full"}));
    EXPECT_FALSE(is_too_many({452, "", "?"}));
}

}  // namespace
}  // namespace posthouse::mta::relay

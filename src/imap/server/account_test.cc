// Quotas (RFC 9208), UIDBATCHES (RFC 10022), UNAUTHENTICATE (RFC 8437), COMPRESS (RFC 4978).
#include "base/fake_clock.h"
#include "imap/server/allowance.h"
#include "imap/server/test_messages.h"
#include "net/deflate.h"

namespace posthouse::imap {
namespace {

TEST(Quota, WithALimit)
{
    TestHouse house;
    house.quotas.limit = 1'000'000;
    expect_conversation(house, as_alice(append(first) + append(second, "INBOX", "(\\Deleted)") + R"~(
        C: a GETQUOTAROOT INBOX
        S: * QUOTAROOT INBOX ""
        S: * QUOTA "" (STORAGE 1 976)
        S: a OK …
        C: b GETQUOTA ""
        S: * QUOTA "" (STORAGE 1 976)
        S: b OK …
        C: c GETQUOTA other
        S: c NO [NONEXISTENT] …
        C: d SETQUOTA "" (STORAGE 1000000)
        S: d NO [NOPERM] …
        C: e STATUS INBOX (DELETED DELETED-STORAGE)
        S: * STATUS INBOX (DELETED 1 DELETED-STORAGE 299)
        S: e OK …
        C: f GETQUOTAROOT nowhere
        S: f NO [NONEXISTENT] …
        C: g APPEND INBOX {999999}
        S: g NO [OVERQUOTA] …
    )~"));
}

TEST(Quota, WithoutOne)
{
    expect_conversation(as_alice(R"~(
        C: a GETQUOTAROOT INBOX
        S: * QUOTAROOT INBOX
        S: a OK …
        C: b GETQUOTA ""
        S: b NO [NONEXISTENT] …
    )~"));
}

TEST(UidBatches, Ranges)
{
    expect_conversation(as_alice(append(first) + append(first) + append(first) + selected(R"~(
        C: a UIDBATCHES 500
        S: * UIDBATCHES (TAG "a") 3:1
        S: a OK …
        C: b UIDBATCHES 500 2:3
        S: * UIDBATCHES (TAG "b")
        S: b OK …
        C: c UIDBATCHES 499
        S: c NO [TOOFEW] …
        C: d UIDBATCHES 2000 1:51
        S: d NO [TOOMANY] …
        C: e UIDBATCHES 500 20:10
        S: e BAD [CLIENTBUG] …
        C: f UIDBATCHES 0
        S: f BAD …
        C: g UIDBATCHES 500 10
        S: g BAD …
        C: h STORE 1:3 +FLAGS.SILENT \Deleted
        S: h OK …
        C: i EXPUNGE
        S: * 3 EXPUNGE
        S: * 2 EXPUNGE
        S: * 1 EXPUNGE
        S: i OK …
        C: j UIDBATCHES 1000 1:1
        S: * UIDBATCHES (TAG "j")
        S: j OK …
    )~")));
}

TEST(UidBatches, EveryUidIsInOneOfThem)
{
    TestHouse house;
    std::string appends;
    for (int i = 0; i < 1201; ++i)
        appends += "C: x APPEND INBOX {14+}\nR: Subject: x\\r\\n\\r\\n\\r\\n\n";
    for (int i = 0; i < 1201; ++i)
        appends += "S: x OK …\n";
    expect_conversation(house, as_alice(appends + selected(R"~(
        C: a UID STORE 300,900:901 +FLAGS.SILENT (\Deleted)
        S: a OK …
        C: b EXPUNGE
        S: * 901 EXPUNGE
        S: * 900 EXPUNGE
        S: * 300 EXPUNGE
        S: b OK …
        C: c UIDBATCHES 500
        S: * UIDBATCHES (TAG "c") 1201:700,699:199,198:1
        S: c OK …
        C: d UIDBATCHES 500 2:2
        S: * UIDBATCHES (TAG "d") 699:199
        S: d OK …
    )~")));
}

// The house by a clock of its own, which goes on by a minute when the second client comes.
struct HouseByFakeClock {
    HouseByFakeClock()
    {
        services.reset(new ServerServices{clock, house.log, house.recorder, house.ids, house.loops,
                                          *house.made.authenticator, *house.mailboxes, house.connections, nullptr,
                                          house.made.directory.get()});
        house.server = std::make_unique<Server>(*services, TestHouse::options_for_tests());
    }
    net::Wire connect()
    {
        if (++clients == 2)
            clock.advance(1min);
        return house.connect();
    }

    FakeClock clock;
    std::unique_ptr<ServerServices> services;
    TestHouse house;
    unsigned clients = 0;
};

// RFC 10022 section 3.1: who asks again and again is refused, until a while has gone by, or another mailbox is chosen.
TEST(UidBatches, NotWithoutEnd)
{
    HouseByFakeClock house;
    std::string asked;
    for (int i = 0; i < 200; ++i)
        asked += "C: a UIDBATCHES 500\nS: * UIDBATCHES (TAG \"a\") 1:1\nS: a OK …\n";
    const std::string one = "C: c UIDBATCHES 500\nS: * UIDBATCHES (TAG \"c\") 1:1\nS: c OK …\n";
    const std::string none = "C: d UIDBATCHES 500\nS: d NO [LIMIT] …\n";
    std::string six;
    for (int i = 0; i < 6; ++i)
        six += one;
    const std::string again = "C: u UNSELECT\nS: u OK …\n" + selected(one);
    const std::string script =
        as_alice(append(first) + selected(asked + none + none + "S2: * OK …\n" + six + none + again));
    EXPECT_EQ(house.house.run(play(house, turns_of(script))), "");
}

TEST(Allowance, FillsAgainAsTimeGoesBy)
{
    FakeClock clock;
    Allowance allowance(2, 10s);
    EXPECT_TRUE(allowance.take(clock.steady()));
    EXPECT_TRUE(allowance.take(clock.steady()));
    EXPECT_FALSE(allowance.take(clock.steady()));
    clock.advance(9s);
    EXPECT_FALSE(allowance.take(clock.steady()));
    clock.advance(1s);
    EXPECT_TRUE(allowance.take(clock.steady()));
    EXPECT_FALSE(allowance.take(clock.steady()));
    clock.advance(1h);
    EXPECT_TRUE(allowance.take(clock.steady()));
    EXPECT_TRUE(allowance.take(clock.steady()));
    EXPECT_FALSE(allowance.take(clock.steady()));
}

// RFC 8437: nothing of the first is left for the second.
TEST(Unauthenticate, AnotherLogsIn)
{
    expect_conversation(as_alice(append(first) + R"~(
        C: a ENABLE IMAP4rev2 QRESYNC
        S: * ENABLED IMAP4rev2 QRESYNC
        S: a OK …
        C: b UNAUTHENTICATE
        S: b OK [CAPABILITY IMAP4rev1 …AUTH=…] …
        C: c SELECT INBOX
        S: c BAD …
        C: d LOGIN bob@north.test posthouse
        S: d OK …
        C: e SELECT INBOX
        S: * FLAGS …
        S: * OK [PERM…
        S: * 0 EXISTS
        S: * 0 RECENT
        S: * OK [UIDV…
        S: * OK [UIDN…
        S: * OK [HIGH…
        S: * OK [MAILB…
        S: e OK …
        C: f SEARCH ALL
        S: * SEARCH
        S: f OK …
    )~"));
}

Task<std::string> say(net::Wire& wire, std::string text, std::string_view until)
{
    const Result<void> sent = co_await wire.write(std::move(text), patient());
    std::string heard;
    while (sent && heard.find(until) == std::string::npos) {
        const std::optional<std::string> line = co_await heard_line(wire);
        if (!line)
            co_return heard + "(closed)";
        heard += *line + "\n";
    }
    co_return heard;
}

Task<std::string> compressed_session(TestHouse& house)
{
    net::Wire wire = house.connect();
    std::string all = co_await say(wire, "z COMPRESS DEFLATE\r\n", "z BAD");
    all += co_await say(wire, "a LOGIN alice@north.test posthouse\r\n", "a OK");
    all += co_await say(wire, "b COMPRESS LZMA\r\n", "b NO");
    all += co_await say(wire, "c COMPRESS DEFLATE\r\n", "c OK");
    const Result<void> started = wire.start_deflate();
    all += started ? "" : "not started";
    all += co_await say(wire, "d APPEND INBOX {14+}\r\nSubject: x\r\n\r\n\r\n", "d OK");
    all += co_await say(wire, "e COMPRESS DEFLATE\r\n", "e NO");
    all += co_await say(wire, "f UNAUTHENTICATE\r\n", "f NO");
    all += co_await say(wire, "g EXAMINE INBOX\r\nh FETCH 1 BODY.PEEK[]\r\n", "h OK");
    all += co_await say(wire, "i IDLE\r\n", "+ idling");
    all += co_await say(wire, "DONE\r\n", "i OK");
    co_return all;
}

TEST(Compress, FromTheAnswerOn)
{
    TestHouse house;
    const std::string all = house.run(compressed_session(house));
    for (const char* line : {"z BAD", "b NO", "c OK", "d OK [APPENDUID", "e NO [COMPRESSIONACTIVE]", "f NO [CANNOT]",
                             "Subject: x", "h OK", "i OK"})
        EXPECT_NE(all.find(line), std::string::npos) << line << " is missing in\n" << all;
}

Task<std::string> bomb(TestHouse& house)
{
    net::Wire wire = house.connect();
    std::string all = co_await say(wire, "a LOGIN alice@north.test posthouse\r\n", "a OK");
    all += co_await say(wire, "c COMPRESS DEFLATE\r\n", "c OK");
    const std::vector<std::string> line{std::string(50'000'000, 'x')};
    const Result<void> sent = co_await wire.write(net::deflate(line).value(), patient());
    const Result<void> started = wire.start_deflate();
    while (sent && started) {
        const std::optional<std::string> heard = co_await heard_line(wire);
        if (!heard)
            break;
        all += *heard + "\n";
    }
    co_return all;
}

// HOSTILE A19: an endless line that was 50 KB on the wire.
TEST(Compress, ABombIsAnEndlessLine)
{
    TestHouse house;
    EXPECT_NE(house.run(bomb(house)).find("* BYE the command is too long"), std::string::npos);
}

}  // namespace
}  // namespace posthouse::imap

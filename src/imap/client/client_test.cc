// The client against servers that say what a script says: well-behaved ones, others, and hostile ones.
#include "imap/client/client.h"

#include "base/text.h"
#include "net/test_support.h"

#include <gtest/gtest.h>

namespace posthouse::imap {
namespace {

using Script = std::vector<std::pair<std::string, std::string>>;  // what is expected of the client, what it gets

// The server's end. Each row waits for its bytes exactly, then answers; the first row may expect nothing.
Task<void> play(net::Wire wire, Script script, std::string& fault)
{
    for (auto& [expected, answer] : script) {
        const std::string got = co_await net::take(wire, expected.size());
        if (got != expected) {
            fault = "expected " + printable(expected) + ", got " + printable(got) + printable(wire.input());
            co_return;
        }
        if (!answer.empty())
            co_await wire.write(std::move(answer), net::patient());
    }
    co_await wire.linger(net::patient());
}

struct ClientTest : testing::Test {
    Loops loops{1};
    SystemClock clock;
    std::string fault;

    template <class T> T with_script(Script script, Task<T> (*part)(Client&), ClientLimits limits = {})
    {
        return net::run(loops[0], hold<T>(std::move(script), part, clock, limits, fault));
    }
    template <class T>
    static Task<T> hold(Script script, Task<T> (*part)(Client&), const Clock& clock, ClientLimits limits,
                        std::string& fault)
    {
        const LoopExecutor executor = co_await asio::this_coro::executor;
        auto ends = net::connected_pair(executor);
        asio::co_spawn(executor, play(std::move(ends->first), std::move(script), fault), [](std::exception_ptr) { });
        Client client(std::move(ends->second), clock, {}, limits);
        T outcome = co_await part(client);
        client.wire().close();
        co_return outcome;
    }
    void TearDown() override { EXPECT_EQ(fault, ""); }
};

const std::string welcome = "* PREAUTH [CAPABILITY IMAP4rev1 UIDPLUS MOVE] ready\r\n";
const std::string selected =
    "* 3 EXISTS\r\n* OK [UIDVALIDITY 77] ok\r\n* OK [UIDNEXT 9] ok\r\n* OK [PERMANENTFLAGS (\\Seen work)] ok\r\n";

Task<Result<Selected>> select_inbox(Client& client)
{
    const Result<void> greeted = co_await client.greeting();
    if (!greeted)
        co_return fail(greeted.error());
    co_return co_await client.select("INBOX", Access::read_write);
}

TEST_F(ClientTest, Selects)
{
    const auto inbox = with_script<Result<Selected>>(
        {{"", welcome}, {"a1 SELECT INBOX\r\n", selected + "a1 OK [READ-WRITE] done\r\n"}}, select_inbox);
    ASSERT_TRUE(inbox) << inbox.error().text;
    EXPECT_EQ(inbox->exists, 3u);
    EXPECT_EQ(inbox->uid_validity, 77u);
    EXPECT_FALSE(inbox->read_only);
    EXPECT_TRUE(inbox->may_keep("\\seen"));
    EXPECT_FALSE(inbox->may_keep("other"));
}

Task<Result<std::string>> fetch_seven(Client& client)
{
    const Result<Selected> inbox = co_await select_inbox(client);
    if (!inbox)
        co_return fail(inbox.error());
    co_return co_await client.fetch_body(7, 1000);
}

Script fetching(std::string answer)
{
    return {{"", welcome},
            {"a1 SELECT INBOX\r\n", selected + "a1 OK done\r\n"},
            {"a2 UID FETCH 7 (BODY.PEEK[])\r\n", std::move(answer)}};
}

TEST_F(ClientTest, BodiesStreamPastTheParser)
{
    const auto body = with_script<Result<std::string>>(
        fetching("* 4 EXISTS\r\n* 2 FETCH (UID 7 BODY[] {9}\r\na\r\n* OK\r\n FLAGS (\\Seen))\r\na2 OK done\r\n"),
        fetch_seven);
    ASSERT_TRUE(body) << body.error().text;
    EXPECT_EQ(*body, "a\r\n* OK\r\n");
}

TEST_F(ClientTest, ShortBodiesMayBeQuoted)
{
    const auto body =
        with_script<Result<std::string>>(fetching("* 2 FETCH (BODY[] \"hi\" UID 7)\r\na2 OK done\r\n"), fetch_seven);
    EXPECT_EQ(body.value_or("?"), "hi");
}

TEST_F(ClientTest, AMessageThatIsGone)
{
    const auto body = with_script<Result<std::string>>(fetching("a2 OK done\r\n"), fetch_seven);
    ASSERT_FALSE(body);
    EXPECT_EQ(body.error().code, ErrorCode::not_found);
}

struct Hostile {
    std::string_view why;
    std::string answer;
    ErrorCode code;
};

TEST_F(ClientTest, HostileServersCostNothingButAnError)
{
    const Hostile rows[]{
        {"more than was wanted", "* 2 FETCH (UID 7 BODY[] {1001}\r\n" + std::string(1001, 'x') + ")\r\n",
         ErrorCode::too_large},
        {"a literal of 4 GB where no body is", "* 2 FETCH (PREVIEW {4294967296}\r\n", ErrorCode::too_large},
        {"a body of 20 digits", "* 2 FETCH (BODY[] {99999999999999999999}\r\n", ErrorCode::too_large},
        {"a line without end", "* OK " + std::string(40'000, 'x'), ErrorCode::too_large},
        {"bare LF", "* 2 EXISTS\n", ErrorCode::malformed},
        {"not IMAP", "250 ok\r\n", ErrorCode::malformed},
        {"another command's answer", "a1 OK again\r\n", ErrorCode::malformed},
        {"asks for more", "+ go on\r\n", ErrorCode::malformed},
        {"goodbye", "* BYE too many\r\n", ErrorCode::closed},
        {"refusal", "a2 NO [UNAVAILABLE] later\r\n", ErrorCode::unavailable},
    };
    for (const Hostile& row : rows) {
        ClientLimits limits;
        limits.response = limits.before_login = 32 * 1024;
        const auto body = with_script<Result<std::string>>(fetching(row.answer), fetch_seven, limits);
        ASSERT_FALSE(body) << row.why;
        EXPECT_EQ(body.error().code, row.code) << row.why << ": " << body.error().text;
    }
}

TEST_F(ClientTest, AnswersWithoutEndAreCutShort)
{
    std::string flood;
    for (int i = 0; i < 2000; ++i)
        flood += "* 5 EXISTS\r\n";
    ClientLimits limits;
    limits.answer = 64 * 1000;
    const auto body = with_script<Result<std::string>>(fetching(flood), fetch_seven, limits);
    ASSERT_FALSE(body);
    EXPECT_EQ(body.error().code, ErrorCode::too_large);
}

Task<Result<Placed>> append_one(Client& client)
{
    const Result<void> greeted = co_await client.greeting();
    if (!greeted)
        co_return fail(greeted.error());
    co_return co_await client.append("Entwürfe", {"\\Seen"}, "a {3}\r\n");
}

TEST_F(ClientTest, SynchronisingLiteralsWait)
{
    const auto placed =
        with_script<Result<Placed>>({{"", welcome},
                                     {"a1 APPEND Entw&APw-rfe (\\Seen) {7}\r\n", "* 1 EXISTS\r\n+ go\r\n"},
                                     {"a {3}\r\n\r\n", "a1 OK [APPENDUID 77 12] done\r\n"}},
                                    append_one);
    ASSERT_TRUE(placed) << placed.error().text;
    EXPECT_EQ(placed->uid, 12u);
    EXPECT_EQ(placed->uid_validity, 77u);
}

TEST_F(ClientTest, NonSynchronisingLiteralsDoNot)
{
    const auto placed =
        with_script<Result<Placed>>({{"", "* PREAUTH [CAPABILITY IMAP4rev1 LITERAL+] ready\r\n"},
                                     {"a1 APPEND Entw&APw-rfe (\\Seen) {7+}\r\na {3}\r\n\r\n", "a1 OK done\r\n"}},
                                    append_one);
    EXPECT_TRUE(placed);
}

TEST_F(ClientTest, ALiteralMayBeRefused)
{
    const auto placed = with_script<Result<Placed>>(
        {{"", welcome}, {"a1 APPEND Entw&APw-rfe (\\Seen) {7}\r\n", "a1 NO [OVERQUOTA] full\r\n"}}, append_one);
    ASSERT_FALSE(placed);
    EXPECT_EQ(placed.error().code, ErrorCode::over_quota);
}

Task<Result<std::vector<std::uint32_t>>> search_umlaut(Client& client)
{
    const Result<void> greeted = co_await client.greeting();
    if (!greeted)
        co_return fail(greeted.error());
    co_return co_await client.search({{"UNSEEN", {}}, {"SUBJECT", "Grüße"}, {"FROM", "a\"b"}});
}

TEST_F(ClientTest, SearchesInUtf8)
{
    const auto found = with_script<Result<std::vector<std::uint32_t>>>(
        {{"", welcome},
         {"a1 UID SEARCH CHARSET UTF-8 UNSEEN SUBJECT {7}\r\n", "+ \r\n"},
         {"Grüße FROM \"a\\\"b\"\r\n", "* SEARCH 9 2\r\n* SEARCH 2\r\na1 OK done\r\n"}},
        search_umlaut);
    ASSERT_TRUE(found) << found.error().text;
    EXPECT_EQ(*found, (std::vector<std::uint32_t>{2, 9}));
}

Task<Result<void>> move_two(Client& client)
{
    const Result<Selected> inbox = co_await select_inbox(client);
    if (!inbox)
        co_return fail(inbox.error());
    co_return co_await client.move({5, 4, 5}, "Old");
}

TEST_F(ClientTest, MovesByMove)
{
    const auto moved = with_script<Result<void>>({{"", welcome},
                                                  {"a1 SELECT INBOX\r\n", "a1 OK done\r\n"},
                                                  {"a2 UID MOVE 4:5 Old\r\n", "* 1 EXPUNGE\r\na2 OK done\r\n"}},
                                                 move_two);
    EXPECT_TRUE(moved);
}

TEST_F(ClientTest, MovesWithoutMoveAndUidplusOnlyWhatIsItsOwn)
{
    const auto moved = with_script<Result<void>>({{"", "* PREAUTH [CAPABILITY IMAP4rev1] ready\r\n"},
                                                  {"a1 SELECT INBOX\r\n", "a1 OK done\r\n"},
                                                  {"a2 UID COPY 4:5 Old\r\n", "a2 OK done\r\n"},
                                                  {"a3 UID SEARCH DELETED\r\n", "* SEARCH 1\r\na3 OK done\r\n"},
                                                  {"a4 UID STORE 4:5 +FLAGS.SILENT (\\Deleted)\r\n", "a4 OK done\r\n"}},
                                                 move_two);
    EXPECT_TRUE(moved) << "no EXPUNGE: message 1 is somebody else's to delete";
}

Task<Result<void>> log_in_alice(Client& client)
{
    const Result<void> greeted = co_await client.greeting();
    if (!greeted)
        co_return greeted;
    SystemRandom random;
    co_return co_await client.log_in("alice", "p\"w", random, ClearPasswords::no);
}

Task<Result<void>> log_in_in_the_clear(Client& client)
{
    const Result<void> greeted = co_await client.greeting();
    if (!greeted)
        co_return greeted;
    SystemRandom random;
    co_return co_await client.log_in("alice", "p\"w", random, ClearPasswords::yes);
}

TEST_F(ClientTest, NoPasswordInTheClear)
{
    const auto entered =
        with_script<Result<void>>({{"", "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready\r\n"}}, log_in_alice);
    ASSERT_FALSE(entered);
    EXPECT_EQ(entered.error().code, ErrorCode::not_permitted);
}

TEST_F(ClientTest, PasswordsByPlainAndByLogin)
{
    EXPECT_TRUE(with_script<Result<void>>({{"", "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] ready\r\n"},
                                           {"a1 AUTHENTICATE PLAIN AGFsaWNlAHAidw==\r\n", "a1 OK in\r\n"},
                                           {"a2 CAPABILITY\r\n", "* CAPABILITY IMAP4rev1\r\na2 OK done\r\n"}},
                                          log_in_in_the_clear));
    EXPECT_TRUE(with_script<Result<void>>({{"", "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready\r\n"},
                                           {"a1 AUTHENTICATE PLAIN\r\n", "+ \r\n"},
                                           {"AGFsaWNlAHAidw==\r\n", "a1 OK [CAPABILITY IMAP4rev1] in\r\n"}},
                                          log_in_in_the_clear));
    EXPECT_TRUE(with_script<Result<void>>({{"", "* OK hello\r\n"},
                                           {"a1 CAPABILITY\r\n", "* CAPABILITY IMAP4rev1\r\na1 OK done\r\n"},
                                           {"a2 LOGIN alice \"p\\\"w\"\r\n", "a2 OK [CAPABILITY IMAP4rev1] in\r\n"}},
                                          log_in_in_the_clear));
    const auto wrong = with_script<Result<void>>(
        {{"", "* OK [CAPABILITY IMAP4rev1] ready\r\n"}, {"a1 LOGIN alice \"p\\\"w\"\r\n", "a1 NO wrong\r\n"}},
        log_in_in_the_clear);
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().code, ErrorCode::not_permitted);
}

// RFC 5802 section 7: "v=" is the server's proof; an OK without it is no proof.
TEST_F(ClientTest, AServerThatDoesNotProveItselfIsNotBelieved)
{
    const auto entered = with_script<Result<void>>({{"", "* OK [CAPABILITY IMAP4rev1 AUTH=SCRAM-SHA-256] ready\r\n"},
                                                    {"a1 AUTHENTICATE SCRAM-SHA-256\r\n", "a1 OK come in\r\n"}},
                                                   log_in_alice);
    EXPECT_FALSE(entered);
}

Task<Result<void>> start_tls_blindly(Client& client)
{
    const Result<void> greeted = co_await client.greeting();
    if (!greeted)
        co_return greeted;
    const auto context = net::TlsContext::client(net::TlsContext::Verify::yes);
    co_return co_await client.start_tls(**context, "north.test");
}

// HOSTILE A3, and CVE-2020-14093.
TEST_F(ClientTest, NothingComesBeforeTls)
{
    const auto injected =
        with_script<Result<void>>({{"", "* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n"},
                                   {"a1 STARTTLS\r\n", "a1 OK begin\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n"}},
                                  start_tls_blindly);
    ASSERT_FALSE(injected);
    EXPECT_EQ(injected.error().code, ErrorCode::tls);
    const auto preauth =
        with_script<Result<void>>({{"", "* PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n"}}, start_tls_blindly);
    ASSERT_FALSE(preauth);
    EXPECT_EQ(preauth.error().code, ErrorCode::tls);
}

Task<Result<bool>> idle_once(Client& client)
{
    const Result<Selected> inbox = co_await select_inbox(client);
    if (!inbox)
        co_return fail(inbox.error());
    const Result<void> begun = co_await client.begin_idle();
    if (!begun)
        co_return fail(begun.error());
    const Result<bool> nothing = co_await client.await_change(1ms);
    if (!nothing || *nothing)
        co_return fail(ErrorCode::internal, "a change before there was one");
    co_await client.end_idle();
    const Result<void> again = co_await client.begin_idle();
    if (!again)
        co_return fail(again.error());
    const Result<bool> changed = co_await client.await_change(60s);
    if (!changed)
        co_return changed;
    co_await client.end_idle();
    co_return client.selected().exists == 4;
}

TEST_F(ClientTest, Idles)
{
    const auto changed = with_script<Result<bool>>({{"", welcome},
                                                    {"a1 SELECT INBOX\r\n", selected + "a1 OK done\r\n"},
                                                    {"a2 IDLE\r\n", "+ idling\r\n"},
                                                    {"DONE\r\n", "a2 OK done\r\n"},
                                                    {"a3 IDLE\r\n", "+ idling\r\n* 4 EXISTS\r\n"},
                                                    {"DONE\r\n", "a3 OK done\r\n"}},
                                                   idle_once);
    EXPECT_TRUE(changed.value_or(false)) << (changed ? "" : changed.error().text);
}

}  // namespace
}  // namespace posthouse::imap

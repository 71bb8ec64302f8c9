// Rows of docs/hostile.md that speak of IMAP after the login, in a short form; STARTTLS; going down.
#include "imap/server/test_script.h"

#include <cstdlib>
#include <filesystem>

namespace posthouse::imap {
namespace {

std::string repeated(std::string_view text, std::size_t count)
{
    std::string out;
    while (count-- > 0)
        out += text;
    return out;
}

std::string in_inbox(std::string_view script)
{
    return as_alice("C: a APPEND INBOX {14+}\nC: Subject: x\nC:\nC:\nS: a OK …\nC: b SELECT INBOX\nS: * FLAGS …\n"
                    "S: * OK …\nS: * 1 EXISTS\nS: * 1 RECENT\nS: * OK …\nS: * OK …\nS: * OK …\nS: * OK …\nS: * OK …\n"
                    "S: b OK …\n" +
                    std::string(script));
}

// A16: no recursion, and quick answers, whatever stands in a command.
TEST(Hostile, CommandsThatNestAndRepeat)
{
    expect_conversation(in_inbox("C: a SEARCH " + repeated("(", 60'000) + "\nS: a BAD …\n"));
    expect_conversation(in_inbox("C: a SEARCH " + repeated("NOT ", 15'000) + "ALL\nS: a BAD …\n"));
    expect_conversation(in_inbox("C: a SEARCH " + repeated("NOT ", 1'000) + "ALL\nS: * SEARCH 1\nS: a OK …\n"));
    expect_conversation(in_inbox("C: a SEARCH " + repeated("OR SUBJECT x ", 900) + "ALL\nS: * SEARCH 1\nS: a OK …\n"));
    expect_conversation(
        in_inbox("C: a UID FETCH " + repeated("2,1:*,", 10'000) + "1 UID\nS: * 1 FETCH (UID 1)\nS: a OK …\n"));
    std::string falling;
    for (int i = 12'000; i > 0; i -= 2)
        falling += std::to_string(i) + ",";
    expect_conversation(in_inbox("C: a UID FETCH " + falling + "1 UID\nS: * 1 FETCH (UID 1)\nS: a OK …\n"));
    expect_conversation(in_inbox("C: a UID FETCH 4294967295:1 UID\nS: * 1 FETCH (UID 1)\nS: a OK …\n"));
    expect_conversation(in_inbox("C: a SEARCH " + repeated("BODY x ", 65) + "ALL\nS: a NO [LIMIT] …\n"));
    expect_conversation(in_inbox("C: a FETCH 1 (" + repeated("BODY[] ", 5'000) + "UID)\nS: a BAD …\n"));
    expect_conversation(in_inbox("C: a FETCH 1 BODY[HEADER.FIELDS (" + repeated("X ", 500) + "X)]\nS: a BAD …\n"));
    expect_conversation(in_inbox("C: a FETCH 1 BODY.PEEK[HEADER.FIELDS (" + repeated("X ", 499) +
                                 "X)]\nS: * 1 FETCH …\nS:\nS: )\nS: a OK …\n"));
}

// A12: sets that name more than there is cost what there is.
TEST(Hostile, SetsWithoutEnd)
{
    expect_conversation(in_inbox(R"(
        C: a UID FETCH 1:4294967295 UID
        S: * 1 FETCH (UID 1)
        S: a OK …
        C: b FETCH *:1 UID
        S: * 1 FETCH (UID 1)
        S: b OK …
        C: c FETCH 1:4294967295 UID
        S: c BAD …
        C: d UID STORE *:1 +FLAGS.SILENT (\Seen)
        S: d OK …
        C: e UID SEARCH UID 1:4294967295
        S: * SEARCH 1
        S: e OK …
        C: f SEARCH *:1
        S: * SEARCH 1
        S: f OK …
        C: g UID COPY 1:4294967295,*:1,4294967295 INBOX
        S: * 2 EXISTS
        S: * … RECENT
        S: g OK [COPYUID … 1 2] copied
        C: h FETCH 0 UID
        S: h BAD …
        C: i FETCH 1:4294967296 UID
        S: i BAD …
        C: j UID EXPUNGE 4294967295:*
        S: j OK …
        C: k NOOP
        S: k OK …
    )"));
}

// A13: a message of 10,000 levels, of both kinds, is taken, told and searched.
TEST(Hostile, TenThousandNestedParts)
{
    std::string parts;
    std::string messages = "Subject: outermost\r\n";
    for (int i = 0; i < 10'000; ++i) {
        const std::string b = std::to_string(i);
        parts += "Content-Type: multipart/mixed; boundary=b" + b + "\r\n\r\n--b" + b + "\r\n";
        messages += "Content-Type: message/rfc822\r\n\r\n";
    }
    for (const std::string& message : {parts, messages}) {
        const std::string size = std::to_string(message.size());
        std::string raw = "R: ";
        for (const char c : message)
            raw += c == '\r' ? "\\r" : c == '\n' ? "\\n" : std::string(1, c);
        expect_conversation(as_alice("C: a APPEND INBOX {" + size + "+}\n" + raw + "\\r\\n\n" + R"(
        S: a OK …
        C: b SELECT INBOX
        S: * FLAGS …
        S: * OK …
        S: * 1 EXISTS
        S: * 1 RECENT
        S: * OK …
        S: * OK …
        S: * OK …
        S: * OK …
        S: * OK …
        S: b OK …
        C: c FETCH 1 (BODYSTRUCTURE BODY ENVELOPE RFC822.SIZE)
        S: * 1 FETCH (BODYSTRUCTURE (…RFC822.SIZE )" +
                                     size + R"()
        S: c OK …
        C: d SEARCH TEXT outermost
        S: * SEARCH…
        S: d OK …
        C: e NOOP
        S: e OK …
        )"));
    }
}

// RFC 3501 section 5.1.3: names in bad UTF-7 are refused, and nothing else comes of them.
TEST(Hostile, NamesInBadUtf7)
{
    std::string script;
    for (const std::string_view name : {"&", "&AGE", "&AGE-", "&!!!-", "&2AA-", "&3AA-", "&AAA-", "&AOQ-&AOQ-", "&-&",
                                        "&AOQA-", "&AOR-", "a&b-", "&,,,,-"})
        for (const std::string_view verb : {"CREATE", "SELECT"})
            script += "C: a " + std::string(verb) + " \"" + std::string(name) + "\"\nS: a NO …\n";
    script += "C: b LIST \"\" \"&AGE-*\"\nS: b …\nC: c CREATE \"&AOQ-\"\nS: c OK …\n"
              "C: d LIST \"\" \"&AOQ-\"\nS: * LIST (…) \"/\" &AOQ-\nS: d OK …\n";
    expect_conversation(as_alice(script));
}

// A17
TEST(Hostile, PatternsThatBacktrack)
{
    expect_conversation(as_alice("C: a LIST \"\" \"" + repeated("*a", 500) + "*b\"\nS: a OK …\n"));
    expect_conversation(as_alice("C: a LIST \"\" \"" + repeated("%*", 20'000) +
                                 "\"\nS: * LIST …\nS: * LIST …\nS: * LIST …\n"
                                 "S: * LIST …\nS: * LIST …\nS: * LIST …\nS: a OK …\n"));
}

// A12
// Twenty mistakes one after another end a session; twenty in a long day do not.
TEST(Hostile, MistakesInARow)
{
    std::string mistakes;
    for (int i = 0; i < 19; ++i)
        mistakes += "C: a FETCH 0 UID\nS: a BAD …\n";
    expect_conversation(in_inbox(mistakes + "C: b NOOP\nS: b OK …\n" + mistakes + "C: c NOOP\nS: c OK …\n" + mistakes +
                                 "C: d FETCH 0 UID\nS: d BAD …\nS: * BYE …\n"));
    mistakes = "";
    for (int i = 0; i < 19; ++i)
        mistakes += "C: a FETCH 0 UID\nS: a BAD …\nC: b NOOP\nS: b OK …\n";
    expect_conversation("S: * OK …\n" + mistakes + "C: d FETCH 0 UID\nS: d BAD …\nS: * BYE …\n");
}

TEST(Hostile, NumbersThatDoNotFit)
{
    expect_conversation(in_inbox(R"(
        C: a FETCH 18446744073709551617 UID
        S: a BAD …
        C: b FETCH -1 UID
        S: b BAD …
        C: c FETCH 1 BODY.PEEK[]<9223372036854775807.9223372036854775807>
        S: * 1 FETCH (BODY[]<9223372036854775807> {0}
        S: )
        S: c OK …
        C: c FETCH 1 BODY[]<9223372036854775808.1>
        S: c BAD …
        C: c FETCH 1 BODY[]<0.9223372036854775808>
        S: c BAD …
        C: c FETCH 1 BODY[]<0.00>
        S: c BAD …
        C: d FETCH 1 BODY.PEEK[]<4294967295.4294967295>
        S: * 1 FETCH (BODY[]<4294967295> {0}
        S: )
        S: d OK …
        C: e FETCH 1 BODY.PEEK[4294967295]
        S: * 1 FETCH (BODY[4294967295] NIL)
        S: e OK …
        C: f APPEND INBOX {-5}
        S: f BAD …
        C: g STORE 1 (UNCHANGEDSINCE 18446744073709551616) FLAGS ()
        S: g BAD …
    )"));
}

// A20
TEST(Hostile, KeywordsWithoutEnd)
{
    std::string script;
    for (int i = 0; i < 4; ++i) {
        std::string flags;
        for (int j = 0; j < 30; ++j)
            flags += " k" + std::to_string(i * 30 + j);
        script += "C: a STORE 1 +FLAGS.SILENT (" + flags.substr(1) + ")\nS: * FLAGS …\nS: * OK [PERM…\nS: a OK …\n";
    }
    script += "C: a STORE 1 +FLAGS.SILENT (x1 x2 x3 x4 x5)\nS: a NO [LIMIT] …\nC: b NOOP\nS: b OK …\n";
    script += "C: c STORE 1 +FLAGS.SILENT (" + std::string(100, 'k') + ")\nS: c NO …\n";
    expect_conversation(in_inbox(script));
}

class Tls : public testing::Test {
protected:
    Tls()
    {
        char name[] = "/tmp/posthouse-imap-XXXXXX";
        folder_ = ::mkdtemp(name);
        const net::TlsContext::Files files{folder_ + "/cert.pem", folder_ + "/key.pem"};
        EXPECT_TRUE(net::make_self_signed({"north.test"}, files, 30));
        tls_ = std::move(*net::TlsContext::server({files}));
        client_ = std::move(*net::TlsContext::client(net::TlsContext::Verify::no));
    }
    ~Tls() override { std::filesystem::remove_all(folder_); }

    // Up to "a OK" and over to TLS.
    static Task<std::string> start(net::Wire& wire, const net::TlsContext& context)
    {
        co_await heard_line(wire);
        co_await wire.write("a STARTTLS\r\n", patient());
        const auto begun = co_await heard_line(wire);
        const Result<void> shaken = co_await wire.connect_tls(context, "north.test", patient());
        if (!shaken)
            co_return begun.value_or("closed") + ", but: " + shaken.error().text;
        co_await wire.write("b CAPABILITY\r\nc LOGIN alice@north.test posthouse\r\nd STARTTLS\r\n", patient());
        std::string heard;
        for (int i = 0; i < 4; ++i)
            heard += (co_await heard_line(wire)).value_or("closed") + "\n";
        co_return heard;
    }

    std::string folder_;
    std::unique_ptr<net::TlsContext> tls_;
    std::unique_ptr<net::TlsContext> client_;
};

TEST_F(Tls, StartTlsOpensTheWayForPasswords)
{
    ServerOptions options = TestHouse::options_for_tests();
    options.allow_plaintext_login = false;
    TestHouse house(options, tls_.get());
    net::Wire wire = house.connect();
    const std::string heard = house.run(start(wire, *client_));
    EXPECT_TRUE(heard.starts_with("* CAPABILITY IMAP4rev1 ")) << heard;
    EXPECT_EQ(heard.find("LOGINDISABLED"), std::string::npos) << heard;
    EXPECT_NE(heard.find("AUTH=PLAIN"), std::string::npos) << heard;
    EXPECT_EQ(heard.find("AUTH=SCRAM"), std::string::npos) << "clients that take it do not get in: decision 7\n"
                                                           << heard;
    EXPECT_NE(heard.find("\nc OK ["), std::string::npos) << heard;
    EXPECT_NE(heard.find("\nd BAD "), std::string::npos) << heard;
}

// A3: what was sent in the clear behind STARTTLS is never read as commands.
TEST_F(Tls, WhatComesBeforeTheHandshakeClosesTheSession)
{
    TestHouse house(TestHouse::options_for_tests(), tls_.get());
    expect_conversation(house, R"(
        S: * OK [CAPABILITY …STARTTLS…] …
        C: a STARTTLS
        C: b LOGIN alice@north.test posthouse
        S: * BYE …
        X
    )");
}

// F16: whoever waits is told.
TEST(Hostile, GoingDownSaysGoodbye)
{
    TestHouse house;
    auto bound = net::Listener::bind({.name = "imap", .address = "127.0.0.1", .port = 0}, house.loops,
                                     house.connections, house.log);
    ASSERT_TRUE(bound);
    net::Listener& listener = **bound;
    listener.start([&house](net::Wire wire) { return house.server->serve(std::move(wire)); }, house.group);
    const auto talk = [&]() -> Task<std::string> {
        Result<net::Wire> quiet = co_await net::connect("127.0.0.1", listener.port(), patient());
        Result<net::Wire> idle = co_await net::connect("127.0.0.1", listener.port(), patient());
        co_await heard_line(*quiet);
        co_await heard_line(*idle);
        co_await idle->write("a LOGIN alice@north.test posthouse\r\nb IDLE\r\n", patient());
        co_await heard_line(*idle);
        std::string heard = (co_await heard_line(*idle)).value_or("closed") + "\n";
        listener.stop();
        heard += (co_await heard_line(*idle)).value_or("closed") + "\n";
        heard += (co_await heard_line(*idle)).value_or("closed") + "\n";
        heard += (co_await heard_line(*quiet)).value_or("closed") + "\n";
        co_return heard;
    };
    EXPECT_EQ(house.run(talk()),
              "+ idling\n* BYE [UNAVAILABLE] the server is going down\nclosed\n"
              "* BYE [UNAVAILABLE] the server is going down\n");
    house.group.wait();
}

// F5, F6: what cannot be written is refused, and reading goes on.
TEST(Hostile, AFullDisk)
{
    TestHouse house;
    expect_conversation(house, in_inbox(""));
    house.store.set_health(store::Health::read_only);
    expect_conversation(house, as_alice(R"(
        C: a APPEND INBOX {14+}
        C: Subject: y
        C:
        C:
        S: a NO [UNAVAILABLE] …
        C: b CREATE x
        S: b NO [UNAVAILABLE] …
        C: c EXAMINE INBOX
        S: * FLAGS …
        S: * OK …
        S: * 1 EXISTS
        S: * 0 RECENT
        S: * OK …
        S: * OK …
        S: * OK …
        S: * OK …
        S: * OK …
        S: c OK …
        C: d FETCH 1 RFC822
        S: * 1 FETCH (RFC822 {14}
        S: Subject: x
        S:
        S: )
        S: d OK …
        C: e SELECT INBOX
        S: * OK [CLOSED] …
        S: * FLAGS …
        S: * OK …
        S: * 1 EXISTS
        S: * 0 RECENT
        S: * OK …
        S: * OK …
        S: * OK …
        S: * OK …
        S: * OK …
        S: e OK …
        C: f FETCH 1 BODY[]
        S: * 1 FETCH (BODY[] {14}
        S: Subject: x
        S:
        S: )
        S: f OK …
        C: g STORE 1 +FLAGS (\Seen)
        S: g NO [UNAVAILABLE] …
    )"));
    house.store.set_health(store::Health::good);
    expect_conversation(house, as_alice("C: a CREATE x\nS: a OK …\n"));
}

}  // namespace
}  // namespace posthouse::imap

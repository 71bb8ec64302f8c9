// Commands thrown together at random: each gets exactly one tagged answer, in order, and the session lives on.
#include "imap/server/test_script.h"

#include <random>

namespace posthouse::imap {
namespace {

// Words that are right somewhere. None ends a line with "}", and none of LOGOUT, IDLE, STARTTLS, AUTHENTICATE is
// among them: they change who answers what.
constexpr std::string_view words[]{
    "SELECT",
    "EXAMINE",
    "INBOX",
    "CREATE",
    "DELETE",
    "RENAME",
    "SUBSCRIBE",
    "LIST",
    "LSUB",
    "STATUS",
    "\"\"",
    "*",
    "%",
    "(MESSAGES UNSEEN)",
    "CHECK",
    "CLOSE",
    "EXPUNGE",
    "UID",
    "FETCH",
    "STORE",
    "COPY",
    "MOVE",
    "SEARCH",
    "1",
    "1:*",
    "2,4:7",
    "*:1",
    "4294967295",
    "0",
    "FLAGS",
    "+FLAGS",
    "-FLAGS.SILENT",
    "(\\Seen)",
    "\\Deleted",
    "work",
    "()",
    "BODY[]",
    "BODY.PEEK[1.2]<0.3>",
    "ENVELOPE",
    "(UID FLAGS BODYSTRUCTURE)",
    "RFC822",
    "ALL",
    "NOT",
    "OR",
    "SEEN",
    "TEXT",
    "x",
    "\"a b\"",
    "RETURN (COUNT)",
    "(CHANGEDSINCE 2)",
    "MODSEQ",
    "NOOP",
    "CAPABILITY",
    "ID",
    "NIL",
    "ENABLE",
    "CONDSTORE",
    "NAMESPACE",
    "UNSELECT",
    "\"",
    "(",
    ")",
    "&-",
    "&AOk-",
    "Trash",
    "a/b",
    "APPEND",
};

std::string gibberish(std::mt19937& random)
{
    std::string command;
    const std::size_t count = 1 + random() % 6;
    for (std::size_t i = 0; i < count; ++i)
        command += (i == 0 ? "" : " ") + std::string(words[random() % std::size(words)]);
    return command;
}

Task<std::string> throw_at(TestHouse& house, unsigned seed)
{
    std::mt19937 random(seed);
    net::Wire wire = house.connect();
    co_await wire.write("l LOGIN alice@north.test posthouse\r\n", patient());
    co_await heard_line(wire);
    co_await heard_line(wire);
    for (unsigned i = 0; i < 3000; ++i) {
        const std::string tag = "t" + std::to_string(i);
        const std::string command = gibberish(random);
        co_await wire.write(tag + " " + command + "\r\n", patient());
        for (;;) {
            const std::optional<std::string> line = co_await heard_line(wire);
            if (!line)
                co_return "closed after " + command;
            if (line->starts_with("* BYE"))
                co_return *line + " after " + command;
            if (line->starts_with(tag + " "))
                break;
            if (line->starts_with("t") && line->find(' ') < 6)
                co_return "an answer too many: " + *line + " before that to " + command;
        }
    }
    co_return std::string();
}

TEST(Monkey, OneAnswerEach)
{
    ServerOptions options = TestHouse::options_for_tests();
    options.most_bad_commands = 1'000'000;
    for (unsigned seed = 1; seed <= 4; ++seed) {
        TestHouse house(options);
        expect_conversation(house, as_alice("C: a APPEND INBOX {14+}\nC: Subject: x\nC:\nC:\nS: a OK …\n"));
        EXPECT_EQ(house.run(throw_at(house, seed)), "") << "seed " << seed;
        EXPECT_EQ(house.log.text(), "");
    }
}

}  // namespace
}  // namespace posthouse::imap

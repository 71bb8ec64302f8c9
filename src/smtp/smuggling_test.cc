// HOSTILE A1: sequences that some server somewhere takes for the end of data. None may let what
// stands behind it be read as commands.
#include "smtp/test_door.h"
#include "smtp/test_script.h"

#include <fmt/format.h>

namespace posthouse::smtp {
namespace {

// As a script writes them.
constexpr std::array false_ends{
    R"(\n.\n)", R"(\n.\r\n)",   R"(\r\n.\n)",     R"(\r.\r)",       R"(\r.\r\n)",     R"(\r\n.\r)",     R"(\n.\r)",
    R"(\r.\n)", R"(\n\n.\r\n)", R"(\r\n\0.\r\n)", R"(\r\n.\0\r\n)", R"(\r\n.\r\r\n)", R"(\r\r\n.\r\n)",
};

constexpr std::string_view smuggled = R"(MAIL FROM:<evil@x.test>\r\nRCPT TO:<bob@north.test>\r\nDATA\r\nevil\r\n.\r\n)";

struct Smuggling : testing::Test {
    TestHouse house;
    Server server{house.services(house.door), TestHouse::hasty()};

    // No message from the smuggler, and the one there may be holds what was behind the false end.
    void expect_nothing_smuggled(std::string_view end)
    {
        for (const Kept& kept : house.door.intake.kept) {
            EXPECT_NE(kept.envelope.reverse_path.local_part, "evil") << end;
            EXPECT_NE(kept.content.find("MAIL FROM:<evil"), std::string::npos) << end;
        }
        EXPECT_LE(house.door.intake.kept.size(), 1u) << end;
        house.door.intake.kept.clear();
    }
    // CRLF NUL . CRLF and CRLF . NUL CRLF are lines like any other.
    static bool is_clean(std::string_view end) { return end.find("\\0") != std::string_view::npos; }
};

constexpr std::string_view envelope = "S: 220\nC: EHLO x\nC: MAIL FROM:<a@x.test>\nC: RCPT TO:<b@north.test>\n";
constexpr std::string_view envelope_answers =
    "S: 250-\nS: 250-\nS: 250-\nS: 250-\nS: 250-\nS: 250-\nS: 250-\nS: 250-\nS: 250 \nS: 250\nS: 250\n";

TEST_F(Smuggling, DataPipelined)
{
    for (const std::string_view end : false_ends) {
        const std::string verdict = is_clean(end) ? "S: 250 2.0.0\nC: QUIT\nS: 221\nX" : "S: 554 5.6.0\nX";
        expect_conversation(
            server,
            fmt::format("{}C: DATA\nR: hello{}{}\n{}S: 354\n{}", envelope, end, smuggled, envelope_answers, verdict));
        expect_nothing_smuggled(end);
    }
}

TEST_F(Smuggling, DataByTurns)
{
    for (const std::string_view end : false_ends) {
        const std::string verdict = is_clean(end) ? "S: 250 2.0.0\nC: QUIT\nS: 221\nX" : "S: 554 5.6.0\nX";
        expect_conversation(
            server,
            fmt::format("{}C: DATA\n{}S: 354\nR: hello{}{}\n{}", envelope, envelope_answers, end, smuggled, verdict));
        expect_nothing_smuggled(end);
    }
}

TEST_F(Smuggling, Chunks)
{
    for (const std::string_view end : false_ends) {
        const std::size_t size = unescaped(fmt::format("hello{}{}", end, smuggled)).size();
        const std::string verdict = is_clean(end) ? "S: 250 2.0.0\nC: QUIT\nS: 221\nX" : "S: 554 5.6.0\nX";
        expect_conversation(server,
                            fmt::format("{}R: BDAT {} LAST\\r\\nhello{}{}\n{}{}", envelope, size, end, smuggled,
                                        envelope_answers, verdict));
        expect_nothing_smuggled(end);
    }
}

// The false end split over two chunks, and a chunk that ends in the middle of it.
TEST_F(Smuggling, ChunksCutInside)
{
    for (const std::string_view end : false_ends) {
        if (is_clean(end))
            continue;
        const std::string raw = unescaped(end);
        for (std::size_t cut = 1; cut < raw.size(); ++cut) {
            std::string script = fmt::format("{}R: BDAT {}\\r\\nhello", envelope, 5 + cut);
            const auto hex = [](std::string_view bytes) {
                std::string out;
                for (const char c : bytes)
                    out += "\\x" + hex_encode({&c, 1});
                return out;
            };
            script += hex(raw.substr(0, cut)) +
                fmt::format("BDAT {} LAST\\r\\n", raw.size() - cut + unescaped(smuggled).size());
            script += hex(raw.substr(cut)) + std::string(smuggled) + "\n" + std::string(envelope_answers);
            // Whether the first chunk is fine by itself depends on the cut; the session ends either way.
            Loops loops(1);
            TaskGroup group([](std::string_view, std::string_view) { });
            const std::string one = net::run(loops[0], converse(server, group, turns_of(script + "S: 554 5.6.0\nX")));
            const std::string two =
                net::run(loops[0], converse(server, group, turns_of(script + "S: 250 2.0.0\nS: 554 5.6.0\nX")));
            group.wait();
            EXPECT_TRUE(one.empty() != two.empty()) << end << " cut at " << cut << ": " << one << " / " << two;
            EXPECT_TRUE(house.door.intake.kept.empty());
        }
    }
}

}  // namespace
}  // namespace posthouse::smtp

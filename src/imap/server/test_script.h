// For tests: conversations as people write them down, held with real sessions over socket pairs.
//
//     C: a NOOP            the client says this line; lines in a row go in one write
//     R: half a li         raw bytes, with \r \n \0 \\ and \xNN
//     S: a OK …            the server's next line is this; … stands for any text
//     X                    the server closes, having said nothing more
//     W                    what was said so far is sent now
//     C2: S2: R2: X2 W2    the same with the second connection, and so on to 9
//     # a remark
#pragma once

#include "base/text.h"
#include "imap/server/test_house.h"

#include <array>
#include <optional>

namespace posthouse::imap {

inline std::string unescaped(std::string_view text)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\' || i + 1 == text.size()) {
            out += text[i];
            continue;
        }
        const char c = text[++i];
        if (c == 'x' && i + 2 < text.size()) {
            out += hex_decode(text.substr(i + 1, 2)).value_or("?");
            i += 2;
        } else {
            out += c == 'r' ? '\r' : c == 'n' ? '\n' : c == '0' ? '\0' : c;
        }
    }
    return out;
}

// Does `line` fit a pattern in which … stands for any text?
inline bool fits(std::string_view line, std::string_view pattern)
{
    constexpr std::string_view any = "…";
    std::size_t at = pattern.find(any);
    if (at == std::string_view::npos)
        return line == pattern;
    if (!line.starts_with(pattern.substr(0, at)))
        return false;
    line.remove_prefix(at);
    pattern.remove_prefix(at + any.size());
    while ((at = pattern.find(any)) != std::string_view::npos) {
        const std::size_t found = line.find(pattern.substr(0, at));
        if (found == std::string_view::npos)
            return false;
        line.remove_prefix(found + at);
        pattern.remove_prefix(at + any.size());
    }
    return line.ends_with(pattern);
}

struct Turn {
    char who = 'C';
    std::size_t connection = 0;
    std::string text;
    std::string written;  // as it stands in the script
};

inline std::vector<Turn> turns_of(std::string_view script)
{
    std::vector<Turn> turns;
    for (std::string_view line : split(script, '\n')) {
        while (line.starts_with(' '))
            line.remove_prefix(1);
        if (line.empty() || line.starts_with('#'))
            continue;
        Turn turn{line[0], 0, {}, std::string(line)};
        line.remove_prefix(1);
        if (!line.empty() && is_digit(line[0])) {
            turn.connection = static_cast<std::size_t>(line[0] - '1');
            line.remove_prefix(1);
        }
        turn.text = line.size() > 2 ? line.substr(2) : "";
        if (turn.who == 'C')
            turn.text += "\r\n";
        if (turn.who == 'R')
            turn.text = unescaped(turn.text);
        turns.push_back(std::move(turn));
    }
    return turns;
}

inline Deadline patient() { return {std::chrono::steady_clock::now() + 60s}; }

struct TestClient {
    std::optional<net::Wire> wire;
    std::string unsent;
};

// One line without its CRLF; nullopt: the connection ended.
inline Task<std::optional<std::string>> heard_line(net::Wire& wire)
{
    for (;;) {
        const std::size_t end = wire.input().find("\r\n");
        if (end != std::string_view::npos) {
            std::string line(wire.input().substr(0, end));
            wire.consume(end + 2);
            co_return line;
        }
        const Result<void> filled = co_await wire.fill(patient(), 64 * 1024 * 1024);
        if (!filled)
            co_return std::nullopt;
    }
}

// Answers what went wrong; empty: everything went as written.
inline Task<std::string> play(TestHouse& house, std::vector<Turn> turns)
{
    std::array<TestClient, 9> clients;
    std::string talk;
    for (const Turn& turn : turns) {
        TestClient& client = clients[turn.connection];
        if (!client.wire)
            client.wire.emplace(house.connect());
        if (turn.who == 'C' || turn.who == 'R') {
            client.unsent += turn.text;
            continue;
        }
        if (!client.unsent.empty()) {
            const Result<void> sent = co_await client.wire->write(std::exchange(client.unsent, {}), patient());
            if (!sent && turn.who != 'X')
                co_return "cannot send before '" + turn.written + "'\n" + talk;
        }
        if (turn.who == 'W')
            continue;
        const std::optional<std::string> line = co_await heard_line(*client.wire);
        talk += std::to_string(turn.connection + 1) + "  " + line.value_or("(closed)") + "\n";
        if (turn.who == 'X' ? line.has_value() : (!line || !fits(*line, turn.text)))
            co_return "expected '" + turn.written + "', but:\n" + talk;
    }
    co_return std::string();
}

inline void expect_conversation(TestHouse& house, std::string_view script)
{
    const std::string fault = house.run(play(house, turns_of(script)));
    if (!fault.empty())
        ADD_FAILURE() << fault;
}

inline void expect_conversation(std::string_view script)
{
    TestHouse house;
    expect_conversation(house, script);
    EXPECT_EQ(house.log.text(), "");
}

// The script with the usual beginning before it: a login of alice on the first connection.
inline std::string as_alice(std::string_view script)
{
    return "S: * OK [CAPABILITY …] north.test Posthouse IMAP is ready\nC: l LOGIN alice@north.test posthouse\n"
           "S: l OK [CAPABILITY …] welcome\n" +
        std::string(script);
}
inline std::string both_as_alice(std::string_view script)
{
    return as_alice("S2: * OK …\nC2: l LOGIN alice@north.test posthouse\nS2: l OK …\n" + std::string(script));
}

}  // namespace posthouse::imap

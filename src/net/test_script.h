// For tests: conversations as people write them down, held over real connections.
//
//     C: a NOOP            the client says this line; lines in a row go in one write
//     R: half a li         raw bytes, with \r \n \0 \t \\ and \xNN
//     B: 310               so many bytes of anything
//     S: a OK …            the server's next line is this; … stands for any text
//     L                    the literal that the server's last line announced goes by, whatever is in it
//     D                    lines go by up to one of a dot alone
//     M: 250 …             SMTP: the lines of one reply go by, "250-…", up to the last, which is this
//     X                    the server closes, having said nothing more
//     W                    what was said so far is sent now
//     C2: S2: R2: X2 W2 …  the same with the second connection, and so on to 9
//     # a remark
//
// $user and $password stand for the player's, $plain for both as AUTH PLAIN says them. Recordings are written so too
// (journey/conversation.h).
#pragma once

#include "base/text.h"
#include "net/wire.h"

#include <array>
#include <optional>

namespace posthouse::net {

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
            out += c == 'r' ? '\r' : c == 'n' ? '\n' : c == '0' ? '\0' : c == 't' ? '\t' : c;
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

struct Player {
    std::string user;
    std::string password;
};

inline std::string filled_in(std::string text, const Player& player)
{
    const std::string plain =
        base64_encode(std::string(1, '\0') + player.user + std::string(1, '\0') + player.password);
    for (const auto& [name, value] :
         {std::pair{"$user", player.user}, std::pair{"$password", player.password}, std::pair{"$plain", plain}})
        if (const std::size_t at = text.find(name); at != std::string::npos)
            text.replace(at, std::string_view(name).size(), value);
    return text;
}

struct Turn {
    char who = 'C';
    std::size_t connection = 0;
    std::string text;
    std::string written;  // as it stands in the script
};

inline std::vector<Turn> turns_of(std::string_view script, const Player& player = {})
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
            turn.text = filled_in(turn.text, player) + "\r\n";
        if (turn.who == 'R')
            turn.text = unescaped(turn.text);
        if (turn.who == 'B')
            turn.text = std::string(parse_number<std::size_t>(turn.text).value_or(0), 'x');
        turns.push_back(std::move(turn));
    }
    return turns;
}

// Long enough that only a hang reaches it.
inline Deadline patient() { return {std::chrono::steady_clock::now() + std::chrono::seconds(60)}; }

struct TestClient {
    std::optional<Wire> wire;
    std::string unsent;
    std::string last;  // the server's last line
};

// One line without its CRLF; nullopt: the connection ended.
inline Task<std::optional<std::string>> heard_line(Wire& wire)
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

// What `line` announces as "{310}" goes by.
inline Task<bool> pass_literal(Wire& wire, std::string line)
{
    const std::size_t open = line.rfind('{');
    auto left = open == std::string::npos
        ? std::nullopt
        : parse_number<std::size_t>(std::string_view(line).substr(open + 1, line.size() - open - 2));
    while (left && *left > 0) {
        const std::size_t some = std::min(*left, wire.input().size());
        wire.consume(some);
        *left -= some;
        if (*left == 0)
            break;
        const Result<void> filled = co_await wire.fill(patient(), 64 * 1024 * 1024);
        if (!filled)
            co_return false;
    }
    co_return left.has_value();
}

// `house.connect()` gives a connection. Answers what went wrong; empty: everything went as written.
template <class House> Task<std::string> play(House& house, std::vector<Turn> turns)
{
    std::array<TestClient, 9> clients;
    std::string talk;
    for (const Turn& turn : turns) {
        TestClient& client = clients[turn.connection];
        if (!client.wire)
            client.wire.emplace(house.connect());
        if (turn.who == 'C' || turn.who == 'R' || turn.who == 'B') {
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
        if (turn.who == 'L') {
            const bool passed = co_await pass_literal(*client.wire, client.last);
            if (!passed)
                co_return "no literal behind '" + client.last + "'\n" + talk;
            continue;
        }
        std::optional<std::string> line = co_await heard_line(*client.wire);
        while (line && ((turn.who == 'D' && *line != ".") || (turn.who == 'M' && line->substr(0, 4).ends_with('-'))))
            line = co_await heard_line(*client.wire);
        talk += std::to_string(turn.connection + 1) + "  " + line.value_or("(closed)") + "\n";
        const bool is_right = turn.who == 'X' ? !line : line && (turn.who == 'D' || fits(*line, turn.text));
        if (!is_right)
            co_return "expected '" + turn.written + "', but:\n" + talk;
        client.last = line.value_or("");
    }
    for (TestClient& client : clients)
        if (client.wire && !client.unsent.empty())
            co_await client.wire->write(std::exchange(client.unsent, {}), patient());
    co_return std::string();
}

}  // namespace posthouse::net

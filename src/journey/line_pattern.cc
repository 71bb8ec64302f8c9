#include "journey/line_pattern.h"

#include "base/text.h"

#include <algorithm>
#include <array>

namespace posthouse::journey {

namespace {

constexpr std::string_view any = "…";

// How far a list, a quoted string or a word goes that begins at `at`.
std::size_t end_of_value(std::string_view line, std::size_t at)
{
    std::size_t depth = 0;
    bool is_quoted = false;
    for (std::size_t i = at; i < line.size(); ++i) {
        const char c = line[i];
        if (is_quoted && c == '\\')
            ++i;
        else if (c == '"')
            is_quoted = !is_quoted;
        else if (is_quoted)
            continue;
        else if (c == '(')
            ++depth;
        else if (c == ')' && depth > 0)
            --depth;
        else if (depth == 0 && (c == ' ' || c == ')' || c == ']'))
            return i;
        if (depth == 0 && (line[i] == ')' || (line[i] == '"' && !is_quoted)))
            return i + 1;
    }
    return line.size();
}

// What stands behind these words is another time something else.
constexpr std::array<std::string_view, 13> open_words{
    "UIDVALIDITY", "HIGHESTMODSEQ", "MODSEQ",   "MAILBOXID", "EMAILID",       "THREADID", "APPENDUID",
    "COPYUID",     "INTERNALDATE",  "SAVEDATE", "ENVELOPE",  "BODYSTRUCTURE", "BODY"};

std::string with_open_values(std::string_view line)
{
    std::string out;
    for (std::size_t at = 0; at < line.size();) {
        const bool begins = at == 0 || line[at - 1] == ' ' || line[at - 1] == '(' || line[at - 1] == '[';
        const auto word = std::ranges::find_if(open_words, [&](std::string_view one) {
            return begins && line.substr(at).starts_with(one) && line.substr(at + one.size()).starts_with(' ');
        });
        if (word == open_words.end()) {
            out += line[at++];
            continue;
        }
        const std::size_t value = at + word->size() + 1;
        const std::size_t end = end_of_value(line, value);
        const std::string_view text = line.substr(value, end - value);
        out += line.substr(at, word->size() + 1);
        out += text == "NIL" ? text : text.starts_with('(') ? std::string_view("(…)") : any;
        at = end;
    }
    return out;
}

// "OK [CODE] text": the text for people is nobody's business, nor what CAPABILITY lists.
std::string status_pattern(std::string_view head, std::string_view rest)
{
    std::string out(head);
    if (rest.starts_with("[CAPABILITY "))
        return out + "[CAPABILITY …] …";
    if (rest.starts_with('[')) {
        std::size_t end = rest.find("] ");
        end = end == std::string_view::npos ? rest.size() : end + 1;
        out += with_open_values(rest.substr(0, end)) + (end < rest.size() ? " …" : "");
        return out;
    }
    return out + std::string(any);
}

}  // namespace

std::string imap_pattern(std::string_view line)
{
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos)
        return std::string(line);
    const std::string_view rest = line.substr(space + 1);
    for (const std::string_view word : {"OK ", "NO ", "BAD ", "BYE ", "PREAUTH "})
        if (rest.starts_with(word))
            return status_pattern(line.substr(0, space + 1 + word.size()), rest.substr(word.size()));
    for (const std::string_view word : {"* CAPABILITY ", "* ID ", "+ "})
        if (line.starts_with(word))
            return std::string(word) + std::string(any);
    return with_open_values(line);
}

std::string pop3_pattern(std::string_view line)
{
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos)
        return std::string(line);
    const std::string_view rest = line.substr(space + 1);
    const bool is_numbers = std::ranges::all_of(rest, [](char c) { return is_digit(c) || c == ' '; });
    if (is_numbers)
        return std::string(line);
    std::string out(line.substr(0, space + 1));
    const std::size_t end = rest.find("] ");
    if (rest.starts_with('[') && end != std::string_view::npos)
        out += std::string(rest.substr(0, end + 2));
    return out + std::string(any);
}

std::string smtp_pattern(std::string_view line)
{
    std::size_t end = line.find(' ');
    if (end == std::string_view::npos)
        return std::string(line);
    const std::size_t second = line.find(' ', end + 1);
    const std::string_view word = line.substr(end + 1, second == std::string_view::npos ? second : second - end - 1);
    const bool is_code =
        word.size() >= 5 && word[1] == '.' && std::ranges::all_of(word, [](char c) { return is_digit(c) || c == '.'; });
    if (is_code && second == std::string_view::npos)
        return std::string(line);
    end = is_code ? second : end;
    return std::string(line.substr(0, end + 1)) + std::string(any);
}

std::vector<std::string> split_at_literals(std::string_view line)
{
    std::vector<std::string> parts;
    std::string part;
    bool is_quoted = false;
    for (std::size_t i = 0; i < line.size(); ++i) {
        const char c = line[i];
        part += c;
        if (is_quoted && c == '\\' && i + 1 < line.size()) {
            part += line[++i];
            continue;
        }
        if (c == '"')
            is_quoted = !is_quoted;
        if (is_quoted || c != '}')
            continue;
        const std::size_t open = part.rfind('{');
        const bool is_literal = open != std::string::npos && open + 2 < part.size() &&
            std::ranges::all_of(std::string_view(part).substr(open + 1, part.size() - open - 2), is_digit);
        if (!is_literal)
            continue;
        part.replace(open + 1, part.size() - open - 2, any);
        parts.push_back(std::exchange(part, {}));
    }
    parts.push_back(std::move(part));
    return parts;
}

}  // namespace posthouse::journey

#include "imap/server/transcript.h"

#include "base/cursor.h"
#include "imap/grammar/lexemes.h"

#include <algorithm>

namespace posthouse::imap {

namespace {

constexpr std::size_t longest_line = 500;

// The size in "{n}" or "{n+}" at a line's end; 0 for none.
std::uint64_t announced(std::string_view line)
{
    const std::size_t open = line.rfind('{');
    if (open == std::string_view::npos || !line.ends_with('}'))
        return 0;
    line = line.substr(open + 1, line.size() - open - 2);
    if (line.ends_with('+'))
        line.remove_suffix(1);
    return parse_number<std::uint64_t>(line).value_or(0);
}

std::string without_literals(std::string_view text)
{
    std::string out;
    for (;;) {
        const std::size_t end = text.find("\r\n");
        out += text.substr(0, end);
        if (end == std::string_view::npos)
            return out;
        const std::uint64_t size = announced(text.substr(0, end));
        text.remove_prefix(end + 2);
        text.remove_prefix(std::min<std::uint64_t>(size, text.size()));
    }
}

// Of a FETCH response only its frame is told: quoted strings are a message's own words.
std::string without_quoted(std::string_view line)
{
    std::string out;
    bool inside = false;
    for (std::size_t i = 0; i < line.size(); ++i) {
        if (inside && line[i] == '\\')
            ++i;
        else if (line[i] == '"')
            inside = !inside, out += '"';
        else if (!inside)
            out += line[i];
    }
    return out;
}

}  // namespace

void Transcript::command(std::string_view text)
{
    if (!recorder_.wanted())
        return;
    Cursor in(text);
    const auto found_tag = tag(in);
    if (!found_tag || !in.take(' ')) {
        client_line("[unreadable line]");  // it may be a password that went astray
        return;
    }
    const std::string head = std::string(*found_tag) + ' ';
    if (take_word(in, "LOGIN")) {
        client_line(head + "LOGIN [user and password]");
    } else if (take_word(in, "AUTHENTICATE")) {
        in.take(' ');
        const std::string_view mechanism = in.take_while(is_atom_char);
        client_line(head + "AUTHENTICATE " + std::string(mechanism) + (in.at_end() ? "" : " [initial response]"));
    } else {
        client_line(without_literals(text));
    }
}

void Transcript::client_line(std::string_view text)
{
    if (recorder_.wanted())
        recorder_.line({.session = session_, .message = 0, .speaker = Speaker::client, .text = text});
}

void Transcript::server(std::string_view bytes)
{
    if (!recorder_.wanted())
        return;
    while (!bytes.empty()) {
        const auto skipped = static_cast<std::size_t>(std::min<std::uint64_t>(skip_, bytes.size()));
        skip_ -= skipped;
        bytes.remove_prefix(skipped);
        const std::size_t end = bytes.find('\n');
        const bool has_room = line_.size() < longest_line;
        const std::string_view part = bytes.substr(0, end == std::string_view::npos ? end : end + 1);
        // The end of a line is kept even where its middle is cut: a literal may be announced there.
        if (has_room)
            line_ += part;
        else
            line_ = line_.substr(0, longest_line) +
                std::string(part.substr(part.size() - std::min<std::size_t>(part.size(), 32)));
        bytes.remove_prefix(part.size());
        if (line_.ends_with("\r\n"))
            end_of_line();
    }
}

void Transcript::end_of_line()
{
    line_.resize(line_.size() - 2);
    skip_ = announced(line_);
    if (skip_ > 0)
        return;
    const bool is_fetch = line_.starts_with("* ") && line_.find(" FETCH (") < 20;
    const std::string shown = is_fetch ? without_quoted(line_) : std::exchange(line_, {});
    recorder_.line({.session = session_, .message = 0, .speaker = Speaker::server, .text = shown});
    line_.clear();
    line_.shrink_to_fit();
}

void Transcript::step(std::string_view step, std::string_view result, std::string_view reason)
{
    if (recorder_.wanted())
        recorder_.step({.session = session_,
                        .message = 0,
                        .room = "imap/server",
                        .step = step,
                        .result = result,
                        .reason = reason});
}

}  // namespace posthouse::imap

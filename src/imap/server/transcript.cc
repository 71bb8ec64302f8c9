#include "imap/server/transcript.h"

#include "base/cursor.h"
#include "imap/grammar/command.h"
#include "imap/grammar/lexemes.h"

#include <algorithm>

namespace posthouse::imap {

namespace {

constexpr std::size_t longest_line = 500;
constexpr std::size_t longest_with_literals = 2000;  // each literal's size is told though its line is cut
constexpr std::size_t longest_announcement = 24;  // "{18446744073709551615+}"
constexpr std::string_view left_out = "…";

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

// "* 3 FETCH (", "* 4711 UIDFETCH (", "* METADATA INBOX (".
bool hides_quoted(std::string_view line)
{
    if (!line.starts_with("* "))
        return false;
    line.remove_prefix(2);
    if (line.starts_with("METADATA "))
        return true;
    const std::size_t digits = std::min(line.find_first_not_of("0123456789"), line.size());
    line.remove_prefix(digits);
    return digits > 0 && (line.starts_with(" FETCH (") || line.starts_with(" UIDFETCH ("));
}

}  // namespace

void Transcript::opened(std::string_view peer, std::string_view local)
{
    if (recorder_.wanted())
        recorder_.hop({.session = session_, .way = HopWay::in, .room = "imap/server", .peer = peer, .local = local});
}

void Transcript::closed() { step("closed", {}, {}); }

void Transcript::begin_of_command(std::string_view text)
{
    if (!recorder_.wanted())
        return;
    tell_command(text);
    told_ = text.size();
}

void Transcript::command(std::string_view text)
{
    if (recorder_.wanted())
        tell_command(text);
    told_ = 0;
    is_secret_ = false;
}

void Transcript::tell_command(std::string_view text)
{
    if (told_ > 0) {
        // Behind what has been told come a CRLF and the literal.
        const std::uint64_t known = 2 + announced(text.substr(0, std::min(told_, text.size())));
        const std::size_t rest = told_ + static_cast<std::size_t>(std::min<std::uint64_t>(known, text.size()));
        if (!is_secret_)
            client_line(text.substr(std::min(rest, text.size())));
        return;
    }
    Cursor in(text);
    const auto found_tag = tag(in);
    if (!found_tag || !in.take(' ')) {
        is_secret_ = true;
        client_line("[unreadable line]");  // it may be a password that went astray
        return;
    }
    const std::string head = std::string(*found_tag) + ' ';
    Cursor arguments = in;
    arguments.take("UID ");
    if (take_word(in, "LOGIN")) {
        is_secret_ = true;
        client_line(head + "LOGIN [user and password]");
    } else if (take_word(in, "AUTHENTICATE")) {
        is_secret_ = true;
        in.take(' ');
        const std::string_view mechanism = in.take_while(is_atom_char);
        client_line(head + "AUTHENTICATE " + std::string(mechanism) + (in.at_end() ? "" : " [initial response]"));
    } else if (!is_verb(arguments.take_while(is_atom_char))) {
        is_secret_ = true;  // "LOGIN alice secret": the tag is missing
        hidden_tag_ = *found_tag;
        client_line("[unreadable line]");
    } else {
        client_line(without_literals(text));
    }
}

void Transcript::client_line(std::string_view text)
{
    if (recorder_.wanted())
        recorder_.line({.session = session_, .message = 0, .speaker = Speaker::client, .text = text});
}

void Transcript::rest_of_append(std::string_view text)
{
    if (recorder_.wanted())
        client_line(without_literals(text));
}

void Transcript::server(std::string_view bytes)
{
    if (!recorder_.wanted())
        return;
    while (!bytes.empty()) {
        const auto skipped = static_cast<std::size_t>(std::min<std::uint64_t>(skip_, bytes.size()));
        skip_ -= skipped;
        bytes.remove_prefix(skipped);
        while (!bytes.empty() && skip_ == 0) {
            take(bytes.front());
            bytes.remove_prefix(1);
        }
    }
}

void Transcript::take(char c)
{
    if (c == '\n' && tail_.ends_with('\r'))
        return end_of_line();
    if (tail_.size() > longest_announcement)
        tail_.erase(0, 1);
    tail_ += c;
    if (is_quoted_) {
        const bool ends = c == '"' && !is_escaped_;
        is_escaped_ = c == '\\' && !is_escaped_;
        is_quoted_ = !ends;
        if (!is_hidden_ || ends)
            show(c);
        return;
    }
    if (c == '"') {
        is_quoted_ = true;
        is_hidden_ = hides_quoted(shown_);
    }
    if (c != '\r')
        show(c);
    if (is_quoted_ && is_hidden_)
        for (const char dot : left_out)
            show(dot);
}

void Transcript::show(char c)
{
    if (shown_.size() < longest_line)
        shown_ += c;
    else if (!std::exchange(is_cut_, true) && shown_.size() < longest_with_literals)
        shown_ += left_out;
}

void Transcript::end_of_line()
{
    tail_.pop_back();
    skip_ = is_quoted_ ? 0 : announced(tail_);
    tail_.clear();
    if (skip_ > 0) {
        if (is_cut_ && shown_.size() < longest_with_literals)
            shown_ += '{' + std::to_string(skip_) + '}';
        is_cut_ = false;
        return;
    }
    if (!hidden_tag_.empty() && shown_.starts_with(hidden_tag_ + " BAD ")) {
        shown_ = "* BAD …";
        hidden_tag_.clear();
    }
    recorder_.line({.session = session_, .message = 0, .speaker = Speaker::server, .text = shown_});
    shown_.clear();
    shown_.shrink_to_fit();
    is_quoted_ = is_escaped_ = is_hidden_ = is_cut_ = false;
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

#include "smtp/body_framer.h"

#include <algorithm>
#include <cstring>

namespace posthouse::smtp {

namespace {

// From `at`, the end of the run that holds whole lines and no fault: just behind the next LF that
// has its CR, or the input's end, or the first bare CR or LF.
struct Run {
    std::size_t end;
    BodyEvent event = BodyEvent::need_more;
    bool at_line_start = false;  // `end` stands behind CRLF
    bool after_cr = false;  // the last byte is a CR, the input ends there
};

const char* find(const char* from, char c, std::size_t count)
{
    return static_cast<const char*>(std::memchr(from, c, count));
}

Run run_to_line_end(std::string_view input, std::size_t at)
{
    const char* const begin = input.data() + at;
    const std::size_t left = input.size() - at;
    const char* const lf = find(begin, '\n', left);
    const std::size_t until = lf ? static_cast<std::size_t>(lf - begin) : left;
    const char* const cr = find(begin, '\r', until);
    if (!cr)
        return lf ? Run{at + until, BodyEvent::bare_lf} : Run{input.size()};
    const auto cr_at = static_cast<std::size_t>(cr - begin);
    if (cr_at + 1 == left)
        return {input.size(), BodyEvent::need_more, false, true};
    if (cr_at + 1 != until || !lf)
        return {at + cr_at, BodyEvent::bare_cr};
    return {at + until + 1, BodyEvent::need_more, true};
}

// Where the next CR or LF stands, or the end. By windows: a body of CRs alone stays linear.
std::size_t next_cr_or_lf(std::string_view text, std::size_t at)
{
    constexpr std::size_t window = 512;
    for (; at < text.size(); at += window) {
        const std::size_t count = std::min(window, text.size() - at);
        const char* const lf = find(text.data() + at, '\n', count);
        const std::size_t until = lf ? static_cast<std::size_t>(lf - text.data()) - at : count;
        if (const char* const cr = find(text.data() + at, '\r', until))
            return static_cast<std::size_t>(cr - text.data());
        if (lf)
            return at + until;
    }
    return text.size();
}

}  // namespace

BodyEvent LineEnds::check(std::string_view piece)
{
    std::size_t at = 0;
    if (after_cr_ && !piece.empty()) {
        if (piece[0] != '\n')
            return BodyEvent::bare_cr;
        after_cr_ = false;
        at = 1;
    }
    while (at < piece.size()) {
        const Run run = run_to_line_end(piece, at);
        if (run.event != BodyEvent::need_more)
            return run.event;
        after_cr_ = run.after_cr;
        at = run.end;
    }
    return BodyEvent::need_more;
}

// Where the last byte left us, and what the next one means:
//
//   line_start    `.` is not kept → after_dot; anything else is text
//   text          CR → after_cr; LF is bare
//   after_cr      LF → line_start; anything else: the CR was bare
//   after_dot     CR is not kept → after_dot_cr; anything else: the dot was stuffing, go on as text
//   after_dot_cr  LF → the end; anything else: the CR was bare
//
// Bytes that are kept are appended as one run up to the next dot that is not.
DataFramer::Frame DataFramer::next(std::string_view input, std::string& out)
{
    std::size_t at = 0;
    std::size_t kept_from = 0;  // input[kept_from, at) is kept and not appended yet
    const auto keep = [&](std::size_t until) { out.append(input.substr(kept_from, until - kept_from)); };
    while (at < input.size()) {
        switch (where_) {
        case Where::line_start:
            if (input[at] == '.') {
                keep(at);
                kept_from = ++at;
                where_ = Where::after_dot;
                break;
            }
            [[fallthrough]];
        case Where::text: {
            const Run run = run_to_line_end(input, at);
            if (run.event != BodyEvent::need_more)
                return fault(run.event, run.end);
            where_ = run.at_line_start ? Where::line_start : run.after_cr ? Where::after_cr : Where::text;
            at = run.end;
            break;
        }
        case Where::after_cr:
            if (input[at] != '\n')
                return fault(BodyEvent::bare_cr, at);
            ++at;
            where_ = Where::line_start;
            break;
        case Where::after_dot:
            if (input[at] == '\r') {
                kept_from = ++at;
                where_ = Where::after_dot_cr;
            } else {
                where_ = Where::text;
            }
            break;
        case Where::after_dot_cr:
            if (input[at] != '\n')
                return fault(BodyEvent::bare_cr, at);
            return {BodyEvent::end, at + 1};
        }
    }
    keep(at);
    return {BodyEvent::need_more, at};
}

void DotStuffer::stuff(std::string_view piece, std::string& out)
{
    std::size_t at = 0;
    while (at < piece.size()) {
        if (where_ == Where::after_cr) {
            out += "\r\n";
            where_ = Where::line_start;
            if (piece[at] == '\n')
                ++at;
            continue;
        }
        if (where_ == Where::line_start && piece[at] == '.' && use_ == For::data)
            out += '.';
        const std::size_t end = next_cr_or_lf(piece, at);
        out.append(piece.substr(at, end - at));
        at = end;
        where_ = Where::text;
        if (at == piece.size())
            return;
        if (piece[at] == '\n') {
            out += "\r\n";
            where_ = Where::line_start;
        } else {
            where_ = Where::after_cr;  // its CRLF is written when we know what follows
        }
        ++at;
    }
}

std::string_view DotStuffer::end() const
{
    const std::string_view whole = use_ == For::data ? "\r\n.\r\n" : "\r\n";
    return where_ == Where::line_start ? whole.substr(2) : whole;
}

}  // namespace posthouse::smtp

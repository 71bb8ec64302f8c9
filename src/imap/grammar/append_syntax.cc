#include "imap/grammar/append_syntax.h"

#include "imap/grammar/command_arguments.h"
#include "imap/grammar/date.h"
#include "imap/grammar/lexemes.h"

#include <algorithm>

namespace posthouse::imap {

using Kind = AppendStep::Kind;

// append-message = [SP flag-list] [SP date-time] SP append-data, its first SP taken already
// append-data = literal / literal8 / "UTF8" SP "(" literal8 ")" / "CATENATE" SP "(" cat-part *(SP cat-part) ")"
bool AppendSyntax::read_message_head(Cursor& in, bool literal_follows, Steps& steps)
{
    AppendStep head{.kind = Kind::begin};
    if (in.peek() == '(') {
        auto flags = flag_list(in);
        if (!flags || !in.take(' '))
            return false;
        head.flags = std::move(*flags);
    }
    if (in.peek() == '"') {
        head.date = date_time(in);
        if (!head.date || !in.take(' '))
            return false;
    }
    steps.push_back(std::move(head));
    if (in.take("CATENATE (")) {
        state_ = State::part;
        return true;
    }
    const bool is_utf8 = in.take("UTF8 (");
    if (!in.at_end() || !literal_follows)
        return false;
    steps.push_back({.kind = Kind::literal});
    state_ = State::in_utf8;
    if (!is_utf8) {
        steps.push_back({.kind = Kind::end});
        state_ = State::after_message;
    }
    return true;
}

// cat-part = "TEXT" SP literal / "URL" SP astring / "UTF8" SP "(" literal8 ")"
bool AppendSyntax::read_part(Cursor& in, bool literal_follows, Steps& steps)
{
    if (++parts_ > most_parts)
        return false;
    if (in.take("URL ")) {
        state_ = State::next_part;
        auto url = astring(in);
        if (!url)
            return false;
        steps.push_back({.kind = Kind::url, .url = std::move(*url)});
        return true;
    }
    const bool is_utf8 = in.take("UTF8 (");
    if ((!is_utf8 && !in.take("TEXT ")) || !in.at_end() || !literal_follows)
        return false;
    state_ = is_utf8 ? State::in_utf8_part : State::next_part;
    steps.push_back({.kind = Kind::literal});
    return true;
}

bool AppendSyntax::read_behind_part(Cursor& in, Steps& steps)
{
    if (in.take(' ')) {
        state_ = State::part;
        return true;
    }
    if (!in.take(')'))
        return false;
    steps.push_back({.kind = Kind::end});
    state_ = State::after_message;
    return true;
}

std::expected<std::vector<AppendStep>, std::string> AppendSyntax::read(std::string_view text, bool literal_follows)
{
    Cursor in(text);
    Steps steps;
    const auto has_literal = [&] {
        return std::ranges::any_of(steps, [](const AppendStep& step) { return step.kind == Kind::literal; });
    };
    while (!has_literal() && (!in.at_end() || literal_follows)) {
        bool fits = false;
        switch (state_) {
        case State::before_message:
        case State::after_message: fits = in.take(' ') && read_message_head(in, literal_follows, steps); break;
        case State::in_utf8:
            fits = in.take(')');
            steps.push_back({.kind = Kind::end});
            state_ = State::after_message;
            break;
        case State::in_utf8_part:
            fits = in.take(')');
            state_ = State::next_part;
            break;
        case State::part: fits = read_part(in, literal_follows, steps); break;
        case State::next_part: fits = read_behind_part(in, steps); break;
        }
        if (!fits)
            return std::unexpected("flags, a date like \"17-Jul-1996 02:44:25 -0700\", or the message do not fit");
    }
    if (!literal_follows && !is_complete())
        return std::unexpected("the message comes as a literal");
    return steps;
}

bool announces_url(std::string_view text_before_literal)
{
    return text_before_literal.size() >= 4 &&
        equals_ignoring_case(text_before_literal.substr(text_before_literal.size() - 4), "URL ");
}

}  // namespace posthouse::imap

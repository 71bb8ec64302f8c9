// What stands around the messages of an APPEND or REPLACE: flags, dates, CATENATE's parts.
//
// RFC 3501 section 6.3.11, RFC 3502 (MULTIAPPEND), 4469 (CATENATE), 6855 section 4 (UTF8), 8508 (REPLACE). The
// messages' own bytes never come here: the text is read in stretches, each ending where a message literal begins or
// the command ends.
#pragma once

#include "base/cursor.h"
#include "base/time.h"

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace posthouse::imap {

// What to do next, in order.
struct AppendStep {
    enum class Kind : std::uint8_t {
        begin,  // a message with `flags` and `date`
        literal,  // the bytes that are announced here; always the last step of its stretch
        url,  // the bytes that `url` names
        end,  // the message is whole
    };
    Kind kind = Kind::begin;
    std::vector<std::string> flags;
    std::optional<WallTime> date;
    std::string url;
};

class AppendSyntax {
public:
    // RFC 4469 section 3: in a message made of several parts, each may be empty.
    static constexpr std::size_t most_parts = 1000;

    // `text` without the announcement of the literal that follows. The error is a reason for people.
    std::expected<std::vector<AppendStep>, std::string> read(std::string_view text, bool literal_follows);
    bool is_complete() const { return state_ == State::after_message; }

private:
    enum class State : std::uint8_t { before_message, in_utf8, part, in_utf8_part, next_part, after_message };
    using Steps = std::vector<AppendStep>;

    bool read_message_head(Cursor& in, bool literal_follows, Steps& steps);
    bool read_part(Cursor& in, bool literal_follows, Steps& steps);
    bool read_behind_part(Cursor& in, Steps& steps);

    State state_ = State::before_message;
    std::size_t parts_ = 0;
};

// A literal announced behind this text is the URL of a CATENATE, and so a part of the command.
bool announces_url(std::string_view text_before_literal);

}  // namespace posthouse::imap

// Header fields: finding them without copying, and reading what stands in them.
//
// Lines end with LF or CRLF (stored messages may hold either); a bare CR is an ordinary character.
// Nothing here fails on garbage: a line that is no field is stepped over and counted.
// Pure; linear; threads: any. A Field's views live as long as the text given to the reader.
#pragma once

#include "base/result.h"
#include "base/time.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace posthouse::message {

// RFC 5322 section 2.2. Whole field: text.substr(begin, end - begin), with its last line end.
struct Field {
    std::string_view name;  // as written, without blanks before the colon
    std::string_view value;  // behind the colon, folds kept, without the last line end
    std::size_t begin = 0;  // offsets into the text
    std::size_t end = 0;

    bool is(std::string_view other) const;  // ignoring case
    std::string text() const;  // unfolded and trimmed
};

// Reads fields up to the empty line or the end of the text. `text` may be a whole message.
class HeaderReader {
public:
    explicit HeaderReader(std::string_view text) : text_(text) { }
    std::optional<Field> next();
    // After next() gave nullopt: where the body begins (behind the empty line), or text.size().
    std::size_t body_begin() const { return at_; }
    bool saw_empty_line() const { return saw_empty_line_; }
    // Lines that are neither a field nor the continuation of one, so far.
    std::size_t garbage_lines() const { return garbage_lines_; }

private:
    std::string_view text_;
    std::size_t at_ = 0;
    std::size_t garbage_lines_ = 0;
    bool ended_ = false;
    bool saw_empty_line_ = false;
};

std::optional<Field> find_field(std::string_view header, std::string_view name);  // the first
std::vector<Field> find_fields(std::string_view header, std::string_view name);

// RFC 5322 section 2.2.3: folds removed, blanks at both ends trimmed; every CR, LF and NUL that is
// left becomes a space. What comes out never holds one of the three.
std::string unfold(std::string_view value);

// RFC 2047, for people: encoded-words of any charset become UTF-8, blanks between two of them vanish, a
// character split over two of the same charset is joined; bytes that are not UTF-8 are read as
// windows-1252. The result is valid UTF-8 without CR, LF, NUL. `value` may be folded.
std::string decode_text(std::string_view value);

// RFC 2045 section 5.1: `name=value` behind a `;`. Names in lower case, values unquoted, RFC 2231 forms
// (`filename*0*`) as they came: IMAP hands them on like this.
struct Parameter {
    std::string name;
    std::string value;
    friend bool operator==(const Parameter&, const Parameter&) = default;
};
inline constexpr std::size_t most_parameters = 100;  // kept of one field

// RFC 2231, for people: the value of `name` put together from its pieces, in UTF-8; RFC 2047 words in it,
// which are wrong there and common, are decoded as well.
std::optional<std::string> parameter(std::span<const Parameter> parameters, std::string_view name);

// A token with parameters: Content-Type ("text/plain"), Content-Disposition ("attachment").
struct ParameterizedValue {
    std::string value;  // lower case; empty: there was none
    std::vector<Parameter> parameters;
};
ParameterizedValue parse_parameterized(std::string_view value, std::size_t most = most_parameters);

// RFC 5322 section 3.6.4: the ids of Message-ID, In-Reply-To, References, without angle brackets, in
// order, blanks and comments removed. Over `most`: the first, and the last `most` - 1.
std::vector<std::string> parse_message_ids(std::string_view value, std::size_t most = 100);

struct DateTime {
    WallTime time;
    std::chrono::minutes zone{0};  // east of UTC, as written: IMAP's SENTBEFORE compares the local day
    friend bool operator==(const DateTime&, const DateTime&) = default;
};
// RFC 5322 section 3.3 and 4.3, and what the world makes of it: missing weekday, seconds or zone, two-digit
// years, zone names, ISO 8601, asctime. Years 1900 to 9999.
std::optional<DateTime> parse_date(std::string_view value);
// What is wrong with it by RFC 5322 section 3.3 and 4.3, as a sentence for the sender; nullopt: nothing.
std::optional<std::string> fault_of_date(std::string_view value);

}  // namespace posthouse::message

// The cursor that every grammar of the house reads with: one line or frame, bounded, never copied.
//
// One function per ABNF production takes a Cursor& and answers an optional; on failure the
// production restores nothing: its caller gives up or saved a copy (a Cursor is two pointers).
#pragma once

#include "base/text.h"

#include <string_view>

namespace posthouse {

class Cursor {
public:
    explicit Cursor(std::string_view text) : rest_(text), whole_(text) { }

    bool at_end() const { return rest_.empty(); }
    char peek() const { return rest_.empty() ? '\0' : rest_[0]; }
    std::string_view rest() const { return rest_; }
    std::size_t offset() const { return whole_.size() - rest_.size(); }

    bool take(char c)
    {
        if (rest_.empty() || rest_[0] != c)
            return false;
        rest_.remove_prefix(1);
        return true;
    }
    bool take(std::string_view word)  // ASCII letters in either case
    {
        if (!starts_with_ignoring_case(rest_, word))
            return false;
        rest_.remove_prefix(word.size());
        return true;
    }
    // The longest run of characters that `accepts`; may be empty.
    template <class Accepts> std::string_view take_while(Accepts accepts)
    {
        std::size_t length = 0;
        while (length < rest_.size() && accepts(rest_[length]))
            ++length;
        return take_bytes(length);
    }
    std::string_view take_bytes(std::size_t count)
    {
        const std::string_view taken = rest_.substr(0, count);
        rest_.remove_prefix(taken.size());
        return taken;
    }

private:
    std::string_view rest_;
    std::string_view whole_;
};

}  // namespace posthouse

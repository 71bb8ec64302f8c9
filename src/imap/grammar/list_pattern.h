// Does a name match a LIST pattern? RFC 3501 section 6.3.8.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace posthouse::imap {

inline constexpr char hierarchy_separator = '/';

// "*" matches anything, "%" anything without the separator. An automaton whose states are the bits of
// a few words: nothing is tried twice, whatever stands in pattern and name (HOSTILE A17). Case counts.
class ListPattern {
public:
    // No name is longer than this, so no pattern with more letters of its own matches one.
    static constexpr std::size_t most_letters = 1024;

    explicit ListPattern(std::string_view pattern);
    bool matches(std::string_view name) const;
    const std::string& text() const { return text_; }  // without wildcards that stand beside another one

private:
    std::string text_;
    std::size_t words_ = 0;  // 0: matches nothing
    std::vector<std::uint64_t> letters_;  // [byte][word]: where the pattern has this letter
    std::vector<std::uint64_t> wildcards_;
    std::vector<std::uint64_t> stars_;  // the wildcards that match the separator too
};

}  // namespace posthouse::imap

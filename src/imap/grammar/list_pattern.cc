#include "imap/grammar/list_pattern.h"

namespace posthouse::imap {

namespace {

constexpr bool is_wildcard(char c) { return c == '*' || c == '%'; }

// "**" is "*", "%%" is "%", "*%" and "%*" are "*".
std::string without_doubled_wildcards(std::string_view pattern)
{
    std::string out;
    for (const char c : pattern) {
        if (is_wildcard(c) && !out.empty() && is_wildcard(out.back()))
            out.back() = c == '*' ? '*' : out.back();
        else
            out += c;
    }
    return out;
}

std::size_t count_letters(std::string_view pattern)
{
    std::size_t count = 0;
    for (const char c : pattern)
        count += is_wildcard(c) ? 0 : 1;
    return count;
}

}  // namespace

// State i: the name so far matches the first i letters and wildcards.
ListPattern::ListPattern(std::string_view pattern)
{
    if (count_letters(pattern) > most_letters)
        return;
    text_ = without_doubled_wildcards(pattern);
    words_ = text_.size() / 64 + 1;
    letters_.resize(256 * words_);
    wildcards_.resize(words_);
    stars_.resize(words_);
    for (std::size_t i = 0; i < text_.size(); ++i) {
        const std::uint64_t bit = std::uint64_t{1} << (i % 64);
        if (is_wildcard(text_[i]))
            wildcards_[i / 64] |= bit;
        else
            letters_[static_cast<unsigned char>(text_[i]) * words_ + i / 64] |= bit;
        if (text_[i] == '*')
            stars_[i / 64] |= bit;
    }
}

bool ListPattern::matches(std::string_view name) const
{
    if (words_ == 0)
        return false;
    std::vector<std::uint64_t> states(words_);
    // A wildcard may match nothing; none stands beside another, so one step is enough.
    const auto pass_wildcards = [&] {
        std::uint64_t carry = 0;
        for (std::size_t word = 0; word < words_; ++word) {
            const std::uint64_t passing = states[word] & wildcards_[word];
            states[word] |= (passing << 1) | carry;
            carry = passing >> 63;
        }
    };
    states[0] = 1;
    pass_wildcards();
    for (const char c : name) {
        const std::uint64_t* letter = &letters_[static_cast<unsigned char>(c) * words_];
        const std::vector<std::uint64_t>& accepting = c == hierarchy_separator ? stars_ : wildcards_;
        std::uint64_t carry = 0;
        std::uint64_t alive = 0;
        for (std::size_t word = 0; word < words_; ++word) {
            const std::uint64_t going = states[word] & letter[word];
            states[word] = (states[word] & accepting[word]) | (going << 1) | carry;
            carry = going >> 63;
            alive |= states[word];
        }
        if (alive == 0)
            return false;
        pass_wildcards();
    }
    return (states[text_.size() / 64] >> (text_.size() % 64)) & 1;
}

}  // namespace posthouse::imap

#include "imap/grammar/list_pattern.h"

#include <vector>

namespace posthouse::imap {

namespace {

// The pattern as an automaton: state i means that pattern[0, i) has been matched. All states are
// followed at once, so nothing is tried twice.
class Matcher {
public:
    explicit Matcher(std::string_view pattern) : pattern_(pattern), states_(pattern.size() + 1)
    {
        states_[0] = true;
        skip_wildcards();
    }

    void take(char c)
    {
        for (std::size_t i = pattern_.size() + 1; i-- > 0;) {
            const bool stays = i < pattern_.size() && states_[i] && is_wildcard(i) && accepts(i, c);
            const bool arrives = i > 0 && states_[i - 1] && !is_wildcard(i - 1) && pattern_[i - 1] == c;
            states_[i] = stays || arrives;
        }
        skip_wildcards();
    }
    bool is_whole() const { return states_.back(); }
    bool is_dead() const
    {
        for (const bool state : states_)
            if (state)
                return false;
        return true;
    }

private:
    bool is_wildcard(std::size_t i) const { return pattern_[i] == '*' || pattern_[i] == '%'; }
    bool accepts(std::size_t i, char c) const { return pattern_[i] == '*' || c != hierarchy_separator; }
    void skip_wildcards()
    {
        for (std::size_t i = 0; i < pattern_.size(); ++i)
            if (states_[i] && is_wildcard(i))
                states_[i + 1] = true;
    }

    std::string_view pattern_;
    std::vector<bool> states_;
};

}  // namespace

bool matches_pattern(std::string_view name, std::string_view pattern)
{
    Matcher matcher(pattern);
    for (const char c : name)
        matcher.take(c);
    return matcher.is_whole();
}

bool may_match_below(std::string_view name, std::string_view pattern)
{
    Matcher matcher(pattern);
    for (const char c : name)
        matcher.take(c);
    matcher.take(hierarchy_separator);
    return !matcher.is_dead();
}

}  // namespace posthouse::imap

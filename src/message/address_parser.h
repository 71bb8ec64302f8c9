// The one parser behind message/address.h. Private to the room.
#pragma once

#include "message/address.h"
#include "message/lexis.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace posthouse::message {

// One pass over the field: each byte is looked at a bounded number of times, because every function moves `at_`
// forward over what it has seen and none goes back.
//
// Where the text leaves the grammar, blame() notes the first fault; the strict callers then give up, the lenient
// one goes on with what is left.
enum class Temper : std::uint8_t { strict, lenient };

class AddressParser {
public:
    AddressParser(std::string_view text, std::size_t most, Temper temper) :
        text_(text), most_(most), strict_(temper == Temper::strict)
    {
    }

    void address_list();
    void addr_spec_alone();
    std::vector<Address> take() { return std::move(list_); }
    const std::optional<std::string>& fault() const { return fault_; }
    bool too_many() const { return too_many_; }

private:
    // What stands before '@', '<', ':' or the end of an element: a phrase, or the local part of a bare address.
    struct Words {
        std::string phrase;  // all words, one space where blanks or comments stood
        std::string run;  // the last words joined by dots: a local part, if '@' follows
        std::size_t run_at = 0;  // where the run begins in `phrase`
        std::size_t name_size = 0;  // how much of `phrase` stood before the first bare address
        unsigned runs = 0;
        bool ends_with_dot = false;
        bool dot_fault = false;  // a dot at the begin, or two in a row
        bool ends_quoted = false;  // the last word was a quoted string
        bool is_phrase = false;  // the run holds `"a"b`: words with nothing between them are never a local part
    };

    bool at_end() const { return at_ >= text_.size(); }
    char peek() const { return at_end() ? '\0' : text_[at_]; }
    bool take(char c)
    {
        if (at_end() || text_[at_] != c)
            return false;
        ++at_;
        return true;
    }
    // `sentence` makes the text: work that only the first fault of a strict parse is worth.
    template <class Sentence> void blame(Sentence sentence)
    {
        if (!strict_ || fault_)
            return;
        if constexpr (std::is_invocable_v<Sentence>)
            fault_ = sentence();
        else
            fault_ = sentence;
    }
    std::string next_text() const { return lexis::shown(text_.substr(at_, 20)); }
    bool skip_blanks();
    void element();
    void word(Words& words, bool blanks_before);
    void dot(Words& words, bool blanks_before);
    void stray(Words& words, bool blanks_before);
    void bare(Words& words, std::optional<AddrSpec>& candidate);
    void angle(Words& words);
    void group_begin(Words& words);
    void group_end();
    void only_words(Words& words, std::optional<AddrSpec>& candidate);
    void route(std::string& out);
    std::string domain();
    std::string domain_literal();
    void skip_to_separator(bool angle_is_open);
    void check(const AddrSpec& spec);
    void push(Address address);
    std::string comment_text() const;

    std::string_view text_;
    std::size_t most_;
    bool strict_;
    std::size_t at_ = 0;
    std::string_view comment_;  // the last one seen in this element, without its parentheses
    std::string group_;
    bool in_group_ = false;
    bool too_many_ = false;
    std::vector<Address> list_;
    std::optional<std::string> fault_;
};

}  // namespace posthouse::message

#include "base/ids.h"

#include <algorithm>

namespace posthouse {

namespace {

constexpr std::string_view alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
constexpr std::size_t text_length = 13;  // 65 bits, the first one always zero

}  // namespace

Id IdSource::next()
{
    const auto milliseconds = std::chrono::floor<std::chrono::milliseconds>(clock_.now().time_since_epoch());
    const Id fresh = (static_cast<Id>(milliseconds.count()) << 16) | (random_.number() & 0x3fff);
    Id last = last_.load(std::memory_order_relaxed);
    Id next;
    do {
        next = std::max(fresh, last + 1);
    } while (!last_.compare_exchange_weak(last, next, std::memory_order_relaxed));
    return next;
}

void IdSource::rise_above(Id id)
{
    Id last = last_.load(std::memory_order_relaxed);
    while (last < id && !last_.compare_exchange_weak(last, id, std::memory_order_relaxed)) { }
}

std::string id_text(Id id)
{
    std::string text(text_length, '0');
    for (std::size_t i = text_length; i-- > 0; id >>= 5)
        text[i] = alphabet[id & 31];
    return text;
}

std::optional<Id> parse_id(std::string_view text)
{
    if (text.size() != text_length)
        return std::nullopt;
    Id id = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        char c = text[i];
        if (c >= 'A' && c <= 'Z')
            c = static_cast<char>(c - 'A' + 'a');
        const std::size_t digit = alphabet.find(c);
        if (digit == std::string_view::npos || (i == 0 && digit > 15))
            return std::nullopt;
        id = (id << 5) | digit;
    }
    return id;
}

}  // namespace posthouse

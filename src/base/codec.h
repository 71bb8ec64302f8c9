// Writing and reading of stored values: varints, length-prefixed strings. No mail in it.
//
// A Reader never throws and never reads past its end: after the first fault every take gives zero
// or empty and ok() is false, so a row is read whole and judged once.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace posthouse {

class Writer {
public:
    Writer& u8(std::uint8_t value)
    {
        out_ += static_cast<char>(value);
        return *this;
    }
    Writer& varint(std::uint64_t value)
    {
        for (; value >= 0x80; value >>= 7)
            out_ += static_cast<char>(value | 0x80);
        out_ += static_cast<char>(value);
        return *this;
    }
    // Small negative numbers stay small.
    Writer& signed_varint(std::int64_t value)
    {
        return varint((static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63));
    }
    Writer& string(std::string_view value)
    {
        varint(value.size());
        out_ += value;
        return *this;
    }
    Writer& raw(std::string_view value)
    {
        out_ += value;
        return *this;
    }
    std::size_t size() const { return out_.size(); }
    std::string take() { return std::move(out_); }

private:
    std::string out_;
};

class Reader {
public:
    explicit Reader(std::string_view bytes) : rest_(bytes) { }

    std::uint8_t u8()
    {
        if (rest_.empty())
            return broken();
        const auto value = static_cast<std::uint8_t>(rest_[0]);
        rest_.remove_prefix(1);
        return value;
    }
    std::uint64_t varint()
    {
        std::uint64_t value = 0;
        for (unsigned shift = 0; shift < 64; shift += 7) {
            const std::uint8_t byte = u8();
            if (shift == 63 && byte > 1)
                return broken();
            value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
            if ((byte & 0x80) == 0)
                return ok_ ? value : 0;
        }
        return broken();
    }
    std::int64_t signed_varint()
    {
        const std::uint64_t value = varint();
        return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
    }
    // A view into the bytes read from.
    std::string_view string() { return raw(varint()); }
    std::string_view raw(std::uint64_t count)
    {
        if (count > rest_.size()) {
            broken();
            return {};
        }
        const std::string_view value = rest_.substr(0, count);
        rest_.remove_prefix(count);
        return value;
    }
    std::string_view rest() const { return rest_; }
    bool ok() const { return ok_; }
    bool ended() const { return ok_ && rest_.empty(); }

private:
    std::uint8_t broken()
    {
        ok_ = false;
        rest_ = {};
        return 0;
    }
    std::string_view rest_;
    bool ok_ = true;
};

}  // namespace posthouse

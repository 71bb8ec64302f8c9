// Keys are tuples, encoded so that byte order is tuple order.
//
//   number   8 bytes, big-endian (`u64`), or 4 (`u32`), 2 (`u16`), 1 (`u8`)
//   text     its bytes, 0x00 as 0x00 0xff, ended by 0x00 0x00
//
// A key begins with its table's byte (docs/store-layout.md). `KeyBuilder(Table).u64(7).text("a").key()`.
#pragma once

#include "store/store.h"

namespace posthouse::store {

class KeyBuilder {
public:
    explicit KeyBuilder(std::uint8_t table) { u8(table); }
    KeyBuilder& u8(std::uint8_t value)
    {
        key_ += static_cast<char>(value);
        return *this;
    }
    KeyBuilder& u16(std::uint16_t value) { return big_endian(value, 2); }
    KeyBuilder& u32(std::uint32_t value) { return big_endian(value, 4); }
    KeyBuilder& u64(std::uint64_t value) { return big_endian(value, 8); }
    KeyBuilder& text(std::string_view value)
    {
        for (const char c : value) {
            key_ += c;
            if (c == '\0')
                key_ += '\xff';
        }
        key_.append(2, '\0');
        return *this;
    }
    KeyBuilder& raw(std::string_view value)
    {
        key_ += value;
        return *this;
    }  // only as the last part
    Key key() && { return std::move(key_); }
    Key key() const& { return key_; }
    // Every key that begins with what was built so far.
    Range range() const { return {key_, after(key_)}; }

    // The first key that does not begin with `prefix`.
    static Key after(Key prefix)
    {
        while (!prefix.empty() && prefix.back() == '\xff')
            prefix.pop_back();
        if (!prefix.empty())
            prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
        return prefix;
    }

private:
    KeyBuilder& big_endian(std::uint64_t value, int bytes)
    {
        for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
            key_ += static_cast<char>(value >> shift);
        return *this;
    }
    Key key_;
};

// Takes a key apart again. As codec.h's Reader: after a fault zero and empty, ok() false.
class KeyReader {
public:
    explicit KeyReader(std::string_view key) : rest_(key) { }
    std::uint8_t u8() { return static_cast<std::uint8_t>(big_endian(1)); }
    std::uint16_t u16() { return static_cast<std::uint16_t>(big_endian(2)); }
    std::uint32_t u32() { return static_cast<std::uint32_t>(big_endian(4)); }
    std::uint64_t u64() { return big_endian(8); }
    std::string text()
    {
        std::string out;
        for (std::size_t i = 0; i + 1 < rest_.size(); ++i) {
            if (rest_[i] != '\0') {
                out += rest_[i];
            } else if (rest_[++i] == '\xff') {
                out += '\0';
            } else if (rest_[i] == '\0') {
                rest_.remove_prefix(i + 1);
                return out;
            } else {
                break;
            }
        }
        ok_ = false;
        rest_ = {};
        return {};
    }
    std::string_view rest() const { return rest_; }
    bool ok() const { return ok_; }

private:
    std::uint64_t big_endian(std::size_t bytes)
    {
        if (rest_.size() < bytes) {
            ok_ = false;
            rest_ = {};
            return 0;
        }
        std::uint64_t value = 0;
        for (std::size_t i = 0; i < bytes; ++i)
            value = (value << 8) | static_cast<unsigned char>(rest_[i]);
        rest_.remove_prefix(bytes);
        return value;
    }
    std::string_view rest_;
    bool ok_ = true;
};

}  // namespace posthouse::store

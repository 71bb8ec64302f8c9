// A queue of bytes whose memory comes from a pool of its thread and goes back as soon as it can.
//
// Thousands of connections wait, few have bytes under way: blocks are lent for that time only.
// Threads: one at a time; a block goes back to the pool of the thread that gives it back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace posthouse::net {

class Buffer {
public:
    static constexpr std::size_t small_block = 16 * 1024;  // a TLS record, most pipelined exchanges
    static constexpr std::size_t large_block = 64 * 1024;  // bulk

    Buffer() = default;
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    ~Buffer() { release(); }

    std::string_view view() const { return {block_ + begin_, end_ - begin_}; }
    std::size_t size() const { return end_ - begin_; }
    bool empty() const { return begin_ == end_; }
    std::size_t capacity() const { return capacity_; }

    // At least `least` bytes of room behind what is there, and whatever else the block has. Views
    // got before are void afterwards.
    std::span<char> room(std::size_t least);
    void commit(std::size_t count) { end_ += static_cast<std::uint32_t>(count); }
    void append(std::string_view bytes);
    void consume(std::size_t count);

    // Before a wait: an empty buffer gives its block back, one with little in it moves to a block
    // of just that size (a peer that sends a byte a second must not hold 16 KiB).
    void rest();
    void release();  // forgets all

private:
    void move_to(std::size_t capacity);

    char* block_ = nullptr;
    std::uint32_t capacity_ = 0;
    std::uint32_t begin_ = 0;
    std::uint32_t end_ = 0;
};

}  // namespace posthouse::net

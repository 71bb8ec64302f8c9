#include "net/buffer.h"

#include <cstring>
#include <new>
#include <stdexcept>
#include <vector>

namespace posthouse::net {

namespace {

// Free blocks of one thread, at most 1 MiB of each size.
class Pool {
public:
    ~Pool()
    {
        for (char* block : small_)
            ::operator delete(block);
        for (char* block : large_)
            ::operator delete(block);
    }
    char* take(std::size_t capacity)
    {
        std::vector<char*>* shelf = shelf_for(capacity);
        if (shelf == nullptr || shelf->empty())
            return static_cast<char*>(::operator new(capacity));
        char* block = shelf->back();
        shelf->pop_back();
        return block;
    }
    void give_back(char* block, std::size_t capacity)
    {
        std::vector<char*>* shelf = shelf_for(capacity);
        if (shelf == nullptr || shelf->size() * capacity >= most_kept)
            ::operator delete(block);
        else
            shelf->push_back(block);
    }

private:
    static constexpr std::size_t most_kept = 1024 * 1024;

    std::vector<char*>* shelf_for(std::size_t capacity)
    {
        if (capacity == Buffer::small_block)
            return &small_;
        return capacity == Buffer::large_block ? &large_ : nullptr;
    }

    std::vector<char*> small_;
    std::vector<char*> large_;
};

Pool& pool()
{
    thread_local Pool of_this_thread;
    return of_this_thread;
}

// The smallest block worth having for `size` bytes.
std::size_t block_for(std::size_t size)
{
    if (size <= Buffer::small_block)
        return Buffer::small_block;
    if (size <= Buffer::large_block)
        return Buffer::large_block;
    return size + size / 2;  // grows by half, so that appending stays linear
}

}  // namespace

void Buffer::move_to(std::size_t capacity)
{
    if (capacity > UINT32_MAX)
        throw std::length_error("a network buffer over 4 GiB");
    const std::size_t size = this->size();
    char* block = pool().take(capacity);
    if (size > 0)
        std::memcpy(block, block_ + begin_, size);
    if (block_ != nullptr)
        pool().give_back(block_, capacity_);
    block_ = block;
    capacity_ = static_cast<std::uint32_t>(capacity);
    begin_ = 0;
    end_ = static_cast<std::uint32_t>(size);
}

std::span<char> Buffer::room(std::size_t least)
{
    if (capacity_ - end_ < least) {
        if (capacity_ - size() >= least && capacity_ >= small_block) {
            std::memmove(block_, block_ + begin_, size());
            end_ -= begin_;
            begin_ = 0;
        } else {
            move_to(block_for(size() + least));
        }
    }
    return {block_ + end_, capacity_ - end_};
}

void Buffer::append(std::string_view bytes)
{
    if (bytes.empty())
        return;
    std::memcpy(room(bytes.size()).data(), bytes.data(), bytes.size());
    commit(bytes.size());
}

void Buffer::consume(std::size_t count)
{
    if (count > size())
        throw std::out_of_range("more consumed than buffered");
    begin_ += static_cast<std::uint32_t>(count);
    if (begin_ == end_)
        begin_ = end_ = 0;
}

void Buffer::rest()
{
    static constexpr std::size_t little = 2048;
    if (empty())
        release();
    else if (size() <= little && capacity_ >= small_block)
        move_to(size());
}

void Buffer::release()
{
    if (block_ != nullptr)
        pool().give_back(block_, capacity_);
    block_ = nullptr;
    capacity_ = begin_ = end_ = 0;
}

}  // namespace posthouse::net

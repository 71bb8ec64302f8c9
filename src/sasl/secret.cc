#include "sasl/secret.h"

#include <cstring>
#include <utility>

#include <openssl/crypto.h>

namespace posthouse::sasl {

void wipe(std::string& text)
{
    text.resize(text.capacity());
    OPENSSL_cleanse(text.data(), text.size());
    text.clear();
}

Secret::Secret(std::string&& text) : bytes_(std::make_unique<char[]>(text.size())), size_(text.size())
{
    if (size_ > 0)
        std::memcpy(bytes_.get(), text.data(), size_);
    wipe(text);
}

Secret::Secret(Secret&& other) noexcept : bytes_(std::move(other.bytes_)), size_(std::exchange(other.size_, 0)) { }

Secret& Secret::operator=(Secret&& other) noexcept
{
    std::swap(bytes_, other.bytes_);
    std::swap(size_, other.size_);
    return *this;
}

Secret::~Secret()
{
    if (bytes_)
        OPENSSL_cleanse(bytes_.get(), size_);
}

}  // namespace posthouse::sasl

// Passwords in memory: kept on the heap, never copied, wiped when they go.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace posthouse::sasl {

// Overwrites the whole buffer, also what lies behind the text's end, and empties it.
void wipe(std::string& text);

class Secret {
public:
    Secret() = default;
    // Takes the text over and wipes where it came from.
    explicit Secret(std::string&& text);
    Secret(Secret&& other) noexcept;
    Secret& operator=(Secret&& other) noexcept;
    ~Secret();

    std::string_view view() const { return {bytes_.get(), size_}; }
    bool empty() const { return size_ == 0; }

private:
    std::unique_ptr<char[]> bytes_;
    std::size_t size_ = 0;
};

}  // namespace posthouse::sasl

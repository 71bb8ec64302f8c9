// One entity's header, read into a Part and, where it is a message's, an Envelope. Private to the room.
#pragma once

#include "message/digest.h"
#include "message/parser.h"

#include <string_view>

namespace posthouse::message {

// What may still be kept of one message: shared by all its headers.
class Budget {
public:
    explicit Budget(const Limits& limits) :
        parameters(limits.parameters), addresses(limits.addresses), bytes_(limits.kept_bytes)
    {
    }
    // False, and nothing spent, where it is too much.
    bool spend(std::size_t bytes)
    {
        if (bytes > bytes_)
            return false;
        bytes_ -= bytes;
        return true;
    }
    std::size_t parameters;  // of one field
    std::size_t addresses;  // left

private:
    std::size_t bytes_;
};

enum class DefaultType : std::uint8_t { text_plain, message_rfc822 };  // the latter inside multipart/digest

// `envelope`: of a message's header, else nullptr. `top`: for the message's own header, the digest to fill.
void read_entity_header(std::string_view header, DefaultType default_type, Budget& budget, Part& part,
                        Envelope* envelope, Digest* top);

}  // namespace posthouse::message

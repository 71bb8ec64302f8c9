// Stored digests: damage is an error or gives something that holds its promises, and then encodes as it was.
#include "message/digest.h"

#include <cstdlib>

using namespace posthouse::message;

namespace {

void require(bool holds)
{
    if (!holds)
        std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view stored(reinterpret_cast<const char*>(data), size);
    EnvelopeView in_place;
    const bool was_read = read_envelope(stored, in_place);
    const auto digest = decode_digest(stored);
    if (!digest)
        return 0;
    require(was_read && in_place == view_of(digest->envelope));
    std::size_t children = 0;
    for (std::size_t i = 0; i < digest->parts.size(); ++i) {
        const auto index = static_cast<std::int32_t>(i);
        require(digest->parts[i].is_leaf() == (digest->first_child(index) == no_part));
        for (auto child = digest->first_child(index); child != no_part; child = digest->next_sibling(child))
            ++children;
    }
    require(children + 1 == digest->parts.size());
    const auto again = decode_digest(encode(*digest));
    require(again && *again == *digest);
    return 0;
}

// The MIME parser: any chunking gives the same digest; parts lie inside one another; the row reads back.
#include "message/body.h"
#include "message/parser.h"

#include "base/text.h"

#include <cstdlib>

using namespace posthouse;
using namespace posthouse::message;

namespace {

void require(bool holds)
{
    if (!holds)
        std::abort();
}

Digest in_pieces(std::string_view text, std::size_t first, std::size_t step, const Limits& limits)
{
    DigestBuilder builder(limits);
    builder.feed(text.substr(0, first));
    for (std::size_t at = std::min(first, text.size()); at < text.size(); at += step)
        builder.feed(text.substr(at, step));
    return builder.finish();
}

void check_structure(const Digest& digest, std::string_view text)
{
    require(!digest.parts.empty() && digest.parts[0].header_begin == 0 && digest.size() == text.size());
    for (std::size_t i = 0; i < digest.parts.size(); ++i) {
        const Part& part = digest.parts[i];
        require(part.header_begin <= part.body_begin && part.body_begin <= part.end && part.end <= text.size());
        require(part.lines <= part.body_size());
        const std::int32_t child = digest.first_child(static_cast<std::int32_t>(i));
        require(part.is_leaf() == (child == no_part));
        if (part.is_message())
            require(digest.next_sibling(child) == no_part &&
                    digest.parts[static_cast<std::size_t>(child)].header_begin == part.body_begin);
        if (part.parent != no_part) {
            const Part& outer = digest.parts[static_cast<std::size_t>(part.parent)];
            require(part.header_begin >= outer.body_begin && part.end <= outer.end);
        }
        if (part.is_text())
            require(is_valid_utf8(readable_text(part, text.substr(part.body_begin, part.body_size()))));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const Digest digest = digest_of(text);
    check_structure(digest, text);
    require(is_valid_utf8(digest.preview));
    const Limits small{.depth = 3,
                       .parts = 5,
                       .parameters = 2,
                       .header_bytes = 64,
                       .addresses = 3,
                       .kept_bytes = 200,
                       .boundary_bytes = 4};
    const Digest limited = digest_of(text, small);
    check_structure(limited, text);
    require(limited.parts.size() <= 5);
    for (const std::size_t step : {1u, 2u, 3u, 7u, 64u}) {
        require(in_pieces(text, size / 2, step, {}) == digest);
        require(in_pieces(text, size / 3, step, small) == limited);
    }
    for (const Digest* built : {&digest, &limited}) {
        const auto back = decode_digest(encode(*built));
        require(back && *back == *built);
    }
    return 0;
}

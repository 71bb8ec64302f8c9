// Bodies: decoders give the same in any pieces; texts come out as UTF-8; encoders are read back. The first byte
// chooses the charset.
#include "base/text.h"
#include "message/body.h"
#include "message/builder.h"

#include <array>
#include <cstdlib>

using namespace posthouse;
using namespace posthouse::message;

namespace {

void require(bool holds)
{
    if (!holds)
        std::abort();
}

std::string in_pieces(std::string_view text, TransferEncoding encoding, std::size_t size)
{
    TransferDecoder decoder(encoding);
    std::string out;
    for (std::size_t at = 0; at < text.size(); at += size)
        decoder.feed(text.substr(at, size), out);
    decoder.finish(out);
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size == 0)
        return 0;
    constexpr std::array charsets{"utf-8",     "iso-2022-jp", "utf-7", "gb18030",     "utf-16",
                                  "shift_jis", "big5",        "hz",    "iso-2022-kr", "x-none"};
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    require(is_valid_utf8(to_utf8(text, charsets[data[0] % charsets.size()])));
    for (const auto encoding : {TransferEncoding::base64, TransferEncoding::quoted_printable}) {
        const std::string whole = decode_transfer(text, encoding);
        require(whole.size() <= text.size());
        for (const std::size_t step : {1u, 2u, 3u, 5u, 17u})
            require(in_pieces(text, encoding, step) == whole);
    }
    require(decode_transfer(encode_base64_lines(text), TransferEncoding::base64) == text);
    if (text.find('\n') == std::string_view::npos)
        require(decode_transfer(encode_quoted_printable(text), TransferEncoding::quoted_printable) == text);
    html_to_text(text, 10'000);
    unflow(text, data[0] % 2 == 0);
    return 0;
}

// Messages without 8-bit bytes: nothing above 127 comes out, any chunking gives the same, ASCII stays
// as it is, and encoded bodies decode to what they were.
#include "message/seven_bit.h"

#include "base/text.h"
#include "message/body.h"
#include "message/parser.h"

#include <cstdlib>

using namespace posthouse;
using namespace posthouse::message;

namespace {

void require(bool holds)
{
    if (!holds)
        std::abort();
}

std::string in_pieces(std::string_view text, const Digest& digest, std::size_t piece)
{
    SevenBitScan scan(digest);
    for (std::size_t at = 0; at < text.size(); at += piece)
        scan.feed(text.substr(at, piece));
    SevenBitConverter converter(digest, scan.plan());
    std::string out;
    for (std::size_t at = 0; at < text.size(); at += piece)
        converter.feed(text.substr(at, piece), out);
    converter.finish(out);
    return out;
}

void check_encoders(std::string_view bytes, std::size_t piece)
{
    QuotedPrintableEncoder quoted;
    Base64LineEncoder base64;
    std::string as_quoted;
    std::string as_base64;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
        quoted.feed(bytes.substr(at, piece), as_quoted);
        base64.feed(bytes.substr(at, piece), as_base64);
    }
    quoted.finish(as_quoted);
    base64.finish(as_base64);
    require(decode_transfer(as_base64, TransferEncoding::base64) == bytes);
    std::string lines;  // quoted-printable is of text: its line ends are CRLF
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (bytes[i] == '\n' && (i == 0 || bytes[i - 1] != '\r'))
            lines += '\r';
        lines += bytes[i];
    }
    require(decode_transfer(as_quoted, TransferEncoding::quoted_printable) == lines);
    for (const std::string& encoded : {as_quoted, as_base64})
        for (const std::string_view line : split(encoded, '\n'))
            require(line.size() <= 77);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const Digest digest = digest_of(text);
    const std::string out = in_pieces(text, digest, size + 1);
    require(is_ascii(out));
    require(digest.has_8bit || out == text);
    for (const std::size_t piece : {1u, 3u, 64u})
        require(in_pieces(text, digest, piece) == out);
    check_encoders(text, 1 + size % 7);
    return 0;
}

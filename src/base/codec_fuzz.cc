// A stored value may be damaged: reading it never goes past its end, and what is written is read back.
#include "base/codec.h"

#include <cstdlib>

using namespace posthouse;

namespace {

void require(bool holds)
{
    if (!holds)
        std::abort();
}

// The first byte of each step says what is read next; what was read is written again.
void read_and_write(std::string_view bytes)
{
    Reader reader(bytes);
    Writer writer;
    std::string kinds;
    while (reader.ok() && !reader.rest().empty()) {
        const std::size_t before = reader.rest().size();
        const char kind = static_cast<char>('a' + reader.u8() % 4);
        kinds += kind;
        switch (kind) {
        case 'a': writer.varint(reader.varint()); break;
        case 'b': writer.signed_varint(reader.signed_varint()); break;
        case 'c': writer.string(reader.string()); break;
        default: writer.u8(reader.u8()); break;
        }
        require(reader.rest().size() < before);
    }
    if (!reader.ok())
        require(reader.rest().empty() && reader.u8() == 0 && reader.varint() == 0 && reader.string().empty());

    // Written values are canonical: read and written once more they are the same bytes.
    const std::string written = writer.take();
    Reader again(written);
    Writer twice;
    for (const char kind : kinds)
        switch (kind) {
        case 'a': twice.varint(again.varint()); break;
        case 'b': twice.signed_varint(again.signed_varint()); break;
        case 'c': twice.string(again.string()); break;
        default: twice.u8(again.u8()); break;
        }
    require(again.ended() && twice.take() == written);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    read_and_write({reinterpret_cast<const char*>(data), size});
    return 0;
}

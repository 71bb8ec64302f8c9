// Taking keys apart: no input crashes the reader, and what it accepts builds the same key again.
#include "store/key.h"

#include <cstdlib>

using namespace posthouse::store;

namespace {

void must(bool holds)
{
    if (!holds)
        std::abort();
}

// The first byte chooses the tuple's shape, the rest is the key.
void take_apart(std::uint8_t shape, std::string_view key)
{
    KeyReader reader(key);
    KeyBuilder builder(reader.u8());
    for (int part = 0; part < 4; ++part, shape >>= 2) {
        switch (shape & 3) {
        case 0: builder.u8(reader.u8()); break;
        case 1: builder.u32(reader.u32()); break;
        case 2: builder.u64(reader.u64()); break;
        case 3: builder.text(reader.text()); break;
        }
    }
    builder.raw(reader.rest());
    const Range range = builder.range();
    if (!reader.ok())
        return;
    must(builder.key() == key);
    must(range.until.empty() || (range.from < range.until && builder.key() + '\xff' < range.until));
}

void order_of_texts(std::string_view a, std::string_view b)
{
    must((a < b) == (KeyBuilder(1).text(a).u8(255).key() < KeyBuilder(1).text(b).u8(0).key()) || a == b);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size == 0)
        return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    take_apart(data[0], bytes);
    order_of_texts(bytes.substr(0, bytes.size() / 2), bytes.substr(bytes.size() / 2));
    return 0;
}

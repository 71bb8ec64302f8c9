// Block rows: the first byte is the block's number, the rest its value.
#include "mailbox/block.h"

#include <cstdlib>

using namespace posthouse;
using namespace posthouse::mailbox;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size == 0)
        return 0;
    const Uid number = data[0] == 0xff ? 0x1ffffff : data[0];  // the last block there can be
    const auto block = read_block(number, {reinterpret_cast<const char*>(data) + 1, size - 1});
    if (!block)
        return 0;
    Uid before = 0;
    for (const Entry& entry : (*block)->entries) {
        if (entry.uid <= before || block_of(entry.uid) != number)
            std::abort();
        before = entry.uid;
    }
    const std::string written = write_block(**block);
    const auto again = read_block(number, written);
    if (!again || write_block(**again) != written || (*again)->entries.size() != (*block)->entries.size() ||
        (*again)->highest_modseq != (*block)->highest_modseq || written.size() > largest_block)
        std::abort();
    return 0;
}

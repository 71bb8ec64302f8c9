// Search programs: no crash, bounded, and what comes out is a well-formed postfix program.
#include "imap/grammar/search_program.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace posthouse;
    using namespace posthouse::imap;
    Cursor in(std::string_view(reinterpret_cast<const char*>(data), size));
    const auto program = search_program(in);
    if (!program)
        return 0;
    if (program->keys.size() > 2 * SearchProgram::most_keys)
        std::abort();
    std::size_t stack = 0;
    for (const SearchKey& key : program->keys) {
        std::size_t takes = 0;
        if (key.kind == SearchKey::Kind::all_of)
            takes = key.number;
        else if (key.kind == SearchKey::Kind::any_of)
            takes = 2;
        else if (key.kind == SearchKey::Kind::negation)
            takes = 1;
        if (stack < takes || (key.kind == SearchKey::Kind::all_of && takes < 2))
            std::abort();
        stack = stack - takes + 1;
    }
    if (stack != 1)
        std::abort();
    return 0;
}

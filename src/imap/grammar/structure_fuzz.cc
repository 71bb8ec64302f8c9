// ENVELOPE, BODYSTRUCTURE and BODY of hostile messages: parentheses are balanced, nothing but literals holds CR, LF or
// NUL, and what is written is in proportion to the message.
#include "imap/grammar/message_data.h"
#include "message/parser.h"

#include <cstdlib>

namespace {

using posthouse::is_digit;

// Behind a literal's "{n}\r\n" and bytes; npos: it is none.
std::size_t behind_literal(std::string_view text, std::size_t open)
{
    std::size_t at = open + 1;
    std::size_t size = 0;
    for (; at < text.size() && is_digit(text[at]); ++at)
        size = size * 10 + static_cast<std::size_t>(text[at] - '0');
    if (at == open + 1 || text.substr(at, 3) != "}\r\n" || size > text.size() - at - 3)
        return std::string_view::npos;
    return at + 3 + size;
}

void check(std::string_view text)
{
    std::size_t depth = 0;
    bool is_quoted = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '\r' || c == '\n' || c == '\0')
            std::abort();
        if (is_quoted && c == '\\') {
            ++i;
            continue;
        }
        if (c == '"')
            is_quoted = !is_quoted;
        if (is_quoted)
            continue;
        if (c == '{') {
            i = behind_literal(text, i);
            if (i == std::string_view::npos)
                std::abort();
            --i;
        }
        depth += c == '(' ? 1 : 0;
        if (c == ')' && depth-- == 0)
            std::abort();
    }
    if (depth != 0 || is_quoted)
        std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace posthouse;
    using namespace posthouse::imap;
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const message::Digest digest = message::digest_of(input);
    for (const StructureForm form : {StructureForm::body, StructureForm::body_structure}) {
        Serializer out;
        write_envelope(out, digest.envelope);
        write_structure(out, digest, form);
        const std::string written = out.take_joined();
        check(written);
        if (written.size() > 64 * size + 4096)
            std::abort();
    }
    return 0;
}

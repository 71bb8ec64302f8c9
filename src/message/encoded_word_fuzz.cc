// Encoded-words: what comes out is clean UTF-8; what the builder writes is read back as it was.
#include "base/text.h"
#include "message/builder.h"
#include "message/header.h"

#include <cstdlib>

using namespace posthouse;
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
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const std::string decoded = decode_text(text);
    require(is_valid_utf8(decoded));
    require(decoded.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
    const auto field = unstructured_field("Subject", decoded);
    require(field.has_value());
    require(decode_text(find_field(*field, "Subject")->value) == decoded);
    const auto parameters = parameterized_field("Content-Disposition", "attachment", {{"filename", decoded}});
    require(parameters.has_value());
    const auto parsed = parse_parameterized(find_field(*parameters, "Content-Disposition")->value, 10'000);
    require(decoded.size() > 4000 || parameter(parsed.parameters, "filename") == decoded);
    return 0;
}

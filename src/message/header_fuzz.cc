// Headers: fields lie where they say; texts come out clean; every reader of values survives every value.
#include "base/text.h"
#include "message/header.h"

#include <cstdlib>

using namespace posthouse::message;

namespace {

void require(bool holds)
{
    if (!holds)
        std::abort();
}

bool is_clean(std::string_view text)
{
    return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    HeaderReader reader(text);
    std::size_t last = 0;
    while (const auto field = reader.next()) {
        require(field->begin >= last && field->end > field->begin && field->end <= size);
        require(!field->name.empty() && text.substr(field->begin).starts_with(field->name));
        require(field->value.empty() || field->value.data() + field->value.size() <= text.data() + field->end);
        require(is_clean(field->text()));
        last = field->end;
        // One field alone reads back as itself.
        HeaderReader alone(text.substr(field->begin, field->end - field->begin));
        const auto again = alone.next();
        require(again && again->name == field->name && again->value == field->value && !alone.next());
        const ParameterizedValue parsed = parse_parameterized(field->value);
        for (const Parameter& p : parsed.parameters)
            require(is_clean(p.value) && parameter(parsed.parameters, p.name).has_value());
        for (const std::string& id : parse_message_ids(field->value))
            require(!id.empty() && is_clean(id) && id.size() <= 998);
        const auto date = parse_date(field->value);
        if (!fault_of_date(field->value))
            require(date.has_value());
    }
    require(reader.body_begin() <= size);
    return 0;
}

// Rows from a spoilt store: any bytes are read or refused, and what was read is written and read again the same.
// The first byte chooses: a segment, a digest, a chunk.
#include "journey/rows.h"

#include "journey/event.h"

#include <cstdlib>

using namespace posthouse;
using namespace posthouse::journey;

namespace {

void must(bool holds)
{
    if (!holds)
        std::abort();
}

std::vector<Event> events_of(std::string_view segment)
{
    std::vector<Event> events;
    SegmentReader reader(segment);
    while (std::optional<Event> event = reader.next())
        events.push_back(std::move(*event));
    return events;
}

void segment(std::string_view bytes)
{
    const std::vector<Event> events = events_of(bytes);
    SegmentWriter writer;
    bool is_canonical = true;  // no empty, cut or zero field: those the writer leaves out or shortens
    for (const Event& event : events) {
        for (const auto& [field, value] : event.texts)
            is_canonical &= !value.empty() && value.size() <= longest_text;
        for (const auto& [field, value] : event.numbers)
            is_canonical &= value != 0;
        writer.write(event);
    }
    const std::vector<Event> again = events_of(writer.take());
    must(again.size() == events.size());
    must(!is_canonical || again.size() == 0 || again.front().at == events.front().at);
}

void digest(std::string_view bytes)
{
    const Result<Digest> read = read_digest(bytes);
    if (!read)
        return;
    const Result<Digest> again = read_digest(write_digest(*read));
    must(again && *again == *read);
}

void chunk(std::string_view bytes)
{
    const Result<std::vector<std::string>> segments = unpack(bytes);
    if (!segments)
        return;
    const Result<std::vector<std::string>> again = unpack(pack(*segments));
    must(again && *again == *segments);
    for (const std::string& one : *segments)
        segment(one);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size == 0)
        return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    switch (data[0] % 3) {
    case 0: segment(bytes); break;
    case 1: digest(bytes); break;
    case 2: chunk(bytes); break;
    }
    return 0;
}

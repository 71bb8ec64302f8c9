// Write, then parse: what the builder accepts comes back the same, and nothing else comes with it. The input is
// texts separated by 0xff, taken in turn for each of a draft's members.
#include "message/builder.h"

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

class FixedClock final : public Clock {
public:
    WallTime now() const override { return WallTime{std::chrono::seconds{1'795'305'747}}; }
    SteadyTime steady() const override { return {}; }
};

// As the builder writes line ends, read back.
std::string with_line_feeds(std::string_view text)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i)
        if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n')
            continue;
        else
            out += text[i] == '\r' ? '\n' : text[i];
    return out;
}

std::vector<std::string> fields_of(std::string_view text)
{
    std::vector<std::string> fields(12);
    for (std::size_t i = 0; const std::string_view field : split(text, '\xff')) {
        fields[i % fields.size()] = field;
        ++i;
    }
    return fields;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size > 20'000)
        return 0;
    const auto texts = fields_of({reinterpret_cast<const char*>(data), size});
    Draft draft;
    Address from;
    from.display_name = texts[0];
    from.spec = {texts[1], texts[2]};
    Address to;
    to.display_name = texts[3];
    to.spec = {"to", "x.test"};
    draft.from = {from};
    draft.to = {to};
    draft.subject = texts[4];
    draft.extra = {{"X-Extra", texts[5]}};
    if (!texts[6].empty())
        draft.references = {texts[6]};
    draft.parts.push_back({.content = texts[7]});
    draft.parts.push_back(
        {.type = "application/octet-stream", .content = texts[8], .file_name = texts[9], .description = texts[10]});
    draft.parts.push_back({.type = "text/" + (texts[11].empty() ? "html" : texts[11]), .content = texts[7]});

    const FixedClock clock;
    SeededRandom random(1);
    const auto message = build_message(draft, clock, random, "north.test");
    if (!message)
        return 0;
    const Digest digest = digest_of(*message, {.parameters = 10'000});
    require(digest.header_garbage == 0 && digest.parts.size() == 4 && digest.parts[0].subtype == "mixed");
    require(digest.envelope.from.size() == 1 && digest.envelope.to.size() == 1);
    require(decode_text(digest.envelope.from[0].display_name) == from.display_name);
    require(digest.envelope.from[0].spec.local_part == from.spec.local_part);
    require(decode_text(digest.envelope.to[0].display_name) == to.display_name &&
            digest.envelope.to[0].spec == to.spec);
    require(decode_text(digest.envelope.subject.value_or("")) == draft.subject);
    require(decode_text(find_field(*message, "X-Extra")->value) == texts[5]);
    require(digest.references == draft.references);
    std::size_t fields = 0;
    for (HeaderReader reader(*message); reader.next();)
        ++fields;
    require(fields == 8 + (draft.subject.empty() ? 0u : 1u) - (draft.references.empty() ? 1u : 0u));
    const auto body = [&](std::size_t index) {
        const Part& part = digest.parts[index];
        return std::string_view(*message).substr(part.body_begin, part.body_size());
    };
    std::string text = with_line_feeds(draft.parts[0].content);
    std::erase(text, '\0');
    require(decode_body(digest.parts[1], body(1)) == text);
    require(decode_transfer(body(2), TransferEncoding::base64) == texts[8]);
    require(digest.parts[2].file_name() == texts[9]);
    require(decode_text(digest.parts[2].description) == texts[10]);
    return 0;
}

// Hostile responses: nothing crashes, what is kept is in proportion to what came; and whatever message our own
// server describes is understood.
#include "imap/client/response.h"
#include "imap/grammar/message_data.h"
#include "message/parser.h"

#include <cstdlib>

namespace {

void require(bool holds)
{
    if (!holds)
        std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace posthouse;
    using namespace posthouse::imap;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (const Result<Response> response = parse_response(text)) {
        if (const auto* search = std::get_if<SearchResponse>(&*response))
            require(search->numbers.size() <= size);
        if (const auto* message = std::get_if<FetchResponse>(&*response); message != nullptr && message->body)
            require(message->body->size() <= size);
    } else {
        require(response.error().text.size() < 2000);
    }
    (void)is_before_body(text);
    (void)is_status(text);

    const message::Digest digest = message::digest_of(text);
    Serializer out;
    out.raw("* 1 FETCH (ENVELOPE ");
    write_envelope(out, digest.envelope);
    out.raw(" BODYSTRUCTURE ");
    write_structure(out, digest, StructureForm::body_structure);
    out.raw(")");
    const Result<Response> back = parse_response(out.take_joined());
    require(back.has_value());
    const auto& envelope = std::get<FetchResponse>(*back).envelope;
    require(envelope && envelope->subject == digest.envelope.subject && envelope->date == digest.envelope.date);
    require(envelope->to.size() == digest.envelope.to.size());
    return 0;
}

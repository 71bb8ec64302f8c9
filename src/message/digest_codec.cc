// The stored form of a Digest, version 1. Every number is a varint, every string has its length before it.
//
//     u8 version | flags | received | header garbage | preview | references | [sent: µs, zone minutes]
//     envelope | parts | embedded envelopes
//
// A part's offsets are told as distances, so that everyday ones take a byte or two: header_begin from the
// header_begin of the part before it, body_begin from header_begin, end from body_begin.
#include "message/digest.h"

#include "base/codec.h"
#include "message/structure.h"

#include <limits>

namespace posthouse::message {

namespace {

constexpr std::uint8_t version = 1;

enum Flag : std::uint8_t { attachment = 1, eight_bit = 2, eight_bit_header = 4, nul = 8, has_sent = 16 };
constexpr std::uint8_t all_flags = 31;

// A part's optional texts: which of them follow.
enum Present : std::uint16_t {
    parameters = 1,
    id = 2,
    description = 4,
    encoding = 8,
    md5 = 16,
    disposition = 32,
    language = 64,
    location = 128,
    envelope_index = 256,
};
constexpr std::uint16_t all_present = 511;

void put(Writer& out, const std::vector<Parameter>& list)
{
    out.varint(list.size());
    for (const Parameter& parameter : list)
        out.string(parameter.name).string(parameter.value);
}

void put(Writer& out, const std::vector<std::string>& list)
{
    out.varint(list.size());
    for (const std::string& text : list)
        out.string(text);
}

// 0: none; else its length and one.
void put(Writer& out, const std::optional<std::string>& text)
{
    out.varint(text ? text->size() + 1 : 0);
    if (text)
        out.raw(*text);
}

void put(Writer& out, const std::vector<Address>& list)
{
    out.varint(list.size());
    for (const Address& address : list) {
        out.u8(static_cast<std::uint8_t>(address.kind)).string(address.display_name);
        if (address.is_mailbox())
            out.string(address.spec.local_part).string(address.spec.domain).string(address.route);
    }
}

void put(Writer& out, const Envelope& envelope)
{
    put(out, envelope.date);
    put(out, envelope.subject);
    for (const auto* list :
         {&envelope.from, &envelope.sender, &envelope.reply_to, &envelope.to, &envelope.cc, &envelope.bcc})
        put(out, *list);
    put(out, envelope.in_reply_to);
    put(out, envelope.message_id);
}

std::uint16_t present_in(const Part& part)
{
    unsigned bits = 0;
    bits |= part.parameters.empty() ? 0u : parameters;
    bits |= part.id.empty() ? 0u : id;
    bits |= part.description.empty() ? 0u : description;
    bits |= part.encoding == "7bit" ? 0u : encoding;
    bits |= part.md5.empty() ? 0u : md5;
    bits |= part.disposition.empty() ? 0u : disposition;
    bits |= part.language.empty() ? 0u : language;
    bits |= part.location.empty() ? 0u : location;
    bits |= part.envelope == no_part ? 0u : envelope_index;
    return static_cast<std::uint16_t>(bits);
}

void put(Writer& out, const Part& part, std::uint64_t header_begin_before)
{
    const unsigned present = present_in(part);
    out.varint(present).string(part.type).string(part.subtype);
    out.varint(part.header_begin - header_begin_before).varint(part.body_begin - part.header_begin);
    out.varint(part.body_size()).varint(part.lines).varint(static_cast<std::uint64_t>(part.parent + 1));
    if (present & parameters)
        put(out, part.parameters);
    if (present & id)
        out.string(part.id);
    if (present & description)
        out.string(part.description);
    if (present & encoding)
        out.string(part.encoding);
    if (present & md5)
        out.string(part.md5);
    if (present & disposition) {
        out.string(part.disposition);
        put(out, part.disposition_parameters);
    }
    if (present & language)
        put(out, part.language);
    if (present & location)
        out.string(part.location);
    if (present & envelope_index)
        out.varint(static_cast<std::uint64_t>(part.envelope));
}

// Reads back; after the first fault everything is empty and ok() is false.
class Decoder {
public:
    explicit Decoder(std::string_view value) : in_(value) { }
    bool read(Digest& digest);

private:
    // A count of things that take at least `least` bytes each: so memory stays in proportion to the input.
    std::size_t count(std::size_t least)
    {
        const std::uint64_t number = in_.varint();
        return require(number <= in_.rest().size() / least) ? number : 0;
    }
    bool require(bool holds)
    {
        fine_ = fine_ && holds;
        return fine_;
    }
    void get(std::string& text) { text = in_.string(); }
    void get(std::vector<Parameter>& list)
    {
        list.resize(count(2));
        for (Parameter& parameter : list) {
            get(parameter.name);
            get(parameter.value);
        }
    }
    void get(std::vector<std::string>& list)
    {
        list.resize(count(1));
        for (std::string& text : list)
            get(text);
    }
    void get(std::optional<std::string>& text)
    {
        if (const std::uint64_t size = in_.varint())
            text.emplace(in_.raw(size - 1));
    }
    void get(std::vector<Address>& list);
    void get(Envelope& envelope);
    void get(Part& part, const Digest& digest, std::size_t index);
    void get_texts(Part& part, std::uint64_t present);

    Reader in_;
    bool fine_ = true;
};

void Decoder::get(std::vector<Address>& list)
{
    list.resize(count(2));
    for (Address& address : list) {
        const std::uint8_t kind = in_.u8();
        require(kind <= static_cast<std::uint8_t>(Address::Kind::group_end));
        address.kind = static_cast<Address::Kind>(kind);
        get(address.display_name);
        if (address.is_mailbox()) {
            get(address.spec.local_part);
            get(address.spec.domain);
            get(address.route);
        }
    }
}

void Decoder::get(Envelope& envelope)
{
    get(envelope.date);
    get(envelope.subject);
    for (auto* list : {&envelope.from, &envelope.sender, &envelope.reply_to, &envelope.to, &envelope.cc, &envelope.bcc})
        get(*list);
    get(envelope.in_reply_to);
    get(envelope.message_id);
}

void Decoder::get(Part& part, const Digest& digest, std::size_t index)
{
    const std::uint64_t present = in_.varint();
    require(present <= all_present);
    get(part.type);
    get(part.subtype);
    const auto add = [this](std::uint64_t base, std::uint64_t distance) {
        std::uint64_t sum = 0;
        require(!__builtin_add_overflow(base, distance, &sum));
        return sum;
    };
    part.header_begin = add(index == 0 ? 0 : digest.parts[index - 1].header_begin, in_.varint());
    part.body_begin = add(part.header_begin, in_.varint());
    part.end = add(part.body_begin, in_.varint());
    part.lines = in_.varint();
    const std::uint64_t parent = in_.varint();
    require(parent <= index && (parent == 0) == (index == 0));
    part.parent = fine_ ? static_cast<std::int32_t>(parent) - 1 : no_part;
    if (part.parent != no_part) {
        const Part& outer = digest.parts[static_cast<std::size_t>(part.parent)];
        require(part.header_begin >= outer.body_begin && part.end <= outer.end);
        require(outer.is_multipart() || outer.is_message());
    }
    get_texts(part, present);
}

void Decoder::get_texts(Part& part, std::uint64_t present)
{
    // One way only to tell each thing: what is said to follow is not empty.
    if (present & parameters)
        get(part.parameters);
    if (present & id)
        get(part.id);
    if (present & description)
        get(part.description);
    if (present & encoding)
        get(part.encoding);
    if (present & md5)
        get(part.md5);
    if (present & disposition) {
        get(part.disposition);
        get(part.disposition_parameters);
    }
    if (present & language)
        get(part.language);
    if (present & location)
        get(part.location);
    if (present & envelope_index) {
        const std::uint64_t index = in_.varint();
        require(index < std::numeric_limits<std::int32_t>::max());
        part.envelope = fine_ ? static_cast<std::int32_t>(index) : no_part;
    }
    require(present_in(part) == present);
}

bool Decoder::read(Digest& digest)
{
    require(in_.u8() == version);
    const std::uint8_t flags = in_.u8();
    require(flags <= all_flags);
    digest.has_attachment = flags & attachment;
    digest.has_8bit = flags & eight_bit;
    digest.has_8bit_header = flags & eight_bit_header;
    digest.has_nul = flags & nul;
    const std::uint64_t received = in_.varint();
    const std::uint64_t garbage = in_.varint();
    require(received <= std::numeric_limits<std::uint32_t>::max() &&
            garbage <= std::numeric_limits<std::uint32_t>::max());
    digest.received = static_cast<std::uint32_t>(received);
    digest.header_garbage = static_cast<std::uint32_t>(garbage);
    get(digest.preview);
    get(digest.references);
    if (flags & has_sent) {
        const WallTime time{Duration{in_.signed_varint()}};
        const std::int64_t zone = in_.signed_varint();
        require(zone >= -24 * 60 && zone <= 24 * 60);
        digest.sent = DateTime{.time = time, .zone = std::chrono::minutes{zone}};
    }
    get(digest.envelope);
    constexpr std::size_t smallest_part = 8;
    const std::size_t parts = count(smallest_part);
    require(parts > 0);
    digest.parts.resize(fine_ ? parts : 0);
    for (std::size_t i = 0; i < digest.parts.size() && require(in_.ok()); ++i)
        get(digest.parts[i], digest, i);
    constexpr std::size_t smallest_envelope = 10;
    digest.embedded.resize(count(smallest_envelope));
    for (Envelope& envelope : digest.embedded)
        get(envelope);
    return require(in_.ended());
}

// What a listing needs of a stored digest, without a copy.
class EnvelopeReader {
public:
    explicit EnvelopeReader(std::string_view stored) : in_(stored) { }

    bool read(EnvelopeView& envelope)
    {
        fine_ = in_.u8() == version;
        const std::uint8_t flags = in_.u8();
        in_.varint();  // received
        in_.varint();  // garbage
        in_.string();  // preview
        for (std::uint64_t left = in_.varint(); left > 0 && in_.ok(); --left)
            in_.string();
        if (flags & has_sent) {
            in_.signed_varint();
            in_.signed_varint();
        }
        get(envelope.date);
        get(envelope.subject);
        for (auto* list :
             {&envelope.from, &envelope.sender, &envelope.reply_to, &envelope.to, &envelope.cc, &envelope.bcc})
            get(*list);
        get(envelope.in_reply_to);
        get(envelope.message_id);
        return fine_ && in_.ok();
    }

private:
    void get(std::optional<std::string_view>& text)
    {
        const std::uint64_t size = in_.varint();
        text = size == 0 ? std::nullopt : std::optional(in_.raw(size - 1));
    }
    void get(std::vector<AddressView>& list)
    {
        list.clear();
        for (std::uint64_t left = in_.varint(); left > 0 && in_.ok(); --left) {
            AddressView& address = list.emplace_back();
            const std::uint8_t kind = in_.u8();
            fine_ &= kind <= static_cast<std::uint8_t>(Address::Kind::group_end);
            address.kind = static_cast<Address::Kind>(kind);
            address.display_name = in_.string();
            if (address.kind != Address::Kind::mailbox)
                continue;
            address.local_part = in_.string();
            address.domain = in_.string();
            address.route = in_.string();
        }
    }

    Reader in_;
    bool fine_ = true;
};

// The structure's promises (message/digest.h): pre-order, children, embedded envelopes.
bool keeps_promises(const Digest& digest)
{
    const std::vector<Part>& parts = digest.parts;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const Part& part = parts[i];
        // Pre-order: the part before this one is its parent, or inside a sibling that ends here.
        if (i > 0 && i >= parts[static_cast<std::size_t>(part.parent)].after)
            return false;
        if (i > 0 && part.parent != static_cast<std::int32_t>(i) - 1) {
            std::int32_t before = static_cast<std::int32_t>(i) - 1;
            while (before != no_part && parts[static_cast<std::size_t>(before)].parent != part.parent)
                before = parts[static_cast<std::size_t>(before)].parent;
            if (before == no_part || parts[static_cast<std::size_t>(before)].after != i)
                return false;
        }
        const bool has_children = part.after > i + 1;
        if ((part.is_multipart() || part.is_message()) != has_children)
            return false;
        if (part.is_message() &&
            (static_cast<std::size_t>(part.envelope) >= digest.embedded.size() || parts[i + 1].after != part.after))
            return false;
    }
    return true;
}

}  // namespace

std::string encode(const Digest& digest)
{
    Writer out;
    unsigned flags = 0;
    flags |= digest.has_attachment ? attachment : 0u;
    flags |= digest.has_8bit ? eight_bit : 0u;
    flags |= digest.has_8bit_header ? eight_bit_header : 0u;
    flags |= digest.has_nul ? nul : 0u;
    flags |= digest.sent ? has_sent : 0u;
    out.u8(version).u8(static_cast<std::uint8_t>(flags)).varint(digest.received).varint(digest.header_garbage);
    out.string(digest.preview);
    put(out, digest.references);
    if (digest.sent)
        out.signed_varint(digest.sent->time.time_since_epoch().count()).signed_varint(digest.sent->zone.count());
    put(out, digest.envelope);
    out.varint(digest.parts.size());
    std::uint64_t header_begin = 0;
    for (const Part& part : digest.parts) {
        put(out, part, header_begin);
        header_begin = part.header_begin;
    }
    out.varint(digest.embedded.size());
    for (const Envelope& envelope : digest.embedded)
        put(out, envelope);
    return out.take();
}

EnvelopeView view_of(const Envelope& envelope)
{
    const auto list = [](const std::vector<Address>& addresses) {
        std::vector<AddressView> views;
        views.reserve(addresses.size());
        for (const Address& one : addresses)
            views.push_back({one.kind, one.display_name, one.spec.local_part, one.spec.domain, one.route});
        return views;
    };
    return {.date = envelope.date,
            .subject = envelope.subject,
            .from = list(envelope.from),
            .sender = list(envelope.sender),
            .reply_to = list(envelope.reply_to),
            .to = list(envelope.to),
            .cc = list(envelope.cc),
            .bcc = list(envelope.bcc),
            .in_reply_to = envelope.in_reply_to,
            .message_id = envelope.message_id};
}

bool read_envelope(std::string_view stored, EnvelopeView& into) { return EnvelopeReader(stored).read(into); }

Result<Digest> decode_digest(std::string_view value)
{
    Digest digest;
    if (!Decoder(value).read(digest))
        return fail(ErrorCode::corrupt, "a stored digest does not read back");
    fill_after(digest);
    if (!keeps_promises(digest))
        return fail(ErrorCode::corrupt, "a stored digest holds no tree of parts");
    return digest;
}

}  // namespace posthouse::message

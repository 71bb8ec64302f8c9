#include "imap/grammar/message_data.h"
#include "imap/server/body_section.h"
#include "imap/server/fetch.h"

#include <algorithm>

namespace posthouse::imap {

namespace {

using Kind = FetchAttribute::Kind;
using Text = Section::Text;

// A message up to this size is read once for all its sections; of a larger one the ranges asked for.
constexpr std::uint64_t read_whole = 256 * 1024;

bool is_of_entry(Kind kind)
{
    switch (kind) {
    case Kind::uid:
    case Kind::flags:
    case Kind::internal_date:
    case Kind::rfc822_size:
    case Kind::modseq:
    case Kind::email_id:
    case Kind::save_date: return true;
    default: return false;
    }
}

// BODY[], all of it.
bool is_whole(const FetchAttribute& attribute)
{
    return attribute.kind == Kind::rfc822 ||
        (attribute.kind == Kind::section && attribute.section.part.empty() && attribute.section.text == Text::all &&
         !attribute.partial);
}

bool is_of_bytes(Kind kind)
{
    return kind == Kind::section || kind == Kind::rfc822 || kind == Kind::rfc822_header || kind == Kind::rfc822_text;
}

// RFC 3501 section 6.4.5: the RFC822 forms are sections under an older name.
Section section_of(const FetchAttribute& attribute)
{
    switch (attribute.kind) {
    case Kind::rfc822_header: return {.part = {}, .text = Text::header, .fields = {}};
    case Kind::rfc822_text: return {.part = {}, .text = Text::text, .fields = {}};
    case Kind::rfc822: return {};
    default: return attribute.section;
    }
}

bool is_picked(const Section& section)
{
    return section.text == Text::header_fields || section.text == Text::header_fields_not;
}

void write_name(Serializer& out, const FetchAttribute& attribute)
{
    if (attribute.kind != Kind::section) {
        out.fetch_attribute(attribute);
        return;
    }
    out.raw("BODY").section(attribute.section,
                            attribute.partial ? std::optional(attribute.partial->offset) : std::nullopt);
}

void write_of_entry(Session& session, const FetchAttribute& attribute, const FetchedMessage& message)
{
    Serializer& out = session.out();
    const mailbox::Entry& entry = message.entry;
    switch (attribute.kind) {
    case Kind::uid: out.raw("UID ").number(entry.uid); break;
    case Kind::flags:
        out.raw("FLAGS ");
        write_flags(out, entry, *session.view().told->keywords, session.view().recent.contains(entry.uid));
        break;
    case Kind::internal_date: out.raw("INTERNALDATE ").date_time(entry.internal_date); break;
    case Kind::rfc822_size: out.raw("RFC822.SIZE ").number(entry.size); break;
    case Kind::modseq: out.raw("MODSEQ (").number(entry.modseq).raw(")"); break;
    case Kind::email_id: out.raw("EMAILID (").raw(id_text(entry.email)).raw(")"); break;
    case Kind::save_date: out.raw("SAVEDATE ").date_time(entry.save_date); break;
    default: break;
    }
}

void write_of_row(Serializer& out, const FetchAttribute& attribute, const mailbox::Email& email)
{
    switch (attribute.kind) {
    case Kind::envelope:
        out.raw("ENVELOPE ");
        write_envelope(out, email.digest->envelope);
        break;
    case Kind::body:
        out.raw("BODY ");
        write_structure(out, *email.digest, StructureForm::body);
        break;
    case Kind::body_structure:
        out.raw("BODYSTRUCTURE ");
        write_structure(out, *email.digest, StructureForm::body_structure);
        break;
    case Kind::thread_id: out.raw("THREADID (").raw(id_text(email.thread)).raw(")"); break;
    case Kind::preview: out.raw("PREVIEW ").string(email.digest->preview); break;
    default: break;
    }
}

// One response under way: the bytes that were read, and what is written before each attribute.
class Response {
public:
    Response(Session& session, const FetchPlan& plan, const mailbox::Email& email) :
        session_(session), plan_(plan), email_(email)
    {
    }

    // All that can fail is done first, so that a message that cannot be read leaves no half response.
    Task<Result<void>> read()
    {
        if (!std::ranges::any_of(plan_.attributes, [](const auto& a) { return is_of_bytes(a.kind); }))
            co_return Result<void>{};
        if (email_.size <= read_whole) {
            Result<std::string> bytes = co_await session_.account().read_all(email_);
            if (!bytes)
                co_return fail(bytes.error());
            whole_ = std::move(*bytes);
            co_return Result<void>{};
        }
        // Of a large one only what is picked from its header, which is at most 1 MiB.
        for (const FetchAttribute& attribute : plan_.attributes) {
            if (!is_of_bytes(attribute.kind) || !is_picked(attribute.section))
                continue;
            const std::optional<Octets> octets = octets_of(email_, attribute.section);
            std::string header;
            if (octets) {
                const Result<void> got = co_await collect(*octets, header);
                if (!got)
                    co_return got;
            }
            headers_.push_back(std::move(header));
        }
        co_return Result<void>{};
    }

    Task<Result<void>> write_bytes(const FetchAttribute& attribute)
    {
        Serializer& out = session_.out();
        write_name(out, attribute);
        out.raw(" ");
        const Section section = section_of(attribute);
        const std::optional<Octets> octets = octets_of(email_, section);
        if (!octets) {
            out.nil();
            co_return Result<void>{};
        }
        if (is_picked(section)) {
            const std::string picked = picked_fields(header_for(*octets), section);
            const Octets part = clipped({0, picked.size()}, attribute.partial);
            out.literal(picked.substr(part.begin, part.size()));
            co_return Result<void>{};
        }
        const Octets part = clipped(*octets, attribute.partial);
        if (!whole_) {
            co_return co_await stream(part);
        }
        if (part.size() == whole_->size() && is_last_of_bytes(attribute))
            out.literal(std::move(*whole_));  // BODY[] alone: no copy
        else
            out.literal(whole_->substr(part.begin, part.size()));
        co_return Result<void>{};
    }

private:
    Task<Result<void>> collect(Octets octets, std::string& into)
    {
        const auto keep = [&into](std::string piece) -> Task<bool> { return append_to(into, std::move(piece)); };
        co_return co_await session_.account().read(email_, octets.begin, octets.size(), keep);
    }
    static Task<bool> append_to(std::string& into, std::string piece)
    {
        into += piece;
        co_return true;
    }

    // From the store to the wire, piece by piece.
    Task<Result<void>> stream(Octets octets)
    {
        session_.out().literal_head(octets.size());
        left_ = octets.size();
        const auto pass_on = [this](std::string piece) -> Task<bool> { return send(std::move(piece)); };
        const Result<void> read = co_await session_.account().read(email_, octets.begin, octets.size(), pass_on);
        if (read && left_ == 0)
            co_return Result<void>{};
        if (!read)
            session_.services().log.write(LogLevel::error, "imap/server", session_.id(),
                                          "a message could not be read to its end; the session is closed",
                                          {{"why", read.error().text}});
        co_return fail(ErrorCode::closed);
    }
    Task<bool> send(std::string piece)
    {
        if (piece.size() > left_)
            co_return false;
        left_ -= piece.size();
        const Result<void> sent = co_await session_.channel().send(std::move(piece));
        co_return sent.has_value();
    }

    std::string_view header_for(Octets octets)
    {
        if (whole_)
            return std::string_view(*whole_).substr(octets.begin, octets.size());
        return headers_[next_header_++];
    }
    bool is_last_of_bytes(const FetchAttribute& attribute) const
    {
        return std::none_of(plan_.attributes.begin() + (&attribute - plan_.attributes.data()) + 1,
                            plan_.attributes.end(), [](const auto& a) { return is_of_bytes(a.kind); });
    }

    Session& session_;
    const FetchPlan& plan_;
    const mailbox::Email& email_;
    std::optional<std::string> whole_;
    std::vector<std::string> headers_;  // of a large message, in the attributes' order
    std::size_t next_header_ = 0;
    std::uint64_t left_ = 0;
};

void begin(Serializer& out, std::uint32_t number) { out.raw("* ").number(number).raw(" FETCH ("); }

void write_extra_flags(Session& session, const FetchedMessage& message)
{
    if (!message.with_flags)
        return;
    session.out().raw(" ");
    write_of_entry(session, {.kind = Kind::flags}, message);
    if (!session.enabled().condstore)
        return;
    session.out().raw(" ");
    write_of_entry(session, {.kind = Kind::modseq}, message);
}

}  // namespace

FetchPlan::FetchPlan(std::vector<FetchAttribute> asked, bool by_uid, bool with_modseq) : attributes(std::move(asked))
{
    const auto has = [this](Kind kind) {
        return std::ranges::find(attributes, kind, &FetchAttribute::kind) != attributes.end();
    };
    // RFC 3501 section 6.4.8, RFC 7162 section 3.1.4.1.
    if (by_uid && !has(Kind::uid))
        attributes.insert(attributes.begin(), {.kind = Kind::uid});
    if (with_modseq && !has(Kind::modseq))
        attributes.push_back({.kind = Kind::modseq});
    tells_flags = has(Kind::flags);
    reads_whole = std::ranges::any_of(attributes, is_whole);
    reads_stored =
        std::ranges::count_if(attributes, is_whole) <= 1 && std::ranges::all_of(attributes, [](const auto& a) {
            return is_of_entry(a.kind) || a.kind == Kind::envelope || a.kind == Kind::thread_id || is_whole(a);
        });
    for (const FetchAttribute& attribute : attributes) {
        needs_row |= !is_of_entry(attribute.kind);
        sets_seen |= (attribute.kind == Kind::section && !attribute.peek) || attribute.kind == Kind::rfc822 ||
            attribute.kind == Kind::rfc822_text;
    }
}

void write_from_entry(Session& session, const FetchPlan& plan, const FetchedMessage& message)
{
    begin(session.out(), message.number);
    for (std::size_t i = 0; i < plan.attributes.size(); ++i) {
        if (i > 0)
            session.out().raw(" ");
        write_of_entry(session, plan.attributes[i], message);
    }
    session.out().raw(")\r\n");
}

bool write_from_stored(Session& session, const FetchPlan& plan, const FetchedMessage& message,
                       const mailbox::StoredEmail& email, std::optional<std::string> whole,
                       message::EnvelopeView& scratch)
{
    Serializer& out = session.out();
    for (const FetchAttribute& attribute : plan.attributes)
        if (attribute.kind == Kind::envelope && !message::read_envelope(email.digest(), scratch))
            return false;
    begin(out, message.number);
    for (std::size_t i = 0; i < plan.attributes.size(); ++i) {
        const FetchAttribute& attribute = plan.attributes[i];
        if (i > 0)
            out.raw(" ");
        if (attribute.kind == Kind::envelope) {
            out.raw("ENVELOPE ");
            write_envelope(out, scratch);
        } else if (attribute.kind == Kind::thread_id) {
            out.raw("THREADID (").raw(id_text(email.thread)).raw(")");
        } else if (is_whole(attribute)) {
            write_name(out, attribute);
            out.raw(" ").literal(std::move(*whole));
        } else {
            write_of_entry(session, attribute, message);
        }
    }
    write_extra_flags(session, message);
    out.raw(")\r\n");
    return true;
}

Task<Result<void>> write_from_row(Session& session, const FetchPlan& plan, FetchedMessage message, mailbox::Email email)
{
    Response response(session, plan, email);
    const Result<void> read = co_await response.read();
    if (!read)
        co_return read;
    begin(session.out(), message.number);
    for (std::size_t i = 0; i < plan.attributes.size(); ++i) {
        const FetchAttribute& attribute = plan.attributes[i];
        if (i > 0)
            session.out().raw(" ");
        if (is_of_entry(attribute.kind)) {
            write_of_entry(session, attribute, message);
        } else if (!is_of_bytes(attribute.kind)) {
            write_of_row(session.out(), attribute, email);
        } else {
            const Result<void> written = co_await response.write_bytes(attribute);
            if (!written)
                co_return fail(ErrorCode::closed);
        }
    }
    write_extra_flags(session, message);
    session.out().raw(")\r\n");
    co_return Result<void>{};
}

}  // namespace posthouse::imap

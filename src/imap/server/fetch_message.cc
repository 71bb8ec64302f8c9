#include "imap/grammar/message_data.h"
#include "imap/server/fetch.h"
#include "imap/server/fetch_bytes.h"

#include <algorithm>

namespace posthouse::imap {

namespace {

using Kind = FetchAttribute::Kind;

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
        (attribute.kind == Kind::section && attribute.section == Section() && !attribute.partial);
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

// What a FETCH that has set \Seen tells of it; the UID and the mod-sequence by RFC 7162 section 3.2.4.
void write_extra_flags(Session& session, const FetchPlan& plan, const FetchedMessage& message)
{
    if (!message.is_fresh)
        return;
    const auto add = [&](Kind kind) {
        session.out().raw(" ");
        write_of_entry(session, {.kind = kind}, message);
    };
    if (!plan.tells_flags)
        add(Kind::flags);
    if (!session.enabled().condstore)
        return;
    if (!plan.tells_modseq)
        add(Kind::modseq);
    if (!plan.tells_uid && !session.enabled().uid_only)
        add(Kind::uid);
}

}  // namespace

FetchPlan::FetchPlan(std::vector<FetchAttribute> asked, bool with_uid, bool with_modseq) : attributes(std::move(asked))
{
    const auto has = [this](Kind kind) {
        return std::ranges::find(attributes, kind, &FetchAttribute::kind) != attributes.end();
    };
    // RFC 3501 section 6.4.8, RFC 7162 section 3.1.4.1.
    if (with_uid && !has(Kind::uid))
        attributes.insert(attributes.begin(), {.kind = Kind::uid});
    if (with_modseq && !has(Kind::modseq))
        attributes.push_back({.kind = Kind::modseq});
    tells_uid = has(Kind::uid);
    tells_flags = has(Kind::flags);
    tells_modseq = has(Kind::modseq);
    reads_whole = std::ranges::any_of(attributes, is_whole);
    reads_stored =
        std::ranges::count_if(attributes, is_whole) <= 1 && std::ranges::all_of(attributes, [](const auto& a) {
            return is_of_entry(a.kind) || a.kind == Kind::envelope || a.kind == Kind::thread_id || is_whole(a);
        });
    for (const FetchAttribute& attribute : attributes) {
        needs_row |= !is_of_entry(attribute.kind);
        const bool has_peek = attribute.kind == Kind::section || attribute.kind == Kind::binary;
        sets_seen |=
            (has_peek && !attribute.peek) || attribute.kind == Kind::rfc822 || attribute.kind == Kind::rfc822_text;
    }
}

void write_from_entry(Session& session, const FetchPlan& plan, const FetchedMessage& message)
{
    begin_fetch(session.out(), message.number, message.entry.uid, session.dialect());
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
    begin_fetch(out, message.number, message.entry.uid, session.dialect());
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
            write_section_name(out, attribute);
            out.raw(" ").literal(std::move(*whole));
        } else {
            write_of_entry(session, attribute, message);
        }
    }
    write_extra_flags(session, plan, message);
    out.raw(")\r\n");
    return true;
}

Task<Result<void>> write_from_row(Session& session, const FetchPlan& plan, FetchedMessage message, mailbox::Email email)
{
    MessageBytes bytes(session, plan.attributes, email);
    const Result<void> read = co_await bytes.read();
    if (!read)
        co_return read;
    begin_fetch(session.out(), message.number, message.entry.uid, session.dialect());
    for (std::size_t i = 0; i < plan.attributes.size(); ++i) {
        const FetchAttribute& attribute = plan.attributes[i];
        if (i > 0)
            session.out().raw(" ");
        if (is_of_entry(attribute.kind)) {
            write_of_entry(session, attribute, message);
        } else if (!is_of_bytes(attribute.kind)) {
            write_of_row(session.out(), attribute, email);
        } else {
            const Result<void> written = co_await bytes.write(attribute);
            if (!written)
                co_return fail(ErrorCode::closed);
        }
    }
    write_extra_flags(session, plan, message);
    session.out().raw(")\r\n");
    co_return Result<void>{};
}

}  // namespace posthouse::imap

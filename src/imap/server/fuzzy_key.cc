#include "imap/server/fuzzy_key.h"

#include "imap/server/search_match.h"
#include "message/header.h"

namespace posthouse::imap {

namespace {

using Kind = SearchKey::Kind;

// What a place counts in TEXT, of 100.
constexpr unsigned in_subject = 100;
constexpr unsigned in_addresses = 80;
constexpr unsigned elsewhere = 40;

bool is_text(Kind kind)
{
    switch (kind) {
    case Kind::bcc:
    case Kind::cc:
    case Kind::from:
    case Kind::to:
    case Kind::subject:
    case Kind::header:
    case Kind::body:
    case Kind::text: return true;
    default: return false;
    }
}

std::string subject_of(const message::Envelope& envelope)
{
    return folded(message::decode_text(envelope.subject.value_or("")));
}

}  // namespace

// RFC 6203 section 5: what a flag, a date or a size is, is asked exactly here also within FUZZY.
std::optional<FuzzyKey> FuzzyKey::make(const SearchKey& key, std::string_view folded)
{
    if (!key.fuzzy || !is_text(key.kind))
        return std::nullopt;
    FuzzyKey made(key, folded);
    if (made.words() == 0)  // "" and "!!" are searched as they are
        return std::nullopt;
    return made;
}

std::optional<unsigned> FuzzyKey::points(const Candidate& candidate) const
{
    WordKey::Nearness nearness = words_.nothing();
    switch (key_->kind) {
    case Kind::header:
        if (candidate.header == nullptr)
            return std::nullopt;
        words_.look(candidate.header->values(key_->field), 100, nearness);
        return WordKey::total(nearness);
    case Kind::body:
        if (candidate.folded_body == nullptr)
            return std::nullopt;
        words_.look(*candidate.folded_body, 100, nearness);
        return WordKey::total(nearness);
    case Kind::text:
        if (candidate.header == nullptr)
            return std::nullopt;
        words_.look(candidate.header->whole(), elsewhere, nearness);
        if (WordKey::total(nearness) == 0) {
            if (candidate.folded_body == nullptr)
                return std::nullopt;
            words_.look(*candidate.folded_body, elsewhere, nearness);
        }
        return WordKey::total(nearness) == 0 ? 0 : points_of_text(candidate, std::move(nearness));
    default: break;
    }
    if (candidate.email == nullptr)
        return std::nullopt;
    const message::Envelope& envelope = candidate.email->digest->envelope;
    if (key_->kind == Kind::subject)
        words_.look(subject_of(envelope), 100, nearness);
    else
        words_.look(folded_addresses(addresses_of(key_->kind, envelope)), 100, nearness);
    return WordKey::total(nearness);
}

unsigned FuzzyKey::points_of_hit(const Candidate& candidate, bool whole_words) const
{
    const unsigned near = whole_words ? WordKey::whole_word : WordKey::beginning;
    if (key_->kind == Kind::body)
        return near;
    if (key_->kind == Kind::text)
        return points_of_text(candidate,
                              WordKey::Nearness(words_.size(), static_cast<std::uint8_t>(near * elsewhere / 100)));
    return points(candidate).value_or(0);
}

// The words are somewhere: do they stand where they count more?
unsigned FuzzyKey::points_of_text(const Candidate& candidate, WordKey::Nearness nearness) const
{
    const message::Envelope& envelope = candidate.email->digest->envelope;
    words_.look(subject_of(envelope), in_subject, nearness);
    for (const Kind kind : {Kind::from, Kind::to, Kind::cc})
        words_.look(folded_addresses(addresses_of(kind, envelope)), in_addresses, nearness);
    return WordKey::total(nearness);
}

}  // namespace posthouse::imap

#include "imap/server/sort_key.h"

#include "imap/server/base_subject.h"
#include "imap/server/search_text.h"
#include "message/header.h"

#include <algorithm>

namespace posthouse::imap {

namespace {

using Key = SortCriterion::Key;
using message::Address;

std::int64_t microseconds(WallTime time) { return time.time_since_epoch() / 1us; }

// Letters count as capitals (RFC 5051 section 2, RFC 4790 section 9.2): `_` and `[` stand behind them.
std::string collated(std::string folded)
{
    std::ranges::transform(folded, folded.begin(), ascii_upper);
    return folded;
}

// RFC 5256 section 3: addr-mailbox of the first address, as ENVELOPE has it: of a group its name.
std::string mailbox_part(const std::vector<Address>& addresses)
{
    if (addresses.empty())
        return {};
    const Address& first = addresses.front();
    return folded(first.is_mailbox() ? first.spec.local_part : first.display_name);
}

// RFC 5957 section 3: the first address's display name, decoded; without one its address.
std::string display_part(const std::vector<Address>& addresses)
{
    if (addresses.empty())
        return {};
    const Address& first = addresses.front();
    if (!first.display_name.empty())
        return folded(message::decode_text(first.display_name));
    return folded(first.spec.text());
}

}  // namespace

bool needs_row(Key key) { return key != Key::arrival && key != Key::size && key != Key::relevancy; }

std::int64_t sent_date(const mailbox::Entry& entry, const mailbox::Email& email)
{
    const auto& sent = email.digest->sent;
    return microseconds(sent ? sent->time : entry.internal_date);
}

SortValue sort_value(Key key, const mailbox::Entry& entry, const mailbox::Email* email)
{
    if (key == Key::arrival)
        return {.number = microseconds(entry.internal_date), .text = {}};
    if (key == Key::size)
        return {.number = static_cast<std::int64_t>(entry.size), .text = {}};
    if (email == nullptr)
        return {};
    const message::Envelope& envelope = email->digest->envelope;
    switch (key) {
    case Key::cc: return {.number = 0, .text = collated(mailbox_part(envelope.cc))};
    case Key::date: return {.number = sent_date(entry, *email), .text = {}};
    case Key::from: return {.number = 0, .text = collated(mailbox_part(envelope.from))};
    case Key::subject: return {.number = 0, .text = collated(base_subject(envelope.subject.value_or("")).text)};
    case Key::to: return {.number = 0, .text = collated(mailbox_part(envelope.to))};
    case Key::display_from: return {.number = 0, .text = collated(display_part(envelope.from))};
    case Key::display_to: return {.number = 0, .text = collated(display_part(envelope.to))};
    default: return {};
    }
}

SortRecord sort_record(const std::vector<SortCriterion>& criteria, std::uint32_t position, const mailbox::Entry& entry,
                       const mailbox::Email* email, std::uint8_t relevancy)
{
    SortRecord record{.position = position, .values = {}};
    record.values.reserve(criteria.size());
    for (const SortCriterion& criterion : criteria) {
        if (criterion.key == Key::relevancy)  // RFC 6203 section 6: the highest first
            record.values.push_back({.number = -std::int64_t{relevancy}, .text = {}});
        else
            record.values.push_back(sort_value(criterion.key, entry, email));
    }
    return record;
}

bool comes_before(const SortRecord& a, const SortRecord& b, const std::vector<SortCriterion>& criteria)
{
    for (std::size_t i = 0; i < criteria.size(); ++i) {
        const auto order = a.values[i] <=> b.values[i];
        if (order != 0)
            return criteria[i].reverse ? order > 0 : order < 0;
    }
    return a.position < b.position;
}

void sort_records(std::vector<SortRecord>& records, const std::vector<SortCriterion>& criteria)
{
    std::ranges::sort(records, [&](const SortRecord& a, const SortRecord& b) { return comes_before(a, b, criteria); });
}

}  // namespace posthouse::imap

#include "imap/server/search_match.h"

#include "imap/server/search_text.h"
#include "message/header.h"

#include <algorithm>

namespace posthouse::imap {

namespace {

using Kind = SearchKey::Kind;
using std::chrono::floor;
using std::chrono::sys_days;

Answer sure(bool is_so) { return is_so ? Answer::yes : Answer::no; }

sys_days day_of(WallTime time) { return floor<std::chrono::days>(time); }

// RFC 3501 section 6.4.4: the Date field's day "disregarding time and timezone": as it is written.
sys_days day_of(const message::DateTime& date) { return floor<std::chrono::days>(date.time + date.zone); }

Answer compare_day(Kind kind, sys_days day, sys_days wanted)
{
    switch (kind) {
    case Kind::before:
    case Kind::sent_before:
    case Kind::saved_before: return sure(day < wanted);
    case Kind::on:
    case Kind::sent_on:
    case Kind::saved_on: return sure(day == wanted);
    default: return sure(day >= wanted);
    }
}

std::optional<mailbox::TextQuery::In> place_of(Kind kind)
{
    using In = mailbox::TextQuery::In;
    switch (kind) {
    case Kind::text: return In::text;
    case Kind::body: return In::body;
    case Kind::header: return In::header;
    case Kind::subject: return In::subject;
    case Kind::from: return In::from;
    case Kind::to: return In::to;
    case Kind::cc: return In::cc;
    case Kind::bcc: return In::bcc;
    default: return std::nullopt;
    }
}

std::optional<std::size_t> bit_of(std::string_view flag, const mailbox::KeywordTable& keywords)
{
    if (const auto system = mailbox::system_flag(flag))
        return static_cast<std::size_t>(*system);
    return keywords.bit_of(flag);
}

// With unknowns: AND is no as soon as one is no, OR is yes as soon as one is yes.
Answer all_of(std::span<const Answer> operands)
{
    Answer whole = Answer::yes;
    for (const Answer operand : operands) {
        if (operand == Answer::no)
            return Answer::no;
        if (operand == Answer::unknown)
            whole = Answer::unknown;
    }
    return whole;
}

Answer one_of(Answer left, Answer right)
{
    if (left == Answer::yes || right == Answer::yes)
        return Answer::yes;
    return left == Answer::no && right == Answer::no ? Answer::no : Answer::unknown;
}

Answer negated(Answer answer)
{
    return answer == Answer::unknown ? answer : answer == Answer::yes ? Answer::no : Answer::yes;
}

}  // namespace

const std::vector<message::Address>& addresses_of(Kind kind, const message::Envelope& envelope)
{
    switch (kind) {
    case Kind::bcc: return envelope.bcc;
    case Kind::cc: return envelope.cc;
    case Kind::to: return envelope.to;
    default: return envelope.from;
    }
}

const mailbox::Entry& SearchScope::entry_at(std::uint32_t position) const
{
    const mailbox::Entry& entry = numbering->at(position);
    if (told == numbering)
        return entry;
    const mailbox::Entry* newer = told->find(entry.uid);
    return newer == nullptr ? entry : *newer;
}

std::expected<Matcher, Reply> Matcher::make(const SearchProgram& program, const SearchScope& scope, WallTime now,
                                            Ranking ranking)
{
    Matcher matcher;
    matcher.now_ = now;
    matcher.ranking_ = ranking;
    std::size_t body_keys = 0;
    for (const SearchKey& key : program.keys) {
        Ready ready{.key = &key, .text = {}, .bit = {}, .numbers = {}};
        switch (key.kind) {
        case Kind::flag:
        case Kind::no_flag: ready.bit = bit_of(key.text, *scope.told->keywords); break;
        case Kind::numbers:
            if (scope.uid_only)
                return std::unexpected(Reply::bad("SEARCH: by UID only, as you wished", "UIDREQUIRED"));
            ready.numbers = positions_there(*scope.numbering, key.set, scope.saved);
            break;
        case Kind::uids: ready.numbers = *positions_of(*scope.numbering, key.set, true, scope.saved); break;
        case Kind::saved: ready.numbers = positions_of_uids(*scope.numbering, scope.saved); break;
        case Kind::text:
        case Kind::body:
            matcher.needs_body_ = true;
            ++body_keys;
            [[fallthrough]];
        case Kind::header:
        case Kind::bcc:
        case Kind::cc:
        case Kind::from:
        case Kind::to:
        case Kind::subject:
            ready.text = folded_key(key.text, program.charset).value_or("");
            ready.fuzzy = FuzzyKey::make(key, ready.text);
            body_keys += ready.fuzzy ? ready.fuzzy->words() : 0;
            break;
        default: break;
        }
        if (body_keys > most_body_keys)
            return std::unexpected(Reply::no("so many searches of bodies at once are not done here", "LIMIT"));
        matcher.keys_.push_back(std::move(ready));
    }
    return matcher;
}

bool Matcher::asks_for_whole(const Ready& ready) const
{
    return ranking_ == Ranking::by_relevancy && ready.fuzzy.has_value();
}

std::vector<mailbox::TextQuery> Matcher::queries() const
{
    using How = mailbox::TextQuery::How;
    std::vector<mailbox::TextQuery> queries;
    for (const Ready& ready : keys_) {
        const auto in = place_of(ready.key->kind);
        if (!in)
            continue;
        queries.push_back({.in = *in, .folded = ready.text, .how = ready.fuzzy ? How::beginnings : How::part});
        if (asks_for_whole(ready))
            queries.push_back({.in = *in, .folded = ready.text, .how = How::whole_words});
    }
    return queries;
}

void Matcher::learn(std::vector<mailbox::TextAnswer> answers)
{
    std::size_t next = 0;
    for (Ready& ready : keys_) {
        if (!place_of(ready.key->kind) || next >= answers.size())
            continue;
        ready.hints = std::move(answers[next++]);
        if (asks_for_whole(ready) && next < answers.size())
            ready.whole = std::move(answers[next++]);
    }
}

Answer Matcher::match(const Candidate& candidate)
{
    stack_.clear();
    for (Ready& ready : keys_) {
        switch (ready.key->kind) {
        case Kind::negation: stack_.back() = negated(stack_.back()); break;
        case Kind::any_of: {
            const Answer right = stack_.back();
            stack_.pop_back();
            const Answer left = stack_.back();
            stack_.back() = one_of(left, right);
            // How near it comes is known only when both are.
            if (ranking_ == Ranking::by_relevancy && (left == Answer::unknown || right == Answer::unknown))
                stack_.back() = Answer::unknown;
            break;
        }
        case Kind::all_of: {
            const auto count = static_cast<std::size_t>(ready.key->number);
            const Answer whole = all_of(std::span(stack_).last(count));
            stack_.resize(stack_.size() - count);
            stack_.push_back(whole);
            break;
        }
        default: stack_.push_back(answer(ready, candidate));
        }
    }
    return stack_.back();
}

Answer Matcher::answer_by_words(Ready& ready, const Candidate& candidate)
{
    const std::optional<unsigned> points = ready.fuzzy->points(candidate);
    if (!points)
        return Answer::unknown;
    if (ranking_ == Ranking::by_relevancy && *points > 0) {
        if (ready.points.size() <= candidate.position)
            ready.points.resize(candidate.position + std::size_t{1});
        ready.points[candidate.position] = static_cast<std::uint8_t>(*points);
    }
    return sure(*points > 0);
}

std::uint8_t Matcher::relevancy(const Candidate& candidate) const
{
    unsigned sum = 0;
    unsigned keys = 0;
    for (const Ready& ready : keys_) {
        if (!ready.fuzzy || ready.key->negated)
            continue;
        ++keys;
        const std::size_t position = candidate.position;
        if (position < ready.points.size() && ready.points[position] > 0)
            sum += ready.points[position];
        else if (position < ready.hints.size() && ready.hints[position] == mailbox::TextHint::yes)
            sum += ready.fuzzy->points_of_hit(
                candidate, position < ready.whole.size() && ready.whole[position] == mailbox::TextHint::yes);
    }
    return static_cast<std::uint8_t>(keys == 0 ? 100 : std::max(sum / keys, 1u));
}

Answer Matcher::answer(Ready& ready, const Candidate& candidate)
{
    const SearchKey& key = *ready.key;
    const mailbox::Entry& entry = *candidate.entry;
    if (candidate.position < ready.hints.size()) {
        const mailbox::TextHint hint = ready.hints[candidate.position];
        // HEADER asks for one field, the index knows of all together.
        if (hint == mailbox::TextHint::no || (hint == mailbox::TextHint::yes && key.kind != Kind::header))
            return sure(hint == mailbox::TextHint::yes);
    }
    if (ready.fuzzy)
        return answer_by_words(ready, candidate);
    const auto since = [&](WallTime time) { return std::chrono::duration_cast<std::chrono::seconds>(now_ - time); };
    switch (key.kind) {
    case Kind::all: return Answer::yes;
    case Kind::flag: return sure(ready.bit && entry.flags.has(*ready.bit));
    case Kind::no_flag: return sure(!ready.bit || !entry.flags.has(*ready.bit));
    case Kind::recent: return sure(candidate.is_recent);
    case Kind::old: return sure(!candidate.is_recent);
    case Kind::fresh: return sure(candidate.is_recent && !entry.flags.has(mailbox::SystemFlag::seen));
    case Kind::numbers:
    case Kind::saved:
    case Kind::uids: return sure(ready.numbers.contains(candidate.position + 1));
    case Kind::larger: return sure(entry.size > key.number);
    case Kind::smaller: return sure(entry.size < key.number);
    case Kind::before:
    case Kind::on:
    case Kind::since: return compare_day(key.kind, day_of(entry.internal_date), key.day);
    case Kind::saved_before:
    case Kind::saved_on:
    case Kind::saved_since: return compare_day(key.kind, day_of(entry.save_date), key.day);
    case Kind::save_date_supported: return Answer::yes;
    case Kind::older: return sure(since(entry.internal_date).count() >= static_cast<std::int64_t>(key.number));
    case Kind::younger: return sure(since(entry.internal_date).count() <= static_cast<std::int64_t>(key.number));
    case Kind::modseq: return sure(entry.modseq >= key.number);
    case Kind::email_id: return sure(id_text(entry.email) == key.text);
    case Kind::header:
        if (candidate.header == nullptr)
            return Answer::unknown;
        return sure(candidate.header->has(key.field, ready.text));
    case Kind::body:
        if (candidate.folded_body == nullptr)
            return Answer::unknown;
        return sure(contains(*candidate.folded_body, ready.text));
    case Kind::text:
        if (candidate.header != nullptr && candidate.header->contains_anywhere(ready.text))
            return Answer::yes;
        if (candidate.folded_body == nullptr)
            return Answer::unknown;
        return sure(contains(*candidate.folded_body, ready.text));
    default: break;
    }
    if (candidate.email == nullptr)
        return Answer::unknown;
    const message::Digest& digest = *candidate.email->digest;
    switch (key.kind) {
    case Kind::thread_id: return sure(id_text(candidate.email->thread) == key.text);
    case Kind::sent_before:
    case Kind::sent_on:
    case Kind::sent_since: return digest.sent ? compare_day(key.kind, day_of(*digest.sent), key.day) : Answer::no;
    case Kind::subject:
        return sure(contains(folded(message::decode_text(digest.envelope.subject.value_or(""))), ready.text));
    default: return sure(contains(folded_addresses(addresses_of(key.kind, digest.envelope)), ready.text));
    }
}

}  // namespace posthouse::imap

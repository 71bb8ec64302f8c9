#include "imap/server/searcher.h"

#include "imap/server/rows_of.h"
#include "imap/server/search_text.h"
#include "message/body.h"

#include <algorithm>

namespace posthouse::imap {

namespace {

constexpr std::size_t batch_size = 128;
constexpr std::size_t read_at_once = 32;  // messages

Task<bool> append_to(std::string& into, std::string piece)
{
    into += piece;
    co_return true;
}

}  // namespace

SearchScope scope_of(Session& session)
{
    const View& view = session.view();
    return {view.account, view.numbering, view.told, view.recent, view.saved, session.enabled().uid_only};
}

Searcher::Searcher(Session& session, Matcher matcher, SearchScope scope, std::string tag, Ranking ranking) :
    matcher_(std::move(matcher)),
    scope_(std::move(scope)),
    progress_(session, std::move(tag), "searching"),
    ranking_(ranking)
{
}

std::expected<Searcher, Reply> Searcher::make(Session& session, const SearchProgram& program, SearchScope scope,
                                              std::string tag, Ranking ranking)
{
    if (!is_known_charset(program.charset))
        return std::unexpected(
            Reply::no("this charset is not known here", "BADCHARSET " + std::string(known_charsets)));
    auto matcher = Matcher::make(program, scope, session.services().clock.now(), ranking);
    if (!matcher)
        return std::unexpected(std::move(matcher.error()));
    return Searcher(session, std::move(*matcher), std::move(scope), std::move(tag), ranking);
}

Task<Result<void>> Searcher::run()
{
    mailbox::NumberSet all;
    if (scope_.numbering->size() > 0)
        all.add({1, scope_.numbering->size()});
    co_return co_await run(std::move(all));
}

Task<Result<void>> Searcher::run(mailbox::NumberSet positions)
{
    const std::uint64_t count = positions.count();
    std::uint64_t done = 0;
    std::vector<mailbox::TextQuery> queries = matcher_.queries();
    if (!queries.empty() && count > batch_size) {
        // Without the index every message is read: slower, and the same answer.
        Result<std::vector<mailbox::TextAnswer>> answers =
            co_await scope_.account->look_up(scope_.numbering, std::move(queries));
        if (answers)
            matcher_.learn(*std::move(answers));
    }
    std::vector<std::uint32_t> undecided;
    for (const auto& range : positions.ranges()) {
        for (std::uint32_t position = range.first - 1; position < range.last; ++position) {
            const Answer answer = matcher_.match(candidate(position));
            if (answer == Answer::yes)
                found_.push_back(position);
            if (answer == Answer::unknown)
                undecided.push_back(position);
            if (undecided.size() < batch_size && ++done % 1024 != 0)
                continue;
            const Result<void> read = co_await decide(std::exchange(undecided, {}));
            if (!read)
                co_return read;
            const Result<void> paused = co_await progress_.pause(done, count);
            if (!paused)
                co_return paused;
        }
    }
    const Result<void> read = co_await decide(std::move(undecided));
    if (!read)
        co_return read;
    std::ranges::sort(found_);
    if (ranking_ == Ranking::by_relevancy)
        co_return co_await rank();
    co_return Result<void>{};
}

Task<Result<void>> Searcher::rank()
{
    relevancies_.reserve(found_.size());
    const auto add = [this](std::uint32_t position, const mailbox::Entry&, const mailbox::Email* email) {
        Candidate now = candidate(position);
        now.email = email;
        // What cannot be read is hardly what was looked for.
        relevancies_.push_back(email == nullptr ? 1 : matcher_.relevancy(now));
    };
    co_return co_await for_each_row(scope_, found_, progress_, add);
}

std::uint8_t Searcher::relevancy_of(std::uint32_t position) const
{
    const auto found = std::ranges::lower_bound(found_, position);
    const auto index = static_cast<std::size_t>(found - found_.begin());
    return index < relevancies_.size() && *found == position ? relevancies_[index] : 0;
}

Candidate Searcher::candidate(std::uint32_t position) const
{
    const mailbox::Entry& entry = scope_.entry_at(position);
    return {.position = position, .entry = &entry, .is_recent = scope_.recent.contains(entry.uid)};
}

// Those that their entries could not decide.
Task<Result<void>> Searcher::decide(std::vector<std::uint32_t> positions)
{
    if (positions.empty())
        co_return Result<void>{};
    std::vector<mailbox::EmailId> ids;
    for (const std::uint32_t position : positions)
        ids.push_back(scope_.entry_at(position).email);
    const Result<std::vector<Result<mailbox::Email>>> rows = co_await scope_.account->emails(std::move(ids));
    if (!rows)
        co_return fail(rows.error());
    std::vector<std::size_t> unread;
    for (std::size_t i = 0; i < positions.size() && i < rows->size(); ++i) {
        if (!(*rows)[i])
            continue;  // what cannot be read is not found
        Candidate now = candidate(positions[i]);
        now.email = &*(*rows)[i];
        const Answer answer = matcher_.match(now);
        if (answer == Answer::yes)
            found_.push_back(positions[i]);
        if (answer == Answer::unknown)
            unread.push_back(i);
    }
    for (std::size_t from = 0; from < unread.size(); from += read_at_once) {
        const std::size_t count = std::min(read_at_once, unread.size() - from);
        std::vector<const mailbox::Email*> emails;
        for (std::size_t i = from; i < from + count; ++i)
            emails.push_back(&*(*rows)[unread[i]]);
        const std::vector<std::optional<std::string>> wholes = co_await read_together(emails);
        for (std::size_t i = 0; i < count; ++i) {
            const std::uint32_t position = positions[unread[from + i]];
            Candidate now = candidate(position);
            now.email = emails[i];
            const Result<bool> fits = co_await fits_by_bytes(now, wholes[i] ? &*wholes[i] : nullptr);
            if (fits && *fits)
                found_.push_back(position);
            const Result<void> paused = co_await progress_.pause(position, scope_.numbering->size());
            if (!paused)
                co_return paused;
        }
    }
    co_return Result<void>{};
}

// The whole messages; nullopt: it must be read by itself (a large one, a guest's, damage).
Task<std::vector<std::optional<std::string>>> Searcher::read_together(std::vector<const mailbox::Email*> emails)
{
    std::vector<std::optional<std::string>> wholes(emails.size());
    std::vector<mailbox::EmailId> ids;
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < emails.size(); ++i)
        if (emails[i]->blob == 0) {
            ids.push_back(emails[i]->id);
            places.push_back(i);
        }
    const std::optional<Promise<Result<mailbox::Account::Contents>>> reading =
        ids.empty() ? std::nullopt : scope_.account->contents_ahead(ids);
    if (!reading)
        co_return wholes;
    Result<mailbox::Account::Contents> contents = co_await reading->get();
    for (std::size_t i = 0; contents && i < contents->size(); ++i) {
        const mailbox::Email& email = *emails[places[i]];
        std::optional<std::string>& content = (*contents)[i];
        if (!content || content->size() + email.prefix.size() != email.size)
            continue;
        content->insert(0, email.prefix);
        wholes[places[i]] = std::move(content);
    }
    co_return wholes;
}

Task<Result<bool>> Searcher::fits_by_bytes(Candidate candidate, const std::string* whole)
{
    const mailbox::Email& email = *candidate.email;
    std::string header;
    std::string body_text;
    const std::uint64_t header_end = email.prefix.size() + email.digest->parts.front().body_begin;
    const Result<void> got = co_await read(email, whole, 0, header_end, header);
    if (!got)
        co_return fail(got.error());
    const FoldedHeader fields(header);
    candidate.header = &fields;
    const Answer by_header = matcher_.match(candidate);
    if (by_header != Answer::unknown || !matcher_.needs_body())
        co_return by_header == Answer::yes;
    const Result<void> gathered = co_await read_texts(email, whole, body_text);
    if (!gathered)
        co_return fail(gathered.error());
    candidate.folded_body = &body_text;
    co_return matcher_.match(candidate) == Answer::yes;
}

// The text parts of a message, and the headers of messages in it, decoded and folded.
Task<Result<void>> Searcher::read_texts(const mailbox::Email& email, const std::string* whole, std::string& into)
{
    std::uint64_t left = mailbox::most_text;
    const std::size_t shift = email.prefix.size();
    for (const message::Part& part : email.digest->parts) {
        if (left == 0)
            break;
        if (!part.is_leaf() || !part.is_text())
            continue;
        std::string raw;
        const std::uint64_t size = std::min(part.body_size(), left);
        left -= size;
        const Result<void> got = co_await read(email, whole, shift + part.body_begin, size, raw);
        if (!got)
            co_return got;
        into += folded(message::decode_body(part, raw));
        into += '\n';
    }
    co_return Result<void>{};
}

Task<Result<void>> Searcher::read(const mailbox::Email& email, const std::string* whole, std::uint64_t begin,
                                  std::uint64_t size, std::string& into)
{
    if (whole != nullptr && begin + size <= whole->size()) {
        into.append(*whole, begin, size);
        co_return Result<void>{};
    }
    const auto keep = [&into](std::string piece) -> Task<bool> { return append_to(into, std::move(piece)); };
    co_return co_await scope_.account->read(email, begin, size, keep);
}

}  // namespace posthouse::imap

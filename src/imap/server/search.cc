// SEARCH and UID SEARCH: RFC 3501 section 6.4.4, RFC 4731 (ESEARCH), RFC 7162 (MODSEQ).
//
// Messages are gone through in order, each read only as far as the program needs (search_match.h). What a
// message has beyond `mailbox::most_text` of text is not searched; other sessions get their turn every few
// milliseconds.
#include "imap/server/commands.h"
#include "imap/server/search_match.h"
#include "imap/server/search_text.h"
#include "message/body.h"

#include <algorithm>

namespace posthouse::imap {

namespace {

using mailbox::NumberSet;

constexpr std::size_t batch_size = 128;
constexpr Duration turn = 5ms;

Task<bool> append_to(std::string& into, std::string piece)
{
    into += piece;
    co_return true;
}

// What was found: UIDs or sequence numbers, in the order of the mailbox once the search is done.
struct Hit {
    std::uint32_t number = 0;
    mailbox::ModSeq modseq = 0;
};
using Hits = std::vector<Hit>;

class Search {
public:
    Search(Session& session, Matcher matcher, bool by_uid) :
        session_(session),
        matcher_(std::move(matcher)),
        by_uid_(by_uid),
        numbering_(session.view().numbering),
        told_(session.view().told)
    {
    }

    Task<Result<void>> run()
    {
        std::vector<mailbox::TextQuery> queries = matcher_.queries();
        if (!queries.empty()) {
            // Without the index every message is read: slower, and the same answer.
            Result<std::vector<mailbox::TextAnswer>> answers =
                co_await session_.account().look_up(numbering_, std::move(queries));
            if (answers)
                matcher_.learn(*std::move(answers));
        }
        std::vector<std::uint32_t> undecided;
        for (std::uint32_t position = 0; position < numbering_->size(); ++position) {
            const Answer answer = matcher_.match(candidate(position));
            if (answer == Answer::yes)
                hit(position);
            if (answer == Answer::unknown)
                undecided.push_back(position);
            if (undecided.size() == batch_size || position % 1024 == 1023) {
                const Result<void> read = co_await decide(std::exchange(undecided, {}));
                if (!read)
                    co_return read;
                co_await give_turn();
            }
        }
        const Result<void> read = co_await decide(std::move(undecided));
        if (!read)
            co_return read;
        std::ranges::sort(hits_, {}, &Hit::number);
        co_return Result<void>{};
    }
    const Hits& hits() const { return hits_; }

private:
    const mailbox::Entry& entry_at(std::uint32_t position) const
    {
        const mailbox::Entry& entry = numbering_->at(position);
        if (told_ == numbering_)
            return entry;
        const mailbox::Entry* newer = told_->find(entry.uid);
        return newer == nullptr ? entry : *newer;
    }
    Candidate candidate(std::uint32_t position)
    {
        const mailbox::Entry& entry = entry_at(position);
        return {.position = position, .entry = &entry, .is_recent = session_.view().recent.contains(entry.uid)};
    }
    void hit(std::uint32_t position)
    {
        const mailbox::Entry& entry = entry_at(position);
        hits_.push_back({by_uid_ ? entry.uid : position + 1, entry.modseq});
    }

    // Those that their entries could not decide.
    Task<Result<void>> decide(std::vector<std::uint32_t> positions)
    {
        if (positions.empty())
            co_return Result<void>{};
        std::vector<mailbox::EmailId> ids;
        for (const std::uint32_t position : positions)
            ids.push_back(entry_at(position).email);
        const Result<std::vector<Result<mailbox::Email>>> rows = co_await session_.account().emails(std::move(ids));
        if (!rows)
            co_return fail(rows.error());
        for (std::size_t i = 0; i < positions.size() && i < rows->size(); ++i) {
            if (!(*rows)[i])
                continue;  // what cannot be read is not found
            Candidate now = candidate(positions[i]);
            now.email = &*(*rows)[i];
            Answer answer = matcher_.match(now);
            if (answer == Answer::unknown) {
                const Result<bool> fits = co_await fits_by_bytes(now);
                answer = fits && *fits ? Answer::yes : Answer::no;
                co_await give_turn();
            }
            if (answer == Answer::yes)
                hit(positions[i]);
        }
        co_return Result<void>{};
    }

    Task<Result<bool>> fits_by_bytes(Candidate candidate)
    {
        const mailbox::Email& email = *candidate.email;
        std::string header;
        std::string body_text;
        const std::uint64_t header_end = email.prefix.size() + email.digest->parts.front().body_begin;
        const Result<void> got = co_await read(email, 0, header_end, header);
        if (!got)
            co_return fail(got.error());
        const FoldedHeader fields(header);
        candidate.header = &fields;
        const Answer by_header = matcher_.match(candidate);
        if (by_header != Answer::unknown || !matcher_.needs_body())
            co_return by_header == Answer::yes;
        const Result<void> gathered = co_await read_texts(email, body_text);
        if (!gathered)
            co_return fail(gathered.error());
        candidate.folded_body = &body_text;
        co_return matcher_.match(candidate) == Answer::yes;
    }

    // The text parts of a message, and the headers of messages in it, decoded and folded.
    Task<Result<void>> read_texts(const mailbox::Email& email, std::string& into)
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
            const Result<void> got = co_await read(email, shift + part.body_begin, size, raw);
            if (!got)
                co_return got;
            into += folded(message::decode_body(part, raw));
            into += '\n';
        }
        co_return Result<void>{};
    }

    Task<Result<void>> read(const mailbox::Email& email, std::uint64_t begin, std::uint64_t size, std::string& into)
    {
        const auto keep = [&into](std::string piece) -> Task<bool> { return append_to(into, std::move(piece)); };
        co_return co_await session_.account().read(email, begin, size, keep);
    }

    Task<void> give_turn()
    {
        const SteadyTime now = session_.services().clock.steady();
        if (now - turn_began_ < turn)
            co_return;
        co_await sleep_for(0us);
        turn_began_ = session_.services().clock.steady();
    }

    Session& session_;
    Matcher matcher_;
    const bool by_uid_;
    const mailbox::SnapshotPtr numbering_;
    const mailbox::SnapshotPtr told_;
    Hits hits_;
    SteadyTime turn_began_ = session_.services().clock.steady();
};

bool asks_modseq(const SearchProgram& program)
{
    return std::ranges::find(program.keys, SearchKey::Kind::modseq, &SearchKey::kind) != program.keys.end();
}

mailbox::ModSeq highest_modseq(const Hits& hits) { return std::ranges::max(hits, {}, &Hit::modseq).modseq; }

// RFC 4731 section 3.2: of what is told. With MIN or MAX alone that is not all that was found.
mailbox::ModSeq told_modseq(const Hits& hits, const SearchArguments& arguments)
{
    if (arguments.return_all || arguments.return_count)
        return highest_modseq(hits);
    mailbox::ModSeq highest = 0;
    if (arguments.return_min)
        highest = hits.front().modseq;
    if (arguments.return_max)
        highest = std::max(highest, hits.back().modseq);
    return highest;
}

void write_plain(Serializer& out, const Hits& hits, bool with_modseq)
{
    out.raw("* SEARCH");
    for (const Hit& hit : hits)
        out.raw(" ").number(hit.number);
    if (with_modseq && !hits.empty())
        out.raw(" (MODSEQ ").number(highest_modseq(hits)).raw(")");
    out.crlf();
}

// RFC 4731 section 3.1: with nothing found, only COUNT is told.
void write_extended(Serializer& out, const Hits& hits, const Command& command, bool with_modseq)
{
    const auto& arguments = std::get<SearchArguments>(command.arguments);
    out.raw("* ESEARCH (TAG ").string(command.tag).raw(")");
    if (command.by_uid)
        out.raw(" UID");
    if (!hits.empty()) {
        if (arguments.return_min)
            out.raw(" MIN ").number(hits.front().number);
        if (arguments.return_max)
            out.raw(" MAX ").number(hits.back().number);
        if (arguments.return_all) {
            NumberSet all;
            for (const Hit& hit : hits)
                all.add(hit.number);
            out.raw(" ALL ").raw(all.text());
        }
    }
    if (arguments.return_count)
        out.raw(" COUNT ").number(hits.size());
    if (with_modseq && !hits.empty())
        out.raw(" MODSEQ ").number(told_modseq(hits, arguments));
    out.crlf();
}

}  // namespace

Task<Reply> search(Session& session, Command command)
{
    const auto& arguments = std::get<SearchArguments>(command.arguments);
    if (!is_known_charset(arguments.program.charset))
        co_return Reply::no("this charset is not known here", "BADCHARSET " + std::string(known_charsets));
    const bool with_modseq = asks_modseq(arguments.program);
    if (with_modseq)
        session.enable_condstore();
    // The newest flags are what is searched, and the client hears of them first.
    const Result<void> told = co_await session.tell_updates(Expunges::held_back);
    if (!told)
        co_return refusal(told.error());
    auto matcher = Matcher::make(arguments.program, session.view(), session.services().clock.now());
    if (!matcher)
        co_return std::move(matcher.error());
    Search search(session, std::move(*matcher), command.by_uid);
    const Result<void> done = co_await search.run();
    if (!done)
        co_return refusal(done.error());
    if (arguments.is_extended)
        write_extended(session.out(), search.hits(), command, with_modseq);
    else
        write_plain(session.out(), search.hits(), with_modseq);
    co_return Reply::ok("searched");
}

}  // namespace posthouse::imap

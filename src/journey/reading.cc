// Finding again what was told.
#include "base/text.h"
#include "journey/journeys.h"

#include <algorithm>
#include <numeric>

namespace posthouse::journey {

namespace {

// Where a session began may be told in two chunks, should one have ended just then.
constexpr std::size_t chunks_of_a_beginning = 3;
constexpr std::size_t most_candidates = 20'000;
constexpr std::size_t spare_candidates = 16;  // hashes that agree by chance
constexpr std::size_t chunks_an_answer = 32;

Id first_id_at(WallTime time)
{
    const auto milliseconds = std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch()).count();
    return milliseconds <= 0 ? 0 : static_cast<Id>(milliseconds) << 16;
}

// What was told at the same time stays in the order of telling.
void sort_by_time(std::vector<Event>& events)
{
    std::vector<std::size_t> order(events.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::sort(order, {}, [&](std::size_t i) { return std::pair(events[i].at, i); });
    std::vector<Event> sorted;
    sorted.reserve(events.size());
    for (const std::size_t i : order)
        sorted.push_back(std::move(events[i]));
    events = std::move(sorted);
}

// Of one session's events those that belong to `message`: its own, the beginning before the first MAIL (a connection to
// another host is opened for one message and used for others, too), and what was said behind it (QUIT)
// before the next one.
std::vector<Event> part_of_session(std::vector<Event> events, Id message)
{
    std::vector<Event> part;
    Id last = 0;  // the message that was spoken of last
    bool is_beginning = true;
    for (Event& event : events) {
        is_beginning &= event.kind != Kind::line || !starts_with_ignoring_case(event[Text::text], "MAIL");
        const bool is_opening = event.kind == Kind::hop || event.kind == Kind::tls || event.kind == Kind::line;
        const bool is_shared = (event.message == 0 && (last == 0 || last == message)) || (is_beginning && is_opening);
        if (event.message != 0)
            last = event.message;
        if (event.message == message || is_shared)
            part.push_back(std::move(event));
    }
    return part;
}

// What is told of a message itself fits the query; of what was not told nothing is known.
bool fits(const std::vector<Event>& events, const Query& query)
{
    bool from = query.from.empty();
    bool to = query.to.empty();
    bool message_id = query.message_id.empty();
    bool account = query.account == 0;
    bool is_message = false;  // somebody began to send it
    for (const Event& event : events) {
        account |= event[Number::account] == query.account;
        is_message |= event.kind == Kind::step;
        from |= equals_ignoring_case(event[Text::sender], query.from) && !query.from.empty();
        to |= equals_ignoring_case(event[Text::recipient], query.to) && !query.to.empty();
        message_id |= event[Text::message_id] == query.message_id && !query.message_id.empty();
    }
    return is_message && from && to && message_id && account;
}

}  // namespace

Task<Result<void>> Journeys::scan(ChunkId from, Visit visit)
{
    for (std::uint64_t day = day_of(from);;) {
        Result<std::vector<store::Partition>> days =
            co_await services_.store.partitions(store::PartitionKind::journey, day, patience());
        if (!days)
            co_return fail(days.error());
        if (days->empty())
            co_return Result<void>{};
        for (const store::Partition partition : *days) {
            day = partition.id + 1;
            store::Range range = digests_from(from);
            for (bool more = true; more;) {
                Result<store::Page> page =
                    co_await services_.store.scan(partition, range, services_.store.limits().page_rows, patience());
                if (!page)
                    co_return fail(page.error());
                for (const store::Row& row : page->rows) {
                    const Result<ChunkId> chunk = read_digest_key(row.key);
                    const Result<Digest> digest = read_digest(row.value);
                    if (!chunk || !digest)
                        continue;  // a damaged row hides its own chunk and no other
                    if (!visit(*chunk, *digest))
                        co_return Result<void>{};
                }
                more = page->more;
                if (more)
                    range.from = page->rows.back().key + '\0';
            }
        }
    }
}

// The first `most` chunks from `from` on that speak of one of these; with none, of anything.
Task<Result<std::set<ChunkId>>> Journeys::chunks_of(std::set<Id> subjects, Id from, std::size_t most)
{
    std::set<ChunkId> chunks;
    const Result<void> scanned = co_await scan(from, [&](ChunkId chunk, const Digest& digest) {
        if (subjects.empty() || std::ranges::any_of(subjects, [&](Id id) { return digest.speaks_of(id); }))
            chunks.insert(chunk);
        return chunks.size() < most;
    });
    if (!scanned)
        co_return fail(scanned.error());
    co_return chunks;
}

// What these chunks say of these sessions and messages, in order of time.
Task<Result<std::vector<Event>>> Journeys::events_in(std::set<ChunkId> chunks, std::set<Id> subjects)
{
    std::vector<Event> events;
    for (const ChunkId chunk : chunks) {
        Result<std::optional<store::Value>> value =
            co_await services_.store.get(partition_of(chunk), chunk_key(chunk), patience(), store::Space::bodies);
        if (!value)
            co_return fail(value.error());
        if (!*value)
            continue;  // swept meanwhile
        const Result<std::vector<std::string>> segments = unpack(**value);
        if (!segments) {
            services_.log.write(LogLevel::error, "journey", chunk, "a chunk cannot be read",
                                {{"why", segments.error().text}});
            continue;
        }
        for (const std::string& segment : *segments) {
            SegmentReader reader(segment);
            while (std::optional<Event> event = reader.next())
                if (subjects.empty() || subjects.contains(event->message) || subjects.contains(event->session))
                    events.push_back(std::move(*event));
        }
    }
    sort_by_time(events);
    co_return events;
}

Task<Result<Told>> Journeys::of_message(Id message)
{
    co_await flush();
    const Result<std::set<ChunkId>> chunks = co_await chunks_of({message}, message, SIZE_MAX);
    if (!chunks)
        co_return fail(chunks.error());
    Result<std::vector<Event>> own = co_await events_in(*chunks, {message});
    if (!own)
        co_return fail(own.error());
    if (own->empty())
        co_return fail(ErrorCode::not_found, "nothing is known of message " + id_text(message));
    Told told{.message = message};
    std::set<Id> sessions;
    for (Event& event : *own) {
        if (event.session != 0)
            sessions.insert(event.session);
        else
            told.events.push_back(std::move(event));
    }
    for (const Id session : sessions) {
        Result<std::set<ChunkId>> all = co_await chunks_of({session}, session, chunks_of_a_beginning);
        if (!all)
            co_return fail(all.error());
        all->insert(chunks->begin(), chunks->end());
        Result<std::vector<Event>> events = co_await events_in(*all, {session});
        if (!events)
            co_return fail(events.error());
        std::ranges::move(part_of_session(std::move(*events), message), std::back_inserter(told.events));
    }
    sort_by_time(told.events);
    co_return told;
}

Task<Result<std::vector<Event>>> Journeys::of_session(Id session)
{
    co_await flush();
    const Result<std::set<ChunkId>> chunks = co_await chunks_of({session}, session, SIZE_MAX);
    if (!chunks)
        co_return fail(chunks.error());
    Result<std::vector<Event>> events = co_await events_in(*chunks, {session});
    if (!events)
        co_return fail(events.error());
    if (events->empty())
        co_return fail(ErrorCode::not_found, "nothing is known of session " + id_text(session));
    co_return events;
}

// Messages whose hashes agree with the query, the newest ones.
Task<Result<std::set<Id>>> Journeys::candidates(Query query)
{
    std::vector<std::uint32_t> wanted;
    const auto want = [&](Key key, const std::string& value) {
        if (!value.empty())
            wanted.push_back(hash_of(key, value));
    };
    want(Key::sender, query.from);
    want(Key::recipient, query.to);
    want(Key::message_id, query.message_id);
    if (query.account != 0)
        wanted.push_back(hash_of_account(query.account));
    const unsigned all = (1u << wanted.size()) - 1;
    const Id from = query.since ? first_id_at(*query.since) : 0;
    const Id until = query.until ? first_id_at(*query.until) : std::numeric_limits<Id>::max();
    std::map<Id, unsigned> seen;  // which of the wanted
    const Result<void> scanned = co_await scan(from, [&](ChunkId, const Digest& digest) {
        for (const Found& found : digest.found) {
            if (found.message < from || found.message > until)
                continue;
            unsigned agrees = 0;
            for (std::size_t i = 0; i < wanted.size(); ++i)
                agrees |= wanted[i] == found.hash ? 1u << i : 0;
            if (agrees != 0 || all == 0)
                seen[found.message] |= agrees;
        }
        while (seen.size() > most_candidates)
            seen.erase(seen.begin());
        return true;
    });
    if (!scanned)
        co_return fail(scanned.error());
    std::set<Id> newest;
    for (auto it = seen.rbegin(); it != seen.rend() && newest.size() < query.most + spare_candidates; ++it)
        if (it->second == all)
            newest.insert(it->first);
    co_return newest;
}

Task<Result<std::vector<Told>>> Journeys::search(Query query)
{
    co_await flush();
    const Result<std::set<Id>> messages = co_await candidates(query);
    if (!messages)
        co_return fail(messages.error());
    if (messages->empty())
        co_return std::vector<Told>{};
    const Result<std::set<ChunkId>> chunks = co_await chunks_of(*messages, *messages->begin(), SIZE_MAX);
    if (!chunks)
        co_return fail(chunks.error());
    Result<std::vector<Event>> events = co_await events_in(*chunks, *messages);
    if (!events)
        co_return fail(events.error());
    std::map<Id, Told> by_message;
    for (Event& event : *events) {
        Told& told = by_message[event.message];
        told.message = event.message;
        told.events.push_back(std::move(event));
    }
    std::vector<Told> found;
    for (auto& [id, told] : by_message)
        if (fits(told.events, query))
            found.push_back(std::move(told));
    if (found.size() > query.most)
        found.erase(found.begin(), found.end() - static_cast<std::ptrdiff_t>(query.most));
    co_return found;
}

Task<Result<Tail>> Journeys::follow(ChunkId last, Duration patience)
{
    Tail tail{.last = last};
    if (last == 0) {  // chunks to come have later ids than any there is now
        tail.last = services_.ids.next();
        co_return tail;
    }
    for (bool waited = false;; waited = true) {
        Promise<bool> next;
        const std::uint64_t place = await_next_chunk(next);  // before looking: what is written meanwhile fulfils it
        const Result<std::set<ChunkId>> behind = co_await chunks_of({}, last + 1, chunks_an_answer);
        if (behind && behind->empty() && !waited) {
            co_await next.ready_within(patience);
            forget_follower(place);
            continue;
        }
        forget_follower(place);
        if (!behind)
            co_return fail(behind.error());
        Result<std::vector<Event>> events = co_await events_in(*behind, {});
        if (!events)
            co_return fail(events.error());
        tail.events = std::move(*events);
        if (!behind->empty())
            tail.last = *behind->rbegin();
        co_return tail;
    }
}

std::uint64_t Journeys::await_next_chunk(const Promise<bool>& next)
{
    const std::scoped_lock lock(mutex_);
    followers_.emplace(++last_follower_, next);
    return last_follower_;
}

void Journeys::forget_follower(std::uint64_t place)
{
    const std::scoped_lock lock(mutex_);
    followers_.erase(place);
}

}  // namespace posthouse::journey

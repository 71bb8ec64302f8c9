#include "app/upkeep.h"

#include "store/rocksdb/backup.h"
#include "store/rocksdb/verify.h"

#include <fmt/format.h>

namespace posthouse::app {

namespace json = boost::json;

namespace {

std::string_view to_string(store::Health health)
{
    switch (health) {
    case store::Health::good: return "good";
    case store::Health::low_space: return "the disk is nearly full: new mail is refused";
    case store::Health::read_only: return "the disk refuses writes: nothing new is taken";
    }
    return "?";
}

constexpr std::size_t most_queued_counted = 1'000'000;
constexpr std::size_t most_queued_shown = 10'000;

json::object to_json(const mta::queue::Queue::Waiting& waiting, const mta::queue::QueueClock& time)
{
    json::array recipients;
    for (const mta::queue::Board::Seen& seen : waiting.entries)
        recipients.push_back(json::object{{"recipient", seen.entry.recipient.path.text()},
                                          {"local", seen.entry.is_local()},
                                          {"attempts", seen.entry.attempts},
                                          {"lastError", seen.entry.last.reason},
                                          {"due", rfc3339_date(time.to_wall(seen.entry.due))}});
    return {{"id", id_text(waiting.item.id)},
            {"from", waiting.item.envelope.reverse_path.text()},
            {"size", waiting.item.size},
            {"recipients", std::move(recipients)}};
}

}  // namespace

Task<Result<json::object>> HouseUpkeep::status()
{
    json::object answer = facts_;
    answer["store"] = to_string(store_.health());
    const Result<std::size_t> queued = co_await queue_.count(most_queued_counted);
    if (!queued)
        co_return fail(queued.error());
    answer["queued"] = *queued;
    co_return answer;
}

// Every item can be read, has a body, and has a recipient who waits for it (HOSTILE P6).
Task<Result<json::object>> HouseUpkeep::audit_queue()
{
    json::array items;
    json::array faults;
    std::uint64_t count = 0;
    std::vector<mta::queue::ItemId> suspects;  // or they have left while we looked
    std::vector<std::pair<mta::queue::ItemId, std::uint64_t>> bodies;
    const Result<void> seen = co_await queue_.each([&](const mta::queue::Queue::Waiting& waiting) {
        ++count;
        if (waiting.entries.empty())
            suspects.push_back(waiting.item.id);
        if (items.size() < most_queued_shown) {
            items.push_back(to_json(waiting, queue_.time()));
            bodies.emplace_back(waiting.item.id, waiting.item.size);
        }
        return true;
    });
    if (!seen)
        co_return fail(seen.error());
    for (const mta::queue::ItemId item : suspects) {
        const Result<mta::queue::Queue::Waiting> again = co_await queue_.show(item);
        if (again && again->entries.empty())
            faults.push_back(json::string("the queue's item " + id_text(item) + " has no recipient"));
    }
    for (const auto& [item, size] : bodies) {
        const Result<std::string> beginning = co_await queue_.beginning(item, 1);
        const bool gone = !beginning && beginning.error() == ErrorCode::not_found;
        if (!gone && !(beginning && beginning->size() == std::min<std::uint64_t>(size, 1)))
            faults.push_back(json::string("the body of the queue's item " + id_text(item) + " cannot be read"));
    }
    co_return json::object{{"queued", std::move(items)}, {"count", count}, {"faults", std::move(faults)}};
}

Task<Result<json::object>> HouseUpkeep::backup(std::string folder)
{
    const Result<Result<store::BackupReport>> done =
        co_await workers_.offload([this, folder] { return store_.back_up(folder); });
    if (!done)
        co_return fail(done.error());
    if (!*done)
        co_return fail(done->error());
    const store::BackupReport& report = **done;
    co_return json::object{
        {"folder", folder}, {"number", report.number}, {"files", report.files}, {"bytes", report.bytes}};
}

Task<Result<json::object>> HouseUpkeep::verify()
{
    const Result<Result<store::VerifyReport>> done = co_await workers_.offload([this] { return store_.verify(); });
    if (!done)
        co_return fail(done.error());
    if (!*done)
        co_return fail(done->error());
    const store::VerifyReport& report = **done;
    co_return json::object{{"rows", report.rows},
                           {"bodies", report.bodies},
                           {"bytes", report.bytes},
                           {"files", report.files},
                           {"faults", report.faults.size()},
                           {"texts", json::array(report.faults.begin(), report.faults.end())}};
}

}  // namespace posthouse::app

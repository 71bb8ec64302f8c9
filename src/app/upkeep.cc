#include "app/upkeep.h"

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

constexpr std::size_t most_queued_shown = 10'000;

}  // namespace

Task<Result<json::object>> HouseUpkeep::status()
{
    json::object answer = facts_;
    answer["store"] = to_string(store_.health());
    Result<std::vector<mta::queue::Queue::Waiting>> waiting = co_await queue_.waiting(most_queued_shown);
    if (!waiting)
        co_return fail(waiting.error());
    answer["queued"] = waiting->size();
    co_return answer;
}

Task<Result<json::object>> HouseUpkeep::audit_queue()
{
    Result<std::vector<mta::queue::Queue::Waiting>> waiting = co_await queue_.waiting(most_queued_shown);
    if (!waiting)
        co_return fail(waiting.error());
    json::array items;
    for (const mta::queue::Queue::Waiting& one : *waiting) {
        json::array recipients;
        for (const mta::queue::Entry& entry : one.entries)
            recipients.push_back(json::object{{"recipient", entry.recipient.path.text()},
                                              {"attempts", entry.attempts},
                                              {"lastError", entry.last_error},
                                              {"due", rfc3339_date(entry.due)}});
        items.push_back(json::object{{"id", id_text(one.item.id)},
                                     {"from", one.item.envelope.reverse_path.text()},
                                     {"size", one.item.size},
                                     {"recipients", std::move(recipients)}});
    }
    co_return json::object{{"queued", std::move(items)}};
}

Task<Result<json::object>> HouseUpkeep::backup(std::string)
{
    co_return fail(ErrorCode::unavailable, "backup is not built yet");
}

Task<Result<json::object>> HouseUpkeep::verify()
{
    co_return fail(ErrorCode::unavailable, "verification of the store's files is not built yet");
}

}  // namespace posthouse::app

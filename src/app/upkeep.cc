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

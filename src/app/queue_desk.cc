#include "app/queue_desk.h"

#include "base/ids.h"

#include <map>

#include <fmt/format.h>

namespace posthouse::app {

namespace json = boost::json;
using mta::queue::Policy;
using mta::queue::Queue;

namespace {

constexpr std::size_t most_groups = 10'000;
constexpr std::size_t most_header = 16 * 1024;
constexpr std::string_view our_mailboxes = "(our mailboxes)";

std::string name_of(const std::string& lane) { return lane.empty() ? std::string(our_mailboxes) : lane; }

std::uint64_t seconds(Duration duration)
{
    return static_cast<std::uint64_t>(std::chrono::floor<std::chrono::seconds>(duration).count());
}

json::object to_json(const std::string& domain, const Policy& policy)
{
    json::array retry;
    for (const Duration step : policy.retry)
        retry.push_back(seconds(step));
    return {{"domain", domain},
            {"retry", std::move(retry)},
            {"warnAfter", seconds(policy.warn_after)},
            {"giveUpAfter", seconds(policy.give_up_after)},
            {"connections", policy.connections},
            {"perMinute", policy.per_minute}};
}

// What is not said stays as it was. Errors: malformed.
Result<void> read_number(const json::object& object, std::string_view name, std::uint64_t& number)
{
    const json::value* value = object.if_contains(name);
    if (value == nullptr)
        return {};
    boost::system::error_code error;
    const auto read = value->to_number<std::uint64_t>(error);
    if (error || read > 1'000'000'000)
        return fail(ErrorCode::malformed, fmt::format("\"{}\" must be a whole number", name));
    number = read;
    return {};
}

Result<Policy> read_policy(Policy policy, const json::object& object)
{
    std::uint64_t warn = seconds(policy.warn_after);
    std::uint64_t give_up = seconds(policy.give_up_after);
    std::uint64_t connections = policy.connections;
    std::uint64_t rate = policy.per_minute;
    for (const auto& [name, number] : {std::pair{"warnAfter", &warn}, std::pair{"giveUpAfter", &give_up},
                                       std::pair{"connections", &connections}, std::pair{"perMinute", &rate}})
        if (const Result<void> read = read_number(object, name, *number); !read)
            return fail(read.error());
    if (const json::value* steps = object.if_contains("retry")) {
        if (!steps->is_array())
            return fail(ErrorCode::malformed, "\"retry\" must be a list of seconds");
        policy.retry.clear();
        for (const json::value& step : steps->as_array()) {
            boost::system::error_code error;
            const auto count = step.to_number<std::uint64_t>(error);
            if (error || count > 1'000'000'000)
                return fail(ErrorCode::malformed, "\"retry\" must be a list of seconds");
            policy.retry.push_back(std::chrono::seconds{count});
        }
    }
    policy.warn_after = std::chrono::seconds{warn};
    policy.give_up_after = std::chrono::seconds{give_up};
    policy.connections = static_cast<unsigned>(connections);
    policy.per_minute = static_cast<unsigned>(rate);
    return policy;
}

std::optional<Queue::Action> action_of(std::string_view word)
{
    using enum Queue::Action;
    static constexpr std::array actions{std::pair{"retry", retry}, std::pair{"hold", hold},
                                        std::pair{"release", release}, std::pair{"fail", fail},
                                        std::pair{"drop", drop}};
    for (const auto& [name, action] : actions)
        if (word == name)
            return action;
    return std::nullopt;
}

std::string reply_of(const smtp::RecipientFate& fate)
{
    return fate.reply.code == 0 ? std::string() : fate.reply.line();
}

}  // namespace

struct HouseQueueDesk::Group {
    std::uint64_t entries = 0;
    std::uint64_t held = 0;
    WallTime oldest = WallTime::max();
    WallTime next = WallTime::max();
};

Task<Result<json::object>> HouseQueueDesk::list(std::string domain)
{
    std::map<std::pair<std::string, std::string>, Group> groups;
    std::uint64_t messages = 0;
    std::uint64_t entries = 0;
    const Result<void> seen = co_await queue_.each([&](const Queue::Waiting& waiting) {
        bool is_meant = false;
        for (const mta::queue::Board::Seen& each : waiting.entries) {
            const mta::queue::Entry& entry = each.entry;
            if (!domain.empty() && entry.recipient.path.domain != domain)
                continue;
            is_meant = true;
            ++entries;
            const std::string reason = each.taken ? "being sent"
                : entry.held                      ? "held by the postmaster"
                : entry.attempts == 0             ? ""
                                                  : entry.last.reason;
            if (groups.size() >= most_groups && !groups.contains({entry.lane(), reason}))
                continue;
            Group& group = groups[{entry.lane(), reason}];
            ++group.entries;
            group.held += entry.held ? 1 : 0;
            group.oldest = std::min(group.oldest, waiting.item.arrived);
            if (!entry.held)
                group.next = std::min(group.next, entry.due);
        }
        messages += is_meant ? 1 : 0;
        return true;
    });
    if (!seen)
        co_return fail(seen.error());
    json::array rows;
    for (const auto& [key, group] : groups) {
        const auto& [lane, reason] = key;
        std::string why = reason;
        if (why.empty())
            why = co_await queue_.delay_of(lane);
        json::object row{{"domain", name_of(lane)},
                         {"reason", why.empty() ? "not tried yet" : why},
                         {"entries", group.entries},
                         {"held", group.held},
                         {"oldest", rfc3339_date(group.oldest)}};
        if (!lane.empty() && router_ != nullptr)
            row["destination"] = co_await router_->destination_of(lane);
        if (group.next != WallTime::max())
            row["next"] = rfc3339_date(queue_.time().to_wall(group.next));
        rows.push_back(std::move(row));
    }
    co_return json::object{{"messages", messages}, {"entries", entries}, {"groups", std::move(rows)}};
}

json::object HouseQueueDesk::to_json(const Queue::Waiting& waiting) const
{
    json::array recipients;
    for (const mta::queue::Board::Seen& each : waiting.entries) {
        const mta::queue::Entry& entry = each.entry;
        json::array dialogue;
        for (const std::string& line : entry.last.dialogue)
            dialogue.push_back(json::string(line));
        json::object row{{"recipient", entry.recipient.path.text()},
                         {"domain", name_of(entry.lane())},
                         {"state",
                          each.taken       ? "being sent"
                              : entry.held ? "held"
                                           : "waiting"},
                         {"attempts", entry.attempts},
                         {"reason", entry.last.reason},
                         {"reply", reply_of(entry.last)},
                         {"host", entry.last.remote_mta},
                         {"dialogue", std::move(dialogue)}};
        if (!entry.held)
            row["next"] = rfc3339_date(queue_.time().to_wall(entry.due));
        if (entry.attempts > 0)
            row["lastAttempt"] = rfc3339_date(queue_.time().to_wall(entry.last_attempt));
        const WallTime expires = mta::queue::expiry_of(waiting.item, *queue_.policy_of(entry.lane()));
        row["givenUp"] = rfc3339_date(queue_.time().to_wall(expires));
        recipients.push_back(std::move(row));
    }
    json::object answer{{"id", id_text(waiting.item.id)},
                        {"from", waiting.item.envelope.reverse_path.text()},
                        {"size", waiting.item.size},
                        {"arrived", rfc3339_date(waiting.item.arrived)},
                        {"priority", waiting.item.envelope.priority},
                        {"recipients", std::move(recipients)}};
    if (waiting.item.envelope.hold_until)
        answer["holdUntil"] = rfc3339_date(*waiting.item.envelope.hold_until);
    return answer;
}

Task<Result<json::object>> HouseQueueDesk::items(std::string domain, std::size_t most)
{
    json::array items;
    const Result<void> seen = co_await queue_.each([&](const Queue::Waiting& waiting) {
        const bool is_meant =
            domain.empty() || std::ranges::any_of(waiting.entries, [&](const mta::queue::Board::Seen& each) {
                return each.entry.recipient.path.domain == domain;
            });
        if (is_meant)
            items.push_back(to_json(waiting));
        return items.size() < most;
    });
    if (!seen)
        co_return fail(seen.error());
    co_return json::object{{"items", std::move(items)}};
}

Task<Result<json::object>> HouseQueueDesk::show(std::string id)
{
    const std::optional<Id> item = parse_id(id);
    if (!item)
        co_return fail(ErrorCode::malformed, "\"" + id + "\" is not an id of the queue");
    const Result<Queue::Waiting> waiting = co_await queue_.show(*item);
    if (!waiting)
        co_return fail(waiting.error());
    json::object answer = to_json(*waiting);
    const Result<std::string> beginning = co_await queue_.beginning(*item, most_header);
    if (beginning)
        answer["header"] = beginning->substr(0, beginning->find("\r\n\r\n"));
    co_return answer;
}

// On behalf of an account only what it has sent.
Task<Result<void>> HouseQueueDesk::may_act(mta::queue::ItemId item, std::string account)
{
    const Result<directory::Account> known = co_await directory_.account_by_address(account);
    if (!known)
        co_return fail(known.error());
    const Result<Queue::Waiting> waiting = co_await queue_.show(item);
    if (!waiting)
        co_return fail(waiting.error());
    const smtp::Path& sender = waiting->item.envelope.reverse_path;
    const Result<bool> may = co_await directory_.may_send_as(known->id, sender.local_part, sender.domain);
    if (!may)
        co_return fail(may.error());
    if (!*may)  // that there is such an item is nobody else's business
        co_return fail(ErrorCode::not_found, "no item " + id_text(item) + " of " + account + " is in the queue");
    co_return Result<void>{};
}

Task<Result<json::object>> HouseQueueDesk::act(Act act)
{
    const std::optional<Queue::Action> action = action_of(act.action);
    if (!action)
        co_return fail(ErrorCode::malformed, "there is no such action");
    Result<std::size_t> done;
    if (!act.id.empty()) {
        const std::optional<Id> item = parse_id(act.id);
        if (!item)
            co_return fail(ErrorCode::malformed, "\"" + act.id + "\" is not an id of the queue");
        if (!act.account.empty()) {
            const Result<void> may = co_await may_act(*item, act.account);
            if (!may)
                co_return fail(may.error());
        }
        done = co_await queue_.act(*item, *action, act.domain);
    } else if (!act.account.empty()) {
        co_return fail(ErrorCode::not_permitted, "an account may act on one item at a time");
    } else {
        done = co_await queue_.act_on_domain(act.domain, *action);
    }
    if (!done)
        co_return fail(done.error());
    co_return json::object{{"entries", *done}};
}

Task<Result<json::object>> HouseQueueDesk::routes()
{
    std::map<std::string, std::uint64_t> domains;
    const Result<void> seen = co_await queue_.each([&](const Queue::Waiting& waiting) {
        for (const mta::queue::Board::Seen& each : waiting.entries)
            if (!each.entry.is_local() && (domains.size() < most_groups || domains.contains(each.entry.lane())))
                ++domains[each.entry.lane()];
        return true;
    });
    if (!seen)
        co_return fail(seen.error());
    json::array rows;
    for (const auto& [domain, entries] : domains) {
        json::object row{{"domain", domain}, {"entries", entries}};
        if (router_ == nullptr) {
            row["reason"] = "nothing leaves this house";
            rows.push_back(std::move(row));
            continue;
        }
        const smtp::Route route = co_await router_->route(domain, 0);
        json::array hosts;
        for (const smtp::RouteHost& host : route.hosts)
            hosts.push_back(json::object{{"name", host.name},
                                         {"port", host.port},
                                         {"preference", host.preference},
                                         {"addresses", json::array(host.addresses.begin(), host.addresses.end())},
                                         {"note", host.note}});
        row["destination"] = route.destination;
        row["hosts"] = std::move(hosts);
        row["reason"] = route.reason;
        rows.push_back(std::move(row));
    }
    co_return json::object{{"routes", std::move(rows)}};
}

Task<Result<json::object>> HouseQueueDesk::policies()
{
    const Result<std::vector<std::pair<std::string, Policy>>> all = co_await queue_.policies();
    if (!all)
        co_return fail(all.error());
    json::array rows;
    const bool has_usual =
        std::ranges::any_of(*all, [](const auto& each) { return each.first == std::string_view("*"); });
    if (!has_usual)
        rows.push_back(app::to_json("*", Policy{}));
    for (const auto& [domain, policy] : *all)
        rows.push_back(app::to_json(domain, policy));
    co_return json::object{{"policies", std::move(rows)}};
}

Task<Result<json::object>> HouseQueueDesk::set_policy(std::string domain, json::object policy)
{
    const Result<std::vector<std::pair<std::string, Policy>>> all = co_await queue_.policies();
    if (!all)
        co_return fail(all.error());
    Policy before = *queue_.policy_of(domain);
    Result<Policy> after = read_policy(std::move(before), policy);
    if (!after)
        co_return fail(after.error());
    json::object answer = app::to_json(domain, *after);
    const Result<void> set = co_await queue_.set_policy(std::move(domain), std::move(*after));
    if (!set)
        co_return fail(set.error());
    co_return answer;
}

Task<Result<json::object>> HouseQueueDesk::remove_policy(std::string domain)
{
    const Result<void> removed = co_await queue_.set_policy(std::move(domain), std::nullopt);
    if (!removed)
        co_return fail(removed.error());
    co_return json::object{};
}

}  // namespace posthouse::app

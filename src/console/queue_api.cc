// The API's part about the queue.
#include "base/text.h"
#include "console/api.h"
#include "console/json.h"

namespace posthouse::console {

namespace json = boost::json;

namespace {

constexpr std::size_t usual_items = 500;
constexpr std::size_t most_items = 10'000;

std::string query_of(const net::HttpRequest& request, const std::string& name)
{
    const auto found = request.query.find(name);
    return found == request.query.end() ? std::string() : found->second;
}

Error no_such_thing(const net::HttpRequest& request)
{
    std::string path;
    for (const std::string& segment : request.path)
        path += "/" + segment;
    return {ErrorCode::not_found, "there is no " + request.method + " " + printable(path)};
}

bool is_action(std::string_view word)
{
    return word == "retry" || word == "hold" || word == "release" || word == "fail" || word == "drop";
}

}  // namespace

Task<Result<json::value>> Api::queue(net::HttpRequest request)
{
    const std::size_t depth = request.path.size();
    const std::string what = depth > 2 ? request.path[2] : std::string();
    const bool reads = request.method == "GET";
    if (depth == 2 && reads)
        co_return co_await services_.queue.list(query_of(request, "domain"));
    if (what == "items" && depth == 3 && reads) {
        const std::string most = query_of(request, "most");
        const std::size_t count = parse_number<std::size_t>(most).value_or(usual_items);
        co_return co_await services_.queue.items(query_of(request, "domain"), std::min(count, most_items));
    }
    if (what == "items" && depth == 4 && reads)
        co_return co_await services_.queue.show(request.path[3]);
    if (what == "routes" && depth == 3 && reads)
        co_return co_await services_.queue.routes();
    if (what == "policies")
        co_return co_await queue_policies(std::move(request));
    const bool on_item = what == "items" && depth == 5 && is_action(request.path[4]);
    const bool on_many = depth == 3 && is_action(what);
    if (request.method != "POST" || (!on_item && !on_many))
        co_return fail(no_such_thing(request));
    const Result<json::object> body = body_object(request);
    if (!body)
        co_return fail(body.error());
    QueueDesk::Act act;
    act.action = on_item ? request.path[4] : what;
    act.id = on_item ? request.path[3] : std::string();
    act.domain = text_of(*body, "domain", "");
    act.account = text_of(*body, "account", "");
    act.all = flag_of(*body, "all").value_or(false);
    if (on_many && act.domain.empty() && !act.all)
        co_return fail(ErrorCode::malformed, "\"domain\" or \"all\" must say what is meant");
    co_return co_await services_.queue.act(std::move(act));
}

Task<Result<json::value>> Api::queue_policies(net::HttpRequest request)
{
    const std::size_t depth = request.path.size();
    if (depth == 3 && request.method == "GET")
        co_return co_await services_.queue.policies();
    if (depth == 4 && request.method == "DELETE")
        co_return co_await services_.queue.remove_policy(request.path[3]);
    if (depth != 4 || request.method != "PUT")
        co_return fail(no_such_thing(request));
    Result<json::object> body = body_object(request);
    if (!body)
        co_return fail(body.error());
    co_return co_await services_.queue.set_policy(request.path[3], std::move(*body));
}

}  // namespace posthouse::console

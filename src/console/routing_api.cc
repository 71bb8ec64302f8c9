// The API's part about the ways mail takes.
#include "console/api.h"
#include "console/json.h"

namespace posthouse::console {

namespace json = boost::json;

namespace {

template <class Document> Result<json::value> as_value(Result<Document> document)
{
    if (!document)
        return fail(document.error());
    return json::value(std::move(*document));
}

}  // namespace

Task<Result<json::value>> Api::routes(net::HttpRequest request)
{
    const std::size_t depth = request.path.size();
    if (request.method == "GET" && depth == 2)
        co_return as_value(co_await services_.routing.routes());
    if (depth != 3)
        co_return fail(ErrorCode::not_found, "there is no such thing about routes");
    const std::string domain = request.path[2];
    if (request.method == "GET")
        co_return as_value(co_await services_.routing.show_route(domain));
    if (request.method == "DELETE")
        co_return as_value(co_await services_.routing.remove_route(domain));
    Result<json::object> body = body_object(request);
    if (!body)
        co_return fail(body.error());
    if (request.method != "PUT")
        co_return fail(ErrorCode::not_found, "a route is put, shown or deleted");
    co_return as_value(co_await services_.routing.set_route(domain, std::move(*body)));
}

Task<Result<json::value>> Api::explain(net::HttpRequest request)
{
    const Result<json::object> body = body_object(request);
    if (!body)
        co_return fail(body.error());
    const json::value* recipients = body->if_contains("to");
    if (recipients == nullptr || !recipients->is_array())
        co_return fail(ErrorCode::malformed, "\"to\" must be a list of addresses");
    std::vector<std::string> to;
    for (const json::value& recipient : recipients->as_array()) {
        if (!recipient.is_string())
            co_return fail(ErrorCode::malformed, "\"to\" must be a list of addresses");
        to.emplace_back(recipient.as_string());
    }
    co_return as_value(co_await services_.routing.explain(text_of(*body, "from", ""), std::move(to)));
}

}  // namespace posthouse::console

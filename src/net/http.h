// HTTP/1.1, both ends, by Boost.Beast over our own wire: for the operator's API and, later, JMAP and
// the pages.
//
// Threads: the wire's loop. Limits: header 8 KiB, body as said; one request at a time.
#pragma once

#include "net/wire.h"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace posthouse::net {

struct HttpRequest {
    std::string method;  // "GET", "POST", "PUT", "DELETE"
    std::vector<std::string> path;  // its segments, decoded: {"v1", "accounts", "a@b"}
    std::map<std::string, std::string> query;  // decoded
    std::string content_type;
    std::string body;
};

struct HttpResponse {
    unsigned status = 200;
    std::string content_type = "application/json";
    std::string body;
};

// Percent-decoding (RFC 3986 section 2.1); malformed for a broken escape, a control or a NUL.
Result<std::string> percent_decode(std::string_view text);
std::string percent_encode(std::string_view text);  // all but unreserved characters
// Takes "/path?a=b&c=d" apart into path and query.
Result<HttpRequest> parse_target(std::string_view target);

class HttpHandler {
public:
    virtual ~HttpHandler() = default;
    virtual Task<HttpResponse> handle(HttpRequest request) = 0;
};

// Serves requests until the peer closes, breaks the protocol (400, closed), sends a body over
// `most_body` (413, closed) or stays silent for a minute.
Task<void> serve_http(Wire wire, HttpHandler& handler, const Clock& clock, std::size_t most_body);

// One request over a connected wire.
Task<Result<HttpResponse>> call_http(Wire& wire, HttpRequest request, Deadline deadline, std::size_t most_body);

}  // namespace posthouse::net

#include "net/http.h"

#include "base/text.h"

#include <boost/beast/http.hpp>
#include <fmt/format.h>

namespace posthouse::net {

namespace http = boost::beast::http;

namespace {

constexpr std::size_t most_header = 8 * 1024;
constexpr auto request_patience = 60s;
constexpr auto reply_patience = 60s;

template <class Parser> Error error_of(const boost::system::error_code& error, const Parser&)
{
    const bool too_large = error == http::error::body_limit || error == http::error::header_limit;
    return {too_large ? ErrorCode::too_large : ErrorCode::malformed, error.message()};
}

// Feeds the wire's bytes to Beast's parser until it has one whole message.
template <class Parser> Task<Result<void>> read_message(Wire& wire, Parser& parser, Deadline deadline)
{
    parser.eager(true);
    while (!parser.is_done()) {
        if (!wire.input().empty()) {
            boost::system::error_code error;
            const std::string_view input = wire.input();
            const std::size_t taken = parser.put(asio::const_buffer(input.data(), input.size()), error);
            wire.consume(taken);
            if (error && error != http::error::need_more)
                co_return fail(error_of(error, parser));
            if (parser.is_done())
                break;
            if (taken > 0 && !wire.input().empty())
                continue;
        }
        const Result<void> filled = co_await wire.fill(deadline);
        if (!filled && filled.error() == ErrorCode::closed && parser.got_some()) {
            boost::system::error_code error;
            parser.put_eof(error);
            if (error)
                co_return fail(error_of(error, parser));
            break;
        }
        if (!filled)
            co_return filled;
    }
    co_return Result<void>{};
}

std::string written(const HttpResponse& response, bool keep_alive)
{
    return fmt::format("HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: {}\r\n"
                       "X-Content-Type-Options: nosniff\r\n\r\n{}",
                       response.status, std::string(http::obsolete_reason(static_cast<http::status>(response.status))),
                       response.content_type, response.body.size(), keep_alive ? "keep-alive" : "close", response.body);
}

HttpResponse refusal(unsigned status, std::string_view why)
{
    return {status, "text/plain; charset=utf-8", fmt::format("{}\n", printable(why))};
}

bool is_unreserved(char c) { return is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~'; }

}  // namespace

Result<std::string> percent_decode(std::string_view text)
{
    std::string out;
    while (!text.empty()) {
        char c = text[0];
        std::size_t length = 1;
        if (c == '%') {
            const std::optional<std::string> byte = hex_decode(text.substr(1, 2));
            if (text.size() < 3 || !byte)
                return fail(ErrorCode::malformed, "a broken % escape");
            c = (*byte)[0];
            length = 3;
        }
        if (is_control(c))
            return fail(ErrorCode::malformed, "a control character");
        out += c;
        text.remove_prefix(length);
    }
    return out;
}

std::string percent_encode(std::string_view text)
{
    std::string out;
    for (const char c : text)
        out += is_unreserved(c) ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
    return out;
}

Result<HttpRequest> parse_target(std::string_view target)
{
    HttpRequest request;
    const std::size_t question = target.find('?');
    std::string_view path = target.substr(0, question);
    if (!path.starts_with('/'))
        return fail(ErrorCode::malformed, "a target that is no path");
    for (const std::string_view segment : split(path.substr(1), '/')) {
        Result<std::string> decoded = percent_decode(segment);
        if (!decoded)
            return fail(decoded.error());
        request.path.push_back(std::move(*decoded));
    }
    if (question == std::string_view::npos)
        return request;
    for (const std::string_view pair : split(target.substr(question + 1), '&')) {
        const std::size_t equals = pair.find('=');
        const Result<std::string> name = percent_decode(pair.substr(0, equals));
        const Result<std::string> value =
            percent_decode(equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1));
        if (!name || !value)
            return fail(ErrorCode::malformed, "a query that cannot be read");
        request.query[*name] = *value;
    }
    return request;
}

Task<void> serve_http(Wire wire, HttpHandler& handler, const Clock& clock, std::size_t most_body)
{
    for (;;) {
        http::request_parser<http::string_body> parser;
        parser.header_limit(most_header);
        parser.body_limit(most_body);
        const Result<void> read = co_await read_message(wire, parser, Deadline::in(clock, request_patience));
        if (!read) {
            const bool worth_telling = read.error() == ErrorCode::malformed || read.error() == ErrorCode::too_large;
            if (!worth_telling)
                co_return;
            const unsigned status = read.error() == ErrorCode::too_large ? 413 : 400;
            std::string reply = written(refusal(status, read.error().text), false);
            co_await wire.write(std::move(reply), Deadline::in(clock, reply_patience));
            co_await wire.linger(Deadline::in(clock, 5s));
            co_return;
        }
        http::request<http::string_body> message = parser.release();
        const std::string target(message.target());
        Result<HttpRequest> request = parse_target(target);
        HttpResponse response;
        const bool keep_alive = message.keep_alive() && request.has_value();
        if (request) {
            request->method = std::string(message.method_string());
            request->content_type = std::string(message[http::field::content_type]);
            request->body = std::move(message.body());
            response = co_await handler.handle(std::move(*request));
        } else {
            response = refusal(400, request.error().text);
        }
        std::string reply = written(response, keep_alive);
        const Result<void> sent = co_await wire.write(std::move(reply), Deadline::in(clock, reply_patience));
        if (!sent || !keep_alive)
            co_return;
    }
}

Task<Result<HttpResponse>> call_http(Wire& wire, HttpRequest request, Deadline deadline, std::size_t most_body)
{
    std::string target;
    for (const std::string& segment : request.path)
        target += '/' + percent_encode(segment);
    char separator = '?';
    for (const auto& [name, value] : request.query) {
        target += fmt::format("{}{}={}", separator, percent_encode(name), percent_encode(value));
        separator = '&';
    }
    std::string text = fmt::format(
        "{} {} HTTP/1.1\r\nHost: posthouse\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n{}", request.method, target,
        request.content_type.empty() ? "application/json" : request.content_type, request.body.size(), request.body);
    const Result<void> sent = co_await wire.write(std::move(text), deadline);
    if (!sent)
        co_return fail(sent.error());
    http::response_parser<http::string_body> parser;
    parser.header_limit(most_header);
    parser.body_limit(most_body);
    const Result<void> read = co_await read_message(wire, parser, deadline);
    if (!read)
        co_return fail(read.error());
    http::response<http::string_body> message = parser.release();
    HttpResponse response;
    response.status = message.result_int();
    response.content_type = std::string(message[http::field::content_type]);
    response.body = std::move(message.body());
    co_return response;
}

}  // namespace posthouse::net

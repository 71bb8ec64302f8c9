// Between the wire and responses: sending commands with their literals, reading what comes back.
#include "imap/client/client.h"

#include "base/text.h"
#include "imap/grammar/framer.h"

#include <algorithm>

#include <fmt/format.h>

namespace posthouse::imap {

namespace {

constexpr std::size_t piece_size = 64 * 1024;

// The size announced at the end of `piece`, where it is an announcement of a synchronising literal.
std::optional<std::uint64_t> announced_size(std::string_view piece)
{
    if (!piece.ends_with("}\r\n"))
        return std::nullopt;
    piece.remove_suffix(3);
    const std::size_t open = piece.rfind('{');
    if (open == std::string_view::npos)
        return std::nullopt;
    return parse_number<std::uint64_t>(piece.substr(open + 1));
}

}  // namespace

Error to_error(const StatusResponse& status, std::string_view what)
{
    static constexpr std::pair<std::string_view, ErrorCode> codes[]{// RFC 5530, RFC 9208
                                                                    {"AUTHENTICATIONFAILED", ErrorCode::not_permitted},
                                                                    {"AUTHORIZATIONFAILED", ErrorCode::not_permitted},
                                                                    {"EXPIRED", ErrorCode::not_permitted},
                                                                    {"PRIVACYREQUIRED", ErrorCode::not_permitted},
                                                                    {"NOPERM", ErrorCode::not_permitted},
                                                                    {"UNAVAILABLE", ErrorCode::unavailable},
                                                                    {"INUSE", ErrorCode::unavailable},
                                                                    {"OVERQUOTA", ErrorCode::over_quota},
                                                                    {"LIMIT", ErrorCode::limit},
                                                                    {"NONEXISTENT", ErrorCode::not_found},
                                                                    {"TRYCREATE", ErrorCode::not_found},
                                                                    {"ALREADYEXISTS", ErrorCode::already_exists}};
    ErrorCode code = ErrorCode::unavailable;
    for (const auto& [name, meaning] : codes)
        if (status.code.name == name)
            code = meaning;
    return {code, fmt::format("{}: the server says: {}", what, printable(status.text, 300))};
}

Client::Client(net::Wire wire, const Clock& clock, ShowLine show, ClientLimits limits) :
    wire_(std::move(wire)), clock_(clock), show_(std::move(show)), limits_(limits)
{
}

void Client::show(Speaker speaker, std::string_view line) const
{
    if (show_)
        show_(speaker, line);
}

// --- commands -----------------------------------------------------------------------------------

Serializer Client::begin(std::string_view command)
{
    tag_ = fmt::format("a{}", ++commands_);
    Serializer out(has("LITERAL+") ? LiteralStyle::non_synchronising : LiteralStyle::synchronising);
    out.raw(tag_).raw(" ").raw(command);
    return out;
}

// Waits for "+" behind each announcement of a synchronising literal; a literal's own bytes may look like one.
Task<Result<void>> Client::send(Serializer command)
{
    const bool must_wait = !has("LITERAL+");
    std::vector<std::string> pieces = command.take();
    std::uint64_t literal_left = 0;
    for (std::string& piece : pieces) {
        std::optional<std::uint64_t> announced;
        if (must_wait && piece.size() > literal_left)
            announced = announced_size(std::string_view(piece).substr(literal_left));
        literal_left -= std::min<std::uint64_t>(literal_left, piece.size());
        const Result<void> written = co_await wire_.write(std::move(piece), Deadline::in(clock_, limits_.reply));
        if (!written)
            co_return written;
        if (!announced)
            continue;
        const Result<void> invited = co_await await_continuation();
        if (!invited)
            co_return invited;
        literal_left = *announced;
    }
    co_return Result<void>{};
}

Task<Result<void>> Client::await_continuation()
{
    const Deadline deadline = Deadline::in(clock_, limits_.reply);
    for (;;) {
        const Result<Response> response = co_await read_response(deadline);
        if (!response)
            co_return fail(response.error());
        if (std::holds_alternative<ContinuationResponse>(*response))
            co_return Result<void>{};
        const auto* status = std::get_if<StatusResponse>(&*response);
        if (status != nullptr && status->tag == tag_)
            co_return fail(to_error(*status, "refused"));
    }
}

// `shown`: what is told in place of the command, without its tag.
Task<Result<Client::Answer>> Client::run(Serializer command, std::string shown)
{
    command.crlf();
    show(Speaker::client, fmt::format("{} {}", tag_, shown));
    const std::string word = shown.substr(0, shown.find(' '));
    const Result<void> sent = co_await send(std::move(command));
    if (!sent)
        co_return fail(sent.error());
    Result<Answer> answer = co_await await_answer();
    if (answer && !answer->status.is_ok())
        co_return fail(to_error(answer->status, word));
    co_return answer;
}

Task<Result<void>> Client::run_plainly(std::string command)
{
    Serializer line = begin(command);
    const Result<Answer> answer = co_await run(std::move(line), std::move(command));
    if (!answer)
        co_return fail(answer.error());
    co_return Result<void>{};
}

Task<Result<Client::Answer>> Client::await_answer()
{
    Answer answer;
    const std::size_t most_responses = limits_.answer / 64;
    for (;;) {
        Result<Response> response = co_await read_response(Deadline::in(clock_, limits_.reply));
        if (!response)
            co_return fail(response.error());
        if (auto* status = std::get_if<StatusResponse>(&*response); status != nullptr && !status->tag.empty()) {
            if (status->tag != tag_)
                co_return fail(ErrorCode::malformed, "the server answers a command that was not given");
            answer.status = std::move(*status);
            co_return answer;
        }
        if (std::holds_alternative<ContinuationResponse>(*response))
            co_return fail(ErrorCode::malformed, "the server asks for more than the command has");
        if (answer.untagged.size() >= most_responses)
            co_return fail(ErrorCode::too_large, "the server's answer does not end");
        answer.untagged.push_back(std::move(*response));
    }
}

// --- responses ----------------------------------------------------------------------------------

Task<Result<Response>> Client::read_response(Deadline deadline)
{
    const Result<std::string> text = co_await read_text(deadline);
    if (!text)
        co_return fail(text.error());
    show(Speaker::server, std::string_view(*text).substr(0, text->find("\r\n")));
    Result<Response> response = parse_response(*text);
    if (response)
        if (const Result<void> noted = note(*response); !noted)
            co_return fail(noted.error());
    co_return response;
}

// One whole response, literals in place; the ones that are streamed stand there as empty ones.
Task<Result<std::string>> Client::read_text(Deadline deadline)
{
    std::string text;
    const std::size_t most = response_limit();
    Framer framer(most);
    for (;;) {
        const Framer::Step step = framer.next(wire_.input());
        if (step.event == Framer::Event::need_more) {
            const Result<void> filled = co_await wire_.fill(deadline, most);
            if (!filled)
                co_return fail(filled.error());
            continue;
        }
        if (step.event == Framer::Event::too_long || text.size() + step.text.size() > most)
            co_return fail(ErrorCode::too_large, "the server's answer does not end");
        if (step.event == Framer::Event::bare_newline)
            co_return fail(ErrorCode::malformed, "the server's lines do not end with CRLF");
        const bool announces = step.event == Framer::Event::literal;
        const std::uint64_t size = step.literal_size;
        text += step.text;
        wire_.consume(framer.cut());
        if (!announces || is_status(text))
            co_return text;
        const std::string_view before = std::string_view(text).substr(0, text.rfind('{'));
        Result<void> read;
        if (sink_ != nullptr && is_before_body(before)) {
            text.resize(before.size());
            text += "{0}\r\n";
            read = co_await stream_literal(size);
        } else if (size > most - text.size()) {
            read = fail(ErrorCode::too_large, "the server sends more than was asked for");
        } else {
            text += "\r\n";
            read = co_await read_literal(size, text);
        }
        if (!read)
            co_return fail(read.error());
        deadline = Deadline::in(clock_, limits_.reply);
    }
}

Task<Result<void>> Client::read_literal(std::uint64_t size, std::string& text)
{
    while (size > 0) {
        if (wire_.input().empty()) {
            const Result<void> filled = co_await wire_.fill(Deadline::in(clock_, limits_.reply), piece_size);
            if (!filled)
                co_return filled;
        }
        const std::string_view piece = wire_.input().substr(0, size);
        text += piece;
        size -= piece.size();
        wire_.consume(piece.size());
    }
    co_return Result<void>{};
}

Task<Result<void>> Client::stream_literal(std::uint64_t size)
{
    if (size > limits_.body)
        co_return fail(ErrorCode::too_large, "the message is larger than a message can be");
    body_came_ = true;
    while (size > 0) {
        if (wire_.input().empty()) {
            const Result<void> filled = co_await wire_.fill(Deadline::in(clock_, limits_.reply), piece_size);
            if (!filled)
                co_return filled;
        }
        std::string piece(wire_.input().substr(0, size));
        size -= piece.size();
        wire_.consume(piece.size());
        const bool goes_on = co_await (*sink_)(std::move(piece));
        if (!goes_on) {
            wire_.close();
            co_return fail(ErrorCode::cancelled, "the message was not wanted to its end");
        }
    }
    co_return Result<void>{};
}

// RFC 3501 section 5.2: the size of the mailbox may be told at any time.
Result<void> Client::note(const Response& response)
{
    if (const auto* count = std::get_if<CountResponse>(&response)) {
        changed_ = true;
        if (count->kind == CountResponse::Kind::exists)
            selected_.exists = count->number;
        else if (count->kind == CountResponse::Kind::expunge && selected_.exists > 0)
            --selected_.exists;
    } else if (std::holds_alternative<FetchResponse>(response)) {
        changed_ = true;
    } else if (const auto* list = std::get_if<CapabilityResponse>(&response)) {
        capabilities_ = {list->names.begin(), list->names.end()};
    } else if (const auto* status = std::get_if<StatusResponse>(&response)) {
        if (status->kind == StatusResponse::Kind::bye && status->tag.empty())
            return fail(ErrorCode::closed, fmt::format("the server says goodbye: {}", printable(status->text, 300)));
        if (status->code.name == "CAPABILITY") {
            capabilities_.clear();
            for (const std::string_view name : split(status->code.text, ' '))
                capabilities_.insert(to_upper(name));
        } else if (status->code.name == "UIDVALIDITY") {
            selected_.uid_validity = parse_number<std::uint32_t>(status->code.text).value_or(0);
        } else if (status->code.name == "UIDNEXT") {
            selected_.uid_next = parse_number<std::uint32_t>(status->code.text).value_or(0);
        }
    }
    return {};
}

// --- sessions -----------------------------------------------------------------------------------

bool Client::has(std::string_view capability) const { return capabilities_.contains(capability); }

Task<Result<void>> Client::greeting()
{
    const Result<Response> response = co_await read_response(Deadline::in(clock_, limits_.greeting));
    if (!response)
        co_return fail(response.error());
    const auto* status = std::get_if<StatusResponse>(&*response);
    if (status == nullptr || !status->tag.empty())
        co_return fail(ErrorCode::malformed, "the server's greeting is not IMAP");
    if (status->kind != StatusResponse::Kind::ok && status->kind != StatusResponse::Kind::preauth)
        co_return fail(to_error(*status, "the greeting"));
    logged_in_ = status->kind == StatusResponse::Kind::preauth;
    if (capabilities_.empty())
        co_return co_await refresh_capabilities();
    co_return Result<void>{};
}

Task<Result<void>> Client::refresh_capabilities()
{
    capabilities_.clear();
    co_return co_await run_plainly("CAPABILITY");
}

// RFC 3501 section 6.2.1: what was known of the server before TLS is forgotten.
Task<Result<void>> Client::start_tls(const net::TlsContext& context, std::string server_name)
{
    if (!has("STARTTLS"))
        co_return fail(ErrorCode::tls, "the server does not offer STARTTLS");
    // RFC 8314 section 5.1 and CVE-2020-14093: PREAUTH before TLS would keep STARTTLS away.
    if (logged_in_)
        co_return fail(ErrorCode::tls, "the server greets as if we had logged in already, before TLS");
    const Result<void> agreed = co_await run_plainly("STARTTLS");
    if (!agreed)
        co_return agreed;
    // The wire refuses bytes that came before the handshake (HOSTILE A3).
    const Result<void> done =
        co_await wire_.connect_tls(context, std::move(server_name), Deadline::in(clock_, limits_.handshake));
    if (!done)
        co_return done;
    co_return co_await refresh_capabilities();
}

Task<Result<void>> Client::noop() { co_return co_await run_plainly("NOOP"); }

Task<Result<void>> Client::begin_idle()
{
    Serializer line = begin("IDLE");
    line.crlf();
    show(Speaker::client, tag_ + " IDLE");
    changed_ = false;
    const Result<void> sent = co_await send(std::move(line));
    if (!sent)
        co_return sent;
    co_return co_await await_continuation();
}

Task<Result<bool>> Client::await_change(Duration patience)
{
    const Deadline until = Deadline::in(clock_, patience);
    while (!changed_) {
        if (wire_.input().empty()) {  // between two responses: running out of time does no harm here
            const Result<void> filled = co_await wire_.fill(until);
            if (!filled && filled.error() == ErrorCode::timeout)
                co_return false;
        }
        const Result<Response> response = co_await read_response(Deadline::in(clock_, limits_.reply));
        if (!response)
            co_return fail(response.error());
    }
    changed_ = false;
    co_return true;
}

Task<Result<void>> Client::end_idle()
{
    show(Speaker::client, "DONE");
    const Result<void> sent = co_await wire_.write("DONE\r\n", Deadline::in(clock_, limits_.reply));
    if (!sent)
        co_return sent;
    const Result<Answer> answer = co_await await_answer();
    if (!answer)
        co_return fail(answer.error());
    if (!answer->status.is_ok())
        co_return fail(to_error(answer->status, "IDLE"));
    co_return Result<void>{};
}

Task<Result<void>> Client::log_out()
{
    Serializer line = begin("LOGOUT");
    line.crlf();
    show(Speaker::client, tag_ + " LOGOUT");
    const Result<void> sent = co_await send(std::move(line));
    if (sent) {
        // BYE and the tagged OK: worth waiting for, not worth an error.
        Result<Response> last = co_await read_response(Deadline::in(clock_, 5s));
        static_cast<void>(last);
    }
    wire_.close();
    co_return Result<void>{};
}

}  // namespace posthouse::imap

#include "smtp/client.h"

#include "base/text.h"
#include "smtp/reply_grammar.h"

#include <fmt/format.h>

namespace posthouse::smtp {

namespace {

Error not_smtp(std::string what)
{
    return {ErrorCode::malformed, "the server's reply is not SMTP: " + std::move(what)};
}

}  // namespace

Task<Result<std::string>> TextSource::next() { co_return std::exchange(text_, {}); }

Client::Client(net::Wire wire, const Clock& clock, ShowLine show, ClientPatience patience) :
    wire_(std::move(wire)), clock_(clock), show_(std::move(show)), patience_(patience), framer_(longest_line_taken + 2)
{
}

Task<Result<Reply>> Client::greeting() { return read_reply(patience_.greeting); }
Task<Result<Reply>> Client::greeting(Duration patience) { return read_reply(std::min(patience, patience_.greeting)); }

Task<Result<Reply>> Client::hello(std::string name)
{
    Result<Reply> reply = co_await talk("EHLO " + name, {}, patience_.command);
    if (!reply)
        co_return reply;
    capabilities_ = capabilities_of(*reply);
    if (reply->is_permanent())
        reply = co_await talk("HELO " + name, {}, patience_.command);
    co_return reply;
}

Task<Result<Reply>> Client::start_tls(const net::TlsContext& context, std::string server_name)
{
    Result<Reply> reply = co_await talk("STARTTLS", {}, patience_.command);
    if (!reply || !reply->is_success())
        co_return reply;
    // The wire refuses bytes that came before the handshake (HOSTILE A3).
    const Result<void> done =
        co_await wire_.connect_tls(context, std::move(server_name), Deadline::in(clock_, patience_.handshake));
    if (!done) {
        usable_ = false;
        co_return fail(done.error());
    }
    framer_.reset();
    capabilities_ = {};
    transaction_open_ = false;
    co_return reply;
}

// RFC 4954 section 4.
Task<Result<Reply>> Client::login(std::unique_ptr<SaslClient> sasl)
{
    std::string line = fmt::format("AUTH {}", sasl->mechanism());
    std::string shown = line;
    if (const std::optional<std::string> initial = sasl->initial_response()) {
        line += ' ' + (initial->empty() ? "=" : base64_encode(*initial));
        shown += " [SASL response]";
    }
    Result<Reply> reply = co_await talk(std::move(line), std::move(shown), patience_.command);
    while (reply && reply->code == 334) {
        const std::optional<std::string> challenge = base64_decode(reply->text);
        const Result<std::string> response =
            challenge ? sasl->respond(*challenge) : fail(ErrorCode::malformed, "a challenge that is not base64");
        if (!response) {
            co_await talk("*", {}, patience_.command);
            co_return fail(response.error());
        }
        reply = co_await talk(base64_encode(*response), "[SASL response]", patience_.command);
    }
    if (reply && reply->is_success() && !sasl->is_satisfied())
        co_return fail(ErrorCode::malformed, "the server did not prove that it knows the password");
    co_return reply;
}

// --- lines ------------------------------------------------------------------------------------

Task<Result<Reply>> Client::command(std::string line)
{
    Result<Reply> reply = co_await talk(std::move(line), {}, patience_.command);
    co_return reply;
}

Task<void> Client::quit()
{
    co_await talk("QUIT", {}, patience_.quit);
    wire_.close();
}

// `shown`: what is told in place of the line; empty: the line.
Task<Result<Reply>> Client::talk(std::string line, std::string shown, Duration patience)
{
    show(Speaker::client, shown.empty() ? line : shown);
    if (!is_one_line(line))
        co_return fail(ErrorCode::malformed, "a command with a line end in it");
    line += "\r\n";
    const Result<void> written = co_await wire_.write(std::move(line), within(patience));
    if (!written) {
        usable_ = false;
        co_return fail(written.error());
    }
    Result<Reply> reply = co_await read_reply(patience);
    co_return reply;
}

Task<Result<void>> Client::write(std::vector<std::string> pieces, Duration patience)
{
    Result<void> written = co_await wire_.write(std::move(pieces), within(patience));
    usable_ = usable_ && written;
    co_return written;
}

Task<Result<Reply>> Client::read_reply(Duration patience)
{
    const Deadline deadline = within(patience);
    ReplyParser parser;
    for (;;) {
        const net::LineFramer::Frame frame = framer_.next(wire_.input());
        if (frame.kind == net::LineFramer::Kind::need_more) {
            wire_.consume(frame.consumed);
            const Result<void> filled = co_await wire_.fill(deadline);
            if (filled)
                continue;
            usable_ = false;
            co_return fail(filled.error());
        }
        if (frame.kind == net::LineFramer::Kind::line) {
            show(Speaker::server, frame.line);
            const ReplyParser::Status status = parser.line(frame.line);
            if (status == ReplyParser::Status::more || status == ReplyParser::Status::whole)
                wire_.consume(frame.consumed);
            if (status == ReplyParser::Status::more)
                continue;
            if (status == ReplyParser::Status::whole) {
                Reply reply = parser.take();
                usable_ = usable_ && reply.code != 421;  // RFC 5321 section 3.8: the channel is being closed
                co_return reply;
            }
            usable_ = false;
            if (status == ReplyParser::Status::too_large)
                co_return fail(ErrorCode::too_large, "the server's reply does not end");
            co_return fail(not_smtp(printable(frame.line, 100)));
        }
        usable_ = false;
        co_return fail(not_smtp("a line that is too long or has a bare CR or LF"));
    }
}

Deadline Client::within(Duration patience) const { return {std::min(Deadline::in(clock_, patience).at, whole_.at)}; }

void Client::show(Speaker speaker, std::string_view line) const
{
    if (show_)
        show_(speaker, line);
}

bool is_one_line(std::string_view line) { return line.find_first_of(std::string_view("\r\n\0", 3)) == line.npos; }

}  // namespace posthouse::smtp

#include "smtp/client.h"

#include "base/text.h"
#include "smtp/body_framer.h"
#include "smtp/parameter_grammar.h"
#include "smtp/reply_grammar.h"

#include <fmt/format.h>

namespace posthouse::smtp {

namespace {

constexpr std::size_t lines_in_a_group = 100;

Error not_smtp(std::string what)
{
    return {ErrorCode::malformed, "the server's reply is not SMTP: " + std::move(what)};
}

}  // namespace

Capabilities capabilities_of(const Reply& reply)
{
    Capabilities found;
    found.extended = reply.is_success();
    bool is_first = true;
    for (const std::string_view line : split(reply.text, '\n')) {
        if (std::exchange(is_first, false))
            continue;  // the server's name
        found.lines.emplace_back(line);
        const std::vector<std::string_view> words = split(line, ' ');
        const auto is = [&](std::string_view keyword) { return equals_ignoring_case(words[0], keyword); };
        found.pipelining = found.pipelining || is("PIPELINING");
        found.eight_bit = found.eight_bit || is("8BITMIME");
        found.smtputf8 = found.smtputf8 || is("SMTPUTF8");
        found.starttls = found.starttls || is("STARTTLS");
        found.dsn = found.dsn || is("DSN");
        found.chunking = found.chunking || is("CHUNKING");
        if (is("SIZE")) {
            found.size = true;
            found.most_bytes = words.size() > 1 ? parse_number<std::uint64_t>(words[1]).value_or(0) : 0;
        }
        if (is("AUTH"))
            found.mechanisms.assign(words.begin() + 1, words.end());
        if (is("LIMITS"))
            for (const std::string_view limit : words)
                if (starts_with_ignoring_case(limit, "RCPTMAX="))
                    found.most_recipients = parse_number<std::uint64_t>(limit.substr(8)).value_or(0);
    }
    return found;
}

Task<Result<std::string>> TextSource::next() { co_return std::exchange(text_, {}); }

Client::Client(net::Wire wire, const Clock& clock, ShowLine show, ClientPatience patience) :
    wire_(std::move(wire)), clock_(clock), show_(std::move(show)), patience_(patience), framer_(longest_line_taken + 2)
{
}

Task<Result<Reply>> Client::greeting()
{
    Result<Reply> reply = co_await read_reply(patience_.greeting);
    co_return reply;
}

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
    if (!done)
        co_return fail(done.error());
    framer_.reset();
    capabilities_ = {};
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

// --- a message --------------------------------------------------------------------------------

std::optional<Reply> Client::what_server_lacks(const Envelope& envelope) const
{
    if (envelope.smtputf8 && !capabilities_.smtputf8)
        return Reply{553, "5.6.7", "the server takes no addresses with other letters than ASCII"};
    if (envelope.body == BodyType::eight_bit && !capabilities_.eight_bit)
        return Reply{554, "5.6.3", "the server takes no message with 8-bit bytes"};
    if (capabilities_.most_bytes != 0 && envelope.declared_size > capabilities_.most_bytes)
        return Reply{
            552, "5.3.4",
            fmt::format("the message is too large for the server, which takes {} bytes", capabilities_.most_bytes)};
    return std::nullopt;
}

std::string Client::mail_line(const Envelope& envelope) const
{
    std::string line = fmt::format("MAIL FROM:<{}>", envelope.reverse_path.text());
    if (capabilities_.size && envelope.declared_size != 0)
        line += fmt::format(" SIZE={}", envelope.declared_size);
    if (envelope.body == BodyType::eight_bit)
        line += " BODY=8BITMIME";
    if (envelope.smtputf8)
        line += " SMTPUTF8";
    if (capabilities_.dsn && envelope.ret != Ret::unset)
        line += envelope.ret == Ret::full ? " RET=FULL" : " RET=HDRS";
    if (capabilities_.dsn && !envelope.envelope_id.empty())
        line += " ENVID=" + to_xtext(envelope.envelope_id);
    return line;
}

std::string Client::rcpt_line(const Recipient& recipient) const
{
    std::string line = fmt::format("RCPT TO:<{}>", recipient.path.text());
    if (!capabilities_.dsn)
        return line;
    const auto wants = [&](Notify notify) { return (recipient.notify & static_cast<unsigned>(notify)) != 0; };
    std::vector<std::string_view> words;
    if (wants(Notify::never))
        words = {"NEVER"};
    if (wants(Notify::success))
        words.push_back("SUCCESS");
    if (wants(Notify::failure))
        words.push_back("FAILURE");
    if (wants(Notify::delay))
        words.push_back("DELAY");
    if (!words.empty())
        line += fmt::format(" NOTIFY={}", fmt::join(words, ","));
    const std::size_t type_end = recipient.original_recipient.find(';');
    if (type_end != std::string::npos)
        line += fmt::format(" ORCPT={};{}", recipient.original_recipient.substr(0, type_end),
                            to_xtext(recipient.original_recipient.substr(type_end + 1)));
    return line;
}

Task<Result<Sent>> Client::send(Envelope envelope, MessageSource& source)
{
    Sent sent;
    if (std::optional<Reply> lack = what_server_lacks(envelope)) {
        sent.sender = std::move(*lack);
        co_return sent;
    }
    std::vector<std::string> lines{mail_line(envelope)};
    const std::size_t most = capabilities_.most_recipients != 0 ? capabilities_.most_recipients : SIZE_MAX;
    for (const Recipient& recipient : envelope.recipients)
        if (lines.size() <= most)
            lines.push_back(rcpt_line(recipient));
    lines.emplace_back("DATA");

    Result<Sent> said;
    if (capabilities_.pipelining)
        said = co_await send_envelope_pipelined(std::move(lines));
    else
        said = co_await send_envelope_by_turns(std::move(lines));
    if (!said)
        co_return said;
    sent = std::move(*said);
    while (sent.recipients.size() < envelope.recipients.size())
        sent.recipients.push_back({452, "4.5.3", "more recipients than the server takes with one message"});
    if (sent.data.code != 354)
        co_return sent;

    const bool somebody = std::ranges::any_of(sent.recipients, &Reply::is_success);
    TextSource nothing{{}};  // RFC 2920 section 3.1: 354 though nobody is left; an empty message ends it
    Result<Reply> end = co_await send_content(somebody ? source : nothing);
    if (!end)
        co_return fail(end.error());
    if (somebody)
        sent.message = std::move(*end);
    co_return sent;
}

// RFC 2920: many lines in one write, their replies in order; DATA is the last. Not too many: while
// our write waits for a server whose replies we do not read yet, both would wait for ever.
Task<Result<Sent>> Client::send_envelope_pipelined(std::vector<std::string> lines)
{
    Sent sent;
    for (std::size_t begin = 0; begin < lines.size(); begin += lines_in_a_group) {
        const std::size_t end = std::min(begin + lines_in_a_group, lines.size());
        std::string group;
        for (std::size_t i = begin; i < end; ++i) {
            show(Speaker::client, lines[i]);
            group += lines[i] + "\r\n";
        }
        const Result<void> written = co_await write(std::move(group), patience_.command);
        if (!written)
            co_return fail(written.error());
        for (std::size_t i = begin; i < end; ++i) {
            const bool is_data = i + 1 == lines.size();
            Result<Reply> reply = co_await read_reply(is_data ? patience_.data_start : patience_.command);
            if (!reply)
                co_return fail(reply.error());
            if (i == 0)
                sent.sender = std::move(*reply);
            else if (is_data)
                sent.data = std::move(*reply);
            else
                sent.recipients.push_back(std::move(*reply));
        }
    }
    co_return sent;
}

Task<Result<Sent>> Client::send_envelope_by_turns(std::vector<std::string> lines)
{
    Sent sent;
    Result<Reply> reply = co_await talk(lines.front(), {}, patience_.command);
    if (!reply)
        co_return fail(reply.error());
    sent.sender = *reply;
    if (!reply->is_success())
        co_return sent;
    for (std::size_t i = 1; i + 1 < lines.size(); ++i) {
        reply = co_await talk(lines[i], {}, patience_.command);
        if (!reply)
            co_return fail(reply.error());
        sent.recipients.push_back(std::move(*reply));
    }
    if (std::ranges::none_of(sent.recipients, &Reply::is_success)) {
        reply = co_await talk("RSET", {}, patience_.command);
        if (!reply)
            co_return fail(reply.error());
        co_return sent;
    }
    reply = co_await talk(lines.back(), {}, patience_.data_start);
    if (!reply)
        co_return fail(reply.error());
    sent.data = std::move(*reply);
    co_return sent;
}

Task<Result<Reply>> Client::send_content(MessageSource& source)
{
    DotStuffer stuffer;
    std::uint64_t bytes = 0;
    for (;;) {
        Result<std::string> piece = co_await source.next();
        if (!piece) {  // half a message must not be taken for a whole one
            wire_.close();
            co_return fail(piece.error());
        }
        const bool is_end = piece->empty();
        bytes += piece->size();
        std::string block;
        block.reserve(piece->size() + 16);
        stuffer.stuff(*piece, block);
        if (is_end)
            block += stuffer.end();
        const Result<void> written = co_await write(std::move(block), patience_.data_block);
        if (!written) {  // it may have said why
            Result<Reply> reason = co_await read_reply(5s);
            if (reason && !reason->is_positive())
                co_return reason;
            co_return fail(written.error());
        }
        if (is_end)
            break;
    }
    show(Speaker::client, fmt::format("[{} bytes of message]", bytes));
    show(Speaker::client, ".");
    Result<Reply> reply = co_await read_reply(patience_.data_end);
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
    co_await talk("QUIT", {}, 10s);
    wire_.close();
}

// `shown`: what is told in place of the line; empty: the line.
Task<Result<Reply>> Client::talk(std::string line, std::string shown, Duration patience)
{
    show(Speaker::client, shown.empty() ? line : shown);
    // A line end inside would be two commands (HOSTILE lesson 3).
    if (line.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos)
        co_return fail(ErrorCode::malformed, "a command with a line end in it");
    line += "\r\n";
    const Result<void> written = co_await write(std::move(line), patience);
    if (!written)
        co_return fail(written.error());
    Result<Reply> reply = co_await read_reply(patience);
    co_return reply;
}

Task<Result<void>> Client::write(std::string text, Duration patience)
{
    const Result<void> written = co_await wire_.write(std::move(text), Deadline::in(clock_, patience));
    co_return written;
}

Task<Result<Reply>> Client::read_reply(Duration patience)
{
    const Deadline deadline = Deadline::in(clock_, patience);
    ReplyParser parser;
    for (;;) {
        const net::LineFramer::Frame frame = framer_.next(wire_.input());
        if (frame.kind == net::LineFramer::Kind::need_more) {
            wire_.consume(frame.consumed);
            const Result<void> filled = co_await wire_.fill(deadline);
            if (!filled)
                co_return fail(filled.error());
            continue;
        }
        if (frame.kind != net::LineFramer::Kind::line)
            co_return fail(not_smtp("a line that is too long or has a bare CR or LF"));
        show(Speaker::server, frame.line);
        const ReplyParser::Status status = parser.line(frame.line);
        if (status == ReplyParser::Status::malformed)
            co_return fail(not_smtp(printable(frame.line, 100)));
        if (status == ReplyParser::Status::too_large)
            co_return fail(ErrorCode::too_large, "the server's reply does not end");
        wire_.consume(frame.consumed);
        if (status == ReplyParser::Status::whole)
            co_return parser.take();
    }
}

void Client::show(Speaker speaker, std::string_view line) const
{
    if (show_)
        show_(speaker, line);
}

}  // namespace posthouse::smtp

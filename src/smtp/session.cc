#include "smtp/session.h"

#include "smtp/session_impl.h"

#include <fmt/format.h>

namespace posthouse::smtp {

namespace {

// Replies gather up to this before they are sent though more commands wait (HOSTILE A7).
constexpr std::size_t most_unsent = 16'384;
constexpr unsigned errors_before_delay = 10;

SessionFacts facts_of(const ServerServices& services, const net::Wire& wire)
{
    SessionFacts facts;
    facts.session = services.ids.next();
    facts.peer = wire.peer();
    facts.local = wire.local();
    return facts;
}

}  // namespace

Session::Session(const ServerServices& services, const Patience& patience, net::Wire wire) :
    services_(services),
    patience_(patience),
    wire_(std::move(wire)),
    facts_(facts_of(services, wire_)),
    agent_(services.door.open(facts_)),
    dialogue_(services.door.offer(), facts_, *agent_, services.starttls != nullptr),
    framer_(longest_command_line)
{
}

Task<void> Session::run()
{
    if (services_.recorder.wanted())
        services_.recorder.hop({.session = facts_.session,
                                .way = HopWay::in,
                                .room = services_.door.room(),
                                .peer = facts_.peer.text(),
                                .local = facts_.local.text()});
    if (wire_.is_tls())
        note_tls();
    Step step = dialogue_.greet();
    bool goes_on = co_await act_on(std::move(step));
    Deadline line_deadline = within(patience_.command);
    while (goes_on) {
        framer_.limit(dialogue_.longest_line());
        const net::LineFramer::Frame frame = framer_.next(wire_.input());
        if (frame.kind == net::LineFramer::Kind::need_more) {
            wire_.consume(frame.consumed);
            const Result<void> filled = co_await fill(line_deadline);
            if (filled && framer_.swallowed() <= most_swallowed)
                continue;
            step = filled ? dialogue_.on_endless_line() : on_wire_error(filled.error());
        } else {
            step = on_frame(frame);
            wire_.consume(frame.consumed);
        }
        goes_on = co_await act_on(std::move(step));
        line_deadline = within(patience_.command);
    }
}

Task<void> Session::apologise()
{
    out_.clear();
    say({421, "4.3.0", "something went wrong here; try again later"});
    co_await flush();
}

Step Session::on_frame(const net::LineFramer::Frame& frame)
{
    if (!services_.recorder.wanted())
        return judge(frame);
    // What may be told of the line is known before it is judged, whose it is only afterwards: MAIL is
    // the first line of its message.
    const std::string told = dialogue_.recordable(frame.line);
    Step step = judge(frame);
    if (const Id message = dialogue_.message())
        message_ = message;
    asked_ = step.next == Next::ask_recipient ? dialogue_.asked_recipient().path.text() : std::string();
    tell_line(Speaker::client, told);
    return step;
}

Step Session::judge(const net::LineFramer::Frame& frame)
{
    using Kind = net::LineFramer::Kind;
    switch (frame.kind) {
    case Kind::bare_lf: return dialogue_.on_bad_line(Dialogue::LineFault::bare_lf);
    case Kind::bare_cr: return dialogue_.on_bad_line(Dialogue::LineFault::bare_cr);
    case Kind::too_long: return dialogue_.on_bad_line(Dialogue::LineFault::too_long);
    default: return dialogue_.on_line(frame.line, services_.clock.now());
    }
}

Step Session::on_wire_error(const Error& error)
{
    body_.reset();
    if (error == ErrorCode::timeout)
        return dialogue_.on_timeout();
    if (error == ErrorCode::cancelled)
        return dialogue_.on_shutdown();
    return {{}, Next::close};  // nobody is left to answer
}

// Does what the step asks for, and what follows from that, up to the next command. False: the
// session is over.
Task<bool> Session::act_on(Step step)
{
    for (;;) {
        if (const Id message = dialogue_.message())
            message_ = message;
        switch (step.next) {
        case Next::command: {
            if (step.reply.is_permanent() && dialogue_.errors() >= errors_before_delay && patience_.error_delay > 0s)
                co_await sleep_for(patience_.error_delay);
            say(step.reply);
            message_ = dialogue_.message();
            if (dialogue_.state() != State::chunks)
                body_.reset();
            if (out_.size() < most_unsent)
                co_return true;
            const Result<void> sent = co_await flush();
            co_return sent.has_value();
        }
        case Next::close: {
            body_.reset();
            if (step.reply.code != 0)
                say(step.reply);
            co_await flush();
            if (step.reply.code != 0)
                tell_step("closed", step.reply.codes(), step.reply.text);
            else
                tell_step("closed", {}, "the client is gone");
            if (step.reply.code != 0)
                co_await wire_.linger(within(patience_.linger));
            co_return false;
        }
        case Next::ask_sender: {
            Reply verdict = co_await agent_->sender(dialogue_.message(), dialogue_.envelope());
            tell_sender(verdict);
            step = dialogue_.on_sender(std::move(verdict));
            break;
        }
        case Next::ask_cancel: {
            Reply verdict = co_await agent_->cancel(dialogue_.to_cancel());
            step = dialogue_.on_cancel(std::move(verdict));
            break;
        }
        case Next::ask_recipient: {
            RecipientVerdict verdict =
                co_await agent_->recipient(dialogue_.asked_recipient(), dialogue_.envelope().declared_size);
            tell_recipient(verdict);
            step = dialogue_.on_recipient(std::move(verdict));
            break;
        }
        case Next::ask_body: {
            auto begun = co_await agent_->begin(dialogue_.message(), dialogue_.take_envelope());
            refusal_.reset();
            taken_ = 0;
            line_ends_ = {};
            message_deadline_ = within(patience_.message);
            if (begun)
                body_ = std::move(*begun);
            step = dialogue_.on_body(begun ? std::nullopt : std::optional(std::move(begun.error())));
            break;
        }
        case Next::take_data: {
            say(step.reply);
            step = co_await take_data();
            break;
        }
        case Next::take_chunk: {
            step = co_await take_chunk(step.chunk);
            break;
        }
        case Next::skip_chunk: {
            body_.reset();
            step = co_await skip_chunk(std::move(step));
            break;
        }
        case Next::authenticate: {
            AuthStart start = dialogue_.take_auth_start();
            AuthStep outcome =
                co_await agent_->authenticate(std::move(start.mechanism), std::move(start.initial_response));
            step = dialogue_.on_auth(std::move(outcome));
            break;
        }
        case Next::respond: {
            AuthStep outcome = co_await agent_->respond(dialogue_.take_auth_response());
            step = dialogue_.on_auth(std::move(outcome));
            break;
        }
        case Next::start_tls: {
            step = co_await begin_tls(std::move(step));
            if (step.next == Next::command)
                co_return true;  // what was to be said was said before the handshake
            break;
        }
        }
    }
}

// RFC 3207. Bytes that came before the handshake were not protected by it, yet would be read as if
// they were (HOSTILE A3).
Task<Step> Session::begin_tls(Step step)
{
    if (!wire_.input().empty())
        co_return dialogue_.on_early_bytes();
    say(step.reply);
    const Result<void> sent = co_await flush();
    if (!sent)
        co_return on_wire_error(sent.error());
    const Result<void> done = co_await wire_.accept_tls(*services_.starttls, within(patience_.handshake));
    if (!done) {
        services_.log.write(LogLevel::info, services_.door.room(), facts_.session, "no TLS",
                            {{"peer", facts_.peer.text()}, {"why", done.error().text}});
        tell_step("no TLS", to_string(done.error().code), done.error().text);
        co_return Step{{}, Next::close};
    }
    dialogue_.on_tls();
    framer_.reset();
    note_tls();
    co_return Step{};
}

void Session::note_tls()
{
    facts_.encrypted = true;
    facts_.tls_version = wire_.tls().version;
    facts_.tls_cipher = wire_.tls().cipher;
    facts_.channel_binding = [this](net::ChannelBinding kind) { return wire_.channel_binding(kind); };
    if (services_.recorder.wanted())
        services_.recorder.tls({.session = facts_.session,
                                .room = services_.door.room(),
                                .version = facts_.tls_version,
                                .cipher = facts_.tls_cipher,
                                .server_name = wire_.tls().server_name,
                                .certificate = wire_.tls().peer_subject,
                                .verified = wire_.tls().peer_verified});
}

Task<Result<void>> Session::fill(Deadline deadline)
{
    const Result<void> sent = co_await flush();
    if (!sent)
        co_return sent;
    const Result<void> filled = co_await wire_.fill(deadline);
    co_return filled;
}

Task<Result<void>> Session::flush()
{
    if (out_.empty())
        co_return Result<void>{};
    const Result<void> sent = co_await wire_.write(std::exchange(out_, {}), within(patience_.write));
    co_return sent;
}

void Session::say(const Reply& reply)
{
    const std::size_t start = out_.size();
    append_to(out_, reply);
    if (!services_.recorder.wanted())
        return;
    if (reply.code == 334)
        return tell_line(Speaker::server, "334 [challenge]");
    std::string_view rest = std::string_view(out_).substr(start);
    for (std::size_t end; (end = rest.find("\r\n")) != std::string_view::npos; rest.remove_prefix(end + 2))
        tell_line(Speaker::server, rest.substr(0, end));
}

void Session::tell_line(Speaker speaker, std::string_view line)
{
    services_.recorder.line({facts_.session, message_, speaker, line, asked_});
}

void Session::tell_step(std::string_view step, std::string_view result, std::string_view reason)
{
    if (services_.recorder.wanted())
        services_.recorder.step({facts_.session, message_, services_.door.room(), step, result, reason});
}

void Session::tell_sender(const Reply& verdict)
{
    if (!services_.recorder.wanted())
        return;
    const std::string sender = dialogue_.envelope().reverse_path.text();
    services_.recorder.step({.session = facts_.session,
                             .message = message_,
                             .room = services_.door.room(),
                             .step = verdict.is_success() ? "sender" : "sender refused",
                             .result = verdict.codes(),
                             .reason = verdict.text,
                             .sender = sender.empty() ? "<>" : sender,
                             .account = facts_.account});
}

void Session::tell_recipient(const RecipientVerdict& verdict)
{
    if (!services_.recorder.wanted())
        return;
    services_.recorder.step({.session = facts_.session,
                             .message = message_,
                             .room = services_.door.room(),
                             .step = verdict.reply.is_success() ? "recipient" : "recipient refused",
                             .result = verdict.reply.codes(),
                             .reason = verdict.reply.text,
                             .recipient = asked_});
    if (!verdict.rule.empty())
        services_.recorder.step({.session = facts_.session,
                                 .message = message_,
                                 .room = services_.door.room(),
                                 .step = "leads to",
                                 .result = verdict.rule,
                                 .recipient = asked_});
}

Task<void> Server::serve(net::Wire wire)
{
    Session session(services_, patience_, std::move(wire));
    std::exception_ptr bug;
    try {
        co_await session.run();
    } catch (...) {
        bug = std::current_exception();
    }
    if (!bug)
        co_return;
    co_await session.apologise();
    std::rethrow_exception(bug);  // the task group logs it
}

}  // namespace posthouse::smtp

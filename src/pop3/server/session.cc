#include "pop3/server/session.h"

#include "sasl/secret.h"

#include <fmt/format.h>

namespace posthouse::pop3 {

namespace {

constexpr std::size_t longest_line = 8 * 1024;  // with its CRLF: a SASL response in base64
constexpr std::size_t most_swallowed = 48 * 1024;  // of faulty lines: with the line itself under 64 kB (HOSTILE A10)

}  // namespace

Session::Session(const ServerServices& services, const ServerOptions& options, MaildropLocks& locks, net::Wire wire) :
    services_(services),
    options_(options),
    locks_(locks),
    wire_(std::move(wire)),
    id_(services.ids.next()),
    dialogue_(offer()),
    framer_(longest_line)
{
}

Session::~Session() { tell_step("closed", {}, {}); }

Task<void> Session::run()
{
    if (services_.recorder.wanted())
        services_.recorder.hop({.session = id_,
                                .way = HopWay::in,
                                .room = "pop3/server",
                                .peer = wire_.peer().text(),
                                .local = wire_.local().text()});
    if (wire_.is_tls())
        note_tls();
    bool goes_on = co_await act_on(dialogue_.greet());
    while (goes_on) {
        const net::LineFramer::Frame frame = framer_.next(wire_.input());
        Step step;
        if (frame.kind == net::LineFramer::Kind::need_more) {
            wire_.consume(frame.consumed);
            const Result<void> filled = co_await fill();
            if (filled && framer_.swallowed() <= most_swallowed)
                continue;
            step = filled ? Step{"-ERR this line has no end, goodbye\r\n", Next::close} : on_wire_error(filled.error());
        } else {
            step = on_frame(frame);
            wire_.consume(frame.consumed);
            line_deadline_ = {};
        }
        goes_on = co_await act_on(std::move(step));
    }
}

Task<void> Session::apologise()
{
    out_.clear();
    out_bytes_ = 0;
    may_append_ = false;
    say("-ERR [SYS/TEMP] something went wrong here; try again later\r\n");
    co_await flush();
}

Task<Result<void>> Session::fill()
{
    // What was answered so far goes out before we wait.
    const Result<void> sent = co_await flush();
    if (!sent)
        co_return fail(sent.error());
    if (line_deadline_.at == Deadline::never().at)
        line_deadline_ =
            within(dialogue_.state() == State::transaction ? options_.autologout : options_.login_patience);
    co_return co_await wire_.fill(line_deadline_);
}

Step Session::on_frame(const net::LineFramer::Frame& frame)
{
    using Kind = net::LineFramer::Kind;
    if (services_.recorder.wanted())
        tell_line(Speaker::client, dialogue_.recordable(frame.line));
    switch (frame.kind) {
    case Kind::bare_lf: return dialogue_.on_fault(LineFault::bare_lf);
    case Kind::bare_cr: return dialogue_.on_fault(LineFault::bare_cr);
    case Kind::too_long: return dialogue_.on_fault(LineFault::too_long);
    default: return dialogue_.on_line(frame.line);
    }
}

Step Session::on_wire_error(const Error& error)
{
    if (error == ErrorCode::cancelled)
        return dialogue_.on_shutdown();
    // RFC 1939 section 3: after the autologout nothing is removed and nothing is said.
    tell_step("lost", to_string(error.code), error.text);
    return {{}, Next::close};
}

// Does what the step asks for, and what follows from that, up to the next command. False: the
// session is over.
Task<bool> Session::act_on(Step step)
{
    for (;;) {
        switch (step.next) {
        case Next::command: {
            say(std::move(step.reply));
            if (out_bytes_ < most_unsent)
                co_return true;
            const Result<void> sent = co_await flush();
            co_return sent.has_value();
        }
        case Next::close: {
            // Free before the last word: who hears it may come back at once.
            lock_ = {};
            ticket_ = {};
            say(std::move(step.reply));
            co_await flush();
            co_await wire_.linger(within(options_.linger));
            co_return false;
        }
        case Next::log_in: {
            Step next = co_await log_in();
            step = std::move(next);
            break;
        }
        case Next::begin_exchange: {
            exchange_ = services_.authenticator.begin(std::move(step.text), peer());
            directory::SaslStep outcome = co_await exchange_->start(std::move(step.response));
            step = dialogue_.on_sasl(std::move(outcome));
            break;
        }
        case Next::respond: {
            directory::SaslStep outcome = co_await exchange_->respond(std::move(step.response).value_or(""));
            step = dialogue_.on_sasl(std::move(outcome));
            break;
        }
        case Next::open_maildrop: {
            exchange_.reset();
            Step next = co_await open_maildrop(dialogue_.take_account());
            step = std::move(next);
            break;
        }
        case Next::start_tls: {
            say(std::move(step.reply));
            const bool is_up = co_await start_tls();
            if (!is_up)
                co_return false;
            step = dialogue_.on_tls(offer());
            break;
        }
        case Next::retrieve: {
            const bool goes_on = co_await retrieve(std::move(step));
            co_return goes_on;
        }
        case Next::remove: {
            Step next = co_await remove();
            step = std::move(next);
            break;
        }
        }
    }
}

Task<Step> Session::log_in()
{
    Dialogue::Credentials credentials = dialogue_.take_credentials();
    directory::SaslStep outcome =
        co_await services_.authenticator.login(std::move(credentials.user), std::move(credentials.password), peer());
    sasl::wipe(credentials.password);
    co_return dialogue_.on_sasl(std::move(outcome));
}

Task<Step> Session::open_maildrop(directory::Account account)
{
    const auto refuse = [&](std::string_view reason, const std::string& why) {
        services_.log.write(LogLevel::info, "pop3/server", id_, "no maildrop",
                            {{"user", account.address}, {"reason", std::string(reason)}, {"why", why}});
        tell_step("login", "refused", reason);
        lock_ = {};
        ticket_ = {};
        account_.reset();
        return dialogue_.on_no_maildrop(std::string(reason));
    };
    lock_ = locks_.take(account.id);
    if (!lock_)
        co_return refuse("[IN-USE] another POP3 session has this mailbox", "");
    ticket_ = services_.connections.admit_account(account.id);
    if (!ticket_)
        co_return refuse("[IN-USE] too many connections of this account", "");
    Result<mailbox::AccountPtr> opened = co_await services_.mailboxes.open(account.id, account.id);
    if (!opened)
        co_return refuse("[SYS/TEMP] the mailbox cannot be opened now", opened.error().text);
    account_ = std::move(*opened);
    const Result<mailbox::MailboxTreePtr> tree = co_await account_->tree();
    const mailbox::Mailbox* inbox = tree ? (*tree)->find("INBOX") : nullptr;
    if (!inbox)
        co_return refuse("[SYS/TEMP] the mailbox cannot be opened now", tree ? "no INBOX" : tree.error().text);
    inbox_ = inbox->id;
    Result<mailbox::SnapshotPtr> snapshot = co_await account_->snapshot(inbox_);
    if (!snapshot)
        co_return refuse("[SYS/TEMP] the mailbox cannot be opened now", snapshot.error().text);
    services_.log.write(LogLevel::info, "pop3/server", id_, "logged in",
                        {{"user", account.address}, {"from", wire_.peer().text()}});
    tell_step("login", account.address, "the password is right");
    co_return dialogue_.on_maildrop(Maildrop(std::move(*snapshot)));
}

// RFC 1939 section 6. Safe on disk before the +OK.
Task<Step> Session::remove()
{
    const Result<mailbox::Expunged> expunged =
        co_await account_->expunge(inbox_, dialogue_.maildrop().deleted_uids(), mailbox::Account::Which::all);
    if (!expunged)
        services_.log.write(LogLevel::warning, "pop3/server", id_, "messages not removed",
                            {{"why", expunged.error().text}});
    const Result<void> removed = expunged ? Result<void>{} : Result<void>(fail(expunged.error()));
    tell_step("removed", removed ? "ok" : "failed", {});
    co_return dialogue_.on_removed(removed);
}

Task<bool> Session::start_tls()
{
    // Whatever stands behind STLS was not said in secret, whoever said it (HOSTILE A3).
    if (!wire_.input().empty()) {
        tell_step("tls", "refused", "commands behind STLS, before the handshake");
        out_.clear();
        wire_.close();
        co_return false;
    }
    const Result<void> sent = co_await flush();
    if (!sent)
        co_return false;
    const Result<void> shaken = co_await wire_.accept_tls(*services_.tls, within(options_.handshake));
    if (!shaken) {
        tell_step("tls", "failed", shaken.error().text);
        co_return false;
    }
    framer_.reset();
    note_tls();
    co_return true;
}

Offer Session::offer() const
{
    directory::Peer peer = const_cast<Session*>(this)->peer();
    return {.host = options_.name,
            .tls_possible = services_.tls != nullptr && !wire_.is_tls(),
            .passwords_allowed = peer.encrypted,
            .mechanisms = directory::told_to_mail_readers(services_.authenticator.mechanisms(peer))};
}

// Lifetime: the exchange that keeps it is this session's.
directory::Peer Session::peer()
{
    directory::Peer peer{.address = wire_.peer().address,
                         .session = id_,
                         .encrypted = wire_.is_tls() || options_.allow_plaintext_login,
                         .was_told_of_plus = false};
    if (wire_.is_tls())
        peer.channel_binding = [this](std::string_view type) {
            if (type == "tls-exporter")
                return wire_.channel_binding(net::ChannelBinding::tls_exporter);
            if (type == "tls-server-end-point")
                return wire_.channel_binding(net::ChannelBinding::tls_server_end_point);
            return std::string();
        };
    return peer;
}

// Output.

void Session::say(std::string reply)
{
    if (reply.empty())
        return;
    if (services_.recorder.wanted()) {
        const std::size_t end = reply.find("\r\n");
        tell_line(Speaker::server, std::string_view(reply).substr(0, end));
        if (end + 2 < reply.size())
            tell_line(Speaker::server, fmt::format("[{} octets]", reply.size() - end - 2));
    }
    out_bytes_ += reply.size();
    if (may_append_)
        out_.back() += reply;
    else
        out_.push_back(std::move(reply));
    may_append_ = true;
}

// Stays the string it is.
void Session::add_message(std::string text)
{
    out_bytes_ += text.size();
    out_.push_back(std::move(text));
    may_append_ = false;
}

// The message's last line and dot; the next replies may follow in the same piece.
void Session::add_end(const BodyEncoder& encoder)
{
    add_message(encoder.finish());
    may_append_ = true;
}

Task<Result<void>> Session::flush()
{
    if (out_.empty())
        co_return Result<void>{};
    std::vector<std::string> pieces = std::exchange(out_, {});
    out_bytes_ = 0;
    may_append_ = false;
    const Deadline deadline = within(options_.write_patience);
    if (pieces.size() == 1)
        co_return co_await wire_.write(std::move(pieces.front()), deadline);
    co_return co_await wire_.write(std::move(pieces), deadline);
}

void Session::note_tls()
{
    const net::TlsFacts& tls = wire_.tls();
    tell_step("tls", fmt::format("{} {}", tls.version, tls.cipher), {});
}

void Session::tell_line(Speaker speaker, std::string_view line)
{
    services_.recorder.line({.session = id_, .speaker = speaker, .text = line});
}

void Session::tell_step(std::string_view step, std::string_view result, std::string_view reason)
{
    services_.recorder.step({.session = id_, .room = "pop3/server", .step = step, .result = result, .reason = reason});
}

}  // namespace posthouse::pop3

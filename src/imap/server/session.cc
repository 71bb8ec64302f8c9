#include "imap/server/session.h"

#include "imap/server/capability.h"
#include "imap/server/command_table.h"

namespace posthouse::imap {

namespace {

std::string_view word_of(Reply::Kind kind)
{
    switch (kind) {
    case Reply::Kind::ok: return "OK";
    case Reply::Kind::no: return "NO";
    case Reply::Kind::bad: return "BAD";
    default: return "BYE";
    }
}

std::string_view reason_for_state(State state, std::uint8_t wanted)
{
    if (state == State::not_authenticated)
        return "log in first";
    if (wanted == static_cast<std::uint8_t>(State::not_authenticated))
        return "you are logged in already";
    return "select a mailbox first";
}

// Does it search for sequence numbers?
bool names_numbers(const Arguments& arguments)
{
    const auto does = [](const auto& one) {
        if constexpr (requires { one.program; })
            return one.program.has_numbers();
        return false;
    };
    return std::visit(does, arguments);
}

// RFC 3501 section 5.5: with a UID form nothing depends on sequence numbers, but for those that UID SEARCH may name.
Expunges allowed(Update update, const Command& command)
{
    const bool is_by_number = !command.by_uid || names_numbers(command.arguments);
    const bool held_back =
        update == Update::without_expunges || (update == Update::without_expunges_unless_uid && is_by_number);
    return held_back ? Expunges::held_back : Expunges::told;
}

}  // namespace

Session::Session(const ServerServices& services, const ServerOptions& options, RecentClaims& claims, News& news,
                 net::Wire wire, Loop& loop) :
    services_(services),
    options_(options),
    claims_(claims),
    news_(news),
    loop_(loop),
    id_(services.ids.next()),
    channel_(std::move(wire), services.clock, services.recorder, id_, options.write_patience),
    reader_(channel_)
{
}

Session::~Session() { channel_.transcript().closed(); }

State Session::state() const
{
    if (!account_)
        return State::not_authenticated;
    return view_ ? State::selected : State::authenticated;
}

directory::Peer Session::peer()
{
    net::Wire& wire = channel_.wire();
    return {.address = wire.peer().address,
            .session = id_,
            .encrypted = may_send_passwords(),
            .was_told_of_plus = false,  // decision 7
            .channel_binding = [&wire](std::string_view type) -> std::string {
                if (type == "tls-exporter")
                    return wire.channel_binding(net::ChannelBinding::tls_exporter);
                if (type == "tls-server-end-point")
                    return wire.channel_binding(net::ChannelBinding::tls_server_end_point);
                return {};
            }};
}

std::string Session::capabilities()
{
    return capability_list({.is_logged_in = account_ != nullptr,
                            .can_start_tls = can_start_tls(),
                            .may_send_passwords = may_send_passwords(),
                            .can_compress = !channel_.wire().is_deflated(),
                            .append_limit = options_.most_message,
                            .message_limit = options_.message_limit,
                            .mechanisms = account_
                                ? std::vector<std::string>()
                                : directory::told_to_mail_readers(services_.authenticator.mechanisms(peer()))});
}

Task<void> Session::run()
{
    channel_.transcript().opened(channel_.wire().peer().text(), channel_.wire().local().text());
    write_reply("*", Reply::ok(options_.name + " Posthouse IMAP is ready", "CAPABILITY " + capabilities()));
    while (!is_leaving_) {
        Received received = co_await next_command();
        co_await answer(std::move(received));
    }
    const Result<void> last = co_await channel_.flush();
    static_cast<void>(last);  // whoever is gone does not miss it
}

// RFC 5465: between commands the client hears of what it has asked for.
Task<Received> Session::next_command()
{
    const Deadline end = channel_.within(patience());
    while (notifier_ && channel_.input().empty()) {
        const Result<void> told = co_await tell_notifications();
        if (!told)
            co_return Received{{}, {}, Reply::gone()};
        const Result<void> sent = co_await channel_.flush();
        if (!sent)
            co_return Received{{}, {}, Reply::gone()};
        const Result<net::Filled> filled = co_await channel_.wire().fill_or_wake(end, most_after_login);
        if (!filled)
            co_return Received{{}, {}, ending(filled.error())};
    }
    co_return co_await reader_.next(patience());
}

Task<Result<void>> Session::tell_notifications()
{
    if (!notifier_)
        co_return Result<void>{};
    co_return co_await notifier_->tell(*this);
}

Task<void> Session::answer(Received received)
{
    Reply reply = std::move(received.reply);
    if (received.command)
        reply = co_await execute(std::move(*received.command));
    if (reply.kind != Reply::Kind::goodbye && reply.kind != Reply::Kind::gone && reader_.literal()) {
        std::optional<Reply> end = co_await reader_.drop_literal(patience());
        if (end)
            reply = std::move(*end);
    }
    if (reply.kind == Reply::Kind::gone || is_leaving_) {
        is_leaving_ = true;
        if (reply.kind == Reply::Kind::ok)
            write_reply(received.tag, reply);  // LOGOUT's
        co_return;
    }
    if (reply.kind == Reply::Kind::goodbye) {
        is_leaving_ = true;
        write_reply("*", reply);
        co_return;
    }
    if (reply.kind != Reply::Kind::answered)
        write_reply(received.tag.empty() ? "*" : received.tag, reply);
    // A client that goes on after its mistakes is none to be rid of; who has no login is given only so many.
    if (account_ && (reply.kind == Reply::Kind::ok || reply.kind == Reply::Kind::no))
        bad_commands_ = 0;
    if (reply.kind == Reply::Kind::bad && ++bad_commands_ >= options_.most_bad_commands) {
        is_leaving_ = true;
        write_reply("*", Reply::goodbye("too many commands that are none"));
    }
    const Result<void> sent = co_await channel_.flush_if_full();
    is_leaving_ |= !sent;
}

Task<Reply> Session::execute(Command command)
{
    const CommandRow* known = row_of(command.verb);
    if (known == nullptr)
        co_return Reply::bad("unknown command " + std::string(name_of(command.verb)));
    const CommandRow& row = *known;
    if ((row.states & static_cast<std::uint8_t>(state())) == 0)
        co_return Reply::bad(std::string(name_of(command.verb)) + ": " +
                             std::string(reason_for_state(state(), row.states)));
    if (enabled_.uid_only && row.numbers == Numbers::in_arguments && !command.by_uid)
        co_return Reply::bad(std::string(name_of(command.verb)) + ": by UID only, as you wished", "UIDREQUIRED");
    if (row.check != nullptr) {
        std::optional<Reply> refused = row.check(*this, command);
        if (refused)
            co_return std::move(*refused);
    }
    const Expunges expunges = allowed(row.update, command);
    Reply reply = co_await row.proceed(*this, std::move(command));
    if (view_ && row.update != Update::none && (reply.kind == Reply::Kind::ok || reply.kind == Reply::Kind::no)) {
        const Result<void> told = co_await tell_updates(expunges);
        if (!told)
            co_return Reply::gone();
        hold_back_modseq();
    }
    co_return reply;
}

Task<Result<void>> Session::tell_updates(Expunges expunges)
{
    Result<mailbox::SnapshotPtr> newest = co_await view_->account->snapshot(view_->mailbox);
    // not_found: the mailbox was deleted under us (RFC 2180 section 3). What the client knows stays readable.
    if (newest)
        tell(*newest, {.expunges = expunges});
    const Result<void> searched = co_await contexts_.tell_changes(*this);
    if (!searched && searched.error() == ErrorCode::closed)
        co_return searched;
    co_return co_await channel_.flush_if_full();
}

void Session::hold_back_modseq()
{
    if (!enabled_.qresync || view_->numbering == view_->told)
        return;
    out().raw("* OK [HIGHESTMODSEQ ").number(view_->numbering->highest_modseq);
    out().raw("] there is more to hear of\r\n");
}

void Session::tell(const mailbox::SnapshotPtr& newest, UpdateOptions options)
{
    options.dialect = dialect();
    options.with_uid |= notifies();  // RFC 5465 section 5.1: FETCH of a changed flag names the UID
    if (options.expunges == Expunges::told && newest->highest_modseq >= view_->told->highest_modseq)
        contexts_.tell_gone(out(), *view_, *newest);
    update(*view_, newest, claims_, options, out());
}

Dialect Session::dialect() const
{
    return {.modseq = enabled_.condstore,
            .vanished = enabled_.qresync || enabled_.uid_only,
            .uid_only = enabled_.uid_only,
            .recent = !enabled_.rev2};
}

void Session::enable_qresync()
{
    enable_condstore();
    enabled_.qresync = true;
}

void Session::enable_rev2()
{
    enabled_.rev2 = true;
    if (view_)
        view_->recent = {};
    speak_utf8();
}

void Session::enable_utf8()
{
    enabled_.utf8 = true;
    speak_utf8();
}

void Session::speak_utf8()
{
    out().set_names(NameEncoding::utf8);
    reader_.set_names(NameEncoding::utf8);
}

void Session::enable_condstore()
{
    if (enabled_.condstore)
        return;
    enabled_.condstore = true;
    if (view_)
        out().raw("* OK [HIGHESTMODSEQ ").number(view_->told->highest_modseq).raw("] changes are told with it\r\n");
}

Task<Reply> Session::enter(directory::Account who)
{
    ticket_ = services_.connections.admit_account(who.id);
    if (!ticket_)
        co_return Reply::no("there are too many connections to this account", "LIMIT");
    Result<mailbox::AccountPtr> opened = co_await services_.mailboxes.open(who.id, who.id);
    if (!opened) {
        services_.log.write(LogLevel::warning, "imap/server", id_, "the account cannot be opened",
                            {{"account", who.address}, {"why", opened.error().text}});
        co_return Reply::no("your mail cannot be opened now; try again later", "UNAVAILABLE");
    }
    account_ = std::move(*opened);
    address_ = who.address;
    reader_.login_done();
    services_.log.write(LogLevel::info, "imap/server", id_, "login",
                        {{"account", who.address}, {"peer", channel_.wire().peer().text()}});
    channel_.transcript().step("login", who.address, "the password or proof was right");
    co_return Reply::ok("welcome", "CAPABILITY " + capabilities());
}

void Session::leave_account()
{
    unselect();
    notifier_.reset();
    account_.reset();
    ticket_ = {};
    address_.clear();
    enabled_ = {};
    out().set_names(NameEncoding::utf7);
    reader_.begin_anew();
}

Task<void> Session::say_goodbye(Reply reply)
{
    write_reply("*", reply);
    const Result<void> sent = co_await channel_.flush();
    static_cast<void>(sent);
}

void Session::write_reply(std::string_view tag, const Reply& reply)
{
    out().raw(tag).raw(" ").raw(word_of(reply.kind)).raw(" ");
    if (!reply.code.empty())
        out().raw("[").raw(reply.code).raw("] ");
    out().text(reply.text).crlf();
}

}  // namespace posthouse::imap

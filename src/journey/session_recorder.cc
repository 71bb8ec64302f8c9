#include "journey/session_recorder.h"

#include "base/text.h"

#include <algorithm>

namespace posthouse::journey {

namespace {

constexpr std::size_t line_cost = 64;  // beside its text

// Which sessions are recorded: those that others open at our doors.
std::optional<Protocol> protocol_of(std::string_view room)
{
    if (room == "imap/server")
        return Protocol::imap;
    if (room == "pop3/server")
        return Protocol::pop3;
    if (room == "msa" || room == "mta/receive")
        return Protocol::smtp;
    return std::nullopt;
}

// "192.0.2.7:51122", "[2001:db8::7]:51122": without the port.
std::string address_of(std::string_view peer)
{
    const std::string_view address = peer.substr(0, peer.rfind(':'));
    const bool in_brackets = address.starts_with('[') && address.ends_with(']');
    return std::string(in_brackets ? address.substr(1, address.size() - 2) : address);
}

}  // namespace

std::string_view to_string(Protocol protocol)
{
    switch (protocol) {
    case Protocol::imap: return "imap";
    case Protocol::pop3: return "pop3";
    case Protocol::smtp: return "smtp";
    }
    return "unknown";
}

std::optional<Protocol> parse_protocol(std::string_view word)
{
    for (const Protocol protocol : {Protocol::imap, Protocol::pop3, Protocol::smtp})
        if (word == to_string(protocol))
            return protocol;
    return std::nullopt;
}

// ---- who asks

Result<Id> SessionRecorder::watch(SessionWish wish)
{
    if (wish.user.empty() && wish.peer.empty())
        return fail(ErrorCode::malformed, "say whose sessions: an account's or an address's");
    const std::scoped_lock lock(mutex_);
    forget_unasked();
    wish.user = to_lower(wish.user);
    if (watches_.size() >= limits_.watches)
        return fail(ErrorCode::limit, "as many recordings as can be are under way");
    watches_[++last_watch_] = {.wish = std::move(wish), .asked = clock_.steady(), .heard = {}};
    count_ = watches_.size();
    return last_watch_;
}

Result<std::vector<Heard>> SessionRecorder::take(Id watch)
{
    const std::scoped_lock lock(mutex_);
    forget_unasked();
    const auto found = watches_.find(watch);
    if (found == watches_.end())
        return fail(ErrorCode::not_found, "this recording has ended");
    Watch& asked = found->second;
    asked.asked = clock_.steady();
    asked.held = 0;
    if (asked.lost > 0)
        asked.heard.push_back(
            {.kind = Heard::Kind::lost, .at = clock_.now(), .text = std::to_string(std::exchange(asked.lost, 0))});
    return std::exchange(asked.heard, {});
}

void SessionRecorder::end(Id watch)
{
    const std::scoped_lock lock(mutex_);
    watches_.erase(watch);
    count_ = watches_.size();
    if (watches_.empty())
        sessions_.clear();
}

void SessionRecorder::forget_unasked()
{
    const SteadyTime now = clock_.steady();
    std::erase_if(watches_, [&](const auto& entry) { return entry.second.asked + limits_.patience < now; });
    count_ = watches_.size();
    if (watches_.empty())
        sessions_.clear();
}

// ---- who is heard

void SessionRecorder::hop(const HopOpened& opened)
{
    const std::optional<Protocol> protocol = protocol_of(opened.room);
    if (!wanted() || opened.way != HopWay::in || !protocol)
        return;
    const std::scoped_lock lock(mutex_);
    forget_unasked();
    Session session{.protocol = *protocol, .began = clock_.now(), .peer = address_of(opened.peer)};
    if (!may_become_wanted(session) || sessions_.size() >= limits_.waiting_sessions)
        return;
    attach_where_wanted(opened.session, sessions_[opened.session] = std::move(session));
}

void SessionRecorder::step(const Step& step)
{
    if (!wanted() || step.session == 0 || !protocol_of(step.room))
        return;
    const std::scoped_lock lock(mutex_);
    if (step.step == "closed")
        return close(step.session);
    const auto found = sessions_.find(step.session);
    if (found == sessions_.end() || step.step != "login" || step.result.find('@') == std::string_view::npos)
        return;
    Session& session = found->second;
    session.user = to_lower(step.result);
    // After UNAUTHENTICATE it may be somebody else's, whom nobody asked for.
    std::erase_if(session.listeners, [&](const Listener& listener) {
        const auto watch = watches_.find(listener.watch);
        const bool stays =
            watch != watches_.end() && (watch->second.wish.user.empty() || watch->second.wish.user == session.user);
        if (watch != watches_.end() && !stays)
            push(watch->second,
                 {Heard::Kind::closed, clock_.now(), step.session, listener.number, session.protocol, {}, {}});
        return !stays;
    });
    attach_where_wanted(step.session, session);
    if (!session.before.empty()) {
        session.before.clear();
        session.is_cut = false;
    }
    if (session.listeners.empty() && !may_become_wanted(session))
        sessions_.erase(found);
}

void SessionRecorder::line(const DialogueLine& line)
{
    if (!wanted())
        return;
    const std::scoped_lock lock(mutex_);
    const auto found = sessions_.find(line.session);
    if (found == sessions_.end())
        return;
    std::string text(line.text.substr(0, limits_.line_bytes));
    if (text.size() < line.text.size())
        text += "…";
    tell(found->second,
         {.at = clock_.now(), .session = line.session, .speaker = line.speaker, .text = std::move(text)});
}

void SessionRecorder::close(Id id)
{
    const auto found = sessions_.find(id);
    if (found == sessions_.end())
        return;
    for (const Listener& listener : found->second.listeners)
        if (const auto watch = watches_.find(listener.watch); watch != watches_.end())
            push(watch->second,
                 {Heard::Kind::closed, clock_.now(), id, listener.number, found->second.protocol, {}, {}});
    sessions_.erase(found);
}

// Is there a watch that it fits, or that a login may make it fit?
bool SessionRecorder::may_become_wanted(const Session& session) const
{
    return std::ranges::any_of(watches_, [&](const auto& entry) {
        const SessionWish& wish = entry.second.wish;
        return wish.protocol == session.protocol && (wish.peer.empty() || wish.peer == session.peer) &&
            entry.second.sessions < limits_.sessions;
    });
}

void SessionRecorder::attach_where_wanted(Id id, Session& session)
{
    for (auto& [watch_id, watch] : watches_) {
        const SessionWish& wish = watch.wish;
        const bool fits = wish.protocol == session.protocol && (wish.peer.empty() || wish.peer == session.peer) &&
            (wish.user.empty() || wish.user == session.user);
        const bool listens = std::ranges::any_of(
            session.listeners, [id = watch_id](const Listener& listener) { return listener.watch == id; });
        if (!fits || listens || watch.sessions >= limits_.sessions)
            continue;
        const unsigned number = ++watch.sessions;
        session.listeners.push_back({watch_id, number});
        push(watch, {Heard::Kind::opened, session.began, id, number, session.protocol, {}, session.peer, session.user});
        for (Heard heard : session.before) {
            heard.number = number;
            push(watch, std::move(heard));
        }
    }
}

void SessionRecorder::tell(Session& session, Heard heard)
{
    const std::size_t most = session.listeners.empty() ? limits_.bytes_before_login : limits_.session_bytes;
    if (session.is_cut)
        return;
    session.bytes += heard.text.size() + line_cost;
    session.is_cut = session.bytes > most;
    if (session.is_cut)
        heard.kind = Heard::Kind::cut, heard.text.clear();
    heard.protocol = session.protocol;
    if (session.listeners.empty()) {
        session.before.push_back(std::move(heard));
        return;
    }
    for (const Listener& listener : session.listeners) {
        const auto watch = watches_.find(listener.watch);
        if (watch == watches_.end())
            continue;
        heard.number = listener.number;
        push(watch->second, heard);
    }
}

void SessionRecorder::push(Watch& watch, Heard heard)
{
    const std::size_t cost = heard.text.size() + heard.user.size() + line_cost;
    if (watch.held + cost > limits_.held_bytes) {
        ++watch.lost;
        return;
    }
    watch.held += cost;
    watch.heard.push_back(std::move(heard));
}

}  // namespace posthouse::journey

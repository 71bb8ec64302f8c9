#include "journey/story.h"

#include "base/text.h"

#include <algorithm>
#include <array>
#include <set>

namespace posthouse::journey {

std::string_view to_string(EndState state)
{
    switch (state) {
    case EndState::accepted: return "accepted";
    case EndState::refused: return "refused";
    case EndState::waiting: return "waiting";
    case EndState::filed: return "filed";
    case EndState::relayed: return "relayed";
    case EndState::failed: return "failed";
    }
    return "?";
}

namespace {

// The steps that say what became of a recipient.
std::optional<EndState> state_after(const Event& event)
{
    struct Row {
        std::string_view step;
        EndState state;
    };
    static constexpr std::array rows{
        Row{"recipient", EndState::accepted}, Row{"recipient refused", EndState::refused},
        Row{"filed", EndState::filed},        Row{"relayed", EndState::relayed},
        Row{"failed", EndState::failed},      Row{"expired", EndState::failed},
        Row{"dropped", EndState::failed},     Row{"not filed", EndState::waiting},
        Row{"deferred", EndState::waiting},
    };
    if (event[Text::recipient].empty())
        return std::nullopt;
    if (event.kind == Kind::wait)
        return EndState::waiting;
    if (event.kind != Kind::step)
        return std::nullopt;
    for (const Row& row : rows)
        if (event[Text::step] == row.step)
            return row.state;
    return std::nullopt;
}

bool is_over(EndState state)
{
    return state == EndState::filed || state == EndState::relayed || state == EndState::failed;
}

// An alias of several people has an end for each of them, once they have it; until then one for all.
void note_end(std::vector<End>& ends, const Event& event, EndState state)
{
    const std::string_view recipient = event[Text::recipient];
    const Id account = state == EndState::filed ? event[Number::account] : 0;
    const auto same = [&](const End& end) {
        return equals_ignoring_case(end.recipient, recipient) &&
            (end.account == account || end.account == 0 || account == 0);
    };
    auto found = std::ranges::find_if(ends, same);
    if (found == ends.end()) {
        ends.push_back({std::string(recipient), account, state, event, 0});
        found = ends.end() - 1;
    }
    if (is_over(found->state) && !is_over(state))
        return;  // told late by another thread
    found->account = account == 0 ? found->account : account;
    found->state = state;
    found->last = event;
    found->attempts = std::max(found->attempts, event[Number::attempts]);
}

Hop& hop_of(std::vector<Hop>& hops, const Event& event)
{
    const auto found = std::ranges::find(hops, event.session, &Hop::session);
    if (found != hops.end())
        return *found;
    hops.push_back({.session = event.session, .opened = {.kind = Kind::step, .at = event.at}});
    return hops.back();
}

void add_to_hop(Hop& hop, Event event)
{
    switch (event.kind) {
    case Kind::hop: hop.opened = std::move(event); break;
    case Kind::tls: hop.tls = std::move(event); break;
    case Kind::line:
    case Kind::cut: hop.dialogue.push_back(std::move(event)); break;
    default:
        if (event[Text::step] == "closed")
            hop.closed = event.at;
        hop.steps.push_back(std::move(event));
    }
}

}  // namespace

namespace {

// A message begins with the session that brings it. The connection that carries it on may be older than it.
WallTime beginning_of(Id message, const std::vector<Event>& events)
{
    std::set<Id> outward;
    for (const Event& event : events)
        if (event.kind == Kind::hop && event[Number::way] != 0)
            outward.insert(event.session);
    for (const Event& event : events)  // in order of time
        if (event.message == message || !outward.contains(event.session))
            return event.at;
    return {};
}

}  // namespace

Story tell_story(Id message, std::vector<Event> events)
{
    Story story{.message = message};
    story.began = story.ended = beginning_of(message, events);
    for (Event& event : events) {
        const bool is_own = event.message == message;
        if (is_own && event[Text::step] != "closed")  // connections stay open for others
            story.ended = event.at;
        if (is_own && !event[Text::sender].empty() && story.sender.empty()) {
            story.sender = event[Text::sender];
            story.submitter = event[Number::account];
        }
        if (is_own && !event[Text::message_id].empty())
            story.message_id = event[Text::message_id];
        if (is_own && event[Number::size] != 0)
            story.size = event[Number::size];
        if (is_own && event[Text::step] == "accepted")
            story.was_accepted = true;
        if (const std::optional<EndState> state = state_after(event); state && is_own)
            note_end(story.ends, event, *state);
        if (event.session != 0)
            add_to_hop(hop_of(story.hops, event), std::move(event));
        else
            story.steps.push_back(std::move(event));
    }
    return story;
}

// --- who may see what -------------------------------------------------------------------------

namespace {

bool submitted_by(Id account, const std::vector<Event>& events)
{
    return std::ranges::any_of(events, [&](const Event& event) {
        return event.kind == Kind::step && !event[Text::step].empty() && event[Text::room] == "msa" &&
            event.message != 0 && event[Text::recipient].empty() && event[Number::account] == account;
    });
}

// Under which of the envelope's addresses the account got it.
std::set<std::string> addresses_of(Id account, const std::vector<Event>& events)
{
    std::set<std::string> own;
    for (const Event& event : events)
        if (!event[Text::recipient].empty() && event[Number::account] == account)
            own.insert(to_lower(event[Text::recipient]));
    return own;
}

// Who sent it learns that it has arrived, not where somebody keeps it.
void leave_out_mailbox(Event& event)
{
    event.set(Text::result, {});
    event.set(Text::reason, event[Text::step] == "filed" ? "it is in the recipient's mailbox" : "");
    event.set(Number::account, 0);
}

// Of the client's commands those that name no recipient.
bool names_nobody(std::string_view line)
{
    static constexpr std::array<std::string_view, 11> harmless{"EHLO", "HELO", "MAIL", "DATA",     "BDAT", "QUIT",
                                                               "RSET", "NOOP", "AUTH", "STARTTLS", "["};
    return std::ranges::any_of(harmless, [&](std::string_view verb) { return starts_with_ignoring_case(line, verb); });
}

bool recipient_may_see(const Event& event, Id account, const std::set<std::string>& own, const std::set<Id>& hops_in)
{
    const std::string recipient = to_lower(event[Text::recipient]);
    const bool is_others =
        event[Text::sender].empty() && event[Number::account] != 0 && event[Number::account] != account;
    if (!recipient.empty())
        return own.contains(recipient) && !is_others && (event.session == 0 || hops_in.contains(event.session));
    if (!hops_in.contains(event.session))
        return false;
    if (event.kind == Kind::line && event[Number::speaker] == 0)
        return names_nobody(event[Text::text]);
    return event.kind != Kind::dns;
}

}  // namespace

std::optional<std::vector<Event>> visible_to(Viewer viewer, std::vector<Event> events)
{
    if (viewer.account == 0)
        return events;
    // Who is behind an alias is the operator's business.
    std::erase_if(events, [](const Event& event) { return event[Text::step] == "leads to"; });
    const std::set<std::string> own = addresses_of(viewer.account, events);
    if (submitted_by(viewer.account, events)) {
        for (Event& event : events)
            if (event.kind == Kind::step && event[Text::room] == "mda" && event[Number::account] != viewer.account)
                leave_out_mailbox(event);
        return events;
    }
    if (own.empty())
        return std::nullopt;
    std::set<Id> hops_in;
    for (const Event& event : events)
        if ((event.kind == Kind::hop && event[Number::way] == 0) || event[Text::room] == "msa" ||
            event[Text::room] == "mta/receive")
            hops_in.insert(event.session);
    std::erase_if(events, [&](const Event& event) { return !recipient_may_see(event, viewer.account, own, hops_in); });
    return events;
}

}  // namespace posthouse::journey

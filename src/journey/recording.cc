#include "journey/recording.h"

#include <algorithm>
#include <iterator>
#include <thread>

namespace posthouse::journey {

Recording::Shelf& Recording::mine()
{
    return shelves_[std::hash<std::thread::id>{}(std::this_thread::get_id()) % shelves];
}

template <class Write> void Recording::tell(Id session, Id message, Write write)
{
    if (held_.load(std::memory_order_relaxed) >= limits_.held_bytes) {
        dropped_.fetch_add(1, std::memory_order_relaxed);
        return;
    }
    Shelf& shelf = mine();
    {
        const std::scoped_lock lock(shelf.mutex);
        const std::size_t before = shelf.open.size();
        write(shelf, clock_.now());
        ++shelf.facts.events;
        std::vector<Id>& subjects = shelf.facts.subjects;
        for (const Id id : {session, message})
            if (id != 0 && (subjects.empty() || subjects.back() != id))
                subjects.push_back(id);
        held_.fetch_add(shelf.open.size() - before, std::memory_order_relaxed);
        if (shelf.open.size() >= limits_.segment_bytes)
            close_segment(shelf);
    }
    if (is_empty_.load(std::memory_order_relaxed) && is_empty_.exchange(false) && on_first_)
        on_first_();
}

void Recording::close_segment(Shelf& shelf)
{
    if (shelf.open.size() == 0)
        return;
    shelf.facts.bytes = shelf.open.take();
    shelf.closed.push_back(std::exchange(shelf.facts, {}));
}

std::vector<Segment> Recording::drain()
{
    is_empty_ = true;  // before looking: whoever tells meanwhile calls again
    std::vector<Segment> all;
    for (Shelf& shelf : shelves_) {
        const std::scoped_lock lock(shelf.mutex);
        close_segment(shelf);
        std::ranges::move(shelf.closed, std::back_inserter(all));
        shelf.closed.clear();
    }
    for (const Segment& segment : all)
        held_ -= segment.bytes.size();
    return all;
}

// False: past its limit. The first line that is, is told of.
bool Recording::may_keep(Shelf& shelf, const DialogueLine& line, WallTime now)
{
    if (shelf.spent.size() >= most_dialogues)
        shelf.spent.clear();
    Spent& spent = shelf.spent[line.session];
    if (spent.message != line.message)
        spent = {line.message, 0};
    if (spent.bytes >= limits_.dialogue_bytes)
        return false;
    spent.bytes += std::min(line.text.size(), longest_text) + 16;  // a line without a text has a price too
    if (spent.bytes < limits_.dialogue_bytes)
        return true;
    shelf.open.begin(Kind::cut, now, line.session, line.message).end();
    return false;
}

void Recording::line(const DialogueLine& line)
{
    tell(line.session, line.message, [&](Shelf& shelf, WallTime now) {
        if (!may_keep(shelf, line, now))
            return;
        shelf.open.begin(Kind::line, now, line.session, line.message)
            .add(Text::text, line.text)
            .add(Text::recipient, line.recipient)
            .add(Number::speaker, static_cast<std::uint64_t>(line.speaker))
            .end();
    });
}

void Recording::step(const Step& step)
{
    tell(step.session, step.message, [&](Shelf& shelf, WallTime now) {
        shelf.open.begin(Kind::step, now, step.session, step.message)
            .add(Text::room, step.room)
            .add(Text::step, step.step)
            .add(Text::result, step.result)
            .add(Text::reason, step.reason)
            .add(Text::sender, step.sender)
            .add(Text::recipient, step.recipient)
            .add(Text::message_id, step.message_id)
            .add(Text::next_host, step.next_host)
            .add(Text::next_id, step.next_id)
            .add(Number::account, step.account)
            .add(Number::size, step.size)
            .end();
        const auto findable = [&](Key key, std::string_view value) {
            if (!value.empty() && step.message != 0)
                shelf.facts.found.push_back({step.message, hash_of(key, value)});
        };
        findable(Key::sender, step.sender);
        findable(Key::recipient, step.recipient);
        findable(Key::message_id, step.message_id);
        if (step.account != 0 && step.message != 0)
            shelf.facts.found.push_back({step.message, hash_of_account(step.account)});
        if (step.session != 0 && step.step == "closed")
            shelf.spent.erase(step.session);
    });
}

void Recording::hop(const HopOpened& opened)
{
    tell(opened.session, opened.message, [&](Shelf& shelf, WallTime now) {
        shelf.open.begin(Kind::hop, now, opened.session, opened.message)
            .add(Text::room, opened.room)
            .add(Text::peer, opened.peer)
            .add(Text::local, opened.local)
            .add(Text::peer_name, opened.peer_name)
            .add(Number::way, static_cast<std::uint64_t>(opened.way))
            .end();
    });
}

void Recording::tls(const TlsBegun& begun)
{
    tell(begun.session, begun.message, [&](Shelf& shelf, WallTime now) {
        shelf.open.begin(Kind::tls, now, begun.session, begun.message)
            .add(Text::room, begun.room)
            .add(Text::version, begun.version)
            .add(Text::cipher, begun.cipher)
            .add(Text::server_name, begun.server_name)
            .add(Text::certificate, begun.certificate)
            .add(Text::reason, begun.reason)
            .add(Number::verified, begun.verified ? 1 : 0)
            .end();
    });
}

void Recording::dns(const DnsAnswered& answered)
{
    tell(answered.session, answered.message, [&](Shelf& shelf, WallTime now) {
        shelf.open.begin(Kind::dns, now, answered.session, answered.message)
            .add(Text::room, answered.room)
            .add(Text::question, answered.question)
            .add(Text::answer, answered.answer)
            .add(Text::status, answered.status)
            .add(Text::reason, answered.reason)
            .add(Number::secure, answered.secure ? 1 : 0)
            .add(Number::took, static_cast<std::uint64_t>(std::max<std::int64_t>(0, answered.took.count())))
            .end();
    });
}

void Recording::wait(const QueueWait& wait)
{
    tell(0, wait.message, [&](Shelf& shelf, WallTime now) {
        shelf.open.begin(Kind::wait, now, 0, wait.message)
            .add(Text::room, wait.room)
            .add(Text::recipient, wait.recipient)
            .add(Text::result, wait.result)
            .add(Text::reason, wait.reason)
            .add(Number::until, static_cast<std::uint64_t>(wait.until.time_since_epoch().count()))
            .add(Number::attempts, wait.attempts)
            .end();
    });
}

}  // namespace posthouse::journey

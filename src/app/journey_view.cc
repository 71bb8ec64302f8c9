#include "app/journey_view.h"

#include "base/terminal.h"
#include "base/text.h"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

namespace posthouse::app {

namespace json = boost::json;

namespace {

constexpr std::size_t time_columns = 10;
constexpr std::size_t label_columns = 12;
constexpr std::size_t narrowest_text = 24;

std::string text_at(const json::object& object, std::string_view name)
{
    const json::value* value = object.if_contains(name);
    return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
}

std::int64_t number_at(const json::object& object, std::string_view name)
{
    const json::value* value = object.if_contains(name);
    boost::system::error_code error;
    return value == nullptr ? 0 : value->to_number<std::int64_t>(error);
}

bool flag_at(const json::object& object, std::string_view name)
{
    const json::value* value = object.if_contains(name);
    return value != nullptr && value->is_bool() && value->as_bool();
}

const json::array& list_at(const json::object& object, std::string_view name)
{
    static const json::array none;
    const json::value* value = object.if_contains(name);
    return value != nullptr && value->is_array() ? value->as_array() : none;
}

// The list's objects. A document may come from another house: whatever is no object is passed over.
std::vector<const json::object*> objects_at(const json::object& object, std::string_view name)
{
    std::vector<const json::object*> objects;
    for (const json::value& value : list_at(object, name))
        if (value.is_object())
            objects.push_back(&value.as_object());
    return objects;
}

// "2026-11-28T22:14:03.120Z" as "2026-11-28 22:14:03".
std::string moment(const std::string& rfc3339)
{
    std::string text = rfc3339.substr(0, 19);
    if (text.size() > 10)
        text[10] = ' ';
    return text;
}

// Lines of at most `width` columns, broken at blanks where there are some.
std::vector<std::string> wrapped(std::string_view text, std::size_t width)
{
    std::vector<std::string> lines;
    while (display_width(text) > width) {
        std::size_t columns = 0;
        std::size_t end = 0;  // bytes that fit
        std::size_t blank = 0;  // the last blank among them
        while (end < text.size()) {
            std::size_t next = end + 1;
            while (next < text.size() && (static_cast<unsigned char>(text[next]) & 0xc0) == 0x80)
                ++next;
            columns += display_width(text.substr(end, next - end));
            if (columns > width && end > 0)
                break;
            if (text[end] == ' ')
                blank = end;
            end = next;
        }
        const bool at_blank = blank > width / 3;
        lines.emplace_back(text.substr(0, at_blank ? blank : end));
        text.remove_prefix(at_blank ? blank + 1 : end);
    }
    lines.emplace_back(text);
    return lines;
}

Style mood_of(const json::object& event)
{
    const std::string step = text_at(event, "step");
    const std::string kind = text_at(event, "kind");
    const std::string result = text_at(event, "result");
    if (kind == "wait" || step == "not filed" || step == "deferred" || step == "held" || step == "delayed")
        return Style::yellow;
    if (step == "failed" || step == "expired" || step == "bounced" || step == "dropped" || step == "login failed" ||
        step.ends_with("refused") || step == "no TLS")
        return result.starts_with('4') ? Style::yellow : Style::red;
    if (step == "filed" || step == "relayed" || step == "accepted")
        return Style::green;
    return result.starts_with('5') ? Style::red : result.starts_with('4') ? Style::yellow : Style::plain;
}

struct Part {
    std::string text;
    Style style = Style::plain;
};

// A line of the tree: a label, and what there is to say, in parts.
struct Leaf {
    std::int64_t after = 0;
    std::string label;
    std::vector<Part> parts;
};

struct Node {
    std::int64_t after = 0;
    std::string title;
    std::string note;  // dim, behind the title
    std::vector<Leaf> leaves;
    std::vector<const json::object*> dialogue;
};

// What happened at the same time stays in its order.
template <class T> void sort_by_time(std::vector<T>& items)
{
    std::vector<std::size_t> order(items.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::sort(order, {}, [&](std::size_t i) { return std::pair(items[i].after, i); });
    std::vector<T> sorted;
    for (const std::size_t i : order)
        sorted.push_back(std::move(items[i]));
    items = std::move(sorted);
}

void say(std::vector<Part>& parts, std::string text, Style style = Style::plain)
{
    if (!text.empty())
        parts.push_back({std::move(text), style});
}

Leaf tls_leaf(const json::object& tls)
{
    Leaf leaf{number_at(tls, "after"), "TLS", {}};
    say(leaf.parts, text_at(tls, "version") + ", " + text_at(tls, "cipher"), Style::green);
    if (const std::string name = text_at(tls, "serverName"); !name.empty())
        say(leaf.parts, "for " + name);
    if (const std::string certificate = text_at(tls, "certificate"); !certificate.empty())
        say(leaf.parts,
            fmt::format("certificate of {}, {}", certificate, flag_at(tls, "verified") ? "verified" : "not verified"));
    say(leaf.parts, text_at(tls, "reason"), Style::dim);
    return leaf;
}

Leaf dns_leaf(const json::object& dns)
{
    Leaf leaf{number_at(dns, "after"), "DNS", {}};
    const std::string answer = text_at(dns, "answer");
    const std::string status = text_at(dns, "status");
    say(leaf.parts, text_at(dns, "question") + "?");
    if (answer.empty())  // no IPv6 address is nothing to worry about
        say(leaf.parts, status, status == "no such record" ? Style::dim : Style::yellow);
    else
        say(leaf.parts, answer, Style::green);
    const std::string took = number_at(dns, "took") == 0 ? "" : " in " + span_text(number_at(dns, "took"));
    say(leaf.parts, (flag_at(dns, "dnssec") ? "signed" : "unsigned") + took, Style::dim);
    if (const std::string reason = text_at(dns, "reason"); !reason.contains(status))
        say(leaf.parts, reason, Style::dim);
    return leaf;
}

Leaf wait_leaf(const json::object& wait)
{
    Leaf leaf{number_at(wait, "after"), "waits", {}};
    say(leaf.parts, text_at(wait, "recipient"));
    const std::string result = text_at(wait, "result");
    const std::string reason = text_at(wait, "reason");
    if (!reason.contains(result))
        say(leaf.parts, result, Style::yellow);
    if (const std::string until = text_at(wait, "nextAttemptAt"); !until.empty())
        say(leaf.parts, "next attempt " + moment(until) + " UTC", Style::yellow);
    if (const std::int64_t attempts = number_at(wait, "attempts"); attempts > 0)
        say(leaf.parts, fmt::format("{} {} so far", attempts, attempts == 1 ? "attempt" : "attempts"), Style::dim);
    say(leaf.parts, reason, reason.contains(result) ? Style::yellow : Style::dim);
    return leaf;
}

Leaf step_leaf(const json::object& step)
{
    const std::string kind = text_at(step, "kind");
    if (kind == "tls")
        return tls_leaf(step);
    if (kind == "dns")
        return dns_leaf(step);
    if (kind == "wait")
        return wait_leaf(step);
    if (kind == "lost")
        return {number_at(step, "after"), "gap", {{"some of what happened could not be kept", Style::yellow}}};
    Leaf leaf{number_at(step, "after"), text_at(step, "step"), {}};
    const std::string result = text_at(step, "result");
    const std::string reason = text_at(step, "reason");
    say(leaf.parts, text_at(step, "from"));
    if (leaf.label != "leads to")
        say(leaf.parts, text_at(step, "recipient"));
    const bool says_all = !result.empty() && reason.contains(result);  // the reason quotes it
    if (!says_all)
        say(leaf.parts, result, mood_of(step));
    if (const std::string host = text_at(step, "nextHost"); !result.contains(host) && !reason.contains(host))
        say(leaf.parts, "to " + host);
    if (const std::string id = text_at(step, "nextId"); !result.contains(id))
        say(leaf.parts, "there it is " + id, Style::bold);
    say(leaf.parts, reason, says_all ? mood_of(step) : Style::dim);
    return leaf;
}

std::string door_of(const std::string& room)
{
    if (room == "msa")
        return "submission";
    if (room == "mta/receive")
        return "mail from another host";
    return room;
}

std::string title_of(const std::string& room)
{
    if (room == "mda")
        return "Into the mailboxes";
    if (room == "mta/queue")
        return "Queue";
    if (room == "mta/route")
        return "Route";
    if (room == "mta/relay")
        return "To other hosts";
    if (room == "mta/bounce")
        return "Notices";
    return room.empty() ? "Elsewhere" : room;
}

Node hop_node(const json::object& hop, const ViewOptions& options)
{
    Node node{.after = number_at(hop, "after")};
    const std::string name = text_at(hop, "peerName");
    const std::string peer = text_at(hop, "peer");
    if (text_at(hop, "direction") == "out")
        node.title = name.empty() ? "To " + peer : fmt::format("To {} at {}", name, peer);
    else
        node.title = peer.empty() ? "A session whose beginning is not kept any longer" : "From " + peer;
    const std::string local = text_at(hop, "local");
    const bool is_in = text_at(hop, "direction") == "in";
    node.note = is_in && !local.empty() ? fmt::format("{} on {}", door_of(text_at(hop, "room")), local) : "";
    node.note += fmt::format("{}session {}", node.note.empty() ? "" : ", ", text_at(hop, "sessionId"));
    if (const json::value* tls = hop.if_contains("tls"); tls != nullptr && tls->is_object())
        node.leaves.push_back(tls_leaf(tls->as_object()));
    for (const json::object* step : objects_at(hop, "steps"))
        node.leaves.push_back(step_leaf(*step));
    sort_by_time(node.leaves);
    if (options.dialogue)
        node.dialogue = objects_at(hop, "dialogue");
    return node;
}

// Hops, and between them what happened in the house, by room.
std::vector<Node> nodes_of(const json::object& journey, const ViewOptions& options)
{
    std::vector<Node> nodes;
    for (const json::object* hop : objects_at(journey, "hops"))
        nodes.push_back(hop_node(*hop, options));
    const std::size_t hops = nodes.size();
    std::string room;
    std::int64_t last = 0;
    for (const json::object* step : objects_at(journey, "steps")) {
        const std::string its_room = text_at(*step, "room");
        const std::int64_t after = number_at(*step, "after");
        const bool hop_between = std::any_of(nodes.begin(), nodes.begin() + static_cast<std::ptrdiff_t>(hops),
                                             [&](const Node& hop) { return hop.after > last && hop.after <= after; });
        if (nodes.size() == hops || its_room != room || hop_between)
            nodes.push_back({.after = after, .title = title_of(its_room)});
        nodes.back().leaves.push_back(step_leaf(*step));
        room = its_room;
        last = after;
    }
    sort_by_time(nodes);
    return nodes;
}

// --- drawing ----------------------------------------------------------------------------------

class Drawing {
public:
    explicit Drawing(const ViewOptions& options) : options_(options) { }

    void line(std::string_view text = {}) { out_ += std::string(text) + "\n"; }
    void node(const Node& node, bool is_last);
    std::string take() { return std::move(out_); }

private:
    void leaf(const Leaf& leaf, std::string_view branch, std::string_view below);
    void conversation(const std::vector<const json::object*>& dialogue, std::string_view below);
    std::string time(std::int64_t after) const
    {
        const std::string text = span_text(after);
        const std::size_t width = display_width(text);
        return styled(std::string(time_columns - std::min(time_columns, width), ' ') + text, Style::dim,
                      options_.colour);
    }
    std::string dim(std::string_view text) const { return styled(text, Style::dim, options_.colour); }

    const ViewOptions& options_;
    std::string out_;
};

void Drawing::node(const Node& node, bool is_last)
{
    const std::size_t room = options_.width - std::min(options_.width, time_columns + 4);
    const bool fits = display_width(node.title) + display_width(node.note) + 2 <= room;
    line(time(node.after) + " " + styled("●", Style::bold, options_.colour) + " " +
         styled(fitted(node.title, room), Style::bold, options_.colour) +
         (fits && !node.note.empty() ? "  " + dim(node.note) : ""));
    const std::string trunk = is_last ? "  " : "│ ";
    const std::string blank(time_columns, ' ');
    if (!fits)
        line(blank + " " + dim(trunk) + dim(fitted(node.note, room)));
    const bool has_dialogue = !node.dialogue.empty();
    for (std::size_t i = 0; i < node.leaves.size(); ++i) {
        const bool ends = i + 1 == node.leaves.size();
        leaf(node.leaves[i], trunk + (ends ? "└─ " : "├─ "), trunk + (ends ? "   " : "│  "));
    }
    if (has_dialogue) {
        line(blank + " " + dim(trunk));
        conversation(node.dialogue, trunk);
    }
    if (!is_last)
        line(blank + " " + dim("│"));
}

// What there is to say follows the label and is broken at the edge, below itself.
void Drawing::leaf(const Leaf& leaf, std::string_view branch, std::string_view below)
{
    const std::size_t indent = time_columns + 1 + display_width(branch) + label_columns;
    const std::size_t room = std::max(narrowest_text, options_.width - std::min(options_.width, indent));
    std::string label = leaf.label + std::string(label_columns - std::min(label_columns, leaf.label.size()), ' ');
    if (leaf.label.size() >= label_columns)
        label += ' ';
    std::string text = time(leaf.after) + " " + dim(branch) + label;
    std::size_t column = leaf.label.size() >= label_columns ? leaf.label.size() + 1 - label_columns : 0;
    const std::string next_line = std::string(time_columns, ' ') + " " + dim(below) + std::string(label_columns, ' ');
    for (std::size_t i = 0; i < leaf.parts.size(); ++i) {
        const Part& part = leaf.parts[i];
        const std::string piece = part.text + (i + 1 < leaf.parts.size() ? "," : "");
        const std::size_t width = display_width(piece);
        if (column > 0 && column + 1 + width > room) {
            line(text);
            text = next_line;
            column = 0;
        } else if (i > 0) {
            text += ' ';
            ++column;
        }
        const std::vector<std::string> lines = wrapped(piece, room);
        for (std::size_t l = 0; l < lines.size(); ++l) {
            if (l > 0) {
                line(text);
                text = next_line;
                column = 0;
            }
            text += styled(lines[l], part.style, options_.colour);
            column += display_width(lines[l]);
        }
    }
    text.erase(text.find_last_not_of(' ') + 1);
    line(text);
}

void Drawing::conversation(const std::vector<const json::object*>& dialogue, std::string_view below)
{
    const std::size_t room = std::max(narrowest_text, options_.width - std::min(options_.width, time_columns + 6));
    std::string last;
    for (const json::object* line_said : dialogue) {
        const json::object& said = *line_said;
        const std::int64_t after = number_at(said, "after");
        const bool is_client = text_at(said, "speaker") == "client";
        const bool is_cut = text_at(said, "kind") == "cut";
        const std::string span = span_text(after);
        std::string when = span == last ? std::string(time_columns, ' ') : time(after);
        last = span;
        const std::string text =
            is_cut ? "the conversation went on; no more than this is kept of it" : text_at(said, "text");
        for (const std::string& piece : wrapped(text, room)) {
            const Style style = is_cut ? Style::yellow : is_client ? Style::red : Style::blue;
            line(when + " " + dim(below) +
                 styled((is_cut          ? "… "
                             : is_client ? "C "
                                         : "S ") +
                            piece,
                        style, options_.colour));
            when = std::string(time_columns, ' ');
        }
    }
}

std::string sign_of(const std::string& state, bool colour)
{
    if (state == "filed" || state == "relayed")
        return styled("✓", Style::green, colour);
    if (state == "refused" || state == "failed")
        return styled("✗", Style::red, colour);
    return styled("…", Style::yellow, colour);
}

// What became of it, for one recipient: a sentence.
std::string end_text(const json::object& end)
{
    const std::string state = text_at(end, "state");
    const std::string result = text_at(end, "result");
    const std::string reason = text_at(end, "reason");
    const bool says_all = reason.contains(result);
    const std::string why = says_all ? reason : reason.empty() ? result : result + ": " + reason;
    if (state == "filed")
        return result.empty() ? "delivered" : "in " + result;
    if (state == "relayed") {
        const std::string host = text_at(end, "nextHost");
        const std::string id = text_at(end, "nextId");
        return (host.empty() ? "handed on, " + result : "handed to " + host) + (id.empty() ? "" : " as " + id);
    }
    if (state == "waiting") {
        const std::string until = text_at(end, "nextAttemptAt");
        return "waits" + (until.empty() ? "" : " until " + moment(until) + " UTC") + (why.empty() ? "" : ": " + why);
    }
    if (state == "accepted")
        return "taken, not delivered yet";
    return state + (why.empty() ? "" : ": " + why);
}

void draw_head(Drawing& out, const json::object& journey, const ViewOptions& options)
{
    std::string to;
    const std::vector<const json::object*> ends = objects_at(journey, "recipients");
    for (const json::object* end : ends)
        to += (to.empty() ? "" : ", ") + text_at(*end, "email");
    const std::string id = text_at(journey, "id");
    const std::string from = text_at(journey, "from");
    const std::size_t room = options.width - std::min(options.width, id.size() + 2);
    out.line(styled(id, Style::bold, options.colour) + "  " +
             fitted((from.empty() ? "<>" : from) + " → " + (to.empty() ? "nobody" : to), room));
    std::string facts = moment(text_at(journey, "startedAt")) + " UTC, took " + span_text(number_at(journey, "took"));
    if (number_at(journey, "size") > 0)
        facts += ", " + human_bytes(static_cast<std::uint64_t>(number_at(journey, "size")));
    if (const std::string message_id = text_at(journey, "messageId"); !message_id.empty())
        facts += ", <" + message_id + ">";
    out.line(styled(fitted(facts, options.width), Style::dim, options.colour));
    out.line();
    std::size_t longest = 0;
    for (const json::object* end : ends)
        longest = std::max(longest, display_width(text_at(*end, "email")));
    longest = std::min(longest, options.width / 3);
    for (const json::object* its_end : ends) {
        const json::object& end = *its_end;
        std::string email = fitted(text_at(end, "email"), longest);
        email += std::string(longest - std::min(longest, display_width(email)), ' ');
        const std::size_t left = options.width - std::min(options.width, longest + 6);
        bool first = true;
        for (const std::string& piece : wrapped(end_text(end), std::max(narrowest_text, left))) {
            out.line(
                "  " +
                (first ? sign_of(text_at(end, "state"), options.colour) + " " + email : std::string(longest + 2, ' ')) +
                "  " + piece);
            first = false;
        }
    }
    if (!ends.empty())
        out.line();
}

}  // namespace

std::string span_text(std::int64_t microseconds)
{
    const double seconds = static_cast<double>(microseconds) / 1e6;
    const std::int64_t whole = microseconds / 1'000'000;
    if (microseconds < 0)
        return "earlier";
    if (microseconds < 10'000)
        return fmt::format("{:.1f} ms", seconds * 1e3);
    if (microseconds < 1'000'000)
        return fmt::format("{:.0f} ms", seconds * 1e3);
    if (whole < 60)
        return fmt::format("{:.1f} s", seconds);
    if (whole < 3600)
        return fmt::format("{} m {} s", whole / 60, whole % 60);
    if (whole < 86'400)
        return fmt::format("{} h {} m", whole / 3600, whole % 3600 / 60);
    return fmt::format("{} d {} h", whole / 86'400, whole % 86'400 / 3600);
}

Outcome outcome_of(const json::object& journey)
{
    const std::vector<const json::object*> ends = objects_at(journey, "recipients");
    const auto count = [&](std::initializer_list<std::string_view> states) {
        return std::ranges::count_if(ends, [&](const json::object* end) {
            return std::ranges::find(states, text_at(*end, "state")) != states.end();
        });
    };
    const auto done = count({"filed", "relayed"});
    const auto failed = count({"failed", "refused"});
    const auto all = static_cast<std::ptrdiff_t>(ends.size());
    if (!flag_at(journey, "accepted") && done == 0)
        return {all > 0 && failed == all ? "refused" : "not accepted", Outcome::Mood::bad};
    if (done == all)
        return {"delivered", Outcome::Mood::good};
    if (failed == all)
        return {"failed", Outcome::Mood::bad};
    std::string text = done == 0 ? "" : fmt::format("{} of {} delivered", done, all);
    if (failed > 0)
        text += fmt::format("{}{} failed", text.empty() ? "" : ", ", failed);
    if (const auto left = all - done - failed; left > 0)
        text += text.empty() ? "waiting" : fmt::format(", {} waiting", left);
    return {text, failed > 0 ? Outcome::Mood::bad : Outcome::Mood::waiting};
}

namespace {

// What another house tells of it, set in a little.
std::string at_next_house(const json::object& next, const ViewOptions& options)
{
    const std::string host = text_at(next, "host");
    std::string text =
        "\n" + styled("▶ At " + host + " it goes on as " + text_at(next, "id"), Style::bold, options.colour) + "\n";
    const json::value* journey = next.if_contains("journey");
    if (journey == nullptr || !journey->is_object())
        return text + "  " +
            styled("which cannot be seen now: " + text_at(next, "problem"), Style::yellow, options.colour) + "\n";
    ViewOptions inner = options;
    inner.width = options.width > 62 ? options.width - 2 : options.width;
    for (const std::string_view line : split(journey_tree(journey->as_object(), inner), '\n'))
        text += line.empty() ? "\n" : "  " + std::string(line) + "\n";
    text.pop_back();
    return text;
}

}  // namespace

std::string journey_tree(const json::object& journey, const ViewOptions& options)
{
    Drawing out(options);
    if (text_at(journey, "id") != std::string(13, '0'))  // a session alone has no head
        draw_head(out, journey, options);
    const std::vector<Node> nodes = nodes_of(journey, options);
    for (std::size_t i = 0; i < nodes.size(); ++i)
        out.node(nodes[i], i + 1 == nodes.size());
    std::string text = out.take();
    for (const json::object* next : objects_at(journey, "next"))
        text += at_next_house(*next, options);
    return text;
}

std::string live_line(const json::object& event, const ViewOptions& options)
{
    const std::string kind = text_at(event, "kind");
    const std::string id = text_at(event, "id");
    const std::string time = text_at(event, "at");
    const std::string at = time.size() > 23 ? time.substr(11, 12) : time;
    const std::string whose = id.empty() ? std::string(13, ' ') : id;
    std::string text;
    Style style = Style::plain;
    if (kind == "line") {
        if (!options.dialogue)
            return {};
        const bool is_client = text_at(event, "speaker") == "client";
        text = (is_client ? "C " : "S ") + text_at(event, "text");
        style = is_client ? Style::red : Style::blue;
    } else if (kind == "hop") {
        const bool is_in = text_at(event, "kind") == "hop" && text_at(event, "peerName").empty();
        text = is_in ? "connection from " + text_at(event, "peer")
                     : "connection to " + text_at(event, "peerName") + " at " + text_at(event, "peer");
    } else {
        const Leaf leaf = step_leaf(event);
        text = leaf.label;
        for (const Part& part : leaf.parts)
            text += (&part == &leaf.parts.front() ? "  " : ", ") + part.text;
        style = mood_of(event);
    }
    const std::size_t room = options.width - std::min(options.width, std::size_t{12 + 2 + 13 + 2});
    return styled(at, Style::dim, options.colour) + "  " + whose + "  " +
        styled(fitted(text, std::max(narrowest_text, room)), style, options.colour) + "\n";
}

}  // namespace posthouse::app

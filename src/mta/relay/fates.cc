#include "mta/relay/fates.h"

#include "base/text.h"

#include <algorithm>

#include <fmt/format.h>

namespace posthouse::mta::relay {

using smtp::Fate;
using smtp::RecipientFate;
using smtp::Reply;

namespace {

constexpr std::size_t most_dialogue_lines = 10;
constexpr std::size_t most_reply_lines = 6;
constexpr std::size_t longest_shown = 500;
constexpr std::size_t longest_remote_id = 64;

// RFC 3463 section 2: without a word of the peer's own only the class is known.
std::string status_of(const Reply& reply)
{
    return reply.enhanced.empty() ? fmt::format("{}.0.0", reply.code / 100) : reply.enhanced;
}

// RFC 5321 section 4.2.1: 4yz again later, 5yz never. Anything else is no answer to what was asked.
Fate fate_by(const Reply& reply) { return reply.is_permanent() ? Fate::failed : Fate::deferred; }

// The host itself is in trouble, whoever the mail is for: RFC 5321 section 3.8 and RFC 3463's X.3.Z
// (system) and X.4.Z (network).
bool is_about_host(const Reply& reply)
{
    return reply.code == 421 || reply.enhanced.starts_with("4.3.") || reply.enhanced.starts_with("4.4.");
}

void show_reply(std::vector<std::string>& dialogue, const Reply& reply)
{
    const std::vector<std::string_view> lines = split(reply.text, '\n');
    const std::size_t count = std::min(lines.size(), most_reply_lines);
    for (std::size_t i = 0; i < count && dialogue.size() < most_dialogue_lines; ++i)
        dialogue.push_back(fmt::format("S: {}{}{}{}{}", reply.code, i + 1 == count ? ' ' : '-', reply.enhanced,
                                       reply.enhanced.empty() || lines[i].empty() ? "" : " ",
                                       printable(lines[i], longest_shown)));
}

class Judge {
public:
    Judge(const smtp::Sent& sent, const smtp::Path& reverse_path, const Peer& peer) :
        sent_(sent), mail_("C: MAIL FROM:<" + printable(reverse_path.text(), longest_shown) + ">"), peer_(peer)
    {
    }

    RecipientFate fate_of(const smtp::Recipient& recipient, std::size_t index) const
    {
        RecipientFate fate;
        fate.remote_mta = peer_.name;
        fate.remote_address = peer_.address;
        fate.peer_tells = peer_.tells;
        const std::string address = printable(recipient.path.text(), longest_shown);
        const Reply& asked = index < sent_.recipients.size() ? sent_.recipients[index] : nobody_;
        if (sent_.refused_here)
            by_ourselves(fate);
        else if (sent_.sender.code != 0 && !sent_.sender.is_success())
            by_reply(fate, sent_.sender, "the sender", {mail_});
        else if (asked.code != 0 && !asked.is_success())
            by_reply(fate, asked, address, {"C: RCPT TO:<" + address + ">"});
        else if (sent_.message.code != 0)
            by_message(fate, address);
        else if (sent_.data.code != 0 && sent_.data.code != 354)
            by_reply(fate, sent_.data, "the message", {"C: DATA"});
        else if (sent_.fault)
            by_fault(fate);
        else
            by_silence(fate);
        return fate;
    }

private:
    void by_ourselves(RecipientFate& fate) const
    {
        fate.fate = fate_by(sent_.sender);
        fate.status = sent_.sender.enhanced;
        fate.reason = fmt::format("{}: {}", peer_.name, sent_.sender.text);
    }

    void by_reply(RecipientFate& fate, const Reply& reply, std::string_view what, std::vector<std::string> said) const
    {
        fate.fate = fate_by(reply);
        fate.reply = reply;
        fate.dialogue = std::move(said);
        show_reply(fate.dialogue, reply);
        const std::string text = printable(reply.line(), longest_shown);
        if (!reply.is_transient() && !reply.is_permanent()) {
            fate.status = "4.5.0";  // RFC 3463 section 3.6: other protocol status
            fate.reason = fmt::format("{} answers what makes no sense here: {}", peer_.name, text);
            return;
        }
        fate.status = status_of(reply);
        fate.host_failed = reply.is_transient() && is_about_host(reply);
        fate.reason =
            fmt::format("{} {} {}: {}", peer_.name, reply.is_permanent() ? "refuses" : "does not take now", what, text);
    }

    void by_message(RecipientFate& fate, const std::string& address) const
    {
        if (!sent_.message.is_success())
            return by_reply(fate, sent_.message, "the message", {"C: RCPT TO:<" + address + ">", "C: [the message]"});
        fate.fate = Fate::relayed;
        fate.reply = sent_.message;
        fate.status = sent_.message.enhanced.empty() ? "2.0.0" : sent_.message.enhanced;
        fate.remote_id = remote_id(sent_.message.text);
        fate.reason = fmt::format("{} has taken it over", peer_.name);
        fate.dialogue = {"C: RCPT TO:<" + address + ">", "C: [the message]"};
        show_reply(fate.dialogue, sent_.message);
    }

    void by_fault(RecipientFate& fate) const
    {
        fate.dialogue = {mail_};
        if (sent_.unreadable) {
            fate.status = "4.3.0";
            fate.reason = "the message could not be read here: " + sent_.fault->text;
            return;
        }
        fate.host_failed = true;
        fate.in_doubt = sent_.in_doubt;
        fate.status = *sent_.fault == ErrorCode::malformed || *sent_.fault == ErrorCode::too_large ? "4.5.0" : "4.4.2";
        fate.reason = fmt::format("{} {}: {}", peer_.name,
                                  sent_.in_doubt ? "was given the message and did not answer" : "broke off",
                                  printable(sent_.fault->text, longest_shown));
    }

    // Another recipient's 421 ended it, or the peer answered less than it was asked.
    void by_silence(RecipientFate& fate) const
    {
        for (const Reply& reply : sent_.recipients)
            if (reply.code == 421)
                return by_reply(fate, reply, "anything more", {mail_});
        fate.status = "4.5.0";
        fate.reason = fmt::format("{} did not come to this recipient", peer_.name);
    }

    const smtp::Sent& sent_;
    std::string mail_;
    const Peer& peer_;
    Reply nobody_;
};

}  // namespace

std::vector<RecipientFate> fates_of(const smtp::Sent& sent, const smtp::Path& reverse_path,
                                    const std::vector<smtp::Recipient>& recipients, const Peer& peer)
{
    const Judge judge(sent, reverse_path, peer);
    std::vector<RecipientFate> fates;
    fates.reserve(recipients.size());
    for (std::size_t i = 0; i < recipients.size(); ++i)
        fates.push_back(judge.fate_of(recipients[i], i));
    return fates;
}

RecipientFate own_fate(Fate fate, std::string status, std::string reason, const Peer& peer)
{
    RecipientFate own;
    own.fate = fate;
    own.status = std::move(status);
    own.reason = std::move(reason);
    own.remote_mta = peer.name;
    own.remote_address = peer.address;
    return own;
}

RecipientFate host_fate(std::string status, std::string reason, const Peer& peer, Reply reply)
{
    RecipientFate fate = own_fate(Fate::deferred, std::move(status), std::move(reason), peer);
    fate.host_failed = true;
    if (reply.code != 0)
        show_reply(fate.dialogue, reply);
    fate.reply = std::move(reply);
    return fate;
}

bool is_too_many(const Reply& reply)
{
    return (reply.code == 452 || reply.code == 552) && reply.enhanced.size() == 5 && reply.enhanced.ends_with(".5.3");
}

std::string remote_id(std::string_view text)
{
    for (const std::string_view mark : {std::string_view("queued as "), std::string_view(" id=")}) {
        const auto found = std::ranges::search(text, mark, {}, ascii_lower, ascii_lower);
        if (found.empty())
            continue;
        std::string_view id(found.end(), text.end());
        id = id.substr(0,
                       std::ranges::find_if(id, [](char c) {
                           return !is_alnum(c) && c != '-' && c != '_' && c != '.';
                       }) - id.begin());
        while (id.ends_with('.'))
            id.remove_suffix(1);
        if (!id.empty() && id.size() <= longest_remote_id)
            return std::string(id);
    }
    return {};
}

}  // namespace posthouse::mta::relay

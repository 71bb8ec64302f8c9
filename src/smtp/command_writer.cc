#include "smtp/command_writer.h"

#include "smtp/parameter_grammar.h"

#include <algorithm>

#include <fmt/format.h>

namespace posthouse::smtp {

namespace {

constexpr std::int64_t longest_by_time = 999'999'999;  // RFC 2852 section 4: 1*9digit

std::int64_t seconds_left(WallTime until, WallTime now)
{
    const auto left = std::chrono::floor<std::chrono::seconds>(until - now).count();
    return std::clamp<std::int64_t>(left, -longest_by_time, longest_by_time);
}

std::string deliver_by_parameter(const DeliverBy& by, WallTime now)
{
    return fmt::format(" BY={};{}{}", seconds_left(by.until, now), by.notify_only ? 'N' : 'R', by.trace ? "T" : "");
}

}  // namespace

std::optional<Reply> what_server_lacks(const Envelope& envelope, const Capabilities& server, WallTime now)
{
    if (envelope.smtputf8 && !server.smtputf8)
        return Reply{553, "5.6.7", "the server takes no addresses with other letters than ASCII"};
    if (envelope.body == BodyType::eight_bit && !server.eight_bit)
        return Reply{554, "5.6.3", "the server takes no message with 8-bit bytes"};
    if (server.most_bytes != 0 && envelope.declared_size > server.most_bytes)
        return Reply{552, "5.3.4",
                     fmt::format("the message is too large for the server, which takes {} bytes", server.most_bytes)};
    if (envelope.hold_until && *envelope.hold_until > now && !server.future_release)
        return Reply{554, "5.3.3", "the server does not hold messages until a later time"};
    if (!envelope.deliver_by || envelope.deliver_by->notify_only)
        return std::nullopt;
    // RFC 2852 section 4.1.4.2: with by-mode R nobody may have it who does not know the extension.
    if (!server.deliver_by)
        return Reply{554, "5.3.3", "the server does not deliver by a given time, and the sender insists on it"};
    const std::int64_t left = seconds_left(envelope.deliver_by->until, now);
    if (left <= 0)
        return Reply{554, "5.4.7", "the time by which it had to be delivered has passed"};
    if (left < std::int64_t{server.least_deliver_by})
        return Reply{
            554, "5.4.7",
            fmt::format("the server wants {} seconds to deliver, and {} are left", server.least_deliver_by, left)};
    return std::nullopt;
}

std::string mail_line(const Envelope& envelope, const Capabilities& server, WallTime now)
{
    std::string line = fmt::format("MAIL FROM:<{}>", envelope.reverse_path.text());
    if (server.size && envelope.declared_size != 0)
        line += fmt::format(" SIZE={}", envelope.declared_size);
    if (envelope.body == BodyType::eight_bit)
        line += " BODY=8BITMIME";
    if (envelope.smtputf8)
        line += " SMTPUTF8";
    if (server.dsn && envelope.ret != Ret::unset)
        line += envelope.ret == Ret::full ? " RET=FULL" : " RET=HDRS";
    if (server.dsn && !envelope.envelope_id.empty())
        line += " ENVID=" + to_xtext(envelope.envelope_id);
    if (server.future_release && envelope.hold_until && *envelope.hold_until > now)
        line += " HOLDUNTIL=" + rfc3339_date(*envelope.hold_until);
    if (server.deliver_by && envelope.deliver_by)
        line += deliver_by_parameter(*envelope.deliver_by, now);
    if (server.priority && envelope.priority != 0)
        line += fmt::format(" MT-PRIORITY={}", envelope.priority);
    return line;
}

std::string rcpt_line(const Recipient& recipient, const Capabilities& server)
{
    std::string line = fmt::format("RCPT TO:<{}>", recipient.path.text());
    if (!server.dsn)
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

}  // namespace posthouse::smtp

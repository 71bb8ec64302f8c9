#include "smtp/capabilities.h"

#include "base/text.h"

#include <utility>

namespace posthouse::smtp {

namespace {

// RFC 9422 section 3: "LIMITS" SP name "=" value …
void take_limits(Capabilities& found, const std::vector<std::string_view>& words)
{
    for (const std::string_view limit : words) {
        if (starts_with_ignoring_case(limit, "RCPTMAX="))
            found.most_recipients = parse_number<std::uint64_t>(limit.substr(8)).value_or(0);
        if (starts_with_ignoring_case(limit, "MAILMAX="))
            found.most_messages = parse_number<std::uint64_t>(limit.substr(8)).value_or(0);
    }
}

void take_keyword(Capabilities& found, std::string_view line)
{
    const std::vector<std::string_view> words = split(line, ' ');
    const std::string_view first_value = words.size() > 1 ? words[1] : std::string_view{};
    const auto is = [&](std::string_view keyword) { return equals_ignoring_case(words[0], keyword); };
    found.pipelining = found.pipelining || is("PIPELINING");
    found.eight_bit = found.eight_bit || is("8BITMIME");
    found.smtputf8 = found.smtputf8 || is("SMTPUTF8");
    found.starttls = found.starttls || is("STARTTLS");
    found.dsn = found.dsn || is("DSN");
    found.chunking = found.chunking || is("CHUNKING");
    found.future_release = found.future_release || is("FUTURERELEASE");
    found.priority = found.priority || is("MT-PRIORITY");
    if (is("SIZE")) {
        found.size = true;
        found.most_bytes = parse_number<std::uint64_t>(first_value).value_or(0);
    } else if (is("DELIVERBY")) {
        found.deliver_by = true;
        found.least_deliver_by = parse_number<std::uint32_t>(first_value).value_or(0);
    } else if (is("AUTH")) {
        found.mechanisms.assign(words.begin() + 1, words.end());
    } else if (is("LIMITS")) {
        take_limits(found, words);
    }
}

}  // namespace

Capabilities capabilities_of(const Reply& reply)
{
    Capabilities found;
    found.extended = reply.is_success();
    if (!found.extended)
        return found;
    bool is_first = true;
    for (const std::string_view line : split(reply.text, '\n')) {
        if (std::exchange(is_first, false))
            continue;  // the server's name
        found.lines.emplace_back(line);
        take_keyword(found, line);
    }
    return found;
}

}  // namespace posthouse::smtp

#include "smtp/parameter_grammar.h"

#include "smtp/path_grammar.h"
#include "smtp/schedule_parameters.h"

#include <fmt/format.h>

namespace posthouse::smtp {

namespace {

struct Parameter {
    std::string_view keyword;
    std::optional<std::string_view> value;
};

std::unexpected<Reply> bad(std::string text) { return std::unexpected(Reply{501, "5.5.4", std::move(text)}); }

std::unexpected<Reply> unknown(const Parameter& parameter)
{
    return std::unexpected(Reply{555, "5.5.4", fmt::format("the parameter {} is not known here", parameter.keyword)});
}

// esmtp-param = esmtp-keyword ["=" esmtp-value]
Parsed<Parameter> esmtp_param(Cursor& in)
{
    Parameter parameter;
    parameter.keyword = in.take_while([](char c) { return is_alnum(c) || c == '-'; });
    if (parameter.keyword.empty() || parameter.keyword[0] == '-' || parameter.keyword.size() > 64)
        return bad("what stands behind the address is no parameter; write NAME or NAME=value");
    if (in.take('=')) {
        parameter.value = in.take_while([](char c) { return c != '=' && c != ' ' && !is_control(c); });
        if (parameter.value->empty())
            return bad(fmt::format("the parameter {} has no value behind its =", parameter.keyword));
    }
    if (!in.at_end() && in.peek() != ' ')
        return bad(fmt::format("the parameter {} has a character that cannot be", parameter.keyword));
    return parameter;
}

// Calls `take(parameter)` for each; a bit of `seen` for each keyword refuses doubles.
template <class Take> Parsed<void> each_parameter(Cursor& in, Take take)
{
    for (;;) {
        const std::string_view gap = in.take_while([](char c) { return c == ' '; });
        if (in.at_end())
            return {};
        if (gap.empty())
            return bad("a space must stand between the address and its parameters");
        const auto parameter = esmtp_param(in);
        if (!parameter)
            return std::unexpected(parameter.error());
        const Parsed<void> taken = take(*parameter);
        if (!taken)
            return taken;
    }
}

class Once {
public:
    bool operator()(unsigned bit)
    {
        const bool first = (seen_ & (1u << bit)) == 0;
        seen_ |= 1u << bit;
        return first;
    }

private:
    unsigned seen_ = 0;
};

std::unexpected<Reply> doubled(const Parameter& parameter)
{
    return bad(fmt::format("the parameter {} stands there twice", parameter.keyword));
}

bool is(const Parameter& parameter, std::string_view keyword)
{
    return equals_ignoring_case(parameter.keyword, keyword);
}

// RFC 1870 section 4: size-value = 1*20DIGIT. What no 64 bits can hold is too large in any case.
Parsed<void> size_parameter(const Parameter& parameter, Envelope& envelope)
{
    const std::string_view digits = parameter.value.value_or("");
    if (digits.empty() || digits.size() > 20 || !std::ranges::all_of(digits, is_digit))
        return bad("SIZE= takes a number of bytes, of 1 to 20 digits");
    envelope.declared_size = parse_number<std::uint64_t>(digits).value_or(UINT64_MAX);
    return {};
}

// RFC 6152 section 3; RFC 3030 section 3 for BINARYMIME, which is not offered.
Parsed<void> body_parameter(const Parameter& parameter, Envelope& envelope)
{
    const std::string_view value = parameter.value.value_or("");
    if (equals_ignoring_case(value, "BINARYMIME"))
        return std::unexpected(Reply{555, "5.5.4", "BODY=BINARYMIME is not offered here; send 8BITMIME or 7BIT"});
    if (!equals_ignoring_case(value, "7BIT") && !equals_ignoring_case(value, "8BITMIME"))
        return bad("BODY= takes 7BIT or 8BITMIME");
    envelope.body = value.size() == 4 ? BodyType::seven_bit : BodyType::eight_bit;
    return {};
}

// RFC 4954 section 5: AUTH=<> or a mailbox in xtext. Who is logged in is what we believe; it is
// checked and forgotten.
Parsed<void> auth_parameter(const Parameter& parameter)
{
    const std::string_view value = parameter.value.value_or("");
    const std::optional<std::string> decoded = xtext(value);
    if (decoded && value == "<>")
        return {};
    if (decoded) {
        Cursor in(*decoded);
        if (mailbox(in).has_value() && in.at_end())
            return {};
    }
    return bad("AUTH= takes <> or an address, written as xtext");
}

Parsed<void> ret_parameter(const Parameter& parameter, Envelope& envelope)
{
    const std::string_view value = parameter.value.value_or("");
    if (!equals_ignoring_case(value, "FULL") && !equals_ignoring_case(value, "HDRS"))
        return bad("RET= takes FULL or HDRS");
    envelope.ret = ascii_upper(value[0]) == 'F' ? Ret::full : Ret::headers;
    return {};
}

// RFC 3461 section 4.4: at most 100 characters.
Parsed<void> envid_parameter(const Parameter& parameter, Envelope& envelope)
{
    const std::string_view value = parameter.value.value_or("");
    std::optional<std::string> decoded = xtext(value);
    if (!decoded || decoded->empty() || value.size() > 100)
        return bad("ENVID= takes up to 100 characters of xtext");
    envelope.envelope_id = std::move(*decoded);
    return {};
}

// RFC 4865 section 4: an interval or a moment, not both, and not beyond what was announced. A moment
// that has passed is now.
Parsed<void> hold_parameter(const Parameter& parameter, const Extensions& announced, Envelope& envelope)
{
    const std::string_view value = parameter.value.value_or("");
    std::optional<WallTime> until;
    if (is(parameter, "HOLDUNTIL"))
        until = date_time(value);
    else if (const std::optional<Duration> interval = hold_interval(value))
        until = announced.now + *interval;
    if (!until)
        return bad(is(parameter, "HOLDUNTIL") ? "HOLDUNTIL= takes a time like 2027-01-31T09:00:00Z"
                                              : "HOLDFOR= takes a number of seconds, of 1 to 9 digits");
    if (*until > announced.now + announced.longest_hold)
        return bad(fmt::format("a message is held for {} seconds at most",
                               std::chrono::floor<std::chrono::seconds>(announced.longest_hold).count()));
    if (*until > announced.now)
        envelope.hold_until = *until;
    return {};
}

Parsed<void> by_parameter(const Parameter& parameter, WallTime now, Envelope& envelope)
{
    envelope.deliver_by = by_value(parameter.value.value_or(""), now);
    if (!envelope.deliver_by)
        return bad("BY= takes seconds, a semicolon and N or R, perhaps a T behind it; with R the seconds are above 0");
    return {};
}

Parsed<void> priority_parameter(const Parameter& parameter, Envelope& envelope)
{
    const std::optional<int> priority = priority_value(parameter.value.value_or(""));
    if (!priority)
        return bad("MT-PRIORITY= takes a number from -9 to 9");
    envelope.priority = *priority;
    return {};
}

// RFC 3461 section 4.1: "NEVER" / 1#( "SUCCESS" / "FAILURE" / "DELAY" )
Parsed<void> notify_parameter(const Parameter& parameter, Recipient& recipient)
{
    const std::string_view value = parameter.value.value_or("");
    unsigned bits = 0;
    for (const std::string_view word : split(value, ',')) {
        const Notify one = equals_ignoring_case(word, "SUCCESS") ? Notify::success
            : equals_ignoring_case(word, "FAILURE")              ? Notify::failure
            : equals_ignoring_case(word, "DELAY")                ? Notify::delay
            : equals_ignoring_case(word, "NEVER")                ? Notify::never
                                                                 : Notify::unset;
        if (one == Notify::unset || (bits & static_cast<unsigned>(one)) != 0)
            return bad("NOTIFY= takes NEVER, or some of SUCCESS,FAILURE,DELAY");
        bits |= static_cast<unsigned>(one);
    }
    if ((bits & static_cast<unsigned>(Notify::never)) != 0 && bits != static_cast<unsigned>(Notify::never))
        return bad("NOTIFY=NEVER stands alone");
    recipient.notify = static_cast<std::uint8_t>(bits);
    return {};
}

// RFC 3461 section 4.2: addr-type ";" xtext, at most 500 characters.
Parsed<void> orcpt_parameter(const Parameter& parameter, Recipient& recipient)
{
    const std::string_view value = parameter.value.value_or("");
    const std::size_t at = value.find(';');
    if (at == std::string_view::npos || at == 0 || value.size() > 500 ||
        !std::ranges::all_of(value.substr(0, at), [](char c) { return is_alnum(c) || c == '-'; }))
        return bad("ORCPT= takes a type, a semicolon and an address in xtext");
    const std::optional<std::string> decoded = xtext(value.substr(at + 1));
    if (!decoded || decoded->empty())
        return bad("ORCPT= takes a type, a semicolon and an address in xtext");
    recipient.original_recipient = std::string(value.substr(0, at + 1)) + *decoded;
    return {};
}

}  // namespace

std::optional<std::string> xtext(std::string_view text)
{
    std::string out;
    while (!text.empty()) {
        const char c = text[0];
        std::size_t taken = 1;
        if (c == '+') {
            const std::optional<std::string> byte = text.size() >= 3 ? hex_decode(text.substr(1, 2)) : std::nullopt;
            if (!byte)
                return std::nullopt;
            out += *byte;
            taken = 3;
        } else if (c <= ' ' || c == '=' || c == 0x7f) {  // also what has its eighth bit set
            return std::nullopt;
        } else {
            out += c;
        }
        text.remove_prefix(taken);
    }
    if (printable(out, out.size() + 1) != out)
        return std::nullopt;
    return out;
}

std::string to_xtext(std::string_view text)
{
    std::string out;
    for (const char c : text) {
        if (c <= ' ' || c == '=' || c == '+' || c == 0x7f)
            out += '+' + to_upper(hex_encode({&c, 1}));
        else
            out += c;
    }
    return out;
}

Parsed<void> mail_parameters(Cursor& in, Extensions announced, Envelope& envelope)
{
    Once once;
    return each_parameter(in, [&](const Parameter& parameter) -> Parsed<void> {
        if (is(parameter, "SIZE"))
            return once(0) ? size_parameter(parameter, envelope) : doubled(parameter);
        if (is(parameter, "BODY"))
            return once(1) ? body_parameter(parameter, envelope) : doubled(parameter);
        if (is(parameter, "SMTPUTF8")) {
            if (parameter.value)
                return bad("SMTPUTF8 takes no value");
            envelope.smtputf8 = true;
            return once(2) ? Parsed<void>{} : doubled(parameter);
        }
        if (is(parameter, "AUTH") && announced.auth)
            return once(3) ? auth_parameter(parameter) : doubled(parameter);
        if (is(parameter, "RET") && announced.dsn)
            return once(4) ? ret_parameter(parameter, envelope) : doubled(parameter);
        if (is(parameter, "ENVID") && announced.dsn)
            return once(5) ? envid_parameter(parameter, envelope) : doubled(parameter);
        if ((is(parameter, "HOLDFOR") || is(parameter, "HOLDUNTIL")) && announced.longest_hold > Duration::zero())
            return once(6) ? hold_parameter(parameter, announced, envelope) : bad("one of HOLDFOR and HOLDUNTIL, once");
        if (is(parameter, "BY") && announced.deliver_by)
            return once(7) ? by_parameter(parameter, announced.now, envelope) : doubled(parameter);
        if (is(parameter, "MT-PRIORITY") && announced.priority)
            return once(8) ? priority_parameter(parameter, envelope) : doubled(parameter);
        return unknown(parameter);
    });
}

Parsed<void> rcpt_parameters(Cursor& in, Extensions announced, Recipient& recipient)
{
    Once once;
    return each_parameter(in, [&](const Parameter& parameter) -> Parsed<void> {
        if (is(parameter, "NOTIFY") && announced.dsn)
            return once(0) ? notify_parameter(parameter, recipient) : doubled(parameter);
        if (is(parameter, "ORCPT") && announced.dsn)
            return once(1) ? orcpt_parameter(parameter, recipient) : doubled(parameter);
        return unknown(parameter);
    });
}

}  // namespace posthouse::smtp

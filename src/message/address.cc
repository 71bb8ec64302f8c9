#include "message/address.h"

#include "message/address_parser.h"
#include "message/lexis.h"

#include <algorithm>

#include <fmt/format.h>

namespace posthouse::message {

namespace {

std::optional<std::string> fault_of_rule(const std::vector<Address>& list, AddressRule rule)
{
    const bool groups = std::ranges::any_of(list, [](const Address& a) { return !a.is_mailbox(); });
    if (list.empty() && rule != AddressRule::addresses_or_none)
        return "there is no address in it";
    if (groups && (rule == AddressRule::one_mailbox || rule == AddressRule::mailboxes))
        return "a group must not stand here";
    if (list.size() > 1 && rule == AddressRule::one_mailbox)
        return "there must be one address and not several";
    return std::nullopt;
}

}  // namespace

Result<std::vector<Address>> parse_addresses(std::string_view value, AddressRule rule, std::size_t most)
{
    AddressParser parser(value, most, Temper::strict);
    parser.address_list();
    if (parser.fault())
        return fail(ErrorCode::malformed, *parser.fault());
    if (parser.too_many())
        return fail(ErrorCode::too_large, fmt::format("there are more than {} addresses in it", most));
    std::vector<Address> list = parser.take();
    if (auto fault = fault_of_rule(list, rule))
        return fail(ErrorCode::malformed, std::move(*fault));
    return list;
}

std::vector<Address> read_addresses(std::string_view value, std::size_t most)
{
    AddressParser parser(value, most, Temper::lenient);
    parser.address_list();
    return parser.take();
}

Result<AddrSpec> parse_addr_spec(std::string_view text)
{
    AddressParser parser(text, 1, Temper::strict);
    parser.addr_spec_alone();
    std::vector<Address> list = parser.take();
    if (parser.fault())
        return fail(ErrorCode::malformed, *parser.fault());
    if (list.size() != 1 || !list[0].is_mailbox() || !list[0].display_name.empty() || !list[0].route.empty())
        return fail(ErrorCode::malformed, fmt::format("{} is more than an address", lexis::shown(text)));
    return std::move(list[0].spec);
}

bool is_dot_atom(std::string_view text)
{
    bool dot = true;  // none at the begin, none behind another
    for (const char c : text) {
        if (c == '.' ? dot : !lexis::is_atext(c))
            return false;
        dot = c == '.';
    }
    return !dot;
}

std::string quoted_string(std::string_view text)
{
    std::string out = "\"";
    for (const char c : text) {
        if (c == '\r' || c == '\n' || c == '\0')
            continue;
        if (c == '"' || c == '\\')
            out += '\\';
        out += c;
    }
    return out += '"';
}

std::string AddrSpec::text() const
{
    std::string out = is_dot_atom(local_part) ? local_part : quoted_string(local_part);
    if (!domain.empty())
        out += '@' + domain;
    return out;
}

std::string Address::text() const
{
    // RFC 5322 section 3.2.5: a phrase is atoms with one blank between them; else it is quoted.
    const bool atoms = !display_name.empty() && display_name.front() != ' ' && display_name.back() != ' ' &&
        display_name.find("  ") == std::string::npos &&
        std::ranges::all_of(display_name, [](char c) { return lexis::is_atext(c) || c == ' '; });
    const std::string name = display_name.empty() || atoms ? display_name : quoted_string(display_name);
    switch (kind) {
    case Kind::group_start: return name + ":";
    case Kind::group_end: return ";";
    case Kind::mailbox: break;
    }
    return name.empty() ? spec.text() : name + " <" + spec.text() + ">";
}

}  // namespace posthouse::message

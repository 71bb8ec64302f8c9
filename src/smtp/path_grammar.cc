#include "smtp/path_grammar.h"

#include <algorithm>
#include <array>

#include <arpa/inet.h>

namespace posthouse::smtp {

namespace {

std::unexpected<Reason> because(Reason reason) { return std::unexpected(reason); }

constexpr bool is_utf8_byte(char c) { return static_cast<unsigned char>(c) >= 0x80; }

// RFC 5322 section 3.2.3, and RFC 6531 section 3.3: atext =/ UTF8-non-ascii.
constexpr auto atext_table = [] {
    std::array<bool, 256> table{};
    for (int c = 0; c < 256; ++c)
        table[c] = c >= 0x80 || is_alnum(static_cast<char>(c));
    for (const char c : std::string_view("!#$%&'*+-/=?^_`{|}~"))
        table[static_cast<unsigned char>(c)] = true;
    return table;
}();

constexpr bool is_atext(char c) { return atext_table[static_cast<unsigned char>(c)]; }

// RFC 5321 section 4.1.2 sub-domain = Let-dig [Ldh-str]; RFC 6531: U-labels; '_' because hosts
// are called so.
constexpr bool is_label_byte(char c) { return is_alnum(c) || c == '-' || c == '_' || is_utf8_byte(c); }

// RFC 6531 section 3.3 wants UTF-8 only; controls and bidirectional overrides never get in.
bool is_clean_text(std::string_view text) { return is_ascii(text) || printable(text, text.size() + 1) == text; }

}  // namespace

bool is_dot_string(std::string_view text)
{
    bool after_dot = true;
    for (const char c : text) {
        if (c == '.' ? after_dot : !is_atext(c))
            return false;
        after_dot = c == '.';
    }
    return !after_dot;
}

// Dot-string = Atom *("." Atom)
static Production<std::string> dot_string(Cursor& in)
{
    const std::string_view text = in.take_while([](char c) { return c == '.' || is_atext(c); });
    if (text.empty())
        return because(in.at_end() || in.peek() == '>' || in.peek() == '@'
                           ? "the part before the @ is empty"
                           : "the part before the @ has a character that must be quoted");
    if (!is_dot_string(text))
        return because("a dot stands at the wrong place before the @");
    return std::string(text);
}

// Quoted-string = DQUOTE *QcontentSMTP DQUOTE; quoted-pairSMTP = %d92 %d32-126
static Production<std::string> quoted_string(Cursor& in)
{
    in.take('"');
    std::string text;
    for (;;) {
        if (in.at_end())
            return because("the quoted part before the @ is not closed");
        char c = in.take_bytes(1)[0];
        if (c == '"')
            break;
        if (c == '\\') {
            if (in.at_end())
                return because("the quoted part before the @ is not closed");
            c = in.take_bytes(1)[0];
        }
        if (is_control(c))
            return because("the address has a control character");
        text += c;
    }
    if (text.empty())
        return because("the part before the @ is empty");
    return text;
}

Production<std::string> local_part(Cursor& in)
{
    auto text = in.peek() == '"' ? quoted_string(in) : dot_string(in);
    if (text && text->size() > longest_local_part)
        return because("the part before the @ is longer than 255 bytes");
    return text;
}

Production<std::string> domain(Cursor& in)
{
    std::string text;
    for (;;) {
        const std::string_view label = in.take_while(is_label_byte);
        if (label.empty())
            return because(text.empty() ? "the domain is missing" : "the domain has an empty label");
        if (label.size() > 63)
            return because("the domain has a label longer than 63 bytes");
        if (label.front() == '-' || label.back() == '-')
            return because("a label of the domain begins or ends with a hyphen");
        text += label;
        if (text.size() > longest_domain)
            return because("the domain is longer than 255 bytes");
        if (!in.take('.'))
            break;
        text += '.';
    }
    std::ranges::transform(text, text.begin(), ascii_lower);
    return text;
}

Production<std::string> address_literal(Cursor& in)
{
    in.take('[');
    const std::string inside(in.take_while([](char c) { return c != ']' && c != '>' && !is_control(c); }));
    if (!in.take(']'))
        return because("the address literal is not closed by ]");
    std::array<unsigned char, 16> bytes;
    const bool is_ip6 = starts_with_ignoring_case(inside, "IPv6:");
    if (is_ip6 ? inet_pton(AF_INET6, inside.c_str() + 5, bytes.data()) != 1
               : inet_pton(AF_INET, inside.c_str(), bytes.data()) != 1)
        return because("the address literal is neither [192.0.2.1] nor [IPv6:2001:db8::1]");
    return '[' + to_lower(inside) + ']';
}

Production<Path> mailbox(Cursor& in)
{
    const std::string_view begin = in.rest();
    auto local = local_part(in);
    if (!local)
        return because(local.error());
    if (!in.take('@'))
        return because(in.at_end() || in.peek() == '>' ? "the address has no @"
                                                       : "the part before the @ has a character that must be quoted");
    auto place = in.peek() == '[' ? address_literal(in) : domain(in);
    if (!place)
        return because(place.error());
    if (!is_clean_text(begin.substr(0, begin.size() - in.rest().size())))
        return because("the address is not clean UTF-8");
    return Path{std::move(*local), std::move(*place)};
}

// A-d-l = At-domain *( "," At-domain ) ":"; RFC 5321 section 3.3: SHOULD be ignored.
static Production<void> source_route(Cursor& in)
{
    do {
        if (!in.take('@'))
            return because("a hop of the source route has no @");
        const auto hop = in.peek() == '[' ? address_literal(in) : domain(in);
        if (!hop)
            return because(hop.error());
    } while (in.take(','));
    if (!in.take(':'))
        return because("the source route is not closed by a colon");
    return {};
}

Production<Path> path(Cursor& in)
{
    if (!in.take('<'))
        return because("the address must stand in < and >");
    if (in.peek() == '@') {
        const auto route = source_route(in);
        if (!route)
            return because(route.error());
    }
    auto found = mailbox(in);
    if (!found)
        return found;
    if (!in.take('>'))
        return because(in.at_end() ? "the address is not closed by >" : "the domain has a character that cannot be");
    return found;
}

Production<Path> reverse_path(Cursor& in)
{
    if (in.take("<>"))
        return Path{};
    return path(in);
}

Production<Path> forward_path(Cursor& in)
{
    if (in.take("<>"))
        return because("the null address takes no mail");
    if (in.take("<postmaster>"))
        return Path{"postmaster", {}};
    return path(in);
}

bool is_domain(std::string_view text)
{
    Cursor in(text);
    return domain(in).has_value() && in.at_end() && is_clean_text(text);
}

bool is_greeting_name(std::string_view text)
{
    if (text.empty() || text.size() > longest_domain)
        return false;
    if (text.front() == '[') {
        Cursor in(text);
        return address_literal(in).has_value() && in.at_end();
    }
    return std::ranges::all_of(text,
                               [](char c) { return (is_label_byte(c) && !is_utf8_byte(c)) || c == '.' || c == ':'; });
}

}  // namespace posthouse::smtp

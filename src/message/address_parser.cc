#include "message/address_parser.h"

#include <algorithm>

#include <fmt/format.h>

namespace posthouse::message {

using lexis::Class;
using lexis::class_of;
using lexis::shown;

namespace {

constexpr std::size_t most_local_part = 64;  // RFC 5321 section 4.5.3.1.1
constexpr std::size_t most_domain = 255;  // RFC 5321 section 4.5.3.1.2

std::optional<std::string> fault_of_domain(std::string_view domain)
{
    if (domain.empty())
        return "has no domain behind its '@'";
    if (domain.size() > most_domain)
        return "has a domain of more than 255 octets";
    if (domain.front() == '[')
        return domain.size() > 2 ? std::nullopt : std::optional<std::string>("has an empty domain in brackets");
    for (const std::string_view label : split(domain, '.')) {
        if (label.empty())
            return "has a domain with a dot too many";
        const bool fits = std::ranges::all_of(
            label, [](char c) { return is_alnum(c) || c == '-' || c == '_' || static_cast<unsigned char>(c) >= 0x80; });
        if (!fits)
            return "has a domain with a character that no domain has";
    }
    return std::nullopt;
}

}  // namespace

// CFWS. True if there was any.
bool AddressParser::skip_blanks()
{
    const std::size_t begin = at_;
    while (!at_end()) {
        if (lexis::is_blank(text_[at_])) {
            ++at_;
        } else if (text_[at_] == '(') {
            const std::size_t end = lexis::skip_comment(text_, at_);
            if (end == std::string_view::npos)
                blame("a comment that begins with '(' is never closed");
            const std::size_t stop = std::min(end, text_.size());
            comment_ = text_.substr(at_ + 1, stop - at_ - (end == stop ? 2 : 1));
            at_ = stop;
        } else {
            break;
        }
    }
    return at_ != begin;
}

// address-list = *([CFWS] ",") address *("," [address / CFWS])   (obs-addr-list, RFC 5322 section 4.4)
void AddressParser::address_list()
{
    for (;;) {
        comment_ = {};
        skip_blanks();
        if (at_end() || fault_)
            break;
        if (list_.size() >= most_) {
            too_many_ = true;
            break;
        }
        if (take(','))
            continue;
        if (peek() == ';')
            group_end();
        else
            element();
    }
    if (in_group_) {
        blame([&] { return fmt::format("the group {} is not closed by ';'", shown(group_)); });
        list_.push_back({.kind = Address::Kind::group_end, .display_name = {}, .spec = {}, .route = {}});
    }
}

void AddressParser::group_end()
{
    ++at_;
    if (!in_group_) {
        blame("addresses are separated by ',' and not by ';'");
        return;
    }
    in_group_ = false;
    push({.kind = Address::Kind::group_end, .display_name = {}, .spec = {}, .route = {}});
    skip_blanks();
    if (!at_end() && peek() != ',')
        blame([&] { return fmt::format("behind the group {} stands no ','", shown(group_)); });
}

// address = mailbox / group; ends on a separator or at the end, except behind "group:".
void AddressParser::element()
{
    Words words;
    std::optional<AddrSpec> candidate;  // lenient: an address in what turns out to be more text
    for (;;) {
        const bool blanks = skip_blanks() || (at_ > 0 && lexis::is_blank(text_[at_ - 1]));
        const char c = peek();
        if (at_end() || c == ',' || c == ';')
            return only_words(words, candidate);
        if (c == '"' || class_of(c) == Class::atext || class_of(c) == Class::control)
            word(words, blanks);
        else if (c == '.')
            dot(words, blanks);
        else if (c == '<')
            return angle(words);
        else if (c == ':' && !in_group_ && !candidate)
            return group_begin(words);
        else if (c == '@')
            bare(words, candidate);
        else
            stray(words, blanks);
        if (candidate && (at_end() || peek() == ',' || peek() == ';'))
            return only_words(words, candidate);
    }
}

// word = atom / quoted-string
void AddressParser::word(Words& words, bool blanks_before)
{
    const bool joined = words.ends_with_dot || (words.runs > 0 && !blanks_before && !words.phrase.empty());
    const bool touches = words.runs > 0 && joined && !words.ends_with_dot;
    const bool beside_quoted = touches && (words.ends_quoted || peek() == '"');
    words.dot_fault = words.dot_fault || touches;
    words.is_phrase = beside_quoted || (joined && words.is_phrase);
    words.ends_quoted = peek() == '"';
    if ((blanks_before || beside_quoted) && !words.phrase.empty())
        words.phrase += ' ';
    if (!joined) {
        words.run.clear();
        words.run_at = words.phrase.size();
        ++words.runs;
    }
    words.ends_with_dot = false;
    const std::size_t phrase_size = words.phrase.size();
    if (peek() == '"') {
        const std::size_t end = lexis::read_quoted_string(text_, at_, words.phrase);
        if (end == std::string_view::npos)
            blame("a quoted string that begins with '\"' is never closed");
        at_ = std::min(end, text_.size());
    } else {
        const std::size_t begin = at_;
        while (!at_end() && (class_of(text_[at_]) == Class::atext || class_of(text_[at_]) == Class::control)) {
            if (class_of(text_[at_]) == Class::control)
                blame("an address holds a control character");
            ++at_;
        }
        words.phrase.append(text_.substr(begin, at_ - begin));
    }
    words.run.append(words.phrase, phrase_size);
}

void AddressParser::dot(Words& words, bool blanks_before)
{
    ++at_;
    if (words.runs == 0) {
        ++words.runs;
        words.dot_fault = true;
    }
    words.dot_fault = words.dot_fault || words.ends_with_dot;
    words.ends_with_dot = true;
    if (blanks_before && !words.phrase.empty())
        words.phrase += ' ';
    words.phrase += '.';
    words.run += '.';
}

// A special that has no business here: blamed, and for the lenient a character of the word.
void AddressParser::stray(Words& words, bool blanks_before)
{
    const char c = text_[at_++];
    blame([&] { return fmt::format("'{}' must not stand outside a quoted string", c); });
    if (blanks_before && !words.phrase.empty())
        words.phrase += ' ';
    words.phrase += c;
    words.run += c;
    words.runs = std::max(words.runs, 1u);
    words.ends_with_dot = words.ends_quoted = false;
}

// addr-spec without brackets; `at_` stands on '@'.
void AddressParser::bare(Words& words, std::optional<AddrSpec>& candidate)
{
    ++at_;
    comment_ = {};
    AddrSpec spec{std::move(words.run), {}};
    words.run.clear();
    if (words.runs == 0)
        blame("an address begins with '@'");
    else if (words.runs > 1)
        blame([&] {
            return fmt::format("{} holds a blank before its '@'; names need '<' and '>' around the address",
                               shown(words.phrase));
        });
    else if (words.dot_fault || words.ends_with_dot)
        blame([&] { return fmt::format("the local part {} is not well-formed", shown(spec.local_part)); });
    spec.domain = domain();
    if (words.is_phrase && !strict_)
        return;  // whose address it would be is not guessed
    words.phrase += '@';
    words.phrase += spec.domain;
    words.ends_with_dot = false;
    words.runs = std::max(words.runs, 1u);
    check(spec);
    if (!candidate) {
        candidate = std::move(spec);
        words.name_size = words.runs > 1 && words.run_at > 0 ? words.run_at - 1 : 0;
    }
    const char c = peek();
    if (!at_end() && c != ',' && c != ';')
        blame([&] { return fmt::format("behind the address {} stands {}", shown(candidate->text()), next_text()); });
}

// An element without '<': a bare address, or text that is none.
void AddressParser::only_words(Words& words, std::optional<AddrSpec>& candidate)
{
    Address address;
    if (candidate) {
        address.spec = std::move(*candidate);
        words.phrase.resize(words.name_size);
        address.display_name = words.phrase.empty() ? comment_text() : std::move(words.phrase);
    } else if (words.runs == 1 && !words.is_phrase) {
        blame([&] { return fmt::format("the address {} has no '@' and no domain", shown(words.phrase)); });
        address.spec.local_part = std::move(words.run);
        address.display_name = comment_text();
    } else {
        blame([&] { return fmt::format("{} is not an address", shown(words.phrase)); });
        address.display_name = std::move(words.phrase);
    }
    push(std::move(address));
}

// angle-addr = [CFWS] "<" [obs-route] addr-spec ">" [CFWS]; what stood before is the display name.
void AddressParser::angle(Words& words)
{
    Address address;
    address.display_name = std::move(words.phrase);
    take('<');
    comment_ = {};
    for (skip_blanks(); take('<'); skip_blanks())
        blame("'<' stands twice");
    if (peek() == '@')
        route(address.route);
    Words local;
    for (;;) {
        const bool blanks = skip_blanks();
        const char c = peek();
        if (at_end() || c == '@' || c == '>' || c == ',' || c == ';')
            break;
        if (c == '"' || class_of(c) == Class::atext || class_of(c) == Class::control)
            word(local, blanks);
        else if (c == '.')
            dot(local, blanks);
        else
            stray(local, blanks);
    }
    if (local.runs == 0)
        blame(peek() == '>' ? "'<>' is not an address here" : "an address has nothing before its '@'");
    else if (local.runs > 1 || local.dot_fault || local.ends_with_dot)
        blame([&] { return fmt::format("the local part {} is not well-formed", shown(local.phrase)); });
    address.spec.local_part = local.runs > 1 ? std::move(local.phrase) : std::move(local.run);
    if (take('@'))
        address.spec.domain = domain();
    else if (local.runs > 0)
        blame([&] { return fmt::format("the address {} has no '@' and no domain", shown(address.spec.local_part)); });
    check(address.spec);
    skip_blanks();
    const bool closed = take('>');
    if (!closed)
        blame([&] { return fmt::format("the '<' before {} is not closed by '>'", shown(address.spec.text())); });
    skip_to_separator(!closed);
    if (address.display_name.empty())
        address.display_name = comment_text();
    push(std::move(address));
}

// obs-route = obs-domain-list ":", with "@a.test,@b.test" (RFC 5322 section 4.4).
void AddressParser::route(std::string& out)
{
    for (;;) {
        skip_blanks();
        if (take(','))
            continue;
        if (!take('@'))
            break;
        if (!out.empty())
            out += ',';
        out += '@';
        out += domain();
    }
    if (!take(':'))
        blame("a source route is not closed by ':'");
}

// domain = dot-atom / domain-literal / obs-domain. Ends behind the blanks that follow it.
std::string AddressParser::domain()
{
    skip_blanks();
    if (peek() == '[')
        return domain_literal();
    std::string out;
    for (;;) {
        const std::size_t begin = at_;
        while (!at_end() && class_of(text_[at_]) == Class::atext)
            ++at_;
        out += text_.substr(begin, at_ - begin);
        skip_blanks();
        if (!take('.'))
            return out;
        out += '.';
        skip_blanks();
    }
}

// domain-literal = "[" *([FWS] dtext) [FWS] "]"
std::string AddressParser::domain_literal()
{
    std::string out;
    while (!at_end()) {
        const char c = text_[at_++];
        if (c == ']') {
            out += c;
            skip_blanks();
            return out;
        }
        if (c == '<' || c == '>' || c == ',' || c == '@' || c == '"' || class_of(c) == Class::control)
            blame("a domain in brackets holds a character that does not belong there");
        if (!lexis::is_blank(c))
            out += c;
    }
    blame("a domain that begins with '[' is not closed by ']'");
    return out;
}

void AddressParser::group_begin(Words& words)
{
    ++at_;
    if (words.runs == 0)
        blame("a group begins without a name");
    group_ = words.phrase;
    in_group_ = true;
    push({.kind = Address::Kind::group_start, .display_name = std::move(words.phrase), .spec = {}, .route = {}});
}

// Behind an angle-addr: nothing but blanks may stand before the separator.
void AddressParser::skip_to_separator(bool angle_is_open)
{
    std::string ignored;
    for (skip_blanks(); !at_end(); skip_blanks()) {
        const char c = peek();
        if (c == ',' || c == ';')
            return;
        if (!angle_is_open)
            blame([&] { return fmt::format("behind '>' stands {}", next_text()); });
        angle_is_open = angle_is_open && c != '>';
        ignored.clear();
        at_ = c == '"' ? std::min(lexis::read_quoted_string(text_, at_, ignored), text_.size()) : at_ + 1;
    }
}

void AddressParser::check(const AddrSpec& spec)
{
    if (!strict_ || fault_)
        return;
    if (spec.local_part.size() > most_local_part)
        blame([&] { return fmt::format("the address {} has more than 64 octets before its '@'", shown(spec.text())); });
    else if (!is_valid_utf8(spec.local_part) || !is_valid_utf8(spec.domain))
        blame([&] { return fmt::format("the address {} holds bytes that are not UTF-8", shown(spec.text())); });
    else if (const auto fault = fault_of_domain(spec.domain))
        blame([&] { return fmt::format("the address {} {}", shown(spec.text()), *fault); });
}

void AddressParser::push(Address address)
{
    if (strict_ && !fault_ && !is_valid_utf8(address.display_name))
        blame([&] { return fmt::format("the name {} holds bytes that are not UTF-8", shown(address.display_name)); });
    list_.push_back(std::move(address));
}

// `bob@x.test (Bob)`: the way names were written before RFC 822, and still are.
std::string AddressParser::comment_text() const
{
    std::string out;
    for (std::size_t i = 0; i < comment_.size(); ++i) {
        char c = comment_[i];
        if (c == '\\' && i + 1 < comment_.size())
            c = comment_[++i];
        if (!lexis::is_blank(c))
            out += c;
        else if (!out.empty() && out.back() != ' ')
            out += ' ';
    }
    if (!out.empty() && out.back() == ' ')
        out.pop_back();
    return out;
}

void AddressParser::addr_spec_alone()
{
    element();
    skip_blanks();
    if (!at_end())
        blame([&] { return fmt::format("behind the address stands {}", next_text()); });
}

}  // namespace posthouse::message

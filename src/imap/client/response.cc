#include "imap/client/response.h"

#include "base/text.h"
#include "imap/client/fetch_response.h"
#include "imap/grammar/lexemes.h"
#include "imap/grammar/utf7.h"

#include <algorithm>

#include <fmt/format.h>

namespace posthouse::imap {

namespace {

using Parsed = std::optional<Response>;

// "OK" SP resp-text, and its like: the one word that begins a status response.
std::optional<StatusResponse::Kind> status_kind(Cursor& in)
{
    using Kind = StatusResponse::Kind;
    static constexpr std::pair<std::string_view, Kind> words[]{
        {"OK", Kind::ok}, {"NO", Kind::no}, {"BAD", Kind::bad}, {"PREAUTH", Kind::preauth}, {"BYE", Kind::bye}};
    for (const auto& [word, kind] : words)
        if (take_word(in, word))
            return kind;
    return std::nullopt;
}

// resp-text = ["[" resp-text-code "]" SP] text. The code's arguments may hold quoted brackets.
void resp_text(Cursor in, StatusResponse& status)
{
    in.take(' ');
    Cursor code = in;
    if (code.take('[')) {
        status.code.name = to_upper(code.take_while([](char c) { return c != ' ' && c != ']' && c != '\r'; }));
        code.take(' ');
        bool is_quoted = false;
        status.code.text = code.take_while([&](char c) {
            is_quoted = is_quoted != (c == '"');
            return c != ']' || is_quoted;
        });
        if (code.take(']')) {
            code.take(' ');
            in = code;
        } else {
            status.code = {};
        }
    }
    status.text = in.rest();
}

// flag-list = "(" [flag *(SP flag)] ")"; also LIST's attributes and PERMANENTFLAGS with its "\*".
std::optional<std::vector<std::string>> flag_list(Cursor& in)
{
    if (!in.take('('))
        return std::nullopt;
    std::vector<std::string> flags;
    while (!in.take(')')) {
        in.take(' ');
        const std::string_view flag =
            in.take_while([](char c) { return is_atom_char(c) || c == '\\' || c == '*' || c == ']'; });
        if (flag.empty() && in.peek() != ')')
            return std::nullopt;
        if (!flag.empty())
            flags.emplace_back(flag);
    }
    return flags;
}

std::string readable_name(std::string wire)
{
    std::optional<std::string> name = from_utf7(wire);
    return name ? std::move(*name) : std::move(wire);
}

// mailbox-list = "(" [mbx-list-flags] ")" SP (DQUOTE QUOTED-CHAR DQUOTE / nil) SP mailbox, and what
// LIST-EXTENDED puts behind it.
Parsed mailbox_list(Cursor& in, bool subscribed)
{
    ListResponse item;
    item.subscribed = subscribed;
    auto attributes = flag_list(in);
    if (!attributes || !in.take(' '))
        return std::nullopt;
    item.attributes = std::move(*attributes);
    const auto separator = nstring(in);
    if (!separator || !in.take(' '))
        return std::nullopt;
    if (*separator && (*separator)->size() == 1)
        item.separator = (**separator)[0];
    auto name = list_mailbox(in);
    if (!name)
        return std::nullopt;
    item.mailbox = readable_name(std::move(*name));
    return item;
}

// "SEARCH" *(SP nz-number) [SP "(MODSEQ" SP number ")"]
Parsed search(Cursor& in)
{
    SearchResponse found;
    while (in.take(' ')) {
        if (in.at_end() || in.peek() == '(')
            break;
        const auto number = nz_number(in);
        if (!number)
            return std::nullopt;
        found.numbers.push_back(*number);
    }
    return found;
}

// "STATUS" SP mailbox SP "(" [status-att-list] ")"
Parsed mailbox_status(Cursor& in)
{
    MailboxStatusResponse status;
    auto name = astring(in);
    if (!name || !in.take(' ') || !in.take('('))
        return std::nullopt;
    status.mailbox = readable_name(std::move(*name));
    while (!in.take(')')) {
        in.take(' ');
        const auto item = atom(in);
        if (!item || !in.take(' '))
            return std::nullopt;
        const auto is = [&](std::string_view word) { return equals_ignoring_case(*item, word); };
        const auto value = in.peek() == '(' ? std::nullopt : number64(in);
        if (!value && !skip_value(in))
            return std::nullopt;
        if (is("MESSAGES"))
            status.messages = value;
        else if (is("UNSEEN"))
            status.unseen = value;
        else if (is("UIDNEXT"))
            status.uid_next = value;
        else if (is("UIDVALIDITY"))
            status.uid_validity = value;
    }
    return status;
}

Parsed capability(Cursor& in)
{
    CapabilityResponse list;
    while (in.take(' ')) {
        const std::string_view name = in.take_while([](char c) { return c != ' '; });
        if (!name.empty())
            list.names.push_back(to_upper(name));
    }
    return list;
}

// message-data: nz-number SP ("EXPUNGE" / ("FETCH" SP msg-att)), and "EXISTS", "RECENT".
Parsed numbered(Cursor& in)
{
    const auto value = number(in);
    if (!value || !in.take(' '))
        return std::nullopt;
    using Kind = CountResponse::Kind;
    if (take_word(in, "EXISTS"))
        return CountResponse{Kind::exists, *value};
    if (take_word(in, "RECENT"))
        return CountResponse{Kind::recent, *value};
    if (take_word(in, "EXPUNGE"))
        return CountResponse{Kind::expunge, *value};
    if (!take_word(in, "FETCH") || !in.take(' '))
        return OtherResponse{std::string(in.rest().substr(0, 100))};
    auto message = msg_att(in);
    if (!message)
        return std::nullopt;
    message->number = *value;
    return std::move(*message);
}

Parsed untagged(Cursor& in)
{
    if (const auto kind = status_kind(in)) {
        StatusResponse status{.kind = *kind};
        resp_text(in, status);
        return status;
    }
    if (is_digit(in.peek()))
        return numbered(in);
    const auto word = atom(in);
    if (!word)
        return std::nullopt;
    const auto is = [&](std::string_view name) { return equals_ignoring_case(*word, name); };
    if (is("CAPABILITY"))
        return capability(in);
    if (is("SEARCH"))
        return search(in);
    if (is("LIST") || is("LSUB"))
        return in.take(' ') ? mailbox_list(in, is("LSUB")) : std::nullopt;
    if (is("STATUS"))
        return in.take(' ') ? mailbox_status(in) : std::nullopt;
    if (is("FLAGS")) {
        auto flags = in.take(' ') ? flag_list(in) : std::nullopt;
        if (!flags)
            return std::nullopt;
        return FlagsResponse{std::move(*flags)};
    }
    return OtherResponse{to_upper(*word)};
}

// response = continue-req / response-data / response-tagged
Parsed response(Cursor& in)
{
    if (in.take('+')) {
        in.take(' ');
        return ContinuationResponse{std::string(in.rest())};
    }
    if (in.take("* "))
        return untagged(in);
    const auto answered = tag(in);
    if (!answered || !in.take(' '))
        return std::nullopt;
    const auto kind = status_kind(in);
    if (!kind)
        return std::nullopt;
    StatusResponse status{.kind = *kind, .tag = std::string(*answered)};
    resp_text(in, status);
    return status;
}

}  // namespace

bool ListResponse::has(std::string_view attribute) const
{
    return std::ranges::any_of(attributes, [&](const std::string& a) { return equals_ignoring_case(a, attribute); });
}

Result<Response> parse_response(std::string_view text)
{
    Cursor in(text);
    Parsed parsed = response(in);
    if (!parsed)
        return fail(ErrorCode::malformed,
                    fmt::format("the server's answer is not IMAP, at byte {}: {}", in.offset(), printable(text, 200)));
    return std::move(*parsed);
}

bool is_status(std::string_view text)
{
    Cursor in(text);
    if (in.take('+'))
        return true;
    if (!in.take("* ") && (!tag(in) || !in.take(' ')))
        return false;
    return status_kind(in).has_value();
}

// "BODY[…] {", "BODY[]<0> {", "RFC822 {"; the literal's size has been taken off `text`.
bool is_before_body(std::string_view text)
{
    if (!text.ends_with(' '))
        return false;
    text.remove_suffix(1);
    if (text.ends_with('>')) {
        const std::size_t open = text.rfind('<');
        text = text.substr(0, open == std::string_view::npos ? 0 : open);
    }
    if (text.ends_with(']'))
        return true;
    const std::string_view word = text.substr(text.find_last_of(" (") + 1);
    return starts_with_ignoring_case(word, "RFC822");
}

}  // namespace posthouse::imap

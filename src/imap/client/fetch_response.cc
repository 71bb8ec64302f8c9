#include "imap/client/fetch_response.h"

#include "base/text.h"
#include "imap/grammar/date.h"
#include "imap/grammar/fetch_attributes.h"
#include "imap/grammar/lexemes.h"

namespace posthouse::imap {

namespace {

bool is_loose_char(char c)
{
    return static_cast<unsigned char>(c) > 0x20 && c != '(' && c != ')' && c != '"' && c != '{';
}

// address = "(" addr-name SP addr-adl SP addr-mailbox SP addr-host ")"
std::optional<message::Address> address(Cursor& in)
{
    if (!in.take('('))
        return std::nullopt;
    std::optional<std::string> parts[4];
    for (std::size_t i = 0; i < 4; ++i) {
        if (i > 0 && !in.take(' '))
            return std::nullopt;
        auto part = nstring(in);
        if (!part)
            return std::nullopt;
        parts[i] = std::move(*part);
    }
    if (!in.take(')'))
        return std::nullopt;
    message::Address one;
    // RFC 3501 section 7.4.2: a host of NIL is group syntax; a mailbox of NIL beside it ends the group.
    if (!parts[3]) {
        one.kind = parts[2] ? message::Address::Kind::group_start : message::Address::Kind::group_end;
        one.display_name = parts[2].value_or("");
        return one;
    }
    one.display_name = parts[0].value_or("");
    one.route = parts[1].value_or("");
    one.spec = {parts[2].value_or(""), *parts[3]};
    return one;
}

// "(" 1*address ")" / nil
bool addresses(Cursor& in, std::vector<message::Address>& out)
{
    if (take_word(in, "NIL"))
        return true;
    if (!in.take('('))
        return false;
    while (!in.take(')')) {
        in.take(' ');
        auto one = address(in);
        if (!one)
            return false;
        if (out.size() < message::most_addresses)
            out.push_back(std::move(*one));
    }
    return true;
}

// envelope = "(" env-date SP env-subject SP env-from SP env-sender SP env-reply-to SP env-to SP
//            env-cc SP env-bcc SP env-in-reply-to SP env-message-id ")"
std::optional<message::Envelope> envelope(Cursor& in)
{
    message::Envelope all;
    const auto text = [&](std::optional<std::string>& out) {
        auto value = nstring(in);
        if (value)
            out = std::move(*value);
        return value.has_value();
    };
    if (!in.take('(') || !text(all.date) || !in.take(' ') || !text(all.subject))
        return std::nullopt;
    for (auto* list : {&all.from, &all.sender, &all.reply_to, &all.to, &all.cc, &all.bcc})
        if (!in.take(' ') || !addresses(in, *list))
            return std::nullopt;
    if (!in.take(' ') || !text(all.in_reply_to) || !in.take(' ') || !text(all.message_id) || !in.take(')'))
        return std::nullopt;
    return all;
}

std::optional<std::vector<std::string>> flags(Cursor& in)
{
    if (!in.take('('))
        return std::nullopt;
    std::vector<std::string> all;
    while (!in.take(')')) {
        in.take(' ');
        const std::string_view flag = in.take_while(is_loose_char);
        if (flag.empty() && in.peek() != ')')
            return std::nullopt;
        if (!flag.empty())
            all.emplace_back(flag);
    }
    return all;
}

// RFC 8474: "(" objectid ")" / nil
bool object_id(Cursor& in, std::string& out)
{
    if (take_word(in, "NIL"))
        return true;
    if (!in.take('('))
        return false;
    out = in.take_while([](char c) { return is_alnum(c) || c == '_' || c == '-'; });
    return in.take(')');
}

// "BODY" section ["<" number ">"] SP nstring, behind "BODY[".
bool body_section(Cursor& in, FetchResponse& message)
{
    if (!section(in))
        return false;
    if (in.take('<') && (!number(in) || !in.take('>')))
        return false;
    auto value = in.take(' ') ? nstring(in) : std::nullopt;
    if (!value)
        return false;
    message.body = value->value_or("");
    return true;
}

bool attribute(Cursor& in, FetchResponse& message)
{
    if (in.take("BODY["))
        return body_section(in, message);
    const std::string_view name = in.take_while([](char c) { return is_alnum(c) || c == '.' || c == '-' || c == '_'; });
    const auto is = [&](std::string_view word) { return equals_ignoring_case(name, word); };
    if (name.empty() || !in.take(' '))
        return false;
    if (is("UID")) {
        const auto uid = nz_number(in);
        message.uid = uid.value_or(0);
        return uid.has_value();
    }
    if (is("FLAGS"))
        return (message.flags = flags(in)).has_value();
    if (is("INTERNALDATE")) {
        Cursor date = in;
        message.internal_date = date_time(date);
        if (message.internal_date)
            in = date;
        return message.internal_date || skip_value(in);  // a date out of this world is no reason to stop
    }
    if (is("RFC822.SIZE"))
        return (message.size = number64(in)).has_value();
    if (is("ENVELOPE"))
        return (message.envelope = envelope(in)).has_value();
    if (is("EMAILID"))
        return object_id(in, message.email_id);
    if (is("THREADID"))
        return object_id(in, message.thread_id);
    if (is("BODYSTRUCTURE")) {
        std::size_t attachments = 0;
        const bool good = skip_value(in, &attachments);
        message.has_attachment = attachments > 0;
        return good;
    }
    if (is("PREVIEW") || is("RFC822") || is("RFC822.HEADER") || is("RFC822.TEXT")) {
        auto value = nstring(in);
        if (value)
            (is("PREVIEW") ? message.preview : message.body) = value->value_or("");
        return value.has_value();
    }
    return skip_value(in);
}

}  // namespace

std::optional<FetchResponse> msg_att(Cursor& in)
{
    if (!in.take('('))
        return std::nullopt;
    FetchResponse message;
    while (!in.take(')')) {
        in.take(' ');
        if (in.at_end() || (in.peek() != ')' && !attribute(in, message)))
            return std::nullopt;
    }
    return message;
}

bool skip_value(Cursor& in, std::size_t* attachments)
{
    std::size_t depth = 0;
    bool at_list_start = false;
    do {
        if (in.take('(')) {
            if (++depth > most_structure_depth)
                return false;
            at_list_start = true;
            continue;
        }
        if (depth > 0 && in.take(')')) {
            --depth;
        } else if (in.peek() == '"' || in.peek() == '{') {
            const auto text = string(in);
            if (!text)
                return false;
            if (at_list_start && attachments != nullptr && equals_ignoring_case(*text, "attachment"))
                ++*attachments;
        } else if (in.take_while(is_loose_char).empty() && (depth == 0 || in.peek() != ' ')) {
            return false;
        }
        at_list_start = false;
        if (depth > 0)
            in.take(' ');
    } while (depth > 0);
    return true;
}

}  // namespace posthouse::imap

#include "message/entity_header.h"

#include "message/lexis.h"

#include <algorithm>
#include <iterator>

namespace posthouse::message {

namespace {

// What one parameter or address costs beside its text.
constexpr std::size_t item_cost = 32;

class EntityHeader {
public:
    EntityHeader(Budget& budget, Part& part, Envelope* envelope, Digest* top) :
        budget_(budget), part_(part), envelope_(envelope), top_(top)
    {
    }
    void read(std::string_view header, DefaultType default_type);

private:
    void mime_field(const Field& field);
    void message_field(const Field& field);
    void top_field(const Field& field);
    void content_type(std::string_view value);
    void disposition(std::string_view value);
    void language(std::string_view value);
    void text(std::string& target, std::string_view value);
    void text(std::optional<std::string>& target, std::string_view value);
    void in_reply_to(std::optional<std::string>& target, std::string_view value);
    void addresses(std::vector<Address>& target, std::string_view value);
    std::vector<Parameter> affordable(std::vector<Parameter> parameters);

    Budget& budget_;
    Part& part_;
    Envelope* envelope_;
    Digest* top_;
    bool has_type_ = false;
    bool has_disposition_ = false;
    bool has_encoding_ = false;
};

void EntityHeader::read(std::string_view header, DefaultType default_type)
{
    if (default_type == DefaultType::message_rfc822) {  // RFC 2046 section 5.1.5
        part_.type = "message";
        part_.subtype = "rfc822";
    }
    HeaderReader reader(header);
    while (const auto field = reader.next()) {
        if (ascii_lower(field->name[0]) == 'c' && starts_with_ignoring_case(field->name, "content-"))
            mime_field(*field);
        else if (envelope_)
            message_field(*field);
    }
    if (top_) {
        top_->header_garbage = static_cast<std::uint32_t>(reader.garbage_lines());
        top_->has_8bit_header = lexis::has_8bit(header);
    }
}

void EntityHeader::mime_field(const Field& field)
{
    const std::string_view name = field.name.substr(std::string_view("content-").size());
    switch (name.size()) {
    case 2:
        if (equals_ignoring_case(name, "id"))
            text(part_.id, field.value);
        break;
    case 3:
        if (equals_ignoring_case(name, "md5"))
            text(part_.md5, field.value);
        break;
    case 4:
        if (equals_ignoring_case(name, "type"))
            content_type(field.value);
        break;
    case 8:
        if (equals_ignoring_case(name, "language"))
            language(field.value);
        else if (equals_ignoring_case(name, "location"))
            text(part_.location, field.value);
        break;
    case 11:
        if (equals_ignoring_case(name, "disposition"))
            disposition(field.value);
        else if (equals_ignoring_case(name, "description"))
            text(part_.description, field.value);
        break;
    case 17:
        if (!has_encoding_ && equals_ignoring_case(name, "transfer-encoding")) {
            has_encoding_ = true;
            const std::string encoding = parse_parameterized(field.value, 0).value;
            if (lexis::is_token(encoding) && budget_.spend(encoding.size()))
                part_.encoding = encoding;
        }
        break;
    default: break;
    }
}

void EntityHeader::message_field(const Field& field)
{
    Envelope& envelope = *envelope_;
    switch (field.name.size()) {
    case 2:
        if (field.is("to"))
            addresses(envelope.to, field.value);
        else if (field.is("cc"))
            addresses(envelope.cc, field.value);
        break;
    case 3:
        if (field.is("bcc"))
            addresses(envelope.bcc, field.value);
        break;
    case 4:
        if (envelope.from.empty() && field.is("from"))
            addresses(envelope.from, field.value);
        else if (field.is("date")) {
            if (top_ && !envelope.date)
                top_->sent = parse_date(field.value);
            text(envelope.date, field.value);
        }
        break;
    case 6:
        if (envelope.sender.empty() && field.is("sender"))
            addresses(envelope.sender, field.value);
        break;
    case 7:
        if (field.is("subject"))
            text(envelope.subject, field.value);
        break;
    case 8:
        if (field.is("reply-to"))
            addresses(envelope.reply_to, field.value);
        else if (top_)
            top_field(field);
        break;
    case 10:
        if (field.is("message-id"))
            text(envelope.message_id, field.value);
        else if (top_)
            top_field(field);
        break;
    case 11:
        if (field.is("in-reply-to"))
            in_reply_to(envelope.in_reply_to, field.value);
        break;
    default: break;
    }
}

void EntityHeader::top_field(const Field& field)
{
    if (field.is("received")) {
        ++top_->received;
    } else if (top_->references.empty() && field.is("references")) {
        for (std::string& id : parse_message_ids(field.value))
            if (budget_.spend(id.size() + item_cost))
                top_->references.push_back(std::move(id));
    }
}

// RFC 2045 section 5.1; what is not of the form type/subtype counts as text/plain (section 5.2).
void EntityHeader::content_type(std::string_view value)
{
    if (has_type_)
        return;
    has_type_ = true;
    ParameterizedValue parsed = parse_parameterized(value, budget_.parameters);
    const std::string_view whole = parsed.value;
    const std::size_t slash = whole.find('/');
    const std::string_view type = whole.substr(0, slash);
    const std::string_view subtype = slash == std::string_view::npos ? std::string_view{} : whole.substr(slash + 1);
    const bool fits = lexis::is_token(type) && lexis::is_token(subtype) && budget_.spend(whole.size());
    part_.type = fits ? type : "text";
    part_.subtype = fits ? subtype : "plain";
    if (fits || type == "text" || whole.empty())
        part_.parameters = affordable(std::move(parsed.parameters));
}

void EntityHeader::disposition(std::string_view value)
{
    if (has_disposition_)
        return;
    has_disposition_ = true;
    ParameterizedValue parsed = parse_parameterized(value, budget_.parameters);
    if (!lexis::is_token(parsed.value) || !budget_.spend(parsed.value.size()))
        return;
    part_.disposition = std::move(parsed.value);
    part_.disposition_parameters = affordable(std::move(parsed.parameters));
}

// RFC 3282: tags separated by commas.
void EntityHeader::language(std::string_view value)
{
    if (!part_.language.empty())
        return;
    for (const std::string_view word : split(value, ',')) {
        const std::string tag = unfold(word);
        if (lexis::is_token(tag) && part_.language.size() < budget_.parameters && budget_.spend(tag.size() + item_cost))
            part_.language.push_back(tag);
    }
}

void EntityHeader::text(std::string& target, std::string_view value)
{
    if (!target.empty())
        return;
    std::string unfolded = unfold(value);
    if (budget_.spend(unfolded.size()))
        target = std::move(unfolded);
}

void EntityHeader::text(std::optional<std::string>& target, std::string_view value)
{
    if (target)
        return;
    text(target.emplace(), value);
}

// As it stands, with the blanks behind it: mail clients compare it with what other servers tell them.
void EntityHeader::in_reply_to(std::optional<std::string>& target, std::string_view value)
{
    if (target)
        return;
    text(target, value);
    const std::size_t end =
        target->empty() ? value.size() : value.find_last_not_of(std::string_view(" \t\r\n\0", 5)) + 1;
    for (const char c : value.substr(end))
        if ((c == ' ' || c == '\t') && budget_.spend(1))
            *target += c;
}

void EntityHeader::addresses(std::vector<Address>& target, std::string_view value)
{
    if (budget_.addresses == 0)
        return;
    std::vector<Address> list = read_addresses(value, budget_.addresses);
    budget_.addresses -= std::min(budget_.addresses, list.size());
    std::size_t fits = 0;
    for (; fits < list.size(); ++fits) {
        const Address& address = list[fits];
        if (!budget_.spend(address.display_name.size() + address.spec.local_part.size() + address.spec.domain.size() +
                           address.route.size() + item_cost))
            break;
    }
    list.resize(fits);
    if (target.empty())
        target = std::move(list);
    else
        std::ranges::move(list, std::back_inserter(target));
}

std::vector<Parameter> EntityHeader::affordable(std::vector<Parameter> parameters)
{
    std::size_t fits = 0;
    while (fits < parameters.size() &&
           budget_.spend(parameters[fits].name.size() + parameters[fits].value.size() + item_cost))
        ++fits;
    parameters.resize(fits);
    return parameters;
}

}  // namespace

void read_entity_header(std::string_view header, DefaultType default_type, Budget& budget, Part& part,
                        Envelope* envelope, Digest* top)
{
    EntityHeader(budget, part, envelope, top).read(header, default_type);
}

}  // namespace posthouse::message

#include "msa/header_check.h"

#include "base/text.h"
#include "message/builder.h"
#include "message/header.h"

#include <array>

#include <fmt/format.h>

namespace posthouse::msa {

namespace {

using message::AddressRule;
using message::Field;
using smtp::Reply;

// The fields we look at; RFC 5322 section 3.6 has each of them at most once.
enum class Known : std::uint8_t { from, sender, reply_to, to, cc, bcc, date, message_id, subject, other };
constexpr std::array<std::string_view, 9> names{"From", "Sender", "Reply-To",   "To",     "Cc",
                                                "Bcc",  "Date",   "Message-ID", "Subject"};

Known known(const Field& field)
{
    for (std::size_t i = 0; i < names.size(); ++i)
        if (field.is(names[i]))
            return static_cast<Known>(i);
    return Known::other;
}

std::unexpected<Reply> refuse(std::string_view field, std::string_view fault)
{
    return std::unexpected(Reply{550, "5.6.0", fmt::format("{}: {}", field, fault)});
}

class HeaderCheck {
public:
    explicit HeaderCheck(std::string_view header) : header_(header) { }

    std::expected<void, Reply> look_at(const Field& field);
    std::expected<void, Reply> look_at_whole();
    CheckedHeader take(const Clock& clock, Random& random, std::string_view host_name);
    void keep_rest(std::size_t begin) { kept_ += header_.substr(begin); }

private:
    bool has(Known name) const { return (seen_ & (1u << static_cast<unsigned>(name))) != 0; }
    std::expected<std::size_t, Reply> addresses(const Field& field, Known name, AddressRule rule);

    std::string_view header_;
    std::string kept_;
    std::vector<message::AddrSpec> authors_;
    std::size_t from_count_ = 0;
    unsigned seen_ = 0;
};

std::expected<void, Reply> HeaderCheck::look_at(const Field& field)
{
    const Known name = known(field);
    if (name == Known::other) {
        kept_ += header_.substr(field.begin, field.end - field.begin);
        return {};
    }
    const std::string_view shown = names[static_cast<std::size_t>(name)];
    if (name == Known::bcc)  // RFC 5322 section 3.6.3: only the envelope knows of them
        return {};
    if (has(name))
        return refuse(shown, "the field stands there twice");
    seen_ |= 1u << static_cast<unsigned>(name);
    kept_ += header_.substr(field.begin, field.end - field.begin);
    switch (name) {
    case Known::from: {
        const auto count = addresses(field, name, AddressRule::mailboxes);
        if (!count)
            return std::unexpected(count.error());
        from_count_ = *count;
        return {};
    }
    case Known::sender:
    case Known::reply_to:
    case Known::to:
    case Known::cc: {
        const auto count =
            addresses(field, name, name == Known::sender ? AddressRule::one_mailbox : AddressRule::addresses);
        if (!count)
            return std::unexpected(count.error());
        return {};
    }
    case Known::date: {
        const std::optional<std::string> fault = message::fault_of_date(field.value);
        return fault ? std::expected<void, Reply>(refuse(shown, *fault)) : std::expected<void, Reply>{};
    }
    default: return {};
    }
}

std::expected<std::size_t, Reply> HeaderCheck::addresses(const Field& field, Known name, AddressRule rule)
{
    Result<std::vector<message::Address>> list = message::parse_addresses(field.value, rule);
    if (!list)
        return refuse(names[static_cast<std::size_t>(name)], list.error().text);
    if (name == Known::from || name == Known::sender)
        for (message::Address& address : *list)
            authors_.push_back(std::move(address.spec));
    return list->size();
}

std::expected<void, Reply> HeaderCheck::look_at_whole()
{
    if (!has(Known::from))
        return refuse("From", "the field is missing");
    if (from_count_ > 1 && !has(Known::sender))
        return refuse("Sender", "the field is missing, and From has several addresses");
    return {};
}

// RFC 6409 section 8.2 and 8.3: what is missing stands before the rest.
CheckedHeader HeaderCheck::take(const Clock& clock, Random& random, std::string_view host_name)
{
    std::string added;
    if (!has(Known::date))
        added += fmt::format("Date: {}\r\n", rfc5322_date(clock.now()));
    if (!has(Known::message_id))
        added += fmt::format("Message-ID: <{}>\r\n", message::make_message_id(clock, random, host_name));
    return {added + kept_, std::move(authors_)};
}

}  // namespace

std::expected<CheckedHeader, Reply> check_header(std::string_view header, const Clock& clock, Random& random,
                                                 std::string_view host_name)
{
    message::HeaderReader reader(header);
    HeaderCheck check(header);
    std::size_t end = 0;
    while (const std::optional<Field> field = reader.next()) {
        if (reader.garbage_lines() > 0)
            break;
        const auto fine = check.look_at(*field);
        if (!fine)
            return std::unexpected(fine.error());
        end = field->end;
    }
    if (reader.garbage_lines() > 0)
        return refuse("header", "a line is no field; fields look like 'Name: text', an empty line ends them");
    check.keep_rest(end);
    const auto fine = check.look_at_whole();
    if (!fine)
        return std::unexpected(fine.error());
    return check.take(clock, random, host_name);
}

}  // namespace posthouse::msa

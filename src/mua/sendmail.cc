// sendmail(8) and mailx(1), as other programs call them: the same letters by other options.
#include "base/text.h"
#include "message/header.h"
#include "mua/submit.h"

#include <algorithm>

#include <fmt/format.h>

namespace posthouse::mua {

namespace {

// Options of one letter, walked as getopt(3) does: "-f a@b", "-fa@b", "-ti".
class Letters {
public:
    Letters(std::span<const std::string> words, std::string_view with_value) :
        words_(words), with_value_(with_value) { }

    struct Item {
        char letter = '\0';  // NUL: `value` is no option
        std::string value;
    };
    // nullopt: all is taken.
    Result<std::optional<Item>> next()
    {
        if (inside_ == 0) {
            if (at_ >= words_.size())
                return std::nullopt;
            const std::string& word = words_[at_];
            if (only_values_ || word.size() < 2 || word[0] != '-')
                return Item{'\0', words_[at_++]};
            if (word == "--") {
                only_values_ = true;
                ++at_;
                return next();
            }
            inside_ = 1;
        }
        const std::string& word = words_[at_];
        Item item{word[inside_++], {}};
        const bool wants_value = with_value_.find(item.letter) != std::string_view::npos;
        if (wants_value) {
            item.value = word.substr(inside_);
            inside_ = word.size();
            if (item.value.empty()) {
                if (at_ + 1 >= words_.size())
                    return fail(ErrorCode::malformed, fmt::format("option -{} wants a value", item.letter));
                item.value = words_[++at_];
                inside_ = words_[at_].size();
            }
        }
        if (inside_ >= words_[at_].size()) {
            inside_ = 0;
            ++at_;
        }
        return item;
    }

private:
    std::span<const std::string> words_;
    std::string_view with_value_;
    std::size_t at_ = 0;
    std::size_t inside_ = 0;
    bool only_values_ = false;
};

// Any line ends to CRLF; without `ignore_dots` a line of one dot is the end.
std::string as_message(std::string_view text, bool ignore_dots)
{
    std::string out;
    out.reserve(text.size() + text.size() / 32);
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.ends_with('\r'))
            line.remove_suffix(1);
        if (!ignore_dots && line == ".")
            break;
        out += line;
        out += "\r\n";
    }
    return out;
}

std::vector<message::Address> addresses_in(std::string_view header, std::string_view name)
{
    std::vector<message::Address> all;
    for (const message::Field& field : message::find_fields(header, name))
        for (message::Address& one : message::read_addresses(field.value))
            if (one.is_mailbox() && !one.spec.empty())
                all.push_back(std::move(one));
    return all;
}

// The fields that a submission server wants and programs leave out (RFC 6409 section 8).
Result<std::string> with_missing_fields(std::string whole, const Identity& identity, const std::string& full_name,
                                        Desk& desk, std::string& message_id)
{
    message::HeaderReader reader(whole);
    bool has_from = false;
    bool has_date = false;
    while (const std::optional<message::Field> field = reader.next()) {
        has_from = has_from || field->is("From");
        has_date = has_date || field->is("Date");
        if (field->is("Message-ID"))
            for (std::string& id : message::parse_message_ids(field->value))
                message_id = std::move(id);
    }
    // A text whose first line is no field has no header at all.
    const bool has_header = reader.body_begin() > 0 && reader.garbage_lines() == 0;
    std::string fields;
    if (!has_from) {
        const Result<message::AddrSpec> spec = message::parse_addr_spec(identity.address);
        if (!spec)
            return fail(spec.error());
        const Result<std::string> from = message::address_field(
            "From", {{.display_name = full_name.empty() ? identity.name : full_name, .spec = *spec}});
        if (!from)
            return fail(from.error());
        fields += *from;
    }
    if (!has_date)
        fields += fmt::format("Date: {}\r\n", rfc5322_date(desk.clock().now()));
    if (message_id.empty()) {
        message_id = message::make_message_id(desk.clock(), desk.random(),
                                              identity.address.substr(identity.address.rfind('@') + 1));
        fields += fmt::format("Message-ID: <{}>\r\n", message_id);
    }
    return fields + (has_header ? "" : "\r\n") + whole;
}

}  // namespace

Result<SendmailOptions> parse_sendmail(std::span<const std::string> words)
{
    SendmailOptions options;
    Letters letters(words, "BCDFLNOoRVXbfhpr");
    for (;;) {
        Result<std::optional<Letters::Item>> next = letters.next();
        if (!next)
            return fail(next.error());
        if (!*next)
            return options;
        const Letters::Item& item = **next;
        switch (item.letter) {
        case '\0': options.to.push_back(item.value); break;
        case 't': options.recipients_from_header = true; break;
        case 'i': options.ignore_dots = true; break;
        case 'o': options.ignore_dots = options.ignore_dots || item.value == "i"; break;
        case 'f':
        case 'r': options.sender = item.value; break;
        case 'F': options.full_name = item.value; break;
        case 'b':
            if (item.value != "m")
                return fail(ErrorCode::malformed,
                            fmt::format("-b{} is not done by this sendmail", printable(item.value, 20)));
            break;
        default: break;  // what else there is tells other programs' queues how to run
        }
    }
}

Task<Outcome> sendmail(Desk& desk, SendmailOptions options)
{
    const Result<std::string> input = read_standard_input();
    if (!input)
        co_return fail(input.error());
    std::string whole = as_message(*input, options.ignore_dots);
    std::vector<message::Address> recipients;
    for (const std::string& text : options.to) {
        Result<std::vector<message::Address>> some = typed_addresses({text});
        if (!some)
            co_return fail(some.error());
        std::ranges::move(*some, std::back_inserter(recipients));
    }
    if (options.recipients_from_header)
        for (const std::string_view name : {"To", "Cc", "Bcc"})
            std::ranges::move(addresses_in(whole, name), std::back_inserter(recipients));
    if (recipients.empty())
        co_return fail(ErrorCode::malformed, "nobody to send it to; -t takes recipients from the header");

    // Whose: by -f, else by From, else the standard identity.
    const Result<Identities> all = desk.everybody();
    if (!all)
        co_return fail(all.error());
    std::string sender = options.sender;
    for (const message::Address& from : addresses_in(whole, "From"))
        if (sender.empty() && all->find(from.spec.text()) != nullptr)
            sender = from.spec.text();
    desk.choose_sender(sender);
    const Result<Identity> identity = desk.whose(Protocol::submission);
    if (!identity)
        co_return fail(identity.error());

    Letter letter;
    Result<std::string> ready =
        with_missing_fields(without_bcc(whole), *identity, options.full_name, desk, letter.message_id);
    if (!ready)
        co_return fail(ready.error());
    letter.for_recipients = std::move(*ready);
    for (const message::Address& one : recipients) {
        if (one.spec.domain.empty())
            co_return fail(ErrorCode::malformed,
                           fmt::format("the address {} has no domain", printable(one.spec.local_part, 200)));
        if (std::ranges::find(letter.recipients, one.spec) == letter.recipients.end())
            letter.recipients.push_back(one.spec);
    }
    co_return co_await submit(desk, *identity, std::move(letter), WriteOptions{.no_copy = true});
}

Result<MailOptions> parse_mail(std::span<const std::string> words)
{
    MailOptions options;
    Letters letters(words, "AabcfrSsuTM");
    for (;;) {
        Result<std::optional<Letters::Item>> next = letters.next();
        if (!next)
            return fail(next.error());
        if (!*next)
            break;
        const Letters::Item& item = **next;
        switch (item.letter) {
        case '\0': options.write.to.push_back(item.value); break;
        case 's': options.write.subject = item.value; break;
        case 'c': options.write.cc.push_back(item.value); break;
        case 'b': options.write.bcc.push_back(item.value); break;
        case 'a':
        case 'A': options.write.files.push_back(item.value); break;
        case 'r': options.from = item.value; break;
        case 'u':
        case 'f': return fail(ErrorCode::malformed, "other mailboxes are read by posthouse inbox --mailbox NAME");
        default: break;
        }
    }
    options.read = options.write.to.empty() && options.write.cc.empty() && options.write.bcc.empty();
    return options;
}

}  // namespace posthouse::mua

#include "mta/bounce/letter.h"

#include "base/text.h"
#include "message/header.h"
#include "mta/bounce/sentences.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace posthouse::mta::bounce {

namespace {

using smtp::NoticeKind;

constexpr std::size_t line_length = 76;
constexpr std::size_t most_told_in_full = 50;  // recipients; of the others the machine's part tells all
constexpr std::size_t longest_shown_line = 300;  // of the dialogue
constexpr std::size_t most_shown_lines = 10;

// A paragraph of words, in lines.
std::string paragraph(std::string_view text)
{
    std::string out;
    std::size_t column = 0;
    for (const std::string_view word : split(text, ' ')) {
        const bool fits = column + 1 + word.size() <= line_length;
        if (column > 0)
            out += fits ? ' ' : '\n';
        out += word;
        column = (column > 0 && fits ? column + 1 : 0) + word.size();
    }
    return out + "\n\n";
}

std::string span_of(Duration duration)
{
    const auto words = [](std::int64_t count, std::string_view unit) {
        return fmt::format("{} {}{}", count, unit, count == 1 ? "" : "s");
    };
    const auto hours = std::chrono::floor<std::chrono::hours>(duration).count();
    if (hours >= 48)
        return words(hours / 24, "day");
    if (hours >= 1)
        return words(hours, "hour");
    const auto minutes = std::chrono::floor<std::chrono::minutes>(duration).count();
    return minutes >= 1 ? words(minutes, "minute") : "a minute";
}

std::string opening(const smtp::NoticeRecipient& recipient)
{
    const std::string who = shown(recipient.recipient.path);
    switch (recipient.kind) {
    case NoticeKind::failed: return fmt::format("Your message could not be delivered to {}.", who);
    case NoticeKind::delayed:
        return fmt::format("Your message has not been delivered to {} yet. You need not do anything: it will be tried "
                           "again{}.",
                           who, recipient.retried_until ? " until " + rfc5322_date(*recipient.retried_until) : "");
    case NoticeKind::delivered: return fmt::format("Your message was delivered to {}.", who);
    case NoticeKind::relayed:
        return fmt::format("Your message was passed on to {}, for {}. That server does not confirm deliveries, so "
                           "nothing more will be reported.",
                           host_of(recipient), who);
    case NoticeKind::expanded:
        return fmt::format("Your message to {} was passed on to those whom this address stands for. Nothing more will "
                           "be reported of them.",
                           who);
    }
    return {};
}

bool went_wrong(const smtp::NoticeRecipient& recipient)
{
    return recipient.kind == NoticeKind::failed || recipient.kind == NoticeKind::delayed;
}

std::string explanation(const smtp::NoticeRecipient& recipient, Duration age)
{
    if (!went_wrong(recipient))
        return {};
    const std::string sentence = sentence_for(recipient);
    if (!is_expired(recipient))
        return paragraph(sentence);
    return paragraph(
        fmt::format("It was tried for {} and is given up now. What stood in the way at the last attempt: {}",
                    span_of(age), sentence));
}

std::string row(std::string_view label, std::string_view value) { return fmt::format("  {:<9} {}\n", label, value); }

std::string what_was_tried(const smtp::NoticeRecipient& recipient)
{
    std::string out;
    const smtp::RecipientFate& fate = recipient.fate;
    if (recipient.attempts == 1)
        out += row("Tried", "once, on " + rfc5322_date(recipient.last_attempt));
    if (recipient.attempts > 1)
        out +=
            row("Tried",
                fmt::format("{} times, the last time on {}", recipient.attempts, rfc5322_date(recipient.last_attempt)));
    if (!fate.remote_mta.empty())
        out += row("Server",
                   fate.remote_address.empty()
                       ? printable(fate.remote_mta, 255)
                       : fmt::format("{} ({})", printable(fate.remote_mta, 255), printable(fate.remote_address, 100)));
    if (fate.reply.code != 0)
        out += row("Answer", printable(fate.reply.line(), longest_shown_line));
    else if (went_wrong(recipient) && !fate.reason.empty())
        out += row("Reason", printable(fate.reason, longest_shown_line));
    return out.empty() ? out : out + "\n";
}

std::string dialogue_of(const smtp::NoticeRecipient& recipient)
{
    const auto& lines = recipient.fate.dialogue;
    if (lines.empty())
        return {};
    std::string out = "What was said (C: this server, S: the other one):\n\n";
    for (std::size_t i = 0; i < std::min(lines.size(), most_shown_lines); ++i)
        out += "  " + printable(lines[i], longest_shown_line) + "\n";
    return out + "\n";
}

std::string about_recipient(const smtp::NoticeRecipient& recipient, Duration age)
{
    return paragraph(opening(recipient)) + explanation(recipient, age) + what_was_tried(recipient) +
        dialogue_of(recipient);
}

std::string about_message(const smtp::Notice& notice)
{
    std::string out = "The message:\n\n";
    for (const std::string_view name : {"Subject", "Date", "From", "To"})
        if (const auto field = message::find_field(notice.header, name))
            out += row(name, printable(message::decode_text(field->value), 200));
    return out + row("Taken", rfc5322_date(notice.arrived)) + row("Id", id_text(notice.about)) + "\n";
}

std::vector<const smtp::NoticeRecipient*> worst_first(const smtp::Notice& notice)
{
    std::vector<const smtp::NoticeRecipient*> sorted;
    for (const NoticeKind kind :
         {NoticeKind::failed, NoticeKind::delayed, NoticeKind::delivered, NoticeKind::relayed, NoticeKind::expanded})
        for (const smtp::NoticeRecipient& recipient : notice.recipients)
            if (recipient.kind == kind)
                sorted.push_back(&recipient);
    return sorted;
}

}  // namespace

const smtp::NoticeRecipient& worst_of(const smtp::Notice& notice)
{
    return *std::ranges::min_element(notice.recipients, {}, &smtp::NoticeRecipient::kind);
}

std::string subject_of(const smtp::Notice& notice)
{
    static constexpr std::array words{"Not delivered", "Delayed", "Delivered", "Passed on", "Passed on"};
    const smtp::NoticeRecipient& worst = worst_of(notice);
    std::string subject =
        fmt::format("{}: {}", words[static_cast<std::size_t>(worst.kind)], printable(worst.recipient.path.text(), 100));
    const auto others =
        std::ranges::count_if(notice.recipients, [&](const auto& other) { return other.kind == worst.kind; }) - 1;
    return others == 0 ? subject : fmt::format("{} and {} more", subject, others);
}

std::string letter(const smtp::Notice& notice, std::string_view host_name, WallTime now)
{
    const auto recipients = worst_first(notice);
    const std::size_t told = std::min(recipients.size(), most_told_in_full);
    std::string out;
    for (std::size_t i = 0; i < told; ++i)
        out += about_recipient(*recipients[i], now - notice.arrived);
    for (std::size_t i = told; i < recipients.size(); ++i)
        out += paragraph(opening(*recipients[i]));
    out += about_message(notice);
    out += paragraph(
        fmt::format("The mail server {} wrote this. The message or its header is attached, and so is a report "
                    "for programs to read.",
                    printable(host_name, 255)));
    out.pop_back();  // one of the two line ends
    return out;
}

}  // namespace posthouse::mta::bounce

#include "mta/bounce/sentences.h"

#include "base/text.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace posthouse::mta::bounce {

namespace {

// {who} is the address, {domain} what stands behind its @, {host} the server that was spoken to.
struct OfStatus {
    std::uint16_t subject;
    std::uint16_t detail;
    std::string_view sentence;
};

// RFC 3463 section 3 and the registry that goes on from it. The class says only whether it may pass.
constexpr std::array of_status{
    OfStatus{1, 0, "{host} does not accept the address {who}."},
    OfStatus{1, 1, "{who} does not exist there. The address may be misspelled."},
    OfStatus{1, 2, "There is no domain {domain} that takes mail. What stands behind the @ may be misspelled."},
    OfStatus{1, 3, "{who} is not written as an address must be."},
    OfStatus{1, 4, "{who} could mean more than one mailbox there."},
    OfStatus{1, 6, "{who} has moved, and left no new address."},
    OfStatus{1, 7, "{host} does not accept your own address: it is not written as an address must be."},
    OfStatus{1, 8, "{host} does not accept your own address: it finds no mail server for its domain."},
    OfStatus{1, 9, "{host} passed the message on to a system that does not report on its delivery."},
    OfStatus{1, 10, "{domain} takes no mail at all; it says so itself."},
    OfStatus{2, 0, "The mailbox of {who} cannot take the message."},
    OfStatus{2, 1, "The mailbox of {who} is switched off."},
    OfStatus{2, 2, "The mailbox of {who} is full. Its owner must make room before more mail can be delivered."},
    OfStatus{2, 3, "The message is larger than the mailbox of {who} accepts. Make it smaller, or send a link."},
    OfStatus{2, 4, "{who} is a mailing list, and it cannot be passed on to its members."},
    OfStatus{3, 0, "{host} has a fault of its own."},
    OfStatus{3, 1, "{host} has no room left for mail."},
    OfStatus{3, 2, "{host} takes no mail at the moment."},
    OfStatus{3, 3, "{host} lacks a feature that this message needs."},
    OfStatus{3, 4, "The message is too large for {host}. Make it smaller, or send a link."},
    OfStatus{3, 5, "{host} is not set up for this mail; its administrator must mend that."},
    OfStatus{4, 0, "{host} could not be reached."},
    OfStatus{4, 1, "No mail server of {domain} answers."},
    OfStatus{4, 2, "The connection to {host} broke off before the message was through."},
    OfStatus{4, 3, "The servers that know where mail for {domain} goes (DNS) do not answer."},
    OfStatus{
        4, 4,
        "It cannot be found out which server takes mail for {domain}. What stands behind the @ may be misspelled."},
    OfStatus{4, 5, "{host} has too much to do at the moment."},
    OfStatus{4, 6, "Mail for {who} goes in a circle: it always comes back to a server that has had it already."},
    OfStatus{5, 0, "{host} and this server did not understand each other."},
    OfStatus{5, 2, "{host} and this server did not understand each other."},
    OfStatus{5, 3, "{host} found that the message has too many recipients."},
    OfStatus{6, 1, "{host} does not accept messages of this kind."},
    OfStatus{6, 3, "The message would have to be converted for {host}, and that cannot be done."},
    OfStatus{6, 7, "The message has addresses with letters beyond English ones, and {host} cannot handle these."},
    OfStatus{6, 9, "The header of the message has letters beyond English ones, and {host} cannot handle these."},
    OfStatus{7, 0, "{host} refuses this message by its rules."},
    OfStatus{7, 1, "{host} does not accept this message from you for {who}."},
    OfStatus{7, 2, "You may not write to the mailing list {who}."},
    OfStatus{7, 4, "{host} and this server could not agree on how to secure the connection."},
    OfStatus{7, 5, "The connection to {host} could not be secured."},
    OfStatus{7, 8, "{host} did not accept the name and password of this server."},
    OfStatus{7, 9, "{host} did not accept the way in which this server logs in."},
    OfStatus{7, 10, "{host} demands an encrypted connection, and that could not be had."},
    OfStatus{7, 13, "{host} has switched off the account."},
    OfStatus{7, 20, "{host} found no valid signature (DKIM) in the message."},
    OfStatus{7, 21, "{host} does not accept the signature (DKIM) of the message."},
    OfStatus{7, 23, "{host} finds that this server may not send mail for your domain (SPF)."},
    OfStatus{7, 24, "{host} could not check whether this server may send mail for your domain (SPF)."},
    OfStatus{7, 25, "{host} does not accept the name of this server (reverse DNS)."},
    OfStatus{7, 26, "{host} could not make sure that the message comes from your domain (SPF, DKIM, DMARC)."},
    OfStatus{7, 27, "{host} does not accept your own address: its domain takes no mail."},
    OfStatus{7, 28, "{host} has had too much mail from here."},
};

// RFC 5321 section 4.2.3, for servers that give no more than that.
struct OfReply {
    int code;
    std::string_view sentence;
};
constexpr std::array of_reply{
    OfReply{421, "{host} takes no mail at the moment."},
    OfReply{450, "The mailbox of {who} cannot be delivered to at the moment."},
    OfReply{451, "{host} has a fault of its own."},
    OfReply{452, "{host} has no room for the message at the moment."},
    OfReply{530, "{host} demands that this server logs in."},
    OfReply{535, "{host} did not accept the name and password of this server."},
    OfReply{550, "{host} refuses mail for {who}. The address may be misspelled, or the message is not wanted there."},
    OfReply{551, "{who} has no mailbox at {host}."},
    OfReply{552, "The message does not fit: the mailbox of {who} is full, or the message is too large for it."},
    OfReply{553, "{who} is not an address that {host} accepts."},
    OfReply{554, "{host} refuses this message."},
    OfReply{556, "{domain} takes no mail at all; it says so itself."},
};

std::string filled(std::string_view sentence, const smtp::NoticeRecipient& recipient)
{
    const std::string who = shown(recipient.recipient.path);
    const std::string domain = printable(recipient.recipient.path.domain, 255);
    std::string host = host_of(recipient);
    if (sentence.starts_with("{host}"))
        host[0] = recipient.fate.remote_mta.empty() ? ascii_upper(host[0]) : host[0];
    return fmt::format(fmt::runtime(sentence), fmt::arg("who", who), fmt::arg("domain", domain),
                       fmt::arg("host", host));
}

std::string as_sentence(std::string_view text)
{
    std::string out = printable(trim(text), 500);
    if (!out.empty() && std::string_view(".!?").find(out.back()) == std::string_view::npos)
        out += '.';
    return out;
}

// nullptr: the status says nothing that a person could use.
const OfStatus* row_of(std::string_view status)
{
    const auto code = message::parse_status_code(status);
    const auto found = std::ranges::find_if(of_status, [&](const OfStatus& row) {
        return code && row.subject == code->subject && row.detail == code->detail;
    });
    return found == of_status.end() ? nullptr : &*found;
}

std::optional<message::StatusCode> status_of(const smtp::NoticeRecipient& recipient)
{
    return message::parse_status_code(recipient.fate.status);
}

}  // namespace

std::string shown(const smtp::Path& path) { return printable(path.text(), 320); }

std::string host_of(const smtp::NoticeRecipient& recipient)
{
    if (!recipient.fate.remote_mta.empty())
        return printable(recipient.fate.remote_mta, 255);
    return "the mail server of " + printable(recipient.recipient.path.domain, 255);
}

bool is_expired(const smtp::NoticeRecipient& recipient)
{
    const auto status = status_of(recipient);
    return recipient.kind == smtp::NoticeKind::failed && status &&
        (status->kind == 4 || (status->subject == 4 && status->detail == 7));
}

std::string sentence_for(const smtp::NoticeRecipient& recipient)
{
    const smtp::RecipientFate& fate = recipient.fate;
    // Where the status says no more than that it failed, or that the time ran out, the reply may say why.
    for (const std::string_view status : {std::string_view(fate.status), std::string_view(fate.reply.enhanced)})
        if (const OfStatus* row = row_of(status))
            return filled(row->sentence, recipient);
    const auto by_reply =
        std::ranges::find_if(of_reply, [&](const OfReply& row) { return row.code == fate.reply.code; });
    if (by_reply != of_reply.end())
        return filled(by_reply->sentence, recipient);
    if (fate.reply.code >= 400)
        return filled(fate.reply.is_permanent() ? "{host} refuses the message."
                                                : "{host} does not take the message yet.",
                      recipient);
    if (!fate.reason.empty())
        return as_sentence(fate.reason);
    return filled("It could not be brought to {host}.", recipient);
}

}  // namespace posthouse::mta::bounce

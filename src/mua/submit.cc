#include "mua/submit.h"

#include "base/terminal.h"
#include "base/text.h"
#include "mua/mailbox_view.h"
#include "mua/when.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include <fmt/format.h>
#include <sysexits.h>
#include <unistd.h>

namespace posthouse::mua {

namespace {

constexpr std::array<std::string_view, 5> sent_names{"Sent", "Sent Items", "Sent Messages", "INBOX.Sent", "INBOX/Sent"};
constexpr std::size_t most_input = 512ULL * 1024 * 1024;
constexpr Duration look_again = 300ms;

Result<smtp::Envelope> envelope_of(const Identity& identity, const Letter& letter)
{
    smtp::Envelope envelope;
    const Result<message::AddrSpec> sender = message::parse_addr_spec(identity.address);
    if (!sender)
        return fail(sender.error());
    Result<smtp::Path> path = path_of(*sender);
    if (!path)
        return fail(path.error());
    envelope.smtputf8 = !is_ascii(path->text());
    envelope.reverse_path = std::move(*path);
    for (const message::AddrSpec& recipient : letter.recipients) {
        path = path_of(recipient);
        if (!path)
            return fail(path.error());
        envelope.smtputf8 = envelope.smtputf8 || !is_ascii(path->text());
        envelope.recipients.push_back({.path = std::move(*path)});
    }
    const std::string& text = letter.for_recipients;
    if (!is_ascii(text))
        envelope.body = smtp::BodyType::eight_bit;
    const std::size_t header_end = text.find("\r\n\r\n");
    envelope.smtputf8 = envelope.smtputf8 || !is_ascii(std::string_view(text).substr(0, header_end));
    envelope.declared_size = text.size();
    return envelope;
}

// Into the mailbox that the server calls Sent; one is made where there is none.
Task<Result<std::string>> file_copy(Desk& desk, Identity identity, std::string message)
{
    const Result<std::unique_ptr<imap::Client>> client = co_await desk.open_imap(std::move(identity));
    if (!client)
        co_return fail(client.error());
    const Result<std::vector<imap::ListResponse>> all = co_await (*client)->list("", "*");
    if (!all)
        co_return fail(all.error());
    std::optional<std::string> sent = mailbox_for(*all, "\\Sent", sent_names);
    if (!sent) {
        const Result<void> created = co_await (*client)->create("Sent");
        if (!created)
            co_return fail(created.error());
        sent = "Sent";
    }
    const Result<imap::Placed> placed = co_await (*client)->append(*sent, {"\\Seen"}, std::move(message));
    if (!placed)
        co_return fail(placed.error());
    co_await (*client)->log_out();
    co_return *sent;
}

std::string_view delivered_word(const smtp::Reply& recipient, const smtp::Sent& sent)
{
    return recipient.is_success() && sent.accepted() ? "queued" : "no";
}

// RFC 8621 section 7: deliveryStatus, by recipient.
boost::json::object submission_object(const Letter& letter, const Submitted& done, const WriteOptions& options)
{
    boost::json::object status;
    for (std::size_t i = 0; i < done.recipients.size() && i < done.answers.recipients.size(); ++i) {
        const smtp::Reply& answer = done.answers.recipients[i];
        const smtp::Reply& last = answer.is_success() && done.answers.message.code != 0 ? done.answers.message : answer;
        status[json_text(done.recipients[i].text())] =
            boost::json::object{{"smtpReply", json_text(last.line())},
                                {"delivered", delivered_word(answer, done.answers)},
                                {"displayed", "unknown"}};
    }
    boost::json::object document{{"messageId", json_text(letter.message_id)}, {"deliveryStatus", std::move(status)}};
    if (options.hold_until)
        document["sendAt"] = rfc3339_date(*options.hold_until);
    if (!done.sent_mailbox.empty())
        document["sentMailbox"] = json_text(done.sent_mailbox);
    if (!done.not_filed.empty())
        document["notFiled"] = json_text(done.not_filed);
    return document;
}

void tell_refusals(const Submitted& done)
{
    const smtp::Sent& answers = done.answers;
    const auto say = [](std::string_view what, const smtp::Reply& reply) {
        std::fprintf(stderr, "posthouse: %s: %s\n", printable(what, 300).c_str(),
                     printable(reply.line(), 1000).c_str());
    };
    if (!answers.sender.is_success())
        return say("the sender is refused", answers.sender);
    for (std::size_t i = 0; i < done.recipients.size() && i < answers.recipients.size(); ++i)
        if (!answers.recipients[i].is_success())
            say(done.recipients[i].text() + " is refused", answers.recipients[i]);
    if (answers.accepted() && !std::ranges::all_of(answers.recipients, &smtp::Reply::is_success))
        std::fputs("posthouse: the others have it\n", stderr);
    if (answers.message.code != 0 && !answers.accepted())
        say("the message is refused", answers.message);
    else if (answers.data.code != 354 && answers.data.code != 0 &&
             std::ranges::any_of(answers.recipients, &smtp::Reply::is_success))
        say("the message is refused", answers.data);
}

// The mailbox in which a recipient whose password is known here has the message; empty: in none yet.
Task<Result<std::string>> find_arrival(imap::Client& client, std::string message_id)
{
    const Result<std::vector<imap::ListResponse>> all = co_await client.list("", "*");
    if (!all)
        co_return fail(all.error());
    for (const imap::ListResponse& mailbox : *all) {
        if (!can_be_selected(mailbox) || mailbox.has("\\Sent") || mailbox.has("\\Drafts"))
            continue;
        const Result<imap::Selected> selected = co_await client.select(mailbox.mailbox, imap::Access::read_only);
        if (!selected)
            continue;
        const Result<std::vector<std::uint32_t>> found =
            co_await client.search({{"HEADER Message-ID", fmt::format("<{}>", message_id)}});
        if (!found)
            co_return fail(found.error());
        if (!found->empty())
            co_return mailbox.mailbox;
    }
    co_return std::string();
}

Task<void> watch_recipient(Desk& desk, Identity recipient, std::string message_id, Duration patience)
{
    const std::string name = printable(recipient.address, 300);
    const Deadline until = Deadline::in(desk.clock(), patience);
    const Result<std::unique_ptr<imap::Client>> client = co_await desk.open_imap(recipient);
    if (!client) {
        std::printf("%s  taken by the server; whether it is filed cannot be seen: %s\n", name.c_str(),
                    printable(client.error().text, 300).c_str());
        co_return;
    }
    for (;;) {
        const Result<std::string> where = co_await find_arrival(**client, message_id);
        if (where && !where->empty()) {
            std::printf("%s  filed in %s\n", name.c_str(), printable(*where, 300).c_str());
            break;
        }
        if (!where || until.passed(desk.clock())) {
            std::printf("%s  taken by the server, not in a mailbox yet\n", name.c_str());
            break;
        }
        co_await sleep_for(look_again);
    }
    co_await (*client)->log_out();
}

// As far as it can be seen from here, and no further.
Task<void> tell_what_becomes(Desk& desk, const Submitted& done, std::string message_id, Duration patience)
{
    std::printf("The server said: %s\n", printable(done.answers.message.line(), 1000).c_str());
    const Result<Identities> known = desk.everybody();
    for (std::size_t i = 0; i < done.recipients.size() && i < done.answers.recipients.size(); ++i) {
        if (!done.answers.recipients[i].is_success())
            continue;
        const std::string address = done.recipients[i].text();
        const Identity* recipient = known ? known->find(address) : nullptr;
        if (recipient != nullptr && !recipient->password.empty() && recipient->imap.known())
            co_await watch_recipient(desk, *recipient, message_id, patience);
        else
            std::printf("%s  taken by the server; what comes after cannot be seen from here\n",
                        printable(address, 300).c_str());
    }
}

}  // namespace

int exit_code_of(const smtp::Sent& sent)
{
    if (sent.accepted())
        return std::ranges::all_of(sent.recipients, &smtp::Reply::is_success) ? EX_OK : EX_NOUSER;
    const smtp::Reply* deciding = &sent.message;
    int permanent = EX_DATAERR;
    if (!sent.sender.is_success()) {
        deciding = &sent.sender;
        permanent = EX_NOPERM;
    } else if (std::ranges::none_of(sent.recipients, &smtp::Reply::is_success)) {
        permanent = EX_NOUSER;
        for (const smtp::Reply& one : sent.recipients)
            if (deciding->code == 0 || one.is_transient())
                deciding = &one;
    } else if (sent.message.code == 0) {
        deciding = &sent.data;
    }
    return deciding->is_transient() ? EX_TEMPFAIL : permanent;
}

Task<Outcome> submit(Desk& desk, Identity identity, Letter letter, const WriteOptions options)
{
    Result<smtp::Envelope> envelope = envelope_of(identity, letter);
    if (!envelope)
        co_return fail(envelope.error());
    const Result<std::unique_ptr<smtp::Client>> client = co_await desk.open_submission(identity);
    if (!client)
        co_return fail(client.error());
    envelope->hold_until = options.hold_until;
    Submitted done{.recipients = letter.recipients};
    smtp::TextSource source(letter.for_recipients);
    done.answers = co_await (*client)->send(std::move(*envelope), source);
    if (done.answers.fault)
        co_return fail(*done.answers.fault);
    co_await (*client)->quit();
    tell_refusals(done);
    const bool as_json = desk.choice().as_json;
    if (done.answers.accepted() && !options.no_copy && identity.imap.known()) {
        Result<std::string> filed = co_await file_copy(desk, identity, std::move(letter.for_sent));
        if (filed)
            done.sent_mailbox = std::move(*filed);
        else
            done.not_filed = filed.error().text;
        if (!filed && !as_json)
            std::fprintf(stderr, "posthouse: it is sent, but there is no copy in Sent: %s\n",
                         printable(done.not_filed, 500).c_str());
    }
    if (as_json)
        std::fputs(json_document(submission_object(letter, done, options)).c_str(), stdout);
    else if (done.answers.accepted() && options.hold_until)
        std::printf("Held until %s. %s\n", moment_text(*options.hold_until).c_str(),
                    printable(done.answers.message.line(), 1000).c_str());
    else if (done.answers.accepted() && options.wait)
        co_await tell_what_becomes(desk, done, letter.message_id, *options.wait);
    else if (done.answers.accepted() && is_terminal(stdout))
        std::printf("Sent. %s\n", printable(done.answers.message.line(), 1000).c_str());
    co_return exit_code_of(done.answers);
}

Result<std::string> read_standard_input()
{
    std::string text;
    char piece[64 * 1024];
    for (;;) {
        const ssize_t count = ::read(STDIN_FILENO, piece, sizeof piece);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return fail(ErrorCode::io, "cannot read standard input");
        if (count == 0)
            return text;
        text.append(piece, static_cast<std::size_t>(count));
        if (text.size() > most_input)
            return fail(ErrorCode::too_large, "standard input is larger than a message can be");
    }
}

Result<std::string> body_text(const WriteOptions& options, const std::string& head)
{
    Result<std::string> text = options.text.value_or("");
    if (!options.text) {
        if (is_terminal(stdin))
            std::fprintf(stderr, "%s\nWrite the text. Ctrl-D on a line of its own sends it, Ctrl-C gives it up.\n",
                         head.c_str());
        text = read_standard_input();
    }
    if (text && !text->empty() && !text->ends_with('\n'))
        *text += '\n';
    return text;
}

}  // namespace posthouse::mua

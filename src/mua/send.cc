// send, reply, forward.
#include "base/ids.h"
#include "base/terminal.h"
#include "base/text.h"
#include "message/parser.h"
#include "mua/content.h"
#include "mua/mailbox_view.h"
#include "mua/submit.h"

#include <cstdio>

#include <fmt/format.h>

namespace posthouse::mua {

namespace {

constexpr std::uint64_t most_message = 512ULL * 1024 * 1024;

// A message that is answered or sent on, and where it is.
struct Original {
    Identity identity;
    Group group;
    std::string whole;
    message::Digest digest;
};

Task<Result<Original>> fetch_original(Desk& desk, std::string word)
{
    const std::vector<std::string> words{std::move(word)};
    desk.follow_listing(words);
    if (desk.choice().pop3)
        co_return fail(ErrorCode::malformed, "answering and forwarding go by IMAP; list without --pop3");
    Result<Identity> identity = desk.whose(Protocol::imap);
    if (!identity)
        co_return fail(identity.error());
    const Result<std::unique_ptr<imap::Client>> client = co_await desk.open_imap(*identity);
    if (!client)
        co_return fail(client.error());
    Result<std::vector<Group>> groups = co_await locate(**client, desk.account_of(*identity), words);
    if (!groups)
        co_return fail(groups.error());
    if (groups->size() != 1 || groups->front().uids.size() != 1)
        co_return fail(ErrorCode::malformed, "one message at a time");
    Original original{.identity = std::move(*identity), .group = std::move(groups->front())};
    const Result<void> opened = co_await open_group(**client, original.group, imap::Access::read_only);
    if (!opened)
        co_return fail(opened.error());
    Result<std::string> whole = co_await (*client)->fetch_body(original.group.uids.front(), most_message);
    if (!whole)
        co_return fail(whole.error());
    original.whole = std::move(*whole);
    original.digest = message::digest_of(original.whole);
    co_await (*client)->log_out();
    co_return original;
}

// A mark on what was answered or forwarded. Not worth an error: the message is on its way.
Task<void> mark(Desk& desk, Identity identity, Group group, std::string flag)
{
    const Result<std::unique_ptr<imap::Client>> client = co_await desk.open_imap(std::move(identity));
    if (!client)
        co_return;
    const Result<void> opened = co_await open_group(**client, group, imap::Access::read_write);
    if (opened && (*client)->selected().may_keep(flag))
        co_await (*client)->store(group.uids, imap::FlagChange::add, {flag});
    co_await (*client)->log_out();
}

std::string head_of(const message::Draft& draft)
{
    return fmt::format("To:      {}\nSubject: {}", printable(people_in_full(draft.to), 500),
                       printable(draft.subject, 500));
}

}  // namespace

Task<Outcome> send_message(Desk& desk, WriteOptions options)
{
    const Result<Identity> identity = desk.whose(Protocol::submission);
    if (!identity)
        co_return fail(identity.error());
    // What can be wrong with the addresses is told before anybody types a text.
    WriteOptions first = options;
    first.files.clear();
    const Result<message::Draft> checked = draft_of(*identity, first, "");
    if (!checked)
        co_return fail(checked.error());
    if (checked->to.empty() && checked->cc.empty() && checked->bcc.empty())
        co_return fail(ErrorCode::malformed, "nobody to send it to");
    Result<std::string> text = body_text(options, head_of(*checked));
    if (!text)
        co_return fail(text.error());
    Result<message::Draft> draft = draft_of(*identity, options, std::move(*text));
    if (!draft)
        co_return fail(draft.error());
    Result<Letter> letter = finish(std::move(*draft), desk.clock(), desk.random());
    if (!letter)
        co_return fail(letter.error());
    co_return co_await submit(desk, *identity, std::move(*letter), options);
}

Task<Outcome> unsend_message(Desk& desk, std::string id)
{
    const std::optional<Id> message = parse_id(id);
    if (!message)
        co_return fail(ErrorCode::malformed,
                       "\"" + printable(id, 60) +
                           "\" is no id: 13 letters and digits, as the server said behind \"queued as\"");
    const Result<Identity> identity = desk.whose(Protocol::submission);
    if (!identity)
        co_return fail(identity.error());
    const Result<std::unique_ptr<smtp::Client>> client = co_await desk.open_submission(*identity);
    if (!client)
        co_return fail(client.error());
    const Result<smtp::Reply> reply = co_await (*client)->command("XCANCEL " + id_text(*message));
    if (!reply)
        co_return fail(reply.error());
    co_await (*client)->quit();
    const bool unknown_there = reply->code == 500 || reply->code == 502;
    if (unknown_there)
        co_return fail(ErrorCode::unavailable, "this server cannot take a message back");
    if (!reply->is_success())
        co_return fail(reply->is_transient() ? ErrorCode::unavailable : ErrorCode::not_found,
                       printable(reply->line(), 500));
    if (!desk.choice().as_json)
        std::printf("%s will not be sent\n", id_text(*message).c_str());
    else
        std::printf("{\"id\": \"%s\", \"undoStatus\": \"canceled\"}\n", id_text(*message).c_str());
    co_return 0;
}

Task<Outcome> reply_to_message(Desk& desk, ReplyOptions options)
{
    const Result<Original> original = co_await fetch_original(desk, options.message);
    if (!original)
        co_return fail(original.error());
    Result<message::Draft> draft = draft_of(original->identity, options.write, "");
    if (!draft)
        co_return fail(draft.error());
    make_reply(*draft, original->digest, options.all, original->identity.address);
    if (draft->to.empty())
        co_return fail(ErrorCode::malformed, "the message says nobody to answer to; use send");
    Result<std::string> text = body_text(options.write, head_of(*draft));
    if (!text)
        co_return fail(text.error());
    if (options.quote)
        *text += (text->empty() ? "" : "\n") +
            quoted_text(original->digest, joined(content_of(original->digest, original->whole).texts));
    draft->parts.front().content = std::move(*text);
    if (!is_valid_utf8(draft->parts.front().content))
        co_return fail(ErrorCode::malformed, "the text is not UTF-8; attach it with -a");
    Result<Letter> letter = finish(std::move(*draft), desk.clock(), desk.random());
    if (!letter)
        co_return fail(letter.error());
    Outcome sent = co_await submit(desk, original->identity, std::move(*letter), options.write);
    if (sent && *sent == 0)
        co_await mark(desk, original->identity, original->group, "\\Answered");
    co_return sent;
}

Task<Outcome> forward_message(Desk& desk, ForwardOptions options)
{
    const Result<Original> original = co_await fetch_original(desk, options.message);
    if (!original)
        co_return fail(original.error());
    WriteOptions write = options.write;
    if (write.subject.empty())
        write.subject = forward_subject(original->digest.envelope.subject.value_or(""));
    Result<message::Draft> draft = draft_of(original->identity, write, "");
    if (!draft)
        co_return fail(draft.error());
    if (draft->to.empty() && draft->cc.empty() && draft->bcc.empty())
        co_return fail(ErrorCode::malformed, "nobody to send it to: posthouse forward MESSAGE ADDRESS");
    Result<std::string> text = body_text(write, head_of(*draft));
    if (!text)
        co_return fail(text.error());
    const Content content = content_of(original->digest, original->whole);
    if (options.in_line) {
        *text += (text->empty() ? "" : "\n") + forwarded_text(original->digest, joined(content.texts));
        for (const Attachment& one : content.attachments) {
            message::BodyPart part{.type = one.type, .disposition = "attachment", .file_name = one.name};
            part.content = bytes_of(original->digest, one, original->whole);
            // Whatever it is, its bytes go on as they are.
            if (part.type.starts_with("text/") || part.type.starts_with("multipart/"))
                part.type = "application/octet-stream";
            draft->parts.push_back(std::move(part));
        }
    } else {
        draft->parts.insert(draft->parts.begin() + 1,
                            {.type = "message/rfc822",
                             .content = original->whole,
                             .disposition = "attachment",
                             .file_name = "forwarded.eml"});
    }
    if (!is_valid_utf8(*text))
        co_return fail(ErrorCode::malformed, "the text is not UTF-8; attach it with -a");
    draft->parts.front().content = std::move(*text);
    Result<Letter> letter = finish(std::move(*draft), desk.clock(), desk.random());
    if (!letter)
        co_return fail(letter.error());
    Outcome sent = co_await submit(desk, original->identity, std::move(*letter), write);
    if (sent && *sent == 0)
        co_await mark(desk, original->identity, original->group, "$Forwarded");
    co_return sent;
}

}  // namespace posthouse::mua

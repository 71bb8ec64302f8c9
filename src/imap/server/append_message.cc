#include "imap/server/append_message.h"

#include "imap/grammar/message_url.h"
#include "imap/server/body_section.h"
#include "imap/server/mailbox_arguments.h"

#include <algorithm>

namespace posthouse::imap {

namespace {

// For the next bytes of a message that has begun, and for all of it.
constexpr Duration literal_patience = 5min;
constexpr Duration message_patience = 1h;

Task<Result<void>> room_for(mailbox::Account& account, std::uint64_t size, std::uint64_t freed)
{
    const std::uint64_t more = size > freed ? size - freed : 0;
    const Result<mailbox::Usage> usage = co_await account.usage();
    if (!usage)
        co_return fail(usage.error());
    if (usage->limit_bytes != 0 && more > 0 && usage->bytes + more > usage->limit_bytes)
        co_return fail(ErrorCode::over_quota);
    co_return Result<void>{};
}

// RFC 4469 section 4: the URL in question, where it can stand in quotes.
Reply bad_url(std::string_view url)
{
    const bool is_plain = url.size() < 500 &&
        std::ranges::all_of(url, [](char c) { return c > ' ' && c < 0x7f && c != '"' && c != '\\' && c != ']'; });
    return Reply::no("this URL names nothing that can be taken here",
                     is_plain ? "BADURL \"" + std::string(url) + "\"" : std::string("BADURL"));
}

// Only the own account's: URLs of others would need URLAUTH (docs/decisions.md).
bool is_own(const Session& session, const MessageUrl& url, std::string_view here)
{
    return (url.host.empty() || equals_ignoring_case(url.host, here)) &&
        (url.user.empty() || equals_ignoring_case(url.user, session.address()));
}

struct Source {
    mailbox::AccountPtr account;
    mailbox::Email email;
    Octets octets;
};
// not_found: the URL names nothing.
Task<Result<Source>> source_of(Session& session, MessageUrl url)
{
    mailbox::SnapshotPtr snapshot;
    mailbox::AccountPtr account;
    if (url.mailbox.empty() && session.state() == State::selected) {
        snapshot = session.view().told;
        account = session.view().account;
    } else {
        const Result<Found> found = co_await find_mailbox(session, url.mailbox);
        if (!found)
            co_return fail(found.error());
        const Result<mailbox::SnapshotPtr> opened = co_await found->account->snapshot(found->mailbox.id);
        if (!opened)
            co_return fail(opened.error());
        snapshot = *opened;
        account = found->account;
    }
    const mailbox::Entry* entry = snapshot->find(url.uid);
    if (entry == nullptr || (url.uid_validity && *url.uid_validity != snapshot->uid_validity))
        co_return fail(ErrorCode::not_found);
    Result<mailbox::Email> email = co_await account->email(entry->email);
    if (!email)
        co_return fail(email.error());
    const std::optional<Octets> octets = octets_of(*email, url.section);
    const bool is_picked =
        url.section.text == Section::Text::header_fields || url.section.text == Section::Text::header_fields_not;
    if (!octets || is_picked)
        co_return fail(ErrorCode::not_found);
    co_return Source{std::move(account), std::move(*email), clipped(*octets, url.partial)};
}

}  // namespace

IncomingMessage::IncomingMessage(Session& session, mailbox::AccountPtr target, std::uint64_t freed, AppendStep head) :
    session_(session),
    target_(std::move(target)),
    freed_(freed),
    head_(std::move(head)),
    writer_(session.services().mailboxes.writer())
{
}

Task<std::optional<Reply>> IncomingMessage::take_literal()
{
    const std::uint64_t size = session_.reader().literal()->size;
    if (size > session_.options().most_message || size_ + size > session_.options().most_message)
        co_return Reply::no("the message is larger than is taken here", "TOOBIG");
    const Result<void> room = co_await room_for(*target_, size_ + size, freed_);
    if (!room)
        co_return refusal(room.error());
    if (session_.reader().literal()->synchronising)
        session_.out().raw("+ send it\r\n");
    const Result<void> taken = co_await receive();
    if (!taken)
        co_return ending(taken.error());
    session_.channel().transcript().client_line("[" + std::to_string(size) + " bytes of message]");
    size_ += size;
    co_return std::nullopt;
}

Task<Result<void>> IncomingMessage::receive()
{
    Channel& channel = session_.channel();
    std::uint64_t left = session_.reader().literal()->size;
    const Deadline whole = channel.within(message_patience);
    while (left > 0) {
        if (channel.input().empty()) {
            const Result<void> filled =
                co_await channel.fill({std::min(whole.at, channel.within(literal_patience).at)}, most_after_login);
            if (!filled)
                co_return fail(filled.error());
        }
        const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(left, channel.input().size()));
        std::string piece(channel.input().substr(0, count));
        channel.wire().consume(count);
        left -= count;
        const bool kept = co_await pass_on(std::move(piece));
        static_cast<void>(kept);
    }
    session_.reader().literal_was_read();
    co_return Result<void>{};
}

Task<bool> IncomingMessage::pass_on(std::string piece)
{
    if (written_)
        written_ = co_await writer_->append(std::move(piece));
    co_return written_.has_value();
}

Task<std::optional<Reply>> IncomingMessage::take_url(std::string url)
{
    const std::optional<MessageUrl> parsed = message_url(url);
    if (!parsed || !is_own(session_, *parsed, session_.options().name))
        co_return bad_url(url);
    Result<Source> source = co_await source_of(session_, *parsed);
    if (!source && source.error() == ErrorCode::not_found)
        co_return bad_url(url);
    if (!source)
        co_return refusal(source.error());
    const Octets octets = source->octets;
    if (size_ + octets.size() > session_.options().most_message)
        co_return Reply::no("the message is larger than is taken here", "TOOBIG");
    const auto keep = [this](std::string piece) -> Task<bool> { return pass_on(std::move(piece)); };
    const Result<void> read =
        co_await source->account->read(std::move(source->email), octets.begin, octets.size(), keep);
    if (!read)
        co_return refusal(read.error());
    size_ += octets.size();
    co_return std::nullopt;
}

Task<std::expected<mailbox::Filing, Reply>> IncomingMessage::finish(mailbox::MailboxId mailbox)
{
    if (written_ && size_ == 0)
        co_return std::unexpected(Reply::no("an empty message is none", "CANNOT"));
    if (!written_)
        co_return std::unexpected(refusal(written_.error()));
    Result<mailbox::ContentWriter::Finished> finished = co_await writer_->finish();
    if (!finished)
        co_return std::unexpected(refusal(finished.error()));
    co_return mailbox::Filing{.content = std::move(finished->content),
                              .digest = std::move(finished->digest),
                              .prefix = {},
                              .placements = {{.mailbox = mailbox, .name = {}, .flags = std::move(head_.flags)}},
                              .internal_date = head_.date.value_or(session_.services().clock.now())};
}

}  // namespace posthouse::imap

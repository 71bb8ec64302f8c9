#include "mta/queue/notices.h"

#include "base/text.h"
#include "mta/queue/addressees.h"
#include "mta/queue/content.h"

namespace posthouse::mta::queue {

namespace {

constexpr std::size_t most_header = 64 * 1024;
// RET=FULL (RFC 3461 section 4.3): larger messages come back as their header.
constexpr std::size_t most_returned = 256 * 1024;

// Failures, delays and successes are different letters.
int letter_of(smtp::NoticeKind kind)
{
    if (kind == smtp::NoticeKind::failed)
        return 0;
    return kind == smtp::NoticeKind::delayed ? 1 : 2;
}

std::string header_of(std::string_view content)
{
    if (content.starts_with("\r\n"))
        return {};
    const std::size_t end = content.find("\r\n\r\n");
    if (end != std::string_view::npos)
        return std::string(content.substr(0, end + 4));
    const std::size_t whole_lines = content.rfind("\r\n");
    return whole_lines == std::string_view::npos ? std::string() : std::string(content.substr(0, whole_lines + 2));
}

}  // namespace

Task<Result<std::vector<Accepted>>> Notices::make(WorkPtr work, Letter letter,
                                                  std::vector<smtp::NoticeRecipient> recipients)
{
    std::vector<Accepted> notices;
    if (recipients.empty() || services_.writer == nullptr)
        co_return notices;
    const Result<std::vector<Entry>> way = co_await way_to_sender(work->item.envelope.reverse_path);
    if (!way)
        co_return fail(way.error());
    if (way->empty()) {
        services_.log.write(LogLevel::warning, "mta/queue", work->item.id, "the sender cannot be told: no such user",
                            {{"sender", work->item.envelope.reverse_path.text()}});
        co_return notices;
    }
    for (int kind = 0; kind < 3; ++kind) {
        std::vector<smtp::NoticeRecipient> news;
        for (const smtp::NoticeRecipient& recipient : recipients)
            if (letter_of(recipient.kind) == kind)
                news.push_back(recipient);
        if (news.empty())
            continue;
        Result<Accepted> notice = co_await write(work, letter, std::move(news), *way);
        if (!notice)
            co_return fail(notice.error());
        notices.push_back(std::move(*notice));
    }
    co_return notices;
}

Task<Result<std::vector<Entry>>> Notices::way_to_sender(smtp::Path sender)
{
    std::vector<smtp::Recipient> recipients(1);
    recipients[0].path = std::move(sender);
    recipients[0].notify = static_cast<std::uint8_t>(smtp::Notify::never);  // RFC 3464 section 2: none for a notice
    Result<std::vector<Entry>> entries = co_await addressees(services_.directory, std::move(recipients));
    co_return entries;
}

Id Notices::id_beside(ItemId item)
{
    Id id = services_.ids.next();
    while (shard_of(id) != shard_of(item))
        id = services_.ids.next();
    return id;
}

Task<Result<Accepted>> Notices::write(WorkPtr work, Letter letter, std::vector<smtp::NoticeRecipient> recipients,
                                      std::vector<Entry> entries)
{
    const Item& item = work->item;
    const bool failed = recipients.front().kind == smtp::NoticeKind::failed;
    const bool whole = failed && item.envelope.ret == smtp::Ret::full && item.size <= most_returned;
    Result<std::string> content = co_await read_content({services_.store, services_.blobs, services_.clock}, item,
                                                        std::move(letter), whole ? item.size : most_header);
    if (!content)
        co_return fail(content.error());
    smtp::Notice notice;
    notice.notice = id_beside(item.id);
    notice.about = item.id;
    notice.arrived = item.arrived;
    notice.envelope = item.envelope;
    notice.header = header_of(std::string_view(*content).substr(0, most_header));
    notice.content_is_whole = whole;
    if (whole)
        notice.content = std::move(*content);
    for (smtp::NoticeRecipient& recipient : recipients) {
        recipient.last_attempt = services_.time.to_wall(recipient.last_attempt);
        if (recipient.retried_until)
            recipient.retried_until = services_.time.to_wall(*recipient.retried_until);
    }
    notice.recipients = std::move(recipients);
    co_return co_await address(notice.notice, services_.writer->write(notice, services_.clock.now()),
                               item.envelope.smtputf8, std::move(entries));
}

// The notice's text as an item of the queue, from the null reverse-path.
Task<Result<Accepted>> Notices::address(ItemId notice, std::string text, bool smtputf8, std::vector<Entry> entries)
{
    Accepted accepted;
    accepted.item.id = notice;
    accepted.item.arrived = services_.clock.now();
    accepted.item.size = text.size();
    accepted.item.eight_bit = !is_ascii(text);
    accepted.item.utf8_header = !is_ascii(header_of(text));
    accepted.item.envelope.smtputf8 = accepted.item.utf8_header || smtputf8;
    accepted.item.envelope.body = accepted.item.eight_bit ? smtp::BodyType::eight_bit : smtp::BodyType::seven_bit;
    const std::unique_ptr<mailbox::ContentWriter> writer = services_.mailboxes.writer();
    const Result<void> kept = co_await writer->append(std::move(text));
    if (!kept)
        co_return fail(kept.error());
    Result<mailbox::ContentWriter::Finished> finished = co_await writer->finish();
    if (!finished)
        co_return fail(finished.error());
    accepted.item.blob = finished->content.blob;
    accepted.letter = {std::move(finished->content), std::move(finished->digest)};
    accepted.entries = std::move(entries);
    prepare(accepted, services_.ids, services_.policies, services_.time);
    const Result<void> held = co_await hold_blob(services_.blobs, services_.clock, accepted.item);
    if (!held)
        co_return fail(held.error());
    co_return accepted;
}

}  // namespace posthouse::mta::queue

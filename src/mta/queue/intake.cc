#include "mta/queue/intake.h"

#include "base/text.h"
#include "mta/queue/addressees.h"
#include "mta/queue/content.h"

#include <algorithm>

#include <fmt/format.h>

namespace posthouse::mta::queue {

namespace {

// docs/design.md section 4: 250 waits for the queue's commit and, up to this, for local deliveries.
constexpr auto local_patience = 5s;

// What the content needs of those who carry it: asked piece by piece as it comes.
class EightBitWatch {
public:
    void watch(std::string_view piece)
    {
        const bool eight_bit = !is_ascii(piece);
        body_ = body_ || eight_bit;
        if (header_ended_)
            return;
        const std::size_t end = header_end(piece);
        header_ended_ = end != std::string_view::npos;
        header_ = header_ || (eight_bit && !is_ascii(piece.substr(0, end)));
    }
    bool in_message() const { return body_; }
    bool in_header() const { return header_; }

private:
    // Of an empty line that two pieces share, the end is found with the next one: then some of the body counts
    // as header, which asks for more of the next host than it must and for nothing less.
    static std::size_t header_end(std::string_view piece) { return piece.find("\r\n\r\n"); }

    bool body_ = false;
    bool header_ = false;
    bool header_ended_ = false;
};

bool wants_success(const smtp::Recipient& recipient)
{
    return (recipient.notify & static_cast<std::uint8_t>(smtp::Notify::success)) != 0;
}

class QueueIncoming final : public smtp::Incoming {
public:
    QueueIncoming(const IntakeServices& services, Id message, smtp::Envelope envelope) :
        services_(services), message_(message), envelope_(std::move(envelope)), writer_(services.mailboxes.writer())
    {
    }

    Task<Result<void>> append(std::string piece) override
    {
        watch_.watch(piece);
        co_return co_await writer_->append(std::move(piece));
    }

    Task<Result<smtp::Taken>> commit() override;

private:
    bool goes_directly(const std::vector<Entry>& entries) const;
    void tell_queued(const std::vector<Entry>& entries) const;
    Task<Result<void>> file_directly(Entry entry, mailbox::ContentWriter::Finished finished);
    Task<Result<void>> queue(std::vector<Entry> entries, mailbox::ContentWriter::Finished finished);

    const IntakeServices& services_;
    Id message_;
    smtp::Envelope envelope_;
    std::unique_ptr<mailbox::ContentWriter> writer_;
    EightBitWatch watch_;
};

Task<Result<smtp::Taken>> QueueIncoming::commit()
{
    Result<mailbox::ContentWriter::Finished> finished = co_await writer_->finish();
    if (!finished)
        co_return fail(finished.error());
    Result<std::vector<Entry>> entries =
        co_await addressees(services_.directory, std::exchange(envelope_.recipients, {}));
    if (!entries)
        co_return fail(entries.error());
    if (entries->empty())  // the directory changed since RCPT
        co_return fail(ErrorCode::unavailable, "no recipient is left to deliver to");
    Result<void> taken;
    if (goes_directly(*entries))
        taken = co_await file_directly(std::move(entries->front()), std::move(*finished));
    else
        taken = co_await queue(std::move(*entries), std::move(*finished));
    if (!taken)
        co_return fail(taken.error());
    co_return smtp::Taken{message_};
}

// Who is to be told of success is told by the queue, and what is held waits there.
bool QueueIncoming::goes_directly(const std::vector<Entry>& entries) const
{
    const bool held = envelope_.hold_until && *envelope_.hold_until > services_.clock.now();
    return entries.size() == 1 && entries.front().is_local() && !held && !wants_success(entries.front().recipient);
}

Task<Result<void>> QueueIncoming::file_directly(Entry entry, mailbox::ContentWriter::Finished finished)
{
    mailbox::Delivery delivery;
    delivery.message = message_;
    delivery.reverse_path = envelope_.reverse_path.text();
    delivery.account = entry.account;
    delivery.recipient = entry.recipient.path.text();
    delivery.subaddress = std::move(entry.subaddress);
    delivery.content = std::move(finished.content);
    delivery.digest = std::move(finished.digest);
    delivery.arrived = services_.clock.now();
    Result<mailbox::Filed> filed = co_await services_.courier.deliver(std::move(delivery));
    if (!filed)
        co_return fail(filed.error());
    co_return Result<void>{};
}

void QueueIncoming::tell_queued(const std::vector<Entry>& entries) const
{
    if (!services_.recorder.wanted())
        return;
    const auto local = static_cast<std::size_t>(std::ranges::count_if(entries, &Entry::is_local));
    const std::string result = fmt::format("{} of ours, {} elsewhere", local, entries.size() - local);
    const bool held = envelope_.hold_until && *envelope_.hold_until > services_.clock.now();
    const std::string reason = held ? "held until " + rfc3339_date(*envelope_.hold_until)
                                    : "anything but one recipient of ours goes by the queue";
    services_.recorder.step(
        {.message = message_, .room = "mta/queue", .step = "queued", .result = result, .reason = reason});
}

Task<Result<void>> QueueIncoming::queue(std::vector<Entry> entries, mailbox::ContentWriter::Finished finished)
{
    tell_queued(entries);
    for (std::size_t at = 0; at < entries.size(); at += most_entries) {
        const std::size_t count = std::min(most_entries, entries.size() - at);
        Accepted accepted;
        accepted.item.id = at == 0 ? message_ : services_.ids.next();
        accepted.item.arrived = services_.clock.now();
        accepted.item.envelope = envelope_;
        accepted.item.size = finished.content.size;
        accepted.item.blob = finished.content.blob;
        accepted.item.eight_bit = watch_.in_message();
        accepted.item.utf8_header = watch_.in_header();
        accepted.letter = {finished.content, finished.digest};
        accepted.entries.assign(std::make_move_iterator(entries.begin() + static_cast<std::ptrdiff_t>(at)),
                                std::make_move_iterator(entries.begin() + static_cast<std::ptrdiff_t>(at + count)));
        Result<void> taken = co_await services_.queue.accept(std::move(accepted), local_patience);
        if (!taken)
            co_return taken;
    }
    co_return Result<void>{};
}

}  // namespace

Task<Result<std::unique_ptr<smtp::Incoming>>> QueueIntake::begin(Id message, smtp::Envelope envelope)
{
    if (!takes_mail())
        co_return fail(ErrorCode::no_space, "the store takes no new mail");
    co_return std::make_unique<QueueIncoming>(services_, message, std::move(envelope));
}

bool QueueIntake::takes_mail() const { return services_.store.health() == store::Health::good; }

Task<Result<void>> QueueIntake::cancel(Id message, Id account)
{
    const auto unknown = [&] {
        return fail(ErrorCode::not_found, "no message of this account is held as " + id_text(message));
    };
    const Result<Queue::Waiting> waiting = co_await services_.queue.show(message);
    if (!waiting)
        co_return fail(waiting.error());
    const smtp::Envelope& envelope = waiting->item.envelope;
    if (!envelope.hold_until || *envelope.hold_until <= services_.clock.now() || envelope.reverse_path.is_null())
        co_return unknown();
    const smtp::Path sender = envelope.reverse_path;
    const Result<bool> may = co_await services_.directory.may_send_as(account, sender.local_part, sender.domain);
    if (!may)
        co_return fail(may.error());
    if (!*may)
        co_return unknown();
    const Result<std::size_t> dropped = co_await services_.queue.act(message, Queue::Action::drop);
    if (!dropped)
        co_return fail(dropped.error());
    if (*dropped == 0)
        co_return unknown();
    co_return Result<void>{};
}

}  // namespace posthouse::mta::queue

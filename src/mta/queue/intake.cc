#include "mta/queue/intake.h"

#include <algorithm>

namespace posthouse::mta::queue {

namespace {

// docs/design.md section 4: 250 waits for the queue's commit and, up to this, for local deliveries.
constexpr auto local_patience = 5s;

class LocalIncoming final : public smtp::Incoming {
public:
    LocalIncoming(const IntakeServices& services, Id message, smtp::Envelope envelope) :
        services_(services), message_(message), envelope_(std::move(envelope)), writer_(services.mailboxes.writer())
    {
    }

    Task<Result<void>> append(std::string piece) override { co_return co_await writer_->append(std::move(piece)); }

    Task<Result<smtp::Taken>> commit() override;

private:
    Task<Result<std::vector<Entry>>> expand();
    Task<Result<void>> file_directly(Entry entry, mailbox::ContentWriter::Finished finished);
    Task<Result<void>> queue(std::vector<Entry> entries, mailbox::ContentWriter::Finished finished);

    const IntakeServices& services_;
    Id message_;
    smtp::Envelope envelope_;
    std::unique_ptr<mailbox::ContentWriter> writer_;
};

Task<Result<smtp::Taken>> LocalIncoming::commit()
{
    Result<mailbox::ContentWriter::Finished> finished = co_await writer_->finish();
    if (!finished)
        co_return fail(finished.error());
    Result<std::vector<Entry>> entries = co_await expand();
    if (!entries)
        co_return fail(entries.error());
    const bool direct = entries->size() == 1;
    Result<void> taken;
    if (direct)
        taken = co_await file_directly(std::move(entries->front()), std::move(*finished));
    else
        taken = co_await queue(std::move(*entries), std::move(*finished));
    if (!taken)
        co_return fail(taken.error());
    co_return smtp::Taken{message_};
}

// Each account and subaddress once, whatever aliases lead there.
Task<Result<std::vector<Entry>>> LocalIncoming::expand()
{
    std::vector<Entry> entries;
    for (const smtp::Recipient& recipient : envelope_.recipients) {
        Result<directory::Recipient> resolved =
            co_await services_.directory.resolve(recipient.path.local_part, recipient.path.domain);
        if (!resolved)
            co_return fail(resolved.error());
        for (directory::Target& target : resolved->targets) {
            Entry entry;
            entry.recipient = recipient;
            entry.account = target.account;
            entry.subaddress = std::move(target.subaddress);
            entry.index = static_cast<std::uint16_t>(entries.size());
            entries.push_back(std::move(entry));
        }
    }
    std::ranges::sort(entries, {}, [](const Entry& e) { return std::tie(e.account, e.subaddress, e.index); });
    const auto [first, last] =
        std::ranges::unique(entries, {}, [](const Entry& e) { return std::tie(e.account, e.subaddress); });
    entries.erase(first, last);
    if (entries.empty())  // the directory changed since RCPT
        co_return fail(ErrorCode::unavailable, "no recipient is left to deliver to");
    co_return entries;
}

Task<Result<void>> LocalIncoming::file_directly(Entry entry, mailbox::ContentWriter::Finished finished)
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

Task<Result<void>> LocalIncoming::queue(std::vector<Entry> entries, mailbox::ContentWriter::Finished finished)
{
    for (std::size_t at = 0; at < entries.size(); at += most_entries) {
        const std::size_t count = std::min(most_entries, entries.size() - at);
        Accepted accepted;
        accepted.item.id = at == 0 ? message_ : services_.ids.next();
        accepted.item.arrived = services_.clock.now();
        accepted.item.envelope = envelope_;
        accepted.item.envelope.recipients.clear();
        accepted.item.size = finished.content.size;
        accepted.item.blob = finished.content.blob;
        accepted.content = finished.content;
        accepted.digest = finished.digest;
        accepted.entries.assign(std::make_move_iterator(entries.begin() + static_cast<std::ptrdiff_t>(at)),
                                std::make_move_iterator(entries.begin() + static_cast<std::ptrdiff_t>(at + count)));
        Result<void> taken = co_await services_.queue.accept(std::move(accepted), local_patience);
        if (!taken)
            co_return taken;
    }
    co_return Result<void>{};
}

}  // namespace

Task<Result<std::unique_ptr<smtp::Incoming>>> LocalIntake::begin(Id message, smtp::Envelope envelope)
{
    if (!takes_mail())
        co_return fail(ErrorCode::no_space, "the store takes no new mail");
    co_return std::make_unique<LocalIncoming>(services_, message, std::move(envelope));
}

bool LocalIntake::takes_mail() const { return services_.store.health() == store::Health::good; }

}  // namespace posthouse::mta::queue

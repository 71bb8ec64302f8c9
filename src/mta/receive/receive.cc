#include "mta/receive/receive.h"

#include "directory/where_it_leads.h"
#include "smtp/hand_over.h"
#include "smtp/trace.h"

#include <fmt/format.h>

namespace posthouse::mta::receive {

namespace {

using smtp::Reply;

class ReceiveBody final : public smtp::Body {
public:
    ReceiveBody(smtp::HandOver hand_over, std::string trace) :
        hand_over_(std::move(hand_over)), trace_(std::move(trace))
    {
    }

    Task<std::optional<Reply>> append(std::string piece) override
    {
        std::optional<Reply> refusal = watch_.watch(piece);
        if (refusal)
            co_return hand_over_.refuse(std::move(*refusal));
        piece.insert(0, std::exchange(trace_, {}));
        refusal = co_await hand_over_.append(std::move(piece));
        co_return refusal;
    }

    Task<Reply> finish() override
    {
        if (!trace_.empty()) {  // a message without a single byte
            std::optional<Reply> refusal = co_await hand_over_.append(std::exchange(trace_, {}));
            if (refusal)
                co_return std::move(*refusal);
        }
        Reply reply = co_await hand_over_.finish();
        co_return reply;
    }

private:
    smtp::HandOver hand_over_;
    smtp::HeaderWatch watch_;
    std::string trace_;  // not written yet; empty once it is
};

class ReceiveAgent final : public smtp::Agent {
public:
    ReceiveAgent(const Services& services, const smtp::Offer& offer, const smtp::SessionFacts& facts) :
        services_(services), offer_(offer), facts_(facts)
    {
    }

    Id next_message_id() override { return services_.intake.next_id(); }
    Task<Reply> sender(Id message, smtp::Envelope envelope) override;
    Task<smtp::RecipientVerdict> recipient(smtp::Recipient recipient, std::uint64_t declared_size) override;
    Task<std::expected<std::unique_ptr<smtp::Body>, Reply>> begin(Id message, smtp::Envelope envelope) override;

private:
    Task<Result<std::string>> postmaster_domain();
    Task<Reply> judge(directory::Recipient found, std::string address, std::uint64_t size);
    void tell_refusal(const Reply& reply, std::string_view address) const;

    const Services& services_;
    const smtp::Offer& offer_;
    const smtp::SessionFacts& facts_;
    Id message_ = 0;
};

Task<Reply> ReceiveAgent::sender(Id message, smtp::Envelope envelope)
{
    message_ = message;
    if (!services_.intake.takes_mail())
        co_return Reply{452, "4.3.1", "no space left to take mail; try again later"};
    const std::string address = envelope.reverse_path.text();
    co_return Reply{250, "2.1.0", address.empty() ? "a notice, from nobody" : address + " may go on"};
}

Task<smtp::RecipientVerdict> ReceiveAgent::recipient(smtp::Recipient recipient, std::uint64_t declared_size)
{
    // RFC 5321 section 4.1.1.3: <postmaster> alone is this host's.
    if (recipient.path.domain.empty()) {
        Result<std::string> domain = co_await postmaster_domain();
        if (!domain)
            co_return smtp::RecipientVerdict{smtp::reply_to(domain.error()), std::move(recipient)};
        recipient.path.domain = std::move(*domain);
    }
    Result<directory::Recipient> found =
        co_await services_.directory.resolve(recipient.path.local_part, recipient.path.domain);
    Reply reply;
    std::string leads_to;
    if (found && services_.recorder.wanted())
        leads_to = directory::where_it_leads(*found, recipient.path.text());
    if (found)
        reply = co_await judge(std::move(*found), recipient.path.text(), declared_size);
    else
        reply = smtp::reply_to(found.error());
    if (!reply.is_success())
        tell_refusal(reply, recipient.path.text());
    co_return smtp::RecipientVerdict{std::move(reply), std::move(recipient), std::move(leads_to)};
}

// Ours by the host's own name where that is a domain of ours, else the first domain.
Task<Result<std::string>> ReceiveAgent::postmaster_domain()
{
    const Result<bool> ours = co_await services_.directory.is_ours(offer_.host_name);
    if (!ours || *ours)
        co_return ours ? Result<std::string>(offer_.host_name) : fail(ours.error());
    const Result<std::vector<directory::Domain>> domains = co_await services_.directory.domains();
    if (!domains)
        co_return fail(domains.error());
    co_return domains->empty() ? offer_.host_name : domains->front().name;
}

Task<Reply> ReceiveAgent::judge(directory::Recipient found, std::string address, std::uint64_t size)
{
    using enum directory::RecipientKind;
    switch (found.kind) {
    case not_ours: co_return Reply{550, "5.7.1", "relay refused; " + address + " does not live here"};
    case no_such_user: co_return Reply{550, "5.1.1", "no such user: " + address};
    case disabled: co_return Reply{550, "5.2.1", "the mailbox of " + address + " is closed"};
    case loop: co_return Reply{550, "5.4.6", "the alias " + address + " leads in a circle"};
    case local: break;
    }
    if (!found.elsewhere.empty())  // an alias that leads away: our own user wants it so, we relay for nobody else
        co_return Reply{250, "2.1.5", address + " is known here"};
    Result<void> room;
    for (const directory::Target& target : found.targets) {
        room = co_await services_.quotas.has_room(target.account, size);
        if (room)  // who is behind an alias together with others does not keep the mail from them
            co_return Reply{250, "2.1.5", address + " is known here"};
        if (room.error().code != ErrorCode::over_quota)
            co_return smtp::reply_to(room.error());
    }
    co_return Reply{452, "4.2.2", "the mailbox of " + address + " is full; try again later"};
}

void ReceiveAgent::tell_refusal(const Reply& reply, std::string_view address) const
{
    services_.log.write(LogLevel::info, "mta/receive", message_, "recipient refused",
                        {{"peer", facts_.peer.text()}, {"recipient", std::string(address)}, {"reply", reply.line()}});
}

Task<std::expected<std::unique_ptr<smtp::Body>, Reply>> ReceiveAgent::begin(Id message, smtp::Envelope envelope)
{
    std::string trace = received_field(facts_, envelope, message, offer_.host_name, services_.clock.now());
    Result<std::unique_ptr<smtp::Incoming>> incoming = co_await services_.intake.begin(message, std::move(envelope));
    if (!incoming)
        co_return std::unexpected(smtp::reply_to(incoming.error()));
    co_return std::make_unique<ReceiveBody>(
        smtp::HandOver(std::move(*incoming), message, facts_, "mta/receive", services_.recorder, services_.log),
        std::move(trace));
}

}  // namespace

Receive::Receive(Services services, Settings settings) : services_(services)
{
    offer_.host_name = std::move(settings.host_name);
    offer_.most_bytes = settings.most_bytes;
    offer_.most_recipients = settings.most_recipients;
    offer_.dsn = true;
    offer_.deliver_by = true;
    offer_.priority = true;
}

std::unique_ptr<smtp::Agent> Receive::open(const smtp::SessionFacts& facts)
{
    return std::make_unique<ReceiveAgent>(services_, offer_, facts);
}

}  // namespace posthouse::mta::receive

#include "msa/submission.h"

#include "directory/where_it_leads.h"
#include "msa/login.h"
#include "msa/submission_body.h"
#include "smtp/hand_over.h"
#include "smtp/trace.h"

#include <fmt/format.h>

namespace posthouse::msa {

namespace {

using smtp::Reply;

class SubmissionAgent final : public smtp::Agent {
public:
    SubmissionAgent(const Services& services, const smtp::Offer& offer, bool internet,
                    const smtp::SessionFacts& facts) :
        services_(services), offer_(offer), internet_(internet), facts_(facts), login_(services, facts)
    {
    }

    std::vector<std::string> mechanisms() override { return login_.mechanisms(); }
    bool knows_auth() const override { return true; }
    Task<smtp::AuthStep> authenticate(std::string mechanism, std::optional<std::string> initial_response) override
    {
        return login_.start(std::move(mechanism), std::move(initial_response));
    }
    Task<smtp::AuthStep> respond(std::string response) override { return login_.respond(std::move(response)); }

    Id next_message_id() override { return services_.intake.next_id(); }
    Task<Reply> sender(Id message, smtp::Envelope envelope) override;
    Task<smtp::RecipientVerdict> recipient(smtp::Recipient recipient, std::uint64_t declared_size) override;
    Task<std::expected<std::unique_ptr<smtp::Body>, Reply>> begin(Id message, smtp::Envelope envelope) override;

    Task<Reply> cancel(Id message) override;

private:
    Task<Result<void>> apply_undo(smtp::Envelope& envelope);
    Task<Reply> judge(directory::Recipient found, std::string address, std::uint64_t size);
    Task<Reply> judge_elsewhere(std::size_t recipients, std::string address);
    void tell_refusal(std::string_view step, const Reply& reply) const;

    const Services& services_;
    const smtp::Offer& offer_;
    bool internet_;
    const smtp::SessionFacts& facts_;
    Login login_;
    Id message_ = 0;
    std::unique_ptr<OutgoingShare> share_;  // of this transaction
};

// The null sender is a mail client's read receipt (RFC 8098); its From is checked like any other.
Task<Reply> SubmissionAgent::sender(Id message, smtp::Envelope envelope)
{
    message_ = message;
    share_ = std::make_unique<OutgoingShare>(services_.outgoing, facts_.account);
    if (!services_.intake.takes_mail())
        co_return Reply{452, "4.3.1", "no space left to take mail; try again later"};
    const smtp::Path& path = envelope.reverse_path;
    if (path.is_null())
        co_return Reply{250, "2.1.0", "a notice, from nobody"};
    const std::string address = path.text();
    const Result<bool> may = co_await services_.directory.may_send_as(facts_.account, path.local_part, path.domain);
    if (!may)
        co_return smtp::reply_to(may.error());
    if (!*may) {
        Reply reply{550, "5.7.1", fmt::format("{} is no address of {}", address, facts_.login)};
        tell_refusal("sender refused", reply);
        co_return reply;
    }
    co_return Reply{250, "2.1.0", address + " may go on"};
}

Task<smtp::RecipientVerdict> SubmissionAgent::recipient(smtp::Recipient recipient, std::uint64_t declared_size)
{
    if (recipient.path.domain.empty())  // <postmaster>: of the writer's own domain
        recipient.path.domain = facts_.login.substr(facts_.login.rfind('@') + 1);
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
        tell_refusal("recipient refused", reply);
    co_return smtp::RecipientVerdict{std::move(reply), std::move(recipient), std::move(leads_to)};
}

Task<Reply> SubmissionAgent::judge(directory::Recipient found, std::string address, std::uint64_t size)
{
    using enum directory::RecipientKind;
    switch (found.kind) {
    case not_ours: co_return co_await judge_elsewhere(1, std::move(address));
    case no_such_user: co_return Reply{550, "5.1.1", "no such user: " + address};
    case disabled: co_return Reply{550, "5.2.1", "the mailbox of " + address + " is closed"};
    case loop: co_return Reply{550, "5.4.6", "the alias " + address + " leads in a circle"};
    case local: break;
    }
    if (!found.elsewhere.empty())  // whoever of ours is behind it together with them has it anyway
        co_return co_await judge_elsewhere(found.elsewhere.size(), std::move(address));
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

Task<Reply> SubmissionAgent::judge_elsewhere(std::size_t recipients, std::string address)
{
    if (!internet_)
        co_return Reply{550, "5.7.1",
                        address + " lives elsewhere, and this server sends no mail to the Internet (internet = false)"};
    for (std::size_t i = 0; i < recipients; ++i) {
        const Result<void> taken = co_await share_->take();
        if (!taken && taken.error() == ErrorCode::limit)
            co_return Reply{450, "4.7.1", taken.error().text + "; try again later"};
        if (!taken)
            co_return smtp::reply_to(taken.error());
    }
    co_return Reply{250, "2.1.5", address + " lives elsewhere; it will be sent there"};
}

void SubmissionAgent::tell_refusal(std::string_view step, const Reply& reply) const
{
    services_.log.write(LogLevel::info, "msa", message_, step,
                        {{"peer", facts_.peer.text()}, {"account", facts_.login}, {"reply", reply.line()}});
}

// What the writer may want to take back is held for a while, unless he has said himself until when.
Task<Result<void>> SubmissionAgent::apply_undo(smtp::Envelope& envelope)
{
    if (envelope.hold_until || envelope.reverse_path.is_null())
        co_return Result<void>{};
    const Result<directory::Account> account = co_await services_.directory.account(facts_.account);
    if (!account)
        co_return fail(account.error());
    if (account->undo_seconds > 0)
        envelope.hold_until = services_.clock.now() + std::chrono::seconds{account->undo_seconds};
    co_return Result<void>{};
}

// Of what he may write as, and only while it is held: the intake knows that.
Task<Reply> SubmissionAgent::cancel(Id message)
{
    const Result<void> cancelled = co_await services_.intake.cancel(message, facts_.account);
    if (cancelled)
        co_return Reply{250, "2.0.0", id_text(message) + " will not be sent"};
    if (cancelled.error() == ErrorCode::not_found)
        co_return Reply{550, "5.7.0",
                        id_text(message) + " is no message of yours that waits; it may have gone already"};
    co_return smtp::reply_to(cancelled.error());
}

Task<std::expected<std::unique_ptr<smtp::Body>, Reply>> SubmissionAgent::begin(Id message, smtp::Envelope envelope)
{
    const Result<void> held = co_await apply_undo(envelope);
    if (!held)
        co_return std::unexpected(smtp::reply_to(held.error()));
    std::string trace = received_field(facts_, envelope, message, offer_.host_name, services_.clock.now());
    Result<std::unique_ptr<smtp::Incoming>> incoming = co_await services_.intake.begin(message, std::move(envelope));
    if (!incoming)
        co_return std::unexpected(smtp::reply_to(incoming.error()));
    co_return std::make_unique<SubmissionBody>(
        services_, offer_.host_name, facts_.account,
        smtp::HandOver(std::move(*incoming), message, facts_, "msa", services_.recorder, services_.log),
        std::move(trace), std::move(share_));
}

}  // namespace

Submission::Submission(Services services, Settings settings) : services_(services), internet_(settings.internet)
{
    offer_.host_name = std::move(settings.host_name);
    offer_.login_required = true;
    offer_.most_bytes = settings.most_bytes;
    offer_.most_recipients = settings.most_recipients;
    offer_.dsn = true;
    offer_.longest_hold = settings.longest_hold;
    offer_.deliver_by = true;
    offer_.priority = true;
    offer_.cancel = true;
}

std::unique_ptr<smtp::Agent> Submission::open(const smtp::SessionFacts& facts)
{
    return std::make_unique<SubmissionAgent>(services_, offer_, internet_, facts);
}

}  // namespace posthouse::msa

#include "mta/bounce/report.h"

#include "base/text.h"
#include "message/builder.h"
#include "message/dsn.h"
#include "mta/bounce/letter.h"
#include "mta/bounce/returned.h"

#include <algorithm>
#include <array>
#include <stdexcept>

#include <fmt/format.h>

namespace posthouse::mta::bounce {

namespace {

using message::DeliveryAction;
using smtp::NoticeKind;

constexpr std::array actions{DeliveryAction::failed, DeliveryAction::delayed, DeliveryAction::delivered,
                             DeliveryAction::relayed, DeliveryAction::expanded};

class FixedClock final : public Clock {
public:
    explicit FixedClock(WallTime now) : now_(now) { }
    WallTime now() const override { return now_; }
    SteadyTime steady() const override { return {}; }

private:
    WallTime now_;
};

// RFC 3464 section 2.3.4. A delay is transient and a success a success, whatever the last reply was; a failure may
// end a long row of transient ones.
std::string status_of(const smtp::NoticeRecipient& recipient)
{
    const auto code = message::parse_status_code(recipient.fate.status);
    switch (recipient.kind) {
    case NoticeKind::failed: return code && code->kind != 2 ? recipient.fate.status : "5.0.0";
    case NoticeKind::delayed: return code && code->kind == 4 ? recipient.fate.status : "4.0.0";
    default: return code && code->kind == 2 ? recipient.fate.status : "2.0.0";
    }
}

// RFC 3464 section 2.3.6: the other side's words; our own under a type that says so.
message::TypedText diagnostic_of(const smtp::RecipientFate& fate)
{
    if (fate.reply.code != 0)
        return {"smtp", fate.reply.line()};
    return {"x-posthouse", fate.reason};
}

message::RecipientStatus status_for(const smtp::NoticeRecipient& recipient, Id about)
{
    message::RecipientStatus status;
    status.original_recipient = message::parse_typed_address(recipient.recipient.original_recipient);
    status.final_recipient = message::typed_address(recipient.recipient.path.text());
    status.action = actions[static_cast<std::size_t>(recipient.kind)];
    status.status = status_of(recipient);
    status.remote_mta = {"dns", recipient.fate.remote_mta};
    status.diagnostic_code = diagnostic_of(recipient.fate);
    if (recipient.attempts > 0)
        status.last_attempt = recipient.last_attempt;
    // Section 2.3.8: the id by which the last server knows the message.
    status.final_log_id = recipient.fate.remote_id.empty() ? id_text(about) : recipient.fate.remote_id;
    if (recipient.kind == NoticeKind::delayed)
        status.will_retry_until = recipient.retried_until;
    return status;
}

message::DeliveryStatus status_of(const smtp::Notice& notice, const std::string& host_name)
{
    message::DeliveryStatus status;
    status.original_envelope_id = notice.envelope.envelope_id;
    status.reporting_mta = {"dns", host_name};
    status.received_from_mta = {"dns", notice.received_from};
    status.arrival = notice.arrived;
    status.extensions = {{"X-Posthouse-Queue-ID", id_text(notice.about)}};
    for (const smtp::NoticeRecipient& recipient : notice.recipients)
        status.recipients.push_back(status_for(recipient, notice.about));
    return status;
}

// RFC 6533 section 3: only where addresses demand it, so that old readers can read the others.
message::StatusForm form_for(const smtp::Notice& notice)
{
    const bool ascii = std::ranges::all_of(notice.recipients, [](const smtp::NoticeRecipient& recipient) {
        return is_ascii(recipient.recipient.path.text()) && is_ascii(recipient.recipient.original_recipient);
    });
    return ascii ? message::StatusForm::ascii : message::StatusForm::utf8;
}

message::Address address_of(const smtp::Path& path, std::string name)
{
    message::Address address;
    address.display_name = std::move(name);
    address.spec = {path.local_part, path.domain};
    return address;
}

// The original's Message-ID, where it is one.
std::vector<std::string> original_id(const std::string& header)
{
    const auto field = message::find_field(header, "Message-ID");
    if (!field)
        return {};
    auto ids = message::parse_message_ids(field->value, 1);
    const bool fits = ids.size() == 1 && message::message_id_field("In-Reply-To", ids).has_value();
    return fits ? ids : std::vector<std::string>{};
}

void address_it(message::Draft& draft, const smtp::Notice& notice)
{
    const message::Address sender = address_of(notice.envelope.reverse_path, {});
    if (message::address_field("To", {sender}))  // else it goes without: the envelope has it
        draft.to = {sender};
    draft.in_reply_to = original_id(notice.header);
    draft.references = draft.in_reply_to;
}

}  // namespace

ReportWriter::ReportWriter(Options options, Random& random) : options_(std::move(options)), random_(random)
{
    if (options_.postmaster.is_null())
        options_.postmaster = {"postmaster", options_.host_name};
}

std::string ReportWriter::write(const smtp::Notice& notice, WallTime now) const
{
    if (notice.recipients.empty())
        throw std::logic_error("a notice about nobody");
    message::Draft draft;
    draft.from = {address_of(options_.postmaster, "Mail Delivery System")};
    address_it(draft, notice);
    draft.subject = subject_of(notice);
    draft.message_id = fmt::format("{}@{}", id_text(notice.notice), options_.host_name);
    draft.extra = {{"Auto-Submitted", "auto-replied"}};  // RFC 3834 section 5
    draft.multipart = "report";
    draft.multipart_parameters = {{"report-type", "delivery-status"}};
    const message::StatusForm form = form_for(notice);
    draft.parts.push_back({.content = letter(notice, options_.host_name, now), .description = "What happened"});
    draft.parts.push_back({.type = std::string(message::content_type(form)),
                           .content = message::write_delivery_status(status_of(notice, options_.host_name), form),
                           .description = "Report for programs"});
    draft.parts.push_back(returned(notice));
    auto built = message::build_message(draft, FixedClock(now), random_, options_.host_name);
    if (!built)
        throw std::logic_error("a notice cannot be written: " + built.error().text);
    return std::move(*built);
}

}  // namespace posthouse::mta::bounce

#include "mda/local_delivery.h"

#include "base/text.h"

#include <algorithm>

#include <fmt/format.h>

namespace posthouse::mda {

namespace {

std::string without_controls(std::string_view text)
{
    std::string out;
    std::ranges::copy_if(text, std::back_inserter(out), [](char c) { return !is_control(c); });
    return out;
}

// bob+lists@ goes into "lists" where bob has such a mailbox; the mailbox room falls back to INBOX.
mailbox::Placement place(const mailbox::Delivery& delivery)
{
    const bool names_a_folder = !delivery.subaddress.empty() && !mailbox::fault_of_name(delivery.subaddress);
    mailbox::Placement placement;
    placement.name = names_a_folder ? delivery.subaddress : "INBOX";
    return placement;
}

}  // namespace

std::string delivery_prefix(std::string_view reverse_path, std::string_view recipient)
{
    return fmt::format("Return-Path: <{}>\r\nDelivered-To: {}\r\n", without_controls(reverse_path),
                       without_controls(recipient));
}

Task<Result<mailbox::Filed>> LocalDelivery::deliver(mailbox::Delivery delivery)
{
    Result<mailbox::AccountPtr> account = co_await mailboxes_.open_for_delivery(delivery.account);
    if (!account)
        co_return fail(account.error());
    const mailbox::Placement placement = place(delivery);
    mailbox::Filing filing;
    filing.content = delivery.content;
    filing.digest = delivery.digest;
    filing.prefix = delivery_prefix(delivery.reverse_path, delivery.recipient);
    filing.placements.push_back(placement);
    filing.internal_date = delivery.arrived;
    filing.delivery = delivery.delivery;
    filing.quota = delivery.quota;
    Result<mailbox::Filed> filed = co_await (*account)->file(std::move(filing));
    if (recorder_.wanted())
        co_await tell(*account, delivery, filed);
    co_return filed;
}

// Where it went, and by which rule.
Task<void> LocalDelivery::tell(mailbox::AccountPtr account, mailbox::Delivery delivery, Result<mailbox::Filed> filed)
{
    Step step{.message = delivery.message, .room = "mda", .recipient = delivery.recipient, .account = delivery.account};
    if (!filed) {
        step.step = "not filed";
        step.result = to_string(filed.error().code);
        step.reason = filed.error().text;
        recorder_.step(step);
        co_return;
    }
    std::string place = "INBOX";
    bool is_folder = false;
    if (!delivery.subaddress.empty() && !filed->places.empty()) {
        const Result<mailbox::MailboxTreePtr> tree = co_await account->tree();
        const mailbox::Mailbox* found = tree ? (*tree)->find(filed->places.front().mailbox) : nullptr;
        is_folder = found != nullptr && found->name != "INBOX";
        place = is_folder ? found->name : place;
    }
    if (!filed->places.empty())
        place += fmt::format(", UID {}", filed->places.front().uid);
    const std::string reason = filed->was_filed_before ? "it had been filed before; once is enough"
        : delivery.subaddress.empty()                  ? "no rule says otherwise"
        : is_folder                                    ? fmt::format("the folder that +{} names", delivery.subaddress)
                    : fmt::format("there is no folder of the name that +{} gives", delivery.subaddress);
    step.step = "filed";
    step.result = place;
    step.reason = reason;
    recorder_.step(step);
}

Task<Result<void>> LocalDelivery::has_room(mailbox::AccountId account_id, std::uint64_t size)
{
    Result<mailbox::AccountPtr> account = co_await mailboxes_.open_for_delivery(account_id);
    if (!account)
        co_return fail(account.error());
    const Result<mailbox::Usage> usage = co_await (*account)->usage();
    if (!usage)
        co_return fail(usage.error());
    const bool fits =
        usage->limit_bytes == 0 || (usage->bytes <= usage->limit_bytes && size <= usage->limit_bytes - usage->bytes);
    if (!fits)
        co_return fail(ErrorCode::over_quota,
                       fmt::format("{} of {} bytes used, {} more do not fit", usage->bytes, usage->limit_bytes, size));
    co_return Result<void>{};
}

}  // namespace posthouse::mda

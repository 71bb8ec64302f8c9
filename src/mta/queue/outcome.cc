#include "mta/queue/outcome.h"

#include <algorithm>

#include <fmt/format.h>

namespace posthouse::mta::queue {

namespace {

bool has(const smtp::Recipient& recipient, smtp::Notify bit)
{
    return (recipient.notify & static_cast<std::uint8_t>(bit)) != 0;
}

smtp::NoticeRecipient told(smtp::NoticeKind kind, const Entry& entry, smtp::RecipientFate fate, std::uint32_t attempts,
                           WallTime at)
{
    smtp::NoticeRecipient notice;
    notice.kind = kind;
    notice.recipient = entry.recipient;
    notice.fate = std::move(fate);
    notice.attempts = attempts;
    notice.last_attempt = at;
    return notice;
}

Outcome done(const Attempted& attempted, smtp::NoticeKind kind, smtp::RecipientFate fate, std::uint32_t attempts)
{
    Outcome outcome;
    if (wants(attempted.item, attempted.entry.recipient, kind))
        outcome.notice = told(kind, attempted.entry, std::move(fate), attempts, attempted.now);
    return outcome;
}

std::string in_words(Duration duration)
{
    const auto hours = std::chrono::floor<std::chrono::hours>(duration).count();
    if (hours >= 48)
        return fmt::format("{} days", hours / 24);
    if (hours >= 1)
        return fmt::format("{} hour{}", hours, hours == 1 ? "" : "s");
    const auto minutes = std::chrono::floor<std::chrono::minutes>(duration).count();
    return fmt::format("{} minute{}", minutes, minutes == 1 ? "" : "s");
}

}  // namespace

bool wants(const Item& item, const smtp::Recipient& recipient, smtp::NoticeKind kind)
{
    if (item.envelope.reverse_path.is_null() || has(recipient, smtp::Notify::never))
        return false;
    const bool unsaid = recipient.notify == 0;
    switch (kind) {
    case smtp::NoticeKind::failed: return unsaid || has(recipient, smtp::Notify::failure);
    case smtp::NoticeKind::delayed: return unsaid || has(recipient, smtp::Notify::delay);
    case smtp::NoticeKind::delivered:
    case smtp::NoticeKind::relayed:
    case smtp::NoticeKind::expanded: return has(recipient, smtp::Notify::success);
    }
    return false;
}

WallTime expiry_of(const Item& item, const Policy& policy) { return item.accepted + policy.give_up_after; }

// The message names a moment of the world's clock; its distance from the arrival is what counts.
std::optional<WallTime> return_by(const Item& item)
{
    const std::optional<smtp::DeliverBy>& by = item.envelope.deliver_by;
    if (!by)
        return std::nullopt;
    const std::optional<WallTime>& hold = item.envelope.hold_until;
    const Duration held = hold ? std::max(Duration{0}, Duration{*hold - item.arrived}) : Duration{0};
    return item.accepted - held + (by->until - item.arrived);
}

bool is_expired(const Item& item, const Policy& policy, WallTime now)
{
    const std::optional<WallTime> by = return_by(item);
    const bool returns = by && !item.envelope.deliver_by->notify_only;
    return now >= expiry_of(item, policy) || (returns && now >= *by);
}

Outcome judge(const Attempted& attempted, smtp::RecipientFate fate)
{
    const std::uint32_t attempts = attempted.entry.attempts + 1;
    if (fate.fate == smtp::Fate::failed)
        return done(attempted, smtp::NoticeKind::failed, std::move(fate), attempts);
    if (fate.fate == smtp::Fate::relayed)  // RFC 3461 section 5.2.2: a host that knows DSN tells of success itself
        return fate.peer_tells ? Outcome{} : done(attempted, smtp::NoticeKind::relayed, std::move(fate), attempts);
    if (is_expired(attempted.item, attempted.policy, attempted.now))
        return judge_failed(attempted, std::move(fate));
    Outcome outcome;
    Entry& entry = outcome.stays.emplace(attempted.entry);
    entry.attempts = attempts;
    entry.last = std::move(fate);
    entry.last_attempt = attempted.now;
    // Once more at the end, however long the pause: the last word is what the host says then.
    const WallTime latest = std::max(expiry_of(attempted.item, attempted.policy), attempted.now + Duration{1min});
    entry.due = std::min(attempted.now + attempted.pause, latest);
    return outcome;
}

Outcome judge_filed(const Attempted& attempted)
{
    smtp::RecipientFate fate;
    fate.fate = smtp::Fate::relayed;
    fate.status = "2.0.0";
    fate.reason = "it is in the mailbox";
    return done(attempted, smtp::NoticeKind::delivered, std::move(fate), attempted.entry.attempts + 1);
}

Outcome judge_failed(const Attempted& attempted, smtp::RecipientFate fate)
{
    const std::string last = fate.reason.empty() ? attempted.entry.last.reason : fate.reason;
    if (fate.fate == smtp::Fate::deferred) {
        const Duration tried = attempted.now - attempted.item.accepted;
        fate.reason = fmt::format("it could not be delivered within {}, and is given up{}{}", in_words(tried),
                                  last.empty() ? "" : "; the last reason: ", last);
        // RFC 3463 section 3.5, X.4.7: delivery time expired. What the peer said stays what the peer said.
        if (fate.status.empty())
            fate.status = "4.4.7";
    }
    fate.fate = smtp::Fate::failed;
    return done(attempted, smtp::NoticeKind::failed, std::move(fate), attempted.entry.attempts);
}

Outcome judge_delay(const Attempted& attempted)
{
    Outcome outcome;
    Entry& entry = outcome.stays.emplace(attempted.entry);
    const std::optional<WallTime> by = return_by(attempted.item);
    const bool past_by = by && attempted.now >= *by;
    const bool past_warning =
        attempted.policy.warn_after > 0s && attempted.now >= attempted.item.accepted + attempted.policy.warn_after;
    const bool news = (past_by && !entry.told_by) || (past_warning && !entry.told_delay);
    entry.told_by = entry.told_by || past_by;
    entry.told_delay = entry.told_delay || past_warning;
    if (!news || !wants(attempted.item, entry.recipient, smtp::NoticeKind::delayed))
        return outcome;
    smtp::RecipientFate fate = entry.last;
    fate.fate = smtp::Fate::deferred;
    if (fate.status.empty())
        fate.status = "4.0.0";
    outcome.notice = told(smtp::NoticeKind::delayed, entry, std::move(fate), entry.attempts, entry.last_attempt);
    outcome.notice->retried_until = expiry_of(attempted.item, attempted.policy);
    return outcome;
}

smtp::RecipientFate fate_of(const Error& error, std::string_view recipient)
{
    smtp::RecipientFate fate;
    fate.fate = smtp::Fate::deferred;
    fate.status = "4.3.0";
    fate.reason = fmt::format("{}: {}", to_string(error.code), error.text);
    switch (error.code) {
    case ErrorCode::not_found:
        fate.fate = smtp::Fate::failed;
        fate.status = "5.1.1";
        fate.reason = fmt::format("{} does not live here any longer", recipient);
        break;
    case ErrorCode::too_large:
        fate.fate = smtp::Fate::failed;
        fate.status = "5.3.4";
        fate.reason = fmt::format("the message is too large for the mailbox of {}", recipient);
        break;
    case ErrorCode::over_quota:
        fate.status = "4.2.2";
        fate.reason = fmt::format("the mailbox of {} is full", recipient);
        break;
    case ErrorCode::no_space: fate.status = "4.3.1"; break;
    default: break;
    }
    return fate;
}

WallTime next_event(const Item& item, const Entry& entry, const Policy& policy)
{
    WallTime next = expiry_of(item, policy);
    if (!entry.told_delay && policy.warn_after > 0s)
        next = std::min(next, item.accepted + policy.warn_after);
    const std::optional<WallTime> by = return_by(item);
    if (by && !(item.envelope.deliver_by->notify_only && entry.told_by))
        next = std::min(next, *by);
    return next;
}

}  // namespace posthouse::mta::queue

// What follows from an attempt: does the entry leave the queue, when is it tried again, what is its
// sender told. Pure: no store, no clock of its own.
#pragma once

#include "mta/queue/policy.h"
#include "smtp/notice.h"

namespace posthouse::mta::queue {

// RFC 3461 section 4.1: whether the sender wants to be told. A null reverse-path is never told.
bool wants(const Item& item, const smtp::Recipient& recipient, smtp::NoticeKind kind);

struct Outcome {
    std::optional<Entry> stays;  // with its next time; nullopt: it is done with
    std::optional<smtp::NoticeRecipient> notice;
};

struct Attempted {
    const Item& item;
    const Entry& entry;
    const Policy& policy;
    WallTime now;  // queue time
    Duration pause{};  // until the next attempt, should there be one (Policy::delay_after, with jitter)
};

// What the fate of an attempt means.
Outcome judge(const Attempted& attempted, smtp::RecipientFate fate);
// The mailbox has it.
Outcome judge_filed(const Attempted& attempted);
// It leaves the queue without an attempt: its time is over, or the operator says so.
Outcome judge_failed(const Attempted& attempted, smtp::RecipientFate fate);

// A local delivery's error as a fate: what passes with time is deferred.
smtp::RecipientFate fate_of(const Error& error, std::string_view recipient);

WallTime expiry_of(const Item& item, const Policy& policy);
// RFC 2852: when a message by-mode R is given up; in queue time.
std::optional<WallTime> return_by(const Item& item);
bool is_expired(const Item& item, const Policy& policy, WallTime now);

// What the sender is told when it is late, and what is written down of that.
Outcome judge_delay(const Attempted& attempted);

// When somebody has to look at the entry next because it may be late.
WallTime next_event(const Item& item, const Entry& entry, const Policy& policy);

}  // namespace posthouse::mta::queue

// Brings one message to one local recipient. The queue and the intake speak to it; the MDA does it.
#pragma once

#include "mailbox/mailbox.h"

namespace posthouse::mailbox {

struct Delivery {
    Id message = 0;
    Id delivery = 0;  // the queue's item and recipient, for idempotence; 0: a first and only attempt
    std::string reverse_path;  // "alice@north.test", empty for <>
    AccountId account = 0;
    std::string recipient;  // as it was asked for: "bob+lists@north.test"
    std::string subaddress;  // "lists"
    Content content;
    std::shared_ptr<const message::Digest> digest;
    WallTime arrived;
    Quota quota = Quota::enforced;
};

// Threads: any. An error of `unavailable`, `no_space`, `cancelled` or `over_quota` means later;
// every other one never.
class Courier {
public:
    virtual ~Courier() = default;
    virtual Task<Result<Filed>> deliver(Delivery delivery) = 0;
    // RCPT and SIZE ask before the message comes: over_quota when `size` more bytes do not fit.
    virtual Task<Result<void>> has_room(AccountId account, std::uint64_t size) = 0;
};

}  // namespace posthouse::mailbox

// The MDA: brings a message to one of our mailboxes.
//
// It decides where (subaddress folder, else INBOX; Sieve comes with a later issue), writes the two
// trace fields that belong to this delivery alone (Return-Path, RFC 5321 section 4.4, and
// Delivered-To, RFC 9228), and files by one account commit.
//
// Threads: any. Lifetime: outlives every session and the queue.
#pragma once

#include "base/recorder.h"
#include "directory/directory.h"
#include "mailbox/courier.h"

namespace posthouse::mda {

class LocalDelivery final : public mailbox::Courier {
public:
    LocalDelivery(mailbox::Mailboxes& mailboxes, Recorder& recorder) : mailboxes_(mailboxes), recorder_(recorder) { }

    Task<Result<mailbox::Filed>> deliver(mailbox::Delivery delivery) override;
    Task<Result<void>> has_room(mailbox::AccountId account, std::uint64_t size) override;

private:
    Task<void> tell(mailbox::AccountPtr account, mailbox::Delivery delivery, Result<mailbox::Filed> filed);

    mailbox::Mailboxes& mailboxes_;
    Recorder& recorder_;
};

// The fields put before the content. Controls cannot be in them: the grammar let none in, and what
// is left of them is dropped here.
std::string delivery_prefix(std::string_view reverse_path, std::string_view recipient);

}  // namespace posthouse::mda

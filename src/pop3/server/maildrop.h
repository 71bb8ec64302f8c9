// What one POP3 session sees of the INBOX: the snapshot it began with, and what it has marked as
// deleted. RFC 1939 sections 5 and 6.
//
// Messages are numbered from 1, by UID, for the whole session. Sizes are the stored ones: octets
// with CRLF, as they go over the wire before dots are stuffed (see body_encoder.h for the exception).
#pragma once

#include "mailbox/types.h"

#include <string>
#include <vector>

namespace posthouse::pop3 {

// Threads: one session. The snapshot lives as long as this.
class Maildrop {
public:
    Maildrop() = default;
    explicit Maildrop(mailbox::SnapshotPtr snapshot);

    // nullptr: no such message, or it is marked as deleted.
    const mailbox::Entry* find(std::uint32_t number) const;
    bool is_deleted(std::uint32_t number) const;  // there, and marked
    void mark_deleted(std::uint32_t number);  // find(number) is not null
    void unmark_all();

    std::uint32_t count() const { return count_; }  // without the deleted ones
    std::uint64_t size() const { return size_; }
    std::uint32_t numbers() const { return static_cast<std::uint32_t>(deleted_.size()); }  // with the deleted ones
    std::string unique_id(const mailbox::Entry& entry) const;  // "uidvalidity.uid"

    // The lines of LIST and UIDL, each with CRLF, without the closing dot.
    std::string list() const;
    std::string unique_ids() const;

    mailbox::NumberSet deleted_uids() const;

private:
    mailbox::SnapshotPtr snapshot_;
    std::vector<bool> deleted_;  // by number - 1
    std::uint32_t count_ = 0;
    std::uint64_t size_ = 0;
};

}  // namespace posthouse::pop3

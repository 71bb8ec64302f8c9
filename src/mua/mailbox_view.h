// From what a person names to messages in mailboxes, and from those to summaries. Private to the room.
#pragma once

#include "mua/desk.h"
#include "mua/summary.h"

namespace posthouse::mua {

// Messages of one mailbox.
struct Group {
    std::string mailbox;
    std::uint32_t uid_validity = 0;
    std::vector<std::uint32_t> uids;
};

// What the references mean. Numbers by the last listing of this terminal; each mailbox's UIDVALIDITY is
// compared when it is opened: see open_group().
Task<Result<std::vector<Group>>> locate(imap::Client& client, std::string account, std::vector<Reference> references);
Task<Result<std::vector<Group>>> locate(imap::Client& client, std::string account, std::vector<std::string> words);

// Selects the group's mailbox and makes sure that all its messages are there. not_found with a sentence where
// one is gone or the mailbox was made anew: nothing is guessed.
Task<Result<void>> open_group(imap::Client& client, const Group group, imap::Access access);

// Of the selected mailbox.
Task<Result<std::vector<Summary>>> summaries(imap::Client& client, std::vector<std::uint32_t> uids);

// The mailbox with this special use (RFC 6154: "\\Sent"), else the first that has one of these names.
std::optional<std::string> mailbox_for(const std::vector<imap::ListResponse>& all, std::string_view use,
                                       std::span<const std::string_view> names);
bool can_be_selected(const imap::ListResponse& mailbox);

}  // namespace posthouse::mua

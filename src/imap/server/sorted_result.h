// What a SORT has found, in its order, for as long as it is kept up to date: RFC 5267 section 4.3.
//
// Of each message only the UID is kept. What it is compared by stays the same while it is in the mailbox; it is read
// again where the place of another is looked for: of a few messages, or of all where many come at once.
#pragma once

#include "imap/server/search_match.h"
#include "imap/server/sort_key.h"

namespace posthouse::imap {

class Session;

class SortedResult {
public:
    // Mailboxes of more messages are not kept in order; 4 bytes each.
    static constexpr std::uint32_t most_messages = 250'000;

    // Without RELEVANCY, which goes by a search and not by the message.
    SortedResult(std::vector<SortCriterion> criteria, std::vector<mailbox::Uid> uids) :
        criteria_(std::move(criteria)), uids_(std::move(uids))
    {
    }

    // To be told in this order; positions count from 1 (RFC 5267 sections 4.3.3 and 4.3.4).
    struct Change {
        std::uint32_t position = 0;
        std::vector<mailbox::Uid> uids;
        friend bool operator==(const Change&, const Change&) = default;
    };
    std::vector<Change> remove(const mailbox::NumberSet& gone);
    // `scope`: where all of them can be read. `closed`: the peer is gone.
    Task<Result<std::vector<Change>>> add(Session& session, SearchScope scope, mailbox::NumberSet fresh,
                                          std::string tag);
    const std::vector<mailbox::Uid>& uids() const { return uids_; }

private:
    Task<Result<std::vector<SortRecord>>> records(Session& session, const SearchScope& scope,
                                                  std::vector<std::uint32_t> positions, std::string tag) const;
    Task<Result<std::vector<std::size_t>>> places(Session& session, const SearchScope& scope,
                                                  const std::vector<SortRecord>& fresh, std::string tag) const;
    Task<Result<std::size_t>> place(Session& session, const SearchScope& scope, const SortRecord& fresh,
                                    std::size_t from, std::string tag) const;

    std::vector<SortCriterion> criteria_;
    std::vector<mailbox::Uid> uids_;
};

}  // namespace posthouse::imap

// A search whose result is kept up to date: SEARCH or SORT RETURN (UPDATE). RFC 5267 section 4.3.
#pragma once

#include "imap/grammar/search_program.h"
#include "imap/server/sorted_result.h"
#include "imap/server/view.h"

#include <deque>
#include <string>

namespace posthouse::imap {

class Session;

struct SearchContext {
    std::string tag;
    bool by_uid = false;
    SearchProgram program;
    std::vector<FetchAttribute> of_new;  // told of each new message that joins it (RFC 5465 section 7)
    mailbox::NumberSet uids;  // of what the client knows to fit
    std::optional<SortedResult> sorted;  // SORT: the same in order
    mailbox::SnapshotPtr seen;  // what it was last compared with; its flags, and …
    mailbox::Uid next = 1;  // … the first UID that the client's numbers did not have yet
};

// Those of one session's selected mailbox.
class SearchContexts {
public:
    static constexpr std::size_t most = 16;  // each costs work with each change
    static constexpr std::size_t most_sorted = 4;  // among them: those cost memory too

    enum class Sorted { no, yes };
    bool is_full(Sorted sorted) const;
    // `found`: positions in `view`.
    void add(SearchContext context, std::span<const std::uint32_t> found, const View& view);
    bool cancel(std::string_view tag);
    bool has(std::string_view tag) const;
    void clear() { contexts_.clear(); }

    // REMOVEFROM of what is about to be told as gone: section 4.3.3 wants it before the EXPUNGE.
    void tell_gone(Serializer& out, const View& view, const mailbox::Snapshot& newest);
    // ADDTO and REMOVEFROM of what has come or changed. `closed`: the peer is gone.
    Task<Result<void>> tell_changes(Session& session);

private:
    Task<Result<void>> tell_changes(Session& session, SearchContext& context);

    std::deque<SearchContext> contexts_;
};

}  // namespace posthouse::imap

// A search whose result is kept up to date: SEARCH RETURN (UPDATE). RFC 5267 section 4.3.
#pragma once

#include "imap/grammar/search_program.h"
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
    mailbox::SnapshotPtr seen;  // what it was last compared with
};

// Those of one session's selected mailbox.
class SearchContexts {
public:
    static constexpr std::size_t most = 16;  // each costs work with each change

    bool is_full() const { return contexts_.size() >= most; }
    void add(SearchContext context) { contexts_.push_back(std::move(context)); }
    bool cancel(std::string_view tag);
    bool has(std::string_view tag) const;
    void clear() { contexts_.clear(); }

    // REMOVEFROM of what is about to be told as gone: section 4.3.3 wants it before the EXPUNGE.
    void tell_gone(Serializer& out, const View& view, const mailbox::Snapshot& newest);
    // ADDTO and REMOVEFROM of what has come or changed. `closed`: the peer is gone.
    Task<Result<void>> tell_changes(Session& session);

private:
    std::deque<SearchContext> contexts_;
};

}  // namespace posthouse::imap

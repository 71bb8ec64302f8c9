// Goes through a mailbox by a search program: what SEARCH, SORT, THREAD and ESEARCH begin with.
//
// Messages are gone through in order, each read only as far as the program needs (search_match.h). What a
// message has beyond 4 MiB of text is not searched; other sessions get their turn every few milliseconds.
#pragma once

#include "imap/server/progress.h"
#include "imap/server/search_match.h"

namespace posthouse::imap {

// The selected mailbox, as its client knows it.
SearchScope scope_of(Session& session);

class Searcher {
public:
    // The error is the answer. Lifetime: session and program outlive it.
    static std::expected<Searcher, Reply> make(Session& session, const SearchProgram& program, SearchScope scope,
                                               std::string tag, Ranking ranking = Ranking::none);

    // All messages, or those at `positions` (each + 1). `closed`: the peer is gone.
    Task<Result<void>> run();
    Task<Result<void>> run(mailbox::NumberSet positions);
    // Of what fits, rising, from 0.
    const std::vector<std::uint32_t>& found() const { return found_; }
    const SearchScope& scope() const { return scope_; }
    // RFC 6203: of one that fits, from 1 to 100; 0 without Ranking::by_relevancy.
    std::uint8_t relevancy_of(std::uint32_t position) const;

private:
    Searcher(Session& session, Matcher matcher, SearchScope scope, std::string tag, Ranking ranking);
    Candidate candidate(std::uint32_t position) const;
    Task<Result<void>> rank();
    Task<Result<void>> decide(std::vector<std::uint32_t> positions);
    Task<std::vector<std::optional<std::string>>> read_together(std::vector<const mailbox::Email*> emails);
    // `whole`: the message, where it was read already.
    Task<Result<bool>> fits_by_bytes(Candidate candidate, const std::string* whole);
    Task<Result<void>> read_texts(const mailbox::Email& email, const std::string* whole, std::string& into);
    Task<Result<void>> read(const mailbox::Email& email, const std::string* whole, std::uint64_t begin,
                            std::uint64_t size, std::string& into);

    Matcher matcher_;
    SearchScope scope_;
    Progress progress_;
    Ranking ranking_;
    std::vector<std::uint32_t> found_;
    std::vector<std::uint8_t> relevancies_;  // of those found
};

}  // namespace posthouse::imap

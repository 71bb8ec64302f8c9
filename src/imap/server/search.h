// What SEARCH, SORT and ESEARCH do with what was found.
#pragma once

#include "imap/server/search_answer.h"
#include "imap/server/searcher.h"

namespace posthouse::imap {

bool asks_modseq(const SearchProgram& program);
// The answer to a charset where none may stand.
std::optional<Reply> check_charset(Session& session, const SearchProgram& program);
Ranking ranking_of(const SearchReturn& asked);
Hits hits_of(const Searcher& searcher, std::span<const std::uint32_t> positions, bool by_uid);
// `$` from now on. `positions` in the order of the answer.
void save(View& view, std::span<const std::uint32_t> positions, const SearchReturn& asked);
void answer_search(Session& session, std::string_view word, const Hits& hits, const SearchReturn& asked,
                   const AnswerForm& form);

// RFC 5267 section 4.3: what keeps it up to date, without what was found.
SearchContext context_of(Session& session, const Command& command, const SearchProgram& program,
                         const SearchReturn& asked);
// Section 4.3.1: who asks for more than is kept up to date is told so, and gets his answer all the same.
void refuse_to_keep(Session& session, std::string_view tag, std::string_view reason);

}  // namespace posthouse::imap

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

}  // namespace posthouse::imap

// How what was found is told: "* SEARCH", "* SORT", or "* ESEARCH" (RFC 4731, 5267, 7377, 9394). Pure.
#pragma once

#include "imap/grammar/search_return.h"
#include "imap/grammar/serializer.h"
#include "mailbox/types.h"

#include <algorithm>
#include <span>
#include <string>
#include <vector>

namespace posthouse::imap {

// One message that was found, by the number that the command speaks in.
struct Hit {
    std::uint32_t number = 0;
    mailbox::ModSeq modseq = 0;
    std::uint8_t relevancy = 0;  // RFC 6203, where it is asked for
};
// In the order of the mailbox, or of a SORT.
using Hits = std::vector<Hit>;

struct AnswerForm {
    std::string tag;
    bool by_uid = false;
    bool with_modseq = false;  // RFC 7162 section 3.1.5
    // RFC 7377 section 2.1: of which mailbox. Empty: of the selected one.
    std::string mailbox = {};
    mailbox::UidValidity uid_validity = 0;
};

// "* SEARCH 1 2 (MODSEQ 3)"; `word` is SEARCH or SORT.
void write_plain(Serializer& out, std::string_view word, const Hits& hits, const AnswerForm& form);
// RFC 4731 section 3.1: with nothing found, only COUNT and PARTIAL are told.
void write_extended(Serializer& out, const Hits& hits, const SearchReturn& asked, const AnswerForm& form);

// The numbers in their order; runs that rise by one as ranges. Of a sorted set that is `sequence-set` text.
std::string numbers_text(std::span<const Hit> hits);
// What a range of PARTIAL cuts out of them (RFC 9394 section 3.1).
template <class T> std::span<const T> cut(std::span<const T> found, const PartialRange& range)
{
    const std::size_t count = found.size();
    const std::size_t begin = std::min<std::size_t>(range.first - 1, count);
    const std::size_t end = std::min<std::size_t>(range.last, count);
    return range.from_end ? found.subspan(count - end, end - begin) : found.subspan(begin, end - begin);
}
inline std::span<const Hit> cut(const Hits& hits, const PartialRange& range) { return cut(std::span(hits), range); }

}  // namespace posthouse::imap

// What SORT compares messages by. RFC 5256 section 3, RFC 5957 (display names). Pure.
#pragma once

#include "imap/grammar/command.h"
#include "mailbox/mailbox.h"

#include <string>
#include <vector>

namespace posthouse::imap {

struct SortValue {
    std::int64_t number = 0;
    std::string text;  // folded as SEARCH folds, then letters as capitals
    friend auto operator<=>(const SortValue&, const SortValue&) = default;
};
struct SortRecord {
    std::uint32_t position = 0;
    std::vector<SortValue> values;  // one for each criterion
};

// Does it need the e-mail's row?
bool needs_row(SortCriterion::Key key);
// Of all keys but RELEVANCY, which the searcher knows. `email` may be nullptr where no key needs it.
SortValue sort_value(SortCriterion::Key key, const mailbox::Entry& entry, const mailbox::Email* email);
// RFC 5256 section 2.2: the Date field, or the internal date where there is none. In microseconds since 1970.
std::int64_t sent_date(const mailbox::Entry& entry, const mailbox::Email& email);

SortRecord sort_record(const std::vector<SortCriterion>& criteria, std::uint32_t position, const mailbox::Entry& entry,
                       const mailbox::Email* email, std::uint8_t relevancy = 0);

// By the criteria, then by position.
bool comes_before(const SortRecord& a, const SortRecord& b, const std::vector<SortCriterion>& criteria);
void sort_records(std::vector<SortRecord>& records, const std::vector<SortCriterion>& criteria);

}  // namespace posthouse::imap

// What SEARCH asks: a program of keys in postfix order, so that nothing recurses.
//
// RFC 3501 section 6.4.4, RFC 7162 (MODSEQ), RFC 5032 (OLDER, YOUNGER), RFC 8474, RFC 8514, RFC 6203 (FUZZY),
// RFC 9738 (UIDAFTER, UIDBEFORE).
// `a NOT b OR c d` becomes  a, b, NOT, c, d, OR, AND 3.
#pragma once

#include "base/cursor.h"
#include "base/time.h"
#include "imap/grammar/sequence_set.h"

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

namespace posthouse::imap {

struct SearchKey {
    enum class Kind : std::uint8_t {
        // Operators, on what the keys before them left.
        all_of,  // `number` operands
        any_of,  // two
        negation,  // one
        // Answered by a message's entry.
        all,
        flag,  // `text`: "\\Seen", "work"
        no_flag,
        recent,
        old,
        fresh,  // NEW: RECENT and not SEEN
        numbers,  // `set` of sequence numbers
        uids,
        larger,  // `number`
        smaller,
        before,  // `day`; of the internal date
        on,
        since,
        saved_before,
        saved_on,
        saved_since,
        save_date_supported,
        saved,  // `$`: what the last SEARCH has saved (RFC 5182)
        older,  // `number` of seconds
        younger,
        modseq,  // at least `number`
        email_id,  // `text`
        // Answered by its row.
        thread_id,
        sent_before,
        sent_on,
        sent_since,
        bcc,
        cc,
        from,
        to,
        subject,
        // Answered by its bytes.
        header,  // `field`, `text`
        body,
        text,
    };
    Kind kind = Kind::all;
    bool fuzzy = false;  // within FUZZY: by words, where it is a text
    bool negated = false;  // within NOT
    std::string text;  // in the program's charset, undecoded
    std::string field;
    std::uint64_t number = 0;
    std::chrono::sys_days day;
    SequenceSet set;
};

struct SearchProgram {
    // Each key may cost work on each message (HOSTILE A16); a client's longest known asks for 500.
    static constexpr std::size_t most_keys = 2000;

    std::string charset;  // as written; empty: US-ASCII, and UTF-8 is understood
    std::vector<SearchKey> keys;  // never empty; the last one's answer is the program's

    bool is_fuzzy() const;  // is any key?
    bool has_numbers() const;  // does any key name sequence numbers?
};

// The same where the charset stands before it and is not optional (RFC 5256): the keys alone.
std::expected<SearchProgram, std::string> search_keys(Cursor& in, std::string charset);

// search-program without RETURN: ["CHARSET" SP astring SP] search-key *(SP search-key), to the
// cursor's end. The error is a reason for people.
std::expected<SearchProgram, std::string> search_program(Cursor& in);

}  // namespace posthouse::imap

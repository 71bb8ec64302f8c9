// Does a message fit a search program? In three steps, each only if the one before could not tell:
// by its entry, by its row, by its bytes.
#pragma once

#include "imap/grammar/search_program.h"
#include "imap/server/fuzzy_key.h"
#include "imap/server/reply.h"
#include "imap/server/search_text.h"
#include "imap/server/view.h"
#include "mailbox/mailbox.h"

#include <expected>
#include <memory>
#include <string>
#include <vector>

namespace posthouse::imap {

enum class Answer : std::uint8_t { no, yes, unknown };

// What is known of a message so far; nullptr: not read yet.
struct Candidate {
    std::uint32_t position = 0;  // in the numbering, from 0
    const mailbox::Entry* entry = nullptr;
    bool is_recent = false;
    const mailbox::Email* email = nullptr;
    const FoldedHeader* header = nullptr;  // its own
    const std::string* folded_body = nullptr;
};

// The messages that a program is asked of: the selected mailbox, or another one (RFC 7377).
struct SearchScope {
    mailbox::AccountPtr account;
    mailbox::SnapshotPtr numbering;
    mailbox::SnapshotPtr told;
    RecentUids recent;
    mailbox::NumberSet saved;  // `$`
    bool uid_only = false;  // RFC 9586

    const mailbox::Entry& entry_at(std::uint32_t position) const;  // with the newest flags
};

// Whose addresses FROM, TO, CC or BCC asks.
const std::vector<message::Address>& addresses_of(SearchKey::Kind kind, const message::Envelope& envelope);

// Is it told how well a message fits? RFC 6203.
enum class Ranking : std::uint8_t { none, by_relevancy };

// A program made ready for one scope: sets resolved, flags as bits, strings folded.
// Lifetime: the program outlives it. Threads: one.
class Matcher {
public:
    // Keys that look into bodies, in one program: each goes through all text of each message. A FUZZY key counts by
    // its words.
    static constexpr std::size_t most_body_keys = 64;

    // The error is the answer: a sequence number beyond the mailbox, too many body keys.
    static std::expected<Matcher, Reply> make(const SearchProgram& program, const SearchScope& scope, WallTime now,
                                              Ranking ranking);

    // What the full-text index is asked, and its answers: a message that it can judge need not be read.
    std::vector<mailbox::TextQuery> queries() const;
    void learn(std::vector<mailbox::TextAnswer> answers);

    Answer match(const Candidate& candidate);
    bool needs_body() const { return needs_body_; }
    // RFC 6203 section 4: of a message that fits, from 1 to 100, by the mean of the FUZZY texts that are not negated.
    // Its row must be read. With Ranking::by_relevancy only.
    std::uint8_t relevancy(const Candidate& candidate) const;

private:
    struct Ready {
        const SearchKey* key = nullptr;
        std::string text;  // folded
        std::optional<std::size_t> bit;  // of the flag
        mailbox::NumberSet numbers;  // of positions + 1
        std::optional<FuzzyKey> fuzzy = {};
        mailbox::TextAnswer hints = {};  // by position; empty: the index was not asked
        mailbox::TextAnswer whole = {};  // of a FUZZY key: are its words whole?
        std::vector<std::uint8_t> points = {};  // of a FUZZY key, by position, where a message was read
    };
    bool asks_for_whole(const Ready& ready) const;
    Answer answer_by_words(Ready& ready, const Candidate& candidate);
    Answer answer(Ready& ready, const Candidate& candidate);

    std::vector<Ready> keys_;
    std::vector<Answer> stack_;
    WallTime now_;
    Ranking ranking_ = Ranking::none;
    bool needs_body_ = false;
};

}  // namespace posthouse::imap

#include "imap/grammar/search_program.h"

#include "imap/grammar/date.h"
#include "imap/grammar/lexemes.h"

#include <algorithm>
#include <array>

namespace posthouse::imap {

namespace {

using Kind = SearchKey::Kind;

// What stands behind a key's word.
enum class Argument { none, system_flag, keyword, text, header, date, number, mod_sequence, set, below, above, id };

struct Word {
    std::string_view word;
    Kind kind;
    Argument argument = Argument::none;
    std::string_view flag = {};
};

// RFC 3501 section 6.4.4, in its order; then the extensions.
constexpr std::array words{
    Word{"ALL", Kind::all},
    Word{"ANSWERED", Kind::flag, Argument::system_flag, "\\Answered"},
    Word{"BCC", Kind::bcc, Argument::text},
    Word{"BEFORE", Kind::before, Argument::date},
    Word{"BODY", Kind::body, Argument::text},
    Word{"CC", Kind::cc, Argument::text},
    Word{"DELETED", Kind::flag, Argument::system_flag, "\\Deleted"},
    Word{"DRAFT", Kind::flag, Argument::system_flag, "\\Draft"},
    Word{"FLAGGED", Kind::flag, Argument::system_flag, "\\Flagged"},
    Word{"FROM", Kind::from, Argument::text},
    Word{"HEADER", Kind::header, Argument::header},
    Word{"KEYWORD", Kind::flag, Argument::keyword},
    Word{"LARGER", Kind::larger, Argument::number},
    Word{"NEW", Kind::fresh},
    Word{"OLD", Kind::old},
    Word{"ON", Kind::on, Argument::date},
    Word{"RECENT", Kind::recent},
    Word{"SEEN", Kind::flag, Argument::system_flag, "\\Seen"},
    Word{"SENTBEFORE", Kind::sent_before, Argument::date},
    Word{"SENTON", Kind::sent_on, Argument::date},
    Word{"SENTSINCE", Kind::sent_since, Argument::date},
    Word{"SINCE", Kind::since, Argument::date},
    Word{"SMALLER", Kind::smaller, Argument::number},
    Word{"SUBJECT", Kind::subject, Argument::text},
    Word{"TEXT", Kind::text, Argument::text},
    Word{"TO", Kind::to, Argument::text},
    Word{"UID", Kind::uids, Argument::set},
    Word{"UNANSWERED", Kind::no_flag, Argument::system_flag, "\\Answered"},
    Word{"UNDELETED", Kind::no_flag, Argument::system_flag, "\\Deleted"},
    Word{"UNDRAFT", Kind::no_flag, Argument::system_flag, "\\Draft"},
    Word{"UNFLAGGED", Kind::no_flag, Argument::system_flag, "\\Flagged"},
    Word{"UNKEYWORD", Kind::no_flag, Argument::keyword},
    Word{"UNSEEN", Kind::no_flag, Argument::system_flag, "\\Seen"},
    Word{"MODSEQ", Kind::modseq, Argument::mod_sequence},
    Word{"OLDER", Kind::older, Argument::number},
    Word{"YOUNGER", Kind::younger, Argument::number},
    Word{"EMAILID", Kind::email_id, Argument::id},
    Word{"THREADID", Kind::thread_id, Argument::id},
    Word{"SAVEDBEFORE", Kind::saved_before, Argument::date},
    Word{"SAVEDON", Kind::saved_on, Argument::date},
    Word{"SAVEDSINCE", Kind::saved_since, Argument::date},
    Word{"SAVEDATESUPPORTED", Kind::save_date_supported},
    Word{"UIDAFTER", Kind::uids, Argument::above},
    Word{"UIDBEFORE", Kind::uids, Argument::below},
};

// RFC 7162 section 3.1.5: "MODSEQ" [SP entry-name SP entry-type-req] SP mod-sequence-valzer. Flags
// share one modseq here, so the entry's name is read and has no effect.
std::optional<std::uint64_t> mod_sequence(Cursor& in)
{
    if (in.peek() == '"') {
        if (!quoted(in) || !in.take(' ') || !atom(in) || !in.take(' '))
            return std::nullopt;
    }
    return number64(in);
}

// RFC 9738 section 3.2: all UIDs on one side of this one; none, where it is the first or the last that can be.
std::optional<SequenceSet> uids_beside(Cursor& in, Argument side)
{
    const auto uid = nz_number(in);
    if (!uid)
        return std::nullopt;
    SequenceSet set;
    if (side == Argument::below && *uid > 1)
        set.items.push_back({1, *uid - 1});
    if (side == Argument::above && *uid < UINT32_MAX)
        set.items.push_back({*uid + 1, UINT32_MAX});
    return set;
}

bool argument_of(Cursor& in, const Word& word, SearchKey& key)
{
    if (word.argument == Argument::none)
        return true;
    if (word.argument == Argument::system_flag) {
        key.text = word.flag;
        return true;
    }
    if (!in.take(' '))
        return false;
    const auto keep = [](auto parsed, auto& into) {
        if (parsed)
            into = std::move(*parsed);
        return parsed.has_value();
    };
    switch (word.argument) {
    case Argument::keyword: return keep(atom(in), key.text);
    case Argument::text:
    case Argument::id: return keep(astring(in), key.text);
    case Argument::header: return keep(astring(in), key.field) && in.take(' ') && keep(astring(in), key.text);
    case Argument::date: return keep(date(in), key.day);
    case Argument::number: return keep(number64(in), key.number);
    case Argument::mod_sequence: return keep(mod_sequence(in), key.number);
    case Argument::set: return keep(sequence_set(in), key.set);
    case Argument::below:
    case Argument::above: return keep(uids_beside(in, word.argument), key.set);
    default: return false;
    }
}

// One key that is no operator and no parenthesis.
std::expected<SearchKey, std::string> plain_key(Cursor& in)
{
    SearchKey key;
    if (in.take('$')) {
        key.kind = Kind::saved;
        return key;
    }
    if (is_digit(in.peek()) || in.peek() == '*') {
        auto set = sequence_set(in);
        if (!set)
            return std::unexpected("not a set of message numbers");
        key.kind = Kind::numbers;
        key.set = std::move(*set);
        return key;
    }
    for (const Word& word : words) {
        if (!take_word(in, word.word))
            continue;
        key.kind = word.kind;
        if (!argument_of(in, word, key))
            return std::unexpected("what stands behind " + std::string(word.word) + " does not fit it");
        return key;
    }
    return std::unexpected("unknown search key");
}

// The parser's own stack: what is open and how many operands it has so far.
struct Open {
    enum class Kind { list, parenthesis, negation, any_of, fuzzy };
    Kind kind = Kind::list;
    std::size_t operands = 0;
};

class Parser {
public:
    std::expected<void, std::string> key(Cursor& in)
    {
        if (program.keys.size() + open_.size() >= SearchProgram::most_keys)
            return std::unexpected("too many search keys");
        if (in.take('(')) {
            open_.push_back({Open::Kind::parenthesis});
            return {};
        }
        if (take_word(in, "NOT"))
            return open_operator(in, Open::Kind::negation);
        if (take_word(in, "OR"))
            return open_operator(in, Open::Kind::any_of);
        if (take_word(in, "FUZZY"))
            return open_operator(in, Open::Kind::fuzzy);
        auto plain = plain_key(in);
        if (!plain)
            return std::unexpected(std::move(plain.error()));
        plain->fuzzy = fuzzies_ > 0;
        plain->negated = negations_ > 0;
        program.keys.push_back(std::move(*plain));
        ended_ = true;
        return {};
    }

    // After a key: closes what it completes. False when the program goes wrong here.
    bool close(Cursor& in)
    {
        while (ended_) {
            Open& top = open_.back();
            ++top.operands;
            if (top.kind == Open::Kind::negation) {
                --negations_;
                finish(Kind::negation);
            } else if (top.kind == Open::Kind::fuzzy) {
                --fuzzies_;
                open_.pop_back();  // its keys know
            } else if (top.kind == Open::Kind::any_of && top.operands == 2) {
                finish(Kind::any_of);
            } else if (top.kind == Open::Kind::parenthesis && in.take(')')) {
                finish_list();
            } else {
                ended_ = false;
                return at_list_end(in) || (in.take(' ') && !in.at_end());
            }
        }
        return true;
    }

    bool is_complete(const Cursor& in) const { return in.at_end() && open_.size() == 1; }
    void finish_program() { finish_list(); }

    SearchProgram program;

private:
    std::expected<void, std::string> open_operator(Cursor& in, Open::Kind kind)
    {
        if (!in.take(' '))
            return std::unexpected("a search key is missing");
        open_.push_back({kind});
        negations_ += kind == Open::Kind::negation ? 1 : 0;
        fuzzies_ += kind == Open::Kind::fuzzy ? 1 : 0;
        return {};
    }
    bool at_list_end(const Cursor& in) const { return in.at_end() && open_.size() == 1; }
    void finish(SearchKey::Kind kind)
    {
        SearchKey key;
        key.kind = kind;
        key.number = open_.back().operands;
        program.keys.push_back(std::move(key));
        open_.pop_back();
    }
    void finish_list()
    {
        if (open_.back().operands == 1)
            open_.pop_back();
        else
            finish(Kind::all_of);
    }

    std::vector<Open> open_{Open{}};
    std::size_t negations_ = 0;  // of those open
    std::size_t fuzzies_ = 0;
    bool ended_ = false;  // the last step completed a key
};

}  // namespace

bool SearchProgram::is_fuzzy() const { return std::ranges::any_of(keys, &SearchKey::fuzzy); }

bool SearchProgram::has_numbers() const
{
    return std::ranges::find(keys, SearchKey::Kind::numbers, &SearchKey::kind) != keys.end();
}

std::expected<SearchProgram, std::string> search_program(Cursor& in)
{
    std::string charset;
    if (take_word(in, "CHARSET")) {
        auto name = in.take(' ') ? astring(in) : std::nullopt;
        if (!name || !in.take(' '))
            return std::unexpected("what stands behind CHARSET does not fit it");
        charset = std::move(*name);
    }
    return search_keys(in, std::move(charset));
}

std::expected<SearchProgram, std::string> search_keys(Cursor& in, std::string charset)
{
    Parser parser;
    parser.program.charset = std::move(charset);
    do {
        const auto taken = parser.key(in);
        if (!taken)
            return std::unexpected(taken.error());
        if (!parser.close(in))
            return std::unexpected("search keys are separated by one space, and every parenthesis is closed");
    } while (!parser.is_complete(in));
    parser.finish_program();
    return std::move(parser.program);
}

}  // namespace posthouse::imap

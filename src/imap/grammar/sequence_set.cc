#include "imap/grammar/sequence_set.h"

#include "imap/grammar/lexemes.h"

namespace posthouse::imap {

namespace {

// seq-number = nz-number / "*"
std::optional<std::uint32_t> seq_number(Cursor& in)
{
    if (in.take('*'))
        return SequenceSet::star;
    return nz_number(in);
}

std::string number_text(std::uint32_t number) { return number == SequenceSet::star ? "*" : std::to_string(number); }

}  // namespace

// sequence-set = (seq-number / seq-range) *("," sequence-set) / "$"
std::optional<SequenceSet> sequence_set(Cursor& in)
{
    SequenceSet set;
    if (in.take('$')) {
        set.is_saved = true;
        return set;
    }
    do {
        const auto first = seq_number(in);
        if (!first)
            return std::nullopt;
        auto last = first;
        if (in.take(':'))
            last = seq_number(in);
        if (!last)
            return std::nullopt;
        set.items.push_back({*first, *last});
    } while (in.take(','));
    return set;
}

std::string SequenceSet::text() const
{
    std::string out = is_saved ? "$" : "";
    for (const Item& item : items) {
        if (!out.empty())
            out += ',';
        out += number_text(item.first);
        if (item.last != item.first)
            out += ':' + number_text(item.last);
    }
    return out;
}

}  // namespace posthouse::imap

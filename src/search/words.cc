#include "search/words.h"

#include <array>

namespace posthouse::search {

namespace {

constexpr std::array<bool, 256> run_bytes = [] {
    std::array<bool, 256> table{};
    for (unsigned c = 0; c < 256; ++c)
        table[c] = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c >= 0x80;
    return table;
}();

// What is longer than any piece surely holds is looked for by its beginning.
Needle cut(Needle needle)
{
    const std::size_t most = needle.at_start && needle.at_end ? longest_term : overlap;
    if (needle.text.size() > most) {
        needle.text = needle.text.substr(0, overlap);
        needle.at_end = false;
    }
    return needle;
}

}  // namespace

bool is_of_run(char c) { return run_bytes[static_cast<unsigned char>(c)]; }

Needles needles_of(std::string_view folded_key)
{
    Needles needles;
    each_run(folded_key, [&](std::string_view run) {
        const bool starts = run.data() != folded_key.data();
        const bool ends = run.data() + run.size() != folded_key.data() + folded_key.size();
        needles.all.push_back(cut({run, starts, ends}));
    });
    needles.exact = needles.all.size() == 1 && needles.all.front().text.size() == folded_key.size();
    return needles;
}

Needles words_of(std::string_view folded_key, Words words)
{
    Needles needles;
    each_run(folded_key, [&](std::string_view run) { needles.all.push_back(cut({run, true, words == Words::whole})); });
    needles.exact = !needles.all.empty();
    return needles;
}

}  // namespace posthouse::search

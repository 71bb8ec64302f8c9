// A full-text index: our own (search/) against Xapian, where its headers are there. 10,000 messages of some 6 KiB of
// text are indexed; then a word, and a part of a word, is looked for.
//
// Built with Xapian when POSTHOUSE_XAPIAN names the folder that libxapian-dev was unpacked into (docs/decisions.md 9).
#include "search/builder.h"
#include "search/merge.h"

#include <chrono>
#include <filesystem>
#include <random>

#include <benchmark/benchmark.h>
#ifdef POSTHOUSE_XAPIAN
#include <xapian.h>
#endif

using namespace posthouse;
using namespace posthouse::search;

namespace {

constexpr std::size_t messages = 10'000;
constexpr std::string_view rare = "zyxwort";  // in every 500th
constexpr std::string_view part = "yxwo";

// Words as they are: few that are everywhere, and many of which each is seldom (Zipf); names and numbers that are
// nowhere else.
const std::vector<std::string>& texts()
{
    static const std::vector<std::string> all = [] {
        std::mt19937 dice(11);
        std::vector<std::string> words;
        for (int i = 0; i < 60'000; ++i) {
            std::string word;
            for (unsigned left = 2 + dice() % 9; left > 0; --left)
                word += static_cast<char>('a' + std::min(dice() % 26, dice() % 26));
            words.push_back(word);
        }
        std::uniform_real_distribution<double> uniform(0, 1);
        std::vector<std::string> made;
        for (std::size_t i = 0; i < messages; ++i) {
            std::string text;
            while (text.size() < 6000) {
                const double rank = std::exp(uniform(dice) * std::log(60'000.0)) - 1;
                text += words[static_cast<std::size_t>(rank)] + (dice() % 12 == 0 ? "\n" : " ");
            }
            for (int unique = 0; unique < 10; ++unique)
                text += std::to_string(dice()) + " ";
            if (i % 500 == 0)
                text += rare;
            made.push_back(std::move(text));
        }
        return made;
    }();
    return all;
}

struct Ours {
    std::vector<std::shared_ptr<Segment>> segments;
    std::vector<std::vector<std::string>> postings;
    std::size_t bytes = 0;

    Ours()
    {
        SegmentBuilder builder;
        Id id = 0;
        for (const std::string& text : texts()) {
            builder.add(++id, std::vector<FieldText>{{Field::body, text}});
            if (builder.full() || id == texts().size())
                take(builder.finish());
        }
    }
    void take(PackedSegment packed)
    {
        auto segment = std::make_shared<Segment>();
        segment->emails = std::move(packed.emails);
        std::vector<std::string>& of_segment = postings.emplace_back();
        for (PackedChunk& chunk : packed.chunks) {
            bytes += chunk.terms.size() + chunk.postings.size();
            segment->chunks.push_back(*Chunk::read(chunk.terms));
            of_segment.push_back(std::move(chunk.postings));
        }
        segments.push_back(std::move(segment));
    }
    std::size_t count(std::string_view key) const
    {
        std::size_t found = 0;
        for (std::size_t s = 0; s < segments.size(); ++s) {
            Documents holding(segments[s]->emails.size());
            for (std::size_t i = 0; i < segments[s]->chunks.size(); ++i)
                segments[s]->chunks[i].find({key}, Field::body, [&](std::size_t term) {
                    unpack(segments[s]->chunks[i].postings(term, postings[s][i]), holding);
                });
            found += holding.count();
        }
        return found;
    }
};

const Ours& ours()
{
    static const Ours index;
    return index;
}

void ours_index(benchmark::State& state)
{
    texts();
    for (auto _ : state) {
        const Ours index;
        state.counters["bytes_a_message"] = static_cast<double>(index.bytes) / messages;
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * messages));
}

void ours_find(benchmark::State& state)
{
    const Ours& index = ours();
    const std::string_view key = state.range(0) == 0 ? rare
        : state.range(0) == 1                        ? part
                                                     : std::string_view(texts()[5]).substr(0, 2);
    for (auto _ : state)
        state.counters["found"] = static_cast<double>(index.count(key));
}

#ifdef POSTHOUSE_XAPIAN
const std::string folder = "search_bench.xapian";

void make_xapian()
{
    std::filesystem::remove_all(folder);
    Xapian::WritableDatabase database(folder, Xapian::DB_CREATE_OR_OVERWRITE);
    for (const std::string& text : texts()) {
        Xapian::Document document;
        each_term(text, [&document](std::string_view term) { document.add_boolean_term(std::string(term)); });
        database.add_document(document);
    }
    database.commit();
}

void xapian_index(benchmark::State& state)
{
    texts();
    for (auto _ : state)
        make_xapian();
    std::size_t bytes = 0;
    for (const auto& file : std::filesystem::directory_iterator(folder))
        bytes += file.file_size();
    state.counters["bytes_a_message"] = static_cast<double>(bytes) / messages;
    state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * messages));
}

// Xapian finds words; a part of a word is looked for in its list of all terms.
void xapian_find(benchmark::State& state)
{
    if (!std::filesystem::exists(folder))
        make_xapian();
    const Xapian::Database database(folder);
    const std::string key(state.range(0) == 0 ? rare : part);
    for (auto _ : state) {
        std::vector<Xapian::Query> terms;
        if (state.range(0) == 0)
            terms.emplace_back(key);
        else
            for (auto term = database.allterms_begin(); term != database.allterms_end(); ++term)
                if ((*term).find(key) != std::string::npos)
                    terms.emplace_back(*term);
        Xapian::Enquire enquire(database);
        enquire.set_weighting_scheme(Xapian::BoolWeight());
        enquire.set_query(Xapian::Query(Xapian::Query::OP_OR, terms.begin(), terms.end()));
        state.counters["found"] = static_cast<double>(enquire.get_mset(0, messages).size());
    }
}
BENCHMARK(xapian_index)->Unit(benchmark::kMillisecond)->Iterations(1);
BENCHMARK(xapian_find)->ArgName("part")->Arg(0)->Arg(1)->Unit(benchmark::kMicrosecond);
#endif

}  // namespace

BENCHMARK(ours_index)->Unit(benchmark::kMillisecond)->Iterations(1);
BENCHMARK(ours_find)->ArgName("word_part_short")->Arg(0)->Arg(1)->Arg(2)->Unit(benchmark::kMicrosecond);
BENCHMARK_MAIN();

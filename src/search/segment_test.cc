// The index against reading the texts: whatever is looked for, both find the same.
#include "search/builder.h"
#include "search/merge.h"

#include <random>

#include <gtest/gtest.h>

namespace posthouse::search {

namespace {

struct Built {
    std::shared_ptr<Segment> segment;
    std::vector<std::string> postings;
};

Built built_of(PackedSegment packed)
{
    Built built{std::make_shared<Segment>(), {}};
    built.segment->emails = std::move(packed.emails);
    built.segment->opaque = std::move(packed.opaque);
    for (PackedChunk& chunk : packed.chunks) {
        Result<Chunk> read = Chunk::read(chunk.terms);
        EXPECT_TRUE(read.has_value());
        if (read)
            built.segment->chunks.push_back(*std::move(read));
        built.postings.push_back(std::move(chunk.postings));
    }
    built.segment->sort();
    return built;
}

Documents holding(const Built& built, const Needles& needles, Fields fields)
{
    std::optional<Documents> all;
    for (const Needle& needle : needles.all) {
        Documents one(built.segment->emails.size());
        for (std::size_t i = 0; i < built.segment->chunks.size(); ++i)
            built.segment->chunks[i].find(needle, fields, [&](std::size_t term) {
                unpack(built.segment->chunks[i].postings(term, built.postings[i]), one);
            });
        if (all)
            all->keep_those_in(one);
        else
            all = one;
    }
    return all.value_or(Documents(0));
}

Built merged(const std::vector<Built>& parts, const Merge::IsGone& gone)
{
    std::vector<std::shared_ptr<const Segment>> segments;
    for (const Built& part : parts)
        segments.push_back(part.segment);
    Merge merge(segments, gone);
    PackedSegment packed{.emails = merge.emails(), .opaque = merge.opaque(), .chunks = {}};
    while (const auto wanted = merge.wants()) {
        merge.feed(*wanted, parts[wanted->segment].postings[wanted->chunk]);
        std::ranges::move(merge.ready(), std::back_inserter(packed.chunks));
    }
    std::ranges::move(merge.finish(), std::back_inserter(packed.chunks));
    return built_of(std::move(packed));
}

// Words of few letters, so that parts of words meet everywhere; now and then a very long one.
std::string random_text(std::minstd_rand& dice)
{
    std::string text;
    for (unsigned words = 1 + dice() % 60; words > 0; --words) {
        const unsigned size = dice() % 25 == 0 ? 50 + dice() % 200 : 1 + dice() % 9;
        for (unsigned i = 0; i < size; ++i)
            text += "abcé"[dice() % 4 == 3 ? 0 : dice() % 3];
        if (dice() % 10 == 0)
            text += "\xc3\xa9";
        text += " .-\n@"[dice() % 5];
    }
    return text;
}

}  // namespace

TEST(SegmentTest, FindsWhatReadingFinds)
{
    std::minstd_rand dice(4);
    for (int round = 0; round < 6; ++round) {
        std::vector<std::string> bodies;
        std::vector<Built> parts;
        for (unsigned part = 0; part < 3; ++part) {
            SegmentBuilder builder;
            for (unsigned i = 0; i < 100; ++i) {
                bodies.push_back(random_text(dice));
                builder.add(bodies.size(),
                            std::vector<FieldText>{{Field::body, bodies.back()}, {Field::subject, "unlike"}});
            }
            parts.push_back(built_of(builder.finish()));
        }
        const Built all = merged(parts, {});
        ASSERT_EQ(all.segment->emails.size(), bodies.size());
        for (int search = 0; search < 200; ++search) {
            const std::string& source = bodies[dice() % bodies.size()];
            const std::size_t at = dice() % source.size();
            std::string key = source.substr(at, 1 + dice() % 70);
            if (dice() % 8 == 0)
                key += "b";
            const Needles needles = needles_of(key);
            if (needles.all.empty())
                continue;
            const Documents found = holding(all, needles, Field::body);
            for (std::size_t i = 0; i < bodies.size(); ++i) {
                const bool is_there = bodies[i].find(key) != std::string::npos;
                const bool is_found = found.has(static_cast<Document>(i));
                if (needles.exact)
                    ASSERT_EQ(is_found, is_there) << key << " in " << bodies[i];
                else
                    ASSERT_TRUE(is_found || !is_there) << key << " in " << bodies[i];
            }
            EXPECT_EQ(holding(all, needles, Field::subject).count(), 0u) << "another field";
        }
    }
}

TEST(SegmentTest, AMergeLeavesOutWhoIsGone)
{
    std::vector<Built> parts;
    for (Id first : {100, 50}) {
        SegmentBuilder builder;
        for (Id i = 0; i < 4; ++i)
            builder.add(first + i, std::vector<FieldText>{{Field::body, "all n" + std::to_string(first + i)}});
        builder.add_opaque(first + 4);
        parts.push_back(built_of(builder.finish()));
    }
    const Built all = merged(parts, {{true, false, false, false, false}, {false, false, false, false, true}});
    EXPECT_EQ(all.segment->emails, (std::vector<Id>{101, 102, 103, 104, 50, 51, 52, 53}));
    EXPECT_EQ(all.segment->opaque, std::vector<Document>{3});
    EXPECT_EQ(holding(all, needles_of("all"), Field::body).count(), 7u);
    EXPECT_EQ(holding(all, needles_of("n100"), Field::body).count(), 0u);
    EXPECT_EQ(all.segment->by_email.front(), std::pair(Id{50}, Document{4}));
}

TEST(SegmentTest, AMessageOfTooManyRunsIsOpaque)
{
    SegmentBuilder builder;
    std::string many;
    for (std::size_t i = 0; i <= SegmentBuilder::most_runs; ++i)
        many += "a ";
    builder.add(1, std::vector<FieldText>{{Field::body, many}});
    const PackedSegment packed = builder.finish();
    EXPECT_EQ(packed.opaque.size(), 1u);
    EXPECT_TRUE(packed.chunks.empty());
}

TEST(WordsTest, NeedlesOfAKey)
{
    EXPECT_TRUE(needles_of("word").exact);
    EXPECT_FALSE(needles_of("two words").exact);
    EXPECT_FALSE(needles_of("word.").exact) << "that a dot follows must be read";
    EXPECT_TRUE(needles_of("...").all.empty());
    EXPECT_FALSE(needles_of(std::string(33, 'a')).exact);
    const Needles three = needles_of("first middle last");
    EXPECT_TRUE(three.all[0].at_end && !three.all[0].at_start);
    EXPECT_TRUE(three.all[1].at_end && three.all[1].at_start);
    EXPECT_TRUE(!three.all[2].at_end && three.all[2].at_start);
}

TEST(PostingsTest, ThereAndBack)
{
    std::minstd_rand dice(9);
    for (int round = 0; round < 300; ++round) {
        const std::size_t size = 1 + dice() % 1000;
        std::vector<Document> documents;
        for (Document i = 0; i < size; ++i)
            if (dice() % (1 + round % 30) == 0)
                documents.push_back(i);
        EXPECT_EQ(unpack(pack(documents, size)), documents);
    }
}

}  // namespace posthouse::search

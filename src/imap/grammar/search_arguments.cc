// SEARCH, SORT and THREAD: RFC 4466 section 2.6, RFC 5256, RFC 5957, RFC 6203.
#include "imap/grammar/command_arguments.h"
#include "imap/grammar/lexemes.h"

#include <algorithm>
#include <array>

namespace posthouse::imap {

namespace {

// Of one SORT: each costs a value for each message.
constexpr std::size_t most_criteria = 18;

struct SortWord {
    std::string_view word;
    SortCriterion::Key key;
};
constexpr std::array sort_words{
    SortWord{"ARRIVAL", SortCriterion::Key::arrival},
    SortWord{"CC", SortCriterion::Key::cc},
    SortWord{"DATE", SortCriterion::Key::date},
    SortWord{"FROM", SortCriterion::Key::from},
    SortWord{"SIZE", SortCriterion::Key::size},
    SortWord{"SUBJECT", SortCriterion::Key::subject},
    SortWord{"TO", SortCriterion::Key::to},
    SortWord{"DISPLAYFROM", SortCriterion::Key::display_from},
    SortWord{"DISPLAYTO", SortCriterion::Key::display_to},
    SortWord{"RELEVANCY", SortCriterion::Key::relevancy},
};

// sort-criterion = ["REVERSE" SP] sort-key
std::optional<SortCriterion> sort_criterion(Cursor& in)
{
    SortCriterion criterion;
    criterion.reverse = in.take("REVERSE ");
    for (const SortWord& word : sort_words)
        if (take_word(in, word.word)) {
            criterion.key = word.key;
            return criterion;
        }
    return std::nullopt;
}

// sort-criteria = "(" sort-criterion *(SP sort-criterion) ")"
std::optional<std::vector<SortCriterion>> sort_criteria(Cursor& in)
{
    std::vector<SortCriterion> criteria;
    if (!in.take('('))
        return std::nullopt;
    do {
        const auto criterion = sort_criterion(in);
        if (!criterion || criteria.size() == most_criteria)
            return std::nullopt;
        criteria.push_back(*criterion);
    } while (in.take(' '));
    if (!in.take(')'))
        return std::nullopt;
    return criteria;
}

// search-criteria = charset 1*(SP search-key)
Parsed<SearchProgram> search_criteria(Cursor& in)
{
    auto charset = in.take(' ') ? astring(in) : std::nullopt;
    if (!charset || !in.take(' '))
        return misfit("a charset and search keys are missing");
    auto program = search_keys(in, std::move(*charset));
    if (!program)
        return misfit(std::move(program.error()));
    return std::move(*program);
}

}  // namespace

// "SEARCH" SP [search-return-opts SP] search-program
Parsed<Arguments> search_arguments(CommandCursor& in)
{
    if (!in.take(' '))
        return misfit("search keys are missing");
    auto result = search_return(in);
    if (!result)
        return misfit(std::move(result.error()));
    auto program = search_program(in);
    if (!program)
        return misfit(std::move(program.error()));
    if (result->relevancy && !program->is_fuzzy())
        return misfit(std::string(nothing_fuzzy));
    return SearchArguments{std::move(*result), std::move(*program)};
}

// sort = "SORT" SP [search-return-opts SP] sort-criteria SP search-criteria
Parsed<Arguments> sort_arguments(CommandCursor& in)
{
    if (!in.take(' '))
        return misfit("sort criteria are missing");
    auto result = search_return(in);
    if (!result)
        return misfit(std::move(result.error()));
    auto criteria = sort_criteria(in);
    if (!criteria)
        return misfit("not a list of sort criteria");
    auto program = search_criteria(in);
    if (!program)
        return std::unexpected(program.error());
    const bool by_relevancy = std::ranges::any_of(
        *criteria, [](const SortCriterion& criterion) { return criterion.key == SortCriterion::Key::relevancy; });
    if ((result->relevancy || by_relevancy) && !program->is_fuzzy())
        return misfit(std::string(nothing_fuzzy));
    return SortArguments{std::move(*result), std::move(*criteria), std::move(*program)};
}

// thread = "THREAD" SP thread-alg SP search-criteria
Parsed<Arguments> thread_arguments(CommandCursor& in)
{
    ThreadArguments thread;
    if (!in.take(' '))
        return misfit("a threading algorithm is missing");
    if (take_word(in, "ORDEREDSUBJECT"))
        thread.algorithm = ThreadArguments::Algorithm::ordered_subject;
    else if (!take_word(in, "REFERENCES"))
        return misfit("this threading algorithm is not known here");
    auto program = search_criteria(in);
    if (!program)
        return std::unexpected(program.error());
    thread.program = std::move(*program);
    return thread;
}

}  // namespace posthouse::imap

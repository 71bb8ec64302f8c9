#include "net/dns_questions.h"

#include <algorithm>

namespace posthouse::net {

namespace {

constexpr std::size_t most_waiting = 20'000;  // questions that wait for their turn
constexpr std::size_t most_waiters = 10'000;  // for one question
constexpr std::uint32_t longest_kept = 3600;  // seconds
constexpr std::uint32_t failure_kept = 5;  // seconds, RFC 9520 section 3.2
constexpr std::size_t entry_overhead = 250;  // bytes: what map, pointer and texts cost beside the data

std::string text_of(const DnsKey& key)
{
    const auto type = static_cast<unsigned>(key.type);
    return std::string{static_cast<char>(type >> 8), static_cast<char>(type)} + key.name;
}

std::size_t weight_of(const std::string& key, const DnsAnswer& answer)
{
    std::size_t weight = entry_overhead + 2 * key.size() + answer.text.size() + answer.canonical_name.size();
    for (const std::string& data : answer.data)
        weight += sizeof(std::string) + data.size();
    return weight;
}

}  // namespace

DnsAnswerPtr temporary_answer(std::string text)
{
    DnsAnswer answer;
    answer.text = std::move(text);
    return std::make_shared<const DnsAnswer>(std::move(answer));
}

DnsQuestions::DnsQuestions(std::size_t most_at_once, std::size_t cache_bytes, const Clock& clock, Random& random) :
    most_at_once_(most_at_once),
    clock_(clock),
    questions_(0, Hash{KeyedHash(HashKey::fresh(random))}),
    cache_(cache_bytes / 2, Hash{KeyedHash(HashKey::fresh(random))})
{
}

DnsQuestions::Asked DnsQuestions::ask(const DnsKey& key, Deadline deadline)
{
    const std::string text = text_of(key);
    const std::scoped_lock lock(mutex_);
    if (closed_)
        return {temporary_answer("the server is stopping"), {}, false};
    if (const Cached* cached = cache_.find(text); cached != nullptr && cached->until > clock_.steady())
        return {cached->answer, {}, false};
    if (const auto found = questions_.find(text); found != questions_.end()) {
        if (found->second.waiters.size() >= most_waiters)
            return {temporary_answer("too many wait for this answer"), {}, false};
        found->second.latest = std::max(found->second.latest, deadline.at);
        found->second.waiters.push_back(std::make_shared<Promise<DnsAnswerPtr>>());
        return {{}, found->second.waiters.back(), false};
    }
    const bool now = under_way_ < most_at_once_;
    if (!now && waiting_.size() >= most_waiting)
        return {temporary_answer("too many questions to the DNS wait"), {}, false};
    auto promise = std::make_shared<Promise<DnsAnswerPtr>>();
    questions_.emplace(text, Question{{promise}, deadline.at});
    if (now)
        ++under_way_;
    else
        waiting_.push_back(key);
    return {{}, std::move(promise), now};
}

void DnsQuestions::keep(const std::string& key, const DnsAnswerPtr& answer)
{
    const bool is_final = answer->status == LookupStatus::found || answer->status == LookupStatus::no_data ||
        answer->status == LookupStatus::no_such_name;
    const std::uint32_t seconds = is_final ? std::min(answer->ttl, longest_kept) : failure_kept;
    if (seconds > 0)
        cache_.put(key, {answer, clock_.steady() + std::chrono::seconds(seconds)}, weight_of(key, *answer));
}

std::optional<DnsKey> DnsQuestions::answered(const DnsKey& key, DnsAnswerPtr answer)
{
    std::vector<std::pair<std::shared_ptr<Promise<DnsAnswerPtr>>, DnsAnswerPtr>> told;
    std::optional<DnsKey> next;
    {
        const std::scoped_lock lock(mutex_);
        if (closed_)
            return {};
        const std::string text = text_of(key);
        keep(text, answer);
        if (auto question = questions_.extract(text))
            for (auto& waiter : question.mapped().waiters)
                told.emplace_back(std::move(waiter), answer);
        --under_way_;
        while (!waiting_.empty() && !next) {
            DnsKey first = std::move(waiting_.front());
            waiting_.pop_front();
            const auto found = questions_.find(text_of(first));
            if (found->second.latest > clock_.steady()) {
                next = std::move(first);
                ++under_way_;
                continue;
            }
            const DnsAnswerPtr late = temporary_answer("the question's turn did not come in time");
            for (auto& waiter : found->second.waiters)
                told.emplace_back(std::move(waiter), late);
            questions_.erase(found);
        }
    }
    for (const auto& [promise, its_answer] : told)
        promise->fulfil(its_answer);
    return next;
}

void DnsQuestions::close()
{
    std::unordered_map<std::string, Question, Hash> left(0, questions_.hash_function());
    {
        const std::scoped_lock lock(mutex_);
        closed_ = true;
        left.swap(questions_);
        waiting_.clear();
    }
    for (const auto& [key, question] : left)
        for (const auto& waiter : question.waiters)
            waiter->fulfil(temporary_answer("the server is stopping"));
}

}  // namespace posthouse::net

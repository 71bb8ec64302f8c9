#include "mta/queue/policy.h"

#include "base/codec.h"

#include <algorithm>

namespace posthouse::mta::queue {

namespace {

constexpr std::uint8_t version = 1;
constexpr auto patience = 30s;
constexpr std::size_t most_steps = 32;
constexpr std::size_t most_policies = 10'000;
constexpr Duration longest{30 * 24h};
constexpr std::string_view everybody = "*";

store::Key policy_key(std::string_view domain)
{
    return store::KeyBuilder(static_cast<std::uint8_t>(Table::policy)).text(domain).key();
}

std::uint64_t seconds_of(Duration duration)
{
    return static_cast<std::uint64_t>(std::chrono::floor<std::chrono::seconds>(duration).count());
}

Duration from_seconds(std::uint64_t count)
{
    const auto most = static_cast<std::uint64_t>(std::chrono::floor<std::chrono::seconds>(longest).count());
    return std::chrono::seconds{std::min(count, most)};
}

}  // namespace

Duration Policy::delay_after(std::uint32_t attempts) const
{
    if (retry.empty())
        return 4h;
    return retry[std::min<std::size_t>(std::max<std::uint32_t>(attempts, 1), retry.size()) - 1];
}

std::optional<std::string> fault_of(const Policy& policy)
{
    if (policy.retry.empty() || policy.retry.size() > most_steps)
        return "a schedule has 1 to 32 steps";
    for (const Duration step : policy.retry)
        if (step < 1s || step > longest)
            return "a step is a second at least and 30 days at most";
    if (policy.give_up_after < 1min || policy.give_up_after > longest)
        return "giving up comes after a minute at least and 30 days at most";
    if (policy.warn_after < 0s || policy.warn_after > longest)
        return "the delay notice comes after at most 30 days";
    if (policy.connections < 1 || policy.connections > 100)
        return "1 to 100 connections";
    if (policy.per_minute > 1'000'000)
        return "at most 1,000,000 messages a minute; 0 is no limit";
    return std::nullopt;
}

std::string write_policy(const Policy& policy)
{
    Writer out;
    out.u8(version).varint(policy.retry.size());
    for (const Duration step : policy.retry)
        out.varint(seconds_of(step));
    out.varint(seconds_of(policy.warn_after)).varint(seconds_of(policy.give_up_after));
    out.varint(policy.connections).varint(policy.per_minute);
    return out.take();
}

Result<Policy> read_policy(std::string_view value)
{
    Reader in(value);
    if (in.u8() == 0)
        return fail(damaged("policy"));
    Policy policy;
    policy.retry.clear();
    const std::uint64_t steps = in.varint();
    for (std::uint64_t i = 0; i < steps && in.ok(); ++i)
        policy.retry.push_back(from_seconds(in.varint()));
    policy.warn_after = from_seconds(in.varint());
    policy.give_up_after = from_seconds(in.varint());
    policy.connections = static_cast<unsigned>(std::min<std::uint64_t>(in.varint(), 1'000'000));
    policy.per_minute = static_cast<unsigned>(std::min<std::uint64_t>(in.varint(), 10'000'000));
    if (!in.ok() || fault_of(policy))
        return fail(damaged("policy"));
    return policy;
}

Duration with_jitter(Duration duration, Random& random)
{
    const std::int64_t tenth = duration.count() / 10;
    if (tenth == 0)
        return duration;
    const auto spread = static_cast<std::uint64_t>(2 * tenth);
    return Duration{duration.count() - tenth + static_cast<std::int64_t>(random.number() % spread)};
}

Task<Result<void>> Policies::load()
{
    store::Range range = store::KeyBuilder(static_cast<std::uint8_t>(Table::policy)).range();
    for (;;) {
        const Result<store::Page> page =
            co_await store_.scan(common, range, store_.limits().page_rows, Deadline::in(clock_, patience));
        if (!page)
            co_return fail(page.error());
        for (const store::Row& row : page->rows) {
            store::KeyReader key(row.key);
            key.u8();
            std::string domain = key.text();
            Result<Policy> policy = read_policy(row.value);
            if (!policy)
                co_return fail(policy.error());
            const std::scoped_lock lock(mutex_);
            auto kept = std::make_shared<const Policy>(std::move(*policy));
            if (domain == everybody)
                usual_ = kept;
            rows_[std::move(domain)] = std::move(kept);
        }
        if (!page->more)
            co_return Result<void>{};
        range.from = page->rows.back().key + '\0';
    }
}

std::shared_ptr<const Policy> Policies::of(std::string_view domain) const
{
    const std::scoped_lock lock(mutex_);
    if (rows_.empty())
        return usual_;
    const auto found = rows_.find(domain);
    return found == rows_.end() ? usual_ : found->second;
}

Task<Result<void>> Policies::set(std::string domain, std::optional<Policy> policy)
{
    const bool fits = !domain.empty() && domain.size() <= 255;
    if (!fits)
        co_return fail(ErrorCode::malformed, "a policy is for a domain, or for \"*\"");
    if (policy) {
        if (std::optional<std::string> fault = fault_of(*policy))
            co_return fail(ErrorCode::malformed, std::move(*fault));
        const std::scoped_lock lock(mutex_);
        if (rows_.size() >= most_policies && !rows_.contains(domain))
            co_return fail(ErrorCode::limit, "10,000 domains have policies of their own; there is no room for more");
    }
    store::Batch batch;
    batch.partition = common;
    batch.id = ids_.next();
    batch.purpose = store::Purpose::upkeep;
    if (policy)
        batch.puts.push_back({policy_key(domain), write_policy(*policy)});
    else
        batch.erases.push_back({policy_key(domain)});
    const store::Outcome outcome =
        co_await store::commit_surely(store_, std::move(batch), Deadline::in(clock_, patience));
    if (outcome != store::Outcome::ok)
        co_return fail(store::to_error(outcome));
    const std::scoped_lock lock(mutex_);
    if (policy)
        rows_[domain] = std::make_shared<const Policy>(*policy);
    else
        rows_.erase(domain);
    if (domain == everybody)
        usual_ = std::make_shared<const Policy>(policy.value_or(Policy{}));
    co_return Result<void>{};
}

std::vector<std::pair<std::string, Policy>> Policies::all() const
{
    const std::scoped_lock lock(mutex_);
    std::vector<std::pair<std::string, Policy>> out;
    for (const auto& [domain, policy] : rows_)
        out.emplace_back(domain, *policy);
    return out;
}

}  // namespace posthouse::mta::queue

#include "directory/outgoing.h"

#include "base/codec.h"
#include "directory/rows.h"

#include <algorithm>

#include <fmt/format.h>

namespace posthouse::directory {

namespace {

constexpr std::uint8_t version = 1;
constexpr auto slot_length = 5min;
constexpr std::int64_t slots_an_hour = 12;
constexpr auto written_every = 10s;
constexpr auto patience = 30s;
constexpr std::size_t most_remembered = 10'000;

store::Value encode(const std::map<std::int64_t, std::uint32_t>& slots)
{
    Writer out;
    out.u8(version).varint(slots.size());
    for (const auto& [slot, count] : slots)
        out.varint(static_cast<std::uint64_t>(slot)).varint(count);
    return out.take();
}

// What cannot be read counts for nothing: a limit is no reason to lock somebody out.
std::map<std::int64_t, std::uint32_t> decode(std::string_view value)
{
    Reader in(value);
    std::map<std::int64_t, std::uint32_t> slots;
    if (in.u8() < version)
        return slots;
    const std::uint64_t count = in.varint();
    for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
        const auto slot = static_cast<std::int64_t>(in.varint());
        slots[slot] = static_cast<std::uint32_t>(in.varint());
    }
    return slots;
}

}  // namespace

std::int64_t Outgoing::slot() const { return services_.clock.now().time_since_epoch() / slot_length; }

// Of the last hour; what a clock that was ahead has counted is forgotten, unless it is of the hour to come.
std::uint32_t Outgoing::used(const Count& count) const
{
    const std::int64_t now = slot();
    std::uint32_t sum = 0;
    for (const auto& [each, recipients] : count.slots)
        if (each > now - slots_an_hour && each <= now + slots_an_hour)
            sum += recipients;
    return sum;
}

// Its count is in memory.
Task<Result<void>> Outgoing::know(AccountId account)
{
    {
        const std::scoped_lock lock(mutex_);
        if (counts_.contains(account))
            co_return Result<void>{};
    }
    const Result<std::optional<store::Value>> row = co_await services_.store.get(
        outgoing_partition, outgoing_key(account), Deadline::in(services_.clock, patience));
    if (!row)
        co_return fail(row.error());
    const std::scoped_lock lock(mutex_);
    forget_quiet_ones();
    counts_.try_emplace(account, Count{*row ? decode(**row) : std::map<std::int64_t, std::uint32_t>{}, {}, false});
    co_return Result<void>{};
}

void Outgoing::forget_quiet_ones()
{
    if (counts_.size() >= most_remembered)
        std::erase_if(counts_, [this](const auto& each) { return !each.second.dirty && used(each.second) == 0; });
}

Task<Result<void>> Outgoing::take(AccountId account)
{
    const Result<Account> known = co_await directory_.account(account);
    if (!known)
        co_return fail(known.error());
    Result<void> counted = co_await know(account);
    if (!counted)
        co_return counted;
    store::Value value;
    {
        const std::scoped_lock lock(mutex_);
        Count& count = counts_[account];
        const std::uint32_t limit = known->outgoing_per_hour;
        if (limit != unlimited_outgoing && used(count) >= limit)
            co_return fail(
                ErrorCode::limit,
                fmt::format("{} has sent to {} recipients in an hour, which is the limit", known->address, limit));
        const std::int64_t now_in = slot();
        count.slots.erase(count.slots.begin(), count.slots.upper_bound(now_in - slots_an_hour));
        count.slots.erase(count.slots.upper_bound(now_in + slots_an_hour), count.slots.end());
        ++count.slots[now_in];
        count.dirty = true;
        const WallTime now = services_.clock.now();
        const bool soon = now >= count.written && now < count.written + Duration{written_every};
        if (!soon) {
            count.written = now;
            count.dirty = false;
            value = encode(count.slots);
        }
    }
    if (!value.empty())
        co_await write(account, std::move(value));
    co_return Result<void>{};
}

Task<void> Outgoing::write(AccountId account, store::Value value)
{
    store::Batch batch;
    batch.partition = outgoing_partition;
    batch.id = services_.ids.next();
    batch.purpose = store::Purpose::upkeep;
    batch.durability = store::Durability::lazy;
    batch.puts.push_back({outgoing_key(account), std::move(value)});
    const store::Outcome outcome =
        co_await services_.store.commit(std::move(batch), Deadline::in(services_.clock, patience));
    if (outcome != store::Outcome::ok)
        services_.log.write(LogLevel::warning, "directory", 0, "how much an account has sent could not be kept",
                            {{"why", std::string(store::to_string(outcome))}});
}

void Outgoing::give_back(AccountId account, std::uint32_t recipients)
{
    const std::scoped_lock lock(mutex_);
    const auto found = counts_.find(account);
    if (found == counts_.end())
        return;
    auto& slots = found->second.slots;
    for (auto each = slots.rbegin(); each != slots.rend() && recipients > 0; ++each) {
        const std::uint32_t taken = std::min(each->second, recipients);
        each->second -= taken;
        recipients -= taken;
    }
}

Task<Result<Outgoing::Use>> Outgoing::use(AccountId account)
{
    const Result<Account> known = co_await directory_.account(account);
    if (!known)
        co_return fail(known.error());
    const Result<void> counted = co_await know(account);
    if (!counted)
        co_return fail(counted.error());
    const std::scoped_lock lock(mutex_);
    co_return Use{used(counts_[account]), known->outgoing_per_hour};
}

}  // namespace posthouse::directory

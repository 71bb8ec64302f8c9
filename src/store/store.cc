#include "store/store.h"

#include <algorithm>

namespace posthouse::store {

std::size_t Batch::bytes() const
{
    std::size_t sum = 0;
    for (const Check& check : checks)
        sum += check.key.size() + (check.equals ? check.equals->size() : 0);
    for (const Put& put : puts)
        sum += put.key.size() + put.value.size();
    for (const Erase& erase : erases)
        sum += erase.key.size();
    for (const EraseRange& range : erase_ranges)
        sum += range.from.size() + range.until.size();
    return sum;
}

std::size_t Batch::operations() const { return checks.size() + puts.size() + erases.size() + erase_ranges.size(); }

Outcome judge(const Batch& batch, const Limits& limits)
{
    const auto fits = [&limits](const Key& key) { return key.size() <= limits.key_bytes; };
    const bool good = batch.operations() <= limits.batch_operations && batch.bytes() <= limits.batch_bytes &&
        std::ranges::all_of(batch.checks,
                            [&](const Check& check) {
                                return fits(check.key) && (!check.equals || check.equals->size() <= limits.value_bytes);
                            }) &&
        std::ranges::all_of(batch.puts,
                            [&](const Put& put) { return fits(put.key) && put.value.size() <= limits.value_bytes; }) &&
        std::ranges::all_of(batch.erases, fits, &Erase::key) &&
        std::ranges::all_of(batch.erase_ranges, fits, &EraseRange::from) &&
        std::ranges::all_of(batch.erase_ranges, fits, &EraseRange::until);
    return good ? Outcome::ok : Outcome::too_large;
}

Result<void> judge(const Key& key, const Limits& limits)
{
    if (key.size() > limits.key_bytes)
        return fail(ErrorCode::too_large, "a key over the store's limit");
    return {};
}

std::string_view to_string(Outcome outcome)
{
    switch (outcome) {
    case Outcome::ok: return "ok";
    case Outcome::conflict: return "conflict";
    case Outcome::unknown: return "unknown";
    case Outcome::unavailable: return "unavailable";
    case Outcome::fenced: return "fenced";
    case Outcome::too_large: return "too large";
    case Outcome::corrupt: return "corrupt";
    }
    return "?";
}

Error to_error(Outcome outcome)
{
    switch (outcome) {
    case Outcome::ok: return {ErrorCode::internal, "the commit was ok"};
    case Outcome::conflict: return {ErrorCode::conflict, "a row changed meanwhile"};
    case Outcome::unknown: return {ErrorCode::unavailable, "the commit's outcome is unknown"};
    case Outcome::unavailable: return {ErrorCode::unavailable, "the store cannot write now"};
    case Outcome::fenced: return {ErrorCode::unavailable, "another node owns the partition"};
    case Outcome::too_large: return {ErrorCode::too_large, "over the store's limits"};
    case Outcome::corrupt: return {ErrorCode::corrupt, "a row fails its checksum"};
    }
    return {ErrorCode::internal, "no such outcome"};
}

Task<Outcome> commit_surely(Store& store, Batch batch, Deadline deadline)
{
    const Outcome first = co_await store.commit(batch, deadline);
    if (first != Outcome::unknown)
        co_return first;
    const Outcome second = co_await store.resolve(std::move(batch), deadline);
    co_return second == Outcome::unavailable ? Outcome::unknown : second;
}

}  // namespace posthouse::store

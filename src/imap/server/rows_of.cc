#include "imap/server/rows_of.h"

#include <algorithm>

namespace posthouse::imap {

namespace {

constexpr std::size_t batch_size = 512;

}  // namespace

Task<Result<void>> for_each_row(const SearchScope& scope, std::span<const std::uint32_t> positions, Progress& progress,
                                EachRow each)
{
    for (std::size_t at = 0; at < positions.size(); at += batch_size) {
        const auto batch = positions.subspan(at, std::min(batch_size, positions.size() - at));
        std::vector<mailbox::EmailId> ids;
        for (const std::uint32_t position : batch)
            ids.push_back(scope.entry_at(position).email);
        const Result<std::vector<Result<mailbox::Email>>> rows = co_await scope.account->emails(std::move(ids));
        if (!rows)
            co_return fail(rows.error());
        for (std::size_t i = 0; i < batch.size() && i < rows->size(); ++i) {
            const auto& row = (*rows)[i];
            each(batch[i], scope.entry_at(batch[i]), row ? &*row : nullptr);
        }
        const Result<void> paused = co_await progress.pause(at + batch.size(), positions.size());
        if (!paused)
            co_return paused;
    }
    co_return Result<void>{};
}

Task<Result<void>> for_each_to_sort(Session& session, const SearchScope& scope,
                                    std::span<const std::uint32_t> positions,
                                    const std::vector<SortCriterion>& criteria, std::string tag, EachRow each)
{
    if (std::ranges::any_of(criteria, needs_row, &SortCriterion::key)) {
        Progress progress(session, std::move(tag), "sorting");
        co_return co_await for_each_row(scope, positions, progress, std::move(each));
    }
    for (const std::uint32_t position : positions)
        each(position, scope.entry_at(position), nullptr);
    co_return Result<void>{};
}

}  // namespace posthouse::imap

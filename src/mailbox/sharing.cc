#include "mailbox/sharing.h"

#include "mailbox/owner.h"

namespace posthouse::mailbox {

namespace {

constexpr std::uint8_t shares = 1;  // table of the system's partition
constexpr store::Partition partition{store::PartitionKind::system, 0};

}  // namespace

Task<Result<void>> Sharing::note(AccountId owner, AccountId with) const { return write(owner, with, true); }

Task<Result<void>> Sharing::forget(AccountId owner, AccountId with) const { return write(owner, with, false); }

Task<Result<void>> Sharing::write(AccountId owner, AccountId with, bool there) const
{
    store::Batch batch{.partition = partition, .id = services_.ids.next(), .purpose = store::Purpose::upkeep};
    const store::Key key = store::KeyBuilder(shares).u64(with).u64(owner).key();
    if (there)
        batch.puts.push_back({key, write_mark()});
    else
        batch.erases.push_back({key});
    const store::Outcome outcome = co_await store::commit_surely(services_.store, std::move(batch),
                                                                 Deadline::in(services_.clock, commit_patience));
    if (outcome != store::Outcome::ok)
        co_return fail(store::to_error(outcome));
    co_return Result<void>{};
}

Task<Result<std::vector<AccountId>>> Sharing::owners_sharing_with(AccountId with) const
{
    constexpr std::size_t most = 1000;
    const Result<store::Page> page = co_await services_.store.scan(
        partition, store::KeyBuilder(shares).u64(with).range(), most, Deadline::in(services_.clock, read_patience));
    if (!page)
        co_return fail(page.error());
    std::vector<AccountId> owners;
    for (const store::Row& row : page->rows) {
        store::KeyReader key(row.key);
        key.u8();
        key.u64();
        owners.push_back(key.u64());
    }
    co_return owners;
}

}  // namespace posthouse::mailbox

// What changes the directory. Each change is one commit that checks every row it was planned from,
// so of two that meet one wins and the other is planned again on what it finds.
#include "directory/stored_directory.h"

namespace posthouse::directory {

namespace {

// Each round somebody else's change was made: so many in a row are not met in earnest.
constexpr int most_rounds = 50;

}  // namespace

store::Batch StoredDirectory::batch()
{
    // Administration goes on where new mail is refused: taking accounts away may be the way out.
    return {.partition = partition, .id = services_.ids.next(), .purpose = store::Purpose::upkeep};
}

Task<Result<void>> StoredDirectory::change(Plan plan)
{
    for (int round = 0; round < most_rounds; ++round) {
        Result<store::Batch> batch = co_await plan();
        if (!batch)
            co_return fail(batch.error());
        const store::Outcome outcome = co_await rows_->commit(std::move(*batch));
        if (outcome == store::Outcome::ok)
            co_return Result<void>{};
        if (outcome != store::Outcome::conflict)
            co_return fail(store::to_error(outcome));
    }
    co_return fail(ErrorCode::conflict, "the directory is being changed too much");
}

Task<Result<StoredDirectory::Stored<DomainRow>>> StoredDirectory::our_domain(std::string name)
{
    Result<Stored<DomainRow>> domain = co_await stored<DomainRow>(domain_key(name));
    if (domain && !domain->row)
        co_return fail(ErrorCode::not_found, name + " is not one of our domains");
    co_return domain;
}

Task<Result<StoredDirectory::StoredAccount>> StoredDirectory::stored_account(Name name)
{
    Result<Stored<NameRow>> by_name = co_await stored<NameRow>(name_key(name));
    if (!by_name)
        co_return fail(by_name.error());
    if (!by_name->row || by_name->row->account == 0)
        co_return fail(ErrorCode::not_found, "no account " + name.text());
    Result<Stored<Account>> account = co_await stored<Account>(account_key(by_name->row->account));
    if (!account)
        co_return fail(account.error());
    if (!account->row)
        co_return fail(ErrorCode::corrupt, "the row of account " + name.text() + " is missing");
    co_return StoredAccount{std::move(*account->row), std::move(by_name->check), std::move(account->check)};
}

}  // namespace posthouse::directory

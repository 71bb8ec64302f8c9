// The Directory over the store: lookups through the cached rows, each change one checked commit.
#pragma once

#include "directory/cached_rows.h"
#include "directory/make.h"
#include "directory/password.h"

namespace posthouse::directory {

class StoredDirectory final : public Directory {
public:
    StoredDirectory(std::shared_ptr<CachedRows> rows, Services services, PasswordCosts costs) :
        rows_(std::move(rows)), services_(services), costs_(costs)
    {
    }

    Task<Result<Recipient>> resolve(std::string local_part, std::string domain) override;
    Task<Result<bool>> is_ours(std::string domain) override;
    Task<Result<bool>> may_send_as(AccountId account, std::string local_part, std::string domain) override;
    Task<Result<Account>> account(AccountId id) override;
    Task<Result<Account>> account_by_address(std::string address) override;

    Task<Result<void>> add_domain(std::string name) override;
    Task<Result<void>> remove_domain(std::string name) override;
    Task<Result<void>> set_catch_all(std::string domain, std::string address) override;
    Task<Result<std::vector<Domain>>> domains() override;
    Task<Result<Account>> add_account(std::string address, std::string password, std::string display_name) override;
    Task<Result<void>> remove_account(std::string address) override;
    Task<Result<void>> set_password(std::string address, std::string password) override;
    Task<Result<void>> set_quota(std::string address, std::uint64_t bytes) override;
    Task<Result<void>> set_disabled(std::string address, bool disabled) override;
    Task<Result<void>> set_outgoing(std::string address, std::uint32_t per_hour) override;
    Task<Result<void>> set_undo(std::string address, std::uint32_t seconds) override;
    Task<Result<std::vector<Account>>> accounts(std::string domain) override;
    Task<Result<void>> set_alias(Alias alias) override;
    Task<Result<void>> remove_alias(std::string address) override;
    Task<Result<std::vector<Alias>>> aliases(std::string domain) override;

private:
    // A change is planned from what is stored now, and planned again where that has changed meanwhile.
    using Plan = std::function<Task<Result<store::Batch>>()>;
    Task<Result<void>> change(Plan plan);
    Task<Result<store::Batch>> plan_add_domain(std::string name);
    Task<Result<store::Batch>> plan_remove_domain(std::string name);
    Task<Result<store::Batch>> plan_catch_all(std::string domain, std::string address);
    Task<Result<store::Batch>> plan_add_account(Name name, Account account, store::Value credential);
    Task<Result<store::Batch>> plan_remove_account(Name name);
    Task<Result<store::Batch>> plan_password(Name name, store::Value credential);
    enum class Field { quota, disabled, outgoing, undo };
    Task<Result<store::Batch>> plan_account_field(Name name, Field field, std::uint64_t value);
    Task<Result<store::Batch>> plan_set_alias(Name name, std::vector<std::string> targets);
    Task<Result<store::Batch>> plan_remove_alias(Name name);

    // A row together with the check that it is still what was read.
    template <class Row> struct Stored {
        std::optional<Row> row;
        store::Check check;
    };
    template <class Row> Task<Result<Stored<Row>>> stored(store::Key key);
    Task<Result<Stored<DomainRow>>> our_domain(std::string name);  // not_found where it is not ours
    struct StoredAccount {
        Account account;
        store::Check name_check;
        store::Check check;
    };
    Task<Result<StoredAccount>> stored_account(Name name);

    Task<Result<DomainRow>> domain_row(std::string name);
    Task<Result<AccountId>> first_account_without(std::string domain, AccountId leaving);
    Task<Result<std::string>> primary_domain();
    Task<Result<std::string>> ours_or_all(std::string domain);
    Task<Result<store::Value>> credential(std::string password);
    Task<Result<void>> check_targets(Alias alias);
    store::Batch batch();

    std::shared_ptr<CachedRows> rows_;
    Services services_;
    PasswordCosts costs_;
};

template <class Row> Task<Result<StoredDirectory::Stored<Row>>> StoredDirectory::stored(store::Key key)
{
    const Result<RowPtr> row = co_await rows_->read(key);
    if (!row)
        co_return fail(row.error());
    if (!*row)
        co_return Stored<Row>{std::nullopt, {std::move(key), std::nullopt}};
    Result<Row> decoded = decode<Row>(**row);
    if (!decoded)
        co_return fail(decoded.error());
    co_return Stored<Row>{std::move(*decoded), {std::move(key), **row}};
}

}  // namespace posthouse::directory

// Accounts come, change and go.
#include "directory/stored_directory.h"

#include "base/text.h"
#include "sasl/prepare.h"

namespace posthouse::directory {

Task<Result<store::Value>> StoredDirectory::credential(std::string password)
{
    sasl::Secret typed(std::move(password));
    Result<sasl::Secret> prepared = sasl::prepare_password(typed.view());
    if (!prepared)
        co_return fail(prepared.error().code, "the password " + prepared.error().text);
    auto hash = [prepared = std::move(*prepared), salts = services_.random.bytes(32), costs = costs_,
                 now = services_.clock.now()] { return make_credential(prepared, salts, costs, now); };
    const Result<CredentialRow> row = co_await services_.workers.offload(std::move(hash));
    if (!row)
        co_return fail(row.error());
    co_return encode(*row);
}

Task<Result<Account>> StoredDirectory::add_account(std::string address, std::string password, std::string display_name)
{
    const Result<Name> name = new_address(address);
    if (!name)
        co_return fail(name.error());
    if (name->local_part.contains(subaddress_separator))
        co_return fail(ErrorCode::malformed, "what follows + is a subaddress, not part of an account's name");
    if (display_name.size() > 1000 || !is_valid_utf8(display_name) || std::ranges::any_of(display_name, is_control))
        co_return fail(ErrorCode::malformed, "a display name is UTF-8 without controls, at most 1,000 bytes");
    const Result<DomainRow> domain = co_await domain_row(name->domain);
    if (!domain)
        co_return fail(domain.error());
    Result<store::Value> credential = co_await this->credential(std::move(password));
    if (!credential)
        co_return fail(credential.error());
    const Account wanted{.address = name->text(), .display_name = std::move(display_name)};
    const Result<void> added = co_await change(
        [this, name = *name, wanted, credential = *credential] { return plan_add_account(name, wanted, credential); });
    if (!added)
        co_return fail(added.error());
    co_return co_await account_by_address(name->text());
}

Task<Result<store::Batch>> StoredDirectory::plan_add_account(Name name, Account account, store::Value credential)
{
    Result<Stored<DomainRow>> domain = co_await our_domain(name.domain);
    if (!domain)
        co_return fail(domain.error());
    Result<Stored<NameRow>> taken = co_await stored<NameRow>(name_key(name));
    if (!taken)
        co_return fail(taken.error());
    if (taken->row)
        co_return fail(ErrorCode::already_exists, name.text() + " exists already");
    const Result<RowPtr> last = co_await rows_->read(last_account_key());
    if (!last)
        co_return fail(last.error());
    const Result<std::uint64_t> highest = *last ? decode_number(**last) : Result<std::uint64_t>(0);
    if (!highest)
        co_return fail(highest.error());
    // Never given out before: above every id that was, also where the clock has stepped back.
    services_.ids.rise_above(*highest);
    account.id = services_.ids.next();

    ++domain->row->accounts;
    if (domain->row->first_account == 0)
        domain->row->first_account = account.id;
    store::Batch batch = this->batch();
    batch.checks.push_back(std::move(domain->check));
    batch.checks.push_back(std::move(taken->check));
    batch.checks.push_back({last_account_key(), *last ? std::optional(**last) : std::nullopt});
    batch.checks.push_back({account_key(account.id), std::nullopt});
    batch.puts.push_back({domain_key(name.domain), encode(*domain->row)});
    batch.puts.push_back({name_key(name), encode(NameRow{account.id, {}})});
    batch.puts.push_back({last_account_key(), encode_number(account.id)});
    batch.puts.push_back({account_key(account.id), encode(account)});
    batch.puts.push_back({credential_key(account.id), std::move(credential)});
    batch.puts.push_back({resident_key(name.domain, account.id), encode_text("")});
    co_return batch;
}

Task<Result<void>> StoredDirectory::remove_account(std::string address)
{
    const Result<Name> name = normal_address(address);
    if (!name)
        co_return fail(name.error());
    co_return co_await change([this, name = *name] { return plan_remove_account(name); });
}

Task<Result<AccountId>> StoredDirectory::first_account_without(std::string domain, AccountId leaving)
{
    const Result<std::vector<store::Row>> rows = co_await rows_->scan(resident_range(domain), 2);
    if (!rows)
        co_return fail(rows.error());
    for (const store::Row& row : *rows) {
        const AccountId id = store::KeyReader(std::string_view(row.key).substr(row.key.size() - 8)).u64();
        if (id != leaving)
            co_return id;
    }
    co_return 0;
}

Task<Result<store::Batch>> StoredDirectory::plan_remove_account(Name name)
{
    Result<StoredAccount> account = co_await stored_account(name);
    if (!account)
        co_return fail(account.error());
    Result<Stored<DomainRow>> domain = co_await our_domain(name.domain);
    if (!domain)
        co_return fail(domain.error());
    const AccountId id = account->account.id;
    if (domain->row->accounts > 0)
        --domain->row->accounts;
    if (domain->row->first_account == id) {
        const Result<AccountId> next = co_await first_account_without(name.domain, id);
        if (!next)
            co_return fail(next.error());
        domain->row->first_account = *next;
    }
    store::Batch batch = this->batch();
    batch.checks = {std::move(account->name_check), std::move(account->check), std::move(domain->check)};
    batch.puts.push_back({domain_key(name.domain), encode(*domain->row)});
    batch.erases = {{name_key(name)}, {account_key(id)}, {credential_key(id)}, {resident_key(name.domain, id)}};
    co_return batch;
}

Task<Result<void>> StoredDirectory::set_password(std::string address, std::string password)
{
    const Result<Name> name = normal_address(address);
    if (!name)
        co_return fail(name.error());
    const Result<Account> account = co_await account_by_address(name->text());
    if (!account)
        co_return fail(account.error());
    Result<store::Value> credential = co_await this->credential(std::move(password));
    if (!credential)
        co_return fail(credential.error());
    co_return co_await change(
        [this, name = *name, credential = *credential] { return plan_password(name, credential); });
}

Task<Result<store::Batch>> StoredDirectory::plan_password(Name name, store::Value credential)
{
    Result<StoredAccount> account = co_await stored_account(name);
    if (!account)
        co_return fail(account.error());
    store::Batch batch = this->batch();
    batch.checks = {std::move(account->name_check), std::move(account->check)};
    batch.puts.push_back({credential_key(account->account.id), std::move(credential)});
    co_return batch;
}

Task<Result<void>> StoredDirectory::set_quota(std::string address, std::uint64_t bytes)
{
    const Result<Name> name = normal_address(address);
    if (!name)
        co_return fail(name.error());
    co_return co_await change([this, name = *name, bytes] { return plan_account_field(name, Field::quota, bytes); });
}

Task<Result<void>> StoredDirectory::set_disabled(std::string address, bool disabled)
{
    const Result<Name> name = normal_address(address);
    if (!name)
        co_return fail(name.error());
    co_return co_await change(
        [this, name = *name, disabled] { return plan_account_field(name, Field::disabled, disabled ? 1 : 0); });
}

Task<Result<void>> StoredDirectory::set_outgoing(std::string address, std::uint32_t per_hour)
{
    const Result<Name> name = normal_address(address);
    if (!name)
        co_return fail(name.error());
    co_return co_await change([this, name = *name, per_hour] {
        return plan_account_field(name, Field::outgoing, std::min(per_hour, unlimited_outgoing));
    });
}

Task<Result<void>> StoredDirectory::set_undo(std::string address, std::uint32_t seconds)
{
    const Result<Name> name = normal_address(address);
    if (!name)
        co_return fail(name.error());
    if (seconds > longest_undo)
        co_return fail(ErrorCode::malformed, "mail can be held for undoing for an hour at most");
    co_return co_await change([this, name = *name, seconds] { return plan_account_field(name, Field::undo, seconds); });
}

Task<Result<store::Batch>> StoredDirectory::plan_account_field(Name name, Field field, std::uint64_t value)
{
    Result<StoredAccount> stored = co_await stored_account(name);
    if (!stored)
        co_return fail(stored.error());
    if (field == Field::quota)
        stored->account.quota_bytes = value;
    else if (field == Field::outgoing)
        stored->account.outgoing_per_hour = static_cast<std::uint32_t>(value);
    else if (field == Field::undo)
        stored->account.undo_seconds = static_cast<std::uint32_t>(value);
    else
        stored->account.disabled = value != 0;
    store::Batch batch = this->batch();
    batch.checks = {std::move(stored->name_check), std::move(stored->check)};
    batch.puts.push_back({account_key(stored->account.id), encode(stored->account)});
    co_return batch;
}

}  // namespace posthouse::directory

// Domains come, change and go.
#include "directory/stored_directory.h"

namespace posthouse::directory {

Task<Result<void>> StoredDirectory::add_domain(std::string name)
{
    Result<std::string> normal = normal_domain(name);
    if (!normal)
        co_return fail(normal.error());
    co_return co_await change([this, name = *normal] { return plan_add_domain(name); });
}

Task<Result<store::Batch>> StoredDirectory::plan_add_domain(std::string name)
{
    Result<Stored<DomainRow>> domain = co_await stored<DomainRow>(domain_key(name));
    if (!domain)
        co_return fail(domain.error());
    if (domain->row)
        co_return fail(ErrorCode::already_exists, name + " exists already");
    const Result<RowPtr> primary = co_await rows_->read(primary_domain_key());
    if (!primary)
        co_return fail(primary.error());
    store::Batch batch = this->batch();
    batch.checks.push_back(std::move(domain->check));
    batch.puts.push_back({domain_key(name), encode(DomainRow{})});
    if (!*primary) {
        batch.checks.push_back({primary_domain_key(), std::nullopt});
        batch.puts.push_back({primary_domain_key(), encode_text(name)});
    }
    co_return batch;
}

Task<Result<void>> StoredDirectory::remove_domain(std::string name)
{
    Result<std::string> normal = normal_domain(name);
    if (!normal)
        co_return fail(normal.error());
    co_return co_await change([this, name = *normal] { return plan_remove_domain(name); });
}

Task<Result<store::Batch>> StoredDirectory::plan_remove_domain(std::string name)
{
    Result<Stored<DomainRow>> domain = co_await our_domain(name);
    if (!domain)
        co_return fail(domain.error());
    if (domain->row->accounts > 0 || domain->row->aliases > 0)
        co_return fail(
            ErrorCode::conflict,
            fmt::format("{} still has {} accounts and {} aliases", name, domain->row->accounts, domain->row->aliases));
    const Result<RowPtr> primary = co_await rows_->read(primary_domain_key());
    if (!primary)
        co_return fail(primary.error());
    store::Batch batch = this->batch();
    batch.checks.push_back(std::move(domain->check));
    batch.erases.push_back({domain_key(name)});
    if (!*primary || **primary != encode_text(name))
        co_return batch;
    // The next domain becomes the primary one.
    const Result<std::vector<store::Row>> left = co_await rows_->scan(domain_range(), 2);
    if (!left)
        co_return fail(left.error());
    const auto next = std::ranges::find_if(*left, [&](const store::Row& row) { return row.key != domain_key(name); });
    batch.checks.push_back({primary_domain_key(), **primary});
    if (next == left->end()) {
        batch.erases.push_back({primary_domain_key()});
        co_return batch;
    }
    store::KeyReader key(next->key);
    key.u8();
    batch.checks.push_back({next->key, next->value});
    batch.puts.push_back({primary_domain_key(), encode_text(key.text())});
    co_return batch;
}

Task<Result<void>> StoredDirectory::set_catch_all(std::string domain, std::string address)
{
    Result<std::string> normal = normal_domain(domain);
    if (!normal)
        co_return fail(normal.error());
    std::string target;
    if (!address.empty()) {
        const Result<Name> name = new_address(address);
        if (!name)
            co_return fail(name.error());
        target = name->text();
        // A domain's unknown addresses do not become another host's burden.
        const Result<DomainRow> ours = co_await domain_row(name->domain);
        if (!ours && ours.error() == ErrorCode::not_found)
            co_return fail(ErrorCode::malformed, target + " is not in one of our domains");
        const Result<void> checked = co_await check_targets({"*@" + *normal, {target}});
        if (!checked)
            co_return fail(checked.error());
    }
    co_return co_await change([this, name = *normal, target] { return plan_catch_all(name, target); });
}

Task<Result<store::Batch>> StoredDirectory::plan_catch_all(std::string domain, std::string address)
{
    Result<Stored<DomainRow>> stored = co_await our_domain(domain);
    if (!stored)
        co_return fail(stored.error());
    stored->row->catch_all = std::move(address);
    store::Batch batch = this->batch();
    batch.checks.push_back(std::move(stored->check));
    batch.puts.push_back({domain_key(domain), encode(*stored->row)});
    co_return batch;
}

}  // namespace posthouse::directory

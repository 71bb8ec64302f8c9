// Aliases come, change and go; what they and catch-alls lead to is looked at first.
#include "directory/stored_directory.h"

#include "directory/expansion.h"

namespace posthouse::directory {

// Each target that is ours leads to somebody; all together do not lead round or too far.
Task<Result<void>> StoredDirectory::check_targets(Alias alias)
{
    for (const std::string& target : alias.targets) {
        const Result<Name> name = normal_address(target);
        if (!name)
            co_return fail(name.error().code, target + ": " + name.error().text);
        const Result<DomainRow> domain = co_await domain_row(name->domain);
        if (!domain && domain.error() == ErrorCode::not_found)
            continue;  // elsewhere: whether somebody has it is for that host to say
        if (!domain)
            co_return fail(domain.error());
        Expansion expansion(*rows_, services_.log, CatchAll::followed, alias);
        const Result<Recipient> recipient = co_await expansion.run(*name);
        if (!recipient)
            co_return fail(recipient.error());
        if (recipient->kind == RecipientKind::no_such_user)
            co_return fail(ErrorCode::malformed, target + " is nobody's address");
    }
    const Result<Name> name = normal_address(alias.address);
    if (!name)
        co_return fail(name.error());
    Expansion expansion(*rows_, services_.log, CatchAll::followed, alias);
    const Result<Recipient> recipient = co_await expansion.run(*name);
    if (!recipient)
        co_return fail(recipient.error());
    if (recipient->kind == RecipientKind::loop)
        co_return fail(ErrorCode::malformed, alias.address + " would lead back to itself, or too far");
    co_return Result<void>{};
}

Task<Result<void>> StoredDirectory::set_alias(Alias alias)
{
    const Result<Name> name = new_address(alias.address);
    if (!name)
        co_return fail(name.error());
    if (alias.targets.empty() || alias.targets.size() > most_targets)
        co_return fail(ErrorCode::malformed, fmt::format("an alias has 1 to {} targets", most_targets));
    Alias normal{name->text(), {}};
    for (const std::string& target : alias.targets) {
        const Result<Name> to = new_address(target);
        if (!to)
            co_return fail(to.error().code, target + ": " + to.error().text);
        const Result<DomainRow> of = co_await domain_row(to->domain);
        const bool elsewhere = !of && of.error() == ErrorCode::not_found;
        // Another host may tell capitals apart: the local part stays as it was typed.
        std::string spelt = !elsewhere ? to->text() : target.substr(0, target.rfind('@') + 1) + to->domain;
        if (std::ranges::find(normal.targets, spelt) == normal.targets.end())
            normal.targets.push_back(std::move(spelt));
    }
    const Result<DomainRow> domain = co_await domain_row(name->domain);
    if (!domain)
        co_return fail(domain.error());
    const Result<void> checked = co_await check_targets(normal);
    if (!checked)
        co_return fail(checked.error());
    co_return co_await change([this, name = *name, targets = normal.targets] { return plan_set_alias(name, targets); });
}

Task<Result<store::Batch>> StoredDirectory::plan_set_alias(Name name, std::vector<std::string> targets)
{
    Result<Stored<DomainRow>> domain = co_await our_domain(name.domain);
    if (!domain)
        co_return fail(domain.error());
    Result<Stored<NameRow>> before = co_await stored<NameRow>(name_key(name));
    if (!before)
        co_return fail(before.error());
    if (before->row && before->row->account != 0)
        co_return fail(ErrorCode::already_exists, name.text() + " is an account");
    store::Value value = encode(NameRow{0, std::move(targets)});
    if (value.size() > services_.store.limits().value_bytes)
        co_return fail(ErrorCode::too_large, "the alias's targets do not fit into 64 KiB");
    store::Batch batch = this->batch();
    if (!before->row) {
        ++domain->row->aliases;
        batch.puts.push_back({domain_key(name.domain), encode(*domain->row)});
    }
    batch.checks = {std::move(domain->check), std::move(before->check)};
    batch.puts.push_back({name_key(name), std::move(value)});
    co_return batch;
}

Task<Result<void>> StoredDirectory::remove_alias(std::string address)
{
    const Result<Name> name = normal_address(address);
    if (!name)
        co_return fail(name.error());
    co_return co_await change([this, name = *name] { return plan_remove_alias(name); });
}

Task<Result<store::Batch>> StoredDirectory::plan_remove_alias(Name name)
{
    Result<Stored<DomainRow>> domain = co_await our_domain(name.domain);
    if (!domain)
        co_return fail(domain.error());
    Result<Stored<NameRow>> alias = co_await stored<NameRow>(name_key(name));
    if (!alias)
        co_return fail(alias.error());
    if (!alias->row || alias->row->account != 0)
        co_return fail(ErrorCode::not_found, "no alias " + name.text());
    if (domain->row->aliases > 0)
        --domain->row->aliases;
    store::Batch batch = this->batch();
    batch.checks = {std::move(domain->check), std::move(alias->check)};
    batch.puts.push_back({domain_key(name.domain), encode(*domain->row)});
    batch.erases.push_back({name_key(name)});
    co_return batch;
}

}  // namespace posthouse::directory

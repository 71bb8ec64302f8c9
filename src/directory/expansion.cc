#include "directory/expansion.h"

namespace posthouse::directory {

Task<Result<Recipient>> Expansion::run(Name name)
{
    const std::string address = name.text();
    pending_.push_back({std::move(name), "", 0, ""});
    while (!pending_.empty() && !went_too_far_) {
        Step step = std::move(pending_.back());
        pending_.pop_back();
        const Result<void> followed = co_await follow(std::move(step));
        if (!followed)
            co_return fail(followed.error());
    }
    Recipient recipient = judge();
    if (recipient.kind == RecipientKind::loop)
        log_.write(LogLevel::warning, "directory", 0, "an alias leads nowhere but round, or too far",
                   {{"address", address}});
    co_return recipient;
}

Recipient Expansion::judge()
{
    // Past a bound nobody gets it: some of a list and not the others would be a silent loss.
    if (went_too_far_)
        return {RecipientKind::loop, {}};
    if (!targets_.empty() || !elsewhere_.empty())
        return {RecipientKind::local, std::move(targets_), std::move(elsewhere_)};
    if (met_disabled_)
        return {RecipientKind::disabled, {}};
    return {went_round_ ? RecipientKind::loop : RecipientKind::no_such_user, {}};
}

Task<Result<void>> Expansion::follow(Step step)
{
    if (seen_.size() >= most_names || step.depth > deepest_alias) {
        went_too_far_ = true;
        co_return Result<void>{};
    }
    // A space ends the name: none can be in a domain.
    if (!seen_.insert(step.name.text() + ' ' + step.subaddress).second) {
        went_round_ = true;
        co_return Result<void>{};
    }
    if (step.depth > 0) {
        const Result<bool> elsewhere = co_await leads_elsewhere(step.name.domain);
        if (!elsewhere)
            co_return fail(elsewhere.error());
        if (*elsewhere) {
            add_elsewhere(step);
            co_return Result<void>{};
        }
    }
    Result<Found> found = co_await find(step);
    if (!found)
        co_return fail(found.error());
    if (!found->row) {
        if (step.depth > 0)
            log_.write(LogLevel::warning, "directory", 0, "an alias leads to nobody", {{"address", step.name.text()}});
        co_return Result<void>{};
    }
    if (found->row->account != 0)
        co_return co_await add(found->row->account, std::move(found->subaddress));
    follow_alias(*found->row, step, found->subaddress);
    co_return Result<void>{};
}

Task<Result<bool>> Expansion::leads_elsewhere(std::string domain)
{
    const Result<RowPtr> row = co_await rows_.read(domain_key(domain));
    if (!row)
        co_return fail(row.error());
    co_return *row == nullptr;
}

void Expansion::add_elsewhere(const Step& step)
{
    if (elsewhere_.size() + targets_.size() >= most_targets) {
        went_too_far_ = true;
        return;
    }
    // Another host may tell capitals apart (RFC 5321 section 2.4): as it was typed.
    elsewhere_.push_back({step.given.substr(0, step.given.rfind('@')), step.name.domain});
}

Task<Result<Expansion::Found>> Expansion::find(Step step)
{
    Result<std::optional<NameRow>> exact = co_await row_of(step.name);
    if (!exact)
        co_return fail(exact.error());
    if (*exact)
        co_return Found{std::move(*exact), std::move(step.subaddress)};
    if (const auto cut = cut_subaddress(step.name.local_part)) {
        Result<std::optional<NameRow>> base = co_await row_of({cut->base, step.name.domain});
        if (!base)
            co_return fail(base.error());
        if (*base)
            co_return Found{std::move(*base), step.subaddress.empty() ? cut->subaddress : step.subaddress};
    }
    co_return co_await find_instead(std::move(step));
}

// Nobody has the name: postmaster and abuse are the first account's (RFC 5321 section 4.5.1, RFC 2142),
// everything else is the catch-all's.
Task<Result<Expansion::Found>> Expansion::find_instead(Step step)
{
    const Result<RowPtr> row = co_await rows_.read(domain_key(step.name.domain));
    if (!row)
        co_return fail(row.error());
    if (!*row)
        co_return Found{};  // an alias into a domain that went
    const Result<DomainRow> domain = decode<DomainRow>(**row);
    if (!domain)
        co_return fail(domain.error());
    const bool must_resolve = step.name.local_part == "postmaster" || step.name.local_part == "abuse";
    if (must_resolve && domain->first_account != 0)
        co_return Found{NameRow{domain->first_account, {}}, ""};
    if (domain->catch_all.empty() || catch_all_ == CatchAll::ignored)
        co_return Found{};
    co_return Found{NameRow{0, {domain->catch_all}}, ""};
}

Task<Result<std::optional<NameRow>>> Expansion::row_of(Name name)
{
    if (pretended_ && pretended_->address == name.text())
        co_return NameRow{0, pretended_->targets};
    const Result<RowPtr> row = co_await rows_.read(name_key(name));
    if (!row)
        co_return fail(row.error());
    if (!*row)
        co_return std::nullopt;
    Result<NameRow> decoded = decode<NameRow>(**row);
    if (!decoded)
        co_return fail(decoded.error());
    co_return std::move(*decoded);
}

Task<Result<void>> Expansion::add(AccountId id, std::string subaddress)
{
    const Result<RowPtr> row = co_await rows_.read(account_key(id));
    if (!row)
        co_return fail(row.error());
    if (!*row)  // removed between the two reads
        co_return Result<void>{};
    const Result<Account> account = decode<Account>(**row);
    if (!account)
        co_return fail(account.error());
    if (account->disabled) {
        met_disabled_ = true;
        co_return Result<void>{};
    }
    if (!added_.emplace(id, subaddress).second)
        co_return Result<void>{};
    if (targets_.size() >= most_targets)
        went_too_far_ = true;
    targets_.push_back({id, account->address, std::move(subaddress)});
    co_return Result<void>{};
}

void Expansion::follow_alias(const NameRow& row, const Step& step, const std::string& subaddress)
{
    if (row.targets.size() > most_names) {
        went_too_far_ = true;
        return;
    }
    // Backwards, since the last pending one is taken first.
    for (auto target = row.targets.rbegin(); target != row.targets.rend(); ++target)
        if (const Result<Name> name = normal_address(*target))
            pending_.push_back({*name, subaddress, step.depth + 1, *target});
}

}  // namespace posthouse::directory

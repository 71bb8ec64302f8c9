// Lookups. What changes things is in administration.cc.
#include "directory/stored_directory.h"

#include "base/text.h"
#include "directory/expansion.h"

namespace posthouse::directory {

namespace {

constexpr std::size_t all = std::numeric_limits<std::size_t>::max();

}  // namespace

Task<Result<DomainRow>> StoredDirectory::domain_row(std::string name)
{
    const Result<RowPtr> row = co_await rows_->read(domain_key(name));
    if (!row)
        co_return fail(row.error());
    if (!*row)
        co_return fail(ErrorCode::not_found, name + " is not one of our domains");
    co_return decode<DomainRow>(**row);
}

Task<Result<std::string>> StoredDirectory::primary_domain()
{
    const Result<RowPtr> row = co_await rows_->read(primary_domain_key());
    if (!row)
        co_return fail(row.error());
    if (!*row)
        co_return fail(ErrorCode::not_found, "there is no domain");
    co_return decode_text(**row);
}

Task<Result<bool>> StoredDirectory::is_ours(std::string domain)
{
    const Result<std::string> name = normal_domain(domain);
    if (!name)
        co_return false;
    const Result<DomainRow> row = co_await domain_row(*name);
    if (!row && row.error() == ErrorCode::not_found)
        co_return false;
    if (!row)
        co_return fail(row.error());
    co_return !row->disabled;
}

Task<Result<Recipient>> StoredDirectory::resolve(std::string local_part, std::string domain)
{
    // RFC 5321 section 4.1.1.3: `<Postmaster>` alone is always accepted.
    if (domain.empty() && equals_ignoring_case(local_part, "postmaster")) {
        Result<std::string> primary = co_await primary_domain();
        if (primary)
            domain = std::move(*primary);
    }
    const Result<bool> ours = co_await is_ours(domain);
    if (!ours)
        co_return fail(ours.error());
    if (!*ours)
        co_return Recipient{RecipientKind::not_ours, {}};
    Result<std::string> local = normal_local_part(local_part);
    Result<std::string> name = normal_domain(domain);
    if (!local || !name)
        co_return Recipient{RecipientKind::no_such_user, {}};
    Expansion expansion(*rows_, services_.log, CatchAll::followed);
    co_return co_await expansion.run({std::move(*local), std::move(*name)});
}

Task<Result<bool>> StoredDirectory::may_send_as(AccountId account, std::string local_part, std::string domain)
{
    const Result<bool> ours = co_await is_ours(domain);
    if (!ours)
        co_return fail(ours.error());
    Result<std::string> local = normal_local_part(local_part);
    Result<std::string> name = normal_domain(domain);
    if (!*ours || !local || !name)
        co_return false;
    Expansion expansion(*rows_, services_.log, CatchAll::ignored);
    const Result<Recipient> recipient = co_await expansion.run({std::move(*local), std::move(*name)});
    if (!recipient)
        co_return fail(recipient.error());
    co_return std::ranges::find(recipient->targets, account, &Target::account) != recipient->targets.end();
}

Task<Result<Account>> StoredDirectory::account(AccountId id)
{
    const Result<RowPtr> row = co_await rows_->read(account_key(id));
    if (!row)
        co_return fail(row.error());
    if (!*row)
        co_return fail(ErrorCode::not_found, "no account has this id");
    co_return decode<Account>(**row);
}

Task<Result<Account>> StoredDirectory::account_by_address(std::string address)
{
    const Result<Name> name = normal_address(address);
    if (!name)
        co_return fail(ErrorCode::not_found, "no account: " + name.error().text);
    const Result<RowPtr> row = co_await rows_->read(name_key(*name));
    if (!row)
        co_return fail(row.error());
    if (!*row)
        co_return fail(ErrorCode::not_found, "no account " + name->text());
    const Result<NameRow> decoded = decode<NameRow>(**row);
    if (!decoded)
        co_return fail(decoded.error());
    if (decoded->account == 0)
        co_return fail(ErrorCode::not_found, name->text() + " is an alias, not an account");
    co_return co_await account(decoded->account);
}

Task<Result<std::vector<Domain>>> StoredDirectory::domains()
{
    const Result<std::vector<store::Row>> rows = co_await rows_->scan(domain_range(), all);
    if (!rows)
        co_return fail(rows.error());
    std::vector<Domain> out;
    for (const store::Row& row : *rows) {
        store::KeyReader key(row.key);
        key.u8();
        const Result<DomainRow> domain = decode<DomainRow>(row.value);
        if (!domain)
            co_return fail(domain.error());
        out.push_back({key.text(), domain->catch_all, domain->disabled});
    }
    co_return out;
}

// Empty stays empty: of all domains.
Task<Result<std::string>> StoredDirectory::ours_or_all(std::string domain)
{
    if (domain.empty())
        co_return domain;
    Result<std::string> name = normal_domain(domain);
    if (!name)
        co_return fail(name.error());
    const Result<DomainRow> row = co_await domain_row(*name);
    if (!row)
        co_return fail(row.error());
    co_return std::move(*name);
}

Task<Result<std::vector<Account>>> StoredDirectory::accounts(std::string domain)
{
    const Result<std::string> name = co_await ours_or_all(std::move(domain));
    if (!name)
        co_return fail(name.error());
    const store::Range range = name->empty() ? account_range() : resident_range(*name);
    const Result<std::vector<store::Row>> rows = co_await rows_->scan(range, all);
    if (!rows)
        co_return fail(rows.error());
    std::vector<Account> out;
    for (const store::Row& row : *rows) {
        // Either key ends with the account's id.
        store::KeyReader id(std::string_view(row.key).substr(row.key.size() - 8));
        Result<Account> account = name->empty() ? decode<Account>(row.value) : co_await this->account(id.u64());
        if (!account && account.error() == ErrorCode::not_found)
            continue;  // removed between the two reads
        if (!account)
            co_return fail(account.error());
        out.push_back(std::move(*account));
    }
    co_return out;
}

Task<Result<std::vector<Alias>>> StoredDirectory::aliases(std::string domain)
{
    const Result<std::string> name = co_await ours_or_all(std::move(domain));
    if (!name)
        co_return fail(name.error());
    const Result<std::vector<store::Row>> rows = co_await rows_->scan(name_range(*name), all);
    if (!rows)
        co_return fail(rows.error());
    std::vector<Alias> out;
    for (const store::Row& row : *rows) {
        Result<NameRow> decoded = decode<NameRow>(row.value);
        if (!decoded)
            co_return fail(decoded.error());
        if (decoded->account != 0)
            continue;
        store::KeyReader key(row.key);
        key.u8();
        const std::string of_domain = key.text();
        out.push_back({key.text() + '@' + of_domain, std::move(decoded->targets)});
    }
    co_return out;
}

}  // namespace posthouse::directory

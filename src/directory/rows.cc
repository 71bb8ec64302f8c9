#include "directory/rows.h"

#include "base/codec.h"

namespace posthouse::directory {

namespace {

constexpr std::uint8_t version = 1;
constexpr std::size_t most_targets = 10'000;  // more do not fit into a row

enum Table : std::uint8_t {
    single = 1,
    domains = 2,
    names = 3,
    accounts = 4,
    credentials = 5,
    residents = 6,
    routes = 7
};
enum Single : std::uint8_t { secret = 1, last_account = 2, primary_domain = 3 };
enum NameKind : std::uint8_t { an_account = 1, an_alias = 2 };

store::KeyBuilder key(std::uint8_t table) { return store::KeyBuilder(table); }

Writer begin()
{
    Writer writer;
    writer.u8(version);
    return writer;
}

std::unexpected<Error> damaged(std::string_view what)
{
    return fail(ErrorCode::corrupt, "a damaged row of the directory: " + std::string(what));
}

bool begins_well(Reader& reader) { return reader.u8() >= version; }

}  // namespace

store::Key secret_key() { return key(single).u8(secret).key(); }
store::Key last_account_key() { return key(single).u8(last_account).key(); }
store::Key primary_domain_key() { return key(single).u8(primary_domain).key(); }
store::Key domain_key(std::string_view domain) { return key(domains).text(domain).key(); }
store::Range domain_range() { return key(domains).range(); }
store::Key name_key(const Name& name) { return key(names).text(name.domain).text(name.local_part).key(); }
store::Range name_range(std::string_view domain)
{
    return domain.empty() ? key(names).range() : key(names).text(domain).range();
}
store::Key account_key(AccountId id) { return key(accounts).u64(id).key(); }
store::Range account_range() { return key(accounts).range(); }
store::Key credential_key(AccountId id) { return key(credentials).u64(id).key(); }
store::Key resident_key(std::string_view domain, AccountId id) { return key(residents).text(domain).u64(id).key(); }
store::Range resident_range(std::string_view domain) { return key(residents).text(domain).range(); }
store::Key route_key(std::string_view domain) { return key(routes).text(domain).key(); }
store::Range route_range() { return key(routes).range(); }

store::Key outgoing_key(AccountId id) { return key(1).u64(id).key(); }

store::Value encode(const DomainRow& row)
{
    return begin()
        .string(row.catch_all)
        .u8(row.disabled)
        .varint(row.accounts)
        .varint(row.aliases)
        .varint(row.first_account)
        .take();
}

template <> Result<DomainRow> decode(std::string_view value)
{
    Reader in(value);
    DomainRow row;
    const bool good = begins_well(in);
    row.catch_all = in.string();
    row.disabled = in.u8() != 0;
    row.accounts = in.varint();
    row.aliases = in.varint();
    row.first_account = in.varint();
    if (!good || !in.ok())
        return damaged("a domain");
    return row;
}

store::Value encode(const NameRow& row)
{
    Writer writer = begin();
    if (row.account != 0)
        return writer.u8(an_account).varint(row.account).take();
    writer.u8(an_alias).varint(row.targets.size());
    for (const std::string& target : row.targets)
        writer.string(target);
    return writer.take();
}

template <> Result<NameRow> decode(std::string_view value)
{
    Reader in(value);
    NameRow row;
    const bool good = begins_well(in);
    const std::uint8_t kind = in.u8();
    if (kind == an_account)
        row.account = in.varint();
    const std::uint64_t count = kind == an_alias ? in.varint() : 0;
    if (count > most_targets)
        return damaged("an alias with too many targets");
    for (std::uint64_t i = 0; i < count && in.ok(); ++i)
        row.targets.emplace_back(in.string());
    if (!good || !in.ok() || (row.account == 0) != (kind == an_alias))
        return damaged("a name");
    return row;
}

store::Value encode(const Account& row)
{
    return begin()
        .varint(row.id)
        .string(row.address)
        .string(row.display_name)
        .varint(row.quota_bytes)
        .u8(row.disabled)
        .varint(row.outgoing_per_hour == usual_outgoing ? 0 : std::uint64_t{row.outgoing_per_hour} + 1)
        .varint(row.undo_seconds)
        .take();
}

template <> Result<Account> decode(std::string_view value)
{
    Reader in(value);
    Account row;
    const bool good = begins_well(in);
    row.id = in.varint();
    row.address = in.string();
    row.display_name = in.string();
    row.quota_bytes = in.varint();
    row.disabled = in.u8() != 0;
    // Rows written before there was a way out end here.
    const std::uint64_t outgoing = in.ended() ? 0 : in.varint();
    if (outgoing != 0)
        row.outgoing_per_hour = static_cast<std::uint32_t>(std::min<std::uint64_t>(outgoing - 1, unlimited_outgoing));
    // And those from before anything could be undone here.
    row.undo_seconds = static_cast<std::uint32_t>(std::min<std::uint64_t>(in.ended() ? 0 : in.varint(), longest_undo));
    if (!good || !in.ok() || row.id == 0)
        return damaged("an account");
    return row;
}

store::Value encode(const CredentialRow& row)
{
    return begin()
        .string(row.argon2)
        .string(row.scram.salt)
        .varint(row.scram.iterations)
        .string(row.scram.stored_key)
        .string(row.scram.server_key)
        .signed_varint(row.changed.time_since_epoch().count())
        .take();
}

template <> Result<CredentialRow> decode(std::string_view value)
{
    Reader in(value);
    CredentialRow row;
    const bool good = begins_well(in);
    row.argon2 = in.string();
    row.scram.salt = in.string();
    const std::uint64_t iterations = in.varint();
    row.scram.stored_key = in.string();
    row.scram.server_key = in.string();
    row.changed = WallTime(Duration(in.signed_varint()));
    if (!good || !in.ok() || iterations > std::numeric_limits<std::uint32_t>::max())
        return damaged("a credential");
    row.scram.iterations = static_cast<std::uint32_t>(iterations);
    return row;
}

store::Value encode(const StoredRoute& row)
{
    return begin()
        .string(row.host)
        .varint(row.port)
        .u8(static_cast<std::uint8_t>(row.tls))
        .u8(row.verify_certificate)
        .string(row.login)
        .string(row.password)
        .take();
}

template <> Result<StoredRoute> decode(std::string_view value)
{
    Reader in(value);
    StoredRoute row;
    const bool good = begins_well(in);
    row.host = in.string();
    const std::uint64_t port = in.varint();
    const std::uint8_t tls = in.u8();
    row.verify_certificate = in.u8() != 0;
    row.login = in.string();
    row.password = in.string();
    if (!good || !in.ok() || port == 0 || port > 65'535 || tls > static_cast<std::uint8_t>(RouteTls::implicit))
        return damaged("a route");
    row.port = static_cast<std::uint16_t>(port);
    row.tls = static_cast<RouteTls>(tls);
    return row;
}

store::Value encode_text(std::string_view text) { return begin().string(text).take(); }

Result<std::string> decode_text(std::string_view value)
{
    Reader in(value);
    const bool good = begins_well(in);
    std::string text(in.string());
    if (!good || !in.ok())
        return damaged("a text");
    return text;
}

store::Value encode_number(std::uint64_t number) { return begin().varint(number).take(); }

Result<std::uint64_t> decode_number(std::string_view value)
{
    Reader in(value);
    const bool good = begins_well(in);
    const std::uint64_t number = in.varint();
    if (!good || !in.ok())
        return damaged("a number");
    return number;
}

}  // namespace posthouse::directory

// The directory's keys and values (docs/store-layout.md, "Directory").
#pragma once

#include "base/time.h"
#include "directory/address.h"
#include "directory/directory.h"
#include "directory/routes.h"
#include "sasl/scram.h"
#include "store/key.h"

namespace posthouse::directory {

inline constexpr store::Partition partition{store::PartitionKind::directory, 0};
// How much each account has sent to the world in the last hour (outgoing.cc has its values). Written beside the
// changes of the directory, which are one at a time.
inline constexpr store::Partition outgoing_partition{store::PartitionKind::directory, 1};
store::Key outgoing_key(AccountId id);

// 1: single values.
store::Key secret_key();  // 32 random bytes: what the salts of unknown users are made of
store::Key last_account_key();  // varint: the highest account id ever given
store::Key primary_domain_key();  // string: the first domain; a login name without @ is of it
// 2: domains
store::Key domain_key(std::string_view domain);
store::Range domain_range();
// 3: names: accounts and aliases, so that no address is both
store::Key name_key(const Name& name);
store::Range name_range(std::string_view domain);  // empty: of all
// 4: accounts   5: credentials   6: a domain's accounts in order of their founding
store::Key account_key(AccountId id);
store::Range account_range();
store::Key credential_key(AccountId id);
store::Key resident_key(std::string_view domain, AccountId id);
store::Range resident_range(std::string_view domain);
// 7: routes, by domain or "*"
store::Key route_key(std::string_view domain);
store::Range route_range();

struct DomainRow {
    std::string catch_all;
    bool disabled = false;
    // Changes with each account and alias: a domain that is being removed notices a newcomer.
    std::uint64_t accounts = 0;
    std::uint64_t aliases = 0;
    AccountId first_account = 0;  // the oldest that is left; 0: none
};
struct NameRow {
    AccountId account = 0;  // or 0: an alias
    std::vector<std::string> targets;
};
struct CredentialRow {
    std::string argon2;  // "$argon2id$v=19$m=19456,t=2,p=1$…"
    sasl::ScramKeys scram;
    WallTime changed;
};

store::Value encode(const DomainRow& row);
store::Value encode(const NameRow& row);
store::Value encode(const Account& row);
store::Value encode(const CredentialRow& row);
store::Value encode(const StoredRoute& row);  // without its domain, which is its key
store::Value encode_text(std::string_view text);  // version and string
store::Value encode_number(std::uint64_t number);

// corrupt, where the row does not hold what its version promises.
template <class Row> Result<Row> decode(std::string_view value);
template <> Result<DomainRow> decode(std::string_view value);
template <> Result<NameRow> decode(std::string_view value);
template <> Result<Account> decode(std::string_view value);
template <> Result<CredentialRow> decode(std::string_view value);
template <> Result<StoredRoute> decode(std::string_view value);
Result<std::string> decode_text(std::string_view value);
Result<std::uint64_t> decode_number(std::string_view value);

}  // namespace posthouse::directory

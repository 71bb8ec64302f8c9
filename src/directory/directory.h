// Who lives here: domains, accounts, aliases; and who somebody proves to be.
//
// Threads: every member from any loop. Lookups answer from a cache in memory that changes made by
// this process renew at once; changes answer after the commit is safe on disk.
#pragma once

#include "base/ids.h"
#include "base/result.h"
#include "base/task.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace posthouse::directory {

using AccountId = Id;

// A hijacked account must not flood the world: recipients elsewhere, an hour.
inline constexpr std::uint32_t usual_outgoing = 500;
inline constexpr std::uint32_t unlimited_outgoing = 0xffff'fffe;
inline constexpr std::uint32_t longest_undo = 3'600;  // seconds

struct Domain {
    std::string name;  // lower case, A-labels
    std::string catch_all;  // an address, or empty
    bool disabled = false;
};

struct Account {
    AccountId id = 0;
    std::string address;  // the login name, "alice@north.test"; canonical
    std::string display_name;
    std::uint64_t quota_bytes = 0;  // 0: none
    bool disabled = false;
    std::uint32_t outgoing_per_hour = usual_outgoing;  // recipients elsewhere; see directory/outgoing.h
    std::uint32_t undo_seconds = 0;  // what it sends is held so long first, and can be cancelled; 0: it is not
};

struct Alias {
    std::string address;
    std::vector<std::string> targets;  // accounts or aliases of ours, or addresses elsewhere
};

// What RCPT needs to know.
struct Target {
    AccountId account = 0;
    std::string address;  // the account's own
    std::string subaddress;  // "lists" of bob+lists@…, or empty
};
// An address of another host that an alias leads to.
struct Elsewhere {
    std::string local_part;  // as it was typed
    std::string domain;
    friend bool operator==(const Elsewhere&, const Elsewhere&) = default;
};
enum class RecipientKind {
    local,  // targets or elsewhere is filled
    not_ours,  // the domain is not one of ours
    no_such_user,
    disabled,
    loop,  // aliases to aliases deeper than 10
};
struct Recipient {
    RecipientKind kind = RecipientKind::no_such_user;
    std::vector<Target> targets;  // each account and subaddress once
    std::vector<Elsewhere> elsewhere = {};  // each once
};

class Directory {
public:
    virtual ~Directory() = default;

    // `postmaster` and `abuse` of each domain of ours always resolve (RFC 5321 section 4.5.1): to the
    // alias or account of that name, else to the domain's first account.
    virtual Task<Result<Recipient>> resolve(std::string local_part, std::string domain) = 0;
    virtual Task<Result<bool>> is_ours(std::string domain) = 0;
    // May this account write as this address: its own, its subaddresses, aliases that lead to it.
    virtual Task<Result<bool>> may_send_as(AccountId account, std::string local_part, std::string domain) = 0;

    virtual Task<Result<Account>> account(AccountId id) = 0;
    virtual Task<Result<Account>> account_by_address(std::string address) = 0;

    // Administration. Errors: malformed (text says why), already_exists, not_found.
    virtual Task<Result<void>> add_domain(std::string name) = 0;
    virtual Task<Result<void>> remove_domain(std::string name) = 0;  // not while it has accounts or aliases
    virtual Task<Result<void>> set_catch_all(std::string domain, std::string address) = 0;
    virtual Task<Result<std::vector<Domain>>> domains() = 0;
    virtual Task<Result<Account>> add_account(std::string address, std::string password, std::string display_name) = 0;
    virtual Task<Result<void>> remove_account(std::string address) = 0;
    virtual Task<Result<void>> set_password(std::string address, std::string password) = 0;
    virtual Task<Result<void>> set_quota(std::string address, std::uint64_t bytes) = 0;
    virtual Task<Result<void>> set_disabled(std::string address, bool disabled) = 0;
    virtual Task<Result<void>> set_outgoing(std::string address, std::uint32_t per_hour) = 0;
    virtual Task<Result<void>> set_undo(std::string address, std::uint32_t seconds) = 0;  // at most longest_undo
    virtual Task<Result<std::vector<Account>>> accounts(std::string domain) = 0;  // empty: of all domains
    virtual Task<Result<void>> set_alias(Alias alias) = 0;
    virtual Task<Result<void>> remove_alias(std::string address) = 0;
    virtual Task<Result<std::vector<Alias>>> aliases(std::string domain) = 0;
};

}  // namespace posthouse::directory

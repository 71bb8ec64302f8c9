// From an address to the accounts it leads to: exact names, subaddresses, aliases to several and to
// aliases, the catch-all, postmaster and abuse.
//
// An alias may lead elsewhere; there its way ends for us.
//
// Bounds: aliases to aliases to a depth of 10, 1,000 accounts and addresses elsewhere, 2,000 names looked at. A name
// that was seen already on the way is not followed again, so a circle ends by itself; an address that leads nowhere but
// round, or past a bound, is a loop.
#pragma once

#include "base/log.h"
#include "directory/cached_rows.h"

#include <set>

namespace posthouse::directory {

inline constexpr unsigned deepest_alias = 10;
inline constexpr std::size_t most_targets = 1'000;
inline constexpr std::size_t most_names = 2'000;

enum class CatchAll : bool { ignored, followed };

// One expansion. Threads: one task. Lifetime: rows and log outlive it; it outlives run().
class Expansion {
public:
    // `pretended`: an alias as if it were stored already, to try a change.
    Expansion(CachedRows& rows, Log& log, CatchAll catch_all, std::optional<Alias> pretended = {}) :
        rows_(rows), log_(log), catch_all_(catch_all), pretended_(std::move(pretended))
    {
    }

    // The name's domain is one of ours.
    Task<Result<Recipient>> run(Name name);

private:
    struct Step {
        Name name;
        std::string subaddress;
        unsigned depth = 0;
        std::string given = {};  // as the alias has it
    };
    // What an address stands for: the row of its own name, of the part before `+`, or of who takes
    // its mail instead.
    struct Found {
        std::optional<NameRow> row;  // nullopt: nobody
        std::string subaddress;
    };
    Task<Result<void>> follow(Step step);
    Task<Result<Found>> find(Step step);
    Task<Result<Found>> find_instead(Step step);
    Task<Result<std::optional<NameRow>>> row_of(Name name);
    Task<Result<bool>> leads_elsewhere(std::string domain);
    void add_elsewhere(const Step& step);
    Task<Result<void>> add(AccountId id, std::string subaddress);
    void follow_alias(const NameRow& row, const Step& step, const std::string& subaddress);
    Recipient judge();

    CachedRows& rows_;
    Log& log_;
    CatchAll catch_all_;
    std::optional<Alias> pretended_;

    std::vector<Step> pending_;
    std::set<std::string> seen_;
    std::set<std::pair<AccountId, std::string>> added_;
    std::vector<Target> targets_;
    std::vector<Elsewhere> elsewhere_;
    bool went_round_ = false;
    bool went_too_far_ = false;
    bool met_disabled_ = false;
};

}  // namespace posthouse::directory

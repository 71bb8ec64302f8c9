#include "mta/route/questions.h"

#include "base/all.h"

#include <algorithm>

#include <fmt/format.h>

namespace posthouse::mta::route {

namespace {

using net::IpFamily;
using net::LookupStatus;

constexpr Duration question_patience = 20s;
constexpr std::size_t most_addresses = 16;  // of a host and family

template <class Record> smtp::DnsFact fact_of(std::string question, const net::Lookup<Record>& lookup, Duration took)
{
    smtp::DnsFact fact{std::move(question), lookup.status, lookup.is_secure, {}, lookup.ttl, lookup.text, took};
    for (const Record& record : lookup.records)
        if constexpr (std::is_same_v<Record, net::MxRecord>)
            fact.answers.push_back(
                fmt::format("{} {}", record.preference, record.exchange.empty() ? "." : record.exchange));
        else
            fact.answers.push_back(record);
    return fact;
}

void note_alias(smtp::DnsFact& fact, const std::string& asked, const std::string& canonical)
{
    if (fact.text.empty() && !canonical.empty() && canonical != asked)
        fact.text = fmt::format("{} is an alias (CNAME) of {}", asked, canonical);
}

bool is_no(LookupStatus status) { return status == LookupStatus::no_such_name || status == LookupStatus::no_data; }

}  // namespace

std::string_view word_for(LookupStatus status)
{
    switch (status) {
    case LookupStatus::found: return "found";
    case LookupStatus::no_such_name: return "no such name";
    case LookupStatus::no_data: return "no such record";
    case LookupStatus::temporary: return "no answer";
    case LookupStatus::bogus: return "forged (DNSSEC)";
    case LookupStatus::malformed: return "not a domain name";
    }
    return "?";
}

Task<net::Lookup<net::MxRecord>> Questions::mx(std::string domain)
{
    const SteadyTime begun = clock_.steady();
    const Deadline deadline{std::min(deadline_.at, begun + question_patience)};
    net::Lookup<net::MxRecord> lookup = co_await resolver_.mx(domain, deadline);
    smtp::DnsFact fact = fact_of("MX " + domain, lookup, std::chrono::duration_cast<Duration>(clock_.steady() - begun));
    note_alias(fact, domain, lookup.canonical_name);
    facts_.push_back(std::move(fact));
    co_return lookup;
}

Task<HostAddresses> Questions::addresses_of(std::string host)
{
    HostAddresses out;
    const SteadyTime begun = clock_.steady();
    const Deadline deadline{std::min(deadline_.at, begun + question_patience)};
    std::vector<Task<net::Lookup<std::string>>> both;
    both.push_back(resolver_.addresses(host, IpFamily::v6, deadline));
    both.push_back(resolver_.addresses(host, IpFamily::v4, deadline));
    std::vector<net::Lookup<std::string>> found = co_await all(std::move(both));
    const Duration took = std::chrono::duration_cast<Duration>(clock_.steady() - begun);
    for (std::size_t i = 0; i < found.size(); ++i) {
        smtp::DnsFact fact = fact_of((i == 0 ? "AAAA " : "A ") + host, found[i], took);
        note_alias(fact, host, found[i].canonical_name);
        out.facts.push_back(std::move(fact));
        found[i].records.resize(std::min(found[i].records.size(), most_addresses));
    }
    net::Lookup<std::string>& v6 = found[0];
    net::Lookup<std::string>& v4 = found[1];
    out.is_secure = (v6.is_secure || !v6) && (v4.is_secure || !v4) && (v6 || v4);
    if (v6 || v4)
        out.status = LookupStatus::found;
    else if (is_no(v6.status) && is_no(v4.status))
        out.status = v4.status;
    else
        out.status = is_no(v4.status) ? v6.status : v4.status;
    out.why_none = is_no(v4.status) && !is_no(v6.status) ? v6.text : v4.text;
    out.v6 = std::move(v6.records);
    out.v4 = std::move(v4.records);
    co_return out;
}

Task<std::vector<HostAddresses>> Questions::addresses(std::vector<std::string> hosts)
{
    std::vector<Task<HostAddresses>> each;
    for (std::string& host : hosts)
        each.push_back(addresses_of(std::move(host)));
    std::vector<HostAddresses> found = co_await all(std::move(each));
    for (HostAddresses& host : found)
        std::ranges::move(host.facts, std::back_inserter(facts_));
    co_return found;
}

}  // namespace posthouse::mta::route

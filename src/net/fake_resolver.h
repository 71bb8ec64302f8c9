// A DNS for tests: plain maps, filled by the test.
//
//     FakeResolver dns;
//     dns.mx_records["south.test"] = {{10, "mx.south.test"}};
//     dns.v4["mx.south.test"] = {"127.0.0.2"};
//     dns.temporary.insert("slow.test");
//
// Keys are in lower case without the last dot. A name that stands in any map exists: other types
// of it are no_data; a name in no map is no_such_name. Threads: one loop, or filled before use.
#pragma once

#include "base/text.h"
#include "net/resolver.h"

#include <map>
#include <set>

namespace posthouse::net {

struct FakeResolver final : Resolver {
    std::map<std::string, std::vector<MxRecord>> mx_records;
    std::map<std::string, std::vector<std::string>> v4;
    std::map<std::string, std::vector<std::string>> v6;
    std::map<std::string, std::vector<std::string>> txt_records;
    std::map<std::string, std::vector<TlsaRecord>> tlsa_records;
    std::map<std::string, std::vector<std::string>> names_of;  // by address
    std::map<std::string, std::string> aliases;  // CNAME: one step
    std::set<std::string> temporary;  // every question about these names fails so
    std::set<std::string> bogus;
    std::set<std::string> secure;  // answers about these names are proven
    std::vector<std::string> asked;  // "mx south.test", in order

    Task<Lookup<MxRecord>> mx(std::string name, Deadline) override
    {
        co_return answer("mx", std::move(name), mx_records);
    }
    Task<Lookup<std::string>> addresses(std::string name, IpFamily family, Deadline) override
    {
        co_return family == IpFamily::v4 ? answer("a", std::move(name), v4) : answer("aaaa", std::move(name), v6);
    }
    Task<Lookup<std::string>> txt(std::string name, Deadline) override
    {
        co_return answer("txt", std::move(name), txt_records);
    }
    Task<Lookup<TlsaRecord>> tlsa(std::string name, Deadline) override
    {
        co_return answer("tlsa", std::move(name), tlsa_records);
    }
    Task<Lookup<std::string>> names(std::string address, Deadline) override
    {
        co_return answer("ptr", std::move(address), names_of);
    }

    bool exists(const std::string& name) const
    {
        return mx_records.contains(name) || v4.contains(name) || v6.contains(name) || txt_records.contains(name) ||
            tlsa_records.contains(name) || names_of.contains(name) || aliases.contains(name);
    }

private:
    template <class Record>
    Lookup<Record> answer(std::string_view type, std::string name,
                          const std::map<std::string, std::vector<Record>>& zone)
    {
        name = to_lower(name);
        if (name.ends_with('.'))
            name.pop_back();
        asked.push_back(std::string(type) + " " + name);
        Lookup<Record> lookup;
        lookup.is_secure = secure.contains(name);
        if (temporary.contains(name) || bogus.contains(name)) {
            lookup.status = bogus.contains(name) ? LookupStatus::bogus : LookupStatus::temporary;
            lookup.is_secure = false;
            lookup.text = "SERVFAIL";
            return lookup;
        }
        if (const auto alias = aliases.find(name); alias != aliases.end())
            name = alias->second;
        lookup.canonical_name = name;
        lookup.ttl = 300;
        const auto found = zone.find(name);
        if (found != zone.end() && !found->second.empty()) {
            lookup.status = LookupStatus::found;
            lookup.records = found->second;
        } else {
            lookup.status = exists(name) ? LookupStatus::no_data : LookupStatus::no_such_name;
            lookup.text = lookup.status == LookupStatus::no_data ? "no such record" : "NXDOMAIN";
        }
        return lookup;
    }
};

}  // namespace posthouse::net

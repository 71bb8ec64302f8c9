// Questions to the DNS, with typed answers and a clear word on how each failed.
//
// Names in answers are in lower case, without the last dot; the root is "". Answers are hostile
// input: records that do not fit their type are left out, and at most `most_records` are kept.
#pragma once

#include "base/task.h"

#include <cstdint>
#include <string>
#include <vector>

namespace posthouse::net {

inline constexpr std::size_t most_records = 100;

enum class LookupStatus : std::uint8_t {
    found,  // `records` holds at least one
    no_such_name,  // NXDOMAIN: the name does not exist
    no_data,  // the name exists, but has no record of this type
    temporary,  // timeout, SERVFAIL, servers out of reach, the deadline: ask again later
    bogus,  // DNSSEC proves it forged or broken: for mail the same as temporary (RFC 7672 section 2.1.1)
    malformed,  // the question is no domain name (a label over 63 bytes, a name over 253, controls)
};

template <class Record> struct Lookup {
    LookupStatus status = LookupStatus::temporary;
    // The answer, positive or negative, is proven by DNSSEC. DANE needs it (RFC 7672 section 2.1).
    bool is_secure = false;
    std::vector<Record> records;
    std::string canonical_name;  // where CNAMEs led; the name asked for without them
    std::uint32_t ttl = 0;  // seconds
    std::string text;  // for log and journey: why it failed, in words

    explicit operator bool() const { return status == LookupStatus::found; }
};

// RFC 5321 section 5.1. A "null MX" (RFC 7505) has an empty exchange.
struct MxRecord {
    std::uint16_t preference = 0;
    std::string exchange;
    friend bool operator==(const MxRecord&, const MxRecord&) = default;
};

// RFC 6698 section 2.1. The numbers are kept as they came: what is not known is unusable, not malformed.
struct TlsaRecord {
    std::uint8_t usage = 0;
    std::uint8_t selector = 0;
    std::uint8_t matching_type = 0;
    std::string data;  // bytes
    friend bool operator==(const TlsaRecord&, const TlsaRecord&) = default;
};

enum class IpFamily : std::uint8_t { v4, v6 };

// Threads: any loop; the answer comes on the asker's. Lifetime: outlives every session.
class Resolver {
public:
    virtual ~Resolver() = default;

    virtual Task<Lookup<MxRecord>> mx(std::string name, Deadline deadline) = 0;
    // Addresses as text, as in Endpoint.
    virtual Task<Lookup<std::string>> addresses(std::string name, IpFamily family, Deadline deadline) = 0;
    // Each record's strings joined (RFC 7208 section 3.3).
    virtual Task<Lookup<std::string>> txt(std::string name, Deadline deadline) = 0;
    // `name` with its port and protocol: "_25._tcp.mx.example.org".
    virtual Task<Lookup<TlsaRecord>> tlsa(std::string name, Deadline deadline) = 0;
    // The names of an address, IPv4 or IPv6 as text.
    virtual Task<Lookup<std::string>> names(std::string address, Deadline deadline) = 0;
};

}  // namespace posthouse::net

// Whole DNS messages, read and written (RFC 1035 section 4). Pure.
#pragma once

#include "net/dns_record.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace posthouse::lab {

inline constexpr std::size_t most_over_tcp = 65'535;  // RFC 1035 section 4.2.2
inline constexpr std::size_t most_over_udp = 512;  // RFC 1035 section 4.2.1, without EDNS

// RFC 1035 section 4.1.1.
enum class Rcode : std::uint8_t { no_error, form_error, server_failure, name_error, not_implemented, refused };

struct DnsQuestion {
    std::string name;  // as net/dns_record.h
    std::uint16_t type = 0;
    std::uint16_t klass = 1;  // 1: Internet
    friend bool operator==(const DnsQuestion&, const DnsQuestion&) = default;
};

struct DnsRecord {
    std::string name;
    std::uint16_t type = 0;
    std::uint32_t ttl = 0;
    std::string data;  // as it is on the wire; names in it may be compressed where the message was read
    friend bool operator==(const DnsRecord&, const DnsRecord&) = default;
};

struct DnsMessage {
    std::uint16_t id = 0;
    std::uint8_t opcode = 0;
    Rcode rcode = Rcode::no_error;
    bool is_response = false;
    bool is_authoritative = false;
    bool is_truncated = false;
    bool recursion_desired = false;
    bool recursion_available = false;
    std::optional<std::uint16_t> edns_size;  // RFC 6891: the largest datagram the sender takes
    std::vector<DnsQuestion> questions;
    std::vector<DnsRecord> answers;
    std::vector<DnsRecord> authority;
    std::vector<DnsRecord> additional;  // without the OPT record
    friend bool operator==(const DnsMessage&, const DnsMessage&) = default;
};

// Empty: no DNS message, or one with names of other characters than ours. Records of other classes than
// Internet are left out.
std::optional<DnsMessage> read_message(std::string_view bytes);

// At most `most` bytes: records that do not fit are left out, and the message says that it is truncated.
std::string write_message(const DnsMessage& message, std::size_t most = most_over_tcp);

}  // namespace posthouse::lab

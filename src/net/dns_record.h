// The DNS on the wire, as far as mail needs it: names and the data of records. Pure.
//
// Names as text are in lower case, without the last dot; the root is "". Names whose labels hold
// anything but letters, digits, '-', '_' and '/' (RFC 2317) are not read: no mail host is called so, and
// they would travel on into logs and commands.
#pragma once

#include "net/resolver.h"

#include <optional>
#include <string>
#include <string_view>

namespace posthouse::net {

// RFC 1035 section 3.2.2, RFC 3596, RFC 6891, RFC 6698.
enum class DnsType : std::uint16_t {
    a = 1,
    ns = 2,
    cname = 5,
    soa = 6,
    ptr = 12,
    mx = 15,
    txt = 16,
    aaaa = 28,
    opt = 41,
    tlsa = 52,
    any = 255,
};
std::string_view name_of(DnsType type);  // "MX"; "TYPE?" for others

// "Mail.Example.org." → "mail.example.org". Empty: no domain name (RFC 1035 section 2.3.4, and the
// characters above).
std::optional<std::string> dns_name(std::string_view text);
// The wire's form of what dns_name() gave; uncompressed.
std::string write_dns_name(std::string_view name);

struct DnsNameRead {
    std::string name;
    std::size_t end = 0;  // where what follows it begins
};
// The name at `at`. Compression pointers (RFC 1035 section 4.1.4) must point backwards, each further than
// the one before, so that no message makes this loop.
std::optional<DnsNameRead> read_dns_name(std::string_view message, std::size_t at);

// The data of one record, without compression. Empty: it does not fit its type.
std::optional<MxRecord> read_mx(std::string_view data);  // RFC 1035 section 3.3.9
std::optional<std::string> read_txt(std::string_view data);  // RFC 1035 section 3.3.14, strings joined
std::optional<TlsaRecord> read_tlsa(std::string_view data);  // RFC 6698 section 2.1
std::optional<std::string> read_address(std::string_view data, IpFamily family);
std::optional<std::string> read_host(std::string_view data);  // PTR, CNAME, NS

std::string write_mx(const MxRecord& record);
std::string write_txt(std::string_view text);  // in strings of 255 bytes
std::string write_tlsa(const TlsaRecord& record);
std::optional<std::string> write_address(const std::string& address, IpFamily family);

// "127.0.0.2" → "2.0.0.127.in-addr.arpa" (RFC 1035 section 3.5; RFC 3596 section 2.5). Empty: no IP address.
std::optional<std::string> reverse_dns_name(const std::string& address);

}  // namespace posthouse::net

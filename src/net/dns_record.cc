#include "net/dns_record.h"

#include "base/text.h"

#include <arpa/inet.h>
#include <fmt/format.h>

namespace posthouse::net {

namespace {

constexpr std::size_t longest_label = 63;  // RFC 1035 section 2.3.4
constexpr std::size_t longest_text = 253;  // 255 on the wire
constexpr unsigned pointer_bits = 0xc0;

bool fits_a_label(char c) { return is_alnum(c) || c == '-' || c == '_' || c == '/'; }

unsigned byte_at(std::string_view bytes, std::size_t at) { return static_cast<unsigned char>(bytes[at]); }

void put_u16(std::string& out, unsigned value)
{
    out += static_cast<char>(value >> 8);
    out += static_cast<char>(value);
}

}  // namespace

std::string_view name_of(DnsType type)
{
    switch (type) {
    case DnsType::a: return "A";
    case DnsType::ns: return "NS";
    case DnsType::cname: return "CNAME";
    case DnsType::soa: return "SOA";
    case DnsType::ptr: return "PTR";
    case DnsType::mx: return "MX";
    case DnsType::txt: return "TXT";
    case DnsType::aaaa: return "AAAA";
    case DnsType::opt: return "OPT";
    case DnsType::tlsa: return "TLSA";
    case DnsType::any: return "ANY";
    }
    return "TYPE?";
}

// ---- names

std::optional<std::string> dns_name(std::string_view text)
{
    if (text.ends_with('.'))
        text.remove_suffix(1);
    if (text.size() > longest_text)
        return {};
    if (text.empty())
        return std::string();
    for (const std::string_view label : split(text, '.')) {
        if (label.empty() || label.size() > longest_label)
            return {};
        for (const char c : label)
            if (!fits_a_label(c))
                return {};
    }
    return to_lower(text);
}

std::string write_dns_name(std::string_view name)
{
    std::string out;
    if (!name.empty())
        for (const std::string_view label : split(name, '.')) {
            out += static_cast<char>(label.size());
            out += label;
        }
    out += '\0';
    return out;
}

std::optional<DnsNameRead> read_dns_name(std::string_view message, std::size_t at)
{
    DnsNameRead read;
    std::size_t lowest = at;  // what a pointer must point below
    for (;;) {
        if (at >= message.size())
            return {};
        const unsigned length = byte_at(message, at);
        if ((length & pointer_bits) == pointer_bits) {
            if (at + 1 >= message.size())
                return {};
            const std::size_t target = (length & ~pointer_bits) << 8 | byte_at(message, at + 1);
            if (read.end == 0)
                read.end = at + 2;
            if (target >= lowest)
                return {};
            at = lowest = target;
            continue;
        }
        if (length > longest_label)
            return {};
        if (length == 0) {
            if (read.end == 0)
                read.end = at + 1;
            return read;
        }
        if (at + 1 + length > message.size())
            return {};
        if (!read.name.empty())
            read.name += '.';
        for (const char c : message.substr(at + 1, length)) {
            if (!fits_a_label(c))
                return {};
            read.name += ascii_lower(c);
        }
        if (read.name.size() > longest_text)
            return {};
        at += 1 + length;
    }
}

// ---- the data of records

std::optional<std::string> read_host(std::string_view data)
{
    std::optional<DnsNameRead> read = read_dns_name(data, 0);
    if (!read || read->end != data.size())
        return {};
    return std::move(read->name);
}

std::optional<MxRecord> read_mx(std::string_view data)
{
    if (data.size() < 3)
        return {};
    std::optional<std::string> exchange = read_host(data.substr(2));
    if (!exchange)
        return {};
    return MxRecord{static_cast<std::uint16_t>(byte_at(data, 0) << 8 | byte_at(data, 1)), std::move(*exchange)};
}

std::optional<std::string> read_txt(std::string_view data)
{
    if (data.empty())
        return {};
    std::string text;
    while (!data.empty()) {
        const std::size_t length = byte_at(data, 0);
        if (length + 1 > data.size())
            return {};
        text += data.substr(1, length);
        data.remove_prefix(1 + length);
    }
    return text;
}

std::optional<TlsaRecord> read_tlsa(std::string_view data)
{
    if (data.size() < 4)
        return {};
    return TlsaRecord{static_cast<std::uint8_t>(data[0]), static_cast<std::uint8_t>(data[1]),
                      static_cast<std::uint8_t>(data[2]), std::string(data.substr(3))};
}

std::optional<std::string> read_address(std::string_view data, IpFamily family)
{
    char text[INET6_ADDRSTRLEN];
    const bool is_v4 = family == IpFamily::v4;
    if (data.size() != (is_v4 ? sizeof(in_addr) : sizeof(in6_addr)) ||
        inet_ntop(is_v4 ? AF_INET : AF_INET6, data.data(), text, sizeof text) == nullptr)
        return {};
    return text;
}

std::string write_mx(const MxRecord& record)
{
    std::string out;
    put_u16(out, record.preference);
    return out + write_dns_name(record.exchange);
}

std::string write_txt(std::string_view text)
{
    std::string out;
    do {
        const std::string_view piece = text.substr(0, 255);
        out += static_cast<char>(piece.size());
        out += piece;
        text.remove_prefix(piece.size());
    } while (!text.empty());
    return out;
}

std::string write_tlsa(const TlsaRecord& record)
{
    std::string out;
    out += static_cast<char>(record.usage);
    out += static_cast<char>(record.selector);
    out += static_cast<char>(record.matching_type);
    return out + record.data;
}

std::optional<std::string> write_address(const std::string& address, IpFamily family)
{
    char bytes[sizeof(in6_addr)];
    const bool is_v4 = family == IpFamily::v4;
    if (inet_pton(is_v4 ? AF_INET : AF_INET6, address.c_str(), bytes) != 1)
        return {};
    return std::string(bytes, is_v4 ? sizeof(in_addr) : sizeof(in6_addr));
}

std::optional<std::string> reverse_dns_name(const std::string& address)
{
    std::string out;
    if (const auto v4 = write_address(address, IpFamily::v4)) {
        for (std::size_t i = v4->size(); i > 0; --i)
            out += fmt::format("{}.", byte_at(*v4, i - 1));
        return out + "in-addr.arpa";
    }
    if (const auto v6 = write_address(address, IpFamily::v6)) {
        for (std::size_t i = v6->size(); i > 0; --i)
            out += fmt::format("{:x}.{:x}.", byte_at(*v6, i - 1) & 0xf, byte_at(*v6, i - 1) >> 4);
        return out + "ip6.arpa";
    }
    return {};
}

}  // namespace posthouse::net

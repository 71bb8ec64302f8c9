#include "lab/dns_zones.h"

#include <algorithm>

namespace posthouse::lab {

namespace {

using net::DnsType;
using net::IpFamily;

constexpr std::uint8_t opcode_query = 0;
constexpr std::uint16_t class_internet = 1;
constexpr std::uint16_t largest_datagram = 1232;  // what is announced: no fragments on any path
constexpr unsigned most_aliases = 8;  // CNAMEs followed in one answer

bool lies_in(std::string_view name, std::string_view origin)
{
    if (origin.empty() || name == origin)
        return true;
    return name.size() > origin.size() && name.ends_with(origin) && name[name.size() - origin.size() - 1] == '.';
}

std::string_view without_first_label(std::string_view name)
{
    const std::size_t dot = name.find('.');
    return dot == name.npos ? std::string_view() : name.substr(dot + 1);
}

const std::string* origin_of(const DnsZones& zones, std::string_view name)
{
    const std::string* best = nullptr;
    for (const std::string& origin : zones.origins)
        if (lies_in(name, origin) && (best == nullptr || origin.size() > best->size()))
            best = &origin;
    return best;
}

// The name's own entry, or the wildcard that stands for it (RFC 4592 section 3.3.1).
const DnsName* entry_of(const DnsZones& zones, std::string_view name)
{
    if (const auto found = zones.names.find(std::string(name)); found != zones.names.end())
        return &found->second;
    for (std::string_view rest = name; !rest.empty();) {
        rest = without_first_label(rest);
        if (const auto found = zones.names.find("*." + std::string(rest)); found != zones.names.end())
            return &found->second;
    }
    return nullptr;
}

// A name exists also where only names below it have records (RFC 8020 section 1).
bool has_names_below(const DnsZones& zones, std::string_view name)
{
    return std::ranges::any_of(zones.names, [&](const auto& entry) { return lies_in(entry.first, name); });
}

class Answer {
public:
    Answer(const DnsZones& zones, DnsMessage& out) : zones_(zones), out_(out) { }

    void find(std::string name, std::uint16_t type)
    {
        const DnsName* entry = entry_of(zones_, name);
        for (unsigned step = 0; entry != nullptr && !entry->cname.empty() && step < most_aliases; ++step) {
            put(name, DnsType::cname, net::write_dns_name(entry->cname));
            if (type == static_cast<std::uint16_t>(DnsType::cname))
                return;
            name = entry->cname;
            entry = entry_of(zones_, name);
        }
        const std::string* origin = origin_of(zones_, name);
        if (origin == nullptr)
            return;  // the alias leads out of our zones: the asker goes on
        const std::size_t before = out_.answers.size();
        if (entry != nullptr && entry->cname.empty())
            put_records(name, *entry, type);
        if (type == static_cast<std::uint16_t>(DnsType::soa) && name == *origin)
            put_soa(out_.answers, *origin);
        if (out_.answers.size() > before || (entry != nullptr && !entry->cname.empty()))
            return;
        if (entry == nullptr && name != *origin && !has_names_below(zones_, name))
            out_.rcode = Rcode::name_error;
        put_soa(out_.authority, *origin);  // RFC 2308 section 3
    }

private:
    void put(const std::string& name, DnsType type, std::string data)
    {
        out_.answers.push_back({name, static_cast<std::uint16_t>(type), zones_.ttl, std::move(data)});
    }

    void put_records(const std::string& name, const DnsName& entry, std::uint16_t wanted)
    {
        const auto is_wanted = [&](DnsType type) {
            return wanted == static_cast<std::uint16_t>(type) || wanted == static_cast<std::uint16_t>(DnsType::any);
        };
        const auto put_addresses = [&](DnsType type, IpFamily family, const std::vector<std::string>& addresses) {
            for (const std::string& address : addresses)
                if (auto data = net::write_address(address, family); data && is_wanted(type))
                    put(name, type, std::move(*data));
        };
        const auto put_hosts = [&](DnsType type, const std::vector<std::string>& hosts) {
            for (const std::string& host : hosts)
                if (is_wanted(type))
                    put(name, type, net::write_dns_name(host));
        };
        put_addresses(DnsType::a, IpFamily::v4, entry.v4);
        put_addresses(DnsType::aaaa, IpFamily::v6, entry.v6);
        put_hosts(DnsType::ptr, entry.ptr);
        put_hosts(DnsType::ns, entry.ns);
        for (const net::MxRecord& mx : entry.mx)
            if (is_wanted(DnsType::mx))
                put(name, DnsType::mx, net::write_mx(mx));
        for (const std::string& text : entry.txt)
            if (is_wanted(DnsType::txt))
                put(name, DnsType::txt, net::write_txt(text));
        for (const net::TlsaRecord& tlsa : entry.tlsa)
            if (is_wanted(DnsType::tlsa))
                put(name, DnsType::tlsa, net::write_tlsa(tlsa));
    }

    // RFC 1035 section 3.3.13; the last number is how long a "no" may be remembered (RFC 2308 section 4).
    void put_soa(std::vector<DnsRecord>& section, const std::string& origin)
    {
        std::string data = net::write_dns_name(origin) + net::write_dns_name("postmaster");
        for (const std::uint32_t number : {1u, 3600u, 600u, 86400u, zones_.ttl})
            for (const unsigned shift : {24u, 16u, 8u, 0u})
                data += static_cast<char>(number >> shift);
        section.push_back({origin, static_cast<std::uint16_t>(DnsType::soa), zones_.ttl, std::move(data)});
    }

    const DnsZones& zones_;
    DnsMessage& out_;
};

}  // namespace

void DnsZones::add_host(const std::string& name, const std::string& address)
{
    const std::optional<std::string> reverse = net::reverse_dns_name(address);
    if (!reverse)
        return;
    (address.contains(':') ? names[name].v6 : names[name].v4).push_back(address);
    names[*reverse].ptr.push_back(name);
}

DnsZones::Treatment DnsZones::treatment_of(std::string_view name) const
{
    Treatment treatment;
    for (std::string_view at = name; !at.empty(); at = without_first_label(at)) {
        const auto found = names.find(std::string(at));
        if (found == names.end())
            continue;
        if (treatment.fault == DnsFault::none)
            treatment.fault = found->second.fault;
        treatment.delay = std::max(treatment.delay, found->second.delay);
    }
    return treatment;
}

DnsMessage answer(const DnsZones& zones, const DnsMessage& query)
{
    DnsMessage out;
    out.id = query.id;
    out.opcode = query.opcode;
    out.is_response = true;
    out.recursion_desired = query.recursion_desired;
    if (query.edns_size)
        out.edns_size = largest_datagram;
    if (query.opcode != opcode_query) {
        out.rcode = Rcode::not_implemented;
        return out;
    }
    if (query.questions.size() != 1) {
        out.rcode = Rcode::form_error;
        return out;
    }
    out.questions = query.questions;
    const DnsQuestion& question = query.questions.front();
    if (question.klass != class_internet || origin_of(zones, question.name) == nullptr) {
        out.rcode = Rcode::refused;
        return out;
    }
    out.is_authoritative = true;
    Answer(zones, out).find(question.name, question.type);
    return out;
}

}  // namespace posthouse::lab

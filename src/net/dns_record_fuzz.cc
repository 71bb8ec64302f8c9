// What is read from a record, written and read again, is the same; a name read is a name that may be
// asked for; a name's end lies within the message.
#include "net/dns_record.h"

#include <cstdlib>

using namespace posthouse::net;

namespace {

void must(bool holds)
{
    if (!holds)
        std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size)
{
    const std::string_view data(reinterpret_cast<const char*>(bytes), size);
    for (std::size_t at = 0; at < size && at < 64; ++at)
        if (const auto read = read_dns_name(data, at)) {
            must(read->end > at && read->end <= size);
            must(dns_name(read->name) == read->name);
            const std::string written = write_dns_name(read->name);
            const auto again = read_dns_name(written, 0);
            must(again && again->name == read->name && again->end == written.size());
        }
    if (const auto mx = read_mx(data))
        must(read_mx(write_mx(*mx)) == mx);
    if (const auto txt = read_txt(data))
        must(txt->size() < size && read_txt(write_txt(*txt)) == txt);
    if (const auto tlsa = read_tlsa(data))
        must(read_tlsa(write_tlsa(*tlsa)) == tlsa && write_tlsa(*tlsa) == data);
    for (const IpFamily family : {IpFamily::v4, IpFamily::v6})
        if (const auto address = read_address(data, family)) {
            must(write_address(*address, family) == data);
            must(dns_name(*reverse_dns_name(*address)).has_value());
        }
    if (const auto name = dns_name(data))
        must(dns_name(*name) == name && read_host(write_dns_name(*name)) == name);
    return 0;
}

// A header is judged the same however much follows it; before its end the answer is "need more".
#include "net/proxy_protocol.h"

#include <cstdint>
#include <cstdlib>

using posthouse::net::parse_proxy_header;
using posthouse::net::ProxyHeader;

namespace {

void must(bool holds)
{
    if (!holds)
        std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const ProxyHeader whole = parse_proxy_header(input);
    if (whole.state == ProxyHeader::State::need_more)
        must(size < posthouse::net::most_proxy_header);
    if (whole.state != ProxyHeader::State::done)
        return 0;
    must(whole.consumed > 0 && whole.consumed <= size);
    const ProxyHeader exact = parse_proxy_header(input.substr(0, whole.consumed));
    must(exact.state == ProxyHeader::State::done && exact.consumed == whole.consumed);
    must(exact.ends.has_value() == whole.ends.has_value());
    if (whole.ends)
        must(exact.ends->peer == whole.ends->peer && !whole.ends->peer.address.empty());
    for (std::size_t cut = 0; cut < whole.consumed; ++cut)
        must(parse_proxy_header(input.substr(0, cut)).state == ProxyHeader::State::need_more);
    return 0;
}

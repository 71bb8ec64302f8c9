// The PROXY protocol, versions 1 and 2: a proxy tells who the client is, ahead of the first byte.
//
// https://www.haproxy.org/download/1.8/doc/proxy-protocol.txt. Only on listeners that ask for it:
// whoever may send this header may claim any address. Pure; touches no wire.
#pragma once

#include "net/wire.h"

#include <cstddef>
#include <optional>
#include <string_view>

namespace posthouse::net {

struct ProxyHeader {
    enum class State { need_more, done, malformed };
    State state = State::need_more;
    std::size_t consumed = 0;  // bytes of the header, when done
    // Empty for UNKNOWN and LOCAL (the proxy's own health checks) and for families other than TCP
    // over IP: the connection's own addresses hold.
    struct Ends {
        Endpoint peer;
        Endpoint local;
    };
    std::optional<Ends> ends;
};

// Longest header taken. Version 1 has at most 107 bytes; version 2 may bring extensions (TLVs),
// which are skipped.
inline constexpr std::size_t most_proxy_header = 4096;

ProxyHeader parse_proxy_header(std::string_view input);

}  // namespace posthouse::net

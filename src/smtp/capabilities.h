// What a server says it can, in its answer to EHLO. Pure.
#pragma once

#include "smtp/reply.h"

#include <cstdint>
#include <string>
#include <vector>

namespace posthouse::smtp {

struct Capabilities {
    bool extended = false;  // it knew EHLO
    bool pipelining = false;
    bool eight_bit = false;
    bool smtputf8 = false;
    bool starttls = false;
    bool dsn = false;
    bool chunking = false;
    bool size = false;
    bool future_release = false;  // RFC 4865
    bool deliver_by = false;  // RFC 2852
    bool priority = false;  // RFC 6710
    std::uint64_t most_bytes = 0;  // 0: not said
    std::uint64_t most_recipients = 0;  // RFC 9422, 0: not said
    std::uint64_t most_messages = 0;  // in one session; RFC 9422, 0: not said
    std::uint32_t least_deliver_by = 0;  // seconds, 0: not said
    std::vector<std::string> mechanisms;
    std::vector<std::string> lines;  // all keywords as they came
};
Capabilities capabilities_of(const Reply& reply);

}  // namespace posthouse::smtp

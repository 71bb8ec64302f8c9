// What this end can do, as CAPABILITY tells it in each state.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace posthouse::imap {

struct CapabilityFacts {
    bool is_logged_in = false;
    bool can_start_tls = false;
    bool may_send_passwords = false;
    bool can_compress = false;
    std::uint64_t append_limit = 0;
    std::uint32_t message_limit = 0;
    std::vector<std::string> mechanisms;
};
std::string capability_list(const CapabilityFacts& facts);

}  // namespace posthouse::imap

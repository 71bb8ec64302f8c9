// What went wrong with addresses lately: those that did not answer are tried last, those whose TLS
// failed are asked without it. Forgotten after a while; bounded.
//
// Threads: any.
#pragma once

#include "base/time.h"

#include <mutex>
#include <string>
#include <unordered_map>

namespace posthouse::mta::relay {

class Misfortunes {
public:
    enum class Kind : std::uint8_t { no_answer, no_tls };

    void note(Kind kind, const std::string& address, SteadyTime until);
    void forget(Kind kind, const std::string& address);
    bool has(Kind kind, const std::string& address, SteadyTime now) const;

private:
    static constexpr std::size_t most = 10'000;  // of each kind; a full table forgets all

    mutable std::mutex mutex_;
    std::unordered_map<std::string, SteadyTime> until_[2];
};

}  // namespace posthouse::mta::relay

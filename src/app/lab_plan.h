// Who is who in the lab: two houses, the unhappy hosts, and what the DNS says of them all.
#pragma once

#include "app/settings.h"
#include "lab/dns_zones.h"
#include "lab/host_script.h"

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace posthouse::app {

inline constexpr std::string_view lab_password = "posthouse";  // everybody's
inline constexpr std::uint16_t lab_dns_port = 5300;

struct LabPerson {
    std::string address;
    std::string name;
};

struct LabHousePlan {
    std::string_view name;  // of its folder: "north"
    std::string_view domain;  // "north.test"
    std::string_view address;  // "127.0.0.1"
    std::vector<LabPerson> people;  // the first one is the postmaster too
};
std::span<const LabHousePlan> lab_houses();

struct LabPort {
    Door door;
    std::uint16_t number;
    std::string_view what_for;
};
std::span<const LabPort> lab_ports();

// A host that somebody can learn from. Without a script nothing listens there.
struct LabHost {
    std::string_view name;  // "full.test"
    std::string_view address;  // empty: it has none
    std::string_view lesson;  // one line for the screen
    std::optional<lab::HostScript> script;
};
std::span<const LabHost> lab_hosts();

lab::DnsZones lab_zones();

}  // namespace posthouse::app

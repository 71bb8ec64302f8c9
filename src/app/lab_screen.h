// What the lab says when it has started: one screen of 80 columns.
#pragma once

#include "app/house.h"

#include <memory>
#include <span>
#include <string>

namespace posthouse::app {

// `houses` in the order of lab_houses(). Without `usual_folder` it says how commands find the lab.
std::string lab_screen(std::span<const std::unique_ptr<House>> houses, std::uint16_t dns_port,
                       const std::string& folder, bool usual_folder, bool colour);

}  // namespace posthouse::app

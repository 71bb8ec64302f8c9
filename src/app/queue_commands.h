// posthouse queue: what waits, and what the operator does about it.
#pragma once

#include <span>
#include <string>

namespace posthouse::app {

int queue_command(std::span<const std::string> arguments);

}  // namespace posthouse::app

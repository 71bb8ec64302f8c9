// The commands that run a server: serve (a real one, by its settings) and lab (to learn and test).
#pragma once

#include <span>
#include <string>

namespace posthouse::app {

int serve_command(std::span<const std::string> arguments);
int lab_command(std::span<const std::string> arguments);

}  // namespace posthouse::app

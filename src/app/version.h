// What `posthouse --version`, IMAP's ID and the status tell.
#pragma once

#include <string_view>

namespace posthouse::app {

inline constexpr std::string_view version = "0.1.0";

}  // namespace posthouse::app

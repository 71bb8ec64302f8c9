// The lab's people, as the mail client may use them: addresses, ports, password and certificate, in one
// file of mode 0600 in the lab's folder. So nothing has to be typed to try it, and nothing is
// guessed: the file says it, and it is good for loopback alone.
#pragma once

#include "app/house.h"

#include <memory>
#include <span>
#include <string>

namespace posthouse::app {

// `houses` in the order of lab_houses(), each with its certificate in its folder below `folder`.
Result<void> write_lab_identities(std::span<const std::unique_ptr<House>> houses, const std::string& folder);

}  // namespace posthouse::app

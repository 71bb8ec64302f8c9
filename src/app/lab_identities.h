// The lab's people, as the mail client may use them: addresses, ports, password and certificate, in one
// file of mode 0600 in the lab's data folder. So nothing has to be typed to try it, and nothing is
// guessed: the file says it, and it is good for loopback alone.
#pragma once

#include "app/house.h"

#include <string>
#include <utility>
#include <vector>

namespace posthouse::app {

struct LabPerson {
    std::string address;
    std::string name;
};
Result<void> write_lab_identities(const House& house, const std::string& data, const std::string& certificate,
                                  const std::vector<LabPerson>& people, const std::string& password);

}  // namespace posthouse::app

// Where an address leads, as a text for the operator's journey.
#pragma once

#include "directory/directory.h"

namespace posthouse::directory {

// "bob@north.test for +lists", "alice@north.test, bob@north.test". Empty: it is an account's own, or nobody's.
std::string where_it_leads(const Recipient& found, std::string_view address);

}  // namespace posthouse::directory

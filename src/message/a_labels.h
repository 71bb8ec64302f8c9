// Domain names with other letters than ASCII, as they go over the wire (RFC 5890: A-labels; RFC 5891 with
// non-transitional processing).
#pragma once

#include "base/result.h"

#include <string>

namespace posthouse::message {

// "münchen.test" as "xn--mnchen-3ya.test"; what is ASCII already stays as it is. ErrorCode::malformed: no domain name.
Result<std::string> in_a_labels(const std::string& domain);

}  // namespace posthouse::message

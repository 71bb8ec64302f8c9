// Names and passwords in one spelling, so that a person's keyboard does not decide who gets in.
//
// SASLprep (RFC 4013) as a query: code points that its Unicode 3.2 did not know yet are allowed, so
// that a password may hold an emoji. Printable ASCII passes as it is.
#pragma once

#include "base/result.h"
#include "sasl/secret.h"

#include <string>
#include <string_view>

namespace posthouse::sasl {

inline constexpr std::size_t longest_name = 1024;  // bytes
inline constexpr std::size_t longest_password = 1024;

// Errors: malformed (not UTF-8, empty, controls or another forbidden code point), too_large.
Result<std::string> prepare_name(std::string_view name);
Result<Secret> prepare_password(std::string_view password);

}  // namespace posthouse::sasl

// PLAIN (RFC 4616): one message with name and password.
#pragma once

#include "base/result.h"
#include "sasl/secret.h"

#include <optional>
#include <string>
#include <string_view>

namespace posthouse::sasl {

struct PlainMessage {
    std::string authorisation;  // authzid, usually empty
    std::string user;
    Secret password;  // as sent, not prepared
};
// nullopt: not two NULs, an empty name or password, not UTF-8, or too long. Wipes `message`.
std::optional<PlainMessage> parse_plain(std::string&& message);
// Errors: malformed, where name or password hold a NUL.
Result<std::string> write_plain(std::string_view user, std::string_view password);

}  // namespace posthouse::sasl

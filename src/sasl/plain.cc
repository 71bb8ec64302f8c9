#include "sasl/plain.h"

#include "base/text.h"
#include "sasl/prepare.h"

namespace posthouse::sasl {

namespace {

std::optional<PlainMessage> take_apart(std::string_view message)
{
    const std::vector<std::string_view> parts = split(message, '\0');
    if (parts.size() != 3 || parts[1].empty() || parts[2].empty())
        return std::nullopt;
    if (parts[0].size() > longest_name || parts[1].size() > longest_name || parts[2].size() > longest_password)
        return std::nullopt;
    if (!is_valid_utf8(message))
        return std::nullopt;
    return PlainMessage{std::string(parts[0]), std::string(parts[1]), Secret(std::string(parts[2]))};
}

}  // namespace

// message = [authzid] UTF8NUL authcid UTF8NUL passwd
std::optional<PlainMessage> parse_plain(std::string&& message)
{
    std::optional<PlainMessage> parsed;
    if (message.size() <= 2 * longest_name + longest_password + 2)
        parsed = take_apart(message);
    wipe(message);
    return parsed;
}

Result<std::string> write_plain(std::string_view user, std::string_view password)
{
    if (user.contains('\0') || password.contains('\0'))
        return fail(ErrorCode::malformed, "PLAIN carries no NUL in a name or password");
    std::string message(1, '\0');
    message += user;
    message += '\0';
    message += password;
    return message;
}

}  // namespace posthouse::sasl

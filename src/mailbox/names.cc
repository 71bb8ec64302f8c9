// Mailbox names: UTF-8 in NFC, levels separated by '/'. They never become paths.
#include "base/text.h"
#include "mailbox/mailbox.h"

#include <fmt/format.h>
#include <unicode/normalizer2.h>

namespace posthouse::mailbox {

namespace {

constexpr std::string_view inbox = "INBOX";

// C0, DEL, C1 (two bytes, 0xc2 0x80…0x9f), line and paragraph separator (RFC 5198 section 2), and the
// bidirectional overrides that make a name look like another.
bool has_control(std::string_view text)
{
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (is_control(text[i]))
            return true;
        const std::string_view rest = text.substr(i);
        const auto second = static_cast<unsigned char>(rest.size() > 1 ? rest[1] : '\0');
        if (rest[0] == '\xc2' && second >= 0x80 && second <= 0x9f)
            return true;
        if (rest.starts_with("\xe2\x80")) {
            const auto third = static_cast<unsigned char>(rest.size() > 2 ? rest[2] : '\0');
            if (third == 0xa8 || third == 0xa9 || (third >= 0xaa && third <= 0xae))
                return true;
        }
        if (rest.starts_with("\xe2\x81")) {
            const auto third = static_cast<unsigned char>(rest.size() > 2 ? rest[2] : '\0');
            if (third >= 0xa6 && third <= 0xa9)
                return true;
        }
    }
    return false;
}

std::string nfc(std::string_view text)
{
    if (is_ascii(text))
        return std::string(text);
    UErrorCode status = U_ZERO_ERROR;
    const icu::Normalizer2* normalizer = icu::Normalizer2::getNFCInstance(status);
    std::string normal;
    icu::StringByteSink<std::string> sink(&normal);
    if (U_SUCCESS(status))
        normalizer->normalizeUTF8(0, {text.data(), static_cast<std::int32_t>(text.size())}, sink, nullptr, status);
    return U_SUCCESS(status) ? normal : std::string(text);
}

std::optional<std::string> fault_of_level(std::string_view level, const NameLimits& limits)
{
    if (level.empty())
        return "a level of the name is empty";
    if (level == "." || level == "..")
        return fmt::format("a level of the name is '{}'", level);
    if (level.size() > limits.level_bytes)
        return fmt::format("a level of the name is longer than {} bytes", limits.level_bytes);
    if (level.front() == ' ' || level.back() == ' ')
        return "a level of the name begins or ends with a space";
    return std::nullopt;
}

}  // namespace

std::optional<std::string> fault_of_name(std::string_view name, const NameLimits& limits)
{
    if (name.empty())
        return "the name is empty";
    if (name.size() > limits.name_bytes)
        return fmt::format("the name is longer than {} bytes", limits.name_bytes);
    if (!is_valid_utf8(name))
        return "the name is not valid UTF-8";
    if (has_control(name))
        return "the name holds a control character";
    const std::vector<std::string_view> levels = split(name, '/');
    if (levels.size() > limits.depth)
        return fmt::format("the name is deeper than {} levels", limits.depth);
    for (const std::string_view level : levels)
        if (auto fault = fault_of_level(level, limits))
            return fault;
    return std::nullopt;
}

Result<std::string> normal_name(std::string_view name, const NameLimits& limits)
{
    if (auto fault = fault_of_name(name, limits))
        return fail(ErrorCode::malformed, *std::move(fault));
    std::string normal = nfc(name);
    // NFC of a short name can be longer than the name was.
    if (auto fault = fault_of_name(normal, limits))
        return fail(ErrorCode::malformed, *std::move(fault));
    // RFC 3501 section 5.1: INBOX in any case. Below it too, or there would be two trees of one look.
    if (starts_with_ignoring_case(normal, inbox) && (normal.size() == inbox.size() || normal[inbox.size()] == '/'))
        normal.replace(0, inbox.size(), inbox);
    return normal;
}

}  // namespace posthouse::mailbox

#include "directory/address.h"

#include "base/text.h"

#include <algorithm>
#include <memory>
#include <vector>

#include <fmt/format.h>
#include <idn2.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>

namespace posthouse::directory {

namespace {

// RFC 1123 section 2.1: letters, digits and inner hyphens.
bool is_label(std::string_view label)
{
    return !label.empty() && label.size() <= 63 && label.front() != '-' && label.back() != '-' &&
        std::ranges::all_of(label, [](char c) { return is_alnum(c) || c == '-'; });
}

Result<std::string> to_a_labels(std::string_view domain)
{
    const std::string text(domain);
    char* out = nullptr;
    const int status = idn2_to_ascii_8z(text.c_str(), &out, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
    if (status != IDN2_OK)
        return fail(ErrorCode::malformed, fmt::format("not a domain: {}", idn2_strerror(status)));
    std::string labels(out);
    idn2_free(out);
    return labels;
}

// Normalisation form C; nullopt: not to be had.
std::optional<std::string> to_nfc(std::string_view text)
{
    UErrorCode status = U_ZERO_ERROR;
    const UNormalizer2* nfc = unorm2_getNFCInstance(&status);
    std::vector<UChar> before(text.size() + 1);
    std::int32_t length = 0;
    u_strFromUTF8(before.data(), static_cast<std::int32_t>(before.size()), &length, text.data(),
                  static_cast<std::int32_t>(text.size()), &status);
    // Form C never grows past three times the units.
    std::vector<UChar> after(3 * text.size() + 1);
    const std::int32_t units = U_SUCCESS(status)
        ? unorm2_normalize(nfc, before.data(), length, after.data(), static_cast<std::int32_t>(after.size()), &status)
        : 0;
    std::string out(3 * static_cast<std::size_t>(units) + 1, '\0');
    u_strToUTF8(out.data(), static_cast<std::int32_t>(out.size()), &length, after.data(), units, &status);
    if (U_FAILURE(status))
        return std::nullopt;
    out.resize(static_cast<std::size_t>(length));
    return out;
}

// atext (RFC 5322 section 3.2.3) and UTF-8 (RFC 6531 section 3.3).
bool is_atext(char c)
{
    return is_alnum(c) || static_cast<unsigned char>(c) >= 0x80 || std::string_view("!#$%&'*+-/=?^_`{|}~").contains(c);
}

bool is_dot_string(std::string_view text)
{
    return std::ranges::all_of(
        split(text, '.'), [](std::string_view atom) { return !atom.empty() && std::ranges::all_of(atom, is_atext); });
}

}  // namespace

Result<std::string> normal_domain(std::string_view domain)
{
    if (domain.ends_with('.'))
        domain.remove_suffix(1);
    if (domain.empty() || domain.size() > 4 * longest_domain || domain.contains('\0'))
        return fail(ErrorCode::malformed, "not a domain: empty, too long, or with a NUL");
    std::string name;
    if (is_ascii(domain) && !to_lower(domain).contains("xn--")) {
        name = to_lower(domain);
    } else {
        Result<std::string> labels = to_a_labels(domain);
        if (!labels)
            return labels;
        name = to_lower(*labels);
    }
    if (name.size() > longest_domain || !std::ranges::all_of(split(name, '.'), is_label))
        return fail(ErrorCode::malformed, "not a domain: labels have 1 to 63 letters, digits and inner hyphens");
    return name;
}

Result<std::string> normal_local_part(std::string_view local_part)
{
    if (local_part.empty())
        return fail(ErrorCode::malformed, "nothing before the @");
    if (local_part.size() > longest_local_part)
        return fail(ErrorCode::too_large, "more than 64 bytes before the @");
    if (std::ranges::any_of(local_part, is_control) || !is_valid_utf8(local_part))
        return fail(ErrorCode::malformed, "controls or bytes that are not UTF-8 before the @");
    if (is_ascii(local_part))
        return to_lower(local_part);
    const std::optional<std::string> composed = to_nfc(local_part);
    if (!composed || composed->size() > longest_local_part)
        return fail(ErrorCode::malformed, "no normal form of what is before the @");
    return to_lower(*composed);
}

Result<Name> normal_address(std::string_view address)
{
    const std::size_t at = address.rfind('@');
    if (at == std::string_view::npos)
        return fail(ErrorCode::malformed, "an address has an @");
    Result<std::string> local_part = normal_local_part(address.substr(0, at));
    if (!local_part)
        return fail(local_part.error());
    Result<std::string> domain = normal_domain(address.substr(at + 1));
    if (!domain)
        return fail(domain.error());
    return Name{std::move(*local_part), std::move(*domain)};
}

Result<Name> new_address(std::string_view address)
{
    Result<Name> name = normal_address(address);
    if (name && !is_dot_string(name->local_part))
        return fail(ErrorCode::malformed, "blanks, quotes, brackets or stray dots before the @");
    return name;
}

std::optional<Subaddressed> cut_subaddress(std::string_view local_part)
{
    const std::size_t at = local_part.find(subaddress_separator);
    if (at == std::string_view::npos || at == 0)
        return std::nullopt;
    return Subaddressed{std::string(local_part.substr(0, at)), std::string(local_part.substr(at + 1))};
}

}  // namespace posthouse::directory

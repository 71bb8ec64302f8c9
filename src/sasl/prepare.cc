#include "sasl/prepare.h"

#include "base/text.h"

#include <algorithm>
#include <memory>
#include <vector>

#include <openssl/crypto.h>
#include <unicode/usprep.h>
#include <unicode/ustring.h>

namespace posthouse::sasl {

namespace {

bool is_plain_ascii(std::string_view text)
{
    return std::ranges::all_of(text, [](char c) { return !is_control(c) && static_cast<unsigned char>(c) < 0x80; });
}

// UTF-16 on its way through ICU; wiped, since it may be a password.
class Utf16 {
public:
    explicit Utf16(std::size_t capacity) : units_(capacity) { }
    Utf16(const Utf16&) = delete;
    Utf16& operator=(const Utf16&) = delete;
    ~Utf16() { OPENSSL_cleanse(units_.data(), units_.size() * sizeof(UChar)); }
    UChar* data() { return units_.data(); }
    std::int32_t capacity() const { return static_cast<std::int32_t>(units_.size()); }
    std::int32_t length = 0;

private:
    std::vector<UChar> units_;
};

// RFC 4013 section 2, by ICU's own copy of the profile.
Result<std::string> saslprep(std::string_view text)
{
    UErrorCode status = U_ZERO_ERROR;
    const std::unique_ptr<UStringPrepProfile, decltype(&usprep_close)> profile(
        usprep_openByType(USPREP_RFC4013_SASLPREP, &status), &usprep_close);
    if (U_FAILURE(status))
        return fail(ErrorCode::internal, "ICU has no SASLprep profile");
    Utf16 before(text.size() + 1);
    u_strFromUTF8(before.data(), before.capacity(), &before.length, text.data(), static_cast<std::int32_t>(text.size()),
                  &status);
    // Normalisation form KC makes at most 18 units of one.
    Utf16 after(18 * text.size() + 1);
    if (U_SUCCESS(status))
        after.length = usprep_prepare(profile.get(), before.data(), before.length, after.data(), after.capacity(),
                                      USPREP_ALLOW_UNASSIGNED, nullptr, &status);
    if (U_FAILURE(status))
        return fail(ErrorCode::malformed, "has a character that is not allowed");
    std::string out(3 * static_cast<std::size_t>(after.length) + 1, '\0');
    std::int32_t length = 0;
    u_strToUTF8(out.data(), static_cast<std::int32_t>(out.size()), &length, after.data(), after.length, &status);
    if (U_FAILURE(status)) {
        wipe(out);
        return fail(ErrorCode::malformed, "has a character that is not allowed");
    }
    out.resize(static_cast<std::size_t>(length));
    return out;
}

Result<std::string> prepare(std::string_view text, std::size_t longest)
{
    if (text.empty())
        return fail(ErrorCode::malformed, "is empty");
    if (text.size() > longest)
        return fail(ErrorCode::too_large, "is too long");
    if (is_plain_ascii(text))
        return std::string(text);
    if (!is_valid_utf8(text))
        return fail(ErrorCode::malformed, "is not UTF-8");
    Result<std::string> prepared = saslprep(text);
    if (prepared && prepared->empty())
        return fail(ErrorCode::malformed, "is empty");
    return prepared;
}

}  // namespace

Result<std::string> prepare_name(std::string_view name) { return prepare(name, longest_name); }

Result<Secret> prepare_password(std::string_view password)
{
    Result<std::string> prepared = prepare(password, longest_password);
    if (!prepared)
        return fail(prepared.error());
    return Secret(std::move(*prepared));
}

}  // namespace posthouse::sasl

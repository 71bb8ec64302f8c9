#include "mailbox/search_text.h"

#include "base/text.h"
#include "message/body.h"
#include "message/header.h"
#include "search/words.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

namespace posthouse::mailbox {

namespace {

constexpr std::array<std::string_view, 7> charsets{"US-ASCII",     "UTF-8", "ISO-8859-1", "ISO-8859-15",
                                                   "WINDOWS-1252", "ASCII", "UTF8"};

// NFD, then every non-spacing mark left out.
std::string without_marks(const std::string& utf8)
{
    UErrorCode status = U_ZERO_ERROR;
    const icu::Normalizer2* decompose = icu::Normalizer2::getNFDInstance(status);
    if (U_FAILURE(status))
        return utf8;
    const icu::UnicodeString apart = decompose->normalize(icu::UnicodeString::fromUTF8(utf8), status);
    if (U_FAILURE(status))
        return utf8;
    icu::UnicodeString bare;
    for (int32_t i = 0; i < apart.length(); i = apart.moveIndex32(i, 1)) {
        const UChar32 c = apart.char32At(i);
        if (u_charType(c) != U_NON_SPACING_MARK)
            bare.append(c);
    }
    std::string out;
    return bare.toUTF8String(out);
}

}  // namespace

std::string folded(std::string_view utf8)
{
    if (is_ascii(utf8))
        return to_lower(utf8);
    UErrorCode status = U_ZERO_ERROR;
    const icu::Normalizer2* fold = icu::Normalizer2::getNFKCCasefoldInstance(status);
    if (U_FAILURE(status))
        return to_lower(utf8);
    std::string out;
    icu::StringByteSink<std::string> sink(&out);
    fold->normalizeUTF8(0, icu::StringPiece(utf8.data(), static_cast<int32_t>(utf8.size())), sink, nullptr, status);
    if (U_FAILURE(status))
        return to_lower(utf8);
    return without_marks(out);
}

bool is_known_charset(std::string_view charset)
{
    return charset.empty() ||
        std::ranges::any_of(charsets, [&](std::string_view known) { return equals_ignoring_case(known, charset); });
}

std::optional<std::string> folded_key(std::string_view text, std::string_view charset)
{
    if (!is_known_charset(charset))
        return std::nullopt;
    return folded(message::to_utf8(text, charset.empty() ? "UTF-8" : charset));
}

std::string folded_addresses(const std::vector<message::Address>& addresses)
{
    std::string text;
    for (const message::Address& address : addresses) {
        if (!address.is_mailbox())
            continue;
        if (!text.empty())
            text += ", ";
        if (!address.display_name.empty())
            text += message::decode_text(address.display_name) + " ";
        text += '<' + address.spec.text() + '>';
    }
    return folded(message::to_utf8(text, "UTF-8"));
}

bool contains(std::string_view folded_text, std::string_view folded_key)
{
    // std::string::find takes the product of both lengths at worst; glibc's memmem does not.
    return ::memmem(folded_text.data(), folded_text.size(), folded_key.data(), folded_key.size()) != nullptr;
}

WordKey::WordKey(std::string_view folded_key)
{
    search::each_run(folded_key, [this](std::string_view run) {
        words_.emplace_back(run);
        first_bytes_.set(static_cast<unsigned char>(run.front()));
    });
}

void WordKey::look(std::string_view folded_text, unsigned weight, Nearness& nearness) const
{
    search::each_run(folded_text, [&](std::string_view run) {
        if (!first_bytes_[static_cast<unsigned char>(run.front())])
            return;
        for (std::size_t i = 0; i < words_.size(); ++i) {
            if (!run.starts_with(words_[i]))
                continue;
            const unsigned near = run.size() == words_[i].size() ? whole_word : beginning;
            nearness[i] = std::max(nearness[i], static_cast<std::uint8_t>(near * weight / 100));
        }
    });
}

unsigned WordKey::total(const Nearness& nearness)
{
    unsigned sum = 0;
    for (const std::uint8_t near : nearness) {
        if (near == 0)
            return 0;
        sum += near;
    }
    return nearness.empty() ? 0 : sum / static_cast<unsigned>(nearness.size());
}

FoldedHeader::FoldedHeader(std::string_view header)
{
    message::HeaderReader reader(header);
    while (const auto field = reader.next()) {
        const std::string name = to_lower(field->name);
        const std::string value = folded(message::decode_text(field->value)) + "\n";
        values_[name] += value;
        whole_ += name + ": " + value;
    }
}

bool FoldedHeader::has(std::string_view field, std::string_view folded_text) const
{
    const auto found = values_.find(to_lower(field));
    return found != values_.end() && contains(found->second, folded_text);
}

std::string_view FoldedHeader::values(std::string_view field) const
{
    const auto found = values_.find(to_lower(field));
    return found == values_.end() ? std::string_view() : found->second;
}

bool FoldedHeader::contains_anywhere(std::string_view folded_text) const { return contains(whole_, folded_text); }

}  // namespace posthouse::mailbox

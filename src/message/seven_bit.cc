#include "message/seven_bit.h"

#include "message/body.h"
#include "message/lexis.h"
#include "message/parser.h"

#include <algorithm>

namespace posthouse::message {

namespace {

using Kind = SevenBitRegion::Kind;

constexpr std::uint64_t longest_header = 1024 * 1024;  // kept in memory to be rewritten

bool is_8bit(char c) { return static_cast<unsigned char>(c) > 0x7f; }

void append_scrubbed(std::string_view piece, std::string& out)
{
    const std::size_t start = out.size();
    out += piece;
    if (lexis::has_8bit(piece))
        std::replace_if(out.begin() + static_cast<std::ptrdiff_t>(start), out.end(), is_8bit, '?');
}

void append_escaped(std::string_view piece, std::string& out)
{
    for (const char c : piece) {
        if (is_8bit(c))
            out += '=' + to_upper(hex_encode({&c, 1}));
        else
            out += c;
    }
}

bool is_identity(std::string_view encoding)
{
    return encoding.empty() || encoding == "7bit" || encoding == "8bit" || encoding == "binary";
}

Kind way_of(const Part& part)
{
    if (transfer_encoding(part.encoding) == TransferEncoding::quoted_printable)
        return Kind::escape;  // somebody forgot a byte
    if (!is_identity(part.encoding))
        return Kind::copy;
    return part.type == "text" || part.type == "message" ? Kind::quoted_printable : Kind::base64;
}

}  // namespace

// --- which parts have 8-bit bytes -------------------------------------------------------------

SevenBitScan::SevenBitScan(const Digest& digest) : digest_(digest), has_8bit_(digest.parts.size())
{
    for (std::uint32_t i = 0; i < digest.parts.size(); ++i)
        if (digest.parts[i].is_leaf() && digest.parts[i].body_size() > 0)
            leaves_.push_back(i);
}

void SevenBitScan::feed(std::string_view piece)
{
    const std::uint64_t piece_end = at_ + piece.size();
    for (; leaf_ < leaves_.size(); ++leaf_) {
        const Part& part = digest_.parts[leaves_[leaf_]];
        const std::uint64_t begin = std::max(part.body_begin, at_);
        const std::uint64_t end = std::min(part.end, piece_end);
        if (begin < end && !has_8bit_[leaves_[leaf_]])
            has_8bit_[leaves_[leaf_]] = lexis::has_8bit(piece.substr(begin - at_, end - begin));
        if (part.end > piece_end)
            break;
    }
    at_ = piece_end;
}

std::vector<SevenBitRegion> SevenBitScan::plan() const
{
    std::vector<SevenBitRegion> plan;
    std::uint64_t planned = 0;
    const auto add = [&](std::uint64_t begin, SevenBitRegion region) {
        if (begin > planned)
            plan.push_back({begin, Kind::copy});
        if (region.end > begin)
            plan.push_back(region);
        planned = std::max(planned, region.end);
    };
    for (std::uint32_t i = 0; i < digest_.parts.size(); ++i) {
        const Part& part = digest_.parts[i];
        const std::uint64_t header_size = part.body_begin - part.header_begin;
        const bool can_be_rewritten = header_size > 0 && header_size <= longest_header;
        Kind body = has_8bit_[i] ? way_of(part) : Kind::copy;
        if (!can_be_rewritten && body != Kind::escape)
            body = Kind::copy;
        add(part.header_begin, {part.body_begin, can_be_rewritten ? Kind::header : Kind::copy, i, body});
        if (part.is_leaf())
            add(part.body_begin, {part.end, body, i});
    }
    return plan;
}

// --- encodings --------------------------------------------------------------------------------

void QuotedPrintableEncoder::put(char c, bool as_it_is, std::string& out)
{
    static constexpr std::size_t longest_line = 75;  // and the '=' of a soft break
    const std::size_t width = as_it_is ? 1 : 3;
    if (column_ + width > longest_line) {
        out += "=\r\n";
        column_ = 0;
        if (c == '-')
            as_it_is = false;
    }
    if (as_it_is)
        out += c;
    else
        out += '=' + to_upper(hex_encode({&c, 1}));
    column_ += as_it_is ? 1 : 3;
}

void QuotedPrintableEncoder::put_held_blank(bool as_it_is, std::string& out)
{
    if (blank_ != '\0')
        put(std::exchange(blank_, '\0'), as_it_is, out);
}

void QuotedPrintableEncoder::feed(std::string_view piece, std::string& out)
{
    for (const char c : piece) {
        if (c == '\n') {
            put_held_blank(false, out);
            out += "\r\n";
            column_ = 0;
            after_cr_ = false;
            continue;
        }
        if (std::exchange(after_cr_, false)) {  // a bare one
            put_held_blank(true, out);
            put('\r', false, out);
        }
        if (c == '\r') {
            after_cr_ = true;
            continue;
        }
        put_held_blank(true, out);
        if (c == ' ' || c == '\t')
            blank_ = c;
        else
            put(c, c > ' ' && c < 0x7f && c != '=', out);
    }
}

void QuotedPrintableEncoder::finish(std::string& out)
{
    put_held_blank(after_cr_, out);
    if (std::exchange(after_cr_, false))
        put('\r', false, out);
    column_ = 0;
}

void Base64LineEncoder::put_line(std::string_view bytes, std::string& out)
{
    if (std::exchange(has_line_, true))
        out += "\r\n";
    out += base64_encode(bytes);
}

void Base64LineEncoder::feed(std::string_view piece, std::string& out)
{
    static constexpr std::size_t bytes_a_line = 57;
    while (!piece.empty()) {
        const std::string_view taken = piece.substr(0, bytes_a_line - held_.size());
        piece.remove_prefix(taken.size());
        held_ += taken;
        if (held_.size() == bytes_a_line) {
            put_line(held_, out);
            held_.clear();
        }
    }
}

void Base64LineEncoder::finish(std::string& out)
{
    if (!held_.empty())
        put_line(held_, out);
    held_.clear();
    has_line_ = false;
}

// --- headers ----------------------------------------------------------------------------------

namespace {

// RFC 2047 section 4.2, with RFC 1428's charset where it is not UTF-8. A word is at most 75 long.
void append_encoded_words(std::string_view text, std::string& out)
{
    static constexpr std::size_t bytes_a_word = 18;  // three characters each, and "=?unknown-8bit?Q?" "?="
    const bool is_utf8 = is_valid_utf8(text);
    bool is_first = true;
    while (!text.empty()) {
        std::size_t count = std::min(text.size(), bytes_a_word);
        while (is_utf8 && count < text.size() && (static_cast<unsigned char>(text[count]) & 0xc0) == 0x80)
            --count;  // not within a character
        if (!std::exchange(is_first, false))
            out += "\r\n ";
        out += is_utf8 ? "=?utf-8?Q?" : "=?unknown-8bit?Q?";
        for (const char c : text.substr(0, count)) {
            if (is_alnum(c))
                out += c;
            else
                out += '=' + to_upper(hex_encode({&c, 1}));
        }
        out += "?=";
        text.remove_prefix(count);
    }
}

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

std::string_view take_run(std::string_view& text, bool of_spaces)
{
    const auto end = std::ranges::find_if(text, [&](char c) { return is_space(c) != of_spaces; });
    const std::string_view run = text.substr(0, static_cast<std::size_t>(end - text.begin()));
    text.remove_prefix(run.size());
    return run;
}

// Words with an 8-bit byte in them become encoded-words. The blank between two of these is no text (RFC 2047
// section 6.2), so it goes into the second.
void append_header_value(std::string_view value, std::string& out)
{
    bool after_encoded = false;
    while (!value.empty()) {
        const std::string_view blanks = take_run(value, true);
        const std::string_view word = take_run(value, false);
        const bool is_encoded = lexis::has_8bit(word);
        if (is_encoded && after_encoded) {
            out += "\r\n ";
            append_encoded_words(' ' + std::string(word), out);
        } else {
            out += blanks;
            if (is_encoded)
                append_encoded_words(word, out);
            else
                out += word;
        }
        after_encoded = is_encoded;
    }
}

void append_field(std::string_view whole, const Field& field, std::string& out)
{
    const std::string_view text = whole.substr(field.begin, field.end - field.begin);
    const std::size_t value_begin = static_cast<std::size_t>(field.value.data() - text.data());
    append_scrubbed(text.substr(0, value_begin), out);
    append_header_value(text.substr(value_begin), out);
}

bool is_encoded(Kind body) { return body == Kind::quoted_printable || body == Kind::base64; }

}  // namespace

// Content-Transfer-Encoding is told anew where the body is encoded, and goes where it said 8bit or binary of a
// multipart or message (which then is 7bit, the default). A message that only says 8bit stays as it is.
std::string SevenBitConverter::rewritten_header(const SevenBitRegion& region) const
{
    const Part& part = digest_.parts[region.part];
    const bool is_message = part.parent == no_part || digest_.parts[static_cast<std::size_t>(part.parent)].is_message();
    const bool drops_encoding = is_encoded(region.body) ||
        (digest_.has_8bit && !part.is_leaf() && part.encoding != "7bit" && is_identity(part.encoding));
    std::string out;
    out.reserve(header_.size() + 128);
    HeaderReader reader(header_);
    std::size_t written = 0;
    bool has_type = false;
    bool has_version = false;
    while (const std::optional<Field> field = reader.next()) {
        append_scrubbed(std::string_view(header_).substr(written, field->begin - written), out);  // lines that are none
        written = field->end;
        has_type = has_type || field->is("Content-Type");
        has_version = has_version || field->is("MIME-Version");
        if (!(drops_encoding && field->is("Content-Transfer-Encoding")))
            append_field(header_, *field, out);
    }
    const std::size_t end =
        reader.saw_empty_line() ? header_.size() - (header_.ends_with("\r\n") ? 2 : 1) : header_.size();
    if (written < end)
        append_scrubbed(std::string_view(header_).substr(written, end - written), out);
    if (is_encoded(region.body)) {
        if (!out.empty() && !out.ends_with('\n'))
            out += "\r\n";
        if (is_message && !has_version)
            out += "MIME-Version: 1.0\r\n";
        if (!has_type)  // RFC 1428 section 3
            out += "Content-Type: text/plain; charset=unknown-8bit\r\n";
        out += region.body == Kind::base64 ? "Content-Transfer-Encoding: base64\r\n"
                                           : "Content-Transfer-Encoding: quoted-printable\r\n";
        if (!reader.saw_empty_line())
            out += "\r\n";
    }
    out += std::string_view(header_).substr(end);
    return out;
}

// --- the whole --------------------------------------------------------------------------------

SevenBitConverter::SevenBitConverter(const Digest& digest, std::vector<SevenBitRegion> plan) :
    digest_(digest), plan_(std::move(plan))
{
    std::vector<bool> inside(digest.parts.size());  // of a multipart/signed (RFC 1847)
    for (std::size_t i = 1; i < digest.parts.size(); ++i) {
        const auto parent = static_cast<std::size_t>(digest.parts[i].parent);
        inside[i] = inside[parent] || (digest.parts[parent].is_multipart() && digest.parts[parent].subtype == "signed");
    }
    for (const SevenBitRegion& region : plan_)
        inside_signed_ = inside_signed_ || (is_encoded(region.kind) && inside[region.part]);
}

void SevenBitConverter::feed(std::string_view piece, std::string& out)
{
    while (!piece.empty()) {
        const std::uint64_t until = region_ < plan_.size() ? plan_[region_].end : UINT64_MAX;
        const std::string_view taken = piece.substr(0, until - at_);
        feed_region(taken, out);
        at_ += taken.size();
        piece.remove_prefix(taken.size());
        if (at_ == until)
            end_region(out);
    }
}

void SevenBitConverter::feed_region(std::string_view piece, std::string& out)
{
    const Kind kind = region_ < plan_.size() ? plan_[region_].kind : Kind::copy;
    const std::size_t before = out.size();
    switch (kind) {
    case Kind::header: header_ += piece; return;
    case Kind::quoted_printable: quoted_printable_.feed(piece, out); break;
    case Kind::base64: base64_.feed(piece, out); break;
    case Kind::escape: append_escaped(piece, out); break;
    case Kind::copy: append_scrubbed(piece, out); break;
    }
    is_changed_ = is_changed_ || std::string_view(out).substr(before) != piece;
}

void SevenBitConverter::end_region(std::string& out)
{
    const SevenBitRegion& region = plan_[region_++];
    if (region.kind == Kind::quoted_printable)
        quoted_printable_.finish(out);
    if (region.kind == Kind::base64)
        base64_.finish(out);
    if (region.kind != Kind::header)
        return;
    const std::string rewritten = rewritten_header(region);
    is_changed_ = is_changed_ || rewritten != header_;
    if (region.part == 0)
        is_signed_ = find_field(header_, "DKIM-Signature").has_value();
    out += rewritten;
    header_.clear();
}

// A message that is shorter than its digest says ends within a region.
void SevenBitConverter::finish(std::string& out)
{
    if (region_ < plan_.size())
        end_region(out);
}

std::string to_seven_bit(std::string_view message)
{
    const Digest digest = digest_of(message);
    SevenBitScan scan(digest);
    scan.feed(message);
    SevenBitConverter converter(digest, scan.plan());
    std::string out;
    converter.feed(message, out);
    converter.finish(out);
    return out;
}

}  // namespace posthouse::message

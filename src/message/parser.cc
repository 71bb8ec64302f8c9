#include "message/parser.h"

#include "message/body.h"
#include "message/entity_header.h"
#include "message/lexis.h"
#include "message/preview.h"
#include "message/structure.h"

#include <algorithm>
#include <cstring>

namespace posthouse::message {

namespace {

// A boundary's line: "--", the boundary, "--", blanks. What is longer is none.
constexpr std::size_t most_boundary_line = 1000;

// In blocks so short that a byte holds their count: the compiler makes vector code of the inner loop.
std::uint64_t count_lines(std::string_view bytes)
{
    std::uint64_t count = 0;
    while (!bytes.empty()) {
        const std::string_view block = bytes.substr(0, 255);
        unsigned char in_block = 0;
        for (const char c : block)
            in_block = static_cast<unsigned char>(in_block + (c == '\n' ? 1 : 0));
        count += in_block;
        bytes.remove_prefix(block.size());
    }
    return count;
}

constexpr std::size_t no_level = static_cast<std::size_t>(-1);

// What a part is told as where it cannot be taken apart (message/digest.h).
void tell_as(Part& part, std::string_view type, std::string_view subtype)
{
    part.type = type;
    part.subtype = subtype;
    part.parameters.clear();
}

}  // namespace

// Positions are absolute. At any time the innermost frame's part is being read, and `reading_header_` says which
// side of its empty line we are on; multiparts further out only wait for their boundaries.
class DigestBuilder::State {
public:
    explicit State(const Limits& limits) : limits_(limits), budget_(limits)
    {
        frames_.reserve(8);
        digest_.parts.reserve(4);
        open_part(0, DefaultType::text_plain);
    }

    void feed(std::string_view piece);
    Digest finish();

private:
    struct Frame {
        std::size_t part = 0;
        std::string boundary;  // empty: not a multipart, or its closing delimiter was seen
        bool has_child = false;
        bool is_message_root = false;  // its header is a message's
        DefaultType default_type = DefaultType::text_plain;
        std::uint64_t lines_before = 0;  // line ends before the body
    };
    enum class Delimiter : std::uint8_t { none, opens, closes };

    Part& part_of(const Frame& frame) { return digest_.parts[frame.part]; }
    std::size_t feed_line(std::string_view piece, std::size_t at);
    std::size_t feed_rest(std::string_view piece, std::size_t at);
    void keep_incomplete_line(std::string_view rest);
    void end_line(std::string_view line, std::uint64_t line_end);
    std::size_t level_of(std::string_view boundary) const;
    void open_boundary(std::string boundary);
    void close_boundary(std::size_t level);
    void on_delimiter(std::size_t level, Delimiter kind, std::uint64_t line_end);
    void open_part(std::uint64_t header_begin, DefaultType default_type);
    void end_header(std::uint64_t body_begin, std::uint64_t lines_before);
    void enter(Frame& frame);
    void close_frames(std::size_t level, std::uint64_t end);
    void close_innermost(std::uint64_t& end);
    std::string_view header_text();
    void keep_header();

    Limits limits_;
    Budget budget_;
    Preview preview_;
    Digest digest_;
    std::vector<Frame> frames_;
    std::vector<std::size_t> boundaries_;  // levels of frames that have one, sorted by boundary and level
    bool reading_header_ = true;

    std::uint64_t piece_begin_ = 0;  // position of the piece that is being fed
    std::string_view piece_;
    std::uint64_t line_begin_ = 0;  // position of the line that is being read
    std::uint64_t lines_ = 0;  // line ends before line_begin_
    unsigned break_size_ = 0;  // of the line end before line_begin_: 0 (none), 1 (LF), 2 (CRLF)
    char last_char_ = '\0';  // before the piece
    std::string line_head_;  // of a line that began in an earlier piece; at most most_boundary_line + 1
    std::string header_;  // of the part being read, as far as it came in earlier pieces, to limits_.header_bytes
};

void DigestBuilder::State::feed(std::string_view piece)
{
    if (piece.empty())
        return;
    digest_.has_8bit = digest_.has_8bit || lexis::has_8bit(piece);
    digest_.has_nul = digest_.has_nul || std::memchr(piece.data(), 0, piece.size()) != nullptr;
    piece_ = piece;
    for (std::size_t at = 0; at < piece.size();)
        at = reading_header_ || !boundaries_.empty() ? feed_line(piece, at) : feed_rest(piece, at);
    if (reading_header_)
        keep_header();
    preview_.keep(piece, piece_begin_);
    piece_begin_ += piece.size();
    last_char_ = piece.back();
    piece_ = {};
}

// Line by line: in headers, and in bodies where a boundary may come. Gives the index behind the line.
std::size_t DigestBuilder::State::feed_line(std::string_view piece, std::size_t at)
{
    const void* found = std::memchr(piece.data() + at, '\n', piece.size() - at);
    if (!found) {
        keep_incomplete_line(piece.substr(at));
        return piece.size();
    }
    const std::size_t line_feed = static_cast<std::size_t>(static_cast<const char*>(found) - piece.data());
    const char before = line_feed > 0 ? piece[line_feed - 1] : last_char_;
    const std::uint64_t line_end = piece_begin_ + line_feed + 1;
    const unsigned break_size = before == '\r' && line_end - line_begin_ >= 2 ? 2 : 1;
    std::string_view line = piece.substr(at, line_feed - at);
    if (!line_head_.empty()) {
        keep_incomplete_line(line);
        line = line_head_;
    }
    if (break_size == 2 && line.ends_with('\r'))
        line.remove_suffix(1);
    end_line(line, line_end);
    break_size_ = break_size;
    line_begin_ = line_end;
    ++lines_;
    line_head_.clear();
    return line_feed + 1;
}

// Nothing can interrupt this body any more: only its line ends are counted.
std::size_t DigestBuilder::State::feed_rest(std::string_view piece, std::size_t at)
{
    lines_ += count_lines(piece.substr(at));
    return piece.size();
}

void DigestBuilder::State::keep_incomplete_line(std::string_view rest)
{
    const std::size_t room = most_boundary_line + 1 - std::min(most_boundary_line + 1, line_head_.size());
    line_head_ += rest.substr(0, room);
}

// `line` is without its line end, and cut if it is longer than any delimiter.
void DigestBuilder::State::end_line(std::string_view line, std::uint64_t line_end)
{
    if (!boundaries_.empty() && line.size() >= 3 && line[0] == '-' && line[1] == '-' &&
        line.size() <= most_boundary_line) {
        const std::string_view content = line.substr(2, line.find_last_not_of(" \t") + 1 - 2);
        const std::size_t opens = level_of(content);
        const std::size_t closes = content.ends_with("--") ? level_of(content.substr(0, content.size() - 2)) : no_level;
        if (opens != no_level && (closes == no_level || opens >= closes))
            return on_delimiter(opens, Delimiter::opens, line_end);
        if (closes != no_level)
            return on_delimiter(closes, Delimiter::closes, line_end);
    }
    if (reading_header_ && line.empty())
        end_header(line_end, lines_ + 1);
}

// The innermost frame with this boundary. By halving: a message may hold a hundred open multiparts and a hundred
// megabytes of lines that look like their delimiters.
std::size_t DigestBuilder::State::level_of(std::string_view boundary) const
{
    const auto after = std::ranges::upper_bound(
        boundaries_, boundary, {}, [&](std::size_t level) { return std::string_view(frames_[level].boundary); });
    const bool found = after != boundaries_.begin() && frames_[*std::prev(after)].boundary == boundary;
    return found ? *std::prev(after) : no_level;
}

void DigestBuilder::State::open_boundary(std::string boundary)
{
    const std::size_t level = frames_.size() - 1;  // deeper than all that are open: behind its equals
    frames_[level].boundary = std::move(boundary);
    const auto place =
        std::ranges::upper_bound(boundaries_, std::string_view(frames_[level].boundary), {},
                                 [&](std::size_t other) { return std::string_view(frames_[other].boundary); });
    boundaries_.insert(place, level);
}

void DigestBuilder::State::close_boundary(std::size_t level)
{
    std::erase(boundaries_, level);
    frames_[level].boundary.clear();
}

// RFC 2046 section 5.1.1: the line end before a delimiter belongs to the delimiter. Parts that were open inside are
// ended by it, though their own closing delimiters are missing (section 5.1.2).
void DigestBuilder::State::on_delimiter(std::size_t level, Delimiter kind, std::uint64_t line_end)
{
    close_frames(level + 1, line_begin_ - break_size_);
    Frame& frame = frames_[level];
    if (kind == Delimiter::closes) {
        close_boundary(level);
        return;
    }
    if (digest_.parts.size() >= limits_.parts)
        return;  // the rest is opaque
    frame.has_child = true;
    const bool in_digest = part_of(frame).subtype == "digest";
    open_part(line_end, in_digest ? DefaultType::message_rfc822 : DefaultType::text_plain);
}

void DigestBuilder::State::open_part(std::uint64_t header_begin, DefaultType default_type)
{
    Part part;
    part.header_begin = header_begin;
    part.parent = frames_.empty() ? no_part : static_cast<std::int32_t>(frames_.back().part);
    Frame frame;
    frame.part = digest_.parts.size();
    frame.is_message_root = frames_.empty() || digest_.parts[frames_.back().part].is_message();
    frame.default_type = default_type;
    digest_.parts.push_back(std::move(part));
    frames_.push_back(std::move(frame));
    reading_header_ = true;
    header_.clear();
}

// The header's bytes from its begin to line_begin_, without a copy where they all lie in this piece.
std::string_view DigestBuilder::State::header_text()
{
    const std::uint64_t begin = part_of(frames_.back()).header_begin;
    const std::uint64_t size = std::min<std::uint64_t>(line_begin_ - begin, limits_.header_bytes);
    if (begin >= piece_begin_)
        return piece_.substr(begin - piece_begin_, size);
    keep_header();
    return std::string_view(header_).substr(0, size);
}

void DigestBuilder::State::keep_header()
{
    const std::uint64_t begin = part_of(frames_.back()).header_begin;
    const std::uint64_t held = begin + header_.size();
    if (held < piece_begin_ || held - piece_begin_ > piece_.size())
        return;  // cut at the limit before
    header_ += piece_.substr(held - piece_begin_, limits_.header_bytes - header_.size());
}

void DigestBuilder::State::end_header(std::uint64_t body_begin, std::uint64_t lines_before)
{
    Frame& frame = frames_.back();
    Part& part = part_of(frame);
    const std::string_view text = header_text();
    Digest* const top = frame.part == 0 ? &digest_ : nullptr;
    Envelope* envelope = nullptr;
    if (frame.is_message_root)
        envelope = top
            ? &digest_.envelope
            : &digest_
                   .embedded[static_cast<std::size_t>(digest_.parts[static_cast<std::size_t>(part.parent)].envelope)];
    read_entity_header(text, frame.default_type, budget_, part, envelope, top);
    part.body_begin = body_begin;
    frame.lines_before = lines_before;
    reading_header_ = false;
    header_.clear();
    enter(frame);
}

// The header is read: what kind of part is it, and does the parser look into it?
void DigestBuilder::State::enter(Frame& frame)
{
    Part& part = part_of(frame);
    const bool message = part.type == "message" && (part.subtype == "rfc822" || part.subtype == "global");
    const bool room = frames_.size() < limits_.depth && digest_.parts.size() < limits_.parts;
    if (part.is_multipart()) {
        std::string boundary = parameter(part.parameters, "boundary").value_or("");
        boundary.resize(boundary.find_last_not_of(" \t") + 1);
        if (boundary.empty() || boundary.size() > limits_.boundary_bytes) {
            tell_as(part, "text", "plain");
        } else if (!room) {
            tell_as(part, "application", "octet-stream");
        } else {
            open_boundary(std::move(boundary));
        }
    } else if (message) {
        // RFC 2046 section 5.2.1: never base64 or quoted-printable. Where it is, it is told as what it can be read as.
        if (!room || transfer_encoding(part.encoding) != TransferEncoding::identity) {
            tell_as(part, "application", "octet-stream");
        } else {
            part.envelope = static_cast<std::int32_t>(digest_.embedded.size());
            digest_.embedded.emplace_back();
            const std::uint64_t body_begin = part.body_begin;
            open_part(body_begin, DefaultType::text_plain);
            return;
        }
    }
    if (part.is_leaf() && digest_.embedded.empty())  // what stands in or behind a forwarded message is not ours to tell
        preview_.begin(part);
}

void DigestBuilder::State::close_frames(std::size_t level, std::uint64_t end)
{
    while (frames_.size() > level)
        close_innermost(end);
}

// `end` is moved on where the innermost part begins only behind it: no part ends before one that is inside it.
void DigestBuilder::State::close_innermost(std::uint64_t& end)
{
    if (reading_header_) {  // no empty line: the header is all there is of it, and perhaps it opened another
        const std::size_t depth = frames_.size();
        end = std::max(end, part_of(frames_.back()).header_begin);
        end_header(end, lines_);
        if (frames_.size() > depth)
            return;
    }
    Frame& frame = frames_.back();
    Part& part = part_of(frame);
    end = std::max(end, part.body_begin);
    part.end = end;
    if (end > part.body_begin)
        part.lines = lines_ - frame.lines_before - (end < line_begin_ ? 1 : 0);
    if (!frame.boundary.empty())
        close_boundary(frames_.size() - 1);
    preview_.end(part, piece_, piece_begin_);
    if (part.is_multipart() && !frame.has_child)
        tell_as(part, "text", "plain");
    frames_.pop_back();
}

Digest DigestBuilder::State::finish()
{
    const std::uint64_t size = piece_begin_;
    if (!line_head_.empty() && !boundaries_.empty())
        end_line(line_head_, size);  // a last line without a line end may be a delimiter
    line_begin_ = size;
    close_frames(0, size);
    fill_after(digest_);
    digest_.has_attachment = has_attachment(digest_);
    digest_.preview = preview_.finish();
    return std::move(digest_);
}

DigestBuilder::DigestBuilder(const Limits& limits) : state_(std::make_unique<State>(limits)) { }
DigestBuilder::~DigestBuilder() = default;
DigestBuilder::DigestBuilder(DigestBuilder&&) noexcept = default;
DigestBuilder& DigestBuilder::operator=(DigestBuilder&&) noexcept = default;

void DigestBuilder::feed(std::string_view piece) { state_->feed(piece); }
Digest DigestBuilder::finish() { return state_->finish(); }

Digest digest_of(std::string_view message, const Limits& limits)
{
    DigestBuilder builder(limits);
    builder.feed(message);
    return builder.finish();
}

}  // namespace posthouse::message

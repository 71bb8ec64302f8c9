#include "base/terminal.h"

#include "base/text.h"

#include <algorithm>
#include <array>
#include <clocale>
#include <cmath>
#include <cstdlib>
#include <cwchar>
#include <iostream>

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

namespace posthouse {

bool is_terminal(std::FILE* file) { return ::isatty(::fileno(file)) == 1; }

unsigned terminal_width()
{
    winsize size{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return 80;
}

bool wants_colour(std::FILE* file)
{
    const char* no_colour = std::getenv("NO_COLOR");
    return is_terminal(file) && (no_colour == nullptr || *no_colour == '\0');
}

std::string styled(std::string_view text, Style style, bool colour)
{
    if (!colour || style == Style::plain)
        return std::string(text);
    static constexpr std::array codes{0, 1, 2, 31, 32, 34, 33};
    return fmt::format("\x1b[{}m{}\x1b[0m", codes[static_cast<std::size_t>(style)], text);
}

namespace {

struct Glyph {
    char32_t code_point;
    std::size_t bytes;
};

// The text is valid UTF-8: it has been through printable().
Glyph first_glyph(std::string_view text)
{
    const auto first = static_cast<unsigned char>(text[0]);
    const std::size_t length = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    char32_t code_point = first < 0x80 ? first : first & (0x7f >> length);
    for (std::size_t i = 1; i < length && i < text.size(); ++i)
        code_point = (code_point << 6) | (static_cast<unsigned char>(text[i]) & 0x3f);
    return {code_point, std::min(length, text.size())};
}

// Wide by Unicode's East Asian Width where it matters in mail: CJK, Hangul, kana, emoji.
std::size_t columns_of(char32_t c)
{
    const bool combining = (c >= 0x300 && c <= 0x36f) || (c >= 0x200b && c <= 0x200d) || (c >= 0xfe00 && c <= 0xfe0f) ||
        (c >= 0x1ab0 && c <= 0x1aff) || (c >= 0x20d0 && c <= 0x20ff);
    const bool wide = (c >= 0x1100 && c <= 0x115f) || (c >= 0x2e80 && c <= 0xa4cf) || (c >= 0xac00 && c <= 0xd7a3) ||
        (c >= 0xf900 && c <= 0xfaff) || (c >= 0xfe30 && c <= 0xfe6f) || (c >= 0xff00 && c <= 0xff60) ||
        (c >= 0xffe0 && c <= 0xffe6) || (c >= 0x1f300 && c <= 0x1f64f) || (c >= 0x1f680 && c <= 0x1f6ff) ||
        (c >= 0x1f900 && c <= 0x1faff) || (c >= 0x20000 && c <= 0x3fffd);
    return combining ? 0 : wide ? 2 : 1;
}

}  // namespace

std::size_t display_width(std::string_view text)
{
    std::size_t width = 0;
    while (!text.empty()) {
        const Glyph glyph = first_glyph(text);
        width += columns_of(glyph.code_point);
        text.remove_prefix(glyph.bytes);
    }
    return width;
}

std::string fitted(std::string_view text, std::size_t columns)
{
    if (display_width(text) <= columns)
        return std::string(text);
    std::string out;
    std::size_t width = 0;
    while (!text.empty()) {
        const Glyph glyph = first_glyph(text);
        if (width + columns_of(glyph.code_point) + 1 > columns)
            break;
        width += columns_of(glyph.code_point);
        out += text.substr(0, glyph.bytes);
        text.remove_prefix(glyph.bytes);
    }
    return columns == 0 ? out : out + "…";
}

namespace {

std::string padded(std::string_view text, std::size_t columns, Align align)
{
    const std::string cut = fitted(text, columns);
    const std::string blanks(columns - std::min(columns, display_width(cut)), ' ');
    return align == Align::left ? cut + blanks : blanks + cut;
}

constexpr std::size_t narrowest = 8;  // a shrinking column keeps at least this

}  // namespace

std::string Table::text(std::size_t width, bool colour) const
{
    std::vector<std::vector<std::string>> cells;
    std::vector<std::size_t> widths;
    for (const Column& column : columns_)
        widths.push_back(display_width(column.title));
    for (const auto& row : rows_) {
        auto& line = cells.emplace_back();
        for (std::size_t i = 0; i < columns_.size(); ++i) {
            line.push_back(printable(i < row.size() ? row[i] : std::string()));
            widths[i] = std::max(widths[i], display_width(line.back()));
        }
    }
    const auto total = [&] {
        std::size_t sum = 2 * (widths.size() - 1);
        for (const std::size_t w : widths)
            sum += w;
        return sum;
    };
    while (total() > width) {
        std::size_t widest = columns_.size();
        for (std::size_t i = 0; i < columns_.size(); ++i)
            if (columns_[i].shrinks && widths[i] > narrowest &&
                (widest == columns_.size() || widths[i] > widths[widest]))
                widest = i;
        if (widest == columns_.size())
            break;
        --widths[widest];
    }
    const auto line_of = [&](const auto& cell_at) {
        std::string line;
        for (std::size_t i = 0; i < columns_.size(); ++i)
            line += (i == 0 ? "" : "  ") + padded(cell_at(i), widths[i], columns_[i].align);
        line.erase(line.find_last_not_of(' ') + 1);
        return line;
    };
    std::string out = styled(line_of([&](std::size_t i) { return columns_[i].title; }), Style::bold, colour) + "\n";
    for (const auto& row : cells)
        out += line_of([&](std::size_t i) { return row[i]; }) + "\n";
    return out;
}

std::string Table::separated() const
{
    std::string out;
    for (const auto& row : rows_) {
        for (std::size_t i = 0; i < row.size(); ++i)
            out += (i == 0 ? "" : "\t") + printable(row[i], 100'000);
        out += '\n';
    }
    return out;
}

void Table::print(std::FILE* out) const
{
    const std::string lines = is_terminal(out) ? text(terminal_width(), wants_colour(out)) : separated();
    std::fwrite(lines.data(), 1, lines.size(), out);
}

Progress::Progress(std::string what, std::uint64_t total) :
    what_(std::move(what)), total_(total), shown_(is_terminal(stderr) && total > 0)
{
}

Progress::~Progress()
{
    if (shown_ && last_percent_ >= 0)
        std::fputs("\r\x1b[K", stderr);
}

void Progress::at(std::uint64_t done)
{
    if (!shown_)
        return;
    const int percent = static_cast<int>(std::min<std::uint64_t>(100, done * 100 / total_));
    if (percent == last_percent_)
        return;
    last_percent_ = percent;
    constexpr int bar = 30;
    std::string line = fmt::format("\r{} [", what_);
    for (int i = 0; i < bar; ++i)
        line += i < percent * bar / 100 ? '#' : '.';
    line += fmt::format("] {}%", percent);
    std::fputs(line.c_str(), stderr);
}

Result<std::string> read_password(std::string_view prompt)
{
    std::string password;
    if (!is_terminal(stdin)) {
        if (!std::getline(std::cin, password))
            return fail(ErrorCode::closed, "no password on standard input");
        if (password.ends_with('\r'))
            password.pop_back();
        return password;
    }
    termios before{};
    if (::tcgetattr(STDIN_FILENO, &before) != 0)
        return fail(ErrorCode::io, "cannot turn the echo off");
    termios silent = before;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    // Before the prompt: what is typed as an answer to it must neither be shown nor flushed away.
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    std::fprintf(stderr, "%.*s: ", static_cast<int>(prompt.size()), prompt.data());
    const bool read = static_cast<bool>(std::getline(std::cin, password));
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    std::fputc('\n', stderr);
    if (!read)
        return fail(ErrorCode::closed, "no password was typed");
    return password;
}

std::string human_bytes(std::uint64_t bytes)
{
    static constexpr std::array units{"B", "KiB", "MiB", "GiB", "TiB"};
    double value = static_cast<double>(bytes);
    std::size_t unit = 0;
    for (; value >= 1024 && unit + 1 < units.size(); ++unit)
        value /= 1024;
    return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, units[unit]);
}

Result<std::uint64_t> parse_bytes(std::string_view text)
{
    const auto refused = [&] {
        return fail(ErrorCode::malformed, fmt::format("\"{}\" is not a size such as 500M or 10G", printable(text)));
    };
    std::uint64_t unit = 1;
    std::string_view number = text;
    if (!text.empty() && is_alpha(text.back())) {
        static constexpr std::string_view letters = "kmgt";
        const std::size_t power = letters.find(ascii_lower(text.back()));
        if (power == std::string_view::npos)
            return refused();
        unit = std::uint64_t{1} << (10 * (power + 1));
        number.remove_suffix(1);
    }
    const std::size_t dot = number.find('.');
    const std::optional<std::uint64_t> whole = parse_number<std::uint64_t>(number.substr(0, dot));
    std::uint64_t bytes = 0;
    if (!whole || __builtin_mul_overflow(*whole, unit, &bytes))
        return refused();
    if (dot == std::string_view::npos)
        return bytes;
    const std::string_view fraction = number.substr(dot + 1);
    const std::optional<std::uint32_t> digits = parse_number<std::uint32_t>(fraction);
    if (!digits || fraction.size() > 6)
        return refused();
    return bytes +
        static_cast<std::uint64_t>(static_cast<double>(*digits) / std::pow(10, fraction.size()) *
                                   static_cast<double>(unit));
}

}  // namespace posthouse

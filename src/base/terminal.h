// What a command prints: tables fitted to the terminal, tab-separated lines to a pipe, progress.
//
// Everything that goes through here is made printable (base/text.h), so control characters out of
// mail never reach the terminal. Threads: one.
#pragma once

#include "base/result.h"

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace posthouse {

bool is_terminal(std::FILE* file);
unsigned terminal_width();  // columns of standard output; 80 where there is no terminal
bool wants_colour(std::FILE* file);  // a terminal, and NO_COLOR is not set (no-color.org)

enum class Style { plain, bold, dim, red, green, blue, yellow };
std::string styled(std::string_view text, Style style, bool colour);

// Columns that a text takes on a terminal: combining marks none, wide characters two.
std::size_t display_width(std::string_view text);
// Cut to `columns`, with an ellipsis where something is left out.
std::string fitted(std::string_view text, std::size_t columns);

enum class Align { left, right };
struct Column {
    std::string title;
    Align align = Align::left;
    bool shrinks = false;  // gives way first where the line is too long
};

class Table {
public:
    explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) { }
    void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
    bool empty() const { return rows_.empty(); }
    // To a terminal with titles and aligned; else tab-separated without titles: stable for scripts.
    void print(std::FILE* out) const;
    std::string text(std::size_t width, bool colour) const;
    std::string separated() const;

private:
    std::vector<Column> columns_;
    std::vector<std::vector<std::string>> rows_;
};

// On standard error, only where a person watches.
class Progress {
public:
    Progress(std::string what, std::uint64_t total);
    ~Progress();
    void at(std::uint64_t done);

private:
    std::string what_;
    std::uint64_t total_;
    bool shown_;
    int last_percent_ = -1;
};

// From the terminal without echo, else one line of standard input. Never by argument.
Result<std::string> read_password(std::string_view prompt);

std::string human_bytes(std::uint64_t bytes);  // "1.5 MiB"
// "500", "10K", "2M", "1.5G" (powers of 1024).
Result<std::uint64_t> parse_bytes(std::string_view text);

}  // namespace posthouse

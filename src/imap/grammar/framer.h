// Bytes to commands: finds where a command ends and where it announces a literal.
//
// RFC 3501 sections 2.2.1 and 4.3, RFC 7888. A command is one or more lines joined by literals. The
// framer copies nothing and never touches a socket: it is shown all bytes that wait, from the
// command's first on, and answers how far it sees. A literal's bytes are not looked at: whoever
// reads decides whether they become a part of the command or go elsewhere (APPEND).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace posthouse::imap {

class Framer {
public:
    // `most`: bytes of one command, its literals and CRLFs included.
    explicit Framer(std::size_t most) : most_(most) { }
    void set_limit(std::size_t most) { most_ = most; }
    std::size_t limit() const { return most_; }

    enum class Event {
        need_more,
        command,  // `text` is all of it, without the last CRLF
        literal,  // `text` is all so far, up to and with "{n}": then keep_literal() or cut()
        bare_newline,  // a line that ends with LF alone: `text` is all so far; then cut()
        too_long,  // no end within the limit: nothing more can be made of this input
    };
    struct Step {
        Event event = Event::need_more;
        std::string_view text;
        std::uint64_t literal_size = 0;  // UINT64_MAX: a number that does not fit
        bool synchronising = true;  // false: "{n+}", the bytes come without being asked for
    };
    // `input` begins with the command's first byte, and only grows until cut().
    Step next(std::string_view input);

    // After `literal`: would it fit into the command?
    bool fits(std::uint64_t size) const { return end_ < most_ && size < most_ - end_; }
    // After `literal` that fits: its bytes are a part of the command.
    void keep_literal();
    // After anything: begins anew behind what was seen. Answers how many bytes of the input that was.
    std::size_t cut();

private:
    std::size_t most_;
    std::size_t scanned_ = 0;  // no line ends before here
    std::size_t line_ = 0;  // where the current line begins
    std::size_t end_ = 0;  // behind the last event
    std::uint64_t literal_size_ = 0;
};

}  // namespace posthouse::imap

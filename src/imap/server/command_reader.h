// Reads commands off a channel: lines, literals, and what is done with literals that are not wanted.
//
//     an argument's literal   fits into the command: asked for with `+` and kept; else refused
//     APPEND's message        left on the wire: literal() tells of it, and the command streams it
//     refused, synchronising  its bytes never come
//     refused, `{n+}`         discarded up to 1 MiB, beyond that the session ends (HOSTILE A15)
//     before login            whatever is too large ends the session
#pragma once

#include "imap/grammar/command.h"
#include "imap/grammar/framer.h"
#include "imap/server/channel.h"
#include "imap/server/reply.h"

#include <optional>
#include <string>

namespace posthouse::imap {

// Bytes of one command: HOSTILE A10, A15, and the design rule of a small budget before login.
inline constexpr std::size_t most_before_login = 8 * 1024;
inline constexpr std::size_t most_after_login = 64 * 1024;
// Of literals that are read only to be thrown away, in one command.
inline constexpr std::uint64_t most_discarded = 1024 * 1024;

// A command, or what is answered instead of it.
struct Received {
    std::string tag;  // empty: none could be read
    std::optional<Command> command;
    Reply reply;
};

// The literal that has been announced and not been read.
struct WaitingLiteral {
    std::uint64_t size = 0;
    bool synchronising = true;
};

// Lifetime: the channel outlives it.
class CommandReader {
public:
    explicit CommandReader(Channel& channel) : channel_(channel), framer_(most_before_login) { }
    // As before the login.
    void begin_anew()
    {
        is_logged_in_ = false;
        names_ = NameEncoding::utf7;
        framer_.set_limit(most_before_login);
    }
    void login_done()
    {
        is_logged_in_ = true;
        framer_.set_limit(most_after_login);
    }

    // How mailbox names are written from the next command on.
    void set_names(NameEncoding names) { names_ = names; }

    // Does not return before the command is whole. Reply::goodbye or gone ends the session.
    // `patience`, here and below, is for all of it, however slowly it comes (HOSTILE A9).
    Task<Received> next(Duration patience);
    // Is one whole line there already?
    bool has_waiting() const { return channel_.input().find('\n') != std::string_view::npos; }

    const std::optional<WaitingLiteral>& literal() const { return literal_; }
    // APPEND has read the literal's bytes.
    void literal_was_read() { literal_.reset(); }
    // The literal that waits is not wanted. Nothing: done; else the reply that must end the session.
    Task<std::optional<Reply>> drop_literal(Duration patience);

    // What stands behind a message's literal that was read: up to the next one, or to the command's end. The literals
    // of URLs in it are kept (RFC 4469).
    struct Stretch {
        std::string text;
        bool literal_follows = false;  // then literal() tells of it
    };
    Task<Result<Stretch>> stretch(Duration patience);

    // One line that is no command, without its CRLF: a SASL response, DONE.
    Task<Result<std::string>> line(Duration patience);

private:
    Task<Result<void>> fill(Deadline deadline);
    Task<Result<void>> discard(std::uint64_t size, Deadline deadline);
    Received parse(std::string_view text);

    Channel& channel_;
    Framer framer_;
    NameEncoding names_ = NameEncoding::utf7;
    bool is_logged_in_ = false;
    std::optional<WaitingLiteral> literal_;
};

}  // namespace posthouse::imap

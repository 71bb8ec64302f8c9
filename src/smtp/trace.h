// The trace field this server puts before a message, and what it watches as a message streams by.
#pragma once

#include "smtp/agent.h"

#include <array>

namespace posthouse::smtp {

// "SMTP", "ESMTP", "ESMTPSA", "UTF8SMTPS" …: RFC 3848, and RFC 6531 section 4.3.
std::string_view protocol_word(const SessionFacts& facts, const Envelope& envelope);

// RFC 5321 section 4.4: the whole Received field with its CRLF. `for` stands there only with one
// recipient, so that nobody learns of another. Nothing from outside gets in unescaped (HOSTILE A24).
std::string received_field(const SessionFacts& facts, const Envelope& envelope, Id message, std::string_view host_name,
                           WallTime now);

inline constexpr std::size_t most_header_bytes = 1'048'576;
inline constexpr unsigned most_hops = 50;  // Received fields (RFC 5321 section 6.3)

// Counts what a header may not have too much of, over any number of pieces.
class HeaderWatch {
public:
    // A refusal, as soon as there is one. Behind the empty line everything is fine.
    std::optional<Reply> watch(std::string_view piece);
    bool is_over() const { return over_; }

private:
    static constexpr std::string_view received = "received:";
    std::array<char, received.size()> line_;  // how the line under way begins
    std::size_t length_ = 0;  // of that; at most its size
    std::size_t bytes_ = 0;
    unsigned hops_ = 0;
    bool over_ = false;
};

// Finds the Message-ID of a header that streams by, over any number of pieces.
class MessageIdWatch {
public:
    void watch(std::string_view piece);
    // Without brackets and blanks; empty where there is none.
    std::string_view id() const { return id_; }

private:
    void end_line();

    static constexpr std::string_view field = "message-id:";
    static constexpr std::size_t longest = 1'000;
    std::string line_;  // as far as it may be the field's
    std::string id_;
    bool is_field_ = false;  // the line under way continues it, or may
    bool over_ = false;
};

}  // namespace posthouse::smtp

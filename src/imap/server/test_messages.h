// For tests: messages, and the lines that bring them into a mailbox.
#pragma once

#include "imap/server/test_script.h"

namespace posthouse::imap {

// Message 1 of RFC 3501's examples, 2 with parts, 3 in Latin-1.
inline constexpr std::string_view first = "Date: Mon, 7 Feb 1994 21:52:25 -0800 (PST)\r\n"
                                          "From: Fred Foobar <foobar@Blurdybloop.COM>\r\n"
                                          "Subject: afternoon meeting\r\n"
                                          "To: mooch@owatagu.siam.edu\r\n"
                                          "Message-Id: <B27397-0100000@Blurdybloop.COM>\r\n"
                                          "MIME-Version: 1.0\r\n"
                                          "Content-Type: TEXT/PLAIN; CHARSET=US-ASCII\r\n"
                                          "\r\n"
                                          "Hello Joe, do you think we can meet at 3:30 tomorrow?\r\n";
inline constexpr std::string_view second = "From: =?utf-8?q?J=C3=BCrgen?= <j@south.test>\r\n"
                                           "Subject: two\r\n parts\r\n"
                                           "Content-Type: multipart/mixed; boundary=b\r\n"
                                           "\r\n"
                                           "preamble\r\n"
                                           "--b\r\n"
                                           "Content-Type: text/plain; charset=utf-8\r\n"
                                           "Content-Transfer-Encoding: quoted-printable\r\n"
                                           "\r\n"
                                           "Stra=C3=9Fe\r\n"
                                           "--b\r\n"
                                           "Content-Type: message/rfc822\r\n"
                                           "\r\n"
                                           "Subject: inner\r\n"
                                           "\r\n"
                                           "inside\r\n"
                                           "--b--\r\n";

inline std::string escaped(std::string_view text)
{
    std::string out;
    for (const char c : text)
        out += c == '\r' ? "\\r" : c == '\n' ? "\\n" : c == '\\' ? "\\\\" : c == '\0' ? "\\0" : std::string(1, c);
    return out;
}

inline std::string append(std::string_view message, std::string_view mailbox = "INBOX", std::string_view flags = "()")
{
    return "C: ap APPEND " + std::string(mailbox) + " " + std::string(flags) + " \"07-Feb-1994 21:52:25 -0800\" {" +
        std::to_string(message.size()) + "+}\nR: " + escaped(message) + "\\r\\n\nS: ap OK [APPENDUID …] appended\n";
}

inline std::string selected(std::string_view script)
{
    return "C: se SELECT INBOX\nS: * FLAGS …\nS: * OK [PERM…\nS: * … EXISTS\nS: * … RECENT\nS: * OK [UN…\nS: * OK "
           "[UID…\n"
           "S: * OK [UIDN…\nS: * OK [HIGH…\nS: * OK [MAILB…\nS: se OK …\n" +
        std::string(script);
}

// The same on the second connection.
inline constexpr std::string_view second_selects = R"~(
        C2: se SELECT INBOX
        S2: * FLAGS …
        S2: * OK [PERM…
        S2: * … EXISTS
        S2: * … RECENT
        S2: * OK [UN…
        S2: * OK [UIDV…
        S2: * OK [UIDN…
        S2: * OK [HIGH…
        S2: * OK [MAILB…
        S2: se OK …
)~";

// Logged in, with both messages, INBOX selected.
inline std::string with_two(std::string_view script)
{
    return as_alice(append(first) + append(second) + selected(script));
}

// A message of these header lines ("Subject: x\r\n…") and a short body.
inline std::string with_header(std::string_view header) { return std::string(header) + "\r\nbody\r\n"; }

}  // namespace posthouse::imap

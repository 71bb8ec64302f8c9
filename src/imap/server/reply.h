// What a command answers: a value, written to the wire in one place (session.cc).
#pragma once

#include "base/result.h"

#include <string>

namespace posthouse::imap {

struct Reply {
    enum class Kind {
        ok,
        no,
        bad,
        goodbye,  // `* BYE`, and the session ends
        gone,  // the peer is; nothing more is said
        answered,  // the command has written its own (STARTTLS)
    };
    Kind kind = Kind::ok;
    std::string code;  // resp-text-code without its brackets, or empty
    std::string text;  // a sentence for people

    static Reply ok(std::string text, std::string code = {}) { return {Kind::ok, std::move(code), std::move(text)}; }
    static Reply no(std::string text, std::string code = {}) { return {Kind::no, std::move(code), std::move(text)}; }
    static Reply bad(std::string text, std::string code = {}) { return {Kind::bad, std::move(code), std::move(text)}; }
    static Reply goodbye(std::string text, std::string code = {})
    {
        return {Kind::goodbye, std::move(code), std::move(text)};
    }
    static Reply gone() { return {Kind::gone, {}, {}}; }
    static Reply answered() { return {Kind::answered, {}, {}}; }
};

// How a failure of a room below is told: NO with the code of RFC 5530 that fits, or the end of the
// session. The error's own text is for the log, but for `malformed`, where it is a sentence about a name.
Reply refusal(const Error& error);

// What a wait on the wire ended with: goodbye or gone.
Reply ending(const Error& error);

}  // namespace posthouse::imap

// Tells the recorder each line of a conversation, with passwords, literals and what messages say left out.
//
// A command is told as it comes, a line at a time: "a SEARCH TEXT {5}", then what stands behind the literal, be it
// nothing. Literals are told by their size. Of FETCH and METADATA responses quoted strings are told as "…": they are a
// message's own words.
#pragma once

#include "base/recorder.h"

#include <string>
#include <string_view>

namespace posthouse::imap {

// One per session; costs nothing while nobody listens. Lifetime: the recorder outlives it.
class Transcript {
public:
    Transcript(Recorder& recorder, Id session) : recorder_(recorder), session_(session) { }

    void opened(std::string_view peer, std::string_view local);
    void closed();
    // A command as the framer gives it: up to and with the "{n}" of a literal that will be a part of it …
    void begin_of_command(std::string_view text);
    // … and whole, or up to a literal that will not.
    void command(std::string_view text);
    // A line that is no command, by what it is: "[SASL response]", "DONE".
    void client_line(std::string_view text);
    // What stands behind a message's literal.
    void rest_of_append(std::string_view text);
    // What is sent, in pieces of any size.
    void server(std::string_view bytes);
    void step(std::string_view step, std::string_view result, std::string_view reason);

private:
    void tell_command(std::string_view text);
    void take(char c);
    void show(char c);
    void end_of_line();

    Recorder& recorder_;
    Id session_;

    // Of the command that is coming.
    std::size_t told_ = 0;  // bytes of it
    bool is_secret_ = false;
    std::string hidden_tag_;  // of a line that was none of ours: the answer repeats what stood in it

    // Of the server's line.
    std::string shown_;
    std::string tail_;  // its last bytes, in which a literal may be announced
    std::uint64_t skip_ = 0;  // bytes of a literal that are still to come
    bool is_quoted_ = false;
    bool is_escaped_ = false;
    bool is_hidden_ = false;  // what stands in quotes now
    bool is_cut_ = false;
};

}  // namespace posthouse::imap

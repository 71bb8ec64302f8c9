// Tells the recorder each line of a conversation, with passwords, literals and what messages say left out.
#pragma once

#include "base/recorder.h"

#include <string>
#include <string_view>

namespace posthouse::imap {

// One per session; costs nothing while nobody listens. Lifetime: the recorder outlives it.
class Transcript {
public:
    Transcript(Recorder& recorder, Id session) : recorder_(recorder), session_(session) { }

    // A whole command as the framer gives it.
    void command(std::string_view text);
    // A line that is no command, by what it is: "[SASL response]", "DONE".
    void client_line(std::string_view text);
    // What is sent, in pieces of any size.
    void server(std::string_view bytes);
    void step(std::string_view step, std::string_view result, std::string_view reason);

private:
    void end_of_line();

    Recorder& recorder_;
    Id session_;
    std::string line_;  // begun and not yet ended
    std::uint64_t skip_ = 0;  // bytes of a literal that are still to come
};

}  // namespace posthouse::imap

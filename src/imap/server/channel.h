// A session's two directions: what it will say is gathered here and sent in batches, what it hears waits here.
//
// Answers gather until nothing more waits to be read, or 64 KiB are full: pipelined commands are
// answered by one write, and a big FETCH never lies in memory whole.
#pragma once

#include "imap/grammar/serializer.h"
#include "imap/server/transcript.h"
#include "net/wire.h"

#include <string>

namespace posthouse::imap {

class Channel {
public:
    static constexpr std::size_t full = 64 * 1024;

    // `write_patience`: for what the peer does not take.
    Channel(net::Wire wire, const Clock& clock, Recorder& recorder, Id session, Duration write_patience);

    Serializer& out() { return out_; }
    Transcript& transcript() { return transcript_; }
    net::Wire& wire() { return wire_; }

    // Enough has gathered to be sent.
    bool is_full() const { return out_.size() >= full; }
    Task<Result<void>> flush();
    Task<Result<void>> flush_if_full();
    // Sends what has gathered, then these bytes of a literal that was announced.
    Task<Result<void>> send(std::string bytes);

    // Sends what has gathered, then waits for more input than there is.
    Task<Result<void>> fill(Deadline deadline, std::size_t most);
    Deadline within(Duration patience) const { return Deadline::in(clock_, patience); }
    std::string_view input() const { return wire_.input(); }

private:
    net::Wire wire_;
    const Clock& clock_;
    Duration write_patience_;
    Serializer out_;
    Transcript transcript_;
};

}  // namespace posthouse::imap

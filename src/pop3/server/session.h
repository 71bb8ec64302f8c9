// One POP3 session: moves bytes between a wire and the dialogue, fetches what it asks for, and
// watches the clock. It decides nothing: every decision is Dialogue's (pop3/server/dialogue.h).
//
// Replies to pipelined commands gather and leave in one write; a message goes out in the string
// that it was read into.
#pragma once

#include "net/line_framer.h"
#include "pop3/server/body_encoder.h"
#include "pop3/server/dialogue.h"
#include "pop3/server/read_ahead.h"
#include "pop3/server/server.h"

#include <map>

namespace posthouse::pop3 {

// Replies gather up to this before they are sent though more commands wait.
inline constexpr std::size_t most_unsent = 256 * 1024;

// Lifetime: a local of Server::serve(), so it outlives every await in it. Threads: its loop.
class Session {
public:
    Session(const ServerServices& services, const ServerOptions& options, MaildropLocks& locks, net::Wire wire);

    ~Session();
    Task<void> run();
    Task<void> apologise();  // after a bug

private:
    Task<bool> act_on(Step step);
    Task<Step> log_in();
    Task<Step> open_maildrop(directory::Account account);
    Task<Step> remove();
    Task<bool> start_tls();

    Task<bool> retrieve(Step step);
    Task<Result<mailbox::Email>> email_of(std::uint32_t number);
    Task<bool> send_whole(std::vector<std::string> pieces, std::optional<std::uint64_t> lines);
    Task<bool> send_in_pieces(mailbox::Email email, std::optional<std::uint64_t> lines);
    Task<bool> send_piece(std::string piece);

    Task<Result<void>> fill();
    Task<Result<void>> flush();
    void say(std::string reply);
    void add_message(std::string text);
    void add_end(const BodyEncoder& encoder);
    Step on_frame(const net::LineFramer::Frame& frame);
    Step on_wire_error(const Error& error);
    Offer offer() const;
    directory::Peer peer();
    void note_tls();
    void tell_line(Speaker speaker, std::string_view line);
    void tell_step(std::string_view step, std::string_view result, std::string_view reason);
    Deadline within(Duration patience) const { return Deadline::in(services_.clock, patience); }

    const ServerServices& services_;
    const ServerOptions& options_;
    MaildropLocks& locks_;
    net::Wire wire_;
    const Id id_;
    Dialogue dialogue_;
    net::LineFramer framer_;
    Deadline line_deadline_;  // for the whole line, however slowly it comes (HOSTILE A9)

    std::vector<std::string> out_;  // not sent yet
    std::size_t out_bytes_ = 0;
    bool may_append_ = false;  // out_'s last piece is replies, not a message

    std::unique_ptr<directory::SaslExchange> exchange_;
    MaildropLocks::Lock lock_;
    net::ConnectionTable::Ticket ticket_;
    mailbox::AccountPtr account_;
    mailbox::MailboxId inbox_ = 0;
    std::map<std::uint32_t, mailbox::Email> ahead_;  // rows read before they were asked for, by number
    std::optional<ReadAhead> read_ahead_;

    // The message being sent in pieces.
    BodyEncoder encoder_;
    std::optional<TopCutter> cutter_;
};

}  // namespace posthouse::pop3

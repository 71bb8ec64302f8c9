// One message on its way to a server: MAIL, RCPT, and its bytes by DATA or BDAT.
//
//     no PIPELINING    line by line
//     PIPELINING       MAIL, RCPT…, DATA in one write (RFC 2920), then the message
//     and CHUNKING     a message of one piece goes with them, as one BDAT; a larger one behind the
//                      answers, in chunks (RFC 3030)
#include "smtp/body_framer.h"
#include "smtp/client.h"
#include "smtp/command_writer.h"

#include <algorithm>
#include <deque>

#include <fmt/format.h>

namespace posthouse::smtp {

namespace {

// Lines in one write. Not too many: while our write waits for a server whose replies we do not read
// yet, both would wait for ever.
constexpr std::size_t lines_in_a_group = 100;
// A message up to here goes out before it is known who is taken; a larger one would be too much to
// send in vain.
constexpr std::size_t most_sent_at_once = 65'536;
constexpr std::size_t most_chunks_unanswered = 2;
// After a write has failed: the time for what the server may have said before it left.
constexpr auto last_words = 5s;

bool is_a_lost_connection(const Error& error)
{
    return error == ErrorCode::closed || error == ErrorCode::timeout || error == ErrorCode::io;
}

}  // namespace

// Lifetime: a local of Client::send(), so it outlives every await in it.
class Client::Mail {
public:
    Mail(Client& client, const Envelope& envelope, MessageSource& source, std::vector<std::string> lines) :
        client_(client),
        envelope_(envelope),
        source_(source),
        lines_(std::move(lines)),
        stuffer_(uses_chunks() ? DotStuffer::For::chunks : DotStuffer::For::data)
    {
    }

    Task<void> run();
    Sent take() { return std::move(sent_); }

private:
    // What a reply answers, in the order in which they come.
    enum class Asked : std::uint8_t { reset, sender, recipient, data, chunk, message };

    bool uses_chunks() const { return client_.capabilities_.chunking && client_.capabilities_.pipelining; }
    bool somebody() const { return std::ranges::any_of(sent_.recipients, &Reply::is_success); }
    bool fail_with(const Error& error)
    {
        sent_.fault = error;
        client_.usable_ = false;
        return false;
    }

    Task<bool> envelope_by_turns();
    Task<bool> envelope_in_groups();
    Task<bool> everything_at_once();
    Task<void> content_by_data();
    Task<void> content_by_chunks();
    Task<bool> say(std::string line, Asked asked);
    Task<bool> write(std::vector<std::string> pieces, Duration patience);
    Task<bool> read(Asked asked);
    Task<bool> read_ahead();
    void add_line(std::string& group, std::string_view line);
    void add_envelope_line(std::string& group, std::size_t index);
    void be_about(std::size_t recipient);
    void show_content(std::size_t bytes, bool is_chunk);

    Client& client_;
    const Envelope& envelope_;
    MessageSource& source_;
    std::vector<std::string> lines_;  // MAIL, then each RCPT
    DotStuffer stuffer_;
    std::string block_;  // of the message, ready to go
    bool block_is_last_ = false;
    std::uint64_t bytes_ = 0;
    Sent sent_;
};

Task<Sent> Client::send(Envelope envelope, MessageSource& source)
{
    const WallTime now = clock_.now();
    Sent sent;
    if (std::optional<Reply> lack = what_server_lacks(envelope, capabilities_, now)) {
        sent.sender = std::move(*lack);
        sent.refused_here = true;
        co_return sent;
    }
    std::vector<std::string> lines{mail_line(envelope, capabilities_, now)};
    const std::size_t most = capabilities_.most_recipients != 0 ? capabilities_.most_recipients : SIZE_MAX;
    for (const Recipient& recipient : envelope.recipients)
        if (lines.size() <= most)
            lines.push_back(rcpt_line(recipient, capabilities_));
    if (!std::ranges::all_of(lines, is_one_line)) {
        sent.fault = Error{ErrorCode::malformed, "an address with a line end in it"};
        co_return sent;
    }
    const std::size_t asked = lines.size() - 1;
    Mail mail(*this, envelope, source, std::move(lines));
    whole_ = Deadline::in(clock_, patience_.envelope);
    co_await mail.run();
    whole_ = Deadline::never();
    sent = mail.take();
    if (!sent.fault) {
        sent.recipients.resize(asked);  // those after a MAIL that was refused were not asked for
        sent.recipients.resize(envelope.recipients.size(),
                               {452, "4.5.3", "more recipients than the server takes with one message"});
    }
    co_return sent;
}

Task<void> Client::Mail::run()
{
    if (!client_.capabilities_.pipelining) {
        const bool taken = co_await envelope_by_turns();
        if (taken)
            co_await content_by_data();
        co_return;
    }
    if (!uses_chunks()) {
        const bool answered = co_await envelope_in_groups();
        if (answered && sent_.data.code == 354)
            co_await content_by_data();
        co_return;
    }
    const bool read = co_await read_ahead();
    if (!read)
        co_return;
    if (block_is_last_ && block_.size() <= most_sent_at_once && lines_.size() < lines_in_a_group) {
        co_await everything_at_once();
        co_return;
    }
    const bool answered = co_await envelope_in_groups();
    if (answered && somebody())
        co_await content_by_chunks();
}

// --- the envelope -----------------------------------------------------------------------------

Task<bool> Client::Mail::envelope_by_turns()
{
    if (client_.transaction_open_) {
        const bool reset = co_await say("RSET", Asked::reset);
        if (!reset)
            co_return false;
    }
    for (std::size_t i = 0; i < lines_.size(); ++i) {
        if (i > 0)
            be_about(i - 1);
        const bool answered = co_await say(std::move(lines_[i]), i == 0 ? Asked::sender : Asked::recipient);
        if (!answered || !sent_.sender.is_success() || !client_.usable_)
            co_return false;
    }
    if (!somebody())
        co_return false;
    const bool answered = co_await say("DATA", Asked::data);
    const bool may_go_on = answered && sent_.data.code == 354;
    co_return may_go_on;
}

// RFC 2920: many lines in one write, their replies in order. DATA is the last, where it is used.
Task<bool> Client::Mail::envelope_in_groups()
{
    const bool with_reset = client_.transaction_open_;
    if (!uses_chunks())
        lines_.emplace_back("DATA");
    for (std::size_t begin = 0; begin < lines_.size(); begin += lines_in_a_group) {
        const std::size_t end = std::min(begin + lines_in_a_group, lines_.size());
        std::string group;
        if (begin == 0 && with_reset)
            add_line(group, "RSET");
        for (std::size_t i = begin; i < end; ++i)
            add_envelope_line(group, i);
        std::vector<std::string> pieces;
        pieces.push_back(std::move(group));
        const bool written = co_await write(std::move(pieces), client_.patience_.command);
        bool answered = written;
        if (answered && begin == 0 && with_reset)
            answered = co_await read(Asked::reset);
        for (std::size_t i = begin; i < end && answered; ++i) {
            const bool is_data = i + 1 == lines_.size() && !uses_chunks();
            answered = co_await read(i == 0 ? Asked::sender : is_data ? Asked::data : Asked::recipient);
        }
        if (!answered)
            co_return false;
    }
    co_return true;
}

// The message is one piece, and goes with the envelope: one write, and often one read.
Task<bool> Client::Mail::everything_at_once()
{
    const bool with_reset = client_.transaction_open_;
    std::string group;
    if (with_reset)
        add_line(group, "RSET");
    for (std::size_t i = 0; i < lines_.size(); ++i)
        add_envelope_line(group, i);
    const std::size_t size = block_.size();
    add_line(group, fmt::format("BDAT {} LAST", size));
    show_content(size, true);
    std::vector<std::string> pieces;
    pieces.push_back(std::move(group));
    pieces.push_back(std::move(block_));
    bool answered = co_await write(std::move(pieces), client_.patience_.data_block);
    sent_.in_doubt = answered;
    if (answered && with_reset)
        answered = co_await read(Asked::reset);
    for (std::size_t i = 0; i < lines_.size() && answered; ++i)
        answered = co_await read(i == 0 ? Asked::sender : Asked::recipient);
    if (answered) {
        client_.whole_ = Deadline::never();
        answered = co_await read(Asked::message);
    }
    // Nothing is in doubt where it is known that nobody would have had it.
    const bool sender_refused = sent_.sender.code != 0 && !sent_.sender.is_success();
    const bool nobody_taken = sent_.recipients.size() + 1 == lines_.size() && !somebody();
    sent_.in_doubt = sent_.in_doubt && sent_.fault && !sender_refused && !nobody_taken;
    co_return answered;
}

// --- the message ------------------------------------------------------------------------------

// Puts the next piece of the message into block_, and looks whether it is the last.
Task<bool> Client::Mail::read_ahead()
{
    block_.clear();
    while (!block_is_last_) {
        Result<std::string> piece = co_await source_.next();
        if (!piece) {  // half a message must not be taken for a whole one
            client_.wire_.close();
            sent_.unreadable = true;
            co_return fail_with(piece.error());
        }
        const bool was_filled = !block_.empty();
        bytes_ += piece->size();
        if (piece->empty()) {
            block_ += stuffer_.end();
            block_is_last_ = true;
            break;
        }
        block_.reserve(block_.size() + piece->size() + piece->size() / 64 + 16);
        stuffer_.stuff(*piece, block_);
        if (was_filled || block_.size() > most_sent_at_once)
            break;
    }
    co_return true;
}

Task<void> Client::Mail::content_by_data()
{
    // RFC 2920 section 3.1: 354 though nobody is left; an empty message ends it.
    const bool wanted = somebody();
    client_.whole_ = Deadline::in(client_.clock_, client_.patience_.content);
    if (!wanted) {
        block_ = stuffer_.end();
        block_is_last_ = true;
    }
    for (bool is_first = true; is_first || !block_is_last_; is_first = false) {
        if (wanted) {
            const bool read = co_await read_ahead();
            if (!read)
                co_return;
        }
        std::vector<std::string> pieces;
        pieces.push_back(std::move(block_));
        const bool written = co_await write(std::move(pieces), client_.patience_.data_block);
        if (!written)
            co_return;
    }
    show_content(bytes_, false);
    client_.whole_ = Deadline::never();
    const bool answered = co_await read(Asked::message);
    sent_.in_doubt = !answered && wanted;
    if (!wanted)
        sent_.message = {};
}

Task<void> Client::Mail::content_by_chunks()
{
    client_.whole_ = Deadline::in(client_.clock_, client_.patience_.content);
    std::size_t unanswered = 0;
    for (;;) {  // the first block has been read already
        const bool is_last = block_is_last_;
        const std::size_t size = block_.size();
        std::string command;
        add_line(command, fmt::format("BDAT {}{}", size, is_last ? " LAST" : ""));
        show_content(size, true);
        std::vector<std::string> pieces;
        pieces.push_back(std::move(command));
        pieces.push_back(std::move(block_));
        const bool written = co_await write(std::move(pieces), client_.patience_.data_block);
        if (!written)
            co_return;
        ++unanswered;
        for (; unanswered > (is_last ? 1 : most_chunks_unanswered - 1); --unanswered) {
            const bool answered = co_await read(Asked::chunk);
            if (!answered || sent_.message.code != 0) {  // a chunk was refused: so is the message
                client_.usable_ = client_.usable_ && unanswered == 1;
                co_return;
            }
        }
        if (is_last)
            break;
        const bool read = co_await read_ahead();
        if (!read)
            co_return;
    }
    client_.whole_ = Deadline::never();
    const bool answered = co_await read(Asked::message);
    sent_.in_doubt = !answered;
}

// --- lines ------------------------------------------------------------------------------------

Task<bool> Client::Mail::say(std::string line, Asked asked)
{
    std::vector<std::string> pieces(1);
    add_line(pieces.front(), line);
    const bool written = co_await write(std::move(pieces), client_.patience_.command);
    if (!written)
        co_return false;
    const bool answered = co_await read(asked);
    co_return answered;
}

Task<bool> Client::Mail::write(std::vector<std::string> pieces, Duration patience)
{
    const Result<void> written = co_await client_.write(std::move(pieces), patience);
    if (written)
        co_return true;
    fail_with(written.error());
    if (!is_a_lost_connection(written.error()))
        co_return false;
    // It may have said why before it left: to whichever command, it is about the message.
    Result<Reply> reason = co_await client_.read_reply(last_words);
    if (reason && !reason->is_positive())
        (sent_.sender.code == 0 ? sent_.sender : sent_.message) = std::move(*reason);
    co_return false;
}

// Reads a reply and puts it where it belongs. False: there is none, `fault` is set.
Task<bool> Client::Mail::read(Asked asked)
{
    const ClientPatience& patience = client_.patience_;
    if (asked == Asked::recipient)
        be_about(sent_.recipients.size());
    Result<Reply> reply = co_await client_.read_reply(asked == Asked::message    ? patience.data_end
                                                          : asked == Asked::data ? patience.data_start
                                                                                 : patience.command);
    client_.about_.clear();
    if (!reply)
        co_return fail_with(reply.error());
    switch (asked) {
    case Asked::reset: client_.transaction_open_ = false; break;
    case Asked::sender:
        client_.transaction_open_ = reply->is_success();
        sent_.sender = std::move(*reply);
        break;
    case Asked::recipient: sent_.recipients.push_back(std::move(*reply)); break;
    case Asked::data: sent_.data = std::move(*reply); break;
    case Asked::chunk:
        if (!reply->is_success())
            sent_.message = std::move(*reply);
        break;
    case Asked::message:
        client_.transaction_open_ = client_.transaction_open_ && !somebody();
        if (somebody())
            sent_.message = std::move(*reply);
        break;
    }
    co_return true;
}

void Client::Mail::add_line(std::string& group, std::string_view line)
{
    client_.show(Speaker::client, line);
    group += line;
    group += "\r\n";
}

void Client::Mail::add_envelope_line(std::string& group, std::size_t index)
{
    if (index > 0 && index <= envelope_.recipients.size())  // the last may be DATA
        be_about(index - 1);
    add_line(group, lines_[index]);
    client_.about_.clear();
}

void Client::Mail::be_about(std::size_t recipient)
{
    if (client_.show_ && recipient < envelope_.recipients.size())
        client_.about_ = envelope_.recipients[recipient].path.text();
}

void Client::Mail::show_content(std::size_t bytes, bool is_chunk)
{
    if (!client_.show_)
        return;
    client_.show(Speaker::client, fmt::format("[{} bytes of message]", bytes));
    if (!is_chunk)
        client_.show(Speaker::client, ".");
}

}  // namespace posthouse::smtp

// The client's end of SMTP: from the greeting to QUIT. For mta/relay, `posthouse send` and `test`.
//
// A refusal by the server is a Reply; a connection that is gone, late or not SMTP is an Error, and
// nothing more can be said on it then. Replies are bounded (smtp/reply_grammar.h).
//
// Threads: the wire's loop; one call at a time. Lifetime: clock and sources outlive the client.
#pragma once

#include "base/recorder.h"
#include "net/line_framer.h"
#include "net/tls.h"
#include "net/wire.h"
#include "smtp/capabilities.h"
#include "smtp/envelope.h"
#include "smtp/sasl_client.h"

namespace posthouse::smtp {

// RFC 5321 section 4.5.3.2. The last two bound a message as a whole: a peer that answers each
// recipient, or takes each block, at the last moment would hold it for days otherwise.
struct ClientPatience {
    Duration greeting = 5min;
    Duration command = 5min;
    Duration data_start = 2min;
    Duration data_block = 3min;
    Duration data_end = 10min;
    Duration handshake = 1min;
    Duration quit = 10s;
    Duration envelope = 30min;
    Duration content = 1h;
};

// Where a message's bytes come from: CRLF lines, no dots added. Empty: that was all.
class MessageSource {
public:
    virtual ~MessageSource() = default;
    virtual Task<Result<std::string>> next() = 0;
};
class TextSource final : public MessageSource {
public:
    explicit TextSource(std::string text) : text_(std::move(text)) { }
    Task<Result<std::string>> next() override;

private:
    std::string text_;
};

// What became of one message. A code of 0: it never came to that.
struct Sent {
    Reply sender;
    std::vector<Reply> recipients;  // one for each, in order, code 0: not asked; fewer after a fault
    Reply data;  // 354, or why not; none with BDAT
    Reply message;  // to the end of the message: success is the server's promise
    // The connection broke off, or what came was not SMTP. What stands above was said before that.
    std::optional<Error> fault;
    bool unreadable = false;  // with a fault: it is the source's, the message could not be read
    bool in_doubt = false;  // with a fault: the whole message had gone out, and no answer came
    bool refused_here = false;  // `sender` is our own word: the server announced that it cannot take this

    bool accepted() const { return message.is_success(); }
};

class Client {
public:
    // Each line as it is sent and received, passwords and content left out.
    using ShowLine = std::function<void(Speaker, std::string_view)>;
    Client(net::Wire wire, const Clock& clock, ShowLine show = {}, ClientPatience patience = {});

    Task<Result<Reply>> greeting();
    // With a patience of its own, where several hosts share one.
    Task<Result<Reply>> greeting(Duration patience);
    // EHLO, and HELO where the server does not know that.
    Task<Result<Reply>> hello(std::string name);
    // Success: TLS is on and everything known of the server is forgotten: say hello() again.
    Task<Result<Reply>> start_tls(const net::TlsContext& context, std::string server_name);
    Task<Result<Reply>> login(std::unique_ptr<SaslClient> sasl);
    // MAIL, RCPT and the message by DATA or BDAT, as much in one go as the server knows PIPELINING
    // for. Recipients that were refused do not keep the message from the others; those beyond the
    // server's LIMITS get 452 4.5.3. What the server cannot take (8 bits, SMTPUTF8, size …) is
    // refused here with the reply it would have given. Whatever was left open by a message before is
    // reset first. `source` outlives the call.
    Task<Sent> send(Envelope envelope, MessageSource& source);
    // Any other command line, without CRLF.
    Task<Result<Reply>> command(std::string line);
    Task<void> quit();

    const Capabilities& capabilities() const { return capabilities_; }
    // While a line is shown: whose it is, for RCPT and its reply; empty: nobody's alone.
    std::string_view about() const { return about_; }
    // False: a fault, or a 421; nothing more can be said.
    bool is_usable() const { return usable_ && !wire_.is_broken() && !wire_.is_cancelled(); }
    net::Wire& wire() { return wire_; }

private:
    class Mail;

    Task<Result<Reply>> read_reply(Duration patience);
    Task<Result<Reply>> talk(std::string line, std::string shown, Duration patience);
    Task<Result<void>> write(std::vector<std::string> pieces, Duration patience);
    Deadline within(Duration patience) const;
    void show(Speaker speaker, std::string_view line) const;

    net::Wire wire_;
    const Clock& clock_;
    ShowLine show_;
    ClientPatience patience_;
    net::LineFramer framer_;
    Capabilities capabilities_;
    std::string about_;
    Deadline whole_;  // of what several waits make up together
    bool transaction_open_ = false;  // MAIL was taken and nothing has ended it
    bool usable_ = true;
};

// A line that can be one command: no line end, no NUL in it (HOSTILE lesson 3).
bool is_one_line(std::string_view line);

}  // namespace posthouse::smtp

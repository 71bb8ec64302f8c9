// The client's end of SMTP: from the greeting to QUIT. For `posthouse send` and `test`, later the relay.
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
#include "smtp/envelope.h"
#include "smtp/reply.h"
#include "smtp/sasl_client.h"

namespace posthouse::smtp {

// RFC 5321 section 4.5.3.2.
struct ClientPatience {
    Duration greeting = 5min;
    Duration command = 5min;
    Duration data_start = 2min;
    Duration data_block = 3min;
    Duration data_end = 10min;
    Duration handshake = 1min;
};

// What EHLO answered.
struct Capabilities {
    bool extended = false;  // it knew EHLO
    bool pipelining = false;
    bool eight_bit = false;
    bool smtputf8 = false;
    bool starttls = false;
    bool dsn = false;
    bool chunking = false;
    bool size = false;
    std::uint64_t most_bytes = 0;  // 0: not said
    std::uint64_t most_recipients = 0;  // RFC 9422, 0: not said
    std::vector<std::string> mechanisms;
    std::vector<std::string> lines;  // all keywords as they came
};
Capabilities capabilities_of(const Reply& reply);

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
    std::vector<Reply> recipients;  // one for each, in order
    Reply data;  // 354, or why not
    Reply message;  // to the end of data: success is the server's promise
    bool accepted() const { return message.is_success(); }
};

class Client {
public:
    // Each line as it is sent and received, passwords and content left out.
    using ShowLine = std::function<void(Speaker, std::string_view)>;
    Client(net::Wire wire, const Clock& clock, ShowLine show = {}, ClientPatience patience = {});

    Task<Result<Reply>> greeting();
    // EHLO, and HELO where the server does not know that.
    Task<Result<Reply>> hello(std::string name);
    // Success: TLS is on and everything known of the server is forgotten: say hello() again.
    Task<Result<Reply>> start_tls(const net::TlsContext& context, std::string server_name);
    Task<Result<Reply>> login(std::unique_ptr<SaslClient> sasl);
    // MAIL, RCPT, DATA, in one go where the server knows PIPELINING. Recipients that were refused do
    // not keep the message from the others. What the server cannot take (8 bits, SMTPUTF8, size) is
    // refused here with the reply it would have given. `source` outlives the call.
    Task<Result<Sent>> send(Envelope envelope, MessageSource& source);
    // Any other command line, without CRLF.
    Task<Result<Reply>> command(std::string line);
    Task<void> quit();

    const Capabilities& capabilities() const { return capabilities_; }
    net::Wire& wire() { return wire_; }

private:
    Task<Result<Reply>> read_reply(Duration patience);
    Task<Result<Reply>> talk(std::string line, std::string shown, Duration patience);
    Task<Result<void>> write(std::string text, Duration patience);
    Task<Result<Reply>> send_content(MessageSource& source);
    Task<Result<Sent>> send_envelope_pipelined(std::vector<std::string> lines);
    Task<Result<Sent>> send_envelope_by_turns(std::vector<std::string> lines);
    std::optional<Reply> what_server_lacks(const Envelope& envelope) const;
    std::string mail_line(const Envelope& envelope) const;
    std::string rcpt_line(const Recipient& recipient) const;
    void show(Speaker speaker, std::string_view line) const;

    net::Wire wire_;
    const Clock& clock_;
    ShowLine show_;
    ClientPatience patience_;
    net::LineFramer framer_;
    Capabilities capabilities_;
};

}  // namespace posthouse::smtp

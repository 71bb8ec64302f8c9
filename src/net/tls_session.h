// TLS without a socket: ciphertext in, ciphertext out, by OpenSSL.
//
// OpenSSL reads from and writes to the two Buffers it is given for the time of one call, so that a
// connection costs one recv and one send however many records pass, and holds no buffer while idle.
//
// Threads: one at a time.
#pragma once

#include "net/buffer.h"
#include "net/tls_state.h"
#include "net/wire.h"

#include <memory>
#include <span>
#include <string>
#include <string_view>

struct bio_st;

namespace posthouse::net {

class TlsSession {
public:
    static constexpr std::size_t most_plain = 16 * 1024;  // in one record (RFC 8446 section 5.1)

    enum class End { server, client };
    // A client asks for, and verifies, `server_name`: a DNS name or an IP address; may be empty.
    TlsSession(std::shared_ptr<const TlsCredentials> credentials, End end, const std::string& server_name);
    TlsSession(const TlsSession&) = delete;
    TlsSession& operator=(const TlsSession&) = delete;
    ~TlsSession();

    enum class Outcome {
        done,
        needs_bytes,  // of ciphertext, in `incoming`
        closed,  // the peer has said close_notify
        failed,  // see error(); what `outgoing` holds is the alert for the peer
    };
    Outcome handshake(Buffer& incoming, Buffer& outgoing);
    // Decrypts at most one record into `out`. May answer the peer by `outgoing` (KeyUpdate).
    Outcome read(Buffer& incoming, Buffer& outgoing, std::span<char> out, std::size_t& count);
    // Encrypts `plain`, at most `most_plain`, into one record.
    bool write(std::string_view plain, Buffer& outgoing);
    void close(Buffer& outgoing);  // close_notify

    // A record is inside OpenSSL, whole or in part.
    bool has_pending() const { return SSL_has_pending(ssl_.get()) == 1; }
    const std::string& error() const { return error_; }  // for the log

    // After the handshake.
    const TlsFacts& facts() const { return facts_; }
    std::string channel_binding(ChannelBinding kind) const;

private:
    struct SslFree {
        void operator()(SSL* ssl) const { SSL_free(ssl); }
    };
    struct Methods;  // OpenSSL's view of the two buffers

    Outcome judge(int result);
    void note_facts();
    std::string explain_failure() const;

    std::shared_ptr<const TlsCredentials> credentials_;
    std::unique_ptr<SSL, SslFree> ssl_;
    Buffer* incoming_ = nullptr;  // during a call
    Buffer* outgoing_ = nullptr;
    End end_;
    std::string asked_for_;  // the server's name, as the client wants it
    TlsFacts facts_;
    std::string error_;
};

}  // namespace posthouse::net

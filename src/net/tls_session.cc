#include "net/tls_session.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <new>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

namespace posthouse::net {

// A BIO that reads from and writes to the session's buffers of the moment.
struct TlsSession::Methods {
    static int read(BIO* bio, char* out, int size)
    {
        BIO_clear_retry_flags(bio);
        Buffer* incoming = session(bio).incoming_;
        if (size <= 0)
            return 0;
        if (incoming == nullptr || incoming->empty()) {
            BIO_set_retry_read(bio);
            return -1;
        }
        const std::size_t count = std::min(incoming->size(), static_cast<std::size_t>(size));
        std::memcpy(out, incoming->view().data(), count);
        incoming->consume(count);
        return static_cast<int>(count);
    }
    static int write(BIO* bio, const char* bytes, int size)
    {
        BIO_clear_retry_flags(bio);
        Buffer* outgoing = session(bio).outgoing_;
        if (outgoing == nullptr || size < 0)
            return -1;
        outgoing->append({bytes, static_cast<std::size_t>(size)});
        return size;
    }
    static long control(BIO*, int command, long, void*)
    {
        return command == BIO_CTRL_FLUSH ? 1 : 0;  // OpenSSL insists on a successful flush
    }
    static TlsSession& session(BIO* bio) { return *static_cast<TlsSession*>(BIO_get_data(bio)); }

    // One table of functions for the process, never changed.
    static const BIO_METHOD* table()
    {
        static const BIO_METHOD* const made = [] {
            BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "wire");
            BIO_meth_set_read(method, read);
            BIO_meth_set_write(method, write);
            BIO_meth_set_ctrl(method, control);
            BIO_meth_set_create(method, [](BIO* bio) {
                BIO_set_init(bio, 1);
                return 1;
            });
            return method;
        }();
        return made;
    }
};

namespace {

bool is_ip_address(const std::string& name)
{
    std::array<unsigned char, 16> ignored;
    return inet_pton(AF_INET, name.c_str(), ignored.data()) == 1 ||
        inet_pton(AF_INET6, name.c_str(), ignored.data()) == 1;
}

std::string text_of(const X509_NAME* name)
{
    BIO* text = BIO_new(BIO_s_mem());
    if (text == nullptr)
        return {};
    X509_NAME_print_ex(text, name, 0, XN_FLAG_RFC2253);
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(text, &bytes);
    std::string distinguished(bytes, static_cast<std::size_t>(std::clamp(size, 0L, 1000L)));
    BIO_free(text);
    return distinguished;
}

std::optional<WallTime> time_of(const ASN1_TIME* time)
{
    std::tm parts{};
    if (ASN1_TIME_to_tm(time, &parts) != 1)
        return std::nullopt;
    return WallTime(std::chrono::seconds(timegm(&parts)));
}

bool has_name(X509* certificate, const std::string& name)
{
    if (is_ip_address(name))
        return X509_check_ip_asc(certificate, name.c_str(), 0) == 1;
    return X509_check_host(certificate, name.data(), name.size(), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, nullptr) == 1;
}

}  // namespace

TlsSession::TlsSession(std::shared_ptr<const TlsCredentials> credentials, End end, const std::string& server_name) :
    credentials_(std::move(credentials)),
    ssl_(SSL_new(credentials_->contexts.front().get())),
    end_(end),
    asked_for_(server_name)
{
    BIO* bio = ssl_ ? BIO_new(Methods::table()) : nullptr;
    if (bio == nullptr)
        throw std::bad_alloc();
    BIO_set_data(bio, this);
    SSL_set_bio(ssl_.get(), bio, bio);
    if (end == End::server) {
        SSL_set_accept_state(ssl_.get());
        return;
    }
    SSL_set_connect_state(ssl_.get());
    if (server_name.empty())
        return;
    if (is_ip_address(server_name)) {
        X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_.get()), server_name.c_str());
        return;  // RFC 6066 section 3: no SNI for addresses
    }
    SSL_set_hostflags(ssl_.get(), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    SSL_set1_host(ssl_.get(), server_name.c_str());
    SSL_set_tlsext_host_name(ssl_.get(), server_name.c_str());
}

TlsSession::~TlsSession() = default;

TlsSession::Outcome TlsSession::judge(int result)
{
    if (result > 0)
        return Outcome::done;
    switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ: return Outcome::needs_bytes;
    case SSL_ERROR_ZERO_RETURN: return Outcome::closed;
    default: error_ = explain_failure(); return Outcome::failed;
    }
}

std::string TlsSession::explain_failure() const
{
    const std::string reason = take_openssl_error();
    const long verified = SSL_get_verify_result(ssl_.get());
    if (end_ == End::client && SSL_get_verify_mode(ssl_.get()) != SSL_VERIFY_NONE && verified != X509_V_OK)
        return fmt::format("the server's certificate: {}", X509_verify_cert_error_string(verified));
    return reason;
}

TlsSession::Outcome TlsSession::handshake(Buffer& incoming, Buffer& outgoing)
{
    incoming_ = &incoming;
    outgoing_ = &outgoing;
    ERR_clear_error();
    const Outcome outcome = judge(SSL_do_handshake(ssl_.get()));
    incoming_ = outgoing_ = nullptr;
    if (outcome == Outcome::done) {
        note_facts();
        credentials_.reset();  // needed by the choice of the certificate only
        // TLS 1.3: a ticket goes out with the first that is written. Right after the handshake it would cost a packet
        // of its own, and clients that read in one thread and write in another (imaplib2) are caught reading it.
        if (end_ == End::server)
            SSL_new_session_ticket(ssl_.get());
        ERR_clear_error();  // TLS 1.2 has sent its own
    }
    return outcome;
}

TlsSession::Outcome TlsSession::read(Buffer& incoming, Buffer& outgoing, std::span<char> out, std::size_t& count)
{
    count = 0;
    if (incoming.empty() && !has_pending())
        return Outcome::needs_bytes;
    incoming_ = &incoming;
    outgoing_ = &outgoing;
    ERR_clear_error();
    const Outcome outcome = judge(SSL_read_ex(ssl_.get(), out.data(), out.size(), &count));
    incoming_ = outgoing_ = nullptr;
    return outcome;
}

bool TlsSession::write(std::string_view plain, Buffer& outgoing)
{
    outgoing_ = &outgoing;
    ERR_clear_error();
    std::size_t written = 0;
    const Outcome outcome = judge(SSL_write_ex(ssl_.get(), plain.data(), plain.size(), &written));
    outgoing_ = nullptr;
    return outcome == Outcome::done && written == plain.size();
}

void TlsSession::close(Buffer& outgoing)
{
    outgoing_ = &outgoing;
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
    ERR_clear_error();
    outgoing_ = nullptr;
}

void TlsSession::note_facts()
{
    facts_.version = SSL_get_version(ssl_.get());
    facts_.cipher = SSL_get_cipher_name(ssl_.get());
    if (const char* name = SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name))
        facts_.server_name = name;
    if (X509* peer = SSL_get1_peer_certificate(ssl_.get())) {
        const long verified = SSL_get_verify_result(ssl_.get());
        facts_.peer_subject = text_of(X509_get_subject_name(peer));
        facts_.peer_issuer = text_of(X509_get_issuer_name(peer));
        facts_.peer_valid_from = time_of(X509_get0_notBefore(peer));
        facts_.peer_valid_until = time_of(X509_get0_notAfter(peer));
        facts_.peer_name_fits = !asked_for_.empty() && has_name(peer, asked_for_);
        facts_.peer_verified = verified == X509_V_OK;
        if (verified != X509_V_OK)
            facts_.peer_fault = X509_verify_cert_error_string(verified);
        X509_free(peer);
    }
}

namespace {

// RFC 9266 section 2.
std::string exporter_binding(SSL* ssl)
{
    static constexpr std::string_view label = "EXPORTER-Channel-Binding";
    std::string out(32, '\0');
    if (SSL_version(ssl) < TLS1_3_VERSION ||
        SSL_export_keying_material(ssl, reinterpret_cast<unsigned char*>(out.data()), out.size(), label.data(),
                                   label.size(), nullptr, 0, 0) != 1)
        return {};
    return out;
}

// RFC 5929 section 4.1: the hash of the server's certificate, by the hash of its signature, but
// SHA-256 for MD5 and SHA-1. Undefined for signatures without a hash (Ed25519).
std::string end_point_binding(X509* certificate)
{
    int hash = NID_undef;
    if (certificate == nullptr || X509_get_signature_info(certificate, &hash, nullptr, nullptr, nullptr) != 1 ||
        hash == NID_undef)
        return {};
    if (hash == NID_md5 || hash == NID_sha1)
        hash = NID_sha256;
    const EVP_MD* digest = EVP_get_digestbynid(hash);
    std::array<unsigned char, EVP_MAX_MD_SIZE> out;
    unsigned size = 0;
    if (digest == nullptr || X509_digest(certificate, digest, out.data(), &size) != 1)
        return {};
    return {reinterpret_cast<const char*>(out.data()), size};
}

}  // namespace

std::string TlsSession::channel_binding(ChannelBinding kind) const
{
    if (kind == ChannelBinding::tls_exporter)
        return exporter_binding(ssl_.get());
    if (end_ == End::server)
        return end_point_binding(SSL_get_certificate(ssl_.get()));
    X509* peer = SSL_get1_peer_certificate(ssl_.get());
    std::string binding = end_point_binding(peer);
    X509_free(peer);
    return binding;
}

}  // namespace posthouse::net

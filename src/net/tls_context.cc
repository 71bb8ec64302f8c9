#include "base/text.h"
#include "net/tls_state.h"

#include <system_error>

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

namespace posthouse::net {

namespace {

// TLS 1.2 only by forward-secret AEAD suites; TLS 1.3's own three are all good.
constexpr const char* tls12_ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL:!eNULL";
constexpr const char* key_groups = "X25519:P-256:P-384";

SslContext make_context(const SSL_METHOD* method)
{
    SslContext context(SSL_CTX_new(method));
    if (!context)
        return nullptr;
    SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(context.get(), tls12_ciphers);
    SSL_CTX_set1_groups_list(context.get(), key_groups);
    // A peer that closes without close_notify is reported as closed: every protocol above ends its
    // commands and messages itself, so a cut cannot be taken for an end.
    SSL_CTX_set_options(context.get(),
                        SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF |
                            SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY);
    // Sessions are resumed by tickets; none is kept here.
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
    return context;
}

void index_names(TlsCredentials& credentials, X509* certificate, std::size_t index)
{
    auto* names = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
    for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
        const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
        if (name->type != GEN_DNS)
            continue;
        const std::string text = to_lower({reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)),
                                           static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName))});
        if (text.starts_with("*."))
            credentials.wildcard.try_emplace(text.substr(2), index);
        else
            credentials.exact.try_emplace(text, index);
    }
    GENERAL_NAMES_free(names);
}

int choose_by_server_name(SSL* ssl, int*, void* argument)
{
    const auto& credentials = *static_cast<const TlsCredentials*>(argument);
    const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    SSL_CTX* context = name == nullptr ? nullptr : credentials.find(name);
    if (context == nullptr)
        return SSL_TLSEXT_ERR_NOACK;  // the first certificate serves
    SSL_set_SSL_CTX(ssl, context);
    return SSL_TLSEXT_ERR_OK;
}

Result<SslContext> load_certificate(const TlsContext::Files& files)
{
    SslContext context = make_context(TLS_server_method());
    if (!context)
        return fail(ErrorCode::tls, take_openssl_error());
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(context.get(), files.certificate.c_str()) != 1)
        return fail(ErrorCode::tls, fmt::format("certificate {}: {}", files.certificate, take_openssl_error()));
    // A key with a pass phrase must not ask for it on the terminal.
    SSL_CTX_set_default_passwd_cb(context.get(), [](char*, int, int, void*) { return 0; });
    if (SSL_CTX_use_PrivateKey_file(context.get(), files.key.c_str(), SSL_FILETYPE_PEM) != 1)
        return fail(ErrorCode::tls, fmt::format("key {}: {}", files.key, take_openssl_error()));
    if (SSL_CTX_check_private_key(context.get()) != 1)
        return fail(ErrorCode::tls,
                    fmt::format("key {} does not belong to certificate {}", files.key, files.certificate));
    // The same for all certificates, so that a ticket is good whichever context comes first.
    static constexpr unsigned char session_context[] = "posthouse";
    SSL_CTX_set_session_id_context(context.get(), session_context, sizeof session_context - 1);
    SSL_CTX_set_num_tickets(context.get(), 0);  // see TlsSession::handshake
    return context;
}

Result<std::shared_ptr<const TlsCredentials>> load_server(const std::vector<TlsContext::Files>& files)
{
    if (files.empty())
        return fail(ErrorCode::tls, "a TLS server needs a certificate and a key");
    auto credentials = std::make_shared<TlsCredentials>();
    for (const TlsContext::Files& pair : files) {
        Result<SslContext> context = load_certificate(pair);
        if (!context)
            return fail(context.error());
        index_names(*credentials, SSL_CTX_get0_certificate(context->get()), credentials->contexts.size());
        credentials->contexts.push_back(std::move(*context));
    }
    // The callback is asked of the context that the handshake began with, which is the first.
    SSL_CTX* first = credentials->contexts.front().get();
    SSL_CTX_set_tlsext_servername_callback(first, choose_by_server_name);
    SSL_CTX_set_tlsext_servername_arg(first, credentials.get());
    return credentials;
}

Result<std::shared_ptr<const TlsCredentials>> load_client(TlsContext::Verify verify, const std::string& roots)
{
    SslContext context = make_context(TLS_client_method());
    if (!context)
        return fail(ErrorCode::tls, take_openssl_error());
    ERR_clear_error();
    const int loaded = roots.empty() ? SSL_CTX_set_default_verify_paths(context.get())
                                     : SSL_CTX_load_verify_file(context.get(), roots.c_str());
    if (loaded != 1)
        return fail(ErrorCode::tls, fmt::format("trusted roots {}: {}", roots, take_openssl_error()));
    // Without verification the handshake still looks at the chain, so that TlsFacts can tell.
    SSL_CTX_set_verify(context.get(), verify == TlsContext::Verify::yes ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
    auto credentials = std::make_shared<TlsCredentials>();
    credentials->contexts.push_back(std::move(context));
    return credentials;
}

std::vector<FileStamp> stamps_of(const TlsContext::State& state)
{
    std::vector<FileStamp> stamps;
    for (const TlsContext::Files& pair : state.files) {
        stamps.push_back(FileStamp::of(pair.certificate));
        stamps.push_back(FileStamp::of(pair.key));
    }
    if (!state.roots.empty())
        stamps.push_back(FileStamp::of(state.roots));
    return stamps;
}

}  // namespace

SSL_CTX* TlsCredentials::find(std::string_view server_name) const
{
    std::string name = to_lower(server_name);
    if (name.ends_with('.'))
        name.pop_back();
    if (const auto found = exact.find(name); found != exact.end())
        return contexts[found->second].get();
    // RFC 6125 section 6.4.3: the wildcard stands for exactly one label.
    const std::size_t dot = name.find('.');
    if (dot == name.npos || dot == 0)
        return nullptr;
    const auto found = wildcard.find(name.substr(dot + 1));
    return found == wildcard.end() ? nullptr : contexts[found->second].get();
}

FileStamp FileStamp::of(const std::string& path)
{
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0)
        return {path};
    return {path, true, status.st_ino, status.st_mtim, status.st_size};
}

bool operator==(const FileStamp& a, const FileStamp& b)
{
    return a.path == b.path && a.exists == b.exists && a.inode == b.inode && a.size == b.size &&
        a.changed.tv_sec == b.changed.tv_sec && a.changed.tv_nsec == b.changed.tv_nsec;
}

std::string take_openssl_error()
{
    const unsigned long code = ERR_peek_error();
    std::string text = "unknown TLS error";
    if (ERR_SYSTEM_ERROR(code))
        text = std::generic_category().message(ERR_GET_REASON(code));
    else if (const char* reason = ERR_reason_error_string(code))
        text = reason;
    else if (code != 0)
        text = fmt::format("TLS error {:x}", code);
    ERR_clear_error();
    return text;
}

TlsContext::TlsContext(std::unique_ptr<State> state) : state_(std::move(state)) { }
TlsContext::~TlsContext() = default;

Result<std::unique_ptr<TlsContext>> TlsContext::server(std::vector<Files> files)
{
    auto state = std::make_unique<State>();
    state->files = std::move(files);
    state->is_server = true;
    std::unique_ptr<TlsContext> context(new TlsContext(std::move(state)));
    const Result<void> loaded = context->reload();
    if (!loaded)
        return fail(loaded.error());
    return context;
}

Result<std::unique_ptr<TlsContext>> TlsContext::client(Verify verify, std::string roots)
{
    auto state = std::make_unique<State>();
    state->verify = verify;
    state->roots = std::move(roots);
    std::unique_ptr<TlsContext> context(new TlsContext(std::move(state)));
    const Result<void> loaded = context->reload();
    if (!loaded)
        return fail(loaded.error());
    return context;
}

Result<void> TlsContext::reload()
{
    // The stamps are taken before the files are read: a change in between is seen next time. They
    // are kept also when the load fails, so that a broken file is complained about once.
    std::vector<FileStamp> stamps = stamps_of(*state_);
    Result<std::shared_ptr<const TlsCredentials>> loaded =
        state_->is_server ? load_server(state_->files) : load_client(state_->verify, state_->roots);
    const std::scoped_lock lock(state_->mutex);
    state_->stamps = std::move(stamps);
    if (!loaded)
        return fail(loaded.error());
    state_->current = std::move(*loaded);
    return {};
}

bool TlsContext::files_changed() const
{
    const std::vector<FileStamp> now = stamps_of(*state_);
    const std::scoped_lock lock(state_->mutex);
    return now != state_->stamps;
}

}  // namespace posthouse::net

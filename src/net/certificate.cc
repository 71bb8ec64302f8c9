// The house's own certificate, for the lab and for a first start.
#include "net/endpoint.h"
#include "net/tls_state.h"

#include <cstdio>

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <unistd.h>

namespace posthouse::net {

namespace {

template <auto free> struct Freed {
    template <class T> void operator()(T* object) const { free(object); }
};
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;
using Memory = std::unique_ptr<BIO, Freed<BIO_free>>;

std::string text_of(BIO* memory)
{
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(memory, &bytes);
    return {bytes, static_cast<std::size_t>(size)};
}

// RFC 5280 section 4.2.1.6. Built entry by entry: a name never passes through OpenSSL's
// configuration syntax, where a comma would begin another one.
bool add_names(X509* certificate, const std::vector<std::string>& names)
{
    GENERAL_NAMES* all = sk_GENERAL_NAME_new_null();
    bool good = all != nullptr;
    for (const std::string& name : names) {
        unsigned char address[16];
        const int size = inet_pton(AF_INET, name.c_str(), address) == 1 ? 4
            : inet_pton(AF_INET6, name.c_str(), address) == 1           ? 16
                                                                        : 0;
        GENERAL_NAME* entry = GENERAL_NAME_new();
        ASN1_STRING* value = size > 0 ? ASN1_OCTET_STRING_new() : ASN1_IA5STRING_new();
        good = good && entry != nullptr && value != nullptr &&
            (size > 0 ? ASN1_STRING_set(value, address, size)
                      : ASN1_STRING_set(value, name.data(), static_cast<int>(name.size()))) == 1;
        if (!good) {
            GENERAL_NAME_free(entry);
            ASN1_STRING_free(value);
            break;
        }
        GENERAL_NAME_set0_value(entry, size > 0 ? GEN_IPADD : GEN_DNS, value);
        good = sk_GENERAL_NAME_push(all, entry) > 0;
    }
    good = good && X509_add1_ext_i2d(certificate, NID_subject_alt_name, all, 0, X509V3_ADD_DEFAULT) == 1;
    GENERAL_NAMES_free(all);
    return good;
}

bool add_extension(X509* certificate, int nid, const char* value)
{
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value);
    const bool good = extension != nullptr && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return good;
}

bool set_serial(X509* certificate)
{
    unsigned char bytes[16];  // RFC 5280 section 4.1.2.2: positive, at most 20 octets
    if (RAND_bytes(bytes, sizeof bytes) != 1)
        return false;
    bytes[0] = static_cast<unsigned char>((bytes[0] & 0x7f) | 0x40);
    BIGNUM* number = BN_bin2bn(bytes, sizeof bytes, nullptr);
    const bool good = number != nullptr && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != nullptr;
    BN_free(number);
    return good;
}

Certificate make_certificate(EVP_PKEY* key, const std::vector<std::string>& names, int days)
{
    Certificate certificate(X509_new());
    X509* raw = certificate.get();
    static constexpr long an_hour = 3600;  // clocks of clients differ
    const std::string common_name = names.front().substr(0, 64);  // ub-common-name
    X509_NAME* subject = raw == nullptr ? nullptr : X509_get_subject_name(raw);
    const bool good = raw != nullptr && X509_set_version(raw, X509_VERSION_3) == 1 && set_serial(raw) &&
        X509_gmtime_adj(X509_getm_notBefore(raw), -an_hour) != nullptr &&
        X509_time_adj_ex(X509_getm_notAfter(raw), days, 0, nullptr) != nullptr && X509_set_pubkey(raw, key) == 1 &&
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                                   reinterpret_cast<const unsigned char*>(common_name.data()),
                                   static_cast<int>(common_name.size()), -1, 0) == 1 &&
        X509_set_issuer_name(raw, subject) == 1 && add_names(raw, names) &&
        add_extension(raw, NID_basic_constraints, "critical,CA:FALSE") &&
        add_extension(raw, NID_key_usage, "critical,digitalSignature") &&
        add_extension(raw, NID_ext_key_usage, "serverAuth") && X509_sign(raw, key, EVP_sha256()) > 0;
    return good ? std::move(certificate) : nullptr;
}

// Whole or not at all, and never readable by others, not even for a moment.
Result<void> write_file(const std::string& path, const std::string& text, mode_t mode)
{
    const std::string temporary = path + ".new";
    ::unlink(temporary.c_str());
    const int file = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (file < 0)
        return fail(system_error(temporary, errno));
    const bool written =
        ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(file) == 0;
    const int error = errno;
    ::close(file);
    if (!written || std::rename(temporary.c_str(), path.c_str()) != 0) {
        const Error failure = system_error(path, written ? errno : error);
        ::unlink(temporary.c_str());
        return fail(failure);
    }
    return {};
}

}  // namespace

Result<void> make_self_signed(const std::vector<std::string>& names, const TlsContext::Files& files, int days)
{
    if (names.empty() || names.front().empty())
        return fail(ErrorCode::malformed, "a certificate needs a name");
    ERR_clear_error();
    const Key key(EVP_EC_gen("P-256"));
    const Certificate certificate = key ? make_certificate(key.get(), names, days) : nullptr;
    const Memory key_text(BIO_new(BIO_s_mem()));
    const Memory certificate_text(BIO_new(BIO_s_mem()));
    if (!certificate || !key_text || !certificate_text ||
        PEM_write_bio_PrivateKey(key_text.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1 ||
        PEM_write_bio_X509(certificate_text.get(), certificate.get()) != 1)
        return fail(ErrorCode::tls, take_openssl_error());
    const Result<void> key_written = write_file(files.key, text_of(key_text.get()), 0600);
    if (!key_written)
        return key_written;
    return write_file(files.certificate, text_of(certificate_text.get()), 0644);
}

}  // namespace posthouse::net

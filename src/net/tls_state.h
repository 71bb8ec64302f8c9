// What a TlsContext holds; seen inside net/ only.
#pragma once

#include "net/tls.h"

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include <openssl/ssl.h>
#include <sys/stat.h>

namespace posthouse::net {

struct SslContextFree {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using SslContext = std::unique_ptr<SSL_CTX, SslContextFree>;

// One load of the files: never changes afterwards, shared by the handshakes that began with it.
struct TlsCredentials {
    std::vector<SslContext> contexts;  // a server has one per certificate, a client one in all
    std::unordered_map<std::string, std::size_t> exact;  // "mail.example.org" to its context
    std::unordered_map<std::string, std::size_t> wildcard;  // "example.org" for *.example.org

    // The context for a server name, case ignored; null when no certificate has it.
    SSL_CTX* find(std::string_view server_name) const;
};

// Tells whether a file is still the one that was read.
struct FileStamp {
    std::string path;
    bool exists = false;
    ino_t inode = 0;
    timespec changed{};
    off_t size = 0;

    static FileStamp of(const std::string& path);
    friend bool operator==(const FileStamp& a, const FileStamp& b);
};

struct TlsContext::State {
    std::vector<Files> files;  // a server's
    bool is_server = false;
    Verify verify = Verify::yes;
    std::string roots;

    mutable std::mutex mutex;  // guards what follows
    std::shared_ptr<const TlsCredentials> current;
    std::vector<FileStamp> stamps;

    std::shared_ptr<const TlsCredentials> credentials() const
    {
        const std::scoped_lock lock(mutex);
        return current;
    }
};

// The oldest entry of this thread's OpenSSL error queue, which is emptied.
std::string take_openssl_error();

}  // namespace posthouse::net

// Certificates, keys and what a TLS end accepts. By OpenSSL 3; TLS 1.2 and up.
#pragma once

#include "base/result.h"

#include <memory>
#include <string>
#include <vector>

namespace posthouse::net {

// Sessions are resumed by tickets, whose keys are new with every load: reload at least once a day, so
// that a stolen key opens little.
//
// Threads: any. Handshakes take the context's current certificates; reload() changes what later
// ones take. Lifetime: outlives every wire that uses it.
class TlsContext {
public:
    struct Files {
        std::string certificate;  // PEM, the chain, leaf first
        std::string key;  // PEM
    };
    // A server's: the certificate whose names match the SNI, else the first.
    static Result<std::unique_ptr<TlsContext>> server(std::vector<Files> files);
    enum class Verify { no, yes };
    // A client's: `roots` is a PEM file, empty for the system's.
    static Result<std::unique_ptr<TlsContext>> client(Verify verify, std::string roots = {});
    ~TlsContext();

    // Reads the files again; on an error the old ones stay in use.
    Result<void> reload();
    // True once a file has changed (by mtime or inode) since the last load.
    bool files_changed() const;

    struct State;
    const State& state() const { return *state_; }

private:
    explicit TlsContext(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

// A new P-256 key and a self-signed certificate for these names and addresses, written as two PEM
// files (key mode 0600). For the lab and for a first start.
Result<void> make_self_signed(const std::vector<std::string>& names, const TlsContext::Files& files, int days);

}  // namespace posthouse::net

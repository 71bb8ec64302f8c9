// What a step that can fail gives back.
//
// Expected failures (peer gone, timeout, no such name, over quota) travel as Result<T>; bugs travel
// as exceptions and are caught once per session or task. The text of an Error is for the log; what
// a peer is told is chosen by the dialogue.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace posthouse {

enum class ErrorCode : std::uint8_t {
    closed,  // the peer has hung up
    timeout,  // the deadline of this wait has passed
    cancelled,  // we are shutting down
    too_large,  // over a stated limit of size, count or depth
    malformed,  // does not fit its grammar
    not_found,
    already_exists,
    not_permitted,  // the authorisation gate says no
    over_quota,
    limit,  // over a stated limit of how many
    no_space,  // disk or inodes are gone: transient
    unavailable,  // a service cannot answer now: transient
    conflict,  // somebody else changed it meanwhile
    corrupt,  // a checksum or an invariant of stored data does not hold
    tls,  // handshake or record failure
    io,  // the operating system refused
    internal,  // a bug
};

std::string_view to_string(ErrorCode code);

struct Error {
    ErrorCode code = ErrorCode::internal;
    std::string text;  // for the log: one line, no secrets

    friend bool operator==(const Error& error, ErrorCode code) { return error.code == code; }
};

template <class T = void> using Result = std::expected<T, Error>;

// `return fail(ErrorCode::not_found, "no mailbox named …");`
inline std::unexpected<Error> fail(ErrorCode code, std::string text = {})
{
    return std::unexpected(Error{code, std::move(text)});
}

// Hands an error on: `if (!row) return fail(row.error());`
inline std::unexpected<Error> fail(Error error) { return std::unexpected(std::move(error)); }

}  // namespace posthouse

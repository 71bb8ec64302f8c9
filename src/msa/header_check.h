// What a header must be before we send it on (RFC 6409 section 6 and 8, RFC 5322 section 3.6).
//
// Pure but for the clock and the random source. A refusal names the field and what is wrong with it.
#pragma once

#include "base/random.h"
#include "base/time.h"
#include "message/address.h"
#include "smtp/reply.h"

#include <expected>
#include <string>
#include <vector>

namespace posthouse::msa {

struct CheckedHeader {
    std::string text;  // without Bcc, with Date and Message-ID; the empty line, if there was one, is kept
    std::vector<message::AddrSpec> authors;  // of From and Sender: who the writer claims to be
};

// `header`: the fields and the empty line behind them, lines ended by CRLF.
// Refusals: 550 5.6.0.
std::expected<CheckedHeader, smtp::Reply> check_header(std::string_view header, const Clock& clock, Random& random,
                                                       std::string_view host_name);

}  // namespace posthouse::msa

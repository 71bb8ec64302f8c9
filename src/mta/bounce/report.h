// Writes the notices that tell senders what became of their messages (RFC 3461, 3464, 6522, 6533).
//
// Threads: any. Lifetime: the random source outlives it.
#pragma once

#include "base/random.h"
#include "smtp/notice.h"

namespace posthouse::mta::bounce {

class ReportWriter final : public smtp::NoticeWriter {
public:
    struct Options {
        std::string host_name;  // this server's: Reporting-MTA and Message-ID
        smtp::Path postmaster;  // whom an answer reaches; null: postmaster@host_name
    };
    ReportWriter(Options options, Random& random);

    std::string write(const smtp::Notice& notice, WallTime now) const override;

private:
    Options options_;
    Random& random_;  // for the boundary, which nobody can guess
};

}  // namespace posthouse::mta::bounce

// A submitted message on its way: the header is kept until it is whole, checked and repaired, the
// body streams behind it.
#pragma once

#include "message/address.h"
#include "msa/submission.h"
#include "smtp/hand_over.h"
#include "smtp/trace.h"

namespace posthouse::msa {

// Threads: the session's loop. Lifetime: its session's.
class SubmissionBody final : public smtp::Body {
public:
    // `trace` is the Received field; it goes before the header.
    SubmissionBody(const Services& services, std::string_view host_name, directory::AccountId account,
                   smtp::HandOver hand_over, std::string trace) :
        services_(services),
        host_name_(host_name),
        account_(account),
        hand_over_(std::move(hand_over)),
        trace_(std::move(trace))
    {
    }

    Task<std::optional<smtp::Reply>> append(std::string piece) override;
    Task<smtp::Reply> finish() override;

private:
    Task<std::optional<smtp::Reply>> header_is_whole(std::string body);
    Task<std::optional<smtp::Reply>> check_authors(std::vector<message::AddrSpec> authors);

    const Services& services_;
    std::string_view host_name_;
    directory::AccountId account_;
    smtp::HandOver hand_over_;
    std::string trace_;
    std::string header_;  // what came of it so far
    smtp::HeaderWatch watch_;
    bool in_body_ = false;
};

}  // namespace posthouse::msa

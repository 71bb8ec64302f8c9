// A submitted message on its way: the header is kept until it is whole, checked and repaired, the
// body streams behind it.
#pragma once

#include "message/address.h"
#include "msa/submission.h"
#include "smtp/hand_over.h"
#include "smtp/trace.h"

namespace posthouse::msa {

// What a transaction has taken of its account's hour. Dropped unsent: it is given back.
class OutgoingShare {
public:
    OutgoingShare(directory::Outgoing& outgoing, directory::AccountId account) : outgoing_(outgoing), account_(account)
    {
    }
    OutgoingShare(const OutgoingShare&) = delete;
    ~OutgoingShare()
    {
        if (taken_ > 0)
            outgoing_.give_back(account_, taken_);
    }
    Task<Result<void>> take()
    {
        const Result<void> counted = co_await outgoing_.take(account_);
        if (counted)
            ++taken_;
        co_return counted;
    }
    void sent() { taken_ = 0; }

private:
    directory::Outgoing& outgoing_;
    directory::AccountId account_;
    std::uint32_t taken_ = 0;
};

// Threads: the session's loop. Lifetime: its session's.
class SubmissionBody final : public smtp::Body {
public:
    // `trace` is the Received field; it goes before the header.
    SubmissionBody(const Services& services, std::string_view host_name, directory::AccountId account,
                   smtp::HandOver hand_over, std::string trace, std::unique_ptr<OutgoingShare> share) :
        services_(services),
        host_name_(host_name),
        account_(account),
        hand_over_(std::move(hand_over)),
        trace_(std::move(trace)),
        share_(std::move(share))
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
    std::unique_ptr<OutgoingShare> share_;  // given back where nothing comes of the message
};

}  // namespace posthouse::msa

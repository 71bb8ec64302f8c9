#include "msa/submission_body.h"

#include "msa/header_check.h"
#include "smtp/trace.h"

#include <fmt/format.h>

namespace posthouse::msa {

using smtp::Reply;

namespace {

// Where the header ends, its empty line included; npos: not yet. `seen`: bytes looked at before.
std::size_t header_end(std::string_view text, std::size_t seen)
{
    if (text.starts_with("\r\n"))
        return 2;
    const std::size_t at = text.find("\r\n\r\n", seen < 3 ? 0 : seen - 3);
    return at == std::string_view::npos ? at : at + 4;
}

}  // namespace

Task<std::optional<Reply>> SubmissionBody::append(std::string piece)
{
    if (in_body_) {
        std::optional<Reply> refusal = co_await hand_over_.append(std::move(piece));
        co_return refusal;
    }
    std::optional<Reply> refusal = watch_.watch(piece);
    if (refusal)
        co_return hand_over_.refuse(std::move(*refusal));
    const std::size_t seen = header_.size();
    header_ += piece;
    const std::size_t end = header_end(header_, seen);
    if (end == std::string::npos)
        co_return std::nullopt;
    std::string body = header_.substr(end);
    header_.resize(end);
    refusal = co_await header_is_whole(std::move(body));
    co_return refusal;
}

Task<Reply> SubmissionBody::finish()
{
    if (!in_body_) {  // a header alone
        std::optional<Reply> refusal = co_await header_is_whole({});
        if (refusal)
            co_return std::move(*refusal);
    }
    Reply reply = co_await hand_over_.finish();
    if (reply.is_success() && share_)
        share_->sent();
    co_return reply;
}

Task<std::optional<Reply>> SubmissionBody::header_is_whole(std::string body)
{
    in_body_ = true;
    auto checked = check_header(std::exchange(header_, {}), services_.clock, services_.random, host_name_);
    if (!checked)
        co_return hand_over_.refuse(std::move(checked.error()));
    std::optional<Reply> refusal = co_await check_authors(std::move(checked->authors));
    if (refusal)
        co_return hand_over_.refuse(std::move(*refusal));
    std::string piece = std::move(trace_);
    piece += checked->text;
    piece += body;
    refusal = co_await hand_over_.append(std::move(piece));
    co_return refusal;
}

// Whoever the message says it is from must be who has logged in.
Task<std::optional<Reply>> SubmissionBody::check_authors(std::vector<message::AddrSpec> authors)
{
    for (const message::AddrSpec& author : authors) {
        const Result<bool> may = co_await services_.directory.may_send_as(account_, author.local_part, author.domain);
        if (!may)
            co_return smtp::reply_to(may.error());
        if (!*may)
            co_return Reply{550, "5.7.1", fmt::format("From: {} is no address of yours", author.text())};
    }
    co_return std::nullopt;
}

}  // namespace posthouse::msa

#include "mta/relay/seven_bit_source.h"

#include "message/parser.h"

namespace posthouse::mta::relay {

namespace {

template <class Take> Task<Result<void>> read_all(std::unique_ptr<smtp::MessageSource> content, Take& take)
{
    for (;;) {
        const Result<std::string> piece = co_await content->next();
        if (!piece)
            co_return fail(piece.error());
        if (piece->empty())
            co_return Result<void>{};
        take.feed(*piece);
    }
}

}  // namespace

Task<Result<void>> SevenBitSource::prepare()
{
    message::DigestBuilder builder;
    const Result<void> parsed = co_await read_all(open_(), builder);
    if (!parsed)
        co_return parsed;
    digest_ = builder.finish();
    message::SevenBitScan scan(digest_);
    const Result<void> scanned = co_await read_all(open_(), scan);
    if (!scanned)
        co_return scanned;
    converter_.emplace(digest_, scan.plan());
    content_ = open_();
    co_return Result<void>{};
}

Task<Result<std::string>> SevenBitSource::next()
{
    if (!converter_) {
        const Result<void> prepared = co_await prepare();
        if (!prepared)
            co_return fail(prepared.error());
    }
    std::string out;
    while (out.empty() && !ended_) {
        const Result<std::string> piece = co_await content_->next();
        if (!piece)
            co_return fail(piece.error());
        ended_ = piece->empty();
        if (ended_)
            converter_->finish(out);
        else
            converter_->feed(*piece, out);
    }
    co_return out;
}

}  // namespace posthouse::mta::relay

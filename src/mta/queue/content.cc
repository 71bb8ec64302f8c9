#include "mta/queue/content.h"

#include "message/parser.h"

#include <algorithm>

namespace posthouse::mta::queue {

namespace {

constexpr auto patience = 30s;
constexpr std::uint64_t piece_bytes = 64 * 1024;

Task<bool> keep(std::string* out, std::string piece)
{
    out->append(piece);
    co_return true;
}

Task<bool> feed(message::DigestBuilder* builder, std::string piece)
{
    builder->feed(piece);
    co_return true;
}

Task<Result<std::string>> read_piece(ContentServices services, store::BlobId blob, std::uint64_t offset,
                                     std::uint64_t length)
{
    std::string out;
    const store::Sink sink = [&out](std::string piece) { return keep(&out, std::move(piece)); };
    const Result<void> read =
        co_await services.blobs.read(blob, offset, length, sink, Deadline::in(services.clock, patience));
    if (!read)
        co_return fail(read.error());
    co_return out;
}

Task<Result<std::string>> read_body(ContentServices services, ItemId item)
{
    Result<std::optional<store::Value>> body = co_await services.store.get(
        partition_of(item), body_key(item), Deadline::in(services.clock, patience), store::Space::bodies);
    if (!body)
        co_return fail(body.error());
    if (!*body)
        co_return fail(ErrorCode::corrupt, "the item has no body");
    co_return std::move(**body);
}

}  // namespace

Task<Result<std::string>> read_content(ContentServices services, Item item, Letter letter, std::uint64_t most)
{
    const std::uint64_t length = std::min(most, item.size);
    if (letter.content.bytes)
        co_return letter.content.bytes->substr(0, length);
    if (item.blob != 0)
        co_return co_await read_piece(services, item.blob, 0, length);
    Result<std::string> body = co_await read_body(services, item.id);
    if (body)
        body->resize(std::min<std::uint64_t>(body->size(), length));
    co_return body;
}

Task<Result<Letter>> load_letter(ContentServices services, Item item)
{
    message::DigestBuilder builder;
    Letter letter;
    letter.content.size = item.size;
    letter.content.blob = item.blob;
    if (item.blob != 0) {
        const store::Sink sink = [&builder](std::string piece) { return feed(&builder, std::move(piece)); };
        const Result<void> read =
            co_await services.blobs.read(item.blob, 0, item.size, sink, Deadline::in(services.clock, patience));
        if (!read)
            co_return fail(read.error());
    } else {
        Result<std::string> body = co_await read_body(services, item.id);
        if (!body)
            co_return fail(body.error());
        letter.content.bytes = std::make_shared<const std::string>(std::move(*body));
        builder.feed(*letter.content.bytes);
    }
    letter.digest = std::make_shared<const message::Digest>(builder.finish());
    co_return letter;
}

Task<Result<std::string>> ContentSource::next()
{
    const Item& item = work_->item;
    if (offset_ >= item.size)
        co_return std::string();
    Result<std::string> piece;
    if (letter_.content.bytes)
        piece = *letter_.content.bytes;
    else if (item.blob != 0)
        piece = co_await read_piece(services_, item.blob, offset_, std::min(piece_bytes, item.size - offset_));
    else
        piece = co_await read_body(services_, item.id);
    if (piece && piece->empty())
        co_return fail(ErrorCode::corrupt, "the message is shorter than it was");
    if (piece)
        offset_ += piece->size();
    co_return piece;
}

}  // namespace posthouse::mta::queue

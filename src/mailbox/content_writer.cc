#include "mailbox/content_writer.h"

namespace posthouse::mailbox {

namespace {

constexpr auto write_patience = 60s;  // for one piece

}  // namespace

Task<Result<void>> StoreContentWriter::append(std::string piece)
{
    digest_.feed(piece);
    size_ += piece.size();
    if (!blob_ && size_ <= inline_content) {
        bytes_.empty() ? bytes_.swap(piece) : (void)bytes_.append(piece);
        co_return Result<void>{};
    }
    if (!blob_) {
        blob_ = services_.blobs.create();
        piece.insert(0, std::exchange(bytes_, {}));
    }
    Result<void> written = co_await blob_->append(std::move(piece), Deadline::in(services_.clock, write_patience));
    co_return written;
}

Task<Result<ContentWriter::Finished>> StoreContentWriter::finish()
{
    Finished finished;
    finished.content.size = size_;
    if (blob_) {
        const Result<store::BlobInfo> info = co_await blob_->finish(Deadline::in(services_.clock, write_patience));
        if (!info)
            co_return fail(info.error());
        finished.content.blob = info->id;
    } else {
        finished.content.bytes = std::make_shared<const std::string>(std::move(bytes_));
    }
    finished.digest = std::make_shared<const message::Digest>(digest_.finish());
    co_return finished;
}

}  // namespace posthouse::mailbox

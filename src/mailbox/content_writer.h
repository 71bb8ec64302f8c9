// A message's bytes on their way in: in memory to 64 KiB, then a blob; the digest is made on the way.
#pragma once

#include "mailbox/mailbox.h"
#include "message/parser.h"

namespace posthouse::mailbox {

class StoreContentWriter final : public ContentWriter {
public:
    explicit StoreContentWriter(const MailboxServices& services) : services_(services) { }
    Task<Result<void>> append(std::string piece) override;
    Task<Result<Finished>> finish() override;

private:
    const MailboxServices& services_;
    message::DigestBuilder digest_;
    std::string bytes_;  // until they are too many
    std::unique_ptr<store::BlobWriter> blob_;
    std::uint64_t size_ = 0;
};

}  // namespace posthouse::mailbox

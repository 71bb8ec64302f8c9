// A message's content without 8-bit bytes, for a peer that has no 8BITMIME (RFC 6152 section 3).
//
// Reads the content three times (message/seven_bit.h): twice to learn what is to be done, then to do it.
// Threads: one loop. Lifetime: a local of whoever sends.
#pragma once

#include "message/seven_bit.h"
#include "smtp/relay.h"

#include <memory>
#include <optional>

namespace posthouse::mta::relay {

class SevenBitSource final : public smtp::MessageSource {
public:
    using Open = std::function<std::unique_ptr<smtp::MessageSource>()>;
    explicit SevenBitSource(Open open) : open_(std::move(open)) { }

    Task<Result<std::string>> next() override;
    // Once all of it has been read.
    bool breaks_signature() const { return converter_ && converter_->breaks_signature(); }

private:
    Task<Result<void>> prepare();

    Open open_;
    message::Digest digest_;
    std::optional<message::SevenBitConverter> converter_;
    std::unique_ptr<smtp::MessageSource> content_;
    bool ended_ = false;
};

}  // namespace posthouse::mta::relay

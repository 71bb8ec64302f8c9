// Takes away what DELETE left behind a mailbox: one batch of it, then again behind whoever waits.
#pragma once

#include "mailbox/request.h"

namespace posthouse::mailbox {

class ClearRequest final : public RequestFor<void> {
public:
    // `ended` is told by who works for the owner when this request is done; false: it failed, not now again.
    ClearRequest(LoopExecutor caller, Id intent, std::function<void(bool)> ended) :
        RequestFor(std::move(caller)), intent_(intent), ended_(std::move(ended))
    {
    }
    Planned plan(Draft&) override { return Planned::alone; }
    Task<void> run(Owner& owner) override;
    void refuse(Error error) override;

private:
    Id intent_;
    std::function<void(bool)> ended_;
};

}  // namespace posthouse::mailbox

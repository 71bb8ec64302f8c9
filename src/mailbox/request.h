// What a caller asks of an account's owner: planned together with others into one batch, answered each
// for itself.
//
// Life: made on the caller's loop; handed to the owner, where need() and plan() run, perhaps several
// times; landed() when a batch with its part is safe; answer() on the caller's loop. Exactly one answer.
#pragma once

#include "mailbox/draft.h"

namespace posthouse::mailbox {

class Owner;

enum class Planned : std::uint8_t {
    all,  // everything is in the draft; nothing may be in it, if nothing changes
    part,  // the draft is full, a part is in it; the rest in the next round
    full,  // nothing is in it: the draft has no room; again in the next round
    refused,  // the answer is an error; nothing is in the draft
    alone,  // run() by itself, when the round has ended
};

struct Need {
    NodeId node = 0;
    Depth depth = Depth::tail;
};

class Request {
public:
    explicit Request(LoopExecutor caller) : caller_(std::move(caller)) { }
    virtual ~Request() = default;
    const LoopExecutor& caller() const { return caller_; }

    // Which mailbox must be in memory before plan(); asked until there is none.
    virtual std::optional<Need> need(const State&) const { return std::nullopt; }
    // Refused while the disk is nearly full; everything else goes on from the reserve.
    virtual bool takes_room() const { return false; }
    virtual Planned plan(Draft& draft) = 0;
    virtual Task<void> run(Owner&) { co_return; }
    // The batch is safe, the state has it. Not called for what did not land: it is planned again.
    virtual void landed(const State&) { }
    virtual void refuse(Error error) = 0;
    virtual void answer() = 0;

    int attempts = 0;  // batches of it that did not land

private:
    LoopExecutor caller_;
};
using RequestPtr = std::unique_ptr<Request>;

template <class T> class RequestFor : public Request {
public:
    using Request::Request;
    // However a request ends, its caller hears of it.
    ~RequestFor() override
    {
        if (!answered_)
            promise_.fulfil(fail(ErrorCode::internal, "the request was lost"));
    }
    using Answer = Promise<Result<T>>;
    Answer answer_later() const { return promise_; }
    void refuse(Error error) override { result_ = fail(std::move(error)); }
    void answer() override
    {
        answered_ = true;
        promise_.fulfil(std::move(result_));
    }

protected:
    Planned refuse(ErrorCode code, std::string text)
    {
        result_ = fail(code, std::move(text));
        return Planned::refused;
    }
    Planned refused(Error error)
    {
        result_ = fail(std::move(error));
        return Planned::refused;
    }
    Result<T> result_ = fail(ErrorCode::internal, "a request without an answer");

private:
    Answer promise_;
    bool answered_ = false;
};

}  // namespace posthouse::mailbox

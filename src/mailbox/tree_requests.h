// CREATE, DELETE, RENAME, SUBSCRIBE: each the only change of its batch.
#pragma once

#include "mailbox/request.h"

namespace posthouse::mailbox {

// A new account's mailboxes, subscribed.
void found_account(Draft& draft, IdSource& ids);

class CreateRequest final : public RequestFor<MailboxId> {
public:
    CreateRequest(LoopExecutor caller, std::string name, SpecialUse use, IdSource& ids) :
        RequestFor(std::move(caller)), name_(std::move(name)), use_(use), ids_(ids)
    {
    }
    bool takes_room() const override { return true; }
    Planned plan(Draft& draft) override;

private:
    std::string name_;
    SpecialUse use_;
    IdSource& ids_;
};

class RemoveRequest final : public RequestFor<void> {
public:
    RemoveRequest(LoopExecutor caller, std::string name, IdSource& ids) :
        RequestFor(std::move(caller)), name_(std::move(name)), ids_(ids)
    {
    }
    Planned plan(Draft& draft) override;

private:
    std::string name_;
    IdSource& ids_;
};

class RenameRequest final : public RequestFor<void> {
public:
    RenameRequest(LoopExecutor caller, std::string from, std::string to, IdSource& ids) :
        RequestFor(std::move(caller)), from_(std::move(from)), to_(std::move(to)), ids_(ids)
    {
    }
    Planned plan(Draft& draft) override;

private:
    std::optional<Error> objection(const State& state, const MailboxState& source) const;
    void move_inbox(Draft& draft, const MailboxRow& inbox);

    std::string from_;
    std::string to_;
    IdSource& ids_;
};

class SubscribeRequest final : public RequestFor<void> {
public:
    SubscribeRequest(LoopExecutor caller, std::string name, bool on) :
        RequestFor(std::move(caller)), name_(std::move(name)), on_(on)
    {
    }
    Planned plan(Draft& draft) override;

private:
    std::string name_;
    bool on_;
};

// Loads what it names; changes nothing.
class OpenRequest final : public RequestFor<SnapshotPtr> {
public:
    OpenRequest(LoopExecutor caller, MailboxId mailbox) : RequestFor(std::move(caller)), mailbox_(mailbox) { }
    std::optional<Need> need(const State& state) const override;
    Planned plan(Draft& draft) override;

private:
    MailboxId mailbox_;
};

class LoadRequest final : public RequestFor<void> {
public:
    using RequestFor::RequestFor;
    Planned plan(Draft&) override
    {
        result_ = {};
        return Planned::all;
    }
};

}  // namespace posthouse::mailbox

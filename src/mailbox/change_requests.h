// STORE, EXPUNGE, MOVE: whole per message, so what does not fit in one batch goes on in the next; and COPY,
// which is whole altogether.
#pragma once

#include "mailbox/request.h"

namespace posthouse::mailbox {

// The entries of `uids` (nullopt: all) from `from` on, block by block, as the draft sees them; `visit` answers
// whether to go on. Returns the UID to go on from, or nullopt when all were visited.
// The mailbox must be in memory whole.
template <class Visit>
std::optional<Uid> visit_entries(const Draft& draft, NodeId node, const std::optional<NumberSet>& uids, Uid from,
                                 Visit visit);

class StoreRequest final : public RequestFor<FlagsStored> {
public:
    StoreRequest(LoopExecutor caller, MailboxId mailbox, StoreFlags change) :
        RequestFor(std::move(caller)), mailbox_(mailbox), change_(std::move(change))
    {
    }
    std::optional<Need> need(const State& state) const override;
    Planned plan(Draft& draft) override;
    void landed(const State& state) override;

private:
    MailboxId mailbox_;
    StoreFlags change_;
    Uid from_ = 0;  // what is before has landed
    Uid planned_from_ = 0;
    FlagsStored stored_;
    FlagsStored planned_;
};

class ExpungeRequest final : public RequestFor<Expunged> {
public:
    ExpungeRequest(LoopExecutor caller, MailboxId mailbox, std::optional<NumberSet> uids, Account::Which which) :
        RequestFor(std::move(caller)), mailbox_(mailbox), uids_(std::move(uids)), which_(which)
    {
    }
    std::optional<Need> need(const State& state) const override;
    Planned plan(Draft& draft) override;
    void landed(const State& state) override;

private:
    MailboxId mailbox_;
    std::optional<NumberSet> uids_;
    Account::Which which_;
    Uid from_ = 0;
    Uid planned_from_ = 0;
    NumberSet expunged_;
    NumberSet planned_;
};

// The pairs a MOVE or COPY has made, in order.
struct Pairs {
    std::vector<Uid> from;
    std::vector<Uid> to;
    void add(const Pairs& more);
    Copied answer(UidValidity uid_validity) const;
};

class MoveRequest final : public RequestFor<Copied> {
public:
    MoveRequest(LoopExecutor caller, MailboxId from, NumberSet uids, MailboxId to) :
        RequestFor(std::move(caller)), from_mailbox_(from), uids_(std::move(uids)), to_mailbox_(to)
    {
    }
    std::optional<Need> need(const State& state) const override;
    Planned plan(Draft& draft) override;
    void landed(const State& state) override;

private:
    MailboxId from_mailbox_;
    std::optional<NumberSet> uids_;
    MailboxId to_mailbox_;
    std::optional<Uid> before_;  // a MOVE into the same mailbox must not meet its own results
    Uid from_ = 0;
    Uid planned_from_ = 0;
    Pairs moved_;
    Pairs planned_;
};

class CopyRequest final : public RequestFor<Copied> {
public:
    CopyRequest(LoopExecutor caller, MailboxId from, NumberSet uids, MailboxId to, std::uint64_t limit_bytes) :
        RequestFor(std::move(caller)), from_(from), uids_(std::move(uids)), to_(to), limit_bytes_(limit_bytes)
    {
    }
    std::optional<Need> need(const State& state) const override;
    bool takes_room() const override { return true; }
    Planned plan(Draft& draft) override;
    Task<void> run(Owner& owner) override;  // bigger than one batch
    void landed(const State& state) override;

private:
    struct Way {
        NodeId from = 0;
        NodeId to = 0;
    };
    std::optional<Way> way(const State& state) const;
    std::vector<Entry> entries(const Draft& draft, NodeId from) const;
    std::optional<Error> objection(const Draft& draft, NodeId to, std::span<const Entry> entries) const;
    Task<Result<void>> copy_in_batches(Owner& owner, Way way, std::vector<Entry> entries);

    MailboxId from_;
    std::optional<NumberSet> uids_;
    MailboxId to_;
    std::uint64_t limit_bytes_;
};

}  // namespace posthouse::mailbox

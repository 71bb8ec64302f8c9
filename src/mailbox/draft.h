// One batch in the making: what the requests of one round change, on top of the State.
//
// Planning a request: check everything first (a refused request must leave no trace), ask fits(), then
// change. finish() makes the rows of it. Threads: who works for the owner. Lifetime: within one round; the
// State outlives it.
#pragma once

#include "mailbox/state.h"

namespace posthouse::mailbox {

// What something adds to a batch, at most.
struct Cost {
    std::size_t operations = 0;
    std::size_t bytes = 0;
    friend Cost operator+(Cost a, Cost b) { return {a.operations + b.operations, a.bytes + b.bytes}; }
    Cost& operator+=(Cost other) { return *this = *this + other; }
};

class Draft {
public:
    Draft(const State& state, const store::Limits& limits, WallTime now);

    const State& state() const { return *state_; }
    ModSeq modseq() const { return head.modseq; }  // of this commit
    WallTime now() const { return now_; }
    bool changed() const { return changed_; }
    bool tree_changed() const { return tree_changed_; }

    bool fits(Cost cost) const;
    bool fits_alone(Cost cost) const;  // in a batch of its own
    Cost cost_of_block(NodeId node, Uid number) const;
    Cost cost_of_row(NodeId node) const;
    Cost cost_of_append(NodeId node) const;
    static constexpr Cost cost_of_removal{1, 100};  // and of its share in the vanished and released rows

    // The mailbox as it will be. change() also gives it this commit's modseq.
    const MailboxRow& row(NodeId node) const;
    MailboxRow& change(NodeId node);
    const Block* block(NodeId node, Uid number) const;

    const KeywordTable& keywords() const { return *keywords_; }
    // Bits of flag names; unknown keywords join the table if `learn`, else are left out.
    // Errors: malformed, limit; then nothing was learnt.
    enum class Learn : bool { no, yes };
    Result<FlagBits> bits_of(const std::vector<std::string>& names, Learn learn);

    // Entries. The mailbox must be in memory as deep as it takes.
    Uid append(NodeId node, Entry entry);  // gives it the next UID and this modseq; counts it
    void set_flags(NodeId node, Uid uid, FlagBits flags);
    enum class Leaves : std::uint8_t { for_good, for_elsewhere };  // for good: released in 7 days
    void remove(NodeId node, Uid uid, Leaves leaves);

    // Rows that no later request of the round reads.
    void put(store::Key key, std::string value, store::Space space = store::Space::rows);
    void erase(store::Key key, store::Space space = store::Space::rows);
    void erase_range(store::Range range);
    // A block that was written invisibly before and becomes visible by this commit.
    void adopt(NodeId node, BlockPtr block);

    // The tree. Only one request a round may do it.
    void put_mailbox(MailboxRow row);
    void take_mailbox(NodeId node);
    void subscribe(const std::string& name, bool on);
    // Beside put_mailbox() of the same mailbox.
    void set_acl(MailboxId mailbox, Acl acl);
    void open_intent(Id id, const IntentRow& intent);
    void close_intent(Id id);
    UidValidity new_uid_validity();

    HeadRow head;  // as it will be
    // Of the filings in this batch: what a later one of the same round must know.
    std::map<MessageIdHash, ThreadId> threads;
    std::set<Id> deliveries;
    store::Purpose purpose = store::Purpose::upkeep;

    store::Batch finish(store::Partition partition, store::CommitId id);

private:
    friend class State;
    using BlockKey = std::pair<NodeId, Uid>;
    struct Gone {
        std::vector<std::pair<Uid, EmailId>> messages;
    };

    Block& change_block(NodeId node, Uid number);
    void count(NodeId node, const Entry& entry, int sign);
    void spend(Cost cost) { spent_ += cost; }
    void write_blocks(store::Batch& batch) const;
    void write_gone(store::Batch& batch) const;

    const State* state_;
    store::Limits limits_;
    WallTime now_;
    Cost spent_;
    bool changed_ = false;
    bool tree_changed_ = false;
    bool renamed_ = false;
    bool keywords_changed_ = false;
    KeywordsPtr keywords_;
    std::map<NodeId, MailboxRow> rows_;
    std::map<NodeId, MailboxId> taken_;  // another mailbox may come to stand there
    std::map<BlockKey, std::shared_ptr<Block>> blocks_;
    std::map<BlockKey, BlockPtr> adopted_;
    std::map<MailboxId, Gone> gone_;
    std::vector<EmailId> released_;
    std::vector<store::Key> email_in_;
    std::map<std::string, bool> subscriptions_;
    std::map<Id, std::optional<IntentRow>> intents_;
    std::map<MailboxId, AclPtr> acls_;  // null: none any more
    store::Batch batch_;
};

}  // namespace posthouse::mailbox

// Filing one message: the hot path. What needs no numbers was made on the caller's loop (prepare.cc).
#pragma once

#include "mailbox/email_row.h"
#include "mailbox/request.h"

namespace posthouse::mailbox {

// At most so many mailboxes in one filing.
inline constexpr std::size_t most_placements = 32;
inline constexpr std::size_t longest_prefix = 8 * 1024;

struct PreparedFiling {
    EmailId email = 0;
    std::string email_row;  // its thread may still change
    std::shared_ptr<const std::string> body;  // null: a blob
    std::uint64_t size = 0;  // whole
    WallTime internal_date;
    std::vector<Placement> placements;
    std::vector<MessageIdHash> names;
    std::vector<MessageIdHash> unknown_names;  // without a row yet
    std::optional<ThreadId> thread;  // found in the store
    Id delivery = 0;
    std::uint64_t read_at = 0;  // Owner::moment() before the delivered row was read
    std::uint64_t limit_bytes = 0;  // 0: none
    bool accepted = false;  // from the room below the intake floor too (Quota::exempt)
    std::optional<std::pair<MailboxId, Uid>> replaces;
};

// What landed lately, for callers whose reads were too early to see it. Threads: who works for the
// owner.
class Recent {
public:
    std::optional<ThreadId> thread_of(std::span<const MessageIdHash> names) const;
    const Filed* filed(Id delivery) const;
    void learn(const PreparedFiling& filing, ThreadId thread, const Filed& filed);
    // Reads begun at this moment or later see everything that is not remembered here.
    std::uint64_t remembers_from() const { return remembers_from_; }
    void forget(std::uint64_t now);
    void turn(std::uint64_t now);  // forgets the older half when there is much

private:
    struct Hash {
        std::size_t operator()(const MessageIdHash& hash) const;
    };
    struct Generation {
        std::unordered_map<MessageIdHash, ThreadId, Hash> threads;
        std::unordered_map<Id, Filed> filed;
        std::uint64_t begun = 0;
    };
    Generation young_;
    Generation old_;
    std::uint64_t remembers_from_ = 0;
};

// What a filing adds to a batch beside the entries in mailboxes.
Cost cost_of_rows(const PreparedFiling& filing);
// Its e-mail, content and thread rows; answers its thread.
ThreadId write_rows(Draft& draft, const PreparedFiling& filing, const Recent& recent);

class FileRequest final : public RequestFor<Filed> {
public:
    FileRequest(LoopExecutor caller, PreparedFiling filing, Recent& recent) :
        RequestFor(std::move(caller)), filing_(std::move(filing)), recent_(recent)
    {
    }

    std::optional<Need> need(const State& state) const override;
    bool takes_room() const override { return !filing_.accepted; }
    Planned plan(Draft& draft) override;
    void landed(const State& state) override;

private:
    struct Place {
        NodeId node = 0;
        std::vector<std::string> flags;
    };
    Result<std::vector<Place>> places(const State& state) const;
    Cost cost(const Draft& draft, std::span<const Place> places) const;

    PreparedFiling filing_;
    Recent& recent_;
    ThreadId thread_ = 0;
};

}  // namespace posthouse::mailbox

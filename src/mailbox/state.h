// An account as its owner holds it in memory: the head, the keywords, the tree of mailboxes, and of
// each mailbox as much as is needed: nothing, its last block, or all.
//
// Changes are planned in a Draft (mailbox/draft.h) and come here only when they are safe on disk.
// Threads: who works for the owner.
#pragma once

#include "mailbox/block.h"
#include "mailbox/shelf.h"

#include <map>
#include <set>
#include <unordered_map>

namespace posthouse::mailbox {

class Draft;

// By name, INBOX first.
struct NameOrder {
    using is_transparent = void;
    bool operator()(std::string_view a, std::string_view b) const
    {
        return (a == "INBOX") != (b == "INBOX") ? a == "INBOX" : a < b;
    }
};

// What a commit has changed, for those who look.
struct Applied {
    std::vector<MailboxId> mailboxes;  // new, changed, and gone
    std::map<std::string, bool> subscriptions;
    bool renamed = false;  // names of others may have changed with it
};

// What a request must find in memory.
enum class Depth : std::uint8_t { tail, whole };

struct MailboxState {
    MailboxRow row;
    std::shared_ptr<Shelf> shelf;  // null: not in memory
    bool tail_known = false;
    BlockPtr tail;  // the block that row.uid_next falls into; null: there is none yet

    bool has(Depth depth) const { return shelf || (depth == Depth::tail && tail_known); }
    // nullptr: no such block. Blocks that are not in memory must not be asked for.
    const Block* block(Uid number) const;
};

class State {
public:
    HeadRow head;
    std::string head_value;  // as the owner last wrote or read it
    KeywordsPtr keywords = std::make_shared<const KeywordTable>();
    std::set<std::string, std::less<>> subscribed;
    std::map<Id, IntentRow> intents;
    std::unordered_map<MailboxId, AclPtr> acls;  // of those that have one

    const MailboxState* find(NodeId node) const;
    MailboxState* find(NodeId node);
    const MailboxState* find_mailbox(MailboxId mailbox) const;
    const MailboxState* find_name(std::string_view name) const;  // normal
    const MailboxState* inbox() const { return find_name("INBOX"); }
    std::string name_of(const MailboxRow& row) const;
    AclPtr acl_of(MailboxId mailbox) const;  // null: nobody but the owner
    std::vector<NodeId> children_of(NodeId node) const;
    std::size_t depth_below(NodeId node) const;  // levels; 0: no children
    // Bytes of the longest name below `node`, without its own name and the slash behind it.
    std::size_t longest_below(NodeId node) const;
    const std::map<NodeId, MailboxState>& mailboxes() const { return mailboxes_; }

    void put(MailboxRow row);  // new or changed
    void take(NodeId node);

    // What landed becomes what is.
    Applied apply(Draft draft);

    // As the doors see it.
    Mailbox describe(const MailboxRow& row, std::string name) const;

private:
    std::map<NodeId, MailboxState> mailboxes_;
    std::unordered_map<MailboxId, NodeId> by_id_;
    std::map<std::pair<NodeId, std::string>, NodeId> by_name_;  // parent and leaf
};

}  // namespace posthouse::mailbox

// REFERENCES: RFC 5256 section 3, its six steps in order, but for one thing: that a message's own last reference is
// its parent (step 1B) is settled for all messages first, then the rest of what references say (step 1A). Where
// headers contradict one another the tree may differ from a literal reading; whether a link would close a
// circle is then known by a union of roots, not by walking up.
#include "imap/server/thread_tree.h"

#include <algorithm>
#include <limits>
#include <unordered_map>

namespace posthouse::imap {

namespace {

constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();

class References {
public:
    explicit References(std::vector<ThreadedMessage> messages) : messages_(std::move(messages)) { }

    ThreadForest run()
    {
        make_containers();
        link();
        gather_children();
        prune();
        sort_roots();
        gather_by_subject();
        sort_all();
        return std::move(forest_);
    }

private:
    using Node = ThreadForest::Node;
    std::vector<Node>& nodes() { return forest_.nodes; }
    std::vector<std::uint32_t>& roots() { return forest_.roots; }

    std::uint32_t make(const ThreadedMessage* message)
    {
        const auto at = static_cast<std::uint32_t>(nodes().size());
        nodes().push_back({message != nullptr ? message->number : 0, {}});
        message_of_.push_back(message);
        parent_.push_back(none);
        root_.push_back(at);
        return at;
    }
    std::uint32_t container_of(const std::string& id)
    {
        const auto [place, is_new] = by_id_.try_emplace(id, 0);
        if (is_new)
            place->second = make(nullptr);
        return place->second;
    }

    // RFC 5256 section 3: a second message with an id that is taken is treated as if it had none.
    void make_containers()
    {
        for (const ThreadedMessage& message : messages_) {
            const std::uint32_t at = make(&message);
            if (!message.id.empty())
                by_id_.try_emplace(message.id, at);
        }
    }

    std::uint32_t root_of(std::uint32_t at)
    {
        while (root_[at] != at) {
            root_[at] = root_[root_[at]];
            at = root_[at];
        }
        return at;
    }
    // Unless the child has a parent, or it would close a circle.
    void link(std::uint32_t parent, std::uint32_t child)
    {
        if (parent == child || parent_[child] != none || root_of(parent) == child)
            return;
        parent_[child] = parent;
        root_[child] = parent;
    }
    void link()
    {
        // Step 1B.
        for (std::uint32_t at = 0; at < messages_.size(); ++at)
            if (!messages_[at].references.empty())
                link(container_of(messages_[at].references.back()), at);
        // Step 1A.
        for (const ThreadedMessage& message : messages_) {
            std::uint32_t before = none;
            for (const std::string& id : message.references) {
                const std::uint32_t now = container_of(id);
                if (before != none)
                    link(before, now);
                before = now;
            }
        }
    }

    // Step 2.
    void gather_children()
    {
        for (std::uint32_t at = 0; at < nodes().size(); ++at)
            if (parent_[at] == none)
                roots().push_back(at);
            else
                nodes()[parent_[at]].children.push_back(at);
    }

    // Every node below the roots, parents before their children.
    std::vector<std::uint32_t> from_the_top() const
    {
        std::vector<std::uint32_t> order = forest_.roots;
        for (std::size_t i = 0; i < order.size(); ++i) {
            const auto& children = forest_.nodes[order[i]].children;
            order.insert(order.end(), children.begin(), children.end());
        }
        return order;
    }

    // Step 3: containers without a message go; their children take their place, at the top only a single one.
    void prune()
    {
        const std::vector<std::uint32_t> order = from_the_top();
        for (std::size_t i = order.size(); i-- > 0;)
            replace_empty(nodes()[order[i]].children);
        std::vector<std::uint32_t> kept;
        for (const std::uint32_t root : roots()) {
            const Node& node = nodes()[root];
            if (node.number == 0 && node.children.size() == 1)
                kept.push_back(node.children[0]);
            else if (node.number != 0 || !node.children.empty())
                kept.push_back(root);
        }
        roots() = std::move(kept);
    }
    void replace_empty(std::vector<std::uint32_t>& children)
    {
        if (std::ranges::all_of(children, [&](std::uint32_t child) { return nodes()[child].number != 0; }))
            return;
        std::vector<std::uint32_t> kept;
        for (const std::uint32_t child : children) {
            if (nodes()[child].number != 0) {
                kept.push_back(child);
                continue;
            }
            const std::vector<std::uint32_t> grandchildren = std::exchange(nodes()[child].children, {});
            kept.insert(kept.end(), grandchildren.begin(), grandchildren.end());
        }
        children = std::move(kept);
    }

    // Of an empty container: its first child's.
    const ThreadedMessage* message_at(std::uint32_t at) const
    {
        if (message_of_[at] == nullptr && !forest_.nodes[at].children.empty())
            at = forest_.nodes[at].children[0];
        return message_of_[at];
    }
    void sort_by_date(std::vector<std::uint32_t>& nodes)
    {
        std::ranges::sort(nodes, {}, [&](std::uint32_t at) {
            const ThreadedMessage* message = message_at(at);
            return message == nullptr ? std::pair<std::int64_t, std::uint32_t>{}
                                      : std::pair{message->date, message->number};
        });
    }
    // Step 4.
    void sort_roots()
    {
        for (const std::uint32_t root : roots())
            if (message_of_[root] == nullptr)
                sort_by_date(nodes()[root].children);
        sort_by_date(roots());
    }

    // Step 5: threads of one subject become one.
    void gather_by_subject()
    {
        std::unordered_map<std::string_view, std::uint32_t> by_subject;
        const auto is_reply = [&](std::uint32_t at) { return message_of_[at] != nullptr && message_of_[at]->is_reply; };
        for (const std::uint32_t root : roots()) {
            const ThreadedMessage* message = message_at(root);
            if (message == nullptr || message->subject.empty())
                continue;
            const auto [place, is_new] = by_subject.try_emplace(message->subject, root);
            const std::uint32_t there = place->second;
            const bool is_better =
                message_of_[root] == nullptr ? message_of_[there] != nullptr : is_reply(there) && !is_reply(root);
            if (!is_new && is_better)
                place->second = root;
        }
        std::unordered_map<std::uint32_t, std::uint32_t> replaced;  // by a new common parent
        std::vector<std::uint32_t> kept;
        const std::vector<std::uint32_t> before = std::exchange(roots(), {});
        for (const std::uint32_t root : before) {
            const ThreadedMessage* message = message_at(root);
            const auto found = message == nullptr ? by_subject.end() : by_subject.find(message->subject);
            if (found == by_subject.end() || found->second == root)
                kept.push_back(root);
            else
                merge(root, found->second, replaced);
        }
        for (std::uint32_t& root : kept)
            if (const auto found = replaced.find(root); found != replaced.end())
                root = found->second;
        roots() = std::move(kept);
    }
    void merge(std::uint32_t root, std::uint32_t into, std::unordered_map<std::uint32_t, std::uint32_t>& replaced)
    {
        if (const auto found = replaced.find(into); found != replaced.end())
            into = found->second;
        const bool root_is_empty = message_of_[root] == nullptr;
        if (message_of_[into] == nullptr && root_is_empty) {
            auto& children = nodes()[into].children;
            const std::vector<std::uint32_t> moved = std::exchange(nodes()[root].children, {});
            children.insert(children.end(), moved.begin(), moved.end());
        } else if (message_of_[into] == nullptr || (message_of_[root]->is_reply && !message_of_[into]->is_reply)) {
            nodes()[into].children.push_back(root);
        } else {
            const std::uint32_t common = make(nullptr);
            nodes()[common].children = {into, root};
            replaced[into] = common;
        }
    }

    // Step 6.
    void sort_all()
    {
        const std::vector<std::uint32_t> order = from_the_top();
        for (std::size_t i = order.size(); i-- > 0;)
            sort_by_date(nodes()[order[i]].children);
        sort_by_date(roots());
    }

    std::vector<ThreadedMessage> messages_;
    ThreadForest forest_;
    std::vector<const ThreadedMessage*> message_of_;  // by node; nullptr: an empty container
    std::vector<std::uint32_t> parent_;
    std::vector<std::uint32_t> root_;  // towards the root, shortened on the way
    std::unordered_map<std::string, std::uint32_t> by_id_;
};

}  // namespace

ThreadForest thread_by_references(std::vector<ThreadedMessage> messages)
{
    return References(std::move(messages)).run();
}

}  // namespace posthouse::imap

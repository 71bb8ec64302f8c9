// ORDEREDSUBJECT, and how a forest is written. The other algorithm: thread_references.cc.
#include "imap/server/thread_tree.h"

#include <algorithm>
#include <numeric>

namespace posthouse::imap {

// RFC 5256 section 3, ORDEREDSUBJECT: by base subject and date; each subject is a thread, whose first message is the
// parent of all others; threads in the order of their first messages' dates.
ThreadForest thread_by_subject(std::vector<ThreadedMessage> messages)
{
    std::vector<std::uint32_t> order(messages.size());
    std::iota(order.begin(), order.end(), 0u);
    const auto by_date = [&](std::uint32_t a, std::uint32_t b) {
        return std::pair(messages[a].date, messages[a].number) < std::pair(messages[b].date, messages[b].number);
    };
    std::ranges::sort(order, [&](std::uint32_t a, std::uint32_t b) {
        const auto subjects = messages[a].subject <=> messages[b].subject;
        return subjects != 0 ? subjects < 0 : by_date(a, b);
    });
    ThreadForest forest;
    for (const ThreadedMessage& message : messages)
        forest.nodes.push_back({message.number, {}});
    for (const std::uint32_t at : order) {
        if (forest.roots.empty() || messages[forest.roots.back()].subject != messages[at].subject)
            forest.roots.push_back(at);
        else
            forest.nodes[forest.roots.back()].children.push_back(at);
    }
    std::ranges::sort(forest.roots, by_date);
    return forest;
}

// RFC 5256 section 4: thread-list = "(" (thread-members / thread-nested) ")"
void write_threads(Serializer& out, const ThreadForest& forest)
{
    constexpr std::uint32_t close = UINT32_MAX;
    std::vector<std::uint32_t> open;  // what is still to be written, the next at the end
    for (const std::uint32_t root : forest.roots) {
        open.push_back(root);
        bool begins = true;  // a list begins here, so a parenthesis does too
        while (!open.empty()) {
            const std::uint32_t at = open.back();
            open.pop_back();
            if (at == close) {
                out.raw(")");
                begins = true;
                continue;
            }
            if (begins) {
                out.raw("(");
                open.push_back(close);
            }
            const ThreadForest::Node& node = forest.nodes[at];
            if (node.number != 0)
                out.raw(begins ? "" : " ").number(node.number);
            if (node.children.size() == 1) {
                open.push_back(node.children[0]);
                begins = false;
                continue;
            }
            if (!node.children.empty() && node.number != 0)
                out.raw(" ");
            open.insert(open.end(), node.children.rbegin(), node.children.rend());
            begins = true;
        }
    }
}

}  // namespace posthouse::imap

// Messages to conversations: THREAD's two algorithms, RFC 5256 section 3. Pure; nothing recurses, and whatever
// references say the work is near linear (HOSTILE A18).
#pragma once

#include "imap/grammar/serializer.h"

#include <cstdint>
#include <string>
#include <vector>

namespace posthouse::imap {

struct ThreadedMessage {
    std::uint32_t number = 0;  // as it is told: UID or sequence number
    std::string id;  // Message-ID without its brackets; empty: none
    std::vector<std::string> references;  // the oldest first; or In-Reply-To's one
    std::string subject;  // base subject
    bool is_reply = false;  // by its subject
    std::int64_t date = 0;
};

// A forest: nodes by index. A node without a message is a parent that is known by its id only.
struct ThreadForest {
    struct Node {
        std::uint32_t number = 0;  // 0: no message
        std::vector<std::uint32_t> children;  // in the order they are told
    };
    std::vector<Node> nodes;
    std::vector<std::uint32_t> roots;
};

// `messages` in the order of their numbers.
ThreadForest thread_by_subject(std::vector<ThreadedMessage> messages);
ThreadForest thread_by_references(std::vector<ThreadedMessage> messages);

// "(2)(3 6 (4 23)(44 7 96))"
void write_threads(Serializer& out, const ThreadForest& forest);

}  // namespace posthouse::imap

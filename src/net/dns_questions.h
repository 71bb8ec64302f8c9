// Questions to the DNS on their way: which are cached, which are under way and who waits for them,
// which wait for their turn. Knows nothing of how they are asked.
//
// Threads: any.
#pragma once

#include "base/generations.h"
#include "base/keyed_hash.h"
#include "net/dns_record.h"

#include <deque>
#include <memory>
#include <mutex>
#include <unordered_map>

namespace posthouse::net {

// What came back, not yet read by type.
struct DnsAnswer {
    LookupStatus status = LookupStatus::temporary;
    bool is_secure = false;
    std::vector<std::string> data;  // of each record
    std::string canonical_name;
    std::uint32_t ttl = 0;
    std::string text;
};
using DnsAnswerPtr = std::shared_ptr<const DnsAnswer>;
DnsAnswerPtr temporary_answer(std::string text);

struct DnsKey {
    DnsType type = DnsType::a;
    std::string name;
};

class DnsQuestions {
public:
    DnsQuestions(std::size_t most_at_once, std::size_t cache_bytes, const Clock& clock, Random& random);

    struct Asked {
        DnsAnswerPtr answer;  // at once, or
        std::shared_ptr<Promise<DnsAnswerPtr>> promise;  // later
        bool must_be_sent = false;  // the asker starts the question now, and sees that answered() is called
    };
    Asked ask(const DnsKey& key, Deadline deadline);
    // The answer for whoever waits for this question. What comes back is the next one to be sent, if any.
    std::optional<DnsKey> answered(const DnsKey& key, DnsAnswerPtr answer);
    // No question is taken any longer; all who wait are told.
    void close();

private:
    struct Question {
        std::vector<std::shared_ptr<Promise<DnsAnswerPtr>>> waiters;
        SteadyTime latest;  // until when somebody waits
    };
    struct Cached {
        DnsAnswerPtr answer;
        SteadyTime until;
    };
    struct Hash {
        KeyedHash hash;
        std::size_t operator()(const std::string& text) const { return hash(text); }
    };
    void keep(const std::string& key, const DnsAnswerPtr& answer);

    const std::size_t most_at_once_;
    const Clock& clock_;
    std::mutex mutex_;
    bool closed_ = false;
    std::size_t under_way_ = 0;
    std::unordered_map<std::string, Question, Hash> questions_;  // under way or waiting
    std::deque<DnsKey> waiting_;
    Generations<std::string, Cached, Hash> cache_;
};

}  // namespace posthouse::net

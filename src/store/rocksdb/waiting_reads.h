// Reads that were given to the workers and have not come back: a disk that hangs must not keep their
// sessions waiting for ever (HOSTILE P4).
//
// Threads: any.
#pragma once

#include "base/task.h"

#include <functional>
#include <map>
#include <mutex>

namespace posthouse::store {

class WaitingReads {
public:
    using Expire = std::move_only_function<void()>;

    explicit WaitingReads(const Clock& clock) : clock_(clock) { }

    // `expire` is called once, if the deadline passes before remove(ticket).
    std::uint64_t add(Deadline deadline, Expire expire)
    {
        const std::scoped_lock lock(mutex_);
        waiting_.emplace(++last_, Waiting{deadline, std::move(expire)});
        return last_;
    }
    void remove(std::uint64_t ticket)
    {
        const std::scoped_lock lock(mutex_);
        waiting_.erase(ticket);
    }
    // True: some are still waiting.
    bool answer_overdue()
    {
        std::vector<Expire> overdue;
        bool waiting = false;
        {
            const std::scoped_lock lock(mutex_);
            for (auto entry = waiting_.begin(); entry != waiting_.end();) {
                if (!entry->second.deadline.passed(clock_)) {
                    ++entry;
                    continue;
                }
                overdue.push_back(std::move(entry->second.expire));
                entry = waiting_.erase(entry);
            }
            waiting = !waiting_.empty();
        }
        for (Expire& expire : overdue)
            expire();
        return waiting;
    }

private:
    struct Waiting {
        Deadline deadline;
        Expire expire;
    };
    const Clock& clock_;
    std::mutex mutex_;
    std::uint64_t last_ = 0;
    std::map<std::uint64_t, Waiting> waiting_;
};

}  // namespace posthouse::store

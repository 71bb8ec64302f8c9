// One POP3 session an account at a time (RFC 1939 section 4): two that delete would surprise each
// other. IMAP sessions go on meanwhile; this one keeps its snapshot.
#pragma once

#include "base/ids.h"

#include <memory>
#include <mutex>
#include <unordered_set>

namespace posthouse::pop3 {

// Threads: any. A lock may outlive the table.
class MaildropLocks {
public:
    class Lock {
    public:
        Lock() = default;
        explicit Lock(std::shared_ptr<void> held) : held_(std::move(held)) { }
        explicit operator bool() const { return held_ != nullptr; }

    private:
        std::shared_ptr<void> held_;
    };
    // Empty: another session has it. Freed when the Lock goes.
    Lock take(Id account)
    {
        const std::scoped_lock guard(state_->mutex);
        if (!state_->held.insert(account).second)
            return {};
        return Lock(std::make_shared<Held>(state_, account));
    }

private:
    struct State {
        std::mutex mutex;
        std::unordered_set<Id> held;
        void free(Id account)
        {
            const std::scoped_lock guard(mutex);
            held.erase(account);
        }
    };
    struct Held {
        Held(std::shared_ptr<State> table, Id which) : state(std::move(table)), account(which) { }
        ~Held() { state->free(account); }
        std::shared_ptr<State> state;
        Id account;
    };
    std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace posthouse::pop3

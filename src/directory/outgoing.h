// How much each account sends to the world: a hijacked one can't flood it. Recipients elsewhere are counted
// by account and hour (a window that slides by five minutes); each account has a limit, 500 by default.
//
// The count is kept on disk, written lazily and at most every ten seconds: a restart forgets that much.
//
// Threads: any. Lifetime: directory, store and clock outlive it.
#pragma once

#include "directory/directory.h"
#include "directory/services.h"

#include <map>
#include <mutex>
#include <unordered_map>

namespace posthouse::directory {

class Outgoing {
public:
    Outgoing(Services services, Directory& directory) : services_(services), directory_(directory) { }

    // Counts one recipient more. limit: the hour's share is used up, nothing was counted.
    Task<Result<void>> take(AccountId account);
    // What was taken and not sent: the transaction did not come to its end.
    void give_back(AccountId account, std::uint32_t recipients);

    struct Use {
        std::uint32_t used = 0;
        std::uint32_t limit = usual_outgoing;
    };
    Task<Result<Use>> use(AccountId account);

private:
    struct Count {
        std::map<std::int64_t, std::uint32_t> slots;  // recipients by five minutes since 1970
        WallTime written;
        bool dirty = false;
    };
    Task<Result<void>> know(AccountId account);
    std::uint32_t used(const Count& count) const;
    std::int64_t slot() const;
    void forget_quiet_ones();
    Task<void> write(AccountId account, store::Value value);

    Services services_;
    Directory& directory_;
    std::mutex mutex_;
    std::unordered_map<AccountId, Count> counts_;
};

}  // namespace posthouse::directory

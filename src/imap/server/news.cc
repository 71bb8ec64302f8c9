#include "imap/server/news.h"

#include "base/task.h"

#include <algorithm>

namespace posthouse::imap {

News::Registration News::listen(Loop& loop, std::function<void()> wake)
{
    const auto listener = std::make_shared<Listener>(&loop, std::move(wake));
    const std::scoped_lock lock(mutex_);
    std::erase_if(listeners_, [](const auto& known) { return known.expired(); });
    listeners_.push_back(listener);
    // What `wake` holds is let go on its own loop, even while somebody else is about to call.
    return Registration(listener.get(), [listener](void*) { listener->wake = nullptr; });
}

void News::tell(std::vector<Change> changes)
{
    std::vector<std::weak_ptr<Listener>> listeners;
    {
        const std::scoped_lock lock(mutex_);
        for (Change& change : changes) {
            change.number = ++last_;
            changes_.push_back(std::move(change));
        }
        while (changes_.size() > most)
            changes_.pop_front();
        listeners = listeners_;
    }
    for (const auto& weak : listeners)
        if (const auto listener = weak.lock())
            listener->loop->post([weak] {
                const auto still = weak.lock();
                if (still && still->wake)
                    still->wake();
            });
}

std::uint64_t News::last() const
{
    const std::scoped_lock lock(mutex_);
    return last_;
}

News::Latest News::since(std::uint64_t number) const
{
    const std::scoped_lock lock(mutex_);
    Latest latest;
    latest.is_all = last_ <= number || last_ - number <= changes_.size();
    const auto is_behind = [number](const Change& change) { return change.number > number; };
    std::ranges::copy_if(changes_, std::back_inserter(latest.changes), is_behind);
    return latest;
}

}  // namespace posthouse::imap

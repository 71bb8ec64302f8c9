// Which messages a FETCH tells of, one after the other.
#pragma once

#include "imap/server/fetch.h"

namespace posthouse::imap {

// The messages of `positions` as they are told: the newest flags, where they are still there.
class Messages {
public:
    Messages(const View& view, const mailbox::NumberSet& positions, std::optional<std::uint64_t> changed_since) :
        Messages(view, std::vector(positions.ranges().begin(), positions.ranges().end()), changed_since)
    {
    }
    // In this order, whatever it is.
    Messages(const View& view, std::vector<mailbox::NumberRange> positions,
             std::optional<std::uint64_t> changed_since) :
        numbering_(view.numbering), told_(view.told), ranges_(std::move(positions)), changed_since_(changed_since)
    {
        if (!ranges_.empty())
            at_ = ranges_[0].first - 1;
    }

    std::optional<FetchedMessage> next()
    {
        while (range_ < ranges_.size()) {
            if (at_ >= ranges_[range_].last) {
                if (++range_ < ranges_.size())
                    at_ = ranges_[range_].first - 1;
                continue;
            }
            const mailbox::Entry* entry = &numbering_->at(at_++);
            if (told_ != numbering_)
                if (const mailbox::Entry* newer = told_->find(entry->uid))
                    entry = newer;
            if (!changed_since_ || entry->modseq > *changed_since_)
                return FetchedMessage{.number = at_, .entry = *entry, .is_fresh = false};
        }
        return std::nullopt;
    }
    std::vector<FetchedMessage> batch(std::size_t most, std::uint64_t most_bytes)
    {
        std::vector<FetchedMessage> messages;
        std::uint64_t bytes = 0;
        while (messages.size() < most && bytes < most_bytes) {
            std::optional<FetchedMessage> message = next();
            if (!message)
                break;
            bytes += message->entry.size;
            messages.push_back(*message);
        }
        return messages;
    }

private:
    mailbox::SnapshotPtr numbering_;
    mailbox::SnapshotPtr told_;
    std::vector<mailbox::NumberRange> ranges_;
    std::optional<std::uint64_t> changed_since_;
    std::size_t range_ = 0;
    std::uint32_t at_ = 0;
};

}  // namespace posthouse::imap

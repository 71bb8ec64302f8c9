#include "pop3/server/maildrop.h"

#include <fmt/format.h>

namespace posthouse::pop3 {

Maildrop::Maildrop(mailbox::SnapshotPtr snapshot) :
    snapshot_(std::move(snapshot)),
    deleted_(snapshot_->size(), false),
    count_(snapshot_->size()),
    size_(snapshot_->total_size)
{
}

const mailbox::Entry* Maildrop::find(std::uint32_t number) const
{
    if (number == 0 || number > deleted_.size() || deleted_[number - 1])
        return nullptr;
    return &snapshot_->at(number - 1);
}

bool Maildrop::is_deleted(std::uint32_t number) const
{
    return number != 0 && number <= deleted_.size() && deleted_[number - 1];
}

void Maildrop::mark_deleted(std::uint32_t number)
{
    deleted_[number - 1] = true;
    --count_;
    size_ -= snapshot_->at(number - 1).size;
}

void Maildrop::unmark_all()
{
    if (!snapshot_)
        return;
    deleted_.assign(deleted_.size(), false);
    count_ = snapshot_->size();
    size_ = snapshot_->total_size;
}

std::string Maildrop::unique_id(const mailbox::Entry& entry) const
{
    return fmt::format("{}.{}", snapshot_->uid_validity, entry.uid);
}

std::string Maildrop::list() const
{
    std::string lines;
    for (std::uint32_t number = 1; number <= numbers(); ++number)
        if (const mailbox::Entry* entry = find(number))
            fmt::format_to(std::back_inserter(lines), "{} {}\r\n", number, entry->size);
    return lines;
}

std::string Maildrop::unique_ids() const
{
    std::string lines;
    for (std::uint32_t number = 1; number <= numbers(); ++number)
        if (const mailbox::Entry* entry = find(number))
            fmt::format_to(std::back_inserter(lines), "{} {}.{}\r\n", number, snapshot_->uid_validity, entry->uid);
    return lines;
}

mailbox::NumberSet Maildrop::deleted_uids() const
{
    mailbox::NumberSet uids;
    for (std::size_t position = 0; position < deleted_.size(); ++position)
        if (deleted_[position])
            uids.add(snapshot_->at(static_cast<std::uint32_t>(position)).uid);
    return uids;
}

}  // namespace posthouse::pop3

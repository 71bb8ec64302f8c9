#include "mailbox/file_all_request.h"

namespace posthouse::mailbox {

std::optional<Need> FileAllRequest::need(const State& state) const
{
    const MailboxState* target = this->target(state);
    if (target && !target->has(Depth::tail))
        return Need{target->row.node, Depth::tail};
    return std::nullopt;
}

const MailboxState* FileAllRequest::target(const State& state) const
{
    const Placement& placement = filings_.front().placements.front();
    const MailboxState* found =
        placement.mailbox != 0 ? state.find_mailbox(placement.mailbox) : state.find_name(placement.name);
    return found && found->row.selectable ? found : nullptr;
}

std::optional<Error> FileAllRequest::objection(const Draft& draft, const MailboxState& target) const
{
    const MailboxRow& row = draft.row(target.row.node);
    if (row.uid_next + std::uint64_t{filings_.size()} > std::numeric_limits<Uid>::max())
        return Error{ErrorCode::limit, "the mailbox has given out its last UID"};
    std::uint64_t bytes = draft.head.bytes;
    bool over = false;
    std::uint64_t limit = 0;
    for (const PreparedFiling& filing : filings_) {
        over |= __builtin_add_overflow(bytes, filing.size, &bytes);
        limit = filing.limit_bytes;
    }
    if (over || (limit != 0 && bytes > limit))
        return Error{ErrorCode::over_quota, "the mailbox is full"};
    return std::nullopt;
}

Result<std::vector<Entry>> FileAllRequest::entries(Draft& draft) const
{
    std::vector<std::string> flags;
    for (const PreparedFiling& filing : filings_)
        flags.insert(flags.end(), filing.placements.front().flags.begin(), filing.placements.front().flags.end());
    const Result<FlagBits> learnt = draft.bits_of(flags, Draft::Learn::yes);
    if (!learnt)
        return fail(learnt.error());
    std::vector<Entry> entries;
    for (const PreparedFiling& filing : filings_)
        entries.push_back({.email = filing.email,
                           .flags = *draft.bits_of(filing.placements.front().flags, Draft::Learn::no),
                           .internal_date = filing.internal_date,
                           .save_date = draft.now(),
                           .size = filing.size});
    return entries;
}

void FileAllRequest::answer_with(const MailboxRow& target, Uid first)
{
    std::vector<Filed> filed;
    for (const PreparedFiling& filing : filings_)
        filed.push_back({.email = filing.email, .places = {{target.mailbox, target.uid_validity, first++}}});
    result_ = std::move(filed);
}

Planned FileAllRequest::plan(Draft& draft)
{
    const MailboxState* target = this->target(draft.state());
    if (!target)
        return refuse(ErrorCode::not_found, "no such mailbox");
    if (auto error = objection(draft, *target))
        return refused(*std::move(error));
    const NodeId node = target->row.node;
    const std::size_t blocks = filings_.size() / block_span + 2;
    Cost cost = draft.cost_of_row(node) + Cost{filings_.size(), filings_.size() * 64} +
        Cost{blocks, blocks * (largest_block + 16)};
    for (const PreparedFiling& filing : filings_)
        cost += cost_of_rows(filing);
    if (!draft.fits_alone(cost))
        return Planned::alone;
    if (!draft.fits(cost))
        return Planned::full;
    const Result<std::vector<Entry>> entries = this->entries(draft);
    if (!entries)
        return refused(entries.error());
    draft.purpose = store::Purpose::intake;
    answer_with(draft.row(node), draft.row(node).uid_next);
    threads_.clear();
    for (std::size_t i = 0; i < filings_.size(); ++i) {
        draft.append(node, (*entries)[i]);
        threads_.push_back(write_rows(draft, filings_[i], recent_));
    }
    return Planned::all;
}

void FileAllRequest::landed(const State&)
{
    for (std::size_t i = 0; i < threads_.size(); ++i)
        recent_.learn(filings_[i], threads_[i], (*result_)[i]);
}

}  // namespace posthouse::mailbox

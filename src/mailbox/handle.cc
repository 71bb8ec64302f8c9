#include "mailbox/handle.h"

#include "mailbox/change_requests.h"
#include "mailbox/file_all_request.h"
#include "mailbox/sharing.h"
#include "mailbox/sharing_requests.h"
#include "mailbox/tree_requests.h"

#include <algorithm>

namespace posthouse::mailbox {

template <class R> Task<Result<R>> Handle::ask(std::unique_ptr<RequestFor<R>> request)
{
    const auto later = request->answer_later();
    owner_->submit(std::move(request));
    Result<R> answer = co_await later.get();
    if (!answer && answer.error() == may_have_landed)
        answer.error().code = ErrorCode::unavailable;
    co_return answer;
}

Task<Result<void>> Handle::load()
{
    if (owner_->published().head())
        co_return Result<void>{};
    const LoopExecutor caller = co_await asio::this_coro::executor;
    Result<void> loaded = co_await ask<void>(std::make_unique<LoadRequest>(caller));
    co_return loaded;
}

Task<Result<MailboxTreePtr>> Handle::tree()
{
    rearm();
    auto tree = owner_->published().tree();
    if (!tree) {
        const Result<void> loaded = co_await load();
        if (!loaded)
            co_return fail(loaded.error());
        tree = owner_->published().tree();
    }
    if (!tree)
        co_return fail(ErrorCode::unavailable, "the account is being read again");
    co_return *tree;
}

Task<Result<Usage>> Handle::usage()
{
    const Result<void> loaded = co_await load();
    if (!loaded)
        co_return fail(loaded.error());
    const auto head = owner_->published().head();
    const Result<std::uint64_t> limit = co_await quotas_.limit_of(owner_->account());
    if (!limit)
        co_return fail(limit.error());
    if (!head)
        co_return fail(ErrorCode::unavailable, "the account is being read again");
    co_return Usage{.bytes = head->bytes, .messages = head->messages, .limit_bytes = *limit};
}

Task<Result<SnapshotPtr>> Handle::snapshot(MailboxId mailbox)
{
    rearm();
    if (SnapshotPtr snapshot = owner_->published().snapshot(mailbox))
        co_return snapshot;
    const LoopExecutor caller = co_await asio::this_coro::executor;
    Result<SnapshotPtr> opened = co_await ask<SnapshotPtr>(std::make_unique<OpenRequest>(caller, mailbox));
    co_return opened;
}

Watch Handle::watch(MailboxId mailbox, Loop& loop, std::function<void()> wake)
{
    const auto watcher = std::make_shared<Watcher>();
    watcher->mailbox = mailbox;
    watcher->loop = &loop;
    watcher->wake = std::move(wake);
    owner_->published().watch(watcher);
    {
        const std::scoped_lock lock(mutex_);
        std::erase_if(watchers_, [](const auto& known) { return known.expired(); });
        watchers_.push_back(watcher);
    }
    // What `wake` holds is let go here, by its own loop, even while the owner is about to call.
    return Watch(std::shared_ptr<void>(watcher.get(), [watcher](void*) { watcher->wake = nullptr; }));
}

// Before anything is read: what changes after the reading wakes again.
void Handle::rearm()
{
    const std::scoped_lock lock(mutex_);
    for (const auto& weak : watchers_)
        if (const auto watcher = weak.lock())
            watcher->armed = true;
}

Task<Result<MailboxId>> Handle::create(std::string name, SpecialUse use)
{
    const LoopExecutor caller = co_await asio::this_coro::executor;
    Result<MailboxId> created =
        co_await ask<MailboxId>(std::make_unique<CreateRequest>(caller, std::move(name), use, owner_->services().ids));
    co_return created;
}

Task<Result<void>> Handle::remove(std::string name)
{
    const LoopExecutor caller = co_await asio::this_coro::executor;
    Result<void> removed =
        co_await ask<void>(std::make_unique<RemoveRequest>(caller, std::move(name), owner_->services().ids));
    co_return removed;
}

Task<Result<void>> Handle::rename(std::string from, std::string to)
{
    const LoopExecutor caller = co_await asio::this_coro::executor;
    Result<void> renamed = co_await ask<void>(
        std::make_unique<RenameRequest>(caller, std::move(from), std::move(to), owner_->services().ids));
    co_return renamed;
}

Task<Result<void>> Handle::subscribe(std::string name, bool on)
{
    const LoopExecutor caller = co_await asio::this_coro::executor;
    Result<void> subscribed = co_await ask<void>(std::make_unique<SubscribeRequest>(caller, std::move(name), on));
    co_return subscribed;
}

Task<Result<Filed>> Handle::file(Filing filing)
{
    constexpr int most_attempts = 5;
    const LoopExecutor caller = co_await asio::this_coro::executor;
    for (int attempt = 0; attempt < most_attempts; ++attempt) {
        Result<Prepared> prepared = co_await prepare(*owner_, quotas_, filing);
        if (!prepared)
            co_return fail(prepared.error());
        if (prepared->filed_before)
            co_return *prepared->filed_before;
        const EmailId email = prepared->filing.email;
        auto request = std::make_unique<FileRequest>(caller, std::move(prepared->filing), owner_->recent());
        const auto later = request->answer_later();
        owner_->submit(std::move(request));
        Result<Filed> filed = co_await later.get();
        const bool there = filed ? filed->email == email : filed.error() == may_have_landed;
        if (!there && !prepared->held.empty())
            co_await let_go(owner_->services(), email, std::move(prepared->held));
        if (filed)
            co_return filed;
        if (filed.error() == may_have_landed)
            filed.error().code = ErrorCode::unavailable;
        if (filed.error() != ErrorCode::conflict)
            co_return filed;
    }
    co_return fail(ErrorCode::unavailable, "the account changes too fast");
}

Task<Result<std::vector<Filed>>> Handle::file_all(std::vector<Filing> filings)
{
    if (filings.empty())
        co_return std::vector<Filed>{};
    if (filings.size() > most_filings)
        co_return fail(ErrorCode::limit, "so many messages are not filed at once");
    const LoopExecutor caller = co_await asio::this_coro::executor;
    std::vector<Prepared> prepared;
    Error error;
    for (Filing& filing : filings) {
        filing.delivery = 0;  // the answers would be of two kinds
        Result<Prepared> one = co_await prepare(*owner_, quotas_, filing);
        if (!one) {
            error = one.error();
            break;
        }
        prepared.push_back(*std::move(one));
    }
    std::vector<std::pair<EmailId, std::vector<store::BlobId>>> held;
    std::vector<PreparedFiling> requests;
    for (Prepared& one : prepared) {
        held.emplace_back(one.filing.email, std::move(one.held));
        requests.push_back(std::move(one.filing));
    }
    Result<std::vector<Filed>> filed = fail(error);
    if (requests.size() == filings.size()) {
        auto request = std::make_unique<FileAllRequest>(caller, std::move(requests), owner_->recent());
        const auto later = request->answer_later();
        owner_->submit(std::move(request));
        filed = co_await later.get();
    }
    if (!filed && filed.error() != may_have_landed)
        for (auto& [email, blobs] : held)
            co_await let_go(owner_->services(), email, std::move(blobs));
    if (!filed && filed.error() == may_have_landed)
        filed.error().code = ErrorCode::unavailable;
    co_return filed;
}

Task<Result<FlagsStored>> Handle::store_flags(MailboxId mailbox, StoreFlags change)
{
    const LoopExecutor caller = co_await asio::this_coro::executor;
    Result<FlagsStored> stored =
        co_await ask<FlagsStored>(std::make_unique<StoreRequest>(caller, mailbox, std::move(change)));
    co_return stored;
}

Task<Result<Copied>> Handle::copy(MailboxId from, NumberSet uids, MailboxId to)
{
    const Result<std::uint64_t> limit = co_await quotas_.limit_of(owner_->account());
    if (!limit)
        co_return fail(limit.error());
    const LoopExecutor caller = co_await asio::this_coro::executor;
    Result<Copied> copied =
        co_await ask<Copied>(std::make_unique<CopyRequest>(caller, from, std::move(uids), to, *limit));
    co_return copied;
}

Task<Result<Copied>> Handle::move(MailboxId from, NumberSet uids, MailboxId to)
{
    const LoopExecutor caller = co_await asio::this_coro::executor;
    Result<Copied> moved = co_await ask<Copied>(std::make_unique<MoveRequest>(caller, from, std::move(uids), to));
    co_return moved;
}

Task<Result<Expunged>> Handle::expunge(MailboxId mailbox, std::optional<NumberSet> uids, Which which)
{
    const LoopExecutor caller = co_await asio::this_coro::executor;
    Result<Expunged> expunged =
        co_await ask<Expunged>(std::make_unique<ExpungeRequest>(caller, mailbox, std::move(uids), which));
    co_return expunged;
}

Task<Result<NumberSet>> Handle::vanished(MailboxId mailbox, ModSeq since)
{
    const Result<std::vector<store::Row>> rows =
        co_await scan_all(owner_->store(), owner_->services().clock, owner_->partition(),
                          vanished_of(mailbox, std::max<ModSeq>(since, 1)));
    if (!rows)
        co_return fail(rows.error());
    std::vector<NumberRange> ranges;
    for (const store::Row& row : *rows) {
        const Result<VanishedRow> vanished = read_vanished(row.value);
        if (!vanished)
            co_return fail(vanished.error());
        ranges.insert(ranges.end(), vanished->uids.ranges().begin(), vanished->uids.ranges().end());
    }
    // In rising order, which is what a set takes cheaply.
    std::ranges::sort(ranges, {}, &NumberRange::first);
    NumberSet uids;
    for (const NumberRange& range : ranges)
        uids.add(range);
    co_return uids;
}

Task<Result<void>> Handle::change_acl(MailboxId mailbox, AclEntry entry, AclChange change)
{
    if (entry.account == owner_->account())
        co_return Result<void>{};  // RFC 4314 section 4: rights that are always there
    if (change != AclChange::remove && !entry.negative && !entry.rights.empty()) {
        const Result<void> noted = co_await Sharing(owner_->services()).note(owner_->account(), entry.account);
        if (!noted)
            co_return noted;
    }
    const LoopExecutor caller = co_await asio::this_coro::executor;
    Result<void> changed = co_await ask<void>(std::make_unique<ChangeAclRequest>(caller, mailbox, entry, change));
    co_return changed;
}

Task<Result<std::vector<MetadataEntry>>> Handle::metadata_for(AccountId actor, MailboxId mailbox)
{
    std::vector<MetadataEntry> entries;
    for (const AccountId account : {actor, AccountId{0}}) {
        const Result<std::vector<store::Row>> rows = co_await scan_all(
            owner_->store(), owner_->services().clock, owner_->partition(), metadata_of(mailbox, account));
        if (!rows)
            co_return fail(rows.error());
        for (const store::Row& row : *rows) {
            store::KeyReader key(row.key);
            key.u8();
            key.u64();
            key.u64();
            Result<std::string> value = read_metadata(row.value);
            if (!value)
                co_return fail(value.error());
            entries.push_back({key.text(), *std::move(value)});
        }
    }
    std::ranges::sort(entries, {}, &MetadataEntry::name);
    co_return entries;
}

Task<Result<void>> Handle::set_metadata_for(AccountId actor, MailboxId mailbox, std::vector<MetadataChange> changes)
{
    const LoopExecutor caller = co_await asio::this_coro::executor;
    Result<void> set =
        co_await ask<void>(std::make_unique<SetMetadataRequest>(caller, mailbox, actor, std::move(changes)));
    co_return set;
}

}  // namespace posthouse::mailbox

// The room's door: finds the account's owner, and asks who may enter.
#include "mailbox/content_writer.h"
#include "mailbox/guest.h"
#include "mailbox/housekeeping.h"
#include "mailbox/sharing.h"
#include "mailbox/upkeep.h"

#include <algorithm>

namespace posthouse::mailbox {

namespace {

constexpr std::size_t emails_a_step = 4096;  // of index_some()

class RoomOfMailboxes final : public Mailboxes {
public:
    explicit RoomOfMailboxes(const MailboxServices& services) : services_(services)
    {
        for (std::size_t i = 0; i < services_.loops.size(); ++i)
            households_.push_back(std::make_shared<Household>(services_, activity_, services_.loops[i], Memory{}));
    }

    Task<Result<AccountPtr>> open(AccountId actor, AccountId owner) override
    {
        if (actor != owner)
            co_return co_await open_as_guest(actor, owner);
        const auto handle = enter(owner);
        const Result<void> loaded = co_await handle->load();
        if (!loaded)
            co_return fail(loaded.error());
        co_return handle;
    }

    Task<Result<std::vector<Sharer>>> sharers(AccountId actor) override
    {
        std::vector<Sharer> sharers;
        for (const AccountId with : {actor, anyone}) {
            const Result<std::vector<AccountId>> owners = co_await sharing_.owners_sharing_with(with);
            if (!owners)
                co_return fail(owners.error());
            for (const AccountId owner : *owners) {
                if (owner == actor || std::ranges::find(sharers, owner, &Sharer::owner) != sharers.end())
                    continue;
                const Result<AccountPtr> opened = co_await open_as_guest(actor, owner);
                if (opened)
                    sharers.push_back({.owner = owner, .with_anyone = with == anyone});
            }
        }
        std::ranges::sort(sharers, {}, &Sharer::owner);
        co_return sharers;
    }

    Task<Result<AccountPtr>> open_for_delivery(AccountId owner) override
    {
        // Without waiting: filing loads the account if it must.
        if (activity_->stopping())
            co_return fail(ErrorCode::cancelled, "the mailboxes are being closed");
        co_return enter(owner);
    }

    Task<Result<void>> found(AccountId account) override
    {
        const auto handle = enter(account);
        Result<void> loaded = co_await handle->load();
        co_return loaded;
    }

    Task<Result<void>> erase_account(AccountId account) override
    {
        Result<void> erased = co_await mailbox::erase_account(enter_owner(account));
        co_return erased;
    }

    Task<Result<AuditReport>> audit(AccountId account, AuditDepth depth) override
    {
        Result<AuditReport> report = co_await mailbox::audit(enter_owner(account), depth);
        co_return report;
    }

    Task<Result<Indexed>> index_some(AccountId account, bool anew) override
    {
        const auto handle = enter(account);
        const Result<MailboxTreePtr> tree = co_await handle->tree();
        if (!tree)
            co_return fail(tree.error());
        std::vector<EmailId> emails;
        for (const Mailbox& mailbox : (*tree)->mailboxes) {
            if (!mailbox.selectable)
                continue;
            const Result<SnapshotPtr> snapshot = co_await handle->snapshot(mailbox.id);
            if (!snapshot && snapshot.error() == ErrorCode::not_found)
                continue;
            if (!snapshot)
                co_return fail(snapshot.error());
            for (const auto& block : (*snapshot)->blocks)
                for (const Entry& entry : block->entries)
                    emails.push_back(entry.email);
        }
        const auto index = enter_owner(account)->index();
        if (anew) {
            const Result<void> erased = co_await index->erase();
            if (!erased)
                co_return fail(erased.error());
        }
        Result<TextIndex::State> state =
            co_await run_on(household_of(account).loop(), index->catch_up(std::move(emails), emails_a_step));
        if (!state)
            co_return fail(state.error());
        co_return Indexed{.indexed = state->known, .all = state->asked};
    }

    Task<Result<Swept>> sweep() override
    {
        Swept swept;
        std::uint64_t from = 0;
        for (;;) {
            const Result<std::vector<store::Partition>> accounts = co_await services_.store.partitions(
                store::PartitionKind::account, from, Deadline::in(services_.clock, read_patience));
            if (!accounts)
                co_return fail(accounts.error());
            if (accounts->empty())
                co_return swept;
            for (const store::Partition& account : *accounts) {
                const Result<bool> due = co_await is_due_for_sweep(services_, account.id);
                if (due && !*due)
                    continue;
                const Result<Swept> one = co_await sweep_account(enter_owner(account.id));
                if (!one && activity_->stopping())
                    co_return fail(one.error());
                if (!one)
                    services_.log.write(LogLevel::warning, "mailbox", account.id, "an account was not swept",
                                        {{"why", one.error().text}});
                swept.emails += one ? one->emails : 0;
                swept.deliveries += one ? one->deliveries : 0;
            }
            from = accounts->back().id + 1;
        }
    }

    std::unique_ptr<ContentWriter> writer() override { return std::make_unique<StoreContentWriter>(services_); }

    Task<void> stop() override { co_await activity_->stop(); }

private:
    Task<Result<AccountPtr>> open_as_guest(AccountId actor, AccountId owner)
    {
        // Opening founds: an account that nobody has founded is not there.
        const Result<std::optional<store::Value>> head =
            co_await services_.store.get(partition_of(owner), head_key(), Deadline::in(services_.clock, read_patience));
        if (!head)
            co_return fail(head.error());
        if (!*head)
            co_return fail(ErrorCode::not_found, "nothing is shared with you there");
        const auto guest = std::make_shared<Guest>(enter(owner), actor, services_);
        const Result<MailboxTreePtr> tree = co_await guest->tree();
        if (!tree)
            co_return fail(tree.error());
        if ((*tree)->mailboxes.empty())
            co_return fail(ErrorCode::not_found, "nothing is shared with you there");
        co_return guest;
    }

    // Ids differ in their low bits most; spread them over the loops.
    Household& household_of(AccountId account)
    {
        return *households_[(account * 0x9e3779b97f4a7c15 >> 32) % households_.size()];
    }
    std::shared_ptr<Owner> enter_owner(AccountId account) { return household_of(account).find(account); }
    std::shared_ptr<Handle> enter(AccountId account)
    {
        auto owner = enter_owner(account);
        owner->open_again();
        return std::make_shared<Handle>(std::move(owner), services_.quotas);
    }

    const MailboxServices services_;
    const Sharing sharing_{services_};
    const std::shared_ptr<Activity> activity_ = std::make_shared<Activity>();
    std::vector<std::shared_ptr<Household>> households_;  // one a loop
};

}  // namespace

std::unique_ptr<Mailboxes> make_mailboxes(MailboxServices services)
{
    return std::make_unique<RoomOfMailboxes>(services);
}

}  // namespace posthouse::mailbox

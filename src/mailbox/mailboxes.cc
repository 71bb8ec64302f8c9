// The room's door: finds the account's owner, and asks who may enter.
#include "mailbox/content_writer.h"
#include "mailbox/handle.h"
#include "mailbox/housekeeping.h"
#include "mailbox/upkeep.h"

namespace posthouse::mailbox {

namespace {

class RoomOfMailboxes final : public Mailboxes {
public:
    explicit RoomOfMailboxes(const MailboxServices& services) : services_(services)
    {
        for (std::size_t i = 0; i < services_.loops.size(); ++i)
            households_.push_back(std::make_shared<Household>(services_, activity_, services_.loops[i], Memory{}));
    }

    Task<Result<AccountPtr>> open(AccountId actor, AccountId owner) override
    {
        // Sharing mailboxes comes with a later issue: until then everybody has his own.
        if (actor != owner)
            co_return fail(ErrorCode::not_permitted, "the mailboxes of somebody else");
        const auto handle = enter(owner);
        const Result<void> loaded = co_await handle->load();
        if (!loaded)
            co_return fail(loaded.error());
        co_return handle;
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
    const std::shared_ptr<Activity> activity_ = std::make_shared<Activity>();
    std::vector<std::shared_ptr<Household>> households_;  // one a loop
};

}  // namespace

std::unique_ptr<Mailboxes> make_mailboxes(MailboxServices services)
{
    return std::make_unique<RoomOfMailboxes>(services);
}

}  // namespace posthouse::mailbox

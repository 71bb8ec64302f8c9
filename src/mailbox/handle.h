// What a door holds of an account: passes changes to the owner, reads for itself.
#pragma once

#include "mailbox/owner.h"
#include "mailbox/reading.h"
#include "mailbox/text_index.h"

namespace posthouse::mailbox {

class Handle final : public Account {
public:
    Handle(std::shared_ptr<Owner> owner, Quotas& quotas) :
        owner_(std::move(owner)), quotas_(quotas), reader_(owner_->account(), owner_->services())
    {
    }

    AccountId id() const override { return owner_->account(); }
    Task<Result<MailboxTreePtr>> tree() override;
    Task<Result<Usage>> usage() override;
    Task<Result<SnapshotPtr>> snapshot(MailboxId mailbox) override;
    Watch watch(MailboxId mailbox, Loop& loop, std::function<void()> wake) override;

    Task<Result<MailboxId>> create(std::string name, SpecialUse use) override;
    Task<Result<void>> remove(std::string name) override;
    Task<Result<void>> rename(std::string from, std::string to) override;
    Task<Result<void>> subscribe(std::string name, bool on) override;

    Task<Result<Filed>> file(Filing filing) override;
    Task<Result<std::vector<Filed>>> file_all(std::vector<Filing> filings) override;
    Task<Result<FlagsStored>> store_flags(MailboxId mailbox, StoreFlags change) override;
    Task<Result<Copied>> copy(MailboxId from, NumberSet uids, MailboxId to) override;
    Task<Result<Copied>> move(MailboxId from, NumberSet uids, MailboxId to) override;
    Task<Result<Expunged>> expunge(MailboxId mailbox, std::optional<NumberSet> uids, Which which) override;

    Task<Result<NumberSet>> vanished(MailboxId mailbox, ModSeq since) override;

    Task<Result<void>> change_acl(MailboxId mailbox, AclEntry entry, AclChange change) override;
    Task<Result<std::vector<MetadataEntry>>> metadata(MailboxId mailbox) override
    {
        return metadata_for(id(), mailbox);
    }
    Task<Result<void>> set_metadata(MailboxId mailbox, std::vector<MetadataChange> changes) override
    {
        return set_metadata_for(id(), mailbox, std::move(changes));
    }
    // As `actor` sees them: what is private is his.
    Task<Result<std::vector<MetadataEntry>>> metadata_for(AccountId actor, MailboxId mailbox);
    Task<Result<void>> set_metadata_for(AccountId actor, MailboxId mailbox, std::vector<MetadataChange> changes);

    Task<Result<std::vector<TextAnswer>>> look_up(SnapshotPtr snapshot, std::vector<TextQuery> queries) override
    {
        return owner_->index()->look_up(std::move(snapshot), std::move(queries));
    }

    Task<Result<Email>> email(EmailId id) override { return reader_.email(id); }
    Task<Result<std::vector<Result<Email>>>> emails(std::vector<EmailId> ids) override
    {
        return reader_.emails(std::move(ids));
    }
    Task<Result<std::vector<StoredEmail>>> stored_emails(std::vector<EmailId> ids) override
    {
        return reader_.stored_emails(std::move(ids));
    }
    std::optional<Promise<Result<Contents>>> contents_ahead(const std::vector<EmailId>& ids) override
    {
        return reader_.contents_ahead(ids);
    }
    Task<Result<void>> read(Email email, std::uint64_t offset, std::uint64_t length, store::Sink sink) override
    {
        return reader_.read(std::move(email), offset, length, std::move(sink));
    }
    Task<Result<std::string>> read_all(Email email) override { return reader_.read_all(std::move(email)); }

    // The account is in memory when this is done.
    Task<Result<void>> load();

private:
    template <class R> Task<Result<R>> ask(std::unique_ptr<RequestFor<R>> request);
    void rearm();

    std::shared_ptr<Owner> owner_;
    Quotas& quotas_;
    EmailReader reader_;
    std::mutex mutex_;
    std::vector<std::weak_ptr<Watcher>> watchers_;  // by mutex_
};

// Makes of a filing what the owner needs to file it (prepare.cc); filed: it had been filed before.
struct Prepared {
    PreparedFiling filing;
    std::optional<Filed> filed_before;
    std::vector<store::BlobId> held;  // by filing.email
};
Task<Result<Prepared>> prepare(const Owner& owner, Quotas& quotas, const Filing& filing);
// What was held for an e-mail that has not come to be.
Task<void> let_go(const MailboxServices& services, EmailId email, std::vector<store::BlobId> held);

}  // namespace posthouse::mailbox

// Somebody else's account as far as its owner shares it: every member asks the access control lists first.
//
// The lists are those of the tree that is published now: who is taken out of one may end what he had begun.
#pragma once

#include "mailbox/handle.h"

namespace posthouse::mailbox {

class Guest final : public Account {
public:
    Guest(std::shared_ptr<Handle> handle, AccountId actor, const MailboxServices& services) :
        handle_(std::move(handle)), actor_(actor), services_(services)
    {
    }

    AccountId id() const override { return handle_->id(); }
    Task<Result<MailboxTreePtr>> tree() override;
    Task<Result<Usage>> usage() override { return handle_->usage(); }
    Task<Result<SnapshotPtr>> snapshot(MailboxId mailbox) override;
    // Tells that something has changed, not what.
    Watch watch(MailboxId mailbox, Loop& loop, std::function<void()> wake) override
    {
        return handle_->watch(mailbox, loop, std::move(wake));
    }

    Task<Result<MailboxId>> create(std::string name, SpecialUse use) override;
    Task<Result<void>> remove(std::string name) override;
    Task<Result<void>> rename(std::string from, std::string to) override;
    Task<Result<void>> subscribe(std::string name,
                                 bool on) override;  // not_permitted: that is his own account's business

    Task<Result<Filed>> file(Filing filing) override;
    Task<Result<std::vector<Filed>>> file_all(std::vector<Filing> filings) override;
    Task<Result<FlagsStored>> store_flags(MailboxId mailbox, StoreFlags change) override;
    Task<Result<Copied>> copy(MailboxId from, NumberSet uids, MailboxId to) override;
    Task<Result<Copied>> move(MailboxId from, NumberSet uids, MailboxId to) override;
    Task<Result<Expunged>> expunge(MailboxId mailbox, std::optional<NumberSet> uids, Which which) override;
    Task<Result<NumberSet>> vanished(MailboxId mailbox, ModSeq since) override;

    Task<Result<void>> change_acl(MailboxId mailbox, AclEntry entry, AclChange change) override;
    Task<Result<std::vector<MetadataEntry>>> metadata(MailboxId mailbox) override;
    Task<Result<void>> set_metadata(MailboxId mailbox, std::vector<MetadataChange> changes) override;

    Task<Result<std::vector<TextAnswer>>> look_up(SnapshotPtr snapshot, std::vector<TextQuery> queries) override;

    Task<Result<Email>> email(EmailId id) override;
    Task<Result<std::vector<Result<Email>>>> emails(std::vector<EmailId> ids) override;
    Task<Result<std::vector<StoredEmail>>> stored_emails(std::vector<EmailId> ids) override;
    std::optional<Promise<Result<Contents>>> contents_ahead(const std::vector<EmailId>&) override
    {
        return std::nullopt;
    }
    Task<Result<void>> read(Email email, std::uint64_t offset, std::uint64_t length, store::Sink sink) override;
    Task<Result<std::string>> read_all(Email email) override;

private:
    Task<Result<void>> demand(MailboxId mailbox, Right right);
    Task<Result<void>> demand_above(std::string name, Right right);
    Task<Result<void>> admit(Filing* filing);
    Task<Result<void>> may_read(EmailId email);

    const std::shared_ptr<Handle> handle_;
    const AccountId actor_;
    const MailboxServices& services_;
    MailboxTreePtr whole_;  // as its owner sees it; what shown_ was made of
    MailboxTreePtr shown_;
};

// What of a tree `actor` sees.
MailboxTreePtr shown_to(const MailboxTree& whole, AccountId actor);

}  // namespace posthouse::mailbox

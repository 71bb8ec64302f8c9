// SETACL and SETMETADATA (RFC 4314, RFC 5464) at the account's owner.
#pragma once

#include "mailbox/request.h"

namespace posthouse::mailbox {

class ChangeAclRequest final : public RequestFor<void> {
public:
    ChangeAclRequest(LoopExecutor caller, MailboxId mailbox, AclEntry entry, AclChange change) :
        RequestFor(std::move(caller)), mailbox_(mailbox), entry_(entry), change_(change)
    {
    }
    Planned plan(Draft& draft) override;

private:
    MailboxId mailbox_;
    AclEntry entry_;
    AclChange change_;
};

// Runs alone, since it reads: how many entries there are is not kept in memory.
class SetMetadataRequest final : public RequestFor<void> {
public:
    SetMetadataRequest(LoopExecutor caller, MailboxId mailbox, AccountId actor, std::vector<MetadataChange> changes) :
        RequestFor(std::move(caller)), mailbox_(mailbox), actor_(actor), changes_(std::move(changes))
    {
    }
    bool takes_room() const override;
    Planned plan(Draft& draft) override;
    Task<void> run(Owner& owner) override;

private:
    Task<Result<void>> set(Owner& owner);

    MailboxId mailbox_;
    AccountId actor_;
    std::vector<MetadataChange> changes_;
};

// Where an entry stands; malformed. RFC 5464 section 3.2: in lower case, no empty levels, no `*`, `%`, controls or
// other than ASCII.
struct MetadataPlace {
    bool is_private = false;
    std::string name;  // whole, normal
};
Result<MetadataPlace> metadata_place(std::string_view name);

}  // namespace posthouse::mailbox

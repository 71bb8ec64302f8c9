#include "mailbox/guest.h"

#include "base/text.h"
#include "mailbox/sharing_requests.h"

#include <algorithm>

namespace posthouse::mailbox {

namespace {

const Error hidden{ErrorCode::not_found, "no such mailbox"};

std::unexpected<Error> forbidden() { return fail(ErrorCode::not_permitted, "you may not do this here"); }

Right right_for(std::string_view flag)
{
    const auto system = system_flag(flag);
    if (system == SystemFlag::seen)
        return Right::keep_seen;
    return system == SystemFlag::deleted ? Right::remove_messages : Right::write;
}

// RFC 4314 section 4: a flag that may not be set is left out, and the rest goes on.
FlagBits kept_from(Rights rights)
{
    FlagBits kept;
    const FlagBits own = FlagBits().add(SystemFlag::seen).add(SystemFlag::deleted);
    if (!rights.has(Right::write))
        kept = FlagBits(~std::uint64_t{0}, ~std::uint64_t{0}).without(own);
    if (!rights.has(Right::keep_seen))
        kept.add(SystemFlag::seen);
    if (!rights.has(Right::remove_messages))
        kept.add(SystemFlag::deleted);
    return kept;
}

}  // namespace

MailboxTreePtr shown_to(const MailboxTree& whole, AccountId actor)
{
    auto shown = std::make_shared<MailboxTree>();
    shown->modseq = whole.modseq;
    for (const Mailbox& mailbox : whole.mailboxes) {
        const Rights rights = mailbox.acl ? rights_in(*mailbox.acl, actor) : Rights();
        if (!rights.has(Right::lookup))
            continue;
        Mailbox seen = mailbox;
        seen.rights = rights;
        seen.subscribed = false;
        seen.special_use = SpecialUse::none;  // the owner's, not the guest's
        if (!rights.has(Right::administer))
            seen.acl = nullptr;
        shown->mailboxes.push_back(std::move(seen));
    }
    return shown;
}

Task<Result<MailboxTreePtr>> Guest::tree()
{
    const Result<MailboxTreePtr> whole = co_await handle_->tree();
    if (!whole)
        co_return fail(whole.error());
    if (*whole != whole_) {
        whole_ = *whole;
        shown_ = shown_to(**whole, actor_);
    }
    co_return shown_;
}

Task<Result<void>> Guest::demand(MailboxId mailbox, Right right)
{
    const Result<MailboxTreePtr> tree = co_await this->tree();
    if (!tree)
        co_return fail(tree.error());
    const Mailbox* found = (*tree)->find(mailbox);
    if (!found)
        co_return fail(hidden);
    if (!found->rights.has(right))
        co_return forbidden();
    co_return Result<void>{};
}

// Of the nearest mailbox above a name.
Task<Result<void>> Guest::demand_above(std::string name, Right right)
{
    const Result<MailboxTreePtr> tree = co_await this->tree();
    if (!tree)
        co_return fail(tree.error());
    for (std::size_t slash = name.rfind('/'); slash != name.npos && slash > 0; slash = name.rfind('/', slash - 1))
        if (const Mailbox* above = whole_->find(std::string_view(name).substr(0, slash))) {
            const Mailbox* seen = (*tree)->find(above->id);
            co_return seen && seen->rights.has(right) ? Result<void>{} : forbidden();
        }
    co_return forbidden();
}

Task<Result<SnapshotPtr>> Guest::snapshot(MailboxId mailbox)
{
    const Result<void> permitted = co_await demand(mailbox, Right::read);
    if (!permitted)
        co_return fail(permitted.error());
    co_return co_await handle_->snapshot(mailbox);
}

Task<Result<MailboxId>> Guest::create(std::string name, SpecialUse use)
{
    const Result<void> permitted = co_await demand_above(name, Right::create);
    if (!permitted || use != SpecialUse::none)
        co_return permitted ? forbidden() : fail(permitted.error());
    co_return co_await handle_->create(std::move(name), use);
}

Task<Result<void>> Guest::remove(std::string name)
{
    const Result<MailboxTreePtr> tree = co_await this->tree();
    if (!tree)
        co_return fail(tree.error());
    const Mailbox* found = (*tree)->find(name);
    if (!found)
        co_return fail(hidden);
    if (!found->rights.has(Right::remove_mailbox))
        co_return forbidden();
    co_return co_await handle_->remove(std::move(name));
}

Task<Result<void>> Guest::rename(std::string from, std::string to)
{
    const Result<MailboxTreePtr> tree = co_await this->tree();
    if (!tree)
        co_return fail(tree.error());
    const Mailbox* found = (*tree)->find(from);
    if (!found)
        co_return fail(hidden);
    // Of INBOX the messages would be renamed away from their owner.
    if (!found->rights.has(Right::remove_mailbox) || found->name == "INBOX")
        co_return forbidden();
    const Result<void> permitted = co_await demand_above(to, Right::create);
    if (!permitted)
        co_return permitted;
    co_return co_await handle_->rename(std::move(from), std::move(to));
}

Task<Result<void>> Guest::subscribe(std::string, bool) { co_return forbidden(); }

// The mailbox it goes to is his to insert into; flags that he may not set are left out.
Task<Result<void>> Guest::admit(Filing* filing)
{
    const Result<MailboxTreePtr> tree = co_await this->tree();
    if (!tree)
        co_return fail(tree.error());
    filing->quota = Quota::enforced;
    for (Placement& placement : filing->placements) {
        const Mailbox* found =
            placement.mailbox != 0 ? (*tree)->find(placement.mailbox) : (*tree)->find(placement.name);
        if (!found)
            co_return fail(hidden);
        if (!found->rights.has(Right::insert))
            co_return forbidden();
        placement.mailbox = found->id;
        std::erase_if(placement.flags, [found](const auto& flag) { return !found->rights.has(right_for(flag)); });
    }
    if (filing->replaces)
        for (const Right right : {Right::remove_messages, Right::expunge}) {
            const Result<void> permitted = co_await demand(filing->replaces->first, right);
            if (!permitted)
                co_return permitted;
        }
    co_return Result<void>{};
}

Task<Result<Filed>> Guest::file(Filing filing)
{
    const Result<void> admitted = co_await admit(&filing);
    if (!admitted)
        co_return fail(admitted.error());
    co_return co_await handle_->file(std::move(filing));
}

Task<Result<std::vector<Filed>>> Guest::file_all(std::vector<Filing> filings)
{
    for (Filing& filing : filings) {
        const Result<void> admitted = co_await admit(&filing);
        if (!admitted)
            co_return fail(admitted.error());
    }
    co_return co_await handle_->file_all(std::move(filings));
}

Task<Result<FlagsStored>> Guest::store_flags(MailboxId mailbox, StoreFlags change)
{
    const Result<MailboxTreePtr> tree = co_await this->tree();
    if (!tree)
        co_return fail(tree.error());
    const Mailbox* found = (*tree)->find(mailbox);
    if (!found)
        co_return fail(hidden);
    const Rights rights = found->rights;
    if (!rights.has(Right::read))
        co_return forbidden();
    const auto may = [rights](const std::string& flag) { return rights.has(right_for(flag)); };
    const bool any = change.change == FlagChange::replace
        ? rights.has(Right::keep_seen) || rights.has(Right::write) || rights.has(Right::remove_messages)
        : std::ranges::any_of(change.flags, may);
    if (!any)
        co_return forbidden();
    std::erase_if(change.flags, [&may](const auto& flag) { return !may(flag); });
    change.kept = change.kept | kept_from(rights);
    co_return co_await handle_->store_flags(mailbox, std::move(change));
}

Task<Result<Copied>> Guest::copy(MailboxId from, NumberSet uids, MailboxId to)
{
    const Result<void> readable = co_await demand(from, Right::read);
    const Result<void> insertable = co_await demand(to, Right::insert);
    if (!readable || !insertable)
        co_return fail(readable ? insertable.error() : readable.error());
    co_return co_await handle_->copy(from, std::move(uids), to);
}

Task<Result<Copied>> Guest::move(MailboxId from, NumberSet uids, MailboxId to)
{
    for (const Right right : {Right::read, Right::remove_messages, Right::expunge}) {
        const Result<void> permitted = co_await demand(from, right);
        if (!permitted)
            co_return fail(permitted.error());
    }
    const Result<void> insertable = co_await demand(to, Right::insert);
    if (!insertable)
        co_return fail(insertable.error());
    co_return co_await handle_->move(from, std::move(uids), to);
}

Task<Result<Expunged>> Guest::expunge(MailboxId mailbox, std::optional<NumberSet> uids, Which which)
{
    const Result<void> permitted = co_await demand(mailbox, Right::expunge);
    if (!permitted)
        co_return fail(permitted.error());
    if (which == Which::all) {
        const Result<void> removable = co_await demand(mailbox, Right::remove_messages);
        if (!removable)
            co_return fail(removable.error());
    }
    co_return co_await handle_->expunge(mailbox, std::move(uids), which);
}

Task<Result<NumberSet>> Guest::vanished(MailboxId mailbox, ModSeq since)
{
    const Result<void> permitted = co_await demand(mailbox, Right::read);
    if (!permitted)
        co_return fail(permitted.error());
    co_return co_await handle_->vanished(mailbox, since);
}

Task<Result<void>> Guest::change_acl(MailboxId mailbox, AclEntry entry, AclChange change)
{
    const Result<void> permitted = co_await demand(mailbox, Right::administer);
    if (!permitted)
        co_return permitted;
    co_return co_await handle_->change_acl(mailbox, entry, change);
}

// RFC 5464 section 3: both kinds for who may read; the shared ones are set by who may write.
Task<Result<std::vector<MetadataEntry>>> Guest::metadata(MailboxId mailbox)
{
    const Result<void> permitted = co_await demand(mailbox, Right::read);
    if (!permitted)
        co_return fail(permitted.error());
    co_return co_await handle_->metadata_for(actor_, mailbox);
}

Task<Result<void>> Guest::set_metadata(MailboxId mailbox, std::vector<MetadataChange> changes)
{
    for (const MetadataChange& change : changes) {
        const Result<MetadataPlace> place = metadata_place(change.name);
        if (!place)
            co_return fail(place.error());
        const Result<void> permitted = co_await demand(mailbox, place->is_private ? Right::read : Right::write);
        if (!permitted)
            co_return permitted;
    }
    co_return co_await handle_->set_metadata_for(actor_, mailbox, std::move(changes));
}

Task<Result<std::vector<TextAnswer>>> Guest::look_up(SnapshotPtr snapshot, std::vector<TextQuery> queries)
{
    const Result<void> permitted = co_await demand(snapshot->mailbox, Right::read);
    if (!permitted)
        co_return fail(permitted.error());
    co_return co_await handle_->look_up(std::move(snapshot), std::move(queries));
}

// An e-mail is his to read while it is in a mailbox that is.
Task<Result<void>> Guest::may_read(EmailId email)
{
    const Result<MailboxTreePtr> tree = co_await this->tree();
    if (!tree)
        co_return fail(tree.error());
    const Result<store::Page> places =
        co_await services_.store.scan(partition_of(id()), email_in_of(email), services_.store.limits().page_rows,
                                      Deadline::in(services_.clock, read_patience));
    if (!places)
        co_return fail(places.error());
    for (const store::Row& row : places->rows) {
        store::KeyReader key(row.key);
        key.u8();
        key.u64();
        const Id shelf = key.u64();
        const auto found = std::ranges::find(shown_->mailboxes, shelf, &Mailbox::shelf);
        if (found != shown_->mailboxes.end() && found->rights.has(Right::read))
            co_return Result<void>{};
    }
    co_return fail(ErrorCode::not_found, "no such e-mail");
}

Task<Result<Email>> Guest::email(EmailId id)
{
    const Result<void> permitted = co_await may_read(id);
    if (!permitted)
        co_return fail(permitted.error());
    co_return co_await handle_->email(id);
}

Task<Result<std::vector<Result<Email>>>> Guest::emails(std::vector<EmailId> ids)
{
    std::vector<Result<void>> permissions;
    for (const EmailId id : ids)
        permissions.push_back(co_await may_read(id));
    Result<std::vector<Result<Email>>> emails = co_await handle_->emails(std::move(ids));
    for (std::size_t i = 0; emails && i < emails->size(); ++i)
        if (!permissions[i])
            (*emails)[i] = fail(permissions[i].error());
    co_return emails;
}

Task<Result<std::vector<StoredEmail>>> Guest::stored_emails(std::vector<EmailId> ids)
{
    std::vector<Result<void>> permissions;
    for (const EmailId id : ids)
        permissions.push_back(co_await may_read(id));
    Result<std::vector<StoredEmail>> emails = co_await handle_->stored_emails(std::move(ids));
    for (std::size_t i = 0; emails && i < emails->size(); ++i)
        if (!permissions[i])
            (*emails)[i] = {};
    co_return emails;
}

Task<Result<void>> Guest::read(Email email, std::uint64_t offset, std::uint64_t length, store::Sink sink)
{
    const Result<void> permitted = co_await may_read(email.id);
    if (!permitted)
        co_return permitted;
    co_return co_await handle_->read(std::move(email), offset, length, std::move(sink));
}

Task<Result<std::string>> Guest::read_all(Email email)
{
    const Result<void> permitted = co_await may_read(email.id);
    if (!permitted)
        co_return fail(permitted.error());
    co_return co_await handle_->read_all(std::move(email));
}

}  // namespace posthouse::mailbox

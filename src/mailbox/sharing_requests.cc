#include "mailbox/sharing_requests.h"

#include "base/text.h"
#include "mailbox/owner.h"

#include <algorithm>

#include <fmt/format.h>

namespace posthouse::mailbox {

namespace {

constexpr std::size_t longest_name = 200;
constexpr std::string_view private_prefix = "/private/";
constexpr std::string_view shared_prefix = "/shared/";

}  // namespace

Planned ChangeAclRequest::plan(Draft& draft)
{
    const MailboxState* mailbox = draft.state().find_mailbox(mailbox_);
    if (!mailbox)
        return refuse(ErrorCode::not_found, "no such mailbox");
    const AclPtr before = draft.state().acl_of(mailbox_);
    Acl after = changed(before ? *before : Acl(), entry_, change_);
    if (after.size() > most_acl_entries)
        return refuse(ErrorCode::limit, fmt::format("a mailbox is shared with at most {} others", most_acl_entries));
    result_ = {};
    if (before ? after == *before : after.empty())
        return Planned::all;
    if (draft.changed())
        return Planned::full;
    draft.put_mailbox(mailbox->row);
    draft.set_acl(mailbox_, std::move(after));
    return Planned::all;
}

Result<MetadataPlace> metadata_place(std::string_view name)
{
    MetadataPlace place{.name = to_lower(name)};
    place.is_private = place.name.starts_with(private_prefix);
    const bool known = place.is_private || place.name.starts_with(shared_prefix);
    const bool plain =
        std::ranges::all_of(place.name, [](char c) { return c > ' ' && c < '\x7f' && c != '*' && c != '%'; });
    if (!known || !plain || place.name.size() > longest_name || place.name.ends_with('/') ||
        place.name.find("//") != place.name.npos)
        return fail(ErrorCode::malformed, "'" + printable(name, 80) + "' cannot be the name of an entry");
    return place;
}

bool SetMetadataRequest::takes_room() const
{
    return std::ranges::any_of(changes_, [](const MetadataChange& change) { return change.value.has_value(); });
}

Planned SetMetadataRequest::plan(Draft& draft)
{
    if (mailbox_ != 0 && !draft.state().find_mailbox(mailbox_))
        return refuse(ErrorCode::not_found, "no such mailbox");
    for (MetadataChange& change : changes_) {
        Result<MetadataPlace> place = metadata_place(change.name);
        if (!place)
            return refused(std::move(place.error()));
        change.name = std::move(place->name);
        if (change.value && change.value->size() > largest_metadata)
            return refuse(ErrorCode::too_large, fmt::format("a value has at most {} bytes", largest_metadata));
    }
    if (changes_.size() > most_metadata)
        return refuse(ErrorCode::limit, fmt::format("a mailbox has at most {} entries", most_metadata));
    return Planned::alone;
}

Task<void> SetMetadataRequest::run(Owner& owner) { result_ = co_await set(owner); }

Task<Result<void>> SetMetadataRequest::set(Owner& owner)
{
    for (const AccountId account : {actor_, AccountId{0}}) {
        std::set<std::string> names;
        const Result<std::vector<store::Row>> rows =
            co_await scan_all(owner.store(), owner.services().clock, owner.partition(), metadata_of(mailbox_, account));
        if (!rows)
            co_return fail(rows.error());
        for (const store::Row& row : *rows) {
            store::KeyReader key(row.key);
            key.u8();
            key.u64();
            key.u64();
            names.insert(key.text());
        }
        for (const MetadataChange& change : changes_)
            if (change.name.starts_with(private_prefix) == (account != 0))
                change.value ? (void)names.insert(change.name) : (void)names.erase(change.name);
        if (names.size() > most_metadata)
            co_return fail(ErrorCode::limit, fmt::format("a mailbox has at most {} entries", most_metadata));
    }
    Draft draft = owner.draft();
    std::size_t bytes = 0;
    for (const MetadataChange& change : changes_) {
        const store::Key key =
            metadata_key(mailbox_, change.name.starts_with(private_prefix) ? actor_ : 0, change.name);
        bytes += key.size() + (change.value ? change.value->size() : 0);
        if (change.value)
            draft.put(key, write_metadata(*change.value));
        else
            draft.erase(key);
    }
    if (bytes > owner.store().limits().batch_bytes / 2)
        co_return fail(ErrorCode::too_large, "so much is not set at once");
    // RFC 7162 section 3.2: an annotation is a change of its mailbox.
    const MailboxState* annotated = draft.state().find_mailbox(mailbox_);
    if (draft.changed() && annotated != nullptr)
        draft.change(annotated->row.node);
    if (takes_room())
        draft.purpose = store::Purpose::intake;
    Result<void> committed = draft.changed() ? co_await owner.commit(std::move(draft)) : Result<void>{};
    co_return committed;
}

}  // namespace posthouse::mailbox

#include "mailbox/tree_requests.h"

#include "base/text.h"

#include <algorithm>

#include <fmt/format.h>

namespace posthouse::mailbox {

namespace {

constexpr NameLimits limits;
constexpr std::size_t most_subscriptions = 20'000;
constexpr std::string_view inbox = "INBOX";

// RFC 2342's other namespaces, kept free for mailboxes of others: what stands below them would be out of reach. In any
// case, or two trees of one look would lie side by side.
std::optional<Error> reserved(std::string_view name)
{
    const std::string_view top = split(name, '/').front();
    if (equals_ignoring_case(top, "Other Users") || equals_ignoring_case(top, shared_namespace))
        return Error{ErrorCode::not_permitted, fmt::format("'{}' is reserved for mailboxes of others", top)};
    return std::nullopt;
}

MailboxRow new_row(Draft& draft, IdSource& ids, NodeId parent, std::string leaf, SpecialUse use = SpecialUse::none)
{
    return {.node = ids.next(),
            .parent = parent,
            .leaf = std::move(leaf),
            .mailbox = ids.next(),
            .shelf = ids.next(),
            .uid_validity = draft.new_uid_validity(),
            .special_use = use,
            .shelf_since = draft.modseq()};
}

struct Spot {
    NodeId parent = 0;
    std::string leaf;
};

// How many levels above the name's last are missing.
std::size_t missing_parents(const State& state, std::string_view name)
{
    std::size_t missing = 0;
    for (std::size_t slash = name.rfind('/'); slash != name.npos; slash = name.rfind('/', slash - 1)) {
        if (state.find_name(name.substr(0, slash)))
            break;
        ++missing;
    }
    return missing;
}

std::optional<Error> no_room(const State& state, std::string_view name, std::size_t more)
{
    if (state.mailboxes().size() + missing_parents(state, name) + more > limits.mailboxes)
        return Error{ErrorCode::limit, fmt::format("an account has at most {} mailboxes", limits.mailboxes)};
    return std::nullopt;
}

// RFC 4314 section 3: a new mailbox may be looked into by those who may look into the one above it.
void inherit_acl(Draft& draft, MailboxId mailbox, std::string_view name)
{
    for (std::size_t slash = name.rfind('/'); slash != name.npos && slash > 0; slash = name.rfind('/', slash - 1)) {
        const MailboxState* above = draft.state().find_name(name.substr(0, slash));
        if (!above)
            continue;
        if (const AclPtr acl = draft.state().acl_of(above->row.mailbox))
            draft.set_acl(mailbox, *acl);
        return;
    }
}

// RFC 3501 section 6.3.3: superior names that do not exist are created.
Spot make_parents(Draft& draft, IdSource& ids, std::string_view name)
{
    Spot spot;
    std::string path;
    for (const std::string_view level : split(name, '/')) {
        if (!spot.leaf.empty()) {
            path += path.empty() ? spot.leaf : '/' + spot.leaf;
            const MailboxState* parent = draft.state().find_name(path);
            if (parent) {
                spot.parent = parent->row.node;
            } else {
                MailboxRow row = new_row(draft, ids, spot.parent, spot.leaf);
                spot.parent = row.node;
                inherit_acl(draft, row.mailbox, path);
                draft.put_mailbox(std::move(row));
            }
        }
        spot.leaf = level;
    }
    return spot;
}

// What was on the mailbox's shelf goes, in the background where it is much.
void clear(Draft& draft, IdSource& ids, const MailboxRow& row)
{
    if (row.messages == 0) {
        draft.erase_range(vanished_of(row.mailbox));
        return;
    }
    draft.head.bytes -= row.bytes;
    draft.head.messages -= row.messages;
    draft.open_intent(ids.next(), {.kind = IntentRow::Kind::clear, .shelf = row.shelf, .mailbox = row.mailbox});
}

}  // namespace

void found_account(Draft& draft, IdSource& ids)
{
    constexpr std::pair<std::string_view, SpecialUse> mailboxes[] = {
        {inbox, SpecialUse::none},  {"Drafts", SpecialUse::drafts}, {"Sent", SpecialUse::sent},
        {"Junk", SpecialUse::junk}, {"Trash", SpecialUse::trash},   {"Archive", SpecialUse::archive},
    };
    for (const auto& [name, use] : mailboxes) {
        draft.put_mailbox(new_row(draft, ids, 0, std::string(name), use));
        draft.subscribe(std::string(name), true);
    }
    draft.purpose = store::Purpose::intake;
}

Planned CreateRequest::plan(Draft& draft)
{
    // RFC 3501 section 6.3.3: a separator at the end only announces children.
    if (name_.size() > 1 && name_.back() == '/')
        name_.pop_back();
    const auto name = normal_name(name_);
    if (!name)
        return refused(name.error());
    if (auto error = reserved(*name))
        return refused(*std::move(error));
    const State& state = draft.state();
    const MailboxState* there = state.find_name(*name);
    if (there && there->row.selectable)
        return refuse(ErrorCode::already_exists, "there is a mailbox of that name");
    if (use_ != SpecialUse::none)
        for (const auto& [node, mailbox] : state.mailboxes())
            if (mailbox.row.special_use == use_)
                return refuse(ErrorCode::not_permitted, "another mailbox has that special use");
    if (auto error = there ? std::nullopt : no_room(state, *name, 1))
        return refused(*std::move(error));
    if (draft.changed())
        return Planned::full;

    draft.purpose = store::Purpose::intake;
    MailboxRow row;
    if (there) {  // its name stood for its children only: nothing of the old mailbox comes back
        row = new_row(draft, ids_, there->row.parent, there->row.leaf, use_);
        row.node = there->row.node;
    } else {
        Spot spot = make_parents(draft, ids_, *name);
        row = new_row(draft, ids_, spot.parent, std::move(spot.leaf), use_);
    }
    result_ = row.mailbox;
    inherit_acl(draft, row.mailbox, *name);
    draft.put_mailbox(std::move(row));
    return Planned::all;
}

Planned RemoveRequest::plan(Draft& draft)
{
    const auto name = normal_name(name_);
    if (!name)
        return refused(name.error());
    if (*name == inbox)
        return refuse(ErrorCode::not_permitted, "INBOX cannot be deleted");
    const State& state = draft.state();
    const MailboxState* mailbox = state.find_name(*name);
    if (!mailbox)
        return refuse(ErrorCode::not_found, "no such mailbox");
    const bool has_children = !state.children_of(mailbox->row.node).empty();
    if (has_children && !mailbox->row.selectable)
        return refuse(ErrorCode::not_permitted, "the mailbox has children: delete them first");
    if (draft.changed())
        return Planned::full;

    const MailboxRow row = mailbox->row;
    clear(draft, ids_, row);
    draft.take_mailbox(row.node);
    if (has_children) {  // RFC 3501 section 6.3.4: the name stays, \Noselect
        MailboxRow name_only = new_row(draft, ids_, row.parent, row.leaf);
        name_only.node = row.node;
        name_only.selectable = false;
        draft.put_mailbox(std::move(name_only));
    }
    result_ = {};
    return Planned::all;
}

std::optional<Error> RenameRequest::objection(const State& state, const MailboxState& source) const
{
    if (auto error = reserved(to_))
        return error;
    if (state.find_name(to_))
        return Error{ErrorCode::already_exists, "there is a mailbox of that name"};
    if (auto error = no_room(state, to_, from_ == inbox ? 1 : 0))
        return error;
    if (from_ == inbox)
        return std::nullopt;
    if (to_.starts_with(from_ + '/'))
        return Error{ErrorCode::malformed, "a mailbox cannot be moved into itself"};
    const NodeId node = source.row.node;
    const std::size_t below = state.longest_below(node);
    if (below > 0 && to_.size() + 1 + below > limits.name_bytes)
        return Error{ErrorCode::malformed,
                     fmt::format("a name below it would be longer than {} bytes", limits.name_bytes)};
    if (split(to_, '/').size() + state.depth_below(node) > limits.depth)
        return Error{ErrorCode::malformed, fmt::format("a name below it would be deeper than {} levels", limits.depth)};
    return std::nullopt;
}

Planned RenameRequest::plan(Draft& draft)
{
    const auto from = normal_name(from_);
    const auto to = normal_name(to_);
    if (!from || !to)
        return refused(from ? to.error() : from.error());
    from_ = *from;
    to_ = *to;
    const MailboxState* source = draft.state().find_name(from_);
    if (!source)
        return refuse(ErrorCode::not_found, "no such mailbox");
    if (auto error = objection(draft.state(), *source))
        return refused(*std::move(error));
    if (draft.changed())
        return Planned::full;
    result_ = {};
    if (from_ == inbox) {
        move_inbox(draft, source->row);
        return Planned::all;
    }
    Spot spot = make_parents(draft, ids_, to_);
    MailboxRow row = source->row;
    row.parent = spot.parent;
    row.leaf = std::move(spot.leaf);
    draft.put_mailbox(std::move(row));
    return Planned::all;
}

// RFC 3501 section 6.3.5: its messages move to a new mailbox, INBOX stays and is empty, what lies below it stays.
// The shelf changes hands, so this is one small batch however many messages there are.
void RenameRequest::move_inbox(Draft& draft, const MailboxRow& inbox)
{
    Spot spot = make_parents(draft, ids_, to_);
    MailboxRow target = new_row(draft, ids_, spot.parent, std::move(spot.leaf));
    MailboxRow emptied = inbox;
    emptied.shelf = std::exchange(target.shelf, inbox.shelf);
    target.uid_next = inbox.uid_next;
    target.messages = std::exchange(emptied.messages, 0);
    target.unseen = std::exchange(emptied.unseen, 0);
    target.deleted = std::exchange(emptied.deleted, 0);
    target.bytes = std::exchange(emptied.bytes, 0);
    emptied.shelf_since = draft.modseq();
    if (inbox.messages > 0) {
        VanishedRow vanished;
        vanished.uids.add({1, inbox.uid_next - 1});
        draft.put(vanished_key(inbox.mailbox, draft.modseq()), write_vanished(vanished));
    }
    draft.put_mailbox(std::move(target));
    draft.put_mailbox(std::move(emptied));
}

Planned SubscribeRequest::plan(Draft& draft)
{
    const auto name = normal_name(name_);
    if (!name)
        return refused(name.error());
    result_ = {};
    const auto& subscribed = draft.state().subscribed;
    if (subscribed.contains(*name) == on_)
        return Planned::all;
    if (on_ && subscribed.size() >= most_subscriptions)
        return refuse(ErrorCode::limit, fmt::format("an account has at most {} subscriptions", most_subscriptions));
    if (draft.changed())
        return Planned::full;
    draft.subscribe(*name, on_);
    return Planned::all;
}

std::optional<Need> OpenRequest::need(const State& state) const
{
    const MailboxState* mailbox = state.find_mailbox(mailbox_);
    if (!mailbox || !mailbox->row.selectable || mailbox->has(Depth::whole))
        return std::nullopt;
    return Need{mailbox->row.node, Depth::whole};
}

Planned OpenRequest::plan(Draft& draft)
{
    const MailboxState* mailbox = draft.state().find_mailbox(mailbox_);
    if (!mailbox || !mailbox->row.selectable)
        return refuse(ErrorCode::not_found, "no such mailbox");
    result_ = mailbox->shelf->snapshot();
    return Planned::all;
}

}  // namespace posthouse::mailbox

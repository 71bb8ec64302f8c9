// CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE: RFC 3501 sections 6.3.3 to 6.3.7, RFC 6154.
#include "imap/grammar/list_pattern.h"
#include "imap/server/commands.h"
#include "imap/server/shared_names.h"

namespace posthouse::imap {

namespace {

using mailbox::SpecialUse;

std::optional<SpecialUse> special_use(std::string_view name)
{
    constexpr std::array<std::pair<std::string_view, SpecialUse>, 6> uses{{{"", SpecialUse::none},
                                                                           {"\\Drafts", SpecialUse::drafts},
                                                                           {"\\Sent", SpecialUse::sent},
                                                                           {"\\Junk", SpecialUse::junk},
                                                                           {"\\Trash", SpecialUse::trash},
                                                                           {"\\Archive", SpecialUse::archive}}};
    for (const auto& [text, use] : uses)
        if (equals_ignoring_case(text, name))
            return use;
    return std::nullopt;
}

// Below "shared/" only what somebody shares has a place.
Reply no_place() { return Reply::no("this name belongs to mailboxes that others share", "NOPERM"); }

}  // namespace

Task<Reply> create(Session& session, Command command)
{
    auto& arguments = std::get<CreateArguments>(command.arguments);
    const auto use = special_use(arguments.special_use);
    if (!use)
        co_return Reply::no("this special use is not known here", "USEATTR");
    // RFC 3501 section 6.3.3: a separator at the end only says that children will follow.
    if (arguments.mailbox.size() > 1 && arguments.mailbox.ends_with(hierarchy_separator))
        arguments.mailbox.pop_back();
    Result<Place> place = co_await place_of(session, arguments.mailbox);
    if (!place)
        co_return no_place();
    const Result<mailbox::MailboxId> created = co_await place->account->create(std::move(place->name), *use);
    // RFC 6154 section 5: what somebody has already for this use; a name that is kept for others is none to have.
    if (!created && created.error() == ErrorCode::not_permitted && place->prefix.empty())
        co_return Reply::no(created.error().text, *use == SpecialUse::none ? "CANNOT" : "USEATTR");
    if (!created)
        co_return refusal(created.error());
    const Result<std::string> normal = mailbox::normal_name(arguments.mailbox);
    if (session.enabled().rev2 && normal && *normal != arguments.mailbox) {  // RFC 9051 section 6.3.4
        session.out().raw("* LIST () \"/\" ").mailbox(*normal);
        session.out().raw(" (\"OLDNAME\" (").mailbox(arguments.mailbox).raw("))\r\n");
    }
    co_return Reply::ok("created", "MAILBOXID (" + id_text(*created) + ")");  // RFC 8474 section 4.1
}

namespace {

// A name that stands only because others are below it.
Task<bool> is_but_a_parent(mailbox::Account& account, std::string name)
{
    const Result<mailbox::MailboxTreePtr> tree = co_await account.tree();
    const mailbox::Mailbox* found = tree ? (*tree)->find(name) : nullptr;
    co_return found != nullptr && !found->selectable;
}

}  // namespace

Task<Reply> delete_mailbox(Session& session, Command command)
{
    Result<Place> place = co_await place_of(session, std::move(std::get<MailboxArguments>(command.arguments).mailbox));
    if (!place)
        co_return refusal(place.error());
    const Result<void> removed = co_await place->account->remove(place->name);
    if (!removed && removed.error() == ErrorCode::not_permitted && !place->prefix.empty())
        co_return refusal(removed.error());
    if (!removed && removed.error() == ErrorCode::not_permitted) {
        const bool has_children = co_await is_but_a_parent(*place->account, place->name);
        co_return Reply::no(removed.error().text.empty() ? "this mailbox cannot be deleted" : removed.error().text,
                            has_children ? "HASCHILDREN" : "CANNOT");  // RFC 9051 section 6.3.5
    }
    if (!removed)
        co_return refusal(removed.error());
    co_return Reply::ok("deleted");
}

Task<Reply> rename(Session& session, Command command)
{
    auto& arguments = std::get<RenameArguments>(command.arguments);
    Result<Place> from = co_await place_of(session, std::move(arguments.from));
    if (!from)
        co_return refusal(from.error());
    Result<Place> to = co_await place_of(session, std::move(arguments.to));
    if (!to)
        co_return no_place();
    if (from->account->id() != to->account->id())
        co_return Reply::no("a mailbox stays with its owner", "CANNOT");
    const Result<void> renamed = co_await from->account->rename(std::move(from->name), std::move(to->name));
    if (!renamed && renamed.error() == ErrorCode::not_permitted && !from->prefix.empty())
        co_return refusal(renamed.error());
    if (!renamed && renamed.error() == ErrorCode::not_permitted)
        co_return Reply::no(renamed.error().text.empty() ? "this mailbox cannot be renamed" : renamed.error().text,
                            "CANNOT");
    if (!renamed)
        co_return refusal(renamed.error());
    co_return Reply::ok("renamed");
}

Task<Reply> subscribe(Session& session, Command command)
{
    const bool on = command.verb == Verb::subscribe;
    const Result<void> done =
        co_await session.account().subscribe(std::move(std::get<MailboxArguments>(command.arguments).mailbox), on);
    if (!done)
        co_return refusal(done.error());
    co_return Reply::ok(on ? "subscribed" : "unsubscribed");
}

}  // namespace posthouse::imap

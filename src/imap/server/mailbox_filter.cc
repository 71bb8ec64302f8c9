#include "imap/server/mailbox_filter.h"

#include "imap/grammar/list_pattern.h"
#include "imap/server/shared_names.h"

#include <algorithm>

namespace posthouse::imap {

namespace {

using Kind = MailboxFilter::Kind;

bool is_below(std::string_view name, std::string_view top)
{
    return name.size() > top.size() && name.starts_with(top) && name[top.size()] == hierarchy_separator;
}

bool has_one_level(std::string_view name, std::string_view top)
{
    return name.find(hierarchy_separator, top.size() + 1) == std::string_view::npos;
}

}  // namespace

bool is_named(const MailboxFilter& filter, const mailbox::Mailbox& mailbox, mailbox::MailboxId selected)
{
    const auto any = [&](auto fits) {
        return std::ranges::any_of(filter.names, [&](const std::string& wire) {
            const auto name = mailbox::normal_name(wire);
            return name && fits(*name);
        });
    };
    const std::string_view name = mailbox.name;
    switch (filter.kind) {
    case Kind::selected:
    case Kind::selected_delayed: return mailbox.id == selected;
    case Kind::inboxes: return name == "INBOX";  // the one that mail is delivered to
    case Kind::personal: return !name.starts_with(shared_prefix);  // of one's own none is called so
    case Kind::subscribed: return mailbox.subscribed;
    case Kind::subtree: return any([&](std::string_view top) { return name == top || is_below(name, top); });
    case Kind::subtree_one:
        return any(
            [&](std::string_view top) { return name == top || (is_below(name, top) && has_one_level(name, top)); });
    case Kind::mailboxes: return any([&](std::string_view one) { return name == one; });
    }
    return false;
}

bool can_name(const MailboxFilter& filter, std::string_view prefix)
{
    const auto any = [&](auto fits) {
        return std::ranges::any_of(filter.names, [&](const std::string& name) { return fits(std::string_view(name)); });
    };
    const auto is_inside = [&](std::string_view name) { return name.starts_with(prefix); };
    const auto is_above = [&](std::string_view name) {
        return prefix.substr(0, prefix.size() - 1) == name || is_below(prefix, name);
    };
    switch (filter.kind) {
    case Kind::subscribed: return true;
    case Kind::mailboxes: return any(is_inside);
    case Kind::subtree:
    case Kind::subtree_one: return any([&](std::string_view name) { return is_inside(name) || is_above(name); });
    default: return false;
    }
}

}  // namespace posthouse::imap

#include "imap/server/mailbox_filter.h"

#include "imap/grammar/list_pattern.h"

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
    case Kind::personal: return true;
    case Kind::subscribed: return mailbox.subscribed;
    case Kind::subtree: return any([&](std::string_view top) { return name == top || is_below(name, top); });
    case Kind::subtree_one:
        return any(
            [&](std::string_view top) { return name == top || (is_below(name, top) && has_one_level(name, top)); });
    case Kind::mailboxes: return any([&](std::string_view one) { return name == one; });
    }
    return false;
}

}  // namespace posthouse::imap

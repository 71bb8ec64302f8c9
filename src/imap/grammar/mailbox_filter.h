// Which mailboxes a NOTIFY or ESEARCH speaks of: RFC 5465 section 6, RFC 7377 section 2.2.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace posthouse::imap {

struct MailboxFilter {
    enum class Kind : std::uint8_t {
        selected,
        selected_delayed,  // NOTIFY: expunges wait for a command that may tell them
        inboxes,
        personal,
        subscribed,
        subtree,  // `names` and all below
        subtree_one,  // `names` and one level below
        mailboxes,  // `names`
    };
    static constexpr std::size_t most_names = 1000;

    Kind kind = Kind::selected;
    std::vector<std::string> names;  // UTF-8
};

}  // namespace posthouse::imap

// IMAP URLs that name a message or a part of one, as CATENATE takes them: RFC 5092, RFC 4469.
#pragma once

#include "imap/grammar/fetch_attributes.h"

#include <optional>
#include <string>
#include <string_view>

namespace posthouse::imap {

struct MessageUrl {
    std::string user;  // empty: not said; decoded
    std::string host;  // empty: a relative URL
    std::string mailbox;  // empty: the selected one; UTF-8
    std::optional<std::uint32_t> uid_validity;
    std::uint32_t uid = 0;
    Section section;  // the whole message where none is named
    std::optional<Partial> partial;
};

// "/Drafts;UIDVALIDITY=385759045/;UID=20/;SECTION=1.2/;PARTIAL=0.1024", with "imap://user@host" before it or not.
std::optional<MessageUrl> message_url(std::string_view text);

}  // namespace posthouse::imap

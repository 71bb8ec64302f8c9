#include "imap/server/capability.h"

#include "imap/server/commands.h"

namespace posthouse::imap {

namespace {

// Each is whole; what is not whole is not told.
constexpr std::string_view always = "IMAP4rev1 LITERAL+ SASL-IR ID ENABLE";  // RFC 3501, 7888, 4959, 2971, 5161
// RFC 2177, 2342, 4315, 6851, 3691, 3348, 6154 (twice), 5258, 5819, 8438, 7162, 4731, 5032, 8474, 8514, 8970, 7889
constexpr std::string_view after_login =
    " IDLE NAMESPACE UIDPLUS MOVE UNSELECT CHILDREN SPECIAL-USE CREATE-SPECIAL-USE LIST-EXTENDED LIST-STATUS "
    "STATUS=SIZE CONDSTORE ESEARCH WITHIN OBJECTID SAVEDATE PREVIEW APPENDLIMIT=";

}  // namespace

std::string capability_list(const CapabilityFacts& facts)
{
    std::string list(always);
    if (facts.is_logged_in)
        return list.append(after_login) + std::to_string(facts.append_limit);
    if (facts.can_start_tls)
        list += " STARTTLS";
    if (!facts.may_send_passwords)
        list += " LOGINDISABLED";
    for (const std::string& mechanism : facts.mechanisms)
        list += " AUTH=" + mechanism;
    return list;
}

Task<Reply> capability(Session& session, Command)
{
    session.out().raw("* CAPABILITY ").raw(session.capabilities()).crlf();
    co_return Reply::ok("that is what can be done");
}

}  // namespace posthouse::imap

#include "imap/server/capability.h"

#include "imap/server/commands.h"

namespace posthouse::imap {

namespace {

// Each is whole; what is not whole is not told. LITERAL+ says all that LITERAL- does, and RFC 7888 section 5 allows
// but one of them. RFC 3501, 9051, 7888, 4959, 2971, 5161.
constexpr std::string_view always = "IMAP4rev1 IMAP4rev2 LITERAL+ SASL-IR ID ENABLE";
constexpr std::string_view after_login =
    // RFC 2177, 2342, 4315, 6851, 3691
    " IDLE NAMESPACE UIDPLUS MOVE UNSELECT"
    // RFC 3348, 6154 (twice), 5258, 5819, 8440, 9590, 8438
    " CHILDREN SPECIAL-USE CREATE-SPECIAL-USE LIST-EXTENDED LIST-STATUS LIST-MYRIGHTS LIST-METADATA STATUS=SIZE"
    // RFC 3502, 4469, 8508, 3516
    " MULTIAPPEND CATENATE REPLACE BINARY"
    // RFC 7162 (twice), 6855, 9586, 10022, 8437
    " CONDSTORE QRESYNC UTF8=ACCEPT UIDONLY UIDBATCHES UNAUTHENTICATE"
    // RFC 4731, 5182, 9394, 5032, 9585, 5267, 7377, 6203, 5465
    " ESEARCH SEARCHRES PARTIAL WITHIN INPROGRESS CONTEXT=SEARCH MULTISEARCH SEARCH=FUZZY NOTIFY"
    // RFC 9208 (twice), 5464, 4314 (twice)
    " QUOTA QUOTA=RES-STORAGE METADATA ACL RIGHTS=kxte";
// RFC 5256, 5957, 5267 (twice). Not with a MESSAGELIMIT: without an index in each order a server tells of one of the
// two (RFC 9738 section 3.3).
constexpr std::string_view sorting = " SORT SORT=DISPLAY ESORT CONTEXT=SORT";
// RFC 5256 (twice), 8474, 8514, 8970, 7889
constexpr std::string_view threads_and_later =
    " THREAD=ORDEREDSUBJECT THREAD=REFERENCES OBJECTID SAVEDATE PREVIEW APPENDLIMIT=";

}  // namespace

std::string capability_list(const CapabilityFacts& facts)
{
    std::string list(always);
    if (facts.is_logged_in && facts.can_compress)
        list += " COMPRESS=DEFLATE";  // RFC 4978
    if (facts.is_logged_in) {
        list.append(after_login).append(facts.message_limit == 0 ? sorting : "").append(threads_and_later);
        list += std::to_string(facts.append_limit);
        if (facts.message_limit != 0)
            list += " MESSAGELIMIT=" + std::to_string(facts.message_limit);  // RFC 9738
        return list;
    }
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

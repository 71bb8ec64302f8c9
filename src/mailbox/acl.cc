#include "mailbox/acl.h"

#include <algorithm>

namespace posthouse::mailbox {

namespace {

constexpr std::string_view letters_in_order = "lrswipkxtea";
static_assert(letters_in_order.size() == number_of_rights);

constexpr Rights old_create = Rights().add(Right::create).add(Right::remove_mailbox);
constexpr Rights old_delete = Rights().add(Right::remove_messages).add(Right::expunge);

auto place_of(const AclEntry& entry) { return std::pair(entry.account, entry.negative); }

}  // namespace

Result<Rights> rights_of(std::string_view letters)
{
    Rights rights;
    for (const char letter : letters) {
        const std::size_t at = letters_in_order.find(letter);
        if (at != letters_in_order.npos)
            rights.add(static_cast<Right>(at));
        else if (letter == 'c')
            rights = rights | old_create;
        else if (letter == 'd')
            rights = rights | old_delete;
        else
            return fail(ErrorCode::malformed, "there is no such right");
    }
    return rights;
}

std::string text_of(Rights rights)
{
    std::string text;
    for (std::size_t i = 0; i < number_of_rights; ++i)
        if (rights.has(static_cast<Right>(i)))
            text += letters_in_order[i];
    if (rights.without(old_create) != rights)
        text += 'c';
    if (rights.without(old_delete) != rights)
        text += 'd';
    return text;
}

Rights rights_in(const Acl& acl, Id account)
{
    Rights given;
    Rights taken;
    for (const AclEntry& entry : acl) {
        if (entry.account != account && entry.account != anyone)
            continue;
        Rights& into = entry.negative ? taken : given;
        into = into | entry.rights;
    }
    return given.without(taken);
}

Acl changed(Acl acl, const AclEntry& entry, AclChange change)
{
    auto at = std::ranges::lower_bound(acl, place_of(entry), {}, place_of);
    if (at == acl.end() || place_of(*at) != place_of(entry))
        at = acl.insert(at, {.account = entry.account, .negative = entry.negative, .rights = {}});
    switch (change) {
    case AclChange::replace: at->rights = entry.rights; break;
    case AclChange::add: at->rights = at->rights | entry.rights; break;
    case AclChange::remove: at->rights = at->rights.without(entry.rights); break;
    }
    if (at->rights.empty())
        acl.erase(at);
    return acl;
}

}  // namespace posthouse::mailbox

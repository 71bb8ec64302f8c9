#include "imap/server/command_table.h"

#include "imap/server/commands.h"

#include <algorithm>
#include <array>

namespace posthouse::imap {

namespace {

constexpr auto before_login = static_cast<std::uint8_t>(State::not_authenticated);
constexpr auto selected = static_cast<std::uint8_t>(State::selected);
constexpr auto logged_in = static_cast<std::uint8_t>(static_cast<std::uint8_t>(State::authenticated) | selected);
constexpr auto by_number = Numbers::in_arguments;
constexpr auto any = static_cast<std::uint8_t>(before_login | logged_in);

// RFC 3501 section 6 and the extensions of capability.cc, in the order of Verb.
constexpr std::array table{
    CommandRow{Verb::append, logged_in, Update::all, check_append, append},
    CommandRow{Verb::authenticate, before_login, Update::none, check_authenticate, authenticate},
    CommandRow{Verb::cancel_update, selected, Update::all, nullptr, cancel_update},
    CommandRow{Verb::capability, any, Update::all, nullptr, capability},
    CommandRow{Verb::check, selected, Update::all, nullptr, check},
    CommandRow{Verb::close, selected, Update::none, nullptr, close},
    CommandRow{Verb::compress, logged_in, Update::all, check_compress, compress},
    CommandRow{Verb::copy, selected, Update::all, nullptr, copy, by_number},
    CommandRow{Verb::create, logged_in, Update::all, nullptr, create},
    CommandRow{Verb::delete_acl, logged_in, Update::all, nullptr, delete_acl},
    CommandRow{Verb::delete_mailbox, logged_in, Update::all, nullptr, delete_mailbox},
    CommandRow{Verb::enable, logged_in, Update::all, nullptr, enable},
    CommandRow{Verb::esearch, logged_in, Update::without_expunges, check_esearch, esearch},
    CommandRow{Verb::examine, logged_in, Update::none, check_select, select},
    CommandRow{Verb::expunge, selected, Update::all, check_writable, expunge},
    CommandRow{Verb::fetch, selected, Update::without_expunges_unless_uid, check_fetch, fetch, by_number},
    CommandRow{Verb::get_acl, logged_in, Update::all, nullptr, get_acl},
    CommandRow{Verb::get_metadata, logged_in, Update::all, nullptr, get_metadata},
    CommandRow{Verb::get_quota, logged_in, Update::all, nullptr, get_quota},
    CommandRow{Verb::get_quota_root, logged_in, Update::all, nullptr, get_quota_root},
    CommandRow{Verb::id, any, Update::all, nullptr, id},
    CommandRow{Verb::idle, logged_in, Update::all, nullptr, idle},
    CommandRow{Verb::list, logged_in, Update::all, nullptr, list},
    CommandRow{Verb::list_rights, logged_in, Update::all, nullptr, list_rights},
    CommandRow{Verb::login, before_login, Update::none, check_login, login},
    CommandRow{Verb::logout, any, Update::none, nullptr, logout},
    CommandRow{Verb::lsub, logged_in, Update::all, nullptr, lsub},
    CommandRow{Verb::move, selected, Update::all, check_writable, move, by_number},
    CommandRow{Verb::my_rights, logged_in, Update::all, nullptr, my_rights},
    CommandRow{Verb::name_space, logged_in, Update::all, nullptr, name_space},
    CommandRow{Verb::noop, any, Update::all, nullptr, noop},
    CommandRow{Verb::notify, logged_in, Update::all, nullptr, notify},
    CommandRow{Verb::rename, logged_in, Update::all, nullptr, rename},
    CommandRow{Verb::replace, selected, Update::all, check_replace, replace, by_number},
    CommandRow{Verb::search, selected, Update::without_expunges_unless_uid, check_search, search, by_number},
    CommandRow{Verb::select, logged_in, Update::none, check_select, select},
    CommandRow{Verb::set_acl, logged_in, Update::all, nullptr, set_acl},
    CommandRow{Verb::set_metadata, logged_in, Update::all, nullptr, set_metadata},
    CommandRow{Verb::set_quota, logged_in, Update::all, nullptr, set_quota},
    CommandRow{Verb::sort, selected, Update::without_expunges_unless_uid, check_sort, sort, by_number},
    CommandRow{Verb::starttls, before_login, Update::none, check_starttls, starttls},
    CommandRow{Verb::status, logged_in, Update::all, nullptr, status},
    CommandRow{Verb::store, selected, Update::without_expunges_unless_uid, check_writable, store, by_number},
    CommandRow{Verb::subscribe, logged_in, Update::all, nullptr, subscribe},
    CommandRow{Verb::thread, selected, Update::without_expunges_unless_uid, nullptr, thread, by_number},
    CommandRow{Verb::uid_batches, selected, Update::all, check_uid_batches, uid_batches},
    CommandRow{Verb::unauthenticate, logged_in, Update::none, nullptr, unauthenticate},
    CommandRow{Verb::unselect, selected, Update::none, nullptr, unselect},
    CommandRow{Verb::unsubscribe, logged_in, Update::all, nullptr, subscribe},
};
static_assert(std::ranges::is_sorted(table, {}, &CommandRow::verb));

}  // namespace

const CommandRow* row_of(Verb verb)
{
    const auto* found = std::ranges::lower_bound(table, verb, {}, &CommandRow::verb);
    return found != table.end() && found->verb == verb ? found : nullptr;
}

}  // namespace posthouse::imap

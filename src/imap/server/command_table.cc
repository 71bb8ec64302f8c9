#include "imap/server/command_table.h"

#include "imap/server/commands.h"

#include <algorithm>
#include <array>

namespace posthouse::imap {

namespace {

constexpr auto before_login = static_cast<std::uint8_t>(State::not_authenticated);
constexpr auto selected = static_cast<std::uint8_t>(State::selected);
constexpr auto logged_in = static_cast<std::uint8_t>(static_cast<std::uint8_t>(State::authenticated) | selected);
constexpr auto any = static_cast<std::uint8_t>(before_login | logged_in);

// RFC 3501 section 6, in the order of Verb.
constexpr std::array table{
    CommandRow{Verb::append, logged_in, Update::all, check_append, append},
    CommandRow{Verb::authenticate, before_login, Update::none, check_authenticate, authenticate},
    CommandRow{Verb::capability, any, Update::all, nullptr, capability},
    CommandRow{Verb::check, selected, Update::all, nullptr, check},
    CommandRow{Verb::close, selected, Update::none, nullptr, close},
    CommandRow{Verb::copy, selected, Update::all, nullptr, copy},
    CommandRow{Verb::create, logged_in, Update::all, nullptr, create},
    CommandRow{Verb::delete_mailbox, logged_in, Update::all, nullptr, delete_mailbox},
    CommandRow{Verb::enable, logged_in, Update::all, nullptr, enable},
    CommandRow{Verb::examine, logged_in, Update::none, nullptr, select},
    CommandRow{Verb::expunge, selected, Update::all, check_writable, expunge},
    CommandRow{Verb::fetch, selected, Update::without_expunges_unless_uid, nullptr, fetch},
    CommandRow{Verb::id, any, Update::all, nullptr, id},
    CommandRow{Verb::idle, logged_in, Update::all, nullptr, idle},
    CommandRow{Verb::list, logged_in, Update::all, nullptr, list},
    CommandRow{Verb::login, before_login, Update::none, check_login, login},
    CommandRow{Verb::logout, any, Update::none, nullptr, logout},
    CommandRow{Verb::lsub, logged_in, Update::all, nullptr, lsub},
    CommandRow{Verb::move, selected, Update::all, check_writable, move},
    CommandRow{Verb::name_space, logged_in, Update::all, nullptr, name_space},
    CommandRow{Verb::noop, any, Update::all, nullptr, noop},
    CommandRow{Verb::rename, logged_in, Update::all, nullptr, rename},
    CommandRow{Verb::search, selected, Update::without_expunges_unless_uid, nullptr, search},
    CommandRow{Verb::select, logged_in, Update::none, nullptr, select},
    CommandRow{Verb::starttls, before_login, Update::none, check_starttls, starttls},
    CommandRow{Verb::status, logged_in, Update::all, nullptr, status},
    CommandRow{Verb::store, selected, Update::without_expunges_unless_uid, check_writable, store},
    CommandRow{Verb::subscribe, logged_in, Update::all, nullptr, subscribe},
    CommandRow{Verb::unselect, selected, Update::none, nullptr, unselect},
    CommandRow{Verb::unsubscribe, logged_in, Update::all, nullptr, subscribe},
};
static_assert(std::ranges::is_sorted(table, {}, &CommandRow::verb));
static_assert(table.size() == static_cast<std::size_t>(Verb::unsubscribe) + 1);

}  // namespace

const CommandRow& row_of(Verb verb) { return table[static_cast<std::size_t>(verb)]; }

}  // namespace posthouse::imap

// A mailbox seen through POP3: one list of messages, no flags. Private to the room.
#pragma once

#include "mua/commands.h"
#include "mua/summary.h"

namespace posthouse::mua {

Task<Outcome> list_by_pop3(Desk& desk, ListOptions options);
// The message that a reference names, whole.
Task<Result<std::string>> fetch_by_pop3(pop3::Client& client, std::string account, std::string reference);
Task<Outcome> delete_by_pop3(Desk& desk, DeleteOptions options);

// Prints a listing as a table or as JSON. `found`: how many there are.
void print_list(const Desk& desk, const Identity& identity, const std::vector<Summary>& list,
                const ListOptions& options, std::size_t found);

}  // namespace posthouse::mua

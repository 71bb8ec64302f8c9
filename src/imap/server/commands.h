// The functions behind the table's rows, each in the file of its command's name.
#pragma once

#include "imap/server/session.h"

namespace posthouse::imap {

std::optional<Reply> check_append(Session& session, const Command& command);
std::optional<Reply> check_authenticate(Session& session, const Command& command);
std::optional<Reply> check_login(Session& session, const Command& command);
std::optional<Reply> check_starttls(Session& session, const Command& command);
// STORE, EXPUNGE, MOVE: not in a mailbox that EXAMINE has opened.
std::optional<Reply> check_writable(Session& session, const Command& command);

Task<Reply> append(Session& session, Command command);
Task<Reply> authenticate(Session& session, Command command);
Task<Reply> capability(Session& session, Command command);
Task<Reply> check(Session& session, Command command);
Task<Reply> close(Session& session, Command command);
Task<Reply> copy(Session& session, Command command);
Task<Reply> create(Session& session, Command command);
Task<Reply> delete_mailbox(Session& session, Command command);
Task<Reply> enable(Session& session, Command command);
Task<Reply> expunge(Session& session, Command command);
Task<Reply> fetch(Session& session, Command command);
Task<Reply> id(Session& session, Command command);
Task<Reply> idle(Session& session, Command command);
Task<Reply> list(Session& session, Command command);
Task<Reply> login(Session& session, Command command);
Task<Reply> logout(Session& session, Command command);
Task<Reply> lsub(Session& session, Command command);
Task<Reply> move(Session& session, Command command);
Task<Reply> name_space(Session& session, Command command);
Task<Reply> noop(Session& session, Command command);
Task<Reply> rename(Session& session, Command command);
Task<Reply> search(Session& session, Command command);
Task<Reply> select(Session& session, Command command);  // EXAMINE too
Task<Reply> starttls(Session& session, Command command);
Task<Reply> status(Session& session, Command command);
Task<Reply> store(Session& session, Command command);
Task<Reply> subscribe(Session& session, Command command);  // UNSUBSCRIBE too
Task<Reply> unselect(Session& session, Command command);

}  // namespace posthouse::imap

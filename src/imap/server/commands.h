// The functions behind the table's rows, each in the file of its command's name.
#pragma once

#include "imap/server/session.h"

namespace posthouse::imap {

std::optional<Reply> check_append(Session& session, const Command& command);
std::optional<Reply> check_authenticate(Session& session, const Command& command);
std::optional<Reply> check_compress(Session& session, const Command& command);
std::optional<Reply> check_esearch(Session& session, const Command& command);
std::optional<Reply> check_fetch(Session& session, const Command& command);
std::optional<Reply> check_login(Session& session, const Command& command);
std::optional<Reply> check_replace(Session& session, const Command& command);
std::optional<Reply> check_search(Session& session, const Command& command);
std::optional<Reply> check_select(Session& session, const Command& command);
std::optional<Reply> check_sort(Session& session, const Command& command);
std::optional<Reply> check_starttls(Session& session, const Command& command);
std::optional<Reply> check_uid_batches(Session& session, const Command& command);
// STORE, EXPUNGE, MOVE: not in a mailbox that EXAMINE has opened.
std::optional<Reply> check_writable(Session& session, const Command& command);

Task<Reply> append(Session& session, Command command);
Task<Reply> authenticate(Session& session, Command command);
Task<Reply> cancel_update(Session& session, Command command);
Task<Reply> capability(Session& session, Command command);
Task<Reply> check(Session& session, Command command);
Task<Reply> close(Session& session, Command command);
Task<Reply> compress(Session& session, Command command);
Task<Reply> copy(Session& session, Command command);
Task<Reply> create(Session& session, Command command);
Task<Reply> delete_acl(Session& session, Command command);
Task<Reply> delete_mailbox(Session& session, Command command);
Task<Reply> enable(Session& session, Command command);
Task<Reply> esearch(Session& session, Command command);
Task<Reply> expunge(Session& session, Command command);
Task<Reply> fetch(Session& session, Command command);
Task<Reply> get_acl(Session& session, Command command);
Task<Reply> get_metadata(Session& session, Command command);
Task<Reply> get_quota(Session& session, Command command);
Task<Reply> get_quota_root(Session& session, Command command);
Task<Reply> id(Session& session, Command command);
Task<Reply> idle(Session& session, Command command);
Task<Reply> list(Session& session, Command command);
Task<Reply> list_rights(Session& session, Command command);
Task<Reply> login(Session& session, Command command);
Task<Reply> logout(Session& session, Command command);
Task<Reply> lsub(Session& session, Command command);
Task<Reply> move(Session& session, Command command);
Task<Reply> my_rights(Session& session, Command command);
Task<Reply> name_space(Session& session, Command command);
Task<Reply> noop(Session& session, Command command);
Task<Reply> notify(Session& session, Command command);
Task<Reply> rename(Session& session, Command command);
Task<Reply> replace(Session& session, Command command);
Task<Reply> search(Session& session, Command command);
Task<Reply> select(Session& session, Command command);  // EXAMINE too
Task<Reply> set_acl(Session& session, Command command);
Task<Reply> set_metadata(Session& session, Command command);
Task<Reply> set_quota(Session& session, Command command);
Task<Reply> sort(Session& session, Command command);
Task<Reply> starttls(Session& session, Command command);
Task<Reply> status(Session& session, Command command);
Task<Reply> store(Session& session, Command command);
Task<Reply> subscribe(Session& session, Command command);  // UNSUBSCRIBE too
Task<Reply> thread(Session& session, Command command);
Task<Reply> uid_batches(Session& session, Command command);
Task<Reply> unauthenticate(Session& session, Command command);
Task<Reply> unselect(Session& session, Command command);

// RFC 7162 sections 3.2.7 and 3.2.8: what an EXPUNGE or CLOSE that took something out says to clients of QRESYNC.
std::string expunged_code(const Session& session, const mailbox::Expunged& expunged);

}  // namespace posthouse::imap

// What is done to an account as a whole: erasing it, sweeping what has been expunged, auditing it.
#pragma once

#include "mailbox/owner.h"

namespace posthouse::mailbox {

// Expunged messages can be read, and deliveries are remembered, for so long.
inline constexpr auto keeping = std::chrono::hours(7 * 24);

Task<Result<void>> erase_account(std::shared_ptr<Owner> owner);
// Looked at without the owner, so that an account nobody uses is not loaded for nothing.
Task<Result<bool>> is_due_for_sweep(const MailboxServices& services, AccountId account);
Task<Result<Swept>> sweep_account(std::shared_ptr<Owner> owner);
Task<Result<AuditReport>> audit(std::shared_ptr<Owner> owner, AuditDepth depth);

}  // namespace posthouse::mailbox

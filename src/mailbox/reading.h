// Reading e-mails: rows and bytes, on the caller's loop, without the owner.
//
// E-mails are immutable, so whoever knows an id may read it at any time until it is swept.
#pragma once

#include "mailbox/rows.h"

namespace posthouse::mailbox {

class EmailReader {
public:
    EmailReader(AccountId account, const MailboxServices& services) : account_(account), services_(services) { }

    Task<Result<Email>> email(EmailId id) const;
    Task<Result<std::vector<Result<Email>>>> emails(std::vector<EmailId> ids) const;
    Task<Result<std::vector<StoredEmail>>> stored_emails(std::vector<EmailId> ids) const;
    Promise<Result<Account::Contents>> contents_ahead(const std::vector<EmailId>& ids) const;
    Task<Result<void>> read(Email email, std::uint64_t offset, std::uint64_t length, store::Sink sink) const;
    Task<Result<std::string>> read_all(Email email) const;

private:
    Task<Result<Email>> make(EmailId id, store::Value row) const;
    Task<Result<std::string>> side_blob(store::BlobId blob, std::uint64_t bytes) const;
    Task<Result<std::string>> body(EmailId email, std::uint64_t size) const;
    Deadline deadline() const;

    AccountId account_;
    const MailboxServices& services_;
};

// Who holds a blob: the e-mail, so that e-mails of one account which share it let go one by one.
store::Partition holder_of(EmailId email);

}  // namespace posthouse::mailbox

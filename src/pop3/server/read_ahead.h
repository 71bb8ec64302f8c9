// Messages read before they are asked for: who fetches one after the other gets the next ones from memory, and while
// they are sent, those behind them are read.
//
// Threads: one session. Lifetime: the account and the maildrop outlive it.
#pragma once

#include "mailbox/mailbox.h"
#include "pop3/server/maildrop.h"

#include <map>

namespace posthouse::pop3 {

class ReadAhead {
public:
    ReadAhead(mailbox::Account& account, const Maildrop& maildrop) : account_(account), maildrop_(maildrop) { }

    // The whole message in its pieces; nullopt: it must be read by itself (the first of a row, a large one, damage).
    Task<std::optional<std::vector<std::string>>> take(std::uint32_t number);

private:
    struct Batch {
        std::uint32_t first = 0;
        std::uint32_t last = 0;
        std::vector<std::uint32_t> numbers;
        std::vector<mailbox::StoredEmail> rows;
        std::optional<Promise<Result<mailbox::Account::Contents>>> contents;
    };
    Task<void> read_rows(std::uint32_t number);
    Task<void> begin(std::uint32_t number);
    Task<void> arrive();

    mailbox::Account& account_;
    const Maildrop& maildrop_;
    std::uint32_t before_ = 0;  // the last that was asked for
    std::map<std::uint32_t, std::vector<std::string>> here_;
    std::map<std::uint32_t, mailbox::StoredEmail> rows_;  // of what is to be read next, to before rows_until_
    std::uint32_t rows_until_ = 0;
    std::optional<Batch> coming_;
};

}  // namespace posthouse::pop3

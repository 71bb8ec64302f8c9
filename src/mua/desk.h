// What every command of the mail client works at: who it is for, and the way to the servers.
//
// Threads: one loop. Lifetime: clock and random source outlive it; it outlives what it opens.
#pragma once

#include "mua/connect.h"
#include "mua/identity.h"
#include "mua/listing.h"

namespace posthouse::mua {

// The options that the mail commands share.
struct Choice {
    std::string user;  // --user: the address, or the name to log in with
    std::string from;  // --from: the address
    std::string server;  // --server: of the mailbox; with `send` of submission
    std::string submission;  // --submission
    std::string tls;  // --tls: how with --server: "tls", "starttls", "none", "automatic"
    std::string lab_data;  // the lab's data folder
    bool pop3 = false;
    bool insecure = false;
    bool as_json = false;
    bool verbose = false;  // the dialogue on standard error
};

class Desk {
public:
    Desk(const Clock& clock, Random& random, Choice choice) : clock_(clock), random_(random), choice_(std::move(choice))
    {
    }

    // Who the command is for: by --from and --user, else the standard identity; its servers by the options.
    // A stored password goes only to the servers it was stored for. Errors: not_found with what to do.
    Result<Identity> whose(Protocol protocol);
    // Of everybody known: for sendmail's From, and to look for one's own addresses.
    Result<Identities> everybody() const;

    // Logged in.
    Task<Result<std::unique_ptr<imap::Client>>> open_imap(Identity identity);
    Task<Result<std::unique_ptr<pop3::Client>>> open_pop3(Identity identity);
    // Where the server offers no login (a relay that knows us by our address), none is made.
    Task<Result<std::unique_ptr<smtp::Client>>> open_submission(Identity identity);

    // A number means the last listing of this terminal: where nobody is named, its account is meant as well.
    void follow_listing(std::span<const std::string> messages);
    // As --from; empty changes nothing.
    void choose_sender(std::string address)
    {
        if (!address.empty())
            choice_.from = std::move(address);
    }
    // In place of asking: what `login` has read.
    void use_password(std::string password) { typed_password_ = std::move(password); }

    // Stored, in the environment, or typed. Errors: not_permitted: there is none.
    Result<std::string> password_of(const Identity& identity);

    // Whose listing numbers mean.
    std::string account_of(const Identity& identity) const;

    const Clock& clock() const { return clock_; }
    Random& random() { return random_; }
    const Choice& choice() const { return choice_; }

private:
    struct Password {
        std::string text;
        bool typed = false;  // by a person, just now
    };
    Result<Password> password_for(const Identity& identity);
    Result<Password> ask_password(const Identity& identity);
    Result<void> apply_options(Identity& identity, Protocol protocol) const;
    bool may_be_trusted_with(const Identity& identity, const ServerAt& asked) const;
    void point_at(Identity& identity, ServerAt asked, Protocol protocol) const;
    Manner manner_for(const Identity& identity, Protocol protocol) const;
    Error wrapped(Error error, const Identity& identity) const;

    const Clock& clock_;
    Random& random_;
    Choice choice_;
    std::string typed_password_;
};

// From the terminal itself, without echo, though standard input may be a pipe. closed: there is none.
Result<std::string> ask_on_terminal(const std::string& prompt);

}  // namespace posthouse::mua

// One IMAP conversation, from the greeting to LOGOUT.
//
// The session hands each command to its file by the table (command_table.h) and writes the answers.
// What a command may touch is here; what it does is in its own file. Waiting for a command, a
// session holds no buffer and nothing per message.
//
// Threads: the loop it was made on. Lifetime: a local of Server::serve(), so it outlives every await in it.
#pragma once

#include "imap/server/channel.h"
#include "imap/server/command_reader.h"
#include "imap/server/notifier.h"
#include "imap/server/reply.h"
#include "imap/server/search_context.h"
#include "imap/server/server.h"
#include "imap/server/view.h"

#include <memory>
#include <optional>
#include <string>

namespace posthouse::imap {

// RFC 3501 section 3, as bits so that a command can name several.
enum class State : std::uint8_t { not_authenticated = 1, authenticated = 2, selected = 4 };

// RFC 5161: what the client has switched on.
struct Enabled {
    bool condstore = false;  // RFC 7162; the others imply what they need of it
    bool qresync = false;
    bool rev2 = false;  // RFC 9051
    bool utf8 = false;  // RFC 6855
    bool uid_only = false;  // RFC 9586
};

class Session {
public:
    Session(const ServerServices& services, const ServerOptions& options, RecentClaims& claims, News& news,
            net::Wire wire, Loop& loop);
    ~Session();
    Task<void> run();
    // "* BYE", as well as it can still be said.
    Task<void> say_goodbye(Reply reply);

    const ServerServices& services() const { return services_; }
    const ServerOptions& options() const { return options_; }
    RecentClaims& claims() { return claims_; }
    News& news() { return news_; }
    Loop& loop() { return loop_; }
    Id id() const { return id_; }
    Channel& channel() { return channel_; }
    CommandReader& reader() { return reader_; }
    Serializer& out() { return channel_.out(); }
    const Enabled& enabled() const { return enabled_; }
    Dialect dialect() const;
    // RFC 7162 section 3.1: by ENABLE, or by the first command that speaks of mod-sequences.
    void enable_condstore();
    void enable_qresync();
    void enable_rev2();
    void enable_utf8();
    void enable_uid_only() { enabled_.uid_only = true; }

    State state() const;
    bool may_send_passwords() { return channel_.wire().is_tls() || options_.allow_plaintext_login; }
    bool can_start_tls() { return services_.tls != nullptr && !channel_.wire().is_tls(); }
    directory::Peer peer();
    std::string capabilities();
    Duration patience() const { return account_ ? options_.autologout : options_.login_patience; }

    // After login only.
    mailbox::Account& account() { return *account_; }
    const mailbox::AccountPtr& account_handle() const { return account_; }
    const std::string& address() const { return address_; }  // whose login it was
    // RFC 8437: as if nobody had logged in yet.
    void leave_account();
    // In the selected state only.
    View& view() { return *view_; }

    // A login was right: opens the account and answers what LOGIN or AUTHENTICATE says.
    Task<Reply> enter(directory::Account who);
    void select(View view)
    {
        unselect();
        view_.emplace(std::move(view));
    }
    void unselect()
    {
        view_.reset();
        contexts_.clear();
    }
    SearchContexts& contexts() { return contexts_; }
    // RFC 5465; nullptr: nothing is told without being asked.
    void notify(std::unique_ptr<Notifier> notifier) { notifier_ = std::move(notifier); }
    bool notifies() const { return notifier_ != nullptr; }
    Task<Result<void>> tell_notifications();
    // After LOGOUT, or when nothing more can be read.
    void leave() { is_leaving_ = true; }

    // Brings the client up to date with its mailbox, as its newest state is; where that cannot be known now, it
    // is told another time. An error: the peer is gone.
    Task<Result<void>> tell_updates(Expunges expunges);
    // The same with a state that is at hand already.
    void tell(const mailbox::SnapshotPtr& newest, UpdateOptions options);
    // RFC 7162 section 3.2: were the connection lost while expunges are held back, the mod-sequences that were told
    // would hide them; a client with QRESYNC hears how far it knows everything.
    void hold_back_modseq();

private:
    Task<Received> next_command();
    Task<void> answer(Received received);
    Task<Reply> execute(Command command);
    void speak_utf8();
    void write_reply(std::string_view tag, const Reply& reply);

    const ServerServices& services_;
    const ServerOptions& options_;
    RecentClaims& claims_;
    News& news_;
    Loop& loop_;
    const Id id_;
    Channel channel_;
    CommandReader reader_;
    mailbox::AccountPtr account_;
    std::string address_;
    net::ConnectionTable::Ticket ticket_;
    std::optional<View> view_;
    SearchContexts contexts_;
    std::unique_ptr<Notifier> notifier_;
    Enabled enabled_;
    unsigned bad_commands_ = 0;
    bool is_leaving_ = false;
};

}  // namespace posthouse::imap

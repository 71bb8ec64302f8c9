// The client's end of IMAP: for the mail client on the command line, and for tests.
//
//     Client client(std::move(wire), clock);
//     co_await client.greeting();
//     co_await client.start_tls(tls, "mail.example");
//     co_await client.log_in("alice@example.org", password, random, ClearPasswords::no);
//     … list(), select(), search(), fetch(), store(), append(), idle …
//     co_await client.log_out();
//
// A NO is an Error with the server's words, its code chosen by the response code (RFC 5530). After
// closed, timeout, cancelled, malformed, too_large or tls nothing more can be said on the connection.
// All commands name messages by UID. Mailbox names are UTF-8 with the server's own separator.
//
// Threads: the wire's loop; one call at a time. Lifetime: the clock outlives the client.
#pragma once

#include "base/random.h"
#include "base/recorder.h"
#include "base/task.h"
#include "imap/client/response.h"
#include "imap/grammar/sequence_set.h"
#include "imap/grammar/serializer.h"
#include "net/tls.h"
#include "net/wire.h"

#include <functional>
#include <set>

namespace posthouse::imap {

struct ClientLimits {
    Duration greeting = 1min;
    Duration reply = 2min;  // and between two pieces of a message
    Duration handshake = 1min;
    std::size_t before_login = 64 * 1024;  // bytes of a response
    std::size_t response = 16 * 1024 * 1024;  // bytes of a response, streamed bodies not counted
    std::size_t answer = 256 * 1024 * 1024;  // bytes of all responses to one command
    std::uint64_t body = 1024ULL * 1024 * 1024;
};

enum class ClearPasswords : bool { no, yes };  // yes: a password may go over the wire without TLS
enum class Access : std::uint8_t { read_only, read_write };
enum class FlagChange : std::uint8_t { add, remove, replace };

// What SELECT and EXAMINE tell, kept up to date by what comes in later.
struct Selected {
    std::string mailbox;
    std::uint32_t exists = 0;
    std::uint32_t uid_validity = 0;
    std::uint32_t uid_next = 0;
    bool read_only = false;
    std::vector<std::string> permanent_flags;
    bool may_keep(std::string_view flag) const;  // PERMANENTFLAGS has it, or "\*"; none told: yes
};

// A part of a SEARCH: protocol words of our own, then, if there is one, a text from a person.
struct SearchTerm {
    std::string words;  // "UNSEEN", "NOT FROM", "SINCE 1-Feb-1994"
    std::optional<std::string> text;
};

// RFC 4315: where a message came to lie, if the server tells.
struct Placed {
    std::uint32_t uid_validity = 0;
    std::uint32_t uid = 0;  // 0: not told
};

// Takes the pieces of a message in order; false gives up, and the connection with it.
using BodySink = std::function<Task<bool>(std::string piece)>;

class Client {
public:
    // Each line as it is sent and received; passwords and literals left out.
    using ShowLine = std::function<void(Speaker, std::string_view)>;
    Client(net::Wire wire, const Clock& clock, ShowLine show = {}, ClientLimits limits = {});

    Task<Result<void>> greeting();
    Task<Result<void>> start_tls(const net::TlsContext& context, std::string server_name);
    // By the best mechanism that the server has: SCRAM-SHA-256-PLUS, SCRAM-SHA-256, PLAIN, LOGIN, the
    // last two only by TLS or where the caller allows it. A server that cannot prove that it knows
    // the password, though it offered to, is not believed.
    Task<Result<void>> log_in(std::string user, std::string password, Random& random, ClearPasswords clear);
    bool has(std::string_view capability) const;  // upper case; of the last CAPABILITY

    Task<Result<std::vector<ListResponse>>> list(std::string reference, std::string pattern);
    Task<Result<MailboxStatusResponse>> status(std::string mailbox);
    Task<Result<void>> create(std::string mailbox);
    Task<Result<Selected>> select(std::string mailbox, Access access);
    const Selected& selected() const { return selected_; }

    // UIDs, ascending. No terms: all.
    Task<Result<std::vector<std::uint32_t>>> search(std::vector<SearchTerm> terms);
    // Ascending by UID. Messages that are gone are left out.
    Task<Result<std::vector<FetchResponse>>> fetch(std::vector<std::uint32_t> uids,
                                                   std::vector<FetchAttribute> attributes);
    // All of a message, piece by piece, without marking it as read. not_found: it is gone.
    Task<Result<void>> fetch_body(std::uint32_t uid, BodySink sink);
    Task<Result<std::string>> fetch_body(std::uint32_t uid, std::uint64_t most);
    Task<Result<void>> store(std::vector<std::uint32_t> uids, FlagChange change, std::vector<std::string> flags);
    Task<Result<void>> copy(std::vector<std::uint32_t> uids, std::string mailbox);
    // By MOVE (RFC 6851), else COPY, \Deleted and UID EXPUNGE.
    Task<Result<void>> move(std::vector<std::uint32_t> uids, std::string mailbox);
    // These only, for good. Without UIDPLUS (RFC 4315) they are only marked \Deleted where others are
    // marked so already: false.
    Task<Result<bool>> expunge(std::vector<std::uint32_t> uids);
    Task<Result<Placed>> append(std::string mailbox, std::vector<std::string> flags, std::string message);
    Task<Result<void>> noop();

    // RFC 2177. After begin_idle() only await_change() and end_idle() may be called.
    Task<Result<void>> begin_idle();
    // True: something came in (see selected()); false: `patience` has passed.
    Task<Result<bool>> await_change(Duration patience);
    Task<Result<void>> end_idle();

    Task<Result<void>> log_out();
    net::Wire& wire() { return wire_; }

private:
    // What came in up to a command's tagged answer.
    struct Answer {
        StatusResponse status;
        std::vector<Response> untagged;
    };

    Serializer begin(std::string_view command);  // the tag and the word
    Task<Result<Answer>> run(Serializer command, std::string shown);
    Task<Result<void>> run_plainly(std::string command);
    Task<Result<void>> send(Serializer command);
    Task<Result<Answer>> await_answer();
    Task<Result<Response>> read_response(Deadline deadline);
    Task<Result<std::string>> read_text(Deadline deadline);
    Task<Result<void>> read_literal(std::uint64_t size, std::string& text);
    Task<Result<void>> stream_literal(std::uint64_t size);
    Task<Result<void>> await_continuation();
    Result<void> note(const Response& response);  // what is kept whatever was asked
    Task<Result<void>> refresh_capabilities();
    Task<Result<void>> finish_login(Answer answer);
    Task<Result<void>> log_in_by_scram(std::string mechanism, std::string user, std::string password, std::string nonce,
                                       bool plus_offered);
    Task<Result<void>> log_in_by_plain(std::string user, std::string password);
    Task<Result<void>> log_in_by_login(std::string user, std::string password);
    Task<Result<std::string>> exchange(std::string response);  // the next challenge
    Task<Result<void>> end_exchange(std::string response);
    std::size_t response_limit() const { return logged_in_ ? limits_.response : limits_.before_login; }
    void show(Speaker speaker, std::string_view line) const;

    net::Wire wire_;
    const Clock& clock_;
    ShowLine show_;
    ClientLimits limits_;
    std::set<std::string, std::less<>> capabilities_;
    bool logged_in_ = false;
    std::uint32_t commands_ = 0;
    std::string tag_;
    Selected selected_;
    const BodySink* sink_ = nullptr;  // while fetch_body() runs
    bool body_came_ = false;
    bool changed_ = false;  // since begin_idle()
};

// A sequence set of these, which are ascending: runs become ranges.
SequenceSet set_of(const std::vector<std::uint32_t>& ascending);
// What a NO or BAD becomes.
Error to_error(const StatusResponse& status, std::string_view what);

}  // namespace posthouse::imap

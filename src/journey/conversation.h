// A recording as a conversation script, the form that tests play (net/test_script.h):
//
//     C: a SELECT INBOX          what the client says
//     S: a OK [READ-WRITE] …     what the server answers; … stands for any text
//     B: 310                     the client sends 310 bytes of anything: what they were is not recorded
//     L                          the literal that the server's last line announced goes by, whatever is in it
//     D                          lines go by up to one of a dot alone
//     M: 250 …                   SMTP: the lines of one reply go by, up to the last, which is this
//     R: From: <a@b>\r\n\r\n     bytes that the client sends
//     W                          what the client has said so far is sent now
//     X                          the server closes
//     C2: S2: B2: L2 D2 W2 X2 …  the same with the second session, and so on to the ninth
//
// What differs from run to run is left open: texts for people, times, ids, and whatever a message says. A login, by
// whatever mechanism, becomes LOGIN $user $password (USER $user, PASS $password; AUTH PLAIN $plain), for whoever plays
// it fills in his own; STARTTLS and STLS are left out. In SMTP the sender that is the user is <$user>, and a message is
// one of at most 64 KiB from the sender that says nothing. Pure; threads: one at a time.
#pragma once

#include "journey/session_recorder.h"

#include <map>

namespace posthouse::journey {

class ConversationWriter {
public:
    static constexpr unsigned most_sessions = 9;  // of more nothing is written but that they were there

    // The lines that follow from it; each ends with LF.
    std::string add(const Heard& heard);

private:
    struct Session {
        enum class LeftOut : std::uint8_t { nothing, login, tls };
        LeftOut left_out = LeftOut::nothing;
        std::string tag;  // of the command that is left out; POP3 has none
        std::uint64_t literal = 0;  // the client waits to be asked for it
        bool goes = false;  // the server will close: BYE was said, or QUIT
        bool has_unsent = false;  // turns of the client that the player has not sent yet
        bool line_is_open = false;  // a literal was sent, and its line goes on or ends
        // SMTP
        std::string user;  // whose session it is
        std::string sender;  // of MAIL, as the script says it
        std::string auth;  // the AUTH that is under way, as it was recorded
        bool has_chunk = false;  // BDAT has sent what is told next
        bool has_begun = false;  // a part of the message was sent
        bool in_reply = false;  // of several lines
    };
    // Writes one turn: "C2: text".
    void turn(char who, std::string_view text = {});
    void send_of_others();
    void imap_client(Session& session, std::string_view text);
    void imap_server(Session& session, std::string_view text);
    void pop3_client(Session& session, std::string_view text);
    void pop3_server(Session& session, std::string_view text);
    void smtp_client(Session& session, std::string_view text);
    void smtp_auth(Session& session, std::string_view answer);
    void smtp_chunk(const Session& session, std::uint64_t size);
    void smtp_server(Session& session, std::string_view text);

    std::map<unsigned, Session> sessions_;
    std::string script_;
    unsigned number_ = 1;  // of the session whose turn it is
};

}  // namespace posthouse::journey

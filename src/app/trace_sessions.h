// posthouse trace --session imap: sessions of an account or an address, as they happen.
#pragma once

#include "app/admin_client.h"
#include "app/journey_view.h"

#include <string>

namespace posthouse::app {

struct SessionWishes {
    std::string protocol;  // imap, pop3, smtp
    std::string user;
    std::string peer;
    std::size_t most = 0;  // ends when so many sessions have ended; 0: not by itself
    bool as_json = false;
    bool as_script = false;
};

int trace_sessions(AdminClient& client, const SessionWishes& wishes, const ViewOptions& view);

// Pure: what is kept of an SMTP session that somebody opened here (`GET sessions/ID`), as a conversation script
// (journey/conversation.h); empty: there is none.
std::string session_script(const boost::json::object& session);

// Pure: one event on the terminal.
std::string session_line(const boost::json::object& event, const ViewOptions& options);

}  // namespace posthouse::app

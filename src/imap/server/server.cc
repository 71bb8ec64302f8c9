#include "imap/server/server.h"

#include "imap/server/session.h"

#include <exception>

namespace posthouse::imap {

Server::Server(ServerServices services, ServerOptions options) :
    services_(services), options_(std::move(options)), claims_(services.clock.now())
{
}

Server::~Server() = default;

Loop& Server::current_loop()
{
    for (std::size_t i = 0; i < services_.loops.size(); ++i)
        if (services_.loops[i].is_current())
            return services_.loops[i];
    throw std::logic_error("an IMAP session runs on a loop that the server does not know");
}

Task<void> Server::serve(net::Wire wire)
{
    Session session(services_, options_, claims_, news_, std::move(wire), current_loop());
    std::string bug;
    try {
        co_await session.run();
    } catch (const std::exception& what) {
        bug = what.what();
    }
    if (bug.empty())
        co_return;
    services_.log.write(LogLevel::alarm, "imap/server", session.id(), "a bug ended a session", {{"what", bug}});
    co_await session.say_goodbye(Reply::goodbye("an error of the server; the operator has been told", "SERVERBUG"));
}

}  // namespace posthouse::imap

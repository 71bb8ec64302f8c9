#include "pop3/server/server.h"

#include "pop3/server/session.h"

namespace posthouse::pop3 {

Task<void> Server::serve(net::Wire wire)
{
    Session session(services_, options_, locks_, std::move(wire));
    std::string bug;
    try {
        co_await session.run();
        co_return;
    } catch (const std::exception& exception) {
        bug = exception.what();
    }
    services_.log.write(LogLevel::error, "pop3/server", 0, "a bug ended a session", {{"what", bug}});
    co_await session.apologise();
}

}  // namespace posthouse::pop3

#include "smtp/agent.h"

namespace posthouse::smtp {

Task<AuthStep> Agent::authenticate(std::string, std::optional<std::string>)
{
    co_return AuthDone{{502, "5.5.1", "nobody logs in here"}};
}

Task<AuthStep> Agent::respond(std::string) { co_return AuthDone{{502, "5.5.1", "nobody logs in here"}}; }

Task<Reply> Agent::cancel(Id) { co_return Reply{502, "5.5.1", "nothing is held here"}; }

}  // namespace posthouse::smtp

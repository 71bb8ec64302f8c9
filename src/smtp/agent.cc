#include "smtp/agent.h"

namespace posthouse::smtp {

Task<AuthStep> Agent::authenticate(std::string, std::optional<std::string>)
{
    co_return AuthDone{{502, "5.5.1", "nobody logs in here"}};
}

Task<AuthStep> Agent::respond(std::string) { co_return AuthDone{{502, "5.5.1", "nobody logs in here"}}; }

}  // namespace posthouse::smtp

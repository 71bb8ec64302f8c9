#include "directory/make.h"

#include "directory/stored_authenticator.h"
#include "directory/stored_directory.h"
#include "directory/stored_routes.h"

namespace posthouse::directory {

Made make_directory(Services services, Options options)
{
    const PasswordCosts costs{.argon2_kib = options.argon2_kib,
                              .argon2_passes = options.argon2_passes,
                              .scram_iterations = options.scram_iterations};
    const GuessLimits limits{options.guesses_at_once, options.per_guess, options.slowest};
    const auto rows =
        std::make_shared<CachedRows>(services.store, services.clock, services.random, CachedRows::Budget{});
    Made made;
    made.directory = std::make_unique<StoredDirectory>(rows, services, costs);
    made.authenticator = std::make_unique<StoredAuthenticator>(rows, services, costs, limits);
    made.routes = std::make_unique<StoredRoutes>(rows, services.ids);
    made.outgoing = std::make_unique<Outgoing>(services, *made.directory);
    return made;
}

}  // namespace posthouse::directory

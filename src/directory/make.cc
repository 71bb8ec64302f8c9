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
    return {std::make_unique<StoredDirectory>(rows, services, costs),
            std::make_unique<StoredAuthenticator>(rows, services, costs, limits),
            std::make_unique<StoredRoutes>(rows, services.ids)};
}

}  // namespace posthouse::directory

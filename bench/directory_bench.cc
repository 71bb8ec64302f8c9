// The directory: where an address leads (warm), and what a login costs.
#include "directory/make.h"
#include "directory/stored_authenticator.h"
#include "store/memory/memory.h"

#include <future>

#include <benchmark/benchmark.h>

using namespace posthouse;
using namespace posthouse::directory;

namespace {

struct House {
    House()
    {
        run(made.directory->add_domain("north.test"));
        run(made.directory->add_account("alice@north.test", "secret", ""));
        run(made.directory->add_account("bob@north.test", "secret", ""));
        run(made.directory->set_alias({"team@north.test", {"alice@north.test", "bob+work@north.test"}}));
    }
    template <class T> T run(Task<T> task)
    {
        std::optional<T> out;
        asio::co_spawn(loop.executor(), std::move(task), [&](std::exception_ptr bug, T value) {
            if (bug)
                std::abort();
            out.emplace(std::move(value));
            loop.stop();
        });
        loop.context().restart();
        loop.run();
        return std::move(*out);
    }

    SystemClock clock;
    SystemRandom random;
    IdSource ids{clock, random};
    NoLog log;
    store::MemoryStore store{clock};
    Workers workers{2, 64};
    Loop loop;
    Made made = make_directory({store, ids, clock, random, workers, log}, {.guesses_at_once = 1'000'000});
};

Task<std::size_t> resolve_many(Directory& directory, std::string local_part, std::string domain, std::size_t times)
{
    std::size_t targets = 0;
    for (std::size_t i = 0; i < times; ++i) {
        const Result<Recipient> recipient = co_await directory.resolve(local_part, domain);
        targets += recipient->targets.size();
    }
    co_return targets;
}

void resolve(benchmark::State& state, const char* local_part, const char* domain)
{
    House house;
    constexpr std::size_t times = 1000;
    for (auto _ : state)
        benchmark::DoNotOptimize(house.run(resolve_many(*house.made.directory, local_part, domain, times)));
    state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * times));
}
BENCHMARK_CAPTURE(resolve, account, "alice", "north.test");
BENCHMARK_CAPTURE(resolve, subaddress, "bob+lists", "north.test");
BENCHMARK_CAPTURE(resolve, alias_to_two, "team", "north.test");
BENCHMARK_CAPTURE(resolve, nobody, "nobody", "north.test");
BENCHMARK_CAPTURE(resolve, not_ours, "alice", "south.test");

// HOSTILE A22: the second and third must not differ by more than a tenth.
void login(benchmark::State& state, const char* user, const char* password)
{
    House house;
    const Peer peer{.address = "127.0.0.1", .encrypted = true};
    for (auto _ : state)
        benchmark::DoNotOptimize(house.run(house.made.authenticator->login(user, password, peer)));
}
BENCHMARK_CAPTURE(login, known_lately, "alice@north.test", "secret")->UseRealTime();
BENCHMARK_CAPTURE(login, wrong_password, "alice@north.test", "guess")->UseRealTime()->Repetitions(3);
BENCHMARK_CAPTURE(login, no_such_user, "nobody@north.test", "guess")->UseRealTime()->Repetitions(3);

void new_password(benchmark::State& state)
{
    const sasl::Secret secret(std::string("secret"));
    for (auto _ : state)
        benchmark::DoNotOptimize(make_credential(secret, std::string(32, 's'), PasswordCosts{}, {}));
}
BENCHMARK(new_password);

}  // namespace

BENCHMARK_MAIN();

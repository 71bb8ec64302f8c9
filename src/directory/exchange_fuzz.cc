// Hostile SASL exchanges: whatever is said in whatever order, nobody gets in without the password,
// every message gets one answer, nothing crashes.
//
// The first byte chooses mechanism and connection; lines are the client's messages, as they are
// after base64.
#include "base/text.h"
#include "directory/make.h"
#include "store/memory/memory.h"

#include <cstdlib>
#include <future>

namespace {

using namespace posthouse;

struct House {
    House()
    {
        loop_thread = std::jthread([this] { loop.run(); });
        run(made.directory->add_domain("north.test"));
        run(made.directory->add_account("alice@north.test", "a password that no input has", ""));
    }
    ~House() { loop.stop(); }
    template <class T> T run(Task<T> task)
    {
        const auto answer = std::make_shared<std::promise<T>>();
        asio::co_spawn(loop.executor(), std::move(task), [answer](std::exception_ptr bug, T value) {
            if (bug)
                std::abort();
            answer->set_value(std::move(value));
        });
        return answer->get_future().get();
    }

    SystemClock clock;
    SeededRandom random{1};
    IdSource ids{clock, random};
    NoLog log;
    store::MemoryStore store{clock};
    Workers workers{1, 10};
    Loop loop;
    std::jthread loop_thread;
    directory::Made made = directory::make_directory({store, ids, clock, random, workers, log},
                                                     {.argon2_kib = 8,
                                                      .argon2_passes = 1,
                                                      .scram_iterations = 4096,
                                                      .guesses_at_once = 1'000'000,
                                                      .per_guess = 1us});
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    static House house;
    if (size == 0)
        return 0;
    static constexpr std::string_view mechanisms[] = {"PLAIN", "LOGIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"};
    directory::Peer peer{.address = "127.0.0.1", .encrypted = (data[0] & 4) != 0};
    if (data[0] & 8)
        peer.channel_binding = [](std::string_view) { return std::string("binding"); };
    const auto exchange = house.made.authenticator->begin(std::string(mechanisms[data[0] & 3]), peer);
    std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
    bool is_first = true;
    for (const std::string_view line : split(rest, '\n')) {
        const directory::SaslStep step = is_first && (data[0] & 16) ? house.run(exchange->start(std::string(line)))
            : is_first                                              ? house.run(exchange->start(std::nullopt))
                                                                    : house.run(exchange->respond(std::string(line)));
        is_first = false;
        if (std::holds_alternative<directory::LoggedIn>(step))
            std::abort();
    }
    return 0;
}

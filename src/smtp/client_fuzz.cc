// A hostile server: whatever it says, the client's end comes to an end, and a message counts as
// taken only where a 2xx stands in what was said.
#include "base/random.h"
#include "base/text.h"
#include "net/wire.h"
#include "smtp/client.h"

#include <cstdint>
#include <cstdlib>

using namespace posthouse;
using namespace posthouse::smtp;

namespace {

void require(bool holds)
{
    if (!holds)
        std::abort();
}

// What a task threw is a bug; what it answered is looked at where it matters.
constexpr auto ignore = [](std::exception_ptr bug, auto&&...) { require(bug == nullptr); };

Task<void> talk_to(net::Wire wire, std::string said, bool& ended)
{
    SystemClock clock;
    ClientPatience patience;
    patience.quit = 1ms;
    Client client(
        std::move(wire), clock, [](Speaker, std::string_view line) { require(line.size() <= 5000); }, patience);
    const Result<Reply> greeted = co_await client.greeting();
    const Result<Reply> hello = greeted ? co_await client.hello("client.test") : fail(ErrorCode::closed);
    if (hello) {
        Envelope envelope;
        envelope.reverse_path = {"a", "x.test"};
        envelope.recipients = {{{"b", "y.test"}}, {{"c", "y.test"}}};
        TextSource source("Subject: x\r\n\r\n.\r\n");
        const Sent sent = co_await client.send(envelope, source);
        require(sent.recipients.size() == 2 || sent.fault || sent.refused_here);
        require(!sent.accepted() || said.contains('2'));
        require(!sent.in_doubt || sent.fault);
        require(!(sent.accepted() && sent.in_doubt));
        require(!sent.fault || !client.is_usable());
        SeededRandom random(1);
        auto sasl = choose_sasl_client(client.capabilities().mechanisms, {"u", "p", ClearPasswords::yes}, random);
        if (sasl && client.is_usable())
            co_await client.login(std::move(*sasl));
    }
    client.wire().close();
    ended = true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size > 16'384)
        return 0;
    asio::io_context context(1);
    auto ends = net::connected_pair(context.get_executor());
    require(ends.has_value());
    std::string said(reinterpret_cast<const char*>(data), size);
    bool ended = false;
    {
        net::Wire server = std::move(ends->first);
        asio::co_spawn(context, server.write(said, Deadline::never()), ignore);
        context.poll();
        context.restart();
        // Nothing more comes, but the server still takes what we say.
        asio::co_spawn(context, server.linger(Deadline::never()), ignore);
        asio::co_spawn(context, talk_to(std::move(ends->second), said, ended), ignore);
        context.run();
    }
    require(ended);
    return 0;
}

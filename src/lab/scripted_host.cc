#include "lab/scripted_host.h"

#include "net/line_framer.h"

namespace posthouse::lab {

namespace {

constexpr auto patience = 5min;  // RFC 5321 section 4.5.3.2.7
constexpr auto longest_hang = 1h;
constexpr std::size_t longest_line = 64 * 1024;

}  // namespace

Result<std::unique_ptr<ScriptedHost>> ScriptedHost::start(HostScript script, net::Endpoint at, HostServices services)
{
    auto host = std::unique_ptr<ScriptedHost>(new ScriptedHost(std::move(script)));
    net::ListenerOptions options;
    options.name = host->script_.name;
    options.address = at.address;
    options.port = at.port;
    Result<std::unique_ptr<net::Listener>> listener =
        net::Listener::bind(std::move(options), services.loops, services.connections, services.log);
    if (!listener)
        return fail(listener.error());
    host->listener_ = std::move(*listener);
    host->listener_->start([host = host.get()](net::Wire wire) { return host->serve(std::move(wire)); },
                           services.tasks);
    return host;
}

ScriptedHost::~ScriptedHost() = default;

Task<Result<void>> ScriptedHost::say(net::Wire& wire, std::string text) const
{
    if (script_.pace == Duration{})
        co_return co_await wire.write(std::move(text), Deadline::in(clock_, patience));
    for (const char c : text) {
        co_await sleep_for(script_.pace);
        if (wire.is_cancelled())
            co_return fail(ErrorCode::cancelled);
        const Result<void> written = co_await wire.write(std::string(1, c), Deadline::in(clock_, patience));
        if (!written)
            co_return written;
    }
    co_return Result<void>{};
}

// Takes whatever comes and says nothing, until the other side has enough of it.
Task<void> ScriptedHost::hold(net::Wire& wire) const
{
    const Deadline deadline = Deadline::in(clock_, longest_hang);
    for (;;) {
        wire.consume(wire.input().size());
        const Result<void> filled = co_await wire.fill(deadline);
        if (!filled)
            co_return;
    }
}

Task<void> ScriptedHost::serve(net::Wire wire)
{
    HostTalk talk(script_, memory_);
    net::LineFramer framer(longest_line);
    HostAnswer answer = talk.connected();
    for (;;) {
        const Result<void> said = co_await say(wire, std::move(answer.text));
        if (!said)
            co_return;
        switch (answer.next) {
        case HostStep::hang: co_await hold(wire); co_return;
        case HostStep::break_tls: co_await say(wire, "this is no TLS\r\n"); [[fallthrough]];
        case HostStep::close: co_await wire.linger(Deadline::in(clock_, 3s)); co_return;
        case HostStep::go_on: break;
        }
        answer = {};
        const net::LineFramer::Frame frame = framer.next(wire.input());
        if (frame.kind == net::LineFramer::Kind::line)
            answer = talk.on_line(frame.line);
        else if (frame.kind != net::LineFramer::Kind::need_more)
            co_return;
        wire.consume(frame.consumed);
        if (frame.kind == net::LineFramer::Kind::line)
            continue;
        const Result<void> filled = co_await wire.fill(Deadline::in(clock_, patience));
        if (!filled)
            co_return;
    }
}

}  // namespace posthouse::lab

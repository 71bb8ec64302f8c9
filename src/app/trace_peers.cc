#include "app/trace_peers.h"

#include "base/text.h"
#include "journey/peer_proof.h"
#include "net/http.h"

#include <fstream>
#include <iterator>

#include <fmt/format.h>

namespace posthouse::app {

namespace json = boost::json;

namespace {

constexpr auto patience = 5s;  // for a connection, the question and the answer
constexpr std::size_t most_answer = 4 * 1024 * 1024;

// What a peer says is shown on our terminals.
json::value made_printable(const json::value& value)
{
    if (value.is_string())
        return json::value(printable(value.as_string(), 8'192));
    if (value.is_array()) {
        json::array out;
        for (const json::value& item : value.as_array())
            out.push_back(made_printable(item));
        return out;
    }
    if (value.is_object()) {
        json::object out;
        for (const auto& [name, member] : value.as_object())
            out[printable(name, 100)] = made_printable(member);
        return out;
    }
    return value;
}

Result<std::string> read_key(const std::string& file)
{
    std::ifstream in(file, std::ios::binary);
    std::string key{std::istreambuf_iterator<char>(in), {}};
    while (key.ends_with('\n') || key.ends_with('\r'))
        key.pop_back();
    if (!in && key.empty())
        return fail(ErrorCode::not_found, fmt::format("cannot read the key {} of a trace_peer", file));
    if (key.size() < journey::shortest_key)
        return fail(ErrorCode::malformed,
                    fmt::format("the key {} of a trace_peer is too short: {} characters at least, such as by: "
                                "openssl rand -hex 32",
                                file, journey::shortest_key));
    return key;
}

}  // namespace

Result<std::unique_ptr<SetTracePeers>> SetTracePeers::make(const Settings& settings, const Clock& clock)
{
    auto peers = std::unique_ptr<SetTracePeers>(new SetTracePeers(settings.hostname, clock));
    for (const TracePeer& set : settings.trace_peers) {
        Result<std::string> key = read_key(set.key_file);
        if (!key)
            return fail(key.error());
        if (set.console.starts_with("https://") && !peers->tls_) {
            Result<std::unique_ptr<net::TlsContext>> tls = net::TlsContext::client(net::TlsContext::Verify::yes);
            if (!tls)
                return fail(tls.error());
            peers->tls_ = std::move(*tls);
        }
        peers->peers_.push_back({set, std::move(*key)});
    }
    return peers;
}

// A house's MX may be called otherwise than itself, below its own name.
const SetTracePeers::Peer* SetTracePeers::find(std::string_view host) const
{
    for (const Peer& peer : peers_)
        if (equals_ignoring_case(peer.set.host, host) || to_lower(host).ends_with("." + to_lower(peer.set.host)))
            return &peer;
    return nullptr;
}

std::string SetTracePeers::peer_at(std::string_view host) const
{
    const Peer* peer = find(host);
    return peer == nullptr ? std::string() : peer->set.host;
}

std::string SetTracePeers::key_of(std::string_view name) const
{
    for (const Peer& peer : peers_)
        if (equals_ignoring_case(peer.set.host, name))
            return peer.key;
    return {};
}

namespace {

Task<Result<net::Wire>> reach(std::string console, const net::TlsContext* tls, Deadline deadline)
{
    if (console.starts_with("unix:"))
        co_return co_await net::connect_unix(console.substr(5), deadline);
    const bool is_tls = console.starts_with("https://");
    const Result<net::Endpoint> at = parse_endpoint(console.substr(is_tls ? 8 : 7));
    if (!at)
        co_return fail(at.error());
    Result<net::Wire> wire = co_await net::connect(at->address, at->port, deadline);
    if (wire && is_tls) {
        const Result<void> secured = co_await wire->connect_tls(*tls, at->address, deadline);
        if (!secured)
            co_return fail(secured.error());
    }
    co_return wire;
}

}  // namespace

Task<Result<json::object>> SetTracePeers::ask(std::string name, Id message, unsigned depth)
{
    const Peer* peer = find(name);
    if (peer == nullptr)
        co_return fail(ErrorCode::not_found, name + " is no trace_peer");
    const auto now = std::chrono::floor<std::chrono::seconds>(clock_.now().time_since_epoch()).count();
    const journey::PeerQuestion question{own_name_, peer->set.host, message, depth, now};
    net::HttpRequest request;
    request.method = "POST";
    request.path = {"v1", "trace-peer"};
    request.body = json::serialize(json::object{{"from", question.from},
                                                {"id", id_text(message)},
                                                {"depth", depth},
                                                {"time", now},
                                                {"proof", journey::prove(question, peer->key)}});
    const Deadline deadline = Deadline::in(clock_, patience);
    Result<net::Wire> wire = co_await reach(peer->set.console, tls_.get(), deadline);
    if (!wire)
        co_return fail(wire.error());
    const Result<net::HttpResponse> answer = co_await net::call_http(*wire, std::move(request), deadline, most_answer);
    if (!answer)
        co_return fail(answer.error());
    boost::system::error_code error;
    const json::value value = json::parse(answer->body, error);
    if (error || !value.is_object())
        co_return fail(ErrorCode::malformed, "the answer is no document");
    json::object document = made_printable(value).as_object();
    if (answer->status == 200)
        co_return document;
    const json::value* detail = document.if_contains("detail");
    co_return fail(ErrorCode::unavailable,
                   detail != nullptr && detail->is_string() ? std::string(detail->as_string())
                                                            : fmt::format("it answered {}", answer->status));
}

}  // namespace posthouse::app

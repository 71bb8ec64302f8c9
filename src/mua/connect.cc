#include "mua/connect.h"

#include "base/text.h"

#include <array>
#include <cstring>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <unistd.h>

namespace posthouse::mua {

namespace {

constexpr auto connect_patience = 20s;  // for each address
constexpr auto handshake_patience = 1min;
constexpr std::size_t most_addresses = 8;
constexpr std::string_view about_certificate = "the server's certificate: ";

struct UsualPort {
    Protocol protocol;
    std::uint16_t port;
    Security security;
};
// The first two of each protocol are tried where no port is said; the rest are the lab's, and port 25.
constexpr std::array usual_ports{
    UsualPort{Protocol::imap, 993, Security::tls},           UsualPort{Protocol::imap, 143, Security::starttls},
    UsualPort{Protocol::pop3, 995, Security::tls},           UsualPort{Protocol::pop3, 110, Security::starttls},
    UsualPort{Protocol::submission, 465, Security::tls},     UsualPort{Protocol::submission, 587, Security::starttls},
    UsualPort{Protocol::imap, 2993, Security::tls},          UsualPort{Protocol::imap, 2143, Security::starttls},
    UsualPort{Protocol::pop3, 2995, Security::tls},          UsualPort{Protocol::pop3, 2110, Security::starttls},
    UsualPort{Protocol::submission, 2465, Security::tls},    UsualPort{Protocol::submission, 2587, Security::starttls},
    UsualPort{Protocol::submission, 25, Security::starttls}, UsualPort{Protocol::submission, 2525, Security::starttls},
};

// What the certificate says of itself against what we know, by OpenSSL's words.
std::string reason_of(std::string_view words, const ServerAt& server)
{
    const auto says = [&](std::string_view part) { return words.find(part) != std::string_view::npos; };
    if (says("self-signed") || says("self signed"))
        return "it is signed by itself, so nobody vouches for it";
    if (says("local issuer") || says("first certificate") || says("issuer certificate"))
        return "it is signed by somebody whom this machine does not trust";
    if (says("hostname mismatch"))
        return fmt::format("it is for another name than {}", server.host);
    if (says("IP address mismatch"))
        return fmt::format("it is not for the address {}; name the server as its certificate does", server.host);
    if (says("has expired"))
        return "it has expired";
    if (says("not yet valid"))
        return "it is not valid yet; is this machine's clock right?";
    if (says("revoked"))
        return "it has been revoked";
    return std::string(words);
}

// `wire` is the caller's local.
Task<Result<void>> secure_first(net::Wire& wire, Attempt attempt, const net::TlsContext& context, std::string host,
                                const Clock& clock)
{
    if (attempt.security != Security::tls)
        co_return Result<void>{};
    co_return co_await wire.connect_tls(context, std::move(host), Deadline::in(clock, handshake_patience));
}

Result<std::unique_ptr<net::TlsContext>> context_for(const Manner& manner)
{
    using Verify = net::TlsContext::Verify;
    if (manner.insecure)
        return net::TlsContext::client(Verify::no);
    return net::TlsContext::client(Verify::yes, manner.certificate);
}

// What each protocol does between the connection and being ready for a login.
Task<Result<void>> make_ready(imap::Client& client, Attempt attempt, const net::TlsContext& context, std::string host)
{
    const Result<void> greeted = co_await client.greeting();
    if (!greeted || attempt.security != Security::starttls)
        co_return greeted;
    co_return co_await client.start_tls(context, std::move(host));
}

Task<Result<void>> make_ready(pop3::Client& client, Attempt attempt, const net::TlsContext& context, std::string host)
{
    const Result<std::string> greeted = co_await client.greeting();
    if (!greeted)
        co_return fail(greeted.error());
    if (attempt.security != Security::starttls)
        co_return Result<void>{};
    co_return co_await client.start_tls(context, std::move(host));
}

Task<Result<void>> make_ready(smtp::Client& client, Attempt attempt, const net::TlsContext& context, std::string host)
{
    Result<smtp::Reply> reply = co_await client.greeting();
    if (reply && reply->is_success())
        reply = co_await client.hello(own_name(client.wire()));
    if (reply && reply->is_success() && attempt.security == Security::starttls) {
        if (!client.capabilities().starttls)
            co_return fail(ErrorCode::tls, "the server does not offer STARTTLS");
        reply = co_await client.start_tls(context, std::move(host));
        if (reply && reply->is_success())
            reply = co_await client.hello(own_name(client.wire()));
    }
    if (!reply)
        co_return fail(reply.error());
    if (!reply->is_success())
        co_return fail(ErrorCode::unavailable, fmt::format("the server says: {}", printable(reply->line(), 300)));
    co_return Result<void>{};
}

template <class Client>
Task<Result<std::unique_ptr<Client>>> connect_as(Protocol protocol, ServerAt server, Manner manner, const Clock& clock)
{
    const Result<std::unique_ptr<net::TlsContext>> context = context_for(manner);
    if (!context)
        co_return fail(context.error());
    std::string tried;
    Error last{ErrorCode::unavailable, "nothing to try"};
    const std::vector<Attempt> attempts = attempts_for(protocol, server);
    for (const Attempt& attempt : attempts) {
        Result<net::Wire> wire = co_await dial(server.host, attempt.port, clock);
        if (!wire) {
            last = wire.error();
            if (tried != last.text)  // the same port, tried in two ways
                tried += (tried.empty() ? "" : "; ") + last.text;
            if (last == ErrorCode::not_found)
                break;
            continue;
        }
        Result<void> ready = co_await secure_first(*wire, attempt, **context, server.host, clock);
        if (ready) {
            auto client = std::make_unique<Client>(std::move(*wire), clock, manner.show);
            ready = co_await make_ready(*client, attempt, **context, server.host);
            if (ready)
                co_return client;
        }
        last = ready.error();
        if (is_about_certificate(last))
            co_return fail(explained(std::move(last), server));
        tried += fmt::format("{}{} port {}: {}", tried.empty() ? "" : "; ", server.host, attempt.port, last.text);
    }
    co_return fail(last.code, tried.empty() ? last.text : tried);
}

}  // namespace

std::vector<Attempt> attempts_for(Protocol protocol, const ServerAt& server)
{
    std::vector<Attempt> attempts;
    for (const UsualPort& usual : usual_ports) {
        if (usual.protocol != protocol)
            continue;
        const bool fits = server.security == Security::automatic || server.security == usual.security ||
            (server.security == Security::none && usual.security == Security::starttls);
        const Security security = server.security == Security::none ? Security::none : usual.security;
        if (server.port == 0 && fits && attempts.size() < 2 && usual.port < 1000 && usual.port != 25)
            attempts.push_back({usual.port, security});
        if (server.port == usual.port && server.security == Security::automatic)
            return {{server.port, usual.security}};
    }
    if (server.port == 0)
        return attempts;
    if (server.security != Security::automatic)
        return {{server.port, server.security}};
    return {{server.port, Security::tls}, {server.port, Security::starttls}};
}

Task<Result<std::unique_ptr<imap::Client>>> connect_imap(ServerAt server, Manner manner, const Clock& clock)
{
    return connect_as<imap::Client>(Protocol::imap, std::move(server), std::move(manner), clock);
}

Task<Result<std::unique_ptr<pop3::Client>>> connect_pop3(ServerAt server, Manner manner, const Clock& clock)
{
    return connect_as<pop3::Client>(Protocol::pop3, std::move(server), std::move(manner), clock);
}

Task<Result<std::unique_ptr<smtp::Client>>> connect_submission(ServerAt server, Manner manner, const Clock& clock)
{
    return connect_as<smtp::Client>(Protocol::submission, std::move(server), std::move(manner), clock);
}

Result<std::vector<std::string>> resolve(const std::string& host)
{
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_ADDRCONFIG | AI_IDN;
    addrinfo* found = nullptr;
    int code = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
    if (code == EAI_NONAME || code == EAI_ADDRFAMILY) {  // loopback alone does not count for AI_ADDRCONFIG
        hints.ai_flags = AI_IDN;
        code = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
    }
    if (code != 0)
        return fail(code == EAI_AGAIN ? ErrorCode::unavailable : ErrorCode::not_found,
                    fmt::format("the server {} cannot be found: {}", printable(host, 200), ::gai_strerror(code)));
    std::vector<std::string> addresses;
    for (const addrinfo* one = found; one != nullptr && addresses.size() < most_addresses; one = one->ai_next) {
        char text[NI_MAXHOST];
        if (::getnameinfo(one->ai_addr, one->ai_addrlen, text, sizeof text, nullptr, 0, NI_NUMERICHOST) == 0)
            addresses.emplace_back(text);
    }
    ::freeaddrinfo(found);
    if (addresses.empty())
        return fail(ErrorCode::not_found, fmt::format("the server {} has no address", printable(host, 200)));
    return addresses;
}

Task<Result<net::Wire>> dial(std::string host, std::uint16_t port, const Clock& clock)
{
    const Result<std::vector<std::string>> addresses = resolve(host);
    if (!addresses)
        co_return fail(addresses.error());
    Error last;
    for (const std::string& address : *addresses) {
        Result<net::Wire> wire = co_await net::connect(address, port, Deadline::in(clock, connect_patience));
        if (wire)
            co_return wire;
        last = wire.error();
    }
    co_return fail(std::move(last));
}

std::string own_name(const net::Wire& wire)
{
    char name[256]{};
    if (::gethostname(name, sizeof name - 1) == 0) {
        const std::string_view text(name);
        const bool is_name = text.find('.') != std::string_view::npos &&
            std::ranges::all_of(text, [](char c) { return is_alnum(c) || c == '.' || c == '-'; });
        if (is_name)
            return std::string(text);
    }
    // RFC 5321 section 4.1.3.
    const std::string& address = wire.local().address;
    return address.find(':') == std::string::npos ? fmt::format("[{}]", address) : fmt::format("[IPv6:{}]", address);
}

bool is_about_certificate(const Error& error)
{
    return error == ErrorCode::tls && error.text.find(about_certificate) != std::string::npos;
}

Error explained(Error error, const ServerAt& server)
{
    if (!is_about_certificate(error))
        return error;
    const std::string_view words =
        std::string_view(error.text).substr(error.text.find(about_certificate) + about_certificate.size());
    error.text = fmt::format("the certificate of {} is not accepted: {}. No password was sent. "
                             "--insecure goes on without looking at the certificate.",
                             server.text(), reason_of(words, server));
    return error;
}

bool is_loopback(std::string_view address)
{
    return address == "localhost" || address == "::1" || (address.starts_with("127.") && address.size() <= 15);
}

}  // namespace posthouse::mua

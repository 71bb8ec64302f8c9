#include "app/settings.h"

#include "base/text.h"

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>
#include <stdexcept>

#include <arpa/inet.h>
#include <fmt/format.h>

// Whatever a settings file holds, reading it ends in an error and not in abort().
#define TOML_ASSERT(expression)                                                                                        \
    ((expression) ? static_cast<void>(0) : throw std::invalid_argument("not TOML: " #expression))
#include <toml++/toml.h>
#include <unistd.h>

namespace posthouse::app {

std::string_view name_of(Door door)
{
    switch (door) {
    case Door::smtp: return "smtp";
    case Door::submission: return "submission";
    case Door::submissions: return "submissions";
    case Door::imap: return "imap";
    case Door::imaps: return "imaps";
    case Door::pop3: return "pop3";
    case Door::pop3s: return "pop3s";
    }
    return "?";
}

bool is_implicit_tls(Door door) { return door == Door::submissions || door == Door::imaps || door == Door::pop3s; }

Result<net::Endpoint> parse_endpoint(std::string_view text)
{
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos)
        return fail(ErrorCode::malformed, fmt::format("\"{}\" is not ADDRESS:PORT", printable(text)));
    std::string_view address = text.substr(0, colon);
    const bool bracketed = address.size() > 2 && address.front() == '[' && address.back() == ']';
    if (bracketed)
        address = address.substr(1, address.size() - 2);
    const std::optional<std::uint16_t> port = parse_number<std::uint16_t>(text.substr(colon + 1));
    if (!port)
        return fail(ErrorCode::malformed, fmt::format("\"{}\" has no port from 0 to 65535", printable(text)));
    net::Endpoint endpoint{std::string(address), *port};
    std::array<unsigned char, sizeof(in6_addr)> scratch{};
    const int family = bracketed ? AF_INET6 : AF_INET;
    if (::inet_pton(family, endpoint.address.c_str(), scratch.data()) != 1)
        return fail(ErrorCode::malformed,
                    fmt::format("\"{}\" is not an IPv4 address, nor an IPv6 address in brackets", printable(text)));
    return endpoint;
}

Result<void> set_resolver(const std::vector<std::string>& texts, net::ResolverOptions& options)
{
    options.forwarders.clear();
    options.ask_system = texts.size() == 1 && texts[0] == "system";
    if (options.ask_system || (texts.size() == 1 && texts[0] == "recursive"))
        return {};
    for (const std::string& text : texts) {
        if (net::reverse_dns_name(text)) {  // an address alone
            options.forwarders.push_back({text, 0});
            continue;
        }
        Result<net::Endpoint> server = parse_endpoint(text);
        if (!server)
            return fail(
                ErrorCode::malformed,
                fmt::format("must be \"recursive\", \"system\", or addresses of resolvers; \"{}\" is none of these",
                            printable(text)));
        options.forwarders.push_back(std::move(*server));
    }
    return {};
}

namespace {

// RFC 9738 section 3: it should not be lower.
constexpr std::uint32_t least_messages_per_command = 1000;
constexpr std::uint32_t most_messages_per_command = 1'000'000'000;

// Reads the values of one table; remembers the first fault, and which keys it was asked for.
class TableReader {
public:
    TableReader(const toml::table& table, std::string path, std::optional<Error>& fault, const std::string& file) :
        table_(table), path_(std::move(path)), fault_(fault), file_(file)
    {
    }

    void text(std::string_view key, std::string& out) { value<std::string>(key, out, "a text"); }
    void flag(std::string_view key, bool& out) { value<bool>(key, out, "true or false"); }

    template <class Number> void number(std::string_view key, Number& out, std::int64_t least, std::int64_t most)
    {
        std::int64_t given = static_cast<std::int64_t>(out);
        value<std::int64_t>(key, given, "a whole number");
        if (given < least || given > most)
            complain(key, fmt::format("must be from {} to {}", least, most));
        else
            out = static_cast<Number>(given);
    }

    template <class Enum>
    void choice(std::string_view key, Enum& out, std::initializer_list<std::pair<std::string_view, Enum>> choices)
    {
        std::string given;
        text(key, given);
        if (given.empty())
            return;
        std::string names;
        for (const auto& [name, meaning] : choices) {
            if (name == given) {
                out = meaning;
                return;
            }
            names += fmt::format("{}\"{}\"", names.empty() ? "" : ", ", name);
        }
        complain(key, "must be one of " + names);
    }

    // One text or a list of texts.
    std::vector<std::string> texts(std::string_view key)
    {
        known_.emplace(key);
        const toml::node* node = table_.get(key);
        if (node == nullptr)
            return {};
        if (const auto one = node->value<std::string>())
            return {*one};
        std::vector<std::string> out;
        if (const toml::array* list = node->as_array())
            for (const toml::node& item : *list)
                if (const auto one = item.value<std::string>())
                    out.push_back(*one);
                else
                    complain(key, "must be a list of texts");
        else
            complain(key, "must be a text or a list of texts");
        return out;
    }

    const toml::table* table(std::string_view key)
    {
        known_.emplace(key);
        const toml::node* node = table_.get(key);
        if (node != nullptr && !node->is_table())
            complain(key, "must be a table");
        return node == nullptr ? nullptr : node->as_table();
    }

    const toml::array* tables(std::string_view key)
    {
        known_.emplace(key);
        const toml::node* node = table_.get(key);
        if (node != nullptr && !node->is_array_of_tables())
            complain(key, fmt::format("must be given as [[{}{}]]", path_, key));
        return node == nullptr ? nullptr : node->as_array();
    }

    void complain(std::string_view key, std::string_view what)
    {
        if (fault_)
            return;
        const toml::node* node = table_.get(key);
        const auto line = node == nullptr ? table_.source().begin.line : node->source().begin.line;
        fault_ = Error{ErrorCode::malformed, fmt::format("{}:{}: {}{} {}", file_, line, path_, key, what)};
    }

    void nothing_else()
    {
        for (const auto& [key, node] : table_)
            if (!known_.contains(key.str()))
                complain(key.str(), "is not a setting (docs/settings.md lists them)");
    }

private:
    template <class T> void value(std::string_view key, T& out, std::string_view expected)
    {
        known_.emplace(key);
        const toml::node* node = table_.get(key);
        if (node == nullptr)
            return;
        if (const auto given = node->value_exact<T>())
            out = *given;
        else
            complain(key, fmt::format("must be {}", expected));
    }

    const toml::table& table_;
    std::string path_;
    std::optional<Error>& fault_;
    const std::string& file_;
    std::set<std::string, std::less<>> known_;
};

bool is_console_address(std::string_view text)
{
    if (text.starts_with("unix:/"))
        return true;
    for (const std::string_view scheme : {"http://", "https://"})
        if (text.starts_with(scheme))
            return parse_endpoint(text.substr(scheme.size())).has_value();
    return false;
}

void read_listen(TableReader in, std::vector<ListenAt>& out)
{
    for (const Door door : doors)
        for (const std::string& text : in.texts(name_of(door))) {
            const Result<net::Endpoint> endpoint = parse_endpoint(text);
            if (endpoint)
                out.push_back({door, endpoint->address, endpoint->port});
            else
                in.complain(name_of(door), endpoint.error().text);
        }
    in.nothing_else();
}

}  // namespace

std::uint64_t default_cache_bytes()
{
    const long pages = ::sysconf(_SC_PHYS_PAGES);
    const long page = ::sysconf(_SC_PAGESIZE);
    const std::uint64_t memory =
        pages > 0 && page > 0 ? static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page) : 0;
    return std::clamp<std::uint64_t>(memory / 128, 32ull << 20, 128ull << 20);
}

Result<Settings> parse_settings(std::string_view text, const std::string& name)
{
    toml::table root;
    try {
        root = toml::parse(text, name);
    } catch (const toml::parse_error& wrong) {
        return fail(ErrorCode::malformed,
                    fmt::format("{}:{}: {}", name, wrong.source().begin.line, wrong.description()));
    } catch (const std::invalid_argument&) {
        return fail(ErrorCode::malformed, fmt::format("{}: is not TOML (docs/settings.md has an example)", name));
    }
    Settings settings;
    std::optional<Error> fault;
    TableReader in(root, "", fault, name);
    in.text("hostname", settings.hostname);
    in.text("data", settings.data);
    in.text("user", settings.user);
    in.text("pid_file", settings.pid_file);
    in.number("threads", settings.threads, 0, 1024);
    in.flag("internet", settings.internet);
    in.number("relay_port", settings.relay_port, 1, 65'535);
    if (const std::vector<std::string> resolver = in.texts("resolver"); !resolver.empty())
        if (const Result<void> set = set_resolver(resolver, settings.resolver); !set)
            in.complain("resolver", set.error().text);
    in.text("trust_anchor", settings.resolver.trust_anchor);
    if (const toml::table* listen = in.table("listen"))
        read_listen({*listen, "listen.", fault, name}, settings.listen);
    if (const toml::array* certificates = in.tables("tls"))
        for (const toml::node& node : *certificates) {
            TableReader one(*node.as_table(), "tls.", fault, name);
            net::TlsContext::Files files;
            one.text("certificate", files.certificate);
            one.text("key", files.key);
            one.nothing_else();
            if (files.certificate.empty() || files.key.empty())
                in.complain("tls", "needs certificate and key, both PEM files");
            settings.certificates.push_back(std::move(files));
        }
    if (const toml::table* limits = in.table("limits")) {
        TableReader from(*limits, "limits.", fault, name);
        from.number("connections_per_address", settings.connections.per_address, 1, 1'000'000);
        from.number("connections_per_network", settings.connections.per_network, 1, 1'000'000);
        from.number("connections_per_account", settings.connections.per_account, 1, 1'000'000);
        from.number("connections", settings.connections.total, 1, 1'000'000);
        from.number("message_bytes", settings.message_bytes, 64 * 1024, 2'000'000'000);
        from.number("messages_per_command", settings.messages_per_command, 0, most_messages_per_command);
        if (const auto given = settings.messages_per_command; given > 0 && given < least_messages_per_command)
            from.complain("messages_per_command", fmt::format("must be 0, or at least {}", least_messages_per_command));
        from.number("cache_bytes", settings.cache_bytes, 1024 * 1024, 1'000'000'000'000);
        from.nothing_else();
    }
    if (const toml::table* log = in.table("log")) {
        TableReader from(*log, "log.", fault, name);
        from.choice("level", settings.log_level,
                    {{"debug", LogLevel::debug},
                     {"info", LogLevel::info},
                     {"warning", LogLevel::warning},
                     {"error", LogLevel::error}});
        from.choice("format", settings.log_format, {{"text", LogFormat::text}, {"json", LogFormat::json}});
        from.text("file", settings.log_file);
        from.nothing_else();
    }
    if (const toml::table* journey = in.table("journey")) {
        TableReader from(*journey, "journey.", fault, name);
        from.flag("keep", settings.journey);
        from.number("days", settings.journey_days, 1, 3650);
        from.number("bytes", settings.journey_bytes, 1024 * 1024, 1'000'000'000'000);
        from.nothing_else();
    }
    if (const toml::array* peers = in.tables("trace_peer"))
        for (const toml::node& node : *peers) {
            TableReader one(*node.as_table(), "trace_peer.", fault, name);
            TracePeer peer;
            one.text("host", peer.host);
            one.text("console", peer.console);
            one.text("key", peer.key_file);
            one.nothing_else();
            if (peer.host.empty() || peer.console.empty() || peer.key_file.empty())
                in.complain("trace_peer", "needs host, console and key");
            else if (!is_console_address(peer.console))
                one.complain("console", "must be \"unix:PATH\", or http:// or https:// with an IP address and a port");
            settings.trace_peers.push_back(std::move(peer));
        }
    if (const toml::table* unsafe = in.table("unsafe")) {
        TableReader from(*unsafe, "unsafe.", fault, name);
        from.flag("no_sync", settings.unsafe_no_sync);
        from.flag("plaintext_login", settings.unsafe_plaintext_login);
        from.flag("proxy_protocol", settings.unsafe_proxy_protocol);
        from.nothing_else();
    }
    in.nothing_else();
    if (settings.hostname.empty())
        in.complain("hostname", "is missing: the name this server goes by, such as \"mail.example.org\"");
    if (settings.data.empty())
        in.complain("data", "is missing: the folder for everything that must last");
    if (settings.listen.empty())
        in.complain("listen", "is missing: at least one port, such as smtp = \"0.0.0.0:25\"");
    if (fault)
        return fail(*fault);
    return settings;
}

Result<Settings> read_settings(const std::string& file)
{
    std::ifstream in(file, std::ios::binary);
    if (!in)
        return fail(ErrorCode::not_found, fmt::format("cannot read {}", file));
    std::ostringstream text;
    text << in.rdbuf();
    return parse_settings(text.str(), file);
}

}  // namespace posthouse::app

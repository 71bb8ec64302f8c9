#include "net/unbound_resolver.h"

#include "net/dns_questions.h"
#include "net/listening_socket.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <unordered_map>

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unbound.h>

namespace posthouse::net {

namespace {

constexpr int class_internet = 1;

// The keys of the root zone, as IANA publishes them (root-anchors.xml): KSK-2017 and KSK-2024.
constexpr std::array root_anchors{
    ". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
    ". IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16",
};

// Zones that libunbound answers NXDOMAIN by itself (RFC 6761, RFC 6303); a forwarder or stub knows better.
constexpr std::array built_in_zones{"test.", "127.in-addr.arpa."};

// Beside the question's own deadline, what keeps one dead server from holding the others up.
constexpr std::pair<const char*, const char*> unbound_options[]{
    {"verbosity:", "0"},
    {"use-syslog:", "no"},
    {"outgoing-range:", "4096"},  // a socket each; more questions than `most_at_once` never are under way
    {"num-queries-per-thread:", "4096"},
    {"outgoing-num-tcp:", "50"},
    {"msg-cache-size:", "8m"},
    {"rrset-cache-size:", "16m"},
    {"infra-host-ttl:", "60"},  // a server that was out of reach is tried afresh after a minute
    {"infra-keep-probing:", "yes"},
    {"cache-max-negative-ttl:", "900"},
};

std::string server_text(const Endpoint& server)
{
    return server.port == 0 ? server.address : fmt::format("{}@{}", server.address, server.port);
}

bool is_loopback(const Endpoint& server) { return server.address.starts_with("127.") || server.address == "::1"; }

std::string rcode_text(int rcode)
{
    switch (rcode) {
    case 1: return "FORMERR: the server did not understand the question";
    case 2: return "SERVFAIL: the name's servers do not answer, or not as they should";
    case 4: return "NOTIMP: the server knows no such question";
    case 5: return "REFUSED: the server does not answer us";
    default: return fmt::format("the server answered with code {}", rcode);
    }
}

DnsAnswer answer_of(const ub_result& result)
{
    DnsAnswer answer;
    answer.ttl = static_cast<std::uint32_t>(std::max(result.ttl, 0));
    if (result.canonname != nullptr)
        answer.canonical_name = dns_name(result.canonname).value_or("");
    if (answer.canonical_name.empty() && result.qname != nullptr)
        answer.canonical_name = dns_name(result.qname).value_or("");
    if (result.bogus) {
        answer.status = LookupStatus::bogus;
        answer.text = fmt::format("DNSSEC: {}", result.why_bogus == nullptr ? "validation failed" : result.why_bogus);
        return answer;
    }
    answer.is_secure = result.secure != 0;
    if (result.nxdomain || result.rcode == 3) {
        answer.status = LookupStatus::no_such_name;
        answer.text = "NXDOMAIN: there is no such name";
    } else if (result.rcode != 0) {
        answer.is_secure = false;
        answer.text = rcode_text(result.rcode);
    } else if (!result.havedata) {
        answer.status = LookupStatus::no_data;
        answer.text = "the name has no such record";
    } else {
        answer.status = LookupStatus::found;
        for (std::size_t i = 0; result.data[i] != nullptr; ++i)
            answer.data.emplace_back(result.data[i], static_cast<std::size_t>(result.len[i]));
    }
    return answer;
}

}  // namespace

struct UnboundResolver::State {
    State(const ResolverOptions& options, const Clock& the_clock, Random& random, Log& the_log) :
        clock(the_clock), log(the_log), questions(options.most_at_once, options.cache_bytes, clock, random)
    {
    }
    ~State();

    Result<void> configure(const ResolverOptions& options);
    Task<DnsAnswerPtr> ask(DnsType type, std::string name, Deadline deadline);
    Result<void> send(const DnsKey& key);
    void answered(DnsKey key, DnsAnswerPtr answer);
    void wait_for_answers(const std::stop_token& stop);
    static void on_result(void* ticket, int error, ub_result* result);

    // What libunbound gives back with the answer.
    struct Ticket {
        State& state;
        DnsKey key;
    };

    const Clock& clock;
    Log& log;
    DnsQuestions questions;
    ub_ctx* context = nullptr;
    Descriptor wake;
    std::mutex mutex;  // of `tickets`
    std::unordered_map<Ticket*, std::unique_ptr<Ticket>> tickets;  // under way
    std::jthread thread;
};

UnboundResolver::State::~State()
{
    thread.request_stop();
    if (wake)
        ::eventfd_write(wake.number(), 1);
    if (thread.joinable())
        thread.join();
    questions.close();
    if (context != nullptr)
        ub_ctx_delete(context);  // ends its thread; no callback comes after this
}

// ---- settings

Result<void> UnboundResolver::State::configure(const ResolverOptions& options)
{
    context = ub_ctx_create();
    if (context == nullptr)
        return fail(ErrorCode::unavailable, "libunbound did not start");
    ub_ctx_debugout(context, nullptr);
    std::string fault;
    const auto must = [&](int code, std::string_view what) {
        if (code != 0 && fault.empty())
            fault = fmt::format("libunbound refuses {}: {}", what, ub_strerror(code));
    };
    for (const auto& [name, value] : unbound_options)
        must(ub_ctx_set_option(context, name, value), name);
    bool asks_others = options.ask_system;
    bool asks_loopback = options.ask_system;
    for (const Endpoint& server : options.forwarders) {
        asks_others = true;
        asks_loopback = asks_loopback || is_loopback(server);
        must(ub_ctx_set_fwd(context, server_text(server).c_str()), server.text());
    }
    if (options.ask_system)
        must(ub_ctx_resolvconf(context, nullptr), "/etc/resolv.conf");
    for (const ResolverOptions::Stub& stub : options.stubs) {
        asks_others = true;
        asks_loopback = asks_loopback || is_loopback(stub.server);
        must(ub_ctx_set_stub(context, (stub.zone + ".").c_str(), server_text(stub.server).c_str(), 0), stub.zone);
    }
    if (asks_loopback)
        must(ub_ctx_set_option(context, "do-not-query-localhost:", "no"), "servers on this machine");
    if (asks_others)
        must(ub_ctx_set_option(context, "unblock-lan-zones:", "yes"), "unblock-lan-zones");
    if (options.trust_anchor.empty())
        for (const char* anchor : root_anchors)
            must(ub_ctx_add_ta(context, anchor), "the root's keys");
    else if (options.trust_anchor != "none") {
        if (::access(options.trust_anchor.c_str(), R_OK) != 0)
            return fail(ErrorCode::malformed, fmt::format("cannot read the trust anchor {}", options.trust_anchor));
        must(ub_ctx_add_ta_file(context, options.trust_anchor.c_str()), options.trust_anchor);
    }
    must(ub_ctx_async(context, 1), "a thread");
    // From here on nothing can be set: this makes libunbound read what was.
    if (asks_others)
        for (const char* zone : built_in_zones)
            must(ub_ctx_zone_remove(context, zone), zone);
    if (!fault.empty())
        return fail(ErrorCode::malformed, fault);
    wake = Descriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!wake)
        return fail(ErrorCode::unavailable, "no file descriptors left");
    thread = std::jthread([this](const std::stop_token& stop) { wait_for_answers(stop); });
    return {};
}

// ---- asking

Task<DnsAnswerPtr> UnboundResolver::State::ask(DnsType type, std::string name, Deadline deadline)
{
    std::optional<std::string> normal = dns_name(name);
    if (!normal) {
        DnsAnswer answer;
        answer.status = LookupStatus::malformed;
        answer.text = "this is no domain name";
        co_return std::make_shared<const DnsAnswer>(std::move(answer));
    }
    const DnsKey key{type, std::move(*normal)};
    const DnsQuestions::Asked asked = questions.ask(key, deadline);
    if (asked.answer)
        co_return asked.answer;
    if (asked.must_be_sent) {
        const Result<void> sent = send(key);
        if (!sent)
            answered(key, temporary_answer(sent.error().text));
    }
    const auto left = std::chrono::duration_cast<Duration>(deadline.at - clock.steady());
    const bool came = co_await asked.promise->ready_within(std::clamp<Duration>(left, 0s, 24h));
    if (!came)
        co_return temporary_answer("no answer in time");
    co_return co_await asked.promise->get();
}

// Success: on_result() will come.
Result<void> UnboundResolver::State::send(const DnsKey& key)
{
    auto ticket = std::make_unique<Ticket>(*this, key);
    Ticket* const raw = ticket.get();
    {
        const std::scoped_lock lock(mutex);
        tickets.emplace(raw, std::move(ticket));
    }
    const int code = ub_resolve_async(context, (key.name + ".").c_str(), static_cast<int>(key.type), class_internet,
                                      raw, &State::on_result, nullptr);
    if (code == 0)
        return {};
    {
        const std::scoped_lock lock(mutex);
        tickets.erase(raw);
    }
    log.write(LogLevel::warning, "net", 0, "a question to the DNS could not be asked",
              {{"name", key.name}, {"why", ub_strerror(code)}});
    return fail(ErrorCode::unavailable, ub_strerror(code));
}

void UnboundResolver::State::answered(DnsKey key, DnsAnswerPtr answer)
{
    for (;;) {
        std::optional<DnsKey> next = questions.answered(key, std::move(answer));
        if (!next)
            return;
        const Result<void> sent = send(*next);
        if (sent)
            return;
        key = std::move(*next);
        answer = temporary_answer(sent.error().text);
    }
}

// ---- answers, on our thread

void UnboundResolver::State::on_result(void* raw, int error, ub_result* result)
{
    auto* const ticket = static_cast<Ticket*>(raw);
    State& state = ticket->state;
    DnsAnswerPtr answer = error != 0 || result == nullptr ? temporary_answer(ub_strerror(error))
                                                          : std::make_shared<const DnsAnswer>(answer_of(*result));
    ub_resolve_free(result);
    DnsKey key = std::move(ticket->key);
    {
        const std::scoped_lock lock(state.mutex);
        state.tickets.erase(ticket);
    }
    state.answered(std::move(key), std::move(answer));
}

void UnboundResolver::State::wait_for_answers(const std::stop_token& stop)
{
    std::array<pollfd, 2> watched{pollfd{ub_fd(context), POLLIN, 0}, pollfd{wake.number(), POLLIN, 0}};
    while (!stop.stop_requested()) {
        if (::poll(watched.data(), watched.size(), -1) < 0)
            continue;  // EINTR
        if ((watched[0].revents & POLLIN) == 0)
            continue;
        if (const int code = ub_process(context); code != 0)
            log.write(LogLevel::error, "net", 0, "DNS answers were lost", {{"why", ub_strerror(code)}});
    }
}

// ---- the face

namespace {

template <class Record, class Read> Lookup<Record> typed(const DnsAnswer& answer, Read read)
{
    Lookup<Record> lookup;
    lookup.status = answer.status;
    lookup.is_secure = answer.is_secure;
    lookup.canonical_name = answer.canonical_name;
    lookup.ttl = answer.ttl;
    lookup.text = answer.text;
    for (const std::string& data : answer.data)
        if (std::optional<Record> record = read(data))
            lookup.records.push_back(std::move(*record));
    if constexpr (std::is_same_v<Record, MxRecord>)  // the best are kept
        std::ranges::sort(lookup.records, {}, &MxRecord::preference);
    if (lookup.records.size() > most_records)
        lookup.records.resize(most_records);
    if (lookup.status == LookupStatus::found && lookup.records.empty()) {
        lookup.status = LookupStatus::temporary;  // something is there, and it is broken
        lookup.text = "none of the records can be read";
    }
    return lookup;
}

}  // namespace

UnboundResolver::UnboundResolver(std::unique_ptr<State> state) : state_(std::move(state)) { }
UnboundResolver::~UnboundResolver() = default;
void UnboundResolver::stop() { state_->questions.close(); }

Result<std::unique_ptr<UnboundResolver>> UnboundResolver::open(const ResolverOptions& options, const Clock& clock,
                                                               Random& random, Log& log)
{
    auto state = std::make_unique<State>(options, clock, random, log);
    const Result<void> configured = state->configure(options);
    if (!configured)
        return fail(configured.error());
    return std::unique_ptr<UnboundResolver>(new UnboundResolver(std::move(state)));
}

Task<Lookup<MxRecord>> UnboundResolver::mx(std::string name, Deadline deadline)
{
    const DnsAnswerPtr answer = co_await state_->ask(DnsType::mx, std::move(name), deadline);
    co_return typed<MxRecord>(*answer, read_mx);
}

Task<Lookup<std::string>> UnboundResolver::addresses(std::string name, IpFamily family, Deadline deadline)
{
    const DnsType type = family == IpFamily::v4 ? DnsType::a : DnsType::aaaa;
    const DnsAnswerPtr answer = co_await state_->ask(type, std::move(name), deadline);
    co_return typed<std::string>(*answer, [family](std::string_view data) { return read_address(data, family); });
}

Task<Lookup<std::string>> UnboundResolver::txt(std::string name, Deadline deadline)
{
    const DnsAnswerPtr answer = co_await state_->ask(DnsType::txt, std::move(name), deadline);
    co_return typed<std::string>(*answer, read_txt);
}

Task<Lookup<TlsaRecord>> UnboundResolver::tlsa(std::string name, Deadline deadline)
{
    const DnsAnswerPtr answer = co_await state_->ask(DnsType::tlsa, std::move(name), deadline);
    co_return typed<TlsaRecord>(*answer, read_tlsa);
}

Task<Lookup<std::string>> UnboundResolver::names(std::string address, Deadline deadline)
{
    const std::optional<std::string> reverse = reverse_dns_name(address);
    if (!reverse) {
        Lookup<std::string> lookup;
        lookup.status = LookupStatus::malformed;
        lookup.text = "this is no IP address";
        co_return lookup;
    }
    const DnsAnswerPtr answer = co_await state_->ask(DnsType::ptr, *reverse, deadline);
    co_return typed<std::string>(*answer, read_host);
}

}  // namespace posthouse::net

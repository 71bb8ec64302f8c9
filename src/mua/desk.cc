#include "mua/desk.h"

#include "base/terminal.h"
#include "base/text.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include <fmt/format.h>

namespace posthouse::mua {

namespace {

std::string addresses_of(const Identities& identities)
{
    std::string all;
    for (const Identity& identity : identities.list)
        all += (all.empty() ? "" : ", ") + printable(identity.address, 200);
    return all;
}

// What a file from the lab may tell is about this machine alone.
void keep_only_loopback(Identities& identities)
{
    std::erase_if(identities.list, [](const Identity& identity) {
        return !is_loopback(identity.imap.host) || !is_loopback(identity.submission.host);
    });
    for (Identity& identity : identities.list)
        identity.in_lab = true;
}

bool same_host(const ServerAt& asked, const ServerAt& known) { return equals_ignoring_case(asked.host, known.host); }

void forget_secrets(Identity& identity)
{
    identity.password.clear();
    identity.certificate.clear();
    identity.in_lab = false;
}

ServerAt& server_for(Identity& identity, Protocol protocol)
{
    switch (protocol) {
    case Protocol::imap: return identity.imap;
    case Protocol::pop3: return identity.pop3;
    case Protocol::submission: break;
    }
    return identity.submission;
}

}  // namespace

Result<Identities> Desk::everybody() const
{
    Result<Identities> own = read_identities(own_identities_file());
    if (!own)
        return own;
    Result<Identities> lab = read_identities(lab_identities_file(choice_.lab_data));
    if (!lab)
        return own;  // a lab of somebody else, or a broken file: as if there were none
    keep_only_loopback(*lab);
    for (Identity& identity : lab->list)
        if (own->find(identity.address) == nullptr)
            own->list.push_back(std::move(identity));
    return own;
}

Result<Identity> Desk::whose(Protocol protocol)
{
    Result<Identities> all = everybody();
    if (!all)
        return fail(all.error());
    std::string address = !choice_.from.empty()       ? choice_.from
        : choice_.user.find('@') != std::string::npos ? choice_.user
                                                      : all->standard;
    const bool is_only_one =
        all->list.size() == 1 || (all->list.size() > 1 && !all->list[0].in_lab && all->list[1].in_lab);
    if (address.empty() && is_only_one)
        address = all->list[0].address;
    if (address.empty() && choice_.server.empty())
        return fail(
            ErrorCode::not_found,
            all->list.empty()
                ? std::string("whose mail? Log in first: posthouse login you@example.org --server mail.example.org")
                : fmt::format("whose mail? Say --user ADDRESS; known are {}", addresses_of(*all)));
    if (address.empty() && choice_.user.empty())
        return fail(ErrorCode::not_found, "with --server say --user too");

    Identity identity;
    if (const Identity* known = all->find(address); known != nullptr && !address.empty())
        identity = *known;
    else if (choice_.server.empty())
        return fail(
            ErrorCode::not_found,
            fmt::format("nothing is known of {}: log in first (posthouse login {} --server mail.example.org), or "
                        "name its --server{}",
                        printable(address, 200), printable(address, 200),
                        all->list.empty() ? "" : fmt::format("; known are {}", addresses_of(*all))));
    else
        identity.address = address.empty() ? choice_.user : address;
    if (const Result<void> applied = apply_options(identity, protocol); !applied)
        return fail(applied.error());
    return identity;
}

// A stored password goes to the host that it was stored for and proves by its certificate that it is that host: by
// name, or by the lab's own certificate on loopback. Without such a proof, only to the very same port.
bool Desk::may_be_trusted_with(const Identity& identity, const ServerAt& asked) const
{
    const bool proves_itself = !choice_.insecure && choice_.tls != "none";
    if (proves_itself && identity.in_lab && is_loopback(asked.host))
        return true;
    return std::ranges::any_of(
        std::array{&identity.imap, &identity.pop3, &identity.submission}, [&](const ServerAt* known) {
            return same_host(asked, *known) && (proves_itself || asked.port == 0 || asked.port == known->port);
        });
}

// --server: the one that this command speaks to first; the others are taken to be on the same host.
void Desk::point_at(Identity& identity, ServerAt asked, Protocol protocol) const
{
    ServerAt& at = server_for(identity, protocol);
    if (!may_be_trusted_with(identity, asked)) {
        forget_secrets(identity);
        identity.imap = identity.pop3 = identity.submission = {.host = asked.host};
        at = std::move(asked);
        return;
    }
    if (asked.port == 0)
        asked.port = at.port;
    if (choice_.tls.empty() && asked.port == at.port)
        asked.security = at.security;
    at = std::move(asked);
}

Result<void> Desk::apply_options(Identity& identity, Protocol protocol) const
{
    if (!choice_.user.empty() && !equals_ignoring_case(choice_.user, identity.address))
        identity.user = choice_.user;
    std::optional<Security> security = Security::automatic;
    if (!choice_.tls.empty() && !(security = parse_security(choice_.tls)))
        return fail(ErrorCode::malformed, "--tls is automatic, tls, starttls or none");
    if (!choice_.server.empty()) {
        Result<ServerAt> asked = parse_server(choice_.server);
        if (!asked)
            return fail(asked.error());
        asked->security = *security;
        point_at(identity, *asked, protocol);
    } else if (!choice_.tls.empty()) {
        server_for(identity, protocol).security = *security;
    }
    if (!choice_.submission.empty()) {
        const Result<ServerAt> asked = parse_server(choice_.submission);
        if (!asked)
            return fail(asked.error());
        if (!may_be_trusted_with(identity, *asked))
            forget_secrets(identity);
        identity.submission = *asked;
    }
    return {};
}

void Desk::follow_listing(std::span<const std::string> messages)
{
    const bool names_nobody = choice_.user.empty() && choice_.from.empty() && choice_.server.empty();
    const Result<std::vector<Reference>> references = parse_references(messages);
    if (!names_nobody || !references)
        return;
    const bool has_number =
        std::ranges::any_of(*references, [](const Reference& one) { return one.kind == Reference::Kind::number; });
    const Result<std::string> text = has_number ? read_small_file(listing_file()) : fail(ErrorCode::not_found);
    const Result<Listing> listing = text ? parse_listing(*text) : fail(ErrorCode::not_found);
    if (!listing || listing->session != this_session())
        return;
    choice_.user = listing->address;
    choice_.pop3 = choice_.pop3 || listing->by_pop3;
}

Manner Desk::manner_for(const Identity& identity, Protocol protocol) const
{
    Manner manner{.insecure = choice_.insecure, .certificate = identity.certificate};
    if (choice_.verbose) {
        const bool colour = wants_colour(stderr);
        const std::string_view name = protocol == Protocol::imap ? "imap"
            : protocol == Protocol::pop3                         ? "pop3"
                                                                 : "smtp";
        manner.show = [colour, name](Speaker speaker, std::string_view line) {
            const bool ours = speaker == Speaker::client;
            const std::string text = fmt::format("{} {} {}", name, ours ? "->" : "<-", printable(line, 2000));
            std::fprintf(stderr, "%s\n", styled(text, ours ? Style::red : Style::blue, colour).c_str());
        };
    }
    return manner;
}

std::string Desk::account_of(const Identity& identity) const
{
    return fmt::format("{} at {}", identity.login(), (choice_.pop3 ? identity.pop3 : identity.imap).text());
}

}  // namespace posthouse::mua

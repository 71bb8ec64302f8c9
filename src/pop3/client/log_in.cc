// Logging in: by SASL (RFC 5034) where the server has it, else USER and PASS.
#include "pop3/client/client.h"

#include "base/text.h"
#include "sasl/plain.h"
#include "sasl/scram.h"

#include <algorithm>

namespace posthouse::pop3 {

Task<Result<void>> Client::log_in(std::string user, std::string password, Random& random, ClearPasswords clear)
{
    const Result<Capabilities> server = co_await capabilities();
    if (!server)
        co_return fail(server.error());
    const auto has = [&](std::string_view mechanism) {
        return std::ranges::find(server->mechanisms, mechanism) != server->mechanisms.end();
    };
    const bool may_send_password = wire_.is_tls() || clear == ClearPasswords::yes;
    const bool can_bind = !wire_.channel_binding(net::ChannelBinding::tls_server_end_point).empty() ||
        !wire_.channel_binding(net::ChannelBinding::tls_exporter).empty();
    plus_offered_ = has("SCRAM-SHA-256-PLUS");
    if (plus_offered_ && can_bind)
        co_return co_await log_in_by("SCRAM-SHA-256-PLUS", std::move(user), std::move(password), random);
    if (has("SCRAM-SHA-256"))
        co_return co_await log_in_by("SCRAM-SHA-256", std::move(user), std::move(password), random);
    if (!may_send_password)
        co_return fail(ErrorCode::not_permitted, "the server wants a password in the clear");
    if (has("PLAIN"))
        co_return co_await log_in_by_plain(std::move(user), std::move(password));
    co_return co_await log_in_by_user(std::move(user), std::move(password));
}

Task<Result<void>> Client::log_in_by(std::string mechanism, std::string user, std::string password, Random& random)
{
    if (mechanism.starts_with("SCRAM-SHA-256"))
        co_return co_await log_in_by_scram(std::move(mechanism), std::move(user), std::move(password),
                                           base64_encode(random.bytes(18)));
    if (mechanism == "PLAIN")
        co_return co_await log_in_by_plain(std::move(user), std::move(password));
    if (mechanism == "USER")
        co_return co_await log_in_by_user(std::move(user), std::move(password));
    co_return fail(ErrorCode::malformed, "this end has no " + mechanism);
}

Task<Result<std::string>> Client::exchange(std::string response)
{
    show(Speaker::client, "[SASL response]");
    const Result<void> sent = co_await write(base64_encode(response) + "\r\n");
    if (!sent)
        co_return fail(sent.error());
    const Result<std::string> line = co_await this->line();
    if (!line)
        co_return fail(line.error());
    auto challenge = parse_challenge(*line);
    if (challenge)
        co_return std::move(*challenge);
    const Result<Reply> reply = parse_reply(*line);
    if (reply && !reply->is_ok)
        co_return fail(to_error(*reply));
    co_return fail(ErrorCode::malformed, "the server lets us in without its proof");
}

Task<Result<void>> Client::log_in_by_scram(std::string mechanism, std::string user, std::string password,
                                           std::string nonce)
{
    sasl::ScramBinding binding;
    const bool is_plus = mechanism.ends_with("-PLUS");
    // RFC 9266: tls-exporter where there is TLS 1.3; else RFC 5929.
    std::string exporter = wire_.channel_binding(net::ChannelBinding::tls_exporter);
    if (is_plus && !exporter.empty())
        binding = {sasl::ClientBinding::used, "tls-exporter", std::move(exporter)};
    else if (is_plus)
        binding = {sasl::ClientBinding::used, "tls-server-end-point",
                   wire_.channel_binding(net::ChannelBinding::tls_server_end_point)};
    else if (wire_.is_tls() && !plus_offered_)
        binding.kind = sasl::ClientBinding::client_only;
    const sasl::Secret secret(std::move(password));
    Result<sasl::ScramClient> scram =
        sasl::ScramClient::begin(user, secret.view(), std::move(nonce), std::move(binding));
    if (!scram)
        co_return fail(scram.error());

    const std::string command = "AUTH " + mechanism;
    show(Speaker::client, command);
    const Result<void> sent = co_await write(command + "\r\n");
    if (!sent)
        co_return fail(sent.error());
    const Result<std::string> invitation = co_await line();
    if (!invitation)
        co_return fail(invitation.error());
    if (!parse_challenge(*invitation)) {
        const Result<Reply> refusal = parse_reply(*invitation);
        if (!refusal || refusal->is_ok)
            co_return fail(ErrorCode::malformed, "not the answer to AUTH");
        co_return fail(to_error(*refusal));
    }
    const Result<std::string> server_first = co_await exchange(scram->first());
    if (!server_first)
        co_return fail(server_first.error());
    Result<std::string> answer = scram->answer(*server_first);
    if (!answer)
        co_return fail(answer.error());
    const Result<std::string> server_final = co_await exchange(std::move(*answer));
    if (!server_final)
        co_return fail(server_final.error());
    const Result<void> verified = scram->verify(*server_final);
    if (!verified) {
        wire_.close();
        co_return fail(verified.error());
    }
    const Result<Reply> welcome = co_await talk("", "");
    if (!welcome)
        co_return fail(welcome.error());
    co_return Result<void>{};
}

Task<Result<void>> Client::log_in_by_plain(std::string user, std::string password)
{
    const sasl::Secret secret(std::move(password));
    Result<std::string> message = sasl::write_plain(user, secret.view());
    if (!message)
        co_return fail(message.error());
    std::string command = "AUTH PLAIN " + base64_encode(*message);
    sasl::wipe(*message);
    const Result<Reply> reply = co_await talk(std::move(command), "AUTH PLAIN [response]");
    if (!reply)
        co_return fail(reply.error());
    co_return Result<void>{};
}

Task<Result<void>> Client::log_in_by_user(std::string user, std::string password)
{
    const sasl::Secret secret(std::move(password));
    const Result<Reply> named = co_await talk("USER " + user, "USER " + user);
    if (!named)
        co_return fail(named.error());
    const Result<Reply> reply = co_await talk("PASS " + std::string(secret.view()), "PASS [password]");
    if (!reply)
        co_return fail(reply.error());
    co_return Result<void>{};
}

}  // namespace posthouse::pop3

// Logging in: by AUTHENTICATE (RFC 3501 section 6.2.2, SASL-IR RFC 4959), else LOGIN.
#include "imap/client/client.h"

#include "base/text.h"
#include "sasl/plain.h"
#include "sasl/scram.h"

#include <fmt/format.h>

namespace posthouse::imap {

Task<Result<void>> Client::log_in(std::string user, std::string password, Random& random, ClearPasswords clear)
{
    if (logged_in_)
        co_return Result<void>{};
    const bool may_send_password = wire_.is_tls() || clear == ClearPasswords::yes;
    const bool can_bind = !wire_.channel_binding(net::ChannelBinding::tls_server_end_point).empty() ||
        !wire_.channel_binding(net::ChannelBinding::tls_exporter).empty();
    const bool plus = has("AUTH=SCRAM-SHA-256-PLUS");
    if ((plus && can_bind) || has("AUTH=SCRAM-SHA-256"))
        co_return co_await log_in_by_scram(plus && can_bind ? "SCRAM-SHA-256-PLUS" : "SCRAM-SHA-256", std::move(user),
                                           std::move(password), base64_encode(random.bytes(18)), plus);
    if (!may_send_password)
        co_return fail(ErrorCode::not_permitted, "the server wants a password in the clear");
    if (has("AUTH=PLAIN"))
        co_return co_await log_in_by_plain(std::move(user), std::move(password));
    if (has("LOGINDISABLED"))
        co_return fail(ErrorCode::not_permitted, "the server offers no way to log in that we know");
    co_return co_await log_in_by_login(std::move(user), std::move(password));
}

// A NO without a code is a wrong password here.
Task<Result<void>> Client::finish_login(Answer answer)
{
    if (!answer.status.is_ok()) {
        Error error = to_error(answer.status, "login refused");
        if (answer.status.code.name.empty() && answer.status.kind == StatusResponse::Kind::no)
            error.code = ErrorCode::not_permitted;
        co_return fail(std::move(error));
    }
    logged_in_ = true;
    if (answer.status.code.name != "CAPABILITY")
        co_return co_await refresh_capabilities();
    co_return Result<void>{};
}

// Sends a response of the exchange; the next challenge comes back.
Task<Result<std::string>> Client::exchange(std::string response)
{
    show(Speaker::client, "[SASL response]");
    const Result<void> sent =
        co_await wire_.write(base64_encode(response) + "\r\n", Deadline::in(clock_, limits_.reply));
    if (!sent)
        co_return fail(sent.error());
    const Deadline deadline = Deadline::in(clock_, limits_.reply);
    for (;;) {
        const Result<Response> next = co_await read_response(deadline);
        if (!next)
            co_return fail(next.error());
        if (const auto* challenge = std::get_if<ContinuationResponse>(&*next)) {
            std::optional<std::string> decoded = base64_decode(challenge->text);
            if (!decoded)
                co_return fail(ErrorCode::malformed, "a challenge that is not base64");
            co_return std::move(*decoded);
        }
        const auto* status = std::get_if<StatusResponse>(&*next);
        if (status == nullptr || status->tag.empty())
            continue;
        if (status->is_ok())
            co_return fail(ErrorCode::malformed, "the server lets us in without its proof");
        Error error = to_error(*status, "login refused");
        if (status->code.name.empty())
            error.code = ErrorCode::not_permitted;
        co_return fail(std::move(error));
    }
}

Task<Result<void>> Client::end_exchange(std::string response)
{
    const Result<void> sent =
        co_await wire_.write(base64_encode(response) + "\r\n", Deadline::in(clock_, limits_.reply));
    if (!sent)
        co_return sent;
    Result<Answer> answer = co_await await_answer();
    if (!answer)
        co_return fail(answer.error());
    co_return co_await finish_login(std::move(*answer));
}

Task<Result<void>> Client::log_in_by_scram(std::string mechanism, std::string user, std::string password,
                                           std::string nonce, bool plus_offered)
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
    else if (wire_.is_tls() && !plus_offered)
        binding.kind = sasl::ClientBinding::client_only;
    const sasl::Secret secret(std::move(password));
    Result<sasl::ScramClient> scram =
        sasl::ScramClient::begin(user, secret.view(), std::move(nonce), std::move(binding));
    if (!scram)
        co_return fail(scram.error());

    const std::string command = "AUTHENTICATE " + mechanism;
    Serializer line = begin(command);
    line.crlf();
    show(Speaker::client, fmt::format("{} {}", tag_, command));
    const Result<void> sent = co_await send(std::move(line));
    if (!sent)
        co_return sent;
    const Result<void> invited = co_await await_continuation();
    if (!invited)
        co_return invited;
    const Result<std::string> server_first = co_await exchange(scram->first());
    if (!server_first)
        co_return fail(server_first.error());
    Result<std::string> proof = scram->answer(*server_first);
    if (!proof)
        co_return fail(proof.error());
    const Result<std::string> server_final = co_await exchange(std::move(*proof));
    if (!server_final)
        co_return fail(server_final.error());
    const Result<void> verified = scram->verify(*server_final);
    if (!verified) {
        wire_.close();
        co_return verified;
    }
    co_return co_await end_exchange("");
}

Task<Result<void>> Client::log_in_by_plain(std::string user, std::string password)
{
    const sasl::Secret secret(std::move(password));
    Result<std::string> message = sasl::write_plain(user, secret.view());
    if (!message)
        co_return fail(message.error());
    const bool at_once = has("SASL-IR");
    std::string command = "AUTHENTICATE PLAIN";
    if (at_once)
        command += " " + base64_encode(*message);
    Serializer line = begin(command);
    line.crlf();
    sasl::wipe(command);
    show(Speaker::client, tag_ + " AUTHENTICATE PLAIN [response]");
    const Result<void> sent = co_await send(std::move(line));
    if (!sent)
        co_return sent;
    if (!at_once) {
        const Result<void> invited = co_await await_continuation();
        if (!invited)
            co_return invited;
        co_return co_await end_exchange(std::move(*message));
    }
    sasl::wipe(*message);
    Result<Answer> answer = co_await await_answer();
    if (!answer)
        co_return fail(answer.error());
    co_return co_await finish_login(std::move(*answer));
}

Task<Result<void>> Client::log_in_by_login(std::string user, std::string password)
{
    const sasl::Secret secret(std::move(password));
    Serializer line = begin("LOGIN ");
    line.astring(user).raw(" ").astring(secret.view()).crlf();
    show(Speaker::client, tag_ + " LOGIN [user and password]");
    const Result<void> sent = co_await send(std::move(line));
    if (!sent)
        co_return sent;
    Result<Answer> answer = co_await await_answer();
    if (!answer)
        co_return fail(answer.error());
    co_return co_await finish_login(std::move(*answer));
}

}  // namespace posthouse::imap

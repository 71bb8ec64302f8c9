#include "smtp/sasl_client.h"

#include "base/text.h"
#include "sasl/plain.h"
#include "sasl/scram.h"

#include <algorithm>

#include <fmt/format.h>

namespace posthouse::smtp {

namespace {

class Plain final : public SaslClient {
public:
    explicit Plain(std::string message) : message_(std::move(message)) { }
    std::string_view mechanism() const override { return "PLAIN"; }
    std::optional<std::string> initial_response() override { return std::string(message_.view()); }
    Result<std::string> respond(std::string_view) override
    {
        return fail(ErrorCode::malformed, "the server asks for more than PLAIN has");
    }
    bool is_satisfied() const override { return true; }

private:
    sasl::Secret message_;
};

class LoginMechanism final : public SaslClient {
public:
    LoginMechanism(std::string user, std::string password) : user_(std::move(user)), password_(std::move(password)) { }
    std::string_view mechanism() const override { return "LOGIN"; }
    std::optional<std::string> initial_response() override { return std::nullopt; }
    Result<std::string> respond(std::string_view) override
    {
        ++asked_;
        if (asked_ > 2)
            return fail(ErrorCode::malformed, "the server asks for more than LOGIN has");
        return asked_ == 1 ? user_ : std::string(password_.view());
    }
    bool is_satisfied() const override { return asked_ == 2; }

private:
    std::string user_;
    sasl::Secret password_;
    int asked_ = 0;
};

class Scram final : public SaslClient {
public:
    Scram(sasl::ScramClient client, bool is_plus) : client_(std::move(client)), is_plus_(is_plus) { }
    std::string_view mechanism() const override { return is_plus_ ? "SCRAM-SHA-256-PLUS" : "SCRAM-SHA-256"; }
    std::optional<std::string> initial_response() override { return client_.first(); }
    Result<std::string> respond(std::string_view challenge) override
    {
        ++round_;
        if (round_ == 1)
            return client_.answer(challenge);
        const Result<void> proof =
            round_ == 2 ? client_.verify(challenge) : fail(ErrorCode::malformed, "the server does not come to an end");
        if (!proof)
            return fail(proof.error());
        server_is_known_ = true;
        return std::string();
    }
    bool is_satisfied() const override { return server_is_known_; }

private:
    sasl::ScramClient client_;
    bool is_plus_;
    int round_ = 0;
    bool server_is_known_ = false;
};

// RFC 5802 section 6: with a binding of our own we say so, also where the server does not offer
// PLUS, so that it notices if somebody took that offer away.
Result<std::unique_ptr<SaslClient>> begin_scram(bool is_plus, LoginWith with, Random& random)
{
    sasl::ScramBinding binding;
    if (is_plus)
        binding = {sasl::ClientBinding::used, "tls-exporter", std::move(with.tls_exporter)};
    else if (!with.tls_exporter.empty())
        binding.kind = sasl::ClientBinding::client_only;
    Result<sasl::ScramClient> client =
        sasl::ScramClient::begin(with.user, with.password, base64_encode(random.bytes(18)), std::move(binding));
    sasl::wipe(with.password);
    if (!client)
        return fail(client.error());
    return std::make_unique<Scram>(std::move(*client), is_plus);
}

}  // namespace

Result<std::unique_ptr<SaslClient>> choose_sasl_client(const std::vector<std::string>& offered, LoginWith with,
                                                       Random& random)
{
    const auto has = [&](std::string_view name) {
        return std::ranges::any_of(offered, [&](const std::string& o) { return equals_ignoring_case(o, name); });
    };
    if (has("SCRAM-SHA-256-PLUS") && !with.tls_exporter.empty())
        return begin_scram(true, std::move(with), random);
    if (has("SCRAM-SHA-256"))
        return begin_scram(false, std::move(with), random);
    if (with.clear == ClearPasswords::yes && has("PLAIN")) {
        Result<std::string> message = sasl::write_plain(with.user, with.password);
        sasl::wipe(with.password);
        if (!message)
            return fail(message.error());
        return std::make_unique<Plain>(std::move(*message));
    }
    if (with.clear == ClearPasswords::yes && has("LOGIN"))
        return std::make_unique<LoginMechanism>(std::move(with.user), std::move(with.password));
    if (offered.empty())
        return fail(ErrorCode::unavailable, "the server offers no login here");
    return fail(ErrorCode::unavailable,
                fmt::format("none of the server's ways to log in may be used here: {}",
                            printable(fmt::format("{}", fmt::join(offered, " ")), 200)));
}

}  // namespace posthouse::smtp

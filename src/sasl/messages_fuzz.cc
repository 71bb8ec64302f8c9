// Hostile SASL messages: the parsers never crash, and what they take they write again.
#include "base/text.h"
#include "sasl/plain.h"
#include "sasl/prepare.h"
#include "sasl/scram.h"

#include <cstdlib>

namespace {

void require(bool holds)
{
    if (!holds)
        std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace posthouse;
    using namespace posthouse::sasl;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (const auto first = parse_client_first(text)) {
        require(first->gs2_header + first->bare == text);
        require(!first->user.empty() && is_valid_utf8(first->user));
        require((first->binding == ClientBinding::used) == !first->binding_type.empty());
    }
    if (const auto first = parse_server_first(text)) {
        const auto again = parse_server_first(write(*first));
        require(again && again->nonce == first->nonce && again->salt == first->salt &&
                again->iterations == first->iterations);
    }
    if (const auto final = parse_client_final(text)) {
        require(final->proof.size() == 32 && text.starts_with(final->without_proof));
        require(!is_right_proof({"salt", 1, std::string(32, 's'), std::string(32, 'k')}, text, final->proof));
    }
    if (const auto plain = parse_plain(std::string(text))) {
        const auto written = write_plain(plain->user, plain->password.view());
        require(written.has_value());
        const auto again = parse_plain(std::string(*written));
        require(again && again->user == plain->user && again->password.view() == plain->password.view());
    }
    if (const auto name = prepare_name(text)) {
        // RFC 3454 section 7: what was prepared is prepared, unless it holds unassigned code points.
        require(is_valid_utf8(*name) && !name->empty());
    }
    auto client = ScramClient::begin("user", "password", "nonce");
    require(client.has_value());
    require(!client->verify(text));
    const auto server_first = parse_server_first(text);
    if (!server_first || server_first->iterations < 10'000) {
        const auto answer = client->answer(text);
        if (answer)
            require(parse_client_final(*answer).has_value());
    }
    return 0;
}

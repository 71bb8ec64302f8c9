#include "smtp/sasl_client.h"

#include "base/text.h"

#include <gtest/gtest.h>

namespace posthouse::smtp {
namespace {

// Its base64 is the client nonce of RFC 7677 section 3.
class FixedRandom final : public Random {
public:
    void fill(std::span<std::byte> out) override
    {
        const std::string bytes = *base64_decode("rOprNGfwEbeRWgbNEkqO");
        for (std::size_t i = 0; i < out.size(); ++i)
            out[i] = static_cast<std::byte>(bytes[i % bytes.size()]);
    }
};

constexpr std::string_view server_nonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";

std::unique_ptr<SaslClient> scram(Random& random)
{
    return std::move(*choose_sasl_client({"PLAIN", "SCRAM-SHA-256"}, {"user", "pencil"}, random));
}

// The server's half of the RFC's example was made with another client nonce, so the proof here was
// computed by an independent program (Python's hmac and hashlib) over the same salt and password.
TEST(SaslClient, ScramProof)
{
    FixedRandom random;
    const auto sasl = scram(random);
    ASSERT_TRUE(sasl);
    const std::string nonce = base64_encode(random.bytes(18));
    EXPECT_EQ(sasl->initial_response(), "n,,n=user,r=" + nonce);
    const auto final = sasl->respond("r=" + nonce + std::string(server_nonce) + ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
    ASSERT_TRUE(final) << final.error().text;
    EXPECT_EQ(*final,
              "c=biws,r=" + nonce + std::string(server_nonce) + ",p=k7NmpfV7ftKP1TLv1xkAWzUdprBT3dKFAFjXKUhQzL4=");
    EXPECT_FALSE(sasl->is_satisfied());
    EXPECT_TRUE(sasl->respond("v=ECXDJg39dHeHfHfJkkGvSnD/3HST/o0iVWKr+8qX8jw="));
    EXPECT_TRUE(sasl->is_satisfied());
}

TEST(SaslClient, ScramNoticesAServerWithoutThePassword)
{
    FixedRandom random;
    const auto sasl = scram(random);
    const std::string nonce = base64_encode(random.bytes(18));
    sasl->initial_response();
    ASSERT_TRUE(sasl->respond("r=" + nonce + "x,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"));
    EXPECT_FALSE(sasl->respond("v=" + base64_encode(std::string(32, 'x'))));
    EXPECT_FALSE(sasl->is_satisfied());
}

TEST(SaslClient, ScramRefusesBadChallenges)
{
    FixedRandom random;
    const std::string nonce = base64_encode(random.bytes(18));
    for (const std::string& challenge :
         {std::string(), std::string("r=other,s=QQ==,i=4096"), "r=" + nonce + ",s=QQ==,i=4096",
          "r=" + nonce + "x,s=QQ==,i=1", "r=" + nonce + "x,s=QQ==,i=999999999", "r=" + nonce + "x,s=QQ==,i=-1",
          "m=x,r=" + nonce + "x,s=QQ==,i=4096"}) {
        const auto sasl = scram(random);
        sasl->initial_response();
        EXPECT_FALSE(sasl->respond(challenge)) << challenge;
    }
}

TEST(SaslClient, ClearPasswordsOnlyWhereAllowed)
{
    FixedRandom random;
    const auto choose = [&](std::vector<std::string> offered, ClearPasswords clear, std::string binding = {}) {
        return choose_sasl_client(offered, {"u", "p", clear, std::move(binding)}, random);
    };
    EXPECT_FALSE(choose({"PLAIN", "LOGIN"}, ClearPasswords::no));
    EXPECT_FALSE(choose({"CRAM-MD5"}, ClearPasswords::yes));
    EXPECT_FALSE(choose({}, ClearPasswords::yes));
    const auto plain = *choose({"login", "plain"}, ClearPasswords::yes);
    EXPECT_EQ(plain->initial_response(), std::string("\0u\0p", 4));
    const std::vector<std::string> all{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"};
    EXPECT_EQ((*choose(all, ClearPasswords::yes))->mechanism(), "SCRAM-SHA-256");
    const auto plus = *choose(all, ClearPasswords::yes, "binding");
    EXPECT_EQ(plus->mechanism(), "SCRAM-SHA-256-PLUS");
    EXPECT_TRUE(plus->initial_response()->starts_with("p=tls-exporter,,n=u,r="));
    EXPECT_TRUE((*choose({"SCRAM-SHA-256"}, ClearPasswords::yes, "binding"))->initial_response()->starts_with("y,,"));
    const auto login = *choose({"LOGIN"}, ClearPasswords::yes);
    EXPECT_FALSE(login->initial_response());
    EXPECT_EQ(login->respond("Username:").value_or(""), "u");
    EXPECT_EQ(login->respond("Password:").value_or(""), "p");
    EXPECT_FALSE(login->respond("More:"));
}

}  // namespace
}  // namespace posthouse::smtp

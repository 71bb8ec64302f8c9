#include "sasl/scram.h"

#include "base/text.h"
#include "sasl/plain.h"
#include "sasl/prepare.h"

#include <gtest/gtest.h>

namespace posthouse::sasl {
namespace {

constexpr std::string_view client_nonce = "rOprNGfwEbeRWgbNEkqO";
constexpr std::string_view server_first_text =
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
constexpr std::string_view client_final_text = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
                                               "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
constexpr std::string_view server_final_text = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

Secret prepared(std::string_view password)
{
    Result<Secret> out = prepare_password(password);
    return out ? std::move(*out) : Secret();
}

// RFC 7677 section 3, to the letter, from the client's end.
TEST(Scram, ClientSpeaksTheExampleOfRfc7677)
{
    auto client = ScramClient::begin("user", "pencil", std::string(client_nonce));
    ASSERT_TRUE(client);
    EXPECT_EQ(client->first(), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
    const Result<std::string> answer = client->answer(server_first_text);
    ASSERT_TRUE(answer) << answer.error().text;
    EXPECT_EQ(*answer, client_final_text);
    EXPECT_TRUE(client->verify(server_final_text));
}

// The same from the server's end.
TEST(Scram, ServerSpeaksTheExampleOfRfc7677)
{
    const auto first = parse_client_first("n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
    ASSERT_TRUE(first);
    EXPECT_EQ(first->user, "user");
    EXPECT_EQ(first->gs2_header, "n,,");
    const auto salt = base64_decode("W22ZaJ0SNY7soEsUEjb6gQ==");
    const ScramKeys keys = derive_scram_keys(prepared("pencil"), *salt, 4096);
    EXPECT_EQ(write(ServerFirst{"rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", keys.salt, keys.iterations}),
              server_first_text);
    const auto final = parse_client_final(client_final_text);
    ASSERT_TRUE(final);
    EXPECT_EQ(final->binding, "n,,");
    const std::string message = auth_message(first->bare, server_first_text, final->without_proof);
    EXPECT_TRUE(is_right_proof(keys, message, final->proof));
    EXPECT_EQ(server_final(keys, message), server_final_text);
    EXPECT_FALSE(is_right_proof(keys, message + "x", final->proof)) << "another conversation: a replay";
    EXPECT_FALSE(is_right_proof(derive_scram_keys(prepared("pencils"), *salt, 4096), message, final->proof));
    EXPECT_FALSE(is_right_proof(keys, message, "")) << "an empty proof proves nothing";
}

TEST(Scram, ClientRefusesAServerThatDoesNotKnowThePassword)
{
    auto client = ScramClient::begin("user", "pencil", std::string(client_nonce));
    ASSERT_TRUE(client);
    EXPECT_FALSE(client->verify(server_final_text)) << "a final message before the first one";
    ASSERT_TRUE(client->answer(server_first_text));
    EXPECT_TRUE(client->verify("v=AAAATRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=").error() == ErrorCode::not_permitted);
    EXPECT_TRUE(client->verify("e=invalid-proof").error() == ErrorCode::not_permitted);
    EXPECT_TRUE(client->verify("v").error() == ErrorCode::malformed);
    EXPECT_TRUE(client->verify("").error() == ErrorCode::malformed);
}

TEST(Scram, ClientRefusesReplayedNoncesAndBadCounts)
{
    const struct {
        std::string_view message;
        std::string_view reason;
    } rows[] = {
        {"r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", "not our nonce"},
        {"r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", "the server added nothing of its own"},
        {"r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=1", "so few iterations that guessing is cheap"},
        {"r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4294967295", "hours of arithmetic"},
        {"r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=99999999999", "does not fit 32 bits"},
        {"r=rOprNGfwEbeRWgbNEkqOx,s=,i=4096", "no salt"},
        {"r=rOprNGfwEbeRWgbNEkqOx,s=!,i=4096", "salt is not base64"},
        {"m=x,r=rOprNGfwEbeRWgbNEkqOx,s=AAAA,i=4096", "an extension that must be understood"},
        {"", "nothing"},
    };
    for (const auto& row : rows) {
        auto client = ScramClient::begin("user", "pencil", std::string(client_nonce));
        ASSERT_TRUE(client);
        EXPECT_FALSE(client->answer(row.message)) << row.reason;
    }
}

TEST(Scram, FirstMessagesAreReadByTheAbnf)
{
    const struct {
        std::string_view message;
        bool is_good;
        std::string_view reason;
    } rows[] = {
        {"n,,n=user,r=abc", true, "the usual one"},
        {"y,,n=user,r=abc", true, "client with bindings that believes we have none"},
        {"p=tls-exporter,,n=user,r=abc", true, "with a binding"},
        {"n,a=other,n=user,r=abc", true, "with an authorisation identity"},
        {"n,,n=a=2Cb=3Dc,r=abc", true, "escapes"},
        {"n,,n=user,r=abc,x=future", true, "an optional extension"},
        {"p=,,n=user,r=abc", false, "a binding without type"},
        {"p,,n=user,r=abc", false, "a binding without type"},
        {"N,,n=user,r=abc", false, "flags are case-sensitive"},
        {"n,,N=user,r=abc", false, "attributes are case-sensitive"},
        {"n,,m=x,n=user,r=abc", false, "an extension that must be understood"},
        {"n,,n=,r=abc", false, "no name"},
        {"n,,n=us=er,r=abc", false, "`=` that is no escape"},
        {"n,,n=us=2cer,r=abc", false, "escapes are in capitals"},
        {"n,,n=user,r=", false, "no nonce"},
        {"n,,n=user,r=a b", false, "a nonce with a blank"},
        {"n,,n=user", false, "no nonce"},
        {"n,a=,n=user,r=abc", false, "an empty authorisation identity"},
        {"n,,n=user,r=abc,", false, "a comma and nothing behind it"},
        {"n=user,r=abc", false, "no gs2 header"},
        {std::string_view("n,,n=us\0er,r=abc", 16), false, "NUL"},
        {"n,,n=\xff,r=abc", false, "not UTF-8"},
        {"", false, "nothing"},
    };
    for (const auto& row : rows)
        EXPECT_EQ(parse_client_first(row.message).has_value(), row.is_good) << row.message << ": " << row.reason;
    EXPECT_EQ(parse_client_first("n,,n=a=2Cb=3Dc,r=abc")->user, "a,b=c");
    EXPECT_EQ(parse_client_first("p=tls-exporter,a=x,n=u,r=abc")->gs2_header, "p=tls-exporter,a=x,");
    EXPECT_FALSE(parse_client_first("n,,n=" + std::string(longest_scram_message, 'u') + ",r=abc")) << "too long";
}

TEST(Scram, FinalMessagesAreReadByTheAbnf)
{
    const std::string proof = "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
    EXPECT_TRUE(parse_client_final("c=biws,r=abc,p=" + proof));
    EXPECT_TRUE(parse_client_final("c=biws,r=abc,x=y,p=" + proof)) << "an optional extension";
    EXPECT_FALSE(parse_client_final("c=biws,r=abc,p=AAAA")) << "a proof has 32 bytes";
    EXPECT_FALSE(parse_client_final("c=biws,r=abc")) << "no proof";
    EXPECT_FALSE(parse_client_final("c=?,r=abc,p=" + proof)) << "not base64";
    EXPECT_FALSE(parse_client_final("r=abc,c=biws,p=" + proof)) << "the order is fixed";
    EXPECT_FALSE(parse_client_final(""));
}

TEST(Scram, BothEndsAgreeWithNamesPasswordsAndBindings)
{
    auto client = ScramClient::begin("a,b=c@north.test", "Pa\xc2\xaass", "nonce",
                                     {ClientBinding::used, "tls-exporter", std::string("\0binding", 8)});
    ASSERT_TRUE(client);
    const auto first = parse_client_first(client->first());
    ASSERT_TRUE(first);
    EXPECT_EQ(first->user, "a,b=c@north.test");
    EXPECT_EQ(first->binding_type, "tls-exporter");
    // RFC 4013 section 3: the feminine ordinal is an `a` in another spelling.
    const ScramKeys keys = derive_scram_keys(prepared("Paass"), "salt", 4096);
    const std::string server_first = write(ServerFirst{first->nonce + "more", keys.salt, keys.iterations});
    const Result<std::string> answer = client->answer(server_first);
    ASSERT_TRUE(answer) << answer.error().text;
    const auto final = parse_client_final(*answer);
    ASSERT_TRUE(final);
    EXPECT_EQ(final->binding, first->gs2_header + std::string("\0binding", 8));
    const std::string message = auth_message(first->bare, server_first, final->without_proof);
    EXPECT_TRUE(is_right_proof(keys, message, final->proof));
    EXPECT_TRUE(client->verify(server_final(keys, message)));
}

TEST(Prepare, PasswordsOfRfc4013Section3)
{
    const auto text = [](std::string_view password) {
        const Result<Secret> secret = prepare_password(password);
        return secret ? std::string(secret->view()) : "(" + secret.error().text + ")";
    };
    EXPECT_EQ(text("I\xc2\xadX"), "IX") << "the soft hyphen maps to nothing";
    EXPECT_EQ(text("user"), "user");
    EXPECT_EQ(text("USER"), "USER") << "case is kept";
    EXPECT_EQ(text("\xc2\xaa"), "a");
    EXPECT_EQ(text("\xe2\x85\xa8"), "IX") << "the Roman numeral nine";
    EXPECT_EQ(text("\xc2\xa0"), " ") << "a no-break space is a space";
    EXPECT_EQ(text("\x07"), "(has a character that is not allowed)");
    EXPECT_EQ(text("\xd8\xa7\x31"), "(has a character that is not allowed)") << "bidirectional check";
    EXPECT_EQ(text("pass \xf0\x9f\x90\x8e"), "pass \xf0\x9f\x90\x8e") << "a horse that Unicode 3.2 did not know";
    EXPECT_EQ(text("\xff"), "(is not UTF-8)");
    EXPECT_EQ(text(""), "(is empty)");
    EXPECT_EQ(text("\xc2\xad"), "(is empty)");
    EXPECT_EQ(text(std::string(1025, 'x')), "(is too long)");
}

TEST(Plain, ReadsWhatRfc4616Writes)
{
    const auto parse = [](std::string_view text) { return parse_plain(std::string(text)); };
    const auto good = parse(std::string_view("admin\0tim\0tanstaaftanstaaf", 26));
    ASSERT_TRUE(good);
    EXPECT_EQ(good->authorisation, "admin");
    EXPECT_EQ(good->user, "tim");
    EXPECT_EQ(good->password.view(), "tanstaaftanstaaf");
    const Result<std::string> written = write_plain("tim", "secret");
    ASSERT_TRUE(written);
    const auto again = parse(*written);
    ASSERT_TRUE(again);
    EXPECT_EQ(again->user, "tim");
    EXPECT_EQ(again->password.view(), "secret");
    EXPECT_FALSE(write_plain("tim", std::string_view("a\0b", 3))) << "a NUL would make another message";
    EXPECT_FALSE(parse("tim")) << "no NUL";
    EXPECT_FALSE(parse(std::string_view("tim\0secret", 10))) << "one NUL";
    EXPECT_FALSE(parse(std::string_view("\0tim\0secret\0", 12))) << "three NULs";
    EXPECT_FALSE(parse(std::string_view("\0\0secret", 8))) << "no name";
    EXPECT_FALSE(parse(std::string_view("\0tim\0", 5))) << "no password";
    EXPECT_FALSE(parse(std::string_view("\0\xff\0secret", 9))) << "not UTF-8";
    EXPECT_FALSE(parse(std::string(1, '\0') + "tim" + std::string(1, '\0') + std::string(2000, 'x'))) << "too long";
}

TEST(Secret, WipesWhereItCameFrom)
{
    std::string text = "short";
    const char* bytes = text.data();  // inside the object: short strings live there
    const Secret secret(std::move(text));
    EXPECT_EQ(secret.view(), "short");
    EXPECT_EQ(std::string_view(bytes, 5), std::string_view("\0\0\0\0\0", 5));
}

}  // namespace
}  // namespace posthouse::sasl

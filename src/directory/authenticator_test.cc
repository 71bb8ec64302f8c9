#include "directory/stored_authenticator.h"

#include "base/text.h"
#include "directory/test_house.h"
#include "sasl/plain.h"

namespace posthouse::directory {
namespace {

Peer over_tls(std::string address = "127.0.0.1")
{
    return {.address = std::move(address), .encrypted = true, .channel_binding = [](std::string_view type) {
                return type == "tls-exporter" ? std::string("exported") : std::string();
            }};
}
Peer over_tls_without_binding() { return {.address = "127.0.0.1", .encrypted = true}; }
Peer in_the_clear() { return {.address = "127.0.0.1"}; }

// "alice@north.test", or the failure's name; a challenge in brackets.
std::string text(const SaslStep& step)
{
    if (const auto* in = std::get_if<LoggedIn>(&step))
        return in->account.address;
    if (const auto* challenge = std::get_if<Challenge>(&step))
        return '[' + challenge->bytes + ']';
    switch (std::get<LoginFailed>(step).failure) {
    case LoginFailure::wrong: return "wrong";
    case LoginFailure::disabled: return "disabled";
    case LoginFailure::malformed: return "malformed";
    case LoginFailure::cancelled: return "cancelled";
    case LoginFailure::too_weak: return "too weak";
    case LoginFailure::needs_tls: return "needs TLS";
    case LoginFailure::busy: return "busy";
    case LoginFailure::throttled: return "throttled";
    case LoginFailure::unknown_mechanism: return "unknown mechanism";
    }
    return "?";
}

class Login : public ::testing::Test {
protected:
    void SetUp() override { house.north(); }

    std::string login(std::string user, std::string password, Peer peer = over_tls())
    {
        return text(house.run(house.authenticator().login(std::move(user), std::move(password), std::move(peer))));
    }
    std::string start(SaslExchange& exchange, std::optional<std::string> initial)
    {
        return text(house.run(exchange.start(std::move(initial))));
    }
    std::string respond(SaslExchange& exchange, std::string response)
    {
        return text(house.run(exchange.respond(std::move(response))));
    }
    std::string plain(std::string authorisation, std::string user, std::string password)
    {
        const auto exchange = house.authenticator().begin("PLAIN", over_tls());
        return start(*exchange, authorisation + '\0' + user + '\0' + password);
    }
    // A whole SCRAM conversation; "" stands for a conversation that went through.
    std::string scram(std::string user, std::string password, sasl::ScramBinding binding = {},
                      std::string mechanism = "SCRAM-SHA-256", Peer peer = over_tls_without_binding())
    {
        auto client = sasl::ScramClient::begin(user, password, "nonce" + std::to_string(++nonce), std::move(binding));
        const auto exchange = house.authenticator().begin(std::move(mechanism), std::move(peer));
        const SaslStep first = house.run(exchange->start(client->first()));
        const auto* server_first = std::get_if<Challenge>(&first);
        if (!server_first)
            return text(first);
        const Result<std::string> answer = client->answer(server_first->bytes);
        if (!answer)
            return "(client) " + answer.error().text;
        const SaslStep final = house.run(exchange->respond(*answer));
        const auto* server_final = std::get_if<Challenge>(&final);
        if (!server_final)
            return text(final);
        const Result<void> verified = client->verify(server_final->bytes);
        if (!verified)
            return "(client) " + verified.error().text;
        return respond(*exchange, "");
    }

    TestHouse house;
    int nonce = 0;
};

TEST_F(Login, OnlyTheRightPasswordOpens)
{
    EXPECT_EQ(login("alice@north.test", "secret"), "alice@north.test");
    EXPECT_EQ(login("ALICE@North.Test", "secret"), "alice@north.test");
    EXPECT_EQ(login("alice", "secret"), "alice@north.test") << "without @: the first domain";
    EXPECT_EQ(login("alice@north.test", "Secret"), "wrong");
    EXPECT_EQ(login("alice@north.test", ""), "wrong");
    EXPECT_EQ(login("carol@north.test", "secret"), "wrong") << "as for a wrong password";
    EXPECT_EQ(login("alice@south.test", "secret"), "wrong");
    EXPECT_EQ(login("", "secret"), "wrong");
    EXPECT_EQ(login("alice@north.test", "secret", in_the_clear()), "needs TLS");
}

TEST_F(Login, AliasesAndSubaddressesAreNoLogins)
{
    ASSERT_EQ(house.alias("sales@north.test", {"alice@north.test"}), "ok");
    EXPECT_EQ(login("sales@north.test", "secret"), "wrong");
    EXPECT_EQ(login("alice+x@north.test", "secret"), "wrong");
}

TEST_F(Login, APasswordIsOneInWhateverSpelling)
{
    house.add("ida@north.test",
              "Stra\xc3\x9f"
              "e \xc3\xa9");
    EXPECT_EQ(login("ida@north.test",
                    "Stra\xc3\x9f"
                    "e e\xcc\x81"),
              "ida@north.test")
        << "composed or not";
    EXPECT_EQ(login("ida@north.test", "Strasse \xc3\xa9"), "wrong");
    EXPECT_EQ(login("ida@north.test",
                    "Stra\xdf"
                    "e \xe9"),
              "wrong")
        << "Latin-1 is not UTF-8";
}

TEST_F(Login, AChangedPasswordEndsTheOldOneAtOnce)
{
    EXPECT_EQ(login("alice@north.test", "secret"), "alice@north.test");
    EXPECT_EQ(login("alice@north.test", "secret"), "alice@north.test") << "from memory";
    EXPECT_TRUE(house.run(house.directory().set_password("alice@north.test", "changed")));
    EXPECT_EQ(login("alice@north.test", "secret"), "wrong");
    EXPECT_EQ(login("alice@north.test", "changed"), "alice@north.test");
    EXPECT_EQ(scram("alice@north.test", "changed"), "alice@north.test");
    EXPECT_EQ(scram("alice@north.test", "secret"), "wrong");
}

TEST_F(Login, ThatAnAccountIsDisabledIsToldOnlyToItsOwner)
{
    EXPECT_TRUE(house.run(house.directory().set_disabled("alice@north.test", true)));
    EXPECT_EQ(login("alice@north.test", "secret"), "disabled");
    EXPECT_EQ(login("alice@north.test", "guess"), "wrong");
    EXPECT_EQ(scram("alice@north.test", "secret"), "disabled");
    EXPECT_EQ(scram("alice@north.test", "guess"), "wrong");
}

TEST_F(Login, ARemovedAccountIsNobody)
{
    EXPECT_EQ(login("bob@north.test", "secret"), "bob@north.test");
    EXPECT_TRUE(house.run(house.directory().remove_account("bob@north.test")));
    EXPECT_EQ(login("bob@north.test", "secret"), "wrong");
}

TEST_F(Login, WithoutItsRowsTheHouseIsBusyNotClosed)
{
    house.store.fail_read(1, ErrorCode::unavailable);
    EXPECT_EQ(login("carol@north.test", "secret"), "busy");
}

TEST_F(Login, MechanismsDependOnTheConnection)
{
    using Names = std::vector<std::string>;
    EXPECT_EQ(house.authenticator().mechanisms(over_tls()),
              (Names{"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN", "LOGIN"}));
    EXPECT_EQ(house.authenticator().mechanisms(over_tls_without_binding()), (Names{"SCRAM-SHA-256", "PLAIN", "LOGIN"}));
    EXPECT_EQ(house.authenticator().mechanisms(in_the_clear()), (Names{"SCRAM-SHA-256"}));
    const auto begin = [&](std::string mechanism, Peer peer) {
        const auto exchange = house.authenticator().begin(std::move(mechanism), std::move(peer));
        return start(*exchange, std::nullopt);
    };
    EXPECT_EQ(begin("PLAIN", in_the_clear()), "needs TLS");
    EXPECT_EQ(begin("login", in_the_clear()), "needs TLS");
    EXPECT_EQ(begin("SCRAM-SHA-256-PLUS", over_tls_without_binding()), "too weak");
    EXPECT_EQ(begin("CRAM-MD5", over_tls()), "unknown mechanism");
    EXPECT_EQ(begin("", over_tls()), "unknown mechanism");
    EXPECT_EQ(begin("plain", over_tls()), "[]") << "names in any case";
}

TEST_F(Login, Plain)
{
    EXPECT_EQ(plain("", "alice@north.test", "secret"), "alice@north.test");
    EXPECT_EQ(plain("Alice@north.test", "alice@north.test", "secret"), "alice@north.test") << "for oneself";
    EXPECT_EQ(plain("bob@north.test", "alice@north.test", "secret"), "wrong") << "not for others";
    EXPECT_EQ(plain("", "alice@north.test", "guess"), "wrong");
    EXPECT_EQ(plain("", "", "secret"), "malformed");
    EXPECT_EQ(plain("", "alice@north.test", ""), "malformed");
    const auto exchange = house.authenticator().begin("PLAIN", over_tls());
    EXPECT_EQ(start(*exchange, std::nullopt), "[]");
    EXPECT_EQ(respond(*exchange, std::string("\0alice@north.test\0secret", 24)), "alice@north.test");
    EXPECT_EQ(respond(*exchange, "alice"), "malformed");
    EXPECT_EQ(respond(*exchange, std::string(100'000, 'x')), "malformed") << "HOSTILE A23: large tokens";
}

TEST_F(Login, LoginHasTheChallengesThatOutlookNeeds)
{
    const auto exchange = house.authenticator().begin("LOGIN", over_tls());
    EXPECT_EQ(start(*exchange, std::nullopt), "[Username:]");
    EXPECT_EQ(respond(*exchange, "alice@north.test"), "[Password:]");
    EXPECT_EQ(respond(*exchange, "secret"), "alice@north.test");
    const auto initial = house.authenticator().begin("LOGIN", over_tls());
    EXPECT_EQ(start(*initial, "alice@north.test"), "[Password:]");
    EXPECT_EQ(respond(*initial, "guess"), "wrong");
    const auto empty = house.authenticator().begin("LOGIN", over_tls());
    EXPECT_EQ(start(*empty, ""), "malformed");
}

TEST_F(Login, Scram)
{
    EXPECT_EQ(scram("alice@north.test", "secret"), "alice@north.test");
    EXPECT_EQ(scram("alice@north.test", "guess"), "wrong");
    EXPECT_EQ(scram("carol@north.test", "secret"), "wrong");
    EXPECT_EQ(scram("alice@north.test", "secret", {sasl::ClientBinding::client_only, "", ""}), "alice@north.test")
        << "the client has bindings, we have none";
}

TEST_F(Login, ScramPlusBindsToTheChannel)
{
    const sasl::ScramBinding right{sasl::ClientBinding::used, "tls-exporter", "exported"};
    EXPECT_EQ(scram("alice@north.test", "secret", right, "SCRAM-SHA-256-PLUS", over_tls()), "alice@north.test");
    EXPECT_EQ(scram("alice@north.test", "secret", {sasl::ClientBinding::used, "tls-exporter", "another"},
                    "SCRAM-SHA-256-PLUS", over_tls()),
              "wrong")
        << "somebody is in between";
    EXPECT_EQ(scram("alice@north.test", "secret", {sasl::ClientBinding::used, "tls-unique", "exported"},
                    "SCRAM-SHA-256-PLUS", over_tls()),
              "malformed")
        << "a binding that we do not have";
    EXPECT_EQ(scram("alice@north.test", "secret", {}, "SCRAM-SHA-256-PLUS", over_tls()), "malformed")
        << "-PLUS without a binding";
    EXPECT_EQ(scram("alice@north.test", "secret", right, "SCRAM-SHA-256", over_tls()), "malformed")
        << "a binding without -PLUS";
    EXPECT_EQ(
        scram("alice@north.test", "secret", {sasl::ClientBinding::client_only, "", ""}, "SCRAM-SHA-256", over_tls()),
        "wrong")
        << "RFC 5802 section 6: our offer of -PLUS was stripped on the way";
    EXPECT_EQ(scram("alice@north.test", "secret", {}, "SCRAM-SHA-256", over_tls()), "alice@north.test")
        << "a client without bindings";
    Peer untold = over_tls();
    untold.was_told_of_plus = false;
    EXPECT_EQ(scram("alice@north.test", "secret", {sasl::ClientBinding::client_only, "", ""}, "SCRAM-SHA-256", untold),
              "alice@north.test")
        << "a door that lists no -PLUS: the client says so in good faith";
}

TEST_F(Login, NobodysSaltIsStableAndLooksLikeAnyOther)
{
    const auto salt_of = [&](std::string user) {
        const auto exchange = house.authenticator().begin("SCRAM-SHA-256", over_tls_without_binding());
        const SaslStep step = house.run(exchange->start("n,,n=" + user + ",r=abc"));
        return sasl::parse_server_first(std::get<Challenge>(step).bytes).value();
    };
    const sasl::ServerFirst nobody = salt_of("carol@north.test");
    const sasl::ServerFirst alice = salt_of("alice@north.test");
    EXPECT_EQ(nobody.salt.size(), alice.salt.size());
    EXPECT_EQ(nobody.iterations, alice.iterations);
    EXPECT_EQ(salt_of("Carol@north.test").salt, nobody.salt) << "each time, in any case";
    EXPECT_NE(salt_of("carla@north.test").salt, nobody.salt);
    EXPECT_NE(salt_of("carol@north.test").nonce, nobody.nonce);
    house.reopen();
    EXPECT_EQ(salt_of("carol@north.test").salt, nobody.salt) << "also after a restart";
}

TEST_F(Login, ScramCannotBePlayedAgain)
{
    auto client = sasl::ScramClient::begin("alice@north.test", "secret", "nonce");
    const auto exchange = house.authenticator().begin("SCRAM-SHA-256", over_tls_without_binding());
    const SaslStep first = house.run(exchange->start(client->first()));
    const std::string answer = client->answer(std::get<Challenge>(first).bytes).value();
    EXPECT_TRUE(std::holds_alternative<Challenge>(house.run(exchange->respond(answer))));
    EXPECT_EQ(respond(*exchange, "more"), "malformed") << "the client has nothing to add";
    EXPECT_EQ(respond(*exchange, ""), "malformed") << "and no second try";

    const auto again = house.authenticator().begin("SCRAM-SHA-256", over_tls_without_binding());
    house.run(again->start(client->first()));
    EXPECT_EQ(respond(*again, answer), "wrong") << "another exchange has another nonce";
    EXPECT_EQ(respond(*again, answer), "malformed");
}

TEST_F(Login, GuessingIsRefusedAfterAWhile)
{
    for (int i = 0; i < 5; ++i)
        EXPECT_EQ(login("alice@north.test", "guess", over_tls("10.0.0.1")), "wrong");
    EXPECT_EQ(login("alice@north.test", "guess", over_tls("10.0.0.1")), "throttled");
    EXPECT_EQ(login("alice@north.test", "secret", over_tls("10.0.0.1")), "throttled") << "unheard: no oracle";
    EXPECT_EQ(login("alice@north.test", "secret", over_tls("10.0.0.2")), "throttled") << "the account's own measure";
    house.clock.move(1s);
    EXPECT_EQ(login("alice@north.test", "secret", over_tls("10.0.0.2")), "alice@north.test");
}

// An office behind one address comes back after a restart: thirty logins at once, none of them wrong.
TEST_F(Login, ManyRightPasswordsAtOnce)
{
    std::vector<std::future<SaslStep>> answers;
    for (int i = 0; i < 30; ++i)
        answers.push_back(house.start(house.authenticator().login(i % 2 == 0 ? "alice@north.test" : "bob@north.test",
                                                                  "secret", over_tls("10.0.0.1"))));
    for (auto& answer : answers)
        EXPECT_TRUE(text(answer.get()).ends_with("@north.test"));
    for (int i = 0; i < 5; ++i)
        EXPECT_EQ(login("alice@north.test", "guess", over_tls("10.0.0.2")), "wrong");
    EXPECT_EQ(login("alice@north.test", "guess", over_tls("10.0.0.2")), "throttled")
        << "wrong ones are counted as ever";
}

TEST_F(Login, GuessesByScramAreCountedToo)
{
    for (int i = 0; i < 5; ++i)
        EXPECT_EQ(scram("alice@north.test", "guess"), "wrong");
    EXPECT_EQ(scram("alice@north.test", "guess"), "throttled");
    EXPECT_EQ(login("alice@north.test", "guess"), "throttled");
}

TEST_F(Login, TheRightPersonGetsInWhileOthersGuess)
{
    EXPECT_EQ(login("alice@north.test", "secret", over_tls("192.0.2.7")), "alice@north.test");
    for (int i = 0; i < 50; ++i)
        login("alice@north.test", "guess", over_tls(fmt::format("10.0.0.{}", i)));
    EXPECT_EQ(login("alice@north.test", "secret", over_tls("10.0.1.1")), "throttled");
    EXPECT_EQ(login("alice@north.test", "secret", over_tls("192.0.2.7")), "alice@north.test");
}

Task<Result<bool>> hold(Workers& workers, std::shared_future<void> until)
{
    auto wait = [until] {
        until.wait();
        return true;
    };
    co_return co_await workers.offload(std::move(wait));
}

TEST(LoginBusy, PastTheQueueALoginIsToldToComeBack)
{
    TestHouse house;
    house.north();
    Workers one{1, 1};
    std::promise<void> go;
    std::shared_future<void> gone = go.get_future().share();
    Made made = make_directory({house.store, house.ids, house.clock, house.random, one, house.log}, cheap());
    auto blocker = house.start(hold(one, gone));
    std::vector<std::future<SaslStep>> logins;
    for (int i = 0; i < 4; ++i)
        logins.push_back(house.start(made.authenticator->login("alice@north.test", "secret", over_tls())));
    // One waits behind the blocker; the others are answered at once.
    const auto is_answered = [](const auto& login) { return login.wait_for(0s) == std::future_status::ready; };
    while (std::ranges::count_if(logins, is_answered) < 2)
        std::this_thread::sleep_for(1ms);
    go.set_value();
    unsigned busy = 0;
    for (auto& login : logins)
        busy += text(login.get()) == "busy" ? 1 : 0;
    EXPECT_GE(busy, 2u);
    EXPECT_LE(busy, 4u);
    EXPECT_TRUE(blocker.get());
}

TEST(Passwords, AreKeptAsTheIssueSays)
{
    const sasl::Secret secret(std::string("pencil"));
    const CredentialRow row = make_credential(secret, std::string(32, 's'), PasswordCosts{}, {});
    EXPECT_TRUE(row.argon2.starts_with("$argon2id$v=19$m=19456,t=2,p=1$")) << row.argon2;
    EXPECT_GE(row.scram.iterations, 100'000u);
    EXPECT_TRUE(is_right_password(row.argon2, secret));
    EXPECT_FALSE(is_right_password(row.argon2, sasl::Secret(std::string("pencils"))));
    EXPECT_THROW(is_right_password("not argon2", secret), std::runtime_error) << "damage is no wrong password";
    const CredentialRow again = decode<CredentialRow>(encode(row)).value();
    EXPECT_EQ(again.argon2, row.argon2);
    EXPECT_EQ(again.scram.stored_key, row.scram.stored_key);
}

}  // namespace
}  // namespace posthouse::directory

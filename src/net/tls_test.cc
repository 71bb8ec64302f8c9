#include "net/tls.h"

#include "net/test_support.h"
#include "net/tls_session.h"
#include "net/tls_state.h"

#include <fstream>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sys/stat.h>

namespace posthouse::net {
namespace {

class TlsTest : public testing::Test {
protected:
    struct Ends {
        Wire server;
        Wire client;
        Result<void> accepted;
        Result<void> connected;
    };
    static Task<std::pair<Wire, Wire>> make_pair()
    {
        const LoopExecutor executor = co_await asio::this_coro::executor;
        Result<std::pair<Wire, Wire>> pair = connected_pair(executor);
        co_return std::move(*pair);
    }
    Ends shake_hands(const TlsContext& server, const TlsContext& client, std::string name)
    {
        auto [left, right] = run(loops_[0], make_pair());
        Ends ends{std::move(left), std::move(right), {}, {}};
        auto accepted =
            asio::co_spawn(loops_[0].executor(), ends.server.accept_tls(server, patient()), asio::use_future);
        ends.connected = run(loops_[0], ends.client.connect_tls(client, std::move(name), patient()));
        if (!ends.connected)
            run(loops_[0], drop(std::move(ends.client)));
        ends.accepted = accepted.get();
        return ends;
    }
    static Task<void> drop(Wire) { co_return; }
    std::unique_ptr<TlsContext> server(std::vector<TlsContext::Files> files)
    {
        auto context = TlsContext::server(std::move(files));
        EXPECT_TRUE(context) << context.error().text;
        return std::move(*context);
    }
    std::unique_ptr<TlsContext> client(TlsContext::Verify verify, const std::string& roots)
    {
        auto context = TlsContext::client(verify, roots);
        EXPECT_TRUE(context) << context.error().text;
        return std::move(*context);
    }

    Folder folder_;
    Loops loops_{1};
};

constexpr auto yes = TlsContext::Verify::yes;
constexpr auto no = TlsContext::Verify::no;

TEST_F(TlsTest, FactsAndBindingsAgree)
{
    const auto files = self_signed(folder_, "a", {"north.test", "127.0.0.1"});
    const auto accepting = server({files});
    const auto connecting = client(yes, files.certificate);
    const Ends ends = shake_hands(*accepting, *connecting, "north.test");
    ASSERT_TRUE(ends.accepted && ends.connected) << ends.connected.error().text;
    EXPECT_EQ(ends.server.tls().version, "TLSv1.3");
    EXPECT_EQ(ends.server.tls().cipher, ends.client.tls().cipher);
    EXPECT_EQ(ends.server.tls().server_name, "north.test");
    EXPECT_EQ(ends.client.tls().peer_subject, "CN=north.test");
    EXPECT_TRUE(ends.client.tls().peer_verified);
    EXPECT_EQ(ends.client.tls().peer_issuer, "CN=north.test");
    EXPECT_TRUE(ends.client.tls().peer_name_fits);
    EXPECT_EQ(ends.client.tls().peer_fault, "");
    ASSERT_TRUE(ends.client.tls().peer_valid_from && ends.client.tls().peer_valid_until);
    const WallTime now = SystemClock().now();
    EXPECT_LE(*ends.client.tls().peer_valid_from, now);
    EXPECT_GT(*ends.client.tls().peer_valid_until, now + 24h * 28) << "made for 30 days";
    for (const auto kind : {ChannelBinding::tls_exporter, ChannelBinding::tls_server_end_point}) {
        EXPECT_EQ(ends.server.channel_binding(kind).size(), 32u);
        EXPECT_EQ(ends.server.channel_binding(kind), ends.client.channel_binding(kind));
    }
    const Ends other = shake_hands(*accepting, *connecting, "127.0.0.1");
    ASSERT_TRUE(other.connected) << other.connected.error().text;
    EXPECT_NE(other.server.channel_binding(ChannelBinding::tls_exporter),
              ends.server.channel_binding(ChannelBinding::tls_exporter));
    EXPECT_EQ(other.server.tls().server_name, "") << "no SNI for an address";
}

TEST_F(TlsTest, AClientThatVerifiesRefusesWhatItMust)
{
    const auto files = self_signed(folder_, "a", {"north.test"});
    const auto stranger = self_signed(folder_, "b", {"north.test"});
    const auto accepting = server({files});

    const Ends wrong_name = shake_hands(*accepting, *client(yes, files.certificate), "south.test");
    ASSERT_FALSE(wrong_name.connected);
    EXPECT_EQ(wrong_name.connected.error().code, ErrorCode::tls);
    EXPECT_TRUE(wrong_name.connected.error().text.contains("hostname mismatch")) << wrong_name.connected.error().text;
    EXPECT_FALSE(wrong_name.accepted);

    const Ends untrusted = shake_hands(*accepting, *client(yes, stranger.certificate), "north.test");
    ASSERT_FALSE(untrusted.connected);
    EXPECT_TRUE(untrusted.connected.error().text.contains("self-signed")) << untrusted.connected.error().text;

    const Ends careless = shake_hands(*accepting, *client(no, stranger.certificate), "north.test");
    ASSERT_TRUE(careless.connected);
    EXPECT_FALSE(careless.client.tls().peer_verified) << "not asked to verify, but told";
    EXPECT_TRUE(careless.client.tls().peer_fault.contains("self-signed")) << careless.client.tls().peer_fault;
    EXPECT_TRUE(careless.client.tls().peer_name_fits) << "the name is right, though nobody vouches for it";
    const Ends misnamed = shake_hands(*accepting, *client(no, files.certificate), "south.test");
    EXPECT_FALSE(misnamed.client.tls().peer_verified || misnamed.client.tls().peer_name_fits);
    EXPECT_TRUE(misnamed.client.tls().peer_fault.contains("hostname mismatch")) << misnamed.client.tls().peer_fault;
    const Ends lucky = shake_hands(*accepting, *client(no, files.certificate), "north.test");
    EXPECT_TRUE(lucky.client.tls().peer_verified);
}

TEST_F(TlsTest, TheServerNameChoosesTheCertificate)
{
    const auto first = self_signed(folder_, "first", {"mail.north.test"});
    const auto second = self_signed(folder_, "second", {"south.test", "*.south.test"});
    const auto accepting = server({first, second});
    const auto connecting = client(no, first.certificate);
    const std::pair<const char*, const char*> rows[] = {
        {"mail.north.test", "CN=mail.north.test"}, {"south.test", "CN=south.test"},
        {"MX.South.Test", "CN=south.test"},        {"a.b.south.test", "CN=mail.north.test"},
        {"unknown.test", "CN=mail.north.test"},    {"", "CN=mail.north.test"},
    };
    for (const auto& [name, subject] : rows) {
        const Ends ends = shake_hands(*accepting, *connecting, name);
        ASSERT_TRUE(ends.connected) << name;
        EXPECT_EQ(ends.client.tls().peer_subject, subject) << name;
    }
}

TEST_F(TlsTest, ReloadTakesNewFilesAndKeepsTheOldOnesOnAnError)
{
    const auto files = self_signed(folder_, "a", {"old.test"});
    const auto accepting = server({files});
    const auto connecting = client(no, files.certificate);
    EXPECT_FALSE(accepting->files_changed());

    std::ofstream(files.certificate) << "not a certificate\n";
    EXPECT_TRUE(accepting->files_changed());
    const Result<void> broken = accepting->reload();
    ASSERT_FALSE(broken);
    EXPECT_TRUE(broken.error().text.contains(files.certificate)) << broken.error().text;
    EXPECT_FALSE(accepting->files_changed()) << "complained about once";
    EXPECT_EQ(shake_hands(*accepting, *connecting, "").client.tls().peer_subject, "CN=old.test");

    self_signed(folder_, "a", {"new.test"});
    EXPECT_TRUE(accepting->files_changed());
    ASSERT_TRUE(accepting->reload());
    EXPECT_EQ(shake_hands(*accepting, *connecting, "").client.tls().peer_subject, "CN=new.test");
}

TEST_F(TlsTest, FilesThatDoNotFitAreNamed)
{
    const auto a = self_signed(folder_, "a", {"a.test"});
    const auto b = self_signed(folder_, "b", {"b.test"});
    const auto text = [](std::vector<TlsContext::Files> files) {
        const auto context = TlsContext::server(std::move(files));
        return context ? std::string() : context.error().text;
    };
    EXPECT_TRUE(text({{a.certificate, b.key}}).contains("key"));
    EXPECT_TRUE(text({{folder_ / "none", a.key}}).contains("No such file")) << text({{folder_ / "none", a.key}});
    EXPECT_TRUE(text({{a.certificate, folder_ / "none"}}).contains("No such file"));
    EXPECT_FALSE(text({}).empty());
    EXPECT_FALSE(TlsContext::client(yes, folder_ / "none"));
}

TEST_F(TlsTest, NothingBelowTls12IsSpoken)
{
    const auto files = self_signed(folder_, "a", {"a.test"});
    const auto accepting = server({files});
    const auto credentials = accepting->state().credentials();
    EXPECT_EQ(SSL_CTX_get_min_proto_version(credentials->contexts[0].get()), TLS1_2_VERSION);

    // A client of TLS 1.2 is served, by a forward-secret AEAD suite, and gets no exporter binding.
    const auto connecting = client(no, files.certificate);
    SSL_CTX_set_max_proto_version(connecting->state().credentials()->contexts[0].get(), TLS1_2_VERSION);
    const Ends ends = shake_hands(*accepting, *connecting, "a.test");
    ASSERT_TRUE(ends.connected) << ends.connected.error().text;
    EXPECT_EQ(ends.server.tls().version, "TLSv1.2");
    EXPECT_TRUE(ends.server.tls().cipher.starts_with("ECDHE-ECDSA-")) << ends.server.tls().cipher;
    EXPECT_EQ(ends.server.channel_binding(ChannelBinding::tls_exporter), "");
    EXPECT_EQ(ends.server.channel_binding(ChannelBinding::tls_server_end_point).size(), 32u);

    const auto ancient = client(no, files.certificate);
    SSL_CTX* context = ancient->state().credentials()->contexts[0].get();
    SSL_CTX_set_security_level(context, 0);
    SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context, TLS1_1_VERSION);
    const Ends refused = shake_hands(*accepting, *ancient, "a.test");
    EXPECT_FALSE(refused.connected);
    EXPECT_FALSE(refused.accepted);
}

// HOSTILE A3: what was sent in the clear behind STARTTLS must never be read as if by TLS.
TEST_F(TlsTest, BytesAheadOfTheHandshakeEndTheConnection)
{
    const auto accepting = server({self_signed(folder_, "a", {"a.test"})});
    auto [left, right] = run(loops_[0], make_pair());
    ASSERT_TRUE(run(loops_[0], right.write(std::string("STARTTLS\r\nRSET\r\n"), patient())));
    ASSERT_TRUE(run(loops_[0], left.fill(patient())));
    left.consume(10);
    const Result<void> accepted = run(loops_[0], left.accept_tls(*accepting, patient()));
    ASSERT_FALSE(accepted);
    EXPECT_EQ(accepted.error().code, ErrorCode::tls);
    EXPECT_TRUE(left.is_broken());
    EXPECT_FALSE(left.is_tls());
    EXPECT_FALSE(run(loops_[0], left.write(std::string("220\r\n"), patient())));
    EXPECT_FALSE(run(loops_[0], left.fill(patient())));
    run(loops_[0], drop(std::move(left)));
    run(loops_[0], drop(std::move(right)));
}

TEST_F(TlsTest, AHandshakeHasADeadlineAndCanBeCancelled)
{
    const auto accepting = server({self_signed(folder_, "a", {"a.test"})});
    auto [left, right] = run(loops_[0], make_pair());
    const Result<void> slow = run(loops_[0], left.accept_tls(*accepting, soon(10ms)));
    EXPECT_TRUE(!slow && slow.error() == ErrorCode::timeout);
    run(loops_[0], drop(std::move(left)));
    run(loops_[0], drop(std::move(right)));
}

// OpenSSL's own client, fed by hand: what the server sends, and when, is seen to the byte.
class BareClient {
public:
    BareClient(SSL_CTX* context, SSL_SESSION* known) : ssl_(SSL_new(context))
    {
        SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
        SSL_set_connect_state(ssl_.get());
        if (known != nullptr)
            SSL_set_session(ssl_.get(), known);
    }
    void shake_hands(TlsSession& server)
    {
        auto done = TlsSession::Outcome::needs_bytes;
        for (int i = 0; i < 3 && (done != TlsSession::Outcome::done || !SSL_is_init_finished(ssl_.get())); ++i) {
            SSL_do_handshake(ssl_.get());
            Buffer to_server;
            char bytes[16 * 1024];
            for (int count; (count = BIO_read(SSL_get_wbio(ssl_.get()), bytes, sizeof bytes)) > 0;)
                to_server.append({bytes, std::size_t(count)});
            Buffer to_client;
            if (done != TlsSession::Outcome::done)
                done = server.handshake(to_server, to_client);
            take(to_client);
        }
        ASSERT_EQ(done, TlsSession::Outcome::done);
    }
    void take(const Buffer& bytes)
    {
        received += bytes.size();
        BIO_write(SSL_get_rbio(ssl_.get()), bytes.view().data(), int(bytes.size()));
    }
    std::string read()
    {
        char bytes[100];
        const int count = SSL_read(ssl_.get(), bytes, sizeof bytes);
        return {bytes, std::size_t(std::max(count, 0))};
    }
    SSL* ssl() const { return ssl_.get(); }

    std::size_t received = 0;

private:
    // A session that is cut off is not resumed: it must be closed.
    std::unique_ptr<SSL, decltype([](SSL* ssl) { SSL_shutdown(ssl), SSL_free(ssl); })> ssl_;
};

TEST_F(TlsTest, ATicketGoesOutWithTheFirstWriteAndResumes)
{
    const auto accepting = server({self_signed(folder_, "a", {"a.test"})});
    const auto connecting = client(no, "");
    SSL_CTX* context = connecting->state().credentials()->contexts[0].get();
    SSL_SESSION* known = nullptr;
    for (const bool resumed : {false, true, true}) {
        TlsSession serving(accepting->state().credentials(), TlsSession::End::server, "");
        BareClient asking(context, known);
        asking.shake_hands(serving);
        EXPECT_EQ(SSL_session_reused(asking.ssl()), int(resumed));
        const std::size_t after_handshake = asking.received;
        EXPECT_EQ(asking.read(), "") << "nothing comes before it is asked for";

        Buffer reply;
        ASSERT_TRUE(serving.write("* OK\r\n", reply));
        asking.take(reply);
        EXPECT_GT(asking.received - after_handshake, 100u) << "a ticket and the line";
        EXPECT_EQ(asking.read(), "* OK\r\n");
        Buffer second;
        ASSERT_TRUE(serving.write("* OK\r\n", second));
        EXPECT_LT(second.size(), 50u) << "the line alone";
        SSL_SESSION_free(known);
        known = SSL_get1_session(asking.ssl());
        EXPECT_EQ(SSL_SESSION_is_resumable(known), 1);
    }
    SSL_SESSION_free(known);
}

TEST_F(TlsTest, GarbageIsAnErrorOfTls)
{
    const auto accepting = server({self_signed(folder_, "a", {"a.test"})});
    auto [left, right] = run(loops_[0], make_pair());
    ASSERT_TRUE(run(loops_[0], right.write(std::string(1000, '\x16'), patient())));
    const Result<void> accepted = run(loops_[0], left.accept_tls(*accepting, patient()));
    EXPECT_TRUE(!accepted && accepted.error() == ErrorCode::tls);
    run(loops_[0], drop(std::move(left)));
    run(loops_[0], drop(std::move(right)));
}

TEST_F(TlsTest, TheKeyOfASelfSignedCertificateIsPrivate)
{
    const auto files = self_signed(folder_, "a", {"north.test", "*.north.test", "::1", "evil,DNS:bank.test"});
    struct stat status{};
    ASSERT_EQ(::stat(files.key.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600u);
    const auto credentials = server({files})->state().credentials();
    EXPECT_NE(credentials->find("mx.north.test"), nullptr);
    EXPECT_EQ(credentials->find("bank.test"), nullptr) << "a comma in a name begins no other name";
    EXPECT_FALSE(make_self_signed({}, files, 1));
    EXPECT_FALSE(make_self_signed({"a.test"}, {"/nonexistent/a.pem", "/nonexistent/a.key"}, 1));
}

}  // namespace
}  // namespace posthouse::net

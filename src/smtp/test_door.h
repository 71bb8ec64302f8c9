// For tests: a door that keeps what it takes, and the services of a session.
#pragma once

#include "base/text.h"
#include "smtp/intake.h"
#include "smtp/session.h"

#include <mutex>

namespace posthouse::smtp {

struct Kept {
    Id message = 0;
    Envelope envelope;
    std::string content;
};

class TestIncoming final : public Incoming {
public:
    TestIncoming(std::vector<Kept>& kept, Kept message, Result<void> on_append, Result<void> on_commit) :
        kept_(kept), message_(std::move(message)), on_append_(on_append), on_commit_(on_commit)
    {
    }
    Task<Result<void>> append(std::string piece) override
    {
        message_.content += piece;
        co_return on_append_;
    }
    Task<Result<Taken>> commit() override
    {
        if (!on_commit_)
            co_return fail(on_commit_.error());
        const Id id = message_.message;
        kept_.push_back(std::move(message_));
        co_return Taken{id};
    }

private:
    std::vector<Kept>& kept_;
    Kept message_;
    Result<void> on_append_;
    Result<void> on_commit_;
};

class TestIntake final : public Intake {
public:
    Id next_id() override { return ++last_; }
    Task<Result<std::unique_ptr<Incoming>>> begin(Id message, Envelope envelope) override
    {
        if (!on_begin)
            co_return fail(on_begin.error());
        co_return std::make_unique<TestIncoming>(kept, Kept{message, std::move(envelope), {}}, on_append, on_commit);
    }
    bool takes_mail() const override { return has_space; }
    Task<Result<void>> cancel(Id message, Id account) override
    {
        cancelled.emplace_back(message, account);
        co_return on_cancel;
    }

    std::vector<Kept> kept;
    std::vector<std::pair<Id, Id>> cancelled;  // message, by account
    Result<void> on_cancel;
    Result<void> on_begin;
    Result<void> on_append;
    Result<void> on_commit;
    bool has_space = true;

private:
    Id last_ = 1000;
};

// Takes mail for every recipient but those whose local part begins with "no".
class TestAgent final : public Agent {
public:
    TestAgent(TestIntake& intake, bool with_login) : intake_(intake), with_login_(with_login) { }

    std::vector<std::string> mechanisms() override
    {
        return with_login_ ? std::vector<std::string>{"PLAIN", "LOGIN"} : std::vector<std::string>{};
    }
    bool knows_auth() const override { return with_login_; }
    Task<AuthStep> authenticate(std::string mechanism, std::optional<std::string> initial) override
    {
        if (mechanism == "LOGIN" && !initial)
            co_return AuthChallenge{"Username:"};
        if (mechanism == "PLAIN" && !initial)
            co_return AuthChallenge{};
        if (mechanism == "PLAIN")
            co_return check(*initial);
        co_return AuthDone{{504, "5.5.4", "not known"}};
    }
    Task<AuthStep> respond(std::string response) override
    {
        if (response == "alice")
            co_return AuthChallenge{"Password:"};
        co_return check(response);
    }
    Id next_message_id() override { return intake_.next_id(); }
    Task<Reply> sender(Id, Envelope) override
    {
        if (!intake_.takes_mail())
            co_return Reply{452, "4.3.1", "full"};
        co_return Reply{250, "2.1.0", "ok"};
    }
    Task<RecipientVerdict> recipient(Recipient recipient, std::uint64_t) override
    {
        const bool known = !recipient.path.local_part.starts_with("no");
        co_return RecipientVerdict{known ? Reply{250, "2.1.5", "ok"} : Reply{550, "5.1.1", "no such user"}, recipient};
    }
    Task<std::expected<std::unique_ptr<Body>, Reply>> begin(Id message, Envelope envelope) override;

private:
    static AuthDone check(std::string_view response)
    {
        using namespace std::string_view_literals;
        if (response == "\0alice\0posthouse"sv || response == "posthouse")
            return {{235, "2.7.0", "welcome"}, 7, "alice@north.test"};
        return {{535, "5.7.8", "wrong"}};
    }
    TestIntake& intake_;
    bool with_login_;
};

class TestBody final : public Body {
public:
    explicit TestBody(std::unique_ptr<Incoming> incoming) : incoming_(std::move(incoming)) { }
    Task<std::optional<Reply>> append(std::string piece) override
    {
        const Result<void> kept = co_await incoming_->append(std::move(piece));
        co_return kept ? std::nullopt : std::optional(reply_to(kept.error()));
    }
    Task<Reply> finish() override
    {
        const Result<Taken> taken = co_await incoming_->commit();
        co_return taken ? Reply{250, "2.0.0", "queued as " + id_text(taken->message)} : reply_to(taken.error());
    }

private:
    std::unique_ptr<Incoming> incoming_;
};

inline Task<std::expected<std::unique_ptr<Body>, Reply>> TestAgent::begin(Id message, Envelope envelope)
{
    Result<std::unique_ptr<Incoming>> incoming = co_await intake_.begin(message, std::move(envelope));
    if (!incoming)
        co_return std::unexpected(reply_to(incoming.error()));
    co_return std::make_unique<TestBody>(std::move(*incoming));
}

class TestDoor final : public Door {
public:
    const Offer& offer() const override { return offer_; }
    std::string_view room() const override { return "test"; }
    std::unique_ptr<Agent> open(const SessionFacts&) override
    {
        return std::make_unique<TestAgent>(intake, with_login);
    }

    TestIntake intake;
    bool with_login = false;
    Offer offer_{.host_name = "north.test"};
};

class CollectingRecorder final : public Recorder {
public:
    void line(const DialogueLine& line) override
    {
        const std::scoped_lock lock(mutex_);
        lines.push_back((line.speaker == Speaker::client ? "C: " : "S: ") + std::string(line.text));
    }
    void step(const Step& step) override
    {
        const std::scoped_lock lock(mutex_);
        steps.push_back(std::string(step.step) + " " + std::string(step.result));
    }
    std::string text() const
    {
        std::string out;
        for (const std::string& line : lines)
            out += line + "\n";
        return out;
    }
    std::vector<std::string> lines;
    std::vector<std::string> steps;

private:
    std::mutex mutex_;
};

// Everything a Server wants, with a door of one's own or the TestDoor.
struct TestHouse {
    SystemClock clock;
    SeededRandom random{1};
    IdSource ids{clock, random};
    CollectingRecorder recorder;
    NoLog log;
    TestDoor door;

    ServerServices services(Door& which, const net::TlsContext* tls = nullptr)
    {
        return {which, ids, clock, recorder, log, tls};
    }
    static Patience hasty()
    {
        Patience patience;
        patience.error_delay = 0s;
        patience.linger = 50ms;
        return patience;
    }
};

}  // namespace posthouse::smtp

// A whole session without a wire: from every state each command gets exactly one reply, whatever the
// agent answers, and however the bytes were cut.
#include "smtp/dialogue.h"

#include "net/line_framer.h"

#include <cstdint>
#include <cstdlib>

using namespace posthouse;
using namespace posthouse::smtp;

namespace {

void require(bool holds)
{
    if (!holds)
        std::abort();
}

// Only what Dialogue itself calls has an answer; the verdicts come from the driver.
class FuzzAgent final : public Agent {
public:
    explicit FuzzAgent(bool with_login) : with_login_(with_login) { }
    std::vector<std::string> mechanisms() override
    {
        return with_login_ ? std::vector<std::string>{"PLAIN"} : std::vector<std::string>{};
    }
    bool knows_auth() const override { return with_login_; }
    Id next_message_id() override { return ++last_; }
    Task<Reply> sender(Id, Envelope) override { std::abort(); }
    Task<RecipientVerdict> recipient(Recipient, std::uint64_t) override { std::abort(); }
    Task<std::expected<std::unique_ptr<Body>, Reply>> begin(Id, Envelope) override { std::abort(); }

private:
    bool with_login_;
    Id last_ = 0;
};

class Driver {
public:
    Driver(std::uint8_t mode, std::uint32_t verdicts) :
        agent_((mode & 1) != 0),
        verdicts_(verdicts),
        dialogue_(offer(mode), facts_, agent_, (mode & 4) != 0),
        framer_(longest_command_line)
    {
        hear(dialogue_.greet().reply);
    }

    // Gives `input`, `piece` bytes at a time; answers everything that was said.
    std::string run(std::string_view input, std::size_t piece)
    {
        std::string buffer;
        for (std::size_t at = 0; at < input.size() && !ended_; at += piece) {
            buffer += input.substr(at, piece);
            std::pair<std::size_t, Reading> before;
            do {  // an empty chunk moves on without a byte
                before = {buffer.size(), reading_};
                buffer.erase(0, consume(buffer));
            } while (!ended_ && before != std::pair(buffer.size(), reading_));
        }
        return std::move(said_);
    }

private:
    enum class Reading : std::uint8_t { lines, data, chunk, skipped };

    static const Offer& offer(std::uint8_t mode)
    {
        static const Offer open{.host_name = "north.test", .most_bytes = 200, .most_recipients = 3};
        static const Offer closed{.host_name = "north.test", .login_required = true, .most_bytes = 200};
        static const Offer wide{.host_name = "north.test",
                                .most_bytes = 200,
                                .most_recipients = 3,
                                .dsn = true,
                                .longest_hold = 24h,
                                .deliver_by = true,
                                .priority = true};
        return (mode & 2) != 0 ? closed : (mode & 8) != 0 ? wide : open;
    }

    std::size_t consume(std::string_view input)
    {
        switch (reading_) {
        case Reading::lines: return consume_line(input);
        case Reading::data: return consume_data(input);
        default: return consume_chunk(input);
        }
    }

    std::size_t consume_line(std::string_view input)
    {
        framer_.limit(dialogue_.longest_line());
        const net::LineFramer::Frame frame = framer_.next(input);
        using Kind = net::LineFramer::Kind;
        if (frame.kind == Kind::need_more)
            return frame.consumed;
        (void)dialogue_.recordable(frame.line);
        const std::size_t replies = replies_;
        act_on(frame.kind == Kind::line
                   ? dialogue_.on_line(frame.line)
                   : dialogue_.on_bad_line(frame.kind == Kind::bare_lf ? Dialogue::LineFault::bare_lf
                                                                       : Dialogue::LineFault::too_long));
        if (reading_ == Reading::lines || reading_ == Reading::data)
            require(replies_ == replies + 1);
        else
            require(replies_ == replies);  // the chunk's reply comes behind its bytes
        return frame.consumed;
    }

    std::size_t consume_data(std::string_view input)
    {
        std::string block;
        const DataFramer::Frame frame = data_.next(input, block);
        if (frame.event == BodyEvent::need_more)
            return frame.consumed;
        reading_ = Reading::lines;
        const std::size_t replies = replies_;
        act_on(frame.event == BodyEvent::end ? dialogue_.on_message(verdict())
                                             : dialogue_.on_broken_message(frame.event));
        require(replies_ == replies + 1 && reading_ == Reading::lines);
        return frame.consumed;
    }

    std::size_t consume_chunk(std::string_view input)
    {
        const std::size_t count = std::min<std::uint64_t>(input.size(), left_);
        left_ -= count;
        if (left_ == 0)
            end_chunk();
        return count;
    }

    void end_chunk()
    {
        const bool is_skipped = reading_ == Reading::skipped;
        reading_ = Reading::lines;
        const std::size_t replies = replies_;
        if (is_skipped)
            hear(skipped_);
        else if (chunk_.is_last)
            act_on(dialogue_.on_message(verdict()));
        else
            act_on(dialogue_.on_chunk(next_verdict() % 4 == 0 ? std::optional(verdict()) : std::nullopt));
        require(replies_ == replies + 1 && reading_ == Reading::lines);
    }

    void act_on(Step step)
    {
        for (int asked = 0;; ++asked) {
            require(asked < 4);
            switch (step.next) {
            case Next::command: return hear(step.reply);
            case Next::close: ended_ = true; return hear(step.reply);
            case Next::ask_cancel: step = dialogue_.on_cancel(verdict()); break;
            case Next::ask_sender: step = dialogue_.on_sender(verdict()); break;
            case Next::ask_recipient: step = dialogue_.on_recipient({verdict(), dialogue_.asked_recipient()}); break;
            case Next::ask_body: {
                const Envelope envelope = dialogue_.take_envelope();
                require(!envelope.recipients.empty() && envelope.recipients.size() <= 1000);
                step = dialogue_.on_body(next_verdict() % 4 == 0 ? std::optional(Reply{452, "4.3.1", "full"})
                                                                 : std::nullopt);
                break;
            }
            case Next::take_data:
                data_ = {};
                reading_ = Reading::data;
                return hear(step.reply);
            case Next::take_chunk:
            case Next::skip_chunk:
                reading_ = step.next == Next::take_chunk ? Reading::chunk : Reading::skipped;
                chunk_ = step.chunk;
                left_ = chunk_.size;
                skipped_ = step.reply;
                require(left_ <= 400);
                return;
            case Next::authenticate:
                (void)dialogue_.take_auth_start();
                step = dialogue_.on_auth(auth_outcome());
                break;
            case Next::respond:
                (void)dialogue_.take_auth_response();
                step = dialogue_.on_auth(auth_outcome());
                break;
            case Next::start_tls:
                hear(step.reply);
                facts_.encrypted = true;
                dialogue_.on_tls();
                require(dialogue_.state() == State::start && facts_.login.empty() && facts_.greeted_as.empty());
                return;
            }
        }
    }

    std::uint32_t next_verdict() { return verdicts_ = verdicts_ * 1664525 + 1013904223, verdicts_ >> 16; }
    Reply verdict()
    {
        static const Reply replies[] = {{250, "2.0.0", "ok"},    {250, "2.0.0", "ok"}, {550, "5.1.1", "no"},
                                        {452, "4.3.1", "later"}, {250, "2.0.0", "ok"}, {250, "2.0.0", "ok"}};
        return replies[next_verdict() % std::size(replies)];
    }
    AuthStep auth_outcome()
    {
        if (next_verdict() % 2 == 0)
            return AuthChallenge{"Username:"};
        if (next_verdict() % 2 == 0)
            return AuthDone{{535, "5.7.8", "wrong"}};
        return AuthDone{{235, "2.7.0", "welcome"}, 1, "alice@north.test"};
    }

    void hear(const Reply& reply)
    {
        require(reply.code >= 200 && reply.code <= 599);
        ++replies_;
        const std::size_t start = said_.size();
        append_to(said_, reply);
        require(said_.ends_with("\r\n"));
        for (const std::string_view line : split(std::string_view(said_).substr(start), '\n'))
            require(line.size() + 1 <= longest_reply_line);
    }

    SessionFacts facts_;
    FuzzAgent agent_;
    std::uint32_t verdicts_;
    Dialogue dialogue_;
    net::LineFramer framer_;
    DataFramer data_;
    Reading reading_ = Reading::lines;
    Chunk chunk_;
    std::uint64_t left_ = 0;
    Reply skipped_;
    std::string said_;
    std::size_t replies_ = 0;
    bool ended_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size < 3 || size > 20'000)
        return 0;
    const std::string_view input(reinterpret_cast<const char*>(data + 3), size - 3);
    const std::string whole = Driver(data[0], data[1]).run(input, input.size() + 1);
    require(Driver(data[0], data[1]).run(input, 1 + data[2] % 32) == whole);
    return 0;
}

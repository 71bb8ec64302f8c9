#include "imap/server/command_reader.h"

#include "imap/grammar/lexemes.h"

#include <algorithm>

namespace posthouse::imap {

namespace {

using Event = Framer::Event;

std::string tag_of(std::string_view text)
{
    Cursor in(text);
    const auto found = tag(in);
    return found && in.peek() == ' ' ? std::string(*found) : std::string();
}

Reply reply_to(const SyntaxError& error)
{
    switch (error.kind) {
    case SyntaxError::Kind::bad_name: return Reply::no(error.reason, "CANNOT");
    case SyntaxError::Kind::bad_event: return Reply::no(error.reason, "BADEVENT (" + std::string(known_events) + ")");
    default: return Reply::bad(error.reason);
    }
}

Received refused(const SyntaxError& error) { return {.tag = error.tag, .command = {}, .reply = reply_to(error)}; }

}  // namespace

Task<Result<void>> CommandReader::fill(Deadline deadline)
{
    // One byte more than the limit, so that the framer sees what is over it.
    co_return co_await channel_.fill(deadline, framer_.limit() + 1);
}

Received CommandReader::parse(std::string_view text)
{
    channel_.transcript().command(text);
    auto command = parse_command(text, names_);
    if (!command)
        return refused(command.error());
    std::string tag = command->tag;
    return {.tag = std::move(tag), .command = std::move(command).value(), .reply = {}};
}

Task<Received> CommandReader::next(Duration patience)
{
    const Deadline deadline = channel_.within(patience);
    for (;;) {
        const Framer::Step step = framer_.next(channel_.input());
        if (step.event == Event::need_more) {
            const Result<void> filled = co_await fill(deadline);
            if (!filled)
                co_return Received{{}, {}, ending(filled.error())};
            continue;
        }
        if (step.event == Event::too_long)
            co_return Received{{}, {}, Reply::goodbye("the command is too long")};
        if (step.event == Event::bare_newline) {
            Received received{tag_of(step.text), {}, Reply::bad("lines end with CRLF; with nc use -C")};
            channel_.transcript().command(step.text);
            channel_.wire().consume(framer_.cut());
            co_return received;
        }
        if (step.event == Event::command) {
            Received received = parse(step.text);
            channel_.wire().consume(framer_.cut());
            co_return received;
        }

        // A literal is announced: is it wanted?
        LiteralPurpose purpose = purpose_of_literal(step.text, names_);
        if (purpose.kind == LiteralPurpose::Kind::argument && framer_.fits(step.literal_size)) {
            channel_.transcript().begin_of_command(step.text);
            framer_.keep_literal();
            if (step.synchronising)
                channel_.out().raw("+ go on\r\n");
            continue;
        }
        literal_ = WaitingLiteral{step.literal_size, step.synchronising};
        Received received;
        channel_.transcript().command(step.text);
        if (purpose.kind == LiteralPurpose::Kind::message) {
            received.tag = purpose.append.tag;
            received.command = std::move(purpose.append);
        } else if (purpose.kind == LiteralPurpose::Kind::wrong) {
            received = refused(purpose.error);
        } else if (!is_logged_in_) {
            received.reply = Reply::goodbye("the literal is too large", "TOOBIG");
        } else {
            received.tag = tag_of(step.text);
            received.reply = Reply::no("the literal is too large", "TOOBIG");
        }
        channel_.wire().consume(framer_.cut());
        co_return received;
    }
}

Task<Result<void>> CommandReader::discard(std::uint64_t size, Deadline deadline)
{
    while (size > 0) {
        if (channel_.input().empty()) {
            const Result<void> filled = co_await fill(deadline);
            if (!filled)
                co_return filled;
        }
        const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(size, channel_.input().size()));
        channel_.wire().consume(count);
        size -= count;
    }
    co_return Result<void>{};
}

Task<std::optional<Reply>> CommandReader::drop_literal(Duration patience)
{
    const Deadline deadline = channel_.within(patience);
    std::uint64_t budget = most_discarded;
    while (literal_) {
        const WaitingLiteral unwanted = *literal_;
        literal_.reset();
        if (unwanted.synchronising)
            break;  // it never comes, nor does the rest of its command
        if (!is_logged_in_ || unwanted.size > budget)
            co_return Reply::goodbye("the literal is too large", "TOOBIG");
        budget -= unwanted.size;
        const Result<void> discarded = co_await discard(unwanted.size, deadline);
        if (!discarded)
            co_return ending(discarded.error());
        // The rest of the command, which may announce another one.
        for (;;) {
            const Framer::Step step = framer_.next(channel_.input());
            if (step.event == Event::too_long)
                co_return Reply::goodbye("the command is too long");
            if (step.event != Event::need_more) {
                if (step.event == Event::literal)
                    literal_ = WaitingLiteral{step.literal_size, step.synchronising};
                channel_.wire().consume(framer_.cut());
                break;
            }
            const Result<void> filled = co_await fill(deadline);
            if (!filled)
                co_return ending(filled.error());
        }
    }
    co_return std::nullopt;
}

Task<Result<CommandReader::Stretch>> CommandReader::stretch(Duration patience)
{
    const Deadline deadline = channel_.within(patience);
    for (;;) {
        const Framer::Step step = framer_.next(channel_.input());
        if (step.event == Event::need_more) {
            const Result<void> filled = co_await fill(deadline);
            if (!filled)
                co_return fail(filled.error());
            continue;
        }
        if (step.event == Event::too_long)
            co_return fail(ErrorCode::too_large);
        channel_.transcript().rest_of_append(step.text);
        Stretch stretch{.text = std::string(step.text), .literal_follows = step.event == Event::literal};
        if (stretch.literal_follows) {
            stretch.text.resize(stretch.text.rfind('{'));
            if (announces_url(stretch.text) && framer_.fits(step.literal_size)) {
                framer_.keep_literal();
                if (step.synchronising)
                    channel_.out().raw("+ go on\r\n");
                continue;
            }
            if (stretch.text.ends_with('~'))
                stretch.text.pop_back();  // RFC 3516: literal8
            literal_ = WaitingLiteral{step.literal_size, step.synchronising};
        }
        channel_.wire().consume(framer_.cut());
        if (step.event == Event::bare_newline)
            co_return fail(ErrorCode::malformed, "lines end with CRLF");
        co_return stretch;
    }
}

Task<Result<std::string>> CommandReader::line(Duration patience)
{
    const Deadline deadline = channel_.within(patience);
    for (;;) {
        const Framer::Step step = framer_.next(channel_.input());
        if (step.event == Event::too_long)
            co_return fail(ErrorCode::too_large);
        if (step.event != Event::need_more) {
            std::string text(step.text);
            if (step.event == Event::literal)  // whatever it is, its bytes are no commands
                literal_ = WaitingLiteral{step.literal_size, step.synchronising};
            channel_.wire().consume(framer_.cut());
            if (step.event == Event::bare_newline)
                co_return fail(ErrorCode::malformed, "lines end with CRLF");
            co_return text;
        }
        const Result<void> filled = co_await fill(deadline);
        if (!filled)
            co_return fail(filled.error());
    }
}

}  // namespace posthouse::imap

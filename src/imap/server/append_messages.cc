#include "imap/server/append_messages.h"

#include "imap/server/message_limit.h"

#include <algorithm>

namespace posthouse::imap {

namespace {

// Of one command: its messages lie in memory, each with up to 64 KiB, until all have come.
constexpr std::size_t most_messages = 500;

}  // namespace

std::optional<Reply> fault_of_flags(const std::vector<AppendStep>& steps)
{
    for (const AppendStep& step : steps)
        for (const std::string& name : step.flags)
            if (name.starts_with('\\') && !mailbox::system_flag(name))
                return Reply::bad("APPEND: there is no flag " + name);
    return std::nullopt;
}

std::string appenduid(const std::vector<mailbox::Filed>& filed)
{
    mailbox::NumberSet uids;
    for (const mailbox::Filed& one : filed)
        uids.add(one.places.front().uid);
    return "APPENDUID " + std::to_string(filed.front().places.front().uid_validity) + " " + uids.text();
}

Task<std::optional<Reply>> IncomingMessages::read(AppendArguments arguments)
{
    std::vector<AppendStep> steps = std::move(arguments.steps);
    for (;;) {
        const bool has_literal = std::ranges::find(steps, AppendStep::Kind::literal, &AppendStep::kind) != steps.end();
        std::optional<Reply> answer = co_await take(std::move(steps));
        const bool goes_on = !answer || answer->kind == Reply::Kind::no;
        if (!has_literal || !goes_on || session_.reader().literal())
            co_return answer;
        // What is wrong is told when the command has come to its end, or to a literal that is not wanted.
        const Result<CommandReader::Stretch> stretch = co_await session_.reader().stretch(session_.patience());
        if (!stretch && stretch.error() == ErrorCode::malformed)
            co_return Reply::bad("APPEND: lines end with CRLF");
        if (!stretch)
            co_return ending(stretch.error());
        if (answer)
            co_return answer;
        auto next = arguments.syntax.read(stretch->text, stretch->literal_follows);
        if (!next)
            co_return Reply::bad("APPEND: " + next.error());
        steps = std::move(*next);
        answer = fault_of_flags(steps);
        if (answer)
            co_return answer;
    }
}

Task<std::optional<Reply>> IncomingMessages::take(std::vector<AppendStep> steps)
{
    for (AppendStep& step : steps) {
        std::optional<Reply> answer;
        switch (step.kind) {
        case AppendStep::Kind::begin:
            if (filings_.size() == most_messages)
                co_return Reply::no("so many messages are not taken at once", "LIMIT");
            if (is_too_much(session_, filings_.size() + 1))
                co_return refused_as_too_many(session_);
            message_.emplace(session_, target_, freed_, std::move(step));
            break;
        case AppendStep::Kind::literal: answer = co_await message_->take_literal(); break;
        case AppendStep::Kind::url: answer = co_await message_->take_url(std::move(step.url)); break;
        case AppendStep::Kind::end: answer = co_await finish(); break;
        }
        if (answer)
            co_return answer;
    }
    co_return std::nullopt;
}

Task<std::optional<Reply>> IncomingMessages::finish()
{
    std::expected<mailbox::Filing, Reply> filing = co_await message_->finish(mailbox_);
    if (!filing)
        co_return std::move(filing.error());
    filings_.push_back(std::move(*filing));
    co_return std::nullopt;
}

}  // namespace posthouse::imap

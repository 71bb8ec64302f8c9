// RETR and TOP: a message's row, its bytes, and their way onto the wire.
#include "pop3/server/session.h"

#include <fmt/format.h>

namespace posthouse::pop3 {

namespace {

// Rows read at once: whoever takes one message mostly takes the next ones too.
constexpr std::uint32_t rows_ahead = 32;
// Up to here a message is read whole; above it goes out piece by piece.
constexpr std::uint64_t largest_whole = 256 * 1024;

constexpr std::string_view not_now = "-ERR [SYS/TEMP] this message cannot be read now\r\n";

}  // namespace

Task<Result<mailbox::Email>> Session::email_of(std::uint32_t number)
{
    if (auto found = ahead_.extract(number))
        co_return std::move(found.mapped());
    ahead_.clear();
    std::vector<std::uint32_t> numbers;
    std::vector<mailbox::EmailId> ids;
    const std::uint32_t last = std::min(dialogue_.maildrop().numbers(), number + rows_ahead - 1);
    for (std::uint32_t next = number; next <= last; ++next)
        if (const mailbox::Entry* entry = dialogue_.maildrop().find(next)) {
            numbers.push_back(next);
            ids.push_back(entry->email);
        }
    Result<std::vector<Result<mailbox::Email>>> rows = co_await account_->emails(std::move(ids));
    if (!rows)
        co_return fail(rows.error());
    if (rows->size() != numbers.size() || numbers.empty())
        co_return fail(ErrorCode::internal, "rows are missing");
    for (std::size_t i = 1; i < rows->size(); ++i)
        if ((*rows)[i])
            ahead_.emplace(numbers[i], std::move(*(*rows)[i]));
    co_return std::move(rows->front());
}

Task<bool> Session::retrieve(Step step)
{
    if (!step.lines) {
        if (!read_ahead_)
            read_ahead_.emplace(*account_, dialogue_.maildrop());
        std::optional<std::vector<std::string>> whole = co_await read_ahead_->take(step.number);
        if (whole) {
            say(std::move(step.reply));
            co_return co_await send_whole(*std::move(whole), std::nullopt);
        }
    }
    Result<mailbox::Email> email = co_await email_of(step.number);
    if (!email) {
        services_.log.write(LogLevel::warning, "pop3/server", id_, "a message's row cannot be read",
                            {{"why", email.error().text}});
        say(std::string(not_now));
        co_return true;
    }
    if (email->size <= largest_whole) {
        Result<std::string> bytes = co_await account_->read_all(*email);
        if (!bytes) {
            services_.log.write(LogLevel::warning, "pop3/server", id_, "a message cannot be read",
                                {{"why", bytes.error().text}});
            say(std::string(not_now));
            co_return true;
        }
        say(std::move(step.reply));
        std::vector<std::string> pieces;
        pieces.push_back(*std::move(bytes));
        co_return co_await send_whole(std::move(pieces), step.lines);
    }
    say(std::move(step.reply));
    co_return co_await send_in_pieces(std::move(*email), step.lines);
}

Task<bool> Session::send_whole(std::vector<std::string> pieces, std::optional<std::uint64_t> lines)
{
    BodyEncoder encoder;
    std::optional<TopCutter> cutter;
    if (lines)
        cutter.emplace(*lines);
    std::size_t octets = 0;
    for (std::string& piece : pieces) {
        if (cutter)
            piece.resize(cutter->take(piece));
        std::string encoded = encoder.encode(std::move(piece));
        octets += encoded.size();
        add_message(std::move(encoded));
    }
    if (services_.recorder.wanted())
        tell_line(Speaker::server, fmt::format("[{} octets of message]", octets));
    add_end(encoder);
    if (out_bytes_ < most_unsent)
        co_return true;
    const Result<void> sent = co_await flush();
    co_return sent.has_value();
}

// RETR's +OK is on its way: what goes wrong from here on can only be told by closing.
Task<bool> Session::send_in_pieces(mailbox::Email email, std::optional<std::uint64_t> lines)
{
    encoder_ = {};
    cutter_.reset();
    if (lines)
        cutter_.emplace(*lines);
    const Result<void> before = co_await flush();
    if (!before)
        co_return false;
    const std::uint64_t size = email.size;
    store::Sink sink = [this](std::string piece) { return send_piece(std::move(piece)); };
    const Result<void> read = co_await account_->read(std::move(email), 0, size, std::move(sink));
    if (!read || wire_.is_broken()) {
        if (!read)
            services_.log.write(LogLevel::warning, "pop3/server", id_, "a message broke off",
                                {{"why", read.error().text}});
        wire_.close();
        co_return false;
    }
    if (services_.recorder.wanted())
        tell_line(Speaker::server, fmt::format("[{} octets of message]", size));
    add_end(encoder_);
    co_return true;
}

Task<bool> Session::send_piece(std::string piece)
{
    if (cutter_)
        piece.resize(cutter_->take(piece));
    std::string encoded = encoder_.encode(std::move(piece));
    if (!encoded.empty()) {
        const Result<void> sent = co_await wire_.write(std::move(encoded), within(options_.write_patience));
        if (!sent)
            wire_.close();
        if (!sent)
            co_return false;
    }
    co_return !(cutter_ && cutter_->is_done());
}

}  // namespace posthouse::pop3

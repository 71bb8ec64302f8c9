#include "pop3/client/client.h"

#include "base/text.h"

#include <fmt/format.h>

namespace posthouse::pop3 {

namespace {

constexpr std::size_t longest_reply = 8 * 1024;  // RFC 2449 section 4 says 512; SCRAM needs more
constexpr std::uint64_t largest_top = 16 * 1024 * 1024;

}  // namespace

Client::Client(net::Wire wire, const Clock& clock, ShowLine show, ClientLimits limits) :
    wire_(std::move(wire)), clock_(clock), show_(std::move(show)), limits_(limits), framer_(longest_reply)
{
}

void Client::show(Speaker speaker, std::string_view line) const
{
    if (show_)
        show_(speaker, line);
}

Task<Result<std::string>> Client::line()
{
    const Deadline deadline = Deadline::in(clock_, limits_.reply);
    for (;;) {
        const net::LineFramer::Frame frame = framer_.next(wire_.input());
        if (frame.kind == net::LineFramer::Kind::need_more) {
            wire_.consume(frame.consumed);
            const Result<void> filled = co_await wire_.fill(deadline);
            if (!filled)
                co_return fail(filled.error());
            continue;
        }
        if (frame.kind != net::LineFramer::Kind::line) {
            wire_.close();
            co_return fail(ErrorCode::malformed, "the server's line does not end with CRLF, or not at all");
        }
        std::string line(frame.line);
        wire_.consume(frame.consumed);
        show(Speaker::server, line);
        co_return line;
    }
}

Task<Result<void>> Client::write(std::string text)
{
    co_return co_await wire_.write(std::move(text), Deadline::in(clock_, limits_.reply));
}

// One command; its +OK, or the -ERR as an error.
Task<Result<Reply>> Client::talk(std::string command, std::string shown)
{
    if (command.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos)
        co_return fail(ErrorCode::malformed, "a line end or NUL in a command");
    show(Speaker::client, shown);
    const Result<void> sent = co_await write(std::move(command) + "\r\n");
    if (!sent)
        co_return fail(sent.error());
    const Result<std::string> line = co_await this->line();
    if (!line)
        co_return fail(line.error());
    Result<Reply> reply = parse_reply(*line);
    if (!reply)
        wire_.close();
    if (reply && !reply->is_ok)
        co_return fail(to_error(*reply));
    co_return reply;
}

Task<Result<std::string>> Client::greeting()
{
    const Result<std::string> line = co_await this->line();
    if (!line)
        co_return fail(line.error());
    Result<Reply> reply = parse_reply(*line);
    if (!reply)
        co_return fail(reply.error());
    if (!reply->is_ok)
        co_return fail(to_error(*reply));
    co_return std::move(reply->text);
}

Task<Result<Capabilities>> Client::capabilities()
{
    Capabilities out;
    const Result<Reply> reply = co_await talk("CAPA", "CAPA");
    if (!reply && reply.error() == ErrorCode::not_found)
        co_return out;
    if (!reply)
        co_return fail(reply.error());
    const Result<std::vector<std::string>> lines = co_await this->lines();
    if (!lines)
        co_return fail(lines.error());
    for (const std::string& line : *lines) {
        const std::string upper = to_upper(line);
        const std::vector<std::string_view> words = split(upper, ' ');
        out.uidl = out.uidl || words[0] == "UIDL";
        out.top = out.top || words[0] == "TOP";
        out.stls = out.stls || words[0] == "STLS";
        out.user = out.user || words[0] == "USER";
        out.pipelining = out.pipelining || words[0] == "PIPELINING";
        out.utf8 = out.utf8 || words[0] == "UTF8";
        if (words[0] == "SASL")
            out.mechanisms.assign(words.begin() + 1, words.end());
    }
    co_return out;
}

Task<Result<void>> Client::start_tls(const net::TlsContext& context, std::string server_name)
{
    const Result<Reply> reply = co_await talk("STLS", "STLS");
    if (!reply)
        co_return fail(reply.error());
    // Wire refuses where the server has sent more already (HOSTILE A3).
    const Result<void> shaken =
        co_await wire_.connect_tls(context, std::move(server_name), Deadline::in(clock_, limits_.handshake));
    if (!shaken)
        co_return fail(shaken.error());
    framer_.reset();
    co_return Result<void>{};
}

Task<Result<Totals>> Client::totals()
{
    const Result<Reply> reply = co_await talk("STAT", "STAT");
    if (!reply)
        co_return fail(reply.error());
    const std::vector<std::string_view> words = split(reply->text, ' ');
    const auto messages = parse_number<std::uint32_t>(words[0]);
    const auto octets = words.size() > 1 ? parse_number<std::uint64_t>(words[1]) : std::nullopt;
    if (!messages || !octets)
        co_return fail(ErrorCode::malformed, "not the answer to STAT");
    co_return Totals{*messages, *octets};
}

Task<Result<std::vector<ListItem>>> Client::list()
{
    const Result<Reply> reply = co_await talk("LIST", "LIST");
    if (!reply)
        co_return fail(reply.error());
    const Result<std::vector<std::string>> lines = co_await this->lines();
    if (!lines)
        co_return fail(lines.error());
    std::vector<ListItem> items;
    for (const std::string& line : *lines) {
        const auto item = parse_list_item(line);
        if (!item)
            co_return fail(ErrorCode::malformed, "not a line of LIST: " + printable(line, 80));
        items.push_back(*item);
    }
    co_return items;
}

Task<Result<std::vector<UniqueId>>> Client::unique_ids()
{
    const Result<Reply> reply = co_await talk("UIDL", "UIDL");
    if (!reply)
        co_return fail(reply.error());
    const Result<std::vector<std::string>> lines = co_await this->lines();
    if (!lines)
        co_return fail(lines.error());
    std::vector<UniqueId> ids;
    for (const std::string& line : *lines) {
        auto id = parse_unique_id(line);
        if (!id)
            co_return fail(ErrorCode::malformed, "not a line of UIDL: " + printable(line, 80));
        ids.push_back(std::move(*id));
    }
    co_return ids;
}

Task<Result<void>> Client::remove(std::uint32_t number)
{
    const std::string command = fmt::format("DELE {}", number);
    const Result<Reply> reply = co_await talk(command, command);
    if (!reply)
        co_return fail(reply.error());
    co_return Result<void>{};
}

Task<Result<void>> Client::reset()
{
    const Result<Reply> reply = co_await talk("RSET", "RSET");
    if (!reply)
        co_return fail(reply.error());
    co_return Result<void>{};
}

Task<Result<void>> Client::quit()
{
    const Result<Reply> reply = co_await talk("QUIT", "QUIT");
    wire_.close();
    if (!reply)
        co_return fail(reply.error());
    co_return Result<void>{};
}

// Multi-line replies.

Task<Result<void>> Client::read_multiline(MessageSink sink, std::uint64_t most)
{
    MultilineDecoder decoder;
    std::uint64_t total = 0;
    for (;;) {
        std::string piece;
        wire_.consume(decoder.take(wire_.input(), piece));
        total += piece.size();
        bool is_wanted = total <= most;
        if (is_wanted && !piece.empty())
            is_wanted = co_await sink(std::move(piece));
        if (!is_wanted) {
            wire_.close();
            co_return fail(total > most ? ErrorCode::too_large : ErrorCode::cancelled, "the rest was not wanted");
        }
        if (decoder.is_done())
            co_return Result<void>{};
        const Result<void> filled = co_await wire_.fill(Deadline::in(clock_, limits_.reply));
        if (!filled)
            co_return fail(filled.error());
    }
}

namespace {

Task<bool> append(std::shared_ptr<std::string> text, std::string piece)
{
    *text += piece;
    co_return true;
}

}  // namespace

Task<Result<std::string>> Client::read_text(std::uint64_t most)
{
    const auto text = std::make_shared<std::string>();
    MessageSink sink = [text](std::string piece) { return append(text, std::move(piece)); };
    const Result<void> read = co_await read_multiline(std::move(sink), most);
    if (!read)
        co_return fail(read.error());
    co_return std::move(*text);
}

Task<Result<std::vector<std::string>>> Client::lines()
{
    constexpr std::size_t bytes_a_line = 100;
    Result<std::string> text = co_await read_text(limits_.most_items * bytes_a_line);
    if (!text)
        co_return fail(text.error());
    std::vector<std::string> out;
    std::string_view rest = *text;
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find("\r\n"), rest.size());
        if (out.size() == limits_.most_items)
            co_return fail(ErrorCode::too_large, "too many lines");
        out.emplace_back(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 2, rest.size()));
    }
    co_return out;
}

Task<Result<void>> Client::retrieve(std::uint32_t number, MessageSink sink)
{
    const std::string command = fmt::format("RETR {}", number);
    const Result<Reply> reply = co_await talk(command, command);
    if (!reply)
        co_return fail(reply.error());
    co_return co_await read_multiline(std::move(sink), limits_.most_message);
}

Task<Result<std::string>> Client::retrieve(std::uint32_t number, std::uint64_t most)
{
    const std::string command = fmt::format("RETR {}", number);
    const Result<Reply> reply = co_await talk(command, command);
    if (!reply)
        co_return fail(reply.error());
    co_return co_await read_text(most);
}

Task<Result<std::string>> Client::top(std::uint32_t number, std::uint64_t lines)
{
    const std::string command = fmt::format("TOP {} {}", number, lines);
    const Result<Reply> reply = co_await talk(command, command);
    if (!reply)
        co_return fail(reply.error());
    co_return co_await read_text(largest_top);
}

}  // namespace posthouse::pop3

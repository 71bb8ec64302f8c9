// Replies of a hostile server: bounded, never a crash; what was read is written and read again. What
// a client says to a server with such capabilities fits the command grammar, and means the same.
#include "smtp/reply_grammar.h"

#include "base/text.h"
#include "smtp/command_grammar.h"
#include "smtp/command_writer.h"

#include <cstdint>
#include <cstdlib>

using namespace posthouse;
using namespace posthouse::smtp;

namespace {

std::optional<Reply> parse(std::string_view text)
{
    ReplyParser parser;
    for (const std::string_view line : split(text, '\n')) {
        const auto status = parser.line(line.ends_with('\r') ? line.substr(0, line.size() - 1) : line);
        if (status == ReplyParser::Status::whole)
            return parser.take();
        if (status != ReplyParser::Status::more)
            return std::nullopt;
    }
    return std::nullopt;
}

void require(bool holds)
{
    if (!holds)
        std::abort();
}

void check_commands(const Reply& reply)
{
    const Capabilities server = capabilities_of(reply);
    const WallTime now = WallTime(std::chrono::seconds(1'800'000'000));
    Envelope envelope;
    envelope.reverse_path = {"a" + reply.text.substr(0, 20), "x.test"};
    for (char& c : envelope.reverse_path.local_part)
        c = is_control(c) || static_cast<signed char>(c) < 0 ? '+' : c;
    envelope.envelope_id = "a=b+c d";
    envelope.declared_size = static_cast<std::uint64_t>(reply.code);
    envelope.ret = Ret::headers;
    envelope.deliver_by = DeliverBy{now + std::chrono::seconds(reply.code), reply.code % 2 == 0, true};
    envelope.priority = reply.code % 19 - 9;
    if (what_server_lacks(envelope, server, now))
        return;
    const std::string line = mail_line(envelope, server, now);
    const Parsed<Command> command = smtp::command(line);
    require(command && command->verb == Verb::mail);
    const Parsed<Envelope> back =
        mail_argument(command->argument, {.dsn = true, .deliver_by = true, .priority = true, .now = now});
    require(back.has_value() && back->reverse_path == envelope.reverse_path);
    require(!server.dsn || back->envelope_id == envelope.envelope_id);
    require(!server.deliver_by || (back->deliver_by && back->deliver_by->until == envelope.deliver_by->until));
    require(!server.priority || back->priority == envelope.priority);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::optional<Reply> reply = parse({reinterpret_cast<const char*>(data), size});
    if (!reply)
        return 0;
    if (reply->code < 200 || reply->code > 599 || reply->text.size() > most_reply_bytes + most_reply_lines)
        std::abort();
    std::string written;
    append_to(written, *reply);
    const std::optional<Reply> again = parse(written);
    if (!again || again->code != reply->code || (!reply->enhanced.empty() && again->enhanced != reply->enhanced))
        std::abort();
    check_commands(*reply);
    return 0;
}

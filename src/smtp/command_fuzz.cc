// Every production of the command grammar with any line; what was taken is written and read again.
#include "smtp/command_grammar.h"

#include "base/text.h"

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

// What Path::text() writes is read as the same path, and has nothing in it that could end a line.
void check_path(const Path& path, bool is_sender)
{
    const std::string text = path.text();
    for (const char c : text)
        require(!is_control(c));
    const std::string bracketed = "<" + text + ">";
    Cursor in(bracketed);
    const auto again = is_sender ? reverse_path(in) : forward_path(in);
    require(again.has_value() && in.at_end() && *again == path);
}

void check_refusal(const Reply& reply)
{
    require(reply.is_permanent() && !reply.enhanced.empty() && !reply.text.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view line(reinterpret_cast<const char*>(data), size);
    const Parsed<Command> parsed = command(line);
    if (!parsed) {
        check_refusal(parsed.error());
        return 0;
    }
    const std::string_view argument = parsed->argument;
    const WallTime now = WallTime(std::chrono::seconds(1'800'000'000));
    const Extensions all{
        .dsn = true, .auth = true, .longest_hold = 24h, .deliver_by = true, .priority = true, .now = now};
    for (const Extensions& extensions : {Extensions{}, all}) {
        if (const auto mail = mail_argument(argument, extensions)) {
            check_path(mail->reverse_path, true);
            require(mail->priority >= -9 && mail->priority <= 9);
            require(!mail->hold_until || (*mail->hold_until > now && *mail->hold_until <= now + 24h));
            require(!mail->deliver_by || mail->deliver_by->notify_only || mail->deliver_by->until > now);
        } else {
            check_refusal(mail.error());
        }
        if (const auto rcpt = rcpt_argument(argument, extensions)) {
            check_path(rcpt->path, false);
            require(xtext(to_xtext(rcpt->original_recipient)) == rcpt->original_recipient);
        } else {
            check_refusal(rcpt.error());
        }
    }
    if (const auto name = hello_argument(Verb::ehlo, argument))
        require(is_ascii(*name) && !name->empty());
    if (const auto chunk = bdat_argument(argument); !chunk)
        check_refusal(chunk.error());
    if (const auto start = auth_argument(argument); !start)
        check_refusal(start.error());
    return 0;
}

// Hostile command lines: from every state exactly one step each, every reply begins with +OK, -ERR
// or +, ends with CRLF and holds no line end that its writer did not mean; no message that is not there
// is ever asked for.
//
// Lines are cut at LF. The first byte chooses the offer; a line that begins with 0x01 is not a command
// but the outcome of what was asked for last.
#include "base/text.h"
#include "pop3/server/dialogue.h"

#include <cstdlib>

namespace {

using namespace posthouse;
using namespace posthouse::pop3;

void require(bool holds)
{
    if (!holds)
        std::abort();
}

Maildrop messages()
{
    auto block = std::make_shared<mailbox::Block>();
    for (mailbox::Uid uid = 1; uid <= 5; ++uid)
        block->entries.push_back({.uid = uid * 2, .email = uid, .size = 100});
    auto snapshot = std::make_shared<mailbox::Snapshot>();
    snapshot->uid_validity = 1;
    snapshot->blocks = {block};
    snapshot->count();
    return Maildrop(snapshot);
}

void check_reply(const std::string& reply)
{
    if (reply.empty())
        return;
    require(reply.starts_with("+OK ") || reply.starts_with("-ERR ") || reply.starts_with("+ "));
    require(reply.ends_with("\r\n"));
    const std::size_t first = reply.find("\r\n");
    require(first + 2 == reply.size() || (reply.starts_with("+OK ") && reply.ends_with("\r\n.\r\n")));
}

directory::SaslStep outcome(std::string_view line)
{
    switch (line.size() % 3) {
    case 0: return directory::Challenge{std::string(line)};
    case 1: return directory::LoginFailed{static_cast<directory::LoginFailure>(line.size() % 9), {}};
    default: return directory::LoggedIn{{.id = 1, .address = "a@b.test"}, {}};
    }
}

// Does what a session would do, with outcomes that the input chooses.
bool act(Dialogue& dialogue, Step step, std::string_view line)
{
    for (int rounds = 0; rounds < 4; ++rounds) {
        check_reply(step.reply);
        switch (step.next) {
        case Next::command: return true;
        case Next::close: return false;
        case Next::log_in:
            require(!dialogue.take_credentials().password.empty());
            step = dialogue.on_sasl(outcome(line));
            break;
        case Next::begin_exchange:
        case Next::respond: step = dialogue.on_sasl(outcome(line)); break;
        case Next::open_maildrop:
            step = line.size() % 2 ? dialogue.on_maildrop(messages()) : dialogue.on_no_maildrop("[IN-USE] x");
            break;
        case Next::start_tls: step = dialogue.on_tls({"h", false, true, {"PLAIN"}}); break;
        case Next::retrieve: require(dialogue.maildrop().find(step.number) != nullptr); return true;
        case Next::remove:
            require(!dialogue.maildrop().deleted_uids().empty());
            step = dialogue.on_removed(line.size() % 2 ? Result<void>{} : fail(ErrorCode::no_space));
            break;
        }
    }
    std::abort();  // a step that never ends
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size == 0)
        return 0;
    Dialogue dialogue({"h", (data[0] & 1) != 0, (data[0] & 2) != 0, {"PLAIN"}});
    check_reply(dialogue.greet().reply);
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    for (std::string_view line : split(text, '\n')) {
        const auto command = parse_command(line);
        if (command)
            require(command->verb != Verb::pass || recordable(line) == "PASS [password]");
        if (!act(dialogue, dialogue.on_line(line), line))
            break;
    }
    check_reply(dialogue.on_fault(LineFault::bare_cr).reply);
    return 0;
}

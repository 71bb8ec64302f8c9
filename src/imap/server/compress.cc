// COMPRESS: RFC 4978. Behind the login only (HOSTILE A19).
#include "imap/server/commands.h"

namespace posthouse::imap {

std::optional<Reply> check_compress(Session& session, const Command& command)
{
    if (std::get<CompressArguments>(command.arguments).mechanism != "DEFLATE")
        return Reply::no("only DEFLATE is spoken here", "CANNOT");
    if (session.channel().wire().is_deflated())
        return Reply::no("it is compressed already", "COMPRESSIONACTIVE");
    return std::nullopt;
}

// Writes its own tagged OK: what comes behind it is compressed.
Task<Reply> compress(Session& session, Command command)
{
    // The client cannot know whether what it sends in the same breath is read compressed.
    if (!session.channel().input().empty())
        co_return Reply::goodbye("nothing may be sent between COMPRESS and its answer");
    session.out().raw(command.tag).raw(" OK DEFLATE from here on\r\n");
    const Result<void> sent = co_await session.channel().flush();
    if (!sent)
        co_return Reply::gone();
    const Result<void> started = session.channel().wire().start_deflate();
    if (!started)
        co_return Reply::goodbye("nothing may be sent between COMPRESS and its answer");
    co_return Reply::answered();
}

}  // namespace posthouse::imap

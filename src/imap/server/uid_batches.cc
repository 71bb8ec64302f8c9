// UIDBATCHES: RFC 10022. The mailbox in ranges of UIDs that hold equally many messages, the newest first.
#include "imap/server/commands.h"

#include <algorithm>

namespace posthouse::imap {

namespace {

constexpr std::uint32_t least_size = 500;
constexpr std::uint64_t most_asked = 100'000;  // messages in the batches of one command that names a range

}  // namespace

std::optional<Reply> check_uid_batches(Session&, const Command& command)
{
    const auto& batches = std::get<UidBatchesArguments>(command.arguments);
    if (batches.first > batches.last)
        return Reply::bad("UIDBATCHES: the range of batches runs backwards", "CLIENTBUG");
    if (batches.size < least_size)
        return Reply::no("a batch has at least 500 messages", "TOOFEW");
    const bool is_range = batches.last != UINT32_MAX;
    if (is_range && (std::uint64_t{batches.last} - batches.first + 1) * batches.size > most_asked)
        return Reply::no("so many batches are not told at once", "TOOMANY");
    return std::nullopt;
}

// The ranges touch one another and reach down to UID 1, so that each UID is in one of them.
Task<Reply> uid_batches(Session& session, Command command)
{
    const auto& batches = std::get<UidBatchesArguments>(command.arguments);
    // Section 3.1: who asks again without need is not to be served for ever.
    if (!session.view().uid_batches.take(session.services().clock.steady()))
        co_return Reply::no("the batches have been asked for so often that it is too much; come back later", "LIMIT");
    const mailbox::Snapshot& numbering = *session.view().numbering;
    Serializer& out = session.out();
    out.raw("* UIDBATCHES (TAG ").string(command.tag).raw(")");
    std::string_view before = " ";
    const std::uint64_t count = numbering.size();
    std::uint64_t end = count - std::min(count, std::uint64_t{batches.first - 1} * batches.size);  // behind the batch
    for (std::uint64_t batch = batches.first; batch <= batches.last && end > 0; ++batch) {
        const std::uint64_t begin = end - std::min<std::uint64_t>(end, batches.size);
        const mailbox::Uid low = begin == 0 ? 1 : numbering.at(static_cast<std::uint32_t>(begin - 1)).uid + 1;
        out.raw(before).number(numbering.at(static_cast<std::uint32_t>(end - 1)).uid).raw(":").number(low);
        before = ",";
        end = begin;
    }
    out.crlf();
    co_return Reply::ok("these are the batches");
}

}  // namespace posthouse::imap

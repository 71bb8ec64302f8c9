// STORE and UID STORE: RFC 3501 section 6.4.6, RFC 7162 section 3.1.3.
#include "imap/server/commands.h"
#include "imap/server/message_limit.h"

namespace posthouse::imap {

namespace {

using mailbox::FlagBits;
using mailbox::FlagChange;
using mailbox::NumberSet;

FlagChange change_of(StoreArguments::Change change)
{
    switch (change) {
    case StoreArguments::Change::add: return FlagChange::add;
    case StoreArguments::Change::remove: return FlagChange::remove;
    case StoreArguments::Change::replace: break;
    }
    return FlagChange::replace;
}

FlagBits bits_of(const std::vector<std::string>& names, const mailbox::KeywordTable& keywords)
{
    FlagBits bits;
    for (const std::string& name : names) {
        if (const auto system = mailbox::system_flag(name))
            bits.add(*system);
        else if (const auto bit = keywords.bit_of(name))
            bits.add(*bit);
    }
    return bits;
}

FlagBits applied(FlagBits before, FlagChange change, FlagBits bits)
{
    switch (change) {
    case FlagChange::add: return before | bits;
    case FlagChange::remove: return before.without(bits);
    case FlagChange::replace: break;
    }
    return bits;
}

// The set of what was refused, in the numbers that the command spoke in.
std::string modified_code(const View& view, const NumberSet& modified, bool by_uid)
{
    if (modified.empty())
        return {};
    if (by_uid)
        return "MODIFIED " + modified.text();
    NumberSet numbers;
    for (const auto& range : modified.ranges())
        for (mailbox::Uid uid = range.first;; ++uid) {
            if (view.numbering->find(uid) != nullptr)
                numbers.add(view.numbering->position_of(uid) + 1);
            if (uid == range.last)
                break;
        }
    return "MODIFIED " + numbers.text();
}

}  // namespace

Task<Reply> store(Session& session, Command command)
{
    auto& arguments = std::get<StoreArguments>(command.arguments);
    auto positions = positions_of(session.view(), arguments.set, command.by_uid);
    if (!positions)
        co_return Reply::bad("STORE: there is no message of this number");
    for (const std::string& name : arguments.flags)
        if (name.starts_with('\\') && !mailbox::system_flag(name))
            co_return Reply::bad("STORE: there is no flag " + name);
    if (arguments.unchanged_since)
        session.enable_condstore();
    const Portion portion = allowed(session, *std::move(positions));
    const NumberSet uids = uids_at(*session.view().numbering, portion.positions);
    if (uids.empty())
        co_return Reply::ok("there was nothing to change");

    const FlagChange change = change_of(arguments.change);
    const Result<mailbox::FlagsStored> stored = co_await session.view().account->store_flags(
        session.view().mailbox,
        {.uids = uids, .change = change, .flags = arguments.flags, .unchanged_since = arguments.unchanged_since});
    if (!stored)
        co_return refusal(stored.error());

    // What was refused is not the client's own change: it hears of it as of anybody's.
    NumberSet own;
    for (const auto& range : uids.ranges())
        if (stored->modified.empty())
            own.add(range);
        else
            for (mailbox::Uid uid = range.first; uid <= range.last; ++uid)
                if (!stored->modified.contains(uid))
                    own.add(uid);
    const FlagBits bits = bits_of(arguments.flags, *stored->snapshot->keywords);
    UpdateOptions options{.expunges = Expunges::held_back, .with_uid = command.by_uid};
    // RFC 7162 section 3.1.3: behind UNCHANGEDSINCE the mod-sequences are told even with .SILENT.
    (arguments.silent && !arguments.unchanged_since ? options.silent : options.echo) = &own;
    options.expected = [change, bits](FlagBits before) { return applied(before, change, bits); };
    session.tell(stored->snapshot, options);
    const Result<void> sent = co_await session.channel().flush_if_full();
    if (!sent)
        co_return Reply::gone();
    co_return limited(session, Reply::ok("stored", modified_code(session.view(), stored->modified, command.by_uid)),
                      portion);
}

}  // namespace posthouse::imap

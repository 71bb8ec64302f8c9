// GETMETADATA and SETMETADATA: RFC 5464. The empty name speaks of the server: here, of the account.
#include "imap/server/metadata.h"

#include "imap/server/commands.h"
#include "imap/server/mailbox_arguments.h"

#include <algorithm>

namespace posthouse::imap {

namespace {

using mailbox::MetadataEntry;

struct Target {
    mailbox::AccountPtr account;
    mailbox::MailboxId mailbox = 0;  // 0: the account's own
    std::string name;
};
Task<Result<Target>> target_of(Session& session, std::string name)
{
    if (name.empty())
        co_return Target{session.account_handle(), 0, {}};
    const Result<Found> found = co_await find_mailbox(session, std::move(name));
    if (!found)
        co_return fail(found.error());
    co_return Target{found->account, found->mailbox.id, found->name};
}

// Section 4.2.2: DEPTH 1 is the entry and its children, infinity all below it.
bool is_asked(std::string_view name, std::string_view asked, std::uint32_t depth)
{
    if (name == asked)
        return true;
    if (depth == 0 || !name.starts_with(asked) || name[asked.size()] != '/')
        return false;
    return depth == GetMetadataArguments::most_depth || name.find('/', asked.size() + 1) == std::string_view::npos;
}

Reply metadata_refusal(const Error& error)
{
    switch (error.code) {
    case ErrorCode::too_large:
        return Reply::no("the value is larger than is taken here",
                         "METADATA MAXSIZE " + std::to_string(mailbox::largest_metadata));
    case ErrorCode::limit: return Reply::no("so many entries are not kept", "METADATA TOOMANY");
    default: return refusal(error);
    }
}

}  // namespace

void write_metadata_value(Serializer& out, const std::string& value)
{
    if (value.find('\0') == std::string::npos)
        out.string(value);
    else
        out.literal8(value);
}

namespace {

void write_metadata(Serializer& out, std::string_view mailbox, std::span<const mailbox::MetadataChange> entries)
{
    if (entries.empty())
        return;
    out.raw("* METADATA ").mailbox(mailbox).raw(" (");
    for (std::size_t i = 0; i < entries.size(); ++i) {
        out.raw(i == 0 ? "" : " ").astring(entries[i].name).raw(" ");
        if (entries[i].value)
            write_metadata_value(out, *entries[i].value);
        else
            out.nil();
    }
    out.raw(")\r\n");
}

}  // namespace

Task<Reply> get_metadata(Session& session, Command command)
{
    auto& arguments = std::get<GetMetadataArguments>(command.arguments);
    const Result<Target> target = co_await target_of(session, arguments.mailbox);
    if (!target)
        co_return refusal(target.error());
    Result<std::vector<MetadataEntry>> all = co_await target->account->metadata(target->mailbox);
    if (!all)
        co_return metadata_refusal(all.error());
    std::vector<mailbox::MetadataChange> told;
    // As other servers do: who asks for an entry hears that there is none.
    if (arguments.depth == 0)
        for (const std::string& asked : arguments.entries)
            if (std::ranges::find(*all, asked, &MetadataEntry::name) == all->end())
                told.push_back({asked, std::nullopt});
    std::size_t longest_left_out = 0;
    for (MetadataEntry& entry : *all) {
        const auto asks = [&](const std::string& asked) { return is_asked(entry.name, asked, arguments.depth); };
        if (std::ranges::none_of(arguments.entries, asks))
            continue;
        if (arguments.most_size && entry.value.size() > *arguments.most_size)
            longest_left_out = std::max(longest_left_out, entry.value.size());
        else
            told.push_back({std::move(entry.name), std::move(entry.value)});
    }
    write_metadata(session.out(), target->name, told);
    co_return Reply::ok("that is what is noted",
                        longest_left_out > 0 ? "METADATA LONGENTRIES " + std::to_string(longest_left_out) : "");
}

Task<Reply> set_metadata(Session& session, Command command)
{
    auto& arguments = std::get<SetMetadataArguments>(command.arguments);
    const Result<Target> target = co_await target_of(session, arguments.mailbox);
    if (!target)
        co_return refusal(target.error());
    std::vector<mailbox::MetadataChange> changes;
    std::vector<News::Change> news;
    for (auto& [name, value] : arguments.entries) {
        news.push_back({.owner = target->account->id(),
                        .mailbox = target->mailbox,
                        .account = session.account().id(),
                        .session = session.id(),
                        .name = to_lower(name)});
        changes.push_back({std::move(name), std::move(value)});
    }
    const Result<void> set = co_await target->account->set_metadata(target->mailbox, std::move(changes));
    if (!set)
        co_return metadata_refusal(set.error());
    session.news().tell(std::move(news));
    co_return Reply::ok("noted");
}

}  // namespace posthouse::imap

// move, delete, flag: what changes messages that are there.
#include "base/terminal.h"
#include "base/text.h"
#include "mua/commands.h"
#include "mua/mailbox_view.h"
#include "mua/pop3_box.h"

#include <array>
#include <cstdio>

#include <fmt/format.h>

namespace posthouse::mua {

namespace {

constexpr std::array<std::string_view, 4> trash_names{"Trash", "Deleted Items", "Deleted Messages", "INBOX.Trash"};

// The connection with all that is named, found and still there.
struct Opened {
    std::unique_ptr<imap::Client> client;
    std::vector<Group> groups;
    std::size_t count = 0;
};

Task<Result<Opened>> open(Desk& desk, std::vector<std::string> words)
{
    desk.follow_listing(words);
    const Result<Identity> identity = desk.whose(Protocol::imap);
    if (!identity)
        co_return fail(identity.error());
    Result<std::unique_ptr<imap::Client>> client = co_await desk.open_imap(*identity);
    if (!client)
        co_return fail(client.error());
    Result<std::vector<Group>> groups = co_await locate(**client, desk.account_of(*identity), std::move(words));
    if (!groups)
        co_return fail(groups.error());
    // All are looked for before any is touched: a command is not done by half because of one that is gone.
    Opened opened;
    for (const Group& group : *groups) {
        const Result<void> there = co_await open_group(**client, group, imap::Access::read_only);
        if (!there)
            co_return fail(there.error());
        opened.count += group.uids.size();
    }
    opened.client = std::move(*client);
    opened.groups = std::move(*groups);
    co_return opened;
}

void say_done(const Desk& desk, std::size_t count, const std::string& what)
{
    if (desk.choice().as_json)
        std::fputs(json_document(boost::json::object{{"changed", count}}).c_str(), stdout);
    else if (is_terminal(stdout))
        std::printf("%zu message%s %s\n", count, count == 1 ? "" : "s", printable(what, 500).c_str());
}

}  // namespace

Result<std::string> flag_named(std::string_view word)
{
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 8> names{{{"seen", "\\Seen"},
                                                                                         {"read", "\\Seen"},
                                                                                         {"answered", "\\Answered"},
                                                                                         {"flagged", "\\Flagged"},
                                                                                         {"starred", "\\Flagged"},
                                                                                         {"draft", "\\Draft"},
                                                                                         {"deleted", "\\Deleted"},
                                                                                         {"forwarded", "$Forwarded"}}};
    std::string_view bare = word;
    if (bare.starts_with('\\') || bare.starts_with('$'))
        bare.remove_prefix(1);
    for (const auto& [name, flag] : names)
        if (equals_ignoring_case(bare, name))
            return std::string(flag);
    const bool is_atom =
        !bare.empty() && word.size() <= 100 && !word.starts_with('\\') && std::ranges::all_of(word, [](char c) {
            return static_cast<unsigned char>(c) > 0x20 && static_cast<unsigned char>(c) < 0x7f &&
                std::string_view("(){%*\"\\]").find(c) == std::string_view::npos;
        });
    if (!is_atom)
        return fail(ErrorCode::malformed, fmt::format("\"{}\" is no flag", printable(word, 100)));
    return std::string(word);
}

Task<Outcome> move_messages(Desk& desk, MoveOptions options)
{
    const Result<Opened> opened = co_await open(desk, options.messages);
    if (!opened)
        co_return fail(opened.error());
    for (const Group& group : opened->groups) {
        const Result<imap::Selected> selected =
            co_await opened->client->select(group.mailbox, imap::Access::read_write);
        if (!selected)
            co_return fail(selected.error());
        const Result<void> moved = co_await opened->client->move(group.uids, options.mailbox);
        if (!moved)
            co_return fail(moved.error());
    }
    co_await opened->client->log_out();
    say_done(desk, opened->count, "moved to " + options.mailbox);
    co_return 0;
}

Task<Outcome> delete_messages(Desk& desk, DeleteOptions options)
{
    desk.follow_listing(options.messages);
    if (desk.choice().pop3)
        co_return co_await delete_by_pop3(desk, std::move(options));
    const Result<Opened> opened = co_await open(desk, options.messages);
    if (!opened)
        co_return fail(opened.error());
    imap::Client& client = *opened->client;
    const Result<std::vector<imap::ListResponse>> all = co_await client.list("", "*");
    if (!all)
        co_return fail(all.error());
    const std::optional<std::string> trash = mailbox_for(*all, "\\Trash", trash_names);
    if (!trash && !options.forever)
        co_return fail(ErrorCode::not_found, "this account has no Trash; --forever deletes at once");
    bool all_gone = true;
    for (const Group& group : opened->groups) {
        const Result<imap::Selected> selected = co_await client.select(group.mailbox, imap::Access::read_write);
        if (!selected)
            co_return fail(selected.error());
        if (options.forever || group.mailbox == trash) {
            const Result<bool> expunged = co_await client.expunge(group.uids);
            if (!expunged)
                co_return fail(expunged.error());
            all_gone = all_gone && *expunged;
        } else {
            const Result<void> moved = co_await client.move(group.uids, *trash);
            if (!moved)
                co_return fail(moved.error());
        }
    }
    co_await client.log_out();
    if (!all_gone)
        std::fprintf(stderr,
                     "posthouse: this server can only delete all that is marked, and others are marked too: "
                     "yours are marked, not gone\n");
    say_done(desk, opened->count, options.forever ? "deleted" : "moved to Trash");
    co_return 0;
}

Task<Outcome> flag_messages(Desk& desk, FlagOptions options)
{
    std::vector<std::string> add;
    std::vector<std::string> remove;
    for (const auto& [words, flags] : {std::pair(&options.add, &add), std::pair(&options.remove, &remove)})
        for (const std::string& word : *words) {
            Result<std::string> flag = flag_named(word);
            if (!flag)
                co_return fail(flag.error());
            flags->push_back(std::move(*flag));
        }
    if (add.empty() && remove.empty())
        co_return fail(ErrorCode::malformed, "which flag? --add seen, --remove flagged, --star, --unread …");
    const Result<Opened> opened = co_await open(desk, options.messages);
    if (!opened)
        co_return fail(opened.error());
    for (const Group& group : opened->groups) {
        const Result<imap::Selected> selected =
            co_await opened->client->select(group.mailbox, imap::Access::read_write);
        if (!selected)
            co_return fail(selected.error());
        for (const std::string& flag : add)
            if (!selected->may_keep(flag))
                co_return fail(ErrorCode::not_permitted,
                               fmt::format("{} does not keep the flag {}", printable(group.mailbox, 200), flag));
        Result<void> changed;
        if (!add.empty())
            changed = co_await opened->client->store(group.uids, imap::FlagChange::add, add);
        if (changed && !remove.empty())
            changed = co_await opened->client->store(group.uids, imap::FlagChange::remove, remove);
        if (!changed)
            co_return fail(changed.error());
    }
    co_await opened->client->log_out();
    say_done(desk, opened->count, "flagged");
    co_return 0;
}

}  // namespace posthouse::mua

// folders, and watch: what is there, and what comes in.
#include "base/terminal.h"
#include "base/text.h"
#include "mua/commands.h"
#include "mua/mailbox_view.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include <fmt/format.h>

namespace posthouse::mua {

namespace {

constexpr std::size_t most_folders = 10'000;
constexpr Duration idle_patience = 10min;  // RFC 2177: less than 29 minutes; NATs forget sooner
constexpr Duration poll_every = 30s;  // where the server has no IDLE
constexpr Duration first_pause = 2s;  // before connecting again
constexpr Duration longest_pause = 2min;

// RFC 8621 section 2: the roles are the special uses of RFC 6154 in lower case.
std::string role_of(const imap::ListResponse& mailbox)
{
    static constexpr std::array<std::string_view, 7> uses{"\\Drafts",  "\\Sent", "\\Junk",     "\\Trash",
                                                          "\\Archive", "\\All",  "\\Important"};
    if (equals_ignoring_case(mailbox.mailbox, "INBOX"))
        return "inbox";
    for (const std::string_view use : uses)
        if (mailbox.has(use))
            return to_lower(use.substr(1));
    return "";
}

struct Folder {
    imap::ListResponse mailbox;
    std::optional<imap::MailboxStatusResponse> status;
};

void print_folders(const Desk& desk, const Identity& identity, const std::vector<Folder>& folders)
{
    const auto count = [](const std::optional<std::uint64_t>& number) { return number ? std::to_string(*number) : ""; };
    boost::json::array rows;
    Table table({{"Mailbox", Align::left, true}, {"Role"}, {"Messages", Align::right}, {"Unread", Align::right}});
    for (const Folder& folder : folders) {
        const auto messages = folder.status ? folder.status->messages : std::nullopt;
        const auto unread = folder.status ? folder.status->unseen : std::nullopt;
        const std::string role = role_of(folder.mailbox);
        table.add({folder.mailbox.mailbox, role, count(messages), count(unread)});
        boost::json::object row{{"name", json_text(folder.mailbox.mailbox)}};
        row["role"] = role.empty() ? boost::json::value(nullptr) : json_text(role);
        row["totalEmails"] = messages ? boost::json::value(*messages) : nullptr;
        row["unreadEmails"] = unread ? boost::json::value(*unread) : nullptr;
        row["mayReadItems"] = can_be_selected(folder.mailbox);
        rows.push_back(std::move(row));
    }
    if (desk.choice().as_json)
        std::fputs(json_document({{"accountId", json_text(identity.address)}, {"list", std::move(rows)}}).c_str(),
                   stdout);
    else
        table.print(stdout);
}

void print_arrival(const Desk& desk, const Summary& summary)
{
    if (desk.choice().as_json) {
        std::fputs(json_document(email_object(summary)).c_str(), stdout);
    } else {
        const WallTime when = summary.when().value_or(desk.clock().now());
        const std::string date = is_terminal(stdout) ? local_date(when) : rfc3339_date(when);
        std::printf("%s\t%s\t%s\t%s\n", printable(summary.id(), 500).c_str(), date.c_str(),
                    printable(people(summary.envelope.from), 200).c_str(),
                    printable(subject_of(summary.envelope), 500).c_str());
    }
    std::fflush(stdout);
}

// What the watch has told already, over all its connections.
struct Told {
    std::uint32_t uid_validity = 0;
    std::uint32_t highest = 0;  // UID
    std::size_t count = 0;
    bool has_begun = false;
};

Task<Result<void>> tell_new(Desk& desk, imap::Client& client, Told& told)
{
    const Result<std::vector<std::uint32_t>> found =
        co_await client.search({{fmt::format("UID {}:*", told.highest + 1), {}}});
    if (!found)
        co_return fail(found.error());
    std::vector<std::uint32_t> fresh;
    for (const std::uint32_t uid : *found)
        if (uid > told.highest)  // RFC 3501: "*" alone always matches the last one
            fresh.push_back(uid);
    const Result<std::vector<Summary>> list = co_await summaries(client, std::move(fresh));
    if (!list)
        co_return fail(list.error());
    for (const Summary& summary : *list) {
        print_arrival(desk, summary);
        told.highest = std::max(told.highest, summary.place.uid);
        ++told.count;
    }
    co_return Result<void>{};
}

Task<Result<void>> await_news(imap::Client& client)
{
    if (!client.has("IDLE")) {
        co_await sleep_for(poll_every);
        co_return co_await client.noop();
    }
    Result<void> step = co_await client.begin_idle();
    if (!step)
        co_return step;
    const Result<bool> changed = co_await client.await_change(idle_patience);
    if (!changed)
        co_return fail(changed.error());
    co_return co_await client.end_idle();
}

// One connection, until it breaks or enough has come.
Task<Result<void>> watch_once(Desk& desk, Identity identity, WatchOptions options, Told& told)
{
    const Result<std::unique_ptr<imap::Client>> client = co_await desk.open_imap(identity);
    if (!client)
        co_return fail(client.error());
    const Result<imap::Selected> selected = co_await (*client)->select(options.mailbox, imap::Access::read_only);
    if (!selected)
        co_return fail(selected.error());
    if (!told.has_begun || told.uid_validity != selected->uid_validity) {
        told.uid_validity = selected->uid_validity;
        const Result<std::vector<std::uint32_t>> there = co_await (*client)->search({});
        if (!there)
            co_return fail(there.error());
        told.highest = there->empty() ? 0 : there->back();
        if (!told.has_begun && is_terminal(stderr))
            std::fprintf(stderr, "Watching %s of %s; Ctrl-C ends it.\n", printable(options.mailbox, 200).c_str(),
                         printable(desk.account_of(identity), 200).c_str());
        told.has_begun = true;
    }
    for (;;) {
        const Result<void> news = co_await tell_new(desk, **client, told);
        if (!news)
            co_return news;
        if (options.most != 0 && told.count >= options.most) {
            co_await (*client)->log_out();
            co_return Result<void>{};
        }
        const Result<void> awaited = co_await await_news(**client);
        if (!awaited)
            co_return awaited;
    }
}

bool may_pass(const Error& error)
{
    return error == ErrorCode::closed || error == ErrorCode::timeout || error == ErrorCode::unavailable ||
        error == ErrorCode::io;
}

}  // namespace

Task<Outcome> list_folders(Desk& desk)
{
    const Result<Identity> identity = desk.whose(Protocol::imap);
    if (!identity)
        co_return fail(identity.error());
    const Result<std::unique_ptr<imap::Client>> client = co_await desk.open_imap(*identity);
    if (!client)
        co_return fail(client.error());
    Result<std::vector<imap::ListResponse>> all = co_await (*client)->list("", "*");
    if (!all)
        co_return fail(all.error());
    std::ranges::sort(*all, {}, [](const imap::ListResponse& mailbox) {
        return std::pair(!equals_ignoring_case(mailbox.mailbox, "INBOX"), mailbox.mailbox);
    });
    std::vector<Folder> folders;
    for (imap::ListResponse& mailbox : *all) {
        if (folders.size() >= most_folders)
            break;
        Folder folder{std::move(mailbox), {}};
        if (can_be_selected(folder.mailbox)) {
            Result<imap::MailboxStatusResponse> status = co_await (*client)->status(folder.mailbox.mailbox);
            if (status)
                folder.status = std::move(*status);
            else if (status.error() != ErrorCode::not_found && status.error() != ErrorCode::not_permitted &&
                     (*client)->wire().is_broken())
                co_return fail(status.error());
        }
        folders.push_back(std::move(folder));
    }
    co_await (*client)->log_out();
    print_folders(desk, *identity, folders);
    co_return 0;
}

Task<Outcome> watch_mailbox(Desk& desk, WatchOptions options)
{
    const Result<Identity> identity = desk.whose(Protocol::imap);
    if (!identity)
        co_return fail(identity.error());
    Told told;
    Duration pause = first_pause;
    for (;;) {
        const std::size_t before = told.count;
        const Result<void> watched = co_await watch_once(desk, *identity, options, told);
        if (watched)
            co_return 0;
        if (!told.has_begun || !may_pass(watched.error()))
            co_return fail(watched.error());
        if (told.count != before)
            pause = first_pause;
        std::fprintf(stderr, "posthouse: %s; trying again\n", printable(watched.error().text, 500).c_str());
        co_await sleep_for(pause);
        pause = std::min(2 * pause, longest_pause);
    }
}

}  // namespace posthouse::mua

// inbox and search, over IMAP.
#include "base/terminal.h"
#include "base/text.h"
#include "mua/commands.h"
#include "mua/mailbox_view.h"
#include "mua/pop3_box.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>

#include <fmt/format.h>

namespace posthouse::mua {

namespace {

// "2026-11-22" as IMAP writes it: "22-Nov-2026".
std::optional<std::string> imap_date(std::string_view text)
{
    static constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                             "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const std::vector<std::string_view> parts = split(text, '-');
    if (parts.size() != 3 || parts[0].size() != 4)
        return std::nullopt;
    const auto year = parse_number<int>(parts[0]);
    const auto month = parse_number<unsigned>(parts[1]);
    const auto day = parse_number<unsigned>(parts[2]);
    if (!year || !month || !day)
        return std::nullopt;
    const std::chrono::year_month_day whole{std::chrono::year(*year), std::chrono::month(*month),
                                            std::chrono::day(*day)};
    if (!whole.ok())
        return std::nullopt;
    return fmt::format("{}-{}-{:04}", *day, months[*month - 1], *year);
}

// The newest of the selected mailbox that match, newest first. UIDs rise in the order of arrival.
Task<Result<std::vector<Summary>>> newest(imap::Client& client, std::vector<imap::SearchTerm> terms, std::size_t most,
                                          std::size_t& found)
{
    Result<std::vector<std::uint32_t>> uids = co_await client.search(std::move(terms));
    if (!uids)
        co_return fail(uids.error());
    found += uids->size();
    if (uids->size() > most)
        uids->erase(uids->begin(), uids->end() - static_cast<std::ptrdiff_t>(most));
    Result<std::vector<Summary>> list = co_await summaries(client, std::move(*uids));
    if (list)
        std::ranges::reverse(*list);
    co_return list;
}

Task<Result<std::vector<std::string>>> all_mailboxes(imap::Client& client)
{
    const Result<std::vector<imap::ListResponse>> all = co_await client.list("", "*");
    if (!all)
        co_return fail(all.error());
    std::vector<std::string> names;
    for (const imap::ListResponse& mailbox : *all)
        if (can_be_selected(mailbox))
            names.push_back(mailbox.mailbox);
    co_return names;
}

}  // namespace

Result<std::vector<imap::SearchTerm>> search_terms(const ListOptions& options)
{
    std::vector<imap::SearchTerm> terms;
    const auto texts = [&](std::string_view key, const std::vector<std::string>& words) {
        for (const std::string& word : words)
            terms.push_back({std::string(key), word});
    };
    texts("TEXT", options.words);
    texts("FROM", options.from);
    texts("TO", options.to);
    texts("SUBJECT", options.subject);
    texts("BODY", options.body);
    for (const auto& [key, text] : {std::pair("SINCE", &options.since), std::pair("BEFORE", &options.before)}) {
        if (text->empty())
            continue;
        const std::optional<std::string> date = imap_date(*text);
        if (!date)
            return fail(ErrorCode::malformed,
                        fmt::format("\"{}\" is no date such as 2026-11-22", printable(*text, 100)));
        terms.push_back({fmt::format("{} {}", key, *date), {}});
    }
    if (options.unread)
        terms.push_back({"UNSEEN", {}});
    if (options.flagged)
        terms.push_back({"FLAGGED", {}});
    for (const imap::SearchTerm& term : terms)
        if (term.text &&
            (!is_valid_utf8(*term.text) ||
             term.text->find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos))
            return fail(ErrorCode::malformed, "what is searched for is not UTF-8 of one line");
    return terms;
}

Task<Outcome> list_messages(Desk& desk, ListOptions options)
{
    if (desk.choice().pop3)
        co_return co_await list_by_pop3(desk, std::move(options));
    const Result<std::vector<imap::SearchTerm>> terms = search_terms(options);
    if (!terms)
        co_return fail(terms.error());
    const Result<Identity> identity = desk.whose(Protocol::imap);
    if (!identity)
        co_return fail(identity.error());
    const Result<std::unique_ptr<imap::Client>> client = co_await desk.open_imap(*identity);
    if (!client)
        co_return fail(client.error());
    std::vector<std::string> mailboxes{options.mailbox};
    if (options.everywhere) {
        Result<std::vector<std::string>> all = co_await all_mailboxes(**client);
        if (!all)
            co_return fail(all.error());
        mailboxes = std::move(*all);
    }
    std::vector<Summary> list;
    std::size_t found = 0;
    for (const std::string& mailbox : mailboxes) {
        const Result<imap::Selected> selected = co_await (*client)->select(mailbox, imap::Access::read_only);
        if (!selected)
            co_return fail(selected.error());
        Result<std::vector<Summary>> some = co_await newest(**client, *terms, options.most, found);
        if (!some)
            co_return fail(some.error());
        std::ranges::move(*some, std::back_inserter(list));
    }
    co_await (*client)->log_out();
    if (options.everywhere)
        std::ranges::sort(list, std::greater(), [](const Summary& one) {
            return std::tuple(one.when().value_or(WallTime()), one.place.mailbox, one.place.uid);
        });
    if (list.size() > options.most)
        list.resize(options.most);

    Listing listing{.account = desk.account_of(*identity), .address = identity->address, .session = this_session()};
    for (const Summary& summary : list)
        listing.rows.push_back(summary.place);
    if (const Result<void> kept = keep_listing(listing_file(), listing); !kept)
        std::fprintf(stderr, "posthouse: numbers will not work: %s\n", printable(kept.error().text).c_str());
    print_list(desk, *identity, list, options, found);
    co_return 0;
}

void print_list(const Desk& desk, const Identity& identity, const std::vector<Summary>& list,
                const ListOptions& options, std::size_t found)
{
    if (desk.choice().as_json) {
        boost::json::array rows;
        for (const Summary& summary : list) {
            boost::json::object row = email_object(summary);
            row["number"] = rows.size() + 1;
            rows.push_back(std::move(row));
        }
        const boost::json::object document{
            {"accountId", json_text(identity.address)}, {"total", found}, {"list", std::move(rows)}};
        std::fputs(json_document(document).c_str(), stdout);
        return;
    }
    if (!list.empty())
        print_summaries(list, options.everywhere, identity.address);
    if (!is_terminal(stdout))
        return;
    const std::string where = options.everywhere ? "all mailboxes" : printable(options.mailbox, 200);
    if (list.empty())
        std::printf("Nothing in %s.\n", where.c_str());
    else if (found > list.size())
        std::printf("The newest %zu of %zu in %s; --most %zu shows all.\n", list.size(), found, where.c_str(), found);
}

}  // namespace posthouse::mua

#include "console/api.h"

#include "base/text.h"
#include "console/json.h"
#include "journey/peer_proof.h"

#include <fmt/format.h>

namespace posthouse::console {

namespace json = boost::json;

namespace {

constexpr std::size_t messages_a_page = 500;

Error no_such_thing(const net::HttpRequest& request)
{
    std::string path;
    for (const std::string& segment : request.path)
        path += "/" + segment;
    return {ErrorCode::not_found, fmt::format("there is no {} {}", request.method, printable(path))};
}

template <class T> json::array array_of(const std::vector<T>& items)
{
    json::array out;
    for (const T& item : items)
        out.push_back(to_json(item));
    return out;
}

std::string query_of(const net::HttpRequest& request, const std::string& name)
{
    const auto found = request.query.find(name);
    return found == request.query.end() ? std::string() : found->second;
}

Result<json::value> done(const Result<void>& result)
{
    if (!result)
        return fail(result.error());
    return json::value(json::object{});
}

}  // namespace

Task<net::HttpResponse> Api::handle(net::HttpRequest request)
{
    const bool known = request.path.size() >= 2 && request.path[0] == "v1";
    if (!known)
        co_return problem(no_such_thing(request));
    const bool wants_bytes = request.method == "GET" && request.path.size() == 5 && request.path[1] == "accounts" &&
        request.path[3] == "messages";
    if (wants_bytes) {
        Result<std::string> bytes = co_await message(request.path[2], request.path[4]);
        if (!bytes)
            co_return problem(bytes.error());
        co_return net::HttpResponse{200, "message/rfc822", std::move(*bytes)};
    }
    if (request.method != "GET")
        services_.log.write(LogLevel::info, "console", 0, "the operator's request",
                            {{"method", request.method},
                             {"on", request.path[1]},
                             {"of", request.path.size() > 2 ? request.path[2] : std::string("-")}});
    const Result<json::value> answer = co_await route(std::move(request));
    co_return answer ? document(*answer) : problem(answer.error());
}

Task<Result<json::value>> Api::route(net::HttpRequest request)
{
    const std::string room = request.path[1];
    const std::size_t depth = request.path.size();
    if (room == "domains")
        co_return co_await domains(std::move(request));
    if (room == "aliases")
        co_return co_await aliases(std::move(request));
    if (room == "accounts" && depth == 2)
        co_return co_await accounts(std::move(request));
    if (room == "accounts" && depth == 3)
        co_return co_await account(std::move(request));
    if (room == "accounts" && depth == 4 && request.path[3] == "mailboxes" && request.method == "GET")
        co_return co_await mailboxes(request.path[2]);
    if (room == "accounts" && depth >= 4 && request.path[3] == "journeys" && request.method == "GET")
        co_return co_await journeys_of_account(std::move(request));
    if (room == "accounts" && depth == 4 && request.path[3] == "messages")
        co_return request.method == "POST" ? co_await import_message(std::move(request))
                                           : co_await messages(std::move(request));
    if (room == "accounts" && depth == 4 && request.method == "POST")
        co_return co_await change_account(std::move(request));
    if (room == "journeys" && request.method == "GET" && depth <= 3) {
        if (depth == 2)
            co_return co_await journeys(std::move(request), 0);
        co_return request.path[2] == "live"
            ? co_await live_journeys(std::move(request))
            : co_await journey(request.path[2], 0,
                               query_of(request, "follow") == "true" ? journey::deepest_following : 0);
    }
    if (room == "trace-peer" && depth == 2 && request.method == "POST")
        co_return co_await answer_peer(std::move(request));
    if (room == "sessions" && depth == 3 && request.path[2] == "live" &&
        (request.method == "GET" || request.method == "DELETE"))
        co_return co_await live_sessions(std::move(request));
    if (room == "sessions" && depth == 3 && request.method == "GET")
        co_return co_await session(request.path[2]);
    if (room == "routes")
        co_return co_await routes(std::move(request));
    if (room == "explain" && depth == 2 && request.method == "POST")
        co_return co_await explain(std::move(request));
    if (room == "queue")
        co_return co_await queue(std::move(request));
    if (room == "status" && depth == 2 && request.method == "GET")
        co_return co_await services_.upkeep.status();
    if (room == "check" && depth == 2 && request.method == "POST")
        co_return co_await check(std::move(request));
    if (room == "backup" && depth == 2 && request.method == "POST") {
        const Result<json::object> body = body_object(request);
        if (!body)
            co_return fail(body.error());
        const Result<std::string> folder = text_of(*body, "folder");
        if (!folder)
            co_return fail(folder.error());
        co_return co_await services_.upkeep.backup(*folder);
    }
    co_return fail(no_such_thing(request));
}

Task<Result<json::value>> Api::domains(net::HttpRequest request)
{
    const std::size_t depth = request.path.size();
    if (request.method == "GET" && depth == 2) {
        const Result<std::vector<directory::Domain>> all = co_await services_.directory.domains();
        if (!all)
            co_return fail(all.error());
        co_return json::object{{"domains", array_of(*all)}};
    }
    if (request.method == "DELETE" && depth == 3)
        co_return done(co_await services_.directory.remove_domain(request.path[2]));
    const Result<json::object> body = body_object(request);
    if (!body)
        co_return fail(body.error());
    if (request.method == "POST" && depth == 2) {
        const Result<std::string> name = text_of(*body, "name");
        if (!name)
            co_return fail(name.error());
        co_return done(co_await services_.directory.add_domain(*name));
    }
    if (request.method == "POST" && depth == 4 && request.path[3] == "catch-all")
        co_return done(co_await services_.directory.set_catch_all(request.path[2], text_of(*body, "address", "")));
    co_return fail(no_such_thing(request));
}

Task<Result<json::value>> Api::accounts(net::HttpRequest request)
{
    if (request.method == "GET") {
        const Result<std::vector<directory::Account>> all =
            co_await services_.directory.accounts(query_of(request, "domain"));
        if (!all)
            co_return fail(all.error());
        co_return json::object{{"accounts", array_of(*all)}};
    }
    if (request.method != "POST")
        co_return fail(no_such_thing(request));
    const Result<json::object> body = body_object(request);
    if (!body)
        co_return fail(body.error());
    const Result<std::string> address = text_of(*body, "address");
    const Result<std::string> password = text_of(*body, "password");
    if (!address || !password)
        co_return fail(address ? password.error() : address.error());
    Result<directory::Account> added =
        co_await services_.directory.add_account(*address, *password, text_of(*body, "name", ""));
    if (!added)
        co_return fail(added.error());
    if (body->contains("quota")) {
        const Result<std::uint64_t> bytes = number_of(*body, "quota");
        if (!bytes)
            co_return fail(bytes.error());
        const Result<void> set = co_await services_.directory.set_quota(added->address, *bytes);
        if (!set)
            co_return fail(set.error());
        added->quota_bytes = *bytes;
    }
    const Result<void> founded = co_await services_.mailboxes.found(added->id);
    if (!founded)
        co_return fail(founded.error());
    co_return to_json(*added);
}

Task<Result<json::value>> Api::account(net::HttpRequest request)
{
    const Result<directory::Account> found = co_await services_.directory.account_by_address(request.path[2]);
    if (!found)
        co_return fail(found.error());
    if (request.method == "DELETE") {
        const Result<void> removed = co_await services_.directory.remove_account(found->address);
        if (!removed)
            co_return fail(removed.error());
        co_return done(co_await services_.mailboxes.erase_account(found->id));
    }
    if (request.method != "GET")
        co_return fail(no_such_thing(request));
    json::object answer = to_json(*found);
    Result<mailbox::AccountPtr> opened = co_await services_.mailboxes.open_for_delivery(found->id);
    if (!opened)
        co_return fail(opened.error());
    const Result<mailbox::Usage> usage = co_await (*opened)->usage();
    if (!usage)
        co_return fail(usage.error());
    const Result<directory::Outgoing::Use> outgoing = co_await services_.outgoing.use(found->id);
    if (!outgoing)
        co_return fail(outgoing.error());
    answer["outgoingThisHour"] = outgoing->used;
    answer["used"] = usage->bytes;
    answer["emails"] = usage->messages;
    co_return answer;
}

Task<Result<json::value>> Api::change_account(net::HttpRequest request)
{
    const std::string address = request.path[2];
    const std::string what = request.path[3];
    const Result<json::object> body = body_object(request);
    if (!body)
        co_return fail(body.error());
    if (what == "password") {
        const Result<std::string> password = text_of(*body, "password");
        co_return password ? done(co_await services_.directory.set_password(address, *password))
                           : fail(password.error());
    }
    if (what == "quota") {
        const Result<std::uint64_t> bytes = number_of(*body, "bytes");
        co_return bytes ? done(co_await services_.directory.set_quota(address, *bytes)) : fail(bytes.error());
    }
    if (what == "disabled") {
        const Result<bool> disabled = flag_of(*body, "disabled");
        co_return disabled ? done(co_await services_.directory.set_disabled(address, *disabled))
                           : fail(disabled.error());
    }
    if (what == "outgoing") {
        const Result<std::uint64_t> per_hour = number_of(*body, "perHour");
        if (!per_hour)
            co_return fail(per_hour.error());
        const std::uint64_t most = std::min<std::uint64_t>(*per_hour, directory::unlimited_outgoing);
        co_return done(co_await services_.directory.set_outgoing(address, static_cast<std::uint32_t>(most)));
    }
    if (what == "undo") {
        const Result<std::uint64_t> seconds = number_of(*body, "seconds");
        if (!seconds)
            co_return fail(seconds.error());
        const std::uint64_t most = std::min<std::uint64_t>(*seconds, directory::longest_undo + 1);  // refused there
        co_return done(co_await services_.directory.set_undo(address, static_cast<std::uint32_t>(most)));
    }
    if (what == "index")
        co_return co_await index_account(address, flag_of(*body, "anew").value_or(false));
    co_return fail(no_such_thing(request));
}

Task<Result<json::value>> Api::index_account(std::string address, bool anew)
{
    const Result<directory::Account> account = co_await services_.directory.account_by_address(address);
    if (!account)
        co_return fail(account.error());
    const Result<mailbox::Mailboxes::Indexed> state = co_await services_.mailboxes.index_some(account->id, anew);
    if (!state)
        co_return fail(state.error());
    co_return json::object{{"indexed", state->indexed}, {"all", state->all}};
}

Task<Result<json::value>> Api::aliases(net::HttpRequest request)
{
    const std::size_t depth = request.path.size();
    if (request.method == "GET" && depth == 2) {
        const Result<std::vector<directory::Alias>> all =
            co_await services_.directory.aliases(query_of(request, "domain"));
        if (!all)
            co_return fail(all.error());
        co_return json::object{{"aliases", array_of(*all)}};
    }
    if (depth != 3)
        co_return fail(no_such_thing(request));
    if (request.method == "DELETE")
        co_return done(co_await services_.directory.remove_alias(request.path[2]));
    const Result<json::object> body = body_object(request);
    if (!body)
        co_return fail(body.error());
    directory::Alias alias{request.path[2], {}};
    const json::value* targets = body->if_contains("targets");
    if (request.method != "PUT" || targets == nullptr || !targets->is_array())
        co_return fail(ErrorCode::malformed, "\"targets\" must be a list of addresses");
    for (const json::value& target : targets->as_array()) {
        if (!target.is_string())
            co_return fail(ErrorCode::malformed, "\"targets\" must be a list of addresses");
        alias.targets.emplace_back(target.as_string());
    }
    co_return done(co_await services_.directory.set_alias(std::move(alias)));
}

Task<Result<mailbox::AccountPtr>> Api::open(std::string address)
{
    const Result<directory::Account> found = co_await services_.directory.account_by_address(address);
    if (!found)
        co_return fail(found.error());
    co_return co_await services_.mailboxes.open_for_delivery(found->id);
}

Task<Result<json::value>> Api::mailboxes(std::string address)
{
    Result<mailbox::AccountPtr> account = co_await open(std::move(address));
    if (!account)
        co_return fail(account.error());
    const Result<mailbox::MailboxTreePtr> tree = co_await (*account)->tree();
    if (!tree)
        co_return fail(tree.error());
    co_return json::object{{"mailboxes", array_of((*tree)->mailboxes)}};
}

Task<Result<json::value>> Api::messages(net::HttpRequest request)
{
    Result<mailbox::AccountPtr> account = co_await open(request.path[2]);
    if (!account)
        co_return fail(account.error());
    const Result<mailbox::MailboxTreePtr> tree = co_await (*account)->tree();
    if (!tree)
        co_return fail(tree.error());
    const mailbox::Mailbox* mailbox = (*tree)->find(std::string_view(query_of(request, "mailbox")));
    const std::optional<mailbox::Uid> after =
        parse_number<mailbox::Uid>(request.query.contains("after") ? query_of(request, "after") : "0");
    if (mailbox == nullptr)
        co_return fail(ErrorCode::not_found, "no such mailbox");
    if (!after)
        co_return fail(ErrorCode::malformed, "\"after\" must be a UID");
    const Result<mailbox::SnapshotPtr> snapshot = co_await (*account)->snapshot(mailbox->id);
    if (!snapshot)
        co_return fail(snapshot.error());
    json::array rows;
    for (std::uint32_t at = (*snapshot)->position_of(*after + 1);
         at < (*snapshot)->size() && rows.size() < messages_a_page; ++at) {
        const mailbox::Entry& entry = (*snapshot)->at(at);
        const std::vector<std::string> flags = mailbox::flag_names(entry.flags, *(*snapshot)->keywords);
        rows.push_back(json::object{{"uid", entry.uid},
                                    {"id", id_text(entry.email)},
                                    {"size", entry.size},
                                    {"receivedAt", entry.internal_date.time_since_epoch().count()},
                                    {"flags", json::array(flags.begin(), flags.end())}});
    }
    co_return json::object{{"messages", std::move(rows)}};
}

Task<Result<std::string>> Api::message(std::string address, std::string id)
{
    Result<mailbox::AccountPtr> account = co_await open(std::move(address));
    if (!account)
        co_return fail(account.error());
    const std::optional<Id> email_id = parse_id(id);
    if (!email_id)
        co_return fail(ErrorCode::malformed, "not a message's id");
    Result<mailbox::Email> email = co_await (*account)->email(*email_id);
    if (!email)
        co_return fail(email.error());
    co_return co_await (*account)->read_all(std::move(*email));
}

Task<Result<json::value>> Api::import_message(net::HttpRequest request)
{
    Result<mailbox::AccountPtr> account = co_await open(request.path[2]);
    if (!account)
        co_return fail(account.error());
    const std::string mailbox_name = query_of(request, "mailbox");
    const Result<mailbox::MailboxTreePtr> tree = co_await (*account)->tree();
    if (!tree)
        co_return fail(tree.error());
    const mailbox::Mailbox* mailbox = (*tree)->find(std::string_view(mailbox_name));
    mailbox::MailboxId into = mailbox == nullptr ? 0 : mailbox->id;
    if (into == 0) {
        const Result<mailbox::MailboxId> created = co_await (*account)->create(mailbox_name, mailbox::SpecialUse::none);
        if (!created)
            co_return fail(created.error());
        into = *created;
    }
    const std::optional<std::int64_t> date = parse_number<std::int64_t>(query_of(request, "date"));
    const std::unique_ptr<mailbox::ContentWriter> writer = services_.mailboxes.writer();
    const Result<void> appended = co_await writer->append(std::move(request.body));
    if (!appended)
        co_return fail(appended.error());
    Result<mailbox::ContentWriter::Finished> finished = co_await writer->finish();
    if (!finished)
        co_return fail(finished.error());
    mailbox::Filing filing;
    filing.content = std::move(finished->content);
    filing.digest = std::move(finished->digest);
    filing.internal_date = date ? WallTime{Duration{*date}} : services_.clock.now();
    mailbox::Placement placement;
    placement.mailbox = into;
    const std::string flags = query_of(request, "flags");
    for (const std::string_view flag : split(flags, ','))
        if (!flag.empty())
            placement.flags.emplace_back(flag);
    filing.placements.push_back(std::move(placement));
    const Result<mailbox::Filed> filed = co_await (*account)->file(std::move(filing));
    if (!filed)
        co_return fail(filed.error());
    co_return json::object{{"id", id_text(filed->email)}, {"uid", filed->places.front().uid}};
}

// Reads the rows of every account and proves that they agree; with verify also every byte of mail
// and of the store's files. What is queued is listed: it is accepted and not yet delivered.
Task<Result<json::value>> Api::check(net::HttpRequest request)
{
    const Result<json::object> body = body_object(request);
    if (!body)
        co_return fail(body.error());
    const bool verify = flag_of(*body, "verify").value_or(false);
    const mailbox::AuditDepth depth = verify ? mailbox::AuditDepth::contents : mailbox::AuditDepth::rows;
    const Result<std::vector<directory::Account>> accounts = co_await services_.directory.accounts("");
    if (!accounts)
        co_return fail(accounts.error());
    mailbox::AuditReport all;
    json::array faults;
    for (const directory::Account& account : *accounts) {
        const Result<mailbox::AuditReport> report = co_await services_.mailboxes.audit(account.id, depth);
        if (!report) {
            ++all.faults;
            faults.push_back(json::string(fmt::format("{}: {}", account.address, report.error().text)));
            continue;
        }
        all.mailboxes += report->mailboxes;
        all.messages += report->messages;
        all.emails += report->emails;
        all.bytes += report->bytes;
        all.faults += report->faults;
        for (const std::string& text : report->texts)
            faults.push_back(json::string(fmt::format("{}: {}", account.address, text)));
    }
    Result<json::object> queue = co_await services_.upkeep.audit_queue();
    if (!queue)
        co_return fail(queue.error());
    for (const json::value& text : queue->at("faults").as_array()) {
        ++all.faults;
        faults.push_back(text);
    }
    json::object answer{{"accounts", accounts->size()}, {"mailboxes", all.mailboxes},  {"messages", all.messages},
                        {"emails", all.emails},         {"bytesRead", all.bytes},      {"faults", all.faults},
                        {"texts", std::move(faults)},   {"queued", (*queue)["queued"]}};
    if (verify) {
        Result<json::object> store = co_await services_.upkeep.verify();
        if (!store)
            co_return fail(store.error());
        answer["faults"] = all.faults + store->at("faults").to_number<std::uint64_t>();
        for (const json::value& text : store->at("texts").as_array())
            answer["texts"].as_array().push_back(text);
        answer["store"] = std::move(*store);
    }
    co_return answer;
}

}  // namespace posthouse::console

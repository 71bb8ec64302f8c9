#include "mta/route/explain.h"

#include "base/text.h"
#include "smtp/path_grammar.h"

#include <fmt/format.h>

namespace posthouse::mta::route {

namespace {

Result<smtp::Path> path_of(const std::string& text)
{
    if (text.empty() || text == "<>")
        return smtp::Path{};
    Cursor in(text);
    smtp::Production<smtp::Path> path = text.starts_with('<') ? smtp::forward_path(in) : smtp::mailbox(in);
    if (!path)
        return fail(ErrorCode::malformed, fmt::format("\"{}\" is no address: {}", printable(text), path.error()));
    if (!in.at_end())
        return fail(ErrorCode::malformed, fmt::format("\"{}\" is no address: something follows it", printable(text)));
    return std::move(*path);
}

class Explainer {
public:
    explicit Explainer(ExplainServices services) : services_(services) { }

    Task<Result<Explanation>> run(std::string from, std::vector<std::string> to);

private:
    Task<Result<void>> choose_door(smtp::Path from);
    Task<Result<void>> explain_recipient(smtp::Agent& agent, smtp::Path path);
    Task<void> add_route(ExplainedRecipient& recipient, smtp::Path path);

    ExplainServices services_;
    smtp::SessionFacts facts_;
    smtp::Door* door_ = nullptr;
    Explanation out_;
};

// Our people submit; everybody else comes to port 25, where nothing is relayed.
Task<Result<void>> Explainer::choose_door(smtp::Path from)
{
    door_ = &services_.receive;
    out_.why_door =
        from.is_null() ? "notices have no sender" : fmt::format("{} is not one of our domains", from.domain);
    if (!from.is_null()) {
        const Result<directory::Recipient> sender = co_await services_.directory.resolve(from.local_part, from.domain);
        if (!sender)
            co_return fail(sender.error());
        if (sender->kind != directory::RecipientKind::not_ours && sender->targets.empty())
            out_.why_door = fmt::format("{} is nobody's address here, so nobody can log in to send as it", from.text());
        if (!sender->targets.empty()) {
            facts_.account = sender->targets.front().account;
            facts_.login = sender->targets.front().address;
            door_ = &services_.submission;
            out_.why_door = fmt::format("{} lives here and logs in", facts_.login);
        }
    }
    out_.door = door_->room();
    out_.login = facts_.login;
    co_return Result<void>{};
}

Task<void> Explainer::add_route(ExplainedRecipient& recipient, smtp::Path path)
{
    ExplainedRoute explained;
    explained.address = path.text();
    explained.route = co_await services_.router.route(path.domain, 0);
    if (services_.plans != nullptr)
        explained.retry = services_.plans->plan_for(explained.route.domain);
    recipient.remote.push_back(std::move(explained));
}

Task<Result<void>> Explainer::explain_recipient(smtp::Agent& agent, smtp::Path path)
{
    smtp::RecipientVerdict verdict = co_await agent.recipient({.path = std::move(path)}, 0);
    const smtp::Path asked = verdict.recipient.path;  // <postmaster> has its domain now
    ExplainedRecipient recipient;
    recipient.address = asked.text();
    recipient.reply = std::move(verdict.reply);
    if (recipient.reply.is_success()) {
        Result<directory::Recipient> found = co_await services_.directory.resolve(asked.local_part, asked.domain);
        if (!found)
            co_return fail(found.error());
        recipient.local = std::move(found->targets);
        if (found->kind == directory::RecipientKind::not_ours)
            co_await add_route(recipient, asked);
        for (directory::Elsewhere& elsewhere : found->elsewhere)
            co_await add_route(recipient, {std::move(elsewhere.local_part), std::move(elsewhere.domain)});
    }
    out_.recipients.push_back(std::move(recipient));
    co_return Result<void>{};
}

Task<Result<Explanation>> Explainer::run(std::string from, std::vector<std::string> to)
{
    if (to.size() > most_explained)
        co_return fail(ErrorCode::limit, fmt::format("at most {} recipients at once", most_explained));
    const Result<smtp::Path> sender = path_of(from);
    if (!sender)
        co_return fail(sender.error());
    std::vector<smtp::Path> paths;
    for (const std::string& text : to) {
        Result<smtp::Path> path = path_of(text);
        if (!path)
            co_return fail(path.error());
        if (path->is_null())
            co_return fail(ErrorCode::malformed, "a recipient is missing");
        paths.push_back(std::move(*path));
    }
    out_.from = sender->text();
    const Result<void> chosen = co_await choose_door(*sender);
    if (!chosen)
        co_return fail(chosen.error());
    // Asked as a session asks, and dropped before there is a message.
    const std::unique_ptr<smtp::Agent> agent = door_->open(facts_);
    smtp::Envelope envelope;
    envelope.reverse_path = *sender;
    out_.reply = co_await agent->sender(0, std::move(envelope));
    if (!out_.reply.is_success())
        co_return std::move(out_);
    for (smtp::Path& path : paths) {
        const Result<void> explained = co_await explain_recipient(*agent, std::move(path));
        if (!explained)
            co_return fail(explained.error());
    }
    co_return std::move(out_);
}

}  // namespace

Task<Result<Explanation>> explain(ExplainServices services, std::string from, std::vector<std::string> to)
{
    Explainer explainer(services);
    co_return co_await explainer.run(std::move(from), std::move(to));
}

}  // namespace posthouse::mta::route

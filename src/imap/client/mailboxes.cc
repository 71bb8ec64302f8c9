// What is done with mailboxes and messages: RFC 3501 sections 6.3 and 6.4, by UID.
#include "imap/client/client.h"

#include "base/text.h"

#include <algorithm>

#include <fmt/format.h>

namespace posthouse::imap {

namespace {

// Long lists of UIDs in several commands: servers limit a line (RFC 7162 section 4: 8,192 octets).
constexpr std::size_t most_uids_a_command = 500;

std::vector<std::vector<std::uint32_t>> in_groups(std::vector<std::uint32_t> uids)
{
    std::ranges::sort(uids);
    const auto twice = std::ranges::unique(uids);
    uids.erase(twice.begin(), twice.end());
    std::vector<std::vector<std::uint32_t>> groups;
    for (std::size_t at = 0; at < uids.size(); at += most_uids_a_command)
        groups.emplace_back(uids.begin() + static_cast<std::ptrdiff_t>(at),
                            uids.begin() +
                                static_cast<std::ptrdiff_t>(std::min(at + most_uids_a_command, uids.size())));
    return groups;
}

// "APPENDUID 38505 3955" (RFC 4315).
Placed placed_by(const ResponseCode& code)
{
    const std::vector<std::string_view> words = split(code.text, ' ');
    if (code.name != "APPENDUID" || words.size() != 2)
        return {};
    return {parse_number<std::uint32_t>(words[0]).value_or(0), parse_number<std::uint32_t>(words[1]).value_or(0)};
}

Task<bool> gather(std::string piece, std::string& whole, std::uint64_t most)
{
    if (whole.size() + piece.size() > most)
        co_return false;
    whole += piece;
    co_return true;
}

}  // namespace

SequenceSet set_of(const std::vector<std::uint32_t>& ascending)
{
    SequenceSet set;
    for (const std::uint32_t uid : ascending) {
        if (!set.items.empty() && set.items.back().last + 1 == uid)
            set.items.back().last = uid;
        else
            set.items.push_back({uid, uid});
    }
    return set;
}

bool Selected::may_keep(std::string_view flag) const
{
    return permanent_flags.empty() || std::ranges::any_of(permanent_flags, [&](const std::string& one) {
               return one == "\\*" || equals_ignoring_case(one, flag);
           });
}

Task<Result<std::vector<ListResponse>>> Client::list(std::string reference, std::string pattern)
{
    Serializer line = begin("LIST ");
    line.mailbox(reference).raw(" ").pattern(pattern);
    Result<Answer> answer = co_await run(std::move(line), "LIST");
    if (!answer)
        co_return fail(answer.error());
    std::vector<ListResponse> mailboxes;
    for (Response& response : answer->untagged)
        if (auto* item = std::get_if<ListResponse>(&response); item != nullptr && !item->subscribed)
            mailboxes.push_back(std::move(*item));
    co_return mailboxes;
}

Task<Result<MailboxStatusResponse>> Client::status(std::string mailbox)
{
    Serializer line = begin("STATUS ");
    line.mailbox(mailbox).raw(" (MESSAGES UNSEEN UIDNEXT UIDVALIDITY)");
    Result<Answer> answer = co_await run(std::move(line), "STATUS");
    if (!answer)
        co_return fail(answer.error());
    for (Response& response : answer->untagged)
        if (auto* status = std::get_if<MailboxStatusResponse>(&response))
            co_return std::move(*status);
    co_return fail(ErrorCode::malformed, "the server tells no STATUS");
}

Task<Result<void>> Client::create(std::string mailbox)
{
    Serializer line = begin("CREATE ");
    line.mailbox(mailbox);
    const Result<Answer> answer = co_await run(std::move(line), "CREATE");
    if (!answer)
        co_return fail(answer.error());
    co_return Result<void>{};
}

Task<Result<Selected>> Client::select(std::string mailbox, Access access)
{
    const std::string word = access == Access::read_only ? "EXAMINE" : "SELECT";
    selected_ = {};
    Serializer line = begin(word + " ");
    line.mailbox(mailbox);
    const Result<Answer> answer = co_await run(std::move(line), word);
    if (!answer)
        co_return fail(answer.error());
    selected_.mailbox = std::move(mailbox);
    selected_.read_only = access == Access::read_only || answer->status.code.name == "READ-ONLY";
    for (const Response& response : answer->untagged) {
        const auto* status = std::get_if<StatusResponse>(&response);
        if (status == nullptr || status->code.name != "PERMANENTFLAGS")
            continue;
        std::string_view flags = status->code.text;
        if (flags.starts_with('(') && flags.ends_with(')'))
            flags = flags.substr(1, flags.size() - 2);
        for (const std::string_view flag : split(flags, ' '))
            if (!flag.empty())
                selected_.permanent_flags.emplace_back(flag);
    }
    co_return selected_;
}

Task<Result<std::vector<std::uint32_t>>> Client::search(std::vector<SearchTerm> terms)
{
    Serializer line = begin("UID SEARCH");
    const bool needs_charset =
        std::ranges::any_of(terms, [](const SearchTerm& term) { return term.text && !is_ascii(*term.text); });
    if (needs_charset)
        line.raw(" CHARSET UTF-8");
    if (terms.empty())
        line.raw(" ALL");
    for (const SearchTerm& term : terms) {
        line.raw(" ").raw(term.words);
        if (term.text)
            line.raw(" ").string(*term.text);
    }
    const Result<Answer> answer = co_await run(std::move(line), "SEARCH");
    if (!answer)
        co_return fail(answer.error());
    std::vector<std::uint32_t> uids;
    for (const Response& response : answer->untagged)
        if (const auto* found = std::get_if<SearchResponse>(&response))
            uids.insert(uids.end(), found->numbers.begin(), found->numbers.end());
    std::ranges::sort(uids);
    const auto twice = std::ranges::unique(uids);
    uids.erase(twice.begin(), twice.end());
    co_return uids;
}

Task<Result<std::vector<FetchResponse>>> Client::fetch(std::vector<std::uint32_t> uids,
                                                       std::vector<FetchAttribute> attributes)
{
    std::vector<FetchResponse> messages;
    const auto groups = in_groups(std::move(uids));
    for (const std::vector<std::uint32_t>& group : groups) {
        Serializer line = begin("UID FETCH ");
        line.raw(set_of(group).text()).raw(" (UID");
        for (const FetchAttribute& attribute : attributes)
            line.raw(" ").fetch_attribute(attribute);
        line.raw(")");
        Result<Answer> answer = co_await run(std::move(line), "FETCH");
        if (!answer)
            co_return fail(answer.error());
        for (Response& response : answer->untagged) {
            auto* message = std::get_if<FetchResponse>(&response);
            // Others' changes of flags come in between, and a server may tell more than was asked.
            if (message != nullptr && std::ranges::binary_search(group, message->uid))
                messages.push_back(std::move(*message));
        }
    }
    std::ranges::sort(messages, {}, &FetchResponse::uid);
    // A change of flags told beside the answer has the UID too: the fuller one of two stays.
    std::vector<FetchResponse> one_each;
    for (FetchResponse& message : messages) {
        if (one_each.empty() || one_each.back().uid != message.uid)
            one_each.push_back(std::move(message));
        else if (!one_each.back().envelope && !one_each.back().body)
            one_each.back() = std::move(message);
    }
    co_return one_each;
}

Task<Result<void>> Client::fetch_body(std::uint32_t uid, BodySink sink)
{
    Serializer line = begin(fmt::format("UID FETCH {} (BODY.PEEK[])", uid));
    sink_ = &sink;
    body_came_ = false;
    const Result<Answer> answer = co_await run(std::move(line), "FETCH");
    sink_ = nullptr;
    if (!answer)
        co_return fail(answer.error());
    if (body_came_)
        co_return Result<void>{};
    // A server may send what is short or empty as a quoted string.
    for (const Response& response : answer->untagged) {
        const auto* message = std::get_if<FetchResponse>(&response);
        if (message == nullptr || message->uid != uid || !message->body)
            continue;
        std::string body = *message->body;
        const bool taken = co_await sink(std::move(body));
        co_return taken ? Result<void>{} : fail(ErrorCode::cancelled, "the message was not wanted");
    }
    co_return fail(ErrorCode::not_found, "the message is gone");
}

Task<Result<std::string>> Client::fetch_body(std::uint32_t uid, std::uint64_t most)
{
    std::string whole;
    BodySink sink = [&whole, most](std::string piece) { return gather(std::move(piece), whole, most); };
    const Result<void> fetched = co_await fetch_body(uid, std::move(sink));
    if (!fetched && fetched.error() == ErrorCode::cancelled)
        co_return fail(ErrorCode::too_large, fmt::format("the message has more than {} bytes", most));
    if (!fetched)
        co_return fail(fetched.error());
    co_return whole;
}

Task<Result<void>> Client::store(std::vector<std::uint32_t> uids, FlagChange change, std::vector<std::string> flags)
{
    const std::string_view sign = change == FlagChange::add ? "+" : change == FlagChange::remove ? "-" : "";
    const auto groups = in_groups(std::move(uids));
    for (const std::vector<std::uint32_t>& group : groups) {
        Serializer line = begin(fmt::format("UID STORE {} {}FLAGS.SILENT ", set_of(group).text(), sign));
        line.flags(flags);
        const Result<Answer> answer = co_await run(std::move(line), "STORE");
        if (!answer)
            co_return fail(answer.error());
    }
    co_return Result<void>{};
}

Task<Result<void>> Client::copy(std::vector<std::uint32_t> uids, std::string mailbox)
{
    const auto groups = in_groups(std::move(uids));
    for (const std::vector<std::uint32_t>& group : groups) {
        Serializer line = begin(fmt::format("UID COPY {} ", set_of(group).text()));
        line.mailbox(mailbox);
        const Result<Answer> answer = co_await run(std::move(line), "COPY");
        if (!answer)
            co_return fail(answer.error());
    }
    co_return Result<void>{};
}

Task<Result<void>> Client::move(std::vector<std::uint32_t> uids, std::string mailbox)
{
    if (!has("MOVE")) {
        const Result<void> copied = co_await copy(uids, std::move(mailbox));
        if (!copied)
            co_return copied;
        const Result<bool> expunged = co_await expunge(std::move(uids));
        if (!expunged)
            co_return fail(expunged.error());
        co_return Result<void>{};
    }
    const auto groups = in_groups(std::move(uids));
    for (const std::vector<std::uint32_t>& group : groups) {
        Serializer line = begin(fmt::format("UID MOVE {} ", set_of(group).text()));
        line.mailbox(mailbox);
        const Result<Answer> answer = co_await run(std::move(line), "MOVE");
        if (!answer)
            co_return fail(answer.error());
    }
    co_return Result<void>{};
}

Task<Result<bool>> Client::expunge(std::vector<std::uint32_t> uids)
{
    bool others = false;
    if (!has("UIDPLUS")) {
        const Result<std::vector<std::uint32_t>> marked = co_await search({{"DELETED", {}}});
        if (!marked)
            co_return fail(marked.error());
        others =
            std::ranges::any_of(*marked, [&](std::uint32_t uid) { return std::ranges::find(uids, uid) == uids.end(); });
    }
    const Result<void> stored = co_await store(uids, FlagChange::add, {"\\Deleted"});
    if (!stored)
        co_return fail(stored.error());
    if (others)
        co_return false;
    if (!has("UIDPLUS")) {
        const Result<void> gone = co_await run_plainly("EXPUNGE");
        co_return gone ? Result<bool>(true) : fail(gone.error());
    }
    const auto groups = in_groups(std::move(uids));
    for (const std::vector<std::uint32_t>& group : groups) {
        const Result<void> gone = co_await run_plainly(fmt::format("UID EXPUNGE {}", set_of(group).text()));
        if (!gone)
            co_return fail(gone.error());
    }
    co_return true;
}

Task<Result<Placed>> Client::append(std::string mailbox, std::vector<std::string> flags, std::string message)
{
    Serializer line = begin("APPEND ");
    line.mailbox(mailbox).raw(" ").flags(flags).raw(" ").literal(std::move(message));
    const Result<Answer> answer = co_await run(std::move(line), "APPEND");
    if (!answer)
        co_return fail(answer.error());
    co_return placed_by(answer->status.code);
}

}  // namespace posthouse::imap

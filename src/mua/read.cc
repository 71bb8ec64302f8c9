// read: a message as a person reads it, its attachments, its header, its bytes.
#include "base/terminal.h"
#include "base/text.h"
#include "message/parser.h"
#include "mua/commands.h"
#include "mua/content.h"
#include "mua/mailbox_view.h"
#include "mua/pop3_box.h"

#include <cerrno>
#include <cstdio>
#include <filesystem>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace posthouse::mua {

namespace {

constexpr std::uint64_t most_message = 512ULL * 1024 * 1024;
constexpr int most_same_names = 1000;

void print_field(std::string& out, std::string_view name, const std::string& value, bool colour)
{
    if (!value.empty())
        out += fmt::format("{} {}\n", styled(fmt::format("{:<8}", fmt::format("{}:", name)), Style::bold, colour),
                           printable(value, 20'000));
}

void print_message(const message::Digest& digest, const Content& content)
{
    const bool colour = wants_colour(stdout);
    const message::Envelope& envelope = digest.envelope;
    std::string out;
    print_field(out, "From", people_in_full(envelope.from), colour);
    print_field(out, "To", people_in_full(envelope.to), colour);
    print_field(out, "Cc", people_in_full(envelope.cc), colour);
    print_field(out, "Date", digest.sent ? local_date(digest.sent->time) : envelope.date.value_or(""), colour);
    print_field(out, "Subject", subject_of(envelope), colour);
    out += "\n" + safe_lines(joined(content.texts));
    if (!out.ends_with('\n'))
        out += '\n';
    std::size_t number = 0;
    for (const Attachment& attachment : content.attachments) {
        out += number == 0 ? "\n" + styled("Attachments", Style::bold, colour) + "\n" : "";
        out += fmt::format("  {}  {}  {}, {}\n", ++number,
                           attachment.name.empty() ? "(without a name)" : printable(attachment.name, 300),
                           printable(attachment.type, 100), human_bytes(attachment.size));
    }
    std::fwrite(out.data(), 1, out.size(), stdout);
}

// The bytes as they are; a terminal gets them so that it obeys none.
void print_raw(std::string_view bytes)
{
    const std::string safe = is_terminal(stdout) ? safe_lines(bytes) : std::string();
    const std::string_view shown = is_terminal(stdout) ? std::string_view(safe) : bytes;
    std::fwrite(shown.data(), 1, shown.size(), stdout);
}

boost::json::object full_object(Summary summary, const message::Digest& digest, const Content& content)
{
    summary.envelope = digest.envelope;
    summary.has_attachment = digest.has_attachment;
    boost::json::object email = email_object(summary);
    boost::json::array references;
    for (const std::string& id : digest.references)
        references.push_back(json_text(id));
    email["references"] = std::move(references);
    boost::json::array texts;
    boost::json::object values;
    for (const TextPart& part : content.texts) {
        const std::string path = part.path.empty() ? "1" : part.path;
        texts.push_back({{"partId", path}, {"type", json_text(part.type)}});
        values[path] = boost::json::object{{"value", json_text(part.text)}};
    }
    email["textBody"] = std::move(texts);
    email["bodyValues"] = std::move(values);
    boost::json::array attachments;
    for (const Attachment& one : content.attachments)
        attachments.push_back({{"partId", one.path},
                               {"name", one.name.empty() ? boost::json::value(nullptr) : json_text(one.name)},
                               {"type", json_text(one.type)},
                               {"size", one.size}});
    email["attachments"] = std::move(attachments);
    return email;
}

// Makes a file that was not there; a name that is taken gets a number.
Result<std::string> write_new_file(const std::string& folder, const std::string& name, std::string_view bytes)
{
    const std::filesystem::path given(name);
    for (int turn = 1; turn < most_same_names; ++turn) {
        const std::string file_name =
            turn == 1 ? name : fmt::format("{} ({}){}", given.stem().string(), turn, given.extension().string());
        const std::string path = fmt::format("{}/{}", folder, file_name);
        const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
        if (file < 0 && errno == EEXIST)
            continue;
        bool good = file >= 0;
        while (good && !bytes.empty()) {
            const ssize_t count = ::write(file, bytes.data(), bytes.size());
            good = count >= 0 || errno == EINTR;
            bytes.remove_prefix(count > 0 ? static_cast<std::size_t>(count) : 0);
        }
        const int problem = errno;
        if (file >= 0)
            good = ::close(file) == 0 && good;
        if (!good)
            return fail(
                ErrorCode::io,
                fmt::format("cannot write {}: {}", printable(path, 500), std::generic_category().message(problem)));
        return path;
    }
    return fail(ErrorCode::already_exists, fmt::format("too many files are called {} already", printable(name, 300)));
}

Result<void> save_attachments(const message::Digest& digest, const Content& content, std::string_view whole,
                              const std::string& folder)
{
    std::error_code error;
    if (!std::filesystem::is_directory(folder, error))
        return fail(ErrorCode::not_found, fmt::format("there is no folder {}", printable(folder, 500)));
    std::size_t number = 0;
    for (const Attachment& attachment : content.attachments) {
        const std::string name = safe_file_name(attachment.name, attachment.type, ++number);
        const Result<std::string> path = write_new_file(folder, name, bytes_of(digest, attachment, whole));
        if (!path)
            return fail(path.error());
        std::fprintf(stderr, "%s\n", printable(*path, 2000).c_str());
    }
    return {};
}

// Shows one message by the options. `documents` gathers what --json tells.
Result<void> show(const std::string& whole, const Summary& summary, const ReadOptions& options, bool as_json,
                  boost::json::array& documents)
{
    if (options.raw) {
        print_raw(whole);
        return {};
    }
    const message::Digest digest = message::digest_of(whole);
    if (options.headers) {
        const std::string_view header =
            std::string_view(whole).substr(0, std::min<std::size_t>(digest.parts[0].body_begin, whole.size()));
        const std::string safe = safe_lines(header);
        std::fwrite(safe.data(), 1, safe.size(), stdout);
        return {};
    }
    const Content content = content_of(digest, whole);
    if (as_json)
        documents.push_back(full_object(summary, digest, content));
    else
        print_message(digest, content);
    if (options.save.empty())
        return {};
    return save_attachments(digest, content, whole, options.save);
}

void print_documents(boost::json::array documents)
{
    std::fputs(json_document(boost::json::object{{"list", std::move(documents)}}).c_str(), stdout);
}

Task<Outcome> read_by_pop3(Desk& desk, ReadOptions options)
{
    const Result<Identity> identity = desk.whose(Protocol::pop3);
    if (!identity)
        co_return fail(identity.error());
    const Result<std::unique_ptr<pop3::Client>> client = co_await desk.open_pop3(*identity);
    if (!client)
        co_return fail(client.error());
    boost::json::array documents;
    const bool as_json = desk.choice().as_json;
    for (const std::string& word : options.messages) {
        const Result<std::string> whole = co_await fetch_by_pop3(**client, desk.account_of(*identity), word);
        if (!whole)
            co_return fail(whole.error());
        Summary summary;
        summary.place.unique_id = word;
        summary.size = whole->size();
        if (const Result<void> shown = show(*whole, summary, options, as_json, documents); !shown)
            co_return fail(shown.error());
    }
    if (as_json && !options.raw && !options.headers)
        print_documents(std::move(documents));
    co_await (*client)->quit();
    co_return 0;
}

}  // namespace

Task<Outcome> read_messages(Desk& desk, ReadOptions options)
{
    desk.follow_listing(options.messages);
    if (desk.choice().pop3)
        co_return co_await read_by_pop3(desk, std::move(options));
    const Result<Identity> identity = desk.whose(Protocol::imap);
    if (!identity)
        co_return fail(identity.error());
    const Result<std::unique_ptr<imap::Client>> client = co_await desk.open_imap(*identity);
    if (!client)
        co_return fail(client.error());
    const Result<std::vector<Group>> groups = co_await locate(**client, desk.account_of(*identity), options.messages);
    if (!groups)
        co_return fail(groups.error());
    boost::json::array documents;
    const bool as_json = desk.choice().as_json;
    bool is_first = true;
    for (const Group& group : *groups) {
        const imap::Access access = options.keep_unread ? imap::Access::read_only : imap::Access::read_write;
        const Result<void> opened = co_await open_group(**client, group, access);
        if (!opened)
            co_return fail(opened.error());
        for (const std::uint32_t uid : group.uids) {
            const Result<std::vector<Summary>> summary = co_await summaries(**client, {uid});
            if (!summary || summary->empty())
                co_return fail(summary ? Error{ErrorCode::not_found, "the message is gone"} : summary.error());
            const Result<std::string> whole = co_await (*client)->fetch_body(uid, most_message);
            if (!whole)
                co_return fail(whole.error());
            if (!std::exchange(is_first, false) && !as_json && !options.raw)
                std::printf("\n%s\n\n", std::string(60, '-').c_str());
            if (const Result<void> shown = show(*whole, summary->front(), options, as_json, documents); !shown)
                co_return fail(shown.error());
            if (!options.keep_unread && !(*client)->selected().read_only && !summary->front().has_flag("\\Seen"))
                co_await (*client)->store({uid}, imap::FlagChange::add, {"\\Seen"});
        }
    }
    if (as_json && !options.raw && !options.headers)
        print_documents(std::move(documents));
    co_await (*client)->log_out();
    co_return 0;
}

}  // namespace posthouse::mua

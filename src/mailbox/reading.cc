#include "mailbox/reading.h"

#include "mailbox/email_row.h"
#include "mailbox/owner.h"

#include <algorithm>
#include <numeric>

namespace posthouse::mailbox {

namespace {

// A digest is bounded by the parser's limits to about 2 MiB (message/digest.h).
constexpr std::uint64_t largest_digest = 8 * 1024 * 1024;
// From so many on, ids are looked for by a scan, while at least one row in four is wanted.
constexpr std::size_t worth_a_scan = 8;
constexpr std::size_t rows_a_scan = 200;

Task<bool> add_to(std::string* whole, std::string piece)
{
    *whole += piece;
    co_return true;
}

}  // namespace

store::Partition holder_of(EmailId email) { return {store::PartitionKind::account, email}; }

Deadline EmailReader::deadline() const { return Deadline::in(services_.clock, read_patience); }

Task<Result<Email>> EmailReader::email(EmailId id) const
{
    Result<std::optional<store::Value>> row =
        co_await services_.store.get(partition_of(account_), email_key(id), deadline());
    if (!row)
        co_return fail(row.error());
    if (!*row)
        co_return fail(ErrorCode::not_found, "no such e-mail");
    Result<Email> email = co_await make(id, **std::move(row));
    co_return email;
}

Task<Result<Email>> EmailReader::make(EmailId id, store::Value value) const
{
    Result<EmailRow> row = read_email(value);
    if (!row)
        co_return fail(row.error());
    Email email{.id = id, .thread = row->thread, .received = row->received};
    email.prefix = std::move(row->prefix);
    email.size = row->size;
    email.blob = row->blob;
    if (row->side_blob != 0) {
        Result<std::string> digest = co_await side_blob(row->side_blob, row->digest_bytes);
        if (!digest)
            co_return fail(digest.error());
        row->digest = *std::move(digest);
    }
    Result<message::Digest> digest = message::decode_digest(row->digest);
    if (!digest)
        co_return fail(digest.error());
    if (email.size < email.prefix.size())
        co_return fail(ErrorCode::corrupt, "an e-mail smaller than its prefix");
    email.digest = std::make_shared<const message::Digest>(*std::move(digest));
    co_return email;
}

Task<Result<std::string>> EmailReader::side_blob(store::BlobId blob, std::uint64_t bytes) const
{
    if (bytes > largest_digest)
        co_return fail(ErrorCode::corrupt, "a digest larger than any");
    std::string whole;
    store::Sink sink = [&whole](std::string piece) { return add_to(&whole, std::move(piece)); };
    const Result<void> read = co_await services_.blobs.read(blob, 0, bytes, std::move(sink), deadline());
    if (!read)
        co_return fail(read.error());
    co_return whole;
}

// The ids of a listing mostly lie close together: a few scans instead of a read for each. Where a scan
// finds mostly others, the rest is read one by one.
Task<Result<std::vector<Result<Email>>>> EmailReader::emails(std::vector<EmailId> ids) const
{
    std::vector<EmailId> wanted = ids;
    std::ranges::sort(wanted);
    wanted.erase(std::ranges::unique(wanted).begin(), wanted.end());
    std::map<EmailId, Result<Email>> found;
    std::size_t at = 0;
    bool scan = true;
    while (scan && wanted.size() - at >= worth_a_scan) {
        const std::size_t last = std::min(at + rows_a_scan, wanted.size()) - 1;
        const store::Range range{email_key(wanted[at]), email_key(wanted[last]) + '\0'};
        Result<store::Page> page =
            co_await services_.store.scan(partition_of(account_), range, rows_a_scan, deadline());
        if (!page || page->rows.empty())
            break;  // one by one, so that damage stays with the e-mail that has it
        EmailId reached = 0;
        std::size_t hits = 0;
        for (store::Row& row : page->rows) {
            store::KeyReader key(row.key);
            key.u8();
            reached = key.u64();
            if (!std::ranges::binary_search(wanted, reached))
                continue;
            ++hits;
            Result<Email> email = co_await make(reached, std::move(row.value));
            found.emplace(reached, std::move(email));
        }
        scan = hits * 4 >= page->rows.size();
        const EmailId until = page->more ? reached : wanted[last];
        while (at < wanted.size() && wanted[at] <= until) {
            // Within a page that was read, what is not there is not there.
            found.try_emplace(wanted[at], fail(ErrorCode::not_found, "no such e-mail"));
            ++at;
        }
    }
    for (; at < wanted.size(); ++at) {
        Result<Email> email = co_await this->email(wanted[at]);
        found.emplace(wanted[at], std::move(email));
    }
    std::vector<Result<Email>> emails;
    emails.reserve(ids.size());
    for (const EmailId id : ids)
        emails.push_back(found.at(id));
    co_return emails;
}

// As emails(), for thousands: rows stay as they are, ids mostly rise, and what a scan does not find is read together.
Task<Result<std::vector<StoredEmail>>> EmailReader::stored_emails(std::vector<EmailId> ids) const
{
    std::vector<std::uint32_t> order(ids.size());
    std::iota(order.begin(), order.end(), 0);
    if (!std::ranges::is_sorted(ids))
        std::ranges::sort(order, {}, [&ids](std::uint32_t i) { return ids[i]; });
    std::vector<StoredEmail> emails(ids.size());
    const auto take = [&](std::size_t& at, EmailId id, std::string& value) {
        StoredEmail email = read_stored(id, std::move(value));
        while (at + 1 < order.size() && ids[order[at + 1]] == id)
            emails[order[at++]] = email;
        emails[order[at++]] = std::move(email);
    };
    std::size_t at = 0;
    while (at < order.size()) {
        const std::size_t last = std::min(at + services_.store.limits().page_rows, order.size()) - 1;
        const store::Range range{email_key(ids[order[at]]), email_key(ids[order[last]]) + '\0'};
        Result<store::Page> page =
            co_await services_.store.scan(partition_of(account_), range, last + 1 - at, deadline());
        if (!page)
            break;
        std::size_t hits = 0;
        EmailId reached = ids[order[last]];
        for (store::Row& row : page->rows) {
            store::KeyReader key(row.key);
            key.u8();
            const EmailId id = key.u64();
            while (at <= last && ids[order[at]] < id)
                ++at;
            if (at <= last && ids[order[at]] == id) {
                take(at, id, row.value);
                ++hits;
            }
            if (page->more)
                reached = id;
        }
        while (at <= last && ids[order[at]] <= reached)
            ++at;  // within a page that was read, what is not there is not there
        if (hits * 4 < page->rows.size())
            break;
    }
    if (at == order.size())
        co_return emails;
    std::vector<store::Key> keys;
    for (std::size_t i = at; i < order.size(); ++i)
        keys.push_back(email_key(ids[order[i]]));
    const auto reading =
        services_.store.read_ahead(partition_of(account_), std::move(keys), deadline(), store::Space::rows);
    Result<store::Store::Values> values = co_await reading.get();
    if (!values)
        co_return emails;  // one by one, so that damage stays with the e-mail that has it
    for (std::size_t i = at; i < order.size(); ++i)
        if (std::optional<store::Value>& value = (*values)[i - at])
            emails[order[i]] = read_stored(ids[order[i]], *std::move(value));
    co_return emails;
}

Promise<Result<Account::Contents>> EmailReader::contents_ahead(const std::vector<EmailId>& ids) const
{
    std::vector<store::Key> keys;
    keys.reserve(ids.size());
    for (const EmailId id : ids)
        keys.push_back(email_key(id));
    return services_.store.read_ahead(partition_of(account_), std::move(keys), deadline(), store::Space::bodies);
}

Task<Result<std::string>> EmailReader::body(EmailId email, std::uint64_t size) const
{
    Result<std::optional<store::Value>> row =
        co_await services_.store.get(partition_of(account_), email_key(email), deadline(), store::Space::bodies);
    if (!row)
        co_return fail(row.error());
    if (!*row)
        co_return fail(ErrorCode::not_found, "the message has been erased");
    if ((*row)->size() != size)
        co_return fail(ErrorCode::corrupt, "a body of another size than its e-mail");
    co_return **std::move(row);
}

Task<Result<void>> EmailReader::read(Email email, std::uint64_t offset, std::uint64_t length, store::Sink sink) const
{
    if (offset > email.size || length > email.size - offset)
        co_return fail(ErrorCode::too_large, "a read past the message's end");
    const std::uint64_t content_size = email.size - email.prefix.size();
    if (email.blob == 0) {
        Result<std::string> content = co_await body(email.id, content_size);
        if (!content)
            co_return fail(content.error());
        std::string piece = *std::move(content);
        piece.insert(0, email.prefix);
        if (length != email.size)
            piece = piece.substr(offset, length);
        co_await sink(std::move(piece));
        co_return Result<void>{};
    }
    if (offset < email.prefix.size()) {
        std::string piece = email.prefix.substr(offset, length);
        offset += piece.size();
        length -= piece.size();
        const bool more = co_await sink(std::move(piece));
        if (!more)
            co_return Result<void>{};
    }
    if (length == 0)
        co_return Result<void>{};
    Result<void> read =
        co_await services_.blobs.read(email.blob, offset - email.prefix.size(), length, std::move(sink), deadline());
    co_return read;
}

Task<Result<std::string>> EmailReader::read_all(Email email) const
{
    std::string whole;
    const std::uint64_t size = email.size;
    store::Sink sink = [&whole](std::string piece) {
        whole.empty() ? whole.swap(piece) : (void)whole.append(piece);
        return add_to(&whole, {});
    };
    const Result<void> read = co_await this->read(std::move(email), 0, size, std::move(sink));
    if (!read)
        co_return fail(read.error());
    co_return whole;
}

}  // namespace posthouse::mailbox

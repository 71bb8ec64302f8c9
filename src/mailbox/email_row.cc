#include "mailbox/email_row.h"

#include "base/codec.h"

#include <algorithm>

#include <openssl/sha.h>

namespace posthouse::mailbox {

namespace {

constexpr std::uint8_t version = 1;
constexpr std::size_t thread_at = 1;
constexpr std::size_t thread_bytes = 8;

}  // namespace

std::string write_email(const EmailRow& row)
{
    Writer writer;
    writer.u8(version).raw(std::string(thread_bytes, '\0'));
    writer.signed_varint(row.received.time_since_epoch().count()).varint(row.size).varint(row.blob).string(row.prefix);
    writer.varint(row.side_blob).varint(row.digest_bytes).raw(row.digest);
    std::string value = writer.take();
    set_thread(value, row.thread);
    return value;
}

void set_thread(std::string& value, ThreadId thread)
{
    for (std::size_t i = 0; i < thread_bytes; ++i)
        value[thread_at + i] = static_cast<char>(thread >> (8 * i));
}

Result<EmailRow> read_email(std::string_view value)
{
    Reader in(value);
    EmailRow row;
    const bool known = in.u8() == version;
    const std::string_view thread = in.raw(thread_bytes);
    for (std::size_t i = 0; i < thread.size(); ++i)
        row.thread |= ThreadId{static_cast<unsigned char>(thread[i])} << (8 * i);
    row.received = WallTime(Duration(in.signed_varint()));
    row.size = in.varint();
    row.blob = in.varint();
    row.prefix = in.string();
    row.side_blob = in.varint();
    row.digest_bytes = in.varint();
    if (row.side_blob == 0)
        row.digest = in.raw(row.digest_bytes);
    if (!known || !in.ok())
        return fail(ErrorCode::corrupt, "an e-mail row cannot be read");
    return row;
}

StoredEmail read_stored(EmailId id, std::string value)
{
    StoredEmail email{.row = std::move(value)};
    Reader in(email.row);
    const bool known = in.u8() == version;
    const std::string_view thread = in.raw(thread_bytes);
    for (std::size_t i = 0; i < thread.size(); ++i)
        email.thread |= ThreadId{static_cast<unsigned char>(thread[i])} << (8 * i);
    in.signed_varint();
    email.size = in.varint();
    email.blob = in.varint();
    const auto at = [&](std::string_view part) { return static_cast<std::uint32_t>(part.data() - email.row.data()); };
    const std::string_view prefix = in.string();
    email.prefix_at = prefix.empty() ? 0 : at(prefix);
    email.prefix_size = static_cast<std::uint32_t>(prefix.size());
    const bool elsewhere = in.varint() != 0;
    const std::uint64_t digest_bytes = in.varint();
    if (known && in.ok() && !elsewhere && digest_bytes <= in.rest().size() && email.size >= email.prefix_size) {
        email.digest_at = at(in.rest());
        email.row.resize(email.digest_at + digest_bytes);
        email.id = id;
    }
    return email;
}

MessageIdHash hash_of(std::string_view message_id)
{
    std::array<unsigned char, SHA256_DIGEST_LENGTH> whole;
    SHA256(reinterpret_cast<const unsigned char*>(message_id.data()), message_id.size(), whole.data());
    MessageIdHash hash;
    std::copy_n(whole.begin(), hash.size(), hash.begin());
    return hash;
}

std::vector<MessageIdHash> names_of(const message::Digest& digest)
{
    std::vector<MessageIdHash> names;
    const auto add = [&names](std::string_view id) {
        if (id.empty() || names.size() >= most_names)
            return;
        const MessageIdHash hash = hash_of(id);
        if (std::ranges::find(names, hash) == names.end())
            names.push_back(hash);
    };
    constexpr std::size_t own = 1;
    constexpr std::size_t answered = 2;
    if (digest.envelope.message_id)
        for (const std::string& id : message::parse_message_ids(*digest.envelope.message_id, own))
            add(id);
    if (digest.envelope.in_reply_to)
        for (const std::string& id : message::parse_message_ids(*digest.envelope.in_reply_to, answered))
            add(id);
    if (!digest.references.empty())
        add(digest.references.front());
    for (auto id = digest.references.rbegin(); id != digest.references.rend() && names.size() < most_names; ++id)
        add(*id);
    return names;
}

}  // namespace posthouse::mailbox

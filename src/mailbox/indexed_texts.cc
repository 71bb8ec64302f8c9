#include "mailbox/indexed_texts.h"

#include "mailbox/search_text.h"
#include "message/body.h"
#include "message/header.h"

#include <algorithm>

namespace posthouse::mailbox {

namespace {

// A message up to this size is read at once; of a larger one its texts.
constexpr std::uint64_t read_whole = 256 * 1024;

Task<bool> add_to(std::string* into, std::string piece)
{
    *into += piece;
    co_return true;
}

// Bytes of a message, from what has been read of it or from the store.
class Bytes {
public:
    Bytes(const EmailReader& reader, const Email& email) : reader_(reader), email_(email) { }

    Task<Result<std::string>> get(std::uint64_t begin, std::uint64_t size)
    {
        if (email_.size <= read_whole && !whole_) {
            Result<std::string> all = co_await reader_.read_all(email_);
            if (!all)
                co_return fail(all.error());
            whole_ = *std::move(all);
        }
        if (whole_)
            co_return begin <= whole_->size() ? whole_->substr(begin, size) : std::string();
        std::string part;
        store::Sink sink = [&part](std::string piece) { return add_to(&part, std::move(piece)); };
        const Result<void> read = co_await reader_.read(email_, begin, size, std::move(sink));
        if (!read)
            co_return fail(read.error());
        co_return part;
    }

private:
    const EmailReader& reader_;
    const Email& email_;
    std::optional<std::string> whole_;
};

}  // namespace

Task<Result<std::vector<search::FieldText>>> indexed_texts(const EmailReader* reader, Email email)
{
    using search::Field;
    std::vector<search::FieldText> texts;
    const message::Digest& digest = *email.digest;
    const message::Envelope& envelope = digest.envelope;
    texts.push_back({Field::subject, folded(message::decode_text(envelope.subject.value_or("")))});
    texts.push_back({Field::from, folded_addresses(envelope.from)});
    texts.push_back({Field::to, folded_addresses(envelope.to)});
    texts.push_back({Field::cc, folded_addresses(envelope.cc)});
    texts.push_back({Field::bcc, folded_addresses(envelope.bcc)});

    Bytes bytes(*reader, email);
    const std::uint64_t shift = email.prefix.size();
    const Result<std::string> header = co_await bytes.get(0, shift + digest.parts.front().body_begin);
    if (!header)
        co_return fail(header.error());
    texts.push_back({Field::header, FoldedHeader(*header).whole()});
    std::uint64_t left = most_text;
    for (const message::Part& part : digest.parts) {
        if (left == 0 || !part.is_leaf() || !part.is_text())
            continue;
        const std::uint64_t size = std::min(part.body_size(), left);
        left -= size;
        const Result<std::string> raw = co_await bytes.get(shift + part.body_begin, size);
        if (!raw)
            co_return fail(raw.error());
        texts.push_back({Field::body, folded(message::decode_body(part, *raw))});
    }
    co_return texts;
}

}  // namespace posthouse::mailbox

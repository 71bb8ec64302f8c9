#include "mailbox/block.h"

#include "base/codec.h"

#include <algorithm>

namespace posthouse::mailbox {

namespace {

constexpr std::uint8_t version = 1;

// What the control byte spares.
constexpr std::uint8_t next_uid = 1;
constexpr std::uint8_t same_modseq = 2;
constexpr std::uint8_t same_flags = 4;
constexpr std::uint8_t same_dates = 8;
constexpr std::uint8_t known_controls = next_uid | same_modseq | same_flags | same_dates;

// When an id was given (base/ids.h), in microseconds: close to the dates of most messages.
std::int64_t given(EmailId email) { return static_cast<std::int64_t>(email >> 16) * 1000; }

std::int64_t ticks(WallTime time) { return time.time_since_epoch().count(); }

// Dates from outside may be anything; their differences are taken modulo 2^64.
std::int64_t difference(std::int64_t a, std::int64_t b)
{
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}
std::int64_t sum(std::int64_t a, std::int64_t b)
{
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

// As base/codec.h's Reader, with a faster path for what is short, which nearly all is.
class Bytes {
public:
    explicit Bytes(std::string_view value) : at_(value.data()), end_(at_ + value.size()) { }
    bool ended() const { return at_ == end_; }
    bool ok() const { return ok_; }
    std::uint8_t u8() { return at_ < end_ ? static_cast<std::uint8_t>(*at_++) : broken(); }
    std::uint64_t varint()
    {
        std::uint64_t value = 0;
        for (unsigned shift = 0; shift < 64 && at_ < end_; shift += 7) {
            const auto byte = static_cast<std::uint8_t>(*at_++);
            value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
            if (byte < 0x80)
                return shift == 63 && byte > 1 ? broken() : value;
        }
        return broken();
    }
    std::int64_t signed_varint()
    {
        const std::uint64_t value = varint();
        return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
    }

private:
    std::uint8_t broken()
    {
        ok_ = false;
        at_ = end_;
        return 0;
    }
    const char* at_;
    const char* end_;
    bool ok_ = true;
};

}  // namespace

std::string write_block(const Block& block)
{
    Writer writer;
    writer.u8(version);
    Entry before{.uid = block.number * block_span - 1};
    for (const Entry& entry : block.entries) {
        const std::uint8_t control = (entry.uid == before.uid + 1 ? next_uid : 0) |
            (entry.modseq == before.modseq ? same_modseq : 0) | (entry.flags == before.flags ? same_flags : 0) |
            (entry.save_date == entry.internal_date ? same_dates : 0);
        writer.u8(control);
        if (!(control & next_uid))
            writer.varint(entry.uid - before.uid - 1);
        writer.signed_varint(static_cast<std::int64_t>(entry.email - before.email));
        if (!(control & same_modseq))
            writer.signed_varint(static_cast<std::int64_t>(entry.modseq - before.modseq));
        if (!(control & same_flags))
            writer.varint(entry.flags.words()[0]).varint(entry.flags.words()[1]);
        writer.signed_varint(difference(ticks(entry.internal_date), given(entry.email)));
        if (!(control & same_dates))
            writer.signed_varint(difference(ticks(entry.save_date), ticks(entry.internal_date)));
        writer.varint(entry.size);
        before = entry;
    }
    return writer.take();
}

Result<std::shared_ptr<const Block>> read_block(Uid number, std::string_view value)
{
    static const Error corrupt{ErrorCode::corrupt, "a block row cannot be read"};
    constexpr std::size_t least_bytes_of_an_entry = 4;
    Bytes in(value);
    bool sound = in.u8() == version && number <= std::numeric_limits<Uid>::max() / block_span;
    const auto block = std::make_shared<Block>();
    block->number = number;
    block->entries.reserve(std::min<std::size_t>(block_span, value.size() / least_bytes_of_an_entry));
    const std::uint64_t base = std::uint64_t{number} * block_span;
    Entry entry;
    std::uint64_t uid = base;  // the lowest that may come
    std::int64_t internal = 0;
    while (sound && !in.ended()) {
        const std::uint8_t control = in.u8();
        const std::uint64_t gap = control & next_uid ? 0 : in.varint();
        uid += gap;
        sound = (control & ~known_controls) == 0 && gap < block_span && uid < base + block_span && uid != 0;
        entry.uid = static_cast<Uid>(uid++);
        entry.email += static_cast<EmailId>(in.signed_varint());
        if (!(control & same_modseq))
            entry.modseq += static_cast<ModSeq>(in.signed_varint());
        if (!(control & same_flags)) {
            const std::uint64_t low = in.varint();
            entry.flags = {low, in.varint()};
        }
        internal = sum(in.signed_varint(), given(entry.email));
        entry.internal_date = WallTime(Duration(internal));
        entry.save_date =
            control & same_dates ? entry.internal_date : WallTime(Duration(sum(internal, in.signed_varint())));
        entry.size = in.varint();
        sound &= in.ok();
        block->highest_modseq = std::max(block->highest_modseq, entry.modseq);
        block->entries.push_back(entry);
    }
    if (!sound || !in.ok())
        return fail(corrupt);
    return block;
}

}  // namespace posthouse::mailbox

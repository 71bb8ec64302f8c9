#include "journey/event.h"

#include <algorithm>

#include <fmt/format.h>

namespace posthouse::journey {

namespace {

constexpr std::uint8_t first_number = 64;
constexpr std::uint8_t first_unknown = 128;  // no field is written so: damage

}  // namespace

std::string_view Event::operator[](Text field) const
{
    for (const auto& [name, value] : texts)
        if (name == field)
            return value;
    return {};
}

std::uint64_t Event::operator[](Number field) const
{
    for (const auto& [name, value] : numbers)
        if (name == field)
            return value;
    return 0;
}

void Event::set(Text field, std::string_view value)
{
    std::erase_if(texts, [&](const auto& told) { return told.first == field; });
    if (!value.empty())
        texts.emplace_back(field, value);
}

void Event::set(Number field, std::uint64_t value)
{
    std::erase_if(numbers, [&](const auto& told) { return told.first == field; });
    if (value != 0)
        numbers.emplace_back(field, value);
}

SegmentWriter& SegmentWriter::begin(Kind kind, WallTime at, Id session, Id message)
{
    const std::int64_t microseconds = at.time_since_epoch().count();
    // Modulo 2^64, as the reader adds: times from a spoilt store may be anything.
    const std::uint64_t later = static_cast<std::uint64_t>(microseconds) - static_cast<std::uint64_t>(at_);
    out_.u8(static_cast<std::uint8_t>(kind)).signed_varint(static_cast<std::int64_t>(later));
    out_.signed_varint(static_cast<std::int64_t>(session - session_));
    out_.signed_varint(static_cast<std::int64_t>(message - message_));
    at_ = microseconds;
    session_ = session;
    message_ = message;
    return *this;
}

SegmentWriter& SegmentWriter::add(Text field, std::string_view value)
{
    if (value.empty())
        return *this;
    out_.u8(static_cast<std::uint8_t>(field));
    if (value.size() <= longest_text) {
        out_.string(value);
        return *this;
    }
    const std::string note = fmt::format(" [{} bytes more]", value.size() - longest_text);
    out_.varint(longest_text + note.size()).raw(value.substr(0, longest_text)).raw(note);
    return *this;
}

SegmentWriter& SegmentWriter::add(Number field, std::uint64_t value)
{
    if (value != 0)
        out_.u8(static_cast<std::uint8_t>(field)).varint(value);
    return *this;
}

void SegmentWriter::write(const Event& event)
{
    begin(event.kind, event.at, event.session, event.message);
    for (const auto& [field, value] : event.texts)
        add(field, value);
    for (const auto& [field, value] : event.numbers)
        add(field, value);
    end();
}

std::string SegmentWriter::take()
{
    at_ = 0;
    session_ = 0;
    message_ = 0;
    return out_.take();
}

std::optional<Event> SegmentReader::next()
{
    if (!ok_ || in_.rest().empty())
        return std::nullopt;
    Event event;
    event.kind = static_cast<Kind>(in_.u8());
    // Modulo 2^64: whatever the bytes say is a time and an id.
    at_ = static_cast<std::int64_t>(static_cast<std::uint64_t>(at_) + static_cast<std::uint64_t>(in_.signed_varint()));
    session_ += static_cast<Id>(in_.signed_varint());
    message_ += static_cast<Id>(in_.signed_varint());
    event.at = WallTime(Duration(at_));
    event.session = session_;
    event.message = message_;
    for (;;) {
        const std::uint8_t field = in_.u8();
        if (field == 0)
            break;  // the end of the event, or of the bytes
        if (field >= first_unknown) {
            ok_ = false;
            return std::nullopt;
        }
        if (field < first_number)
            event.texts.emplace_back(static_cast<Text>(field), in_.string());
        else
            event.numbers.emplace_back(static_cast<Number>(field), in_.varint());
    }
    ok_ = in_.ok();
    if (!ok_)
        return std::nullopt;
    return event;
}

}  // namespace posthouse::journey

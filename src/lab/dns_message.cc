#include "lab/dns_message.h"

namespace posthouse::lab {

namespace {

constexpr std::uint16_t internet = 1;
constexpr auto opt_type = static_cast<std::uint16_t>(net::DnsType::opt);
constexpr std::size_t opt_size = 11;  // an OPT record without options
constexpr unsigned first_question_at = 12;  // behind the header: what owner names point to

// Reads numbers off the message; after the first fault nothing more is read.
class Bytes {
public:
    explicit Bytes(std::string_view all) : all_(all) { }

    std::uint16_t u16()
    {
        const std::string_view two = take(2);
        return two.size() < 2
            ? std::uint16_t{0}
            : static_cast<std::uint16_t>(static_cast<unsigned char>(two[0]) << 8 | static_cast<unsigned char>(two[1]));
    }
    std::uint32_t u32()
    {
        const std::uint32_t high = u16();
        return high << 16 | u16();
    }
    std::string_view take(std::size_t count)
    {
        if (!ok_ || count > all_.size() - at_) {
            ok_ = false;
            return {};
        }
        at_ += count;
        return all_.substr(at_ - count, count);
    }
    std::string name()
    {
        if (!ok_)
            return {};
        std::optional<net::DnsNameRead> read = net::read_dns_name(all_, at_);
        ok_ = read.has_value();
        if (!read)
            return {};
        at_ = read->end;
        return std::move(read->name);
    }
    bool ok() const { return ok_; }

private:
    std::string_view all_;
    std::size_t at_ = 0;
    bool ok_ = true;
};

void put_u16(std::string& out, unsigned value)
{
    out += static_cast<char>(value >> 8);
    out += static_cast<char>(value);
}

void read_records(Bytes& in, unsigned count, DnsMessage& message, std::vector<DnsRecord>& out)
{
    for (unsigned i = 0; i < count && in.ok(); ++i) {
        DnsRecord record;
        record.name = in.name();
        record.type = in.u16();
        const std::uint16_t klass = in.u16();
        record.ttl = in.u32();
        record.data = in.take(in.u16());
        if (!in.ok())
            return;
        if (record.type == opt_type)
            message.edns_size = klass;  // RFC 6891 section 6.1.2
        else if (klass == internet)
            out.push_back(std::move(record));
    }
}

std::string write_record(const DnsRecord& record, const DnsMessage& message)
{
    std::string out;
    if (!message.questions.empty() && record.name == message.questions.front().name)
        put_u16(out, 0xc000 | first_question_at);
    else
        out = net::write_dns_name(record.name);
    put_u16(out, record.type);
    put_u16(out, internet);
    put_u16(out, record.ttl >> 16);
    put_u16(out, record.ttl & 0xffff);
    put_u16(out, static_cast<unsigned>(record.data.size()));
    return out + record.data;
}

}  // namespace

std::optional<DnsMessage> read_message(std::string_view bytes)
{
    Bytes in(bytes);
    DnsMessage message;
    message.id = in.u16();
    const unsigned flags = in.u16();
    message.is_response = (flags & 0x8000) != 0;
    message.opcode = static_cast<std::uint8_t>(flags >> 11 & 0xf);
    message.is_authoritative = (flags & 0x0400) != 0;
    message.is_truncated = (flags & 0x0200) != 0;
    message.recursion_desired = (flags & 0x0100) != 0;
    message.recursion_available = (flags & 0x0080) != 0;
    message.rcode = static_cast<Rcode>(flags & 0xf);
    const unsigned questions = in.u16();
    const unsigned answers = in.u16();
    const unsigned authority = in.u16();
    const unsigned additional = in.u16();
    for (unsigned i = 0; i < questions && in.ok(); ++i) {
        DnsQuestion question;
        question.name = in.name();
        question.type = in.u16();
        question.klass = in.u16();
        message.questions.push_back(std::move(question));
    }
    read_records(in, answers, message, message.answers);
    read_records(in, authority, message, message.authority);
    read_records(in, additional, message, message.additional);
    if (!in.ok())
        return {};
    return message;
}

std::string write_message(const DnsMessage& message, std::size_t most)
{
    std::string body;
    for (const DnsQuestion& question : message.questions) {
        body += net::write_dns_name(question.name);
        put_u16(body, question.type);
        put_u16(body, question.klass);
    }
    const std::size_t room = most - std::min(most, first_question_at + (message.edns_size ? opt_size : 0));
    bool is_truncated = message.is_truncated;
    const auto put_records = [&](const std::vector<DnsRecord>& records, bool needed) {
        unsigned count = 0;
        for (const DnsRecord& record : records) {
            const std::string bytes = write_record(record, message);
            if (body.size() + bytes.size() > room) {
                is_truncated = is_truncated || needed;  // RFC 2181 section 9
                break;
            }
            body += bytes;
            ++count;
        }
        return count;
    };
    const unsigned answers = put_records(message.answers, true);
    const unsigned authority = put_records(message.authority, true);
    unsigned additional = put_records(message.additional, false);
    if (message.edns_size) {
        body += '\0';
        put_u16(body, opt_type);
        put_u16(body, *message.edns_size);
        body.append(6, '\0');  // no extended rcode, version 0, no flags, no options
        ++additional;
    }
    std::string out;
    put_u16(out, message.id);
    put_u16(out,
            (message.is_response ? 0x8000u : 0u) | (message.opcode & 0xfu) << 11 |
                (message.is_authoritative ? 0x0400u : 0u) | (is_truncated ? 0x0200u : 0u) |
                (message.recursion_desired ? 0x0100u : 0u) | (message.recursion_available ? 0x0080u : 0u) |
                (static_cast<unsigned>(message.rcode) & 0xfu));
    put_u16(out, static_cast<unsigned>(message.questions.size()));
    put_u16(out, answers);
    put_u16(out, authority);
    put_u16(out, additional);
    return out + body;
}

}  // namespace posthouse::lab

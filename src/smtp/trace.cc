#include "smtp/trace.h"

#include "base/text.h"
#include "smtp/path_grammar.h"

#include <fmt/format.h>

namespace posthouse::smtp {

std::string_view protocol_word(const SessionFacts& facts, const Envelope& envelope)
{
    static constexpr std::array<std::string_view, 8> words{"ESMTP",    "ESMTPS",    "ESMTPA",    "ESMTPSA",
                                                           "UTF8SMTP", "UTF8SMTPS", "UTF8SMTPA", "UTF8SMTPSA"};
    if (!facts.extended)
        return "SMTP";
    return words[(facts.encrypted ? 1 : 0) + (facts.login.empty() ? 0 : 2) + (envelope.smtputf8 ? 4 : 0)];
}

namespace {

// RFC 5321 section 4.1.3
std::string literal(const std::string& address)
{
    return address.find(':') == std::string::npos ? fmt::format("[{}]", address) : fmt::format("[IPv6:{}]", address);
}

// From-domain with TCP-info. A name that is no Domain stands in a comment: the grammar let only
// letters, digits, dots, colons, hyphens and underscores in, none of which means anything there.
std::string from(const SessionFacts& facts)
{
    const std::string& name = facts.greeted_as;
    if (name.starts_with('[') || is_domain(name))
        return fmt::format("{} ({})", name, literal(facts.peer.address));
    return fmt::format("{} (greets as {})", literal(facts.peer.address), name);
}

}  // namespace

std::string received_field(const SessionFacts& facts, const Envelope& envelope, Id message, std::string_view host_name,
                           WallTime now)
{
    const std::string tls =
        facts.encrypted ? fmt::format(" ({} {})", facts.tls_version, facts.tls_cipher) : std::string();
    const std::string recipient = envelope.recipients.size() == 1
        ? fmt::format("\r\n\tfor <{}>", envelope.recipients.front().path.text())
        : std::string();
    return fmt::format("Received: from {}\r\n\tby {} (Posthouse) with {}{}\r\n\tid {}{};\r\n\t{}\r\n", from(facts),
                       host_name, protocol_word(facts, envelope), tls, id_text(message), recipient, rfc5322_date(now));
}

std::optional<Reply> HeaderWatch::watch(std::string_view piece)
{
    while (!over_ && !piece.empty()) {
        const std::size_t lf = piece.find('\n');
        const std::string_view segment = piece.substr(0, lf == std::string_view::npos ? lf : lf + 1);
        const std::size_t count = std::min(line_.size() - length_, segment.size());
        std::copy_n(segment.begin(), count, line_.begin() + length_);
        length_ += count;
        bytes_ += segment.size();
        if (bytes_ > most_header_bytes)
            return Reply{552, "5.3.4",
                         fmt::format("the header is too large; {} bytes are the most", most_header_bytes)};
        piece.remove_prefix(segment.size());
        if (lf == std::string_view::npos)
            break;
        const std::string_view line(line_.data(), length_);
        over_ = line.starts_with("\r\n");
        if (equals_ignoring_case(line, received) && ++hops_ >= most_hops)
            return Reply{554, "5.4.6", fmt::format("a mail loop: the message has {} Received fields", hops_)};
        length_ = 0;
    }
    return std::nullopt;
}

void MessageIdWatch::watch(std::string_view piece)
{
    while (!over_ && !piece.empty()) {
        const std::size_t lf = piece.find('\n');
        const std::string_view segment = piece.substr(0, lf == std::string_view::npos ? lf : lf + 1);
        line_ += segment.substr(0, std::min(segment.size(), longest - line_.size()));
        piece.remove_prefix(segment.size());
        if (lf != std::string_view::npos)
            end_line();
    }
}

// RFC 5322 section 2.2.3: the id may stand on a line of its own, behind a blank.
void MessageIdWatch::end_line()
{
    const bool continues = line_.starts_with(' ') || line_.starts_with('\t');
    is_field_ = continues ? is_field_ : starts_with_ignoring_case(line_, field);
    over_ = line_ == "\r\n" || line_ == "\n";
    if (is_field_) {
        const std::size_t open = line_.find('<');
        const std::size_t close = line_.find('>', open == std::string::npos ? open : open + 1);
        if (open != std::string::npos && close != std::string::npos)
            id_ = trim(std::string_view(line_).substr(open + 1, close - open - 1));
        over_ |= !id_.empty();
    }
    line_.clear();
}

}  // namespace posthouse::smtp

// Notices about hostile messages and peers: no crash, always the same fields and three parts, and a report that is
// read back. The input is texts separated by 0xff, for each of a notice's members.
#include "mta/bounce/report.h"

#include "base/text.h"
#include "message/dsn.h"
#include "message/parser.h"

#include <array>
#include <cstdlib>

using namespace posthouse;
using namespace posthouse::mta::bounce;

namespace {

void require(bool holds)
{
    if (!holds)
        std::abort();
}

constexpr WallTime now{std::chrono::seconds{1'795'305'747}};

smtp::Notice notice_of(std::string_view input)
{
    std::array<std::string, 14> texts;
    for (std::size_t i = 0; const std::string_view text : split(input, '\xff'))
        texts[i++ % texts.size()] = text;
    smtp::NoticeRecipient recipient;
    recipient.kind = static_cast<smtp::NoticeKind>(input.size() % 5);
    recipient.recipient.path = {texts[0], texts[1]};
    recipient.recipient.original_recipient = texts[2];
    recipient.fate.status = texts[3];
    recipient.fate.reply = {input.size() % 3 == 0 ? 0 : 550, "", texts[4]};
    recipient.fate.remote_mta = texts[5];
    recipient.fate.remote_address = texts[6];
    recipient.fate.reason = texts[7];
    recipient.fate.dialogue = {texts[8], texts[4]};
    recipient.fate.remote_id = texts[9];
    recipient.attempts = static_cast<std::uint32_t>(input.size() % 4);
    smtp::Notice notice;
    notice.arrived = now;
    notice.envelope.reverse_path = {texts[10], "north.test"};
    notice.envelope.envelope_id = texts[11];
    notice.received_from = texts[12];
    notice.header = texts[13];
    notice.content = texts[13];
    notice.content_is_whole = true;
    notice.recipients = {recipient};
    return notice;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size > 20'000)
        return 0;
    SeededRandom random(1);
    const ReportWriter writer({.host_name = "north.test"}, random);
    const smtp::Notice notice = notice_of({reinterpret_cast<const char*>(data), size});
    const std::string text = writer.write(notice, now);
    const message::Digest digest = message::digest_of(text);
    require(digest.header_garbage == 0 && digest.parts.size() >= 4 && digest.next_sibling(3) == message::no_part);
    for (message::HeaderReader reader(text); const auto field = reader.next();) {
        bool known = false;
        for (const std::string_view name : {"Date", "From", "To", "Subject", "Message-ID", "In-Reply-To", "References",
                                            "Auto-Submitted", "MIME-Version", "Content-Type"})
            known = known || field->is(name);
        require(known);
    }
    const message::Part& machine = digest.parts[2];
    const auto status =
        message::parse_delivery_status(std::string_view(text).substr(machine.body_begin, machine.body_size()));
    require(status && status->recipients.size() == 1);
    require(status->recipients[0].action ==
            static_cast<message::DeliveryAction>(static_cast<std::uint8_t>(notice.recipients[0].kind)));
    return 0;
}

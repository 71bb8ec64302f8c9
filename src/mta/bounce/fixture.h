// A notice about one message that failed, to be changed by each test.
#pragma once

#include "smtp/notice.h"

namespace posthouse::mta::bounce {

inline constexpr WallTime arrived{std::chrono::seconds{1'795'305'747}};  // Sun, 22 Nov 2026 00:02:27 +0000

inline smtp::NoticeRecipient unknown_carol()
{
    smtp::NoticeRecipient recipient;
    recipient.kind = smtp::NoticeKind::failed;
    recipient.recipient.path = {"carol", "south.test"};
    recipient.recipient.original_recipient = "rfc822;friends@north.test";
    recipient.fate.fate = smtp::Fate::failed;
    recipient.fate.status = "5.1.1";
    recipient.fate.reply = {550, "5.1.1", "no such user here"};
    recipient.fate.remote_mta = "mx.south.test";
    recipient.fate.remote_address = "127.0.0.2:2525";
    recipient.fate.dialogue = {"C: RCPT TO:<carol@south.test>", "S: 550 5.1.1 no such user here"};
    recipient.attempts = 1;
    recipient.last_attempt = arrived + 1s;
    return recipient;
}

inline smtp::Notice a_notice()
{
    smtp::Notice notice;
    notice.notice = 0x1a2b3c;
    notice.about = 0x1a2b3d;
    notice.arrived = arrived;
    notice.envelope.reverse_path = {"alice", "north.test"};
    notice.envelope.envelope_id = "QQ314159";
    notice.received_from = "desk.north.test";
    notice.recipients = {unknown_carol()};
    notice.header = "From: Alice <alice@north.test>\r\n"
                    "To: carol@south.test\r\n"
                    "Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\n"
                    "Date: Sun, 22 Nov 2026 00:02:20 +0000\r\n"
                    "Message-ID: <first@desk.north.test>\r\n"
                    "\r\n";
    return notice;
}

}  // namespace posthouse::mta::bounce

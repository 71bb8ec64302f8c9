// One message as a listing shows it, and how messages become lines and JSON.
//
// Nothing that comes out of mail reaches the terminal raw: tables go through base/terminal.h, lines
// through safe_lines(), JSON through json_document(). Pure but for the printing; threads: any.
#pragma once

#include "imap/client/response.h"
#include "mua/listing.h"

#include <boost/json.hpp>

namespace posthouse::mua {

struct Summary {
    Place place;
    std::string email_id;
    std::string thread_id;
    std::vector<std::string> flags;  // IMAP's
    std::optional<WallTime> received;
    std::uint64_t size = 0;
    message::Envelope envelope;
    bool has_attachment = false;
    std::optional<std::string> preview;

    bool has_flag(std::string_view flag) const;  // ignoring case
    std::string id() const { return permanent_id(place, email_id); }
    std::optional<WallTime> when() const;  // received, else the Date field
};
Summary summary_of(imap::FetchResponse message, std::string mailbox, std::uint32_t uid_validity);

// For people, decoded: names of mailboxes, else their addresses; several with commas.
std::string people(const std::vector<message::Address>& addresses);
// "Alice <alice@north.test>, …", decoded.
std::string people_in_full(const std::vector<message::Address>& addresses);
std::string subject_of(const message::Envelope& envelope);
// "N" not read, "R" answered, "F" forwarded, "!" flagged, "D" draft, "@" with attachments.
std::string marks_of(const Summary& summary);
std::string local_date(WallTime time);  // "2026-11-22 14:05", in the machine's zone

// RFC 8621 section 4: an Email object. Flags become keywords.
boost::json::object email_object(const Summary& summary);
boost::json::array address_array(const std::vector<message::Address>& addresses);
boost::json::string json_text(std::string_view text);  // valid UTF-8, whatever came
// Serialized, with what a terminal could obey escaped.
std::string json_document(const boost::json::value& value);

// A table to a terminal; to a pipe: number, id, date, marks, from, subject. The rows are numbered from 1.
// `mine`: the person's own address; at a terminal what it sent is shown with its recipients.
void print_summaries(const std::vector<Summary>& list, bool with_mailbox, std::string_view mine);

// Text of several lines for the terminal: tabs become blanks, controls and what is not UTF-8 escaped.
std::string safe_lines(std::string_view text);

}  // namespace posthouse::mua

// From what a person types to a message. Pure but for the files attached; threads: any.
#pragma once

#include "message/builder.h"
#include "message/digest.h"
#include "mua/commands.h"
#include "mua/summary.h"

namespace posthouse::mua {

// A message ready to go: for its recipients, and for Sent, which alone has the Bcc field.
struct Letter {
    std::string for_recipients;
    std::string for_sent;
    std::vector<message::AddrSpec> recipients;  // each once
    std::string message_id;  // without brackets
};

// Addresses as typed, one or several in a text: "bob@north.test", "Bob <bob@north.test>, carol@south.test".
// malformed says which one and why.
Result<std::vector<message::Address>> typed_addresses(const std::vector<std::string>& texts);

// A file as an attachment: text stays text where that changes no byte. Errors: those of reading it.
Result<message::BodyPart> attached_file(const std::string& path);

// From, recipients, subject and parts by the options; `text` is the body.
Result<message::Draft> draft_of(const Identity& identity, const WriteOptions& options, std::string text);

// RFC 5322 section 3.6.3: To, Subject, In-Reply-To and References of an answer. `mine`: addresses that are the
// person's own and get no copy.
void make_reply(message::Draft& draft, const message::Digest& original, bool to_all, const std::string& mine);
// "On 2026-11-22 14:05, Alice wrote:" and the text with "> ".
std::string quoted_text(const message::Digest& original, std::string_view text);
std::string reply_subject(std::string_view subject);
std::string forward_subject(std::string_view subject);
// The head and the text of a message that is forwarded as text.
std::string forwarded_text(const message::Digest& original, std::string_view text);

// malformed: nobody to send it to, and whatever the builder refuses.
Result<Letter> finish(message::Draft draft, const Clock& clock, Random& random);

// The header without its Bcc fields; the rest byte for byte.
std::string without_bcc(std::string_view whole);

// The recipient as SMTP wants it: the domain in A-labels.
Result<smtp::Path> path_of(const message::AddrSpec& address);

}  // namespace posthouse::mua

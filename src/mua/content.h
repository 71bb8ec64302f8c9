// What a person sees of a message: its text, and what is attached. Pure; threads: any.
#pragma once

#include "message/digest.h"

#include <string>
#include <string_view>
#include <vector>

namespace posthouse::mua {

struct Attachment {
    std::string path;  // "2.1", as IMAP and JMAP name parts
    std::string name;  // as the message says: not safe as a file's name
    std::string type;  // "image/png"
    std::uint64_t size = 0;  // bytes as sent, encoded
    std::int32_t part = 0;  // index into Digest::parts
};
struct TextPart {
    std::string path;
    std::string type;
    std::string text;  // UTF-8, lines end with LF; HTML as text
};
struct Content {
    std::vector<TextPart> texts;
    std::vector<Attachment> attachments;
};
// Of alternatives the plain text, where it says something; HTML otherwise. A message within the message is an
// attachment.
Content content_of(const message::Digest& digest, std::string_view whole);
std::string joined(const std::vector<TextPart>& texts);

// The decoded bytes of an attachment.
std::string bytes_of(const message::Digest& digest, const Attachment& attachment, std::string_view whole);

// A name that can only be a file in the folder it is put into: no separators, no controls, no bidirectional
// overrides, no leading dot or dash, at most 200 bytes with its ending kept, never empty.
std::string safe_file_name(std::string_view name, std::string_view type, std::size_t number);

// "image/png" by a file's ending; application/octet-stream where it tells nothing.
std::string_view type_of_file(std::string_view name);

}  // namespace posthouse::mua

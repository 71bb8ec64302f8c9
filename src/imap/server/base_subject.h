// The base subject, by which SUBJECT sorts and threads are gathered. RFC 5256 section 2.1.
#pragma once

#include <string>
#include <string_view>

namespace posthouse::imap {

struct BaseSubject {
    std::string text;  // folded as SEARCH folds: without case and accents
    bool is_reply = false;  // something was taken away that says "reply" or "forward"
};
// `subject` as it stands in the header, encoded-words and all. Linear in practice: every step takes something away.
BaseSubject base_subject(std::string_view subject);

}  // namespace posthouse::imap

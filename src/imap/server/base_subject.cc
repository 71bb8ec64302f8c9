#include "imap/server/base_subject.h"

#include "base/text.h"
#include "imap/server/search_text.h"
#include "message/header.h"

namespace posthouse::imap {

namespace {

bool is_blank(char c) { return c == ' '; }

// Step 1: decoded; tabs and runs of blanks become one space.
std::string with_single_spaces(std::string_view text)
{
    std::string out;
    for (const char c : text) {
        const char plain = c == '\t' ? ' ' : c;
        if (plain != ' ' || !out.ends_with(' '))
            out += plain;
    }
    return out;
}

void skip_blanks(std::string_view& text)
{
    while (!text.empty() && is_blank(text.front()))
        text.remove_prefix(1);
}

// subj-trailer = "(fwd)" / WSP
bool take_trailer(std::string_view& text, bool& is_reply)
{
    if (text.ends_with(' ')) {
        text.remove_suffix(1);
        return true;
    }
    if (!text.ends_with("(fwd)"))
        return false;
    text.remove_suffix(5);
    return is_reply = true;
}

// subj-blob = "[" *BLOBCHAR "]" *WSP
bool take_blob(std::string_view& text)
{
    if (!text.starts_with('['))
        return false;
    const std::size_t end = text.find_first_of("[]", 1);
    if (end == std::string_view::npos || text[end] != ']')
        return false;
    text.remove_prefix(end + 1);
    skip_blanks(text);
    return true;
}

// subj-refwd = ("re" / ("fw" ["d"])) *WSP [subj-blob] ":"
bool take_refwd(std::string_view& text)
{
    std::string_view rest = text;
    if (rest.starts_with("re"))
        rest.remove_prefix(2);
    else if (rest.starts_with("fwd"))
        rest.remove_prefix(3);
    else if (rest.starts_with("fw"))
        rest.remove_prefix(2);
    else
        return false;
    skip_blanks(rest);
    take_blob(rest);
    if (!rest.starts_with(':'))
        return false;
    text = rest.substr(1);
    return true;
}

// subj-leader = (*subj-blob subj-refwd) / WSP
bool take_leader(std::string_view& text, bool& is_reply)
{
    if (text.starts_with(' ')) {
        skip_blanks(text);
        return true;
    }
    std::string_view rest = text;
    while (take_blob(rest)) { }
    if (!take_refwd(rest))
        return false;
    text = rest;
    return is_reply = true;
}

// Step 4: a blob in front goes if something is left behind it.
bool take_blob_unless_last(std::string_view& text)
{
    std::string_view rest = text;
    if (!take_blob(rest) || rest.empty())
        return false;
    text = rest;
    return true;
}

}  // namespace

BaseSubject base_subject(std::string_view subject)
{
    const std::string decoded = with_single_spaces(folded(message::decode_text(subject)));
    std::string_view text = decoded;
    BaseSubject base;
    for (;;) {
        while (take_trailer(text, base.is_reply)) { }  // step 2
        while (take_leader(text, base.is_reply) || take_blob_unless_last(text)) { }  // steps 3 to 5
        if (!text.starts_with("[fwd:") || !text.ends_with(']'))
            break;
        text = text.substr(5, text.size() - 6);  // step 6
        base.is_reply = true;
    }
    base.text = text;
    return base;
}

}  // namespace posthouse::imap

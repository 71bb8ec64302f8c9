#include "journey/conversation.h"

#include "base/text.h"
#include "journey/line_pattern.h"

#include <algorithm>

namespace posthouse::journey {

namespace {

struct Announced {
    std::uint64_t size = 0;
    bool synchronising = true;
};

// "{310}" or "{310+}" at a line's end.
std::optional<Announced> announced(std::string_view line)
{
    const std::size_t open = line.rfind('{');
    if (open == std::string_view::npos || !line.ends_with('}'))
        return std::nullopt;
    line = line.substr(open + 1, line.size() - open - 2);
    Announced literal;
    literal.synchronising = !line.ends_with('+');
    if (!literal.synchronising)
        line.remove_suffix(1);
    const auto size = parse_number<std::uint64_t>(line);
    literal.size = size.value_or(0);
    return size ? std::optional(literal) : std::nullopt;
}

// "[310 bytes of message]"
std::optional<std::uint64_t> size_of_message(std::string_view text)
{
    constexpr std::string_view rest = " bytes of message]";
    if (!text.starts_with('[') || !text.ends_with(rest))
        return std::nullopt;
    return parse_number<std::uint64_t>(text.substr(1, text.size() - rest.size() - 1));
}

// What a message is made of when it is played: nobody needs more of it.
constexpr std::uint64_t largest_played = 64 * 1024;

// What stands behind a literal; a command begins with its tag.
bool is_continuation(std::string_view text) { return text.empty() || text.starts_with(' ') || text.starts_with(')'); }

}  // namespace

// The player sends what one client says when it is that client's turn to hear; others may wait for it.
void ConversationWriter::send_of_others()
{
    for (auto& [number, session] : sessions_) {
        if (number == number_ || !std::exchange(session.has_unsent, false))
            continue;
        const unsigned mine = std::exchange(number_, number);
        turn('W');
        number_ = mine;
    }
}

void ConversationWriter::turn(char who, std::string_view text)
{
    if (who == 'S' || who == 'M' || who == 'X')
        send_of_others();
    if (who != 'W')
        sessions_[number_].has_unsent = who == 'C' || who == 'B' || who == 'R';
    script_ += who;
    if (number_ > 1)
        script_ += std::to_string(number_);
    const bool has_text = std::string_view("CSBMR").find(who) != std::string_view::npos;
    if (has_text)
        script_ += ':';
    if (has_text && !text.empty())
        script_ += ' ' + std::string(text);
    script_ += '\n';
}

std::string ConversationWriter::add(const Heard& heard)
{
    script_.clear();
    if (heard.kind == Heard::Kind::lost)
        return "# " + heard.text + " lines are missing here: nobody fetched them in time\n";
    number_ = heard.number;
    if (heard.kind == Heard::Kind::opened) {
        if (number_ <= most_sessions)
            sessions_[number_].user = heard.user;
        script_ = "# session " + std::to_string(number_) + ": " + std::string(to_string(heard.protocol)) + " from " +
            heard.text + (heard.user.empty() ? "" : ", " + heard.user) + "\n";
        if (number_ > most_sessions)
            script_ += "# left out: a script has nine sessions\n";
        return script_;
    }
    if (number_ > most_sessions)
        return {};
    Session& session = sessions_[number_];
    if (heard.kind == Heard::Kind::cut) {
        script_ = "# session " + std::to_string(number_) + " went on, and was too long to be kept\n";
    } else if (heard.kind == Heard::Kind::closed) {
        if (session.goes)
            turn('X');
        else
            script_ = "# session " + std::to_string(number_) + ": the client hung up\n";
        sessions_.erase(number_);
    } else if (heard.protocol == Protocol::imap) {
        heard.speaker == Speaker::client ? imap_client(session, heard.text) : imap_server(session, heard.text);
    } else if (heard.protocol == Protocol::pop3) {
        heard.speaker == Speaker::client ? pop3_client(session, heard.text) : pop3_server(session, heard.text);
    } else {
        heard.speaker == Speaker::client ? smtp_client(session, heard.text) : smtp_server(session, heard.text);
    }
    return script_;
}

void ConversationWriter::imap_client(Session& session, std::string_view text)
{
    if (session.left_out != Session::LeftOut::nothing || text.ends_with(" bytes of message]"))
        return;  // SASL responses; what a literal held
    if (std::exchange(session.line_is_open, false) && !is_continuation(text))
        turn('C');
    const std::size_t space = text.find(' ');
    const std::string_view tag = text.substr(0, space);
    const std::string_view rest = space == std::string_view::npos ? std::string_view() : text.substr(space + 1);
    const bool is_login = starts_with_ignoring_case(rest, "LOGIN ") || starts_with_ignoring_case(rest, "AUTHENTICATE ");
    if (is_login || equals_ignoring_case(rest, "STARTTLS")) {
        session.left_out = is_login ? Session::LeftOut::login : Session::LeftOut::tls;
        session.tag = tag;
        if (is_login)
            turn('C', std::string(tag) + " LOGIN $user $password");
        return;
    }
    turn('C', text.starts_with('[') ? "?" : text);  // "[unreadable line]": any that is none
    if (const auto literal = announced(text)) {
        if (literal->synchronising)
            session.literal = literal->size;
        else
            turn('B', std::to_string(literal->size));
        session.line_is_open = !literal->synchronising;
    }
}

void ConversationWriter::imap_server(Session& session, std::string_view text)
{
    if (session.left_out != Session::LeftOut::nothing) {
        if (text.starts_with("+ "))
            return;
        if (text.starts_with(session.tag + " ") &&
            std::exchange(session.left_out, Session::LeftOut::nothing) == Session::LeftOut::tls)
            return;
    }
    if (std::exchange(session.line_is_open, false))
        turn('C');
    session.goes |= text.starts_with("* BYE");
    const std::uint64_t literal = std::exchange(session.literal, 0);
    std::vector<std::string> parts = split_at_literals(text);
    for (std::size_t i = 0; i < parts.size(); ++i) {
        turn('S', imap_pattern(parts[i]));
        if (i + 1 < parts.size())
            turn('L');
    }
    if (literal > 0 && text.starts_with("+ ")) {
        turn('B', std::to_string(literal));
        session.line_is_open = true;
    }
}

void ConversationWriter::pop3_client(Session& session, std::string_view text)
{
    if (session.left_out != Session::LeftOut::nothing)
        return;
    session.goes = equals_ignoring_case(text, "QUIT");
    if (equals_ignoring_case(text, "STLS")) {
        session.left_out = Session::LeftOut::tls;
    } else if (starts_with_ignoring_case(text, "USER ")) {
        turn('C', "USER $user");
    } else if (starts_with_ignoring_case(text, "PASS ")) {
        turn('C', "PASS $password");
    } else if (starts_with_ignoring_case(text, "AUTH ")) {
        session.left_out = Session::LeftOut::login;
        turn('C', "USER $user");
        turn('S', "+OK …");
        turn('C', "PASS $password");
    } else {
        turn('C', text.starts_with('[') ? "?" : text);
    }
}

void ConversationWriter::pop3_server(Session& session, std::string_view text)
{
    if (text.starts_with('['))  // "[310 octets of message]"
        return turn('D');
    if (session.left_out != Session::LeftOut::nothing) {
        if (text.starts_with("+ "))
            return;
        if (std::exchange(session.left_out, Session::LeftOut::nothing) == Session::LeftOut::tls)
            return;
    }
    turn('S', pop3_pattern(text));
}

void ConversationWriter::smtp_client(Session& session, std::string_view text)
{
    if (session.left_out != Session::LeftOut::nothing) {
        if (text == "*")
            session.auth = "*";
        return;  // SASL responses
    }
    if (const auto size = size_of_message(text)) {
        if (session.has_chunk)
            return;
        if (*size > largest_played)
            script_ += "# of " + std::to_string(*size) + " bytes\n";
        if (!session.sender.empty()) {
            turn('C', "From: <" + session.sender + ">");
            turn('C');
        }
        const std::uint64_t rest = std::min(*size, largest_played);
        if (rest > 0) {
            turn('B', std::to_string(rest));
            turn('C');
        }
        return turn('C', ".");
    }
    session.goes |= equals_ignoring_case(text, "QUIT");
    if (equals_ignoring_case(text, "STARTTLS")) {
        session.left_out = Session::LeftOut::tls;
    } else if (text.starts_with("AUTH ")) {
        session.left_out = Session::LeftOut::login;
        session.auth = text;
    } else if (starts_with_ignoring_case(text, "MAIL FROM:<")) {
        const std::size_t begin = text.find('<') + 1;
        const std::size_t end = std::min(text.find('>', begin), text.size());
        session.sender = text.substr(begin, end - begin);
        session.has_begun = false;
        if (!session.user.empty() && equals_ignoring_case(session.sender, session.user))
            session.sender = "$user";
        turn('C', std::string(text.substr(0, begin)) + session.sender + std::string(text.substr(end)));
    } else if (starts_with_ignoring_case(text, "BDAT ")) {
        turn('C', text);
        const std::string_view size = text.substr(5, std::min(text.find(' ', 5), text.size()) - 5);
        smtp_chunk(session, parse_number<std::uint64_t>(size).value_or(0));
        session.has_chunk = true;
        session.has_begun = true;
    } else {
        turn('C', text.starts_with('[') ? "?" : text);  // "[a line behind a refused AUTH]"
    }
}

// Exactly as long as it was: the first begins with a header, where there is room for one.
void ConversationWriter::smtp_chunk(const Session& session, std::uint64_t size)
{
    const std::string& sender = session.sender == "$user" ? session.user : session.sender;
    const std::uint64_t header = std::string_view("From: <>\r\n\r\n").size() + sender.size();
    if (!session.has_begun && !sender.empty() && size >= header && sender.find('\\') == std::string::npos) {
        turn('R', "From: <" + sender + ">\\r\\n\\r\\n");
        size -= header;
    }
    if (size > 0)
        turn('B', std::to_string(size));
}

// By what it was answered: a right proof is $plain, a wrong one is some other.
void ConversationWriter::smtp_auth(Session& session, std::string_view answer)
{
    const std::string auth = std::exchange(session.auth, {});
    if (answer.starts_with("235")) {
        turn('C', "AUTH PLAIN $plain");
    } else if (auth == "*") {
        turn('C', "AUTH PLAIN");
        turn('S', "334 …");
        turn('C', "*");
    } else {
        turn('C', auth.ends_with("[left out]") ? "AUTH ?" : "AUTH PLAIN AGEAYg==");  // "a", "b"
    }
}

void ConversationWriter::smtp_server(Session& session, std::string_view text)
{
    if (text.starts_with("334 ") && session.left_out == Session::LeftOut::login)
        return;
    const bool is_last = !text.substr(0, 4).ends_with('-');
    if (!is_last) {
        session.in_reply = true;
        return;
    }
    const char who = std::exchange(session.in_reply, false) ? 'M' : 'S';
    const auto left_out = std::exchange(session.left_out, Session::LeftOut::nothing);
    if (left_out == Session::LeftOut::tls)
        return;
    if (left_out == Session::LeftOut::login)
        smtp_auth(session, text);
    session.has_chunk = false;
    session.goes |= text.starts_with("421");
    turn(who, smtp_pattern(text));
}

}  // namespace posthouse::journey

#include "lab/host_script.h"

#include "base/text.h"

#include <algorithm>

#include <fmt/format.h>

namespace posthouse::lab {

namespace {

constexpr std::size_t most_seen = 100'000;
constexpr std::size_t most_taken = 1'000;
constexpr std::size_t most_kept_content = 64 * 1024;
constexpr std::size_t most_recipients = 1'000;

std::string with_line_ends(std::string_view text)
{
    std::string out;
    for (const std::string_view line : split(text, '\n'))
        out += std::string(line) + "\r\n";
    return out;
}

// What stands between the first < and the last >: a host of the lab is not strict.
std::string path_in(std::string_view line)
{
    const std::size_t begin = line.find('<');
    const std::size_t end = line.find('>', begin == std::string_view::npos ? 0 : begin);
    if (begin == std::string_view::npos || end == std::string_view::npos)
        return {};
    return std::string(line.substr(begin + 1, end - begin - 1));
}

bool is_positive(const HostAnswer& answer)
{
    return !answer.text.empty() && (answer.text[0] == '2' || answer.text[0] == '3');
}

}  // namespace

bool HostMemory::is_first(const std::string& sender, const std::string& recipient)
{
    const std::scoped_lock lock(mutex_);
    if (seen_.size() >= most_seen)
        seen_.clear();
    return seen_.insert(to_lower(sender) + '\n' + to_lower(recipient)).second;
}

void HostMemory::take(TakenMail mail)
{
    const std::scoped_lock lock(mutex_);
    taken_.push_back(std::move(mail));
    if (taken_.size() > most_taken)
        taken_.pop_front();
}

std::vector<TakenMail> HostMemory::taken() const
{
    const std::scoped_lock lock(mutex_);
    return {taken_.begin(), taken_.end()};
}

void HostMemory::count_connection()
{
    const std::scoped_lock lock(mutex_);
    ++connections_;
}

std::size_t HostMemory::connections() const
{
    const std::scoped_lock lock(mutex_);
    return connections_;
}

// What the script has for this place, else `otherwise`.
HostAnswer HostTalk::say(const std::string& place, std::string_view otherwise, HostStep next) const
{
    if (place == script_.hangs_at)
        return {{}, HostStep::hang};
    if (place == script_.closes_at)
        return {{}, HostStep::close};
    const auto scripted = script_.replies.find(place);
    return {with_line_ends(scripted != script_.replies.end() ? std::string_view(scripted->second) : otherwise), next};
}

HostAnswer HostTalk::connected()
{
    memory_.count_connection();
    HostAnswer answer = say("CONNECT", fmt::format("220 {} ESMTP", script_.name));
    if (answer.text.starts_with("421"))
        answer.next = HostStep::close;
    return answer;
}

HostAnswer HostTalk::hello(bool extended)
{
    mail_ = {};
    if (!extended)
        return say("HELO", "250 " + script_.name);
    std::vector<std::string> extensions = script_.extensions;
    if (script_.breaks_tls)
        extensions.emplace_back("STARTTLS");
    std::string text = (extensions.empty() ? "250 " : "250-") + script_.name;
    for (std::size_t i = 0; i < extensions.size(); ++i)
        text += (i + 1 < extensions.size() ? "\n250-" : "\n250 ") + extensions[i];
    return say("EHLO", text);
}

HostAnswer HostTalk::mail(std::string_view line)
{
    HostAnswer answer = say("MAIL", "250 2.1.0 fine");
    mail_ = {};
    mail_.reverse_path = path_in(line);
    return answer;
}

HostAnswer HostTalk::rcpt(std::string_view line)
{
    const std::string path = path_in(line);
    if (script_.greylists && memory_.is_first(mail_.reverse_path, path))
        return {"450 4.7.1 greylisted: come again in a while\r\n"};
    if (mail_.recipients.size() >= most_recipients)
        return {"452 4.5.3 too many recipients\r\n"};
    HostAnswer answer = say("RCPT", "250 2.1.5 fine");
    if (is_positive(answer))
        mail_.recipients.push_back(path);
    return answer;
}

HostAnswer HostTalk::data()
{
    if (mail_.recipients.empty())
        return {"554 5.5.1 no recipient was accepted\r\n"};
    HostAnswer answer = say("DATA", "354 go on");
    in_content_ = is_positive(answer);
    return answer;
}

HostAnswer HostTalk::content(std::string_view line)
{
    if (line != ".") {
        line.remove_prefix(line.starts_with('.') ? 1 : 0);
        if (mail_.content.size() + line.size() + 2 <= most_kept_content)
            mail_.content += std::string(line) + "\r\n";
        return {};
    }
    in_content_ = false;
    HostAnswer answer = say(".", "250 2.0.0 taken");
    if (is_positive(answer))
        memory_.take(std::move(mail_));
    mail_ = {};
    return answer;
}

HostAnswer HostTalk::on_line(std::string_view line)
{
    if (in_content_)
        return content(line);
    const std::string verb = to_upper(line.substr(0, line.find(' ')));
    if (verb == "EHLO" || verb == "HELO")
        return hello(verb == "EHLO");
    if (verb == "MAIL")
        return mail(line);
    if (verb == "RCPT")
        return rcpt(line);
    if (verb == "DATA")
        return data();
    if (verb == "STARTTLS" && script_.breaks_tls)
        return say(verb, "220 2.0.0 go on", HostStep::break_tls);
    if (verb == "QUIT")
        return say(verb, "221 2.0.0 goodbye", HostStep::close);
    if (verb == "RSET")
        mail_ = {};
    const bool known = verb == "RSET" || verb == "NOOP";
    return say(known ? verb : "?", known ? "250 2.0.0 fine" : "502 5.5.1 not here");
}

}  // namespace posthouse::lab

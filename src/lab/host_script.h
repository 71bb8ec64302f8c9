// What a host of the lab says to those who bring it mail: a plain struct, and the conversation that it makes. Pure.
//
//     HostScript script{.name = "full.test"};
//     script.replies["RCPT"] = "452 4.2.2 the mailbox is full";
//     script.greylists = true;            // each sender's first mail to each recipient is 450
//     script.hangs_at = ".";              // never answers the end of a message
//
// A place in the conversation is called by its verb in upper case; "CONNECT" is the greeting, "." the end of a
// message. Whatever the script does not say goes well.
#pragma once

#include "base/time.h"

#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace posthouse::lab {

struct HostScript {
    std::string name;
    std::vector<std::string> extensions{"PIPELINING", "SIZE 10485760", "8BITMIME", "ENHANCEDSTATUSCODES"};
    std::map<std::string, std::string> replies;  // instead of the good ones; codes included, '\n' between lines
    std::string hangs_at;  // says nothing any more from there on
    std::string closes_at;  // hangs up there, without an answer
    bool greylists = false;
    bool breaks_tls = false;  // announces STARTTLS, says 220, and sends what is no TLS
    Duration pace{};  // before each byte it sends
};

// What a host took, for tests to look at.
struct TakenMail {
    std::string reverse_path;  // as it stood between the brackets
    std::vector<std::string> recipients;
    std::string content;  // dots unstuffed; its first 64 KiB
};

// What outlasts a conversation. Threads: any.
class HostMemory {
public:
    // True the first time this sender writes to this recipient.
    bool is_first(const std::string& sender, const std::string& recipient);
    void take(TakenMail mail);
    std::vector<TakenMail> taken() const;  // the last 1,000, in order
    void count_connection();
    std::size_t connections() const;

private:
    mutable std::mutex mutex_;
    std::set<std::string> seen_;
    std::deque<TakenMail> taken_;
    std::size_t connections_ = 0;
};

enum class HostStep : std::uint8_t { go_on, hang, close, break_tls };
struct HostAnswer {
    std::string text;  // with CRLF; empty: nothing is said
    HostStep next = HostStep::go_on;
};

// One conversation. Lifetime: script and memory outlive it.
class HostTalk {
public:
    HostTalk(const HostScript& script, HostMemory& memory) : script_(script), memory_(memory) { }
    HostAnswer connected();
    HostAnswer on_line(std::string_view line);  // without its CRLF; commands and lines of content alike

private:
    HostAnswer say(const std::string& place, std::string_view otherwise, HostStep next = HostStep::go_on) const;
    HostAnswer hello(bool extended);
    HostAnswer mail(std::string_view line);
    HostAnswer rcpt(std::string_view line);
    HostAnswer data();
    HostAnswer content(std::string_view line);

    const HostScript& script_;
    HostMemory& memory_;
    TakenMail mail_;
    bool in_content_ = false;
};

}  // namespace posthouse::lab

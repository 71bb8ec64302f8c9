// A load client for servers that people read from: IMAP and POP3 sessions over loopback, ours or a peer's.
//
//     reader_load imap   PORT USER PASSWORD SESSIONS COMMAND…            the commands, in a session each
//     reader_load login  PORT USER PASSWORD SESSIONS ROUNDS COMMAND…     LOGIN, the commands, LOGOUT; ROUNDS times each
//     reader_load append PORT USER PASSWORD SESSIONS MESSAGES SIZE       APPEND into INBOX, waiting for each answer
//     reader_load fill   PORT USER PASSWORD SESSIONS MESSAGES SIZE       the same, 50 in a command
//     reader_load pop3   PORT USER PASSWORD SESSIONS                     RETR of all
//     reader_load text   SIZE NUMBER                                     one message of the kind, to standard output
//
// USER has %d where the number of the session goes. Blocking sockets, a thread a session. What is measured begins when
// all sessions of `imap` and `append` have logged in: then it says "ready" and waits for a line of standard input. One
// line of JSON at the end; `client_cpu` shows when it was the client that could not go faster.
#include <algorithm>
#include <atomic>
#include <barrier>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

using Clock = std::chrono::steady_clock;

std::uint16_t port = 0;
std::string user_pattern;
std::string password;
std::atomic<std::uint64_t> operations = 0;
std::atomic<std::uint64_t> octets = 0;

[[noreturn]] void die(std::string_view why)
{
    fmt::print(stderr, "reader_load: {}\n", why);
    std::_Exit(1);
}

class Link {
public:
    Link()
    {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        const int on = 1;
        socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (socket_ < 0 || ::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
            die("no connection");
        ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        buffer_.resize(256 * 1024);
    }
    ~Link() { ::close(socket_); }
    Link(const Link&) = delete;
    Link& operator=(const Link&) = delete;

    void say(std::string_view text)
    {
        while (!text.empty()) {
            const ssize_t written = ::write(socket_, text.data(), text.size());
            if (written <= 0)
                die("the server hung up on a write");
            text.remove_prefix(static_cast<std::size_t>(written));
        }
    }
    // With its LF; valid until the next call.
    std::string_view line()
    {
        std::size_t looked = 0;
        for (;;) {
            const char* from = buffer_.data() + begin_;
            if (const void* end = std::memchr(from + looked, '\n', end_ - begin_ - looked)) {
                const std::size_t size = static_cast<std::size_t>(static_cast<const char*>(end) - from) + 1;
                begin_ += size;
                return {from, size};
            }
            looked = end_ - begin_;
            fill();
        }
    }
    void skip(std::size_t size)
    {
        while (size > 0) {
            if (begin_ == end_)
                fill();
            const std::size_t some = std::min(size, end_ - begin_);
            begin_ += some;
            size -= some;
        }
    }

private:
    void fill()
    {
        if (begin_ > 0) {
            std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
            end_ -= begin_;
            begin_ = 0;
        }
        if (end_ == buffer_.size())
            buffer_.resize(buffer_.size() * 2);
        const ssize_t got = ::read(socket_, buffer_.data() + end_, buffer_.size() - end_);
        if (got <= 0)
            die("the server hung up");
        end_ += static_cast<std::size_t>(got);
        octets += static_cast<std::uint64_t>(got);
    }

    int socket_;
    std::string buffer_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

// To the tagged answer, past literals.
void imap_answer(Link& link, std::string_view tag)
{
    for (;;) {
        const std::string_view line = link.line();
        if (line.starts_with(tag) && line.substr(tag.size(), 1) == " ") {
            if (line.substr(tag.size() + 1, 2) != "OK")
                die(line);
            return;
        }
        if (!line.ends_with("}\r\n"))
            continue;
        const std::size_t open = line.rfind('{');
        if (open != line.npos)
            link.skip(std::strtoull(line.data() + open + 1, nullptr, 10));
    }
}

std::string user(unsigned session)
{
    std::string name = user_pattern;
    if (const std::size_t at = name.find("%d"); at != name.npos)
        name.replace(at, 2, std::to_string(session));
    return name;
}

void imap_login(Link& link, unsigned session)
{
    link.line();
    link.say(fmt::format("l LOGIN {} {}\r\n", user(session), password));
    imap_answer(link, "l");
}

void imap_say(Link& link, const std::vector<std::string>& commands)
{
    for (const std::string& command : commands) {
        link.say("c " + command + "\r\n");
        imap_answer(link, "c");
    }
}

void imap_logout(Link& link)
{
    link.say("z LOGOUT\r\n");
    imap_answer(link, "z");
}

// Where all sessions wait until what is measured may begin, and where they come back to when it has ended.
class Gate {
public:
    explicit Gate(unsigned sessions) : all_(static_cast<std::ptrdiff_t>(sessions) + 1) { }
    void wait() { all_.arrive_and_wait(); }
    // A session that is ready: it goes on when all are, and the word has come.
    void ready()
    {
        wait();
        wait();
    }

private:
    std::barrier<> all_;
};

void imap_session(Gate& gate, unsigned session, const std::vector<std::string>& commands)
{
    Link link;
    imap_login(link, session);
    gate.ready();
    imap_say(link, commands);
    ++operations;
    gate.wait();
    imap_logout(link);
}

void login_session(Gate& gate, unsigned session, unsigned rounds, const std::vector<std::string>& commands)
{
    gate.ready();
    for (; rounds > 0; --rounds) {
        Link link;
        imap_login(link, session);
        imap_say(link, commands);
        imap_logout(link);
        ++operations;
    }
    gate.wait();
}

// Words as a language has them: 50,000, of which few are used often (Zipf).
class Language {
public:
    Language()
    {
        static constexpr std::string_view letters = "etaoinshrdlucmfwypvbgkjqxz";
        std::minstd_rand dice(1);
        for (unsigned rank = 0; rank < count; ++rank) {
            std::string made;
            for (unsigned left = 2 + dice() % (rank < 500 ? 4 : 9); left > 0; --left)
                made += letters[std::min(dice() % 26, dice() % 26)];
            words_.push_back(std::move(made));
        }
    }
    const std::string& any(std::minstd_rand& dice) const
    {
        const double part = static_cast<double>(dice()) / static_cast<double>(std::minstd_rand::max());
        return words_[std::min<std::size_t>(static_cast<std::size_t>(std::pow(count, part)), count) - 1];
    }

private:
    static constexpr unsigned count = 50'000;
    std::vector<std::string> words_;
};

// Headers as mail between strangers has them, and words.
std::string message(std::size_t size, unsigned number)
{
    static const Language language;
    std::minstd_rand dice(number * 2654435761u + 1);
    const auto word = [&dice]() -> const std::string& { return language.any(dice); };
    std::string text;
    for (int hop = 0; hop < 2; ++hop)
        text +=
            fmt::format("Received: from mx{0}.example.net (mx{0}.example.net [192.0.2.{1}])\r\n"
                        "\tby relay{0}.example.org with ESMTPS id {2:x};\r\n\tTue, 17 Mar 2026 10:{3:02}:00 +0000\r\n",
                        hop, dice() % 250, dice(), dice() % 60);
    text += fmt::format("From: \"{} {}\" <sender{}@example.net>\r\nTo: \"{}\" <user{}@example.org>\r\n", word(), word(),
                        dice() % 500, word(), dice() % 500);
    text += fmt::format("Subject: {} {} {} {} {}\r\nDate: Tue, {} Mar 2026 {:02}:{:02}:{:02} +0000\r\n", word(), word(),
                        word(), word(), word(), 1 + dice() % 28, dice() % 24, dice() % 60, dice() % 60);
    text += fmt::format("Message-ID: <{}.{:x}@example.net>\r\nMIME-Version: 1.0\r\n"
                        "Content-Type: text/plain; charset=utf-8\r\n\r\n",
                        number, dice());
    std::size_t column = 0;
    while (text.size() + 2 < size) {
        const std::string& next = word();
        column += next.size() + 1;
        text += next;
        text += column > 64 ? (column = 0, "\r\n") : " ";
    }
    return text + "\r\n";
}

std::atomic<unsigned> next_message = 0;

void append_session(Gate& gate, unsigned session, const std::vector<std::string>& texts)
{
    Link link;
    imap_login(link, session);
    gate.ready();
    for (unsigned number; (number = next_message++) < texts.size();) {
        link.say(fmt::format("a APPEND INBOX {{{}}}\r\n", texts[number].size()));
        if (link.line().front() != '+')
            die("APPEND was refused");
        link.say(texts[number] + "\r\n");
        imap_answer(link, "a");
        ++operations;
    }
    gate.wait();
    imap_logout(link);
}

// RFC 3502: many in one command.
void fill_session(Gate& gate, unsigned session, unsigned messages, std::size_t size)
{
    constexpr unsigned at_once = 50;
    Link link;
    imap_login(link, session);
    gate.ready();
    for (unsigned first; (first = next_message.fetch_add(at_once)) < messages;) {
        std::string command = "a APPEND INBOX";
        for (unsigned number = first; number < std::min(first + at_once, messages); ++number) {
            const std::string text = message(size, number);
            command += fmt::format(" {{{}+}}\r\n{}", text.size(), text);
            ++operations;
        }
        link.say(command + "\r\n");
        imap_answer(link, "a");
    }
    gate.wait();
    imap_logout(link);
}

void pop3_expect(Link& link)
{
    const std::string_view line = link.line();
    if (line.front() != '+')
        die(line);
}

void pop3_session(Gate& gate, unsigned session)
{
    gate.ready();
    Link link;
    pop3_expect(link);
    link.say(fmt::format("USER {}\r\n", user(session)));
    pop3_expect(link);
    link.say(fmt::format("PASS {}\r\n", password));
    pop3_expect(link);
    link.say("STAT\r\n");
    const std::string stat(link.line());
    const unsigned long count = std::strtoul(stat.c_str() + 4, nullptr, 10);
    for (unsigned long number = 1; number <= count; ++number) {
        link.say(fmt::format("RETR {}\r\n", number));
        pop3_expect(link);
        while (link.line() != ".\r\n") { }
        ++operations;
    }
    link.say("QUIT\r\n");
    pop3_expect(link);
    gate.wait();
}

double cpu_seconds()
{
    rusage usage;
    ::getrusage(RUSAGE_SELF, &usage);
    const auto seconds_of = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
}

void run(unsigned sessions, const std::function<void(Gate&, unsigned)>& session)
{
    Gate gate(sessions);
    std::vector<std::thread> threads;
    for (unsigned number = 0; number < sessions; ++number)
        threads.emplace_back([&gate, &session, number] { session(gate, number); });
    gate.wait();  // all are logged in
    fmt::print("ready\n");
    std::fflush(stdout);
    std::getchar();
    const double cpu = cpu_seconds();
    const auto begun = Clock::now();
    gate.wait();
    gate.wait();
    const double wall = std::chrono::duration<double>(Clock::now() - begun).count();
    fmt::print("{{\"wall\": {:.6f}, \"operations\": {}, \"octets\": {}, \"client_cpu\": {:.3f}}}\n", wall,
               operations.load(), octets.load(), cpu_seconds() - cpu);
    std::fflush(stdout);
    for (std::thread& thread : threads)
        thread.join();
}

}  // namespace

int main(int count, char** words)
{
    const std::vector<std::string> arguments(words + 1, words + count);
    const auto number = [&arguments](std::size_t at) { return static_cast<unsigned>(std::stoul(arguments.at(at))); };
    const std::string mode = arguments.empty() ? "" : arguments[0];
    if (mode == "text" && count == 4) {
        fmt::print("{}", message(number(1), number(2)));
        return 0;
    }
    if (count < 6)
        die("reader_load imap|login|append|fill|pop3 PORT USER PASSWORD SESSIONS …");
    port = static_cast<std::uint16_t>(number(1));
    user_pattern = arguments[2];
    password = arguments[3];
    const unsigned sessions = number(4);
    const auto rest = [&arguments](std::ptrdiff_t from) {
        return std::vector<std::string>(arguments.begin() + from, arguments.end());
    };
    if (mode == "imap" && count > 6) {
        run(sessions, [&](Gate& gate, unsigned session) { imap_session(gate, session, rest(5)); });
    } else if (mode == "login" && count > 7) {
        run(sessions, [&](Gate& gate, unsigned session) { login_session(gate, session, number(5), rest(6)); });
    } else if (mode == "append" && count == 8) {
        std::vector<std::string> texts;
        for (unsigned text = 0; text < number(5); ++text)
            texts.push_back(message(number(6), text));
        run(sessions, [&](Gate& gate, unsigned session) { append_session(gate, session, texts); });
    } else if (mode == "fill" && count == 8) {
        run(sessions, [&](Gate& gate, unsigned session) { fill_session(gate, session, number(5), number(6)); });
    } else if (mode == "pop3") {
        run(sessions, pop3_session);
    } else {
        die("what shall be done?");
    }
}

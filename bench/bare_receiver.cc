// What this disk and this machine allow: a receiver of one thread that speaks just enough SMTP to take
// mail in, unstuffs each message, appends it with a checksum to a file, and answers 250 once an fdatasync
// that all messages of a turn share has returned. It judges nothing and files nothing.
//
//     bare_receiver PORT FOLDER          SMTP
//     bare_receiver PORT FOLDER append   the same for APPEND of IMAP, as reader_load sends it
//
// It prints its port, of loopback, once it listens; for 0 one that is free.
//
// bench.py and imap.py run it by turns with the servers, against the same generator: its rate is the ceiling.
#include <array>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

namespace {

// By one table, byte by byte: what a simple log pays for its checksum.
std::uint32_t crc32(std::string_view bytes)
{
    static const auto table = [] {
        std::array<std::uint32_t, 256> made{};
        for (std::uint32_t i = 0; i < made.size(); ++i) {
            made[i] = i;
            for (int bit = 0; bit < 8; ++bit)
                made[i] = (made[i] & 1) != 0 ? (made[i] >> 1) ^ 0xedb88320U : made[i] >> 1;
        }
        return made;
    }();
    std::uint32_t sum = ~0U;
    for (const char byte : bytes)
        sum = table[(sum ^ static_cast<unsigned char>(byte)) & 0xff] ^ (sum >> 8);
    return ~sum;
}

struct Session {
    std::string input;
    std::string output;
    std::string tag;  // of the APPEND under way
    std::size_t literal = 0;  // its octets
    bool in_body = false;
    bool waits = false;  // for the sync
};

class Receiver {
public:
    Receiver(int listener, int file, bool imap) :
        listener_(listener), file_(file), imap_(imap), epoll_(::epoll_create1(EPOLL_CLOEXEC))
    {
        watch(listener);
    }

    void run()
    {
        epoll_event events[256];
        for (;;) {
            const int count = ::epoll_wait(epoll_, events, 256, -1);
            for (int i = 0; i < count; ++i) {
                if (events[i].data.fd == listener_)
                    accept_all();
                else
                    read_some(events[i].data.fd);
            }
            commit();
        }
    }

private:
    void watch(int socket)
    {
        epoll_event event{.events = EPOLLIN, .data = {.fd = socket}};
        ::epoll_ctl(epoll_, EPOLL_CTL_ADD, socket, &event);
    }

    void accept_all()
    {
        for (;;) {
            const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (socket < 0)
                return;
            const int on = 1;
            ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            sessions_[socket].output = imap_ ? "* OK bare\r\n" : "220 bare.test ESMTP\r\n";
            watch(socket);
            flush(socket);
        }
    }

    void read_some(int socket)
    {
        Session& session = sessions_[socket];
        char bytes[65536];
        const ssize_t count = ::recv(socket, bytes, sizeof bytes, 0);
        if (count <= 0) {
            ::close(socket);
            sessions_.erase(socket);
            return;
        }
        session.input.append(bytes, static_cast<std::size_t>(count));
        while (!session.waits && (session.in_body ? take_body(socket, session) : take_line(session)))
            continue;
        flush(socket);
    }

    bool take_line(Session& session)
    {
        const std::size_t end = session.input.find("\r\n");
        if (end == std::string::npos)
            return false;
        const std::string_view line = std::string_view(session.input).substr(0, end);
        if (imap_)
            answer_imap(session, line);
        else
            answer_smtp(session, line);
        session.input.erase(0, end + 2);
        return true;
    }

    static void answer_imap(Session& session, std::string_view line)
    {
        session.tag = line.substr(0, line.find(' '));
        session.in_body = line.ends_with('}');
        if (session.in_body) {
            session.literal = std::strtoul(line.data() + line.rfind('{') + 1, nullptr, 10);
            session.output += "+ go on\r\n";
        } else {
            session.output += session.tag + " OK fine\r\n";
        }
    }

    static void answer_smtp(Session& session, std::string_view line)
    {
        const auto is = [&](const char* verb) { return ::strncasecmp(line.data(), verb, std::strlen(verb)) == 0; };
        session.in_body = is("DATA");
        if (session.in_body)
            session.output += "354 go on\r\n";
        else if (is("EHLO"))
            session.output += "250-bare.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 104857600\r\n";
        else
            session.output += is("QUIT") ? "221 2.0.0 bye\r\n" : "250 2.0.0 fine\r\n";
    }

    bool take_body(int socket, Session& session)
    {
        if (imap_) {
            if (session.input.size() < session.literal + 2)
                return false;
            keep(socket, session, batch_.size(), session.literal + 2,
                 std::string_view(session.input).substr(0, session.literal));
            return true;
        }
        const std::size_t end = session.input.find("\r\n.\r\n");
        if (end == std::string::npos)
            return false;
        const std::string_view body = std::string_view(session.input).substr(0, end + 2);
        const std::size_t begun = batch_.size();
        for (std::size_t at = 0; at < body.size();) {
            const std::size_t line_end = body.find('\n', at) + 1;
            at += body[at] == '.' ? 1 : 0;
            batch_.append(body.substr(at, line_end - at));
            at = line_end;
        }
        keep(socket, session, begun, end + 5, {});
        return true;
    }

    // The message is in the batch from `begun` on, and `rest` belongs to it; so much of the input was it.
    void keep(int socket, Session& session, std::size_t begun, std::size_t consumed, std::string_view rest)
    {
        batch_.append(rest);
        const std::uint32_t sum = crc32(std::string_view(batch_).substr(begun));
        batch_.append(reinterpret_cast<const char*>(&sum), sizeof sum);
        session.input.erase(0, consumed);
        session.in_body = false;
        session.waits = true;
        waiting_.push_back(socket);
    }

    void commit()
    {
        if (waiting_.empty())
            return;
        for (std::size_t written = 0; written < batch_.size();) {
            const ssize_t count = ::write(file_, batch_.data() + written, batch_.size() - written);
            if (count <= 0)
                ::_exit(1);
            written += static_cast<std::size_t>(count);
        }
        if (::fdatasync(file_) != 0)
            ::_exit(1);
        batch_.clear();
        for (const int socket : waiting_) {
            const auto found = sessions_.find(socket);
            if (found == sessions_.end())
                continue;
            Session& session = found->second;
            session.waits = false;
            session.output += imap_ ? session.tag + " OK kept\r\n" : "250 2.0.0 kept\r\n";
            while (!session.in_body && take_line(session))
                continue;
            flush(socket);
        }
        waiting_.clear();
    }

    void flush(int socket)
    {
        Session& session = sessions_[socket];
        if (!session.output.empty()) [[maybe_unused]]
            const ssize_t sent = ::send(socket, session.output.data(), session.output.size(), MSG_NOSIGNAL);
        session.output.clear();
    }

    int listener_;
    int file_;
    bool imap_;
    int epoll_;
    std::unordered_map<int, Session> sessions_;
    std::string batch_;
    std::vector<int> waiting_;  // sessions whose message is in batch_
};

}  // namespace

int main(int argc, char** argv)
{
    std::uint16_t port = 0;
    if (argc < 3 || argc > 4 || std::from_chars(argv[1], argv[1] + std::strlen(argv[1]), port).ec != std::errc())
        return 64;
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1;
    ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener, 512) != 0 ||
        ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) != 0)
        return 1;
    const int file =
        ::open((std::string(argv[2]) + "/messages").c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
    if (file < 0)
        return 1;
    std::printf("%d\n", ntohs(address.sin_port));
    std::fflush(stdout);
    Receiver(listener, file, argc == 4).run();
}

// What this machine and the generator allow to RETR: one thread that speaks just enough POP3 to hand out one and the
// same message of 10 KiB from memory, as often as it is asked for. It looks at nobody's password, opens nothing and
// reads nothing.
//
//     bare_pop3 MESSAGES          prints its port, of loopback
//
// imap.py runs it by turns with the servers: its rate is the ceiling.
#include <cstdio>
#include <string>
#include <string_view>
#include <unordered_map>

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

namespace {

class Answers {
public:
    explicit Answers(std::string_view messages) : stat_("+OK " + std::string(messages) + " 1\r\n"), whole_("+OK\r\n")
    {
        while (whole_.size() < 10'300)
            whole_ += "Seventy octets of text or so, as a line of an everyday mail may be.\r\n";
        whole_ += ".\r\n";
    }
    std::string_view to(std::string_view line) const
    {
        if (line.starts_with("RETR"))
            return whole_;
        return line.starts_with("STAT") ? std::string_view(stat_) : "+OK\r\n";
    }

private:
    std::string stat_;
    std::string whole_;
};

void watch(int epoll, int socket)
{
    epoll_event event{.events = EPOLLIN, .data = {.fd = socket}};
    ::epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event);
}

// One command at a time, as the generator sends them; its sockets block, so that a reply is always sent whole.
bool serve(int socket, const Answers& answers, std::string& input)
{
    char bytes[4096];
    const ssize_t count = ::recv(socket, bytes, sizeof bytes, 0);
    if (count <= 0)
        return false;
    input.append(bytes, static_cast<std::size_t>(count));
    for (std::size_t end; (end = input.find("\r\n")) != input.npos; input.erase(0, end + 2)) {
        const std::string_view reply = answers.to(std::string_view(input).substr(0, end));
        if (::send(socket, reply.data(), reply.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(reply.size()))
            return false;
    }
    return true;
}

[[noreturn]] void run(int listener, const Answers& answers)
{
    const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
    watch(epoll, listener);
    std::unordered_map<int, std::string> inputs;
    epoll_event events[256];
    for (;;) {
        const int count = ::epoll_wait(epoll, events, 256, -1);
        for (int i = 0; i < count; ++i) {
            const int socket = events[i].data.fd;
            if (socket == listener) {
                const int fresh = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
                const int on = 1;
                ::setsockopt(fresh, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
                watch(epoll, fresh);
                if (::send(fresh, "+OK\r\n", 5, MSG_NOSIGNAL) == 5)
                    continue;
            } else if (serve(socket, answers, inputs[socket])) {
                continue;
            }
            ::close(socket);
            inputs.erase(socket);
        }
    }
}

}  // namespace

int main(int argc, char** argv)
{
    if (argc != 2)
        return 64;
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener, 512) != 0 ||
        ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) != 0)
        return 1;
    std::printf("%d\n", ntohs(address.sin_port));
    std::fflush(stdout);
    run(listener, Answers(argv[1]));
}

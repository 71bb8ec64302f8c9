// Several sessions do random things to one mailbox; each keeps, as a client does, what it was told. At the end all of
// them must know exactly what a fresh session is told. Meanwhile no rule about untagged responses is broken.
#include "base/cursor.h"
#include "imap/server/test_script.h"

#include <algorithm>
#include <random>
#include <set>

namespace posthouse::imap {
namespace {

using Flags = std::set<std::string>;

// A client's picture of the mailbox: one message a place, flags where it has been told them.
struct Picture {
    std::vector<std::optional<Flags>> messages;
    std::string fault;

    // One untagged response.
    void hear(std::string_view line, std::string_view command)
    {
        Cursor in(line);
        in.take("* ");
        const auto number = parse_number<std::size_t>(in.take_while(is_digit));
        if (!number)
            return;  // OK, FLAGS, SEARCH
        in.take(' ');
        if (in.take("EXISTS")) {
            if (*number < messages.size())
                fault = "EXISTS shrinks: " + std::string(line);
            messages.resize(std::max(*number, messages.size()));
        } else if (in.take("EXPUNGE")) {
            const bool forbidden =
                command.starts_with("FETCH") || command.starts_with("STORE") || command.starts_with("SEARCH");
            if (forbidden || *number == 0 || *number > messages.size())
                fault = std::string(line) + " while " + std::string(command);
            else
                messages.erase(messages.begin() + static_cast<std::ptrdiff_t>(*number - 1));
        } else if (in.take("FETCH (")) {
            const std::size_t at = line.find("FLAGS (");
            if (*number == 0 || *number > messages.size())
                fault = "no such message: " + std::string(line);
            else if (at != std::string_view::npos)
                messages[*number - 1] = flags_in(line.substr(at + 7));
        }
    }
    static Flags flags_in(std::string_view text)
    {
        Flags flags;
        for (const std::string_view name : split(text.substr(0, text.find(')')), ' '))
            if (!name.empty() && name != "\\Recent")
                flags.insert(std::string(name));
        return flags;
    }
};

struct Client {
    net::Wire wire;
    Picture picture;
    unsigned tags = 0;
};

// One command and all that is said until its tagged answer, which comes back.
Task<std::string> say(Client& client, std::string command)
{
    const std::string tag = "t" + std::to_string(++client.tags);
    co_await client.wire.write(tag + " " + command + "\r\n", patient());
    for (;;) {
        const std::optional<std::string> line = co_await heard_line(client.wire);
        if (!line)
            co_return "closed";
        if (line->starts_with(tag + " "))
            co_return line->substr(tag.size() + 1);
        client.picture.hear(*line, command);
        if (!client.picture.fault.empty())
            co_return client.picture.fault;
    }
}

class Chaos {
public:
    Chaos(TestHouse& house, unsigned seed) : house_(house), random_(seed) { }

    Task<std::string> run(std::size_t sessions, std::size_t steps)
    {
        std::string fault = co_await play(sessions, steps);
        clients_.clear();  // wires end on their loop
        co_return fault;
    }

private:
    Task<std::string> play(std::size_t sessions, std::size_t steps)
    {
        for (std::size_t i = 0; i < sessions; ++i) {
            clients_.push_back({.wire = house_.connect(), .picture = {}});
            co_await heard_line(clients_.back().wire);
            co_await say(clients_.back(), "LOGIN alice@north.test posthouse");
            co_await say(clients_.back(), "SELECT INBOX");
        }
        // All at once: what one is answered depends on how far the others are.
        std::vector<Promise<std::string>> ends(sessions);
        const LoopExecutor executor = co_await asio::this_coro::executor;
        for (std::size_t i = 0; i < sessions; ++i)
            house_.group.spawn_here(executor, "client", act(clients_[i], random_(), steps, ends[i]));
        std::string fault;
        for (const Promise<std::string>& end : ends) {
            const std::string own = co_await end.get();
            if (!own.empty())
                fault = own;
        }
        if (!fault.empty())
            co_return fault;
        co_return co_await compare();
    }

    Task<void> act(Client& client, unsigned seed, std::size_t steps, Promise<std::string> end)
    {
        std::mt19937 own(seed);
        std::string fault;
        for (std::size_t i = 0; i < steps && fault.empty(); ++i) {
            std::swap(own, random_);
            const std::string command = something(client);
            std::swap(own, random_);
            if (command.find(".SILENT") != std::string::npos)
                apply_silently(client.picture, command);
            const std::string answer = co_await say(client, command);
            if (!client.picture.fault.empty() || !answer.starts_with("OK"))
                fault = command + ": " + answer;
        }
        end.fulfil(std::move(fault));
    }

    std::size_t below(std::size_t count) { return random_() % count; }
    std::string number(const Client& client) { return std::to_string(1 + below(client.picture.messages.size())); }
    std::string flag()
    {
        constexpr std::array flags{"\\Seen", "\\Flagged", "\\Deleted", "work", "$x"};
        return flags[below(flags.size())];
    }

    std::string something(const Client& client)
    {
        const bool empty = client.picture.messages.empty();
        switch (empty ? 0 : below(12)) {
        case 0:
        case 1: return "APPEND INBOX (" + flag() + ") {14+}\r\nSubject: x\r\n\r\n";
        case 2: return "FETCH 1:* (FLAGS)";
        case 3: return "FETCH " + number(client) + " (FLAGS UID)";
        case 4: return "STORE " + number(client) + ":" + number(client) + " +FLAGS (" + flag() + ")";
        case 5: return "STORE " + number(client) + " -FLAGS.SILENT (" + flag() + ")";
        case 6: return "STORE " + number(client) + ":* FLAGS.SILENT (" + flag() + ")";
        case 7: return "EXPUNGE";
        case 8: return "UID MOVE " + std::to_string(1 + below(100)) + " Trash";
        case 9: return "COPY " + number(client) + " INBOX";
        case 10: return "SEARCH UNSEEN";
        default: return "NOOP";
        }
    }

    // A client that changes flags silently knows them without being told; what it is told in the answer is newer.
    static void apply_silently(Picture& picture, const std::string& command)
    {
        Cursor in(command);
        in.take("STORE ");
        const auto first = *parse_number<std::size_t>(in.take_while(is_digit));
        const std::size_t last = in.take(":*") ? picture.messages.size() : first;
        const bool removes = in.rest().starts_with(" -");
        const Flags named = Picture::flags_in(std::string_view(command).substr(command.find('(') + 1));
        for (std::size_t i = first; i <= last; ++i) {
            std::optional<Flags>& known = picture.messages[i - 1];
            if (!removes)
                known = named;
            else if (known)
                known->erase(*named.begin());
        }
    }

    // Everybody is brought up to date by NOOP, twice for what the first one's neighbours did, and compared.
    Task<std::string> compare()
    {
        Client fresh{.wire = house_.connect(), .picture = {}};
        co_await heard_line(fresh.wire);
        co_await say(fresh, "LOGIN alice@north.test posthouse");
        co_await say(fresh, "EXAMINE INBOX");
        co_await say(fresh, "FETCH 1:* FLAGS");
        for (std::size_t i = 0; i < clients_.size(); ++i) {
            co_await say(clients_[i], "NOOP");
            const auto& told = clients_[i].picture.messages;
            if (told.size() != fresh.picture.messages.size())
                co_return "session " + std::to_string(i) + " knows " + std::to_string(told.size()) + " messages of " +
                    std::to_string(fresh.picture.messages.size());
            for (std::size_t at = 0; at < told.size(); ++at)
                if (told[at] && told[at] != fresh.picture.messages[at])
                    co_return "session " + std::to_string(i) + " is wrong about the flags of " + std::to_string(at + 1);
        }
        co_return std::string();
    }

    TestHouse& house_;
    std::mt19937 random_;
    std::vector<Client> clients_;
};

TEST(Model, SessionsAgree)
{
    for (unsigned seed = 1; seed <= 12; ++seed) {
        TestHouse house;
        Chaos chaos(house, seed);
        EXPECT_EQ(house.run(chaos.run(4, 250)), "") << "seed " << seed;
        EXPECT_EQ(house.log.text(), "");
    }
}

}  // namespace
}  // namespace posthouse::imap

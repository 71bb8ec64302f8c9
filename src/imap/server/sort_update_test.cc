// SORT RETURN (UPDATE): RFC 5267 section 4.3, CONTEXT=SORT.
#include "base/cursor.h"
#include "imap/server/test_messages.h"

#include <algorithm>
#include <random>

namespace posthouse::imap {
namespace {

std::string about(std::string_view subject) { return with_header("Subject: " + std::string(subject) + "\r\n"); }

// Sections 4.3.3 and 4.3.4: positions from 1, each as the list is when its turn comes.
TEST(SortUpdate, TheOrderIsKept)
{
    const std::string script =
        append(about("b")) + append(about("d")) + append(about("f")) + selected(std::string(second_selects) + R"~(
        C: a UID SORT RETURN (UPDATE ALL) (SUBJECT) UTF-8 UNDELETED
        S: * ESEARCH (TAG "a") UID ALL 1:3
        S: a OK …
        C: b SORT RETURN (UPDATE ALL) (REVERSE SUBJECT) UTF-8 UNDELETED
        S: * ESEARCH (TAG "b") ALL 3,2,1
        S: b OK …
        C2: a APPEND INBOX {14+}
        C2: Subject: c
        C2:
        C2:
        S2: * 4 EXISTS
        S2: * … RECENT
        S2: a OK …
        C2: b APPEND INBOX {14+}
        C2: Subject: a
        C2:
        C2:
        S2: * 5 EXISTS
        S2: * … RECENT
        S2: b OK …
        C2: c APPEND INBOX {14+}
        C2: Subject: g
        C2:
        C2:
        S2: * 6 EXISTS
        S2: * … RECENT
        S2: c OK …
        C: c NOOP
        S: * 6 EXISTS
        S: * … RECENT
        # a b c d f g are 5 1 4 2 3 6
        S: * ESEARCH (TAG "a") UID ADDTO (1 5 3 4 6 6)
        S: * ESEARCH (TAG "b") ADDTO (1 6 4 4 6 5)
        S: c OK …
        C2: d STORE 1:2 +FLAGS.SILENT (\Deleted)
        S2: d OK …
        C: d NOOP
        S: * 1 FETCH …
        S: * 2 FETCH …
        S: * ESEARCH (TAG "a") UID REMOVEFROM (2 1 3 2)
        S: * ESEARCH (TAG "b") REMOVEFROM (3 2 4 1)
        S: d OK …
        C2: e STORE 1 -FLAGS.SILENT (\Deleted)
        S2: e OK …
        C2: f EXPUNGE
        S2: * 2 EXPUNGE
        S2: f OK …
        # what is to be removed was removed already; numbers mean what they meant before the EXPUNGE
        C: e NOOP
        S: * 2 EXPUNGE
        S: * 1 FETCH …
        S: * ESEARCH (TAG "a") UID ADDTO (2 1)
        S: * ESEARCH (TAG "b") ADDTO (4 1)
        S: e OK …
        C2: g UID STORE 4,3 +FLAGS.SILENT (\Deleted)
        S2: g OK …
        C2: h EXPUNGE
        S2: * 3 EXPUNGE
        S2: * 2 EXPUNGE
        S2: h OK …
        C: f NOOP
        S: * ESEARCH (TAG "a") UID REMOVEFROM (3 4,3)
        S: * ESEARCH (TAG "b") REMOVEFROM (2 2:3)
        S: * 3 EXPUNGE
        S: * 2 EXPUNGE
        S: f OK …
        C: g CANCELUPDATE "a" "b"
        S: g OK …
        C2: i STORE 1:* +FLAGS.SILENT (\Deleted)
        S2: i OK …
        C: h NOOP
        S: * 1 FETCH …
        S: * 2 FETCH …
        S: * 3 FETCH …
        S: h OK …
    )~");
    expect_conversation(both_as_alice(script));
}

// RFC 5465 section 7; and what goes by the entry alone.
TEST(SortUpdate, WhatIsNewIsTold)
{
    expect_conversation(
        both_as_alice(append(about("b")) + append(about("longer")) + selected(std::string(second_selects) + R"~(
        C: a UID SORT RETURN (UPDATE (UID PREVIEW) COUNT) (REVERSE SIZE) UTF-8 ALL
        S: * ESEARCH (TAG "a") UID COUNT 2
        S: a OK …
        C2: a APPEND INBOX {14+}
        C2: Subject: g
        C2:
        C2:
        S2: * 3 EXISTS
        S2: * … RECENT
        S2: a OK …
        C: b NOOP
        S: * 3 EXISTS
        S: * … RECENT
        S: * 3 FETCH (UID 3 PREVIEW …)
        S: * ESEARCH (TAG "a") UID ADDTO (3 3)
        S: b OK …
    )~")));
}

// Section 4.3.1: the answer comes all the same.
TEST(SortUpdate, WhatIsNotKept)
{
    std::string script;
    for (const char* tag : {"a", "b", "c", "d"})
        script += "C: " + std::string(tag) + " SORT RETURN (UPDATE COUNT) (DATE) UTF-8 ALL\nS: * ESEARCH (TAG \"" +
            tag + "\") COUNT 1\nS: " + tag + " OK …\n";
    expect_conversation(as_alice(append(first) + selected(R"~(
        C: r SORT RETURN (UPDATE COUNT) (RELEVANCY) UTF-8 FUZZY TEXT meeting
        S: * NO [NOUPDATE "r"] …
        S: * ESEARCH (TAG "r") COUNT 1
        S: r OK …
    )~" + script + R"~(
        C: e SORT RETURN (UPDATE COUNT) (DATE) UTF-8 ALL
        S: * NO [NOUPDATE "e"] …
        S: * ESEARCH (TAG "e") COUNT 1
        S: e OK …
        # a search costs less
        C: f SEARCH RETURN (UPDATE COUNT) ALL
        S: * ESEARCH (TAG "f") COUNT 1
        S: f OK …
        C: a UID SORT RETURN (UPDATE COUNT) (DATE) UTF-8 ALL
        S: a BAD …
        C: g CANCELUPDATE "b"
        S: g OK …
        C: e SORT RETURN (UPDATE COUNT) (DATE) UTF-8 ALL
        S: * ESEARCH (TAG "e") COUNT 1
        S: e OK …
    )~")));
}

// A client's list, as ESEARCH, ADDTO and REMOVEFROM make it.
struct List {
    std::vector<std::uint32_t> numbers;
    std::string fault;

    void hear(std::string_view line)
    {
        for (const std::string_view word : {" ALL ", " ADDTO (", " REMOVEFROM ("}) {
            const std::size_t at = line.find(word);
            if (at == std::string_view::npos)
                continue;
            Cursor in(line.substr(at + word.size()));
            do {
                const std::size_t position = word == " ALL " ? 1 : number(in);
                if (word != " ALL ")
                    in.take(' ');
                change(word, position, set(in), line);
            } while (in.take(' '));
        }
    }
    // Of a list of message numbers: those behind it move up.
    void expunge(std::uint32_t gone)
    {
        for (std::uint32_t& number : numbers) {
            if (number == gone)
                fault = "expunged before it was removed: " + std::to_string(gone);
            number -= number > gone;
        }
    }

private:
    static std::uint32_t number(Cursor& in) { return parse_number<std::uint32_t>(in.take_while(is_digit)).value_or(0); }
    static std::vector<std::uint32_t> set(Cursor& in)
    {
        std::vector<std::uint32_t> numbers;
        do {
            const std::uint32_t low = number(in);
            const std::uint32_t high = in.take(':') ? number(in) : low;
            for (std::uint32_t each = low; each <= high; ++each)
                numbers.push_back(each);
        } while (in.take(','));
        return numbers;
    }
    void change(std::string_view word, std::size_t position, const std::vector<std::uint32_t>& some,
                std::string_view line)
    {
        const bool removes = word == " REMOVEFROM (";
        if (position == 0 || position - 1 + (removes ? some.size() : 0) > numbers.size()) {
            fault = "no such position: " + std::string(line);
            return;
        }
        const auto at = numbers.begin() + static_cast<std::ptrdiff_t>(position - 1);
        if (!removes)
            numbers.insert(at, some.begin(), some.end());
        else if (!std::equal(some.begin(), some.end(), at))
            fault = "not what stands there: " + std::string(line);
        else
            numbers.erase(at, at + static_cast<std::ptrdiff_t>(some.size()));
    }
};

struct Client {
    net::Wire wire;
    List by_uid;
    List by_number;
    std::string found;  // by the last SORT

    Task<std::string> say(std::string tag, std::string command)
    {
        co_await wire.write(tag + " " + command + "\r\n", patient());
        for (;;) {
            const std::optional<std::string> line = co_await heard_line(wire);
            if (!line)
                co_return "closed";
            if (line->starts_with(tag + " "))
                co_return line->substr(tag.size() + 1);
            if (line->starts_with("* ESEARCH (TAG \"u\")"))
                by_uid.hear(*line);
            if (line->starts_with("* ESEARCH (TAG \"n\")"))
                by_number.hear(*line);
            if (line->starts_with("* SORT"))
                found = line->substr(6);
            if (line->ends_with(" EXPUNGE"))
                by_number.expunge(parse_number<std::uint32_t>(line->substr(2, line->size() - 10)).value_or(0));
        }
    }
    Task<std::string> enter()
    {
        co_await heard_line(wire);
        co_await say("l", "LOGIN alice@north.test posthouse");
        co_return co_await say("s", "SELECT INBOX");
    }
};

// One client keeps two sorted lists while another changes the mailbox. Whenever the first is up to date, its lists are
// what SORT answers.
Task<std::string> keep_lists(TestHouse& house, unsigned seed)
{
    std::mt19937 random(seed);
    const auto below = [&](std::size_t count) { return random() % count; };
    constexpr std::string_view uid_sort = "(SUBJECT REVERSE SIZE) UTF-8 UNFLAGGED";
    constexpr std::string_view sort = "(REVERSE SIZE) UTF-8 OR SUBJECT a UNFLAGGED";
    Client one{.wire = house.connect(), .by_uid = {}, .by_number = {}, .found = {}};
    Client other{.wire = house.connect(), .by_uid = {}, .by_number = {}, .found = {}};
    co_await one.enter();
    co_await other.enter();
    co_await one.say("u", "UID SORT RETURN (UPDATE ALL) " + std::string(uid_sort));
    co_await one.say("n", "SORT RETURN (UPDATE ALL) " + std::string(sort));
    std::size_t messages = 0;
    for (int step = 0; step < 120; ++step) {
        for (std::size_t acts = 1 + below(4); acts > 0; --acts) {
            const std::string set =
                std::to_string(1 + below(messages + 1)) + ":" + std::to_string(1 + below(messages + 1));
            std::string command;
            switch (below(6)) {
            case 0: command = "UID STORE " + set + " +FLAGS.SILENT (\\Flagged)"; break;
            case 1: command = "UID STORE " + set + " -FLAGS.SILENT (\\Flagged)"; break;
            case 2:
                command = "UID STORE " + std::to_string(1 + below(messages + 1)) + " +FLAGS.SILENT (\\Deleted)";
                break;
            case 3: command = "EXPUNGE"; break;
            default:
                for (std::size_t more = below(below(3) == 0 ? 12 : 2) + 1; more > 0; --more, ++messages) {
                    const std::string text =
                        "Subject: " + std::string(1 + below(3), static_cast<char>('a' + below(4))) + "\r\n\r\n" +
                        std::string(below(20), 'x') + "\r\n";
                    co_await other.say("a", "APPEND INBOX {" + std::to_string(text.size()) + "+}\r\n" + text);
                }
                command = "NOOP";
            }
            const std::string answer = co_await other.say("b", command);
            if (!answer.starts_with("OK"))
                co_return command + ": " + answer;
            if (below(3) == 0)
                co_await one.say("f", "FETCH 1:* FLAGS");  // holds back expunges
        }
        co_await one.say("c", "NOOP");
        for (const bool by_uid : {true, false}) {
            const List& list = by_uid ? one.by_uid : one.by_number;
            const std::string_view program = by_uid ? uid_sort : sort;
            co_await one.say("d", (by_uid ? "UID SORT " : "SORT ") + std::string(program));
            std::string known;
            for (const std::uint32_t number : list.numbers)
                known += " " + std::to_string(number);
            if (!list.fault.empty() || known != one.found)
                co_return std::string(program) + " in step " + std::to_string(step) + ": " + list.fault + "\nkept " +
                    known + "\nis   " + one.found;
        }
    }
    co_return std::string();
}

TEST(SortUpdate, AsSortAnswers)
{
    for (unsigned seed = 1; seed <= 8; ++seed) {
        TestHouse house;
        EXPECT_EQ(house.run(keep_lists(house, seed)), "") << "seed " << seed;
        EXPECT_EQ(house.log.text(), "");
    }
}

}  // namespace
}  // namespace posthouse::imap

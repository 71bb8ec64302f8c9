#include "net/proxy_protocol.h"

#include <gtest/gtest.h>

namespace posthouse::net {
namespace {

using State = ProxyHeader::State;

struct Row {
    const char* why;
    std::string input;
    State state;
    std::string peer;  // empty: the connection's own addresses hold
    std::string local;
    std::string rest;
};

std::string version_2(std::string_view command_and_family, std::string_view body)
{
    std::string header("\r\n\r\n\0\r\nQUIT\n", 12);
    header += command_and_family;
    header += static_cast<char>(body.size() >> 8);
    header += static_cast<char>(body.size() & 0xff);
    return header + std::string(body);
}

const std::string v4_body("\xc0\x00\x02\x01\xcb\x00\x71\x05\x10\x68\x00\x19", 12);
const std::string v6_body = std::string("\x20\x01\x0d\xb8", 4) + std::string(11, '\0') + "\x01" +
    std::string("\x20\x01\x0d\xb8", 4) + std::string(11, '\0') + "\x02" + std::string("\x10\x68\x00\x19", 4);
const std::string mapped_body = std::string(10, '\0') + "\xff\xff\xc0" + std::string("\0\x02\x01", 3) +
    std::string(10, '\0') + "\xff\xff\xc0" + std::string("\0\x02\x02", 3) + std::string("\x10\x68\x00\x19", 4);

const Row rows[] = {
    {"v1 over IPv4", "PROXY TCP4 192.0.2.1 203.0.113.5 4200 25\r\nEHLO a\r\n", State::done, "192.0.2.1:4200",
     "203.0.113.5:25", "EHLO a\r\n"},
    {"v1 over IPv6", "PROXY TCP6 2001:db8::1 2001:db8::2 4200 25\r\n", State::done, "[2001:db8::1]:4200",
     "[2001:db8::2]:25", ""},
    {"v1 unknown", "PROXY UNKNOWN\r\nx", State::done, "", "", "x"},
    {"v1 unknown with words", "PROXY UNKNOWN ff:: ff:: 1 2\r\n", State::done, "", "", ""},
    {"v1 family and address disagree", "PROXY TCP4 ::1 ::1 1 2\r\n", State::malformed, "", "", ""},
    {"v1 not an address", "PROXY TCP4 localhost 127.0.0.1 1 2\r\n", State::malformed, "", "", ""},
    {"v1 port too large", "PROXY TCP4 127.0.0.1 127.0.0.1 65536 2\r\n", State::malformed, "", "", ""},
    {"v1 negative port", "PROXY TCP4 127.0.0.1 127.0.0.1 -1 2\r\n", State::malformed, "", "", ""},
    {"v1 two spaces", "PROXY TCP4  127.0.0.1 127.0.0.1 1 2\r\n", State::malformed, "", "", ""},
    {"v1 bare LF is no end", "PROXY TCP4 127.0.0.1 127.0.0.1 1 2\n", State::need_more, "", "", ""},
    {"v1 without an end", "PROXY " + std::string(200, 'x'), State::malformed, "", "", ""},
    {"no header", "EHLO a\r\n", State::malformed, "", "", ""},
    {"nothing yet", "", State::need_more, "", "", ""},
    {"v2 over IPv4", version_2("\x21\x11", v4_body) + "EHLO", State::done, "192.0.2.1:4200", "203.0.113.5:25", "EHLO"},
    {"v2 over IPv6", version_2("\x21\x21", v6_body), State::done, "[2001:db8::1]:4200", "[2001:db8::2]:25", ""},
    {"v2 IPv4-mapped", version_2("\x21\x21", mapped_body), State::done, "192.0.2.1:4200", "192.0.2.2:25", ""},
    {"v2 with extensions", version_2("\x21\x11", v4_body + std::string("\x04\x00\x02xx", 5)), State::done,
     "192.0.2.1:4200", "203.0.113.5:25", ""},
    {"v2 local", version_2(std::string_view("\x20\x00", 2), ""), State::done, "", "", ""},
    {"v2 datagrams", version_2("\x21\x12", v4_body), State::done, "", "", ""},
    {"v2 addresses cut short", version_2("\x21\x11", v4_body.substr(0, 11)), State::malformed, "", "", ""},
    {"v2 unknown command", version_2("\x22\x11", v4_body), State::malformed, "", "", ""},
    {"v2 version 3", version_2("\x31\x11", v4_body), State::malformed, "", "", ""},
    {"v2 longer than we take", version_2("\x21\x11", std::string(4081, 'x')), State::malformed, "", "", ""},
};

TEST(ProxyProtocol, Headers)
{
    for (const Row& row : rows) {
        const ProxyHeader header = parse_proxy_header(row.input);
        EXPECT_EQ(header.state, row.state) << row.why;
        EXPECT_EQ(header.ends ? header.ends->peer.text() : "", row.peer) << row.why;
        EXPECT_EQ(header.ends ? header.ends->local.text() : "", row.local) << row.why;
        if (row.state == State::done) {
            EXPECT_EQ(row.input.substr(header.consumed), row.rest) << row.why;
        }
    }
}

TEST(ProxyProtocol, EveryBeginningOfAGoodHeaderNeedsMore)
{
    for (const Row& row : rows)
        if (row.state == State::done)
            for (std::size_t size = 0; size < row.input.size() - row.rest.size(); ++size)
                EXPECT_EQ(parse_proxy_header(row.input.substr(0, size)).state, State::need_more) << row.why << size;
}

}  // namespace
}  // namespace posthouse::net

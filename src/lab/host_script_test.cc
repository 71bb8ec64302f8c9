#include "lab/host_script.h"

#include <gtest/gtest.h>

namespace posthouse::lab {
namespace {

// A whole conversation, each line answered at once.
std::string talk(const HostScript& script, HostMemory& memory, std::initializer_list<std::string_view> lines)
{
    HostTalk talk(script, memory);
    std::string said = talk.connected().text;
    for (const std::string_view line : lines)
        said += talk.on_line(line).text;
    return said;
}

constexpr auto a_mail = {std::string_view("EHLO north.test"),
                         std::string_view("MAIL FROM:<a@north.test> SIZE=1"),
                         std::string_view("RCPT TO:<b@x.test>"),
                         std::string_view("DATA"),
                         std::string_view("..dot"),
                         std::string_view("."),
                         std::string_view("QUIT")};

TEST(HostScripts, WithoutAScriptAllGoesWell)
{
    HostScript script{.name = "x.test"};
    script.extensions = {"8BITMIME", "PIPELINING"};
    HostMemory memory;
    EXPECT_EQ(talk(script, memory, a_mail),
              "220 x.test ESMTP\r\n250-x.test\r\n250-8BITMIME\r\n250 PIPELINING\r\n250 2.1.0 fine\r\n250 2.1.5 fine\r\n"
              "354 go on\r\n250 2.0.0 taken\r\n221 2.0.0 goodbye\r\n");
    ASSERT_EQ(memory.taken().size(), 1u);
    EXPECT_EQ(memory.taken()[0].reverse_path, "a@north.test");
    EXPECT_EQ(memory.taken()[0].recipients, std::vector<std::string>{"b@x.test"});
    EXPECT_EQ(memory.taken()[0].content, ".dot\r\n");
    EXPECT_EQ(memory.connections(), 1u);
}

TEST(HostScripts, ARefusedRecipientLeavesNothingToSend)
{
    HostScript script{.name = "refuses.test"};
    script.replies["RCPT"] = "550-5.7.1 not\n550 5.7.1 wanted";
    HostMemory memory;
    const std::string said = talk(script, memory, a_mail);
    EXPECT_NE(said.find("550-5.7.1 not\r\n550 5.7.1 wanted\r\n554 5.5.1 no recipient was accepted\r\n"),
              std::string::npos)
        << said;
    EXPECT_TRUE(memory.taken().empty());
}

TEST(HostScripts, GreylistingRefusesTheFirstTimeOnly)
{
    HostScript script{.name = "greylist.test", .greylists = true};
    HostMemory memory;
    EXPECT_NE(talk(script, memory, a_mail).find("450 4.7.1"), std::string::npos);
    EXPECT_EQ(talk(script, memory, a_mail).find("450 4.7.1"), std::string::npos);
    EXPECT_EQ(memory.taken().size(), 1u);
    EXPECT_NE(talk(script, memory, {"EHLO x", "MAIL FROM:<other@north.test>", "RCPT TO:<b@x.test>"}).find("450"),
              std::string::npos);
}

TEST(HostScripts, HangsAndHangsUpWhereItIsTold)
{
    HostMemory memory;
    const HostScript hangs{.name = "x.test", .hangs_at = "."};
    HostTalk talk(hangs, memory);
    for (const std::string_view line : {"EHLO x", "MAIL FROM:<>", "RCPT TO:<b@x.test>", "DATA"})
        talk.on_line(line);
    EXPECT_EQ(talk.on_line(".").next, HostStep::hang);
    EXPECT_TRUE(memory.taken().empty());
    const HostScript closes{.name = "x.test", .closes_at = "CONNECT"};
    EXPECT_EQ(HostTalk(closes, memory).connected().next, HostStep::close);
    HostScript busy{.name = "x.test"};
    busy.replies["CONNECT"] = "421 4.3.2 not now";
    EXPECT_EQ(HostTalk(busy, memory).connected().next, HostStep::close);
}

TEST(HostScripts, ABrokenTls)
{
    HostMemory memory;
    const HostScript script{.name = "badtls.test", .breaks_tls = true};
    HostTalk talk(script, memory);
    EXPECT_NE(talk.on_line("EHLO x").text.find("250 STARTTLS\r\n"), std::string::npos);
    EXPECT_EQ(talk.on_line("STARTTLS").next, HostStep::break_tls);
}

}  // namespace
}  // namespace posthouse::lab

#include "pop3/server/command.h"

#include <gtest/gtest.h>

namespace posthouse::pop3 {
namespace {

// The command in words; what is wrong in brackets.
std::string read(std::string_view line)
{
    const auto command = parse_command(line);
    if (!command)
        return '(' + command.error().text + ')';
    std::string out = std::to_string(static_cast<int>(command->verb));
    if (!command->text.empty())
        out += " text=" + command->text;
    if (command->initial_response)
        out += " response=" + *command->initial_response;
    if (command->message)
        out += " message=" + std::to_string(*command->message);
    if (command->verb == Verb::top)
        out += " lines=" + std::to_string(command->lines);
    return out;
}

TEST(Pop3Command, GoodOnes)
{
    EXPECT_EQ(read("USER alice@north.test"), "0 text=alice@north.test");
    EXPECT_EQ(read("user two words"), "0 text=two words");
    EXPECT_EQ(read("PASS  a b "), "1 text= a b ") << "blanks belong to the password (RFC 1939 section 7)";
    EXPECT_EQ(read("PASS p\xc3\xa4ss"), "1 text=p\xc3\xa4ss");
    EXPECT_EQ(read("AUTH"), "2");
    EXPECT_EQ(read("AUTH PLAIN"), "2 text=PLAIN");
    EXPECT_EQ(read("AUTH PLAIN AGEAYg=="), "2 text=PLAIN response=AGEAYg==");
    EXPECT_EQ(read("AUTH PLAIN ="), "2 text=PLAIN response==");
    EXPECT_EQ(read("quit"), "6");
    EXPECT_EQ(read("QUIT  "), "6") << "blanks at the end, as people leave them";
    EXPECT_EQ(read("LIST"), "8");
    EXPECT_EQ(read("LIST 2"), "8 message=2");
    EXPECT_EQ(read("RETR 001"), "9 message=1");
    EXPECT_EQ(read("RETR 0"), "9 message=0") << "a number; that there is none is the dialogue's to say";
    EXPECT_EQ(read("TOP 1 0"), "13 message=1 lines=0");
    EXPECT_EQ(read("TOP 1 18446744073709551615"), "13 message=1 lines=18446744073709551615");
}

TEST(Pop3Command, BadOnes)
{
    const struct {
        std::string_view line;
        std::string_view answer;
        std::string_view reason;
    } rows[] = {
        {"", "(unknown command; CAPA tells what there is)", "nothing"},
        {" QUIT", "(unknown command; CAPA tells what there is)", "a blank in front"},
        {"HELO x", "(unknown command; CAPA tells what there is)", "another protocol"},
        {"RETR1", "(unknown command; CAPA tells what there is)", "no blank"},
        {"RETR", "(say RETR message)", "no number"},
        {"RETR -1", "(say RETR message)", "HOSTILE A26"},
        {"RETR 4294967296", "(say RETR message)", "past 32 bits"},
        {"RETR 18446744073709551616", "(say RETR message)", "past 64 bits"},
        {"RETR 1x", "(say RETR message)", "something behind the number"},
        {"RETR 1 2", "(say RETR message)", "one too many"},
        {"RETR  1", "(say RETR message)", "two blanks"},
        {"RETR *", "(say RETR message)", "another protocol"},
        {"LIST x", "(say LIST, or LIST message)", "no number"},
        {"TOP 1", "(say TOP message lines)", "no lines"},
        {"TOP 1 -1", "(say TOP message lines)", "negative lines"},
        {"TOP 1 18446744073709551616", "(say TOP message lines)", "past 64 bits"},
        {"QUIT now", "(say QUIT alone)", "an argument"},
        {"USER", "(say USER name)", "no name"},
        {"USER ", "(say USER name)", "an empty name"},
        {std::string_view("USER a\0b", 8), "(say USER name)", "NUL"},
        {"PASS", "(say PASS password)", "no password"},
        {"AUTH PLAIN a b", "(say AUTH mechanism, or AUTH mechanism response)", "one too many"},
        {"AUTH  PLAIN", "(say AUTH mechanism, or AUTH mechanism response)", "two blanks"},
    };
    for (const auto& row : rows)
        EXPECT_EQ(read(row.line), row.answer) << row.line << ": " << row.reason;
}

TEST(Pop3Command, PasswordsAreNotRecorded)
{
    EXPECT_EQ(recordable("PASS secret"), "PASS [password]");
    EXPECT_EQ(recordable("pass secret"), "PASS [password]");
    EXPECT_EQ(recordable("AUTH PLAIN AGEAYg=="), "AUTH PLAIN [response]");
    EXPECT_EQ(recordable("AUTH PLAIN"), "AUTH PLAIN");
    EXPECT_EQ(recordable("RETR 1"), "RETR 1");
}

}  // namespace
}  // namespace posthouse::pop3

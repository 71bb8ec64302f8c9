#include "message/header.h"

#include <gtest/gtest.h>

namespace posthouse::message {
namespace {

TEST(HeaderReader, ReadsFieldsUpToTheEmptyLine)
{
    const std::string_view text =
        "From: a@x.test\r\nSubject: one\r\n two\r\n\tthree\r\nX-Empty:\r\nOld : blank\r\n\r\nBody: no\r\n";
    HeaderReader reader(text);
    const auto from = reader.next();
    ASSERT_TRUE(from);
    EXPECT_EQ(from->name, "From");
    EXPECT_EQ(from->value, " a@x.test");
    EXPECT_EQ(text.substr(from->begin, from->end - from->begin), "From: a@x.test\r\n");
    const auto subject = reader.next();
    ASSERT_TRUE(subject);
    EXPECT_EQ(subject->value, " one\r\n two\r\n\tthree") << "folds are kept in the value";
    EXPECT_EQ(subject->text(), "one two\tthree");
    EXPECT_EQ(reader.next()->value, "");
    EXPECT_EQ(reader.next()->name, "Old") << "RFC 5322 section 4.5: blanks before the colon";
    EXPECT_FALSE(reader.next());
    EXPECT_TRUE(reader.saw_empty_line());
    EXPECT_EQ(text.substr(reader.body_begin()), "Body: no\r\n");
}

TEST(HeaderReader, TakesBareLineFeedsAndNoBody)
{
    HeaderReader reader("A: 1\nB: 2\n 3");
    EXPECT_EQ(reader.next()->text(), "1");
    EXPECT_EQ(reader.next()->text(), "2 3");
    EXPECT_FALSE(reader.next());
    EXPECT_FALSE(reader.saw_empty_line());
    EXPECT_EQ(reader.body_begin(), 12u);
}

TEST(HeaderReader, StepsOverGarbage)
{
    HeaderReader reader("From bob@x.test Thu Jan  1 00:00:00 2026\n>From x\n continuation of garbage\nno colon here\n"
                        "A: 1\nbad name: 2\n: no name\nB: 3\rstill b\n\n");
    EXPECT_EQ(reader.next()->name, "A");
    const auto b = reader.next();
    EXPECT_EQ(b->name, "B");
    EXPECT_EQ(b->text(), "3 still b") << "a bare CR ends no line, and becomes a blank";
    EXPECT_FALSE(reader.next());
    EXPECT_EQ(reader.garbage_lines(), 6u);
}

TEST(FindFields, IgnoresCaseAndTheBody)
{
    const std::string_view text = "to: 1\r\nTO: 2\r\n\r\nTo: 3\r\n";
    EXPECT_EQ(find_fields(text, "To").size(), 2u);
    EXPECT_EQ(find_field(text, "tO")->text(), "1");
    EXPECT_FALSE(find_field(text, "Subject"));
}

TEST(Unfold, RemovesFoldsAndNothingElse)
{
    EXPECT_EQ(unfold(" a\r\n b\n\tc "), "a b\tc");
    EXPECT_EQ(unfold("a\r\nb"), "a b") << "a line end that is no fold";
    EXPECT_EQ(unfold(std::string_view("a\rb\0c", 5)), "a b c");
    EXPECT_EQ(unfold("\r\n "), "");
}

struct Words {
    const char* raw;
    const char* text;
    const char* reason;
};

TEST(DecodeText, Rfc2047)
{
    for (const Words& row :
         {Words{"plain", "plain", ""},
          Words{"=?utf-8?Q?J=C3=B6rg?=", "J\xc3\xb6rg", "Q"},
          Words{"=?UTF-8?b?SsO2cmc=?=", "J\xc3\xb6rg", "B, in any case"},
          Words{"=?iso-8859-1?q?J=F6rg_M?=", "J\xc3\xb6rg M", "underscore is a blank"},
          Words{"=?utf-8*de?q?ja?=", "ja", "RFC 2231 section 5: a language"},
          Words{"a =?utf-8?q?b?= c", "a b c", "blanks beside plain text stay"},
          Words{"=?utf-8?q?a?= =?utf-8?q?b?=", "ab", "RFC 2047 section 6.2: blanks between words vanish"},
          Words{"=?utf-8?q?a?=\r\n =?utf-8?q?b?=", "ab", "also folds"},
          Words{"=?utf-8?b?ww==?= =?utf-8?b?tg==?=", "\xc3\xb6", "a character split over two words"},
          Words{"=?utf-8?q?=C3?= =?utf-8?q?=B6?=", "\xc3\xb6", "the same in Q"},
          Words{"=?iso-2022-jp?B?GyRCJUYlOSVIGyhC?=", "\xe3\x83\x86\xe3\x82\xb9\xe3\x83\x88", "by ICU"},
          Words{"=?gb2312?B?uLs=?=", "\xe5\xaf\x8c", "gb2312 is read as its superset"},
          Words{"=?koi8-r?B?8NLJ18XU?=", "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82", "by ICU"},
          Words{"=?x-unknown?q?caf=E9?=", "caf\xc3\xa9", "an unknown charset is read as windows-1252"},
          Words{"caf\xe9", "caf\xc3\xa9", "raw bytes too"},
          Words{"caf\xc3\xa9", "caf\xc3\xa9", "raw UTF-8 stays"},
          Words{"=?utf-8?x?abc?=", "=?utf-8?x?abc?=", "no such encoding"},
          Words{"=?utf-8?q?abc", "=?utf-8?q?abc", "not closed"},
          Words{"=?=?=?", "=?=?=?", "nothing at all"},
          Words{"=?utf-8?q?a=0D=0Ab?=", "a  b", "line ends in a word forge no line"},
          Words{"=?utf-8?q?=ZZ=4?=", "=ZZ=4", "bad escapes stay"},
          Words{"a=?utf-8?q?b?=c", "abc", "without blanks around, as many write"},
          Words{"=?utf-8?q?=FF?=", "\xef\xbf\xbd", "not UTF-8: U+FFFD"}})
        EXPECT_EQ(decode_text(row.raw), row.text) << row.reason;
}

TEST(ParseParameterized, Rfc2045)
{
    const auto plain = parse_parameterized(" Text/Plain; charset=UTF-8; Format=\"flo\\wed\"");
    EXPECT_EQ(plain.value, "text/plain");
    EXPECT_EQ(plain.parameters, (std::vector<Parameter>{{"charset", "UTF-8"}, {"format", "flowed"}}));
    EXPECT_EQ(parse_parameterized("text / (c) plain (c); a=b").value, "text/plain");
    EXPECT_EQ(parse_parameterized("text/plain charset=utf-8").parameters,
              (std::vector<Parameter>{{"charset", "utf-8"}}))
        << "a forgotten semicolon";
    EXPECT_EQ(parse_parameterized("a; name=my file.pdf; b=c d").parameters,
              (std::vector<Parameter>{{"name", "my file.pdf"}, {"b", "c"}}))
        << "file names without quotes";
    EXPECT_EQ(parse_parameterized("a;; ;charset = (c) \"x\" (c) ;b").parameters,
              (std::vector<Parameter>{{"charset", "x"}}));
    EXPECT_EQ(parse_parameterized("a; n=\"open").parameters, (std::vector<Parameter>{{"n", "open"}}));
    EXPECT_EQ(parse_parameterized("").value, "");
    std::string many = "a";
    for (int i = 0; i < 10'000; ++i)
        many += ";x=y";
    EXPECT_EQ(parse_parameterized(many).parameters.size(), most_parameters);
}

TEST(ParameterOf, Rfc2231)
{
    const auto name = [](std::string_view field) {
        return parameter(parse_parameterized(field).parameters, "filename").value_or("none");
    };
    EXPECT_EQ(name("a; filename=x.txt"), "x.txt");
    EXPECT_EQ(name("a; filename*=utf-8'en'J%C3%B6rg%20x"), "J\xc3\xb6rg x");
    EXPECT_EQ(name("a; filename*=iso-8859-1''J%F6rg"), "J\xc3\xb6rg");
    EXPECT_EQ(name("a; filename*0=ab; filename*1=cd"), "abcd");
    EXPECT_EQ(name("a; filename*1=cd; filename*0=ab"), "abcd") << "pieces come in any order";
    EXPECT_EQ(name("a; filename*0*=utf-8''%C3; filename*1*=%B6; filename*2=\"%41\""), "\xc3\xb6%41")
        << "a character over two pieces; a piece without star is not decoded";
    EXPECT_EQ(name("a; filename*0=ab; filename*2=ef"), "ab") << "a missing piece ends it";
    EXPECT_EQ(name("a; filename=old; filename*=utf-8''new"), "new") << "the newer form wins";
    EXPECT_EQ(name("a; filename=\"=?utf-8?q?J=C3=B6rg?=\""), "J\xc3\xb6rg") << "wrong there, and common";
    EXPECT_EQ(name("a; filename*=broken"), "broken");
    EXPECT_EQ(name("a; filenames=x"), "none");
}

TEST(ParseMessageIds, FindsThemInAnything)
{
    using Ids = std::vector<std::string>;
    EXPECT_EQ(parse_message_ids("<a@x.test> <b@y.test>"), (Ids{"a@x.test", "b@y.test"}));
    EXPECT_EQ(parse_message_ids("<a@x.test>,\r\n\t(c) <b\r\n @y.test>"), (Ids{"a@x.test", "b@y.test"}));
    EXPECT_EQ(parse_message_ids("Your message of \"<no@no>\" <a@x.test>"), (Ids{"a@x.test"}))
        << "RFC 822 allowed phrases in In-Reply-To";
    EXPECT_EQ(parse_message_ids("a@x.test"), (Ids{"a@x.test"})) << "forgotten brackets";
    EXPECT_EQ(parse_message_ids("<open@x.test <b@y.test>"), (Ids{"b@y.test"}));
    EXPECT_EQ(parse_message_ids("<> < > nothing"), Ids{});
    std::string many;
    for (int i = 0; i < 3000; ++i)
        many += "<" + std::to_string(i) + "@x.test>";
    const Ids kept = parse_message_ids(many, 100);
    ASSERT_EQ(kept.size(), 100u);
    EXPECT_EQ(kept.front(), "0@x.test") << "the thread's root";
    EXPECT_EQ(kept[1], "2901@x.test");
    EXPECT_EQ(kept.back(), "2999@x.test") << "the parent";
}

// RFC 3339, to compare; the zone behind it.
std::string date(std::string_view text)
{
    const auto parsed = parse_date(text);
    return parsed ? rfc3339_date(parsed->time) + " " + std::to_string(parsed->zone.count()) : "none";
}

TEST(ParseDate, OfEveryKind)
{
    for (const Words& row :
         {Words{"Sun, 22 Nov 2026 00:02:27 +0000", "2026-11-22T00:02:27.000Z 0", "RFC 5322"},
          Words{"22 Nov 2026 01:02 +0100", "2026-11-22T00:02:00.000Z 60", "no weekday, no seconds"},
          Words{"Sun, 22 Nov 2026 00:02:27 -0530 (IST)", "2026-11-22T05:32:27.000Z -330", "a comment"},
          Words{"Fri, 21 Nov 97 09:55:06 EST", "1997-11-21T14:55:06.000Z -300", "RFC 5322 section 4.3"},
          Words{"Fri, 21 Nov 03 09 : 55 : 06 GMT", "2003-11-21T09:55:06.000Z 0", "obsolete blanks"},
          Words{"Fri, 21 Nov 103 09:55:06 Q", "2003-11-21T09:55:06.000Z 0",
                "three digits; a military zone says nothing"},
          Words{"Thu Jan  1 12:00:00 2026", "2026-01-01T12:00:00.000Z 0", "asctime"},
          Words{"2026-11-22T00:02:27.5+02:00", "2026-11-21T22:02:27.000Z 120", "RFC 3339"},
          Words{"Sunday, 22-Nov-26 00:02:27 GMT+0100", "2026-11-21T23:02:27.000Z 60", "the number says more"},
          Words{"Sun, 28 Jul 0102 07:06:07 -0400", "2002-07-28T11:06:07.000Z -240", "years counted from 1900"},
          Words{"2002/09/14 Sat 13:06:03 GMT", "2002-09-14T13:06:03.000Z 0", "slashes"},
          Words{"Nov 22, 2026 1:05 PM", "2026-11-22T13:05:00.000Z 0", "as people write"},
          Words{"31 Dec 2016 23:59:60 +0000", "2016-12-31T23:59:59.000Z 0", "a leap second"},
          Words{"Tue, 31 Feb 2026 00:00:00 +0000", "none", "no such day"},
          Words{"22 Nov 2026 25:00:00 +0000", "none", ""},
          Words{"yesterday", "none", ""},
          Words{"", "none", ""},
          Words{"2026-268-40T00:00:00", "none", "no wrap-around"},
          Words{"99999999999999999999 Nov 2026 00:00:00", "none", "no overflow"},
          Words{"1 Jan 1899 00:00:00 +0000", "none", "before 1900"},
          Words{"1 Jan 2026 00:00:00 +9999", "2026-01-01T00:00:00.000Z 0", "an impossible zone is none"}})
        EXPECT_EQ(date(row.raw), row.text) << row.raw << ": " << row.reason;
}

TEST(FaultOfDate, SaysWhatIsWrong)
{
    for (const char* good : {"Sun, 22 Nov 2026 00:02:27 +0000", " 22 Nov 2026 00:02 GMT (comment)\r\n ",
                             "Fri, 21 Nov 97 09:55:06 EST", "Sun,\r\n 22 Nov 2026 00:02:27 -0000"})
        EXPECT_EQ(fault_of_date(good), std::nullopt) << good;
    for (const Words& row :
         {Words{"", "day of the month is missing", ""}, Words{"Foo, 22 Nov 2026 00:00 +0000", "'Foo' is not a day", ""},
          Words{"Sun 22 Nov 2026 00:00 +0000", "no ','", ""},
          Words{"22 Foo 2026 00:00 +0000", "'Foo' is not a month", ""}, Words{"22 Nov 2026", "time is missing", ""},
          Words{"22 Nov 2026 00:00:00", "time zone is missing", ""},
          Words{"22 Nov 2026 00:00:00 +01", "four digits", ""}, Words{"30 Feb 2026 00:00:00 +0000", "no such day", ""},
          Words{"22 Nov 2026 00:00:00 +0000 x", "behind the date stands", ""}, Words{"\xc3\xa9", "ASCII", ""}})
        EXPECT_NE(fault_of_date(row.raw).value_or("nothing").find(row.text), std::string::npos)
            << row.raw << " gave: " << fault_of_date(row.raw).value_or("nothing");
}

// docs/hostile.md A14: linear, or the time limit of the test is passed.
TEST(Header, TakesHostileFields)
{
    std::string lines;
    for (int i = 0; i < 50'000; ++i)
        lines += "X: y\r\n";
    EXPECT_EQ(find_fields(lines, "x").size(), 50'000u);
    const std::string long_line = "Subject: " + std::string(10'000'000, 'a');
    EXPECT_EQ(find_field(long_line, "subject")->text().size(), 10'000'000u);
    for (const char* piece : {"=?", "=?utf-8?q?", "=?utf-8?b?YQ==?= ", "=?a?q?b?=", "?", "=", "\r\n ", "<", "<a@b>",
                              "(", "\"", ";a=b", ";", "=", "a*0=", "1 ", "+", ":"}) {
        std::string text;
        while (text.size() < 1'000'000)
            text += piece;
        decode_text(text);
        parse_message_ids(text);
        parse_parameterized(text);
        parse_date(text);
        fault_of_date(text);
    }
}

}  // namespace
}  // namespace posthouse::message

// IMAP4rev2 by ENABLE (RFC 9051), UTF8=ACCEPT (RFC 6855), BINARY (RFC 3516).
#include "imap/server/test_messages.h"

namespace posthouse::imap {
namespace {

constexpr std::string_view rev2 = "C: q ENABLE IMAP4rev2\nS: * ENABLED IMAP4rev2\nS: q OK …\n";

std::string in_rev2(std::string_view script)
{
    return as_alice(append(first) + append(second) + std::string(rev2) + R"~(
        C: a SELECT inbox
        S: * FLAGS …
        S: * OK [PERM…
        S: * 2 EXISTS
        S: * OK [UIDVALIDITY …
        S: * OK [UIDNEXT 3] …
        S: * OK [HIGHESTMODSEQ …
        S: * OK [MAILBOXID …
        S: * LIST () "/" INBOX
        S: a OK [READ-WRITE] …
    )~" + std::string(script));
}

// RFC 9051 appendix E: no \Recent, ESEARCH for SEARCH, [CLOSED], LIST behind SELECT, names in UTF-8.
TEST(Rev2, ChangedResponses)
{
    expect_conversation(in_rev2(R"~(
        C: b FETCH 1 FLAGS
        S: * 1 FETCH (FLAGS ())
        S: b OK …
        C: c SEARCH UNSEEN
        S: * ESEARCH (TAG "c") ALL 1:2
        S: c OK …
        C: d UID SEARCH SEEN
        S: * ESEARCH (TAG "d") UID
        S: d OK …
        C: e SEARCH RETURN (COUNT) ALL
        S: * ESEARCH (TAG "e") COUNT 2
        S: e OK …
        C: f CREATE "Entwürfe & mehr"
        S: f OK …
        C: g LIST "" "Entw*"
        S: * LIST (\HasNoChildren) "/" "Entwürfe & mehr"
        S: g OK …
        C: h SELECT "Entwürfe & mehr"
        S: * OK [CLOSED] …
        S: * FLAGS …
        S: * OK [PERM…
        S: * 0 EXISTS
        S: * OK [UIDV…
        S: * OK [UIDN…
        S: * OK [HIGH…
        S: * OK [MAILB…
        S: * LIST () "/" "Entwürfe & mehr"
        S: h OK …
        C: i STATUS INBOX (MESSAGES DELETED SIZE)
        S: * STATUS INBOX (MESSAGES 2 DELETED 0 SIZE …)
        S: i OK …
        C: j SELECT nowhere
        S: * OK [CLOSED] …
        S: j NO [NONEXISTENT] …
        C: k FETCH 1 FLAGS
        S: k BAD …
    )~"));
}

// RFC 9051 section 6.3.9.7: who writes a name otherwise than it is kept hears how it is kept. The second o here is an
// o and a combining diaeresis.
TEST(Rev2, NamesAreNormal)
{
    expect_conversation(as_alice(R"~(
        C: q ENABLE IMAP4rev2
        S: * ENABLED IMAP4rev2
        S: q OK …
        R: a CREATE "\xc3\xb6o\xcc\x88/"\r\n
        S: * LIST () "/" "öö" ("OLDNAME" ("öö"))
        S: a OK …
        C: b CREATE plain/
        S: b OK …
        R: c EXAMINE "\xc3\xb6o\xcc\x88"\r\n
        S: * FLAGS …
        S: * OK [PERM…
        S: * 0 EXISTS
        S: * OK [UIDV…
        S: * OK [UIDN…
        S: * OK [HIGH…
        S: * OK [MAILB…
        S: * LIST () "/" "öö" ("OLDNAME" ("öö"))
        S: c OK …
    )~"));
}

// RFC 6855 section 3 takes the charset from SEARCH; RFC 5256 has one in every SORT and THREAD.
TEST(Utf8Accept, SortGoesOnWithItsCharset)
{
    expect_conversation(with_two(R"~(
        C: a ENABLE UTF8=ACCEPT
        S: * ENABLED UTF8=ACCEPT
        S: a OK …
        C: b SORT (SUBJECT) UTF-8 ALL
        S: * SORT 1 2
        S: b OK …
        C: c UID THREAD REFERENCES UTF-8 ALL
        S: * THREAD (1)(2)
        S: c OK …
        C: d SEARCH CHARSET UTF-8 ALL
        S: d BAD …
        C: e ESEARCH CHARSET UTF-8 ALL
        S: e BAD …
    )~"));
}

// RFC 6855 section 3.
TEST(Utf8Accept, NamesAndSearch)
{
    expect_conversation(as_alice(append(second) + R"~(
        C: a ENABLE UTF8=ACCEPT
        S: * ENABLED UTF8=ACCEPT
        S: a OK …
        C: b CREATE "Ελλάδα"
        S: b OK …
        C: c LIST "" "Ε*"
        S: * LIST (\HasNoChildren) "/" "Ελλάδα"
        S: c OK …
        C: d SELECT INBOX
        S: * FLAGS …
        S: * OK [PERM…
        S: * 1 EXISTS
        S: * 1 RECENT
        S: * OK [UN…
        S: * OK [UIDV…
        S: * OK [UIDN…
        S: * OK [HIGH…
        S: * OK [MAILB…
        S: d OK …
        C: e SEARCH CHARSET UTF-8 ALL
        S: e BAD …
        C: f SEARCH BODY "straße"
        S: * SEARCH 1
        S: f OK …
        R: g CREATE "\xff"\r\n
        S: g NO [CANNOT] …
        C: h FETCH 1 PREVIEW
        S: * 1 FETCH (PREVIEW "Straße")
        S: h OK …
    )~"));
}

constexpr std::string_view attachment = "Content-Type: multipart/mixed; boundary=b\r\n"
                                        "\r\n"
                                        "--b\r\n"
                                        "Content-Transfer-Encoding: base64\r\n"
                                        "Content-Type: application/octet-stream\r\n"
                                        "\r\n"
                                        "AAECYWJj\r\n"
                                        "--b\r\n"
                                        "Content-Transfer-Encoding: quoted-printable\r\n"
                                        "\r\n"
                                        "Stra=C3=9Fe\r\n"
                                        "--b\r\n"
                                        "Content-Transfer-Encoding: x-odd\r\n"
                                        "\r\n"
                                        "odd\r\n"
                                        "--b--\r\n";

// RFC 3516 section 4.
TEST(Binary, PartsWithoutTheirEncoding)
{
    expect_conversation(as_alice(append(attachment) + selected(R"~(
        C: a FETCH 1 (BINARY.SIZE[1] BINARY.SIZE[2] BINARY.PEEK[2])
        S: * 1 FETCH (BINARY.SIZE[1] 6 BINARY.SIZE[2] 7 BINARY[2] {7}
        S: Straße)
        S: a OK …
        C: b FETCH 1 BINARY.PEEK[1]<3.2>
        S: * 1 FETCH (BINARY[1]<3> ~{2}
        S: ab)
        S: b OK …
        C: c FETCH 1 (BINARY.PEEK[9] BINARY.SIZE[9])
        S: * 1 FETCH (BINARY[9] NIL BINARY.SIZE[9] 0)
        S: c OK …
        C: d FETCH 1 (FLAGS BINARY.PEEK[3])
        S: d NO [UNKNOWN-CTE] …
        C: e FETCH 1 (BINARY[1])
        S: * 1 FETCH (BINARY[1] ~{6}
        S: …abc FLAGS (\Seen \Recent))
        S: e OK …
    )~")));
}

// Too large to be read at once: measured, then decoded on its way.
TEST(Binary, LargeParts)
{
    std::string text(300'000, 'x');
    std::string encoded = base64_encode(text);
    for (std::size_t at = 76; at < encoded.size(); at += 78)
        encoded.insert(at, "\r\n");
    const std::string message =
        "Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n" + encoded + "\r\n";
    expect_conversation(as_alice(append(message) +
                                 selected("C: a FETCH 1 (BINARY.SIZE[1] BINARY.PEEK[1]<299990.20>)\n"
                                          "S: * 1 FETCH (BINARY.SIZE[1] 300000 BINARY[1]<299990> {10}\n"
                                          "S: xxxxxxxxxx)\nS: a OK …\n"
                                          "C: b FETCH 1 (BINARY.PEEK[1])\n"
                                          "S: * 1 FETCH (BINARY[1] {300000}\nS: " +
                                          text + ")\nS: b OK …\n")));
}

}  // namespace
}  // namespace posthouse::imap

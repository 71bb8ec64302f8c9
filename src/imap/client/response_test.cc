#include "imap/client/response.h"

#include "imap/grammar/message_data.h"
#include "message/parser.h"

#include <gtest/gtest.h>

namespace posthouse::imap {
namespace {

template <class T> T parsed(std::string_view text)
{
    const Result<Response> response = parse_response(text);
    EXPECT_TRUE(response) << text << ": " << response.error().text;
    if (!response || !std::holds_alternative<T>(*response)) {
        ADD_FAILURE() << text << " is another kind";
        return {};
    }
    return std::get<T>(*response);
}

TEST(Response, Status)
{
    const auto greeting = parsed<StatusResponse>("* OK [CAPABILITY IMAP4rev1 IDLE] north.test is ready");
    EXPECT_TRUE(greeting.is_ok());
    EXPECT_EQ(greeting.tag, "");
    EXPECT_EQ(greeting.code.name, "CAPABILITY");
    EXPECT_EQ(greeting.code.text, "IMAP4rev1 IDLE");
    EXPECT_EQ(greeting.text, "north.test is ready");
    const auto refusal = parsed<StatusResponse>("a7 NO [authenticationfailed] no");
    EXPECT_EQ(refusal.kind, StatusResponse::Kind::no);
    EXPECT_EQ(refusal.tag, "a7");
    EXPECT_EQ(refusal.code.name, "AUTHENTICATIONFAILED");
    EXPECT_EQ(parsed<StatusResponse>("a1 OK").text, "") << "some servers say no more";
    EXPECT_EQ(parsed<StatusResponse>("a1 OK [never closed").text, "[never closed");
    EXPECT_EQ(parsed<StatusResponse>("* OK [PERMANENTFLAGS (\\Seen \\*)] kept").code.text, "(\\Seen \\*)");
    EXPECT_EQ(parsed<StatusResponse>("* OK [X \"a]b\"] t").code.text, "\"a]b\"") << "a bracket in quotes";
    EXPECT_EQ(parsed<ContinuationResponse>("+ d2hv").text, "d2hv");
    EXPECT_EQ(parsed<ContinuationResponse>("+").text, "");
}

TEST(Response, Lists)
{
    const auto sent = parsed<ListResponse>(R"(* LIST (\HasNoChildren \sent) "/" "Gesendet &APw-ber")");
    EXPECT_EQ(sent.mailbox, "Gesendet über");
    EXPECT_EQ(sent.separator, '/');
    EXPECT_TRUE(sent.has("\\Sent"));
    EXPECT_FALSE(sent.has("\\Trash"));
    const auto flat = parsed<ListResponse>("* LSUB () NIL INBOX");
    EXPECT_EQ(flat.separator, '\0');
    EXPECT_TRUE(flat.subscribed);
    EXPECT_EQ(parsed<ListResponse>("* LIST () \"/\" {3}\r\na\"b").mailbox, "a\"b");
    EXPECT_EQ(parsed<ListResponse>("* LIST () \"/\" x (\"CHILDINFO\" (\"SUBSCRIBED\"))").mailbox, "x") << "RFC 5258";
    EXPECT_EQ(parsed<ListResponse>("* LIST () \"/\" \"no &utf7\"").mailbox, "no &utf7") << "as it came";
    EXPECT_EQ(parsed<SearchResponse>("* SEARCH 2 4 9").numbers, (std::vector<std::uint32_t>{2, 4, 9}));
    EXPECT_TRUE(parsed<SearchResponse>("* SEARCH").numbers.empty());
    EXPECT_EQ(parsed<SearchResponse>("* SEARCH 7 (MODSEQ 91)").numbers.size(), 1u);
    const auto status = parsed<MailboxStatusResponse>("* STATUS INBOX (MESSAGES 5 X (a b) UNSEEN 2 UIDVALIDITY 99)");
    EXPECT_EQ(status.messages, 5u);
    EXPECT_EQ(status.unseen, 2u);
    EXPECT_EQ(status.uid_validity, 99u);
    EXPECT_FALSE(status.uid_next);
    EXPECT_EQ(parsed<CapabilityResponse>("* CAPABILITY imap4rev1 AUTH=plain").names[1], "AUTH=PLAIN");
    EXPECT_EQ(parsed<CountResponse>("* 23 EXISTS").number, 23u);
    EXPECT_EQ(parsed<CountResponse>("* 4 EXPUNGE").kind, CountResponse::Kind::expunge);
    EXPECT_EQ(parsed<OtherResponse>("* VANISHED 1:9").name, "VANISHED");
}

TEST(Response, Fetch)
{
    const auto message = parsed<FetchResponse>(
        "* 12 FETCH (UID 42 FLAGS (\\Seen $Forwarded) INTERNALDATE \"17-Jul-1996 02:44:25 -0700\" RFC822.SIZE 4286 "
        "MODSEQ (7) EMAILID (M6d99) THREADID NIL PREVIEW \"Hi\" X-NEW (a (b \"c\") {1}\r\n)) "
        "ENVELOPE (\"Wed, 17 Jul 1996 02:23:25 -0700\" NIL ((\"Terry\" NIL \"gray\" \"cac.test\")) NIL NIL "
        "((NIL NIL \"team\" NIL)(NIL NIL \"a\" \"b.test\")(NIL NIL NIL NIL)) NIL NIL NIL \"<1@x>\"))");
    EXPECT_EQ(message.number, 12u);
    EXPECT_EQ(message.uid, 42u);
    EXPECT_EQ(message.flags->size(), 2u);
    EXPECT_EQ(rfc3339_date(*message.internal_date), "1996-07-17T09:44:25.000Z");
    EXPECT_EQ(message.size, 4286u);
    EXPECT_EQ(message.email_id, "M6d99");
    EXPECT_EQ(message.thread_id, "");
    EXPECT_EQ(message.preview, "Hi");
    ASSERT_TRUE(message.envelope);
    EXPECT_FALSE(message.envelope->subject);
    EXPECT_EQ(message.envelope->from[0].spec.text(), "gray@cac.test");
    ASSERT_EQ(message.envelope->to.size(), 3u);
    EXPECT_EQ(message.envelope->to[0].kind, message::Address::Kind::group_start);
    EXPECT_EQ(message.envelope->to[0].display_name, "team");
    EXPECT_EQ(message.envelope->to[2].kind, message::Address::Kind::group_end);

    EXPECT_EQ(parsed<FetchResponse>("* 1 FETCH (BODY[] {5}\r\na\r\nb) UID 3)").body, "a\r\nb)");
    EXPECT_EQ(parsed<FetchResponse>("* 1 FETCH (BODY[HEADER.FIELDS (TO \"CC\")]<0> NIL)").body, "");
    EXPECT_FALSE(parsed<FetchResponse>("* 1 FETCH (INTERNALDATE \"never\" UID 3)").internal_date)
        << "a date out of this world is stepped over";
}

TEST(Response, AttachmentsAreSeenInTheStructure)
{
    const auto fetch = [](std::string_view structure) {
        return parsed<FetchResponse>("* 1 FETCH (BODYSTRUCTURE " + std::string(structure) + ")").has_attachment;
    };
    EXPECT_EQ(fetch(R"(("TEXT" "PLAIN" NIL NIL NIL "7BIT" 1 1 NIL ("ATTACHMENT" ("FILENAME" "a")) NIL))"), true);
    EXPECT_EQ(fetch(R"(("TEXT" "PLAIN" ("NAME" "attachment") NIL "attachment" "7BIT" 1 1 NIL ("inline" NIL)))"), false);
}

struct Wrong {
    std::string_view why;
    std::string text;
};

TEST(Response, RefusesWhatIsNotImap)
{
    const Wrong wrong[]{
        {"nothing", ""},
        {"SMTP", "220 north.test"},
        {"only a tag", "a1"},
        {"no such status", "a1 MAYBE"},
        {"a number that does not fit", "* 99999999999 EXISTS"},
        {"SEARCH with words", "* SEARCH one"},
        {"a list that does not close", "* LIST (\\Sent"},
        {"FETCH that does not close", "* 1 FETCH (UID 1"},
        {"a UID of zero", "* 1 FETCH (UID 0)"},
        {"a literal that is shorter than it says", "* 1 FETCH (BODY[] {50}\r\nabc)"},
        {"an envelope of nine", "* 1 FETCH (ENVELOPE (NIL NIL NIL NIL NIL NIL NIL NIL NIL))"},
        {"an address of three", "* 1 FETCH (ENVELOPE (NIL NIL ((NIL NIL \"a\")) NIL NIL NIL NIL NIL NIL NIL))"},
        {"lists without end", "* 1 FETCH (BODYSTRUCTURE " + std::string(100'000, '(') + ")"},
    };
    for (const Wrong& row : wrong)
        EXPECT_FALSE(parse_response(row.text)) << row.why;
}

// What our own server writes is read back the same.
TEST(Response, ReadsWhatTheSerializerWrites)
{
    const message::Digest digest = message::digest_of(
        "From: \"A \\\"q\\\" B\" <a@x.test>\r\nTo: team: b@x.test, \xc3\xbc@x.test;\r\nSubject: a\r\n b\xff\r\n"
        "Content-Type: multipart/mixed; boundary=z\r\n\r\n--z\r\n\r\nt\r\n--z\r\n"
        "Content-Disposition: attachment; filename=\"a)b\"\r\n\r\nx\r\n--z--\r\n");
    Serializer out;
    out.raw("* 3 FETCH (UID 9 ENVELOPE ");
    write_envelope(out, digest.envelope);
    out.raw(" BODYSTRUCTURE ");
    write_structure(out, digest, StructureForm::body_structure);
    out.raw(")");
    const auto message = parsed<FetchResponse>(out.take_joined());
    ASSERT_TRUE(message.envelope);
    EXPECT_EQ(message.envelope->subject, digest.envelope.subject);
    EXPECT_EQ(message.envelope->to, digest.envelope.to);
    EXPECT_EQ(message.envelope->from, digest.envelope.from);
    EXPECT_EQ(message.has_attachment, true);
}

TEST(Response, WhereLiteralsBelong)
{
    EXPECT_TRUE(is_status("* OK text that ends in {5}"));
    EXPECT_TRUE(is_status("a9 NO x"));
    EXPECT_TRUE(is_status("+ go on"));
    EXPECT_FALSE(is_status("* 1 FETCH (BODY[] "));
    EXPECT_FALSE(is_status("* LIST () \"/\" "));
    EXPECT_TRUE(is_before_body("* 1 FETCH (UID 3 BODY[] "));
    EXPECT_TRUE(is_before_body("* 1 FETCH (BODY[1.2]<0> "));
    EXPECT_TRUE(is_before_body("* 1 FETCH (RFC822 "));
    EXPECT_FALSE(is_before_body("* 1 FETCH (PREVIEW "));
    EXPECT_FALSE(is_before_body("* 1 FETCH (ENVELOPE (NIL "));
    EXPECT_FALSE(is_before_body(""));
}

}  // namespace
}  // namespace posthouse::imap

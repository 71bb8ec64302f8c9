"""SMTP as a person with nc or telnet speaks it, and as an attacker does: raw sockets on the MX port."""

import socket
import subprocess

from house import Closed, HouseTest, main, sample


class SmtpConversations(HouseTest):
    def setUp(self):
        self.house.empty("bob@north.test")

    def inbox(self):
        return self.house.mailbox("bob@north.test")

    def greeted(self):
        talk = self.house.talk("smtp")
        talk.expect("220 north.test ESMTP Posthouse")
        talk.say("EHLO client.test", "250 ")
        return talk

    def ready_for_data(self):
        talk = self.greeted()
        talk.say("MAIL FROM:<x@away.test>", "250 2.1.0")
        talk.say("RCPT TO:<bob@north.test>", "250 2.1.5")
        return talk

    def test_the_conversation_of_the_manual(self):
        with self.house.talk("smtp") as talk:
            talk.script("""
                S: 220 north.test ESMTP Posthouse
                C: helo telnet
                S: 250 north.test
                C: mail from: <>
                S: 250 2.1.0
                C: RCPT TO:<bob@north.test>
                S: 250 2.1.5
                C: data
                S: 354
                C: Subject: by hand
            """)
            talk.write(b"\r\nHello Bob.\r\n..dotted\r\n")
            answer = talk.say(".", "250 2.0.0")
            self.assertRegex(answer, r"queued as [0-9a-z]{13}$")
            talk.say("quit", "221 2.0.0")
            talk.expect_closed()
        (message,) = self.inbox()
        self.assertEqual(message.without_trace, b"Subject: by hand\r\n\r\nHello Bob.\r\n.dotted\r\n")
        self.assertEqual(message.field("Return-Path"), ["<>"])
        self.assertEqual(message.field("Delivered-To"), ["bob@north.test"])
        (received,) = message.field("Received")
        self.assertRegex(received, r"from telnet .*127\.0\.0\.1.*\sby north\.test .*with SMTP\s.*for <bob@north\.test>")

    def test_every_case_and_spacing_people_type(self):
        for lines in (["HELO x", "MAIL FROM:<alice@north.test>", "RCPT TO:<bob@north.test>"],
                      ["helo x", "mail from: <alice@north.test>", "rcpt to: <bob@north.test>"],
                      ["EhLo x", "Mail From:<alice@north.test> SIZE=100", "Rcpt To:<Bob@NORTH.test>"]):
            with self.house.talk("smtp") as talk:
                talk.expect("220")
                for line, code in zip(lines, ("250 ", "250 2.1.0", "250 2.1.5")):
                    talk.say(line, code)

    def test_nc_as_people_use_it(self):
        script = (b"HELO nc\nMAIL FROM:<x@away.test>\nRCPT TO:<bob@north.test>\nDATA\n"
                  b"Subject: nc\n\nthrough nc\n.\nQUIT\n")
        answer = subprocess.run(["nc", "-C", "-w", "20", "127.0.0.1", str(self.house.port["smtp"])], input=script,
                                capture_output=True, timeout=60).stdout
        self.assertEqual([line[:3] for line in answer.split(b"\r\n")],
                         [b"220", b"250", b"250", b"250", b"354", b"250", b"221", b""])
        self.assertEqual([m.body for m in self.inbox()], [b"through nc\r\n"])

    def test_nc_without_C_is_told_so(self):
        with self.house.talk("smtp") as talk:
            talk.expect("220")
            talk.write(b"HELO x\n")
            talk.expect("500 5.5.2 lines end with CRLF; with nc use -C")

    def test_greeting_ehlo(self):
        with self.house.talk("smtp") as talk:
            talk.expect("220")
            talk.write(b"EHLO client.test\r\n")
            lines = talk.reply()
        self.assertTrue(lines[0].startswith("250-north.test"), lines)
        offered = {line[4:].split(" ")[0].split("=")[0].upper() for line in lines[1:]}
        for keyword in ("PIPELINING", "SIZE", "8BITMIME", "ENHANCEDSTATUSCODES", "STARTTLS", "SMTPUTF8", "CHUNKING",
                        "LIMITS"):
            self.assertIn(keyword, offered)
        self.assertNotIn("AUTH", offered)  # never on the MX port
        self.assertNotIn("BINARYMIME", offered)

    def test_what_is_not_understood(self):
        with self.greeted() as talk:
            for line, start in (("FOO", "500 5.5"), ("MAIL", "501 5.5.4"), ("mail from:", "501 5.5"),
                                ("RCPT TO:<bob@north.test>", "503 5.5.1"), ("DATA", "503 5.5.1"),
                                ("MAIL FROM:<a b@north.test>", "501 5.1"), ("HELP", "214"), ("NOOP", "250 2.0.0"),
                                ("VRFY bob", "252 2"), ("EXPN list", "50"), ("RSET", "250 2.0.0")):
                with self.subTest(line):
                    talk.say(line, start)

    def test_an_empty_mail_command_shows_the_right_form(self):
        with self.greeted() as talk:
            self.assertRegex(talk.say("mail from:", "501"), r"(?i)mail from:<[^>]+>")

    def test_bad_addresses_say_why(self):
        with self.greeted() as talk:
            talk.say("MAIL FROM:<x@away.test>", "250")
            for path in ("<bob@>", "<@north.test>", "<bob@north..test>", "<bob@-north.test>", "<bo b@north.test>",
                         "<.bob@north.test>", "<bob@north.test", "bob\x00@north.test"):
                with self.subTest(path):
                    answer = talk.say(f"RCPT TO:{path}", "50")
                    self.assertRegex(answer, r"^50[01] 5\.(1\.3|5\.[24]) .+")

    def test_recipients_that_are_not_ours(self):
        with self.greeted() as talk:
            talk.say("MAIL FROM:<x@away.test>", "250")
            talk.say("RCPT TO:<nobody@north.test>", "550 5.1.1")
            talk.say("RCPT TO:<carol@south.test>", "550 5.7.1")
            talk.say("DATA", "5")  # no valid recipient
        self.assertEqual(self.inbox(), [])

    # A4 of docs/hostile.md: 26 recipient forms, 4 senders.
    def test_no_open_relay(self):
        forms = ["victim@away.test", "victim%away.test@north.test", "victim%away.test", "away.test!victim@north.test",
                 "away.test!victim", "@north.test:victim@away.test", "@north.test,@away.test:victim@away.test",
                 '"victim@away.test"', '"victim@away.test"@north.test', '"victim%away.test"@north.test',
                 "victim@away.test@north.test", "victim@north.test@away.test", "victim@[127.0.0.1]",
                 "victim@[192.0.2.1]", "victim@[IPv6:::1]", "victim@away.test%north.test", "victim@127.0.0.1",
                 "victim@localhost", "victim@", "@away.test", "victim@away.test.", "victim@north.test.away.test",
                 "victim\x00@away.test", "bob@north.test\x00@away.test", '"bob@north.test"@away.test',
                 "bob@north.test victim@away.test"]
        self.assertEqual(len(forms), 26)
        for sender in ("", "x@away.test", "bob@north.test", "postmaster@north.test"):
            for form in forms:
                with self.subTest(sender=sender, form=form), self.greeted() as talk:
                    talk.say(f"MAIL FROM:<{sender}>", "250")
                    talk.write(f"RCPT TO:<{form}>\r\n".encode())
                    self.assertRegex(talk.reply()[-1], r"^5\d\d 5\.")
        self.assertEqual(self.inbox(), [])

    # A1: only CRLF.CRLF ends the data; the rest is never read as commands.
    def test_no_smuggling(self):
        smuggled = b"MAIL FROM:<evil@away.test>\r\nRCPT TO:<bob@north.test>\r\nDATA\r\nSubject: smuggled\r\n\r\n.\r\n"
        ends = [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r.\r\n", b"\r\n.\r", b"\n.\r", b"\r\n\x00.\r\n", b"\r\n.\x00\r\n",
                b"\r\r\n.\r\r\n", b"\n\n.\n\n", b"\r\n..\r\n", b"\r\n.\r\r\n"]
        for end in ends:
            with self.subTest(end):
                self.house.empty("bob@north.test")
                with self.ready_for_data() as talk:
                    talk.say("DATA", "354")
                    talk.write(b"Subject: first\r\n\r\ntext" + end + smuggled)
                    talk.socket.shutdown(socket.SHUT_WR)
                    replies = talk.replies_to_the_end()
                subjects = [m.field("Subject") for m in self.inbox()]
                self.assertNotIn(["smuggled"], subjects, replies)
                bare = b"\r" in end.replace(b"\r\n", b"") or b"\n" in end.replace(b"\r\n", b"")
                if bare:
                    self.assertTrue(replies[0].startswith("554 5.6.0"), replies)
                    self.assertEqual(len(replies), 1, replies)  # and closed
                    self.assertEqual(subjects, [])

    def test_bare_lf_in_bdat_closes(self):
        with self.ready_for_data() as talk:
            talk.write(b"BDAT 17 LAST\r\nSubject: x\n\nhello")
            talk.expect("554 5.6.0")
            talk.expect_closed()
        self.assertEqual(self.inbox(), [])

    def test_chunks(self):
        body = b"Subject: chunks\r\n\r\nfirst\r\n.\r\nnot the end\r\n"
        for cuts in ([len(body)], [5, 9, len(body)], list(range(1, len(body) + 1))):
            with self.subTest(cuts), self.ready_for_data() as talk:
                begun = 0
                for cut in cuts[:-1]:
                    talk.write(b"BDAT %d\r\n" % (cut - begun) + body[begun:cut])
                    talk.expect("250 2")
                    begun = cut
                talk.write(b"BDAT %d LAST\r\n" % (len(body) - begun) + body[begun:])
                talk.expect("250 2.0.0")
        self.assertEqual([m.without_trace for m in self.inbox()], [body] * 3)

    def test_pipelined_chunks_ended_by_an_empty_one(self):
        with self.ready_for_data() as talk:
            talk.write(b"BDAT 14\r\nSubject: p\r\n\r\nBDAT 4\r\nhi\r\nBDAT 0 LAST\r\nNOOP\r\n")
            talk.script("S: 250 2\n S: 250 2\n S: 250 2.0.0\n S: 250 2.0.0")
        self.assertEqual([m.without_trace for m in self.inbox()], [b"Subject: p\r\n\r\nhi\r\n"])

    def test_a_refused_chunk_still_takes_its_bytes(self):
        with self.greeted() as talk:
            talk.write(b"BDAT 12 LAST\r\nQUIT\r\nNOOP\r\nNOOP\r\n")
            talk.expect("503 5.5.1")
            talk.expect("250 2.0.0")
        with self.ready_for_data() as talk:
            talk.say("RSET", "250")
            talk.say("MAIL FROM:<x@away.test> BODY=BINARYMIME", "555 5.5.4")

    def test_numbers_that_wrap(self):
        for command in ("BDAT -1 LAST", "BDAT 18446744073709551616 LAST", "BDAT 99999999999999999999 LAST", "BDAT",
                        "BDAT x", "BDAT 1 LAST MORE"):
            with self.subTest(command), self.ready_for_data() as talk:
                talk.write(command.encode() + b"\r\n")
                self.assertRegex(talk.reply()[-1], r"^5\d\d 5\.")
        for size, start in (("SIZE=-1", "501 5.5.4"), ("SIZE=", "501 5.5.4"), ("SIZE=99999999999999999999", "5"),
                            ("SIZE=104857601", "552 5.3.4")):
            with self.subTest(size), self.greeted() as talk:
                talk.say(f"MAIL FROM:<x@away.test> {size}", start)
        self.assertEqual(self.inbox(), [])

    def test_pipelining(self):
        with self.greeted() as talk:
            talk.write(b"MAIL FROM:<x@away.test>\r\nRCPT TO:<nobody@north.test>\r\nRCPT TO:<bob@north.test>\r\nDATA\r\n")
            talk.script("S: 250 2.1.0\n S: 550 5.1.1\n S: 250 2.1.5\n S: 354")
            talk.write(b"Subject: pipe\r\n\r\none\r\n.\r\nMAIL FROM:<y@away.test>\r\nRCPT TO:<bob@north.test>\r\nDATA\r\n")
            talk.script("S: 250 2.0.0\n S: 250 2.1.0\n S: 250 2.1.5\n S: 354")
            talk.write(b"Subject: pipe\r\n\r\ntwo\r\n.\r\nQUIT\r\n")
            talk.script("S: 250 2.0.0\n S: 221 2.0.0\n closed")
        self.assertEqual([m.body for m in self.inbox()], [b"one\r\n", b"two\r\n"])

    def test_byte_by_byte(self):
        with self.house.talk("smtp") as talk:
            talk.expect("220")
            for line in (b"HELO slow\r\n", b"MAIL FROM:<x@away.test>\r\n", b"RCPT TO:<bob@north.test>\r\n", b"DATA\r\n",
                         b"Subject: slow\r\n\r\n..\r\n.\r\n"):
                for byte in line:
                    talk.write(bytes([byte]))
                talk.reply()
        self.assertEqual([m.without_trace for m in self.inbox()], [b"Subject: slow\r\n\r\n.\r\n"])

    # A3: what came in the clear is never answered by TLS.
    def test_commands_behind_starttls_close_the_session(self):
        with self.greeted() as talk:
            talk.write(b"STARTTLS\r\nRSET\r\n")
            answers = talk.lines_to_the_end()
            self.assertLessEqual(len(answers), 1, answers)  # at most the one to STARTTLS

    def test_starttls_forgets_what_was_said(self):
        with self.greeted() as talk:
            talk.say("STARTTLS", "220 2.0.0")
            talk.start_tls(self.house.tls())
            talk.say("MAIL FROM:<x@away.test>", "503 5.5.1")  # the EHLO before it was somebody's who listened
            answer = talk.say("EHLO client.test", "250")
            self.assertNotIn("STARTTLS", answer)
            talk.say("STARTTLS", "503 5.5.1")
            talk.say("MAIL FROM:<x@away.test>", "250")
            talk.say("RCPT TO:<bob@north.test>", "250")
            talk.say("DATA", "354")
            talk.write(sample("by tls") + b".\r\n")
            talk.expect("250 2.0.0")
        (message,) = self.inbox()
        self.assertRegex(message.field("Received")[0], r"with ESMTPS")
        self.assertRegex(message.field("Received")[0], r"TLS")

    def test_lines_too_long(self):
        with self.greeted() as talk:
            talk.say("NOOP " + "x" * 5000, "500 5.5.2")
            talk.say("NOOP", "250")
        # A10: a line without an end is cut off long before it is all there.
        with self.house.talk("smtp") as talk:
            talk.expect("220")
            sent = 0
            try:
                while sent < 40_000_000:
                    talk.write(b"x" * 65536)
                    sent += 65536
            except OSError:
                pass
            self.assertLess(sent, 40_000_000)

    def test_long_body_lines_are_kept(self):
        body = b"Subject: long\r\n\r\n" + b"y" * 1_000_000 + b"\r\n" + b"\xe4\xff\x80" * 1000 + b"\r\n"
        with self.ready_for_data() as talk:
            talk.say("DATA", "354")
            talk.write(body + b".\r\n")
            talk.expect("250 2.0.0")
        self.assertEqual([m.without_trace for m in self.inbox()], [body])

    def test_header_over_its_limit(self):
        with self.ready_for_data() as talk:
            talk.say("DATA", "354")
            talk.write(b"X-Pad: " + b"x" * 900 + b"\r\n")
            for _ in range(1300):
                talk.write(b"X-Pad: " + b"x" * 900 + b"\r\n")
            talk.write(b"\r\nbody\r\n.\r\n")
            talk.expect("552 5.3.4")
        self.assertEqual(self.inbox(), [])

    def test_noise_and_nul(self):
        with self.house.talk("smtp") as talk:
            talk.expect("220")
            talk.write(bytes(range(256)) * 4 + b"\r\n")
            try:
                while True:
                    self.assertRegex(talk.reply()[-1], r"^(5|421)")
                    talk.write(b"QUIT\r\n")
            except (Closed, AssertionError):
                pass
        with self.greeted() as talk:
            talk.write(b"MAIL FROM:<a\x00b@away.test>\r\n")
            self.assertRegex(talk.reply()[-1], r"^50[01] 5\.")

    def test_too_many_errors_end_the_session(self):
        with self.greeted() as talk:
            answers = []
            try:
                for _ in range(100):
                    talk.write(b"FOO\r\n")
                    answers.append(talk.reply()[-1][:3])
            except (Closed, OSError):
                pass
        self.assertEqual(answers[-1], "421")
        self.assertLessEqual(len(answers), 30)

    # A7: memory stays flat; the client may go on with those that were taken.
    def test_too_many_recipients(self):
        with self.greeted() as talk:
            talk.say("MAIL FROM:<x@away.test>", "250")
            codes = []
            for _ in range(21):
                talk.write(b"RCPT TO:<bob@north.test>\r\n" * 50)
                codes += [talk.reply()[-1][:9] for _ in range(50)]
        self.assertEqual(set(codes[:1000]), {"250 2.1.5"})
        self.assertEqual(set(codes[1000:]), {"452 4.5.3"})

    def test_a_client_that_stops_leaves_nothing(self):
        for command in (b"DATA\r\n", b"BDAT 1000 LAST\r\n", b"BDAT 20\r\nSubject: half\r\n\r\nabc"):
            with self.ready_for_data() as talk:
                talk.write(command)
                talk.write(b"Subject: half\r\n\r\nThis never en")
        with self.ready_for_data() as talk:  # what comes later is not disturbed
            talk.say("DATA", "354")
            talk.write(b"Subject: whole\r\n\r\n.\r\n")
            talk.expect("250 2.0.0")
        self.assertEqual([m.field("Subject") for m in self.inbox()], [["whole"]])

    # A6: cut at 50 hops.
    def test_loops_end(self):
        hop = b"Received: from a.test by b.test; Thu, 01 Jan 2026 00:00:00 +0000\r\n"
        for hops, start in ((48, "250 2.0.0"), (50, "554 5.4.6")):
            with self.subTest(hops), self.ready_for_data() as talk:
                talk.say("DATA", "354")
                talk.write(hop * hops + b"Subject: hops\r\n\r\n.\r\n")
                talk.expect(start)
        self.assertEqual(len(self.inbox()), 1)

    def test_utf8_addresses(self):
        with self.greeted() as talk:
            talk.say("MAIL FROM:<jürgen@away.test> SMTPUTF8", "250 2.1.0")
            talk.say("RCPT TO:<bob@north.test>", "250 2.1.5")
            talk.say("DATA", "354")
            talk.write("Subject: Grüße\r\n\r\nJürgen\r\n.\r\n".encode())
            talk.expect("250 2.0.0")
        (message,) = self.inbox()
        self.assertEqual(message.field("Return-Path"), ["<jürgen@away.test>"])
        self.assertRegex(message.field("Received")[0], "with UTF8SMTP")

    # A24: what the peer calls itself is shown, never obeyed.
    def test_controls_never_reach_trace_or_log(self):
        with self.house.talk("smtp") as talk:
            talk.expect("220")
            talk.write(b"EHLO a\x1b[31mb\r\n")
            first = talk.reply()[-1]
            if first.startswith("250"):
                talk.say("MAIL FROM:<x@away.test>", "250")
                talk.say("RCPT TO:<bob@north.test>", "250")
                talk.say("DATA", "354")
                talk.write(b"Subject: esc\r\n\r\n.\r\n")
                talk.expect("250")
            else:
                self.assertRegex(first, "^50[01] 5")
        for message in self.inbox():
            self.assertNotIn(b"\x1b", message.trace)
        self.assertNotIn(b"\x1b", self.house.log.read_bytes())


if __name__ == "__main__":
    main()

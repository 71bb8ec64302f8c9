"""Submission as Python's smtplib and GNU SASL make it: who may send, as whom, and what the header must be."""

import base64
import smtplib

from house import PASSWORD, PATIENCE, HouseTest, main, sample


def plain(user, password, authorise=""):
    return base64.b64encode(f"{authorise}\0{user}\0{password}".encode()).decode()


class Submission(HouseTest):
    house_options = {"accounts": ("alice@north.test", "bob@north.test", "eve@north.test")}

    def setUp(self):
        self.house.empty("bob@north.test")

    def inbox(self, account="bob@north.test"):
        return self.house.mailbox(account)

    def clear(self):
        talk = self.house.talk("submission")
        talk.expect("220 north.test")
        talk.say("EHLO client.test", "250 ")
        return talk

    def secured(self):
        talk = self.clear()
        talk.say("STARTTLS", "220")
        talk.start_tls(self.house.tls())
        talk.offered = talk.say("EHLO client.test", "250 ")
        return talk

    def client(self, user="alice@north.test"):
        client = smtplib.SMTP_SSL("127.0.0.1", self.house.port["submissions"], local_hostname="client.test",
                                  context=self.house.tls(), timeout=PATIENCE)
        client.login(user, PASSWORD)
        return client

    def test_smtplib_with_starttls(self):
        message = sample("smtplib")
        with smtplib.SMTP("127.0.0.1", self.house.port["submission"], timeout=PATIENCE) as client:
            client.starttls(context=self.house.tls())
            client.login("alice@north.test", PASSWORD)
            client.sendmail("alice@north.test", ["bob@north.test"], message)
        (kept,) = self.inbox()
        self.assertEqual(kept.without_trace, message)
        self.assertEqual(kept.field("Return-Path"), ["<alice@north.test>"])
        self.assertRegex(kept.field("Received")[0], r"with ESMTPSA")

    def test_smtplib_with_tls_from_the_start(self):
        message = sample("tls")
        self.house.submit("alice@north.test", ["bob@north.test"], message)
        self.assertEqual([m.without_trace for m in self.inbox()], [message])

    def test_without_login(self):
        with self.clear() as talk:
            talk.say("MAIL FROM:<alice@north.test>", "530 5.7.0")
        with self.secured() as talk:
            talk.say("MAIL FROM:<alice@north.test>", "530 5.7.0")

    def test_no_password_before_tls(self):
        with self.clear() as talk:
            self.assertNotRegex(talk.say("EHLO x", "250 "), "AUTH[^\n]*(PLAIN|LOGIN)")
            talk.say("AUTH PLAIN " + plain("alice@north.test", PASSWORD), "538 5.7.11")
            talk.say("AUTH LOGIN", "538 5.7.11")
            talk.say("NOOP", "250")

    def test_login_as_outlook_does(self):
        with self.secured() as talk:
            talk.say("AUTH LOGIN", "334 VXNlcm5hbWU6")  # "Username:"
            talk.say(base64.b64encode(b"alice@north.test").decode(), "334 UGFzc3dvcmQ6")  # "Password:"
            talk.say(base64.b64encode(PASSWORD.encode()).decode(), "235 2.7.0")
            talk.say("AUTH PLAIN " + plain("alice@north.test", PASSWORD), "503 5.5.1")  # once a session

    def test_auth_plain_in_two_steps_and_given_up(self):
        with self.secured() as talk:
            talk.say("AUTH PLAIN", "334 ")
            talk.say("*", "501 5.")
            talk.say("AUTH PLAIN", "334 ")
            talk.say(plain("alice@north.test", PASSWORD), "235 2.7.0")

    def test_wrong_logins(self):
        for user, password in (("eve@north.test", "wrong"), ("nobody@north.test", PASSWORD), ("eve@north.test", ""),
                               ("eve@south.test", PASSWORD), ("eve", "x")):
            with self.subTest(user), self.secured() as talk:
                talk.write(f"AUTH PLAIN {plain(user, password)}\r\n".encode())
                self.assertRegex(talk.reply()[-1], r"^(535 5\.7\.8|501 5\.5\.2)")
                talk.say("MAIL FROM:<eve@north.test>", "530 5.7.0")

    def test_bad_tokens(self):
        with self.secured() as talk:
            for token in ("!!!!", "A", "=", "AGEAYg==x"):
                talk.write(f"AUTH PLAIN {token}\r\n".encode())
                self.assertRegex(talk.reply()[-1], r"^(501 5\.5\.2|535 5\.7\.8)", token)
            talk.say("AUTH CRAM-MD5", "504 5.5.4")

    # A3: behind AUTH come the next commands, as a pipelining client sends them.
    def test_commands_behind_auth_are_the_next_ones(self):
        with self.secured() as talk:
            talk.write(f"AUTH PLAIN {plain('alice@north.test', PASSWORD)}\r\nMAIL FROM:<alice@north.test>\r\n"
                       "RCPT TO:<bob@north.test>\r\n".encode())
            talk.script("S: 235 2.7.0\n S: 250 2.1.0\n S: 250 2.1.5")

    def test_commands_behind_starttls_close_the_session(self):
        with self.clear() as talk:
            talk.write(b"STARTTLS\r\nEHLO x\r\n")
            answers = talk.lines_to_the_end()
            self.assertLessEqual(len(answers), 1, answers)  # at most the one to STARTTLS

    def test_scram_by_gsasl(self):
        base = ["gsasl", "--client", "--smtp", "--no-client-first", "--quality=qop-auth", "--quiet",
                f"--connect=localhost:{self.house.port['submission']}", "--starttls",
                f"--x509-ca-file={self.house.certificate}", "--authentication-id=alice@north.test"]
        for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "PLAIN", "LOGIN"):
            with self.subTest(mechanism):
                # With a channel binding at hand gsasl does SCRAM with -PLUS only.
                command = [*base, f"--mechanism={mechanism}", *(["--no-cb"] if mechanism == "SCRAM-SHA-256" else [])]
                output = self.run_program(*command, f"--password={PASSWORD}", stdin=b"")
                self.assertIn("235 2.7.0", output)
                output = self.run_program(*command, "--password=wrong", stdin=b"", check=False)
                self.assertIn("535 5.7.8", output)

    def test_scram_salt_of_a_user_who_is_not_there_is_stable(self):
        def first_answer(user):
            with self.secured() as talk:
                first = base64.b64encode(f"n,,n={user},r=rOprNGfwEbeRWgbNEkqO".encode()).decode()
                answer = talk.say(f"AUTH SCRAM-SHA-256 {first}", "334 ")
                fields = base64.b64decode(answer[4:]).decode().split(",")
                self.assertTrue(fields[0].startswith("r=rOprNGfwEbeRWgbNEkqO"), fields)
                self.assertGreaterEqual(int(fields[2][2:]), 100_000)
                return fields[1], fields[2]
        self.assertEqual(first_answer("nobody@north.test"), first_answer("nobody@north.test"))
        self.assertNotEqual(first_answer("nobody@north.test")[0], first_answer("nobody2@north.test")[0])
        self.assertEqual(first_answer("alice@north.test"), first_answer("alice@north.test"))

    def test_the_envelope_sender_is_ones_own(self):
        with self.client() as client:
            for sender in ("bob@north.test", "alice@away.test", "nobody@north.test"):
                client.rset()
                self.assertEqual(client.mail(sender)[0], 550, sender)
                self.assertTrue(client.mail(sender)[1].startswith(b"5.7.1"))
            client.rset()
            self.assertEqual(client.mail("alice+shop@north.test")[0], 250)

    def test_from_is_ones_own(self):
        with self.client() as client:
            for header in ("From: bob@north.test", "From: Alice <bob@north.test>", "From: <alice@away.test>"):
                with self.subTest(header), self.assertRaises(smtplib.SMTPDataError) as refusal:
                    client.sendmail("alice@north.test", ["bob@north.test"], header.encode() + b"\r\n\r\nx\r\n")
                self.assertEqual(refusal.exception.smtp_code, 550)
                self.assertRegex(refusal.exception.smtp_error, rb"^5\.7\.1 .*From")
        self.assertEqual(self.inbox(), [])

    def test_headers_that_are_wrong_are_named(self):
        faults = {
            b"To: bob@north.test\r\n": rb"From",
            b"From: alice@north.test\r\nFrom: alice@north.test\r\n": rb"From",
            b"From: alice@north.test, alice+b@north.test\r\n": rb"Sender",
            b"From: <alice@@north.test>\r\n": rb"From",
            b"From: alice@north.test\r\nTo: bob@\r\n": rb"To",
            b"From: alice@north.test\r\nCc: <bob\r\n": rb"Cc",
            b"From: alice@north.test\r\nReply-To: a b c\r\n": rb"Reply-To",
            b"From: alice@north.test\r\nDate: yesterday\r\n": rb"Date",
        }
        with self.client() as client:
            for header, field in faults.items():
                with self.subTest(header), self.assertRaises(smtplib.SMTPDataError) as refusal:
                    client.sendmail("alice@north.test", ["bob@north.test"], header + b"\r\nx\r\n")
                self.assertEqual(refusal.exception.smtp_code, 550)
                self.assertRegex(refusal.exception.smtp_error, rb"^5\.6\.0 .*" + field)
        self.assertEqual(self.inbox(), [])

    def test_what_is_missing_is_added_and_bcc_goes(self):
        message = (b"From: alice@north.test\r\nTo: bob@north.test\r\nBcc: eve@north.test,\r\n secret@north.test\r\n"
                   b"Subject: bare\r\n\r\nbody\r\n")
        self.house.submit("alice@north.test", ["bob@north.test", "eve@north.test"], message)
        for account in ("bob@north.test", "eve@north.test"):
            (kept,) = self.inbox(account)
            self.assertEqual(kept.field("Bcc"), [])
            self.assertNotIn(b"secret", kept.whole)
            self.assertEqual(len(kept.field("Date")), 1)
            self.assertRegex(kept.field("Message-ID")[0], r"^<[^<>@\s]+@north\.test>$")
            self.assertEqual(kept.field("From"), ["alice@north.test"])
            self.assertEqual(kept.body, b"body\r\n")
            self.assertNotIn("for <", kept.field("Received")[0])  # two recipients: neither learns of the other
        self.house.empty("eve@north.test")

    def test_several_authors_with_a_sender(self):
        message = (b"From: alice@north.test, alice+b@north.test\r\nSender: alice@north.test\r\nTo: undisclosed-recipients:;\r\n"
                   b"Date: Thu, 01 Jan 2026 00:00:00 +0000\r\nMessage-ID: <1@x.test>\r\n\r\nx\r\n")
        self.house.submit("alice@north.test", ["bob@north.test"], message)
        self.assertEqual([m.without_trace for m in self.inbox()], [message])

    def test_remote_recipients(self):
        with self.client() as client:
            client.mail("alice@north.test")
            code, text = client.rcpt("carol@south.test")
            self.assertEqual((code, text[:5]), (250, b"2.1.5"))
            code, text = client.rcpt("nobody@north.test")
            self.assertEqual((code, text[:5]), (550, b"5.1.1"))

    def test_subaddress_and_case(self):
        message = sample("sub")
        self.house.submit("alice@north.test", ["BoB+lists@North.Test"], message)
        everywhere = self.inbox()
        with_folder = everywhere or self.house.mailbox("bob@north.test", "lists")
        self.assertEqual([m.without_trace for m in with_folder], [message])

    def test_one_copy_for_two_spellings(self):
        message = sample("twice")
        self.house.submit("alice@north.test", ["bob@north.test", "BOB@north.test"], message)
        self.assertEqual([m.without_trace for m in self.inbox()], [message])


if __name__ == "__main__":
    main()

"""swaks, the postmaster's tool: the MX port, STARTTLS, submission with each mechanism, attachments."""

from house import PASSWORD, HouseTest, main


class Swaks(HouseTest):
    def setUp(self):
        self.house.empty("bob@north.test")

    def swaks(self, door, *options, sender="alice@north.test", recipient="bob@north.test", check=True):
        return self.run_program("swaks", "--server", "127.0.0.1", "--port", self.house.port[door], "--from", sender,
                                "--to", recipient, "--helo", "swaks.test", *options, check=check)

    def inbox(self):
        return self.house.mailbox("bob@north.test")

    def test_plain(self):
        self.swaks("smtp", "--header", "Subject: plain", "--body", "Hello from swaks\n.\n..two dots\n",
                   sender="someone@away.test")
        (message,) = self.inbox()
        self.assertEqual(message.field("Subject"), ["plain"])
        self.assertEqual(message.field("Return-Path"), ["<someone@away.test>"])
        self.assertIn(b"Hello from swaks\r\n.\r\n..two dots\r\n", message.body)
        self.assertRegex(message.field("Received")[0], r"^from swaks\.test .*\sby north\.test .*with ESMTP\s")
        self.assert_crlf_only(message.whole)

    def test_null_sender(self):
        self.swaks("smtp", "--header", "Subject: bounce", sender="<>")
        (message,) = self.inbox()
        self.assertEqual(message.field("Return-Path"), ["<>"])

    def test_starttls(self):
        self.swaks("smtp", "--tls", "--tls-ca-path", self.house.certificate, "--header", "Subject: tls",
                   sender="someone@away.test")
        (message,) = self.inbox()
        self.assertRegex(message.field("Received")[0], r"with ESMTPS\s")

    def test_pipelined(self):
        self.swaks("smtp", "--pipeline", "--header", "Subject: pipeline", sender="someone@away.test")
        self.assertEqual([m.field("Subject") for m in self.inbox()], [["pipeline"]])

    def test_submission_with_each_mechanism(self):
        for mechanism in ("PLAIN", "LOGIN"):
            self.swaks("submission", "--tls", "--auth", mechanism, "--auth-user", "alice@north.test",
                       "--auth-password", PASSWORD, "--header", f"Subject: {mechanism}")
        self.swaks("submissions", "--tls-on-connect", "--auth-user", "alice@north.test", "--auth-password", PASSWORD,
                   "--header", "Subject: tls on connect")
        self.assertEqual([m.field("Subject")[0] for m in self.inbox()], ["PLAIN", "LOGIN", "tls on connect"])

    def test_attachment(self):
        attachment = self.folder / "bytes.bin"
        attachment.write_bytes(bytes(range(256)) * 300)
        self.swaks("smtp", "--header", "Subject: attached", "--attach-type", "application/octet-stream",
                   "--attach", f"@{attachment}", sender="someone@away.test")
        import email
        (message,) = self.inbox()
        parts = [p for p in email.message_from_bytes(message.whole).walk()
                 if p.get_content_type() == "application/octet-stream"]
        self.assertEqual([p.get_payload(decode=True) for p in parts], [attachment.read_bytes()])

    def test_refusals_are_seen(self):
        output = self.swaks("smtp", sender="x@away.test", recipient="nobody@north.test", check=False)
        self.assertIn("550 5.1.1", output)
        output = self.swaks("smtp", sender="x@away.test", recipient="carol@south.test", check=False)
        self.assertIn("550 5.7.1", output)
        output = self.swaks("submission", "--tls", "--auth", "PLAIN", "--auth-user", "alice@north.test",
                            "--auth-password", "wrong", check=False)
        self.assertIn("535 5.7.8", output)
        self.assertEqual(self.inbox(), [])

    def test_quit_after_each_stage_leaves_nothing(self):
        for stage in ("CONNECT", "FIRST-HELO", "MAIL", "RCPT"):
            self.swaks("smtp", "--quit-after", stage, sender="x@away.test")
        self.assertEqual(self.inbox(), [])


if __name__ == "__main__":
    main()

"""curl by each of its mail protocols: smtp, smtps, imap, imaps, pop3, pop3s."""

import email.utils

from house import PASSWORD, HouseTest, main, sample


class Curl(HouseTest):
    def setUp(self):
        for account in ("alice@north.test", "bob@north.test"):
            self.house.empty(account)

    def curl(self, url, *options, user="bob@north.test", check=True):
        login = ["--user", f"{user}:{PASSWORD}"] if user else []
        return self.run_program("curl", "--silent", "--show-error", "--max-time", 60, "--cacert",
                                self.house.certificate, *login, *options, url, check=check)

    def url(self, scheme, door, path=""):
        return f"{scheme}://localhost:{self.house.port[door]}/{path}"

    def upload(self, scheme, door, message, *options, user="alice@north.test"):
        file = self.folder / "message.eml"
        file.write_bytes(message)
        return self.curl(self.url(scheme, door, "client.test" if scheme.startswith("smtp") else ""), "--mail-from",
                         "alice@north.test", "--mail-rcpt", "bob@north.test", "--upload-file", file, *options, user=user)

    def test_smtp(self):
        message = sample("smtp", b"line\r\n.\r\n..\r\n.dot\r\nlast\r\n")
        self.upload("smtp", "smtp", message, user=None)
        self.upload("smtp", "submission", message, "--ssl-reqd")
        self.assertEqual([m.without_trace for m in self.house.mailbox("bob@north.test")], [message] * 2)

    def test_smtps(self):
        message = sample("smtps")
        self.upload("smtps", "submissions", message)
        self.upload("smtps", "submissions", message, "--login-options", "AUTH=LOGIN")
        self.upload("smtps", "submissions", message, "--login-options", "AUTH=PLAIN", "--sasl-ir")
        self.assertEqual([m.without_trace for m in self.house.mailbox("bob@north.test")], [message] * 3)

    def check_imap(self, scheme, door, *options):
        message = sample("imap", b"One line\r\n")
        file = self.folder / "append.eml"
        file.write_bytes(message)
        self.curl(self.url(scheme, door, "INBOX"), "--upload-file", file, *options)
        (kept,) = self.house.mailbox("bob@north.test")
        self.assertEqual(kept.whole, message)  # APPEND keeps every byte, and adds none
        fetched = self.curl(self.url(scheme, door, f"INBOX;UID={kept.uid}"), *options)
        self.assertEqual(fetched.encode(), message)
        header = self.curl(self.url(scheme, door, f"INBOX;UID={kept.uid};SECTION=HEADER.FIELDS%20(SUBJECT)"), *options)
        self.assertEqual(header, "Subject: imap\r\n\r\n")
        listing = self.curl(self.url(scheme, door), *options)
        for name in ("INBOX", "Drafts", "Sent", "Junk", "Trash", "Archive"):
            self.assertRegex(listing, rf'\* LIST \([^)]*\) "/" "?{name}"?\r\n')
        found = self.curl(self.url(scheme, door, "INBOX?SUBJECT%20imap"), *options)
        self.assertEqual(found, f"* SEARCH 1\r\n")
        examined = self.curl(self.url(scheme, door), "--request", "EXAMINE INBOX", *options)
        self.assertIn("* 1 EXISTS", examined)
        self.curl(self.url(scheme, door, "INBOX"), "--request", r"STORE 1 +Flags (\Deleted)", *options)
        self.curl(self.url(scheme, door, "INBOX"), "--request", "EXPUNGE", *options)
        self.assertEqual(self.house.mailbox("bob@north.test"), [])

    def test_imap(self):
        self.check_imap("imap", "imap", "--ssl-reqd")

    def test_imaps(self):
        self.check_imap("imaps", "imaps")

    def check_pop3(self, scheme, door, *options):
        messages = [sample("pop one"), sample("pop two", b".dots\r\n..\r\n.\r\n")]
        for message in messages:
            self.house.send("alice@north.test", ["bob@north.test"], message)
        kept = self.house.mailbox("bob@north.test")
        self.assertEqual([m.without_trace for m in kept], messages)
        listing = self.curl(self.url(scheme, door), *options)
        self.assertEqual(listing.split(), ["1", str(len(kept[0].whole)), "2", str(len(kept[1].whole))])
        for number, message in enumerate(kept, 1):
            self.assertEqual(self.curl(self.url(scheme, door, number), *options).encode(), message.whole)
        unique = self.curl(self.url(scheme, door), "--request", "UIDL", *options)
        self.assertRegex(unique, rf"^1 \d+\.{kept[0].uid}\r\n2 \d+\.{kept[1].uid}\r\n$")
        self.curl(self.url(scheme, door, 1), "--request", "DELE", "--head", *options)
        self.assertEqual([m.uid for m in self.house.mailbox("bob@north.test")], [kept[1].uid])

    def test_pop3(self):
        self.check_pop3("pop3", "pop3", "--ssl-reqd")

    def test_pop3s(self):
        self.check_pop3("pop3s", "pop3s")

    def test_each_mechanism(self):
        for scheme, door in (("imaps", "imaps"), ("pop3s", "pop3s")):
            for mechanism in ("PLAIN", "LOGIN"):
                with self.subTest(scheme=scheme, mechanism=mechanism):
                    self.curl(self.url(scheme, door), "--login-options", f"AUTH={mechanism}")

    def test_wrong_password(self):
        for scheme, door in (("imaps", "imaps"), ("pop3s", "pop3s"), ("smtps", "submissions")):
            output = self.run_program("curl", "--silent", "--show-error", "--cacert", self.house.certificate, "--user",
                                      "bob@north.test:wrong", self.url(scheme, door), check=False)
            self.assertRegex(output, r"(?i)curl: \(67\).*(denied|auth|login)", scheme)

    def test_no_login_in_the_clear(self):
        for scheme, door in (("imap", "imap"), ("pop3", "pop3")):
            output = self.curl(self.url(scheme, door), check=False)
            self.assertIn("curl: (67)", output)

    def test_a_large_message(self):
        body = b"".join(b"%07d " % i + b"x" * 60 + b"\r\n" for i in range(100_000))  # 7 MB
        message = sample("large", body)
        self.upload("smtps", "submissions", message)
        (kept,) = self.house.mailbox("bob@north.test")
        self.assertTrue(kept.without_trace == message, "7 MB differ")
        file = self.folder / "fetched"
        self.curl(self.url("pop3s", "pop3s", 1), "--output", file)
        self.assertTrue(file.read_bytes() == kept.whole, "7 MB differ by POP3")


if __name__ == "__main__":
    main()

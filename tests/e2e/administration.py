"""The operator's commands, against the running server and against its closed store."""

import json
import mailbox
import smtplib
import threading
import time

from house import PASSWORD, HouseTest, House, main, sample


class Administration(HouseTest):
    def setUp(self):
        for account in ("alice@north.test", "bob@north.test"):
            for name in ("INBOX", "Archive"):
                self.house.empty(account, name)

    def json(self, *arguments, **options):
        return json.loads(self.house.run(*arguments, "--json", **options).stdout)

    def addresses(self):
        return {row["address"] for row in self.json("account", "list")["accounts"]}

    def deliver(self, recipient, message, start=250):
        with smtplib.SMTP("127.0.0.1", self.house.port["smtp"]) as client:
            client.ehlo()
            client.mail("x@away.test")
            code, text = client.rcpt(recipient)
            if code != 250:
                self.assertEqual(code, start, text)
                return text
            code, text = client.data(message)
            self.assertEqual(code, start, text)
            return text

    def check_domains_accounts_aliases(self):
        self.house.run("domain", "add", "east.test")
        self.assertIn("east.test", {row["name"] for row in self.json("domain", "list")["domains"]})
        self.assertNotEqual(self.house.run("domain", "add", "east.test", check=False).returncode, 0)
        self.house.run("account", "add", "dora@east.test", "--name", "Dora Ost", "--quota", "10M", stdin="dora's\n")
        self.assertIn("dora@east.test", self.addresses())
        shown = self.json("account", "show", "dora@east.test")
        self.assertEqual((shown["address"], shown["name"], shown["quota"]), ("dora@east.test", "Dora Ost", 10 * 2**20))
        self.assertLessEqual({"INBOX", "Drafts", "Sent", "Junk", "Trash", "Archive"},
                             {row["name"] for row in shown["mailboxes"]})
        self.house.run("alias", "add", "all@east.test", "dora@east.test", "bob@north.test")
        aliases = {row["address"]: row["targets"] for row in self.json("alias", "list", "east.test")["aliases"]}
        self.assertEqual(set(aliases["all@east.test"]), {"dora@east.test", "bob@north.test"})

        refused = self.house.run("domain", "remove", "east.test", check=False)
        self.assertNotEqual(refused.returncode, 0)  # it still has accounts
        self.assertIn("account", refused.stderr)
        for command in (["account", "show", "nobody@east.test"], ["account", "add", "x@unknown.test"],
                        ["account", "add", "bad address@east.test"], ["alias", "add", "a@east.test", "nobody@east.test"],
                        ["domain", "add", "not a domain"], ["domain", "add", "../x"]):
            done = self.house.run(*command, stdin="secret\n", check=False)
            self.assertNotEqual(done.returncode, 0, command)
            self.assertRegex(done.stderr, "^posthouse: .+", command)

    def remove_them(self):
        self.house.run("alias", "remove", "all@east.test")
        self.house.run("account", "remove", "dora@east.test")
        self.house.run("domain", "remove", "east.test")
        self.assertNotIn("dora@east.test", self.addresses())

    def test_against_the_running_server(self):
        self.check_domains_accounts_aliases()
        # At work at once, without a restart.
        self.deliver("all@east.test", sample("to all"))
        for account, password in (("dora@east.test", "dora's"), ("bob@north.test", PASSWORD)):
            client = self.house.imap(account, password)
            self.assertEqual(client.select()[1], [b"1"])
            client.logout()
        self.house.empty("bob@north.test")

        self.house.run("account", "passwd", "dora@east.test", stdin="new one\n")
        with self.assertRaises(Exception):
            self.house.imap("dora@east.test", "dora's")
        self.house.imap("dora@east.test", "new one").logout()

        self.house.run("account", "disable", "dora@east.test")
        with self.assertRaises(Exception):
            self.house.imap("dora@east.test", "new one")
        self.assertNotEqual(self.deliver("dora@east.test", sample("no"), 550), None)
        self.house.run("account", "enable", "dora@east.test")
        self.house.imap("dora@east.test", "new one").logout()

        self.house.run("domain", "catch-all", "east.test", "bob@north.test")
        self.deliver("whoever@east.test", sample("caught"))
        self.assertEqual([m.field("Subject") for m in self.house.mailbox("bob@north.test")], [["caught"]])
        self.house.empty("bob@north.test")
        self.house.run("domain", "catch-all", "east.test")
        self.assertTrue(self.deliver("whoever@east.test", sample("no"), 550).startswith(b"5.1.1"))
        self.remove_them()

    def test_against_the_closed_store(self):
        self.house.stop()
        self.check_domains_accounts_aliases()
        self.remove_them()
        self.assertTrue(self.house.launch(), self.house.log_end())
        self.house.imap("bob@north.test").logout()

    def test_aliases_to_aliases_end(self):
        for number in range(10):
            self.house.run("alias", "add", f"hop{number}@north.test",
                           f"hop{number - 1}@north.test" if number else "bob@north.test")
        self.deliver("hop9@north.test", sample("hops"))
        self.assertEqual(len(self.house.mailbox("bob@north.test")), 1)
        self.house.empty("bob@north.test")
        for alias, target in (("hop0", "hop3"), ("self", "self"), ("hop11", "hop9")):  # circles, and too far
            done = self.house.run("alias", "add", f"{alias}@north.test", f"{target}@north.test", check=False)
            if done.returncode == 0:
                self.assertEqual(alias, "hop11")
                self.house.run("alias", "add", "hop12@north.test", "hop11@north.test")
                self.deliver("hop12@north.test", sample("too far"), 550)
                self.house.run("alias", "remove", "hop12@north.test")
                self.house.run("alias", "remove", "hop11@north.test")
            else:
                self.assertRegex(done.stderr, "itself|too far")
        self.deliver("hop9@north.test", sample("still"))
        self.house.empty("bob@north.test")
        for number in reversed(range(10)):
            self.house.run("alias", "remove", f"hop{number}@north.test")

    def test_quota(self):
        self.house.run("account", "add", "small@north.test", "--quota", "20K", stdin=PASSWORD + "\n")
        self.deliver("small@north.test", sample("fits", b"x" * 900 + b"\r\n"))
        with smtplib.SMTP("127.0.0.1", self.house.port["smtp"]) as client:
            client.ehlo()
            client.mail("x@away.test", ["SIZE=30000"])
            code, text = client.rcpt("small@north.test")
            self.assertEqual((code, text[:5]), (452, b"4.2.2"))
        client = self.house.imap("small@north.test")
        kind, answer = client.append("INBOX", None, None, sample("too much", b"y" * 30_000 + b"\r\n"))
        self.assertEqual(kind, "NO")
        self.assertIn(b"OVERQUOTA", answer[0])
        client.logout()
        self.assertEqual([m.field("Subject") for m in self.house.mailbox("small@north.test")], [["fits"]])
        self.house.run("account", "quota", "small@north.test", "0")
        self.deliver("small@north.test", sample("now it fits", b"z" * 30_000 + b"\r\n"))
        self.assertEqual(len(self.house.mailbox("small@north.test")), 2)
        self.house.run("account", "remove", "small@north.test")

    def test_export_and_import_keep_bytes_flags_and_dates(self):
        client = self.house.imap("alice@north.test")
        messages = [sample(f"archived {i}", b"From the first\r\n>From\r\n.\r\n\xff\r\n" * i) for i in range(1, 6)]
        for message in messages:
            client.append("Archive", r"(\Seen \Flagged)", '"17-Jul-2001 02:44:25 +0000"', message)
        client.append("INBOX", None, '"18-Jul-2001 02:44:25 +0000"', sample("inbox"))
        client.logout()
        self.house.run("account", "add", "copy@north.test", stdin=PASSWORD + "\n")
        for kind, options in (("maildir", []), ("mbox", ["--mbox"])):
            with self.subTest(kind):
                path = self.folder / f"export-{kind}"
                self.house.run("export", "alice@north.test", path, *options)
                if kind == "maildir":
                    self.assertEqual(len(mailbox.Maildir(path, create=False)), 1)
                    self.house.run("import", "copy@north.test", path)
                    source = "Archive"
                else:
                    (one,) = [p for p in self.folder.iterdir() if p.name == "export-mbox.Archive"]
                    self.assertEqual(len(mailbox.mbox(one, create=False)), 5)
                    self.house.run("import", "copy@north.test", one, "--mailbox", "Archive")
                kept = self.house.mailbox("copy@north.test", "Archive")
                self.assertEqual([m.whole for m in kept], messages)
                # An mbox keeps flags in fields of the message; ours keeps its bytes instead.
                self.assertEqual([m.flags for m in kept], [{"\\Seen", "\\Flagged"} if kind == "maildir" else set()] * 5)
                client = self.house.imap("copy@north.test")
                client.select("Archive")
                dates = client.fetch("1:*", "(INTERNALDATE)")[1]
                self.assertTrue(all(b'"17-Jul-2001 02:44:25 +0000"' in date for date in dates), dates)
                client.logout()
                self.house.empty("copy@north.test", "Archive")
        theirs = self.folder / "theirs.mbox"
        theirs.write_bytes(b"From x@y Thu Jan  1 00:00:00 2026\nSubject: read\nStatus: RO\nX-Status: AF\n\nbody\n\n")
        self.house.run("import", "copy@north.test", theirs, "--mailbox", "Archive")
        (message,) = self.house.mailbox("copy@north.test", "Archive")
        self.assertEqual((message.flags, message.body), ({"\\Seen", "\\Answered", "\\Flagged"}, b"body\r\n"))
        self.house.run("account", "remove", "copy@north.test")
        for name in ("INBOX", "Archive"):
            self.house.empty("alice@north.test", name)

    # F17: consistent, and everything acknowledged before it began is in it.
    def test_backup_of_the_running_server_and_restore(self):
        for number in range(20):
            self.house.send("x@away.test", ["alice@north.test", "bob@north.test"], sample(f"before {number}"))
        stop, sent = threading.Event(), []

        def keep_sending():
            while not stop.is_set():
                self.house.send("x@away.test", ["bob@north.test"], sample(f"during {len(sent)}"))
                sent.append(1)

        sender = threading.Thread(target=keep_sending)
        sender.start()
        backup = self.folder / "backup"
        try:
            while not sent:
                time.sleep(0.01)
            self.house.run("backup", backup)
        finally:
            stop.set()
            sender.join()
        restored = House(self.folder / "restored")
        restored.run("restore", backup)
        restored.founded = True
        restored.start()
        try:
            for account in ("alice@north.test", "bob@north.test"):
                here, there = self.house.mailbox(account), restored.mailbox(account)
                self.assertEqual([(m.uid, m.whole) for m in there], [(m.uid, m.whole) for m in here[:len(there)]])
                self.assertGreaterEqual(len(there), 20)
            restored.run("check", "--audit")
            restored.run("check", "--verify")
            restored.send("x@away.test", ["bob@north.test"], sample("after"))
            self.assertEqual(restored.mailbox("bob@north.test")[-1].field("Subject"), ["after"])
        finally:
            restored.stop()
        for account in ("alice@north.test", "bob@north.test"):
            self.house.empty(account)

    def test_check(self):
        for number in range(5):
            self.house.send("x@away.test", ["alice@north.test", "bob@north.test"], sample(f"checked {number}"))
        for options in (["--audit"], ["--verify"], ["--audit", "--verify"]):
            self.house.run("check", *options)
        self.house.stop()
        self.house.run("check", "--audit", "--verify")
        self.assertTrue(self.house.launch(), self.house.log_end())
        for account in ("alice@north.test", "bob@north.test"):
            self.house.empty(account)

    def test_status_help_and_wrong_usage(self):
        status = self.json("status")
        self.assertEqual(len(status["listeners"]), 7)
        for command in ("domain", "account", "alias", "status", "backup", "restore", "import", "export", "check", "serve",
                        "lab"):
            done = self.house.run(command, "--help")
            self.assertIn("posthouse " + command, done.stdout)
        self.assertEqual(self.house.run("no-such-command", check=False).returncode, 64)
        self.assertEqual(self.house.run("account", "add", check=False).returncode, 64)

    def test_passwords_are_not_in_the_log(self):
        self.house.run("account", "passwd", "alice@north.test", stdin="sEcReT-w0rd\n")
        self.house.imap("alice@north.test", "sEcReT-w0rd").logout()
        with self.house.talk("pop3s") as talk:
            talk.line()
            talk.write(b"USER alice@north.test\r\nPASS sEcReT-w0rd\r\n")
            talk.line()
            self.assertTrue(talk.line().startswith("+OK"))
        self.assertNotIn("sEcReT-w0rd", self.house.log.read_text())
        self.house.run("account", "passwd", "alice@north.test", stdin=PASSWORD + "\n")


if __name__ == "__main__":
    main()

"""A day of IMAP by Python's imaplib, and raw conversations: two sessions in step, IDLE, literals, bad input."""

import imaplib
import re
import time

from house import PASSWORD, PATIENCE, HouseTest, main, sample


class Imap(HouseTest):
    def setUp(self):
        for account in ("alice@north.test", "bob@north.test"):
            self.house.empty(account)
        self.client = self.house.imap("bob@north.test")
        self.addCleanup(self.close)

    def close(self):
        try:
            self.client.logout()
        except (imaplib.IMAP4.error, OSError):
            pass

    def ok(self, answer):
        kind, data = answer
        self.assertEqual(kind, "OK", data)
        return data

    def append(self, message, mailbox="INBOX", flags=None, date=None):
        (answer,) = self.ok(self.client.append(mailbox, flags, date, message))
        return int(re.search(rb"APPENDUID \d+ (\d+)", answer).group(1))

    def remove(self, *names):
        for name in names:
            self.client.delete(name)

    def raw(self, door="imaps"):
        talk = self.house.talk(door)
        self.assertRegex(talk.line(), r"^\* OK ")
        return talk

    def logged_in(self):
        talk = self.raw()
        talk.command("a", f'LOGIN bob@north.test "{PASSWORD}"', "OK")
        return talk

    def test_greeting_and_capabilities(self):
        capabilities = set(self.ok(self.client.capability())[0].decode().split())
        for one in ("IMAP4rev1", "IDLE", "UIDPLUS", "MOVE", "NAMESPACE", "SPECIAL-USE", "ID", "ENABLE", "UNSELECT",
                    "CHILDREN", "SASL-IR"):
            self.assertIn(one, capabilities)
        self.assertTrue({"LITERAL+", "LITERAL-"} & capabilities)
        with self.raw("imap") as talk:
            (line, _) = talk.command("a", "CAPABILITY", "OK")
            self.assertIn("LOGINDISABLED", line)
            self.assertIn("STARTTLS", line)
            self.assertNotIn("AUTH=PLAIN", line)
            talk.command("b", f"LOGIN bob@north.test {PASSWORD}", "NO [PRIVACYREQUIRED]")
            talk.command("c", "SELECT INBOX", "BAD")

    def test_starttls(self):
        with imaplib.IMAP4("127.0.0.1", self.house.port["imap"], timeout=PATIENCE) as client:
            client.starttls(self.house.tls())
            client.login("bob@north.test", PASSWORD)
            self.assertEqual(client.select()[0], "OK")
        with self.raw("imap") as talk:
            talk.write(b"a STARTTLS\r\nb LOGIN x y\r\n")
            answers = talk.lines_to_the_end()
            self.assertLessEqual(len(answers), 1, answers)  # at most the one to STARTTLS

    def test_wrong_password(self):
        with self.raw() as talk:
            talk.command("a", "LOGIN nobody@north.test x", "NO [AUTHENTICATIONFAILED]")
            talk.command("b", "AUTHENTICATE PLAIN AG5vYm9keQB4", "NO [AUTHENTICATIONFAILED]")
            talk.command("c", f"LOGIN bob@north.test {PASSWORD}", "OK")

    def test_the_mailboxes_of_a_new_account(self):
        listing = b"\n".join(self.ok(self.client.list()))
        for name, use in ((b"Drafts", rb"\\Drafts"), (b"Sent", rb"\\Sent"), (b"Junk", rb"\\Junk"), (b"Trash", rb"\\Trash"),
                          (b"Archive", rb"\\Archive")):
            self.assertRegex(listing, rb"(?m)^\([^)]*" + use + rb'[^)]*\) "/" "?' + name + rb'"?$')
        self.assertRegex(listing, rb'(?m)^\([^)]*\) "/" "?INBOX"?$')
        self.assertEqual(self.client.namespace()[0], "OK")

    def test_append_and_fetch_byte_for_byte(self):
        messages = [sample("eight bit", b"\xff\xfe\x80 \xc3\xa4\r\n"), b"\r\n", b"no header at all",
                    b"Subject: x\r\n\r\nbare \r and \n inside\n", sample("long", b"z" * 300_000 + b"\r\n")]
        for message in messages:
            with self.subTest(message[:20]):
                uid = self.append(message, flags=r"(\Seen $Work)", date='"17-Jul-1996 02:44:25 -0700"')
                self.ok(self.client.select())
                (head, whole), _ = self.ok(self.client.uid("FETCH", str(uid), "(FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])"))
                self.assertEqual(whole, re.sub(rb"\r\n|\r|\n", b"\r\n", message))  # imaplib mends line ends itself
                self.assertIn(b"RFC822.SIZE %d" % len(whole), head)
                self.assertRegex(head, rb"FLAGS \([^)]*\\Seen[^)]*\)")
                self.assertIn(b"$Work", head)
                self.assertRegex(head, rb'INTERNALDATE "17-Jul-1996 0[29]:44:25 (-0700|\+0000)"')

    def test_append_keeps_bare_cr_and_lf(self):
        message = b"Subject: bare\r\n\r\na\rb\nc\r\n\n\r"
        with self.logged_in() as talk:
            talk.write(b"b APPEND INBOX {%d}\r\n" % len(message))
            self.assertTrue(talk.line().startswith("+"))
            talk.write(message + b"\r\n")
            self.assertRegex(talk.until("b")[-1], r"^b OK \[APPENDUID")
        self.assertEqual([m.whole for m in self.house.mailbox("bob@north.test")], [message])

    def test_envelope_and_structure(self):
        message = (b"From: =?utf-8?q?J=C3=BCrgen?= <j@away.test>\r\nTo: bob@north.test, \"C, D\" <cd@x.test>\r\nSubject: parts\r\n"
                   b"Date: Thu, 01 Jan 2026 00:00:00 +0000\r\nMessage-ID: <p@x.test>\r\nMIME-Version: 1.0\r\n"
                   b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
                   b"text\r\n--b\r\nContent-Type: application/pdf; name=\"a.pdf\"\r\nContent-Transfer-Encoding: base64\r\n\r\n"
                   b"AAAA\r\n--b--\r\n")
        self.append(message)
        self.ok(self.client.select())
        answer = self.ok(self.client.fetch("1", "(ENVELOPE BODYSTRUCTURE)"))[0]
        self.assertIn(b'("Thu, 01 Jan 2026 00:00:00 +0000" "parts" (("=?utf-8?q?J=C3=BCrgen?=" NIL "j" "away.test"))', answer)
        self.assertIn(b'((NIL NIL "bob" "north.test")("C, D" NIL "cd" "x.test"))', answer)
        self.assertRegex(answer, rb'(?i)BODYSTRUCTURE \(\("text" "plain" \("charset" "utf-8"\) NIL NIL "7bit" 4 [01][ )]')
        self.assertRegex(answer, rb'(?i)\("application" "pdf" \("name" "a.pdf"\) NIL NIL "base64" 4[ )]')
        self.assertRegex(answer, rb'(?i)\) "mixed" \("boundary" "b"\)')
        (_, part), _ = self.ok(self.client.fetch("1", "BODY.PEEK[2]"))
        self.assertEqual(part, b"AAAA")
        (_, part), _ = self.ok(self.client.fetch("1", "BODY.PEEK[1]<1.2>"))
        self.assertEqual(part, b"ex")
        (_, part), _ = self.ok(self.client.fetch("1", "BODY.PEEK[HEADER.FIELDS (SUBJECT)]"))
        self.assertEqual(part, b"Subject: parts\r\n\r\n")

    def test_flags_search_copy_move_expunge(self):
        uids = [self.append(sample(f"number {i}", b"body %d needle\r\n" % i if i == 2 else b"body\r\n")) for i in range(5)]
        self.ok(self.client.select())
        self.assertEqual(self.ok(self.client.uid("SEARCH", "BODY", "needle")), [b"%d" % uids[2]])
        self.assertEqual(self.ok(self.client.uid("SEARCH", "SUBJECT", '"number 4"')), [b"%d" % uids[4]])
        self.ok(self.client.store("1:2", "+FLAGS", r"(\Seen \Flagged)"))
        self.assertEqual(self.ok(self.client.search(None, "UNSEEN")), [b"3 4 5"])
        self.assertEqual(self.ok(self.client.search(None, "NOT", "(FLAGGED SEEN)")), [b"3 4 5"])
        self.assertEqual(self.ok(self.client.search(None, "OR", "1", "KEYWORD", "nothing")), [b"1"])
        self.ok(self.client.uid("COPY", f"{uids[0]}:{uids[1]}", "Archive"))
        self.assertRegex(self.client.response("COPYUID")[1][0], rb"^\d+ %d:%d \d+:\d+" % (uids[0], uids[1]))
        self.ok(self.client.uid("MOVE", str(uids[2]), "Trash"))
        self.assertEqual(self.ok(self.client.uid("SEARCH", "ALL")), [b"%d %d %d %d" % tuple(uids[:2] + uids[3:])])
        self.ok(self.client.uid("STORE", f"{uids[3]}", "+FLAGS.SILENT", r"(\Deleted)"))
        self.ok(self.client.expunge())
        inbox = self.house.mailbox("bob@north.test")
        self.assertEqual([m.uid for m in inbox], [uids[0], uids[1], uids[4]])
        self.assertEqual(inbox[0].flags, {"\\Seen", "\\Flagged"})
        self.assertEqual([m.field("Subject")[0] for m in self.house.mailbox("bob@north.test", "Archive")], ["number 0", "number 1"])
        self.assertEqual(self.house.mailbox("bob@north.test", "Archive")[0].flags, {"\\Seen", "\\Flagged"})
        self.assertEqual([m.field("Subject")[0] for m in self.house.mailbox("bob@north.test", "Trash")], ["number 2"])
        for name in ("Archive", "Trash"):
            self.house.empty("bob@north.test", name)

    def test_mailboxes_made_renamed_removed(self):
        self.ok(self.client.create("work/2026/july"))
        self.append(sample("kept"), "work/2026/july")
        self.ok(self.client.rename("work", "job"))
        self.assertEqual([m.field("Subject") for m in self.house.mailbox("bob@north.test", "job/2026/july")], [["kept"]])
        self.assertEqual(self.client.select("work/2026/july")[0], "NO")
        self.assertEqual(self.client.create("job")[0], "NO")
        self.ok(self.client.subscribe("job/2026/july"))
        self.assertRegex(b"\n".join(self.ok(self.client.lsub())), b"job/2026/july")
        self.assertEqual(self.ok(self.client.status("job/2026/july", "(MESSAGES UNSEEN)"))[0].split(b" ", 1)[1],
                         b"(MESSAGES 1 UNSEEN 1)")
        validity = self.client.status("job/2026/july", "(UIDVALIDITY)")[1][0]
        self.remove("job/2026/july")
        self.ok(self.client.create("job/2026/july"))
        self.assertNotEqual(self.client.status("job/2026/july", "(UIDVALIDITY)")[1][0], validity)
        self.ok(self.client.unsubscribe("job/2026/july"))
        self.remove("job/2026/july", "job/2026", "job")
        self.assertEqual(self.client.delete("INBOX")[0], "NO")

    def test_rename_of_inbox_moves_its_messages(self):
        self.append(sample("moved"))
        self.ok(self.client.rename("INBOX", "old"))
        self.assertEqual(self.house.mailbox("bob@north.test"), [])
        self.assertEqual([m.field("Subject") for m in self.house.mailbox("bob@north.test", "old")], [["moved"]])
        self.remove("old")

    # A21: names are never paths.
    def test_names(self):
        self.ok(self.client.create("Entw&APw-rfe"))  # Entwürfe in modified UTF-7
        self.assertRegex(b"\n".join(self.ok(self.client.list('""', "Entw*"))), b"Entw&APw-rfe")
        self.remove("Entw&APw-rfe")
        with self.logged_in() as talk:
            for name in ("../etc", "a/../b", "..", ".", "a//b", "/a", "&bad", "&AGE-", "a&AAo-b", "x" * 2000,
                         "/".join("d" * 60), "&2AA-"):
                with self.subTest(name):
                    talk.command("b", f'CREATE "{name}"', "NO")
            for raw in (b'c CREATE "a\x01b"\r\n', b'c CREATE "a\xff\xfeb"\r\n', b"c CREATE {3}\r\na\x00b\r\n", b'c CREATE "a\x1bb"\r\n'):
                with self.subTest(raw):
                    talk.write(raw)
                    line = talk.line()
                    while line.startswith("+"):
                        line = talk.line()
                    self.assertRegex(line, "^(c|\\*) (NO|BAD)")
        listing = b"\n".join(self.ok(self.client.list()))
        self.assertNotIn(b"etc", listing)

    def test_two_sessions_see_each_other_at_once(self):
        self.ok(self.client.select())
        with self.logged_in() as other:
            other.command("b", "SELECT INBOX", "OK")
            uid = self.append(sample("news"))
            self.assertIn("* 1 EXISTS", other.command("c", "NOOP", "OK"))
            other.command("d", r"STORE 1 +FLAGS (\Flagged)", "OK")
            self.client.noop()
            self.assertRegex(str(self.client.untagged_responses), r"FLAGS \(.*\\\\Flagged")
            self.ok(self.client.uid("STORE", str(uid), "+FLAGS.SILENT", r"(\Deleted)"))
            self.ok(self.client.expunge())
            # RFC 3501 section 7.4.1: no EXPUNGE while FETCH is under way; NOOP tells it.
            self.assertIn("* 1 EXPUNGE", other.command("e", "NOOP", "OK"))

    def test_idle(self):
        with self.logged_in() as idler:
            idler.command("b", "SELECT INBOX", "OK")
            idler.write(b"c IDLE\r\n")
            self.assertTrue(idler.line().startswith("+"))
            self.house.send("x@away.test", ["bob@north.test"], sample("wake up"))
            seen = []
            while "* 1 EXISTS" not in seen:
                seen.append(idler.line())
            idler.write(b"DONE\r\n")
            self.assertTrue(idler.until("c")[-1].startswith("c OK"))
            idler.command("d", "FETCH 1 (FLAGS)", "OK")

    def test_what_has_its_250_is_seen(self):
        self.ok(self.client.select())
        for number in range(1, 6):
            self.house.send("x@away.test", ["bob@north.test"], sample(f"seen {number}"))
            self.ok(self.client.noop())
            self.assertEqual(self.ok(self.client.search(None, "ALL"))[0].split()[-1], b"%d" % number)

    def test_literals(self):
        with self.raw() as talk:
            talk.write(b"a LOGIN {14}\r\n")
            self.assertTrue(talk.line().startswith("+"))
            talk.write(b"bob@north.test {%d+}\r\n%s\r\n" % (len(PASSWORD), PASSWORD.encode()))
            self.assertTrue(talk.until("a")[-1].startswith("a OK"))
            message = sample("non-synchronising")
            talk.write(b"b APPEND INBOX (\\Draft) {%d+}\r\n" % len(message) + message + b"\r\n")
            self.assertRegex(talk.until("b")[-1], "^b OK")
        (kept,) = self.house.mailbox("bob@north.test")
        self.assertEqual((kept.whole, kept.flags), (message, {"\\Draft"}))

    # A15, A10, A12: nothing big before login, no wrap after it.
    def test_literals_that_are_too_big(self):
        with self.raw() as talk:
            talk.write(b"a LOGIN {4294967296}\r\n")
            with self.assertRaises(Exception):
                while not talk.line().startswith("+"):
                    pass
        with self.logged_in() as talk:
            talk.write(b"b APPEND INBOX {4294967296}\r\n")
            line = talk.line()
            self.assertRegex(line, r"^b (NO \[TOOBIG\]|BAD)")
            for number in ("-1", "18446744073709551616", "99999999999999999999", "", "x"):
                talk.write(f"c APPEND INBOX {{{number}}}\r\n".encode())
                self.assertRegex(talk.line(), r"^(c|\*) (BAD|NO)")

    def test_lines_without_end_before_login(self):
        for door in ("imaps", "pop3s"):
            talk = self.house.talk(door)
            talk.line()
            sent = 0
            try:
                while sent < 40_000_000:
                    talk.write(b"x" * 65536)
                    sent += 65536
            except OSError:
                pass
            self.assertLess(sent, 40_000_000, door)

    # A16: no recursion, and an answer in time.
    def test_deep_and_wide_commands(self):
        with self.logged_in() as talk:
            talk.command("b", "SELECT INBOX", "OK")
            for line in ("SEARCH " + "NOT " * 15000 + "ALL", "SEARCH " + "(" * 15000 + "ALL" + ")" * 15000,
                         "FETCH 1 " + "(" * 30000, "FETCH " + ",".join(str(i) for i in range(1, 9000)) + " FLAGS"):
                begun = time.monotonic()
                try:
                    talk.write(f"c {line}\r\n".encode())
                    self.assertRegex(talk.until("c")[-1], r"^c (OK|BAD|NO)")
                except AssertionError:
                    raise
                except Exception:  # BYE and closed is an answer as well
                    talk = self.logged_in()
                    talk.command("b", "SELECT INBOX", "OK")
                self.assertLess(time.monotonic() - begun, 30)

    def test_unselect_enable_id_close(self):
        with self.logged_in() as talk:
            talk.command("b", 'ID ("name" "test")', "OK")
            talk.command("c", "ENABLE X-NOTHING", "OK")
            talk.command("d", "SELECT INBOX", "OK [READ-WRITE]")
            talk.command("e", "UNSELECT", "OK")
            talk.command("f", "EXAMINE INBOX", "OK [READ-ONLY]")
            talk.command("h", "CLOSE", "OK")
            talk.command("i", "FETCH 1 FLAGS", "BAD")
            self.assertIn("* BYE", "\n".join(talk.command("j", "LOGOUT", "OK")))
            talk.expect_closed()


if __name__ == "__main__":
    main()

"""POP3 by Python's poplib, and raw conversations: lock, snapshot, TOP, UIDL, deletion at QUIT only."""

import base64
import poplib

from house import PASSWORD, PATIENCE, HouseTest, main, sample

poplib._MAXLINE = 2_000_000


class Pop3(HouseTest):
    def setUp(self):
        self.house.empty("bob@north.test")

    def deliver(self, *messages):
        for message in messages:
            self.house.send("alice@north.test", ["bob@north.test"], message)
        return self.house.mailbox("bob@north.test")

    def login(self):
        client = poplib.POP3_SSL("127.0.0.1", self.house.port["pop3s"], context=self.house.tls(), timeout=PATIENCE)
        client.user("bob@north.test")
        client.pass_(PASSWORD)
        return client

    def raw(self, door="pop3s", login=True):
        talk = self.house.talk(door)
        self.assertTrue(talk.line().startswith("+OK"))
        if login:
            self.say(talk, "USER bob@north.test", "+OK")
            self.say(talk, f"PASS {PASSWORD}", "+OK")
        return talk

    def say(self, talk, line, start):
        talk.write(line.encode() + b"\r\n")
        answer = talk.line()
        self.assertTrue(answer.startswith(start), f"{line}: {answer}")
        return answer

    def rest(self, talk):
        lines = []
        while (line := talk.line()) != ".":
            lines.append(line)
        return lines

    def test_download_and_delete(self):
        kept = self.deliver(sample("one", b"first\r\n"), sample("two", b".\r\n..\r\n.dot\r\n\r\n"))
        client = self.login()
        self.assertEqual(client.stat(), (2, sum(len(m.whole) for m in kept)))
        self.assertEqual(client.list()[1], [b"%d %d" % (i, len(m.whole)) for i, m in enumerate(kept, 1)])
        for number, message in enumerate(kept, 1):
            lines = client.retr(number)[1]
            self.assertEqual(b"\r\n".join(lines) + b"\r\n", message.whole)
            client.dele(number)
        client.quit()
        self.assertEqual(self.house.mailbox("bob@north.test"), [])

    def test_top(self):
        (message,) = self.deliver(sample("top", b"one\r\n.two\r\nthree\r\n"))
        header = message.whole.split(b"\r\n\r\n")[0].split(b"\r\n")
        client = self.login()
        self.assertEqual(client.top(1, 0)[1], header + [b""])
        self.assertEqual(client.top(1, 2)[1], header + [b"", b"one", b".two"])
        self.assertEqual(client.top(1, 100)[1], header + [b"", b"one", b".two", b"three"])
        client.quit()
        self.assertEqual(self.house.mailbox("bob@north.test")[0].flags, set())

    def test_uidl_is_stable(self):
        first = [m.uid for m in self.deliver(sample("a"), sample("b"))]
        client = self.login()
        unique = [line.split()[1] for line in client.uidl()[1]]
        self.assertEqual([int(u.split(b".")[1]) for u in unique], first)
        self.assertEqual(len({u.split(b".")[0] for u in unique}), 1)
        client.dele(1)
        client.quit()
        client = self.login()
        self.assertEqual([line.split() for line in client.uidl()[1]], [[b"1", unique[1]]])
        client.quit()

    # A26
    def test_deleted_only_after_quit(self):
        self.deliver(sample("stays"))
        with self.raw() as talk:
            self.say(talk, "DELE 1", "+OK")
            self.say(talk, "DELE 1", "-ERR")
            self.say(talk, "RETR 1", "-ERR")
            self.say(talk, "STAT", "+OK 0 0")
        self.assertEqual(len(self.house.mailbox("bob@north.test")), 1)
        with self.raw() as talk:
            self.say(talk, "DELE 1", "+OK")
            self.say(talk, "RSET", "+OK")
            self.say(talk, "QUIT", "+OK")
        self.assertEqual(len(self.house.mailbox("bob@north.test")), 1)

    def test_numbers_that_are_none(self):
        self.deliver(sample("x"))
        for number in ("0", "-1", "2", "18446744073709551616", "99999999999999999999", "x", "1x"):
            with self.subTest(number), self.raw() as talk:
                for line in (f"RETR {number}", f"DELE {number}", f"TOP {number} 1", f"LIST {number}", f"UIDL {number}"):
                    self.say(talk, line, "-ERR")
                self.say(talk, "STAT", "+OK 1 ")
        with self.raw() as talk:
            for line in ("RETR", "DELE", "TOP", "TOP 1", "TOP 1 -1"):
                self.say(talk, line, "-ERR")
            self.say(talk, "STAT", "+OK 1 ")

    def test_one_session_at_a_time(self):
        with self.raw() as first:
            self.say(first, "STAT", "+OK")
            with self.raw(login=False) as second:
                self.say(second, "USER bob@north.test", "+OK")
                self.say(second, f"PASS {PASSWORD}", "-ERR [IN-USE]")
        # Gone with the connection, however it went.
        for _ in range(100):
            with self.raw(login=False) as third:
                self.say(third, "USER bob@north.test", "+OK")
                third.write(f"PASS {PASSWORD}\r\n".encode())
                if third.line().startswith("+OK"):
                    return
        self.fail("the lock stays")

    def test_the_snapshot_lasts_to_quit(self):
        kept = self.deliver(sample("one"), sample("two"))
        with self.raw() as talk:
            self.say(talk, "STAT", "+OK 2 ")
            self.house.empty("bob@north.test")  # by IMAP, meanwhile
            self.house.send("x@away.test", ["bob@north.test"], sample("three"))
            self.say(talk, "STAT", "+OK 2 ")
            self.say(talk, "RETR 2", "+OK")
            self.assertIn("Subject: two", self.rest(talk))
            self.say(talk, "DELE 1", "+OK")
            self.say(talk, "QUIT", "+OK")
        self.assertEqual([m.field("Subject")[0] for m in self.house.mailbox("bob@north.test")], ["three"])
        self.assertEqual(len(kept), 2)

    def test_capabilities_before_and_after(self):
        with self.raw("pop3", login=False) as talk:
            self.say(talk, "CAPA", "+OK")
            capabilities = self.rest(talk)
            self.assertIn("STLS", capabilities)
            self.assertNotIn("USER", capabilities)
            self.say(talk, "USER bob@north.test", "-ERR")
            self.say(talk, "STLS", "+OK")
            talk.start_tls(self.house.tls())
            self.say(talk, "CAPA", "+OK")
            capabilities = {line.split()[0] for line in self.rest(talk)}
            for one in ("TOP", "UIDL", "USER", "SASL", "PIPELINING", "RESP-CODES", "AUTH-RESP-CODE", "UTF8"):
                self.assertIn(one, capabilities)
            self.assertNotIn("STLS", capabilities)

    def test_commands_behind_stls_close_the_session(self):
        with self.raw("pop3", login=False) as talk:
            talk.write(b"STLS\r\nCAPA\r\n")
            answers = talk.lines_to_the_end()
            self.assertLessEqual(len(answers), 1, answers)  # at most the one to STLS

    def test_sasl(self):
        token = base64.b64encode(f"\0bob@north.test\0{PASSWORD}".encode()).decode()
        with self.raw(login=False) as talk:
            self.say(talk, f"AUTH PLAIN {token}", "+OK")
            self.say(talk, "STAT", "+OK")
        with self.raw(login=False) as talk:
            self.say(talk, "AUTH PLAIN", "+ ")
            self.say(talk, token, "+OK")
        with self.raw(login=False) as talk:
            self.say(talk, "AUTH PLAIN !!", "-ERR")
            self.say(talk, "AUTH PLAIN", "+ ")
            self.say(talk, "*", "-ERR")

    def test_wrong_password(self):
        with self.raw(login=False) as talk:
            self.say(talk, "USER nobody@north.test", "+OK")  # users are not told apart
            self.say(talk, "PASS x", "-ERR [AUTH]")
            self.say(talk, "STAT", "-ERR")

    def test_pipelining(self):
        self.deliver(sample("p"))
        with self.raw() as talk:
            talk.write(b"STAT\r\nLIST\r\nUIDL 1\r\nRETR 1\r\nQUIT\r\n")
            self.assertTrue(talk.line().startswith("+OK 1 "))
            self.assertTrue(talk.line().startswith("+OK"))
            self.assertEqual(len(self.rest(talk)), 1)
            self.assertTrue(talk.line().startswith("+OK 1 "))
            self.assertTrue(talk.line().startswith("+OK"))
            self.assertIn("Subject: p", self.rest(talk))
            self.assertTrue(talk.line().startswith("+OK"))
            talk.expect_closed()

    def test_a_large_message(self):
        body = b"".join(b".%06d " % i + b"x" * 70 + b"\r\n" for i in range(50_000))
        (message,) = self.deliver(sample("large", body))
        client = self.login()
        self.assertTrue(b"\r\n".join(client.retr(1)[1]) + b"\r\n" == message.whole, "4 MB differ")
        client.quit()


if __name__ == "__main__":
    main()

"""Rows of docs/hostile.md in a short form, against the whole program. The full doses are tests/torture's.

Times are given with much room: they tell a linear program from one that is not, not a fast machine
from a slow one.
"""

import base64
import re
import socket
import ssl
import threading
import time

from house import PASSWORD, HouseTest, main, sample

MIB = 1 << 20


def mime_bombs():
    """A13: messages by what is too much about them."""
    def nested(depth):
        head = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (i, i) for i in range(depth))
        return b"MIME-Version: 1.0\r\n" + head + b"\r\nin the middle"

    return {
        "10,000 deep": nested(10_000),
        "5,000 messages": b"MIME-Version: 1.0\r\n" + b"Content-Type: message/rfc822\r\n\r\n" * 5000 + b"\r\nx",
        "100,000 parts": b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" +
                         b"--b\r\n\r\nx\r\n" * 100_000 + b"--b--",
        "10,000 parameters": b"MIME-Version: 1.0\r\nContent-Type: text/plain" +
                             b"".join(b";\r\n p%d=%d" % (i, i) for i in range(10_000)) + b"\r\n\r\nx",
        "one boundary many times": nested(1) + b"\r\n--b0" * 100_000,
    }


def header_bombs():
    """A14: within the header's 1 MiB."""
    return {
        "50,000 lines": b"X: y\r\n" * 50_000 + b"\r\nx",
        "a long line": b"Subject: " + b"s" * 1_000_000 + b"\r\n\r\nx",
        "100,000 addresses": b"To: " + b",".join(b"a%d@b" % i for i in range(100_000)) + b"\r\n\r\nx",
        "200,000 comments": b"From: " + b"(" * 200_000 + b"a@b" + b")" * 200_000 + b"\r\n\r\nx",
        "encoded words": b"Subject: " + b"=?utf-8?q?=41?= " * 50_000 + b"\r\n\r\nx",
        "quotes": b"From: " + b'"\\' * 300_000 + b"\r\n\r\nx",
    }


class Attacks(HouseTest):
    house_options = {"settings": "[limits]\nconnections_per_address = 2000\nconnections_per_network = 2000\n"}

    def setUp(self):
        self.house.empty("bob@north.test")

    def inbox(self):
        return self.house.mailbox("bob@north.test")

    def mid_data(self):
        talk = self.house.talk("smtp")
        talk.expect("220")
        for line, start in (("EHLO x", "250 "), ("MAIL FROM:<x@away.test>", "250"), ("RCPT TO:<bob@north.test>", "250"),
                            ("DATA", "354")):
            talk.say(line, start)
        return talk

    def fetch_all_about_it(self, message):
        """Hands the message in; then everything IMAP can say about it. Seconds that it took."""
        begun = time.monotonic()
        with self.mid_data() as talk:
            talk.write(message + b"\r\n.\r\n")
            talk.expect("250 2.0.0")
        client = self.house.imap("bob@north.test")
        client.select()
        kind, answer = client.fetch("*", "(ENVELOPE BODYSTRUCTURE BODY.PEEK[HEADER] BODY.PEEK[1] BODY.PEEK[1.MIME])")
        self.assertEqual(kind, "OK")
        client.search(None, "FROM", "nobody", "BODY", "nothing")
        client.logout()
        return time.monotonic() - begun

    # A8: idle before login, and in IDLE; a new login gets in.
    def test_many_idle_sessions(self):
        before = self.house.resident()
        idle = [self.house.talk(door) for door in ("smtp", "imap", "pop3") for _ in range(200)]
        for talk in idle:
            talk.line()
        self.assertLess(self.house.resident() - before, 600 * 40 * 1024)
        self.house.imap("bob@north.test").logout()
        self.house.send("x@away.test", ["bob@north.test"], sample("between the idle"))
        for talk in idle:
            talk.socket.close()
        deadline = time.monotonic() + 60
        while self.house.descriptors() > 200:
            self.assertLess(time.monotonic(), deadline, "descriptors stay open")
            time.sleep(0.05)

    # A9: peers that give a byte now and then keep nobody waiting.
    def test_slow_peers(self):
        slow = [self.mid_data() for _ in range(100)] + [self.house.talk("imaps") for _ in range(50)]
        for round_ in range(5):
            for talk in slow:
                talk.write(b"x")
            with self.house.talk("smtp") as talk:
                talk.expect("220")
        self.house.send("x@away.test", ["bob@north.test"], sample("not slow"))
        self.assertEqual(len(self.inbox()), 1)
        for talk in slow:
            talk.socket.close()
        self.assertEqual(len(self.inbox()), 1)

    # A11: streamed, never whole in memory.
    def test_large_messages_at_once(self):
        before = self.house.resident()
        piece = b"".join(b"%015d " % i + b"y" * 60 + b"\r\n" for i in range(MIB // 78))
        talks = [self.mid_data() for _ in range(8)]
        peak = 0
        for talk in talks:
            talk.write(b"Subject: large\r\n\r\n")
        for _ in range(20):
            for talk in talks:
                talk.write(piece)
            peak = max(peak, self.house.resident())
        for talk in talks:
            talk.write(b".\r\n")
        for talk in talks:
            talk.expect("250 2.0.0")
            talk.socket.close()
        peak = max(peak, self.house.resident())
        self.assertLess(peak - before, 100 * MIB)
        kept = self.inbox()
        self.assertEqual([m.without_trace == b"Subject: large\r\n\r\n" + piece * 20 for m in kept], [True] * 8)
        self.house.empty("bob@north.test")

    def test_over_the_size_limit_while_it_comes(self):
        with self.mid_data() as talk:
            line = b"z" * 65534 + b"\r\n"
            talk.write(b"Subject: endless\r\n\r\n")
            for _ in range(100 * MIB // len(line) + 10):
                talk.write(line)
            talk.write(b".\r\n")
            talk.expect("552 5.3.4")
        self.assertEqual(self.inbox(), [])

    # A13: depth, parts, parameters.
    def test_mime_bombs(self):
        for name, message in mime_bombs().items():
            with self.subTest(name):
                self.assertLess(self.fetch_all_about_it(message), 20)
        self.assertEqual(len(self.inbox()), len(mime_bombs()))

    # A14: header lines, a long line, addresses, comments.
    def test_header_bombs(self):
        for name, message in header_bombs().items():
            with self.subTest(name):
                self.assertLess(self.fetch_all_about_it(message), 20)
        self.assertEqual(len(self.inbox()), len(header_bombs()))

    # A20: keywords, depth, mailboxes: NO, and the session goes on.
    def test_too_many_keywords(self):
        client = self.house.imap("bob@north.test")
        client.append("INBOX", None, None, sample("keywords"))
        client.select()
        refused = 0
        for begun in range(0, 200, 20):
            words = " ".join(f"word{i}" for i in range(begun, begun + 20))
            kind, answer = client.store("1", "+FLAGS", f"({words})")
            if kind == "NO":
                refused += 1
                self.assertIn(b"LIMIT", answer[0])
        self.assertGreater(refused, 0)
        self.assertEqual(client.noop()[0], "OK")
        client.logout()
        self.assertLessEqual(len(self.inbox()[0].flags), 123)

    # A32: old versions and renegotiation.
    def test_old_tls_is_refused(self):
        for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
            context = self.house.tls_without_checks()
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = context.maximum_version = version
            for door in ("submissions", "imaps", "pop3s"):
                with socket.create_connection(("127.0.0.1", self.house.port[door]), timeout=60) as raw:
                    with self.assertRaises((ssl.SSLError, OSError)):
                        context.wrap_socket(raw)
        context = self.house.tls_without_checks()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        with socket.create_connection(("127.0.0.1", self.house.port["imaps"]), timeout=60) as raw:
            with context.wrap_socket(raw) as secure:
                self.assertEqual(secure.version(), "TLSv1.2")

    def test_renegotiation_is_refused(self):
        output = self.run_program("openssl", "s_client", "-connect", f"127.0.0.1:{self.house.port['imaps']}", "-tls1_2",
                                  "-CAfile", self.house.certificate, stdin=b"R\n", check=False)
        self.assertRegex(output, r"(?i)no[_ ]renegotiation|:error:|closed|unexpected")
        self.house.imap("bob@north.test").logout()

    def test_garbage_instead_of_a_handshake(self):
        for garbage in (b"\x16\x03\x01\xff\xff" + b"x" * 70_000, b"GET / HTTP/1.0\r\n\r\n", bytes(1000)):
            with socket.create_connection(("127.0.0.1", self.house.port["imaps"]), timeout=60) as raw:
                try:
                    raw.sendall(garbage)
                    while raw.recv(4096):
                        pass
                except OSError:
                    pass
        self.house.imap("bob@north.test").logout()


class Guessing(HouseTest):
    """A22, with the PROXY protocol: one machine plays many."""

    house_options = {"settings": "[unsafe]\nproxy_protocol = true\n[limits]\nconnections_per_network = 2000\n"}

    def login(self, client, user="bob@north.test", password=PASSWORD):
        """The tagged answer to one login over IMAP from this address."""
        with self.house.talk("imaps", client) as talk:
            talk.line()
            token = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
            talk.write(f"a AUTHENTICATE PLAIN {token}\r\n".encode())
            return talk.until("a")[-1]

    def test_guessing_is_slowed_and_the_right_user_gets_in(self):
        home, attacker = "192.0.2.10", "203.0.113.66"
        self.assertRegex(self.login(home), "^a OK")
        begun = time.monotonic()
        answers = []
        threads = [threading.Thread(target=lambda: answers.append(self.login(attacker, password="guess"))) for _ in range(30)]
        for thread in threads:
            thread.start()
        self.assertRegex(self.login(home), "^a OK")  # meanwhile, and not after the attacker's turn
        for thread in threads:
            thread.join()
        self.assertEqual(len(answers), 30)
        for answer in answers:
            self.assertRegex(answer, r"^a NO \[(AUTHENTICATIONFAILED|UNAVAILABLE|LIMIT)\]")
        looked_at = sum("AUTHENTICATIONFAILED" in answer for answer in answers)
        seconds = time.monotonic() - begun
        self.assertLessEqual(looked_at, 5 + seconds + 1, "more than a guess a second after the first five")
        self.assertRegex(self.login(home), "^a OK")

    def test_an_office_that_comes_back_at_once_is_not_taken_for_a_guesser(self):
        """Behind one address, after a restart, when nobody is known yet: right passwords cost nothing."""
        self.house.restart()
        answers = []
        threads = [threading.Thread(target=lambda user=user: answers.append(self.login("192.0.2.200", user)))
                   for user in ("alice@north.test", "bob@north.test") * 20]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([answer for answer in answers if not answer.startswith("a OK")], [])
        self.assertEqual(len(answers), 40)

    def test_the_client_that_the_proxy_names_is_the_client(self):
        with self.house.talk("smtp", "192.0.2.77") as talk:
            talk.expect("220")
            for line, start in (("EHLO named.test", "250 "), ("MAIL FROM:<x@away.test>", "250"),
                                ("RCPT TO:<alice@north.test>", "250"), ("DATA", "354")):
                talk.say(line, start)
            talk.write(b"Subject: proxied\r\n\r\n.\r\n")
            talk.expect("250")
        with self.house.talk("imaps", "192.0.2.78") as talk:
            talk.line()
            talk.command("a", f"LOGIN alice@north.test {PASSWORD}", "OK")
            talk.command("b", "SELECT INBOX", "OK")
            header = "\n".join(talk.command("c", "FETCH 1 BODY.PEEK[HEADER]", "OK"))
        self.assertIn("192.0.2.77", header)
        self.assertNotIn("127.0.0.1", re.sub(r"by north\.test.*", "", header))


if __name__ == "__main__":
    main()

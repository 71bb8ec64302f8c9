"""Sessions recorded on demand: `posthouse trace --session`, live, as JSON and as a script that is played again."""

import base64
import imaplib
import json
import poplib
import re
import smtplib
import subprocess
import time

from house import PASSWORD, PATIENCE, PROGRAM, HouseTest, main, sample

MESSAGE = sample("unmistakable subject", b"unmistakable words\r\n")


def play(talk, script, user, password):
    """A recorded script of one session (src/net/test_script.h)."""
    last = ""
    for line in script.splitlines():
        who, _, text = line.partition(":")
        text = text[1:]
        if not line or line.startswith("#"):
            continue
        if who == "C":
            plain = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
            text = text.replace("$user", user).replace("$password", password).replace("$plain", plain)
            talk.write(text.encode() + b"\r\n")
        elif who == "B":
            talk.write(b"x" * int(text))
        elif who == "R":
            talk.write(text.encode().replace(rb"\r", b"\r").replace(rb"\n", b"\n"))
        elif who in "SM":
            last = talk.line()
            while who == "M" and last[3:4] == "-":
                last = talk.line()
            pattern = ".*".join(map(re.escape, text.split("…")))
            if not re.fullmatch(pattern, last):
                raise AssertionError(f"{line!r} was played, and {last!r} came")
        elif who == "L":
            size = int(re.search(r"\{(\d+)\}$", last).group(1))
            while len(talk.buffer) < size:
                talk.buffer += talk.socket.recv(65536)
            talk.buffer = talk.buffer[size:]
        elif who == "D":
            while talk.line() != ".":
                pass
        elif who == "X":
            talk.expect_closed()
        else:
            raise ValueError(line)


class Recording(HouseTest):
    house_options = {"accounts": ("alice@north.test", "bob@north.test", "eve@north.test")}

    def record(self, *arguments):
        """`posthouse trace --session …`, once it listens."""
        process = subprocess.Popen([PROGRAM, "trace", *arguments, "-n", "1", "--data", self.house.data],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.kill)
        deadline = time.monotonic() + PATIENCE
        while "sessions are recorded" not in self.house.log.read_text():
            self.assertLess(time.monotonic(), deadline, "nobody listens")
            time.sleep(0.02)
        return process

    def heard(self, process):
        out, errors = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 0, errors)
        for secret in (PASSWORD, "unmistakable"):
            self.assertNotIn(secret, out)
        return out

    def setUp(self):
        self.house.log.write_text("")

    def test_an_imap_session_becomes_a_test(self):
        recorder = self.record("--session", "imap", "--user", "alice", "--script")
        with imaplib.IMAP4(self.house.address, self.house.port["imap"], timeout=PATIENCE) as client:
            client.starttls(self.house.tls())
            client.login("alice@north.test", PASSWORD)
            client.append("INBOX", r"(\Seen)", None, MESSAGE)
            client.select("INBOX")
            client.search(None, "UNSEEN")
            client.fetch("1", "(FLAGS UID RFC822.SIZE ENVELOPE BODY.PEEK[])")
            client.store("1", "+FLAGS", r"(\Deleted)")
            client.expunge()
        script = self.heard(recorder)
        self.assertIn("LOGIN $user $password", script)
        self.assertIn(f"B: {len(MESSAGE)}\n", script)
        self.assertNotIn("STARTTLS", script)
        with self.house.talk("imaps") as talk:
            play(talk, script, "bob@north.test", PASSWORD)

    def test_a_pop3_session_becomes_a_test(self):
        for account in ("alice", "bob"):
            self.house.send("x@away.test", [f"{account}@north.test"], MESSAGE)
        recorder = self.record("--session", "pop3", "--user", "alice@north.test", "--script")
        client = poplib.POP3_SSL(self.house.address, self.house.port["pop3s"], context=self.house.tls())
        client.capa()
        client.user("alice@north.test")
        client.pass_(PASSWORD)
        client.stat()
        client.retr(1)
        client.dele(1)
        client.quit()
        script = self.heard(recorder)
        self.assertIn("C: PASS $password", script)
        with self.house.talk("pop3s") as talk:
            play(talk, re.sub(r"(\+OK 1 )\d+", r"\1…", script), "bob@north.test", PASSWORD)

    def submit(self):
        with smtplib.SMTP_SSL(self.house.address, self.house.port["submissions"], context=self.house.tls()) as client:
            client.login("alice@north.test", PASSWORD)
            client.sendmail("alice@north.test", ["eve@north.test"], MESSAGE)

    def test_a_submission_becomes_a_test(self):
        recorder = self.record("--session", "smtp", "--user", "alice@north.test", "--script")
        self.submit()
        script = self.heard(recorder)
        self.assertIn("C: AUTH PLAIN $plain\nS: 235 2.7.0 …\n", script)
        self.assertIn("C: From: <$user>\n", script)
        with self.house.talk("submissions") as talk:
            play(talk, script, "bob@north.test", PASSWORD)

    def test_what_is_kept_becomes_a_test(self):
        self.house.send("script@away.test", ["eve@north.test"], MESSAGE)
        found = self.house.run("trace", "--from", "script@away.test", "--json")
        journey = json.loads(found.stdout)
        script = self.house.run("trace", "--session", journey["hops"][0]["sessionId"], "--script").stdout
        self.assertIn("C: From: <script@away.test>\n", script)
        self.assertNotIn("unmistakable", script)
        with self.house.talk("smtp") as talk:
            play(talk, script, "", "")

    def test_submission_as_json(self):
        recorder = self.record("--session", "smtp", "--user", "alice@north.test", "--json")
        self.submit()
        events = [json.loads(line) for line in self.heard(recorder).splitlines()]
        self.assertEqual(events[0]["kind"], "opened")
        self.assertEqual(events[0]["user"], "alice@north.test")
        self.assertEqual(events[-1]["kind"], "closed")
        lines = [event["text"] for event in events if event["kind"] == "line"]
        self.assertIn(f"[{len(MESSAGE)} bytes of message]", lines)
        self.assertEqual({event["speaker"] for event in events if event["kind"] == "line"}, {"client", "server"})

    def test_of_an_address_live(self):
        recorder = self.record("--session", "imap", "--peer", "127.0.0.1")
        with self.house.talk("imap") as talk:
            talk.until("*")
            talk.write(b"eve mutters her password\r\na LOGOUT\r\n")
            talk.until("a")
        out = self.heard(recorder)
        self.assertRegex(out, r"imap from 127\.0\.0\.1\n")
        self.assertIn("C [unreadable line]", out)
        self.assertIn("S a OK", out)
        self.assertRegex(out, r"  1  closed\n$")

    def test_what_makes_no_sense(self):
        for arguments, why in ((("--session", "imap"), "whose sessions"),
                               (("--session", "imap", "--user", "nobody"), "no account nobody"),
                               (("--session", "0123456789abc", "--script"), "nothing"),
                               (("--script",), "go with --session")):
            done = self.house.run("trace", *arguments, check=False)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(why, done.stderr)


if __name__ == "__main__":
    main()

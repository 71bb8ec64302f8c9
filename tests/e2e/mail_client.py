"""The mail client on the command line, as a person and as scripts use it, against a lab; mailboxes are looked into by imaplib."""

import email
import email.policy
import fcntl
import imaplib
import json
import os
import pty
import re
import signal
import socket
import ssl
import stat
import struct
import subprocess
import tempfile
import termios
import threading
import time
import unittest
from pathlib import Path

from house import PASSWORD, PATIENCE, PROGRAM, SCRATCH, Folders, main

ALICE, BOB = "alice@north.test", "bob@north.test"
MAILBOXES = ("INBOX", "Sent", "Trash", "Archive")


def text_of(part):
    """A text as Python gives it, whose lines end here with LF alone."""
    return part.get_content().replace("\r\n", "\n")


class MailClient(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        SCRATCH.mkdir(parents=True, exist_ok=True)
        cls.folder = Path(tempfile.mkdtemp(prefix="MailClient-", dir=SCRATCH))
        Folders.made.append(cls.folder)
        cls.data = cls.folder / "data"
        screen = cls.folder / "screen"
        with open(screen, "wb") as out:
            cls.lab = subprocess.Popen([PROGRAM, "lab", "--data", cls.data, "--any-ports"], stdin=subprocess.DEVNULL,
                                       stdout=out, stderr=subprocess.STDOUT, env=dict(os.environ, HOME=str(cls.folder)))
        deadline = time.monotonic() + PATIENCE
        while "Ctrl-C" not in screen.read_text():
            if cls.lab.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(screen.read_text())
            time.sleep(0.02)
        cls.port = {d: int(p) for d, p in re.findall(r"(?m)^\s+(\w+)\s+127\.0\.0\.1:(\d+)", screen.read_text())}

    @classmethod
    def tearDownClass(cls):
        cls.lab.send_signal(signal.SIGINT)
        try:
            assert cls.lab.wait(PATIENCE) == 0
        except subprocess.TimeoutExpired:
            cls.lab.kill()
            cls.lab.wait()
            raise

    def setUp(self):
        for account in (ALICE, BOB):
            with self.imap(account) as client:
                for name in MAILBOXES:
                    client.select(name)
                    client.store("1:*", "+FLAGS", "\\Deleted")
                    client.expunge()
        self.home = Path(tempfile.mkdtemp(prefix="home-", dir=self.folder))

    # --- looking ---

    def imap(self, account):
        context = ssl.create_default_context(cafile=str(self.data / "north" / "certificate.pem"))
        client = imaplib.IMAP4_SSL("127.0.0.1", self.port["imaps"], ssl_context=context, timeout=PATIENCE)
        client.login(account, PASSWORD)
        return client

    def mailbox(self, account, name="INBOX"):
        """The messages, as (flags, message)."""
        with self.imap(account) as client:
            client.select(name, readonly=True)
            _, answer = client.fetch("1:*", "(FLAGS BODY.PEEK[])")
            return [(item[0].decode(), email.message_from_bytes(item[1], policy=email.policy.default))
                    for item in answer if isinstance(item, tuple)]

    # --- doing ---

    def environment(self, **more):
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("XDG_", "POSTHOUSE_")) and k != "NO_COLOR"}
        return {**kept, "HOME": str(self.home), "POSTHOUSE_DATA": str(self.data), "LC_ALL": "C.UTF-8", "TZ": "UTC", **more}

    def run_client(self, *words, stdin=b"", code=0, program=PROGRAM, environment=None):
        done = subprocess.run([program, *map(str, words)], input=stdin, capture_output=True, timeout=PATIENCE,
                              env=self.environment(**(environment or {})), cwd=self.home)
        self.assertEqual(done.returncode, code, f"{words}:\n{done.stdout.decode()}{done.stderr.decode()}")
        return done.stdout.decode(), done.stderr.decode()

    def client(self, *words, **options):
        return self.run_client(*words, **options)[0]

    def send(self, *words, text=b"Hello\n", sender=ALICE, **options):
        return self.client("send", *words, "--from", sender, stdin=text, **options)

    def at_terminal(self, *words, typed=b"", columns=80, environment=None):
        """Runs it on a terminal of its own: exit code and everything that reached the terminal."""
        command, settings = [str(PROGRAM), *map(str, words)], self.environment(**(environment or {}))
        pid, terminal = pty.fork()
        if pid == 0:
            try:
                fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
                os.execve(PROGRAM, command, settings)
            finally:
                os._exit(127)
        shown = b""
        with open(terminal, "r+b", buffering=0) as stream:
            while True:
                try:
                    piece = stream.read(65536)
                except OSError:
                    break
                if not piece:
                    break
                shown += piece
                if typed and b": " in shown:
                    stream.write(typed)
                    typed = b""
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()

    # --- what the lab says to try first ---

    def test_first_things_to_try(self):
        self.client("send", BOB, "-s", "Hello", "--from", ALICE, stdin=b"Hello Bob\n")
        ((_, message),) = self.mailbox(BOB)
        self.assertEqual((message["Subject"], message["From"], message["To"]), ("Hello", "Alice North <alice@north.test>", BOB))
        self.assertEqual(text_of(message), "Hello Bob\n")
        rows = [line.split("\t") for line in self.client("inbox", "--user", BOB).splitlines()]
        self.assertEqual([(row[0], row[3:]) for row in rows], [("1", ["N", "Alice North", "Hello"])])
        self.assertIn("\n\nHello Bob\n", self.client("read", "1"))
        ((flags, _),) = self.mailbox(BOB)
        self.assertIn("\\Seen", flags)

    # --- sending ---

    def test_a_letter_with_everything(self):
        (self.home / "grüße.bin").write_bytes(bytes(range(256)) * 20)
        (self.home / "notes.txt").write_bytes("one\nzwei ä\n".encode())
        out, _ = self.run_client("send", BOB, "-c", "Alice <alice@north.test>", "-b", "bob+hidden@north.test", "-s",
                                 "Grüße 😀 " + "lang " * 30, "-a", "grüße.bin", "-a", "notes.txt", "--from", ALICE,
                                 "--json", stdin="Äpfel\n.\nFrom here\n".encode())
        answer = json.loads(out)
        self.assertEqual(set(answer["deliveryStatus"]), {BOB, ALICE, "bob+hidden@north.test"})
        self.assertTrue(all(one["smtpReply"].startswith("250 ") for one in answer["deliveryStatus"].values()))
        self.assertEqual(len(self.mailbox(BOB)), 2)
        for account, name in ((BOB, "INBOX"), (ALICE, "INBOX"), (ALICE, "Sent")):
            flags, message = self.mailbox(account, name)[0]
            self.assertEqual(message["Subject"].strip(), ("Grüße 😀 " + "lang " * 30).strip())
            self.assertEqual(message["Message-ID"], f"<{answer['messageId']}>")
            text, binary, notes = message.iter_parts()
            self.assertEqual(text_of(text), "Äpfel\n.\nFrom here\n")
            self.assertEqual((binary.get_filename(), binary.get_content()), ("grüße.bin", bytes(range(256)) * 20))
            self.assertEqual(text_of(notes), "one\nzwei ä\n")
            self.assertEqual(message["Bcc"], "bob+hidden@north.test" if name == "Sent" else None)
        self.assertIn("\\Seen", flags)

    def test_refusals_are_told_with_their_exit_codes(self):
        _, said = self.run_client("send", BOB, "nobody@north.test", "-s", "x", "--from", ALICE, code=67)
        self.assertIn("nobody@north.test is refused: 550 5.1.1", said)
        self.assertEqual(len(self.mailbox(BOB)), 1, "the others have it")
        self.run_client("send", "nobody@north.test", "-s", "x", "--from", ALICE, code=67)
        self.run_client("send", "bob@@north", "--from", ALICE, code=65)
        self.run_client("send", BOB, "-s", "a\nBcc: x@y.test", "--from", ALICE, code=65)
        self.run_client("send", BOB, "-m", "x", code=67)  # whose?
        self.run_client("send", "--from", ALICE, code=64)
        self.run_client("send", BOB, "-m", "x", "--from", ALICE, "--server", "127.0.0.1:1", code=69)
        self.assertEqual(len(self.mailbox(BOB)), 1)

    def test_wait_tells_what_can_be_seen(self):
        out = self.send(BOB, "-s", "x", "--wait")
        self.assertRegex(out, r"The server said: 250 2\.0\.0 .*\nbob@north\.test  filed in INBOX\n")

    def test_no_copy(self):
        self.send(BOB, "-s", "x", "--no-copy")
        self.assertEqual(self.mailbox(ALICE, "Sent"), [])

    # --- reading ---

    def test_numbers_mean_the_last_listing(self):
        for number in (1, 2, 3):
            self.send(BOB, "-s", f"letter {number}")
        self.run_client("read", "1", "--user", BOB, code=67)  # none yet
        self.client("inbox", "--user", BOB)
        self.assertIn("Subject: letter 3\n", self.client("read", "1"))
        self.assertEqual(re.findall("Subject: (.*)", self.client("read", "2-3")), ["letter 2", "letter 1"])
        self.send(BOB, "-s", "letter 4")
        self.assertIn("Subject: letter 3\n", self.client("read", "1"), "a later letter moves no number")
        self.client("delete", "1", "--forever")
        _, said = self.run_client("read", "1", code=67)
        self.assertIn("is gone", said)
        _, said = self.run_client("read", "9", code=67)
        self.assertIn("no number 9", said)
        _, said = self.run_client("read", "1", "--user", ALICE, code=67)
        self.assertIn("was of bob@north.test", said)
        # An id works without any listing, from anywhere.
        identity = json.loads(self.client("inbox", "--user", BOB, "--json"))["list"][0]["id"]
        self.home = Path(tempfile.mkdtemp(prefix="home-", dir=self.folder))
        self.assertIn("Subject: letter 4\n", self.client("read", identity, "--user", BOB))
        self.run_client("read", "INBOX/1/1", "--user", BOB, code=67)

    def test_read_shows_no_control_characters(self):
        self.send(BOB, "-s", "a \u202e b", text="\x1b[31mred\x07\u009b2J\ttab\n".encode())
        self.client("inbox", "--user", BOB)
        text = self.client("read", "1")
        self.assertNotRegex(text, "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]")
        self.assertIn("\\x1b[31mred", text)
        document = self.client("read", "1", "--json")
        self.assertNotRegex(document, "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]")
        self.assertIn("\x1b[31mred", json.loads(document)["list"][0]["bodyValues"]["1"]["value"])
        raw = subprocess.run([PROGRAM, "read", "1", "--raw"], capture_output=True, env=self.environment(), cwd=self.home)
        self.assertIn(b"\r\nSubject: ", raw.stdout)
        code, shown = self.at_terminal("read", "1", "--raw", "--user", BOB)
        self.assertNotIn("\x1b", shown)

    def test_attachments_are_saved_under_safe_names(self):
        with self.imap(BOB) as client:
            client.append("INBOX", None, None, (
                "From: x@away.test\r\nSubject: files\r\nContent-Type: multipart/mixed; boundary=z\r\n\r\n"
                "--z\r\nContent-Type: text/html\r\n\r\n<p>Rich &amp; <b>bold</b></p><script>no</script>\r\n"
                "--z\r\nContent-Disposition: attachment; filename=\"../../evil.sh\"\r\n\r\n1\r\n"
                "--z\r\nContent-Disposition: attachment; filename=\"evil.sh\"\r\n\r\n2\r\n"
                "--z\r\nContent-Type: application/octet-stream; name=\".profile\"\r\n"
                "Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment\r\n\r\nAP8=\r\n"
                "--z--\r\n").encode())
        self.client("inbox", "--user", BOB)
        box = self.home / "box"
        box.mkdir()
        out = self.client("read", "1", "--save", box)
        self.assertIn("Rich & bold", out)
        self.assertNotIn("no", out.split("Attachments")[0].split("\n\n", 1)[1])
        self.assertEqual({p.name: p.read_bytes() for p in box.iterdir()},
                         {"evil.sh": b"1", "evil (2).sh": b"2", "profile": b"\x00\xff"})
        self.run_client("read", "1", "--save", self.home / "nowhere", code=67)

    def test_search(self):
        self.send(BOB, "-s", "Rechnung März", text=b"twelve\n")
        self.send(BOB, "-s", "other", text=b"thirteen\n")
        self.client("inbox", "--user", BOB)
        self.client("move", "1", "Archive")
        subjects = lambda *words: [row.split("\t")[-1] for row in self.client("search", "--user", BOB, *words).splitlines()]
        self.assertEqual(subjects("--subject", "märz"), ["Rechnung März"])
        self.assertEqual(subjects("twelve"), ["Rechnung März"])
        self.assertEqual(subjects("thirteen"), [])
        self.assertEqual(subjects("thirteen", "--everywhere"), ["other"])
        self.assertEqual(set(subjects("--from", "alice", "--since", "2020-01-01", "--everywhere", "--unread")),
                         {"other", "Rechnung März"})
        self.assertEqual(subjects("--before", "2020-01-01"), [])
        self.run_client("search", "--user", BOB, "--since", "tomorrow", code=65)

    # --- answering and changing ---

    def test_reply_and_forward(self):
        self.send(BOB, "alice@north.test", "-s", "Question", text=b"What?\n")
        self.client("inbox", "--user", BOB)
        self.client("reply", "1", "--all", "--quote", stdin=b"That.\n")
        answer = [m for _, m in self.mailbox(ALICE) if m["Subject"] == "Re: Question"]
        self.assertEqual(len(answer), 1)
        original = self.mailbox(BOB)[0][1]
        self.assertEqual(answer[0]["In-Reply-To"], original["Message-ID"])
        self.assertIn(original["Message-ID"], answer[0]["References"])
        self.assertRegex(text_of(answer[0]), r"That\.\n\nOn .* wrote:\n> What\?\n")
        self.client("forward", "1", ALICE, "-m", "look")
        forwarded = [m for _, m in self.mailbox(ALICE) if m["Subject"] == "Fwd: Question"][0]
        text, inner = forwarded.iter_parts()
        self.assertEqual(text_of(text), "look\n")
        self.assertEqual(inner.get_content()["Message-ID"], original["Message-ID"])
        self.client("forward", "1", ALICE, "-m", "look", "--inline", "-s", "in line")
        inline = [m for _, m in self.mailbox(ALICE) if m["Subject"] == "in line"][0]
        self.assertIn("From: Alice North <alice@north.test>\n", text_of(inline))
        flags = self.mailbox(BOB)[0][0]
        self.assertIn("\\Answered", flags)
        self.assertIn("$Forwarded", flags)

    def test_flag_move_delete(self):
        for number in (1, 2, 3):
            self.send(BOB, "-s", f"{number}")
        self.client("inbox", "--user", BOB)
        self.client("flag", "1-2", "--star", "--read", "--add", "answered")
        self.client("flag", "1", "--remove", "answered", "--unread")
        flags = {m["Subject"]: f for f, m in self.mailbox(BOB)}
        self.assertIn("\\Flagged", flags["3"])
        self.assertNotIn("\\Seen", flags["3"])
        self.assertIn("\\Answered", flags["2"])
        self.assertNotIn("\\Flagged", flags["1"])
        self.client("move", "1", "Archive")
        self.client("delete", "2")
        self.assertEqual([m["Subject"] for _, m in self.mailbox(BOB)], ["1"])
        self.assertEqual([m["Subject"] for _, m in self.mailbox(BOB, "Archive")], ["3"])
        self.assertEqual([m["Subject"] for _, m in self.mailbox(BOB, "Trash")], ["2"])
        # One that is gone: nothing at all is done.
        self.run_client("delete", "3", "1", code=67)
        self.assertEqual([m["Subject"] for _, m in self.mailbox(BOB)], ["1"])
        self.run_client("move", "3", "Nowhere", code=67)
        self.run_client("flag", "3", "--add", "a b", code=65)
        folders = {row["name"]: row for row in json.loads(self.client("folders", "--user", BOB, "--json"))["list"]}
        self.assertEqual((folders["Trash"]["role"], folders["Trash"]["totalEmails"]), ("trash", 1))
        self.assertEqual((folders["Archive"]["unreadEmails"], folders["INBOX"]["role"]), (1, "inbox"))
        self.client("inbox", "--user", BOB, "--mailbox", "Trash")
        self.client("delete", "1")
        self.assertEqual(self.mailbox(BOB, "Trash"), [], "from Trash it goes for good")

    def test_watch(self):
        watch = subprocess.Popen([PROGRAM, "watch", "--user", BOB, "--most", "2"], stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, env=self.environment())
        lines = []
        reader = threading.Thread(target=lambda: lines.extend(line.decode() for line in watch.stdout))
        reader.start()
        number, deadline = 0, time.monotonic() + PATIENCE
        while watch.poll() is None and time.monotonic() < deadline:  # it may not be idle yet when the first ones come
            number += 1
            self.send(BOB, "-s", f"news {number}", "--no-copy")
            time.sleep(0.2)
        watch.kill()
        self.assertEqual(watch.wait(), 0, watch.stderr.read())
        reader.join()
        watch.stdout.close()
        watch.stderr.close()
        self.assertGreaterEqual(len(lines), 2)
        for line in lines:
            self.assertRegex(line, r"^\S+\t\d{4}-\d\d-\d\dT\S+Z\tAlice North\tnews \d+\n$")

    # --- POP3 ---

    def test_pop3(self):
        for number in (1, 2):
            self.send(BOB, "-s", f"letter {number}", text=b".dot\n")
        rows = [row.split("\t") for row in self.client("inbox", "--user", BOB, "--pop3").splitlines()]
        self.assertEqual([row[-1] for row in rows], ["letter 2", "letter 1"])
        self.assertTrue(rows[0][1].startswith("uidl:"))
        self.assertIn("\n\n.dot\n", self.client("read", "1", "--pop3", "--user", BOB))
        self.assertIn("letter 1", self.client("read", rows[1][1], "--pop3", "--user", BOB))
        self.client("delete", "1")
        self.assertEqual([m["Subject"] for _, m in self.mailbox(BOB)], ["letter 1"])
        self.run_client("read", "1", code=67)

    # --- logging in ---

    def login(self, address, *words, password=PASSWORD, **options):
        return self.run_client("login", address, "--server", "localhost", "--imap", f"localhost:{self.port['imap']}",
                               "--pop3-server", f"localhost:{self.port['pop3']}", "--submission",
                               f"localhost:{self.port['submission']}", *words, stdin=password.encode() + b"\n", **options)

    def test_login_keeps_what_works(self):
        certificate = self.data / "north" / "certificate.pem"
        elsewhere = {"environment": {"POSTHOUSE_DATA": str(self.home / "nowhere")}}
        _, said = self.login(ALICE, code=78, **elsewhere)
        self.assertIn("signed by itself", said)
        _, said = self.login(ALICE, "--certificate", certificate, password="wrong", code=77, **elsewhere)
        file = self.home / ".config/posthouse/mail.json"
        self.assertFalse(file.exists())
        self.login(ALICE, "--certificate", certificate, "--name", "Älice", **elsewhere)
        self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o600)
        self.login(BOB, "--certificate", certificate, **elsewhere)
        self.client("send", BOB, "-m", "x", "-s", "by STARTTLS", **elsewhere)  # as the default: alice
        ((_, message),) = self.mailbox(BOB)
        self.assertEqual(message["From"], "Älice <alice@north.test>")
        self.assertIn("by STARTTLS", self.client("inbox", "--user", BOB, **elsewhere))
        self.assertIn("by STARTTLS", self.client("inbox", "--user", BOB, "--pop3", **elsewhere))
        # The kept password goes nowhere else: neither to another host nor, unproven, to another port.
        listener = socket.create_server(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        for words in (("--server", f"127.0.0.1:{port}"), ("--server", f"localhost:{port}", "--insecure"),
                      ("--server", f"localhost:{port}", "--tls", "none")):
            _, said = self.run_client("inbox", "--user", BOB, *words, code=77, **elsewhere)
            self.assertIn("no password for bob@north.test", said)
        listener.close()
        file.chmod(0o644)
        _, said = self.run_client("inbox", code=77, **elsewhere)
        self.assertIn("chmod 600", said)
        file.chmod(0o600)
        self.client("login", "--forget", BOB, **elsewhere)
        self.assertEqual([one["email"] for one in json.loads(self.client("login", "--list", "--json", **elsewhere))["list"]],
                         [ALICE])

    def test_the_password_is_asked_for_at_the_terminal(self):
        nowhere = {"POSTHOUSE_DATA": str(self.home / "nowhere")}
        words = ("inbox", "--user", BOB, "--server", f"localhost:{self.port['imaps']}", "--insecure")
        code, shown = self.at_terminal(*words, typed=PASSWORD.encode() + b"\n", environment=nowhere)
        self.assertEqual(code, 0, shown)
        self.assertNotIn(PASSWORD + "\r", shown.replace("posthouse:", ""), "it is not echoed")
        self.assertIn("Nothing in INBOX", shown)
        _, said = self.run_client(*words, code=77, environment=nowhere)
        self.assertIn("POSTHOUSE_PASSWORD", said)
        self.client(*words, environment=dict(nowhere, POSTHOUSE_PASSWORD=PASSWORD))

    def test_a_table_for_a_terminal(self):
        self.send(BOB, "-s", "a very long subject " * 10)
        code, shown = self.at_terminal("inbox", "--user", BOB, columns=72)
        self.assertEqual(code, 0)
        self.assertIn("\x1b[1m", shown)
        lines = re.sub("\x1b\\[[0-9]+m", "", shown).split("\r\n")
        self.assertRegex(lines[0], r"^#  Date +From +Subject")
        self.assertTrue(all(len(line) <= 72 for line in lines), lines)
        self.assertTrue(lines[1].endswith("…"))
        code, shown = self.at_terminal("inbox", "--user", BOB, environment={"NO_COLOR": "1"})
        self.assertNotIn("\x1b", shown)

    # --- test, sendmail, mail ---

    def test_smtp_conversations_end_with_the_stage_that_failed(self):
        smtp, submission = f"127.0.0.1:{self.port['smtp']}", f"127.0.0.1:{self.port['submission']}"
        out = self.client("test", BOB, "--server", smtp, "--from", "x@away.test")
        self.assertRegex(out, r"(?m)^<-  220 .*\n -> EHLO ")
        self.assertRegex(out, r"(?m)^ -> \.$\n<-  250 2\.0\.0 ")
        self.assertEqual(len(self.mailbox(BOB)), 1)
        letter = self.home / "letter"
        letter.write_bytes(b"From: x@away.test\nSubject: own data\n\n.dot\nend")
        self.client("test", BOB, "--server", smtp, "--from", "x@away.test", "--data", letter)
        message = self.mailbox(BOB)[1][1]
        self.assertEqual((message["Subject"], text_of(message)), ("own data", ".dot\nend\n"))
        out = self.client("test", BOB, "--server", submission, "--from", ALICE, "--tls", "--auth")
        self.assertIn("=== TLS started with TLSv1.3", out)
        self.assertRegex(out, r"(?m)^ ~> AUTH SCRAM-SHA-256-PLUS \[SASL response\]$")
        self.assertIn("<** 550 5.1.1", self.client("test", "nobody@north.test", "--server", smtp, code=24))
        for code, words in (
                (2, ("--server", "127.0.0.1:1")),
                (21, ("--server", f"127.0.0.1:{self.port['imap']}")),
                (23, ("--server", submission, "--from", ALICE)),
                (24, ("--server", smtp, "--quit-after", "rcpt", "--from", "x@away.test")),
                (28, ("--server", submission, "--tls", "--user", "nobody@north.test")),
                (0, ("--server", smtp, "--quit-after", "mail")),
                (0, ("--server", submission, "--tls", "--quit-after", "tls")),
        ):
            to = "nobody@north.test" if code == 24 else BOB
            self.run_client("test", to, *words, code=code, environment={"POSTHOUSE_PASSWORD": "wrong"})
        out = self.client("test", BOB, "--server", submission, "--tls", code=29,
                          environment={"POSTHOUSE_DATA": str(self.home)})
        self.assertIn("signed by itself", out)
        self.assertEqual(len(self.mailbox(BOB)), 3)

    def test_sendmail_and_mail_by_the_programs_name(self):
        for name in ("sendmail", "mail"):
            (self.home / name).symlink_to(PROGRAM)
        self.run_client("-t", "-i", program=self.home / "sendmail", stdin=(
            b"From: alice@north.test\nTo: Bob <bob@north.test>\nBcc: alice@north.test\nSubject: by sendmail\n\none\n.\ntwo\n"))
        ((_, message),) = self.mailbox(BOB)
        self.assertEqual((message["Subject"], message["Bcc"], text_of(message)), ("by sendmail", None, "one\n.\ntwo\n"))
        self.assertTrue(message["Message-ID"] and message["Date"])
        self.assertEqual(len(self.mailbox(ALICE)), 1)
        self.run_client("-f", ALICE, BOB, program=self.home / "sendmail", stdin=b"no header at all\nbut text\n.\nnot this\n")
        self.assertEqual(text_of(self.mailbox(BOB)[1][1]), "no header at all\nbut text\n")
        self.run_client("-s", "by mail", "-r", ALICE, BOB, program=self.home / "mail", stdin=b"text\n")
        self.assertEqual(self.mailbox(BOB)[2][1]["Subject"], "by mail")
        self.run_client("-bs", program=self.home / "sendmail", code=64)
        self.run_client("-t", program=self.home / "sendmail", stdin=b"Subject: nobody\n\nx\n", code=65)

    def test_every_command_has_help_with_an_example(self):
        for command in ("login", "send", "inbox", "search", "read", "reply", "forward", "move", "delete", "flag", "folders",
                        "watch", "test"):
            self.assertRegex(self.client(command, "--help"), rf"Example:\n  posthouse {command}")


if __name__ == "__main__":
    main()

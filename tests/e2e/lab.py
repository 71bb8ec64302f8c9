"""`posthouse lab`, as a person starts it: one screen, two houses, Ctrl-C, and the mail is still there."""

import imaplib
import os
import re
import signal
import smtplib
import ssl
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from house import PASSWORD, PATIENCE, PROGRAM, SCRATCH, Folders, main, sample


class Lab(unittest.TestCase):
    def setUp(self):
        SCRATCH.mkdir(parents=True, exist_ok=True)
        self.folder = Path(tempfile.mkdtemp(prefix="Lab-", dir=SCRATCH))
        Folders.made.append(self.folder)
        self.process = None

    def tearDown(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def start(self):
        screen = self.folder / "screen"
        with open(screen, "wb") as out:
            self.process = subprocess.Popen([PROGRAM, "lab", "--data", self.folder / "data", "--any-ports"], stdout=out,
                                            stderr=subprocess.STDOUT, env=dict(os.environ, HOME=str(self.folder)))
        deadline = time.monotonic() + PATIENCE
        while "Ctrl-C" not in screen.read_text():
            self.assertIsNone(self.process.poll(), screen.read_text())
            self.assertLess(time.monotonic(), deadline, screen.read_text())
            time.sleep(0.02)
        text = screen.read_text()
        self.port = {door: int(port) for door, port in re.findall(r"(?m)^\s+(\w+)\s+127\.0\.0\.1:(\d+)", text)}
        return text

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)
        self.assertEqual(self.process.wait(PATIENCE), 0)
        self.process = None

    def mail(self, account):
        context = ssl.create_default_context(cafile=str(self.folder / "data" / "north" / "certificate.pem"))
        client = imaplib.IMAP4_SSL("127.0.0.1", self.port["imaps"], ssl_context=context, timeout=PATIENCE)
        client.login(account, PASSWORD)
        client.select(readonly=True)
        kind, answer = client.fetch("1:*", "(BODY.PEEK[])")
        client.logout()
        return [item[1] for item in answer if isinstance(item, tuple)]

    def test_a_day_in_the_lab(self):
        screen = self.start()
        self.assertEqual(set(self.port), {"smtp", "submission", "submissions", "imap", "imaps", "pop3", "pop3s"})
        self.assertLessEqual(len(screen.splitlines()), 40)
        told = screen.replace(str(self.folder), "")  # a long folder is no fault of the screen
        self.assertLessEqual(max(map(len, told.splitlines())), 80, told)
        for text in ("alice@north.test", "bob@north.test", "carol@south.test", "dave@south.test", PASSWORD,
                     str(self.folder / "data"), "slow.test", "down.test", "full.test", "refuses.test", "greylist.test",
                     "nomx.test", "badtls.test"):
            self.assertIn(text, screen)
        self.assertGreaterEqual(len(re.findall(r"(?m)^  \S*(build/posthouse|echo|nc|curl) ?", screen)), 3)
        with smtplib.SMTP("127.0.0.1", self.port["smtp"], timeout=PATIENCE) as client:
            client.sendmail("alice@north.test", ["bob@north.test"], sample("kept"))
        self.assertIn(b"Subject: kept", self.mail("bob@north.test")[0])
        first = self.mail("bob@north.test")
        self.interrupt()
        self.start()
        self.assertEqual(self.mail("bob@north.test"), first)
        self.process.kill()  # and after the worst
        self.process.wait()
        self.start()
        self.assertEqual(self.mail("bob@north.test"), first)
        self.interrupt()


if __name__ == "__main__":
    main()

"""`posthouse lab`, as a person starts it: one screen, two houses, Ctrl-C, and the mail is still there."""

import imaplib
import json
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

    def test_a_trace_goes_on_in_the_next_house(self):
        self.start()

        def run(*arguments, check=True):
            done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=PATIENCE, check=check,
                                  env=dict(os.environ, HOME=str(self.folder), POSTHOUSE_DATA=str(self.folder / "data")))
            return done.stdout

        run("send", "carol@south.test", "-m", "Hello", "--from", "alice@north.test")
        deadline = time.monotonic() + PATIENCE
        while True:
            journey = json.loads(run("trace", "--to", "carol@south.test", "--json"))
            if "next" in journey and journey["next"][0].get("journey", {}).get("recipients", [{}])[0].get("state") == "filed":
                break
            self.assertLess(time.monotonic(), deadline, journey)
            time.sleep(0.2)
        self.assertEqual([(end["email"], end["state"]) for end in journey["recipients"]], [("carol@south.test", "relayed")])
        there = journey["next"][0]
        self.assertEqual((there["host"], there["id"]), ("south.test", journey["recipients"][0]["nextId"]))
        outward = [hop for hop in journey["hops"] if hop["direction"] == "out"]
        self.assertEqual([hop["peerName"] for hop in outward], ["mx.south.test"])
        self.assertEqual(outward[0]["tls"]["version"], "TLSv1.3")
        self.assertIn("C: MAIL FROM:<alice@north.test>",
                      [("C: " if line["speaker"] == "client" else "S: ") + line["text"].split(" SIZE")[0].split(" BODY")[0]
                       for line in outward[0]["dialogue"] if line["kind"] == "line"])
        self.assertIn("MX south.test", [step.get("question") for step in journey["steps"]])
        self.assertIn("▶ At south.test it goes on as " + there["id"], run("trace", journey["id"]))
        self.interrupt()


if __name__ == "__main__":
    main()

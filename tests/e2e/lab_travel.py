"""Mail travels in the lab: from house to house, to hosts that refuse, greylist, are down, and back to its sender with the reason."""

import contextlib
import email
import email.policy
import imaplib
import json
import os
import re
import shutil
import signal
import ssl
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from house import PASSWORD, PATIENCE, PROGRAM, SCRATCH, Folders, main

ALICE, BOB, CAROL, DAVE = "alice@north.test", "bob@north.test", "carol@south.test", "dave@south.test"
ADDRESS = {"north.test": "127.0.0.1", "south.test": "127.0.0.2"}


def wait_for(what, look):
    """What `look` answers, once that is true."""
    deadline = time.monotonic() + PATIENCE
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.05)


def machine_part(notice):
    """The groups of message/delivery-status: the first of the message, then one for each recipient."""
    part = next(p for p in notice.walk() if p.get_content_type() == "message/delivery-status")
    return [dict(group.items()) for group in part.get_payload()]


def person_part(notice):
    return next(p for p in notice.walk() if p.get_content_type() == "text/plain").get_content().replace("\r\n", "\n")


class LabTravel(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        SCRATCH.mkdir(parents=True, exist_ok=True)
        cls.folder = Path(tempfile.mkdtemp(prefix="LabTravel-", dir=SCRATCH))
        Folders.made.append(cls.folder)
        cls.data = cls.folder / "data"
        screen = cls.folder / "screen"
        with open(screen, "wb") as out:
            cls.begun = time.monotonic()
            cls.lab = subprocess.Popen([PROGRAM, "lab", "--data", cls.data, "--any-ports"], stdin=subprocess.DEVNULL,
                                       stdout=out, stderr=subprocess.STDOUT, env=dict(os.environ, HOME=str(cls.folder)))
        deadline = time.monotonic() + PATIENCE
        while "Ctrl-C" not in screen.read_text():
            if cls.lab.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(screen.read_text())
            time.sleep(0.02)
        cls.port = {}
        for line in screen.read_text().splitlines():
            if found := re.match(r"\s+(\w+)\s+127\.0\.0\.1:(\d+)\s+127\.0\.0\.2:(\d+)", line):
                cls.port["north.test", found[1]], cls.port["south.test", found[1]] = int(found[2]), int(found[3])
        # A byte now and then: it takes half a minute, while the other tests run.
        cls.posthouse("send", "eve@slow.test", "-s", "slowly", "-m", "x", "--from", BOB)

    @classmethod
    def tearDownClass(cls):
        cls.lab.send_signal(signal.SIGINT)
        try:
            assert cls.lab.wait(PATIENCE) == 0
        except subprocess.TimeoutExpired:
            cls.lab.kill()
            cls.lab.wait()
            raise

    @classmethod
    def posthouse(cls, *arguments, stdin="", code=0):
        environment = dict(os.environ, HOME=str(cls.folder), POSTHOUSE_DATA=str(cls.data))
        done = subprocess.run([PROGRAM, *arguments], input=stdin, capture_output=True, text=True, timeout=PATIENCE,
                              env=environment)
        assert done.returncode == code, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def mail(self, account, subject):
        """The messages of an inbox whose subject holds `subject`."""
        domain = account.split("@")[1]
        context = ssl.create_default_context(cafile=str(self.data / domain.split(".")[0] / "certificate.pem"))
        with imaplib.IMAP4_SSL(ADDRESS[domain], self.port[domain, "imaps"], ssl_context=context,
                               timeout=PATIENCE) as client:
            client.login(account, PASSWORD)
            client.select(readonly=True)
            _, answer = client.fetch("1:*", "(BODY.PEEK[])")
        messages = [email.message_from_bytes(item[1], policy=email.policy.default) for item in answer
                    if isinstance(item, tuple)]
        return [message for message in messages if subject in message["Subject"]]

    def arrival(self, account, subject):
        return wait_for(f"{subject} at {account}", lambda: self.mail(account, subject))[0]

    def waiting(self, recipient):
        """What `queue show` tells of the message that waits for a recipient, or None."""
        for item in json.loads(self.posthouse("queue", "list", "--messages", "--json"))["items"]:
            if recipient in [one["recipient"] for one in item["recipients"]]:
                with contextlib.suppress(AssertionError):  # it went meanwhile
                    return json.loads(self.posthouse("queue", "show", item["id"], "--json"))
        return None

    # --- from house to house ---

    def test_first_mail_across_within_five_seconds_of_the_start(self):
        self.posthouse("send", CAROL, "-s", "first across", "-m", "Hello Carol", "--from", ALICE)
        message = self.arrival(CAROL, "first across")
        if not os.environ.get("POSTHOUSE_SLOW"):
            self.assertLess(time.monotonic() - self.begun, PATIENCE)
        self.assertEqual(message["From"], "Alice North <alice@north.test>")
        received = message.get_all("Received")
        self.assertEqual(len(received), 2, received)
        self.assertIn("from north.test", received[0])
        self.assertIn("by south.test", received[0])
        self.assertEqual(message["Return-Path"], "<alice@north.test>")

    def test_swaks_sends_both_ways(self):
        swaks = shutil.which("swaks")
        self.assertIsNotNone(swaks)
        for sender, recipient, subject in ((ALICE, DAVE, "by swaks"), (CAROL, BOB, "by swaks back")):
            domain = sender.split("@")[1]
            subprocess.run([swaks, "--server", ADDRESS[domain], "--port", str(self.port[domain, "submission"]), "--tls",
                            "--auth", "PLAIN", "--auth-user", sender, "--auth-password", PASSWORD, "--from", sender,
                            "--to", recipient, "--header", f"Subject: {subject}"],
                           check=True, capture_output=True, timeout=PATIENCE)
            self.assertEqual(self.arrival(recipient, subject)["Return-Path"], f"<{sender}>")

    def test_one_message_to_people_of_both_houses(self):
        self.posthouse("send", BOB, CAROL, DAVE, "-s", "to all", "-m", "x", "--from", ALICE)
        for account in (BOB, CAROL, DAVE):
            self.arrival(account, "to all")
            self.assertEqual(len(self.mail(account, "to all")), 1)

    # --- what comes back ---

    def test_nobody_of_that_name(self):
        self.posthouse("send", "nobody@south.test", "-s", "lost", "-m", "x", "--from", ALICE)
        notice = self.arrival(ALICE, "Not delivered: nobody@south.test")
        text = person_part(notice)
        self.assertTrue(text.startswith("Your message could not be delivered to nobody@south.test.\n\n"
                                        "nobody@south.test does not exist there. The address may be misspelled.\n"), text)
        self.assertRegex(text, r"(?m)^  C: RCPT TO:<nobody@south\.test>")
        self.assertRegex(text, r"(?m)^  S: 550 5\.1\.1 ")
        self.assertEqual(notice["Return-Path"], "<>")
        self.assertEqual(notice["Auto-Submitted"], "auto-replied")
        self.assertEqual(notice["From"], "Mail Delivery System <postmaster@north.test>")
        self.assertEqual(notice.get_content_type(), "multipart/report")
        of_message, of_recipient = machine_part(notice)
        self.assertEqual(of_message["Reporting-MTA"], "dns; north.test")
        self.assertEqual(of_recipient["Final-Recipient"], "rfc822; nobody@south.test")
        self.assertEqual((of_recipient["Action"], of_recipient["Status"]), ("failed", "5.1.1"))
        self.assertEqual(of_recipient["Remote-MTA"], "dns; mx.south.test")
        self.assertTrue(of_recipient["Diagnostic-Code"].startswith("smtp; 550 5.1.1 "))
        self.assertEqual(notice["In-Reply-To"], returned_header(notice)["Message-ID"])

    def test_refused(self):
        self.posthouse("send", "eve@refuses.test", "-s", "unwanted", "-m", "x", "--from", ALICE)
        notice = self.arrival(ALICE, "Not delivered: eve@refuses.test")
        self.assertEqual(machine_part(notice)[1]["Status"], "5.1.1")
        self.assertIn("550 5.1.1 there is nobody of that name", person_part(notice))
        self.assertIsNone(self.waiting("eve@refuses.test"))

    def test_a_domain_that_takes_no_mail(self):
        self.posthouse("send", "eve@nomx.test", "-s", "null MX", "-m", "x", "--from", ALICE)
        notice = self.arrival(ALICE, "Not delivered: eve@nomx.test")
        self.assertEqual(machine_part(notice)[1]["Status"], "5.1.10")
        self.assertIn("takes no mail at all", person_part(notice))

    def test_a_domain_that_does_not_exist(self):
        self.posthouse("send", "eve@nowhere.test", "-s", "no domain", "-m", "x", "--from", ALICE)
        notice = self.arrival(ALICE, "Not delivered: eve@nowhere.test")
        self.assertEqual(machine_part(notice)[1]["Status"], "5.1.2")

    # --- what waits ---

    def test_greylisted_and_delivered_at_the_retry(self):
        self.posthouse("send", "eve@greylist.test", "-s", "grey", "-m", "x", "--from", ALICE)
        wait_for("a first attempt", lambda: "450" in json.dumps(self.waiting("eve@greylist.test")))
        self.posthouse("queue", "retry", "--domain", "greylist.test")
        wait_for("it is delivered", lambda: self.waiting("eve@greylist.test") is None)
        self.assertEqual(self.mail(ALICE, "greylist.test"), [], "nobody is told of what went well")

    def test_down_and_full_wait_and_can_be_given_up(self):
        for host, why in (("down.test", "refused"), ("full.test", "452")):
            self.posthouse("send", f"eve@{host}", "-s", "waits", "-m", "x", "--from", BOB)
            wait_for(f"a first attempt at {host}",
                     lambda host=host, why=why: why in json.dumps(self.waiting(f"eve@{host}")))
        entry = self.waiting("eve@full.test")
        self.posthouse("queue", "fail", entry["id"])
        notice = self.arrival(BOB, "Not delivered: eve@full.test")
        self.assertIn("The mailbox of eve@full.test is full.", person_part(notice).replace("\n", " "))
        self.posthouse("queue", "drop", self.waiting("eve@down.test")["id"])
        wait_for("it is gone", lambda: self.waiting("eve@down.test") is None)
        self.assertEqual(self.mail(BOB, "down.test"), [])

    def test_held_for_later_and_cancelled(self):
        said = self.posthouse("send", CAROL, "-s", "held", "-m", "x", "--from", ALICE, "--after", "1h", "--json")
        self.assertIn("sendAt", json.loads(said))
        entry = self.waiting(CAROL)
        self.assertIn("holdUntil", entry)
        self.posthouse("queue", "drop", entry["id"])
        self.assertIsNone(self.waiting(CAROL))
        self.posthouse("send", CAROL, "-s", "at once", "-m", "x", "--from", ALICE, "--after", "1s")
        self.arrival(CAROL, "at once")
        self.assertEqual(self.mail(CAROL, "held"), [])
        self.posthouse("send", CAROL, "-m", "x", "--from", ALICE, "--after", "soon", code=65)

    def test_broken_tls_is_delivered_without(self):
        self.posthouse("send", "eve@badtls.test", "-s", "bad TLS", "-m", "x", "--from", BOB)
        wait_for("it is delivered", lambda: self.waiting("eve@badtls.test") is None)
        self.assertEqual(self.mail(BOB, "badtls.test"), [])

    def test_slow_is_delivered_too(self):
        wait_for("it is delivered", lambda: self.waiting("eve@slow.test") is None)
        self.assertEqual(self.mail(BOB, "slow.test"), [])


def returned_header(notice):
    part = list(notice.iter_parts())[2]
    text = part.get_content() if part.get_content_type() == "text/rfc822-headers" else part.get_payload(0).as_string()
    return email.message_from_string(text, policy=email.policy.default)


if __name__ == "__main__":
    main()

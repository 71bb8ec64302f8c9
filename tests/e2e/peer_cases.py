"""What is tried with every one of the other mail servers (peers.py): mail both ways, and what comes back when it cannot be delivered.

A test file makes a class of PeerTest with the mixins that suit its peer. Every test has its own subjects and looks for these, so that
nothing depends on what came before it.
"""

import email
import email.policy
import email.utils
import json
import re
import smtplib
import time

from house import PASSWORD, PATIENCE, HouseTest, sample

ALICE, BOB, CLEAR = "alice@north.test", "bob@north.test", "alice@plain.test"

# What breaks careless mail servers: dots at the start, bytes over 127, "From " and boundaries that are none, the longest line allowed,
# white space at line ends, empty lines at the end.
AWKWARD = (b".\r\n..\r\n.dot\r\n\r\nFrom the start\r\n>From here\r\n--\r\n-- \r\n--boundary--\r\n" + "Grüße, 日本\r\n".encode() + b"\xff\xfe\r\n"
           + b"tab\t \r\n" + b"x" * 998 + b"\r\n=20=\r\n\x01\x7f\r\n.\r\n\r\n\r\n")


class Report:
    """A delivery status notification (RFC 3464), taken apart by Python's parser."""

    def __init__(self, whole):
        self.whole = whole
        self.message = email.message_from_bytes(whole, policy=email.policy.default)
        self.parts = list(self.message.iter_parts())
        self.text = self.parts[0].get_content()
        status = next(part for part in self.parts if part.get_content_type() in ("message/delivery-status", "message/global-delivery-status"))
        blocks = status.get_payload()
        if len(blocks) == 1:  # Python knows message/delivery-status, and not the global one (RFC 6533)
            text = status.get_payload(0).as_bytes().decode()
            blocks = [email.message_from_string(block, policy=email.policy.default) for block in re.split(r"\r?\n\r?\n", text.strip())]
        self.about_message, self.recipients = blocks[0], blocks[1:]
        self.original = self.parts[-1]

    def recipient(self, address):
        return next(block for block in self.recipients if block["Final-Recipient"].split(";", 1)[1].strip() == address)


class PeerTest(HouseTest):
    """A House with two domains, and a peer that has them in its transport table."""

    peer_class = None
    house_options = {"accounts": (ALICE, BOB, CLEAR)}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        number = 40 + hash_of(cls.peer_class.name)
        cls.peer = cls.peer_class(cls.folder / "peer", cls.house, f"127.0.{number}.25")
        try:
            cls.peer.start()
            for domain, port in ((cls.peer.domain, cls.peer.port), (f"plain.{cls.peer.domain}", cls.peer.plain_port)):
                cls.house.run("route", "add", domain, cls.peer.address, "--port", port)
        except BaseException:
            cls.peer.stop()
            cls.house.kill()
            raise

    @classmethod
    def tearDownClass(cls):
        try:
            cls.peer.stop()
        finally:
            super().tearDownClass()

    def at(self, user):
        """An address of the peer."""
        return f"{user}@{self.peer.domain}"

    def message(self, subject, body=b"Hello.\r\n", sender=None, recipient=ALICE, extra=b""):
        return sample(subject, body, sender or self.at("carol"), recipient, extra)

    def submit(self, recipients, message, sender=ALICE, options=(), recipient_options=()):
        """As a client of ours does, logged in; with the options of its MAIL and RCPT."""
        with smtplib.SMTP_SSL(self.house.address, self.house.port["submissions"], local_hostname="client.test", context=self.house.tls(),
                              timeout=PATIENCE) as client:
            if "smtputf8" in options:
                client.command_encoding = "utf-8"
            client.login(sender, PASSWORD)
            refused = client.sendmail(sender, recipients, message, options, recipient_options)
        self.assertEqual(refused, {})

    def notice(self, about, account=ALICE):
        """Our notice to one of our own about a message of that subject."""
        deadline = time.monotonic() + PATIENCE
        while True:
            for message in self.house.mailbox(account):
                if b"multipart/report" in message.whole and f"Subject: {about}\r\n".encode() in message.whole:
                    self.assertEqual(message.field("Return-Path"), ["<>"])
                    return Report(message.whole)
            if time.monotonic() > deadline:
                self.fail(f"{account} got no notice about {about!r}\n{self.house.log_end()}\n{self.peer.log_end()}")
            time.sleep(0.05)

    def arrived(self, account, subject, count=1):
        """The messages of that subject, waited for."""
        return self.waited(lambda: self.house.mailbox(account), subject, count, f"{account}")

    def arrived_there(self, user, subject, count=1):
        return self.waited(lambda: self.peer.mailbox(user), subject, count, f"{user} of {self.peer.name}")

    def waited(self, look, subject, count, who):
        deadline = time.monotonic() + PATIENCE
        while True:
            found = [message for message in look() if message.field("Subject") == [subject]]
            if len(found) >= count:
                self.assertEqual(len(found), count, f"{subject!r} is there {len(found)} times")
                return found
            if time.monotonic() > deadline:
                self.fail(f"{who} has {len(found)} of {count} messages {subject!r}; the peer's log ends\n{self.peer.log_end()}")
            time.sleep(0.05)

    def report_to(self, user, about):
        """The peer's notice about one of its own users' messages."""
        deadline = time.monotonic() + PATIENCE
        while True:
            for message in self.peer.mailbox(user):
                if b"delivery-status" in message.whole and about.encode() in message.whole:
                    return Report(message.whole)
            if time.monotonic() > deadline:
                self.fail(f"{user} got no notice about {about!r}:\n{self.peer.log_end()}")
            time.sleep(0.05)


def hash_of(name):
    return sum(name.encode()) % 200


class TheyDeliver:
    """From the peer's queue to our mailboxes."""

    def test_with_starttls(self):
        sent = self.message("encrypted to north")
        self.peer.send(self.at("carol"), [ALICE], sent)
        (message,) = self.arrived(ALICE, "encrypted to north")
        self.assertEqual(message.without_trace, sent)
        self.assertEqual(message.field("Return-Path"), [f"<{self.at('carol')}>"])
        self.assertRegex(message.field("Received")[0], r"with ESMTPS \(TLSv1\.[23] ")
        self.assertIn(f"[{self.peer.address}]", message.field("Received")[0])

    def test_in_the_clear(self):
        sent = self.message("clear to north", recipient=CLEAR)
        self.peer.send(self.at("carol"), [CLEAR], sent)
        (message,) = self.arrived(CLEAR, "clear to north")
        self.assertEqual(message.without_trace, sent)
        self.assertRegex(message.field("Received")[0], r"with ESMTP\s+id ")

    def test_bytes_arrive_as_they_are(self):
        extra = b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
        for number, body in enumerate((AWKWARD, b"", b"\r\n\r\n", AWKWARD * 700)):
            subject = f"awkward {number} to north"
            with self.subTest(subject):
                sent = self.message(subject, body, extra=extra)
                self.peer.send(self.at("carol"), [ALICE], sent, ["body=8bitmime"])
                (message,) = self.arrived(ALICE, subject)
                self.assertTrue(message.without_trace == sent, f"{len(message.without_trace)} bytes instead of {len(sent)}")

    def test_one_copy_for_each_recipient(self):
        self.peer.send(self.at("carol"), [ALICE, BOB], self.message("for two"))
        for account in (ALICE, BOB):
            (message,) = self.arrived(account, "for two")
            self.assertEqual(message.field("Delivered-To"), [account])

    def test_many_at_once(self):
        sent = [self.message(f"one of many {number}") for number in range(20)]
        for one in sent:
            self.peer.send(self.at("carol"), [ALICE], one)
        for number, one in enumerate(sent):
            (message,) = self.arrived(ALICE, f"one of many {number}")
            self.assertEqual(message.without_trace, one)

    def test_nobody_of_that_name_here(self):
        self.peer.send(self.at("carol"), ["nobody@north.test", BOB], self.message("one is unknown"))
        self.arrived(BOB, "one is unknown")
        report = self.report_to("carol", "one is unknown")
        recipient = report.recipient("nobody@north.test")
        self.assertEqual(recipient["Action"], "failed")
        self.assertRegex(recipient["Status"], r"^5\.(1\.1|0\.0)$")  # Exim and OpenSMTPD do not look for ours
        self.assertIn(b"550", report.whole)
        self.assertIn(b"5.1.1", report.whole)
        self.assertEqual(len(report.recipients), 1, "only the one that failed")
        self.assertEqual(report.original.get_content_type().split("/")[0], "message" if self.peer.name != "opensmtpd" else "text")

    def test_they_wait_while_we_are_away(self):
        self.house.stop()
        try:
            self.peer.send(self.at("carol"), [ALICE], self.message("while we were away"))
            time.sleep(0.3)  # a first attempt that finds nobody
        finally:
            if not self.house.launch():
                raise AssertionError(f"the server does not start again:\n{self.house.log_end()}")
        self.retried_until_there(ALICE, "while we were away")

    def test_they_wait_while_a_mailbox_is_full(self):
        self.house.run("account", "quota", BOB, "1")
        try:
            self.peer.send(self.at("carol"), [BOB], self.message("no room yet"))
            time.sleep(0.3)
        finally:
            self.house.run("account", "quota", BOB, "0")
        self.retried_until_there(BOB, "no room yet")

    def retried_until_there(self, account, subject):
        deadline = time.monotonic() + PATIENCE
        while not any(message.field("Subject") == [subject] for message in self.house.mailbox(account)):
            self.assertLess(time.monotonic(), deadline, self.peer.log_end())
            self.peer.retry()
            time.sleep(0.3)
        self.arrived(account, subject)


class WeDeliver:
    """From our queue to the peer's mailboxes, by a stored route."""

    def outgoing(self, subject, body=b"Hello.\r\n", recipient=None, extra=b""):
        return sample(subject, body, ALICE, recipient or self.at("carol"), extra)

    def test_out_with_starttls(self):
        sent = self.outgoing("encrypted to the peer")
        self.submit([self.at("carol")], sent)
        (message,) = self.arrived_there("carol", "encrypted to the peer")
        self.assertEqual(message.without_trace, sent)
        self.assertEqual(message.field("Return-Path"), [f"<{ALICE}>"])
        self.assertRegex(message.field("Received")[0], self.peer.encrypted)
        self.assertIn("by north.test (Posthouse) with ESMTPSA", message.field("Received")[1])

    def test_out_in_the_clear(self):
        sent = self.outgoing("clear to the peer")
        self.submit([f"carol@plain.{self.peer.domain}"], sent)
        (message,) = self.arrived_there("carol", "clear to the peer")
        self.assertEqual(message.without_trace, sent)
        self.assertNotRegex(message.field("Received")[0], self.peer.encrypted)

    def test_out_bytes_arrive_as_they_are(self):
        extra = b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
        for number, body in enumerate((AWKWARD, b"", b"\r\n\r\n", AWKWARD * 700)):
            subject = f"awkward {number} to the peer"
            with self.subTest(subject):
                sent = self.outgoing(subject, body, extra=extra)
                self.submit([self.at("carol")], sent, options=["body=8bitmime"])
                (message,) = self.arrived_there("carol", subject)
                self.assertTrue(message.without_trace == sent, f"{len(message.without_trace)} bytes instead of {len(sent)}")

    def test_out_recipients_of_one_host_share_a_transaction(self):
        self.submit([self.at("carol"), self.at("dave")], self.outgoing("for two of them"))
        for user in ("carol", "dave"):
            (message,) = self.arrived_there(user, "for two of them")
            self.assertEqual(message.field("Return-Path"), [f"<{ALICE}>"])
        ids = {re.search(self.peer.own_id, message.field("Received")[0]).group(1)
               for user in ("carol", "dave") for message in self.arrived_there(user, "for two of them")}
        self.assertEqual(len(ids), 1, "one message there, not two")

    def test_out_many_at_once(self):
        sent = [self.outgoing(f"one of many out {number}") for number in range(20)]
        for one in sent:
            self.submit([self.at("carol")], one)
        for number, one in enumerate(sent):
            (message,) = self.arrived_there("carol", f"one of many out {number}")
            self.assertEqual(message.without_trace, one)

    def test_out_nobody_of_that_name_there(self):
        sent = self.outgoing("one of them is unknown")
        begun = time.time()
        self.submit([self.at("nobody"), self.at("carol")], sent)
        self.arrived_there("carol", "one of them is unknown")
        report = self.notice("one of them is unknown")
        self.assertEqual(report.message.get_content_type(), "multipart/report")
        self.assertEqual(report.message.get_param("report-type"), "delivery-status")
        self.assertIn(ALICE, report.message["To"])
        self.assertTrue(report.message["Auto-Submitted"].startswith("auto-replied"))
        self.assertIn(self.at("nobody"), report.text)
        # RFC 3464 section 2.2
        self.assertEqual(report.about_message["Reporting-MTA"].replace(" ", ""), "dns;north.test")
        arrival = email.utils.parsedate_to_datetime(report.about_message["Arrival-Date"]).timestamp()
        self.assertLess(abs(arrival - begun), PATIENCE)
        # section 2.3
        (recipient,) = report.recipients
        self.assertEqual(recipient["Final-Recipient"].replace(" ", ""), f"rfc822;{self.at('nobody')}")
        self.assertEqual(recipient["Action"], "failed")
        self.assertRegex(recipient["Status"], self.peer.unknown_status)
        self.assertTrue(recipient["Remote-MTA"].startswith("dns;"), recipient["Remote-MTA"])
        self.assertRegex(recipient["Diagnostic-Code"], r"^smtp; ?5\d\d ")
        attempt = email.utils.parsedate_to_datetime(recipient["Last-Attempt-Date"]).timestamp()
        self.assertLess(abs(attempt - begun), PATIENCE)
        # RFC 6522: the third part is what was sent, or its header
        original = report.original.get_payload(0) if report.original.get_content_type() == "message/rfc822" else report.original.get_payload()
        self.assertIn("one of them is unknown", str(original))

    def test_out_an_alias_that_leads_to_nobody(self):
        """Their message comes back to them: it was ours to bring on."""
        self.house.run("alias", "add", "gone@north.test", self.at("nobody"))
        self.peer.send(self.at("carol"), ["gone@north.test"], self.message("by an alias", recipient="gone@north.test"))
        report = self.report_to("carol", "by an alias")
        self.assertEqual(report.about_message["Reporting-MTA"].replace(" ", ""), "dns;north.test")
        self.assertEqual(report.recipients[0]["Action"], "failed")

    def test_out_no_notice_about_a_notice(self):
        self.house.run("alias", "add", "void@north.test", self.at("nobody"))
        self.house.send("", ["void@north.test"], sample("from nobody", recipient="void@north.test"))
        self.queue_is_empty()
        for user in self.peer.users:
            self.assertFalse([message for message in self.peer.mailbox(user) if b"Subject: from nobody" in message.whole])

    def test_out_while_they_are_away(self):
        self.peer.stop()
        try:
            self.submit([self.at("dave")], self.outgoing("while they were away", recipient=self.at("dave")))
            time.sleep(0.5)  # a first attempt that finds nobody
            self.assertIn(self.peer.domain, self.house.run("queue", "list").stdout)
        finally:
            self.peer.start()
        self.house.run("queue", "retry", "--all")
        self.arrived_there("dave", "while they were away")
        self.queue_is_empty()

    def queue_is_empty(self):
        deadline = time.monotonic() + PATIENCE
        while waiting := json.loads(self.house.run("queue", "list", "--messages", "--json").stdout).get("items"):
            self.assertLess(time.monotonic(), deadline, f"{waiting}\n{self.house.log_end()}")
            time.sleep(0.1)

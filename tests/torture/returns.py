"""What must not come back, and what must come to an end: A5 (backscatter) and A6 (loops) of docs/hostile.md."""

import contextlib
import json
import re
import shutil
import socket
import threading
import time

from faults import Torn
from house import Closed

BOB, FULL, GONE = "bob@torture.test", "full@torture.test", "gone@torture.test"


class Victim(threading.Thread):
    """The mail server of those whose addresses are forged: takes everything, keeps what came."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.connections, self.messages = 0, []
        self.start()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                link, _ = self.listener.accept()
                self.connections += 1
                threading.Thread(target=self.talk, args=(link,), daemon=True).start()

    def talk(self, link):
        with contextlib.suppress(OSError), link, link.makefile("rwb") as file:
            self.say(file, b"220 victim.test ESMTP")
            recipients = []
            while line := file.readline():
                verb = line[:4].upper()
                if verb == b"RCPT":
                    recipients.append(line.split(b"<", 1)[1].split(b">")[0].decode())
                if verb == b"DATA":
                    self.say(file, b"354 go on")
                    body = b"".join(iter(file.readline, b".\r\n"))
                    self.messages.append((recipients, body))
                    recipients = []
                self.say(file, b"221 bye" if verb == b"QUIT" else b"250-victim.test\r\n250 8BITMIME" if verb == b"EHLO" else b"250 2.0.0 fine")
                if verb == b"QUIT":
                    return

    @staticmethod
    def say(file, line):
        file.write(line + b"\r\n")
        file.flush()


def waiting(house):
    return json.loads(house.run("queue", "list", "--messages", "--json").stdout).get("items", [])


def settled(*houses, seconds=120):
    """What is still in the queues when they have come to rest (empty in three looks: a message may be on its way from
    one to the other), or time is up."""
    deadline, calm, left = time.monotonic() + seconds, 0, 0
    while calm < 3 and time.monotonic() < deadline:
        left = sum(len(waiting(house)) for house in houses)
        calm = 0 if left else calm + 1
        time.sleep(0.2)
    return left


# --- A5 ---

HOP = b"Received: from a.test by b.test; Thu, 01 Jan 2026 00:00:00 +0000\r\n"
# (what it is, recipients, size that is said, message, what the last reply must begin with)
ATTACKS = (
    ("an unknown user", ["nobody@torture.test"], 0, None, "550 5.1.1"),
    ("a full mailbox", [FULL], 0, None, "452 4.2.2"),
    ("a disabled account", [GONE], 0, None, "55"),
    ("a third party", ["else@other.test"], 0, None, "550 5.7.1"),
    ("too large by SIZE", [BOB], 10**9, None, "552 5.3.4"),
    ("a loop", [BOB], 0, HOP * 60 + b"Subject: x\r\n\r\nx\r\n", "554 5.4.6"),
    ("a header too large", [BOB], 0, b"X: " + b"y" * 1_100_000 + b"\r\n\r\nx\r\n", "552 5.3.4"),
    ("a bare LF", [BOB], 0, b"Subject: x\r\n\r\nx\ny\r\n", "554 5.6.0"),
)


def attack(house, number, recipients, size, message):
    """The last reply that decided."""
    with house.talk("smtp") as talk:
        talk.expect("220")
        talk.say("EHLO forger.test", "250")
        talk.write(f"MAIL FROM:<victim{number}@victim.test>{f' SIZE={size}' if size else ''}\r\n".encode())
        reply = talk.reply()[-1]
        for recipient in recipients if reply.startswith("250") else ():
            talk.write(f"RCPT TO:<{recipient}>\r\n".encode())
            reply = talk.reply()[-1]
        if reply.startswith("250"):
            talk.say("DATA", "354")
            with contextlib.suppress(OSError):
                talk.write((message or b"Subject: x\r\n\r\nx\r\n") + b".\r\n")
            reply = talk.reply()[-1]
        return reply


def a5_backscatter(state, rounds):
    shutil.rmtree(state.folder / "house", ignore_errors=True)
    victim = Victim()
    house = Torn(state.folder / "house", users=[BOB, FULL, GONE]).begin()
    house.run("route", "add", "victim.test", "127.0.0.1", "--port", victim.port, "--tls", "none")
    house.run("account", "quota", FULL, "1")
    house.run("account", "disable", GONE)
    refused, wrong = {}, []
    for number in range(rounds):
        what, recipients, size, message, start = ATTACKS[number % len(ATTACKS)]
        try:
            reply = attack(house, number, recipients, size, message)
        except (Closed, OSError) as closed:
            reply = f"closed: {closed}"
        if not reply.startswith(start):
            wrong.append(f"{what}: {reply}")
        refused[what] = refused.get(what, 0) + 1
    # One that is in order, from somebody who would hear of it: the way there works.
    house.submit(BOB, ["proof@victim.test"], b"From: bob@torture.test\r\nSubject: proof\r\n\r\nx\r\n")
    left = settled(house)
    proof = [recipients for recipients, _ in victim.messages]
    if proof != [["proof@victim.test"]]:
        wrong.append(f"the victim got {proof[:5]}")
    if left:
        wrong.append(f"{left} still in the queue")
    mailboxes = [len(house.mailbox(user)) for user in (BOB, FULL)]
    if any(mailboxes):
        wrong.append(f"mailboxes hold {mailboxes}")
    audit = house.audit()
    house.stop()
    text = (f"{rounds} messages with forged senders ({', '.join(refused)}): refused in the session, "
            f"{len(proof) - 1} notices to the forged, {left} left in the queue, audit faults {audit['faults']}")
    return not wrong and audit["faults"] == 0, "; ".join([text, *(f"WRONG {one}" for one in wrong[:5])])


# --- A6 ---

class Circle:
    """a.test and b.test, each with an alias that leads to the other's; the sender's server is elsewhere."""

    def __init__(self, folder):
        self.sender = Victim()
        self.a = Torn(folder / "a", users=["ann@torture.test"])
        self.b = Torn(folder / "b", users=["ben@torture.test"])
        for house in (self.a, self.b):
            house.begin()
        for house, own, other, their in ((self.a, "a", "b", self.b), (self.b, "b", "a", self.a)):
            house.run("domain", "add", f"{own}.test")
            house.run("route", "add", f"{other}.test", "127.0.0.1", "--port", their.port["smtp"])
            house.run("route", "add", "victim.test", "127.0.0.1", "--port", self.sender.port, "--tls", "none")
            house.run("alias", "add", f"ring@{own}.test", f"ring@{other}.test")

    def round(self, sender):
        """One message goes in; the notices that come of it, once all is at rest."""
        before = len(self.sender.messages)
        self.a.send(sender, ["ring@a.test"], b"Subject: round and round\r\n\r\nx\r\n")
        left = settled(self.a, self.b)
        return self.sender.messages[before:], left

    def stop(self):
        for house in (self.a, self.b):
            house.stop()


def a6_loops(state, rounds):
    for name in ("a", "b"):
        shutil.rmtree(state.folder / name, ignore_errors=True)
    circle, wrong = Circle(state.folder), []
    for hops in (49, 50, 300):
        reply = None
        with circle.a.talk("smtp") as talk:
            talk.expect("220")
            talk.say("EHLO x", "250")
            talk.say("MAIL FROM:<who@victim.test>", "250")
            talk.say("RCPT TO:<ann@torture.test>", "250")
            talk.say("DATA", "354")
            talk.write(HOP * hops + b"Subject: hops\r\n\r\nx\r\n.\r\n")
            reply = talk.reply()[-1]
        if not reply.startswith("250" if hops < 50 else "554 5.4.6"):
            wrong.append(f"{hops} hops: {reply}")
    most = 0
    for number in range(rounds):
        notices, left = circle.round(f"who{number}@victim.test")
        if [recipients for recipients, _ in notices] != [[f"who{number}@victim.test"]] or left:
            wrong.append(f"circle {number}: {len(notices)} notices, {left} left")
        for _, body in notices:
            most = max(most, len(re.findall(rb"(?mi)^Received:", body)))
            if b"5.4.6" not in body:
                wrong.append(f"circle {number}: the notice does not tell of a loop")
        notices, left = circle.round("")
        if notices or left:
            wrong.append(f"circle {number} from nobody: {len(notices)} notices, {left} left")
    if most > 55:
        wrong.append(f"{most} hops")
    itself = circle.a.run("alias", "add", "self@a.test", "self@a.test", check=False)
    if itself.returncode == 0:
        with contextlib.suppress(AssertionError, OSError, Exception):
            circle.a.send("who@victim.test", ["self@a.test"], b"Subject: self\r\n\r\nx\r\n")
            wrong.append("mail for an alias of itself was taken")
    faults = circle.a.audit()["faults"] + circle.b.audit()["faults"]
    circle.stop()
    text = (f"300 and 50 Received refused 554 5.4.6, 49 taken; {rounds} times round a.test and b.test: cut at {most} hops, one notice each, "
            f"none where the sender is null; an alias of itself is {'refused' if itself.returncode else 'taken and leads nowhere'}; "
            f"audit faults {faults}")
    return not wrong and faults == 0, "; ".join([text, *(f"WRONG {one}" for one in wrong[:5])])


ROWS = {
    "A5": (1000, "messages with forged senders that cannot be delivered", a5_backscatter),
    "A6": (20, "times round two servers that lead to each other", a6_loops),
}

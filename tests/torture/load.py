"""Numbered mail under load, and the proof that what was accepted is there: once, with every byte."""

import contextlib
import functools
import hashlib
import random
import re
import socket
import threading
import time

CONNECTIONS = 8
SIZE = 3000
WHO = re.compile(rb"X-Id: <([0-9a-z.]+)>")


@functools.lru_cache(maxsize=5000)
def body_of(identity, size=SIZE):
    """A message whose every byte follows from its identity."""
    dice = random.Random(identity)
    lines, length = [], 0
    while length < size:
        line = "".join(dice.choices("abcdefghijklmnopqrstuvwxyz .", k=70))
        line = line if not line.startswith(".") else "x" + line[1:]
        lines.append(line)
        length += 72
    return ("\r\n".join(lines) + "\r\n").encode()


class Client(threading.Thread):
    """One connection that hands in mail until it is told to stop. `accepted` gets (identity, user) at each 250."""

    def __init__(self, load, number):
        super().__init__(daemon=True)
        self.load, self.number, self.dice = load, number, random.Random(f"{load.name}.{number}")

    def run(self):
        sent = 0
        while not self.load.stopping.is_set():
            try:
                with contextlib.closing(socket.create_connection(("127.0.0.1", self.load.port), timeout=20)) as link:
                    file = link.makefile("rwb")
                    self.reply(file)
                    self.say(file, b"EHLO torture.test")
                    while not self.load.stopping.is_set():
                        sent += 1
                        self.hand_in(file, f"{self.load.name}.{self.number}.{sent}")
            except (OSError, EOFError, ValueError):
                time.sleep(0.02)

    def hand_in(self, file, identity):
        users = self.load.users
        recipients = self.dice.sample(users, 1 if self.dice.random() < 0.7 else min(3, len(users)))
        code = self.say(file, b"MAIL FROM:<sender@torture.test>")
        if code != 250:
            self.load.count(code)
            time.sleep(0.01)
            return
        for user in recipients:
            code = self.say(file, f"RCPT TO:<{user}>".encode())
            if code // 100 != 2:
                self.load.count(code)
                self.say(file, b"RSET")
                return
        code = self.say(file, b"DATA")
        if code != 354:
            self.load.count(code)
            self.say(file, b"RSET")
            return
        file.write(b"Subject: torture\r\nX-Id: <" + identity.encode() + b">\r\n\r\n"
                   + body_of(identity, self.load.size) + b".\r\n")
        file.flush()
        code = self.reply(file)
        self.load.count(code)
        if code == 250:
            with self.load.lock:
                self.load.accepted.append((time.monotonic(), identity, recipients))

    @staticmethod
    def reply(file):
        while True:
            line = file.readline()
            if not line.endswith(b"\n"):
                raise EOFError
            if line[3:4] != b"-":
                return int(line[:3])

    def say(self, file, line):
        file.write(line + b"\r\n")
        file.flush()
        return self.reply(file)


class Load:
    def __init__(self, name, port, users, connections=CONNECTIONS, size=SIZE):
        self.name, self.port, self.users, self.size = name, port, users, size
        self.lock, self.stopping = threading.Lock(), threading.Event()
        self.accepted, self.codes = [], {}
        self.clients = [Client(self, number) for number in range(connections)]

    def __enter__(self):
        for client in self.clients:
            client.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for client in self.clients:
            client.join(30)

    def count(self, code):
        with self.lock:
            self.codes[code] = self.codes.get(code, 0) + 1

    def so_far(self):
        with self.lock:
            return [(identity, recipients) for _, identity, recipients in self.accepted]


class Found:
    """What the mailboxes hold, by identity."""

    def __init__(self, house, users, size=SIZE):
        self.copies, self.broken, self.uids = {}, [], {}  # uids: by (identity, user)
        for user in users:
            last = 0
            for message in house.mailbox(user):
                match = WHO.search(message.whole)
                if not match:
                    continue
                identity = match.group(1).decode()
                key = (identity, user)
                self.copies[key] = self.copies.get(key, 0) + 1
                if message.uid <= last:
                    self.broken.append(f"UIDs of {user} do not rise at {message.uid}")
                last = message.uid
                self.uids[key] = message.uid
                want = hashlib.sha256(body_of(identity, size)).digest()
                if hashlib.sha256(message.body).digest() != want:
                    self.broken.append(f"{identity} for {user} has other bytes")

    def compare(self, accepted):
        """(lost, doubled, found though never acknowledged) against [(identity, recipients)]."""
        want = {(identity, user) for identity, recipients in accepted for user in recipients}
        lost = sorted(key for key in want if key not in self.copies)
        doubled = sorted(key for key, count in self.copies.items() if count > 1)
        extra = len([key for key in self.copies if key not in want])
        return lost, doubled, extra

    def moved(self, before):
        """How many messages have another UID than in an earlier look."""
        return sum(1 for key, uid in before.uids.items() if key in self.uids and self.uids[key] != uid)


def stress(house, users):
    """Ordinary work on these mailboxes, all at once; every answer must be OK, and the log silent. What is wrong."""
    begun = house.log.stat().st_size
    wrong, lock = [], threading.Lock()

    def one(user):
        client = house.imap(user)

        def do(name, *arguments):
            kind, answer = getattr(client, name)(*arguments)
            if kind != "OK":
                with lock:
                    wrong.append(f"{user} {name} {arguments[:2]}: {kind} {answer}"[:200])

        do("select", "INBOX")
        for _ in range(2):
            do("uid", "STORE", "1:*", "+FLAGS.SILENT", r"(\Seen $Stress)")
            do("fetch", "1:*", "(UID FLAGS ENVELOPE BODYSTRUCTURE)")
            do("uid", "STORE", "1:*", "-FLAGS.SILENT", "($Stress)")
            do("copy", "1:20", "Archive")
            do("append", "Archive", None, None, b"Subject: stress\r\n\r\nx\r\n")
            do("select", "Archive")
            do("uid", "STORE", "1:*", "+FLAGS.SILENT", r"(\Deleted)")
            do("expunge")
            do("uid", "SEARCH", "ALL")
            do("select", "INBOX")
        client.logout()

    threads = [threading.Thread(target=one, args=(user,)) for user in users for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with open(house.log, "rb") as log:
        log.seek(begun)
        wrong += [line.decode(errors="replace")[:200] for line in log if re.search(rb"^\S+ (error|alarm) ", line)]
    return wrong

"""Readers: mailboxes changed by IMAP while the server is killed, against a plain model of what must be there
(docs/hostile.md, F2). Many sessions on one mailbox are in stress.py.
"""

import contextlib
import os
import poplib
import random
import re
import socket
import threading
import time

import load as loads
from house import PASSWORD

FLAGS = ["\\Seen", "\\Flagged", "\\Answered", "\\Draft", "work", "$Forwarded"]
READERS = [f"reader{number}@torture.test" for number in range(4)]


class Gone(Exception):
    """The server is not there any more."""


class Imap:
    """One IMAP session, command by command."""

    def __init__(self, port, user):
        try:
            self.link = socket.create_connection(("127.0.0.1", port), timeout=60)
            self.file = self.link.makefile("rb")
            self.tag = 0
            self.line()
            self.command(f"LOGIN {user} {PASSWORD}")
        except (OSError, Gone) as why:
            self.close()
            raise Gone(str(why)) from why

    def close(self):
        with contextlib.suppress(OSError, AttributeError):  # it may never have come to be
            self.file.close()
            self.link.close()

    def line(self):
        """One response, its literals within."""
        whole = b""
        while True:
            try:
                line = self.file.readline()
            except OSError as why:
                raise Gone(str(why)) from why
            if not line.endswith(b"\n"):
                raise Gone("the connection ended")
            whole += line
            literal = re.search(rb"\{(\d+)\}\r\n$", line)
            if not literal:
                return whole
            whole += self.file.read(int(literal.group(1)))

    def send(self, text):
        self.tag += 1
        try:
            self.link.sendall(f"a{self.tag} ".encode() + (text if isinstance(text, bytes) else text.encode()) + b"\r\n")
        except OSError as why:
            raise Gone(str(why)) from why

    def answer(self):
        """(kind, the tagged line, the untagged ones)"""
        untagged, tag = [], f"a{self.tag} ".encode()
        while True:
            line = self.line()
            if line.startswith(tag):
                text = line[len(tag):].decode(errors="replace").strip()
                return text.split(" ", 1)[0], text, untagged
            untagged.append(line)  # behind a BYE comes the tagged answer to LOGOUT, or the end

    def command(self, text, expect=("OK",)):
        self.send(text)
        kind, line, untagged = self.answer()
        if kind not in expect:
            raise AssertionError(f"{text!r}: {line}")
        return line, untagged

    def append(self, mailbox, flags, whole):
        self.send(f"APPEND {mailbox} ({' '.join(flags)}) {{{len(whole)}+}}\r\n".encode() + whole)
        kind, line, _ = self.answer()
        if kind != "OK":
            raise AssertionError(f"APPEND: {line}")
        return numbers(re.search(r"APPENDUID \d+ (\S+)\]", line).group(1))[0]


def numbers(text):
    found = []
    for part in text.split(","):
        first, _, last = part.partition(":")
        found += range(int(first), int(last or first) + 1)
    return found


def message(identity):
    return b"Subject: torture\r\nX-Id: <" + identity.encode() + b">\r\n\r\n" + loads.body_of(identity, 500)


class Box:
    """What a mailbox must hold: by UID (identity, flags)."""

    def __init__(self, validity=0, next_uid=1, messages=None):
        self.validity, self.next, self.messages = validity, next_uid, dict(messages or {})

    def copy(self):
        return Box(self.validity, self.next, self.messages)


def look(port, user):
    """All of an account's mailboxes as they are."""
    session = Imap(port, user)
    boxes = {}
    try:
        _, listed = session.command('LIST "" *')
        for line in listed:
            name = line.decode().rstrip().rsplit(" ", 1)[1].strip('"')
            if "\\Noselect" in line.decode():
                continue
            _, opened = session.command(f"EXAMINE {name}")
            text = b"".join(opened).decode()
            box = Box(int(re.search(r"UIDVALIDITY (\d+)", text).group(1)), int(re.search(r"UIDNEXT (\d+)", text).group(1)))
            if " 0 EXISTS" not in text:
                for row in session.command("UID FETCH 1:* (UID FLAGS BODY.PEEK[HEADER.FIELDS (X-ID)])")[1]:
                    if b"FETCH" not in row:
                        continue
                    flags = re.search(rb"FLAGS \(([^)]*)\)", row).group(1).decode().split()
                    identity = loads.WHO.search(row)
                    box.messages[int(re.search(rb"UID (\d+)", row).group(1))] = (
                        identity.group(1).decode() if identity else "?", frozenset(flags) - {"\\Recent"})
            boxes[name] = box
        session.command("LOGOUT")
    finally:
        session.close()
    return boxes


class Reader(threading.Thread):
    """Changes its own account until the server is gone. `boxes` is what was answered; `flight` what was not."""

    def __init__(self, port, user, boxes, name, dice):
        super().__init__(daemon=True)
        self.port, self.user, self.boxes, self.label, self.dice = port, user, boxes, name, dice
        self.flight, self.done, self.error, self.serial = None, 0, None, 0

    def run(self):
        session = None
        try:
            session = Imap(self.port, self.user)
            while True:
                self.step(session)
                self.flight = None
                self.done += 1
        except Gone:
            pass
        except Exception as why:  # told by killed_readers()
            self.error = f"{self.user}: {type(why).__name__} {why}"
        finally:
            if session:
                session.close()

    def step(self, session):
        acts = [self.append] * 5 + [self.store, self.store, self.copy, self.copy, self.move, self.move, self.expunge, self.rename, self.delete, self.create]
        self.dice.choice(acts)(session)

    def some_box(self, with_messages=True):
        names = [name for name, box in self.boxes.items() if box.messages or not with_messages]
        return self.dice.choice(names) if names else None

    def some_uids(self, name):
        uids = sorted(self.boxes[name].messages)
        if self.dice.random() < 0.3:
            return uids
        return sorted(self.dice.sample(uids, min(len(uids), self.dice.randint(1, 20))))

    @staticmethod
    def text(uids):
        return "1:*" if len(uids) > 200 else ",".join(map(str, uids))

    def select(self, session, name):
        session.command(f"SELECT {name}")

    def append(self, session):
        name = self.some_box(False)
        self.serial += 1
        identity = f"{self.label}.{self.serial}"
        flags = frozenset(self.dice.sample(FLAGS, self.dice.randint(0, 3)))
        self.flight = ("append", name, identity, flags)
        uid = session.append(name, sorted(flags), message(identity))
        self.boxes[name].messages[uid] = (identity, flags)
        self.boxes[name].next = uid + 1

    def store(self, session):
        name = self.some_box()
        if not name:
            return
        uids, flag, sign = self.some_uids(name), self.dice.choice(FLAGS), self.dice.choice("+-")
        self.select(session, name)
        self.flight = ("store", name, uids, flag, sign)
        session.command(f"UID STORE {self.text(uids)} {sign}FLAGS.SILENT ({flag})")
        for uid in uids:
            identity, flags = self.boxes[name].messages[uid]
            self.boxes[name].messages[uid] = (identity, flags | {flag} if sign == "+" else flags - {flag})

    def transfer(self, session, verb):
        name, target = self.some_box(), self.some_box(False)
        total = sum(len(box.messages) for box in self.boxes.values())
        if not name or (verb == "COPY" and total > 12_000) or (verb == "MOVE" and name == target):
            return
        uids = self.some_uids(name)
        self.select(session, name)
        self.flight = (verb.lower(), name, uids, target)
        line, untagged = session.command(f"UID {verb} {self.text(uids)} {target}")
        code = re.search(r"COPYUID \d+ (\S+) (\S+?)\]", line + b"".join(untagged).decode(errors="replace"))
        source, made = numbers(code.group(1)), numbers(code.group(2))
        for old, new in zip(source, made):
            self.boxes[target].messages[new] = self.boxes[name].messages[old]
            if verb == "MOVE":
                del self.boxes[name].messages[old]
        self.boxes[target].next = max(made) + 1

    def copy(self, session):
        self.transfer(session, "COPY")

    def move(self, session):
        self.transfer(session, "MOVE")

    def expunge(self, session):
        name = self.some_box()
        if not name:
            return
        uids = self.some_uids(name)
        self.select(session, name)
        self.flight = ("store", name, uids, "\\Deleted", "+")
        session.command(f"UID STORE {self.text(uids)} +FLAGS.SILENT (\\Deleted)")
        for uid in uids:
            identity, flags = self.boxes[name].messages[uid]
            self.boxes[name].messages[uid] = (identity, flags | {"\\Deleted"})
        doomed = [uid for uid, (_, flags) in self.boxes[name].messages.items() if "\\Deleted" in flags]
        self.flight = ("expunge", name, doomed)
        session.command("EXPUNGE")
        for uid in doomed:
            del self.boxes[name].messages[uid]

    def create(self, session):
        if len(self.boxes) > 12:
            return
        self.serial += 1
        name = f"m{self.label.replace('.', '-')}-{self.serial}"
        self.flight = ("create", name)
        session.command(f"CREATE {name}")
        self.boxes[name] = Box()

    def own(self):
        names = [name for name in self.boxes if name.startswith("m")]
        return self.dice.choice(names) if names else None

    def rename(self, session):
        name = "INBOX" if self.dice.random() < 0.1 and len(self.boxes) < 12 else self.own()
        if not name:
            return
        self.serial += 1
        target = f"m{self.label.replace('.', '-')}-{self.serial}"
        self.flight = ("rename", name, target)
        session.command(f"RENAME {name} {target}")
        moved = self.boxes.pop(name)
        self.boxes[target] = moved
        if name == "INBOX":
            self.boxes[name] = Box(moved.validity, moved.next)
            moved.validity = 0

    def delete(self, session):
        name = self.own()
        if not name or len(self.boxes) < 9:
            return
        self.flight = ("delete", name)
        session.command(f"DELETE {name}")
        del self.boxes[name]


def differences(boxes, flight, seen):
    """What of `seen` is neither what was answered nor what the command in flight may have made of it."""
    kind = flight[0] if flight else None
    boxes = {name: box.copy() for name, box in boxes.items()}
    faults = []

    def apply_flight():
        if kind == "create" and flight[1] in seen:
            boxes[flight[1]] = Box()
        if kind == "rename" and flight[2] in seen:
            moved = boxes.pop(flight[1])
            boxes[flight[2]] = moved
            if flight[1] == "INBOX":
                boxes["INBOX"] = Box(moved.validity, moved.next)
                moved.validity = 0
        if kind == "delete" and flight[1] not in seen:
            del boxes[flight[1]]

    apply_flight()
    if set(boxes) != set(seen):
        return [f"mailboxes {sorted(set(boxes) ^ set(seen))} after {flight}"]
    target = {"append": 1, "copy": 3, "move": 3}.get(kind)
    for name, box in boxes.items():
        there = seen[name]
        if box.validity and there.validity != box.validity:
            faults.append(f"{name}: UIDVALIDITY {box.validity} became {there.validity}")
        if there.next < box.next:
            faults.append(f"{name}: UIDNEXT {box.next} became {there.next}")
        for uid, (identity, flags) in box.messages.items():
            if uid not in there.messages:
                if not (kind in ("expunge", "move") and name == flight[1] and uid in flight[2]):
                    faults.append(f"{name}: {uid} {identity} is lost (in flight: {kind})")
                continue
            identity_there, flags_there = there.messages[uid]
            may_be = {flags}
            if kind == "store" and name == flight[1] and uid in flight[2]:
                may_be.add(flags | {flight[3]} if flight[4] == "+" else flags - {flight[3]})
            if identity_there != identity or flags_there not in may_be:
                faults.append(f"{name}: {uid} is {identity_there} {set(flags_there)}, not {identity} {set(flags)}")
        extra = {uid: value for uid, value in there.messages.items() if uid not in box.messages}
        if not extra:
            continue
        if target is None or name != flight[target] or min(extra) < box.next:
            faults.append(f"{name}: {len(extra)} that nobody made, from {min(extra)} on (in flight: {flight and flight[:2]})")
        elif kind == "append":
            if list(extra.values()) != [(flight[2], flight[3])]:
                faults.append(f"{name}: another message than was handed in")
        elif kind == "copy":
            wanted = [boxes[flight[1]].messages[uid] for uid in flight[2]]
            if [extra[uid] for uid in sorted(extra)] != wanted:
                faults.append(f"{name}: half a COPY: {len(extra)} of {len(wanted)}")
    if kind == "move":
        left, made = seen[flight[1]].messages, seen[flight[3]].messages
        before = boxes[flight[3]].messages
        gone = sorted(boxes[flight[1]].messages[uid] for uid in flight[2] if uid not in left)
        come = sorted(made[uid] for uid in made if uid not in before)
        if [one[0] for one in gone] != [one[0] for one in come]:
            faults.append(f"MOVE: {len(gone)} left {flight[1]}, {len(come)} came to {flight[3]}")
    return faults


def grow(port, user):
    """Enough messages that commands on all of them take several commits."""
    session = Imap(port, user)
    for number in range(60):
        session.append("Archive", [], message(f"seed.{number}"))
    session.command("SELECT Archive")
    while True:
        line, _ = session.command("UID COPY 1:* Archive")
        session.command("NOOP")
        if numbers(re.search(r"COPYUID \d+ \S+ (\S+?)\]", line).group(1))[-1] > 3500:
            break
    session.command("LOGOUT")
    session.close()


def killed_readers(house, users, rounds, begin=0, report=print, seed=None):
    """Returns (commands answered, faults, in flight by kind)."""
    answered, faults, flights = 0, [], {}
    for user in users[::2]:
        if begin == 0:
            grow(house.port["imap"], user)
    boxes = {user: look(house.port["imap"], user) for user in users}
    dice = random.Random(seed)
    for number in range(begin, rounds):
        readers = [Reader(house.port["imap"], user, boxes[user], f"{number}.{index}", random.Random(dice.random()))
                   for index, user in enumerate(users)]
        for reader in readers:
            reader.start()
        time.sleep(dice.uniform(0.2, 1.2))
        house.kill()
        for reader in readers:
            reader.join(60)
        house.again()
        for reader in readers:
            answered += reader.done
            if reader.error:
                faults.append(reader.error)
            kind = reader.flight[0] if reader.flight else "nothing"
            flights[kind] = flights.get(kind, 0) + 1
            seen = look(house.port["imap"], reader.user)
            faults += [f"round {number}, {reader.user}: {one}" for one in differences(reader.boxes, reader.flight, seen)]
            boxes[reader.user] = seen
        report(f"round {number + 1}: {answered} commands answered, in flight {flights}, faults {len(faults)}", flush=True)
        if len(faults) > 20:
            break
    return answered, faults, flights


def f2_readers(state, rounds):
    from faults import Torn

    house = Torn(state.folder / "house", settings="[unsafe]\nplaintext_login = true\n", users=READERS).begin()
    answered, faults, flights = killed_readers(house, READERS, rounds)
    bytes_wrong = 0
    for user in READERS:
        for one in house.mailbox(user)[:300]:
            identity = loads.WHO.search(one.whole)
            bytes_wrong += not identity or one.whole != message(identity.group(1).decode())
    audit = house.audit()
    slowest = max(house.times)
    house.stop()
    good = not faults and not bytes_wrong and audit["faults"] == 0 and answered > rounds and slowest < 3
    return good, (f"{rounds} kills, {answered} commands answered, in flight {flights}: faults {len(faults)}, messages with other bytes "
                  f"{bytes_wrong}, audit faults {audit['faults']}; back after {slowest:.2f} s at the most "
                  + "; ".join(faults[:3] + audit["texts"][:2]))


# ---- beside the sessions of stress.py


def pop3_beside(port, user, until, faults):
    """A POP3 client that leaves mail on the server: what it lists it can fetch, of the size it was told."""
    while time.monotonic() < until:
        try:
            client = poplib.POP3("127.0.0.1", port, timeout=60)
            client.user(user)
            client.pass_(PASSWORD)
            sizes = [line.split() for line in client.list()[1]]
            for number, size in sizes[:20]:
                _, lines, _ = client.retr(int(number))
                got = sum(len(line) + 2 for line in lines)
                if got != int(size):
                    faults.append(f"POP3: message {number} has {got} octets, LIST said {size.decode()}")
            client.quit()
        except poplib.error_proto as why:
            if b"lock" not in str(why).encode().lower() and b"use" not in str(why).encode().lower():
                faults.append(f"POP3: {why}")
        except OSError as why:
            faults.append(f"POP3: {why}")
        time.sleep(0.2)


def told_within(house, user, times=50):
    """How long until another session in IDLE hears of a change; milliseconds, from the change's OK."""
    waits = []
    idle, other = Imap(house.port["imap"], user), Imap(house.port["imap"], user)
    idle.command("SELECT INBOX")
    other.command("SELECT INBOX")
    idle.send("IDLE")
    idle.line()
    for number in range(times):
        other.append("INBOX", [], message(f"told.{number}"))
        begun = time.monotonic()
        while b"EXISTS" not in idle.line():
            pass
        waits.append((time.monotonic() - begun) * 1000)
    idle.close()
    other.close()
    return waits


ROWS = {
    "F2": (200, "kill -9 during APPEND, STORE, MOVE, EXPUNGE, COPY, RENAME, DELETE", f2_readers),
}

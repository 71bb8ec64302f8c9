"""Many sessions do everything on one mailbox, as imaptest has them do; each keeps, as a client does, the picture of the mailbox
that it was told. At quiet points, after kills too, every picture must be what a fresh session is told (docs/hostile.md, F2).

What a session is told between two of its commands is checked against the rules: EXISTS does not shrink, EXPUNGE stays away from
FETCH, STORE and SEARCH, numbers and UIDs fit, UIDs rise, nothing is told of what is gone. Half of the sessions are QRESYNC
clients, which come back with one command and what they kept.
"""

import poplib
import random
import re
import threading
import time

import readers
from house import PASSWORD
from readers import FLAGS, READERS, Gone, Imap, message, numbers

USER = READERS[0]
MOST = 1500  # messages in the mailbox; past that more are deleted
NO_EXPUNGE = ("FETCH", "STORE", "SEARCH", "SORT", "THREAD")  # RFC 3501 section 7.4.1


def without_literals(line):
    """A response, with what its literals hold cut out."""
    out = b""
    while literal := re.search(rb"\{(\d+)\}\r\n", line):
        out += line[:literal.start()]
        line = line[literal.end() + int(literal.group(1)):]
    return out + line


class Session(threading.Thread):
    """One client. `view`: a [uid, flags] a message, None where it has not been told."""

    def __init__(self, port, user, label, dice, knows_qresync):
        super().__init__(daemon=True)
        self.port, self.user, self.label, self.dice, self.knows_qresync = port, user, label, dice, knows_qresync
        self.view, self.validity, self.modseq = None, 0, 0
        self.faults, self.commands, self.serial, self.link = [], 0, 0, None

    def wrong(self, text):
        self.faults.append(f"{self.label}: {text}")

    # --- what it is told ---

    def hear(self, line, command):
        head = without_literals(line)
        if match := re.match(rb"\* (\d+) EXISTS", head):
            count = int(match.group(1))
            if count < len(self.view):
                self.wrong(f"EXISTS went from {len(self.view)} to {count}")
            self.view += [[None, None] for _ in range(count - len(self.view))]
        elif match := re.match(rb"\* (\d+) EXPUNGE", head):
            number = int(match.group(1))
            if command.split(" ")[0] in NO_EXPUNGE:
                self.wrong(f"EXPUNGE while {command}")
            if not 1 <= number <= len(self.view):
                self.wrong(f"EXPUNGE of {number}, there are {len(self.view)}")
            else:
                self.view.pop(number - 1)
        elif match := re.match(rb"\* VANISHED (\(EARLIER\) )?(\S+)", head):
            self.vanished(set(numbers(match.group(2).decode())), bool(match.group(1)), command)
        elif match := re.match(rb"\* (\d+) FETCH ", head):
            self.fetched(int(match.group(1)), head)

    def vanished(self, uids, is_earlier, command):
        if command.split(" ")[0] in NO_EXPUNGE and not is_earlier:
            self.wrong(f"VANISHED while {command}")
        known = {entry[0] for entry in self.view}
        for uid in sorted(uids):
            if uid in known:
                self.view = [entry for entry in self.view if entry[0] != uid]
            elif not is_earlier:  # came and went before it was fetched: one of those that stand where its UID belongs
                behind = next((i for i, entry in enumerate(self.view) if entry[0] and entry[0] > uid), len(self.view))
                if behind == 0 or self.view[behind - 1][0] is not None:
                    self.wrong(f"VANISHED of {uid}, of which it was never told")
                else:
                    self.view.pop(behind - 1)

    def fetched(self, number, head):
        if not 1 <= number <= len(self.view):
            self.wrong(f"FETCH of {number}, there are {len(self.view)}")
            return
        entry = self.view[number - 1]
        if uid := re.search(rb"UID (\d+)", head):
            if entry[0] not in (None, int(uid.group(1))):
                self.wrong(f"message {number} was UID {entry[0]} and is {uid.group(1).decode()}")
            entry[0] = int(uid.group(1))
        if flags := re.search(rb"FLAGS \(([^)]*)\)", head):
            entry[1] = frozenset(flags.group(1).decode().split()) - {"\\Recent"}

    # --- what it says ---

    def say(self, text, expect=("OK",)):
        line, untagged = self.link.command(text, expect)
        for one in untagged:
            self.hear(one, text)
        self.commands += 1
        return line, untagged

    def open(self):
        """Logs in and selects; a QRESYNC client with what it kept."""
        self.link = Imap(self.port, self.user)
        kept = {entry[0]: entry[1] for entry in self.view or [] if entry[0]} if self.knows_qresync else {}
        if self.knows_qresync:
            self.link.command("ENABLE QRESYNC")
        resume = f" (QRESYNC ({self.validity} {self.modseq}))" if self.knows_qresync and self.modseq else ""
        _, untagged = self.link.command(f"SELECT INBOX{resume}")
        text = b"".join(untagged).decode(errors="replace")
        validity = int(re.search(r"UIDVALIDITY (\d+)", text).group(1))
        if self.validity not in (0, validity):
            self.wrong(f"UIDVALIDITY {self.validity} became {validity}")
        self.validity = validity
        if resume:
            self.resume(kept, untagged)
        else:
            self.view = []
            for one in untagged:
                self.hear(one, "SELECT")
            self.learn("1:*")
        # Only now: who was cut off before it knew the messages has nothing to come back with.
        self.modseq = int(re.search(r"HIGHESTMODSEQ (\d+)", text).group(1))

    def resume(self, kept, untagged):
        for line in untagged:
            head = without_literals(line)
            if match := re.match(rb"\* VANISHED \(EARLIER\) (\S+)", head):
                for uid in numbers(match.group(1).decode()):
                    kept.pop(uid, None)
            if re.match(rb"\* \d+ FETCH ", head):
                uid = int(re.search(rb"UID (\d+)", head).group(1))
                kept[uid] = frozenset(re.search(rb"FLAGS \(([^)]*)\)", head).group(1).decode().split()) - {"\\Recent"}
        self.view = [[uid, kept[uid]] for uid in sorted(kept)]
        exists = int(re.search(rb"(\d+) EXISTS", b"".join(untagged)).group(1))
        if exists != len(self.view):
            self.wrong(f"QRESYNC: {exists} exist, {len(self.view)} after what was told")

    def learn(self, what):
        if self.view:
            self.say(f"FETCH {what} (UID FLAGS)", ("OK", "NO"))

    def settle(self):
        """Asks until it knows all; (uid, flags) of each."""
        for _ in range(100):
            self.say("NOOP")
            unknown = [i + 1 for i, entry in enumerate(self.view) if None in entry]
            if not unknown:
                break
            self.learn(",".join(map(str, unknown)))
        uids = [entry[0] for entry in self.view]
        if None not in uids and uids != sorted(set(uids)):
            self.wrong("the UIDs do not rise")
        return [tuple(entry) for entry in self.view]

    def close(self):
        if self.link:
            self.link.close()
            self.link = None

    # --- what it does ---

    def some(self):
        first, last = sorted(self.dice.randint(1, len(self.view)) for _ in range(2))
        return first, last if self.dice.random() < 0.2 else min(last, first + 10)

    def append(self):
        self.serial += 1
        self.link.send(f"APPEND INBOX ({self.dice.choice(FLAGS)}) {{{len(self.next_message())}+}}\r\n".encode() + self.next_message())
        kind, line, untagged = self.link.answer()
        for one in untagged:
            self.hear(one, "APPEND")
        if kind != "OK":
            self.wrong(f"APPEND: {line}")

    def next_message(self):
        return message(f"{self.label}.{self.serial}")

    def store(self, first, last, sign, flag):
        silent = self.dice.random() < 0.5
        span = self.view[first - 1:last]
        before = [entry[1] for entry in span]
        if silent:  # what it is told below is later than its own change
            for entry in span:
                if entry[1] is not None:
                    entry[1] = entry[1] | {flag} if sign == "+" else entry[1] - {flag}
        try:
            line, _ = self.say(f"STORE {first}:{last} {sign}FLAGS{'.SILENT' if silent else ''} ({flag})", ("OK", "NO"))
        except Gone:  # not answered: what it was told before stands, and QRESYNC must tell it if the change was made
            for entry, flags in zip(span, before):
                entry[1] = flags
            raise
        if line.startswith("NO"):
            for entry in span:
                entry[1] = None  # some may have been changed

    def idle(self):
        self.link.send("IDLE")
        line = self.link.line()
        while not line.startswith(b"+"):
            self.hear(line, "IDLE")
            line = self.link.line()
        self.link.link.sendall(b"DONE\r\n")
        kind, line, untagged = self.link.answer()
        for one in untagged:
            self.hear(one, "IDLE")

    def act(self):
        dice = self.dice
        if len(self.view) < 5 or (len(self.view) < MOST and dice.random() < 0.2):
            return self.append()
        first, last = self.some()
        # What another session has expunged is answered NO where it can no longer be read.
        act = dice.randint(0, 15)
        if act == 0:
            self.say(f"FETCH {first}:{last} (UID FLAGS ENVELOPE)", ("OK", "NO"))
        elif act == 1:
            self.say(f"FETCH {first}:{last} (BODY.PEEK[] RFC822.SIZE)", ("OK", "NO"))
        elif act == 2:
            self.say(f"FETCH {first} (BODY[TEXT] BODYSTRUCTURE)", ("OK", "NO"))
        elif act in (3, 4, 5):
            self.store(first, last, dice.choice("+-"), dice.choice(FLAGS))
        elif act == 6 or len(self.view) >= MOST:
            self.store(first, last, "+", "\\Deleted")
            self.say("EXPUNGE")
        elif act == 7:
            uid = self.view[first - 1][0] or 1
            self.store(first, first, "+", "\\Deleted")
            self.say(f"UID EXPUNGE {uid}:{uid + 3}")
        elif act == 8:
            self.say(f"COPY {first}:{last} INBOX", ("OK", "NO"))
        elif act == 9:
            self.say(f"MOVE {first} Archive", ("OK", "NO"))
        elif act == 10:
            self.say(f"SEARCH {dice.choice(['SEEN', 'TEXT torture', 'DELETED', 'SUBJECT torture', 'LARGER 500', 'MODSEQ 5'])}")
        elif act == 11:
            self.say(dice.choice(["SORT (SUBJECT REVERSE DATE) UTF-8 ALL", "THREAD REFERENCES UTF-8 ALL", "SORT RETURN (COUNT) (SIZE) UTF-8 SEEN"]))
        elif act == 12:
            self.say(f"UID FETCH {dice.randint(1, 10_000)}:* (FLAGS)")
        elif act == 13:
            self.say(dice.choice(["CHECK", "NOOP", "STATUS Archive (MESSAGES UNSEEN)", 'LIST "" *', "STATUS INBOX (MESSAGES)"]))
        elif act == 14:
            self.idle()
        else:
            unknown = [i + 1 for i, entry in enumerate(self.view) if None in entry][:20]
            self.learn(",".join(map(str, unknown)) or "1")
        return None


def act_until(session, done):
    """Acts until `done` says so, or until the server is gone."""
    try:
        if session.link is None:
            session.open()
        while not done(session):
            session.act()
    except Gone:
        session.close()
    except Exception as why:  # told by compare()
        session.wrong(f"{type(why).__name__} {why}")
        session.close()


def all_act(sessions, done):
    threads = [threading.Thread(target=act_until, args=(session, done), daemon=True) for session in sessions]
    for thread in threads:
        thread.start()
    return threads


def truth(port, user):
    """What a fresh session is told of INBOX."""
    fresh = Session(port, user, "fresh", random.Random(0), False)
    fresh.open()
    seen = fresh.settle()
    fresh.close()
    return seen, fresh.faults


def compare(port, sessions, faults):
    """At a quiet point: does each know what is there?"""
    there, wrong = truth(port, sessions[0].user)
    faults += wrong
    for session in sessions:
        try:
            if session.link is None:
                session.open()
            picture = session.settle()
        except (Gone, AssertionError) as why:
            session.wrong(f"at the quiet point: {why}")
            session.close()
            continue
        if picture != there:
            other = [(a, b) for a, b in zip(picture, there) if a != b]
            session.wrong(f"knows {len(picture)} messages, {len(there)} are there; the first that differ: {other[:2]}")
            session.view = [list(entry) for entry in there]
    for session in sessions:
        faults += session.faults
        session.faults = []
    return len(there)


def make_sessions(port, user, count, seed):
    return [Session(port, user, f"s{number}", random.Random(f"{seed} {number}"), number % 2 == 1) for number in range(count)]


def quiet_rounds(port, user, count, rounds, done, seed, report=print):
    """Acts and quiet points in turns; at each, half of the sessions go and come back. (commands, faults)"""
    sessions, faults = make_sessions(port, user, count, seed), []
    for number in range(rounds):
        for thread in all_act(sessions, done(number)):
            thread.join()
        there = compare(port, sessions, faults)
        report(f"round {number + 1}: {sum(s.commands for s in sessions)} commands, {there} messages, faults {len(faults)}", flush=True)
        for session in sessions[number % 2::2]:
            session.close()
        if len(faults) > 20:
            break
    for session in sessions:
        session.close()
    return sum(session.commands for session in sessions), faults


def killed_rounds(house, user, count, rounds, seed, commands=None, report=print):
    """The same with kill -9 in the middle of acting: who comes back must know what is there."""
    dice, faults = random.Random(seed), []
    sessions = make_sessions(house.port["imap"], user, count, seed)
    for number in range(rounds):
        begun = sum(session.commands for session in sessions)
        wanted = commands or dice.randint(50, 600)
        threads = all_act(sessions, lambda _: False)
        while sum(session.commands for session in sessions) < begun + wanted and any(thread.is_alive() for thread in threads):
            time.sleep(0.01)
        house.kill()
        for thread in threads:
            thread.join()
        house.again()
        there = compare(house.port["imap"], sessions, faults)
        report(f"kill {number + 1}: {sum(s.commands for s in sessions)} commands, {there} messages, faults {len(faults)}", flush=True)
        if len(faults) > 20:
            break
    for session in sessions:
        session.close()
    return sum(session.commands for session in sessions), faults


def f2_stress(state, minutes):
    from faults import Torn

    house = Torn(state.folder / "house", settings="[unsafe]\nplaintext_login = true\n", users=READERS).begin()
    until, faults, waits = time.monotonic() + 60 * minutes, [], []
    pop3 = threading.Thread(target=readers.pop3_beside, args=(house.port["pop3"], USER, until, faults), daemon=True)

    def measure():
        while time.monotonic() < until - 10:
            waits.extend(readers.told_within(house, READERS[1], 20))
            time.sleep(1)

    told = threading.Thread(target=measure, daemon=True)
    pop3.start()
    told.start()

    def done(_):
        stop = time.monotonic() + 10
        return lambda session: time.monotonic() > stop

    commands, wrong = quiet_rounds(house.port["imap"], USER, 12, int(6 * minutes), done, "stress")
    pop3.join(120)
    told.join(120)
    audit = house.audit()
    house.stop()
    faults += wrong
    waits.sort()
    good = not faults and audit["faults"] == 0 and commands > 100 and bool(waits) and waits[int(len(waits) * 0.95)] < 50
    return good, (f"{minutes} min, 12 IMAP sessions and POP3 on one mailbox: {commands} commands, at {6 * minutes} quiet points all know what is "
                  f"there; faults {len(faults)}, audit faults {audit['faults']}; told in IDLE within {waits[len(waits) // 2]:.1f} ms, "
                  f"95 % {waits[int(len(waits) * 0.95)]:.1f} ms, worst {waits[-1]:.1f} ms " + "; ".join(faults[:3]))


def f2_returning(state, rounds):
    from faults import Torn

    house = Torn(state.folder / "house", settings="[unsafe]\nplaintext_login = true\n", users=READERS).begin()
    commands, faults = killed_rounds(house, USER, 8, rounds, "returning")
    audit = house.audit()
    house.stop()
    good = not faults and audit["faults"] == 0 and commands > rounds
    return good, (f"{rounds} kills under 8 sessions on one mailbox, {commands} commands: all who came back, half of them by QRESYNC, knew what "
                  f"was there; faults {len(faults)}, audit faults {audit['faults']} " + "; ".join(faults[:3]))


ROWS = {
    "F2s": (3, "minutes of many sessions doing everything on one mailbox", f2_stress),
    "F2q": (50, "kill -9 under many sessions on one mailbox, which come back", f2_returning),
}

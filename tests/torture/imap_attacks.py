"""The attacks of docs/hostile.md that come by IMAP: literals, nesting, patterns, long threads, compression, and too many
keywords and mailboxes. Their short forms are src/imap/server/hostile_test.cc and tests/e2e.

A step's seconds are those that passed, or the server's processor time where that is less: the machine has other
things to do.
"""

import contextlib
import re
import shutil
import time
import zlib

from faults import Torn, cpu_seconds
from house import PASSWORD, Closed

USER = "bob@torture.test"
MIB = 1 << 20
SEED = b"Subject: %s\r\nMessage-ID: <%s>\r\n\r\nx\r\n"


class Attacker:
    """One session as USER; what it measured and what was wrong."""

    def __init__(self, state, mailbox="INBOX"):
        shutil.rmtree(state.folder / "house", ignore_errors=True)
        self.house = Torn(state.folder / "house", users=[USER], settings="[unsafe]\nplaintext_login = true\n").begin()
        self.failed, self.slowest, self.steps = [], (0, "nothing"), 0
        self.before = self.house.resident()
        self.mailbox = mailbox
        self.log_in()

    def log_in(self):
        self.talk = self.house.talk("imap")
        self.talk.line()
        self.talk.command("l", f"LOGIN {USER} {PASSWORD}", "OK")
        self.talk.command("l", f"SELECT {self.mailbox}", "OK")

    def wrong(self, text):
        self.failed.append(text[:200])

    def say(self, what, line, within=1.0, expect="OK|NO|BAD"):
        """The whole answer to one command; its last line is "BYE" where the session was closed."""
        begun, used = time.monotonic(), cpu_seconds(self.house.process.pid)
        try:
            self.talk.write(b"t " + (line if isinstance(line, bytes) else line.encode()) + b"\r\n")
            lines = self.talk.until("t")
        except (Closed, OSError):
            lines = ["BYE"]
        seconds = min(time.monotonic() - begun, cpu_seconds(self.house.process.pid) - used)
        self.steps += 1
        self.slowest = max(self.slowest, (seconds, what))
        if seconds >= within:
            self.wrong(f"{what}: {seconds:.2f} s")
        if not re.match(rf"(t )?({expect})\b", lines[-1]):
            self.wrong(f"{what}: {lines[-1]}")
        if lines[-1] == "BYE":
            self.log_in()
        return lines

    def append(self, messages, mailbox=None):
        """Many at once, literals unasked."""
        for begin in range(0, len(messages), 100):
            some = messages[begin:begin + 100]
            line = b"APPEND %s" % (mailbox or self.mailbox).encode() + b"".join(b" {%d+}\r\n%s" % (len(m), m) for m in some)
            self.talk.write(b"p " + line + b"\r\n")
            last = self.talk.until("p")[-1]
            if not last.startswith("p OK"):
                self.wrong(f"APPEND: {last}")

    def end(self, text):
        self.talk.socket.close()
        grown = (self.house.resident() - self.before) / MIB
        audit = self.house.audit()
        self.house.stop()
        if audit["faults"]:
            self.wrong(f"audit: {audit['texts'][:2]}")
        return not self.failed, "; ".join([
            f"{text}; {self.steps} commands, slowest {self.slowest[1]} {self.slowest[0]:.2f} s; resident grew by {grown:.0f} MiB",
            *(f"WRONG {one}" for one in self.failed[:5])])


# --- A15 ---

def a15_literals(state, rounds):
    attacker = Attacker(state)
    house, closed = attacker.house, 0
    before_login = ["LOGIN {%s", "LOGIN bob {%s", "ID {%s", "ID (\"name\" {%s", "AUTHENTICATE {%s", "NOOP {%s", "SELECT {%s"]
    for door in ("imap", "imaps"):
        for number in ("4294967295}", "4294967295+}", "4294967296}", "4294967296+}", "9000}", "9000+}"):
            for text in before_login:
                with house.talk(door) as talk:
                    talk.line()
                    talk.write(f"a {text % number}\r\n".encode())
                    lines = talk.lines_to_the_end() if "9000" not in number else []
                    if not lines:  # a small one may be refused alone, without a '+'
                        with contextlib.suppress(Closed, OSError):
                            lines = [talk.line()]
                    closed += 1
                    if any(line.startswith("+") for line in lines):
                        attacker.wrong(f"{door}, before login, {text % number}: {lines}")
    after_login = ["APPEND INBOX {%s", "CREATE {%s", "SEARCH SUBJECT {%s", "ID (\"name\" {%s", "RENAME INBOX {%s", "STATUS {%s"]
    big = 0
    for number in ("4294967295}", "4294967296}", "104857601}"):
        for text in after_login:
            lines = attacker.say(f"{text % number}", text % number, expect="NO|BAD")
            big += 1
            if any(line.startswith("+") for line in lines):
                attacker.wrong(f"{text % number}: asked for it")
            if "APPEND" in text and "TOOBIG" not in lines[-1] and int(number[:-1]) <= 4294967295:
                attacker.wrong(f"{text % number}: {lines[-1]}")
    for number in ("4294967295+}", "4294967296+}", "104857601+}"):
        for text in after_login:
            attacker.say(f"{text % number}", text % number, expect="BYE")
            big += 1
    for text in after_login[1:]:  # refused, read over, and on with the next command
        size = 500_000
        lines = attacker.say(f"{text} of {size}", (text % f"{size}+}}").encode() + b"\r\n" + b"x" * size, expect="NO|BAD")
        attacker.say("NOOP", "NOOP", expect="OK")
    return attacker.end(f"{closed} before login: no '+', closed; {big} after it: NO [TOOBIG], BAD or BYE")


# --- A16 ---

def a16_lines(count):
    sets = {"the same": ",".join(["1:*"] * (count // 2)), "falling": ",".join(str(i) for i in range(count, 0, -2)),
            "huge": ",".join(["4294967295:1"] * (count // 2)), "upwards": ",".join(f"{i}:{i + 1}" for i in range(1, count, 2))}
    return {
        "parentheses open": "SEARCH " + "(" * count,
        "parentheses": "SEARCH " + "(" * count + "ALL" + ")" * count,
        "NOT": "SEARCH " + "NOT " * count + "ALL",
        "OR": "SEARCH " + "OR ALL " * count + "ALL",
        "FETCH parentheses": "FETCH 1 " + "(" * count,
        "FETCH of many": "FETCH 1 (" + "BODY.PEEK[] " * count + "UID)",
        "section numbers": "FETCH 1 BODY[" + "1." * count + "1]",
        "header names": "FETCH 1:* BODY.PEEK[HEADER.FIELDS (" + "X " * count + "X)]",
        "LIST patterns": "LIST \"\" (" + "% " * count + "%)",
        "STATUS items": "STATUS INBOX (" + "MESSAGES " * count + "MESSAGES)",
        "flags": "STORE 1 FLAGS (" + "\\Seen " * count + "\\Seen)",
        "NOTIFY": "NOTIFY SET " + "(" * count,
        **{f"FETCH of a set, {name}": f"FETCH {text} UID" for name, text in sets.items()},
        **{f"UID FETCH of a set, {name}": f"UID FETCH {text} UID" for name, text in sets.items()},
        **{f"SEARCH of a set, {name}": f"SEARCH {text}" for name, text in sets.items()},
        **{f"STORE of a set, {name}": f"UID STORE {text} +FLAGS.SILENT (\\Seen)" for name, text in sets.items()},
        **{f"QRESYNC with a set, {name}": f"SELECT INBOX (QRESYNC (1 1 {text}))" for name, text in sets.items()},
    }


def a16_nesting(state, count):
    """Each with the full dose, which may be more than a line may have, and with what fits into one."""
    attacker = Attacker(state)
    attacker.append([SEED % (b"%d" % i, b"%d@x" % i) for i in range(1000)])
    attacker.say("NOOP", "NOOP")
    read = 0
    for what, whole in a16_lines(count).items():
        fits = a16_lines(int(count * 60_000 / max(len(whole), 60_000)))[what]
        for line in (whole, fits):
            last = attacker.say(what, line, expect="OK|NO|BAD|BYE")[-1]
            read += last.startswith("t OK")
            attacker.say("NOOP", "NOOP", expect="OK")
    if read < 10:
        attacker.wrong(f"only {read} of these commands were obeyed")
    return attacker.end(f"{count} parentheses, NOT, OR, and sets of {count // 2} items in a mailbox of 1,000, and as many as a line "
                        f"can hold: {read} obeyed, the others refused")


# --- A17 ---

def a17_patterns(state, count):
    attacker = Attacker(state)
    for i in range(200):
        attacker.say("CREATE", f"CREATE {'a' * 180}{i}", expect="OK")
    for what, line in {
        "*a": f'LIST "" "{"*a" * count}*b"', "%a": f'LIST "" "{"%a" * count}%b"', "*%": f'LIST "" "{"*%" * count}b"',
        "a*": f'LIST "" "{"a*" * count}b"', "many patterns": f'LIST "" ({" ".join(["*a*a*a*a*b"] * count)})',
        "LSUB": f'LSUB "" "{"*a" * count}*b"', "XLIST of stars": f'LIST "" "{"*" * count}"',
        "SEARCH of as": f'SEARCH SUBJECT "{"a" * count}b"', "SEARCH of stars": f'SEARCH TEXT "{"(a+)+" * count}$"',
        "METADATA": f'GETMETADATA (DEPTH infinity) "" ("/private/{"*a" * count}")',
    }.items():
        attacker.say(what, line, within=0.1 if "many" not in what else 1.0)
    attacker.append([b"Subject: " + b"a" * 5000 + b"\r\n\r\n" + b"a" * 50_000 + b"\r\n"])
    attacker.say("NOOP", "NOOP")
    for what in ("BODY", "TEXT", "SUBJECT", "HEADER SUBJECT"):
        attacker.say(f"SEARCH {what} of as in as", f'SEARCH {what} "{"a" * count}b"', within=0.1)
    return attacker.end(f"patterns with {count} stars against 200 names of 180 letters, searches of repeated text, each within 0.1 s")


# --- A18 ---

def a18_threads(state, count):
    """A chain, a star, and rings: messages that name each other."""
    attacker = Attacker(state, "Archive")
    ids = [b"<%d@c>" % i for i in range(count)]

    def message(i, references):
        return SEED[:-5] % (b"chain", b"%d@c" % i) + b"References: " + b"\r\n ".join(references) + b"\r\n\r\nx\r\n"

    kinds = {"chain": [message(i, ids[:i] or [b"<none@c>"]) for i in range(count)],
             "all of all": [message(i, ids) for i in range(count)],
             "backwards": [message(i, ids[::-1]) for i in range(count)],
             "missing": [message(i, [b"<%d.%d@m>" % (i, j) for j in range(300)]) for i in range(count)]}
    for name, messages in kinds.items():
        attacker.append(messages)
        attacker.say("NOOP", "NOOP", within=10)
        for algorithm in ("REFERENCES", "ORDEREDSUBJECT", "REFS"):
            lines = attacker.say(f"THREAD {algorithm} of {name}", f"UID THREAD {algorithm} UTF-8 ALL", expect="OK|BAD")
            if lines[-1].startswith("t OK"):
                thread = "".join(line for line in lines if line.startswith("* THREAD"))
                if len(re.findall(r"\d+", thread)) != count:
                    attacker.wrong(f"THREAD {algorithm} of {name}: {len(re.findall(r'[0-9]+', thread))} messages")
        attacker.say("SORT", "UID SORT (SUBJECT REVERSE DATE) UTF-8 ALL")
        attacker.say("STORE", "STORE 1:* +FLAGS.SILENT (\\Deleted)", within=10)
        attacker.say("EXPUNGE", "EXPUNGE", within=10)
    return attacker.end(f"{count} messages that name up to {count} others each, in {len(kinds)} ways")


# --- A19 ---

class Deflating:
    """What a Talk writes to and reads from behind COMPRESS DEFLATE; counts the bytes on the wire."""

    def __init__(self, talk):
        self.packer, self.unpacker = zlib.compressobj(9, zlib.DEFLATED, -15), zlib.decompressobj(-15)
        self.bytes_read = 0
        self.below, talk.socket = talk.socket, self

    def sendall(self, raw):
        self.below.sendall(self.packer.compress(raw) + self.packer.flush(zlib.Z_SYNC_FLUSH))

    def recv(self, count):
        out = b""
        while not out:
            raw = self.below.recv(count)
            if not raw:
                return b""
            self.bytes_read += len(raw)
            out = self.unpacker.decompress(raw)
        return out

    def close(self):
        self.below.close()


def compressed(house):
    talk = house.talk("imap")
    talk.line()
    talk.command("a", f"LOGIN {USER} {PASSWORD}", "OK")
    talk.command("b", "COMPRESS DEFLATE", "OK")
    Deflating(talk)
    return talk


def a19_compression(state, megabytes):
    attacker = Attacker(state)
    house = attacker.house
    with house.talk("imap") as talk:
        talk.line()
        talk.command("a", "COMPRESS DEFLATE", "")
        if not talk.command("b", "NOOP", "OK"):
            attacker.wrong("COMPRESS before login")
    attacker.append([SEED % (b"secret-token-1234567890", b"1@x")])

    # CRIME: what was said before must not make what follows shorter.
    talk = compressed(house)
    talk.command("c", "SELECT INBOX", "OK")
    sizes = []
    for _ in range(4):
        before = talk.socket.bytes_read
        talk.command("d", "FETCH 1 BODY.PEEK[]", "OK")
        sizes.append(talk.socket.bytes_read - before)
    if len(set(sizes)) != 1:
        attacker.wrong(f"the same answer takes {sizes} bytes: it refers to what came before")
    talk.socket.close()

    bombs = {"a line": b"x" * MIB, "a literal": b"", "zeros": bytes(MIB), "commands": b"n NOOP\r\n" * (MIB // 8)}
    before, grown, closed = house.resident(), 0, 0
    talks = [(name, compressed(house)) for name in bombs for _ in range(5)]
    for name, talk in talks:
        below, packer = talk.socket.below, talk.socket.packer
        below.settimeout(5)
        with contextlib.suppress(OSError):
            if name == "a literal":
                below.sendall(packer.compress(b"x APPEND INBOX {4000000000+}\r\n"))
            for _ in range(megabytes):
                below.sendall(packer.compress(bombs[name] or b"y" * MIB))
            below.sendall(packer.flush(zlib.Z_SYNC_FLUSH))
        grown = max(grown, house.resident() - before)
    for name, talk in talks:
        if name == "commands":  # it may go on as long as its answers are read
            talk.socket.close()
            continue
        below = talk.socket.below
        below.settimeout(60)
        try:
            while below.recv(65536):
                pass
            closed += 1
        except ConnectionResetError:
            closed += 1
        except OSError as why:
            attacker.wrong(f"{name}: not closed ({why})")
        talk.socket.close()
    if grown > 64 * MIB:
        attacker.wrong(f"memory grew by {grown / MIB:.0f} MiB")
    attacker.say("NOOP", "NOOP", expect="OK")
    return attacker.end(f"{len(talks)} bombs of {megabytes} MB: {closed} closed, the others read as commands; memory grew by at most "
                        f"{grown / MIB:.1f} MiB; the same answer four times in {sizes} bytes; refused before login")


# --- A20 ---

def a20_many(state, count):
    attacker = Attacker(state)
    attacker.append([SEED % (b"x", b"x@x")])
    attacker.say("NOOP", "NOOP")
    limited = kept = 0
    for begin in range(0, 2 * count, 100):
        lines = attacker.say("STORE of keywords", "STORE 1 +FLAGS.SILENT (" + " ".join(f"k{begin + i}" for i in range(100)) + ")",
                             expect="OK|NO")
        limited += "LIMIT" in lines[-1]
        kept += lines[-1].startswith("t OK")
    if kept > 1 or limited < 2 * count // 100 - 1:
        attacker.wrong(f"keywords: {kept} hundreds taken, {limited} times NO [LIMIT]")
    deep = 0
    for depth in (10, 30, 100, 600, 6000):
        lines = attacker.say(f"CREATE {depth} deep", "CREATE " + "/".join(["d"] * depth), expect="OK|NO|BAD")
        deep = depth if lines[-1].startswith("t OK") else deep
    attacker.say("LIST of what is deep", 'LIST "" "d/*"')
    attacker.say("LIST of %", 'LIST "" "%/%/%/%"')

    # Nothing quadratic: the last thousand mailboxes cost what the first cost, but for the logarithm.
    def thousand(begin):
        used = cpu_seconds(attacker.house.process.pid)
        for i in range(begin, begin + count // 10):
            attacker.talk.command("c", f"CREATE m{i}", "")
        return cpu_seconds(attacker.house.process.pid) - used

    costs = [thousand(begin) for begin in range(0, count, count // 10)]
    lines = attacker.say("LIST of all", 'LIST "" *')
    there = sum(bool(re.match(r"\* LIST .* m\d+$", line)) for line in lines)
    last = attacker.talk.command("c", f"CREATE m{count}", "")[-1]
    if there != count and "LIMIT" not in last:
        attacker.wrong(f"{there} of {count} mailboxes, and then {last}")
    if costs[-1] > 4 * costs[0] + 0.5:
        attacker.wrong(f"CREATE grows dearer: {costs[0]:.2f} s, then {costs[-1]:.2f} s of processor time")
    attacker.say("LIST with STATUS", 'LIST "" * RETURN (STATUS (MESSAGES UNSEEN UIDNEXT HIGHESTMODSEQ))', within=3)
    attacker.say("LSUB", 'LSUB "" *')
    attacker.say("RENAME", "RENAME m0 renamed", expect="OK|NO")
    attacker.say("SELECT", "SELECT m1")
    for i in range(2, 200):
        attacker.say("DELETE", f"DELETE m{i}", expect="OK|NO")
    return attacker.end(f"{2 * count} keywords: NO [LIMIT] {limited} times; depth {deep} taken, deeper refused; {there} mailboxes, a tenth of "
                        f"them in {costs[0]:.2f} s of processor time at first and {costs[-1]:.2f} s at last")


ROWS = {
    "A15": (1, "literals of 4 GB", a15_literals),
    "A16": (100_000, "parentheses, NOT and sets", a16_nesting),
    "A17": (500, "stars in patterns", a17_patterns),
    "A18": (3000, "messages that name as many others", a18_threads),
    "A19": (100, "megabytes a bomb, behind COMPRESS", a19_compression),
    "A20": (10_000, "mailboxes, twice as many keywords, and depth", a20_many),
}

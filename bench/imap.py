"""What people feel all day: reading by IMAP and POP3, ours and, where they can be had, Dovecot and Cyrus in the same run.

    ./dev bench imap                         us alone, and what the machine allows (RETR, APPEND)
    ./dev bench imap --beside dovecot,cyrus  and these (bench/reader_peers.py)
    ./dev bench imap --rows envelope,select  only these rows

Every row says rate and CPU a unit of the server's own; the medians of runs by turns. CPU of processes that end within a row is counted
by the clock's ticks, so short rows are repeated inside one session.
"""

import contextlib
import json
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import reader_peers as peers
from reader_peers import ROOT

ENVELOPE = "FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)"
SMALL = 20  # mailboxes of 1,000


def program(name="reader_load"):
    found = next((ROOT / "build").rglob(name), None)
    if found is None:
        sys.exit(f"{name} is not built")
    return found


class Server:
    """One of those that are measured: `one` has port, user(), password, cpu(), start(), stop()."""

    def __init__(self, name, one):
        self.name, self.one = name, one

    def load(self, mode, user, sessions, *words, door="imap"):
        """What reader_load says, and the CPU that the server used meanwhile; the logins of `imap` and `append` do not count."""
        with subprocess.Popen([program(), mode, str(self.one.port[door]), self.one.user(user), self.one.password, str(sessions),
                               *map(str, words)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            if process.stdout.readline() == "ready\n":
                used = self.one.cpu()
                process.stdin.write("go\n")
                process.stdin.flush()
                if result := process.stdout.readline():
                    return json.loads(result) | {"cpu": self.one.cpu() - used}
        raise RuntimeError(f"{self.name}: reader_load {mode} {user} failed")

    def session(self, user, *commands):
        """The commands in one session, in INBOX."""
        return self.load("imap", user, 1, "SELECT INBOX", *commands)

    def greet(self):
        """One by one: many first logins at once look like guesses at passwords."""
        for name in accounts():
            self.load("login", name, 1, 1, "NOOP")

    def settle(self):
        """Waits until the server does nothing of its own accord."""
        used = -1
        while self.one.cpu() - used > 0.02:
            used = self.one.cpu()
            time.sleep(2)  # ours begins to index a second after a search

    def fill(self, options):
        self.greet()
        begun = time.monotonic()
        self.load("fill", "huge", 2, options.huge, 2048)
        self.load("fill", "big", 2, options.big, 10240)
        self.load("fill", "b%d", SMALL, SMALL * 1000, 10240)
        print(f"{self.name}: filled in {time.monotonic() - begun:.0f} s", flush=True)


def seconds_of_threads(pid):
    """CPU by the scheduler's own count in nanoseconds: whole where no thread ends."""
    return sum(int(task.read_text().split()[0]) for task in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9


class Ours:
    without = ()

    def __init__(self, bench, house):
        self.bench, self.house = bench, house
        self.password = "posthouse"

    @property
    def port(self):
        return self.house.port

    def user(self, name):
        return f"{name}@bench.test"

    def cpu(self):
        return seconds_of_threads(self.house.process.pid)

    def start(self):
        self.house.launch()
        for _ in range(500):
            try:
                with socket.create_connection(("127.0.0.1", self.port["imap"])) as link:
                    if link.recv(100):
                        return
            except OSError:
                time.sleep(0.02)

    def stop(self):
        self.house.stop()


class Bare:
    """What any server could reach in some rows: a program of ours that does nothing else (bare_pop3.cc, bare_receiver.cc)."""

    password = "-"

    def __init__(self, rows, *command):
        self.without = tuple(key for key in ROWS if key not in rows)
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        port = int(self.process.stdout.readline())  # printed once it listens
        self.port = {"imap": port, "pop3": port}

    def user(self, name):
        return name

    def cpu(self):
        return seconds_of_threads(self.process.pid)

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def ceilings(options, stack):
    folder = stack.enter_context(tempfile.TemporaryDirectory(dir=ROOT / "build"))  # the disk that the servers are on
    for bare in (Bare(("pop3",), program("bare_pop3"), str(options.big)), Bare(("pop3-20",), program("bare_pop3"), "1000"),
                 Bare(("append", "append-20"), program("bare_receiver"), "0", folder, "append")):
        stack.callback(bare.stop)
        yield Server("the ceiling", bare)


def accounts():
    return ["huge", "big", *[f"b{n}" for n in range(SMALL)]]


# ---- the rows: each answers (units, result)


def envelope(server, options):
    return options.huge, server.session("huge", ENVELOPE)


def envelope_after_restart(server, options):
    server.one.stop()
    server.one.start()
    result = server.session("huge", ENVELOPE)
    server.greet()
    return options.huge, result


def select(server, options):
    rounds = 100
    return rounds, server.load("imap", "huge", 1, *["SELECT INBOX", "UNSELECT"] * rounds)


def flags(server, options):
    return options.huge * 5, server.session("huge", *["FETCH 1:* (UID FLAGS)"] * 5)


def by_octets(result):
    """Messages of 10 KiB: mailboxes grow by what is appended."""
    return result["octets"] / 10300, result


def bodies(server, options):
    return by_octets(server.session("big", "FETCH 1:* (UID BODY.PEEK[])"))


def bodies_20(server, options):
    return by_octets(server.load("imap", "b%d", SMALL, "SELECT INBOX", "FETCH 1:* (UID BODY.PEEK[])"))


def pop3(server, options):
    result = server.load("pop3", "big", 1, door="pop3")
    return result["operations"], result


def pop3_20(server, options):
    result = server.load("pop3", "b%d", SMALL, door="pop3")
    return result["operations"], result


def search_first(server, options):
    """Of text that no index knows yet, where there is one."""
    result = server.session("big", "SEARCH TEXT xyzzyplugh")
    server.settle()
    return 1, result


def search_none(server, options):
    return 10, server.session("big", *["SEARCH TEXT xyzzyplugh"] * 10)


def search_word(server, options):
    """A word that some have, in the body of messages, and a part of one."""
    text = subprocess.run([program(), "text", "10240", "4321"], check=True, capture_output=True, text=True).stdout
    word = max(text.split("\n\n", 1)[1].split(), key=len)
    return 10, server.session("big", *[f"SEARCH TEXT {word}", f"SEARCH TEXT {word[1:-1]}"] * 5)


def store(server, options):
    both = ["STORE 1:* +FLAGS.SILENT (\\Flagged)", "STORE 1:* -FLAGS.SILENT (\\Flagged)"]
    return options.big * 6, server.session("big", *both * 3)


def login(server, options):
    rounds = 100
    return SMALL * rounds, server.load("login", "b%d", SMALL, rounds, "SELECT INBOX")


def append(server, options):
    return 500, server.load("append", "b1", 1, 500, 10240)


def append_20(server, options):
    return 4000, server.load("append", "b%d", SMALL, 4000, 10240)


def big_copy(server, options):
    server.session("huge", "CREATE copies")
    result = server.session("huge", "COPY 1:* copies")
    server.session("huge", "DELETE copies")
    return options.huge, result


ONCE = ("search-first",)
ROWS = {
    "envelope-restart": (envelope_after_restart, "FETCH … ENVELOPE of 100,000, the first after a restart"),
    "envelope": (envelope, "FETCH … ENVELOPE of 100,000, warm"),
    "select": (select, "SELECT of 100,000"),
    "flags": (flags, "FETCH FLAGS of 100,000"),
    "bodies": (bodies, "FETCH BODY[] of 10,000 × 10 KiB, one session"),
    "bodies-20": (bodies_20, "FETCH BODY[] of 10 KiB, 20 sessions"),
    "pop3": (pop3, "POP3 RETR of 10,000 × 10 KiB, one session"),
    "pop3-20": (pop3_20, "POP3 RETR of 10 KiB, 20 sessions"),
    "search-first": (search_first, "SEARCH TEXT in 10,000, the first of all"),
    "search-none": (search_none, "SEARCH TEXT in 10,000, a word that is nowhere"),
    "search-word": (search_word, "SEARCH TEXT in 10,000, a word that is somewhere"),
    "store": (store, "STORE of 10,000 flags"),
    "login": (login, "LOGIN-SELECT-LOGOUT, 20 sessions"),
    "append": (append, "APPEND of 10 KiB, one session"),
    "append-20": (append_20, "APPEND of 10 KiB, 20 sessions"),
    "copy": (big_copy, "COPY of 100,000"),
}


def measure(servers, options, say):
    """Row by row, the servers by turns."""
    for key in options.rows or ROWS:
        work, title = ROWS[key]
        taking_part = [server for server in servers if key not in server.one.without]
        runs = {server.name: [] for server in taking_part}
        for _ in range(1 if key in ONCE else options.repeat):
            for server in taking_part:
                units, result = work(server, options)
                runs[server.name].append((result["wall"] / units, result["cpu"] / units, result["client_cpu"] / result["wall"]))
        seen = {name: [sorted(column)[len(column) // 2] for column in zip(*rows)] for name, rows in runs.items()}
        ours = seen[servers[0].name]
        for name, (wall, cpu, client) in seen.items():
            note = f"{wall * 1e6:.1f} µs, {cpu * 1e6:.1f} µs CPU each (client {100 * client:.0f} % of a core)"
            if name != servers[0].name:
                note += f"; ours: {wall / ours[0]:.1f} × the rate, {cpu / max(ours[1], 1e-9):.1f} × less CPU"
            say(f"{title}: {name}", f"{1 / wall:.0f}", "/s", note)


def others(wanted):
    """The peers that can be had here, started."""
    for word in wanted:
        for one in [peers.Dovecot("mdbox"), peers.Dovecot("maildir")] if word == "dovecot" else [peers.Cyrus()]:
            one.clear()
            try:
                one.unpack()
                one.start()
            except (OSError, RuntimeError, subprocess.CalledProcessError) as why:
                print(f"{one.name} cannot be had here: {why}", file=sys.stderr)
                continue
            yield Server(one.name, one)


def imap(options, bench):
    options.rows = [row for row in (options.rows or "").split(",") if row]
    names = [f"{name}@bench.test" for name in accounts()]
    with bench.house_of(names, "[unsafe]\nplaintext_login = true\n") as house, contextlib.ExitStack() as stack:
        servers = [Server("Posthouse", Ours(bench, house))]
        for server in others([word for word in (options.beside or "").split(",") if word]):
            stack.callback(server.one.clear)
            stack.callback(server.one.stop)
            servers.append(server)
        for server in servers:
            server.fill(options)
        servers += ceilings(options, stack)
        measure(servers, options, bench.say)


def million(options, bench):
    """A mailbox of 1,000,000: opened, and its last 50 listed."""
    with bench.house_of(["huge@bench.test"], "[unsafe]\nplaintext_login = true\n") as house:
        ours = Server("Posthouse", Ours(bench, house))
        ours.load("fill", "huge", 2, 100_000, 2048)
        copies = ["CREATE Million", *["COPY 1:* Million"] * 10]
        ours.session("huge", *copies)
        for again in ("after a restart", "warm"):
            if again == "after a restart":
                ours.one.stop()
                ours.one.start()
            link = socket.create_connection(("127.0.0.1", ours.one.port["imap"]))
            link.recv(4096)

            def command(text, tag=b"a"):
                begun = time.monotonic()
                link.sendall(tag + b" " + text.encode() + b"\r\n")
                seen = b""
                while b"\r\n" + tag + b" OK" not in b"\r\n" + seen:
                    seen += link.recv(1 << 20)
                return (time.monotonic() - begun) * 1000

            command(f"LOGIN {ours.one.user('huge')} {ours.one.password}")
            opened = command("SELECT Million")
            listed = command("FETCH 999951:1000000 (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)")
            bench.say(f"SELECT of 1,000,000 messages, {again}", f"{opened:.1f}", "ms")
            bench.say(f"FETCH ENVELOPE of its last 50, {again}", f"{listed:.1f}", "ms")
            link.close()

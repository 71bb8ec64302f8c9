"""Attacks by number (docs/hostile.md A7 to A11): many recipients, many sessions, slow peers, lines without
end, large messages at once. What is measured is the server's resident memory and how long a new client waits."""

import contextlib
import resource
import selectors
import shutil
import socket
import statistics
import threading
import time

from faults import Torn
from house import Closed, Talk

MIB = 1 << 20
BOB, EVE = "bob@torture.test", "eve@torture.test"
MANY = ("connections = 100000\nconnections_per_address = 100000\nconnections_per_network = 100000\n"
        "connections_per_account = 100000\n")


def many_descriptors():
    """Raises this process's limit, which the server inherits; what it came to."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in (200_000, 100_000, 65_536, most):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(wanted, most)))
            break
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


class Crowded(Torn):
    """A house without limits on connections that takes passwords in the clear."""

    def configuration(self):
        return super().configuration().replace("[limits]\n", "[limits]\n" + MANY).replace(
            "connections_per_address = 2000\nconnections_per_network = 2000\nconnections_per_account = 2000\n", "")


def crowded(state, users=(BOB, EVE)):
    many_descriptors()
    shutil.rmtree(state.folder / "house", ignore_errors=True)
    return Crowded(state.folder / "house", "[unsafe]\nplaintext_login = true\n", users=list(users)).begin()


def milliseconds(values):
    ordered = sorted(values)
    return (f"median {statistics.median(ordered) * 1000:.0f} ms, 95 % within {ordered[int(len(ordered) * 0.95)] * 1000:.0f} ms, "
            f"worst {ordered[-1] * 1000:.0f} ms")


def within(values, limit):
    """95 of 100, since other programs run on the same cores."""
    ordered = sorted(values)
    return ordered[int(len(ordered) * 0.95)] < limit


# --- A7 ---

def a7_recipients(state, rounds):
    house = crowded(state)
    before, sent, sessions, codes = house.resident(), 0, 0, {}
    while sent < rounds:
        sessions += 1
        with house.talk("smtp") as talk, contextlib.suppress(Closed, OSError):
            talk.expect("220")
            talk.say("EHLO x", "250")
            talk.say("MAIL FROM:<x@away.test>", "250")
            while sent < rounds:
                talk.write(f"RCPT TO:<{EVE}>\r\n".encode() * 100)
                sent += 100
                for _ in range(100):
                    code = talk.reply()[-1][:9]
                    codes[code] = codes.get(code, 0) + 1
    grown = house.resident() - before
    names, closed, wrong = 0, 0, 0
    before = house.resident()
    lock = threading.Lock()

    def guesser(number):
        nonlocal names, closed, wrong
        for session in range(25):
            with house.talk("smtp") as talk:
                talk.expect("220")
                talk.say("EHLO x", "250")
                talk.say("MAIL FROM:<x@away.test>", "250")
                seen = 0
                with contextlib.suppress(Closed, OSError):
                    for guess in range(1000):
                        talk.write(f"RCPT TO:<name{number}.{session}.{guess}@torture.test>\r\n".encode())
                        code = talk.reply()[-1]
                        if code.startswith("421"):
                            break
                        seen += 1
                        wrong += not code.startswith("550 5.1.1")
                with lock:
                    names += seen
                    closed += seen <= 25

    threads = [threading.Thread(target=guesser, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    guessed = house.resident() - before
    house.stop()
    good = (set(codes) <= {"250 2.1.5", "452 4.5.3", "421 4.7.0"} and codes["250 2.1.5"] <= 1000 * sessions and grown < 8 * MIB and closed == 200 and not wrong
            and guessed < 16 * MIB)
    return good, (f"{sent} RCPT, {sent // sessions} to a session: {codes}, memory grew by {grown / MIB:.1f} MiB; 200 sessions of a dictionary: "
                  f"{names} names tried, {closed} closed within 25, memory grew by {guessed / MIB:.1f} MiB")


# --- A8 ---

def connect_all(house, doors, count, source=0):
    """Sockets that have read their greeting."""
    links = []
    for number in range(count):
        link = socket.socket()
        link.bind((f"127.0.0.{2 + number // 20000 + source}", 0))
        link.settimeout(60)
        link.connect(("127.0.0.1", house.port[doors[number % len(doors)]]))
        links.append(link)
    for link in links:
        link.recv(1000)
    return links


def settled(house):
    """Resident bytes once they stay where they are."""
    last = house.resident()
    for _ in range(20):
        time.sleep(0.5)
        now = house.resident()
        if abs(now - last) < 64 * 1024:
            break
        last = now
    return house.resident()


def login_times(house, count=50, door="imap"):
    times = []
    for _ in range(count):
        begun = time.monotonic()
        with house.talk(door) as talk:
            talk.line()
            talk.command("a", f"LOGIN {BOB} posthouse", "OK")
            times.append(time.monotonic() - begun)
    return times


def fill(house, user, count):
    client = house.imap(user)
    for number in range(count):
        client.append("INBOX", None, None, f"From: <a@b.test>\r\nSubject: number {number}\r\n\r\nHello\r\n".encode())
    client.logout()


def enter_idle(link):
    file = link.makefile("rwb", buffering=0)
    for line, end in ((f"a LOGIN {BOB} posthouse", b"a OK"), ("b SELECT INBOX", b"b OK"), ("c IDLE", b"+ ")):
        link.sendall(line.encode() + b"\r\n")
        seen = b""
        while not any(part.startswith(end) for part in seen.split(b"\r\n")) or not seen.endswith(b"\r\n"):
            more = link.recv(65536)
            if not more:
                raise Closed(seen[-200:])
            seen += more
    file.close()


def a8_idle(state, rounds):
    house = crowded(state)
    fill(house, BOB, 1000)
    login_times(house, 5)
    empty = settled(house)
    idle = connect_all(house, ("smtp", "imap", "pop3"), rounds)
    before_login = (settled(house) - empty) / rounds
    logins = login_times(house)
    for link in idle:
        link.close()
    wait_for_descriptors(house, 200)
    house.restart()
    login_times(house, 5)
    empty = settled(house)
    idle = connect_all(house, ("imap",), rounds, 10)
    for link in idle:
        enter_idle(link)
    each_idle = (settled(house) - empty) / rounds
    logins += login_times(house)
    used = cpu(house)
    time.sleep(5)
    used = (cpu(house) - used) / 5
    # All of them hear of one new message.
    begun = time.monotonic()
    house.send("x@away.test", [BOB], b"Subject: to all\r\n\r\nx\r\n")
    for link in idle:
        if b"EXISTS" not in link.recv(1000):
            raise AssertionError("an idle session did not hear of the new message")
    told = time.monotonic() - begun
    for link in idle:
        link.close()
    wait_for_descriptors(house, 200)
    house.stop()
    good = before_login < 16 * 1024 and each_idle < 16 * 1024 and within(logins, 0.1)
    return good, (f"{rounds} before login {before_login / 1024:.1f} KiB each; {rounds} in IDLE on an INBOX of 1,000 "
                  f"{each_idle / 1024:.1f} KiB each, {used * 100:.1f} % of a core meanwhile, all told of a new message in {told:.1f} s; "
                  f"a new login {milliseconds(logins)}")


def cpu(house):
    from faults import cpu_seconds
    return cpu_seconds(house.process.pid)


def wait_for_descriptors(house, most):
    deadline = time.monotonic() + 60
    while house.descriptors() > most:
        if time.monotonic() > deadline:
            raise AssertionError(f"{house.descriptors()} descriptors stay open")
        time.sleep(0.2)


# --- A9 ---

def a9_slow(state, rounds):
    """`rounds` seconds: past the 300 that a command may take."""
    house = crowded(state)
    peers = connect_all(house, ("smtp",), 2500) + connect_all(house, ("imap", "pop3"), 2500, 10)
    for link in peers[:1000]:  # these give their byte a second in DATA
        for line in (b"EHLO x\r\n", b"MAIL FROM:<x@away.test>\r\n", f"RCPT TO:<{EVE}>\r\n".encode(), b"DATA\r\n"):
            link.sendall(line)
            link.recv(4096)
    for link in peers:
        link.setblocking(False)
    greetings, closed = [], {}
    begun = time.monotonic()
    alive = list(enumerate(peers))
    last_looked = 0
    while time.monotonic() < begun + rounds:
        second = time.monotonic()
        left = []
        for number, link in alive:
            kind = "in DATA" if number < 1000 else "SMTP command" if number < 2500 else "IMAP and POP3"
            try:
                link.send(b"x")
                with contextlib.suppress(BlockingIOError):
                    if not link.recv(1000):
                        raise ConnectionError
                left.append((number, link))
            except OSError:
                closed[kind] = closed.get(kind, 0) + 1
                link.close()
            if time.monotonic() - last_looked > 0.25:
                last_looked = time.monotonic()
                with socket.create_connection(("127.0.0.1", house.port["smtp"]), timeout=20) as link_:
                    link_.recv(100)
                greetings.append(time.monotonic() - last_looked)
        alive = left
        time.sleep(max(0, 1 - (time.monotonic() - second)))
    memory = house.resident()
    for _, link in alive:
        link.close()
    house.send("x@away.test", [EVE], b"Subject: after\r\n\r\nx\r\n")
    house.stop()
    good = within(greetings, 0.2) and (rounds < 310 or closed == {"SMTP command": 1500, "IMAP and POP3": 2500})
    return good, (f"5,000 peers (1,000 in DATA) for {rounds} s: {len(greetings)} new greetings, {milliseconds(greetings)}; "
                  f"closed by their deadlines {closed}; {memory / MIB:.0f} MiB resident")


# --- A10 ---

def a10_line(state, rounds):
    """Each port gets a line without an end, before login, once in pieces (where does it stop?) and once as a flood."""
    house = crowded(state)
    figures, failed = [], []
    for door in house.doors:
        talk = house.talk(door)
        talk.line()
        # In pieces, with time to answer each; then it must be closed, however long the client waits.
        sent, answer, closed = 0, b"", False
        with contextlib.suppress(OSError):
            while sent < 68 * 1024:
                talk.write(b"x" * 4096)
                sent += 4096
                time.sleep(0.01)
        talk.socket.settimeout(20)
        try:
            while not closed:
                more = talk.socket.recv(4096)
                answer += more
                closed = not more
        except OSError as end:
            closed = not isinstance(end, TimeoutError)
        talk.socket.close()
        figures.append(f"{door} {sent // 1024} kB")
        if not closed:
            failed.append(f"{door} took {sent} bytes and did not close")
        if not any(word in answer for word in (b"500 ", b"BAD", b"BYE", b"-ERR", b"421")):
            failed.append(f"{door} answered {answer[:80]!r}")
    before = house.resident()
    threads = [threading.Thread(target=flood, args=(house, door, rounds)) for door in house.doors for _ in range(10)]
    for thread in threads:
        thread.start()
    peak = 0
    while any(thread.is_alive() for thread in threads):
        peak = max(peak, house.resident())
        time.sleep(0.02)
    grown = peak - before
    house.stop()
    if grown > 32 * MIB:
        failed.append(f"memory grew by {grown / MIB:.1f} MiB")
    return not failed, "; ".join([f"closed, when the client could write {', '.join(figures)}; 70 floods of 40 MB at once, memory grew by {grown / MIB:.1f} MiB at most",
                                  *failed])


def flood(house, door, size):
    piece = b"x" * 65536
    with contextlib.suppress(OSError, Closed):
        with house.talk(door) as talk:
            talk.line()
            for _ in range(size // len(piece)):
                talk.write(piece)


# --- A11 ---

def a11_large(state, rounds):
    house = crowded(state)
    house.send("x@away.test", [EVE], b"Subject: warm\r\n\r\nx\r\n")
    before = settled(house)
    size = 100_000_000
    piece = b"".join(b"%015d " % i + b"y" * 60 + b"\r\n" for i in range(MIB // 78))
    codes, lock = {}, threading.Lock()
    begun = time.monotonic()

    def one():
        code = "none"
        with contextlib.suppress(OSError, Closed, AssertionError):
            with house.talk("smtp") as talk:
                talk.socket.settimeout(600)
                talk.expect("220")
                talk.say("EHLO x", "250")
                talk.say(f"MAIL FROM:<x@away.test> SIZE={size}", "250")
                talk.say(f"RCPT TO:<{EVE}>", "250")
                talk.say("DATA", "354")
                head = b"Subject: large\r\n\r\n"
                talk.write(head)
                sent = len(head)
                while sent + len(piece) < size - 2000:
                    talk.write(piece)
                    sent += len(piece)
                talk.write(b".\r\n")
                code = talk.reply()[-1][:9]
        with lock:
            codes[code] = codes.get(code, 0) + 1

    threads = [threading.Thread(target=one) for _ in range(rounds)]
    for thread in threads:
        thread.start()
    peak = 0
    while any(thread.is_alive() for thread in threads):
        peak = max(peak, house.resident())
        time.sleep(0.05)
    seconds = time.monotonic() - begun
    grown = (peak - before) / MIB
    with house.talk("smtp") as talk:
        talk.expect("220")
        talk.say("EHLO x", "250")
        talk.say("MAIL FROM:<x@away.test> SIZE=104857601", "552 5.3.4")
    client = house.imap(EVE)
    client.select("INBOX", readonly=True)
    stored = len(client.search(None, "LARGER", str(size - 2 * MIB))[1][0].split())
    begun = time.monotonic()
    (part,) = [item[1] for item in client.fetch("*", "(BODY.PEEK[]<50000000.1000>)")[1] if isinstance(item, tuple)]
    client.logout()
    house.run("account", "quota", EVE, "1M")
    with house.talk("smtp") as talk:
        talk.expect("220")
        talk.say("EHLO x", "250")
        talk.say(f"MAIL FROM:<x@away.test> SIZE={size}", "250")
        talk.say(f"RCPT TO:<{EVE}>", "452 4.2.2")
    house.stop()
    shutil.rmtree(house.data, ignore_errors=True)
    good = codes == {"250 2.0.0": rounds} and stored == rounds and grown < 100 and len(part) == 1000
    return good, (f"{rounds} × 100 MB at once in {seconds:.0f} s: {codes}, {stored} stored, at most {grown:.0f} MiB above idle; "
                  "over SIZE 552, over quota 452 before the data")

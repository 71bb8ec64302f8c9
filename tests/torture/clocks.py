"""Clocks of docs/hostile.md: F12, a clock that is wrong, and F15, five days of 4xx, in minutes.

The server runs with moved_clock.c loaded before libc: its wall clock is put ahead or back under way, or all of its time goes faster."""

import contextlib
import email
import json
import os
import shutil
import socketserver
import struct
import threading
import time

from faults import Torn, shell

ALICE = "alice@torture.test"
DAY = 86400


class Host:
    """A mail host; while `refuses`, it answers every recipient 451. `asked`: when somebody was; `arrived`: who got something, in order."""

    def __init__(self, refuses=False):
        self.refuses, self.asked, self.arrived = refuses, [], []
        host = self

        class Session(socketserver.StreamRequestHandler):
            def handle(self):
                with contextlib.suppress(OSError, ValueError):
                    host.serve(self.rfile, self.wfile)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True

        self.server = Server(("127.0.0.1", 0), Session)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def serve(self, lines, out):
        def say(text):
            out.write(text + b"\r\n")
            out.flush()

        say(b"220 host.test")
        recipients = []
        for line in lines:
            verb = line[:4].upper()
            if verb == b"RCPT":
                self.asked.append(time.monotonic())
                if self.refuses:
                    say(b"451 4.3.0 not today")
                else:
                    recipients.append(line.split(b"<")[1].split(b">")[0].decode())
                    say(b"250 2.1.5 yes")
            elif verb == b"DATA" and recipients:
                say(b"354 go on")
                while next(lines) != b".\r\n":
                    pass
                self.arrived += recipients
                say(b"250 2.0.0 queued as x")
            elif verb == b"QUIT":
                return say(b"221 2.0.0 bye")
            else:
                recipients = [] if verb in (b"RSET", b"MAIL") else recipients
                say(b"503 5.5.1 no recipients" if verb == b"DATA" else b"250 2.0.0 yes")


class MovedClock:
    """What the server's clock is ahead by, and how fast its time goes."""

    def __init__(self, folder):
        self.library, self.file = folder / "moved_clock.so", folder / "clock"
        source = os.path.join(os.path.dirname(__file__), "moved_clock.c")
        shell(f"clang-19 -shared -fPIC -O1 -o {self.library} {source} -ldl")
        self.file.write_bytes(bytes(8))

    def set(self, seconds):
        with open(self.file, "r+b") as out:  # in place: the server has it mapped
            out.write(struct.pack("<q", int(seconds * 1e9)))

    @contextlib.contextmanager
    def of_what_starts(self, speed=1):
        wanted = {"LD_PRELOAD": str(self.library), "MOVED_CLOCK": str(self.file), "MOVED_SPEED": str(speed)}
        os.environ.update(wanted)
        try:
            yield
        finally:
            for name in wanted:
                os.environ.pop(name)


def wait_for(what, seconds):
    until = time.monotonic() + seconds
    while not what() and time.monotonic() < until:
        time.sleep(0.05)
    return bool(what())


def send(house, domain, count):
    for number in range(count):
        house.submit(ALICE, [f"x{number}@{domain}"], f"From: {ALICE}\r\nSubject: {number}\r\n\r\nx\r\n")


def notices(house):
    """(Action, Status, message) of each notice in the sender's mailbox, the oldest first."""
    found = []
    for item in house.mailbox(ALICE):
        message = email.message_from_bytes(item.whole)
        for part in message.walk():
            if part.get_content_type() == "message/delivery-status":
                found += [(fields["Action"], fields["Status"], message) for fields in part.get_payload() if fields["Action"]]
    return found


def begin(state, clock, good, down):
    shutil.rmtree(state.folder / "house", ignore_errors=True)
    house = Torn(state.folder / "house", users=[ALICE])
    with clock.of_what_starts():
        house.begin()
    for domain, host in (("good.test", good), ("down.test", down)):
        house.run("route", "add", domain, "127.0.0.1", "--port", str(host.port), "--tls", "none")
    return house


# --- F12 ---

class Drift(threading.Thread):
    """The clock gains (or loses) a tenth, in steps."""

    def __init__(self, clock, rate=0.1):
        super().__init__(daemon=True)
        self.clock, self.rate, self.off, self.ended = clock, rate, 0.0, threading.Event()
        self.start()

    def run(self):
        while not self.ended.wait(0.1):
            self.off += 0.1 * self.rate
            self.clock.set(self.off)



def one_clock(state, clock, move, stopped):
    """What went wrong when the clock is moved, and put right again, while the house runs or while it is stopped."""
    good, down, wrong = Host(), Host(refuses=True), []
    clock.set(0)
    house = begin(state, clock, good, down)
    house.run("queue", "schedule", "down.test", "--retry", "1s")

    def expect(what, seconds, text):
        if not wait_for(what, seconds):
            wrong.append(text)

    send(house, "down.test", 10)
    expect(lambda: len(down.asked) >= 10, 30, "not tried before")
    drift = None
    for turn, seconds in (("moved", move), ("put right", 0)):
        if stopped:
            house.stop()
        if move is None:
            if turn == "moved":
                drift = Drift(clock)
            else:
                drift.ended.set()
                drift.join()
                clock.set(0)
        else:
            clock.set(seconds)
        if stopped:
            with clock.of_what_starts():
                house.again()
        tried, came = len(down.asked), len(good.arrived)
        send(house, "good.test", 5)
        expect(lambda: len(good.arrived) >= came + 5, 20, f"{turn}: other mail stalls")
        expect(lambda: len(down.asked) >= tried + 20, 60, f"{turn}: retries stall")
        if failed := [status for action, status, _ in notices(house) if action == "failed"]:
            wrong.append(f"{turn}: {len(failed)} returned early")
    down.refuses = False
    expect(lambda: len(down.arrived) >= 10, 60, "what waited does not go out")
    expect(lambda: house.waiting() == 0, 20, "the queue does not get empty")
    if sorted(down.arrived) != [f"x{number}@down.test" for number in range(10)]:
        wrong.append(f"arrived: {len(down.arrived)} of 10")
    audit = house.audit()
    if audit["faults"]:
        wrong.append(f"audit {audit['texts'][:2]}")
    house.stop()
    return wrong


def f12_clock(state, rounds):
    clock = MovedClock(state.folder)
    kinds = [(name, move, stopped) for stopped in (False, True)
             for name, move in (("a year ahead", 365 * DAY), ("a day back", -DAY), ("gaining a tenth", None))]
    texts, good = [], True
    for name, move, stopped in kinds[:rounds]:
        wrong = one_clock(state, clock, move, stopped)
        texts.append(f"{name}{', over a restart' if stopped else ''}: {'; '.join(wrong) or 'nothing early, nothing stalls'}")
        print(texts[-1], flush=True)
        good = good and not wrong
    return good, "put wrong and put right again. " + ". ".join(texts)


# --- F15 ---

SPEED = 2000  # five days in 216 s
HOUR = 3600 / SPEED


def f15_five_days(state, rounds):
    """The mailbox is read once time is real again: at this speed a client has a few milliseconds for its login."""
    clock, down = MovedClock(state.folder), Host(refuses=True)
    house = begin(state, clock, Host(), down)
    send(house, "down.test", 1)
    if not wait_for(lambda: down.asked, 30):
        return False, "it was not tried"
    house.stop()
    with clock.of_what_starts(SPEED):
        house.again()
    begun = time.monotonic()
    while time.monotonic() - max(begun, down.asked[-1]) < 10 * HOUR:  # nothing for ten hours: it was given up
        time.sleep(0.1)
    took = down.asked[-1] - begun
    house.kill()
    house.again()
    left = json.loads(house.run("queue", "list", "--json").stdout)["messages"]
    told = notices(house)
    audit = house.audit()
    house.stop()
    tries, days = len(down.asked), took / HOUR / 24
    good = ([action for action, _, _ in told] == ["delayed", "failed"] and all(status == "4.3.0" for _, status, _ in told)
            and left == 0 and audit["faults"] == 0 and 25 <= tries <= 45 and 4.7 <= days <= 5.1)
    return good, (f"{tries} tries in {days:.1f} days at {SPEED} times the speed, then {[action for action, _, _ in told]} "
                  f"{sorted({status for _, status, _ in told})}; left in the queue {left}, audit faults {audit['faults']}")


ROWS = {
    "F12": (6, "a clock a year ahead, a day back, gaining", f12_clock),
    "F15": (1, "five days of 4xx at 2,000 times the speed", f15_five_days),
}

"""Mail on its way out (docs/hostile.md A2, F14): what we send ends once, and peers that are dead hold up nobody."""

import contextlib
import json
import re
import shutil
import socket
import statistics
import subprocess
import threading
import time
from pathlib import Path

from faults import Torn
from house import free_ports

ROOT = Path(__file__).resolve().parent.parent.parent
ALICE = "alice@torture.test"


# --- A2 ---

def passed(program, names, least):
    """(text, good) of unit tests: at least so many must have run, and all passed."""
    done = subprocess.run([ROOT / "build" / "src" / program, f"--gtest_filter={names}"], capture_output=True, text=True)
    found = re.search(r"PASSED  \] (\d+) test", done.stdout)
    good = done.returncode == 0 and found is not None and int(found.group(1)) >= least
    return f"{found.group(1) if found else 0} tests{'' if good else ' WRONG ' + str(done.stdout.splitlines()[-3:])}", good


def corpus(name):
    done = subprocess.run([ROOT / "build" / "src" / f"{name}_fuzz", ROOT / "fuzz" / "corpus" / name], capture_output=True, text=True)
    return f"corpus {(done.stdout + done.stderr).strip().splitlines()[-1:]}", done.returncode == 0


def a2_smuggling_out(state, rounds):
    """The stuffer, the client's end against scripted servers, and the corpus of the fuzzer that takes what was sent apart again."""
    tests, tests_good = passed("smtp_test", "DotStuffer.*:ClientTest.StoredBareLineEndsCannotEndTheData:ClientTest.ChunksCarryDots*"
                                            ":ClientTest.DataIsStuffedAndEndsOnce", 6)
    framer, framer_good = corpus("smtp_framer")
    return tests_good and framer_good, (f"{tests}: bare CR, LF and dots in stored bodies, by DATA and BDAT: the only end is ours; "
                                        f"of the framer: {framer}")


def a31_dns(state, rounds):
    """The DNS's part of A31: what is too long is bounded, and read by TCP; signatures and SPF come with mail authentication."""
    tests, tests_good = passed("net_test", "UnboundResolverTest.WhatIsTooLongForUdpComesByTcp:DnsRecord*", 2)
    records, records_good = corpus("net_dns_record")
    return tests_good and records_good, f"{tests}: a TXT of 64,000 bytes, 1,000 MX of which the best 100 are kept; of records: {records}"


# --- F14 ---

class Peers:
    """Mail hosts on all loopback addresses: one port for each way to be dead, and one that takes mail."""

    WAYS = ("never greets", "a byte a second", "hangs after DATA", "hangs after the dot", "resets")

    def __init__(self):
        ports = free_ports(len(self.WAYS) + 1)
        self.port = dict(zip((*self.WAYS, "good"), ports))
        self.arrived = {}
        self.heard = dict.fromkeys(self.WAYS, 0)
        self.stopping = threading.Event()
        for way, port in self.port.items():
            threading.Thread(target=self.listen, args=(way, port), daemon=True).start()

    def listen(self, way, port):
        with socket.create_server(("0.0.0.0", port), backlog=1024) as door:
            while not self.stopping.is_set():
                link, _ = door.accept()
                if way != "good":
                    self.heard[way] += 1
                if way == "never greets":
                    link.setblocking(False)
                    self.kept = [*getattr(self, "kept", ()), link]
                    continue
                threading.Thread(target=self.serve, args=(way, link), daemon=True).start()

    def serve(self, way, link):
        with contextlib.suppress(OSError), link:
            if way == "resets":
                link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
                return
            if way == "a byte a second":
                for byte in b"220 slow.test " * 1000:
                    link.sendall(bytes([byte]))
                    time.sleep(1)
            file = link.makefile("rwb")
            self.say(file, "220 peer.test")
            while line := file.readline():
                verb = line[:4].upper()
                if verb == b"DATA":
                    if way == "hangs after DATA":
                        self.stopping.wait()
                    self.say(file, "354 go")
                    text = b""
                    while (more := file.readline()) not in (b".\r\n", b""):
                        text += more
                    if way == "hangs after the dot":
                        self.stopping.wait()
                    if number := re.search(rb"X-Number: (\d+)", text):
                        self.arrived[int(number.group(1))] = time.monotonic()
                    self.say(file, "250 2.0.0 queued as X")
                elif verb == b"QUIT":
                    self.say(file, "221 bye")
                    return
                elif verb == b"EHLO":
                    self.say(file, "250-peer.test\r\n250 PIPELINING")
                else:
                    self.say(file, "250 ok")

    @staticmethod
    def say(file, text):
        file.write(text.encode() + b"\r\n")
        file.flush()


def waits_of(house, peers, numbers):
    """How long each of these took to arrive at the good host."""
    begun = {}
    for number in numbers:
        begun[number] = time.monotonic()
        house.submit(ALICE, ["x@good.test"], f"From: {ALICE}\r\nTo: x@good.test\r\nSubject: x\r\nX-Number: {number}\r\n\r\nx\r\n")
    until = time.monotonic() + 60
    while time.monotonic() < until and not all(number in peers.arrived for number in numbers):
        time.sleep(0.01)
    return [peers.arrived.get(number, until) - begun[number] for number in numbers]


def f14_dead_peers(state, rounds):
    shutil.rmtree(state.folder / "house", ignore_errors=True)
    peers = Peers()
    house = Torn(state.folder / "house", users=[ALICE]).begin()
    house.run("account", "outgoing", ALICE, "unlimited")
    house.run("route", "add", "good.test", "127.0.0.1", "--port", str(peers.port["good"]))
    dead = [f"dead{i}.test" for i in range(rounds)]
    for i, domain in enumerate(dead):
        address = f"127.{2 + i // 62500}.{i // 250 % 250}.{i % 250 + 1}"  # a destination of its own
        house.run("route", "add", domain, address, "--port", str(peers.port[Peers.WAYS[i % len(Peers.WAYS)]]))
    before = waits_of(house, peers, range(50))
    for i in range(0, rounds, 50):
        house.submit(ALICE, [f"x@{domain}" for domain in dead[i:i + 50]], f"From: {ALICE}\r\nSubject: x\r\n\r\nx\r\n")
    time.sleep(2)
    after = waits_of(house, peers, range(1000, 1100))
    queue = json.loads(house.run("queue", "list", "--json").stdout)
    audit = house.audit()
    slower = statistics.median(after) - statistics.median(before)
    good = slower < 1 and max(after) < 5 and not audit.get("faults")
    house.kill()
    peers.stopping.set()
    return good, (f"{rounds} dead ({', '.join(f'{n} {way}' for way, n in peers.heard.items())}), 1 good: before median "
                  f"{statistics.median(before) * 1000:.0f} ms, beside them {statistics.median(after) * 1000:.0f} ms, worst "
                  f"{max(after) * 1000:.0f} ms; {len(json.dumps(queue)) // 1024} KiB of queue listing; audit "
                  f"{'clean' if not audit.get('faults') else audit}")


ROWS = {
    "A2": (1, "smuggling out", a2_smuggling_out),
    "A31d": (1, "A31's DNS part: records that are too long and too many", a31_dns),
    "F14": (1000, "dead peers, one good", f14_dead_peers),
}

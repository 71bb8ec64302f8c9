"""F13 of docs/hostile.md: a DNS that does not answer, answers wrong, or answers too much, while other mail goes on.

A resolver and a mail host in Python stand for the Internet: domains below `good.test` have a mail host, domains below
`KIND.test` fail in KIND's own way. Bad mails are queued first, then good ones are handed in: how fast the good ones
come out, against the same without bad ones, is the row's figure."""

import asyncio
import contextlib
import functools
import json
import multiprocessing
import shutil
import smtplib
import socket
import statistics
import struct
import threading
import time

from faults import Torn
from house import PASSWORD, free_ports

ALICE = "alice@torture.test"
HOST = "127.0.0.50"  # of every domain that has one
GOOD = 1000  # mails whose rate is measured
TURNS = 5
SENDERS = 4
LATE = 3  # seconds
PATIENCE = 120  # until the last mail is where it belongs

# What must become of a mail: relayed, waiting in the queue, or returned.
KINDS = {"timeout": "waiting", "servfail": "waiting", "nxdomain": "returned", "truncated": "relayed", "late": "relayed",
         "cname": "waiting", "many": "relayed", "wrongid": "waiting"}

A, CNAME, SOA, MX, TXT, AAAA = 1, 5, 6, 15, 16, 28


def name_bytes(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".") if label) + b"\0"


def record(type_, data):
    """Of the name that was asked for."""
    return b"\xc0\x0c" + struct.pack(">HHIH", type_, 1, 300, len(data)) + data


class Names:
    """The resolver: UDP and TCP on one port."""

    def __init__(self):
        self.asked = {}

    @functools.lru_cache(maxsize=None)  # a thousand records are not made anew for each question
    def body(self, kind, count):
        return b"".join(record(MX, struct.pack(">H", 10 + n) + name_bytes(f"mx{n}.{kind}.test")) for n in range(count))

    def records(self, name, kind, type_):
        """(rcode, how many records, their bytes)"""
        if kind == "nxdomain":
            return 3, 0, b""
        if kind == "servfail":
            return 2, 0, b""
        if kind == "cname":
            other = name[1:] if name.startswith("x") else "x" + name
            return 0, 1, record(CNAME, name_bytes(other))
        if type_ == MX and not name.startswith("mx"):
            count = 1000 if kind == "many" else 1
            return 0, count, self.body(kind, count)
        if type_ == A and name.startswith("mx"):
            return 0, 1, record(A, socket.inet_aton(HOST))
        return 0, 0, b""

    def answer(self, query, by_udp):
        """(seconds to wait, bytes or None)"""
        number, flags, questions = struct.unpack(">HHH", query[:6])
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode().lower())
            at += 1 + query[at]
        question = query[12:at + 5]
        type_ = struct.unpack(">H", query[at + 1:at + 3])[0]
        name = ".".join(labels)
        kind = labels[-2] if len(labels) >= 2 else ""
        self.asked[kind] = self.asked.get(kind, 0) + 1
        if kind == "timeout" or flags & 0x8000 or questions != 1:
            return 0, None
        code, count, body = self.records(name, kind, type_)
        soa = name_bytes("test") + name_bytes("x") + struct.pack(">5I", 1, 60, 60, 60, 60)
        authority = b"" if count or code == 2 else record(SOA, soa)
        cut = by_udp and (kind == "truncated" or len(body) > 1200)
        if cut:
            body, authority, count = b"", b"", 0
        if kind == "wrongid":
            number ^= 0x5555
        head = struct.pack(">6H", number, 0x8180 | (0x200 if cut else 0) | code, 1, count, 1 if authority else 0, 0)
        return (LATE if kind == "late" else 0), head + question + body + authority


class Datagrams(asyncio.DatagramProtocol):
    def __init__(self, names):
        self.names = names

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, address):
        with contextlib.suppress(Exception):  # what cannot be read is not answered
            delay, reply = self.names.answer(data, True)
            if reply and delay:
                asyncio.get_running_loop().call_later(delay, self.transport.sendto, reply, address)
            elif reply:
                self.transport.sendto(reply, address)


class Resolver:
    """Answers until its process is ended."""

    def __init__(self, port):
        self.names, self.port = Names(), port
        asyncio.run(self.serve())

    async def serve(self):
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: Datagrams(self.names), ("127.0.0.1", self.port))
        await asyncio.start_server(self.by_tcp, "127.0.0.1", self.port)
        await asyncio.Event().wait()

    async def by_tcp(self, reader, writer):
        with contextlib.suppress(Exception):
            while True:
                query = await reader.readexactly(struct.unpack(">H", await reader.readexactly(2))[0])
                delay, reply = self.names.answer(query, False)
                await asyncio.sleep(delay)
                if reply:
                    writer.write(struct.pack(">H", len(reply)) + reply)
        writer.close()


def listens(address, port):
    with contextlib.suppress(OSError), socket.create_connection((address, port), timeout=1):
        return True
    return False


class Internet(threading.Thread):
    """The mail host, on a thread; the resolver has a process of its own, so that neither waits for the other.
    `arrived`: by kind, the moments when mails came in."""

    def __init__(self):
        super().__init__(daemon=True)
        self.arrived = {}
        self.dns_port, self.smtp_port = free_ports(1)[0], free_ports(1, HOST)[0]
        multiprocessing.get_context("fork").Process(target=Resolver, args=(self.dns_port,), daemon=True).start()
        wait_for(lambda: listens("127.0.0.1", self.dns_port), 10)
        self.ready = threading.Event()
        self.start()
        self.ready.wait(10)

    def run(self):
        asyncio.run(self.serve())

    async def serve(self):
        await asyncio.start_server(self.mail, HOST, self.smtp_port)
        self.ready.set()
        await asyncio.Event().wait()

    async def mail(self, reader, writer):
        kinds = []
        with contextlib.suppress(Exception):
            writer.write(b"220 sink\r\n")
            while line := await reader.readline():
                verb = line[:4].upper()
                if verb == b"EHLO":
                    writer.write(b"250-sink\r\n250-PIPELINING\r\n250 SIZE\r\n")
                elif verb == b"RCPT":
                    kinds.append(line.split(b">")[0].split(b".")[-2].decode())
                    writer.write(b"250 ok\r\n")
                elif verb == b"DATA":
                    writer.write(b"354 go on\r\n")
                    while await reader.readline() != b".\r\n":
                        pass
                    for kind in kinds:
                        self.arrived.setdefault(kind, []).append(time.monotonic())
                    kinds = []
                    writer.write(b"250 taken\r\n")
                elif verb == b"QUIT":
                    writer.write(b"221 bye\r\n")
                    break
                else:
                    kinds = [] if verb in (b"RSET", b"MAIL") else kinds
                    writer.write(b"250 ok\r\n")
        writer.close()

    def count(self, kind):
        return len(self.arrived.get(kind, []))


def hand_in(house, kind, count, domains, first=0):
    """`count` mails to `domains` domains of a kind, from number `first` on, by several sessions at once."""
    def session(number):
        with smtplib.SMTP_SSL("127.0.0.1", house.port["submissions"], local_hostname="client.test", timeout=60,
                              context=house.tls_without_checks()) as client:
            client.login(ALICE, PASSWORD)
            for n in range(number, count, SENDERS):
                client.sendmail(ALICE, [f"somebody@d{first + n % domains}.{kind}.test"],
                                f"From: {ALICE}\r\nSubject: {kind} {n}\r\n\r\nHello\r\n")

    threads = [threading.Thread(target=session, args=(number,)) for number in range(SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def wait_for(what, seconds=PATIENCE):
    deadline = time.monotonic() + seconds
    while not what() and time.monotonic() < deadline:
        time.sleep(0.1)
    return what()


def waiting(house, kind):
    groups = json.loads(house.run("queue", "list", "--json").stdout)["groups"]
    return sum(group["entries"] for group in groups if group["domain"].endswith(f".{kind}.test"))


def returned(house):
    client = house.imap(ALICE)
    _, answer = client.status("INBOX", "(MESSAGES)")
    client.logout()
    return int(answer[0].split()[-1].rstrip(b")"))


def good_rate(house, internet):
    """Good mails a second, from the first handed in to the last arrived."""
    before, begun = internet.count("good"), time.monotonic()
    hand_in(house, "good", GOOD, 100)
    if not wait_for(lambda: internet.count("good") >= before + GOOD):
        return 0.0
    return GOOD / (internet.arrived["good"][-1] - begun)


def one_kind(state, internet, kind, mails):
    """A house of its own; (rate without, rate with, how many ended as they must)."""
    shutil.rmtree(state.folder / "house", ignore_errors=True)
    top = f'resolver = "127.0.0.1:{internet.dns_port}"\ntrust_anchor = "none"\nrelay_port = {internet.smtp_port}\n'
    house = Torn(state.folder / "house", users=[ALICE], top=top).begin()
    house.run("account", "outgoing", ALICE, "unlimited")
    internet.arrived.clear()
    good_rate(house, internet)  # warms up
    alone, beside = [], []
    for turn in range(TURNS):  # a rate of a second differs from the next one by a tenth
        alone.append(good_rate(house, internet))
        hand_in(house, kind, mails // TURNS, mails // TURNS, turn * mails // TURNS)
        beside.append(good_rate(house, internet))
    alone, beside, mails = statistics.median(alone), statistics.median(beside), mails // TURNS * TURNS
    ends = {"relayed": lambda: internet.count(kind), "returned": lambda: returned(house), "waiting": lambda: waiting(house, kind)}
    wait_for(lambda: ends[KINDS[kind]]() >= mails)
    right = ends[KINDS[kind]]()
    house.stop()
    return alone, beside, right, mails


def f13_names(state, mails):
    internet, good, texts = Internet(), True, []
    for kind, end in KINDS.items():
        if kind not in state:
            state[kind] = one_kind(state, internet, kind, mails)
            state.save()
        alone, beside, right, handed_in = state[kind]
        print(f"{kind}: {alone:.0f}/s alone, {beside:.0f}/s beside, {right} {end}", flush=True)
        good = good and right == handed_in and beside >= 0.9 * alone
        texts.append(f"{kind}: {right} {end}, others at {100 * beside / max(alone, 1):.0f} % of {alone:.0f}/s")
    return good, f"{mails} mails to as many domains of each kind, {GOOD} to others at once; " + "; ".join(texts)


ROWS = {"F13": (1000, "a DNS that is silent, late, wrong or too long, while other mail goes on", f13_names)}

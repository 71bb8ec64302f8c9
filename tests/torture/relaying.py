"""Faults while mail goes out: what was accepted reaches the other host, and twice only what could not be known."""

import collections
import os
import random
import re
import socketserver
import threading
import time

import load as loads
from faults import Torn

AWAY = [f"away{n}@torture.test" for n in range(1, 21)]  # aliases that lead to the other host


class OtherHost:
    """Takes everything, slowly enough that some of it is always under way; keeps who got what, and how often."""

    def __init__(self):
        self.lock, self.got, self.bytes_differ = threading.Lock(), collections.Counter(), []
        host = self

        class Session(socketserver.StreamRequestHandler):
            def handle(self):
                try:
                    host.serve(self.rfile, self.wfile)
                except (OSError, ValueError):
                    pass

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address, daemon_threads = True, True

        self.server = Server(("127.0.0.1", 0), Session)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def serve(self, lines, out):
        def say(text):
            out.write(text + b"\r\n")
            out.flush()

        say(b"220 other.test")
        recipients = []
        for line in lines:
            verb = line[:4].upper()
            if verb == b"EHLO":
                say(b"250-other.test\r\n250-PIPELINING\r\n250 8BITMIME")
            elif verb == b"RCPT":
                recipients.append(re.search(rb"<([^>]*)>", line).group(1).decode())
                say(b"250 2.1.5 yes")
            elif verb == b"DATA":
                say(b"354 go on")
                message = []
                for part in lines:
                    if part == b".\r\n":
                        break
                    message.append(part[1:] if part.startswith(b"..") else part)
                else:
                    return  # it was cut off: never taken
                self.take(recipients, b"".join(message))
                recipients = []
                say(b"250 2.0.0 queued as x")
            elif verb == b"QUIT":
                return say(b"221 2.0.0 bye")
            else:
                recipients = []
                say(b"250 2.0.0 yes")

    def take(self, recipients, message):
        identity = loads.WHO.search(message).group(1).decode()
        body = message.split(b"\r\n\r\n", 1)[1]
        with self.lock:
            if body != loads.body_of(identity):
                self.bytes_differ.append(identity)
            for recipient in recipients:
                self.got[(identity, recipient.split("@")[0])] += 1


def f1_relaying(state, rounds):
    other = OtherHost()
    house = Torn(state.folder / "house")
    first = not house.founded
    house.begin()
    if first:
        for n, alias in enumerate(AWAY, 1):
            house.run("alias", "add", alias, f"away{n}@other.test")
    house.run("route", "add", "*", "127.0.0.1", "--port", str(other.port), "--tls", "none")
    dice, accepted, slowest = random.Random(), [], 0
    for number in range(rounds):
        with loads.Load(f"f1r.{os.getpid()}.{number}", house.port["smtp"], AWAY) as load:
            time.sleep(dice.uniform(0.3, 2))
            house.kill()
            load.stopping.set()
        accepted += load.so_far()
        house.again()
        slowest = max(slowest, *house.times)
        print(f"round {number + 1}: {len(accepted)} accepted, {sum(other.got.values())} came, back in {house.times[-1]:.2f} s",
              flush=True)
    house.run("queue", "retry", "--all")
    wanted = {(identity, user.split("@")[0]) for identity, users in accepted for user in users}
    came, moved = -1, time.monotonic()
    while time.monotonic() - moved < 60 and (wanted - set(other.got) or house.waiting()):  # as long as something comes
        if came != (came := sum(other.got.values())):
            moved = time.monotonic()
        time.sleep(0.5)
    lost = wanted - set(other.got)
    doubled = sum(count - 1 for count in other.got.values())
    audit = house.audit()
    left = house.waiting()
    house.stop()
    # A kill leaves in doubt what the other host has taken and we had not written down: at most what was under way
    # on the connections of one destination, and what one commit gathers.
    in_doubt = rounds * 100
    good = not lost and doubled <= in_doubt and not other.bytes_differ and audit["faults"] == 0 and not left and slowest < 3
    return good, (f"{len(accepted)} accepted ({len(wanted)} copies), lost {len(lost)}, sent twice {doubled} "
                  f"({doubled / max(1, rounds):.1f} a kill: taken there, not yet written here), other bytes "
                  f"{len(other.bytes_differ)}, left in the queue {left}, audit faults {audit['faults']}; greeting again after "
                  f"{slowest:.2f} s at the most")


ROWS = {"F1r": (200, "kill -9 while mail is relayed", f1_relaying)}

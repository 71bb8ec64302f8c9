"""F4 of docs/hostile.md: power cuts while tables are being compacted, and a second cut while the server recovers from the first."""

import contextlib
import os
import random
import shutil
import signal
import socket
import threading
import time

import faults
import load as loads
from faults import Disk, Torn, USERS

CUTS_A_ROUND = 5
PATIENCE = 120  # seconds for a compaction to begin under load


class Compactions:
    """Looks at a server from outside: are its threads for compactions at work, and is a table being written?"""

    def __init__(self, pid):
        self.pid, self.threads = pid, []

    def stat_files(self):
        if not self.threads:
            for task in os.listdir(f"/proc/{self.pid}/task"):
                with open(f"/proc/{self.pid}/task/{task}/comm") as comm:
                    if comm.read().startswith("rocksdb:low"):
                        self.threads.append(f"/proc/{self.pid}/task/{task}/stat")
        return self.threads

    def at_work(self):
        for file in self.stat_files():
            with open(file) as stat:
                if stat.read().rsplit(")", 1)[1].split()[0] in "RD":
                    return True
        return False

    def writes_table(self):
        """Of a server that stands still: it has a table open for writing."""
        for entry in os.listdir(f"/proc/{self.pid}/fd"):
            with contextlib.suppress(OSError):
                if os.readlink(f"/proc/{self.pid}/fd/{entry}").endswith((".sst", ".blob")):
                    with open(f"/proc/{self.pid}/fdinfo/{entry}") as info:
                        flags = next(int(line.split()[1], 8) for line in info if line.startswith("flags:"))
                    if flags & os.O_ACCMODE != os.O_RDONLY:
                        return True
        return False

    def cut(self, disk, name, load):
        """A cut within a compaction, and what had been accepted by then: the server is held for the instant in which
        both are established."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if self.at_work():
                os.kill(self.pid, signal.SIGSTOP)
                try:
                    if self.writes_table():
                        accepted = load.so_far()
                        return disk.cut(name), accepted
                finally:
                    os.kill(self.pid, signal.SIGCONT)
            time.sleep(0.001)
        raise AssertionError("no compaction began under load")


def second_cut(disk, first, number):
    """Starts the server on what the first cut left, and cuts again at some instant of its recovery: the second cut's
    image, and whether the server had not greeted by then."""
    with disk.after(first) as mounted:
        again = Torn(mounted / "house")
        starting = threading.Thread(target=start, args=(again,), daemon=True)
        starting.start()
        time.sleep(random.uniform(0.01, 0.35))
        image = disk.outer_mount / f"second{number}.img"
        faults.shell(f"cp --reflink=always {first} {image}")
        recovering = not greets(again)
        starting.join(60)
        if again.process:
            again.kill()
    return image, recovering


def start(house):
    with contextlib.suppress(AssertionError, OSError):
        house.launch()


def greets(house):
    with contextlib.suppress(OSError), socket.create_connection((house.address, house.port["smtp"]), timeout=0.05) as link:
        return link.recv(10).startswith(b"220")
    return False


def f4_compaction(state, rounds):
    disk = Disk(state.folder, size="600M")
    try:
        while state.get("cuts", 0) < rounds:
            one_round(disk, state)
            state.save()
            print(f"{state['cuts']} cuts in compactions, {state['recovering']} second ones before the greeting: {state['accepted']} accepted before, "
                  f"lost {state['lost']}, doubled {state['doubled']}, faults {state['faults']}", flush=True)
    finally:
        disk.gone()
    good = state["lost"] == state["doubled"] == state["faults"] == 0 and state["slowest"] < 10 and state["accepted"] > 0
    return good, (f"{state['cuts']} cuts while a compaction wrote tables, each followed by a second one during recovery ({state['recovering']} before "
                  f"the greeting): {state['accepted']} accepted before them, lost {state['lost']}, doubled {state['doubled']}, faults {state['faults']}, "
                  f"recovery {state['slowest']:.2f} s at the most")


def one_round(disk, state):
    shutil.rmtree(disk.mount / "house", ignore_errors=True)
    house = Torn(disk.mount / "house")
    house.begin()
    compactions, cuts = Compactions(house.process.pid), []
    with loads.Load(f"f4.{os.getpid()}.{state.get('cuts', 0)}", house.port["smtp"], USERS, connections=16, size=1000) as load:
        for number in range(CUTS_A_ROUND):
            cuts.append(compactions.cut(disk, f"cut{number}.img", load))
            time.sleep(random.uniform(0.05, 1.5))
    house.kill()
    for number, (first, before) in enumerate(cuts):
        second, recovering = second_cut(disk, first, number)
        with disk.after(second) as mounted:
            last = Torn(mounted / "house")
            last.begin()
            found = loads.Found(last, USERS, 1000)
            lost, doubled, _ = found.compare(before)
            wrong = last.audit()["faults"] + len(found.broken)
            last.kill()
        for name, value in (("cuts", 1), ("accepted", len(before)), ("lost", len(lost)), ("doubled", len(doubled)), ("faults", wrong),
                            ("recovering", int(recovering))):
            state[name] = state.get(name, 0) + value
        state["slowest"] = max(state.get("slowest", 0), last.times[-1])


ROWS = {"F4": (100, "power cuts in compactions, and in the recovery from them (root, mkfs.xfs)", f4_compaction)}

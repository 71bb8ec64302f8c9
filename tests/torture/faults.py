"""The faults of docs/hostile.md: kill -9, power cuts, failing and full disks, no descriptors, no memory,
flipped bits, stops under load, backups taken live."""

import atexit
import contextlib
import imaplib
import json
import os
import random
import re
import shutil
import smtplib
import socket
import subprocess
import time

import house as house_module
import load as loads
from house import House, PROGRAM

USERS = [f"user{n}@torture.test" for n in range(1, 21)]
LIMITS = "[limits]\nconnections_per_address = 2000\nconnections_per_network = 2000\nconnections_per_account = 2000\n"
LOG = '[log]\nlevel = "warning"\n'


class Torn(House):
    """A house that is killed and started again on the same ports and data, and may run behind something."""

    def __init__(self, folder, settings="", users=USERS, **options):
        super().__init__(folder, hostname="torture.test", accounts=tuple(users), settings=LIMITS + LOG + settings, **options)
        self.times = []
        atexit.register(lambda: self.process and self.kill())  # when the row itself fails
        marker = self.folder / "founded.json"
        if marker.exists():
            self.port = json.loads(marker.read_text())
            self.founded = True

    def begin(self):
        if self.founded:
            self.again()
        else:
            self.start()
            (self.folder / "founded.json").write_text(json.dumps(self.port))
            os.sync()  # what the test itself needs after a power cut
        return self

    def again(self):
        """Starts it; how long it took until it greets."""
        begun = time.monotonic()
        if not self.launch():
            raise AssertionError(f"it does not start again:\n{self.log_end()}")
        with socket.create_connection(("127.0.0.1", self.port["smtp"]), timeout=30) as link:
            if not link.recv(100).startswith(b"220"):
                raise AssertionError("no greeting")
        self.times.append(time.monotonic() - begun)

    def waiting(self):
        """How many messages are in the queue."""
        return json.loads(self.run("queue", "list", "--json").stdout)["messages"]

    def audit(self):
        done = self.run("check", "--audit", "--json", check=False)
        return json.loads(done.stdout) if done.stdout.startswith("{") else {"faults": 1, "texts": [done.stderr]}


def deliver_what_waits(house):
    """What was accepted and could not be filed while the store took no writes waits in the queue for its next try."""
    if house.waiting():
        house.run("queue", "retry", "--all")
    deadline = time.monotonic() + 60
    while house.waiting() and time.monotonic() < deadline:
        time.sleep(0.1)


def judge(house, accepted, size=loads.SIZE, before=None):
    """Everything that must hold after a fault: (good, text). `before`: an earlier look at the same mailboxes."""
    deliver_what_waits(house)
    found = loads.Found(house, house.accounts, size)
    lost, doubled, extra = found.compare(accepted)
    moved = found.moved(before) if before else 0
    stressed = loads.stress(house, house.accounts[:4]) if before else []
    audit = house.audit()
    copies = sum(len(recipients) for _, recipients in accepted)
    good = not lost and not doubled and not found.broken and not moved and not stressed and audit["faults"] == 0
    text = (f"{len(accepted)} accepted ({copies} copies), lost {len(lost)}, doubled {len(doubled)}, "
            f"broken {len(found.broken)}, found unacknowledged {extra}, audit faults {audit['faults']}")
    if before:
        text += f", other UIDs than before {moved}, errors under stress afterwards {len(stressed)}"
    if not good:
        text += "; " + "; ".join([*map(str, lost[:3]), *map(str, doubled[:3]), *found.broken[:3], *stressed[:3], *audit["texts"][:3]])
    return good, text


def f1_kill(state, rounds):
    house = Torn(state.folder / "house").begin()
    accepted = [tuple(item) for item in state.get("accepted", [])]
    dice, before = random.Random(), None
    for number in range(state.get("rounds", 0), rounds):
        with loads.Load(f"f1.{os.getpid()}.{number}", house.port["smtp"], USERS) as load:
            time.sleep(dice.uniform(0.3, 2))
            house.kill()
            load.stopping.set()
        accepted += load.so_far()
        house.again()
        state.update(rounds=number + 1, accepted=accepted, slowest=max(house.times + [state.get("slowest", 0)]))
        state.save()
        print(f"round {number + 1}: {len(accepted)} accepted, back in {house.times[-1]:.2f} s", flush=True)
        if before is None and number >= rounds // 4:
            before = loads.Found(house, USERS)
    good, text = judge(house, accepted, before=before)
    house.stop()
    slowest = state["slowest"]
    return good and slowest < 3, f"{text}; greeting again after {slowest:.2f} s at the most"


# --- power cuts: the store lies on an ext4 image inside a reflinking XFS image; a reflink copy of the
# inner image is what the disk has been told so far ---

def shell(command):
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError(f"{command}: {done.stdout}{done.stderr}")
    return done.stdout


class Disk:
    def __init__(self, folder, size="900M"):
        self.outer, self.outer_mount = folder / "outer.img", folder / "outer"
        self.inner, self.mount, self.snapshot_mount = self.outer_mount / "inner.img", folder / "disk", folder / "cut"
        for path in (self.outer_mount, self.mount, self.snapshot_mount):
            path.mkdir(parents=True, exist_ok=True)
        self.gone()
        shell(f"truncate -s 12G {self.outer} && mkfs.xfs -q -f -m reflink=1 {self.outer} && mount -o loop,noatime {self.outer} {self.outer_mount}")
        shell(f"truncate -s {size} {self.inner} && mkfs.ext4 -q -F {self.inner} && mount -o loop,noatime,commit=600,barrier=1 {self.inner} {self.mount}")
        self.mount.chmod(0o777)

    def gone(self):
        for path in (self.snapshot_mount, self.mount, self.outer_mount):
            subprocess.run(["umount", str(path)], capture_output=True)
        with contextlib.suppress(FileNotFoundError):
            self.outer.unlink()

    def cut(self, name):
        copy = self.outer_mount / name
        shell(f"cp --reflink=always {self.inner} {copy}")
        return copy

    @contextlib.contextmanager
    def after(self, cut):
        shell(f"mount -o loop,noatime {cut} {self.snapshot_mount}")
        try:
            yield self.snapshot_mount
        finally:
            shell(f"umount {self.snapshot_mount}")
            cut.unlink()


def power_cuts(state, rounds, settings, cuts_a_round=5):
    """Returns (accepted before a cut, lost, doubled, audit faults, slowest recovery)."""
    disk = Disk(state.folder)
    try:
        for number in range(state.get("rounds", 0), (rounds + cuts_a_round - 1) // cuts_a_round):
            shutil.rmtree(disk.mount / "house", ignore_errors=True)
            house = Torn(disk.mount / "house", settings)
            house.begin()
            cuts = []
            with loads.Load(f"f3.{os.getpid()}.{number}", house.port["smtp"], USERS) as load:
                for _ in range(cuts_a_round):
                    time.sleep(random.uniform(0.15, 0.6))
                    before = load.so_far()
                    cuts.append((disk.cut(f"cut{len(cuts)}.img"), before))
            house.kill()
            for cut, before in cuts:
                with disk.after(cut) as mounted:
                    again = Torn(mounted / "house", settings)
                    again.begin()
                    found = loads.Found(again, USERS)
                    lost, doubled, _ = found.compare(before)
                    faults = again.audit()["faults"] + len(found.broken)
                    again.kill()
                state["accepted"] = state.get("accepted", 0) + len(before)
                state["lost"] = state.get("lost", 0) + len(lost)
                state["doubled"] = state.get("doubled", 0) + len(doubled)
                state["faults"] = state.get("faults", 0) + faults
                state["slowest"] = max(state.get("slowest", 0), again.times[-1])
                state["cuts"] = state.get("cuts", 0) + 1
            state["rounds"] = number + 1
            state.save()
            print(f"{state['cuts']} cuts: {state['accepted']} accepted before, lost {state['lost']}, "
                  f"doubled {state['doubled']}, faults {state['faults']}", flush=True)
    finally:
        disk.gone()
    return state


def f3_power(state, rounds):
    seen = power_cuts(state, rounds, "")
    good = seen["lost"] == 0 and seen["doubled"] == 0 and seen["faults"] == 0 and seen["slowest"] < 10 and seen["accepted"] > 0
    return good, (f"{seen['cuts']} cuts, {seen['accepted']} accepted before them, lost {seen['lost']}, doubled {seen['doubled']}, "
                  f"faults {seen['faults']}, recovery {seen['slowest']:.2f} s at the most")


def f3_control(state, rounds):
    """The same without syncs: it must lose mail, or the test proves nothing."""
    seen = power_cuts(state, rounds, "[unsafe]\nno_sync = true\n")
    return seen["lost"] > 0, f"control without sync: {seen['cuts']} cuts, {seen['accepted']} accepted before them, lost {seen['lost']}"


# --- a call that fails: a small library loaded before libc's ---

def failing_calls(state):
    library = state.folder / "failing_calls.so"
    source = os.path.join(os.path.dirname(__file__), "failing_calls.c")
    shell(f"clang-19 -shared -fPIC -O1 -o {library} {source} -ldl")
    return library


def f5_sync(state, rounds):
    return one_call_fails(state, rounds, "sync", 1)


def f6_call(state, rounds):
    """ENOSPC at write number N; every fifth, so that it reaches past the start."""
    return one_call_fails(state, rounds, "write", 5)


def one_call_fails(state, rounds, call, step):
    library = failing_calls(state)
    for number in range(state.get("rounds", 0) + 1, rounds + 1):
        folder = state.folder / "house"
        shutil.rmtree(folder, ignore_errors=True)
        house = Torn(folder, users=USERS[:4])
        house.begin()
        house.stop()
        os.environ.update(LD_PRELOAD=str(library), FAIL_CALL=call, FAIL_AT=str(number * step), FAIL_FOLDER=str(house.data))
        try:
            house.launch()
        except AssertionError:
            pass  # the failed call was one of the start's own: it says so and does not serve
        finally:
            for name in ("LD_PRELOAD", "FAIL_CALL", "FAIL_AT", "FAIL_FOLDER"):
                os.environ.pop(name)
        accepted, codes = [], {}
        if house.process:
            with loads.Load(f"f5.{number}", house.port["smtp"], USERS[:4]) as load:
                time.sleep(0.7)
            accepted, codes = load.so_far(), load.codes
            house.kill()
        log = house.log.read_text(errors="replace")
        house.again()
        good, text = judge(house, accepted)
        house.stop()
        refused = sum(count for code, count in codes.items() if code // 100 == 4)
        bounced = sum(count for code, count in codes.items() if code // 100 == 5)
        silent = int("alarm" not in log and "error" not in log)
        state.update(rounds=number, accepted=state.get("accepted", 0) + len(accepted),
                     bad=state.get("bad", []) + ([] if good and not bounced else [f"N={number}: {text}, 5xx {bounced}"]))
        state["refused"] = state.get("refused", 0) + refused
        state["silent"] = state.get("silent", 0) + silent
        state.save()
        print(f"N={number}: {codes} {text}", flush=True)
    good = not state["bad"]
    return good, (f"N={step}…{rounds * step}: {state['accepted']} accepted and there, {state['refused']} answered 4xx, "
                  f"runs without a word in the log {state['silent']}, bad {len(state['bad'])} {'; '.join(state['bad'][:2])}")


def f6_full(state, rounds):
    """A real disk of 48 MB, filled by mail beside a file of 5 MB; reading and deleting go on, and when that
    file goes mail is taken again by itself."""
    image, mount = state.folder / "small.img", state.folder / "small"
    mount.mkdir(exist_ok=True)
    for number in range(state.get("fills", 0), rounds):
        subprocess.run(["umount", "-l", str(mount)], capture_output=True)
        shell(f"rm -f {image} && truncate -s 48M {image} && mkfs.ext4 -q -F {image} && mount -o loop {image} {mount} && chmod 777 {mount}")
        try:
            problems, refused, back = one_fill(mount, number)
        finally:
            subprocess.run(["umount", "-l", str(mount)], capture_output=True)
        state.update(fills=number + 1, refused=state.get("refused", 0) + refused,
                     problems=state.get("problems", []) + problems, slowest=max(back, state.get("slowest", 0)))
        state.save()
        print(f"fill {number + 1}: {refused} refused, taking mail again after {back:.1f} s {problems}", flush=True)
    problems = state["problems"]
    return not problems and state["slowest"] < 5, (
        f"{rounds} fills, {state['refused']} times 452, reading and deleting went on, mail again {state['slowest']:.1f} s after there was "
        f"space at the most; problems {len(problems)} {'; '.join(problems[:3])}")


def one_fill(mount, number):
    filler = mount / "filler"
    filler.write_bytes(os.urandom(5 << 20))
    house = Torn(mount / "house", users=USERS[:4])
    house.begin()
    problems = []
    with loads.Load(f"f6.{number}", house.port["smtp"], USERS[:4], size=20_000) as load:
        deadline = time.monotonic() + 60
        while load.codes.get(452, 0) < 20 and time.monotonic() < deadline:
            time.sleep(0.1)
    wrong = {code: count for code, count in load.codes.items() if code not in (250, 452, 451)}
    if wrong or not load.codes.get(452):
        problems.append(f"fill {number}: answers {load.codes}")
    good, text = judge(house, load.so_far(), 20_000)
    if not good:
        problems.append(f"fill {number}: {text}")
    client = imaplib.IMAP4_SSL("127.0.0.1", house.port["imaps"], ssl_context=house.tls(), timeout=30)
    client.login(USERS[0], "posthouse")
    client.select("INBOX")
    for _ in range(1000):  # a log that goes when its mail is in tables may give room for a few
        kind, answer = client.append("INBOX", None, None, b"Subject: x\r\n\r\n" + b"y" * 5000)
        if kind == "NO":
            break
    if kind != "NO" or b"[LIMIT]" not in answer[0]:
        problems.append(f"fill {number}: APPEND on a full disk is answered {kind} {answer}")
    if client.uid("STORE", "1:*", "+FLAGS.SILENT", r"(\Deleted)")[0] != "OK" or client.expunge()[0] != "OK":
        problems.append(f"fill {number}: deleting on a full disk fails")
    client.logout()
    if number % 2:  # somebody else takes all that is left, the room below our floor too
        with contextlib.suppress(OSError), open(mount / "hog", "wb", buffering=0) as hog:
            while True:
                hog.write(bytes(1 << 16))
        with contextlib.suppress(OSError, AssertionError, smtplib.SMTPException):
            house.send("sender@torture.test", [USERS[1]], b"Subject: no space\r\n\r\n" + b"x" * 50_000 + b"\r\n")
            problems.append(f"fill {number}: mail was taken where there is no space at all")
        if len(house.mailbox(USERS[1])) == 0:
            problems.append(f"fill {number}: reading fails where there is no space at all")
        (mount / "hog").unlink()
    filler.unlink()
    begun = time.monotonic()
    while time.monotonic() < begun + 30:
        try:
            house.send("sender@torture.test", [USERS[1]], b"Subject: space again\r\n\r\nx\r\n")
            break
        except (OSError, AssertionError, smtplib.SMTPException):
            time.sleep(0.1)
    back = time.monotonic() - begun
    house.stop()
    return problems, load.codes.get(452, 0), back


def f8_descriptors(state, rounds):
    """`rounds` seconds with 64 descriptors and 200 connections wanted."""
    house = Torn(state.folder / "house", users=USERS[:4])
    house.begin()
    house.stop()
    limited = state.folder / "limited"
    limited.write_text(f'#!/bin/sh\nulimit -n 64\nexec {PROGRAM} "$@"\n')
    limited.chmod(0o755)
    house_module.PROGRAM, whole = limited, house_module.PROGRAM
    try:
        house.launch()
    finally:
        house_module.PROGRAM = whole
    alive = house.talk("smtp")
    alive.expect("220")
    crowd = []
    accepted = []
    for _ in range(200):
        with contextlib.suppress(OSError):
            link = socket.create_connection(("127.0.0.1", house.port["smtp"]), timeout=2)
            crowd.append(link)
    used = cpu_seconds(house.process.pid)
    deadline = time.monotonic() + rounds
    while time.monotonic() < deadline:
        alive.say("NOOP", "250")
        time.sleep(1)
    used = cpu_seconds(house.process.pid) - used
    for link in crowd:
        link.close()
    time.sleep(1)
    house.send("sender@torture.test", [USERS[0]], b"Subject: after\r\n\r\nx\r\n")
    accepted = house.mailbox(USERS[0])
    house.stop()
    busy = used / rounds
    return busy < 0.05 and len(accepted) > 0, (f"{rounds} s with 64 descriptors and {len(crowd)} connections: {busy * 100:.1f} % of a core, "
                                               "the living session went on, new mail came in afterwards by itself")


def cpu_seconds(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def f9_memory(state, rounds):
    """`rounds` messages of 50 MB at once in 256 MB of memory (a cgroup where there is one)."""
    house = Torn(state.folder / "house", users=USERS[:4])
    house.begin()
    group = None
    for base in ("/sys/fs/cgroup/memory", "/sys/fs/cgroup"):
        for name in ("memory.limit_in_bytes", "memory.max"):
            with contextlib.suppress(OSError):
                os.makedirs(f"{base}/posthouse-torture", exist_ok=True)
                open(f"{base}/posthouse-torture/{name}", "w").write(str(256 << 20))
                open(f"{base}/posthouse-torture/cgroup.procs", "w").write(str(house.process.pid))
                group = f"{base}/posthouse-torture"
    import threading
    codes, peak, lock = {}, [0], threading.Lock()
    piece = (b"z" * 76 + b"\r\n") * 840

    def one(number):
        code = 0
        with contextlib.suppress(OSError, AssertionError, EOFError, Exception):
            with house.talk("smtp") as talk:
                talk.socket.settimeout(600)
                talk.expect("220")
                talk.say("EHLO x", "250")
                talk.say("MAIL FROM:<a@b.test> SIZE=52428800", "250")
                talk.say(f"RCPT TO:<{USERS[number % 4]}>", "250")
                talk.say("DATA", "354")
                talk.write(b"Subject: big\r\n\r\n")
                for _ in range(800):
                    talk.write(piece)
                talk.write(b".\r\n")
                code = int(talk.reply()[-1][:3])
        with lock:
            codes[code] = codes.get(code, 0) + 1

    threads = [threading.Thread(target=one, args=(number,), daemon=True) for number in range(rounds)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        peak[0] = max(peak[0], house.resident())
        time.sleep(0.2)
    stored = sum(len(big_messages(house, user)) for user in USERS[:4])
    house.stop()
    if group:
        with contextlib.suppress(OSError):
            os.rmdir(group)
    good = peak[0] < 200 << 20 and stored >= codes.get(250, 0) and not any(code // 100 == 5 for code in codes)
    return good, (f"{rounds} × 50 MB {'in a 256 MB cgroup' if group else 'without a cgroup'}: answers {codes}, {stored} stored, "
                  f"at most {peak[0] >> 20} MiB resident")


def big_messages(house, user):
    client = house.imap(user)
    client.select("INBOX", readonly=True)
    answer = client.uid("SEARCH", "LARGER", "50000000")[1][0].split()
    client.logout()
    return answer


def f11_flips(state, rounds):
    """A bit flipped in a store file: noticed or harmless, the others fine, and it starts."""
    return flips(state, rounds, compactions=0)


def f11_compact(state, rounds):
    """The same in tables; then restarts with mail between them, so that each table is compacted."""
    return flips(state, rounds, compactions=6)


def flip(path, dice):
    offset = dice.randrange(path.stat().st_size)
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ (1 << dice.randrange(8))]))
    return f"{path.name}@{offset}"


def flips(state, rounds, compactions):
    origin = state.folder / "origin"
    if not origin.exists():
        house = Torn(origin, users=USERS[:4])
        house.begin()
        with loads.Load("f11", house.port["smtp"], USERS[:4]) as load:
            time.sleep(1)
        house.stop()
        (house.data / "store" / "reserve").unlink(missing_ok=True)  # made anew at each start; copying it takes long
        state.update(accepted=load.so_far(), port=house.port)
        state.save()
    copies = len([1 for _, recipients in state["accepted"] for _ in recipients])
    dice = random.Random()
    for number in range(state.get("rounds", 0), rounds):
        folder = state.folder / "house"
        shutil.rmtree(folder, ignore_errors=True)
        shell(f"cp -a {origin} {folder}")
        files = [path for path in (folder / "data" / "store").rglob("*") if path.is_file() and path.stat().st_size > 0
                 and path.name not in ("LOCK", "lock", "reserve") and (not compactions or path.suffix == ".sst")]
        victim = dice.choices(files, weights=[path.stat().st_size for path in files])[0]
        what = flip(victim, dice)
        verdict, gone = after_flip(folder, copies, compactions)
        state[verdict] = state.get(verdict, 0) + 1
        state["most_gone"] = max(state.get("most_gone", 0), gone if isinstance(gone, int) else 0)
        if verdict in ("bad", "does not start"):
            state["which"] = (state.get("which", []) + [f"{what}: {gone}"])[:50]
        state["rounds"] = number + 1
        state.save()
        print(f"flip {number + 1} {what}: {verdict} {gone}", flush=True)
    bad = state.get("bad", 0) + state.get("does not start", 0)
    return bad == 0, (f"{rounds} flips in a store of {copies} messages{', then compactions' if compactions else ''}: "
                      f"harmless {state.get('harmless', 0)}, put right {state.get('mended', 0)}, noticed {state.get('noticed', 0)} (at most {state['most_gone']} messages "
                      f"answered NO), does not start {state.get('does not start', 0)}, bad {state.get('bad', 0)} "
                      f"{'; '.join(state.get('which', [])[:3])}")


def after_flip(folder, copies, compactions):
    """(verdict, how many messages could not be read, or what is wrong)"""
    house = Torn(folder, users=USERS[:4])
    try:
        house.again()
    except (AssertionError, OSError) as wrong:
        text = str(wrong)
        said = [line for line in text.splitlines() if re.search("(?i)corrupt|checksum|damage", line)]
        return "does not start", (said or [text])[-1][-300:]
    try:
        for _ in range(compactions):
            house.send("sender@torture.test", USERS[:4], b"Subject: between\r\n\r\nx\r\n")
            house.stop()
            house.again()
        house.send("sender@torture.test", [USERS[0]], b"Subject: after the flip\r\n\r\nx\r\n")
        wrong = [readable(house, user) for user in USERS[:4]]
        house.stop()
    except Exception as wrong:  # whatever a client may meet
        if house.process:
            house.kill()
        return "bad", f"{type(wrong).__name__} {wrong}"[:300]
    altered, right = sum(item[1] for item in wrong), sum(item[2] for item in wrong)
    gone = copies - right
    log = house.log.read_text(errors="replace")
    if gone == 0 and altered == 0:
        return "mended" if "put right" in log else "harmless", 0
    noticed = re.search(r"(?i)corrupt|checksum|damage", log)
    if altered or not noticed or gone > 200:
        return "bad", f"{gone} gone, {altered} altered, {'noticed' if noticed else 'not noticed'}"
    return "noticed", gone


def readable(house, user):
    """(messages that cannot be read, messages with other bytes, messages that are right) of a user. Where some
    cannot be read the answer is NO, behind all the others."""
    client = house.imap(user)
    try:
        kind, answer = client.select("INBOX", readonly=True)
        if kind != "OK":
            return 1_000_000, 0, 0
        count = int(answer[0])
        kind, data = client.uid("FETCH", "1:*", "(BODY.PEEK[])")
        if kind != "OK":
            data = client.untagged_responses.pop("FETCH", [])
        altered = right = 0
        whole = [item[1] for item in data if isinstance(item, tuple)]
        for message in whole:
            match = loads.WHO.search(message)
            if match:
                same = message.split(b"\r\n\r\n", 1)[1] == loads.body_of(match.group(1).decode())
                right += same
                altered += not same
        return count - len(whole), altered, right
    finally:
        client.logout()


def f16_stop(state, rounds):
    house = Torn(state.folder / "house").begin()
    accepted = [tuple(item) for item in state.get("accepted", [])]
    before = None
    for number in range(state.get("rounds", 0), rounds):
        with loads.Load(f"f16.{os.getpid()}.{number}", house.port["smtp"], USERS) as load:
            time.sleep(random.uniform(0.2, 1))
            house.stop()
            load.stopping.set()
        accepted += load.so_far()
        house.again()
        state.update(rounds=number + 1, accepted=accepted)
        state.save()
        print(f"stop {number + 1}: {len(accepted)} accepted, answers {load.codes}", flush=True)
        if before is None and number >= rounds // 4:
            before = loads.Found(house, USERS)
    good, text = judge(house, accepted, before=before)
    house.stop()
    return good, f"{rounds} stops under load: {text}"


def f17_backup(state, rounds):
    problems = state.get("problems", [])
    accepted = [tuple(item) for item in state.get("accepted", [])]
    house = Torn(state.folder / "house").begin()
    copies = state.folder / "copies"  # the server makes them, whoever it is
    copies.mkdir(exist_ok=True)
    copies.chmod(0o777)
    for number in range(state.get("rounds", 0), rounds):
        copy, restored = copies / f"copy{number}", state.folder / "restored"
        for left in (restored, copy):
            shutil.rmtree(left, ignore_errors=True)
        with loads.Load(f"f17.{os.getpid()}.{number}", house.port["smtp"], USERS) as load:
            time.sleep(random.uniform(0.3, 1))
            before = accepted + load.so_far()
            house.run("backup", copy)
            time.sleep(0.2)
        accepted += load.so_far()
        restored.mkdir(parents=True)
        subprocess.run([PROGRAM, "restore", copy, "--data", restored / "data"], check=True, capture_output=True)
        if house.user:
            shell(f"chown -R {house.user} {restored}")
        again = Torn(restored)
        again.founded = True
        again.port = dict(house.port)
        house.stop()
        again.again()
        found = loads.Found(again, USERS)
        lost, doubled, _ = found.compare(before)
        faults = again.audit()["faults"]
        again.stop()
        house.again()
        shutil.rmtree(copy, ignore_errors=True)
        if lost or doubled or found.broken or faults:
            problems.append(f"backup {number}: lost {len(lost)}, doubled {len(doubled)}, broken {len(found.broken)}, faults {faults}")
        state.update(rounds=number + 1, accepted=accepted, problems=problems)
        state.save()
        print(f"backup {number + 1}: {len(before)} accepted before, lost {len(lost)}, audit faults {faults}", flush=True)
    house.stop()
    return not problems, f"{rounds} backups of a running server, restored: {'; '.join(problems[:3]) or 'everything acknowledged before was there, audits clean'}"


ROWS = {
    "F1": (200, "kill -9 while mail comes in", f1_kill),
    "F3": (200, "power cuts while mail comes in (root, mkfs.xfs)", f3_power),
    "F3c": (20, "the same without syncs: must lose mail", f3_control),
    "F5": (200, "sync number N fails with EIO", f5_sync),
    "F6": (20, "a disk of 48 MB runs full", f6_full),
    "F6n": (200, "write number N fails with ENOSPC", f6_call),
    "F8": (600, "64 descriptors, for so many seconds", f8_descriptors),
    "F9": (100, "messages of 50 MB at once in 256 MB", f9_memory),
    "F11": (1000, "a flipped bit in a store file", f11_flips),
    "F11c": (100, "a flipped bit in a table, then compactions", f11_compact),
    "F16": (50, "SIGTERM under load", f16_stop),
    "F17": (20, "a backup taken live, restored", f17_backup),
}

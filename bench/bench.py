"""Measures Posthouse: its parts by Google Benchmark, the whole by load from outside.

    ./dev bench                  everything
    ./dev bench parts            the parts (Google Benchmark programs)
    ./dev bench intake|journey|idle|start|visible|told|relay    one figure of the whole
    ./dev bench imap|million     reading by IMAP and POP3; a mailbox of 1,000,000 (bench/imap.py)
    --ceiling PROGRAM            another bare receiver than build/bench/bare_receiver, in turns with us
    --json FILE                  writes the figures

Absolute times are noisy on a shared machine: compare ratios within one run. CPU is the server's own, from /proc.
"""

import argparse
import contextlib
import functools
import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
os.environ.setdefault("POSTHOUSE", str(ROOT / "build" / "posthouse"))
from house import House, free_ports  # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")
# Postfix's generators, unpacked by ./dev; they look for its libraries where a package would have put them.
UNPACKED = ROOT / "build" / "peers" / "postfix" / "usr"
os.environ["PATH"] = f"{UNPACKED / 'sbin'}:{os.environ['PATH']}"
POSTFIX = dict(os.environ, LD_LIBRARY_PATH=str(UNPACKED / "lib" / "postfix"))
LIMITS = ("[limits]\nconnections_per_address = 20000\nconnections_per_network = 20000\nconnections_per_account = 20000\n"
          '[log]\nlevel = "warning"\n')
figures = {}


def say(name, value, unit, note=""):
    figures[name] = {"value": value, "unit": unit, "note": note}
    print(f"{name:58} {value:>12} {unit:10} {note}", flush=True)


def cpu(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text()).group(1))


class Measured(House):
    def __init__(self, folder, accounts, unsafe=""):
        super().__init__(folder, hostname="bench.test", accounts=tuple(accounts), settings=LIMITS + unsafe)


def house(users=1, unsafe=""):
    return house_of([f"u{n}@bench.test" for n in range(users)], unsafe)


@contextlib.contextmanager
def house_of(accounts, unsafe=""):
    # Beside the build, not under /tmp: that may be memory.
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=ROOT / "build"))
    folder.chmod(0o755)
    one = Measured(folder / "house", accounts, unsafe)
    try:
        one.start()
        yield one
        if one.process:
            one.stop()
    finally:
        if one.process:
            one.kill()
        shutil.rmtree(folder, ignore_errors=True)


def source(port, sessions, messages, size, recipient):
    """Postfix's generator; seconds it took."""
    begun = time.monotonic()
    subprocess.run(["smtp-source", "-d", "-s", str(sessions), "-m", str(messages), "-l", str(size), "-f", "s@ext.example",
                    "-t", recipient, f"127.0.0.1:{port}"], check=True, stdout=subprocess.DEVNULL, env=POSTFIX)
    return time.monotonic() - begun


def ceiling(program, sessions, messages, size):
    """The bare receiver's rate in this run, or None."""
    if not Path(program).exists():
        return None
    folder = tempfile.mkdtemp(prefix="ceiling-", dir=ROOT / "build")
    (port,) = free_ports(1)
    process = subprocess.Popen([program, str(port), folder], stdout=subprocess.DEVNULL)
    try:
        for _ in range(100):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.02)
        return messages / source(port, sessions, messages, size, "u@v.bench.test")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


class Syncs:
    """Counts the server's syncs by the kernel's tracepoints where perf can, which does not slow it, or else by strace."""

    EVENTS = "syscalls:sys_enter_fsync,syscalls:sys_enter_fdatasync"

    @staticmethod
    @functools.cache
    def tracer():
        """perf, strace or None."""
        if shutil.which("perf") and subprocess.run(["perf", "stat", "-e", Syncs.EVENTS, "true"], capture_output=True).returncode == 0:
            return "perf"
        return shutil.which("strace") and "strace"

    def __init__(self, pid):
        self.file = tempfile.NamedTemporaryFile("r")
        by = {"perf": ["perf", "stat", "-x", ",", "-e", self.EVENTS], "strace": ["strace", "-f", "-q", "-e", "trace=fsync,fdatasync"]}
        self.by = self.tracer()
        self.process = subprocess.Popen([*by[self.by], "-o", self.file.name, "-p", str(pid)], stderr=subprocess.DEVNULL)
        time.sleep(0.5)

    def count(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait()
        text = Path(self.file.name).read_text()
        if self.by == "perf":
            return sum(map(int, re.findall(r"^(\d+),", text, re.M)))
        return len(re.findall(r"(?:fsync|fdatasync)\(", text))


def intake(options):
    import relay as relaying
    with house() as one, relaying.running(relaying.HoldingPostfix, ROOT) as postfix:
        pid, port = one.process.pid, one.port["smtp"]
        source(port, 20, 2000, 10240, "u0@bench.test")  # warm
        for sessions, messages in ((1, 2000), (20, 20000), (100, 20000)):
            rates, ratios, cpus, theirs = [], [], [], []
            for _ in range(options.repeat):
                used = cpu(pid)
                took = source(port, sessions, messages, 10240, "u0@bench.test")
                cpus.append((cpu(pid) - used) * 1000 / messages)
                rates.append(messages / took)
                used = postfix.cpu()
                source(postfix.plain_port, sessions, messages // 10, 10240, "x@elsewhere.test")
                theirs.append((postfix.cpu() - used) * 10000 / messages)
                bare = ceiling(options.ceiling, sessions, messages, 10240)
                if bare:
                    ratios.append(rates[-1] / bare)
            rates.sort(), cpus.sort(), ratios.sort()
            middle = len(rates) // 2
            note = f"{cpus[middle]:.3f} ms CPU a message (Postfix, without delivering: {sorted(theirs)[middle]:.2f})"
            if ratios:
                note += f", {100 * ratios[middle]:.0f} % of the ceiling in this run"
            say(f"durable intake with delivery, 10 KiB, {sessions} sessions, one mailbox", f"{rates[middle]:.0f}", "/s", note)
        if Syncs.tracer():
            for sessions, messages in ((1, 500), (20, 4000), (100, 8000)):
                syncs = Syncs(pid)
                source(port, sessions, messages, 10240, "u0@bench.test")
                say(f"syncs a message, {sessions} sessions", f"{syncs.count() / messages:.3f}", "")
        say("resident after that", f"{resident(pid) / 1024:.0f}", "MiB")


def journey(options):
    """What telling costs: two houses, one that keeps journeys and one that does not, by turns."""
    sessions, messages = 20, 10000
    with house() as telling, house(unsafe="[journey]\nkeep = false\n") as silent:
        seen = {telling: [], silent: []}
        for round in range(options.repeat + 1):
            for one in (telling, silent) if round % 2 else (silent, telling):
                used = cpu(one.process.pid)
                took = source(one.port["smtp"], sessions, messages, 10240, "u0@bench.test")
                if round > 0:  # the first one warms
                    seen[one].append((messages / took, (cpu(one.process.pid) - used) * 1000 / messages))
        middle = {one: [quantile(column, 0.5) for column in zip(*rows)] for one, rows in seen.items()}
        (with_rate, with_cpu), (rate, without_cpu) = middle[telling], middle[silent]
        say("intake with journeys kept, 20 sessions", f"{with_rate:.0f}", "/s", f"{with_cpu:.3f} ms CPU a message")
        say("the same without", f"{rate:.0f}", "/s", f"{without_cpu:.3f} ms CPU a message")
        say("journeys cost", f"{100 * (1 - with_rate / rate):.1f}", "%",
            f"of the rate, {100 * (with_cpu / without_cpu - 1):.1f} % more CPU")
        status = json.loads(telling.run("trace", "--json", "-n", "1").stdout)
        say("events lost", status["lostEvents"], "")


def quantile(values, part):
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]


def visible(options):
    """From the 250 to IMAP's EXISTS, under load."""
    with house() as one:
        load = subprocess.Popen(["smtp-source", "-d", "-s", "20", "-m", "30000", "-l", "10240", "-f", "s@ext.example", "-t",
                                 "u0@bench.test", f"127.0.0.1:{one.port['smtp']}"], env=POSTFIX)
        client = one.imap("u0@bench.test")
        client.select("INBOX", readonly=True)
        talk = one.talk("smtp")
        talk.expect("220")
        talk.say("EHLO x", "250")
        waits = []
        while load.poll() is None and len(waits) < 200:
            talk.say("MAIL FROM:<>", "250")
            talk.say("RCPT TO:<u0@bench.test>", "250")
            talk.say("DATA", "354")
            before = len(waits)
            mark = f"mark-{before}-{time.monotonic_ns()}"
            talk.write(f"Subject: {mark}\r\n\r\nx\r\n.\r\n".encode())
            talk.expect("250")
            begun = time.monotonic()
            while True:  # what has its 250 must be in the next answer
                client.noop()
                answer = client.search(None, "SUBJECT", mark) if before % 20 == 0 else None
                if answer is None or answer[1][0]:
                    break
            waits.append((time.monotonic() - begun) * 1000)
        load.terminate()
        load.wait()
        say("250 to visible in IMAP under load, slowest of %d" % len(waits), f"{max(waits):.1f}", "ms")
        client.logout()


def told(options):
    """From a change's OK to the notice in each of 40 other sessions, half of them in IDLE, half with NOTIFY."""
    count, times = 40, 100 * options.repeat
    with house(unsafe="[unsafe]\nplaintext_login = true\n") as one:
        def session():
            talk = one.talk("imap")
            talk.line()
            talk.command("l", "LOGIN u0@bench.test posthouse", "OK")
            talk.command("s", "SELECT INBOX", "OK")
            return talk

        actor, listeners = session(), [session() for _ in range(count)]
        for number, talk in enumerate(listeners):
            if number % 2:
                talk.write(b"i IDLE\r\n")
                talk.line()
            else:
                talk.command("n", "NOTIFY SET (selected (MessageNew MessageExpunge FlagChange))", "OK")
        for what, command, seen in (("a new message", b"a APPEND INBOX {5+}\r\na: b\n\r\n", "EXISTS"),
                                    ("a flag", b"a STORE 1 FLAGS (f%d)\r\n", "FETCH")):
            waits = []
            for number in range(times):
                actor.write(command % (number % 2) if b"%d" in command else command)
                actor.until("a")
                begun = time.monotonic()
                for talk in listeners:
                    while seen not in talk.line():
                        pass
                    waits.append((time.monotonic() - begun) * 1000)
            say(f"OK to notice in {count} sessions, {what}", f"{quantile(waits, 0.5):.2f}", "ms",
                f"95 % {quantile(waits, 0.95):.2f}, worst {max(waits):.2f} of {len(waits)}")


def idle_imap(one, tls):
    port = one.port["imaps" if tls else "imap"]
    link = socket.create_connection(("127.0.0.1", port))
    if tls:
        link = one.tls().wrap_socket(link, server_hostname="127.0.0.1")
    link.recv(4096)
    for tag, line in (("a", "LOGIN u0@bench.test posthouse"), ("b", "SELECT INBOX")):
        link.sendall(f"{tag} {line}\r\n".encode())
        seen = b""
        while f"\r\n{tag} OK".encode() not in b"\r\n" + seen:
            seen += link.recv(65536)
    link.sendall(b"c IDLE\r\n")
    link.recv(4096)
    return link


def idle_smtp(one, _):
    link = socket.create_connection(("127.0.0.1", one.port["smtp"]))
    link.recv(4096)
    link.sendall(b"EHLO x\r\n")
    link.recv(4096)
    return link


def switches(pid):
    total = 0
    for file in Path(f"/proc/{pid}/task").glob("*/status"):
        total += int(re.search(r"\nvoluntary_ctxt_switches:\s+(\d+)", file.read_text()).group(1))
    return total


def idle(options):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 20000), hard))
    for name, make, tls in (("SMTP", idle_smtp, False), ("IMAP, INBOX of 1,000, IDLE", idle_imap, False),
                            ("IMAP with TLS, INBOX of 1,000, IDLE", idle_imap, True)):
        with house(unsafe="[unsafe]\nplaintext_login = true\n") as one:
            pid = one.process.pid
            say("resident, empty house", f"{resident(pid) / 1024:.1f}", "MiB") if name == "SMTP" else None
            source(one.port["smtp"], 5, 1000, 1024, "u0@bench.test")
            links = [make(one, tls) for _ in range(50)]
            time.sleep(1)
            before = resident(pid)
            links += [make(one, tls) for _ in range(1000)]
            time.sleep(2)
            say(f"idle session, {name}", f"{(resident(pid) - before) / 1000:.2f}", "KiB", "resident, of 1,000")
            time.sleep(35 if tls else 0)  # a TLS wire looks at its timer once after the handshake
            begun = switches(pid)
            time.sleep(5)
            say(f"wake-ups in 5 s, 1,000 × {name}", f"{switches(pid) - begun}", "")
            for link in links:
                link.close()


def start(options):
    with house() as one:
        for _ in range(5):
            source(one.port["smtp"], 100, 20000, 2048, "u0@bench.test")
        one.stop()
        for name, end in (("a clean stop", one.stop), ("kill -9", one.kill)):
            took = []
            for _ in range(options.repeat):
                begun = time.monotonic()
                one.launch()
                with socket.create_connection(("127.0.0.1", one.port["smtp"])) as link:
                    link.recv(100)
                took.append((time.monotonic() - begun) * 1000)
                if end == one.kill:
                    source(one.port["smtp"], 20, 2000, 2048, "u0@bench.test")
                end()
            took = took[1:] if end == one.kill else took  # the first start came after a clean stop
            say(f"greeting after {name}, 100,000 messages", f"{quantile(took, 0.5):.0f}", "ms", f"slowest {max(took):.0f}")


def parts(options):
    for name in ("message_bench", "smtp_bench", "store_bench", "mailbox_bench", "directory_bench", "pop3_bench"):
        program = next((ROOT / "build").rglob(name), None)
        if program is None:
            print(f"{name} is not built", file=sys.stderr)
            continue
        print(f"--- {name}")
        subprocess.run([program, "--benchmark_min_time=0.3"], check=True)


def relay(options):
    import relay as relaying
    relaying.measure(sys.modules[__name__], options)


def imap(options):
    import imap as reading
    reading.imap(options, sys.modules[__name__])


def million(options):
    import imap as reading
    reading.million(options, sys.modules[__name__])


WHOLE = {"intake": intake, "journey": journey, "visible": visible, "told": told, "idle": idle, "start": start, "relay": relay, "imap": imap,
         "million": million, "parts": parts}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[*WHOLE, []], help="which; all")
    parser.add_argument("--ceiling", default=ROOT / "build" / "bench" / "bare_receiver", help="a program: PORT FOLDER")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json")
    parser.add_argument("--beside", help="imap: dovecot, cyrus; with commas between")
    parser.add_argument("--rows", help="imap: only these rows")
    parser.add_argument("--huge", type=int, default=100_000, help="imap: messages of the biggest mailbox")
    parser.add_argument("--big", type=int, default=10_000, help="imap: messages of 10 KiB in one mailbox")
    options = parser.parse_args()
    for name in options.names or WHOLE:
        WHOLE[name](options)
    if options.json:
        Path(options.json).write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()

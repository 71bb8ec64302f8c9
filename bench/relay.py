"""Relay: mail in by SMTP, through the queue, out to another host; ours and Postfix's, by turns in one run.

Both get 10 KiB messages from `smtp-source` by 20 sessions and pass them on to one `smtp-sink`, which counts. Both are durable: the sender has
its 250 once the message is on disk. The time is from the generator's start to the last message at the sink; CPU is that of all processes
of the server. Ours takes mail for an alias of its own domain that leads to another host, and a route leads that to the sink; Postfix relays
everything there.
"""

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from house import free_ports
from peers import Postfix, processes_in

TICKS = os.sysconf("SC_CLK_TCK")
SESSIONS, SIZE = 20, 10240
PATIENCE = 180


class Sink:
    """Postfix's `smtp-sink`, and how many messages it has."""

    def __init__(self, environment):
        (self.port,) = free_ports(1)
        self.messages, self.sessions = 0, 0
        self.process = subprocess.Popen(["smtp-sink", "-c", "-u", "nobody", f"127.0.0.1:{self.port}", "1000"], stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, env=environment, bufsize=0)
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        rest = b""
        while more := self.process.stdout.read(1 << 16):
            rest = (rest + more)[-200:]
            for sessions, messages in re.findall(rb"sess=(\d+) quit=\d+ mesg=(\d+)\r", rest)[-1:]:
                self.sessions, self.messages = int(sessions), int(messages)

    def wait_for(self, count):
        deadline = time.monotonic() + PATIENCE
        while self.messages < count:
            if time.monotonic() > deadline:
                raise AssertionError(f"the sink has {self.messages} of {count} messages")
            time.sleep(0.002)

    def stop(self):
        self.process.terminate()
        self.process.wait()


class RelayingPostfix(Postfix):
    """Everything for anybody goes to the sink."""

    def __init__(self, folder, port):
        self.next_port = port
        super().__init__(folder, None, "127.0.0.1")

    def write_settings(self):
        self.write("etc/postfix/main.cf", self.common_settings() + f"""\
mynetworks = 127.0.0.0/8
mydestination =
relayhost = [127.0.0.1]:{self.next_port}
smtp_tls_security_level = none
smtpd_tls_security_level = none
in_flow_delay = 0
default_process_limit = 100
""")

    def cpu(self):
        """Seconds of all its processes; what has ended is in the time of the master's children."""
        total = 0
        for pid in processes_in(self.root.resolve()):
            try:
                with open(f"/proc/{pid}/stat") as file:
                    fields = file.read().rsplit(")", 1)[1].split()
            except (FileNotFoundError, ProcessLookupError):
                continue  # it has just ended
            total += sum(map(int, fields[11:15]))
        return total / TICKS


class HoldingPostfix(RelayingPostfix):
    """Takes mail and keeps it: what would be next is never asked."""

    def __init__(self, folder):
        super().__init__(folder, 9)

    def write_settings(self):
        super().write_settings()
        with open(self.root / "etc/postfix/main.cf", "a") as out:
            out.write("defer_transports = smtp\n")


@contextlib.contextmanager
def running(kind, root, *more):
    """A started Postfix, in a folder beside the build."""
    folder = Path(tempfile.mkdtemp(prefix="postfix-", dir=root / "build"))
    folder.chmod(0o755)
    one = kind(folder / "postfix", *more)
    try:
        one.start()
        yield one
    finally:
        one.stop()
        shutil.rmtree(folder, ignore_errors=True)


def one_round(source, sink, port, recipient, messages, cpu):
    """(messages a second, CPU milliseconds a message)"""
    before, used = sink.messages, cpu()
    begun = time.monotonic()
    source(port, SESSIONS, messages, SIZE, recipient)
    sink.wait_for(before + messages)
    took = time.monotonic() - begun
    return messages / took, (cpu() - used) * 1000 / messages


def measure(bench, options):
    sink = Sink(bench.POSTFIX)
    ours, theirs = [], []
    try:
        with running(RelayingPostfix, bench.ROOT, sink.port) as postfix, bench.house() as one:
            one.run("route", "add", "sink.test", "127.0.0.1", "--port", sink.port, "--tls", "none")
            one.run("alias", "add", "out@bench.test", "x@sink.test")
            pid = one.process.pid
            our_round = lambda count: one_round(bench.source, sink, one.port["smtp"], "out@bench.test", count, lambda: bench.cpu(pid))
            their_round = lambda count: one_round(bench.source, sink, postfix.plain_port, "x@sink.test", count, postfix.cpu)
            our_round(500), their_round(500)
            for _ in range(options.repeat):
                ours.append(our_round(10_000))
                theirs.append(their_round(2_500))
            note = f"resident {bench.resident(pid) / 1024:.0f} MiB"
    finally:
        sink.stop()
    middle = options.repeat // 2
    rate, cpu = sorted(r for r, _ in ours)[middle], sorted(c for _, c in ours)[middle]
    their_rate, their_cpu = sorted(r for r, _ in theirs)[middle], sorted(c for _, c in theirs)[middle]
    bench.say("relay, 10 KiB, 20 sessions in", f"{rate:.0f}", "/s", f"{rate / their_rate:.1f} times Postfix in this run; {note}")
    bench.say("relay, CPU a message", f"{cpu:.3f}", "ms", f"Postfix {their_cpu:.2f}")
    bench.say("Postfix, relay", f"{their_rate:.0f}", "/s")

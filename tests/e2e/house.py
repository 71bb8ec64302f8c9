"""Starts the built program for the end-to-end tests, and looks into its mailboxes.

A test file starts one House (or several) in a folder of its own, under the system's temporary one
(POSTHOUSE_E2E says otherwise). Ports are free ones of loopback; accounts are made by the program's own
commands. Where the tests run as root the server becomes nobody. When a test has failed, the folder with
the server's log is kept and the log's end is shown; otherwise it goes.

    from house import House, HouseTest, main

    class Something(HouseTest):
        def test_a_message(self):
            self.house.send("alice@north.test", ["bob@north.test"], b"Subject: x\\r\\n\\r\\nHello\\r\\n")
            self.assertEqual([m.body for m in self.house.mailbox("bob@north.test")], [b"Hello\\r\\n"])

    if __name__ == "__main__":
        main()
"""

import contextlib
import email.utils
import imaplib
import os
import random
import re
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PROGRAM = Path(os.environ.get("POSTHOUSE", ROOT / "build" / "posthouse"))
SCRATCH = Path(os.environ.get("POSTHOUSE_E2E", Path(tempfile.gettempdir()) / "posthouse-e2e"))
PASSWORD = "posthouse"
DOORS = ("smtp", "submission", "submissions", "imap", "imaps", "pop3", "pop3s")
PATIENCE = 60  # seconds for anything that takes milliseconds: only a hang gets there

imaplib._MAXLINE = 10_000_000


def free_ports(count, address="127.0.0.1"):
    """Ports that nobody listens on, below the range that outgoing connections take theirs from."""
    dice = random.Random(os.urandom(8))
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    ports, held = [], []
    while len(ports) < count:
        port = dice.randrange(10_000, 32_000)
        attempt = socket.socket(family)
        try:
            attempt.bind((address, port))
            ports.append(port)
            held.append(attempt)
        except OSError:
            attempt.close()
    for one in held:
        one.close()
    return ports


def make_certificate(folder, names=("north.test", "localhost"), addresses=("127.0.0.1", "::1"), name="certificate"):
    """A self-signed certificate, by openssl: (certificate, key), PEM files."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    alternatives = ",".join([f"DNS:{n}" for n in names] + [f"IP:{a}" for a in addresses])
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
         "-subj", f"/CN={names[0]}", "-addext", f"subjectAltName={alternatives}", "-keyout", key, "-out", certificate],
        check=True, capture_output=True)
    key.chmod(0o644)  # a server that has become nobody reads it again
    return certificate, key


class Message:
    """One message as a mailbox holds it."""

    TRACE = re.compile(rb"(?:(?:Return-Path|Delivered-To|Received):[^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*)*", re.IGNORECASE)

    def __init__(self, uid, flags, whole):
        self.uid, self.flags, self.whole = uid, flags, whole

    @property
    def without_trace(self):
        """What was sent: without the trace fields at its head."""
        return self.whole[self.TRACE.match(self.whole).end():]

    @property
    def trace(self):
        return self.whole[: self.TRACE.match(self.whole).end()]

    @property
    def body(self):
        return self.whole.split(b"\r\n\r\n", 1)[1]

    def field(self, name):
        """The values of a header field, unfolded."""
        header = re.sub(rb"\r\n(?=[ \t])", b"", self.whole.split(b"\r\n\r\n", 1)[0])
        start = name.encode().lower() + b":"
        return [line[len(start):].strip().decode() for line in header.split(b"\r\n") if line.lower().startswith(start)]

    def __repr__(self):
        return f"Message({self.uid}, {self.flags}, {self.whole!r})"


class House:
    """A `posthouse serve` with a configuration of its own. start() returns once every port listens."""

    def __init__(self, folder, hostname="north.test", accounts=("alice@north.test", "bob@north.test"), settings="",
                 address="127.0.0.1", doors=DOORS, top=""):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.data = self.folder / "data"
        self.log = self.folder / "log"
        self.hostname, self.accounts, self.address, self.doors = hostname, accounts, address, doors
        self.settings, self.top = settings, top
        self.user = "nobody" if os.geteuid() == 0 else None
        self.process = None
        self.certificate, self.key = make_certificate(self.folder)
        self.port = {}
        self.founded = False

    # --- the process ---

    def configuration(self):
        host = f"[{self.address}]" if ":" in self.address else self.address
        listen = "\n".join(f'{door} = "{host}:{self.port[door]}"' for door in self.doors)
        user = f'user = "{self.user}"\n' if self.user else ""
        return (f'hostname = "{self.hostname}"\ndata = "{self.data}"\n{user}{self.top}\n[listen]\n{listen}\n'
                f'[[tls]]\ncertificate = "{self.certificate}"\nkey = "{self.key}"\n{self.settings}\n')

    def start(self):
        """Starts the server; with fresh ports again where another program took one meanwhile."""
        for _ in range(5):
            self.port = dict(zip(self.doors, free_ports(len(self.doors), self.address)))
            if self.launch():
                break
        else:
            raise AssertionError(f"the server does not start:\n{self.log_end()}")
        if not self.founded:
            self.found()
        return self

    def restart(self):
        """Stops it and starts it again on the same ports."""
        self.stop()
        if not self.launch():
            raise AssertionError(f"the server does not start again:\n{self.log_end()}")

    def launch(self):
        """True once the server serves; False when it ended because a port was taken."""
        config = self.folder / "posthouse.toml"
        config.write_text(self.configuration())
        with open(self.log, "ab") as log:
            begun = log.tell()
            environment = dict(os.environ, HOME=str(self.folder))
            self.process = subprocess.Popen([PROGRAM, "serve", "--config", config],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
        # Ports are bound before the store is opened; the console's socket comes last.
        deadline = time.monotonic() + PATIENCE
        while True:
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as console:
                console.connect(str(self.data / "console.sock"))
                return True
            if self.process.poll() is not None:
                text = self.log.read_bytes()[begun:].decode(errors="replace")
                self.process = None
                if re.search(r"(?i)in use|holds? port|listens", text):
                    return False
                raise AssertionError(f"the server ended at its start:\n{text}")
            if time.monotonic() > deadline:
                raise AssertionError(f"the server does not serve:\n{self.log_end()}")
            time.sleep(0.01)

    def found(self):
        """The domains and accounts, by the operator's commands against the running server."""
        for domain in dict.fromkeys(account.split("@")[1] for account in self.accounts):
            self.run("domain", "add", domain)
        for account in self.accounts:
            self.add_account(account)
        self.founded = True

    def add_account(self, address, password=PASSWORD):
        self.run("account", "add", address, stdin=password + "\n")

    def stop(self):
        """By SIGTERM, as an operator would; the exit code must be 0."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the server does not stop:\n{self.log_end()}")
        finally:
            self.process = None
        if code != 0:
            raise AssertionError(f"the server ended with {code}:\n{self.log_end()}")

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process = None

    def log_end(self, lines=40):
        with contextlib.suppress(FileNotFoundError):
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        return "(no log)"

    # --- the command line ---

    def run(self, *arguments, stdin="", check=True, environment=None):
        """`posthouse …` against this house's data folder: the finished process, with text output."""
        command = [str(PROGRAM), *map(str, arguments), "--data", str(self.data)]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=PATIENCE,
                              env=dict(os.environ, HOME=str(self.folder), **(environment or {})))
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    # --- as clients ---

    def tls(self):
        """A client's TLS context that trusts this house's certificate and checks its name."""
        return ssl.create_default_context(cafile=str(self.certificate))

    @staticmethod
    def tls_without_checks():
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context

    def talk(self, door, client=None):
        """A raw conversation. `client`: the address it pretends to come from (PROXY protocol, `unsafe.proxy_protocol`)."""
        implicit = door in ("submissions", "imaps", "pop3s")
        proxy = f"PROXY TCP4 {client} {self.address} 40000 {self.port[door]}\r\n" if client else ""
        return Talk(self.address, self.port[door], self.tls() if implicit else None, proxy.encode())

    def resident(self):
        """Bytes of the server's memory that are in use now."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) * 1024

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def send(self, sender, recipients, message):
        """Hands a message in on the SMTP port, as another server would; CRLF lines, dots as they are."""
        with smtplib.SMTP(self.address, self.port["smtp"], local_hostname="client.test", timeout=PATIENCE) as client:
            refused = client.sendmail(sender, recipients, message)
        if refused:
            raise AssertionError(f"refused: {refused}")

    def submit(self, sender, recipients, message, password=PASSWORD):
        """The same by submission, logged in as the sender."""
        with smtplib.SMTP_SSL(self.address, self.port["submissions"], local_hostname="client.test",
                              context=self.tls(), timeout=PATIENCE) as client:
            client.login(sender, password)
            refused = client.sendmail(sender, recipients, message)
        if refused:
            raise AssertionError(f"refused: {refused}")

    def imap(self, account, password=PASSWORD):
        client = imaplib.IMAP4_SSL(self.address, self.port["imaps"], ssl_context=self.tls(), timeout=PATIENCE)
        client.login(account, password)
        return client

    def mailbox(self, account, name="INBOX"):
        """All messages of a mailbox, in order of UID, without setting \\Seen."""
        client = self.imap(account)
        try:
            kind, answer = client.select(f'"{name}"', readonly=True)
            if kind != "OK":
                raise AssertionError(f"SELECT {name}: {answer}")
            if answer == [b"0"]:
                return []
            kind, answer = client.uid("FETCH", "1:*", "(UID FLAGS BODY.PEEK[])")
            if kind != "OK":
                raise AssertionError(f"FETCH: {answer}")
            found = []
            for head, whole in (item for item in answer if isinstance(item, tuple)):
                uid = int(re.search(rb"UID (\d+)", head).group(1))
                flags = set(re.search(rb"FLAGS \(([^)]*)\)", head).group(1).decode().split())
                found.append(Message(uid, flags - {"\\Recent"}, whole))
            return sorted(found, key=lambda message: message.uid)
        finally:
            client.logout()

    def empty(self, account, name="INBOX"):
        client = self.imap(account)
        client.select(f'"{name}"')
        client.uid("STORE", "1:*", "+FLAGS.SILENT", r"(\Deleted)")
        client.expunge()
        client.logout()


class Closed(Exception):
    """The server has closed the connection."""


class Talk:
    """A raw conversation, line by line, every byte as the test wants it."""

    def __init__(self, address, port, tls=None, first=b""):
        self.socket = socket.create_connection((address, port), timeout=PATIENCE)
        self.socket.sendall(first)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname=address)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def start_tls(self, tls, name="127.0.0.1"):
        if self.buffer:
            raise AssertionError(f"bytes before the handshake: {self.buffer!r}")
        self.socket = tls.wrap_socket(self.socket, server_hostname=name)

    def write(self, raw):
        self.socket.sendall(raw)

    def line(self):
        while b"\r\n" not in self.buffer:
            try:
                more = self.socket.recv(65536)
            except (ConnectionResetError, BrokenPipeError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
                more = b""
            if not more:
                raise Closed(f"closed, with {self.buffer!r} unread")
            self.buffer += more
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line.decode(errors="surrogateescape")

    def reply(self):
        """One SMTP reply: its lines."""
        lines = [self.line()]
        while len(lines[-1]) > 3 and lines[-1][3] == "-":
            lines.append(self.line())
        return lines

    def expect(self, start):
        """The next SMTP reply's last line begins so; answers the whole of it."""
        lines = self.reply()
        if not lines[-1].startswith(start):
            raise AssertionError(f"expected {start!r}, got {lines!r}")
        return "\n".join(lines)

    def lines_to_the_end(self):
        lines = []
        with contextlib.suppress(Closed, OSError):
            while True:
                lines.append(self.line())
        return lines

    def replies_to_the_end(self):
        """The last line of each reply until the server closes."""
        replies = []
        with contextlib.suppress(Closed, OSError):
            while True:
                replies.append(self.reply()[-1])
        return replies

    def say(self, line, start):
        self.write(line.encode(errors="surrogateescape") + b"\r\n")
        return self.expect(start)

    def script(self, text):
        """Lines `C: …` are sent; `S: …` is how the next reply's last line begins; `closed` ends it."""
        for line in filter(None, map(str.strip, text.splitlines())):
            if line.startswith("C:"):
                self.write(line[2:].lstrip(" ").encode() + b"\r\n")
            elif line.startswith("S:"):
                self.expect(line[2:].lstrip(" "))
            elif line == "closed":
                self.expect_closed()
            else:
                raise ValueError(line)

    def expect_closed(self):
        try:
            line = self.line()
        except (Closed, OSError):
            return
        raise AssertionError(f"expected the end of the connection, got {line!r}")

    # IMAP

    def until(self, tag):
        """Lines up to the tagged one; literals are read as lines too (the tests know what they asked)."""
        lines = [self.line()]
        while not lines[-1].startswith(tag + " "):
            lines.append(self.line())
        return lines

    def command(self, tag, line, result):
        """An IMAP command; its tagged answer begins with `result`. All lines of the answer."""
        self.write(f"{tag} {line}\r\n".encode(errors="surrogateescape"))
        lines = self.until(tag)
        if not lines[-1].startswith(f"{tag} {result}"):
            raise AssertionError(f"{line!r}: expected {result!r}, got {lines!r}")
        return lines


def sample(subject="A sample", body=b"Hello Bob.\r\n", sender="alice@north.test", recipient="bob@north.test", extra=b""):
    """A message with every field that a well-behaved client sends."""
    message_id = email.utils.make_msgid(domain="client.test")
    return (f"From: <{sender}>\r\nTo: <{recipient}>\r\nSubject: {subject}\r\nDate: {email.utils.formatdate()}\r\n"
            f"Message-ID: {message_id}\r\n").encode() + extra + b"\r\n" + body


class HouseTest(unittest.TestCase):
    """A test file's class: one House for all its tests, mailboxes emptied by whoever needs it."""

    house_options = {}

    @classmethod
    def setUpClass(cls):
        SCRATCH.mkdir(parents=True, exist_ok=True)
        cls.folder = Path(tempfile.mkdtemp(prefix=cls.__name__ + "-", dir=SCRATCH))
        cls.folder.chmod(0o755)  # the server may be nobody
        Folders.made.append(cls.folder)
        cls.house = House(cls.folder / "house", **cls.house_options)
        try:
            cls.house.start()
        except BaseException:
            if cls.house.process is not None:
                cls.house.kill()
            raise

    @classmethod
    def tearDownClass(cls):
        cls.house.stop()

    def run_program(self, *command, stdin=None, environment=None, check=True):
        """A client program, with a home of its own; its output as text."""
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        done = subprocess.run([str(word) for word in command], input=stdin, capture_output=True, timeout=PATIENCE,
                              env=dict(os.environ, HOME=str(home), LC_ALL="C.UTF-8", **(environment or {})), cwd=home)
        output = done.stdout.decode(errors="replace") + done.stderr.decode(errors="replace")
        if check:
            self.assertEqual(done.returncode, 0, f"{command}:\n{output}")
        return output

    def assert_crlf_only(self, whole):
        self.assertNotRegex(whole, rb"(?<!\r)\n")
        self.assertNotRegex(whole, rb"\r(?!\n)")


class Folders:
    made = []


def main():
    """Runs the file's tests. Folders of a run with failures are kept, and the logs' ends shown."""
    if not PROGRAM.exists():
        sys.exit(f"{PROGRAM} is not built")
    result = unittest.main(module="__main__", exit=False, verbosity=2).result
    failed = not result.wasSuccessful()
    for folder in Folders.made:
        if failed:
            for log in sorted(file for file in folder.rglob("log") if file.is_file()):
                print(f"--- the end of {log}", file=sys.stderr)
                print("\n".join(log.read_text(errors="replace").splitlines()[-60:]), file=sys.stderr)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    sys.exit(1 if failed or result.testsRun == 0 else 0)

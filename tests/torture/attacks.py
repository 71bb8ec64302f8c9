"""The attacks of docs/hostile.md with their full doses.

What a conversation proves is in the end-to-end tests, which run every time; a row here runs those that
belong to it, and adds the dose that takes long. Crowds are in crowds.py, guesses in guesses.py.
"""

import base64
import importlib.util
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import crowds
import guesses
from faults import Torn, cpu_seconds
from house import Closed

E2E = Path(__file__).resolve().parent.parent / "e2e"
BOB, EVE = "bob@torture.test", "eve@torture.test"
MIB = 1 << 20


def short_attacks():
    """tests/e2e/attacks.py, for its bombs."""
    spec = importlib.util.spec_from_file_location("short_attacks", E2E / "attacks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def passes(*tests):
    """Runs end-to-end tests (`file:Class.test`): how many, and what failed."""
    count, failed = 0, []
    for name in tests:
        file, test = name.split(":")
        done = subprocess.run([sys.executable, "-B", E2E / f"{file}.py", test], capture_output=True, text=True)
        match = re.search(r"Ran (\d+) test", done.stderr)
        count += int(match.group(1)) if match else 0
        if done.returncode != 0 or not match:
            failed.append(f"{name}: {done.stderr.strip().splitlines()[-1:]}")
    return count, failed


def verdict(texts, failed):
    return not failed, "; ".join([*texts, *(f"WRONG {text}" for text in failed[:5])])


def fresh(state, **options):
    shutil.rmtree(state.folder / "house", ignore_errors=True)
    return Torn(state.folder / "house", users=[BOB, EVE], **options).begin()


# --- A1 ---

FALSE_ENDS = [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r.\r\n", b"\r\n.\r", b"\n.\r", b"\r.\n", b"\n\n.\r\n",
              b"\r\n\0.\r\n", b"\r\n.\0\r\n", b"\r\n.\r\r\n", b"\r\r\n.\r\n"]


def envelope(talk, door):
    sender = BOB if door == "submissions" else "x@away.test"
    return [f"MAIL FROM:<{sender}>", f"RCPT TO:<{EVE}>"]


def smuggler(door):
    sender = BOB if door == "submissions" else "evil@away.test"
    return (f"MAIL FROM:<{sender}>\r\nRCPT TO:<{EVE}>\r\nDATA\r\nFrom: {BOB}\r\nSubject: smuggled\r\n\r\nevil\r\n.\r\n").encode()


def greeted(house, door):
    talk = house.talk(door)
    talk.expect("220")
    talk.say("EHLO x", "250")
    if door == "submissions":
        token = base64.b64encode(f"\0{BOB}\0posthouse".encode()).decode()
        talk.say(f"AUTH PLAIN {token}", "235")
    return talk


def a1_smuggling(state, rounds):
    house = fresh(state)
    tried, failed = 0, []
    for door in ("smtp", "submissions"):
        for end in FALSE_ENDS:
            for way in ("DATA pipelined", "DATA by turns", "BDAT whole", "BDAT cut inside"):
                body = f"From: {BOB}\r\nSubject: first\r\n\r\nhello".encode() + end + smuggler(door)
                with greeted(house, door) as talk:
                    commands = "".join(line + "\r\n" for line in envelope(talk, door)).encode()
                    if way == "DATA pipelined":
                        talk.write(commands + b"DATA\r\n" + body)
                    elif way == "DATA by turns":
                        for line in [*envelope(talk, door), "DATA"]:
                            talk.say(line, "")
                        talk.write(body)
                    elif way == "BDAT whole":
                        talk.write(commands + b"BDAT %d LAST\r\n" % len(body) + body + b"QUIT\r\n")
                    else:
                        cut = body.index(end) + 1
                        talk.write(commands + b"BDAT %d\r\n" % cut + body[:cut] + b"BDAT %d LAST\r\n" % (len(body) - cut) + body[cut:])
                    if hasattr(talk.socket, "unwrap"):
                        talk.write(b"QUIT\r\n")
                    else:
                        talk.socket.shutdown(socket.SHUT_WR)
                    replies = talk.replies_to_the_end()
                tried += 1
                subjects = [message.field("Subject") for message in house.mailbox(EVE)]
                bare = b"\0" not in end
                if ["smuggled"] in subjects:
                    failed.append(f"{door} {way} {end!r}: smuggled, {replies}")
                elif bare and (subjects or not replies or not replies[-1].startswith("554 5.6.0")):
                    failed.append(f"{door} {way} {end!r}: {replies} {subjects}")
                elif not bare and len(subjects) > 1:
                    failed.append(f"{door} {way} {end!r}: {len(subjects)} messages")
                house.empty(EVE)
    house.stop()
    count, others = passes("smtp_conversations:SmtpConversations.test_no_smuggling",
                           "smtp_conversations:SmtpConversations.test_bare_lf_in_bdat_closes")
    return verdict([f"{tried} tries (13 ends, DATA and BDAT, pipelined, by turns and cut inside, 2 ports): 0 smuggled, "
                    f"bare CR and LF answered 554 5.6.0 and closed", f"{count} end-to-end tests"], failed + others)


# --- rows that are conversations ---

def conversations(text, *tests):
    def run(state, rounds):
        count, failed = passes(*tests)
        return verdict([f"{count} end-to-end tests: {text}"], failed)
    return run


# --- A13, A14 ---

class Bench:
    """Hands messages in by SMTP, and asks IMAP for all it can say about each. A step's seconds are those that
    passed, or the server's processor time where that is less: the machine may be busy with other things."""

    def __init__(self, house):
        self.house, self.slowest, self.failed = house, {}, []

    def begin(self):
        return time.monotonic(), cpu_seconds(self.house.process.pid)

    def step(self, name, what, begun):
        seconds = min(time.monotonic() - begun[0], cpu_seconds(self.house.process.pid) - begun[1])
        if seconds > self.slowest.get(what, (0,))[0]:
            self.slowest[what] = (seconds, name)
        if seconds >= 1:
            self.failed.append(f"{name}, {what}: {seconds:.2f} s")

    def by_smtp(self, name, message, start="250 2.0.0"):
        with greeted(self.house, "smtp") as talk:
            for line in [*envelope(talk, "smtp"), "DATA"]:
                talk.say(line, "")
            begun = self.begin()
            try:
                talk.write(message + b"\r\n.\r\n")
                answer = talk.reply()[-1]
            except (Closed, OSError) as closed:
                answer = f"closed: {closed}"
        self.step(name, "SMTP", begun)
        if not answer.startswith(start):
            self.failed.append(f"{name}: {answer}")
        return answer

    def by_append(self, name, message):
        client = self.house.imap(EVE)
        begun = self.begin()
        kind, answer = client.append("INBOX", None, None, message)
        self.step(name, "APPEND", begun)
        client.logout()
        return kind

    def look(self, name):
        client = self.house.imap(EVE)
        client.select("INBOX")
        for items in ("ENVELOPE", "BODYSTRUCTURE", "BODY", "BODY.PEEK[HEADER]", "BODY.PEEK[1]", "BODY.PEEK[1.MIME]",
                      "BODY.PEEK[HEADER.FIELDS (TO SUBJECT)]", "BODY.PEEK[1.1.1.1.1.1.1.1]"):
            begun = self.begin()
            kind, answer = client.fetch("*", f"({items})")
            self.step(name, items, begun)
            if kind != "OK":
                self.failed.append(f"{name}, {items}: {kind} {answer}"[:200])
        for keys in (("FROM", "nobody"), ("BODY", "nothing"), ("TO", "a99999@b")):
            begun = self.begin()
            client.search(None, *keys)
            self.step(name, f"SEARCH {keys[0]}", begun)
        client.logout()
        self.house.empty(EVE)

    def text(self):
        worst = sorted(self.slowest.items(), key=lambda item: -item[1][0])[:3]
        return "slowest " + ", ".join(f"{what} of {name} {seconds:.2f} s" for what, (seconds, name) in worst)


def bombs(state, all_of_them, more=lambda bench: None):
    house = fresh(state)
    bench = Bench(house)
    before = house.resident()
    for name, message in all_of_them.items():
        bench.by_smtp(name, message)
        bench.look(name)
        if bench.by_append(name, message) == "OK":
            bench.look(name)
    more(bench)
    grown = house.resident() - before
    house.stop()
    return verdict([f"{len(all_of_them)} messages by SMTP and APPEND, each asked 11 ways by IMAP: {bench.text()}; "
                    f"resident grew by {grown / MIB:.0f} MiB"], bench.failed)


def a13_mime(state, rounds):
    return bombs(state, short_attacks().mime_bombs())


def long_lines(bench):
    """10 MB are more than a header may have: refused by SMTP. In a body they are kept."""
    line = b"s" * 10_000_000
    bench.by_smtp("a header line of 10 MB", b"Subject: " + line + b"\r\n\r\nx", "552 5.3.4")
    bench.by_smtp("a body line of 10 MB", b"Subject: x\r\n\r\n" + line)
    bench.look("a body line of 10 MB")
    if bench.by_append("a header line of 10 MB", b"Subject: " + line + b"\r\n\r\nx\r\n") == "OK":
        bench.look("a header line of 10 MB")


def a14_headers(state, rounds):
    return bombs(state, short_attacks().header_bombs(), long_lines)


# --- A32 ---

def a32_tls(state, rounds):
    house = fresh(state)
    failed, seen = [], []
    tool = shutil.which("testssl") or shutil.which("testssl.sh")
    doors = (("imaps", None), ("pop3s", None), ("submissions", None), ("submission", "smtp"), ("smtp", "smtp"),
             ("imap", "imap"), ("pop3", "pop3"))
    for door, starttls in doors if tool else ():
        report = state.folder / f"{door}.csv"
        report.unlink(missing_ok=True)
        command = [tool, "--quiet", "--color", "0", "--warnings", "batch", "--openssl-timeout", "10", "--csvfile", report,
                   "-p", "-s", "-f", "-U", "-S"]
        command += ["--starttls", starttls] if starttls else []
        subprocess.run([*map(str, command), f"127.0.0.1:{house.port[door]}"], capture_output=True, timeout=900,
                       stdin=subprocess.DEVNULL)
        lines = report.read_text().splitlines() if report.exists() else []
        rows = [[cell.strip('"') for cell in line.split('","')] for line in lines[1:]]
        bad = [f"{door} {row[0].strip(chr(34))}: {row[4]}" for row in rows
               if len(row) > 4 and row[3] in ("LOW", "MEDIUM", "HIGH", "CRITICAL", "FATAL")]
        # A test's certificate is nobody's; it has no revocation, no CAA, no chain.
        expected = re.compile(r" (cert_(chain_of_trust|trust|caa|crlDistributionPoints|ocsp|revocation|expirationStatus|notAfter)"
                              r"|cert_[a-zA-Z_]*|DNS_CAArecord|OCSP_stapling|engine_problem|scanProblem|BREACH)\b")
        failed += [text for text in bad if not expected.search(" " + text.split(" ", 1)[1])]
        seen.append(f"{door} {len(rows)}")
        if len(rows) < 20:
            failed.append(f"{door}: testssl.sh said only {len(rows)} things")
    begun, made = time.monotonic(), 0
    while time.monotonic() < begun + 10:
        house.talk("imaps").socket.close()
        made += 1
    before = time.monotonic()
    house.imap(BOB).logout()
    after = time.monotonic() - before
    house.stop()
    count, others = passes("attacks:Attacks.test_old_tls_is_refused", "attacks:Attacks.test_renegotiation_is_refused",
                           "attacks:Attacks.test_garbage_instead_of_a_handshake")
    return verdict([f"testssl.sh on {', '.join(seen)} findings: nothing NOT ok but what a self-signed certificate brings" if tool else
                    "testssl.sh is not installed", f"{made / 10:.0f} handshakes a second from one client, then a login in {after * 1000:.0f} ms",
                    f"{count} end-to-end tests"], failed + others + ([] if tool else ["no testssl.sh"]))


SMTP, SUBMISSION, IMAP, POP3 = ("smtp_conversations:SmtpConversations.", "submission:Submission.", "imap_imaplib:", "pop3_poplib:")

ROWS = {
    "A1": (13, "false ends of data", a1_smuggling),
    "A3": (1, "commands before STARTTLS and STLS", conversations(
        "behind STARTTLS and STLS the session is closed, behind AUTH come the next commands, what was said before TLS is forgotten",
        SMTP + "test_commands_behind_starttls_close_the_session", SMTP + "test_starttls_forgets_what_was_said",
        SUBMISSION + "test_commands_behind_starttls_close_the_session", SUBMISSION + "test_commands_behind_auth_are_the_next_ones",
        "pop3_poplib:Pop3.test_commands_behind_stls_close_the_session", "imap_imaplib:Imap.test_starttls")),
    "A4": (104, "open relay: 26 forms, 4 senders", conversations(
        "26 recipient forms with 4 senders, 0 accepted", SMTP + "test_no_open_relay")),
    "A7": (100_000, "RCPT in a session, and dictionary attacks", crowds.a7_recipients),
    "A8": (10_000, "idle before login, and as many in IDLE", crowds.a8_idle),
    "A9": (330, "5,000 peers at a byte a second, for so many seconds", crowds.a9_slow),
    "A10": (40_000_000, "bytes without a line's end, on every port", crowds.a10_line),
    "A11": (50, "messages of 100 MB at once", crowds.a11_large),
    "A12": (1, "numbers that wrap or are none", conversations(
        "SIZE, BDAT and literal numbers: negative, 20 digits, missing: refused, no wrap", SMTP + "test_numbers_that_wrap",
        SMTP + "test_a_refused_chunk_still_takes_its_bytes", "imap_imaplib:Imap.test_literals_that_are_too_big")),
    "A13": (1, "MIME bombs", a13_mime),
    "A14": (1, "header bombs", a14_headers),
    "A21": (1, "names that would be paths or controls", conversations(
        "CREATE of ../, NUL, controls, bad UTF-7, empty and over-long levels is NO or BAD; nothing of it is listed",
        "imap_imaplib:Imap.test_names")),
    "A22": (1000, "guesses from 1 and from 100 addresses", guesses.a22_guesses),
    "A23": (1, "logins in the clear, replays, bad tokens", guesses.a23_tokens),
    "A24": (1, "ESC, NUL, CR LF in commands and messages", guesses.a24_controls),
    "A26": (1, "POP3 numbers, and DELE without QUIT", conversations(
        "RETR, DELE, TOP, LIST, UIDL of 0, -1, 2^64 are -ERR; deleted only after QUIT",
        "pop3_poplib:Pop3.test_numbers_that_are_none", "pop3_poplib:Pop3.test_deleted_only_after_quit")),
    "A32": (1, "TLS: testssl.sh, handshakes, old versions", a32_tls),
}

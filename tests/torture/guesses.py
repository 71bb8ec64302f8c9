"""Guessing passwords and telling users (docs/hostile.md A22), tokens that are wrong (A23), controls (A24)."""

import base64
import contextlib
import hashlib
import hmac
import os
import re
import shlex
import shutil
import statistics
import subprocess
import threading
import time

from faults import Torn
from house import PASSWORD, PROGRAM, Closed

MIB = 1 << 20
KNOWN = [f"known{number:02}@torture.test" for number in range(30)]
UNKNOWN = [f"nobody{number:02}@torture.test" for number in range(30)]
BOB, HOME, ATTACKER = KNOWN[0], "192.0.2.10", "203.0.113.66"
PROXY = "[unsafe]\nproxy_protocol = true\n"


def fresh(state, users, settings=PROXY):
    shutil.rmtree(state.folder / "house", ignore_errors=True)
    return Torn(state.folder / "house", settings, users=users).begin()


def login(house, client, user, password=PASSWORD):
    """(the tagged answer to one login over IMAP from this address, its seconds)"""
    with house.talk("imaps", client) as talk:
        talk.line()
        token = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
        begun = time.monotonic()
        talk.write(f"a AUTHENTICATE PLAIN {token}\r\n".encode())
        return talk.until("a")[-1], time.monotonic() - begun


# Everything but the guesses' speed needs an address (Torn.begin() talks without PROXY): it greets only then.
class Guesser:
    """`count` guesses at one account from these addresses, 50 at once, while the right user logs in from home."""

    def __init__(self, house, addresses, count):
        self.house, self.addresses, self.left = house, addresses, count
        self.lock, self.answers = threading.Lock(), {}
        self.first = self.last = time.monotonic()

    def one(self):
        while True:
            with self.lock:
                if self.left == 0:
                    return
                self.left -= 1
                address = self.addresses[self.left % len(self.addresses)]
            try:
                answer, _ = login(self.house, address, BOB, f"guess{self.left}")
                match = re.search(r"NO \[(\w+)\]", answer)
                key = match.group(1) if match else answer[:20]
                if key == "UNAVAILABLE":
                    key = "refused unheard"
            except (OSError, Closed):
                key = "connection refused"
            with self.lock:
                self.answers[key] = self.answers.get(key, 0) + 1

    def run(self):
        threads = [threading.Thread(target=self.one) for _ in range(50)]
        home = []
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            answer, seconds = login(self.house, HOME, BOB)
            if not answer.startswith("a OK"):
                raise AssertionError(f"the right user is locked out: {answer}")
            home.append(seconds)
            time.sleep(0.2)
        self.seconds = time.monotonic() - self.first
        return home


def timing(house, rounds):
    """Medians of one wrong login each, from an address of its own each, known and unknown users by turns."""
    seconds = {"known": [], "unknown": []}
    for number in range(rounds):
        for kind, names in (("known", KNOWN), ("unknown", UNKNOWN)):
            address = f"198.18.{number % 250}.{1 + (number // 250) * 2 + (kind == 'known')}"
            answer, took = login(house, address, names[1 + number % (len(names) - 1)], "wrong")
            if "AUTHENTICATIONFAILED" not in answer:
                raise AssertionError(answer)
            seconds[kind].append(took)
    return statistics.median(seconds["known"]), statistics.median(seconds["unknown"])


def a22_guesses(state, rounds):
    house = fresh(state, KNOWN)
    failed, figures = [], []
    if not login(house, HOME, BOB)[0].startswith("a OK"):
        failed.append("the right user does not get in at first")
    known, unknown = timing(house, 120)
    if not 0.9 < known / unknown < 1.1:
        failed.append("known and unknown users differ")
    figures.append(f"a wrong password takes {known * 1000:.1f} ms with a user and {unknown * 1000:.1f} ms without (medians of 120)")
    for addresses in ([ATTACKER], [f"203.0.{number}.66" for number in range(100)]):
        time.sleep(10)  # what was charged before is over
        guesser = Guesser(house, addresses, rounds)
        home = guesser.run()
        looked_at = guesser.answers.get("AUTHENTICATIONFAILED", 0)
        figures.append(f"{rounds} guesses from {len(addresses)} in {guesser.seconds:.0f} s: {looked_at} looked at, "
                       f"the others {({k: v for k, v in guesser.answers.items() if k != 'AUTHENTICATIONFAILED'})}; "
                       f"the right user got in {len(home)} times, median {statistics.median(home) * 1000:.0f} ms")
        if looked_at > 5 + guesser.seconds + 2:
            failed.append(f"{looked_at} guesses looked at in {guesser.seconds:.0f} s")
        if not set(guesser.answers) <= {"AUTHENTICATIONFAILED", "LIMIT", "refused unheard", "connection refused"}:
            failed.append(f"answers {guesser.answers}")
    with house.talk("smtp", "192.0.2.99") as talk:
        talk.expect("220")
        talk.say("EHLO x", "250")
        answers = {talk.say(f"VRFY {name}", "252").replace(name, "…") for name in (KNOWN[3], UNKNOWN[3])}
    if len(answers) != 1:
        failed.append(f"VRFY tells: {answers}")
    house.stop()
    return not failed, "; ".join(figures + failed)


# --- A23 ---

def scram(talk, user, password, replay=None):
    """One SCRAM-SHA-256 exchange on a submission session: (the server's answer, the client's last message)."""
    nonce = base64.b64encode(os.urandom(12)).decode() if not replay else replay[0]
    bare = f"n={user},r={nonce}"
    first = talk.say("AUTH SCRAM-SHA-256 " + base64.b64encode(f"n,,{bare}".encode()).decode(), "334 ")
    server = base64.b64decode(first[4:]).decode()
    fields = dict(item.split("=", 1) for item in server.split(","))
    if replay:
        last = replay[1]
    else:
        without = f"c=biws,r={fields['r']}"
        salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(fields["s"]), int(fields["i"]))
        key = hmac.digest(salted, b"Client Key", "sha256")
        signature = hmac.digest(hashlib.sha256(key).digest(), f"{bare},{server},{without}".encode(), "sha256")
        proof = bytes(a ^ b for a, b in zip(key, signature))
        last = f"{without},p={base64.b64encode(proof).decode()}"
    talk.write(base64.b64encode(last.encode()) + b"\r\n")
    answer = talk.reply()[-1]
    if answer.startswith("334 "):
        talk.write(b"\r\n")
        answer = talk.reply()[-1]
    return answer, (nonce, last)


def session(house, door):
    talk = house.talk(door)
    if door == "submissions":
        talk.expect("220")
        talk.say("EHLO x", "250")
    else:
        talk.line()
    return talk


def a23_tokens(state, rounds):
    from attacks import passes
    house = fresh(state, [BOB], "")
    failed, figures = [], []
    with session(house, "submissions") as talk:
        answer, kept = scram(talk, BOB, PASSWORD)
        if not answer.startswith("235"):
            failed.append(f"SCRAM does not work at all: {answer}")
    with session(house, "submissions") as talk:
        answer, _ = scram(talk, BOB, PASSWORD, kept)
        figures.append(f"a replayed SCRAM message is answered {answer[:9]}")
        if not answer.startswith("535 5.7.8"):
            failed.append("a replay is taken")
    before = house.resident()
    ends = {}
    for door, line in (("submissions", b"AUTH PLAIN "), ("imaps", b"a AUTHENTICATE PLAIN "), ("pop3s", b"AUTH PLAIN "),
                       ("submissions", b"AUTH PLAIN\r\n"), ("imaps", b"a AUTHENTICATE PLAIN\r\n"), ("pop3s", b"AUTH PLAIN\r\n")):
        sent, answers = 0, []
        with contextlib.suppress(OSError), session(house, door) as talk:
            talk.write(line)
            while sent < 10_000_000:
                talk.write(b"QUJD" * 4096)
                sent += 16384
            talk.write(b"\r\n")
        ends[door] = max(sent, ends.get(door, 0))
        if sent >= 10_000_000:
            failed.append(f"{door} took a token of 10 MB")
    grown = house.resident() - before
    figures.append(f"tokens of 10 MB: closed, memory grew by {grown / MIB:.1f} MiB")
    if grown > 16 * MIB:
        failed.append("memory")
    answers = set()
    for mechanism in ("PLAIN", "LOGIN", "SCRAM-SHA-256"):
        for user in (BOB, UNKNOWN[0]):
            with session(house, "submissions") as talk:
                if mechanism == "SCRAM-SHA-256":
                    answers.add(scram(talk, user, "wrong")[0])
                elif mechanism == "PLAIN":
                    token = base64.b64encode(f"\0{user}\0wrong".encode()).decode()
                    answers.add(talk.say(f"AUTH PLAIN {token}", ""))
                else:
                    talk.say("AUTH LOGIN", "334")
                    talk.say(base64.b64encode(user.encode()).decode(), "334")
                    answers.add(talk.say(base64.b64encode(b"wrong").decode(), ""))
    figures.append(f"a wrong password and an unknown user are answered alike by 3 mechanisms: {sorted(answers)}")
    if len(answers) != 1:
        failed.append("answers differ")
    house.stop()
    count, others = passes(*(f"submission:Submission.{test}" for test in (
        "test_no_password_before_tls", "test_bad_tokens", "test_wrong_logins", "test_scram_by_gsasl",
        "test_scram_salt_of_a_user_who_is_not_there_is_stable")))
    return not failed and not others, "; ".join(figures + [f"{count} end-to-end tests"] + failed + others)


# --- A24 ---

CONTROLS = {"ESC": b"\x1b[31m", "NUL": b"\0", "bell": b"\x07", "C1": b"\xc2\x9b31m", "DEL": b"\x7f", "backspace": b"\x08"}
RAW = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\xc2[\x80-\x9f]")


def on_a_terminal(house, *commands):
    """What `posthouse …`, several times, shows where its output is a terminal. The listings' heads are bold."""
    command = "; ".join(shlex.join([str(PROGRAM), *words, "--data", str(house.data)]) for words in commands)
    done = subprocess.run(["script", "-qec", command, "/dev/null"], stdin=subprocess.DEVNULL, capture_output=True, timeout=60,
                          env=dict(os.environ, HOME=str(house.folder), TERM="dumb"))
    return re.sub(rb"\x1b\[[01]m", b"", done.stdout)


def a24_controls(state, rounds):
    """Into every place that text can be put; then nothing of it in the log, in trace fields, on a terminal."""
    house = fresh(state, [BOB], '')
    failed, tried = [], 0
    for name, control in CONTROLS.items():
        mean = b"a" + control + b"b"
        for lines in ([b"EHLO " + mean], [b"HELO " + mean], [b"EHLO x", b"MAIL FROM:<" + mean + b"@away.test>"],
                      [b"EHLO x", b'MAIL FROM:<"' + mean + b'"@away.test>'],
                      [b"EHLO x", b"MAIL FROM:<x@away.test> ENVID=" + mean],
                      [b"EHLO x", b"MAIL FROM:<x@away.test>", b"RCPT TO:<" + mean + b"@torture.test>"],
                      [b"EHLO x", b"MAIL FROM:<x@away.test>", b"RCPT TO:<" + BOB.encode() + b"> ORCPT=rfc822;" + mean],
                      [b"EHLO x", b"VRFY " + mean], [mean], [b"EHLO x", b"HELP " + mean]):
            tried += 1
            with contextlib.suppress(OSError, Closed), house.talk("smtp") as talk:
                talk.expect("220")
                for line in lines:
                    talk.write(line + b"\r\n")
                    answer = "\n".join(talk.reply()).encode(errors="surrogateescape")
                    if RAW.search(answer):
                        failed.append(f"{name} in the answer to {line!r}")
                for line in (b"EHLO x", b"MAIL FROM:<x@away.test>", b"RCPT TO:<" + BOB.encode() + b">", b"DATA"):
                    talk.write(line + b"\r\n")
                    talk.reply()
                talk.write(b"Subject: s" + control + b"s\r\nFrom: \"n" + control + b"\" <x@away.test>\r\n"
                           b"Content-Type: text/plain; name=\"f" + control + b".txt\"\r\n\r\ntext" + control + b"\r\n.\r\n")
                talk.reply()
        for door, line in (("imaps", b"a LOGIN \"" + mean + b"\" x\r\n"), ("pop3s", b"USER " + mean + b"\r\nPASS x\r\n")):
            tried += 1
            with contextlib.suppress(OSError, Closed), house.talk(door) as talk:
                talk.line()
                talk.write(line)
                if RAW.search(talk.line().encode(errors="surrogateescape")):
                    failed.append(f"{name} in the answer to {line!r}")
    kept = house.mailbox(BOB)
    for message in kept:
        if RAW.search(message.trace):
            failed.append(f"a trace field: {message.trace!r}"[:200])
    if RAW.search(house.log.read_bytes()):
        failed.append(f"the log: {RAW.search(house.log.read_bytes())}")
    house.run("login", BOB, "--imap", f"127.0.0.1:{house.port['imaps']}", "--submission", f"127.0.0.1:{house.port['submissions']}",
              "--tls", "tls", "--certificate", house.certificate, stdin=PASSWORD + "\n")
    messages = range(1, len(kept) + 1, 10)  # one of each control
    seen = on_a_terminal(house, *([*words, "--user", BOB] for words in (
        ["inbox", "--json"], ["search", "text"], ["inbox", "--most", "100"], *(["read", str(number)] for number in messages))))
    shown = seen.count(b"Subject")
    if RAW.search(seen):
        at = RAW.search(seen).start()
        failed.append(f"a terminal gets {seen[max(0, at - 30):at + 20]!r}")
    if shown < len(messages):
        failed.append(f"the mail client shows {seen[-300:]!r}")
    house.stop()
    return not failed and len(kept) > 0, "; ".join(
        [f"{len(CONTROLS)} controls in {tried} conversations, {len(kept)} messages kept with theirs: none in answers, trace fields "
         f"or the log; nor on a terminal in listings and {len(messages)} messages read", *failed[:5]])

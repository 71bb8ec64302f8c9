"""What Dovecot says of the 6,046 messages of the SpamAssassin corpus, and what this house says of them, item by item.

`./dev differences` fetches both and runs this as root: Debian's Dovecot, unpacked into build/peers/dovecot, is laid over /usr in
a mount namespace of its own, so nothing is installed. docs/imap-differences.md explains what differs; this says how much, and
fails where bytes are changed or more differs than is explained.
"""

import collections
import os
import re
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]
import corpus  # noqa: E402
from house import PASSWORD, ROOT, HouseTest, Talk, free_ports, main  # noqa: E402

DOVECOT = Path(os.environ.get("POSTHOUSE_DOVECOT", ROOT / "build" / "peers" / "dovecot"))
CONFIG = """
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
log_path = {folder}/log
base_dir = {folder}/run
state_dir = {folder}/state
first_valid_uid = 1
default_internal_user = mail
default_internal_group = mail
default_login_user = nobody
mail_location = sdbox:{folder}/mail/%n
mail_fsync = never
namespace inbox {{
  inbox = yes
  separator = /
}}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid=mail gid=mail home={folder}/mail/%n allow_all_users=yes
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
}}
"""
# At most so many messages may differ, of 6,046: what is explained is a little less.
BOUNDS = {"ENVELOPE": 60, "BODYSTRUCTURE": 181, "RFC822.SIZE": 1, "BODY.PEEK[]": 1, "BODY.PEEK[TEXT]": 1, "BODY.PEEK[1]": 30,
          "BODY.PEEK[1.MIME]": 2, "BODY.PEEK[HEADER.FIELDS (SUBJECT FROM DATE)]": 0}


class Client:
    """One session on the folder `diff`."""

    def __init__(self, talk, user, password):
        self.talk = talk
        talk.line()
        self.ask(f"LOGIN {user} {password}")

    def rows(self):
        """Responses up to the tagged one, literals within."""
        out = b""
        while True:
            line = self.line()
            out += line
            literal = re.search(rb"\{(\d+)\}\r\n$", line)
            if literal:
                out += self.exactly(int(literal.group(1)))
                continue
            yield out
            if out.startswith(b"a "):
                return
            out = b""

    def line(self):
        while b"\r\n" not in self.talk.buffer:
            self.more()
        end = self.talk.buffer.index(b"\r\n") + 2
        line, self.talk.buffer = self.talk.buffer[:end], self.talk.buffer[end:]
        return line

    def exactly(self, count):
        while len(self.talk.buffer) < count:
            self.more()
        piece, self.talk.buffer = self.talk.buffer[:count], self.talk.buffer[count:]
        return piece

    def more(self):
        piece = self.talk.socket.recv(1 << 20)
        if not piece:
            raise AssertionError("closed")
        self.talk.buffer += piece

    def ask(self, command):
        self.talk.write(b"a " + (command if isinstance(command, bytes) else command.encode()) + b"\r\n")
        rows = list(self.rows())
        if not rows[-1].startswith(b"a OK"):
            raise AssertionError(f"{command[:80]!r}: {rows[-1]!r}")
        return rows[:-1]

    def upload(self, messages):
        self.ask("CREATE diff")
        for message in messages:
            self.ask(b'APPEND diff "01-Jan-2026 00:00:00 +0000" {%d+}\r\n' % len(message) + message)
        self.ask("EXAMINE diff")

    def fetch(self, item, count):
        """By number, some at a time."""
        values = {}
        for begin in range(1, count + 1, 500):
            for row in self.ask(f"FETCH {begin}:{min(begin + 499, count)} ({item})"):
                if match := re.match(rb"\* (\d+) FETCH ", row):
                    values[int(match.group(1))] = parse(row, match.end())[0]
        return values


def parse(text, at):
    """(value, where it ends) of a list, a string, a number or NIL."""
    while text[at:at + 1] == b" ":
        at += 1
    first = text[at:at + 1]
    if first == b"(":
        items, at = [], at + 1
        while True:
            while text[at:at + 1] == b" ":
                at += 1
            if text[at:at + 1] == b")":
                return items, at + 1
            value, at = parse(text, at)
            items.append(value)
    if first == b'"':
        match = re.compile(rb'"((?:[^"\\]|\\.)*)"', re.S).match(text, at)
        return re.sub(rb"\\(.)", rb"\1", match.group(1)), match.end()
    if first == b"{":
        match = re.compile(rb"\{(\d+)\}\r\n").match(text, at)
        return text[match.end():match.end() + int(match.group(1))], match.end() + int(match.group(1))
    match = re.compile(rb"[^\s()\[]+(?:\[[^\]]*\])?").match(text, at)
    return match.group(0).decode(), match.end()


def alike(value):
    """Without what nobody would call a difference: case, quotes, runs of blanks."""
    if isinstance(value, list):
        return b"(" + b" ".join(alike(one) for one in value) + b")"
    if isinstance(value, str):
        return value.upper().encode()
    return re.sub(rb"\s+", b" ", value).replace(b'"', b"").replace(b"\\", b"").upper()


class Differences(HouseTest):
    house_options = {"settings": "[unsafe]\nplaintext_login = true\n"}

    def begin_dovecot(self):
        folder = self.folder / "dovecot"
        for name in ("run", "state", "mail"):
            (folder / name).mkdir(parents=True)
        subprocess.run(["chown", "mail:mail", folder / "mail"], check=True)
        port = free_ports(1)[0]
        (folder / "dovecot.conf").write_text(CONFIG.format(folder=folder, port=port, password=PASSWORD))
        lay_over = f"mount -t overlay overlay -o lowerdir={DOVECOT}/usr:/usr /usr && exec /usr/sbin/dovecot -F -c {folder}/dovecot.conf"
        process = subprocess.Popen(["unshare", "-m", "sh", "-c", lay_over])
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        deadline = time.monotonic() + 60
        while True:
            try:
                return Talk("127.0.0.1", port)
            except OSError:
                if time.monotonic() > deadline or process.poll() is not None:
                    raise
                time.sleep(0.1)

    def test_what_both_say(self):
        messages = corpus.load()
        self.assertEqual(len(messages), 6046)
        ours = Client(self.house.talk("imap"), "bob@north.test", PASSWORD)
        theirs = Client(self.begin_dovecot(), "bob", PASSWORD)
        for client in (ours, theirs):
            self.addCleanup(client.talk.socket.close)
            client.upload(messages)
        different = collections.Counter()
        for item in BOUNDS:
            mine, other = ours.fetch(item, len(messages)), theirs.fetch(item, len(messages))
            self.assertEqual((len(mine), len(other)), (6046, 6046), item)
            exact = item.startswith("BODY.")
            for number, message in enumerate(messages, 1):
                a, b = mine[number][-1], other[number][-1]
                if item == "BODY.PEEK[]":
                    self.assertTrue(a == message, f"message {number} has other bytes")
                different[item] += (a != b) if exact else alike(a) != alike(b)
        for item, most in BOUNDS.items():
            print(f"{different[item]:5} of 6,046 differ ({100 * different[item] / 6046:.2f} %): {item}", file=sys.stderr)
        for item, most in BOUNDS.items():
            self.assertLessEqual(different[item], most, item)


if __name__ == "__main__":
    main()

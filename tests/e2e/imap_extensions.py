"""IMAP's extensions over real connections: an offline client that comes back, compression inside TLS, THREAD over
long chains of references, notifications, and mailboxes that people share."""

import re
import time
import zlib

from house import PASSWORD, HouseTest, main, sample


class Deflated:
    """What a Talk writes to and reads from behind COMPRESS DEFLATE (RFC 4978)."""

    def __init__(self, talk):
        self.packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        self.unpacker = zlib.decompressobj(-15)
        self.wire_bytes = 0
        self.below, talk.socket = talk.socket, self

    def sendall(self, raw):
        self.below.sendall(self.packer.compress(raw) + self.packer.flush(zlib.Z_SYNC_FLUSH))

    def recv(self, count):
        out = b""
        while not out:
            raw = self.below.recv(count)
            if not raw:
                return b""
            self.wire_bytes += len(raw)
            out = self.unpacker.decompress(raw)
        return out

    def close(self):
        self.below.close()


class Extensions(HouseTest):
    def setUp(self):
        for account in ("alice@north.test", "bob@north.test"):
            self.house.empty(account)

    def logged_in(self, account="bob@north.test"):
        talk = self.house.talk("imaps")
        self.assertRegex(talk.line(), r"^\* OK ")
        talk.command("a", f'LOGIN {account} "{PASSWORD}"', "OK")
        self.addCleanup(lambda: talk.socket.close())
        return talk

    def append(self, talk, message, mailbox="INBOX"):
        talk.write(f"ap APPEND {mailbox} {{{len(message)}+}}\r\n".encode() + message + b"\r\n")
        self.assertRegex(talk.until("ap")[-1], "^ap OK")

    def test_an_offline_client_comes_back_in_one_round_trip(self):
        talk = self.logged_in()
        for i in range(10):
            self.append(talk, sample(f"number {i}"))
        lines = "\n".join(talk.command("b", "EXAMINE INBOX", "OK"))
        validity = re.search(r"UIDVALIDITY (\d+)", lines).group(1)
        modseq = re.search(r"HIGHESTMODSEQ (\d+)", lines).group(1)
        first = int(re.search(r"UIDNEXT (\d+)", lines).group(1)) - 10
        other = self.logged_in()
        other.command("b", "SELECT INBOX", "OK")
        other.command("c", f"UID STORE {first + 1},{first + 5}:{first + 6} +FLAGS.SILENT (\\Deleted)", "OK")
        other.command("d", "EXPUNGE", "OK")
        other.command("e", f"UID STORE {first + 8} +FLAGS.SILENT (\\Flagged)", "OK")
        self.append(other, sample("late"))

        back = self.logged_in()
        back.write(f"b ENABLE QRESYNC\r\nc SELECT INBOX (QRESYNC ({validity} {modseq}))\r\n".encode())
        lines = back.until("c")
        self.assertIn(f"* VANISHED (EARLIER) {first + 1},{first + 5}:{first + 6}", lines)
        changed = [int(re.search(r"UID (\d+)", line).group(1)) for line in lines if " FETCH (" in line]
        self.assertEqual(changed, [first + 8, first + 10])

    def test_compression_inside_tls(self):
        talk = self.logged_in()
        for _ in range(5):
            self.append(talk, sample(body=b"the same line again and again\r\n" * 2000))
        talk.command("b", "SELECT INBOX", "OK")
        talk.command("c", "COMPRESS DEFLATE", "OK")
        deflated = Deflated(talk)
        lines = talk.command("d", "FETCH 1:5 BODY.PEEK[TEXT]", "OK")
        self.assertEqual(sum(line == "the same line again and again" for line in lines), 10000)
        self.assertLess(deflated.wire_bytes, 30_000)
        talk.command("e", "NOOP", "OK")
        talk.command("f", "COMPRESS DEFLATE", "NO [COMPRESSIONACTIVE]")
        # HOSTILE A19: a bomb is an endless line
        deflated.below.sendall(deflated.packer.compress(b"x" * 30_000_000) + deflated.packer.flush(zlib.Z_SYNC_FLUSH))
        self.assertIn("* BYE", "\n".join(talk.lines_to_the_end()))
        self.assertLess(self.house.resident(), 400 * 1024 * 1024)

    def test_threads_over_long_references(self):
        # HOSTILE A18: THREAD over 3,000 references each
        talk = self.logged_in()
        ids = [f"<{i}@chain.test>" for i in range(3000)]
        references = "\r\n ".join(ids)
        for i in range(20):
            extra = f"References: {references}\r\n".encode()
            self.append(talk, sample(f"chain {i}", extra=extra))
        talk.command("b", "SELECT INBOX", "OK")
        begun = time.monotonic()
        lines = talk.command("c", "UID THREAD REFERENCES UTF-8 ALL", "OK")
        self.assertLess(time.monotonic() - begun, 10, "some milliseconds where nothing is quadratic")
        (thread,) = [line for line in lines if line.startswith("* THREAD ")]
        self.assertEqual(len(re.findall(r"\d+", thread)), 20)
        self.assertEqual(thread.count("(("), 1, "one thread, of messages whose parent is missing")

    def test_notifications_reach_another_session(self):
        talk = self.logged_in()
        talk.command("b", "NOTIFY SET (selected (MessageNew (UID) MessageExpunge FlagChange)) "
                          "(personal (MessageNew MessageExpunge))", "OK")
        other = self.logged_in()
        self.append(other, sample("one"), "Archive")
        self.assertRegex(talk.line(), r"^\* STATUS Archive \(MESSAGES \d+ ")
        other.command("b", "CREATE quiet", "OK")
        other.command("c", "DELETE quiet", "OK")
        talk.command("c", "NOOP", "OK")

    def test_a_mailbox_is_shared(self):
        alice, bob = self.logged_in("alice@north.test"), self.logged_in()
        alice.command("b", "CREATE ours", "OK")
        self.append(alice, sample("for both"), "ours")
        alice.command("c", "SETACL ours bob@north.test lrs", "OK")
        lines = bob.command("b", 'LIST "" "*"', "OK")
        self.assertIn('* LIST (\\HasNoChildren) "/" shared/alice@north.test/ours', lines)
        bob.command("c", "SELECT shared/alice@north.test/ours", "OK")
        self.assertIn("for both", "\n".join(bob.command("d", "FETCH 1 ENVELOPE", "OK")))
        bob.command("e", "STORE 1 +FLAGS (\\Deleted)", "")
        bob.command("f", "EXPUNGE", "NO")
        alice.command("d", "DELETEACL ours bob@north.test", "OK")
        bob.command("g", "SELECT shared/alice@north.test/ours", "NO")
        alice.command("e", "DELETE ours", "OK")

    def test_several_appended_at_once(self):
        talk = self.logged_in()
        messages = [sample(f"number {i}", body=b"x" * (i * 40_000)) for i in range(4)]
        talk.write(b"b APPEND INBOX" + b"".join(b" {%d+}\r\n%s" % (len(m), m) for m in messages) + b"\r\n")
        self.assertRegex(talk.until("b")[-1], r"^b OK \[APPENDUID \d+ \d+:\d+\]")
        self.assertEqual([m.without_trace for m in self.house.mailbox("bob@north.test")], messages)

    def test_sort(self):
        talk = self.logged_in()
        for subject in ("b", "Re: a", "c"):
            self.append(talk, sample(subject))
        talk.command("b", "SELECT INBOX", "OK")
        self.assertIn("* SORT 2 1 3", talk.command("c", "SORT (SUBJECT) UTF-8 ALL", "OK"))


if __name__ == "__main__":
    main()

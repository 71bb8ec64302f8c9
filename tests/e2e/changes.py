"""What one session does reaches the others: by IDLE and by NOTIFY, in the order in which it was done, and before anything
later is answered; a client that comes back by QRESYNC, and one that reads by POP3 and leaves the mail here, beside them.

Nothing here goes by a clock. A change "reaches" a session when the notice comes without that session asking again; a test
that waits for one that never comes fails by the House's patience. How long it takes is measured by bench/bench.py and F2s.
"""

import poplib
import re
import threading

from house import PASSWORD, HouseTest, main, sample

BOB = "bob@north.test"
LISTENERS = 6


class Changes(HouseTest):
    house_options = {"settings": "[limits]\nconnections_per_account = 200\n"}

    def setUp(self):
        for name in ("INBOX", "Archive"):
            self.house.empty(BOB, name)

    def session(self, *commands):
        talk = self.house.talk("imaps")
        self.addCleanup(lambda: talk.socket.close())
        talk.line()
        talk.command("l", f'LOGIN {BOB} "{PASSWORD}"', "OK")
        for number, command in enumerate(commands):
            talk.command(f"s{number}", command, "OK")
        return talk

    def append(self, talk, subject, mailbox="INBOX"):
        message = sample(subject)
        talk.write(f"ap APPEND {mailbox} {{{len(message)}+}}\r\n".encode() + message + b"\r\n")
        last = talk.until("ap")[-1]
        self.assertRegex(last, "^ap OK")
        return int(re.search(r"APPENDUID \d+ (\d+)", last).group(1))

    def idling(self):
        talk = self.session("SELECT INBOX")
        talk.write(b"i IDLE\r\n")
        self.assertTrue(talk.line().startswith("+"))
        return talk

    def notified(self):
        """Told without asking, outside any command."""
        talk = self.session("SELECT INBOX")
        talk.command("n", "NOTIFY SET (selected (MessageNew (UID FLAGS) MessageExpunge FlagChange)) (personal (MessageNew MessageExpunge))", "OK")
        return talk

    def test_each_change_reaches_all_others_in_its_order(self):
        """Every listener hears of every change, once, in order; none of them says a word meanwhile."""
        actor = self.session("SELECT INBOX")
        first = self.append(actor, "the first")
        listeners = [self.idling() if i % 2 else self.notified() for i in range(LISTENERS)]
        for number in range(20):
            self.append(actor, f"number {number}")
            actor.command("f", f"UID STORE {first} +FLAGS.SILENT (step{number})", "OK")
        for talk in listeners:
            there, steps = 1, 0
            while there < 21 or steps < 20:
                line = talk.line()
                if match := re.match(r"\* (\d+) EXISTS", line):
                    self.assertGreater(int(match.group(1)), there)
                    there = int(match.group(1))
                elif match := re.match(r"\* (\d+) FETCH \((.*)\)", line):
                    self.assertLessEqual(int(match.group(1)), there)
                    told = [int(step) for step in re.findall(r"step(\d+)", match.group(2))]
                    if told:
                        # A later notice never knows less, and what it knows has no gap: nothing overtook anything.
                        self.assertEqual((int(match.group(1)), sorted(told)), (1, list(range(max(told) + 1))))
                        self.assertGreaterEqual(max(told) + 1, steps)
                        steps = max(told) + 1
                        # The message that was appended before this flag was set has been told of before it.
                        self.assertGreaterEqual(there, 1 + steps)
        actor.command("e", "UID STORE 1:* +FLAGS.SILENT (\\Deleted)", "OK")
        actor.command("x", "EXPUNGE", "OK")
        for talk in listeners:
            there = 21
            while there > 0:
                if match := re.match(r"\* (\d+) EXPUNGE", talk.line()):
                    self.assertLessEqual(int(match.group(1)), there)
                    there -= 1

    def test_what_was_answered_is_known_to_who_asks_next(self):
        """Causality: once a change has its OK, any session's next command answers with it."""
        sessions = [self.session("SELECT INBOX") for _ in range(LISTENERS)]
        for number in range(30):
            actor, other = sessions[number % LISTENERS], sessions[(number * 5 + 1) % LISTENERS]
            uid = self.append(actor, f"cause {number}")
            lines = other.command("n", "NOOP", "OK")
            told = [int(count) for count in re.findall(r"\* (\d+) EXISTS", "\n".join(lines))]
            if other is not actor:
                self.assertEqual(told[-1:], [number + 1])
            actor.command("f", f"UID STORE {uid} +FLAGS.SILENT (\\Flagged)", "OK")
            lines = "\n".join(other.command("g", f"UID FETCH {uid} FLAGS", "OK"))
            self.assertIn("\\Flagged", lines)

    def test_two_mailboxes_in_the_order_of_the_commits(self):
        """NOTIFY of a mailbox that is not selected: a move is told where it went to and where it came from."""
        actor, listener = self.session("SELECT INBOX"), self.notified()
        uid = self.append(actor, "on its way")
        self.assertRegex(listener.line(), r"^\* 1 EXISTS")
        actor.command("m", f"UID MOVE {uid} Archive", "OK")
        told = []
        while not (any("EXPUNGE" in line for line in told) and any(re.match(r"\* STATUS Archive \(.*MESSAGES 1", line) for line in told)):
            told.append(listener.line())
        self.append(actor, "there", "Archive")
        line = listener.line()
        while not line.startswith("* STATUS Archive"):
            line = listener.line()
        self.assertRegex(line, r"MESSAGES 2\b")

    def test_delivery_reaches_idle(self):
        listener = self.idling()
        self.house.send("x@away.test", [BOB], sample("by SMTP"))
        while not re.match(r"\* 1 EXISTS", listener.line()):
            pass
        listener.write(b"DONE\r\n")
        listener.until("i")
        self.assertIn("by SMTP", "\n".join(listener.command("f", "FETCH 1 BODY.PEEK[HEADER.FIELDS (SUBJECT)]", "OK")))

    def test_a_client_that_comes_back_knows_all_after_one_command(self):
        """QRESYNC: what it kept, and what SELECT tells, make what the server has, whatever happened meanwhile."""
        actor = self.session("SELECT INBOX")
        for i in range(40):
            self.append(actor, f"number {i}")
        kept, validity, modseq = self.look(actor)
        actor.command("a", "UID STORE 1:* -FLAGS.SILENT (kept)", "OK")
        uids = sorted(kept)
        for round_ in range(4):
            some = ",".join(map(str, uids[round_::7]))
            actor.command("s", f"UID STORE {some} +FLAGS.SILENT (round{round_} \\Flagged)", "OK")
            gone = ",".join(map(str, uids[round_ + 3::11]))
            actor.command("d", f"UID STORE {gone} +FLAGS.SILENT (\\Deleted)", "OK")
            actor.command("e", "EXPUNGE", "OK")
            uids = [uid for uid in uids if uid not in uids[round_ + 3::11]]
            self.append(actor, f"late {round_}")
            if round_ % 2:
                actor.command("m", f"UID MOVE {uids[5]} Archive", "OK")
                uids.pop(5)
            back = self.session("ENABLE QRESYNC")
            lines = back.command("c", f"SELECT INBOX (QRESYNC ({validity} {modseq}))", "OK")
            for line in lines:
                if match := re.match(r"\* VANISHED \(EARLIER\) (\S+)", line):
                    for part in match.group(1).split(","):
                        first, _, last = part.partition(":")
                        for uid in range(int(first), int(last or first) + 1):
                            kept.pop(uid, None)
                if match := re.match(r"\* \d+ FETCH \((.*)\)$", line):
                    flags = re.search(r"FLAGS \(([^)]*)\)", match.group(1)).group(1).split()
                    kept[int(re.search(r"UID (\d+)", match.group(1)).group(1))] = frozenset(flags) - {"\\Recent"}
            modseq = re.search(r"HIGHESTMODSEQ (\d+)", "\n".join(lines)).group(1)
            self.assertEqual(kept, self.look(back)[0])

    def look(self, talk):
        """(flags by UID, UIDVALIDITY, HIGHESTMODSEQ)"""
        lines = "\n".join(talk.command("k", "EXAMINE INBOX", "OK"))
        rows = talk.command("q", "UID FETCH 1:* (UID FLAGS)", "OK")
        flags = {}
        for row in rows:
            if match := re.match(r"\* \d+ FETCH \(UID (\d+) .*FLAGS \(([^)]*)\)", row):
                flags[int(match.group(1))] = frozenset(match.group(2).split()) - {"\\Recent"}
        validity, modseq = (re.search(rf"{name} (\d+)", lines).group(1) for name in ("UIDVALIDITY", "HIGHESTMODSEQ"))
        talk.command("k", "SELECT INBOX", "OK")
        return flags, validity, modseq

    def pop3(self):
        client = poplib.POP3_SSL("127.0.0.1", self.house.port["pop3s"], context=self.house.tls(), timeout=60)
        client.user(BOB)
        client.pass_(PASSWORD)
        return client

    def test_pop3_leaving_mail_on_the_server_beside_imap(self):
        """UIDL names are kept while IMAP files and flags; each letter is taken home once, none is lost, none doubled."""
        actor = self.session("SELECT INBOX")
        taken, order = {}, []

        def collect():
            client = self.pop3()
            listed = dict(line.decode().split()[::-1] for line in client.uidl()[1])
            sizes = dict(line.split() for line in client.list()[1])
            for name, number in listed.items():
                if name not in taken:
                    taken[name] = b"\r\n".join(client.retr(int(number))[1]) + b"\r\n"
                    order.append(name)
                    self.assertEqual(len(taken[name]), int(sizes[number.encode()]))
            client.quit()
            return listed

        for i in range(5):
            self.house.send("x@away.test", [BOB], sample(f"letter {i}"))
        before = collect()
        self.assertEqual(len(before), 5)
        actor.command("n", "NOOP", "OK")
        actor.command("s", "UID STORE 1:* +FLAGS.SILENT (\\Seen kept)", "OK")
        actor.command("m", "MOVE 2 Archive", "OK")
        actor.command("d", "STORE 3 +FLAGS.SILENT (\\Deleted)", "OK")
        self.assertEqual(len(collect()), 4, "\\Deleted is not yet expunged")
        actor.command("e", "EXPUNGE", "OK")
        self.house.send("x@away.test", [BOB], sample("letter 5"))
        after = collect()
        self.assertEqual(len(after), 4)
        self.assertEqual(len(set(after) & set(before)), 3, "the names of those that stayed have stayed")
        self.assertEqual([len(taken), len(set(taken.values()))], [6, 6])
        self.assertEqual({m.whole for m in self.house.mailbox(BOB)}, {taken[name] for name in after})
        self.assertEqual([m.flags for m in self.house.mailbox(BOB)], [{"\\Seen", "kept"}] * 3 + [set()], "reading by POP3 sets no flag")

    def test_pop3_sees_one_state_while_imap_changes_it(self):
        """What the POP3 session began with can be read to its end, and what it deletes goes from IMAP too."""
        for i in range(6):
            self.house.send("x@away.test", [BOB], sample(f"letter {i}"))
        actor = self.session("SELECT INBOX")
        client = self.pop3()
        self.house.send("x@away.test", [BOB], sample("came later"))
        actor.command("d", "STORE 1:2 +FLAGS.SILENT (\\Deleted)", "OK")
        actor.command("e", "EXPUNGE", "OK")
        self.assertEqual(len(client.list()[1]), 6, "a session's numbers do not change (RFC 1939 section 5)")
        self.assertIn(b"Subject: letter 3", client.retr(4)[1])
        client.dele(5)
        listener = self.idling()
        client.quit()
        self.assertRegex(listener.line(), r"^\* 3 EXPUNGE")
        self.assertEqual([m.field("Subject")[0] for m in self.house.mailbox(BOB)], ["letter 2", "letter 3", "letter 5", "came later"])

    def test_many_at_once_agree_in_the_end(self):
        """Several sessions change one mailbox at once while others listen: all come to what the server has."""
        first = self.session("SELECT INBOX")
        for i in range(20):
            self.append(first, f"seed {i}")
        actors = [self.session("SELECT INBOX") for _ in range(4)]
        failures = []

        def act(talk, label):
            try:
                for i in range(25):
                    uid = self.append(talk, f"{label} {i}")
                    talk.command("f", f"UID STORE {uid} +FLAGS.SILENT (by{label})", "OK")
                    if i % 3 == 0:
                        talk.command("d", f"UID STORE {uid} +FLAGS.SILENT (\\Deleted)", "OK")
                        talk.command("e", f"UID EXPUNGE {uid}", "OK")
            except BaseException as problem:
                failures.append(problem)

        threads = [threading.Thread(target=act, args=(talk, label)) for label, talk in enumerate(actors)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        truth = self.look(self.session("SELECT INBOX"))[0]
        self.assertEqual(len(truth), 20 + 4 * 16)
        for talk in [first, *actors]:
            talk.command("n", "NOOP", "OK")
            rows = talk.command("q", "FETCH 1:* (UID FLAGS)", "OK")
            seen = {int(re.search(r"UID (\d+)", row).group(1)): frozenset(re.search(r"FLAGS \(([^)]*)\)", row).group(1).split()) - {"\\Recent"}
                    for row in rows if " FETCH (" in row and "UID" in row}
            self.assertEqual(seen, truth)


if __name__ == "__main__":
    main()

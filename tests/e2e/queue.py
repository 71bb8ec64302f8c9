"""The queue end to end: mail to another host that takes, defers and refuses, and what the operator does about it."""

import json
import re
import socket
import threading
import time

from house import PATIENCE, HouseTest, free_ports, main, sample


class Sink:
    """Another host: answers RCPT as it was told, and keeps what it took."""

    def __init__(self):
        self.port = free_ports(1)[0]
        self.answers = {}  # local part → answer to RCPT; others are taken
        self.taken = []  # (recipients, message)
        self.connections = 0
        self.listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            link, _ = self.listener.accept()
            self.connections += 1
            threading.Thread(target=self.serve, args=(link,), daemon=True).start()

    def serve(self, link):
        lines = link.makefile("rb")

        def say(text):
            link.sendall(text.encode() + b"\r\n")

        say("220 sink.test")
        recipients = []
        for line in lines:
            verb = line[:4].upper()
            if verb == b"EHLO":
                say("250-sink.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES")
            elif verb == b"RCPT":
                address = re.search(rb"<([^>]*)>", line).group(1).decode()
                answer = self.answers.get(address.split("@")[0], "250 2.1.5 yes")
                if answer.startswith("2"):
                    recipients.append(address)
                say(answer)
            elif verb == b"DATA":
                if not recipients:
                    say("554 5.5.1 no valid recipients")
                    continue
                say("354 go on")
                message = b""
                for part in lines:
                    if part == b".\r\n":
                        break
                    message += part
                self.taken.append((recipients, message))
                recipients = []
                say("250 2.0.0 queued as sink-1")
            elif verb == b"QUIT":
                say("221 2.0.0 bye")
                break
            else:
                recipients = []
                say("250 2.0.0 yes")
        link.close()

    def took(self, address):
        return sum(address in recipients for recipients, _ in self.taken)


class Queue(HouseTest):
    def setUp(self):
        self.sink = Sink()
        self.house.run("route", "add", "*", "127.0.0.1", "--port", str(self.sink.port), "--tls", "none")
        for account in ("alice@north.test", "bob@north.test"):
            self.house.empty(account)

    def tearDown(self):
        self.house.run("queue", "drop", "--all")

    def json(self, *arguments):
        return json.loads(self.house.run(*arguments, "--json").stdout)

    def eventually(self, what):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            answer = what()
            if answer:
                return answer
            time.sleep(0.05)
        self.fail("it does not come")

    def waiting(self):
        return self.json("queue", "list", "--messages")["items"]

    def test_it_is_sent_at_once(self):
        self.house.submit("alice@north.test", ["carol@south.test", "bob@north.test"], sample("out"))
        self.eventually(lambda: self.sink.took("carol@south.test") == 1)
        self.eventually(lambda: len(self.house.mailbox("bob@north.test")) == 1)
        self.eventually(lambda: not self.waiting())

    def test_ten_messages_go_over_one_connection(self):
        for n in range(10):
            self.house.submit("alice@north.test", [f"c{n}@south.test"], sample(f"ten {n}"))
        self.eventually(lambda: len(self.sink.taken) == 10)
        self.assertLessEqual(self.sink.connections, 2)

    def test_what_is_deferred_waits_and_is_tried_when_told(self):
        self.sink.answers["carol"] = "450 4.2.0 come again"
        self.house.submit("alice@north.test", ["carol@south.test", "dave@south.test"], sample("later"))
        self.eventually(lambda: self.sink.took("dave@south.test") == 1)
        item = self.eventually(lambda: next((one for one in self.waiting() if one["recipients"][0]["attempts"]), None))
        self.assertEqual([one["recipient"] for one in item["recipients"]], ["carol@south.test"])
        self.assertIn("450", item["recipients"][0]["reply"])
        groups = self.json("queue", "list")["groups"]
        self.assertEqual([(one["domain"], one["entries"]) for one in groups], [("south.test", 1)])
        self.assertIn("next", groups[0])
        shown = self.house.run("queue", "show", item["id"]).stdout
        self.assertIn("carol@south.test", shown)
        self.assertIn("Subject: later", shown)
        self.house.kill()  # it waits on disk
        self.house.launch()
        self.assertEqual([one["id"] for one in self.waiting()], [item["id"]])
        del self.sink.answers["carol"]
        self.house.run("queue", "retry", "--domain", "south.test")
        self.eventually(lambda: self.sink.took("carol@south.test") == 1)
        self.eventually(lambda: not self.waiting())

    def test_what_is_refused_comes_back(self):
        self.sink.answers["nobody"] = "550 5.1.1 no such user"
        self.house.submit("alice@north.test", ["nobody@south.test"], sample("back"))
        bounce = self.eventually(lambda: self.house.mailbox("alice@north.test"))[0]
        self.assertIn("multipart/report", bounce.field("Content-Type")[0])
        self.assertIn(b"550 5.1.1 no such user", bounce.body)
        self.assertEqual(bounce.field("Return-Path"), ["<>"])
        self.assertFalse(self.waiting())

    def test_hold_release_fail_drop(self):
        self.sink.answers["carol"] = "450 4.2.0 come again"
        for n in range(2):
            self.house.submit("alice@north.test", ["carol@south.test"], sample(f"held {n}"))
        items = self.eventually(lambda: self.waiting() if len(self.waiting()) == 2 and
                                all(one["recipients"][0]["attempts"] for one in self.waiting()) else None)
        self.house.run("queue", "hold", "--all")
        self.assertEqual({one["recipients"][0]["state"] for one in self.waiting()}, {"held"})
        del self.sink.answers["carol"]
        self.house.run("queue", "retry", "--all")
        self.assertEqual(self.sink.took("carol@south.test"), 0)
        self.house.run("queue", "release", items[0]["id"])
        self.eventually(lambda: self.sink.took("carol@south.test") == 1)
        self.assertNotEqual(self.house.run("queue", "drop", items[1]["id"], "--as", "bob@north.test",
                                           check=False).returncode, 0)
        self.house.run("queue", "fail", items[1]["id"])
        self.eventually(lambda: len(self.house.mailbox("alice@north.test")) == 1)
        self.assertFalse(self.waiting())
        self.assertNotEqual(self.house.run("queue", "show", items[1]["id"], check=False).returncode, 0)

    def test_a_schedule_is_set_and_shown(self):
        self.house.run("queue", "schedule", "south.test", "--retry", "10s,1m", "--give-up", "2h", "--warn", "never")
        policies = {one["domain"]: one for one in self.json("queue", "schedule")["policies"]}
        self.assertEqual(policies["south.test"]["retry"], [10, 60])
        self.assertEqual(policies["south.test"]["giveUpAfter"], 7200)
        self.assertEqual(policies["*"]["giveUpAfter"], 5 * 86400)
        self.house.run("queue", "schedule", "south.test", "--usual")
        self.assertEqual([one["domain"] for one in self.json("queue", "schedule")["policies"]], ["*"])
        self.assertNotEqual(self.house.run("queue", "schedule", "x.test", "--retry", "soon", check=False).returncode, 0)

    def test_an_alias_may_lead_away(self):
        self.house.run("alias", "add", "away@north.test", "Carol@south.test", "bob@north.test")
        self.house.send("x@far.test", ["away@north.test"], sample("forwarded"))
        self.eventually(lambda: self.sink.took("Carol@south.test") == 1)
        self.eventually(lambda: len(self.house.mailbox("bob@north.test")) == 1)
        self.house.run("alias", "remove", "away@north.test")

    def test_an_hour_has_its_share(self):
        self.house.run("account", "outgoing", "bob@north.test", "2")
        with self.assertRaisesRegex(AssertionError, r"refused: .*c2@south.test.*\(450, b'4\.7\.1"):
            self.house.submit("bob@north.test", [f"c{n}@south.test" for n in range(3)], sample("flood", sender="bob@north.test"))
        shown = self.json("account", "show", "bob@north.test")
        self.assertEqual(shown["outgoingPerHour"], 2)
        self.assertEqual(shown["outgoingThisHour"], 2)
        self.house.run("account", "outgoing", "bob@north.test", "500")


if __name__ == "__main__":
    main()

"""The journey of a message: everything is told, in order, and neither passwords nor contents."""

import base64
import hmac
import http.client
import json
import os
import re
import smtplib
import socket
import subprocess
import time

from house import PATIENCE, PROGRAM, SCRATCH, HouseTest, main, sample

SECRET = "vEry-53cret-Passw0rd"
CONTENT = "unmistakable-content-of-the-letter"


def message_id_of(answer):
    return re.search(r"queued as ([0-9a-z]{13})", answer).group(1)


class Console(http.client.HTTPConnection):
    """The operator's API, over the Unix socket in the data folder."""

    def __init__(self, house):
        super().__init__("console")
        self.path = str(house.data / "console.sock")

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)

    def ask(self, method, target, body=None):
        self.request(method, target, json.dumps(body) if body is not None else None)
        answer = self.getresponse()
        status, document = answer.status, json.loads(answer.read())
        self.close()
        return status, document


class Journey(HouseTest):
    house_options = {"accounts": ("alice@north.test", "bob@north.test")}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.house.run("account", "add", "eve@north.test", stdin=SECRET + "\n")
        cls.house.run("alias", "add", "sales@north.test", "bob@north.test", "alice@north.test")

    def trace(self, *arguments):
        return json.loads(self.house.run("trace", *arguments, "--json").stdout)

    def text(self, *arguments):
        return self.house.run("trace", *arguments).stdout

    def submit(self, recipients, user="eve@north.test", password=SECRET, message=None):
        """Sends by smtplib over STARTTLS; answers the id."""
        with smtplib.SMTP("127.0.0.1", self.house.port["submission"], local_hostname="client.test",
                          timeout=PATIENCE) as client:
            client.starttls(context=self.house.tls())
            client.login(user, password)
            client.mail(user)
            for recipient in recipients:
                client.rcpt(recipient)
            code, answer = client.data(message or sample("journey", body=CONTENT.encode() + b"\r\n", sender=user))
            self.assertEqual(code, 250, answer)
        return message_id_of(answer.decode())

    def test_every_line_in_order(self):
        id = self.submit(["bob@north.test"])
        journey = self.trace(id)
        self.assertEqual(journey["id"], id)
        self.assertEqual(journey["from"], "eve@north.test")
        self.assertEqual([(r["email"], r["state"]) for r in journey["recipients"]], [("bob@north.test", "filed")])
        (hop,) = journey["hops"]
        self.assertEqual(hop["direction"], "in")
        self.assertTrue(hop["peer"].startswith("127.0.0.1:"))
        self.assertEqual(hop["tls"]["version"], "TLSv1.3")
        said = [("C " if line["speaker"] == "client" else "S ") + line["text"] for line in hop["dialogue"]]
        expected = [r"S 220 north\.test", r"C ehlo client\.test", r"S 250-north\.test", r"S 250[- ]", r"C STARTTLS",
                    r"S 220", r"C ehlo client\.test", r"S 250-north", r"C AUTH PLAIN \[SASL response\]", r"S 235",
                    r"C mail FROM:<eve@north\.test>", r"S 250 2\.1\.0", r"C rcpt TO:<bob@north\.test>", r"S 250 2\.1\.5",
                    r"C data", r"S 354", r"C \[\d+ bytes of message\]", rf"S 250 2\.0\.0 .* queued as {id}", r"C QUIT",
                    r"S 221"]
        place = 0
        for pattern in expected:
            while place < len(said) and not re.match(pattern, said[place], re.IGNORECASE):
                place += 1
            self.assertLess(place, len(said), f"{pattern} is missing in {said}")
            place += 1
        steps = [step["step"] for step in hop["steps"]]
        self.assertEqual(steps, ["login", "sender", "recipient", "accepted", "closed"])
        self.assertEqual([s["step"] for s in journey["steps"]], ["filed"])
        self.assertIn("INBOX, UID ", journey["recipients"][0]["result"])
        times = [line["after"] for line in hop["dialogue"]]
        self.assertEqual(times, sorted(times))

    def test_the_tree_and_the_conversation_as_text(self):
        id = self.submit(["bob@north.test"])
        tree = self.text(id)
        for word in (id, "eve@north.test → bob@north.test", "✓ bob@north.test", "TLSv1.3", "login", "accepted", "INBOX"):
            self.assertIn(word, tree)
        self.assertNotIn("RCPT", tree.upper())
        self.assertNotIn("\x1b", tree)  # to a pipe without colour
        conversation = self.text(id, "--dialogue")
        self.assertIn("C rcpt TO:<bob@north.test>", conversation)
        self.assertIn("S 250 2.1.5", conversation)

    def test_neither_passwords_nor_contents_are_kept(self):
        ids = [self.submit(["bob@north.test"])]  # AUTH PLAIN
        plain = base64.b64encode(f"\0eve@north.test\0{SECRET}".encode()).decode()
        with self.house.talk("submissions") as talk:
            talk.expect("220")
            talk.say("EHLO client.test", "250 ")
            talk.say("AUTH LOGIN", "334")
            talk.say(base64.b64encode(b"eve@north.test").decode(), "334")
            talk.say(base64.b64encode(SECRET.encode()).decode(), "235")
            talk.say("MAIL FROM:<eve@north.test>", "250")
            talk.say("RCPT TO:<bob@north.test>", "250")
            talk.say("DATA", "354")
            ids.append(message_id_of(talk.say(f"From: eve@north.test\r\nSubject: {CONTENT}\r\n\r\n{CONTENT}\r\n.", "250")))
        for command in (["--mechanism=SCRAM-SHA-256", "--no-cb"], ["--mechanism=SCRAM-SHA-256-PLUS"]):
            self.run_program("gsasl", "--client", "--smtp", "--no-client-first", "--quality=qop-auth", "--quiet",
                             f"--connect=localhost:{self.house.port['submission']}", "--starttls",
                             f"--x509-ca-file={self.house.certificate}", "--authentication-id=eve@north.test",
                             f"--password={SECRET}", *command, stdin=b"")
        with self.house.talk("submissions") as talk:  # a password where none is asked for, and one that is wrong
            talk.expect("220")
            talk.say("EHLO client.test", "250 ")
            talk.say(f"AUTH PLAIN {base64.b64encode(f'x{SECRET}'.encode()).decode()}", "5")
            talk.say(f"AUTH {SECRET}", "5")
            talk.say(base64.b64encode(SECRET.encode()).decode(), "5")
        secrets = [SECRET, plain, base64.b64encode(SECRET.encode()).decode()]
        everything = self.whole_journey()
        said = [event.get("text") for event in everything]
        self.assertTrue({"AUTH PLAIN [SASL response]", "AUTH LOGIN", "AUTH SCRAM-SHA-256", "AUTH SCRAM-SHA-256-PLUS",
                         "[SASL response]"} <= set(said))
        sessions = {event["sessionId"] for event in everything if "sessionId" in event}
        self.assertGreaterEqual(len(sessions), 4)
        for session in sessions:
            told = json.dumps(self.trace("--session", session))
            for secret in [*secrets, CONTENT]:
                self.assertFalse(secret in told, f"{secret} in session {session}")
        for id in ids:
            self.assertNotIn(CONTENT, json.dumps(self.trace(id)))
        self.house.stop()
        for file in self.house.data.rglob("*"):
            if file.is_file():
                bytes_on_disk = file.read_bytes()
                for secret in secrets:
                    self.assertFalse(secret.encode() in bytes_on_disk, f"{secret} in {file}")
        self.house.start()

    def whole_journey(self):
        """Every event the server has kept, by following from the beginning."""
        events, cursor = [], "0000000000001"
        while True:
            _, answer = Console(self.house).ask("GET", f"/v1/journeys/live?after={cursor}")
            if not answer["events"]:
                return events
            events += answer["events"]
            cursor = answer["cursor"]

    def test_refusals_are_found_as_well(self):
        with self.house.talk("smtp") as talk:
            talk.expect("220")
            talk.say("EHLO away.test", "250 ")
            talk.say("MAIL FROM:<carol@south.test>", "250")
            talk.say("RCPT TO:<nobody-of-that-name@north.test>", "550")
        (found,) = [self.trace("--to", "nobody-of-that-name@north.test")]
        self.assertEqual(found["from"], "carol@south.test")
        self.assertFalse(found["accepted"])
        self.assertEqual(found["recipients"][0]["state"], "refused")
        self.assertIn("550 5.1.1", self.text("--to", "nobody-of-that-name@north.test"))

    def test_found_by_sender_recipient_message_id_and_time(self):
        message = re.sub(rb"Message-ID: [^\r]*", b"Message-ID:\r\n <by-this@client.test>",
                         sample("found", sender="eve@north.test"))
        id = self.submit(["alice@north.test"], message=message)
        self.assertEqual(self.trace("--message-id", "<by-this@client.test>")["id"], id)
        listed = self.trace("--from", "eve@north.test", "--to", "ALICE@north.test")
        self.assertIn(id, [listed["id"]] if "id" in listed else [one["id"] for one in listed["journeys"]])
        self.assertIn(id, [one["id"] for one in self.trace("--since", "1h")["journeys"]])
        nothing = self.house.run("trace", "--until", "2h", check=False)
        self.assertNotEqual(nothing.returncode, 0)
        wrong = self.house.run("trace", "--since", "yesterday", check=False)
        self.assertEqual(wrong.returncode, 65)
        self.assertIn(id, self.text("--since", "1h"))

    def test_what_an_alias_leads_to_is_told_to_the_operator_alone(self):
        self.house.send("carol@south.test", ["sales@north.test"], sample("alias"))
        journey = self.trace("--to", "sales@north.test")
        (hop,) = journey["hops"]
        (step,) = [step for step in hop["steps"] if step["step"] == "leads to"]
        self.assertEqual(set(step["result"].split(", ")), {"alice@north.test", "bob@north.test"})
        self.assertEqual([end["email"] for end in journey["recipients"]], ["sales@north.test"] * 2)
        of_bob = self.house.run("trace", journey["id"], "--user", "bob@north.test", "--json").stdout
        self.assertIn("sales@north.test", of_bob)
        self.assertNotIn("alice@north.test", of_bob)

    def test_several_messages_in_one_session(self):
        with smtplib.SMTP("127.0.0.1", self.house.port["smtp"], local_hostname="away.test") as client:
            client.ehlo()
            ids = []
            for name in ("first", "second", "third"):
                client.mail(f"{name}@away.test")
                client.rcpt("bob@north.test")
                ids.append(message_id_of(client.data(sample(name))[1].decode()))
        for name, id in zip(("first", "second", "third"), ids):
            said = [line["text"] for line in self.trace(id)["hops"][0]["dialogue"]]
            self.assertIn("ehlo away.test", said)
            self.assertEqual([s for s in said if s.startswith("mail")], [f"mail FROM:<{name}@away.test>"])

    def test_a_user_sees_the_own_mail_only(self):
        id = self.submit(["bob@north.test", "alice@north.test"])

        def seen(user):
            run = self.house.run("trace", id, "--user", user, "--json", check=False)
            return run.stdout if run.returncode == 0 else ""

        def wait_for(user, what):
            for _ in range(100):
                if what in seen(user):
                    return seen(user)
                time.sleep(0.1)
            self.fail(f"{what} is not in {seen(user)}")

        of_bob = wait_for("bob@north.test", "INBOX")
        self.assertNotIn("alice@north.test", of_bob)
        self.assertIn("eve@north.test", of_bob)
        of_eve = wait_for("eve@north.test", "it is in the recipient's mailbox")
        self.assertIn("alice@north.test", of_eve)
        self.assertNotIn("INBOX", of_eve)
        other = self.submit(["alice@north.test"])
        self.assertEqual(self.house.run("trace", other, "--user", "bob@north.test", check=False).returncode, 67)
        self.assertNotIn(other, [one["id"] for one in self.trace("--user", "bob@north.test")["journeys"]])
        self.assertIn(other, [one["id"] for one in self.trace("--user", "alice@north.test")["journeys"]])

    def test_live(self):
        live = subprocess.Popen([PROGRAM, "trace", "--live", "--json", "--data", self.house.data],
                                stdout=subprocess.PIPE, text=True)
        try:
            time.sleep(1)
            id = self.submit(["bob@north.test"])
            for line in live.stdout:
                event = json.loads(line)
                if event.get("step") == "filed" and event["id"] == id:
                    break
        finally:
            live.kill()
            live.wait()
            live.stdout.close()

    def test_what_was_told_outlives_the_server(self):
        id = self.submit(["bob@north.test"])
        self.house.restart()
        self.assertEqual(self.trace(id)["recipients"][0]["state"], "filed")
        self.house.stop()
        self.assertEqual(self.trace(id)["recipients"][0]["state"], "filed")  # from the closed store
        self.house.start()


KEY = "0123456789abcdef" * 4


def proof(sender, receiver, id, depth, when, key=KEY):
    """As src/journey/peer_proof.h says."""

    def varint(number):
        out = b""
        while number >= 0x80:
            out += bytes([number & 0x7f | 0x80])
            number >>= 7
        return out + bytes([number])

    def text(value):
        return varint(len(value)) + value.encode()

    number = 0
    for letter in id:
        number = number * 32 + "0123456789abcdefghjkmnpqrstvwxyz".index(letter)
    message = text("posthouse journey 1") + text(sender) + text(receiver) + varint(number) + varint(depth) + varint(2 * when)
    return hmac.new(key.encode(), message, "sha256").hexdigest()


class Peer(HouseTest):
    """What another house may ask, and who may not."""

    @classmethod
    def setUpClass(cls):
        key = SCRATCH / f"peer-{os.getpid()}.key"
        SCRATCH.mkdir(parents=True, exist_ok=True)
        key.write_text(KEY + "\n")
        key.chmod(0o644)
        cls.addClassCleanup(key.unlink)
        cls.house_options = {
            "settings": f'[[trace_peer]]\nhost = "south.test"\nconsole = "unix:/nowhere/console.sock"\nkey = "{key}"\n'}
        super().setUpClass()

    def test_a_house_with_the_key_sees_one_message(self):
        self.house.send("carol@south.test", ["bob@north.test"], sample("peer"))
        listed = json.loads(self.house.run("trace", "--since", "1h", "--json").stdout)
        id, now = listed["journeys"][-1]["id"], int(time.time())

        def ask(sender="south.test", receiver="north.test", about=id, when=now, key=KEY, **changes):
            question = {"from": sender, "id": about, "depth": 0, "time": when,
                        "proof": proof(sender, receiver, about, 0, when, key), **changes}
            return Console(self.house).ask("POST", "/v1/trace-peer", question)

        status, journey = ask()
        self.assertEqual((status, journey["id"]), (200, id))
        self.assertEqual(journey["recipients"][0]["state"], "filed")
        refused = {
            "a wrong key": ask(key="f" * 64),
            "a stranger": ask(sender="west.test"),
            "made for another house": ask(receiver="east.test"),
            "for another message": ask(id=id[:-1] + ("0" if id[-1] != "0" else "1")),
            "deeper than proven": ask(depth=1),
            "of ten minutes ago": ask(when=now - 600),
            "of the future": ask(when=now + 600),
            "without a proof": ask(proof=""),
        }
        for why, (status, answer) in refused.items():
            self.assertEqual((status, "id" in answer), (403, False), why)


if __name__ == "__main__":
    main()

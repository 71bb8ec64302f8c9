"""`posthouse route` and `posthouse explain`, against the lab with its two houses and its DNS."""

import json
import os
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from house import PATIENCE, PROGRAM, SCRATCH, Folders, main


class Routing(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        SCRATCH.mkdir(parents=True, exist_ok=True)
        cls.folder = Path(tempfile.mkdtemp(prefix="Routing-", dir=SCRATCH))
        Folders.made.append(cls.folder)
        screen = cls.folder / "screen"
        with open(screen, "wb") as out:
            cls.process = subprocess.Popen([PROGRAM, "lab", "--data", cls.folder / "data", "--any-ports"], stdout=out,
                                           stderr=subprocess.STDOUT, env=dict(os.environ, HOME=str(cls.folder)))
        deadline = time.monotonic() + PATIENCE
        while "Ctrl-C" not in screen.read_text():
            assert cls.process.poll() is None and time.monotonic() < deadline, screen.read_text()
            time.sleep(0.02)

    @classmethod
    def tearDownClass(cls):
        cls.process.kill()
        cls.process.wait()

    def run_command(self, *words, status=0, text=""):
        done = subprocess.run([PROGRAM, *words, "--data", self.folder / "data"], input=text, capture_output=True, text=True,
                              timeout=PATIENCE, env=dict(os.environ, HOME=str(self.folder), NO_COLOR="1"))
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def explain(self, sender, *recipients):
        return json.loads(self.run_command("explain", sender, *recipients, "--json"))

    def route_of(self, domain):
        recipient = self.explain("alice@north.test", f"somebody@{domain}")["recipients"][0]
        self.assertEqual(recipient["reply"]["code"], 250, recipient)
        return recipient["remote"][0]

    def test_the_way_to_the_other_house(self):
        told = self.explain("alice@north.test", "carol@south.test", "bob+lists@north.test", "nobody@north.test")
        self.assertEqual((told["door"], told["login"], told["reply"]["code"]), ("msa", "alice@north.test", 250))
        carol, bob, nobody = told["recipients"]
        route = carol["remote"][0]
        self.assertEqual((route["kind"], route["domain"], route["tls"]), ("hosts", "south.test", "opportunistic"))
        host = route["hosts"][0]
        self.assertEqual((host["name"], host["preference"], host["addresses"]), ("mx.south.test", 10, ["127.0.0.2"]))
        self.assertEqual({fact["question"]: fact["answers"] for fact in route["dns"]},
                         {"MX south.test": ["10 mx.south.test"], "AAAA mx.south.test": [], "A mx.south.test": ["127.0.0.2"]})
        self.assertEqual(route["retry"]["delays"][:2], [60, 300])
        self.assertEqual(bob["local"], [{"account": "bob@north.test", "subaddress": "lists"}])
        self.assertEqual((nobody["reply"]["code"], nobody["reply"]["status"]), (550, "5.1.1"))

    def test_in_words(self):
        text = self.run_command("explain", "alice@north.test", "carol@south.test", "someone@nomx.test")
        for part in ("alice@north.test lives here and logs in", "mx.south.test", "127.0.0.2", "STARTTLS where the host offers it",
                     "again after 1 min, 5 min", "DNS        MX south.test → 10 mx.south.test", "5.1.10", "null MX"):
            self.assertIn(part, text)

    def test_the_world_is_not_relayed(self):
        told = self.explain("mallory@elsewhere.test", "carol@south.test")
        self.assertEqual((told["door"], told["recipients"][0]["reply"]["code"]), ("mta/receive", 550))
        self.assertEqual(told["recipients"][0]["remote"], [])

    def test_what_cannot_be_reached(self):
        for domain, kind, status in (("nowhere.test", "failed", "5.1.2"), ("nomx.test", "failed", "5.1.10")):
            route = self.route_of(domain)
            self.assertEqual((route["kind"], route["status"]), (kind, status), route)

    def test_stored_routes(self):
        self.run_command("route", "add", "far.test", "mx.south.test", "--port", "2626")
        self.run_command("route", "add", "*", "127.0.0.9", "--login", "me", "--any-certificate", text="secret\n")
        rows = json.loads(self.run_command("route", "list", "--json"))["routes"]
        self.assertEqual([(row["domain"], row["host"], row["port"], row["tls"]) for row in rows],
                         [("*", "127.0.0.9", 587, "required"), ("far.test", "mx.south.test", 2626, "opportunistic")])
        self.assertNotIn("secret", self.run_command("route", "list", "--json"))
        self.assertIn("STARTTLS, or nothing is sent, with any certificate", self.run_command("route", "show", "elsewhere.test"))
        route = self.route_of("far.test")
        self.assertEqual((route["smarthost"], route["destination"], route["hosts"][0]["addresses"]),
                         (True, "mx.south.test:2626", ["127.0.0.2"]))
        self.assertEqual(self.route_of("elsewhere.test")["login"], "me")
        self.run_command("route", "remove", "*")
        self.run_command("route", "remove", "far.test")
        self.assertEqual(json.loads(self.run_command("route", "list", "--json"))["routes"], [])
        self.assertIn("no stored route", self.run_command("route", "show", "far.test", status=67))

    def test_what_is_refused(self):
        self.assertIn("one of our domains", self.run_command("route", "add", "north.test", "127.0.0.9", status=65))
        self.assertIn("in the clear", self.run_command("route", "add", "far.test", "127.0.0.9", "--login", "me", "--tls", "none",
                                                       status=65, text="secret\n"))
        self.assertIn("is no address", self.run_command("explain", "alice@north.test", "carol", status=65))


if __name__ == "__main__":
    main()

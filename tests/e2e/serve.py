"""`posthouse serve` with a real configuration: two domains, IPv4 and IPv6, a user to become, and what stops it."""

import grp
import os
import pwd
import re
import signal
import socket
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from house import DOORS, PASSWORD, PROGRAM, SCRATCH, Folders, House, main, make_certificate, sample, free_ports


class TwoFamilies(House):
    """Listens on 127.0.0.1 and on ::1."""

    def configuration(self):
        if not hasattr(self, "six"):
            self.six = dict(zip(self.doors, free_ports(len(self.doors), "::1")))
        listen = "\n".join(f'{door} = ["127.0.0.1:{self.port[door]}", "[::1]:{self.six[door]}"]' for door in self.doors)
        return re.sub(r"(?s)\[listen\].*?(?=\[\[tls\]\])", f"[listen]\n{listen}\n", super().configuration())


class Serve(unittest.TestCase):
    def setUp(self):
        SCRATCH.mkdir(parents=True, exist_ok=True)
        self.folder = Path(tempfile.mkdtemp(prefix="Serve-", dir=SCRATCH))
        self.folder.chmod(0o755)
        Folders.made.append(self.folder)
        self.houses = []

    def tearDown(self):
        for house in self.houses:
            if house.process is not None:
                house.kill()

    def house(self, name="house", kind=House, **options):
        house = kind(self.folder / name, **options)
        self.houses.append(house)
        return house

    def refused(self, house):
        """Starts a server that must refuse: its exit code and what it said."""
        config = house.folder / "posthouse.toml"
        config.write_text(house.configuration())
        done = subprocess.run([PROGRAM, "serve", "--config", config], capture_output=True, text=True, timeout=60,
                              env=dict(os.environ, HOME=str(house.folder)))
        self.assertNotEqual(done.returncode, 0)
        return done.returncode, done.stdout + done.stderr

    def test_two_domains_on_both_families(self):
        house = self.house(kind=TwoFamilies, hostname="mail.north.test",
                           accounts=("alice@north.test", "carol@south.test")).start()
        message = sample("across domains", recipient="carol@south.test")
        house.submit("alice@north.test", ["carol@south.test"], message)
        with socket.create_connection(("::1", house.six["smtp"]), timeout=30) as six:
            self.assertTrue(six.recv(1000).startswith(b"220 mail.north.test ESMTP Posthouse"))
        self.assertEqual([m.without_trace for m in house.mailbox("carol@south.test")], [message])
        house.stop()

    def test_mail_is_there_after_a_restart_and_after_kill(self):
        house = self.house().start()
        uids = []
        for end in (house.stop, house.kill, house.kill):
            house.send("x@away.test", ["bob@north.test"], sample(f"letter {len(uids)}"))
            uids.append(len(uids) + 1)
            end()
            self.assertTrue(house.launch(), house.log_end())
            kept = house.mailbox("bob@north.test")
            self.assertEqual([m.uid for m in kept], uids)
            self.assertEqual(kept[-1].field("Subject"), [f"letter {len(uids) - 1}"])
        house.stop()

    # F16: sessions are told, and the end comes soon.
    def test_sigterm_says_goodbye(self):
        house = self.house().start()
        smtp, imap, pop3, mid_data = (house.talk(door) for door in ("smtp", "imaps", "pop3s", "smtp"))
        smtp.expect("220")
        imap.line()
        imap.command("a", f"LOGIN bob@north.test {PASSWORD}", "OK")
        imap.command("b", "SELECT INBOX", "OK")
        imap.write(b"c IDLE\r\n")
        imap.line()
        pop3.line()
        mid_data.expect("220")
        for line, start in (("HELO x", "250"), ("MAIL FROM:<>", "250"), ("RCPT TO:<bob@north.test>", "250"), ("DATA", "354")):
            mid_data.say(line, start)
        mid_data.write(b"Subject: half\r\n\r\nhalf a mess")
        house.process.send_signal(signal.SIGTERM)
        smtp.expect("421 4.")
        smtp.expect_closed()
        while not imap.line().startswith("* BYE"):
            pass
        imap.expect_closed()
        mid_data.expect("421 4.")
        self.assertEqual(house.process.wait(30), 0)
        house.process = None
        self.assertTrue(house.launch())
        self.assertEqual(house.mailbox("bob@north.test"), [])
        house.stop()

    def test_sigint_is_clean(self):
        house = self.house().start()
        house.process.send_signal(signal.SIGINT)
        self.assertEqual(house.process.wait(30), 0)
        house.process = None

    def test_a_second_server_says_who_holds_it(self):
        first = self.house("first").start()
        pid = str(first.process.pid)
        port = self.house("port")
        port.port = dict(first.port)
        code, text = self.refused(port)
        self.assertRegex(text, rf"{first.port['smtp']}")
        self.assertIn(pid, text)
        folder = self.house("folder")
        folder.data = first.data
        folder.port = dict(zip(DOORS, free_ports(len(DOORS))))
        code, text = self.refused(folder)
        self.assertIn(str(first.data), text)
        self.assertIn(pid, text)
        first.send("x@away.test", ["bob@north.test"], sample("still here"))
        self.assertEqual(len(first.mailbox("bob@north.test")), 1)
        first.stop()

    def test_wrong_settings_are_named(self):
        house = self.house()
        house.port = dict(zip(DOORS, free_ports(len(DOORS))))
        good = house.configuration()
        for wrong, expected in (("hostnam = 1\n" + good, "hostnam"), (good.replace("127.0.0.1:", "127.0.0.1;", 1), "smtp"),
                                (good.replace("hostname", "#hostname"), "hostname"), ("hostname = [", "toml"),
                                (good + "\n[limits]\nconnections = -5\n", "connections"),
                                (good + "\n[[tls]]\ncertificate = 'x'\n", "tls")):
            with self.subTest(expected):
                house.configuration = lambda text=wrong: text
                code, text = self.refused(house)
                self.assertIn(expected, text)
                self.assertEqual(code, 78, text)
        house.configuration = lambda: good.replace("certificate.pem", "gone.pem")
        self.assertIn("gone.pem", self.refused(house)[1])
        done = subprocess.run([PROGRAM, "serve", "--config", self.folder / "none.toml"], capture_output=True, text=True)
        self.assertIn("none.toml", done.stderr)
        self.assertNotEqual(done.returncode, 0)

    @unittest.skipUnless(os.geteuid() == 0, "only root can become somebody")
    def test_root_becomes_the_user(self):
        house = self.house()
        house.port = dict(zip(DOORS, free_ports(len(DOORS))))
        house.user = None
        code, text = self.refused(house)
        self.assertRegex(text, r"(?i)root.*\buser\b")

        house.user = "nobody"
        house.top = f'pid_file = "{self.folder}/pid"\n'
        (self.folder / "pid").touch()
        os.chown(self.folder / "pid", pwd.getpwnam("nobody").pw_uid, grp.getgrnam("nogroup").gr_gid)
        self.assertTrue(house.launch(), house.log_end())
        status = Path(f"/proc/{house.process.pid}/status").read_text()
        nobody = str(pwd.getpwnam("nobody").pw_uid)
        self.assertEqual(re.search(r"Uid:\s+(.*)", status).group(1).split(), [nobody] * 4)
        self.assertEqual(re.search(r"Groups:(.*)", status).group(1).split() or ["65534"], ["65534"])
        self.assertRegex(status, r"CapEff:\s+0+\n")
        self.assertEqual((self.folder / "pid").read_text().strip(), str(house.process.pid))
        self.assertEqual(house.data.stat().st_mode & 0o777, 0o700)
        self.assertEqual(house.data.stat().st_uid, int(nobody))
        house.found()
        house.send("x@away.test", ["bob@north.test"], sample("as nobody"))
        self.assertEqual(len(house.mailbox("bob@north.test")), 1)
        house.stop()

    def test_certificates_are_read_again(self):
        house = self.house().start()

        def shown():
            with socket.create_connection(("127.0.0.1", house.port["imaps"])) as plain:
                with house.tls_without_checks().wrap_socket(plain) as secure:
                    return secure.getpeercert(binary_form=True)

        before = shown()
        make_certificate(house.folder)
        house.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 60
        while shown() == before:
            self.assertLess(time.monotonic(), deadline, "the old certificate is shown still")
            time.sleep(0.1)
        # A broken file changes nothing.
        after = shown()
        house.certificate.write_text("no certificate")
        house.process.send_signal(signal.SIGHUP)
        time.sleep(0.5)
        self.assertEqual(shown(), after)
        house.stop()

    def test_connection_limits(self):
        house = self.house(settings="[limits]\nconnections_per_address = 5\n").start()
        talks = [house.talk("smtp") for _ in range(5)]
        for talk in talks:
            talk.expect("220")
        sixth = house.talk("smtp")
        sixth.expect("421 4.")
        sixth.expect_closed()
        talks[0].say("QUIT", "221")
        talks[0].expect_closed()
        deadline = time.monotonic() + 60
        while True:
            again = house.talk("smtp")
            if again.reply()[-1].startswith("220"):
                break
            self.assertLess(time.monotonic(), deadline, "the place is not given back")
        for talk in talks[1:]:
            talk.socket.close()
        again.socket.close()
        house.stop()


if __name__ == "__main__":
    main()

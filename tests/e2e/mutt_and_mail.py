"""mutt and s-nail in batch mode: what people at a terminal send and read with.

mutt 2.2 is told which mechanism to use for submission: left alone it takes SCRAM-SHA-256-PLUS, for which
it has no channel binding, and gives up.
"""

import email
import email.policy
import os
import pty
import select
import subprocess

from house import PASSWORD, PATIENCE, HouseTest, main, sample

MUTTRC = """
set from = "alice@north.test"
set realname = "Alice"
set use_from = yes
set hostname = "north.test"
set smtp_url = "{scheme}://alice@north.test@localhost:{port}/"
set smtp_pass = "{password}"
set smtp_authenticators = "plain"
set imap_user = "alice@north.test"
set imap_pass = "{password}"
set folder = "imaps://localhost:{imaps}/"
set spoolfile = "+INBOX"
set record = "+Sent"
set ssl_starttls = yes
set ssl_force_tls = yes
set ssl_ca_certificates_file = "{certificate}"
set certificate_file = "{certificate}"
set send_charset = "us-ascii:utf-8"
set header_cache = ""
"""


class MuttAndMail(HouseTest):
    def setUp(self):
        for account in ("alice@north.test", "bob@north.test"):
            for name in ("INBOX", "Sent"):
                self.house.empty(account, name)

    def muttrc(self, scheme="smtps", door="submissions"):
        file = self.folder / "muttrc"
        file.write_text(MUTTRC.format(scheme=scheme, port=self.house.port[door], imaps=self.house.port["imaps"],
                                      password=PASSWORD, certificate=self.house.certificate))
        return file

    def mutt(self, rc, *words, text=b""):
        return self.run_program("mutt", "-n", "-F", rc, *words, stdin=text)

    def test_mutt_sends_and_keeps_a_copy_in_sent(self):
        attachment = self.folder / "notes.bin"
        attachment.write_bytes(bytes(range(256)))
        for scheme, door in (("smtps", "submissions"), ("smtp", "submission")):
            self.mutt(self.muttrc(scheme, door), "-s", f"Grüße by {scheme}", "-a", attachment, "--", "bob@north.test",
                      text="Hello Bob,\n.\nÄpfel\n".encode())
        inbox, sent = self.house.mailbox("bob@north.test"), self.house.mailbox("alice@north.test", "Sent")
        self.assertEqual((len(inbox), len(sent)), (2, 2))
        for kept in inbox + sent:
            message = email.message_from_bytes(kept.whole, policy=email.policy.default)
            self.assertRegex(message["Subject"], r"^Grüße by smtps?$")
            text, attached = message.iter_parts()
            self.assertEqual(text.get_content().replace("\r\n", "\n"), "Hello Bob,\n.\nÄpfel\n")
            self.assertEqual(attached.get_content(), bytes(range(256)))
        for kept in sent:
            self.assertIn("\\Seen", kept.flags)

    def test_mutt_bcc_is_not_seen(self):
        self.mutt(self.muttrc(), "-s", "quiet", "-b", "alice@north.test", "bob@north.test", text=b"x\n")
        for account in ("alice@north.test", "bob@north.test"):
            (message,) = self.house.mailbox(account)
            self.assertEqual(message.field("Bcc"), [])

    def mutt_on_a_terminal(self, rc, keys):
        """mutt as people use it, on INBOX: `keys` are pressed, then it quits."""
        settings = ["set quit=yes", "set delete=yes", "set confirmappend=no", "set confirmcreate=no", "set wait_key=no", "set mark_old=no",
                    "set sort=mailbox-order", f'push "{keys}<quit>"']
        command = ["mutt", "-n", "-F", str(rc), *[word for one in settings for word in ("-e", one)]]
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        ours, its = pty.openpty()
        process = subprocess.Popen(command, stdin=its, stdout=its, stderr=its, cwd=home, start_new_session=True,
                                   env=dict(os.environ, HOME=str(home), TERM="vt100", LC_ALL="C.UTF-8", LINES="40", COLUMNS="100"))
        os.close(its)
        seen = b""
        try:
            while select.select([ours], [], [], PATIENCE)[0]:
                piece = os.read(ours, 65536)
                seen += piece
                if not piece:
                    break
        except OSError:  # how a terminal whose program has ended says so
            pass
        finally:
            os.close(ours)
            if process.poll() is None and not seen:
                process.kill()
        self.assertEqual(process.wait(PATIENCE), 0, seen[-2000:])
        return seen.decode(errors="replace")

    def test_mutt_reads_and_files_by_imap(self):
        for number in range(1, 6):
            self.house.send("x@away.test", ["alice@north.test"], sample(f"letter {number}", b"the text of %d\r\n" % number,
                                                                        recipient="alice@north.test"))
        self.house.empty("alice@north.test", "Archive")
        read = self.folder / "read-by-mutt"
        seen = self.mutt_on_a_terminal(self.muttrc(), (
            f"2<enter><enter-command>set pipe_decode<enter><display-message><exit><pipe-message>cat > {read}<enter>"  # reads the second
            "3<enter><flag-message>"
            "4<enter><save-message>=Archive<enter>"  # copied there, and deleted here when it quits
            "5<enter><delete-message>"
            "<limit>~b 'the text of 1'<enter><set-flag>r<limit>all<enter>"))
        self.assertIn("letter 3", seen)
        self.assertIn("the text of 2", read.read_text())
        there = {message.field("Subject")[0]: message for message in self.house.mailbox("alice@north.test")}
        self.assertEqual(set(there), {"letter 1", "letter 2", "letter 3"})
        self.assertIn("\\Seen", there["letter 2"].flags)
        self.assertIn("\\Flagged", there["letter 3"].flags)
        self.assertIn("\\Answered", there["letter 1"].flags)
        (filed,) = self.house.mailbox("alice@north.test", "Archive")
        self.assertEqual((filed.field("Subject"), filed.body), (["letter 4"], b"the text of 4\r\n"))

    def nail(self, *words, text=b"", settings=()):
        base = ["v15-compat", "smtp-auth=plain", f"tls-ca-file={self.house.certificate}", "tls-verify=strict",
                f"user=alice@north.test", f"password={PASSWORD}", "hostname=north.test", "from=alice@north.test",
                "sendcharsets=utf-8", "nosave", "ttycharset=utf-8", *settings]
        options = [word for one in base for word in ("-S", one)]
        return self.run_program("s-nail", "-:/", *options, *words, stdin=text,
                                environment={"MAIL": "/dev/null", "MAILRC": "/dev/null"})

    def account_url(self, scheme, door, user="alice%40north.test"):
        return f"{scheme}://{user}:{PASSWORD}@localhost:{self.house.port[door]}"

    def test_s_nail_sends(self):
        self.nail("-s", "from s-nail", "bob@north.test", text="Grüße\n".encode(),
                  settings=[f"mta={self.account_url('smtps', 'submissions')}"])
        (kept,) = self.house.mailbox("bob@north.test")
        message = email.message_from_bytes(kept.whole, policy=email.policy.default)
        self.assertEqual((message["Subject"], message.get_content().replace("\r\n", "\n")),
                         ("from s-nail", "Grüße\n"))

    def test_s_nail_reads_by_imap_and_pop3(self):
        for number in (1, 2):
            self.house.send("x@away.test", ["alice@north.test"], sample(f"letter {number}", b"text %d\r\n" % number,
                                                                        recipient="alice@north.test"))
        for scheme, door in (("imaps", "imaps"), ("pop3s", "pop3s")):
            output = self.nail("-R", "-f", self.account_url(scheme, door) + ("/INBOX" if scheme == "imaps" else ""),
                               text=b"headers\ntype 1 2\nxit\n")
            for text in ("letter 1", "letter 2", "text 1", "text 2"):
                self.assertIn(text, output, scheme)
        self.assertEqual(len(self.house.mailbox("alice@north.test")), 2)


if __name__ == "__main__":
    main()

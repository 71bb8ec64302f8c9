"""fetchmail takes the mail home: by POP3 and IMAP, keeping it and not; each message exactly once."""

import email

from house import PASSWORD, HouseTest, main, sample

CONFIG = """
poll localhost service {port} protocol {protocol} {uidl}
  user "bob@north.test" password "{password}" is root here
  {tls} sslcertck sslcertfile {certificate}
  mda "{script}"
  {keep} no rewrite no forcecr
"""


class Fetchmail(HouseTest):
    def setUp(self):
        self.house.empty("bob@north.test")
        self.home = self.folder / self._testMethodName
        self.box = self.home / "taken"
        self.box.mkdir(parents=True)
        # Called by fetchmail with each message on standard input, lines ended by LF.
        self.script = self.home / "keep"
        self.script.write_text(f'#!/bin/sh\nexec cat > "$(mktemp {self.box}/XXXXXXXX)"\n')
        self.script.chmod(0o755)
        self.sent = [sample(f"letter {i}", b"line\r\n.\r\n..two\r\n" * i) for i in range(1, 8)]
        for message in self.sent:
            self.house.send("x@away.test", ["bob@north.test"], message)

    def fetch(self, protocol, door, tls="ssl", keep="no keep", uidl="", nothing_new=False):
        config = self.folder / "fetchmailrc"
        config.write_text(CONFIG.format(port=self.house.port[door], protocol=protocol, password=PASSWORD, tls=tls,
                                        certificate=self.house.certificate, script=self.script, keep=keep, uidl=uidl))
        config.chmod(0o600)
        self.output = self.run_program("fetchmail", "-f", config, "--pidfile", self.home / "pid", "-i", self.home / "ids",
                                       "--nosyslog", "-v", check=False, environment={"FETCHMAILHOME": str(self.home)})
        if nothing_new:
            self.assertRegex(self.output, r"(?i)no mail|no new|seen")

    def check_taken(self):
        """Each message that was sent has been taken once, with its body as it was."""
        taken = [email.message_from_bytes(file.read_bytes()) for file in self.box.iterdir()]
        sent = [email.message_from_bytes(message.replace(b"\r\n", b"\n")) for message in self.sent]
        self.assertEqual(sorted((m["Subject"], m.get_payload()) for m in taken),
                         sorted((m["Subject"], m.get_payload()) for m in sent), self.output)

    def test_pop3_over_tls(self):
        self.fetch("pop3", "pop3s")
        self.check_taken()
        self.assertEqual(self.house.mailbox("bob@north.test"), [])

    def test_pop3_by_stls(self):
        self.fetch("pop3", "pop3", tls="sslproto tls1.2+")
        self.check_taken()
        self.assertEqual(self.house.mailbox("bob@north.test"), [])

    def test_imap_over_tls(self):
        self.fetch("imap", "imaps")
        self.check_taken()
        self.assertEqual(self.house.mailbox("bob@north.test"), [])

    def test_imap_by_starttls_keeping(self):
        self.fetch("imap", "imap", tls="sslproto tls1.2+", keep="keep")
        self.check_taken()
        self.assertEqual([m.flags for m in self.house.mailbox("bob@north.test")], [{"\\Seen"}] * 7)
        self.fetch("imap", "imap", tls="sslproto tls1.2+", keep="keep", nothing_new=True)
        self.check_taken()  # nothing came twice

    def test_pop3_keeping_by_uidl(self):
        self.fetch("pop3", "pop3s", keep="keep", uidl="uidl")
        self.check_taken()
        self.assertEqual(len(self.house.mailbox("bob@north.test")), 7)
        late = sample("late", b"late\r\n")
        self.house.send("x@away.test", ["bob@north.test"], late)
        self.sent.append(late)
        self.fetch("pop3", "pop3s", keep="keep", uidl="uidl")
        self.check_taken()


if __name__ == "__main__":
    main()

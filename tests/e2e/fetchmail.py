"""fetchmail takes the mail home: by POP3 and IMAP, keeping it and not; each message exactly once."""

import mailbox

from house import PASSWORD, HouseTest, main, sample

CONFIG = """
poll localhost service {port} protocol {protocol} {uidl}
  user "bob@north.test" password "{password}" is root here
  {tls} sslcertck sslcertfile {certificate}
  mda "/bin/sh -c 'echo \\"From fetchmail Thu Jan  1 00:00:00 2026\\" >> {box}; sed -e \\"s/^From />From /\\" >> {box}; echo >> {box}'"
  {keep} no rewrite no forcecr
"""


class Fetchmail(HouseTest):
    def setUp(self):
        self.house.empty("bob@north.test")
        self.box = self.folder / f"{self._testMethodName}.mbox"
        self.sent = [sample(f"letter {i}", b"line\r\n.\r\n..two\r\n" * i) for i in range(1, 8)]
        for message in self.sent:
            self.house.send("x@away.test", ["bob@north.test"], message)

    def fetch(self, protocol, door, tls="ssl", keep="no keep", uidl="", expect=0):
        config = self.folder / "fetchmailrc"
        config.write_text(CONFIG.format(port=self.house.port[door], protocol=protocol, password=PASSWORD, tls=tls,
                                        certificate=self.house.certificate, box=self.box, keep=keep, uidl=uidl))
        config.chmod(0o600)
        home = self.folder / self._testMethodName
        home.mkdir(exist_ok=True)
        done = self.run_program("fetchmail", "-f", config, "--pidfile", home / "pid", "-i", home / "ids", "--nosyslog",
                                "-v", check=False, environment={"FETCHMAILHOME": str(home)})
        self.assertRegex(done, "" if expect == 0 else "No mail|0 messages|no unread|seen")
        return done

    def fetched(self):
        return [(m["Subject"], m.get_payload()) for m in mailbox.mbox(self.box, create=False)]

    def expected(self):
        result = []
        for message in self.sent:
            text = message.decode().replace("\r\n", "\n")
            subject = [line for line in text.split("\n") if line.startswith("Subject: ")][0][9:]
            result.append((subject, text.split("\n\n", 1)[1]))
        return result

    def check_taken(self):
        self.assertEqual([(s, b.rstrip("\n")) for s, b in self.fetched()],
                         [(s, b.rstrip("\n")) for s, b in self.expected()])

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
        self.fetch("imap", "imap", tls="sslproto tls1.2+", keep="keep", expect=1)
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

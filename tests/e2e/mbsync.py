"""mbsync keeps a Maildir and the house in step, both ways; run again, it changes nothing.

It chooses the login mechanism itself, also where Cyrus SASL's modules are installed (docs/decisions.md 7).
"""

import mailbox
import os

from house import PASSWORD, HouseTest, main, sample

CONFIG = """
IMAPAccount house
Host localhost
Port {port}
User bob@north.test
Pass {password}
SSLType {ssl}
CertificateFile {certificate}

IMAPStore far
Account house

MaildirStore near
Path {maildir}/
Inbox {maildir}/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Both
Remove Both
Expunge Both
CopyArrivalDate yes
SyncState *
"""


class Mbsync(HouseTest):
    def setUp(self):
        self.maildir = self.folder / "maildir" / self._testMethodName
        self.maildir.mkdir(parents=True)
        for name in ("INBOX", "Archive", "Sent"):
            self.house.empty("bob@north.test", name)

    def sync(self, door="imaps", ssl="IMAPS"):
        config = self.folder / "mbsyncrc"
        config.write_text(CONFIG.format(port=self.house.port[door], password=PASSWORD, ssl=ssl,
                                        certificate=self.house.certificate, maildir=self.maildir))
        return self.run_program("mbsync", "-V", "-c", config, "all")

    def near(self, name="INBOX"):
        """Messages by subject: flags and bytes."""
        found = {}
        for message in mailbox.Maildir(self.maildir / name, create=False):
            found[message["Subject"]] = "".join(sorted(message.get_flags()))
        return found

    def files(self):
        found = {}
        for folder, _, names in os.walk(self.maildir):
            for name in names:
                path = os.path.join(folder, name)
                if not name.startswith("."):
                    found[os.path.relpath(path, self.maildir)] = open(path, "rb").read()
        return found

    def far(self, name="INBOX"):
        return {m.field("Subject")[0]: m for m in self.house.mailbox("bob@north.test", name)}

    def state_of_the_house(self):
        return {name: [(m.uid, sorted(m.flags), m.whole) for m in self.house.mailbox("bob@north.test", name)]
                for name in ("INBOX", "Archive", "Sent")}

    def add_near(self, subject, flags="", name="INBOX"):
        maildir = mailbox.Maildir(self.maildir / name, create=True)
        message = mailbox.MaildirMessage(sample(subject).replace(b"\r\n", b"\n"))
        message.set_flags(flags)
        if flags:
            message.set_subdir("cur")
        maildir.add(message)

    def check_two_ways(self, **tls):
        for i in range(20):
            self.house.send("x@away.test", ["bob@north.test"], sample(f"far {i}", b"8 bit \xe4\xff and dots\r\n.\r\n..\r\n"))
        self.sync(**tls)
        self.assertEqual(set(self.near()), {f"far {i}" for i in range(20)})

        # Changes on both sides at once: new ones, flags, deletions.
        self.add_near("near new", "S")
        self.add_near("near draft", "DFS")
        maildir = mailbox.Maildir(self.maildir / "INBOX", create=False)
        for key, message in list(maildir.items()):
            if message["Subject"] == "far 3":
                message.add_flag("RS")
                message.set_subdir("cur")
                maildir[key] = message
            if message["Subject"] == "far 4":
                maildir.remove(key)
        client = self.house.imap("bob@north.test")
        client.select()
        uids = {subject: m.uid for subject, m in self.far().items()}
        client.uid("STORE", str(uids["far 5"]), "+FLAGS", r"(\Flagged \Seen)")
        client.uid("STORE", str(uids["far 6"]), "+FLAGS", r"(\Deleted)")
        client.expunge()
        client.uid("COPY", str(uids["far 7"]), "Archive")
        client.logout()
        self.sync(**tls)

        far, near = self.far(), self.near()
        self.assertEqual(set(far), set(near))
        self.assertNotIn("far 4", far)
        self.assertNotIn("far 6", near)
        self.assertEqual(far["near new"].flags, {"\\Seen"})
        self.assertEqual(far["near draft"].flags, {"\\Seen", "\\Draft", "\\Flagged"})
        self.assertEqual(far["far 3"].flags, {"\\Seen", "\\Answered"})
        self.assertEqual(near["far 5"], "FS")
        self.assertEqual(set(self.near("Archive")), {"far 7"})
        self.assertIn(b"8 bit \xe4\xff and dots\r\n.\r\n..\r\n", far["far 9"].whole)

        # Once more: nothing changes, on neither side.
        house, files = self.state_of_the_house(), self.files()
        self.sync(**tls)
        self.assertEqual(self.state_of_the_house(), house)
        self.assertEqual(self.files(), files)

    def test_two_ways_and_then_nothing(self):
        self.check_two_ways()

    def test_the_same_by_starttls(self):
        self.check_two_ways(door="imap", ssl="STARTTLS")

    def test_folders_both_ways(self):
        client = self.house.imap("bob@north.test")
        client.create("lists/cpp")
        client.append("lists/cpp", None, None, sample("in a folder"))
        self.add_near("made here", name="plans")
        self.sync()
        self.assertEqual(set(self.near("lists/cpp")), {"in a folder"})
        self.assertEqual(set(self.far("plans")), {"made here"})
        house, files = self.house.mailbox("bob@north.test", "plans")[0].uid, self.files()
        self.sync()
        self.assertEqual(self.house.mailbox("bob@north.test", "plans")[0].uid, house)
        self.assertEqual(self.files(), files)
        for name in ("lists/cpp", "lists", "plans"):
            client.delete(name)
        client.logout()


if __name__ == "__main__":
    main()

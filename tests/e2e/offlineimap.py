"""OfflineIMAP keeps a Maildir and the house in step, both ways; run again, it changes nothing.

It asks otherwise than mbsync: a session a folder, `UID SEARCH` for new ones, APPEND and then a search for its own
X-OfflineIMAP header where there is no APPENDUID, flags stored by sets.
"""

import mailbox
import re

from house import PASSWORD, HouseTest, main, sample

CONFIG = """
[general]
accounts = house
metadata = {home}/metadata
ui = basic
socktimeout = 60

[Account house]
localrepository = near
remoterepository = far
maxsyncaccounts = 1
utf8foldernames = yes

[Repository near]
type = Maildir
localfolders = {maildir}
sync_deletes = yes

[Repository far]
type = IMAP
remotehost = localhost
remoteport = {port}
remoteuser = bob@north.test
remotepass = {password}
ssl = {ssl}
starttls = {starttls}
sslcacertfile = {certificate}
maxconnections = 3
expunge = yes
sync_deletes = yes
"""


class OfflineImap(HouseTest):
    def setUp(self):
        self.home = self.folder / self._testMethodName
        self.maildir = self.home / "mail"
        self.maildir.mkdir(parents=True)
        for name in ("INBOX", "Archive", "Sent"):
            self.house.empty("bob@north.test", name)

    def sync(self, door="imaps"):
        config = self.home / "offlineimaprc"
        config.write_text(CONFIG.format(home=self.home, maildir=self.maildir, port=self.house.port[door], password=PASSWORD,
                                        ssl="yes" if door == "imaps" else "no", starttls="no" if door == "imaps" else "yes",
                                        certificate=self.house.certificate))
        output = self.run_program("offlineimap", "-o", "-c", config)
        self.assertNotRegex(output, r"ERROR|Traceback")

    def box(self, name="INBOX"):
        return mailbox.Maildir(self.maildir / name, create=False)

    def near(self, name="INBOX"):
        """Messages by subject: flags."""
        return {message["Subject"]: "".join(sorted(message.get_flags())) for message in self.box(name)}

    def far(self, name="INBOX"):
        return {message.field("Subject")[0]: message for message in self.house.mailbox("bob@north.test", name)}

    def both(self):
        """All that is kept on either side, but for OfflineIMAP's own notes."""
        far = {name: [(m.uid, sorted(m.flags), m.whole) for m in self.house.mailbox("bob@north.test", name)]
               for name in ("INBOX", "Archive", "Sent")}
        near = {str(file.relative_to(self.maildir)): file.read_bytes() for file in self.maildir.rglob("*") if file.is_file()}
        return far, near

    def check_two_ways(self, door):
        for i in range(12):
            self.house.send("x@away.test", ["bob@north.test"], sample(f"far {i}", b"8 bit \xe4\xff and dots\r\n.\r\n..\r\n"))
        self.sync(door)
        self.assertEqual(set(self.near()), {f"far {i}" for i in range(12)})
        self.assertEqual([message.as_bytes().count(b"8 bit \xe4\xff and dots\n.\n..\n") for message in self.box()], [1] * 12)

        # Changes on both sides at once.
        box = self.box()
        for key, message in list(box.items()):
            if message["Subject"] == "far 3":
                message.set_subdir("cur")
                message.add_flag("RS")
                box[key] = message
            if message["Subject"] == "far 4":
                box.remove(key)
        fresh = mailbox.MaildirMessage(sample("near new").replace(b"\r\n", b"\n"))
        fresh.set_subdir("cur")
        fresh.set_flags("FS")
        box.add(fresh)
        client = self.house.imap("bob@north.test")
        client.select()
        uids = {subject: message.uid for subject, message in self.far().items()}
        client.uid("STORE", str(uids["far 5"]), "+FLAGS", r"(\Flagged \Seen)")
        client.uid("STORE", str(uids["far 6"]), "+FLAGS", r"(\Deleted)")
        client.expunge()
        client.uid("MOVE", str(uids["far 7"]), "Archive")
        client.logout()
        self.house.send("x@away.test", ["bob@north.test"], sample("far new"))
        self.sync(door)

        far, near = self.far(), self.near()
        expected = {f"far {i}" for i in range(12) if i not in (4, 6, 7)} | {"near new", "far new"}
        self.assertEqual((set(far), set(near)), (expected, expected))
        self.assertEqual(far["far 3"].flags, {"\\Seen", "\\Answered"})
        self.assertEqual(near["far 5"], "FS")
        self.assertEqual(far["near new"].flags, {"\\Seen", "\\Flagged"})
        # OfflineIMAP adds a header of its own to what it uploads.
        self.assertRegex(re.sub(rb"X-OfflineIMAP:[^\r\n]*\r\n", b"", far["near new"].whole), rb"(?s)^From: .*\r\nHello Bob\.\r\n$")
        self.assertEqual(set(self.near("Archive")), {"far 7"})

        before = self.both()
        self.sync(door)
        self.assertEqual(self.both(), before)

    def test_two_ways_and_then_nothing(self):
        self.check_two_ways("imaps")

    def test_the_same_by_starttls(self):
        self.check_two_ways("imap")

    def test_folders_both_ways(self):
        client = self.house.imap("bob@north.test")
        client.create("lists/cpp")
        client.create('"Entw&APw-rfe"')
        client.append("lists/cpp", None, None, sample("in a folder"))
        client.append('"Entw&APw-rfe"', None, None, sample("with an umlaut"))
        mailbox.Maildir(self.maildir / "plans", create=True).add(sample("made here").replace(b"\r\n", b"\n"))
        self.sync()
        self.assertEqual(set(self.near("lists.cpp")), {"in a folder"})
        self.assertEqual(set(self.near("Entwürfe")), {"with an umlaut"})
        self.assertEqual(set(self.far("plans")), {"made here"})
        for name in ("lists/cpp", "lists", "plans", '"Entw&APw-rfe"'):
            client.delete(name)
        client.logout()


if __name__ == "__main__":
    main()

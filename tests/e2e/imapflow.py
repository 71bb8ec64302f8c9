"""ImapFlow, the IMAP client of Node.js programs, does a day's work; what it read and what it left is looked at here.

It speaks what few others do: ENABLE, CONDSTORE and QRESYNC, BINARY, OBJECTID, SPECIAL-USE, IDLE that it breaks off for
each command, COMPRESS. `./dev test` fetches it by npm into build/imapflow.
"""

import base64
import json
import os
from pathlib import Path

from house import PASSWORD, ROOT, HouseTest, main, sample

LIBRARY = Path(os.environ.get("POSTHOUSE_IMAPFLOW", ROOT / "build" / "imapflow"))
SCRIPT = Path(__file__).with_name("imapflow_day.cjs")


class ImapFlow(HouseTest):
    def day(self, door, secure):
        output = self.run_program("node", SCRIPT, environment={
            "IMAPFLOW": str(LIBRARY), "PORT": str(self.house.port[door]), "SECURE": secure, "USER": "bob@north.test",
            "PASSWORD": PASSWORD, "NODE_EXTRA_CA_CERTS": str(self.house.certificate)})
        return json.loads(output.splitlines()[-1])

    def setUp(self):
        for name in ("INBOX", "Archive", "Sent", "Trash"):
            self.house.empty("bob@north.test", name)

    def check(self, door, secure):
        picture = bytes(range(256)) * 300
        self.house.send("x@away.test", ["bob@north.test"], sample("with a picture", extra=(
            b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n"), body=(
            b"--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe\r\n"
            b"--b\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n"
            b"Content-Disposition: attachment; filename=a.png\r\n\r\n" + base64_lines(picture) + b"--b--\r\n")))
        for i in range(30):
            self.house.send("x@away.test", ["bob@north.test"], sample(f"letter {i}"))
        told = self.day(door, secure)

        self.assertEqual(told["subjects"], ["with a picture"] + [f"letter {i}" for i in range(30)])
        self.assertEqual(told["text"], "Grüße")
        self.assertEqual(bytes.fromhex(told["picture"]), picture)
        self.assertEqual(told["special"], {"\\Archive": "Archive", "\\Drafts": "Drafts", "\\Junk": "Junk", "\\Sent": "Sent",
                                           "\\Trash": "Trash", "\\Inbox": "INBOX"})
        self.assertEqual(told["found"], 10, "letters 10 to 19: the first has been moved")
        self.assertEqual(told["heard"], {"exists": 31, "flags": ["\\Flagged"], "expunged": 1})
        self.assertEqual(told["changed"], 1, "by CONDSTORE, of one flag")
        self.assertEqual(told["missing"], "NotFound")

        inbox = {message.field("Subject")[0]: message for message in self.house.mailbox("bob@north.test")}
        self.assertEqual(set(inbox), {"with a picture", "from the second session"} | {
            f"letter {i}" for i in range(30) if i not in (1, 2)})
        self.assertEqual(inbox["letter 5"].flags, {"\\Seen", "$label"})
        self.assertEqual(inbox["letter 6"].flags, {"\\Flagged"})
        self.assertEqual([m.field("Subject") for m in self.house.mailbox("bob@north.test", "Archive")], [["letter 1"]])
        self.assertEqual([m.field("Subject") for m in self.house.mailbox("bob@north.test", "&AMQ-pfel/Birnen")], [["letter 3"]])
        (sent,) = self.house.mailbox("bob@north.test", "Sent")
        self.assertEqual((sent.flags, sent.whole), ({"\\Seen"}, b"Subject: sent\r\n\r\nby ImapFlow \xe2\x82\xac\r\n"))
        client = self.house.imap("bob@north.test")
        client.delete('"&AMQ-pfel/Birnen"')
        client.delete('"&AMQ-pfel"')
        client.logout()

    def test_a_day_by_tls(self):
        self.check("imaps", "yes")

    def test_a_day_by_starttls(self):
        self.check("imap", "no")


def base64_lines(raw):
    return base64.encodebytes(raw).replace(b"\n", b"\r\n")


if __name__ == "__main__":
    main()

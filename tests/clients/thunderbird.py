"""Thunderbird does a day's work against the house: opens, reads, searches, files, writes, goes offline and comes back.

`./dev clients` installs what is needed and runs this. Thunderbird shows its windows on a screen that nobody sees (Xvfb) and
is driven by Marionette; what it did is looked for on the server. Pictures of its window lie in build/clients.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]
from house import PASSWORD, ROOT, HouseTest, main, sample  # noqa: E402
from marionette import Marionette  # noqa: E402

BOB, ALICE = "bob@north.test", "alice@north.test"
PICTURES = ROOT / "build" / "clients"

PREFERENCES = """
user_pref("mail.accountmanager.accounts", "account1,account2");
user_pref("mail.accountmanager.defaultaccount", "account1");
user_pref("mail.accountmanager.localfoldersserver", "server2");
user_pref("mail.account.account1.identities", "id1");
user_pref("mail.account.account1.server", "server1");
user_pref("mail.account.account2.server", "server2");
user_pref("mail.identity.id1.fullName", "Bob");
user_pref("mail.identity.id1.useremail", "{user}");
user_pref("mail.identity.id1.smtpServer", "smtp1");
user_pref("mail.identity.id1.valid", true);
user_pref("mail.identity.id1.compose_html", false);
user_pref("mail.identity.id1.fcc_folder", "imap://{quoted}@localhost/Sent");
user_pref("mail.server.server1.type", "imap");
user_pref("mail.server.server1.hostname", "localhost");
user_pref("mail.server.server1.port", {imaps});
user_pref("mail.server.server1.userName", "{user}");
user_pref("mail.server.server1.socketType", 3);
user_pref("mail.server.server1.authMethod", 3);
user_pref("mail.server.server1.name", "{user}");
user_pref("mail.server.server1.login_at_startup", false);
user_pref("mail.server.server1.check_new_mail", false);
user_pref("mail.server.server1.directory-rel", "[ProfD]ImapMail/localhost");
user_pref("mail.server.server2.type", "none");
user_pref("mail.server.server2.hostname", "Local Folders");
user_pref("mail.server.server2.userName", "nobody");
user_pref("mail.server.server2.directory-rel", "[ProfD]Mail/Local Folders");
user_pref("mail.smtpservers", "smtp1");
user_pref("mail.smtp.defaultserver", "smtp1");
user_pref("mail.smtpserver.smtp1.hostname", "localhost");
user_pref("mail.smtpserver.smtp1.port", {submissions});
user_pref("mail.smtpserver.smtp1.username", "{user}");
user_pref("mail.smtpserver.smtp1.try_ssl", 3);
user_pref("mail.smtpserver.smtp1.authMethod", 3);
user_pref("marionette.port", 0);
user_pref("app.update.enabled", false);
user_pref("app.donation.eoy.version.viewed", 999);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("datareporting.policy.dataSubmissionPolicyBypassNotification", true);
user_pref("extensions.update.enabled", false);
user_pref("mail.inappnotifications.enabled", false);
user_pref("mail.provider.suppress_dialog_on_startup", true);
user_pref("mail.rights.version", 1);
user_pref("mail.shell.checkDefaultClient", false);
user_pref("mail.spotlight.firstRunDone", true);
user_pref("mail.winsearch.firstRunDone", true);
user_pref("mail.default_send_format", 1);
user_pref("mailnews.start_page.enabled", false);
user_pref("mailnews.mark_message_read.auto", true);
user_pref("mailnews.offline_sync_mail", false);
user_pref("network.dns.disablePrefetch", true);
user_pref("network.proxy.type", 0);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("offline.autoDetect", false);
user_pref("offline.download.download_messages", 1);
user_pref("offline.send.unsent_messages", 1);
user_pref("toolkit.telemetry.enabled", false);
"""

# What the scripts below begin with: folders, messages, and promises for what Thunderbird tells by callbacks.
TOOLS = """
const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
const server = MailServices.accounts.getAccount("account1").incomingServer;
const root = server.rootFolder;
const folderOf = name => name.split("/").reduce((folder, part) => folder.getChildNamed(part), root);
const messages = folder => [...folder.messages];
const find = (folder, subject) => messages(folder).find(message => message.mime2DecodedSubject == subject);
const told = start => new Promise((resolve, reject) => start({
  QueryInterface: ChromeUtils.generateQI(["nsIUrlListener", "nsIMsgCopyServiceListener", "nsIMsgSendListener"]),
  OnStartRunningUrl() {},
  OnStopRunningUrl(url, code) { Components.isSuccessCode(code) ? resolve() : reject(new Error(`url ${url?.spec}: ${code.toString(16)}`)); },
  onStartCopy() {}, onProgress() {}, setMessageKey() {}, getMessageId() { return null; },
  onStopCopy(code) { Components.isSuccessCode(code) ? resolve() : reject(new Error(`copy: ${code.toString(16)}`)); },
}));
const about3Pane = document.getElementById("tabmail").currentAbout3Pane;
"""


class Thunderbird(HouseTest):
    def setUp(self):
        PICTURES.mkdir(parents=True, exist_ok=True)
        self.pictures = 0
        self.profile = self.folder / "profile"
        self.profile.mkdir()
        house = self.house
        (self.profile / "user.js").write_text(PREFERENCES.format(user=BOB, quoted=BOB.replace("@", "%40"), imaps=house.port["imaps"],
                                                                submissions=house.port["submissions"]))
        self.begin_screen()
        self.begin_program()

    def begin_screen(self):
        reader, writer = os.pipe()
        self.screen = subprocess.Popen(["Xvfb", "-displayfd", str(writer), "-screen", "0", "1280x900x24", "-nolisten", "tcp"],
                                       pass_fds=[writer], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(end, self.screen)
        os.close(writer)
        with os.fdopen(reader) as told:
            self.display = f":{told.readline().strip()}"

    def begin_program(self):
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        environment = dict(os.environ, HOME=str(home), DISPLAY=self.display, LC_ALL="C.UTF-8", MOZ_CRASHREPORTER_DISABLE="1",
                           MOZ_DISABLE_CONTENT_SANDBOX="1", XDG_RUNTIME_DIR=str(home))
        with open(self.folder / "thunderbird.log", "wb") as log:
            self.program = subprocess.Popen(["thunderbird", "--profile", self.profile, "--no-remote", "--marionette",
                                             "--remote-allow-system-access"], env=environment, stdout=log, stderr=log)
        self.addCleanup(end, self.program)
        port = self.profile / "MarionetteActivePort"
        deadline = time.monotonic() + 120
        while not port.exists() or not port.read_text().strip():
            if time.monotonic() > deadline or self.program.poll() is not None:
                raise AssertionError((self.folder / "thunderbird.log").read_text(errors="replace")[-2000:])
            time.sleep(0.1)
        self.bird = Marionette(int(port.read_text()))
        self.addCleanup(self.bird.socket.close)

    def do(self, body, *arguments):
        return self.bird.script(TOOLS + body, *arguments)

    def until(self, body, *arguments):
        return self.bird.wait_for(TOOLS + body, *arguments)

    def picture(self, name):
        self.pictures += 1
        self.bird.screenshot(PICTURES / f"thunderbird-{self.pictures}-{name}.png")

    def subjects(self, name="INBOX"):
        return sorted(message.field("Subject")[0] for message in self.house.mailbox(BOB, name))

    def one(self, subject, name="INBOX"):
        (found,) = [message for message in self.house.mailbox(BOB, name) if message.field("Subject") == [subject]]
        return found

    def log_in(self):
        self.do("""
            Cc["@mozilla.org/security/certoverride;1"].getService(Ci.nsICertOverrideService)
              .setDisableAllSecurityChecksAndLetAttackersInterceptMyData(true);
            for (const kind of ["imap", "smtp"]) {
              const login = Cc["@mozilla.org/login-manager/loginInfo;1"].createInstance(Ci.nsILoginInfo);
              login.init(`${kind}://localhost`, null, `${kind}://localhost`, args[0], args[1], "", "");
              await Services.logins.addLoginAsync(login);
            }""", BOB, PASSWORD)

    def update(self, name):
        self.do("const folder = folderOf(args[0]); await told(l => folder.QueryInterface(Ci.nsIMsgImapMailFolder)"
                ".updateFolderWithListener(null, l));", name)

    def test_a_day(self):
        for i in range(8):
            self.house.send(ALICE, [BOB], sample(f"letter {i}", b"the needle is here\r\n" if i == 5 else b"hay\r\n"))
        self.house.send(ALICE, [BOB], sample("=?utf-8?q?Gr=C3=BC=C3=9Fe?=", "Schöne Grüße\r\n".encode(), extra=(
            b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n")))
        self.log_in()
        self.do("await told(l => server.QueryInterface(Ci.nsIImapIncomingServer) && root.getFolderWithFlags(Ci.nsMsgFolderFlags.Inbox)"
                ".QueryInterface(Ci.nsIMsgImapMailFolder).updateFolderWithListener(null, l));")
        self.until("return root.hasSubFolders && ['Sent', 'Trash', 'Archive', 'Drafts'].every(name => root.getChildNamed(name));")
        self.until("return messages(folderOf('INBOX')).length == 9;")
        self.assertEqual(self.do("return messages(folderOf('INBOX')).map(m => m.mime2DecodedSubject).sort();"),
                         ["Grüße"] + [f"letter {i}" for i in range(8)])
        self.read()
        self.search()
        self.file()
        self.write()
        self.offline_and_back()
        self.bird.quit()
        self.program.wait(60)

    def read(self):
        """In its window: the folder, then a message; what it shows, and that the server has it as read."""
        self.do("about3Pane.displayFolder(folderOf('INBOX').URI);")
        self.until("return about3Pane.gDBView?.rowCount == 9;")
        self.show("Grüße", "Schöne Grüße")
        self.picture("read")
        self.until("return find(folderOf('INBOX'), 'Grüße').isRead;")
        self.wait_until(lambda: self.flags_of_all()["=?utf-8?q?Gr=C3=BC=C3=9Fe?="] == {"\\Seen"})

    def show(self, subject, text):
        """A click on it in the list: the window shows its text."""
        self.do("""const row = [...Array(about3Pane.gDBView.rowCount).keys()]
                     .find(i => about3Pane.gDBView.getMsgHdrAt(i).mime2DecodedSubject == args[0]);
                   about3Pane.threadTree.selectedIndex = row;""", subject)
        self.until("return about3Pane.messageBrowser?.contentWindow?.getMessagePaneBrowser?.()?.contentDocument?.body"
                   "?.textContent.includes(args[0]);", text)

    def flags_of_all(self, name="INBOX"):
        return {message.field("Subject")[0]: message.flags for message in self.house.mailbox(BOB, name)}

    def wait_until(self, what):
        deadline = time.monotonic() + 60
        while not what():
            self.assertLess(time.monotonic(), deadline, self.flags_of_all())
            time.sleep(0.2)

    def search(self):
        """On the server: the bodies are not here."""
        found = self.do("""
            const session = Cc["@mozilla.org/messenger/searchSession;1"].createInstance(Ci.nsIMsgSearchSession);
            session.addScopeTerm(Ci.nsMsgSearchScope.onlineMail, folderOf("INBOX"));
            const term = session.createTerm();
            term.attrib = Ci.nsMsgSearchAttrib.Body;
            term.op = Ci.nsMsgSearchOp.Contains;
            const value = term.value;
            value.attrib = Ci.nsMsgSearchAttrib.Body;
            value.str = "needle";
            term.value = value;
            session.appendTerm(term);
            return await new Promise(resolve => {
              const hits = [];
              session.registerListener({
                QueryInterface: ChromeUtils.generateQI(["nsIMsgSearchNotify"]),
                onSearchHit(message) { hits.push(message.mime2DecodedSubject); },
                onSearchDone() { resolve(hits); },
                onNewSearch() {},
              });
              session.search(null);
            });""")
        self.assertEqual(found, ["letter 5"])

    def file(self):
        """A folder made, messages moved and copied, flags, a tag, one deleted."""
        self.do("root.createSubfolder(args[0], null);", "Pläne")
        self.until("return Boolean(root.getChildNamed(args[0]));", "Pläne")
        self.do("""
            const inbox = folderOf("INBOX");
            await told(l => MailServices.copy.copyMessages(inbox, [find(inbox, "letter 1"), find(inbox, "letter 2")],
                                                          root.getChildNamed(args[0]), true, l, msgWindow, false));
            await told(l => MailServices.copy.copyMessages(inbox, [find(inbox, "letter 3")], folderOf("Archive"), false, l,
                                                          msgWindow, false));
            inbox.markMessagesFlagged([find(inbox, "letter 3")], true);
            inbox.addKeywordsToMessages([find(inbox, "letter 4")], "$label1");
            await told(l => inbox.deleteMessages([find(inbox, "letter 0")], msgWindow, false, true, l, false));""", "Pläne")
        self.assertEqual(self.subjects("Pl&AOQ-ne"), ["letter 1", "letter 2"])
        self.assertEqual(self.subjects("Archive"), ["letter 3"])
        self.wait_until(lambda: self.subjects("Trash") == ["letter 0"])
        self.wait_until(lambda: self.one("letter 3").flags == {"\\Flagged"} and self.one("letter 4").flags == {"$label1"})
        self.assertNotIn("letter 0", self.subjects())
        self.assertNotIn("letter 1", self.subjects())
        self.picture("filed")

    def send(self, subject, text):
        self.do("""
            const fields = Cc["@mozilla.org/messengercompose/composefields;1"].createInstance(Ci.nsIMsgCompFields);
            fields.from = args[0];
            fields.to = args[1];
            fields.subject = args[2];
            fields.body = args[3];
            const parameters = Cc["@mozilla.org/messengercompose/composeparams;1"].createInstance(Ci.nsIMsgComposeParams);
            parameters.composeFields = fields;
            parameters.identity = MailServices.accounts.getAccount("account1").defaultIdentity;
            parameters.format = Ci.nsIMsgCompFormat.PlainText;
            const opened = new Promise(resolve => Services.obs.addObserver(function seen(w) {
              w.addEventListener("compose-editor-ready", () => resolve(w), { once: true });
              Services.obs.removeObserver(seen, "domwindowopened");
            }, "domwindowopened"));
            MailServices.compose.OpenComposeWindowWithParams(null, parameters);
            const composer = await opened;
            const sent = new Promise(resolve => composer.addEventListener("unload", resolve, { once: true }));
            composer.goDoCommand("cmd_sendNow");
            await sent;""", BOB, ALICE, subject, text)

    def write(self):
        """In its own window; it goes out by submission, and a copy to Sent by APPEND."""
        self.send("from Thunderbird", "Hello Alice,\n.\nwith a dot\n")
        (got,) = self.house.mailbox(ALICE)
        self.assertEqual(got.field("Subject"), ["from Thunderbird"])
        self.assertIn(b"Hello Alice,\r\n.\r\nwith a dot\r\n", got.body)
        self.wait_until(lambda: self.subjects("Sent") == ["from Thunderbird"])
        self.assertEqual(self.one("from Thunderbird", "Sent").body, got.body)

    def offline_and_back(self):
        """Without the server: what is kept here can be read and filed; afterwards both sides agree."""
        self.update("INBOX")
        self.do("""
            const inbox = folderOf("INBOX");
            inbox.setFlag(Ci.nsMsgFolderFlags.Offline);
            await told(l => inbox.downloadAllForOffline(l, msgWindow));""")
        self.do("""
            server.closeCachedConnections();
            Services.io.offline = true;""")
        # Meanwhile others change the mailbox.
        other = self.house.imap(BOB)
        other.select()
        other.uid("STORE", str(self.one("letter 7").uid), "+FLAGS", r"(\Deleted)")
        other.expunge()
        other.uid("STORE", str(self.one("letter 6").uid), "+FLAGS", r"(\Answered)")
        other.logout()
        self.house.send(ALICE, [BOB], sample("while it was away"))
        self.show("letter 5", "the needle is here")
        self.do("""
            const inbox = folderOf("INBOX");
            const message = find(inbox, "letter 5");
            inbox.markMessagesRead([message], true);
            inbox.markMessagesFlagged([message], true);
            MailServices.copy.copyMessages(inbox, [find(inbox, "letter 4")], folderOf("Archive"), true, null, msgWindow, false);""")
        self.assertIn("letter 4", self.subjects(), "nothing has reached the server yet")
        self.do("""
            Services.io.offline = false;
            const manager = Cc["@mozilla.org/messenger/offline-manager;1"].getService(Ci.nsIMsgOfflineManager);
            manager.goOnline(false, true, msgWindow);""")
        self.wait_until(lambda: "letter 4" in self.subjects("Archive") and "letter 4" not in self.subjects())
        self.wait_until(lambda: self.one("letter 5").flags >= {"\\Seen", "\\Flagged"})
        self.update("INBOX")
        self.until("return Boolean(find(folderOf('INBOX'), 'while it was away')) && !find(folderOf('INBOX'), 'letter 7');")
        self.assertTrue(self.do("return Boolean(find(folderOf('INBOX'), 'letter 6').flags & Ci.nsMsgMessageFlags.Replied);"))
        here = self.do("return messages(folderOf('INBOX')).map(m => m.mime2DecodedSubject).sort();")
        self.assertEqual([s for s in here if s != "Grüße"], [s for s in self.subjects() if not s.startswith("=?")])
        self.assertEqual(self.one("letter 4", "Archive").flags & {"$label1"}, {"$label1"})
        self.picture("back")


def end(process):
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


if __name__ == "__main__":
    main()

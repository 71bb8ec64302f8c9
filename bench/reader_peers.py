"""Other servers from Debian, unpacked into roots of their own and run beside us: Dovecot and Cyrus IMAP.

They exclude one another as packages and want to own the machine, so nothing is installed: the packages that this
machine lacks are downloaded (`apt-get download`) and unpacked (`dpkg -x`) into build/peers/NAME, and the server runs
in a mount namespace of its own, where its folders lie over the machine's. Needs root and overlay mounts; who
has neither measures us alone.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from house import free_ports

ROOT = Path(__file__).resolve().parent.parent
TICKS = os.sysconf("SC_CLK_TCK")
MAIL_USER = 5000


def family(pid):
    """The process and all that came of it."""
    children = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(status.parent.name))
    found, todo = [], [pid]
    while todo:
        one = todo.pop()
        found.append(one)
        todo += children.get(one, [])
    return found


def cpu_of_family(pid):
    """Seconds, those of children that have ended included."""
    total = 0
    for one in family(pid):
        try:
            fields = Path(f"/proc/{one}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        total += sum(int(field) for field in fields[11:15])
    return total / TICKS


class Peer:
    packages = ()
    accounts = ""  # lines of /etc/passwd
    groups = ""
    without = ()  # rows that are not measured

    def __init__(self):
        self.folder = ROOT / "build" / "peers" / self.name.lower().replace(" ", "-")
        self.process = None

    def unpack(self):
        root = self.folder / "root"
        if (self.folder / "unpacked").exists():
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        root.mkdir(parents=True)
        plan = subprocess.run(["apt-get", "install", "--no-install-recommends", "-s", "-y", *self.packages],
                              check=True, capture_output=True, text=True).stdout
        self.folder.chmod(0o755)
        for name in re.findall(r"^Inst (\S+)", plan, re.M):
            subprocess.run(["apt-get", "download", "-qq", name], check=True, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for package in sorted(self.folder.glob("*.deb")):
            subprocess.run(["dpkg", "-x", package, root], check=True)
            package.unlink()
        (root / "etc").mkdir(exist_ok=True)
        for name, more in (("passwd", self.accounts), ("group", self.groups)):
            (root / "etc" / name).write_text(Path(f"/etc/{name}").read_text() + more)
        (self.folder / "unpacked").touch()

    def start(self):
        """In a mount namespace where the peer's folders lie over the machine's; what it writes lies in `written`."""
        written = self.folder / "written"
        for name in ("etc", "var"):
            (written / name).mkdir(parents=True, exist_ok=True)
            (written / f"{name}.work").mkdir(exist_ok=True)
            (self.folder / "root" / name).mkdir(exist_ok=True)
        self.configure(written)
        script = f"mount -t tmpfs none /run && mount -t overlay overlay -o lowerdir={self.folder}/root/usr:/usr /usr"
        for name in ("etc", "var"):
            script += (f" && mount -t overlay overlay -o lowerdir={self.folder}/root/{name}:/{name},upperdir={written}/{name},"
                       f"workdir={written}/{name}.work /{name}")
        script += f" && ulimit -n 20000 && {self.command}"
        self.process = subprocess.Popen(["unshare", "-m", "--propagation", "private", "sh", "-c", script],
                                        stdout=subprocess.DEVNULL, stderr=(self.folder / "errors").open("w"))
        for _ in range(150):
            try:
                with socket.create_connection(("127.0.0.1", self.port["imap"])) as link:
                    if link.recv(100):
                        return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError(f"{self.name} does not start: " + (self.folder / "errors").read_text()[-500:])

    def stop(self):
        for pid in family(self.process.pid):
            try:
                os.kill(pid, signal.SIGTERM)
            except OSError:
                pass
        self.process.wait()
        time.sleep(0.5)

    def clear(self):
        shutil.rmtree(self.folder / "written", ignore_errors=True)

    def inside(self, *words):
        """A command in the peer's running root."""
        subprocess.run(["nsenter", "-t", str(self.process.pid), "-m", *words], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)

    def cpu(self):
        return cpu_of_family(self.process.pid)


class Dovecot(Peer):
    packages = ("dovecot-imapd", "dovecot-pop3d")
    accounts = ("dovecot:x:5001:5001::/nonexistent:/bin/false\ndovenull:x:5002:5002::/nonexistent:/bin/false\n"
                f"vmail:x:{MAIL_USER}:{MAIL_USER}::/var/vmail:/bin/false\n")
    groups = f"dovecot:x:5001:\ndovenull:x:5002:\nvmail:x:{MAIL_USER}:\n"
    password = "pass"
    command = "exec dovecot -F"

    def __init__(self, format):
        self.name = f"Dovecot {format}"
        self.format = format
        super().__init__()
        self.port = dict(zip(("imap", "pop3"), free_ports(2)))

    def user(self, name):
        return name

    def configure(self, upper):
        (upper / "etc/dovecot").mkdir(parents=True, exist_ok=True)
        (upper / "var/vmail").mkdir(exist_ok=True)
        os.chown(upper / "var/vmail", MAIL_USER, MAIL_USER)
        lasting = "  service_count = 0\n  process_min_avail = 2\n  client_limit = 2000\n"
        (upper / "etc/dovecot/dovecot.conf").write_text(f"""
protocols = imap pop3
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
log_path = /var/vmail/dovecot.log
first_valid_uid = 100
mail_max_userip_connections = 100000
mail_location = {self.format}:/var/vmail/%n
namespace inbox {{
  inbox = yes
  separator = /
}}
passdb {{
  driver = static
  args = password={self.password}
}}
userdb {{
  driver = static
  args = uid=vmail gid=vmail home=/var/vmail/%n allow_all_users=yes
}}
service imap-login {{
  inet_listener imap {{
    port = {self.port["imap"]}
  }}
  inet_listener imaps {{
    port = 0
  }}
{lasting}}}
service pop3-login {{
  inet_listener pop3 {{
    port = {self.port["pop3"]}
  }}
  inet_listener pop3s {{
    port = 0
  }}
{lasting}}}
service imap {{
  service_count = 200
  process_min_avail = 4
}}
service pop3 {{
  service_count = 200
  process_min_avail = 4
}}
service anvil {{
  client_limit = 10000
}}
service auth {{
  client_limit = 10000
}}
service stats {{
  client_limit = 10000
}}
default_client_limit = 4000
""")


class Cyrus(Peer):
    without = ("pop3", "pop3-20")  # its answers wait for the client's delayed acknowledgements: 40 ms each
    packages = ("cyrus-imapd", "cyrus-pop3d", "libsasl2-modules")
    accounts = "cyrus:x:5003:8::/var/spool/cyrus:/bin/sh\n"
    groups = ""
    password = "pass"
    command = "exec /usr/sbin/cyrmaster -D"

    def __init__(self):
        self.name = "Cyrus"
        super().__init__()
        self.port = dict(zip(("imap", "pop3"), free_ports(2)))

    def user(self, name):
        return name

    def configure(self, upper):
        (upper / "etc").mkdir(parents=True, exist_ok=True)
        (upper / "etc/imapd.conf").write_text("""configdirectory: /var/lib/cyrus
proc_path: /var/lib/cyrus/proc
mboxname_lockpath: /var/lib/cyrus/lock
defaultpartition: default
partition-default: /var/spool/cyrus/mail
altnamespace: yes
unixhierarchysep: yes
admins: cyrus
allowplaintext: yes
sasl_mech_list: PLAIN
sasl_pwcheck_method: alwaystrue
sasl_auto_transition: no
autocreate_quota: 0
autocreate_post: yes
duplicatesuppression: no
syslog_prefix: cyrus
""")
        (upper / "etc/cyrus.conf").write_text(f"""START {{
  recover cmd="/usr/sbin/cyrus ctl_cyrusdb -r"
}}
SERVICES {{
  imap cmd="imapd" listen="127.0.0.1:{self.port["imap"]}" prefork=4 maxchild=1200 proto="tcp4"
  pop3 cmd="pop3d" listen="127.0.0.1:{self.port["pop3"]}" prefork=0 maxchild=200 proto="tcp4"
}}
EVENTS {{
  checkpoint cmd="/usr/sbin/cyrus ctl_cyrusdb -c" period=30
}}
DAEMON {{
}}
""")
        for name in ("db", "log", "msg", "quota", "sieve", "user", "proc", "lock", "ptclient", "backup", "rpm", "socket"):
            (upper / "var/lib/cyrus" / name).mkdir(parents=True, exist_ok=True)
        (upper / "var/spool/cyrus/mail").mkdir(parents=True, exist_ok=True)
        for base in ("var/lib/cyrus", "var/spool/cyrus"):
            for one in [upper / base, *(upper / base).rglob("*")]:
                os.chown(one, 5003, 8)

"""Other people's mail servers: Postfix, Exim and OpenSMTPD as Debian ships them, for the tests that mail both ways.

They exclude one another as packages, so `./dev test` only unpacks them (build/peers). A Peer runs one in a root of its own (chroot, hence
as root), with the libraries that its programs ask for, users that nobody else has, and a configuration that this file writes: an address of
loopback, no DNS, mail for its own domain into Maildirs, mail for ours to the House. Each peer has two doors, and the House two domains:

    peer.domain        STARTTLS is offered              north.test        they come with STARTTLS
    plain.DOMAIN       nothing of the kind              plain.test        they come in the clear
"""

import contextlib
import os
import re
import shutil
import signal
import smtplib
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

from house import PATIENCE, ROOT, Message, free_ports

UNPACKED = Path(os.environ.get("POSTHOUSE_PEERS", ROOT / "build" / "peers"))
USERS = {"postfix": 20010, "postdrop": 20011, "Debian-exim": 20012, "opensmtpd": 20013, "opensmtpq": 20014, "vmail": 20015}
NOBODY = 65534


class Received(Message):
    """A message out of a peer's Maildir: with the fields that peers put at its head."""

    TRACE = re.compile(rb"(?:(?:Return-Path|Delivered-To|X-Original-To|Envelope-To|Delivery-Date|Received):[^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*)*",
                       re.IGNORECASE)


def processes_in(root):
    """The ids of all processes that live in a root."""
    found = []
    for entry in os.listdir("/proc"):
        with contextlib.suppress(OSError):
            if entry.isdigit() and os.readlink(f"/proc/{entry}/root") in (str(root), f"{root} (deleted)"):
                found.append(int(entry))
    return found


def end_all_in(root):
    for sign in (signal.SIGTERM,) * 20 + (signal.SIGKILL,) * 20:
        left = processes_in(root)
        if not left:
            return
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, sign)
        time.sleep(0.1)


class Peer:
    package = name = ""
    programs = ()  # what runs in the root, for its libraries
    users = ("carol", "dave")
    # What its trace field says of TLS, and the id it gives a message; its answer to an unknown name.
    encrypted, own_id, unknown_status = "", r"\bid (\S+?);?\s", r"^5\.1\.1$"

    def __init__(self, folder, house, address):
        self.folder, self.house, self.address = Path(folder), house, address
        self.root, self.log = self.folder / "root", self.folder / "log"
        self.domain = f"{self.name}.test"
        self.port, self.plain_port = free_ports(2, address)
        self.process = None

    # --- its root ---

    def build(self):
        if os.geteuid() != 0:
            raise AssertionError("other mail servers can only be started by root (sudo ./dev test)")
        if not (UNPACKED / self.package).exists():
            raise AssertionError(f"{self.package} is not unpacked in {UNPACKED}: ./dev test does that")
        self.folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-a", UNPACKED / self.package, self.root], check=True)
        for path, mode in (("dev", 0o755), ("etc", 0o755), ("tmp", 0o1777), ("run", 0o755), ("var/log", 0o777), ("vmail", 0o755), ("home", 0o755)):
            (self.root / path).mkdir(parents=True, exist_ok=True)
            (self.root / path).chmod(mode)
        for name, minor in (("null", 3), ("zero", 5), ("random", 8), ("urandom", 9)):
            os.mknod(self.root / "dev" / name, 0o666 | stat.S_IFCHR, os.makedev(1, minor))
            (self.root / "dev" / name).chmod(0o666)
        self.write("etc/passwd", "root:x:0:0::/:/bin/sh\n" +
                   "".join(f"{name}:x:{number}:{number}::/home:/bin/sh\n" for name, number in USERS.items()) + f"nobody:x:{NOBODY}:{NOBODY}::/home:/bin/sh\n")
        self.write("etc/group", "root:x:0:\nmail:x:8:\n" + "".join(f"{name}:x:{number}:\n" for name, number in USERS.items()) +
                   f"nogroup:x:{NOBODY}:\n")
        self.write("etc/hosts", f"127.0.0.1 localhost\n{self.address} mx.{self.domain}\n")
        self.write("etc/resolv.conf", "lookup file\nnameserver 127.0.0.1\n")  # whatever happens, no DNS
        self.write("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\nservices: files\n")
        self.write("etc/services", "smtp 25/tcp\nsubmission 587/tcp\n")
        self.write("etc/mailname", f"{self.domain}\n")
        # RSA: OpenSMTPD 6.8 with OpenSSL 3 cannot sign with another key.
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", f"/CN=mx.{self.domain}", "-addext",
                        f"subjectAltName=DNS:mx.{self.domain}", "-keyout", self.root / "etc/peer.key", "-out", self.root / "etc/peer.pem"],
                       check=True, capture_output=True)
        os.chown(self.root / "etc/peer.key", 0, USERS["Debian-exim"])
        (self.root / "etc/peer.key").chmod(0o640)
        os.chown(self.root / "vmail", USERS["vmail"], USERS["vmail"])
        self.libraries()
        self.configure()

    def write(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def libraries(self):
        """The host's libraries that the peer's programs ask for, at the same paths."""
        shutil.copy2("/bin/sh", self.root / "bin" / "sh") if (self.root / "bin").exists() else self.shell()
        programs = [path for pattern in self.programs for path in self.root.glob(pattern)] + [self.root / "bin" / "sh"]
        own = self.root / "usr" / "lib" / "postfix"
        done = subprocess.run(["ldd", *programs], capture_output=True, text=True, env=dict(os.environ, LD_LIBRARY_PATH=str(own)))
        for path in sorted(set(re.findall(r"(?:=> |^\s+)(/\S+) \(0x", done.stdout, re.MULTILINE))):
            if path.startswith(str(self.root)):
                continue
            copy = self.root / path.lstrip("/")
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, copy)

    def shell(self):
        (self.root / "bin").mkdir()
        shutil.copy2("/bin/sh", self.root / "bin" / "sh")

    # --- the process ---

    def start(self):
        if self.process is None and not self.root.exists():
            self.build()
        # Ends the peer when this test ends, however it ends: the pipe to its input closes.
        self.watch = subprocess.Popen([sys.executable, "-B", __file__, self.root.resolve()], stdin=subprocess.PIPE, start_new_session=True)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(["chroot", self.root, *self.command()], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            cwd=self.root, env={"PATH": "/usr/sbin:/usr/bin:/bin"}, start_new_session=True)
        deadline = time.monotonic() + PATIENCE
        for port in (self.port, self.plain_port):
            while True:
                with contextlib.suppress(OSError), socket.create_connection((self.address, port), timeout=PATIENCE) as link:
                    if link.recv(100).startswith(b"220"):
                        break
                if self.process.poll() is not None or time.monotonic() > deadline:
                    self.stop()
                    raise AssertionError(f"{self.name} does not start:\n{self.log_end()}")
                time.sleep(0.02)

    def stop(self):
        if self.process is None:
            return
        end_all_in(self.root.resolve())
        self.process.wait(PATIENCE)
        self.watch.stdin.close()
        self.watch.wait(PATIENCE)
        self.process = None

    def run(self, *command, check=True):
        """One of the peer's programs, in its root."""
        done = subprocess.run(["chroot", self.root, *command], capture_output=True, text=True, timeout=PATIENCE, cwd=self.root,
                              env={"PATH": "/usr/sbin:/usr/bin:/bin"})
        if check and done.returncode != 0:
            raise AssertionError(f"{command}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def logs(self):
        return [self.log]

    def log_text(self):
        return "".join(file.read_text(errors="replace") for file in self.logs() if file.exists())

    def log_end(self, lines=40):
        return "\n".join(self.log_text().splitlines()[-lines:])

    # --- its mail ---

    def send(self, sender, recipients, message, options=(), recipient_options=()):
        """Hands a message in, as a client of the peer's own does; from there on it is the peer's affair."""
        with smtplib.SMTP(self.address, self.port, local_hostname="client.test", timeout=PATIENCE) as client:
            if "smtputf8" in options:
                client.command_encoding = "utf-8"
            refused = client.sendmail(sender, recipients, message, options, recipient_options)
        if refused:
            raise AssertionError(f"{self.name} refuses: {refused}")

    def mailbox(self, user, count=None):
        """What has been delivered to a user; with `count` waits until there is that much."""
        deadline = time.monotonic() + PATIENCE
        while True:
            files = sorted((self.root / "vmail" / user / "new").glob("*"), key=lambda file: file.stat().st_mtime_ns)
            if count is None or len(files) >= count:
                return [Received(0, set(), re.sub(rb"\r?\n", b"\r\n", file.read_bytes())) for file in files]
            if time.monotonic() > deadline:
                raise AssertionError(f"{user} has {len(files)} of {count} messages at {self.name}:\n{self.log_end()}")
            time.sleep(0.02)

    def empty(self):
        for user in self.users:
            shutil.rmtree(self.root / "vmail" / user, ignore_errors=True)


class Postfix(Peer):
    package, name = "postfix", "postfix"
    programs = ("usr/sbin/post*", "usr/lib/postfix/sbin/*", "usr/lib/postfix/*.so")
    users = ("carol", "dave", "jörg")
    encrypted = r"using TLSv1\.[23] with cipher"

    def configure(self):
        for path in ("etc/postfix", "var/lib/postfix", "var/spool/postfix"):
            (self.root / path).mkdir(parents=True, exist_ok=True)
        os.chown(self.root / "var/lib/postfix", USERS["postfix"], USERS["postfix"])
        for path in ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved", "trace"):
            self.queue_folder(path, 0o700, USERS["postfix"])
        self.queue_folder("maildrop", 0o1730, USERS["postdrop"])
        self.queue_folder("public", 0o2710, USERS["postdrop"])
        self.queue_folder("pid", 0o755, 0)
        self.write("etc/postfix/boxes", "".join(f"{user}@{domain} {user}/\n" for user in self.users
                                               for domain in (self.domain, f"plain.{self.domain}")))
        self.write_settings()
        services = [f"{self.address}:{self.port} inet n - n - - smtpd",
                    f"{self.address}:{self.plain_port} inet n - n - - smtpd -o smtpd_tls_security_level=none "
                    "-o smtpd_discard_ehlo_keywords=8bitmime,chunking,smtputf8",
                    "pickup unix n - n 60 1 pickup", "qmgr unix n - n 300 1 qmgr", "tlsmgr unix - - n 1000? 1 tlsmgr",
                    "postlog unix-dgram n - n - 1 postlogd", "defer unix - - n - 0 bounce", "trace unix - - n - 0 bounce",
                    "rewrite unix - - n - - trivial-rewrite", "smtp unix - - n - - smtp", "retry unix - - n - - error",
                    "plain unix - - n - - smtp -o smtp_tls_security_level=none", "verify unix - - n - 1 verify",
                    "virtual unix - n n - - virtual", "flush unix n - n 1000? 0 flush", "showq unix n - n - - showq"]
        services += [f"{name} unix {'n' if name == 'cleanup' else '-'} - n - {most} {name}" for name, most in
                     (("cleanup", 0), ("bounce", 0), ("proxymap", "-"), ("error", "-"), ("discard", "-"), ("anvil", 1), ("scache", 1))]
        self.write("etc/postfix/master.cf", "\n".join(services) + "\n")

    def common_settings(self):
        return f"""\
compatibility_level = 3.6
queue_directory = /var/spool/postfix
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
data_directory = /var/lib/postfix
mail_owner = postfix
setgid_group = postdrop
maillog_file = /var/log/postfix.log
maillog_file_prefixes = /var
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx.{self.domain}
myorigin = {self.domain}
smtp_dns_support_level = disabled
smtp_host_lookup = native
smtpd_peername_lookup = no
"""

    def write_settings(self):
        smtp = f"[{self.house.address}]:{self.house.port['smtp']}"
        self.write("etc/postfix/transport", f"north.test smtp:{smtp}\nplain.test plain:{smtp}\n")
        self.write("etc/postfix/main.cf", self.common_settings() + f"""\
mydestination =
mynetworks = 127.0.0.0/8
local_transport = error:nobody lives here
smtp_bind_address = {self.address}
smtp_tls_security_level = encrypt
smtpd_tls_security_level = may
smtpd_tls_chain_files = /etc/peer.key, /etc/peer.pem
smtpd_tls_received_header = yes
virtual_mailbox_domains = {self.domain}, plain.{self.domain}
virtual_mailbox_base = /vmail
virtual_mailbox_maps = texthash:/etc/postfix/boxes
virtual_uid_maps = static:{USERS["vmail"]}
virtual_gid_maps = static:{USERS["vmail"]}
virtual_mailbox_limit = 0
transport_maps = texthash:/etc/postfix/transport
default_transport = error:no way there
smtputf8_autodetect_classes = all
message_size_limit = 50000000
""")

    def queue_folder(self, name, mode, group):
        path = self.root / "var/spool/postfix" / name
        path.mkdir(parents=True)
        os.chown(path, 0 if name == "pid" else USERS["postfix"], group)
        path.chmod(mode)

    def command(self):
        return ["/usr/lib/postfix/sbin/master", "-c", "/etc/postfix"]

    def logs(self):
        return [self.log, self.root / "var/log/postfix.log"]

    def retry(self):
        self.run("/usr/sbin/postqueue", "-c", "/etc/postfix", "-f")


class Exim(Peer):
    package, name = "exim4-daemon-light", "exim"
    encrypted, unknown_status = r"with esmtps", r"^5\.(0\.0|1\.1)$"  # it gives no enhanced code
    programs = ("usr/sbin/exim4",)

    def configure(self):
        for path in ("var/spool/exim4", "var/log/exim4", "run/exim4"):
            (self.root / path).mkdir(parents=True, exist_ok=True)
            os.chown(self.root / path, USERS["Debian-exim"], USERS["Debian-exim"])
        self.write("etc/boxes", "".join(f"{user}: {user}\n" for user in self.users))
        house = f"{self.house.address}::{self.house.port['smtp']}"
        self.write("etc/exim4/exim4.conf", f"""\
primary_hostname = mx.{self.domain}
local_interfaces = {self.address}
daemon_smtp_ports = {self.port} : {self.plain_port}
disable_ipv6 = true
host_lookup =
rfc1413_hosts =
qualify_domain = {self.domain}
domainlist ours = {self.domain} : plain.{self.domain}
tls_advertise_hosts = ${{if eq{{$received_port}}{{{self.port}}}{{*}}{{}}}}
tls_certificate = /etc/peer.pem
tls_privatekey = /etc/peer.key
pipelining_connect_advertise_hosts = :
smtp_accept_queue_per_connection = 0
log_selector = +smtp_confirmation +received_recipients
message_size_limit = 50M
acl_smtp_rcpt = rcpt
acl_smtp_data = data
never_users =
keep_environment =
begin acl
rcpt:
  accept domains = +ours
         verify = recipient
  deny   domains = +ours
         message = nobody of that name lives here
  accept
data:
  accept
begin routers
mailboxes:
  driver = accept
  domains = +ours
  local_parts = lsearch;/etc/boxes
  transport = maildir
nobody:
  driver = redirect
  domains = +ours
  allow_fail
  data = :fail: nobody of that name lives here
in_the_clear:
  driver = manualroute
  domains = plain.test
  route_list = * {house} byname
  transport = in_the_clear
  self = send
encrypted:
  driver = manualroute
  domains = north.test
  route_list = * {house} byname
  transport = encrypted
  self = send
begin transports
maildir:
  driver = appendfile
  directory = /vmail/$local_part_data/
  maildir_format
  create_directory
  return_path_add
  delivery_date_add
  envelope_to_add
  user = vmail
  group = vmail
encrypted:
  driver = smtp
  allow_localhost
  interface = {self.address}
  hosts_require_tls = *
  tls_verify_hosts =
  tls_try_verify_hosts =
  hosts_try_fastopen =
in_the_clear:
  driver = smtp
  allow_localhost
  interface = {self.address}
  hosts_avoid_tls = *
  hosts_try_fastopen =
begin retry
* * F,1h,1m
""")

    def command(self):
        return ["/usr/sbin/exim4", "-bdf"]

    def logs(self):
        return [self.log, *(self.root / "var/log/exim4").glob("*")]

    def retry(self):
        self.run("/usr/sbin/exim4", "-qff")


class OpenSmtpd(Peer):
    package, name = "opensmtpd", "opensmtpd"
    encrypted, unknown_status = r"TLS", r"^5\.[0-9]\.[0-9]$"
    programs = ("usr/sbin/smtp*", "usr/libexec/opensmtpd/*")

    def configure(self):
        (self.root / "var/lib/opensmtpd/empty").mkdir(parents=True, exist_ok=True)
        (self.root / "var/lib/opensmtpd/empty").chmod(0o711)
        (self.root / "var/spool/smtpd").mkdir(parents=True, exist_ok=True)
        (self.root / "var/spool/smtpd").chmod(0o711)
        if not (self.root / "var/run").exists():
            (self.root / "var/run").symlink_to("/run")
        control = self.root / "usr/sbin/smtpctl"
        os.chown(control, 0, USERS["opensmtpq"])
        control.chmod(0o2755)
        (self.root / "etc/peer.key").chmod(0o600)
        os.chown(self.root / "etc/peer.key", 0, 0)
        self.write("etc/boxes", "".join(f"{user}@{domain} vmail\n" for user in self.users for domain in (self.domain, f"plain.{self.domain}")))
        house = f"{self.house.address}:{self.house.port['smtp']}"
        self.write("etc/smtpd.conf", f"""\
pki peer cert "/etc/peer.pem"
pki peer key "/etc/peer.key"
table boxes file:/etc/boxes
table source {{ {self.address} }}
listen on {self.address} port {self.port} tls pki peer hostname mx.{self.domain}
listen on {self.address} port {self.plain_port} hostname mx.{self.domain}
action "box" maildir "/vmail/%{{rcpt.user}}" virtual <boxes>
action "encrypted" relay host smtp+tls://{house} tls no-verify helo mx.{self.domain} src <source>
action "in_the_clear" relay host smtp+notls://{house} helo mx.{self.domain} src <source>
match from any for domain {{ "{self.domain}", "plain.{self.domain}" }} action "box"
match from any for domain "north.test" action "encrypted"
match from any for domain "plain.test" action "in_the_clear"
""")

    def command(self):
        return ["/usr/sbin/smtpd", "-d"]

    def retry(self):
        self.run("/usr/sbin/smtpctl", "schedule", "all", check=False)  # 1 where nothing waits


if __name__ == "__main__":
    sys.stdin.read()
    end_all_in(sys.argv[1])

"""OpenSMTPD and we, both ways."""

from house import main
from peer_cases import PeerTest, TheyDeliver, WeDeliver
from peers import OpenSmtpd


class WithOpenSmtpd(TheyDeliver, WeDeliver, PeerTest):
    peer_class = OpenSmtpd

    def test_out_with_starttls(self):
        """Debian 12's OpenSMTPD offers STARTTLS and then cannot shake hands (it signs through an engine that OpenSSL 3
        does not ask): encryption was only an opportunity, so the message goes in the clear."""
        sent = self.outgoing("as well as may be")
        self.submit([self.at("carol")], sent)
        (message,) = self.arrived_there("carol", "as well as may be")
        self.assertEqual(message.without_trace, sent)
        self.assertIn("io-error", self.peer.log_text())

    def test_out_utf8_where_it_is_unknown(self):
        recipient = f"jörg@{self.peer.domain}"
        self.submit([recipient], self.outgoing("no such letters in addresses"), options=["smtputf8"])
        (address,) = self.notice("no such letters in addresses").recipients
        self.assertEqual(address["Status"], "5.6.7")
        self.assertRegex(address["Final-Recipient"], "^utf-8;")
        self.submit([self.at("carol")], self.outgoing("nor in headers", extra="X-Greeting: Grüße\r\n".encode()), options=["smtputf8"])
        (header,) = self.notice("nor in headers").recipients
        self.assertEqual(header["Status"], "5.6.9")

    def test_out_too_large_for_them(self):
        """They say SIZE 36700160: what is larger is never sent."""
        self.submit([self.at("carol")], self.outgoing("far too large", (b"x" * 76 + b"\r\n") * 480_000))
        report = self.notice("far too large")
        self.assertEqual(report.recipients[0]["Status"], "5.3.4")
        self.assertEqual(report.original.get_content_type(), "text/rfc822-headers")


if __name__ == "__main__":
    main()

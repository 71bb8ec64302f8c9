"""Postfix and we, both ways."""

import email

from house import main
from peer_cases import ALICE, AWKWARD, PeerTest, TheyDeliver, WeDeliver
from peers import Postfix


class WithPostfix(TheyDeliver, WeDeliver, PeerTest):
    peer_class = Postfix

    def test_utf8_addresses(self):
        sender = f"jörg@{self.peer.domain}"
        sent = self.message("Grüße", "Schöne Grüße.\r\n".encode(), sender)
        self.peer.send(sender, [ALICE], sent, ["smtputf8"])
        (message,) = self.arrived(ALICE, "Grüße")
        self.assertEqual(message.without_trace, sent)
        self.assertEqual(message.field("Return-Path"), [f"<{sender}>"])
        self.assertIn("with UTF8SMTPS", message.field("Received")[0])

    def test_out_utf8_addresses(self):
        recipient = f"jörg@{self.peer.domain}"
        sent = self.outgoing("Grüße hinaus", "Schöne Grüße.\r\n".encode(), recipient)
        self.submit([recipient], sent, options=["smtputf8"])
        (message,) = self.arrived_there("jörg", "Grüße hinaus")
        self.assertEqual(message.without_trace, sent)

    def test_out_success_is_reported_by_them(self):
        """RFC 3461: Postfix announces DSN, so the notice is its to write, with our ENVID and ORCPT in it."""
        self.submit([self.at("carol")], self.outgoing("tell me when it is there"), options=["ret=hdrs", "envid=ours+2B1"],
                    recipient_options=["notify=success", f"orcpt=rfc822;{self.at('carol')}"])
        self.arrived_there("carol", "tell me when it is there")
        report = self.notice("tell me when it is there")
        self.assertEqual(report.about_message["Reporting-MTA"].replace(" ", ""), f"dns;mx.{self.peer.domain}")
        self.assertEqual(report.about_message["Original-Envelope-Id"], "ours+1")
        recipient = report.recipient(self.at("carol"))
        self.assertEqual((recipient["Action"], recipient["Status"][:2]), ("delivered", "2."))
        self.assertEqual(recipient["Original-Recipient"].replace(" ", ""), f"rfc822;{self.at('carol')}")
        self.assertIn(report.original.get_content_type(), ("text/rfc822-headers", "message/global-headers"))

    def test_success_is_reported_by_us(self):
        self.peer.send(self.at("carol"), [ALICE], self.message("tell Postfix when it is there"), ["ret=hdrs", "envid=theirs1"],
                       ["notify=success"])
        self.arrived(ALICE, "tell Postfix when it is there")
        report = self.report_to("carol", "tell Postfix when it is there")
        self.assertEqual(report.about_message["Reporting-MTA"].replace(" ", ""), "dns;north.test")
        self.assertEqual(report.about_message["Original-Envelope-Id"], "theirs1")
        self.assertEqual(report.recipient(ALICE)["Action"], "delivered")

    def test_out_eight_bits_where_they_are_not_taken(self):
        """The plain door has no 8BITMIME: content of text goes in quoted-printable and means the same."""
        body = b"".join(line + b"\r\n" for line in AWKWARD.split(b"\r\n") if b"\xff" not in line)
        extra = b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
        sent = self.outgoing("seven bits", body, f"carol@plain.{self.peer.domain}", extra)
        self.submit([f"carol@plain.{self.peer.domain}"], sent, options=["body=8bitmime"])
        (message,) = self.arrived_there("carol", "seven bits")
        self.assertTrue(message.whole.isascii())
        self.assertEqual(message.field("Content-Transfer-Encoding"), ["quoted-printable"])
        decoded = email.message_from_bytes(message.whole).get_payload(decode=True)
        self.assertEqual(decoded, body)


if __name__ == "__main__":
    main()

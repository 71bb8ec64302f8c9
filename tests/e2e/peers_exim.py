"""Exim and we, both ways."""

from house import main
from peer_cases import ALICE, PeerTest, TheyDeliver, WeDeliver
from peers import Exim


class WithExim(TheyDeliver, WeDeliver, PeerTest):
    peer_class = Exim

    def test_chunking(self):
        sent = self.message("in chunks", b"y" * 70 + b"\r\n" + b"z\r\n" * 100_000)
        self.peer.send(self.at("carol"), [ALICE], sent)
        (message,) = self.arrived(ALICE, "in chunks")
        self.assertEqual(message.without_trace, sent)
        self.assertRegex(self.peer.log_text(), r"=> alice@north\.test .* K .*C=\"250 2\.0\.0")  # K: by BDAT

    def test_out_chunking(self):
        sent = self.outgoing("out in chunks", b"y" * 70 + b"\r\n" + b"z\r\n" * 100_000)
        self.submit([self.at("carol")], sent)
        (message,) = self.arrived_there("carol", "out in chunks")
        self.assertEqual(message.without_trace, sent)
        self.assertRegex(self.peer.log_text(), rf"<= {ALICE} .* K .*for {self.at('carol')}")

    def test_out_passed_on_to_who_does_not_report(self):
        """Exim announces no DSN here: we say that it was passed on (RFC 3461 section 5.2.2)."""
        self.submit([self.at("carol")], self.outgoing("tell me as far as you can"), recipient_options=["notify=success"])
        self.arrived_there("carol", "tell me as far as you can")
        report = self.notice("tell me as far as you can")
        self.assertEqual(report.about_message["Reporting-MTA"].replace(" ", ""), "dns;north.test")
        self.assertEqual(report.recipient(self.at("carol"))["Action"], "relayed")


if __name__ == "__main__":
    main()

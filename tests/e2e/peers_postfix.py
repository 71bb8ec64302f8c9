"""Postfix and we, both ways."""

from house import main
from peer_cases import ALICE, PeerTest, TheyDeliver
from peers import Postfix


class FromPostfix(TheyDeliver, PeerTest):
    peer_class = Postfix

    def test_utf8_addresses(self):
        sender = f"jörg@{self.peer.domain}"
        sent = self.message("Grüße", "Schöne Grüße.\r\n".encode(), sender)
        self.peer.send(sender, [ALICE], sent, ["smtputf8"])
        (message,) = self.arrived(ALICE, "Grüße")
        self.assertEqual(message.without_trace, sent)
        self.assertEqual(message.field("Return-Path"), [f"<{sender}>"])
        self.assertIn("with UTF8SMTPS", message.field("Received")[0])


if __name__ == "__main__":
    main()

"""Exim and we, both ways."""

from house import main
from peer_cases import ALICE, PeerTest, TheyDeliver
from peers import Exim


class FromExim(TheyDeliver, PeerTest):
    peer_class = Exim

    def test_chunking(self):
        sent = self.message("in chunks", b"y" * 70 + b"\r\n" + b"z\r\n" * 100_000)
        self.peer.send(self.at("carol"), [ALICE], sent)
        (message,) = self.arrived(ALICE, "in chunks")
        self.assertEqual(message.without_trace, sent)
        self.assertRegex(self.peer.log_text(), r"=> alice@north\.test .* K .*C=\"250 2\.0\.0")  # K: by BDAT


if __name__ == "__main__":
    main()

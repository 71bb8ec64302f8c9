"""OpenSMTPD and we, both ways."""

from house import main
from peer_cases import PeerTest, TheyDeliver
from peers import OpenSmtpd


class FromOpenSmtpd(TheyDeliver, PeerTest):
    peer_class = OpenSmtpd


if __name__ == "__main__":
    main()

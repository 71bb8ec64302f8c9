"""tests/torture/stress.py in short: many sessions do everything on one mailbox, and again while the server is killed; at
quiet points each knows exactly what a fresh session is told."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / "torture"))
from house import HouseTest, main  # noqa: E402
import stress  # noqa: E402

QUIET, KILLED = stress.READERS[:2]


class StressedReaders(HouseTest):
    house_options = {"hostname": "torture.test", "accounts": (QUIET, KILLED), "settings": "[unsafe]\nplaintext_login = true\n"}

    def test_all_agree_at_quiet_points(self):
        def done(number):
            return lambda session: session.commands >= 80 * (number + 1)

        commands, faults = stress.quiet_rounds(self.house.port["imap"], QUIET, 8, 4, done, "short", report=lambda *_, **__: None)
        self.assertEqual(faults, [])
        self.assertGreater(commands, 8 * 4 * 80)

    def test_all_agree_after_kills(self):
        self.house.again = self.house.launch
        commands, faults = stress.killed_rounds(self.house, KILLED, 6, 4, "short", commands=200, report=lambda *_, **__: None)
        self.assertEqual(faults, [])
        self.assertGreater(commands, 4 * 200)


if __name__ == "__main__":
    main()

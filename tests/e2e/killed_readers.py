"""Row F2 of docs/hostile.md in short: kill -9 while mailboxes are changed by IMAP, against a model of what must be there."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / "torture"))
from house import HouseTest, main  # noqa: E402
import readers  # noqa: E402

USERS = readers.READERS[:2]


class KilledReaders(HouseTest):
    house_options = {"hostname": "torture.test", "accounts": tuple(USERS), "settings": "[unsafe]\nplaintext_login = true\n"}

    def test_what_was_answered_is_there(self):
        house = self.house
        house.again = house.launch
        answered, faults, _ = readers.killed_readers(house, USERS, rounds=4, seed=5, report=lambda *_, **__: None)
        self.assertEqual(faults, [])
        self.assertGreater(answered, 0)


if __name__ == "__main__":
    main()

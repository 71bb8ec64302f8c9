"""Runs one row of docs/hostile.md with its dose, and writes what came of it to docs/torture.md.

    ./dev torture ROW [ROUNDS]      ./dev torture list

A row keeps its state in build/torture/ROW after each round, so a run that was ended goes on where it was;
--fresh begins anew. It runs a copy of the program made when it began, so the tree may be built meanwhile. The line in docs/torture.md has date, commit, dose and figures, also the bad ones.
"""

import argparse
import datetime
import importlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]


class State(dict):
    """A row's figures between rounds, on disk after each save()."""

    def __init__(self, folder):
        super().__init__()
        self.folder = folder
        self.file = folder / "state.json"
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        if self.file.exists():
            self.update(json.loads(self.file.read_text()))

    def save(self):
        fresh = self.file.with_suffix(".new")
        fresh.write_text(json.dumps(self))
        fresh.replace(self.file)


def commit():
    done = subprocess.run(["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    changed = subprocess.run(["git", "-C", str(ROOT), "status", "--porcelain", "-uno", "src"], capture_output=True, text=True)
    return done.stdout.strip() + ("+" if changed.stdout.strip() else "")


def write_down(row, seen, rounds, outcome, good):
    file = ROOT / "docs" / "torture.md"
    line = f"| {datetime.date.today()} | {seen} | {row} | {rounds} | {'good' if good else '**BAD**'} | {outcome} |\n"
    with open(file, "a") as out:
        out.write(line)
    print(line, end="")


def copy_of_the_program(folder):
    """Later builds do not change what a row runs against."""
    copy = folder / "posthouse"
    fresh = folder / "posthouse.new"
    shutil.copy2(os.environ.get("POSTHOUSE", ROOT / "build" / "posthouse"), fresh)
    fresh.replace(copy)
    os.environ["POSTHOUSE"] = str(copy)


def all_rows():
    """Of every file here that has some."""
    rows = {}
    for file in sorted(HERE.glob("*.py")):
        if "\nROWS = {" in file.read_text():
            rows |= importlib.import_module(file.stem).ROWS  # these look at POSTHOUSE when they are loaded
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("row")
    parser.add_argument("rounds", nargs="?", type=int)
    parser.add_argument("--fresh", action="store_true", help="forget an unfinished run")
    parser.add_argument("--no-record", action="store_true", help="no line in docs/torture.md")
    given = parser.parse_args()
    if given.row == "list":
        for name, (rounds, what, _) in sorted(all_rows().items(), key=lambda item: (item[0][0], int(item[0].strip("AFcnqs")))):
            print(f"{name:5} {rounds:6}  {what}")
        return 0
    folder = ROOT / "build" / "torture" / given.row
    if given.fresh:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    seen = commit()
    copy_of_the_program(folder)
    rows = all_rows()
    if given.row not in rows:
        parser.error(f"no row {given.row}; ./dev torture list")
    default, _, run = rows[given.row]
    rounds = given.rounds or default
    state = State(folder)
    good, outcome = run(state, rounds)
    if not given.no_record:
        write_down(given.row, seen, rounds, outcome, good)
    else:
        print("good" if good else "BAD", outcome)
    if good:
        shutil.rmtree(folder, ignore_errors=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())

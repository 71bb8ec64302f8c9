#!/usr/bin/env python3
"""Proves that the house keeps its floors (docs/design.md section 2).

Reads the room(…) lines of src/CMakeLists.txt and every #include of src/**, and shows each breach as
`file:line: what is wrong`. Without arguments it checks this repository; `--self-test` checks that it
would notice each kind of breach.

 - A room's files include only their own room and the rooms it SEES, directly or through those; tests
   (x_test.cc, test_x.h, fixture.h) also what TEST_SEES adds. What is no test includes no test's header.
 - The rooms' SEES make no circle.
 - Asio's headers are included only by base/task.h and in net/ (and base/asio.cc, which compiles them).
 - A header begins its code with #pragma once and has no `using namespace` (literals aside).
 - A folder with sources is a room (or lies inside one), and each room with sources has a README.md
   of at most 25 lines under its name.
"""

import re
import sys
import tempfile
from pathlib import Path

INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')
USING_NAMESPACE = re.compile(r"^\s*using\s+namespace\s+([\w:]+)")
TEST_FILE = re.compile(r"_(test|fuzz|bench)\.(cc|h)$|(^|/)(test_[^/]*|fixture)\.h$")
README_LINES = 25


class Room:
    def __init__(self, name, line, sees, test_sees):
        self.name, self.line, self.sees, self.test_sees = name, line, sees, test_sees


def read_rooms(text):
    """The room(NAME [FOLDER f] [SEES …] [LINKS …] [TEST_SEES …]) calls, in order."""
    bare = re.sub(r"#[^\n]*", lambda comment: " " * len(comment.group()), text)
    rooms = {}
    for call in re.finditer(r"^\s*room\(([^)]*)\)", bare, re.MULTILINE):
        words = re.sub(r"\$\{\w+\}\S*", "-", call.group(1)).split()
        lists, current = {"NAME": []}, "NAME"
        for word in words:
            if word in ("FOLDER", "SEES", "LINKS", "TEST_SEES"):
                current = word
                lists.setdefault(word, [])
            else:
                lists[current].append(word)
        name = lists["NAME"][0]
        line = bare[: call.start(1)].count("\n") + 1
        rooms[name] = Room(name, line, lists.get("SEES", []), lists.get("TEST_SEES", []))
    return rooms


def room_of(path, rooms):
    """The room whose folder holds the path (as 'imap/server/fetch.h'), the deepest one; else None."""
    parts = path.split("/")[:-1]
    while parts:
        if "/".join(parts) in rooms:
            return "/".join(parts)
        parts.pop()
    return None


def seen_from(rooms, names):
    seen, todo = set(), list(names)
    while todo:
        name = todo.pop()
        if name in rooms and name not in seen:
            seen.add(name)
            todo += rooms[name].sees
    return seen


def check_rooms(rooms):
    """Unknown names and circles among the SEES."""
    for room in rooms.values():
        for name in room.sees + room.test_sees:
            if name not in rooms:
                yield room.line, f"room {room.name} sees {name}, which is no room"
        if room.name in seen_from(rooms, room.sees):
            yield room.line, f"room {room.name} sees itself through {', '.join(room.sees)}: a circle"


def lines_of(path):
    """Line numbers and lines, without what lies in /* */ or // comments (strings are left alone)."""
    text = path.read_text(encoding="utf-8")
    text = re.sub(r"/\*.*?\*/", lambda comment: "\n" * comment.group().count("\n"), text, flags=re.DOTALL)
    for number, line in enumerate(text.split("\n"), 1):
        yield number, re.sub(r"(?<!:)//.*", "", line)


def check_file(source, path, rooms):
    name = source.relative_to(path).as_posix()
    room = room_of(name, rooms)
    if room is None:
        yield 1, "lies in no room of src/CMakeLists.txt"
        return
    is_test = TEST_FILE.search(name)
    allowed = {room} | seen_from(rooms, rooms[room].sees)
    if is_test:
        allowed |= seen_from(rooms, rooms[room].test_sees)
    may_see_asio = name in ("base/task.h", "base/asio.cc") or room == "net"
    has_pragma = False
    for number, line in lines_of(source):
        has_pragma = has_pragma or line.strip() == "#pragma once"
        include = INCLUDE.match(line)
        if include:
            quoted, target = include.group(1) == '"', include.group(2)
            if re.match(r"(boost/)?asio(/|\.hpp)", target) and not may_see_asio:
                yield number, f"includes <{target}>: Asio is seen by base/task.h and net/ only"
            if quoted:
                other = room_of(target, rooms)
                if other is None:
                    yield number, f'"{target}" names no room'
                elif other not in allowed:
                    yield number, f'room {room} includes "{target}", but does not see {other}'
                elif TEST_FILE.search(target) and not is_test:
                    yield number, f'"{target}" is for tests'
                elif not (path / target).exists():
                    yield number, f'"{target}" does not exist'
        using = USING_NAMESPACE.match(line)
        if using and name.endswith(".h") and not using.group(1).endswith("literals"):
            yield number, f"using namespace {using.group(1)} in a header"
    if name.endswith(".h") and not has_pragma:
        yield 1, "a header without #pragma once"


def check_readmes(path, rooms, sources):
    for name in sorted({room_of(source.relative_to(path).as_posix(), rooms) for source in sources} - {None}):
        readme = path / name / "README.md"
        if not readme.exists():
            yield readme, 1, f"room {name} has sources and no README.md"
            continue
        lines = readme.read_text(encoding="utf-8").splitlines()
        if len(lines) > README_LINES:
            yield readme, README_LINES + 1, f"longer than {README_LINES} lines"
        if not lines or not lines[0].startswith(f"# {name}"):
            yield readme, 1, f"begins with no title '# {name}'"


def breaches(path):
    """Every breach under the folder `path` (src), as 'file:line: text'."""
    path = Path(path)
    plan = path / "CMakeLists.txt"
    rooms = read_rooms(plan.read_text(encoding="utf-8"))
    found = [(plan, line, text) for line, text in check_rooms(rooms)]
    sources = sorted(p for p in path.rglob("*") if p.suffix in (".h", ".cc"))
    for source in sources:
        found += [(source, line, text) for line, text in check_file(source, path, rooms)]
    found += check_readmes(path, rooms, sources)
    return [f"{file.relative_to(path.parent)}:{line}: {text}" for file, line, text in found], len(rooms), len(sources)


def self_test():
    """A small house with one breach of each kind: each must be found, and nothing else."""
    plan = """
room(base LINKS x)
room(store SEES base)  # room(ghost SEES base)
room(store/memory SEES store)
room(net SEES base)
room(imap/server FOLDER ${here}/imap/server SEES store
     LINKS y TEST_SEES store/memory)
room(a SEES b)
room(b SEES a)
"""
    files = {
        "base/task.h": '#pragma once\n#include <boost/asio/post.hpp>\nusing namespace std::chrono_literals;\n',
        "base/README.md": "# base: ground\n",
        "net/wire.h": '#pragma once\n#include "base/task.h"\n#include <boost/asio.hpp>\n',
        "net/README.md": "# net\n" * 26,
        "store/store.h": '// #include "net/wire.h"\n#pragma once\n#include "base/task.h"\n',
        "store/store.cc": '#include "store/store.h"\n#include "imap/server/door.h"\n',
        "store/README.md": "#store\n",
        "store/memory/memory.h": '#pragma once\n#include "base/task.h"\n',
        "store/memory/README.md": "# store/memory\n",
        "imap/server/door.h": 'using namespace std;\n#include "store/memory/memory.h"\n#include "base/gone.h"\n',
        "imap/server/door_test.cc": '#include "store/memory/memory.h"\n#include "net/wire.h"\n#include "door.h"\n',
        "imap/server/test_door.h": '#pragma once\n#include "store/memory/memory.h"\n',
        "imap/server/door.cc": '#include "boost/asio/post.hpp"\n#include "imap/server/test_door.h"\n',
        "cellar/dark.cc": "\n",
    }
    expected = {
        "src/CMakeLists.txt:8: room a sees itself through b: a circle",
        "src/CMakeLists.txt:9: room b sees itself through a: a circle",
        "src/net/README.md:26: longer than 25 lines",
        "src/store/README.md:1: begins with no title '# store'",
        'src/store/store.cc:2: room store includes "imap/server/door.h", but does not see imap/server',
        "src/imap/server/door.h:1: using namespace std in a header",
        'src/imap/server/door.h:2: room imap/server includes "store/memory/memory.h", but does not see store/memory',
        'src/imap/server/door.h:3: "base/gone.h" does not exist',
        "src/imap/server/door.h:1: a header without #pragma once",
        'src/imap/server/door_test.cc:2: room imap/server includes "net/wire.h", but does not see net',
        'src/imap/server/door_test.cc:3: "door.h" names no room',
        "src/imap/server/door.cc:1: includes <boost/asio/post.hpp>: Asio is seen by base/task.h and net/ only",
        'src/imap/server/door.cc:1: "boost/asio/post.hpp" names no room',
        'src/imap/server/door.cc:2: "imap/server/test_door.h" is for tests',
        "src/cellar/dark.cc:1: lies in no room of src/CMakeLists.txt",
        "src/imap/server/README.md:1: room imap/server has sources and no README.md",
    }
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "src"
        for name, text in files.items():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_text(text, encoding="utf-8")
        (source / "CMakeLists.txt").write_text(plan, encoding="utf-8")
        found = set(breaches(source)[0])
    for text in sorted(expected - found):
        print(f"self-test: not noticed: {text}")
    for text in sorted(found - expected):
        print(f"self-test: wrongly reported: {text}")
    return found == expected


def main():
    if not self_test():
        return 1
    if "--self-test" in sys.argv[1:]:
        return 0
    found, rooms, files = breaches(Path(__file__).resolve().parent.parent / "src")
    for text in found:
        print(text)
    print(f"{rooms} rooms, {files} files, {len(found)} breaches")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

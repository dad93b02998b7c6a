"""A store whose every text is hostile: whatever screen shows it, it reaches the terminal as text only."""

from __future__ import annotations

import itertools
import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from big_store import write_big_store
from stocking import add_rows, held_queue

from store import Store, open_store

OPENINGS = ("\x1b]52;c;", "\x1b]0;", "\x1b]8;;http://evil", "\x1b]9;", "\x1bP", "\x1b_G")
OPENINGS += ("\x1b[", "\x9d0;", "\x9b", "\x90")
MIDDLES = ("EVIL", "2J", "?1049l", "6n", "\r\nEVIL", "[@click=app.quit]EVIL[/]")
"""Each opening with each of these is a payload: sixty."""
ENDS = ("\x07", "\x1b\\", "", "\x9c", "\u202e")
PAYLOADS = tuple(
    opening + middle + ENDS[number % len(ENDS)]
    for number, (opening, middle) in enumerate(itertools.product(OPENINGS, MIDDLES))
)
OURS = re.compile(
    rb"\x1b\[[0-9;]*m"  # colours
    rb"|\x1b\[[0-9]+;[0-9]+H"  # positions
    rb"|\x1b\[\?(1049|1000|1002|1003|1004|1006|1015|1016|2004|2026|2048|25|7)[hl]"  # modes
    rb"|\x1b\]22;[a-z-]*\x07"  # the pointer
    rb"|\x1b\[\?(2026|2048)\$p|\x1b\[[<>][0-9]*u"  # questions
)
RUNS = len(PAYLOADS)


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[Path]:
    """Names that no command of ours would take too: the catalog may be anybody's file."""
    root = write_big_store(tmp_path / "hostile", adapters=0, runs=RUNS, points=False)
    with open_store(root) as store, held_queue(store):
        fill(store)
        yield root


def fill(store: Store) -> None:
    add_rows(store, "rows", [{"text": each, "summary": each[::-1]} for each in PAYLOADS])
    with store.db.conn:
        for number, text in enumerate(PAYLOADS, start=1):
            told = dict.fromkeys(("name", "model", "dataset", "template", "error", "hint"), text)
            settings = json.dumps({text: text})
            store.db.table("runs").update(number, {**told, "status": "failed", "settings": settings})
            store.db.execute("insert into metric_names (name) values (?)", [text])
            store.db.execute(
                "insert into points (run, name, step, kind, value, time) select ?, max(id), 1, 0, 1.5, ?"
                " from metric_names",
                [number, time.time()],
            )
        store.db.execute("update models set source = ?, architecture = ?", [text, text])
    for number, text in enumerate(PAYLOADS, start=1):
        run = store.runs.get(f"r{number}")
        store.alerts.append(run.id, 1, "divergence", text)
        store.runs.folder(run).mkdir(parents=True, exist_ok=True)
        lines = itertools.islice(itertools.cycle(PAYLOADS), number, number + 8)
        store.runs.log_path(run).write_bytes("\n".join(lines).encode("utf-8", "surrogatepass"))


def check(seen: bytes) -> None:
    rest = OURS.sub(b"", seen).replace(b"\r\n", b"")
    found = re.search(rb"[\x00-\x1f\x7f]", rest)
    assert found is None, rest[max(found.start() - 80, 0) : found.start() + 80]
    text = rest.decode("utf-8", "replace")
    assert re.search("[\x80-\x9f\u202a-\u202e\u2066-\u2069]", text) is None


def test_no_screen_of_a_hostile_store_lets_a_control_code_through(
    terminal: Callable[..., Any], hostile: Path
) -> None:
    opened = terminal(hostile, size=(160, 50))
    opened.wait_for("1 Runs", 30)
    opened.read_for(2)
    for _ in range(RUNS // 6):
        opened.press("jjj")
        opened.read_for(0.3)
    for key in "m\x1bD\x1b?\x1bM/E\x1b\x1b2345678":
        opened.press(key)
        opened.read_for(0.5)
    opened.wait_for("8 Bench", 10)
    assert b"EVIL" in opened.output
    assert opened.process.poll() is None
    check(bytes(opened.output))

"""A store whose every text is hostile: whatever screen shows it, it reaches the terminal as text only."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from big_store import write_big_store
from hostile import NAMES, PAYLOADS, assert_harmless
from stocking import add_rows, held_queue

from store import Store, open_store
from store.evaluations import EvaluationRow
from store.samples import Answer

RUNS = len(PAYLOADS)


STOPS = (
    ("m", "metrics"),
    ("\x1bD", "differ"),
    ("\x1b?", "keys"),
    ("\x1bM/E\x1b\x1bsn", "prompt 2 of 9"),
    ("\x1b2", "base"),
    ("3", "row 0 of 60"),
    ("\rj", "row 1 of 60"),
    ("\r", "row 1"),
    ("\x1bi", "not taken"),
    ("\x1b4", "unknown"),
    ("jjjjjjjjjj", "templates"),
    ("e", "^s save"),
    ("\x1b5", "lineage"),
    ("6", "who answers"),
    ("7", "60 rows"),
    ("\tjjjl", "matched"),
    ("v", "mean"),
    ("\x1b8", "8 Bench"),
)
"""Keys, and what is seen then: lists, samples, a row, the inbox, the editor, cards, answers word by word."""


def fill_what_is_read_in_full(store: Store) -> None:
    """Templates, answers, samples, cards and the inbox: what people read closely, and take from others."""
    text = json.dumps(" ".join(PAYLOADS))
    variant = f'name = {text}\nprompt = {text}\ncompletion = "{{{{ summary }}}}"\n'
    (store.root / "templates" / "evil.toml").write_text(
        f'name = "evil"\ntask = {text}\n[[variants]]\n{variant}', encoding="utf-8"
    )
    # Files that cannot be read are told with what is wrong in them.
    for name, broken in (("broken", f"{PAYLOADS[0]} = ["), ("unknown", f"{text} = {text}")):
        (store.root / "templates" / f"{name}.toml").write_text(broken, encoding="utf-8")
    for number, name in enumerate(NAMES[:40:4]):
        (store.root / "templates" / f"{name}.toml").write_text(broken, encoding="utf-8")
        kind = (".toml", ".jsonl", ".png")[number % 3]
        (store.root / "inbox" / f"{name}{kind}").write_text(name, encoding="utf-8")
    members = {"dataset": "rows", "split": "train", "template": PAYLOADS[1], "total": len(PAYLOADS)}
    group = None
    for system in (None, PAYLOADS[2]):
        made = store.evaluations.create(group, model="base", adapter=system, settings={}, **members)
        group = made.group
        store.evaluations.append(
            made.id, [EvaluationRow(at, each, each, (each[::-1],), each) for at, each in enumerate(PAYLOADS)]
        )
    for number in range(1, RUNS + 1):
        said = [Answer(each, each * 2, each, {"rougeL": 0.5}) for each in PAYLOADS[:9]]
        store.samples.append(f"r{number}", 1, said)
    with store.db.conn:
        store.db.execute("update adapters set method = ?, peft_type = ?", PAYLOADS[3:5])
    card = store.root / "adapters" / "adapter-1"
    card.mkdir(parents=True)
    lineage = {each: {each: each} for each in PAYLOADS}
    (card / "lineage.json").write_text(json.dumps(lineage), encoding="utf-8")


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[Path]:
    """Names that no command of ours would take too: the catalog may be anybody's file."""
    root = write_big_store(tmp_path / "hostile", adapters=1, runs=RUNS, points=False)
    with open_store(root) as store, held_queue(store):
        fill(store)
        fill_what_is_read_in_full(store)
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


def test_no_screen_of_a_hostile_store_lets_a_control_code_through(
    terminal: Callable[..., Any], hostile: Path
) -> None:
    opened = terminal(hostile, size=(160, 50))
    opened.wait_for("1 Runs", 30)
    opened.read_for(2)
    for _ in range(RUNS // 6):
        opened.press("jjj")
        opened.read_for(0.3)
    for keys, seen in STOPS:
        for key in keys:
            opened.press(key)
            opened.read_for(0.2)
        opened.wait_for(seen)
    opened.read_for(1)  # to the end of a frame
    assert b"EVIL" in opened.output
    assert opened.process.poll() is None
    assert_harmless(bytes(opened.output))

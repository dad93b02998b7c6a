"""What the store costs, as ratios to the bare library doing the same in the same run."""

from __future__ import annotations

import json
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from store import Store, open_store

pytestmark = pytest.mark.benchmark


def seconds(work: Callable[[], object], repeats: int = 5) -> float:
    """Return the median time of some work."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def new_run(store: Store) -> str:
    return store.runs.create(
        name="run", model="m", dataset="d", template="t", method="lora", settings={}, lineage={}
    ).id


def test_metric_batches_cost_little_more_than_bare_sqlite(store: Store, tmp_path: Path) -> None:
    run = new_run(store)
    batch = [(step, "loss", 1.0) for step in range(5)]
    plain = [(step, value) for step, _, value in batch]
    bare = sqlite3.connect(tmp_path / "bare.db", isolation_level=None)
    bare.execute("pragma journal_mode = wal")
    bare.execute("pragma synchronous = normal")
    bare.execute("create table points (run, name, step, kind, value, time)")

    def bare_batch() -> None:
        bare.execute("begin immediate")
        bare.executemany("insert into points values (1, 1, ?, 0, ?, 0)", plain)
        bare.execute("commit")

    ours = seconds(lambda: [store.metrics.append(run, batch) for _ in range(200)])
    theirs = seconds(lambda: [bare_batch() for _ in range(200)])
    print(
        f"\nmetric batch of 5: {ours * 5:.2f} ms, bare SQLite {theirs * 5:.2f} ms, ratio {ours / theirs:.1f}"
    )
    assert ours / theirs < 12


def test_opening_a_store_takes_milliseconds(store_root: Path) -> None:
    open_store(store_root).close()
    opening = seconds(lambda: open_store(store_root).close(), 20)
    print(f"\nopen and close: {opening * 1000:.1f} ms")
    assert opening < 0.02


def test_the_import_costs_little_more_than_sqlite_utils_alone() -> None:
    hidden = "import sys; sys.modules['pandas'] = sys.modules['numpy'] = None; import sqlite_utils"
    ours = seconds(lambda: subprocess.run([sys.executable, "-c", "import store"], check=True))
    theirs = seconds(lambda: subprocess.run([sys.executable, "-c", hidden], check=True))
    print(
        f"\nimport store: {ours * 1000:.0f} ms, sqlite_utils {theirs * 1000:.0f}, ratio {ours / theirs:.2f}"
    )
    assert ours / theirs < 2


def test_adding_a_dataset_is_near_to_parsing_it(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    text = "some words of a row that is two hundred characters long " * 4
    with path.open("w") as file:
        file.writelines(json.dumps({"n": n, "text": text}) + "\n" for n in range(50_000))

    def parse() -> None:
        with path.open(encoding="utf-8") as file:
            for line in file:
                json.loads(line)

    names = iter(range(100))
    ours = seconds(lambda: store.datasets.add(path, name=f"d{next(names)}"), 3)
    theirs = seconds(parse, 3)
    print(f"\nadd 50,000 rows: {ours:.2f} s, json.loads {theirs:.2f} s, ratio {ours / theirs:.1f}")
    assert ours / theirs < 8


def test_the_last_row_of_a_large_dataset_comes_as_fast_as_the_first(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    with path.open("w") as file:
        file.writelines(f'{{"n": {n}}}\n' for n in range(1_000_000))
    store.datasets.add(path)
    first = seconds(lambda: store.datasets.row("rows", "train", 0), 50)
    last = seconds(lambda: store.datasets.row("rows", "train", 999_999), 50)
    print(f"\nfirst row {first * 1000:.2f} ms, last row {last * 1000:.2f} ms")
    assert last < 10 * first + 0.005


def test_the_newest_of_a_million_points_come_at_once(store: Store) -> None:
    run = new_run(store)
    for start in range(0, 1_000_000, 50_000):
        store.metrics.append(run, [(step, "loss", 1.0) for step in range(start, start + 50_000)])
    decimating = seconds(lambda: store.metrics.series(run, "loss", width=120), 3)
    latest = seconds(lambda: store.metrics.latest(run), 20)
    following = seconds(lambda: store.metrics.after(999_900), 20)
    print(f"\nof a million points: decimate {decimating:.2f} s, latest {latest * 1e3:.2f} ms")
    print(f"the last hundred after a cursor: {following * 1e3:.2f} ms")
    assert latest < 0.01 and following < 0.01

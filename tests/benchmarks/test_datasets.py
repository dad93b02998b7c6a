"""Five million rows: how fast they are registered, paged, searched and described, and in how much memory."""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from store import Store, open_store

pytestmark = pytest.mark.benchmark

ROWS = 5_000_000
PAGE = 100
PAGES = """
import json, random, sys, time
from pathlib import Path
from store import open_store

def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024

with open_store(sys.argv[1]) as store:
    source, times = random.Random(0), []
    rows = store.datasets.get("big").rows
    for start in [0] + [source.randrange(rows) for _ in range(200)]:
        begun = time.perf_counter()
        page = list(store.datasets.rows("big", "train", start, 100))
        times.append(time.perf_counter() - begun)
        assert page[0]["n"] == start
    times = [times[0], *sorted(times[1:])]
    print(json.dumps({"first": times[0], "median": times[100], "worst": times[-1], "peak": peak()}))
"""


def seconds(work: Callable[[], object], repeats: int = 1) -> float:
    """Return the median time of some work."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, Path]]:
    """A store with a JSONL of five million rows, registered with its time printed."""
    folder = tmp_path_factory.mktemp("large")
    path = folder / "big.jsonl"
    words = ["some", "words", "of", "an", "instruction", "and", "its", "answer", "as", "long", "as", "usual"]
    source = random.Random(0)
    texts = [" ".join(source.choices(words, k=20)) for _ in range(1000)]
    with path.open("w") as file:
        for number in range(ROWS):
            file.write(f'{{"n": {number}, "prompt": "{texts[number % 1000]}", "label": "{number % 3}"}}\n')
    with open_store(folder / "store") as store:
        adding = seconds(lambda: store.datasets.add(path))

        def parse() -> None:
            with path.open("rb") as lines:
                for line in lines:
                    json.loads(line)

        parsing = seconds(parse)
        size = path.stat().st_size
        print(
            f"\nregister {ROWS:,} rows, {size / 1e6:.0f} MB: {adding:.1f} s, {ROWS / adding:,.0f} rows/s, "
            f"{size / 1e6 / adding:.0f} MB/s; json.loads {parsing:.1f} s, ratio {adding / parsing:.2f}"
        )
        assert adding / parsing < 4
        yield store, path


def test_any_page_of_five_million_rows_comes_at_once_in_little_memory(large: tuple[Store, Path]) -> None:
    """In a process of its own, so that its memory is what paging needs."""
    command = [sys.executable, "-c", PAGES, str(large[0].root)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    print(
        f"\npages of {PAGE}: first {told['first'] * 1e3:.1f} ms, random {told['median'] * 1e3:.1f} ms, "
        f"slowest {told['worst'] * 1e3:.1f} ms; peak {told['peak']:.0f} MiB"
    )
    assert told["first"] < 1 and told["worst"] < 0.2 and told["peak"] < 100


def test_a_search_without_a_match_is_near_to_reading_the_file(large: tuple[Store, Path]) -> None:
    store, path = large
    size = path.stat().st_size

    def read() -> None:
        with path.open("rb", buffering=0) as file:
            while chunk := file.read(1 << 20):
                chunk.lower()

    reading = seconds(read, 3)
    # Letters with two cases and no ASCII among them must be looked for in each spelling and escape.
    for text, most in (("nowhere to be found", 6), ("漢字", 8), ("ÄÖ", 16)):
        searching = seconds(lambda text=text: store.datasets.find("big", "train", text), 3)  # type: ignore[misc]
        print(
            f"\nsearch {text!r}: {searching:.2f} s, {size / 1e6 / searching:.0f} MB/s; reading and lowering "
            f"{reading:.2f} s, ratio {searching / reading:.1f}"
        )
        assert searching / reading < most
    one = f'"n": {ROWS - 5}'.split()[1]
    last = seconds(lambda: store.datasets.find("big", "train", one, backwards=True, limit=1), 3)
    print(f"\nsearch backwards for a row near the end: {last * 1e3:.1f} ms")
    assert last < 0.5


def test_figures_of_a_sample_come_soon(large: tuple[Store, Path]) -> None:
    store, _ = large
    sample = seconds(lambda: store.datasets.statistics("big", limit=100_000))
    print(f"\nfigures of a sample of 100,000 rows: {sample:.2f} s, {100_000 / sample:,.0f} rows/s")
    assert sample < 10


def test_dividing_is_near_to_parsing_and_writing(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    with path.open("w") as file:
        file.writelines(
            json.dumps({"n": n, "text": f"some words of row {n} " * 5}) + "\n" for n in range(100_000)
        )
    store.datasets.add(path)

    def rewrite() -> None:
        with path.open("rb") as lines, (tmp_path / "out").open("w") as out:
            out.writelines(json.dumps(json.loads(line), ensure_ascii=False) + "\n" for line in lines)

    ours = seconds(lambda: store.datasets.split("rows", {"test": 0.1}))
    theirs = seconds(rewrite)
    print(f"\ndivide 100,000 rows: {ours:.2f} s, parse and write {theirs:.2f} s, ratio {ours / theirs:.1f}")
    assert ours / theirs < 10

"""Kept tokens: the same rows without tokenising, found by all that made them, bounded, and never half."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from store.errors import BadInput
from workbench.worker import token_cache
from workbench.worker.batches import TokenRows
from workbench.worker.pulse import Cancelled


def maker(folder: Path, number: int = 0, rows: int = 50) -> tuple[Callable[[], TokenRows], list[int]]:
    """What makes some rows, and how often it was asked to."""
    calls: list[int] = []

    def make() -> TokenRows:
        calls.append(number)
        made = TokenRows(folder)
        for row in range(rows):
            made.add([number, *range(row % 7)], [-100, *range(row % 7)])
        made.skip(3, "empty")
        made.close()
        return made

    return make, calls


def go_on() -> None:
    """Nobody wants the run to end."""


def content(rows: TokenRows) -> list[tuple[list[int], list[int]]]:
    """All that can be read."""
    pairs = (rows[at] for at in range(len(rows)))
    return [(row["input_ids"].tolist(), row["labels"].tolist()) for row in pairs]


def kept(root: Path) -> list[Path]:
    """The files of the cache."""
    return sorted((root / "cache" / "tokens").iterdir())


def test_rows_are_made_once_and_come_back_equal(tmp_path: Path) -> None:
    """Ids, labels, and what was skipped and why; another key is made anew."""
    make, calls = maker(tmp_path)
    first = token_cache.through(tmp_path, {"dataset": "a"}, make, go_on)
    again = token_cache.through(tmp_path, {"dataset": "a"}, make, go_on)
    assert calls == [0]
    assert content(first) == content(again)
    assert (again.skipped, again.reasons, again.length_of(6)) == (1, ["row 3: empty"], (7, 7))
    token_cache.through(tmp_path, {"dataset": "b"}, make, go_on)
    assert calls == [0, 0] and len(kept(tmp_path)) == 2
    assert {path.stat().st_mode & 0o777 for path in kept(tmp_path)} == {0o600}


@pytest.mark.parametrize("damage", ["cut", "flipped", "grown-header", "emptied"])
def test_what_is_not_whole_is_made_anew(tmp_path: Path, damage: str) -> None:
    """A torn or rotten file never reaches a run."""
    make, calls = maker(tmp_path)
    expected = content(token_cache.through(tmp_path, {}, make, go_on))
    (path,) = kept(tmp_path)
    data = bytearray(path.read_bytes())
    if damage == "cut":
        data = data[:-5]
    elif damage == "flipped":
        data[-9] ^= 1
    elif damage == "grown-header":
        data = data.replace(b'"numbers": ', b'"numbers": 9', 1)
    else:
        data.clear()
    path.write_bytes(data)
    assert content(token_cache.through(tmp_path, {}, make, go_on)) == expected
    assert calls == [0, 0]


def test_what_was_used_longest_ago_goes_first(tmp_path: Path) -> None:
    """Reading counts as use; what is read at the time stays readable; a file above the bound is not kept."""
    make, calls = maker(tmp_path)
    token_cache.through(tmp_path, {"key": 0}, make, go_on)
    size = kept(tmp_path)[0].stat().st_size
    opened = token_cache.through(tmp_path, {"key": 0}, make, go_on)
    token_cache.through(tmp_path, {"key": 1}, make, go_on, 3 * size)
    for age, path in enumerate(kept(tmp_path)):
        os.utime(path, (time.time() - 1000 - age, time.time() - 1000 - age))
    token_cache.through(tmp_path, {"key": 0}, make, go_on, 3 * size)  # used now
    token_cache.through(tmp_path, {"key": 2}, make, go_on, 2 * size)
    assert len(kept(tmp_path)) == 2 and calls == [0, 0, 0]
    token_cache.through(tmp_path, {"key": 0}, make, go_on)
    assert calls == [0, 0, 0]
    token_cache.through(tmp_path, {"key": 3}, make, go_on, size // 1000)
    assert len(kept(tmp_path)) == 2
    for path in kept(tmp_path):
        path.unlink()
    assert len(content(opened)) == 50


def test_rows_that_cannot_be_made_are_not_kept(tmp_path: Path) -> None:
    """The error is told each time."""

    def refuse() -> TokenRows:
        raise BadInput("nothing to learn", "look")

    for _ in range(2):
        with pytest.raises(BadInput, match="nothing to learn"):
            token_cache.through(tmp_path, {}, refuse, go_on)


def test_a_folder_that_cannot_be_written_is_no_reason_to_fail(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The rows are there all the same, and the log says why they are not kept."""
    (tmp_path / "cache").write_text("in the way")
    make, _ = maker(tmp_path)
    assert len(token_cache.through(tmp_path, {}, make, go_on)) == 50
    assert "tokens are not kept" in capsys.readouterr().out


def test_rows_that_several_need_at_once_are_made_by_one(tmp_path: Path) -> None:
    """The others wait, unless they are told to end, and read what it made; no lock stays behind."""
    make, calls = maker(tmp_path)
    begun, finish = threading.Event(), threading.Event()

    def slowly() -> TokenRows:
        begun.set()
        assert finish.wait(30)
        return make()

    def cancel() -> None:
        raise Cancelled

    with ThreadPoolExecutor(3) as threads:
        first = threads.submit(token_cache.through, tmp_path, {}, slowly, go_on)
        assert begun.wait(30)
        others = [threads.submit(token_cache.through, tmp_path, {}, make, go_on) for _ in range(2)]
        with pytest.raises(Cancelled):
            token_cache.through(tmp_path, {}, make, cancel)
        finish.set()
        assert [content(each.result()) for each in others] == [content(first.result())] * 2
    assert calls == [0] and len(kept(tmp_path)) == 1

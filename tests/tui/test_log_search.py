"""A log of any size is searched as one types: what is found is lit, counted and gone through."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from store import patterns
from workbench.tui.line_index import BLOCK_BYTES, LineIndex
from workbench.tui.log_search import LogSearch
from workbench.tui.widgets.log_view import LogView
from workbench.tui.widgets.text_view import CURRENT_HIT_STYLE


def searched(path: Path, text: str, origin: int = 0) -> LogSearch:
    """A search that has looked through all of a file."""
    index = LineIndex(path)
    index.grow()
    search = LogSearch(text, patterns.pattern(text), index, origin)
    search.look_at_the_end()
    search.run(lambda: None)
    return search


def all_found(search: LogSearch) -> list[int]:
    """Every line that was found, gone through by the next one of each."""
    found: list[int] = []
    line = search.after(-1)
    while line is not None and line not in found:
        found.append(line)
        line = search.after(line)
    return found


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log of 1,000 lines, of which 17 tell of a loss that is no number; longer than a block."""
    path = tmp_path / "log.txt"
    path.write_text(
        "".join(f"step {at} loss {'NaN' if at % 60 == 7 else '1.5'} {'.' * 500}\n" for at in range(1000))
    )
    assert path.stat().st_size > BLOCK_BYTES
    return path


@pytest.mark.parametrize("origin", [0, 1, 500, 999, 1000])
def test_from_any_line_all_are_found_once_and_in_order(log: Path, origin: int) -> None:
    """Blocks before the line are looked through backwards."""
    search = searched(log, "nan", origin)
    assert all_found(search) == list(range(7, 1000, 60))
    assert search.told == "17"
    assert not search.is_behind


def test_one_begins_at_the_next_match_else_at_the_nearest_before(log: Path) -> None:
    """Whoever looks at the end sees the last one."""
    assert searched(log, "NaN", 70).goal == 127
    assert searched(log, "NaN", 999).goal == 967
    assert searched(log, "nowhere").goal is None


def test_case_matters_where_a_capital_is_typed(log: Path) -> None:
    """As everywhere."""
    assert len(all_found(searched(log, "nan"))) == 17
    assert len(all_found(searched(log, "NaN"))) == 17
    assert searched(log, "NAN").told == "no line matches"


def test_what_is_searched_is_what_is_drawn(tmp_path: Path) -> None:
    """The last state of a progress bar, marks for control bytes, not what a long line hides."""
    path = tmp_path / "log.txt"
    path.write_bytes(
        b"10%|#\r100%|###|\n\x1b[31mred\xff\x00\n" + b"x" * 5_000_000 + b"hidden\nlast, no line feed"
    )
    assert all_found(searched(path, "10%")) == []
    assert all_found(searched(path, "100%")) == [0]
    assert all_found(searched(path, "␛\\[31mred")) == [1]
    assert all_found(searched(path, "hidden")) == []
    assert all_found(searched(path, "line feed$")) == [3]


def test_lines_that_come_later_are_found_too_and_the_last_one_once(log: Path) -> None:
    """A line without its line feed may go on."""
    index = LineIndex(log)
    index.grow()
    search = LogSearch("nan", patterns.pattern("nan"), index, 0)
    search.run(lambda: None)
    for piece, count in (("loss Na", 17), ("N", 18), (" again\n", 18), ("nan\nnan\n", 20)):
        with log.open("a") as file:
            file.write(piece)
        index.grow()
        search.run(lambda: None)
        search.look_at_the_end()
        assert len(all_found(search)) == count, piece


def test_a_file_that_was_replaced_ends_the_search(log: Path) -> None:
    """Its line numbers are those of another file."""
    index = LineIndex(log)
    index.grow()
    search = LogSearch("nan", patterns.pattern("nan"), index, 0)
    log.write_text("new\n")
    index.grow()
    assert search.is_of_before
    assert not search.is_behind


async def test_hostile_lines_stay_harmless_where_they_are_lit(host: Any, tmp_path: Path, until: Any) -> None:
    """Control bytes within a match, wide characters before it, a match that the left edge cuts."""
    path = tmp_path / "log.txt"
    path.write_bytes("日本 a\x1b]0;pwned\x07b end\n".encode())
    view = LogView(path)
    async with host(view).run_test(size=(60, 5)) as pilot:
        await until(pilot, lambda: view._index is not None and view._index.count == 1)
        view.apply_filter("a.*b")
        await until(pilot, lambda: "1 of 1" in str(view.border_title))
        row = view._rows[0]
        assert "".join(sign for sign, style in row if style == CURRENT_HIT_STYLE) == "a␛]0;pwned␇b"
        view._left = 6
        view.redraw()
        assert "".join(sign for sign, style in view._rows[0] if style == CURRENT_HIT_STYLE) == "0;pwned␇b"


async def test_lines_that_come_while_a_search_ends_are_looked_through_at_once(
    host: Any, tmp_path: Path, until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread has seen the end, the file grows, and then nothing more comes."""
    path = tmp_path / "log.txt"
    path.write_text("loss NaN\n")
    view = LogView(path)
    step = LogSearch._step
    grown: list[bool] = []

    def step_then_grow(search: LogSearch) -> bool:
        if step(search):
            return True
        if not grown:
            grown.append(True)
            with path.open("a") as file:
                file.write("loss NaN\n")
            search._index.grow()  # as the other thread does; the view is told while this one still runs
        return False

    monkeypatch.setattr(LogSearch, "_step", step_then_grow)
    async with host(view).run_test(size=(60, 5)) as pilot:
        await until(pilot, lambda: view._index is not None and view._index.count == 1)
        view.apply_filter("nan")
        await until(pilot, lambda: str(view.border_title).endswith("1 of 2"))


@pytest.mark.parametrize("replaced", [False, True])
async def test_what_was_seen_of_another_log_is_not_brought_back(
    host: Any, tmp_path: Path, until: Any, replaced: bool
) -> None:
    """The log below the `/` line is that of another run, or begun again; its own lines stay in sight."""
    path, other = tmp_path / "log.txt", tmp_path / "other.txt"
    path.write_text("".join(f"line {at}\n" for at in range(3000)))
    other.write_text("short\n")
    view = LogView(path)
    async with host(view).run_test(size=(60, 5)) as pilot:
        await until(pilot, lambda: view._index is not None and view._index.count == 3000)
        view._go(2000)
        undo = view.filter_undo()
        view.apply_filter("line")
        if replaced:
            other.replace(path)
        else:
            view.path = other
        await until(pilot, lambda: "short" in "\n".join(pilot.app.drawn()))
        undo()
        await pilot.pause()
        assert "short" in "\n".join(pilot.app.drawn())
        assert view.filter_text == ""


@pytest.mark.parametrize(
    "megabytes",
    [10, pytest.param(100, marks=pytest.mark.slow)],  # two seconds of a processor, more on a busy one
)
async def test_the_screen_goes_on_while_a_long_log_is_searched(
    host: Any, tmp_path: Path, until: Any, megabytes: int
) -> None:
    """A thread looks through it, what is at hand first."""
    path = tmp_path / "log.txt"
    lines = b"".join(b"step %07d loss 1.5 %s\n" % (at, b"." * 975) for at in range(1_000))
    with path.open("wb") as file:
        for _ in range(megabytes):
            file.write(lines)
    view = LogView(path)
    async with host(view).run_test(size=(100, 20)) as pilot:
        await until(pilot, lambda: view._index is not None and view._index.count == megabytes * 1_000)
        waits = []
        view.apply_filter("step 0000999")
        while view._search is None or view._search.is_behind:
            before = time.monotonic()
            await pilot.pause(0.01)
            waits.append(time.monotonic() - before)
            assert sum(waits) < 100
        await until(pilot, lambda: f"{megabytes} of {megabytes}" in str(view.border_title))
        assert sorted(waits)[len(waits) // 2] < 0.2

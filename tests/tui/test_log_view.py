"""A log of any size opens at its end, follows, and shows nothing that steers the terminal."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from workbench.tui.clean import LIMIT
from workbench.tui.line_index import LineIndex
from workbench.tui.widgets.log_view import LogView


def indexed(path: Path) -> LineIndex:
    index = LineIndex(path)
    index.grow()
    return index


def test_lines_are_found_across_chunks_and_appends(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_bytes(b"".join(b"line %d\n" % number for number in range(300_000)))
    index = indexed(path)
    assert index.count == 300_000
    assert index.lines(299_998, 5) == ["line 299998", "line 299999"]
    with path.open("ab") as file:
        file.write(b"half a")
    assert index.grow()
    assert index.lines(300_000, 1) == ["half a"]
    with path.open("ab") as file:
        file.write(b" line\nnext\n")
    assert index.grow()
    assert index.lines(300_000, 2) == ["half a line", "next"]
    assert not index.grow()


def test_a_file_that_is_not_there_yet_or_replaced_is_read_from_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    index = LineIndex(path)
    assert not index.grow()
    assert index.lines(0, 5) == []
    path.write_text("old 1\nold 2\n")
    assert index.grow()
    path.write_text("new\n")
    assert index.grow()
    assert index.lines(0, 5) == ["new"]


def test_a_line_of_ten_megabytes_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_bytes(b"x" * 10_000_000 + b"\nafter\n")
    long, after = indexed(path).lines(0, 2)
    assert len(long) == LIMIT
    assert after == "after"


def test_escapes_show_as_text_and_a_progress_bar_shows_its_last_state(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_bytes(b"\x1b[31mred \xff\n 10%|#  |\r 50%|## |\r100%|###|\r\n\n")
    assert indexed(path).lines(0, 9) == ["␛[31mred \N{REPLACEMENT CHARACTER}", "100%|###|", ""]


async def until(pilot: Any, text: str) -> str:
    for _ in range(400):
        drawn = "\n".join(pilot.app.drawn())
        if text in drawn:
            return drawn
        await asyncio.sleep(0.05)
        await pilot.pause()
    raise AssertionError(f"{text!r} does not appear:\n{drawn}")


async def test_the_view_follows_until_one_scrolls_up_and_again_from_the_end(
    host: Any, tmp_path: Path
) -> None:
    path = tmp_path / "log.txt"
    path.write_text("".join(f"line {number}\n" for number in range(100)))
    view = LogView(path)
    async with host(view).run_test(size=(60, 10)) as pilot:
        await until(pilot, "line 99")
        with path.open("a") as file:
            file.write("line 100\n")
        await until(pilot, "line 100")
        await pilot.press("k")
        assert not view.follow
        with path.open("a") as file:
            file.write("line 101\n")
        await until(pilot, "of 102, G follows")
        await pilot.press("g")
        assert "line 0" in await until(pilot, "line 1 of 102")
        await pilot.press("G")
        assert view.follow
        await until(pilot, "line 101")


async def test_another_file_is_shown_from_its_end(host: Any, tmp_path: Path) -> None:
    first, second = tmp_path / "1.txt", tmp_path / "2.txt"
    first.write_text("first\n")
    second.write_text("second\n")
    view = LogView(first)
    async with host(view).run_test(size=(60, 10)) as pilot:
        await until(pilot, "first")
        view.path = second
        await until(pilot, "second")
        view.path = None
        assert "nothing logged yet" in await until(pilot, "nothing logged yet")


async def test_long_lines_are_reached_sideways(host: Any, tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_text("a" * 100 + "END\n")
    async with host(LogView(path)).run_test(size=(40, 5)) as pilot:
        await until(pilot, "aaa")
        await pilot.press(*["l"] * 5)
        await until(pilot, "END")

"""A list of any length: only what is seen is made, and what has not been read is asked for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from workbench.tui.widgets.live_table import Column
from workbench.tui.widgets.paged_table import MEASURED, PagedTable

COLUMNS = (Column("name", "name"), Column("size", "size", 8, "right"))
KEYS = tuple(f"row{number}" for number in range(100_000))
Settle = Callable[..., Awaitable[None]]


class Rows:
    """Rows that are there once they have been read."""

    def __init__(self, *, known: bool = True) -> None:
        self.known, self.made, self.read = known, list[str](), set[str]()

    def make(self, key: str) -> list[str] | None:
        self.made.append(key)
        return [f"{key}!", "4 kB"] if self.known or key in self.read else None


async def test_of_a_hundred_thousand_rows_only_those_seen_are_made(host: Any) -> None:
    rows = Rows()
    table = PagedTable(COLUMNS, rows.make)
    async with host(table).run_test(size=(40, 11)) as pilot:
        table.set_keys(KEYS)
        await pilot.press("G")
        assert table.cursor_key == "row99999"
        assert "row99999!" in "".join(pilot.app.drawn())
        assert len(set(rows.made)) <= MEASURED + 20
        rows.made.clear()
        await pilot.press("k", "k", "k")
        assert rows.made == []


async def test_rows_that_were_not_read_are_drawn_by_their_key_and_asked_for(
    host: Any, settle: Settle
) -> None:
    rows = Rows(known=False)
    table = PagedTable(COLUMNS, rows.make)
    app = host(table)
    async with app.run_test(size=(40, 11)) as pilot:
        table.set_keys(KEYS)
        await settle(pilot)
        assert "row3 " in "".join(app.drawn())
        asked = [message.keys for message in app.seen if isinstance(message, PagedTable.Needed)]
        assert asked[-1][:2] == ("row0", "row1")
        rows.read = set(asked[-1])
        table.renew()
        await settle(pilot)
        assert "row3!" in "".join(app.drawn())


async def test_rows_that_could_not_be_read_are_asked_for_again(host: Any, settle: Settle) -> None:
    table = PagedTable(COLUMNS, Rows(known=False).make)
    app = host(table)
    async with app.run_test(size=(40, 11)) as pilot:
        table.set_keys(KEYS)
        await settle(pilot)
        app.seen.clear()
        table.redraw()
        await settle(pilot)
        assert not [message for message in app.seen if isinstance(message, PagedTable.Needed)]
        table.ask_again()
        table.redraw()
        await settle(pilot)
        assert [message.keys[0] for message in app.seen if isinstance(message, PagedTable.Needed)] == ["row0"]


async def test_a_filter_without_a_rule_looks_into_the_words_of_a_row(host: Any) -> None:
    table = PagedTable(COLUMNS, Rows().make)
    async with host(table).run_test(size=(40, 11)):
        table.set_keys(KEYS)
        table.filter_text = "row9999"
        assert table.row_count == 11
        table.filter_text = "^row[12]$"
        assert table.row_count == 2
        table.filter_text = ""
        assert table.row_count == len(KEYS)


async def test_marks_and_cursor_stay_with_their_rows(host: Any, settle: Settle) -> None:
    table = PagedTable(COLUMNS, Rows().make)
    async with host(table).run_test(size=(40, 11)) as pilot:
        table.set_keys(KEYS[:50])
        await pilot.press("j", "space", "space")
        table.set_keys(("new", *KEYS[2:50]))
        await settle(pilot)
        assert table.cursor_key == "row3"
        assert table.marked == {"row2"}


async def test_the_bar_on_the_right_leaves_no_trail(host: Any, settle: Settle) -> None:
    table = PagedTable(COLUMNS, Rows().make)
    async with host(table).run_test(size=(40, 11)) as pilot:
        table.set_keys(KEYS[:30])
        await settle(pilot)
        long = "".join(pilot.app.drawn()).count("▐")
        await pilot.press(*"j" * 29)
        await settle(pilot)
        assert 0 < "".join(pilot.app.drawn()).count("▐") == long


async def test_of_rows_that_changed_only_those_are_made_and_filtered_again(host: Any, settle: Settle) -> None:
    rows, looked = Rows(), list[str]()
    table = PagedTable(COLUMNS, rows.make)
    app = host(table)
    wanted = {"row1", "row2", "row70000"}

    def passes(key: str) -> bool:
        looked.append(key)
        return key in wanted

    async with app.run_test(size=(40, 11)) as pilot:
        table.set_keys(KEYS)
        table.filter_by("x", passes)
        await settle(pilot)
        assert table.keys == ("row1", "row2", "row70000")
        rows.made.clear()
        looked.clear()
        table.renew(["row2", "row9"])
        await settle(pilot)
        assert (set(rows.made), looked) == ({"row2"}, ["row2", "row9"])
        wanted ^= {"row2", "row9"}
        table.renew(["row2", "row9"])
        await settle(pilot)
        assert table.keys == ("row1", "row9", "row70000")

"""A grid goes over millions of rows of which it knows only those in sight."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

from textual.message import Message

from workbench.tui.pages import Cell, Line
from workbench.tui.widgets.row_columns import in_sight, leftmost, widths
from workbench.tui.widgets.row_grid import RowGrid

MILLIONS = 5_000_000
Settle = Callable[..., Awaitable[None]]


class Numbers:
    """So many rows of a number and a text; `asked` are those that were looked at."""

    def __init__(self, count: int = MILLIONS, known: bool = True) -> None:
        self.count = count
        self.last_number = count - 1
        self.known = known
        self.asked: set[int] = set()

    def line(self, position: int) -> Line | None:
        self.asked.add(position)
        text = Cell(f"this is the text of row {position}")
        return Line(position, (Cell(str(position), "number"), text)) if self.known else None


def listening(host: Any, grid: RowGrid) -> Any:
    """An app that keeps what the grid says."""

    class Listening(host):  # type: ignore[misc]
        def on_row_grid_wanted(self, message: Message) -> None:
            self.seen.append(message)

        on_row_grid_opened = on_row_grid_wanted

    return Listening(grid)


async def test_the_cursor_goes_over_millions_of_rows_and_only_those_in_sight_are_needed(host: Any) -> None:
    grid, rows = RowGrid(), Numbers()
    app = host(grid)
    async with app.run_test(size=(60, 11)) as pilot:
        grid.show(rows, ("id", "text"))
        await pilot.press("G")
        assert grid.position == MILLIONS - 1
        assert "4,999,999" in app.drawn()[-1]
        await pilot.press("k", "ctrl+u")
        assert grid.position == MILLIONS - 7
        await pilot.press("g", "j", "ctrl+d")
        assert grid.position == 6
        assert "this is the text of row 6" in "\n".join(app.drawn())
        assert len(rows.asked) < 50


async def test_rows_that_are_not_read_yet_are_asked_for_once(host: Any, settle: Settle) -> None:
    grid, rows = RowGrid(), Numbers(known=False)
    app = listening(host, grid)
    async with app.run_test(size=(60, 11)) as pilot:
        grid.show(rows, ("id", "text"), position=1000)
        await settle(pilot)
        assert [(message.first, message.end) for message in app.seen] == [(995, 1005)]
        assert "…" in "\n".join(app.drawn())
        rows.known = True
        grid.came()
        await settle(pilot)
        assert "this is the text of row 1000" in "\n".join(app.drawn())
        assert len(app.seen) == 1


async def test_left_and_right_choose_the_column_and_a_wide_table_scrolls_with_it(host: Any) -> None:
    class Wide(Numbers):
        def line(self, position: int) -> Line | None:
            return Line(position, tuple(Cell(f"value {position} of column {at}") for at in range(30)))

    grid = RowGrid()
    app = host(grid)
    async with app.run_test(size=(80, 11)) as pilot:
        grid.show(Wide(100), [f"column{at}" for at in range(30)])
        assert "column0" in app.drawn()[0]
        assert "›" in app.drawn()[0]
        await pilot.press(*"l" * 40)
        assert grid.column == 29
        assert "column29" in app.drawn()[0]
        assert "‹" in app.drawn()[0]
        assert "›" not in app.drawn()[0]
        await pilot.press("h")
        assert "column28" in app.drawn()[0]


async def test_a_column_is_made_wider_and_narrower(host: Any) -> None:
    class Long(Numbers):
        def line(self, position: int) -> Line | None:
            return Line(position, (Cell("a" * 200), Cell("b" * 200)))

    grid = RowGrid()
    app = host(grid)
    async with app.run_test(size=(80, 11)) as pilot:
        grid.show(Long(3), ("first", "second"))
        before = app.drawn()[1].count("a")
        await pilot.press("plus")
        assert app.drawn()[1].count("a") == before + 8
        await pilot.press("minus", "minus")
        assert app.drawn()[1].count("a") == before - 8
        await pilot.press(*["minus"] * 20)
        assert app.drawn()[1].count("a") == 3


async def test_what_is_looked_for_is_in_sight_even_far_inside_a_cell(host: Any) -> None:
    class Far(Numbers):
        def line(self, position: int) -> Line | None:
            return Line(position, (Cell("x" * 150 + " Needle " + "y" * 100), Cell("short needle")))

    grid = RowGrid()
    app = host(grid)
    async with app.run_test(size=(80, 5)):
        grid.show(Far(1), ("far", "near"))
        assert "Needle" not in app.drawn()[1]
        grid.highlight(re.compile("needle", re.IGNORECASE))
        assert " Needle " in app.drawn()[1]
        assert "short needle" in app.drawn()[1]


async def test_numbers_stand_at_the_right_and_nothing_is_told_where_there_is_no_row(host: Any) -> None:
    grid = RowGrid()
    app = listening(host, grid)
    async with app.run_test(size=(60, 11)) as pilot:
        grid.empty = "This split has no rows."
        grid.show(Numbers(0), ("id", "text"))
        await pilot.press("j", "G", "enter")
        assert "This split has no rows." in "\n".join(app.drawn())
        assert app.seen == []
        grid.show(Numbers(1000), ("identifier", "text"), position=999)
        assert re.search(r"999 +999  this", app.drawn()[-1])


async def test_a_click_chooses_the_cell_and_a_second_one_opens_the_row(host: Any, settle: Settle) -> None:
    grid = RowGrid()
    app = listening(host, grid)
    async with app.run_test(size=(60, 11)) as pilot:
        grid.show(Numbers(1000), ("id", "text"))
        await pilot.click(RowGrid, offset=(40, 4))
        assert (grid.position, grid.column) == (3, 1)
        await pilot.click(RowGrid, offset=(40, 4), times=2)
        await settle(pilot)
        assert len([message for message in app.seen if isinstance(message, RowGrid.Opened)]) == 1


def test_columns_in_sight_always_hold_the_chosen_one_and_waste_no_room() -> None:
    for room in (20, 40, 76, 190):
        for count in (1, 2, 5, 40):
            each = widths([f"c{at}" for at in range(count)], room, {str(at): 50 for at in range(count)}, {})
            for column in range(count):
                spans = in_sight(each, leftmost(each, 0, column, room), 0, room)
                assert column in [span.column for span in spans]
                assert all(span.end <= room for span in spans)
    assert leftmost([10, 10, 10], 2, 2, 40) == 0

"""A number before a movement, in lists and grids; digits alone still go to the screens."""

from __future__ import annotations

import base64
import re
from typing import Any

from store import Store
from workbench.tui.actions import MODES
from workbench.tui.app import WorkbenchApp
from workbench.tui.pages import Cell, Line
from workbench.tui.widgets.chrome import Footer
from workbench.tui.widgets.live_table import Column, LiveTable
from workbench.tui.widgets.row_grid import RowGrid


class Numbers:
    """A thousand rows, of which only every third is there."""

    count = 1000
    last_number = 2997

    def line(self, position: int) -> Line | None:
        return Line(position * 3, (Cell(str(position)), Cell("b"), Cell("c")))

    def place(self, number: int) -> int:
        return -(-number // 3)


def long_table() -> LiveTable:
    table = LiveTable([Column("name", "name")])
    table.set_rows((f"k{number}", [f"row {number}"]) for number in range(1, 101))
    return table


async def test_a_number_does_a_movement_so_often(host: Any) -> None:
    table = long_table()
    async with host(table).run_test(size=(40, 12)) as pilot:
        for keys, row in (
            ("05j", "k6"),
            ("012j", "k18"),
            ("03k", "k15"),
            ("j", "k16"),
            ("010G", "k10"),
            ("0999G", "k100"),
            ("07g", "k7"),
            ("0G", "k100"),
            ("g", "k1"),
        ):
            await pilot.press(*keys)
            assert table.cursor_key == row, keys
        await pilot.press(*"03", "ctrl+d")
        assert table.cursor_key == f"k{1 + 3 * (table.size.height // 2)}"
        await pilot.press(*"g03", "space")
        assert table.marked == {"k1", "k2", "k3"}
        assert table.cursor_key == "k4"


async def test_a_number_is_mended_left_and_forgotten(host: Any) -> None:
    table = long_table()
    async with host(table).run_test(size=(40, 12)) as pilot:
        await pilot.press(*"095", "backspace", "backspace", *"2j")
        assert table.cursor_key == "k3"
        await pilot.press(*"05")
        assert table.count_text == "number 5"
        await pilot.press("escape", "j")
        assert table.cursor_key == "k4"
        await pilot.press(*"05", "enter", "j")
        assert table.cursor_key == "k5"
        await pilot.press(*"0", *"9" * 30)
        assert len(table.count_text) < 20
        await pilot.press("j")
        assert table.cursor_key == "k100"


async def test_in_a_grid_a_number_is_a_row_s_own_and_columns_count_too(host: Any) -> None:
    grid = RowGrid()
    async with host(grid).run_test(size=(60, 12)) as pilot:
        grid.show(Numbers(), ["a", "b", "c"])
        grid.focus()
        for keys, position in (("05j", 5), ("0300G", 100), ("0301G", 101), ("010k", 91), ("0999999G", 999)):
            await pilot.press(*keys)
            assert grid.position == position, keys
        await pilot.press(*"02l")
        assert grid.column == 2


async def test_digits_alone_go_to_the_screens_and_the_footer_shows_a_number(store: Store, until: Any) -> None:
    app = WorkbenchApp(store.root)
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.press("0", "5")
        footer = app.screen.query_one(Footer)
        await until(pilot, lambda: "number 5" in "".join(cell for cell, _ in footer.draw(100, 1)[0]))
        assert app.current_mode == "runs"
        await pilot.press("x", "5")
        await until(pilot, lambda: app.current_mode == MODES[4])
        assert "number" not in "".join(cell for cell, _ in footer.draw(100, 1)[0])


def test_a_burst_of_keys_means_what_slow_ones_mean(terminal: Any, store: Store) -> None:
    for number in range(30):
        run = store.runs.create(
            name=f"run-{number}", model="m", dataset="d", template="t", method="lora", settings={}, lineage={}
        )
        store.runs.request(run.id, "cancel")
    opened = terminal(store.root, size=(100, 50))
    opened.wait_for("run-29")
    opened.press("05jy")
    opened.wait_for("sent to the terminal")
    (copied,) = re.findall(rb"\x1b\]52;c;([A-Za-z0-9+/=]+)", bytes(opened.output))
    assert "run-24" in base64.b64decode(copied).decode()

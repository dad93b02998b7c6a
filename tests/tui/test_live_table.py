"""A table keeps its place while its rows change, and draws only what changed."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from textual.containers import Horizontal
from textual.content import Content
from textual.geometry import Region

from workbench.tui.theme import theme
from workbench.tui.widgets.live_table import EARLY_SECONDS, Column, LiveTable, column_widths

COLUMNS = (Column("name", "name"), Column("step", "step", 6, "right"))
Settle = Callable[..., Awaitable[None]]


def rows(*names: str) -> list[tuple[str, list[str | Content]]]:
    return [(name, [name, str(number)]) for number, name in enumerate(names)]


def table(*names: str, **options: Any) -> LiveTable:
    made = LiveTable(COLUMNS, **options)
    made.set_rows(rows(*names))
    return made


async def test_the_cursor_stays_on_its_row_when_rows_come_and_go(host: Any, settle: Settle) -> None:
    shown = table("a", "b", "c")
    async with host(shown).run_test(size=(40, 10)) as pilot:
        await pilot.press("j")
        assert shown.cursor_key == "b"
        shown.set_rows(rows("new", "a", "b", "c"))
        await settle(pilot)
        assert shown.cursor_key == "b"
        shown.set_rows(rows("new", "a", "c"))
        await settle(pilot)
        assert shown.cursor_key == "c"
        shown.set_rows([])
        await settle(pilot)
        assert shown.cursor_key is None


async def test_vim_keys_move_the_cursor_over_a_long_list(host: Any) -> None:
    shown = table(*(f"row{number}" for number in range(500)))
    async with host(shown).run_test(size=(40, 11)) as pilot:
        await pilot.press("G")
        assert shown.cursor_key == "row499"
        assert "row499" in "".join(pilot.app.drawn())
        await pilot.press("k", "ctrl+u")
        assert shown.cursor_key == "row493"
        await pilot.press("g", "j", "ctrl+d")
        assert shown.cursor_key == "row6"
        assert "row6" in "".join(pilot.app.drawn())


async def test_enter_opens_and_space_marks(host: Any, settle: Settle) -> None:
    shown = table("a", "b", "c")
    app = host(shown)
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.press("space", "enter", "space")
        await settle(pilot)
        assert shown.marked == {"a", "b"}
        assert [message.key for message in app.seen if isinstance(message, LiveTable.Selected)] == ["b"]
        await pilot.press("g", "space")
        assert shown.marked == {"b"}
        shown.set_rows(rows("a", "c"))
        assert shown.marked == frozenset()


async def test_keys_that_come_before_the_rows_are_for_them(
    host: Any, settle: Settle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list is read while one types; but nobody waits for a minute with a key that did nothing."""
    shown = table()
    app = host(shown)
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.press("j", "space", "0", "2", "j", "k", "enter")
        shown.set_rows([])
        shown.set_rows(rows(*"abcdef"))
        await settle(pilot)
        assert (shown.cursor_key, shown.marked) == ("d", {"b"})
        assert [message.key for message in app.seen if isinstance(message, LiveTable.Selected)] == ["d"]
        await pilot.press("j")
        assert shown.cursor_key == "e"
        shown.set_rows([])
        await pilot.press("j")
        clock = time.monotonic() + EARLY_SECONDS
        monkeypatch.setattr("workbench.tui.widgets.live_table.time.monotonic", lambda: clock)
        shown.set_rows(rows(*"abc"))
        assert shown.cursor_key == "a"


async def test_a_filter_shows_rows_that_match_it(host: Any) -> None:
    shown = table("Alpha", "beta", "alphabet", empty="nothing yet")
    async with host(shown).run_test(size=(40, 10)) as pilot:
        shown.filter_text = "alpha"
        assert shown.keys == ("Alpha", "alphabet")
        shown.filter_text = "Alpha|^b"
        assert shown.keys == ("Alpha", "beta")
        shown.filter_text = "zzz"
        await pilot.pause()
        assert shown.cursor_key is None
        assert "no row matches “zzz”" in "\n".join(pilot.app.drawn())
        shown.filter_text = ""
        assert shown.row_count == 3


async def test_an_empty_table_says_what_to_do(host: Any) -> None:
    async with host(LiveTable(COLUMNS, empty="press n to start one")).run_test(size=(40, 10)) as pilot:
        assert "press n to start one" in "\n".join(pilot.app.drawn())


async def test_a_changed_cell_refreshes_its_row_alone(host: Any, settle: Settle) -> None:
    shown = table("a", "b", "c")
    async with host(shown).run_test(size=(40, 10)) as pilot:
        await settle(pilot)
        refreshed: list[Region] = []
        original = shown.refresh
        shown.refresh = lambda *regions, **options: (
            refreshed.extend(regions),
            original(*regions, **options),
        )[1]
        shown.set_cells({("b", "step"): "77", ("gone", "step"): "1", ("a", "gone"): "1"})
        assert [(region.y, region.height) for region in refreshed] == [(2, 1)]
        refreshed.clear()
        shown.set_rows([("a", ["a", "0"]), ("b", ["b", "77"]), ("c", ["c", "2"])])
        assert refreshed == []


async def test_hostile_cells_show_as_text_and_keep_the_columns_in_line(host: Any) -> None:
    hostile = [
        "[bold]x[/]",
        "\x1b]52;c;AA\x07",
        "日本語" * 50,
        "e\u0301" * 30,
        "\u202eevil",
        "x" * 10_000_000,
    ]
    shown = LiveTable(COLUMNS)
    shown.set_rows((str(number), [cell, "123456"]) for number, cell in enumerate(hostile))
    async with host(shown).run_test(size=(60, 12)) as pilot:
        drawn = pilot.app.drawn()
        assert "[bold]x[/]" in drawn[1]
        assert "␛]52;c;AA␇" in drawn[2]
        assert all("123456" in line for line in drawn[1:7])
        widths = {cells_before(line, "123456") for line in drawn[1:7]}
        assert len(widths) == 1


def cells_before(line: str, text: str) -> int:
    from rich.cells import cell_len

    return cell_len(line[: line.index(text)])


@pytest.mark.parametrize("width", [1, 5, 20, 79, 200])
def test_columns_fit_whatever_the_width(width: int) -> None:
    columns = (Column("a", "a"), Column("b", "b", 8, hide_below=40), Column("c", "c", minimum=6))
    widths = column_widths(columns, width, {"a": 30, "c": 10})
    assert ("b" in widths) == (width >= 40)
    if width >= 60:
        assert widths["a"] >= 30
        assert widths["c"] >= 10
    assert sum(widths.values()) <= max(width, 4 + 6)


def test_the_narrow_column_gets_all_it_needs_before_the_wide_one() -> None:
    widths = column_widths((Column("a", "a"), Column("b", "b")), 42, {"a": 100, "b": 10})
    assert widths == {"a": 30, "b": 10}


async def test_a_click_moves_the_cursor_and_a_second_one_opens(host: Any, settle: Settle) -> None:
    shown = table("a", "b", "c")
    app = host(shown)
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.click(LiveTable, offset=(2, 3), times=2)
        await settle(pilot)
        assert shown.cursor_key == "c"
        assert any(isinstance(message, LiveTable.Selected) for message in app.seen)


async def test_the_row_under_the_cursor_is_copied_as_cells(host: Any) -> None:
    shown = table("a", "b")
    async with host(shown).run_test(size=(40, 10)):
        assert shown.copy_text() == "a\t0"


async def test_in_16_colours_a_cursor_out_of_focus_is_a_line(host: Any, settle: Settle) -> None:
    """They have no shade between the background and the cursor"""
    focused, other = table("a"), table("b")
    app = host(Horizontal(focused, other))
    async with app.run_test(size=(40, 6)) as pilot:
        app.register_theme(theme("light", sixteen=True))
        app.theme = "workbench-light"
        await settle(pilot)
        for each, underlined in ((focused, False), (other, True)):
            each.redraw()
            styles = [part.style for part in each.render_line(1) if part.style is not None]
            assert any(style.underline for style in styles) is underlined

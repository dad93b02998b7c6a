"""Lines of text are as high as they are many, cut at the width, and rewritten only where they differ."""

from __future__ import annotations

from typing import Any

from textual.content import Content
from textual.geometry import Region

from workbench.tui.widgets.lines import Lines


async def until_drawn(pilot: Any, line: int, text: str) -> None:
    for _ in range(800):
        await pilot.pause(0.02)
        if pilot.app.drawn()[line].strip() == text:
            return


async def test_it_is_as_high_as_it_has_lines_and_cuts_long_ones(host: Any) -> None:
    shown = Lines("one\ntwo [b]\x1b[31m")
    async with host(shown).run_test(size=(20, 10)) as pilot:
        await pilot.pause()
        assert shown.size.height == 2
        assert pilot.app.drawn()[1].strip() == "two [b]␛[31m"
        shown.update(Content("x" * 50 + "\n\nthree"))
        await until_drawn(pilot, 2, "three")
        assert shown.size.height == 3
        assert [line.rstrip() for line in pilot.app.drawn()[:3]] == ["x" * 19 + "…", "", "three"]
        assert shown.copy_text() == "x" * 50 + "\n\nthree"


async def test_only_the_line_that_differs_is_written(host: Any) -> None:
    shown = Lines("one\ntwo\nthree")
    async with host(shown).run_test(size=(20, 10)) as pilot:
        await pilot.pause()
        refreshed: list[Region] = []
        original = shown.refresh
        shown.refresh = lambda *regions, **options: (
            refreshed.extend(regions),
            original(*regions, **options),
        )[1]
        shown.update("one\ntw0\nthree")
        assert [(region.y, region.height) for region in refreshed] == [(1, 1)]
        refreshed.clear()
        shown.update("one\ntw0\nthree")
        assert refreshed == []

"""Somebody looks for something in the log of a run, on the Runs screen."""

from __future__ import annotations

from typing import Any

from store import Store
from workbench.tui.overlays import FilterLine
from workbench.tui.screens.launch import LaunchDialog
from workbench.tui.widgets.log_view import LogView
from workbench.tui.widgets.text_view import CURRENT_HIT_STYLE, HIT_STYLE

LOG = "".join(f"step {at} loss {'NaN' if at % 60 == 7 else '1.5'}\n" for at in range(1000))


def write_logs(store: Store) -> None:
    """The same long log for every run, before any is looked at."""
    for run in store.runs.list():
        store.runs.log_path(run).write_text(LOG, encoding="utf-8")


async def in_log(pilot: Any, look: Any, until: Any) -> LogView:
    """The log, of 1,000 lines, with the keys; 17 lines tell of a loss that is no number."""
    await look.wait(pilot, "step 999 loss")
    view: LogView = pilot.app.screen.query_one(LogView)
    await until(pilot, lambda: view._index is not None and view._index.count == 1000)
    view.focus()
    await until(pilot, lambda: view.has_focus)
    return view


async def test_one_types_and_goes_through_what_is_found(
    worked: Store, opened: Any, look: Any, until: Any
) -> None:
    """The story: a run diverged; where did that begin?"""
    write_logs(worked)
    async with opened(worked.root, size=(120, 50)) as pilot:
        app = pilot.app
        view = await in_log(pilot, look, until)
        await pilot.press("slash")
        await until(pilot, lambda: isinstance(app.screen, FilterLine))
        await pilot.press(*"nan")
        await until(pilot, lambda: "17 of 17" in str(view.border_title))
        assert view._top <= 967 < view._top + view.size.height
        await pilot.press("enter", "g", "n")
        await until(pilot, lambda: "1 of 17" in str(view.border_title))
        assert "n next  N before  esc end" in str(view.border_subtitle)
        styles = {style for row in view._rows for _, style in row}
        assert {CURRENT_HIT_STYLE} == styles & {CURRENT_HIT_STYLE, HIT_STYLE}
        await pilot.press("n", "n")
        await until(pilot, lambda: "3 of 17" in str(view.border_title))
        assert not view.follow
        await pilot.press("N", "N", "N")  # round the beginning
        await until(pilot, lambda: "17 of 17" in str(view.border_title))
        await pilot.press("escape")
        await until(pilot, lambda: view.border_subtitle is None)
        assert view.has_focus
        await pilot.press("n")  # nothing is looked for: the key is the screen's again
        await until(pilot, lambda: isinstance(app.screen, LaunchDialog))


async def test_whoever_gives_up_typing_sees_what_was_there(
    worked: Store, opened: Any, look: Any, until: Any
) -> None:
    """Escape in the line; and a half-typed expression changes nothing."""
    write_logs(worked)
    async with opened(worked.root, size=(120, 50)) as pilot:
        view = await in_log(pilot, look, until)
        await pilot.press("g")
        await pilot.press("slash", *"step 60")
        await until(pilot, lambda: "1 of " in str(view.border_title))
        found = str(view.border_title)
        await pilot.press("(")
        await pilot.pause(0.2)
        assert str(view.border_title) == found
        assert view._top > 0
        await pilot.press("escape")
        await until(pilot, lambda: view.border_subtitle is None)
        assert (view._top, view.follow) == (0, False)

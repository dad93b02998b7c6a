"""How the eight screens look on a store that has been worked with: sizes, themes, without colour, in ASCII.

After a wanted change: `pytest -n 0 tests/tui/screens/test_screen_snapshots.py --snapshot-update`, and look.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import version
from typing import Any

import pytest

from store import Store
from workbench import processes
from workbench.runs import queue

pytestmark = pytest.mark.skipif(
    not version("textual").startswith("8.2."),
    reason="the pictures are of Textual 8.2",
)
SIZES = {"80x24": (80, 24), "120x40": (120, 40)}
# The keys that lead to a screen, and what is on it once everything has been read.
STORIES = {
    "runs": ("", "step 26 of 40"),
    "failed-run": ("j", "the loss is not a number"),
    "models": ("2", "encoder-decoder"),
    "datasets": ("3", "Felix brings bread."),
    "compose": ("4", "24 rows,"),
    "adapters": ("5", "1,280 parameters"),
    "compare": ("6", "reference: Ben brings apples."),
    "inspect": ("7", "+0.857"),
    "benchmarks": ("8", "0.914"),
    "new-run": ("n", "9 steps"),
}


SCREENS = ("runs", "models", "datasets", "compose", "adapters", "compare", "inspect", "benchmarks")
# What has pictures of its own beside these: Compose and Compare in ASCII, and without colour, as Inspect.
IN_ASCII = ("runs", "models", "datasets", "adapters", "inspect", "benchmarks")
COLOURLESS = ("runs", "models", "datasets", "adapters", "benchmarks")
# Where colours mean most: curves, statuses, trained tokens, differences, words that earn and cost.
COLOURED = {
    "runs": [("M", "r2 loss")],
    "compose": [("4", "24 rows,")],
    "compare": [("6", "reference: Ben brings apples."), ("a", "and bread.")],
    "inspect": [("7", "+0.750"), (["tab", *"jmm", "enter", *"ll"], "not in the reference; earns")],
    "models": [STORIES["models"]],
    "datasets": [STORIES["datasets"]],
    "adapters": [STORIES["adapters"]],
    "benchmarks": [STORIES["benchmarks"]],
}
THEMED = [
    *(("light", story) for story in COLOURED),
    *(
        (theme, story)
        for theme in ("high-contrast", "colour-blind", "terminal")
        for story in ("runs", "inspect")
    ),
]
ANSWERS = {None: "Ben brings ripe apples.", "first-try": "Ben brings some apples and bread."}


@pytest.fixture(autouse=True)
def quiet_queue(worked: Store) -> Iterator[None]:
    """Keep the place of the dispatcher, so that none is started and no run changes."""
    lock = processes.HeldLock.take(worked.root / queue.LOCK)
    assert lock is not None
    yield
    lock.release()


def leading(look: Any, *steps: tuple[Iterable[str], str]) -> Any:
    """Press keys, and wait for what they lead to, step by step."""

    async def lead(pilot: Any) -> None:
        for text in ("572 MB", "step 26 of 40", "0.7134"):  # the run behind is read too
            await look.wait(pilot, text)
        for keys, ready in steps:
            for key in keys:
                await pilot.press(key)
                await pilot.pause(0.2)
            await look.wait(pilot, ready)

    return lead


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("story", STORIES)
def test_a_screen_looks_as_it_should(
    story: str, size: str, worked: Store, snap_compare: Any, look: Any, still_app: Any
) -> None:
    lead = leading(look, STORIES[story])
    assert snap_compare(still_app(worked.root), terminal_size=SIZES[size], run_before=lead)


@pytest.mark.parametrize("story", SCREENS)
def test_a_large_window_is_filled(
    story: str, worked: Store, snap_compare: Any, look: Any, still_app: Any
) -> None:
    lead = leading(look, STORIES[story])
    assert snap_compare(still_app(worked.root), terminal_size=(200, 60), run_before=lead)


@pytest.mark.parametrize("story", IN_ASCII)
def test_in_ascii_nothing_is_missing(
    story: str, worked: Store, snap_compare: Any, look: Any, still_app: Any
) -> None:
    app = still_app(worked.root, ascii=True)
    assert snap_compare(app, terminal_size=(120, 40), run_before=leading(look, STORIES[story]))


@pytest.mark.parametrize("story", COLOURLESS)
def test_without_colour_everything_can_still_be_told_apart(
    story: str, worked: Store, snap_compare: Any, look: Any, still_app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    lead = leading(look, STORIES[story])
    assert snap_compare(still_app(worked.root), terminal_size=(120, 40), run_before=lead)


@pytest.mark.parametrize(("theme", "story"), THEMED)
def test_a_theme_looks_as_it_should(
    theme: str,
    story: str,
    worked: Store,
    fake_server: Callable[..., Any],
    snap_compare: Any,
    look: Any,
    still_app: Any,
) -> None:
    fake_server(worked, ANSWERS)
    app = still_app(worked.root, theme=theme)
    assert snap_compare(app, terminal_size=(120, 40), run_before=leading(look, *COLOURED[story]))

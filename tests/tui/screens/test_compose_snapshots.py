"""How the Compose screen looks while one works with it, at two sizes, without colour, and in ASCII.

After a wanted change: `pytest -n 0 tests/tui/screens/test_compose_snapshots.py --snapshot-update`, and look.
"""

from __future__ import annotations

from collections.abc import Iterator
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
FIRST = ("4", "24 rows,")
CUT = [("c", "enter accept"), ("20", "20"), (["enter"], "24 prompt")]
SMALL_CUT = [("c", "enter accept"), ("20", "20"), (["enter"], "cut 24")]
# What is pressed, and what is on the screen then.
STORIES: dict[str, list[tuple[Any, str]]] = {
    "cut": CUT,
    "batch-with-ids": [("bi", "batch of 8 rows")],
    "editing": [("e", "columns: dialogue")],
    "fault": [("e", "columns: dialogue"), ("[", "last good preview")],
    "new-template": [("n", "fits")],
    "mixtures": [("x", "No mixtures yet")],
}


@pytest.fixture
def quiet_queue(stocked: Store) -> Iterator[None]:
    """Keep the place of the dispatcher, so that none is started."""
    lock = processes.HeldLock.take(stocked.root / queue.LOCK)
    assert lock is not None
    yield
    lock.release()


def leader(look: Any, steps: list[tuple[Any, str]]) -> Any:
    """Presses the keys, each time the screen has come so far."""

    async def lead(pilot: Any) -> None:
        await pilot.pause(0.5)
        for keys, ready in (FIRST, *steps):
            await pilot.press(*keys)
            await look.wait(pilot, ready)

    return lead


@pytest.mark.usefixtures("quiet_queue")
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("story", STORIES)
def test_working_with_it_looks_as_it_should(
    story: str, size: str, stocked: Store, snap_compare: Any, look: Any, still_app: Any
) -> None:
    steps = SMALL_CUT if story == "cut" and size == "80x24" else STORIES[story]
    app = still_app(stocked.root)
    assert snap_compare(app, terminal_size=SIZES[size], run_before=leader(look, steps))


@pytest.mark.usefixtures("quiet_queue")
def test_without_colour_the_kinds_of_tokens_are_told_apart(
    stocked: Store, snap_compare: Any, look: Any, still_app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    steps = [*CUT, ("b", "batch of 8 rows")]
    app = still_app(stocked.root)
    assert snap_compare(app, terminal_size=(120, 40), run_before=leader(look, steps))


@pytest.mark.usefixtures("quiet_queue")
def test_in_ascii_nothing_is_missing(stocked: Store, snap_compare: Any, look: Any, still_app: Any) -> None:
    steps = [*CUT, ("b", "batch of 8 rows")]
    app = still_app(stocked.root, ascii=True)
    assert snap_compare(app, terminal_size=(120, 40), run_before=leader(look, steps))

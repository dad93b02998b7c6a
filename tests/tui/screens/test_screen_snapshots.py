"""How the eight screens look on a store that has been worked with, at two sizes, and the form of a new run.

After a wanted change: `pytest -n 0 tests/tui/screens/test_screen_snapshots.py --snapshot-update`, and look.
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


@pytest.fixture
def quiet_queue(worked: Store) -> Iterator[None]:
    """Keep the place of the dispatcher, so that none is started and no run changes."""
    lock = processes.HeldLock.take(worked.root / queue.LOCK)
    assert lock is not None
    yield
    lock.release()


@pytest.mark.usefixtures("quiet_queue")
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("story", STORIES)
def test_a_screen_looks_as_it_should(
    story: str, size: str, worked: Store, snap_compare: Any, look: Any, still_app: Any
) -> None:
    keys, ready = STORIES[story]

    async def lead(pilot: Any) -> None:
        for text in ("572 MB", "step 26 of 40", "0.7134"):  # the run behind is read too
            await look.wait(pilot, text)
        await pilot.press(*keys)
        await look.wait(pilot, ready)

    assert snap_compare(still_app(worked.root), terminal_size=SIZES[size], run_before=lead)

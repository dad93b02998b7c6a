"""How comparing runs looks: curves of several runs in one chart, what differs, the list of metrics.

After a wanted change: `pytest -n 0 FILE --snapshot-update`, and look.
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
# The keys that lead there, and what is on the screen once everything has been read.
STORIES = {
    "overlay": (["M"], ["r2 loss"]),
    "overlay-smoothed-at-the-cursor": (["M", "+", "+", "tab", "end", "left"], ["smoothed 0.8", "step"]),
    "metrics-on-their-own-scales": (["m", *"grad", "space", "enter"], ["grad_norm"]),
    "what-differs": (["D"], ["eval_loss"]),
    "list-of-metrics": (["m"], ["memory_bytes", "tokens_per_second"]),
}


@pytest.fixture(autouse=True)
def quiet_queue(worked: Store) -> Iterator[None]:
    """Keep the place of the dispatcher, so that none is started and no run changes."""
    lock = processes.HeldLock.take(worked.root / queue.LOCK)
    assert lock is not None
    yield
    lock.release()


def leading(story: str, look: Any) -> Any:
    keys, told = STORIES[story]

    async def lead(pilot: Any) -> None:
        for text in ("step 26 of 40", "0.7134"):
            await look.wait(pilot, text)
        for key in keys:
            await pilot.press(key)
            await pilot.pause(0.2)
        for text in told:
            await look.wait(pilot, text)

    return lead


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("story", STORIES)
def test_comparing_looks_as_it_should(
    story: str, size: str, worked: Store, snap_compare: Any, look: Any, still_app: Any
) -> None:
    app = still_app(worked.root)
    assert snap_compare(app, terminal_size=SIZES[size], run_before=leading(story, look))


def test_without_colour_the_runs_are_told_apart(
    worked: Store, snap_compare: Any, look: Any, still_app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = still_app(worked.root)
    assert snap_compare(app, terminal_size=(120, 40), run_before=leading("overlay", look))


def test_in_ascii_the_runs_are_told_apart(
    worked: Store, snap_compare: Any, look: Any, still_app: Any
) -> None:
    app = still_app(worked.root, ascii=True)
    assert snap_compare(app, terminal_size=(80, 24), run_before=leading("overlay", look))

"""How Inspect looks: rows by what was gained, words with what they earned and cost, and the spread of scores.

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
SIZES = {"80x24": (80, 24), "160x50": (160, 50)}
# The keys that lead there, and what is on the screen once everything has been read.
STORIES = {
    "gain": (["x"], "most gain first"),
    "words": (["tab", "j", "m", "m", "enter", "l", "l"], "not in the reference; earns"),
    "bleu": (["tab", "j", "M", "M", "M", "enter", "l", "l"], "nats"),
    "spread": (["v"], "ROUGE-1 of 4 rows"),
}


@pytest.fixture(autouse=True)
def quiet_queue(worked: Store) -> Iterator[None]:
    """Keep the place of the dispatcher, so that none is started and no run changes."""
    lock = processes.HeldLock.take(worked.root / queue.LOCK)
    assert lock is not None
    yield
    lock.release()


def leading(keys: list[str], told: str, look: Any) -> Any:
    async def lead(pilot: Any) -> None:
        for text in ("572 MB", "step 26 of 40", "0.7134"):  # the run behind is read too
            await look.wait(pilot, text)
        await pilot.press("7")
        await look.wait(pilot, "+0.750")
        for key in keys:
            await pilot.press(key)
            await pilot.pause(0.3)
        await look.wait(pilot, told)

    return lead


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("story", STORIES)
def test_inspecting_looks_as_it_should(
    story: str, size: str, worked: Store, snap_compare: Any, look: Any, still_app: Any
) -> None:
    app = still_app(worked.root)
    assert snap_compare(app, terminal_size=SIZES[size], run_before=leading(*STORIES[story], look))


def test_without_colour_marks_tell_what_words_earned(
    worked: Store, snap_compare: Any, look: Any, still_app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    lead = leading(*STORIES["words"], look)
    assert snap_compare(still_app(worked.root), terminal_size=(80, 24), run_before=lead)

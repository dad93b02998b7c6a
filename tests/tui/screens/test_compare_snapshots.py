"""How Compare looks: four answers and where they differ, single tokens, and what votes have come to.

After a wanted change: `pytest -n 0 FILE --snapshot-update`, and look.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Any

import pytest

from store import Store
from store.preferences import Candidate
from workbench import processes
from workbench.runs import queue

pytestmark = pytest.mark.skipif(
    not version("textual").startswith("8.2."),
    reason="the pictures are of Textual 8.2",
)
SIZES = {"80x24": (80, 24), "160x50": (160, 50)}
ANSWERS = {
    None: "Anna asks Ben whether he brings apples to the party, and Ben says that he does.",
    "first-try": "Ben brings apples.",
    "second": "Anna asks Ben whether he brings bread, and Ben says that he does.",
    "third": "Anna asks Ben whether he brings apples to the party, and Ben says that he does.",
}
CHANCES = {
    None: (0.97, 0.62, 0.31, 0.995, 0.04),
    "first-try": (0.99, 0.93, 0.55),
    "second": (0.97, 0.62, 0.31, 0.995, 0.04),
    "third": (0.97, 0.62, 0.31, 0.995, 0.04),
}
# The keys that lead there, and what is on the screen once everything has been read.
STORIES = {
    "answers": ([], "third has no effect"),
    "chances": (["d", "tab", "tab", "l", "l", "l", "l"], "token 5 of"),
    "alone": (["tab", "tab", "l", "o"], "2 of 4"),
    "wins": (["w"], "Wilson"),
}


@pytest.fixture(autouse=True)
def quiet_queue(fleet: Store) -> Iterator[None]:
    """Keep the place of the dispatcher, so that none is started and no run changes."""
    lock = processes.HeldLock.take(fleet.root / queue.LOCK)
    assert lock is not None
    yield
    lock.release()


@pytest.fixture
def voted(fleet: Store) -> None:
    """Votes between the base and two adapters."""
    systems = (None, "first-try", "second")
    for winner in (1, 1, 1, 2, 1, None, 0, 1, 1):
        candidates = [Candidate(system, str(system)) for system in systems]
        fleet.preferences.add(
            model="tiny", prompt="asked", references=(), candidates=candidates, winner=winner, sampling={}
        )


def leading(keys: list[str], told: str, look: Any) -> Any:
    async def lead(pilot: Any) -> None:
        for text in ("572 MB", "step 26 of 40", "0.7134"):  # the run behind is read too
            await look.wait(pilot, text)
        await pilot.press("6")
        await look.wait(pilot, "reference:")
        await pilot.press("g", "j", "j", "space", "space", "a")
        await look.wait(pilot, "third has no effect")
        for key in keys:
            await pilot.press(key)
            await pilot.pause(0.2)
        await look.wait(pilot, told)

    return lead


@pytest.mark.usefixtures("voted")
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("story", STORIES)
def test_comparing_answers_looks_as_it_should(
    story: str,
    size: str,
    fleet: Store,
    fake_server: Callable[..., Any],
    snap_compare: Any,
    look: Any,
    still_app: Any,
) -> None:
    fake_server(fleet, ANSWERS, chances=CHANCES)
    app = still_app(fleet.root)
    assert snap_compare(app, terminal_size=SIZES[size], run_before=leading(*STORIES[story], look))


def test_without_colour_differences_and_chances_are_seen(
    fleet: Store,
    fake_server: Callable[..., Any],
    snap_compare: Any,
    look: Any,
    still_app: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    fake_server(fleet, ANSWERS, chances=CHANCES)
    lead = leading(["d", "tab", "tab"], "token 1 of", look)
    assert snap_compare(still_app(fleet.root), terminal_size=(120, 40), run_before=lead)


def test_in_ascii_nothing_is_missing(
    fleet: Store, fake_server: Callable[..., Any], snap_compare: Any, look: Any, still_app: Any
) -> None:
    fake_server(fleet, ANSWERS, chances=CHANCES)
    lead = leading([], "third has no effect", look)
    app = still_app(fleet.root, ascii=True)
    assert snap_compare(app, terminal_size=(80, 24), run_before=lead)

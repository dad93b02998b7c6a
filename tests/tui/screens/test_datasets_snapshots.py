"""How the Datasets screen looks at its several tasks, at three sizes.

After a wanted change: `pytest -n 0 tests/tui/screens/test_datasets_snapshots.py --snapshot-update`, and look.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from store import Store, open_store
from workbench import processes
from workbench.runs import queue

pytestmark = pytest.mark.skipif(
    not version("textual").startswith("8.2."),
    reason="the pictures are of Textual 8.2",
)
TWO_DAYS = 2 * 86_400 + 60
SIZES = {"80x24": (80, 24), "120x40": (120, 40), "200x50": (200, 50)}
# The steps that lead there, each the keys to press and what is on the screen then.
STORIES = {
    "rows": [("", "row 0 of 2,000"), ("\nG", "row 1,999 of 2,000"), ("", "285.571")],
    "search": [
        ("", "row 0 of 2,000"),
        ("\n/7\n", "hit 1 of 2"),
        ("j", "hit 2 of 2"),
        ("", "going on finds more"),
    ],
    "read": [("", "row 0 of 2,000"), ("\nll", "column 3"), ("\n", "dialogue  ")],
    "chat": [("", "row 0 of 2,000"), ("k\n", "chats · train"), ("\n", "conversation")],
    "wide": [("", "row 0 of 2,000"), ("j\n", "wide · train"), ("llllll", "column 7 of 30")],
    "figures": [("", "row 0 of 2,000"), ("f", "all 2,000 rows")],
    "column": [("", "row 0 of 2,000"), ("f", "all 2,000 rows"), ("G\n", "column topic")],
    "split": [("", "row 0 of 2,000"), ("s", "about train 1,800")],
    "inbox": [("", "row 0 of 2,000"), ("", "not taken: notes.doc")],
}


def row_of(number: int) -> dict[str, Any]:
    dialogue = f"Nadia: Who brings bread {number}?\nTomás: I bring größer tea.\n" + "Nadia: Rye then. " * 40
    return {
        "id": number,
        "summary": f"Nadia brings rye bread {number}.",
        "dialogue": dialogue,
        "score": None if number % 9 == 0 else number / 7,
        "topic": ("food", "travel", "weather")[number % 3],
    }


@pytest.fixture(scope="session")
def shown_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store that `shown` is a copy of."""
    folder = tmp_path_factory.mktemp("shown")
    talk = [{"role": "user", "content": "Hi.\nIs it late?"}, {"role": "assistant", "content": "No. " * 60}]
    sets = {
        "chats": [{"messages": talk, "source": "made"}] * 50,
        "talks": [row_of(number) for number in range(2000)],
        "wide": [{f"feature_{at}": at * number for at in range(30)} for number in range(100)],
    }
    with open_store(folder / "store") as store:
        for name, rows in sets.items():
            file = folder / f"{name}.jsonl"
            file.write_text("".join(json.dumps(row) + "\n" for row in rows))
            store.datasets.add(file, name=name)
        then = time.time() - TWO_DAYS
        with store.db.conn:
            store.db.execute("update datasets set created = ?, source = '/data/' || name || '.jsonl'", [then])
    return folder / "store"


@pytest.fixture
def shown(store_root: Path, shown_folder: Path) -> Iterator[Store]:
    """A store with a few datasets, and the place of the dispatcher taken, so that none is started."""
    shutil.copytree(shown_folder, store_root)
    lock = processes.HeldLock.take(store_root / queue.LOCK)
    assert lock is not None
    with open_store(store_root) as store:
        yield store
    lock.release()


@pytest.mark.parametrize("size", ["80x24", "120x40", pytest.param("200x50", marks=pytest.mark.slow)])
@pytest.mark.parametrize("story", STORIES)
def test_the_datasets_screen_looks_as_it_should(
    story: str, size: str, shown: Store, snap_compare: Any, look: Any, still_app: Any
) -> None:
    if story == "inbox":
        (shown.root / "inbox" / "notes.doc").write_text("notes")

    async def lead(pilot: Any) -> None:
        await pilot.pause(0.3)
        await pilot.press("3")
        await look.wait(pilot, "chats")
        await pilot.press("j")
        for keys, ready in STORIES[story]:
            await pilot.press(*("enter" if key == "\n" else "slash" if key == "/" else key for key in keys))
            await look.wait(pilot, ready)

    assert snap_compare(still_app(shown.root), terminal_size=SIZES[size], run_before=lead)

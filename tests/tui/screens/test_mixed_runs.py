"""A run on a mixture from the keyboard: chosen in the form, started, seen in the list, asked about after."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from store import Store
from workbench.processes import HeldLock
from workbench.runs import launch, queue
from workbench.runs.options import RunOptions
from workbench.tui.screens import prompts

MIXTURE = """
[[tasks]]
dataset = "dialogues"
template = "summarise"
[[tasks]]
dataset = "dialogues"
template = "summarise"
split = "test"
weight = 3
"""


def mixed(store: Store, folder: Path) -> Store:
    """The store with a mixture."""
    (folder / "mix.toml").write_text(MIXTURE)
    store.mixtures.add(folder / "mix.toml")
    return store


async def test_a_mixture_is_chosen_in_the_form_and_started(
    stocked: Store, opened: Any, look: Any, tmp_path: Path
) -> None:
    mixed(stocked, tmp_path)
    async with opened(stocked.root, size=(120, 40)) as pilot:
        await look.wait(pilot, "No runs yet")
        await pilot.press("n")
        await look.wait(pilot, "9 steps: 3 passes over 24 rows")
        await pilot.press("tab", "tab", "tab", "tab", "right")  # model, dataset, split, template, mixture
        await look.wait(pilot, "18 steps: 3 passes over 48 rows")
        await look.wait(pilot, "dialogues by summarise 25%")
        await pilot.press("ctrl+s")
        await look.wait(pilot, "queued")
        run = stocked.runs.get("r1")
        assert (run.mixture, run.dataset, run.name) == ("mix", "", "mix-lora")
        await look.wait(pilot, "mixture mix")
        await pilot.press("x")
        await look.wait(pilot, "Cancel r1")
        await pilot.press("y")


def test_answers_are_compared_on_the_first_tasks_unseen_rows(stocked: Store, tmp_path: Path) -> None:
    lock = HeldLock.take(stocked.root / queue.LOCK)
    assert lock is not None
    with lock:  # nothing is trained
        run = launch.submit(mixed(stocked, tmp_path), RunOptions("tiny", mixture="mix"))
        stocked.runs.request(run.id, "cancel")
    asked = prompts.from_row(stocked, prompts.source_of(stocked, run), run.model, 3)
    assert asked.origin == "row 3 of dialogues test" and asked.references

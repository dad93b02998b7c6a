"""Evaluations as the screens ask for them: one process per question, and never the same question twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from workbench import evaluating, processes
from workbench.evaluating import EvaluationOptions
from workbench.tui.present.evaluate import DEFAULT_ROWS, Offer

if TYPE_CHECKING:
    from store import Store
    from store.evaluations import Evaluation
    from store.runs import Run

NEWEST = 20
"""Among so many of the newest adapters one is looked for that a run of this store made."""
LANE = "evaluate"
"""Evaluations are asked for on a lane of their own: it waits for each to end."""


def evaluations_of(store: Store, run: Run) -> list[Evaluation]:
    """Every evaluation of the groups in which a run's adapter was evaluated, newest first."""
    if run.adapter is None:
        return []
    found = store.evaluations.list()
    groups = {each.group for each in found if each.adapter == run.adapter}
    return [each for each in found if each.group in groups]


def evaluate_once(store: Store, run: Run, limit: int = DEFAULT_ROWS) -> list[Evaluation]:
    """Have a completed run's adapter and its base answer the run's dataset, unless they have.

    What was interrupted goes on.

    Args:
        store: The lane's store; asking twice on one lane evaluates once.
        run: A completed run.
        limit: The most rows.

    Returns:
        The evaluations of its adapter, newest first.
    """
    evaluating.settle(store)
    found = evaluations_of(store, run)
    if not found or any(each.status == "interrupted" for each in found):
        wanted = EvaluationOptions(run.model, (None, run.adapter), *run.example_data, limit=limit)
        evaluating.evaluate(store.root, wanted)
    return evaluations_of(store, run)


def read_offer(store: Store) -> Offer:
    """What an evaluation can be made of, beginning with what the newest adapter was made from."""
    newest = store.adapters.list(limit=NEWEST)
    made_by = next((each.known_run for each in newest if each.known_run), None)
    run = store.runs.find(made_by) if made_by else None
    dataset, template = run.example_data if run is not None else (None, None)
    datasets = store.datasets.list()
    models = _first([each.name for each in store.models.list()], newest[0].model if newest else None)
    return Offer(
        adapters=tuple(store.adapters.names_over(models[0])) if models else (),
        models=models,
        datasets=_first([each.name for each in datasets], dataset),
        splits=tuple(dict.fromkeys(split for each in datasets for split in each.splits)),
        templates=_first([each.name for each in store.templates.list()], template),
    )


def _first(names: list[str], first: str | None) -> tuple[str, ...]:
    return tuple(sorted(names, key=lambda name: name != first))


def evaluate(store: Store, wanted: EvaluationOptions, progress: Callable[[str], None]) -> str:
    """Have a request answered and scored, telling how far it is.

    Returns:
        The group of its evaluations.
    """
    return evaluating.evaluate(store.root, wanted, _told(progress))[0].group


def resume(store: Store, group: str, progress: Callable[[str], None]) -> None:
    """Have a group answered and scored further, telling how far it is."""
    evaluating.resume(store.root, group, _told(progress))


def _told(progress: Callable[[str], None]) -> evaluating.Progress:
    return lambda done, total: progress(f"{done} of {total}")


def why_not_resumed(root: Path, members: Sequence[Evaluation]) -> str | None:
    """Why a group of evaluations cannot go on now; None where it can."""
    if not members:
        return "no evaluation is selected"
    if all(each.status == "completed" for each in members):
        return "this evaluation is completed"
    # One that stands as running may have lost its process: whether the process lives is known by its lock.
    running = any(each.status == "running" for each in members)
    if running and processes.held(evaluating.lock_path(root, members[0].group)):
        return "this evaluation is being answered"
    return None


def remove(store: Store, group: str) -> None:
    """Remove every evaluation of a group."""
    store.evaluations.remove(*(each.id for each in store.evaluations.list(group)))

"""Evaluations asked for: entered in the store, answered by a process of their own, followed to their end.

How answers are made is the process's business; what is known of an evaluation's progress stands in the store.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby, product
from pathlib import Path
from typing import Any

from store import Store, open_store
from store.datasets import Dataset
from store.errors import BadInput, Conflict, NotFound, Unavailable, not_found
from store.evaluations import VERSIONS, Evaluation
from store.files import private_folder
from store.identity import Identity
from store.templates import Template
from workbench import link, processes
from workbench.composing.template import check
from workbench.link import ROWS, Sampling

ALL_VARIANTS = "all"
SAMPLING = Sampling(max_new_tokens=128)
"""How answers are made unless told otherwise: greedily."""
SAMPLED = ("max_new_tokens", "temperature", "top_p")
"""What of the sampling all evaluations of a group have in common."""
MOST_SYSTEMS = 256
"""Adapters times seeds times variants of one evaluation."""
_PROGRESS_SECONDS = 0.25
_ENDING_SECONDS = 5.0

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class EvaluationOptions:
    """Who answers what, and how.

    Attributes:
        model: The base.
        adapters: Names, or `RUN@STEP` and `RUN@latest` for checkpoints; None is the bare base.
        dataset: Its rows ask.
        template: It makes prompts of them.
        split: None takes test, else validation, else the first.
        limit: The most rows; None takes all.
        variant: The template's variant that makes all prompts; `all` lets each of them make all in turn, as
            evaluations of their own; None deals the variants out to the rows.
        seeds: An evaluation of its own for each: of what is drawn in answering, of the examples shown, and of
            how variants are dealt out.
        sampling: How tokens are chosen; its own seed does not count.
    """

    model: str
    adapters: tuple[str | None, ...]
    dataset: str
    template: str
    split: str | None = None
    limit: int | None = None
    variant: str | None = None
    seeds: tuple[int, ...] = (0,)
    sampling: Sampling = SAMPLING


def evaluate(root: Path, options: EvaluationOptions, on_progress: Progress | None = None) -> list[Evaluation]:
    """Let a base and its adapters answer a split of a dataset, in a process of its own, and score that.

    What was asked before in the very same words, of the same files, and did not come to its end, goes on.

    Args:
        root: The store's folder.
        options: Who answers what.
        on_progress: Called with rows done and rows in all, over every system.

    Returns:
        The finished evaluations: of every seed and variant, in the order of the adapters.

    Raises:
        StoreError: Something named does not exist or does not fit, or the worker failed.
    """
    with open_store(root, create=False) as store:
        wanted = _wanted(store, options)
        return _answer(store, _unfinished(store, wanted) or _enter(store, wanted), on_progress)


def resume(root: Path, id: str, on_progress: Progress | None = None) -> list[Evaluation]:
    """Let evaluations that did not come to their end go on with the rows that are missing.

    Args:
        root: The store's folder.
        id: Of a group, or of an evaluation in it.
        on_progress: As for `evaluate`.

    Raises:
        NotFound: There is none, or something it needs is gone.
        Conflict: It is completed, or something it was made of has changed.
        Unavailable: The worker failed.
    """
    with open_store(root, create=False) as store:
        members = group_of(store, id)
        if all(each.status == "completed" for each in members):
            raise Conflict(f"evaluation {id} is completed", f"look at it: workbench evaluate show {id}")
        for each in members:
            now = _made_of(store, each.model, each.adapter, each.dataset, each.template)
            changed = [name for name, value in now.items() if each.settings.get(name) != value]
            if changed:
                nouns = " and ".join(name.rpartition("_")[0] for name in changed)
                raise Conflict(f"the {nouns} of evaluation {each.id} changed", "evaluate anew")
        return _answer(store, members[0].group, on_progress)


def group_of(store: Store, id: str) -> list[Evaluation]:
    """The evaluations of a group, by its id or by that of one of them.

    Raises:
        NotFound: There are none.
    """
    members = store.evaluations.list(id)
    if members:
        return members
    if id.startswith("g"):
        raise not_found("evaluation group", id, [each.group for each in store.evaluations.list()])
    return store.evaluations.list(store.evaluations.get(id).group)


def settle(store: Store) -> None:
    """Set aside what stands as running though nothing answers it any more.

    A process that is only about to begin takes its evaluations up again.
    """
    for each in store.evaluations.list():
        if each.status == "running" and not processes.held(lock_path(store.root, each.group)):
            store.evaluations.interrupt(each.id, "its process ended")


def lock_path(root: Path, group: str) -> Path:
    """The lock that the process of a group holds for its life."""
    return _folder(root) / f"{group}.lock"


def _folder(root: Path) -> Path:
    return private_folder(link.serving_folder(root) / "evaluations")


def _wanted(store: Store, options: EvaluationOptions) -> list[dict[str, Any]]:
    """One evaluation per seed, variant and adapter, after a look at all that is named."""
    if not 1 <= len(options.adapters) <= ROWS:
        raise BadInput(f"{len(options.adapters)} adapters are asked for", f"ask for 1 to {ROWS} at a time")
    dataset, template = store.datasets.get(options.dataset), store.templates.get(options.template)
    check(template, dataset.columns)
    split = _split(dataset, options.split)
    total = min(dataset.splits[split], options.limit or dataset.splits[split])
    if not total:
        raise BadInput(f"split {split!r} of dataset {dataset.name!r} is empty", "name another with --split")
    variants = _variants(template, options.variant)
    _check_seeds(template, options)
    adapters = [None if name is None else store.adapters.pinned(name) for name in options.adapters]
    count = len(adapters) * len(options.seeds) * len(variants)
    if count > MOST_SYSTEMS:
        raise BadInput(
            f"that makes {count:,} evaluations, more than {MOST_SYSTEMS}",
            "ask for fewer adapters, seeds or variants at a time",
        )
    named = {"model": options.model, "dataset": dataset.name, "split": split, "template": template.name}
    settings = {name: getattr(options.sampling, name) for name in SAMPLED}
    made_of = {
        adapter: _made_of(store, options.model, adapter, dataset.name, template.name) for adapter in adapters
    }
    return [
        {
            **named,
            "adapter": adapter,
            "total": total,
            "settings": {**settings, "seed": seed, "variant": variant, **made_of[adapter]},
        }
        for seed, variant, adapter in product(options.seeds, variants, adapters)
    ]


def _made_of(store: Store, model: str, adapter: str | None, dataset: str, template: str) -> dict[str, Any]:
    """The contents behind the names, as an evaluation's settings keep them.

    Raises:
        NotFound: One is not in the store.
        Conflict: The adapter was made for another base.
    """
    base = store.models.get(model)
    found = None if adapter is None else store.adapters.resolve(adapter)
    if found is not None:
        store.adapters.check_base(found, base)
    return {
        "model_fingerprint": base.fingerprint,
        "adapter_fingerprint": None if found is None else found.fingerprint,
        "dataset_fingerprint": store.datasets.get(dataset).fingerprint,
        "template_hash": store.templates.get(template).hash,
    }


def _split(dataset: Dataset, wanted: str | None) -> str:
    if wanted is not None:
        if wanted not in dataset.splits:
            raise NotFound(
                f"dataset {dataset.name!r} has no split {wanted!r}", f"it has {', '.join(dataset.splits)}"
            )
        return wanted
    for name in ("test", "validation"):
        if name in dataset.splits:
            return name
    return next(iter(dataset.splits))


def _variants(template: Template, wanted: str | None) -> list[str | None]:
    names = [each.name for each in template.variants]
    if wanted is None:
        return [None]
    if wanted in names:
        return [wanted]
    if wanted == ALL_VARIANTS:
        return [*names]
    raise NotFound(
        f"template {template.name!r} has no variant {wanted!r}",
        f"it has {', '.join(names)}; {ALL_VARIANTS} takes each",
    )


def _check_seeds(template: Template, options: EvaluationOptions) -> None:
    """Refuse seeds that would all give the same answers.

    Raises:
        BadInput: Nothing is drawn, and several seeds are given; or one is given twice.
    """
    if len(set(options.seeds)) < max(len(options.seeds), 1):
        raise BadInput("a seed is given twice, or none", "give each seed once")
    dealt = options.variant is None and len(template.variants) > 1
    if len(options.seeds) > 1 and not (options.sampling.temperature or dealt or template.shots):
        raise BadInput(
            "greedy answers to one variant of a template are the same for every seed",
            "give a --temperature above 0, or one seed",
        )


def _unfinished(store: Store, wanted: list[dict[str, Any]]) -> str | None:
    """The latest group that was asked for the very same and did not come to its end."""
    for group, found in groupby(store.evaluations.list(), key=lambda each: each.group):
        members = list(found)[::-1]
        if [_asked(each) for each in members] == wanted:
            return None if all(each.status == "completed" for each in members) else group
    return None


def _asked(evaluation: Evaluation) -> dict[str, Any]:
    named = ("model", "adapter", "dataset", "split", "template", "total")
    settings = {name: value for name, value in evaluation.settings.items() if name != VERSIONS}
    return {name: getattr(evaluation, name) for name in named} | {"settings": settings}


def _enter(store: Store, wanted: list[dict[str, Any]]) -> str:
    """Enter one running evaluation for each that is wanted, all in one group."""
    group: str | None = None
    for each in wanted:
        group = store.evaluations.create(group, **each).group
    if group is None:
        raise BadInput("nothing is to be evaluated", "name a model")
    return group


def _answer(store: Store, group: str, on_progress: Progress | None) -> list[Evaluation]:
    """Have a group answered, or follow the process that is at it already."""
    log = _folder(store.root) / f"{group}.log"
    worker = None
    if not processes.held(lock_path(store.root, group)):
        for each in _open(store, group):
            store.evaluations.begin(each.id)
        nonce = secrets.token_hex(16)
        argv = processes.module_argv("workbench.worker", "evaluate", group, "--store", str(store.root))
        processes.start([*argv, "--nonce", nonce], log=log, cwd=log.parent)
        worker = processes.find(nonce)
    try:
        _wait(store, group, worker, on_progress)
    except KeyboardInterrupt:
        if worker is not None:
            _end(worker)
            _set_aside(store, group, "it was interrupted")
        raise
    _set_aside(store, group, f"its process ended ({processes.last_line(log)})")
    ended = store.evaluations.list(group)
    for each in ended:
        if each.status != "completed":
            raise Unavailable(
                f"evaluation {each.id} {'failed' if each.status == 'failed' else 'was interrupted'}: "
                f"{each.error}",
                f"go on: workbench evaluate --resume {group}; its log is {log}",
            )
    return ended


def _open(store: Store, group: str) -> Iterator[Evaluation]:
    return (each for each in store.evaluations.list(group) if each.status != "completed")


def _wait(store: Store, group: str, worker: Identity | None, on_progress: Progress | None) -> None:
    """Follow a group until it has ended, or what answers it has."""
    while True:
        # Looked at first: what a process wrote last is then read after it.
        lives = processes.lives(worker) or processes.held(lock_path(store.root, group))
        members = store.evaluations.list(group)
        if on_progress is not None:
            done = sum(each.total if each.status == "completed" else each.rows for each in members)
            on_progress(done, sum(each.total for each in members))
        if not lives or all(each.status in ("completed", "failed") for each in members):
            return
        time.sleep(_PROGRESS_SECONDS)


def _end(worker: Identity) -> None:
    """Tell a process to end, and see it gone: it holds the lock of its group until then."""
    processes.terminate(worker)
    deadline = time.monotonic() + _ENDING_SECONDS
    while processes.alive(worker) and time.monotonic() < deadline:
        time.sleep(_PROGRESS_SECONDS / 10)


def _set_aside(store: Store, group: str, why: str) -> None:
    for each in store.evaluations.list(group):
        if each.status == "running":
            store.evaluations.interrupt(each.id, why)

"""What is wrong with the data of a run before it starts: rows from all over it are made into tokens.

What would make training pointless is refused; the rest is told with its remedy.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from store import Store
from store.errors import BadInput
from store.models import Model
from workbench.composing import bulk, checks, masking, tasks
from workbench.composing.masking import Tokens
from workbench.composing.requests import codec_of
from workbench.composing.shown import Problem
from workbench.composing.tasks import Source
from workbench.composing.template import composer
from workbench.runs import plan
from workbench.runs.options import RunOptions

OF_ROWS = ("not-rendered", "nothing-trained")
LOOKED_AT = 1024
"""Rows of each task; smaller splits are looked through whole."""


@dataclass
class Concern:
    """A problem that some rows have, and training can live with."""

    problem: Problem
    where: str
    """The first row that has it."""
    rows: int = 1
    seen: int = 0
    """Rows that were looked at."""

    def __str__(self) -> str:
        share = f"{self.rows} of {self.seen} rows looked at, first {self.where}"
        return f"{share}: {self.problem.message}; {self.problem.remedy}"


@dataclass
class Preflight:
    """What was found so far."""

    skips: bool
    """Whether rows that nothing can be learned from are left out, and not a reason to refuse."""
    seen: int = 0
    by_kind: dict[str, Concern] = field(default_factory=dict)

    @property
    def concerns(self) -> list[Concern]:
        """What training can live with."""
        return sorted(self.by_kind.values(), key=lambda concern: -concern.rows)

    def _note(self, problem: Problem, where: str) -> None:
        if problem.fatal and not (self.skips and problem.kind in OF_ROWS):
            remedy = f"{problem.remedy}, or train without such rows: bad_rows=skip"
            raise BadInput(
                f"{where}: {problem.message}", remedy if problem.kind in OF_ROWS else problem.remedy
            )
        if problem.kind in self.by_kind:
            self.by_kind[problem.kind].rows += 1
        else:
            self.by_kind[problem.kind] = Concern(problem, where)


Known = dict[tuple[object, ...], list[Concern]]
"""What was found for runs that were looked at, by all that it depends on."""


def check(
    store: Store, options: RunOptions, model: Model, sources: list[Source], known: Known
) -> list[Concern]:
    """Look at rows of each of a run's tasks.

    Args:
        store: An open store.
        options: The run.
        model: Its base.
        sources: Its data: one, or the tasks of a mixture.
        known: Those of the runs before, and of this one from now on: runs of a sweep often share their rows.

    Returns:
        What training can live with, and what to do about it.

    Raises:
        BadInput: A row cannot be trained on.
    """
    settings, length = options.settings, plan.row_length(options, model)
    data = (options.dataset, options.template, options.split, options.mixture)
    key = (model.name, *data, length, settings.seed, settings.batch_size, settings.bad_rows)
    if key not in known:
        found = Preflight(skips=settings.bad_rows == "skip")
        for source in sources:
            _look(store, options, model, source, found)
        for concern in found.by_kind.values():
            concern.seen = found.seen
        known[key] = found.concerns
    return known[key]


def _look(store: Store, options: RunOptions, model: Model, source: Source, found: Preflight) -> None:
    # A remedy names no length that the virtual tokens leave no room for.
    codec = replace(codec_of(model), room=plan.row_room(options, model))
    length = plan.row_length(options, model)
    at_work = composer(store, source.dataset, source.template, options.settings.seed)
    of = f" of {source.dataset.name!r}" if options.mixture else ""

    def place(index: int) -> str:
        return f"row {index} of {source.task.split!r}{of}"

    def refuse(index: int, error: BadInput) -> None:
        found.seen += 1
        found._note(Problem("not-rendered", error.what, error.remedy, fatal=True), place(index))

    for start, rows in tasks.sample(store, source, LOOKED_AT):
        batch: list[Tokens] = []
        for index, example, tokens in bulk.masked(rows, at_work, codec, length, refuse, start):
            for problem in checks.problems(tokens, codec, example):
                found._note(problem, place(index))
            batch.append(tokens)
        found.seen += len(batch)
        for problem in _problems_of_batches(batch, codec, options.settings.batch_size):
            found._note(problem, place(start))


def _problems_of_batches(rows: list[Tokens], codec: masking.Codec, size: int) -> Iterator[Problem]:
    for at in range(0, len(rows), size):
        some = rows[at : at + size]
        batch = masking.collate([(tokens.input_ids, tokens.labels) for tokens in some], codec.pad)
        yield from checks.batch_problems(some, batch)

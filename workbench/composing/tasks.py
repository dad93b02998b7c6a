"""The tasks of a mixture as a store has them: their rows, what is missing, each one's part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from store import Store
from store.datasets import Dataset
from store.errors import BadInput, StoreError
from store.mixtures import Mixture, Task
from store.templates import Template
from workbench.composing import bulk, checks, mixing, template
from workbench.composing.masking import Codec
from workbench.composing.requests import check_fit, codec_of, row_length

SAMPLE_ROWS = 128
_PIECES = 8
DEFAULT_SEED = 42
"""Of a run: it deals the variants out."""


@dataclass(frozen=True)
class Source:
    """A task whose data and template are there, and fit each other."""

    task: Task
    dataset: Dataset
    template: Template

    @property
    def rows(self) -> int:
        """Rows of the task's split."""
        return self.dataset.splits[self.task.split]


@dataclass(frozen=True)
class Share:
    """A task's part in a mixture, in figures; those of its tokens are means over a sample of its rows."""

    dataset: str
    template: str
    split: str
    weight: float
    rows: int | None = None
    """Rows of its split; None where the task is not whole."""
    share: float | None = None
    """Of the examples."""
    fault: str | None = None
    """What is missing or does not fit, and what to do."""
    token_share: float | None = None
    trained_token_share: float | None = None
    """Of the tokens that the loss is computed on."""
    mean_tokens: float | None = None
    """Prompt and completion of a row, as they are after cutting."""
    mean_trained_tokens: float | None = None
    sampled_rows: int | None = None
    skipped_rows: int | None = None
    """Rows of the sample that cannot be trained on."""


@dataclass(frozen=True)
class Ruler:
    """What lengths are measured with: a model's tokenizer, the most tokens of a row, the variants' seed."""

    codec: Codec
    max_length: int
    seed: int


def find(store: Store, task: Task) -> Source:
    """Bring a task's data and template together.

    Raises:
        NotFound: One of them is not in the store.
        BadInput: The split is not there or empty, or the template does not fit the columns.
    """
    dataset = store.datasets.get(task.dataset)
    if task.split not in dataset.splits:
        raise BadInput(
            f"dataset {dataset.name!r} has no split {task.split!r}",
            f"choose one of {', '.join(dataset.splits)}",
        )
    if dataset.splits[task.split] == 0:
        raise BadInput(
            f"split {task.split!r} of {dataset.name!r} has no rows", "add rows, or choose another split"
        )
    found = store.templates.get(task.template)
    check_fit(store, found, dataset)
    return Source(task, dataset, found)


def look(store: Store, mixture: Mixture) -> list[Source | StoreError]:
    """Each task of a mixture as the store has it, or what is wrong with it."""
    return [_try(store, task) for task in mixture.tasks]


def find_all(store: Store, mixture: Mixture) -> list[Source]:
    """Bring the data and templates of all tasks together.

    Raises:
        BadInput: Something is missing or does not fit; all of it is told.
    """
    found = look(store, mixture)
    faults = [
        f"task {number} ({task.label}): {each}"
        for number, (task, each) in enumerate(zip(mixture.tasks, found, strict=True), start=1)
        if isinstance(each, StoreError)
    ]
    if faults:
        raise BadInput(
            f"mixture {mixture.name!r} is not whole: " + "; ".join(faults),
            f"see it with `workbench mixture show {mixture.name}`",
        )
    return [each for each in found if isinstance(each, Source)]


def divide(
    store: Store, mixture: Mixture, found: Sequence[Source | StoreError], ruler: Ruler | None = None
) -> list[Share]:
    """Reckon each task's part; tasks that are not whole have none, and the others share the draws.

    Args:
        store: An open store.
        mixture: The mixture.
        found: What `look` found of its tasks.
        ruler: Measure the tokens too.
    """
    sources = [each for each in found if isinstance(each, Source)]
    whole = replace(mixture, tasks=tuple(source.task for source in sources))
    given = mixing.shares(whole, [source.rows for source in sources])
    parts = [
        replace(_named(source.task), rows=source.rows, share=share)
        for source, share in zip(sources, given, strict=True)
    ]
    if ruler is not None:
        parts = _with_tokens(
            [_measured(store, source, part, ruler) for source, part in zip(sources, parts, strict=True)]
        )
    left = iter(parts)
    return [
        replace(_named(task), fault=str(each)) if isinstance(each, StoreError) else next(left)
        for task, each in zip(mixture.tasks, found, strict=True)
    ]


def measure(store: Store, name: str, model: str | None, max_length: int | None) -> list[Share]:
    """Reckon each task's part in a mixture of the store; with a model, that of the tokens too.

    Raises:
        StoreError: There is no such mixture or model, or its tokenizer cannot be read.
    """
    mixture = store.mixtures.get(name)
    ruler = None
    if model is not None:
        record = store.models.get(model)
        ruler = Ruler(codec_of(record), row_length(record, max_length), DEFAULT_SEED)
    return divide(store, mixture, look(store, mixture), ruler)


def token_shares(shares: Sequence[float], means: Sequence[float]) -> list[float]:
    """The share of the tokens that each task gets.

    Args:
        shares: Of the examples.
        means: Tokens of a mean example of each task.
    """
    each = [share * mean for share, mean in zip(shares, means, strict=True)]
    total = sum(each)
    return [part / total if total else 0.0 for part in each]


def _named(task: Task) -> Share:
    return Share(task.dataset, task.template, task.split, task.weight)


def _with_tokens(parts: list[Share]) -> list[Share]:
    examples = [part.share or 0.0 for part in parts]
    tokens = token_shares(examples, [part.mean_tokens or 0.0 for part in parts])
    trained = token_shares(examples, [part.mean_trained_tokens or 0.0 for part in parts])
    return [
        replace(part, token_share=of_all, trained_token_share=of_trained)
        for part, of_all, of_trained in zip(parts, tokens, trained, strict=True)
    ]


def _measured(store: Store, source: Source, part: Share, ruler: Ruler) -> Share:
    """Put the mean lengths of a sample of the rows in, made into tokens as the trainer does it."""
    at_work = template.composer(store, source.dataset, source.template, ruler.seed)
    sampled = skipped = tokens = trained = 0

    def skip(_index: int, _error: BadInput | None = None) -> None:
        nonlocal skipped
        skipped += 1

    for start, rows in sample(store, source):
        sampled += len(rows)
        for index, example, made in bulk.masked(rows, at_work, ruler.codec, ruler.max_length, skip, start):
            if any(problem.fatal for problem in checks.problems(made, ruler.codec, example)):
                skip(index)
                continue
            tokens += len(made.ids)
            trained += sum(made.trained)
    used = max(1, sampled - skipped)
    return replace(
        part,
        mean_tokens=tokens / used,
        mean_trained_tokens=trained / used,
        sampled_rows=sampled,
        skipped_rows=skipped,
    )


def _try(store: Store, task: Task) -> Source | StoreError:
    try:
        return find(store, task)
    except StoreError as error:
        return error


def sample(
    store: Store, source: Source, count: int = SAMPLE_ROWS
) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """Some rows from all over the split: runs of neighbours, each with its first row's number."""
    rows, name = source.rows, source.dataset.name
    if rows <= count:
        yield 0, list(store.datasets.rows(name, source.task.split))
        return
    length = count // _PIECES
    for piece in range(_PIECES):
        start = (rows - length) * piece // (_PIECES - 1)
        yield start, list(store.datasets.rows(name, source.task.split, start, length))

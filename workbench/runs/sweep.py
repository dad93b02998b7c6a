"""A sweep: one run file, some keys of which take several values, each combination a run of the queue.

[sweep]
learning_rate = [1e-4, 3e-4]                        # every value with every other: a grid
r = [8, 16]

[sweep]
search = "random"                                   # or so many draws from lists and ranges
count = 20
learning_rate = { min = 1e-5, max = 1e-3, log = true }
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from store import Store
from store.errors import BadInput, NotFound, near, not_found
from store.files import check_name
from store.runs import Run
from workbench.runs import launch
from workbench.runs.fields import FieldInfo
from workbench.runs.options import RUN_KEYS, RunOptions, from_document, make_options, read_toml
from workbench.runs.training import fields

SEARCHES = ("grid", "random")
MOST_RUNS = 1000
VARIABLE_KEYS = tuple(key for key in RUN_KEYS if key != "name")
FIGURES = 4
"""Significant figures of a number that was drawn."""
DRAWS_PER_RUN = 100


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, by their size or by its logarithm."""

    low: float
    high: float
    log: bool
    whole: bool

    def draw(self, source: random.Random) -> float | int:
        """A number of it."""
        if self.whole and not self.log:
            return source.randint(math.ceil(self.low), math.floor(self.high))
        number = (
            math.exp(source.uniform(math.log(self.low), math.log(self.high)))
            if self.log
            else source.uniform(self.low, self.high)
        )
        rounded = float(f"{number:.{FIGURES}g}")
        return round(number) if self.whole else min(max(rounded, self.low), self.high)


@dataclass(frozen=True)
class Sweep:
    """What is tried."""

    name: str
    base: dict[str, Any]
    """What all runs have in common, as `make_options` takes it."""
    trials: tuple[dict[str, Any], ...]
    """What each run has for itself, by key."""

    def options(self) -> list[RunOptions]:
        """Every run, checked by itself.

        Raises:
            BadInput: A value is out of range, or something needed is missing.
        """
        width = len(str(len(self.trials)))
        return [
            make_options(self.base, _layer(trial), {"name": f"{self.name}-{number:0{width}}"})
            for number, trial in enumerate(self.trials, start=1)
        ]


@dataclass(frozen=True)
class Result:
    """One run of a sweep."""

    run: Run
    varied: dict[str, Any]
    """Its values of the keys in which the sweep's runs differ."""
    loss: float | None
    eval_loss: float | None


def read_sweep(path: Path) -> Sweep:
    """Read a sweep's file.

    Raises:
        BadInput: It is no run file with a table `[sweep]`, or a key or value of it is wrong.
    """
    document = read_toml(path)
    table = document.pop("sweep", None)
    if not isinstance(table, dict):
        raise BadInput(f"{path} has no table [sweep]", "write [sweep] and below it keys with lists of values")
    base = from_document(document)
    name = base.pop("name", None) or path.stem
    check_name(name)
    return Sweep(name, base, tuple(_trials(dict(table))))


def submit(
    store: Store, sweep: Sweep, warn: Callable[[str], object] | None = None, *, priority: int = 0
) -> list[Run]:
    """Queue every run of a sweep, or none where one of them is refused.

    Args:
        store: An open store.
        sweep: What to try; where its name is taken, the runs get the next free one.
        warn: As in `launch.submit`.
        priority: Of all of them.

    Raises:
        NotFound: There is no such model, dataset, template or mixture.
        BadInput: A run does not fit them.
    """
    name = _free_name(store, sweep.name)
    named = Sweep(name, sweep.base, sweep.trials)
    return launch.submit_all(store, named.options(), warn, priority=priority, sweep=name)


def results(store: Store, name: str) -> list[Result]:
    """What became of a sweep's runs: the lowest validation loss first, or training loss where there is none.

    Raises:
        NotFound: There is no such sweep.
    """
    runs = store.runs.list(sweep=name)
    if not runs:
        known = dict.fromkeys(store.runs.sweeps())
        if not known:
            raise NotFound(f"no sweep named {name!r}", "start one with `workbench run sweep FILE.toml`")
        raise not_found("sweep", name, known)
    told = {run.id: _told(run) for run in runs}
    keys = [key for key in told[runs[0].id] if len({repr(each.get(key)) for each in told.values()}) > 1]
    found = []
    for run in reversed(runs):
        latest = store.metrics.latest(run.id)
        varied = {key: told[run.id].get(key) for key in keys}
        found.append(Result(run, varied, latest.get("loss"), latest.get("eval_loss")))
    return sorted(found, key=_rank)


def _rank(result: Result) -> tuple[int, float]:
    for kind, loss in enumerate((result.eval_loss, result.loss)):
        if loss is not None and math.isfinite(loss):
            return kind, loss
    return 2, 0.0


def _told(run: Run) -> dict[str, Any]:
    """Every key of a run that a sweep can vary."""
    names = {key: getattr(run, key) for key in VARIABLE_KEYS if key != "split"}
    split = {} if run.mixture else {"split": run.tasks[0]["dataset"].get("split")}
    return {**names, **split, **run.settings}


def _free_name(store: Store, name: str) -> str:
    numbered = (f"{name}-{number}" for number in itertools.count(2))
    return next(each for each in itertools.chain([name], numbered) if not store.runs.has_sweep(each))


def _layer(trial: Mapping[str, Any]) -> dict[str, Any]:
    named = {key: value for key, value in trial.items() if key in RUN_KEYS}
    return {**named, "settings": {key: value for key, value in trial.items() if key not in RUN_KEYS}}


def _trials(table: dict[str, Any]) -> list[dict[str, Any]]:
    """Every combination that is tried; all that is wrong with the table is told at once."""
    search = table.pop("search", "grid")
    count = table.pop("count", None)
    # The sweep's own seed is a number; a list of seeds is a key that varies.
    seed = table.pop("seed") if isinstance(table.get("seed"), int) else 0
    problems: list[str] = []
    if search not in SEARCHES:
        problems.append(f"search = {search!r} is not one of {', '.join(SEARCHES)}")
    if search == "grid" and count is not None:
        problems.append("count is for search = 'random': a grid has as many runs as combinations")
    if search == "random" and (type(count) is not int or not 1 <= count <= MOST_RUNS):
        problems.append(f"count = {count!r} must be a whole number from 1 to {MOST_RUNS}")
    if not table:
        problems.append("it varies no key")
    values = {key: _values(key, given, problems) for key, given in table.items()}
    if search == "grid":
        ranges = [key for key, each in values.items() if isinstance(each, Range)]
        problems += [f"{key} is a range, of which a grid has no values" for key in ranges]
    if problems:
        raise BadInput(
            f"[sweep]: {'; '.join(problems)}",
            "give lists of values, or search = 'random' with a count and lists or {min, max, log} ranges",
        )
    if search == "random":
        return _drawn(values, count, random.Random(seed))  # noqa: S311 (a search, not a secret)
    return _combined({key: each for key, each in values.items() if not isinstance(each, Range)})


def _combined(values: Mapping[str, list[Any]]) -> list[dict[str, Any]]:
    size = math.prod(map(len, values.values()))
    if size > MOST_RUNS:
        raise BadInput(f"[sweep] has {size} combinations", f"take at most {MOST_RUNS}, or search = 'random'")
    return [dict(zip(values, chosen, strict=True)) for chosen in itertools.product(*values.values())]


def _drawn(
    values: Mapping[str, list[Any] | Range], count: int, source: random.Random
) -> list[dict[str, Any]]:
    """Different combinations: fewer than were asked for where there are no more."""
    found: dict[str, dict[str, Any]] = {}
    for _ in range(count * DRAWS_PER_RUN):
        trial = {
            key: each.draw(source) if isinstance(each, Range) else source.choice(each)
            for key, each in values.items()
        }
        found.setdefault(repr(trial), trial)
        if len(found) == count:
            break
    return list(found.values())


def _values(key: str, given: Any, problems: list[str]) -> list[Any] | Range:
    """What a key can be; what is wrong is added to the problems."""
    known = {info.name: info for info in fields()}
    info = known.get(key)
    if info is None and key not in VARIABLE_KEYS:
        names = [*known, *VARIABLE_KEYS]
        nearest = near(key, names)
        meant = f"did you mean {nearest!r}?" if nearest else "see `workbench run start --help`"
        problems.append(f"unknown key {key!r}, {meant}")
        return []
    if isinstance(given, dict):
        return _range(key, given, info, problems)
    if not isinstance(given, list) or not given:
        problems.append(f"{key} = {given!r} is no list of values")
        return []
    problems += _wrong(key, given, info)
    return [info.convert(value) if info else value for value in given]


def _wrong(key: str, given: Iterable[Any], info: FieldInfo | None) -> list[str]:
    if info is None:
        return [f"{key} = {value!r} is not a name in quotes" for value in given if not isinstance(value, str)]
    return [wrong for value in given if (wrong := info.problem(info.convert(value))) is not None]


def _range(key: str, given: dict[str, Any], info: FieldInfo | None, problems: list[str]) -> list[Any] | Range:
    log = given.get("log", False)
    bounds = [given.get("min"), given.get("max")]
    low, high = (float(bound) if _is_number(bound) else math.nan for bound in bounds)
    if info is None or info.type not in (int, float):
        problems.append(f"{key} is no number and has no range")
    elif not given.keys() <= {"min", "max", "log"} or math.isnan(low + high) or not isinstance(log, bool):
        problems.append(f"{key} = {given!r} is not {{min = number, max = number, log = true or false}}")
    elif low >= high or (log and low <= 0):
        problems.append(f"{key}: min must be below max{', and above 0 with log' if log else ''}")
    elif wrong := _wrong(key, bounds, info):
        problems += wrong
    else:
        return Range(low, high, log, info.type is int)
    return []


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)

"""Mixtures: several tasks trained on together, each a dataset through a template; TOML in and out.

What share of the examples each task gets, and in what order they come, is composing's affair.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import tomli_w

from store.errors import BadInput
from store.files import NAME, name_from
from store.splits import DEFAULT_SPLIT
from store.texts import Fault, Form, Texts, faults_of_keys, load, text_fault, told

if TYPE_CHECKING:
    from sqlite_utils import Database

MAX_TASKS = 200  # a trainer holds files open for each
MAX_SEED = 2**63 - 1  # the largest whole number of TOML

Mixing = Literal["proportional", "temperature", "fixed"]


@dataclass(frozen=True)
class Task:
    """One task of a mixture.

    Args:
        dataset: a dataset's name.
        template: the name of the template that makes prompts and completions of its rows.
        weight: multiplies the task's rate.
        split: the split of its rows.
    """

    dataset: str
    template: str
    weight: float = 1.0
    split: str = DEFAULT_SPLIT

    @property
    def label(self) -> str:
        """The task in words."""
        of = "" if self.split == DEFAULT_SPLIT else f", split {self.split}"
        return f"{self.dataset}{of} by {self.template}"


@dataclass(frozen=True)
class Mixture:
    """Tasks and the rule that says how often each of them comes.

    Args:
        name: its name in the store.
        tasks: at least one, no two of them alike.
        mixing: `proportional` to the rows (FLAN, T5), by `temperature`, or `fixed` by the weights alone.
        cap: a task counts as having at most so many rows; none when left out.
        temperature: T5's: rates go with rows ** (1 / temperature); 1 is proportional, more is evener.
        seed: of the order in which the rows come.
    """

    name: str
    tasks: tuple[Task, ...]
    mixing: Mixing = "proportional"
    cap: int | None = None
    temperature: float = 1.0
    seed: int = 42

    @property
    def hash(self) -> str:
        """The sha256 of the mixture's canonical text: equal mixtures have equal hashes, however written."""
        return hashlib.sha256(format_mixture(self).encode()).hexdigest()


def format_mixture(mixture: Mixture) -> str:
    """Return a mixture as TOML with every key, so that no default of ours is needed to read it."""
    document = {key: value for key, value in asdict(mixture).items() if value is not None}
    return tomli_w.dumps({**document, "tasks": list(document["tasks"])})


def parse_mixture(text: str, origin: str) -> Mixture:
    """Read a mixture from TOML.

    Args:
        text: the TOML text.
        origin: what to call it in errors, such as the file's path; its stem is the name where none is given.
    Raises:
        BadInput: all faults at once: syntax with line and column; keys missing, unknown or of a wrong value.
    """
    document = load(text, origin)
    faults = faults_of_keys(document, _MIXTURE_KEYS, ("tasks",), "")
    tables = document.get("tasks")
    if not isinstance(tables, list) or not tables or not all(isinstance(table, dict) for table in tables):
        tables = []
        if "tasks" in document:
            faults.append("'tasks' must be one or more [[tasks]] tables")
    if len(tables) > MAX_TASKS:
        faults.append(f"it has {len(tables)} tasks, more than {MAX_TASKS}")
        tables = []
    for number, table in enumerate(tables, start=1):
        faults += faults_of_keys(table, _TASK_KEYS, ("dataset", "template"), f"task {number}: ")
    faults += _repeated(tables)
    if faults:
        raise BadInput(
            f"{origin}: " + told(faults),
            "write [[tasks]] tables with dataset, template and perhaps weight, and above them mixing",
        )
    tasks = tuple(Task(**{**table, "weight": float(table.get("weight", 1))}) for table in tables)
    given: dict[str, Any] = {"name": name_from(Path(origin).stem)} if "name" not in document else {}
    if "temperature" in document:
        given["temperature"] = float(document["temperature"])
    return Mixture(**{**document, **given, "tasks": tasks})


def _repeated(tables: list[Mapping[str, Any]]) -> list[str]:
    first: dict[tuple[Any, ...], int] = {}
    faults = []
    for number, table in enumerate(tables, start=1):
        key = (table.get("dataset"), table.get("template"), table.get("split", DEFAULT_SPLIT))
        if all(isinstance(part, str) for part in key) and first.setdefault(key, number) != number:
            faults.append(f"tasks {first[key]} and {number} are the same; give one of them the whole weight")
    return faults


def _name_fault(value: Any) -> str | None:
    if not isinstance(value, str):
        return text_fault(value)
    return None if NAME.fullmatch(value) else f"{value!r} cannot be a name"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _rate_fault(value: Any) -> str | None:
    # The bounds keep powers and quotients of any two of them finite.
    fits = _is_number(value) and 1e-9 <= value <= 1e9
    return None if fits else f"must be a number above 0, from 1e-9 to 1e9, not {value!r}"


def _whole_fault(value: Any, least: int) -> str | None:
    fits = isinstance(value, int) and not isinstance(value, bool) and least <= value <= MAX_SEED
    return None if fits else f"must be a whole number of {least} or more, not {value!r}"


def _mixing_fault(value: Any) -> str | None:
    return (
        None if value in get_args(Mixing) else f"must be one of {', '.join(get_args(Mixing))}, not {value!r}"
    )


_MIXTURE_KEYS: dict[str, Fault] = {
    "name": _name_fault,
    "mixing": _mixing_fault,
    "cap": lambda value: _whole_fault(value, 1),
    "temperature": _rate_fault,
    "seed": lambda value: _whole_fault(value, 0),
    "tasks": lambda _: None,  # looked at one by one
}
_TASK_KEYS: dict[str, Fault] = {
    "dataset": _name_fault,
    "template": _name_fault,
    "weight": _rate_fault,
    "split": _name_fault,
}


class Mixtures(Texts[Mixture]):
    """The mixtures of one store; what their tasks name need not be there until they are used."""

    def __init__(self, root: Path, db: Database) -> None:
        super().__init__(root, db, Form("mixture", parse_mixture, format_mixture, _columns))


def _columns(mixture: Mixture) -> dict[str, Any]:
    return {"mixing": mixture.mixing, "tasks": len(mixture.tasks)}

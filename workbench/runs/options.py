"""What a person asks for: a run's names, method and settings, put together from flags, form and run file.

Each value is checked by itself; whether model, dataset and template exist and fit is for `launch`.
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from store.errors import BadInput, near
from workbench.runs import combinations
from workbench.runs.fields import FieldInfo
from workbench.runs.methods import METHODS
from workbench.runs.training import TrainingSettings, fields

RUN_KEYS = ("model", "dataset", "template", "mixture", "method", "name", "split")
MAX_RUN_FILE_BYTES = 1_000_000
OTHER_NAMES = {
    "alpha": "lora_alpha",
    "bf16": "dtype",
    "cutoff_len": "max_length",
    "dropout": "lora_dropout",
    "epochs": "num_train_epochs",
    "fp16": "dtype",
    "iters": "max_steps",
    "lora_r": "r",
    "lora_rank": "r",
    "lora_target": "target_modules",
    "lr": "learning_rate",
    "lr_scheduler": "lr_scheduler_type",
    "max_seq_len": "max_length",
    "max_seq_length": "max_length",
    "micro_batch_size": "batch_size",
    "num_epochs": "num_train_epochs",
    "optimizer": "optim",
    "per_device_train_batch_size": "batch_size",
    "rank": "r",
    "steps": "max_steps",
    "torch_dtype": "dtype",
    "warmup_ratio": "warmup_steps",
}
"""What people know settings by from other programs; none is taken, each leads to its name here."""


@dataclass(frozen=True)
class RunOptions:
    """One run as a person asks for it: names in the store, a method and its settings.

    It is trained on a dataset through a template, or on a mixture, which names its own.
    """

    model: str
    dataset: str = ""
    template: str = ""
    method: str = "lora"
    name: str | None = None
    split: str = "train"
    settings: TrainingSettings = dataclasses.field(default_factory=TrainingSettings)
    mixture: str | None = None

    def __post_init__(self) -> None:
        if self.mixture and (self.dataset or self.template):
            raise BadInput(
                f"the run names the mixture {self.mixture!r} and a dataset or template beside it",
                "give either a mixture, or a dataset and a template",
            )
        if self.method not in METHODS:
            raise BadInput(f"method {self.method!r} is not available", f"choose one of {', '.join(METHODS)}")
        combinations.check(self.method, self.settings)


def field(name: str) -> FieldInfo:
    """One training setting by name.

    Raises:
        BadInput: No such setting; the nearest one is named.
    """
    known = {info.name: info for info in fields()}
    if name not in known:
        raise _unknown("setting", name, known, OTHER_NAMES.get(name.lower()))
    return known[name]


def parse_set(pairs: Iterable[str]) -> dict[str, Any]:
    """Read `key=value` pairs as typed on a command line.

    Returns:
        Typed values by setting name; a later pair wins.

    Raises:
        BadInput: Unknown keys, values of a wrong type or out of range: all of them in one message.
    """
    values: dict[str, Any] = {}
    problems: list[BadInput] = []
    for pair in pairs:
        key, equals, text = pair.partition("=")
        try:
            if not equals:
                raise BadInput(f"{pair!r} is not key=value", "write for example learning_rate=1e-4")
            values[key.strip()] = field(key.strip()).parse(text)
        except BadInput as problem:
            problems.append(problem)
    _raise_all(problems)
    return values


def from_toml(path: Path) -> dict[str, Any]:
    """Read a run file: the keys of `RUN_KEYS` and a table `[settings]`, any of them.

    Returns:
        What the file says, with `settings` as a dict of typed values.

    Raises:
        BadInput: The file is no TOML, or has unknown keys or wrong values: all of them in one message.
    """
    return from_document(read_toml(path))


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file of a person's.

    Raises:
        BadInput: It cannot be read, is too large, or no TOML.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_RUN_FILE_BYTES + 1)
        if len(raw) > MAX_RUN_FILE_BYTES:
            raise BadInput(f"{path} is larger than 1 MB", "give a run file: a few lines of TOML")
        return tomllib.loads(raw.decode("utf-8"))
    except OSError as error:
        raise BadInput(
            f"{path} cannot be read ({error.strerror})", "check the path of the run file"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} is not TOML: {error}", "correct the run file") from None


def from_document(document: Mapping[str, Any]) -> dict[str, Any]:
    """Check what a run file says; see `from_toml`."""
    problems = [
        _unknown("key", key, [*RUN_KEYS, "settings"])
        for key in document
        if key not in RUN_KEYS and key != "settings"
    ]
    problems += [
        BadInput(f"{key} = {document[key]!r} is not a text", "write a name in quotes")
        for key in RUN_KEYS
        if key in document and not isinstance(document[key], str)
    ]
    table = document.get("settings", {})
    if not isinstance(table, dict):
        problems.append(
            BadInput("settings is not a table", "write [settings] and key = value lines below it")
        )
        table = {}
    settings, wrong = _typed(table)
    _raise_all(problems + wrong)
    return {key: value for key, value in document.items() if key != "settings"} | {"settings": settings}


def make_options(*layers: Mapping[str, Any]) -> RunOptions:
    """Put a run together from layers, such as a run file and what was typed; a later layer wins.

    Args:
        layers: Mappings over `RUN_KEYS` and `settings`; a None value counts as not given.

    Raises:
        BadInput: Something needed is missing, unknown or out of range.
    """
    given: dict[str, Any] = {}
    settings: dict[str, Any] = {}
    for layer in layers:
        said = {key: value for key, value in layer.items() if value is not None and key != "settings"}
        given = _without_other_data(given, said) | said
        settings |= layer.get("settings") or {}
    if given.get("mixture") and "split" in given:
        raise BadInput(
            f"the run names the split {given['split']!r} beside a mixture",
            "leave it out: each task of a mixture names its own split",
        )
    needed = ("model",) if given.get("mixture") else ("model", "dataset", "template")
    missing = [key for key in needed if not given.get(key)]
    if missing:
        instead = " (or --mixture)" if {"dataset", "template"} <= set(missing) else ""
        raise BadInput(
            f"the run names no {' and no '.join(missing)}",
            f"give {' and '.join(f'--{key}' for key in missing)}{instead}, or set them in the run file",
        )
    return RunOptions(**given, settings=make_settings(settings))


def _without_other_data(given: dict[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """What earlier layers gave, without the data that a later one puts other data in the place of."""
    single = ("dataset", "template", "split")
    if said.get("mixture"):
        return {key: value for key, value in given.items() if key not in single}
    if any(said.get(key) for key in single[:2]):
        return {key: value for key, value in given.items() if key != "mixture"}
    return given


def make_settings(values: Mapping[str, Any]) -> TrainingSettings:
    """Check values read from anywhere (TOML, JSON, a form) and fill in the defaults.

    Raises:
        BadInput: Unknown keys, or values of a wrong type or out of range: all of them in one message.
    """
    typed, problems = _typed(values)
    _raise_all(problems)
    return TrainingSettings(**typed)


def _typed(values: Mapping[str, Any]) -> tuple[dict[str, Any], list[BadInput]]:
    """Values of plain TOML or JSON types as the fields' types, and everything that is wrong with them."""
    typed: dict[str, Any] = {}
    problems: list[BadInput] = []
    for key, value in values.items():
        try:
            info = field(key)
        except BadInput as problem:
            problems.append(problem)
            continue
        typed[key] = info.convert(value)
        wrong = info.problem(typed[key])
        if wrong:
            problems.append(BadInput(wrong, f"give {info.allowed()}"))
    return typed, problems


def _raise_all(problems: list[BadInput]) -> None:
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise BadInput("; ".join(f"{each.what} ({each.remedy})" for each in problems), "correct each of them")


def _unknown(noun: str, name: str, known: Iterable[str], meant: str | None = None) -> BadInput:
    names = list(known)
    nearest = meant or near(name, names)
    remedy = f"did you mean {nearest!r}?" if nearest else f"known are {', '.join(names)}"
    return BadInput(f"unknown {noun} {name!r}", remedy)

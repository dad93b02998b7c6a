"""What a person can choose about a run: one dataclass whose fields feed flags, form, run file and docs.

It checks each value by itself; whether model, dataset and template exist and fit is for `launch`.
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from store.errors import BadInput, near
from workbench.runs.fields import FieldInfo, describe, setting

RUN_KEYS = ("model", "dataset", "template", "mixture", "method", "name", "split")
MAX_RUN_FILE_BYTES = 1_000_000


@dataclass(frozen=True)
class Method:
    """A way to fine-tune: PEFT's name for it, what it does in a line, and the step size it wants."""

    name: str
    help: str
    learning_rate: float
    """The default of `learning_rate` for a model 4096 wide; see `plan.learning_rate`. Scaling vectors and
    virtual tokens take larger steps than low-rank updates."""


METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method("lora", "Low-rank updates beside the frozen linear layers; the usual choice", 2e-4),
        Method("rslora", "LoRA scaled by the square root of the rank: steadier at high ranks", 2e-4),
        Method("dora", "LoRA with a learned magnitude per output: a little better, a little slower", 2e-4),
        Method("qlora", "LoRA over a base held in 4 bits (NF4): least memory for weights", 2e-4),
        Method("ia3", "Learned scales of keys, values and feed-forward inputs: very few parameters", 3e-3),
        Method(
            "prompt-tuning", "Learned virtual tokens before the prompt; the model itself is untouched", 3e-3
        ),
    )
}


@dataclass(frozen=True)
class TrainingSettings:
    """Every setting of a run, under the libraries' own names; the defaults need no `--set`.

    Raises:
        BadInput: One or more values are out of range; all of them are listed.
    """

    num_train_epochs: float = setting(3.0, "length", "Passes over the training split", unit="epochs", above=0)
    max_steps: int = setting(
        -1, "length", "Optimizer steps; -1 lets num_train_epochs decide", unit="steps", low=-1
    )
    max_seconds: int = setting(
        0, "length", "Training ends after this time, whatever the steps; 0 never", unit="seconds", low=0
    )
    batch_size: int = setting(8, "length", "Rows in one forward pass", unit="rows", low=1, high=65_536)
    gradient_accumulation_steps: int = setting(
        1, "length", "Forward passes per optimizer step", unit="passes", low=1, high=65_536
    )
    max_length: int = setting(
        1024,
        "length",
        "Longest row, prompt and completion; the model's own limit if less",
        unit="tokens",
        low=8,
    )
    learning_rate: float | None = setting(
        None, "optimizer", "Peak step size; auto suits the method and the model's width", low=0
    )
    lr_scheduler_type: str = setting(
        "linear",
        "optimizer",
        "How the step size falls after warm-up",
        choices=("linear", "cosine", "constant", "constant_with_warmup", "inverse_sqrt", "polynomial"),
    )
    warmup_steps: float = setting(
        0.03, "optimizer", "Steps of rising step size; below 1 a share of all steps", unit="steps", low=0
    )
    weight_decay: float = setting(0.0, "optimizer", "Decay of the trained weights (AdamW)", low=0, high=1)
    max_grad_norm: float = setting(1.0, "optimizer", "Gradients are scaled down to this norm; 0 never", low=0)
    optim: str = setting(
        "adamw_torch_fused",
        "optimizer",
        "Optimizer, by its name in transformers",
        choices=("adamw_torch_fused", "adamw_torch", "adamw_bnb_8bit", "adafactor", "sgd"),
    )
    r: int = setting(16, "adapter", "Rank of the low-rank updates", low=1, high=4096)
    lora_alpha: int = setting(32, "adapter", "Strength of the low-rank updates; scaled by alpha / r", low=1)
    lora_dropout: float = setting(0.05, "adapter", "Dropout before the low-rank updates", low=0, high=0.9)
    target_modules: tuple[str, ...] | None = setting(
        None,
        "adapter",
        "Modules to adapt, by the end of their names; auto takes every linear layer but the head",
    )
    num_virtual_tokens: int = setting(
        20, "adapter", "Virtual tokens of prompt tuning", unit="tokens", low=1, high=1024
    )
    bad_rows: str = setting(
        "refuse",
        "record",
        "Rows that nothing can be learned from: refuse the run, or skip them and tell",
        choices=("refuse", "skip"),
    )
    eval_steps: int = setting(
        0, "record", "Steps between validation losses; 0 takes one after each epoch", unit="steps", low=0
    )
    max_eval_samples: int = setting(
        256,
        "record",
        "Most rows of the validation split that are used; 0 switches it off",
        unit="rows",
        low=0,
    )
    logging_steps: int = setting(1, "record", "Steps between points of the loss", unit="steps", low=1)
    dtype: str = setting(
        "auto",
        "machine",
        "Precision of the base; auto is bfloat16 on a GPU that has it, else float32",
        choices=("auto", "float32", "bfloat16", "float16"),
    )
    gradient_checkpointing: bool = setting(
        False, "machine", "Recompute activations: far less memory, about a fifth slower"
    )
    seed: int = setting(
        42, "machine", "Seed of the adapter, the row order and dropout", low=0, high=2**32 - 1
    )

    def __post_init__(self) -> None:
        problems = [
            problem for info in fields() if (problem := info.problem(getattr(self, info.name))) is not None
        ]
        if problems:
            raise BadInput("; ".join(problems), "correct the settings named")


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


def fields() -> list[FieldInfo]:
    """Every training setting in the order of the form."""
    return describe(TrainingSettings)


def field(name: str) -> FieldInfo:
    """One training setting by name.

    Raises:
        BadInput: No such setting; the nearest one is named.
    """
    known = {info.name: info for info in fields()}
    if name not in known:
        raise _unknown("setting", name, known)
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
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_RUN_FILE_BYTES + 1)
        if len(raw) > MAX_RUN_FILE_BYTES:
            raise BadInput(f"{path} is larger than 1 MB", "give a run file: a few lines of TOML")
        document = tomllib.loads(raw.decode("utf-8"))
    except OSError as error:
        raise BadInput(
            f"{path} cannot be read ({error.strerror})", "check the path of the run file"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} is not TOML: {error}", "correct the run file") from None
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


def _unknown(noun: str, name: str, known: Iterable[str]) -> BadInput:
    names = list(known)
    nearest = near(name, names)
    remedy = f"did you mean {nearest!r}?" if nearest else f"known are {', '.join(names)}"
    return BadInput(f"unknown {noun} {name!r}", remedy)

"""Asking the probe what a run takes: a process of its own holds torch, this one reads a line of JSON.

Answers are kept in the store's folder by everything that they depend on; that folder may be emptied any time.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from store import Store
from store.files import private_folder, write_atomic
from store.runs import Run
from workbench.asking import Asked
from workbench.runs import capacity
from workbench.runs.options import RunOptions, field
from workbench.runs.packages import PACKAGES, version
from workbench.runs.plan import row_length, sources_of

FOLDER = "probes"
KEPT_ANSWERS = 500
TIMEOUT_SECONDS = 180.0
FIRST_MARGIN, LEAST_MARGIN = 0.10, 0.03
EARLIER_RUNS = 20
LOOKED_AT_RUNS = 200
"""Among so many of the newest that are alike the earlier ones are looked for."""
# What the memory of a step does not depend on; a setting that is not named here counts.
WITHOUT_EFFECT = frozenset(
    {"num_train_epochs", "max_steps", "max_seconds", "learning_rate", "lr_scheduler_type", "warmup_steps"}
    | {
        "weight_decay",
        "max_grad_norm",
        "bad_rows",
        "eval_steps",
        "logging_steps",
        "save_steps",
        "save_minutes",
    }
    | {"save_total_limit", "load_best_model_at_end", "early_stopping_patience", "early_stopping_threshold"}
    | {"num_samples", "sample_max_new_tokens", "probes", "probe_rows", "report_to", "deterministic"}
    | {"group_by_length"}
)


@dataclass(frozen=True)
class Alternative:
    """A change that makes a run fit."""

    settings: Mapping[str, Any]
    method: str | None
    """Another method, where that is part of it."""
    bytes: int
    """What it needs of the device."""

    @property
    def text(self) -> str:
        """As it is typed on the command line."""
        pairs = [f"--set {name}={field(name).show(value)}" for name, value in self.settings.items()]
        return " ".join(([f"--method {self.method}"] if self.method else []) + pairs)


class Experience(NamedTuple):
    """What earlier runs of a kind tell of the next prediction."""

    ratio: float
    """What they measured, over what was predicted of them."""
    margin: float
    """How far off a prediction may be: a share."""
    compared: int
    """How many runs that comes from."""


@dataclass(frozen=True)
class Memory:
    """What a run is predicted to take; bytes, if nothing else is said."""

    trained: int
    """Parameters."""
    total: int
    """Parameters, adapter and base."""
    weights: int
    by_dtype: Mapping[str, int]
    gradients: int
    optimizer: int
    activations: int
    training: int
    """Most tensors at once in a training step."""
    evaluation: int | None
    """Most tensors at once in an evaluation batch."""
    overhead: int
    """What the trainer takes beside tensors."""
    device: str
    free: int
    capacity: int
    """What the device has in all."""
    shapes: tuple[Mapping[str, Any] | None, ...]
    """The largest training batch and the largest validation batch."""
    rows: int
    rows_seen: int
    mean_tokens: float
    ratio: float
    """What earlier runs of this kind measured, over what was predicted of them."""
    margin: float
    """How far off the prediction may be: a share."""
    compared: int
    """Earlier runs that the last two come from."""
    alternatives: tuple[Alternative, ...] = ()
    notes: tuple[str, ...] = ()
    measured: Mapping[str, Any] | None = None
    """What a real step took, where one was asked for."""

    @property
    def peak(self) -> int:
        """Most tensors at once, as predicted."""
        return max(self.training, self.evaluation or 0)

    @property
    def needed(self) -> int:
        """What the device must have free."""
        return int(self.peak * self.ratio) + self.overhead

    @property
    def fits(self) -> bool:
        """Whether that is free now."""
        return self.needed <= self.free

    def planned(self) -> dict[str, Any]:
        """What a run's record keeps of it."""
        return {"predicted_bytes": self.needed, "predicted_peak_bytes": self.peak, "device": self.device}


class Prober(Asked):
    """A probe process that answers one question after another.

    Args:
        root: The store's folder.
    """

    def __init__(self, root: Path) -> None:
        super().__init__(
            root,
            "probe",
            called="the memory probe",
            remedy="start without a plan",
            timeout_seconds=TIMEOUT_SECONDS,
        )


def memory(
    store: Store, options: RunOptions, prober: Prober | None = None, *, verify: bool = False
) -> Memory:
    """Predict what a run takes.

    Args:
        store: An open store.
        options: The run.
        prober: A process that lives already; without one it is started and ended here.
        verify: Do one real step too.

    Raises:
        NotFound: Something named is not in the store.
        BadInput: The run cannot be.
        Unavailable: The probe did not answer.
    """
    earlier = experience(store, options)
    known = None if verify else _cached(store, options, earlier)
    if known is not None:
        return known
    with contextlib.ExitStack() as stack:
        if prober is None:
            prober = Prober(store.root)
            stack.callback(prober.close)
        question = {"options": _document(options), "verify": verify, "ratio": earlier.ratio}
        answer = prober.ask(question)
        found = _memory(answer, earlier)
        if not found.fits:
            asked = prober.ask({**question, "verify": False, "free": found.free})
            answer |= {"alternatives": asked["alternatives"], "hopeless": not asked["alternatives"]}
            found = _memory(answer, earlier)
    keep(store, options, {key: value for key, value in answer.items() if key != "measured"})
    return found


def cached(store: Store, options: RunOptions) -> Memory | None:
    """What is known of a run already, against what is free now; None where it must be asked."""
    return _cached(store, options, experience(store, options))


def predicted(store: Store, options: RunOptions) -> dict[str, Any]:
    """What a run's record keeps of what is known of it already; nothing where it must be asked."""
    known = cached(store, options)
    return {} if known is None else known.planned()


def _cached(store: Store, options: RunOptions, earlier: Experience) -> Memory | None:
    try:
        answer = json.loads(_place(store, options).read_text(encoding="utf-8"))
        found = _memory(answer, earlier)
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None
    # It did fit when it was asked, and does not any more: what to change is not known.
    return None if not found.fits and not found.alternatives and not answer.get("hopeless") else found


def keep(store: Store, options: RunOptions, answer: Mapping[str, Any]) -> None:
    """Put an answer where `cached` finds it; a store that cannot be written to keeps none."""
    if store.read_only:
        return
    with contextlib.suppress(OSError):
        place = _place(store, options)
        private_folder(place.parent)
        write_atomic(place, json.dumps(answer))
        for old in sorted(place.parent.glob("*.json"), key=lambda each: each.stat().st_mtime)[:-KEPT_ANSWERS]:
            old.unlink(missing_ok=True)


def experience(store: Store, options: RunOptions) -> Experience:
    """How earlier runs of the same model, method and precision compare with what was predicted of them."""
    alike = store.runs.list(model=options.model, method=options.method, limit=LOOKED_AT_RUNS)
    ratios = [ratio for run in alike if (ratio := _ratio(run, options)) is not None][:EARLIER_RUNS]
    if not ratios:
        return Experience(1.0, FIRST_MARGIN, 0)
    ratio = statistics.median(ratios)
    spread = max(abs(each / ratio - 1) for each in ratios)
    return Experience(ratio, max(LEAST_MARGIN, spread), len(ratios))


def _ratio(run: Run, options: RunOptions) -> float | None:
    if run.settings.get("dtype") != options.settings.dtype:
        return None
    predicted, measured = run.plan.get("predicted_peak_bytes"), run.plan.get("measured_peak_bytes")
    return measured / predicted if predicted and measured else None


def _memory(answer: Mapping[str, Any], earlier: Experience) -> Memory:
    names = {each.name for each in dataclasses.fields(Memory)}
    kept = {name: value for name, value in answer.items() if name in names}
    kept["alternatives"] = tuple(Alternative(**each) for each in answer["alternatives"])
    kept |= {"shapes": tuple(answer["shapes"]), "notes": tuple(answer["notes"])}
    return Memory(
        **kept,
        **earlier._asdict(),
        free=capacity.free_bytes(answer["device"]),
        capacity=capacity.total_bytes(answer["device"]),
    )


def _place(store: Store, options: RunOptions) -> Path:
    """The file of an answer, named by all that it depends on."""
    document = _document(options)
    document.pop("name", None)
    model = store.models.get(options.model)
    document["settings"] = {
        name: value for name, value in document["settings"].items() if name not in WITHOUT_EFFECT
    } | {"max_length": row_length(options, model)}  # what was asked for may be more than the model takes
    facts = [json.dumps(document, sort_keys=True), model.fingerprint]
    for source in sources_of(store, options):
        facts += [source.dataset.fingerprint, source.template.hash]
    facts += [str(version(package)) for package in PACKAGES]
    name = hashlib.sha256("\0".join(facts).encode()).hexdigest()
    return store.root / FOLDER / f"{name}.json"


def _document(options: RunOptions) -> dict[str, Any]:
    """A run as `make_options` takes it."""
    document = dataclasses.asdict(options)
    if options.mixture:
        document = {key: document[key] for key in document if key not in ("dataset", "template", "split")}
    return {key: value for key, value in document.items() if value is not None}

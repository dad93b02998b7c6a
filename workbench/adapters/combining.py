"""A weighted combination of LoRA adapters of one base, as a new adapter that names its parents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from store import Store
from store.adapters import README, Adapter
from store.entries import check_free
from store.errors import BadInput, Conflict
from store.files import check_name, staging
from store.peft_folder import read_config
from workbench.adapters import cards
from workbench.adapters.asking import Tell, ask

# PEFT's names of them, in `add_weighted_adapter`.
METHODS = {
    "cat": "all of each side by side: exactly the weighted sum, and the ranks add up",
    "svd": "the weighted sum, cut down to one rank",
    "linear": "A and B summed apart: quick, and only roughly the weighted sum",
    "ties": "small values pruned, and signs settled by vote (arXiv 2306.01708), on A and B apart",
    "ties_svd": "the same on the whole updates, cut down to one rank",
    "dare_linear": "values dropped at random and the rest scaled up (arXiv 2311.03099), on A and B apart",
    "dare_ties": "both, on A and B apart",
    "dare_linear_svd": "as dare_linear, on the whole updates, cut down to one rank",
    "dare_ties_svd": "as dare_ties, on the whole updates, cut down to one rank",
    "magnitude_prune": "small values pruned, on A and B apart",
    "magnitude_prune_svd": "the same on the whole updates, cut down to one rank",
}
DENSITY = 0.5


@dataclass(frozen=True)
class Combination:
    """How to combine.

    Args:
        method: One of `METHODS`.
        density: The share of values that the pruning methods keep.
        rank: The rank of the methods that cut down; None takes the parents' highest.
        seed: What `dare` drops at random.
    """

    method: str = "cat"
    density: float | None = None
    rank: int | None = None
    seed: int = 0


def combine(
    store: Store,
    parts: Sequence[tuple[str, float]],
    name: str,
    how: Combination | None = None,
    tell: Tell | None = None,
) -> Adapter:
    """Combine adapters into a new one in the store.

    Args:
        store: An open store.
        parts: Names of adapters and their weights.
        name: What to call it.
        how: How to combine.
        tell: Called with how far it is.

    Raises:
        BadInput: They cannot be combined; every reason is told.
        Conflict: They are of different bases, or the name is taken.
        NotFound: No such adapter, or the base is gone.
    """
    how = how or Combination()
    check_free(store.db, "adapter", check_name(name))
    parents = [(store.adapters.get(part), weight) for part, weight in parts]
    _check(parents, how)
    base = store.models.get(parents[0][0].model)
    store.adapters.check_base(parents[0][0], base)
    details = _details(how)
    with staging(store.root) as folder:
        question = {
            "adapters": [adapter.name for adapter, _ in parents],
            "weights": [weight for _, weight in parents],
            "method": how.method,
            "density": details.get("density"),
            "rank": how.rank,
            "seed": how.seed,
            "folder": str(folder),
        }
        made = ask(store.root, "combine", question, tell)
        card = cards.combined(name, base, parents, how.method, {"rank": made["rank"], **details})
        (folder / README).write_text(card, encoding="utf-8")
        return store.adapters.publish(
            folder,
            name=name,
            model=base,
            method="lora",
            run=None,
            trainable=made["trainable"],
            lineage={
                "combination": {"method": how.method, "rank": made["rank"], **details},
                "parents": [
                    {"name": each.name, "weight": weight, "fingerprint": each.fingerprint, "run": each.run}
                    for each, weight in parents
                ],
            },
        )


def _details(how: Combination) -> dict[str, Any]:
    """What the method depends on beside its parents."""
    details: dict[str, Any] = {}
    if _prunes(how.method):
        details["density"] = DENSITY if how.density is None else how.density
    if how.method.startswith("dare"):
        details["seed"] = how.seed
    return details


def _prunes(method: str) -> bool:
    return method.startswith(("ties", "dare", "magnitude_prune"))


def _check(parents: Sequence[tuple[Adapter, float]], how: Combination) -> None:
    if how.method not in METHODS:
        raise BadInput(f"no way of combining named {how.method!r}", f"choose from {', '.join(METHODS)}")
    adapters = [adapter for adapter, _ in parents]
    bases = {adapter.model_fingerprint: adapter.model for adapter in adapters}
    if len(bases) > 1:
        raise Conflict(
            f"the adapters are of different bases: {', '.join(sorted(set(bases.values())))}",
            "combine adapters of one base",
        )
    wrong = [
        f"{adapter.name} {reason}"
        for adapter in adapters
        for reason in (_unfit(adapter), *_unfit_config(adapter))
        if reason
    ]
    if len({adapter.name for adapter in adapters}) < max(len(adapters), 2):
        wrong.append("two or more different adapters are needed")
    if not all(weight == weight and abs(weight) < float("inf") and weight for _, weight in parents):
        wrong.append("a weight is zero or no number")
    if not wrong:
        wrong = _unequal(adapters, how)
    if wrong:
        raise BadInput(f"these cannot be combined: {'; '.join(wrong)}", "choose others, or another --method")


def _unfit(adapter: Adapter) -> str | None:
    return None if adapter.peft_type == "LORA" else f"is no LoRA ({adapter.method})"


def _unfit_config(adapter: Adapter) -> list[str]:
    config = read_config(adapter.path)
    reasons = {
        "is DoRA, whose lengths do not add up": config.get("use_dora"),
        "carries whole layers (modules_to_save)": config.get("modules_to_save"),
        "carries new tokens (trainable_token_indices)": config.get("trainable_token_indices"),
        "learned biases": config.get("bias", "none") != "none" or config.get("lora_bias"),
        "updates bare parameters (target_parameters)": config.get("target_parameters"),
        "repeats layers (layer_replication)": config.get("layer_replication"),
        "began from a changed base": config.get("init_lora_weights", True)
        not in (True, False, "gaussian", "eva", "orthogonal"),
    }
    return [reason for reason, is_so in reasons.items() if is_so]


def _unequal(adapters: Sequence[Adapter], how: Combination) -> list[str]:
    """Why a method that works on A and B apart, or prunes, or cuts down, does not suit."""
    apart = how.method in ("linear", "ties", "dare_linear", "dare_ties", "magnitude_prune")
    configs = [read_config(adapter.path) for adapter in adapters]
    ranks = [config.get("r") for config in configs]
    faults = []
    if apart and (len(set(ranks)) > 1 or any(config.get("rank_pattern") for config in configs)):
        told = ", ".join(f"{each.name} {rank}" for each, rank in zip(adapters, ranks, strict=True))
        faults.append(f"{how.method} needs equal ranks ({told}); cat and svd do not")
    if how.density is not None and not (_prunes(how.method) and 0 < how.density <= 1):
        faults.append("a density is a share above 0 and up to 1, of the methods that prune")
    if how.rank is not None and not how.method.endswith("svd"):
        faults.append(f"{how.method} has no rank to choose")
    return faults

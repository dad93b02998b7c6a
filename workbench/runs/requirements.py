"""Whether a run's settings suit its base, its store and this machine, before it is planned or queued.

What does not go together on any machine is `combinations`; what its rows are like is `preflight`.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

from store import Store
from store.errors import BadInput
from store.models import Model
from workbench.runs import combinations, devices, probes
from workbench.runs.options import RunOptions
from workbench.runs.training import TrainingSettings


def check(store: Store, options: RunOptions, model: Model) -> None:
    """Refuse settings that cannot work here.

    Args:
        store: An open store.
        options: The run.
        model: Its base.

    Raises:
        BadInput: They do not suit the model, a probe is not in the store, or devices or packages are missing.
    """
    combinations.check_model(options.method, options.settings, model)
    devices.check_group(options.settings)
    check_packages(options.settings)
    probes.find_all(store, options.settings)


def check_packages(settings: TrainingSettings) -> None:
    """See that what the settings need is installed.

    Raises:
        BadInput: Something is not; all of it is named.
    """
    missing = [
        (what, package, instead)
        for what, package, module, instead in _needed(settings)
        if find_spec(module) is None
    ]
    if missing:
        raise BadInput(
            "; ".join(
                f"{what} needs the package {package}, which is not installed" for what, package, _ in missing
            ),
            "; ".join(f"install it (pip install {package}), or {instead}" for _, package, instead in missing),
        )


def _needed(settings: TrainingSettings) -> Iterator[tuple[str, str, str, str]]:
    """What asks for a package, the package, what it is imported as, and what to choose instead."""
    name = settings.report_to
    if name != "none":
        # transformers' name of an integration is that of its package.
        yield f"report_to = {name}", name, name, "leave report_to at none: the store has every metric"
    if settings.attn_implementation == "flash_attention_2":
        yield "attn_implementation = flash_attention_2", "flash-attn", "flash_attn", "choose sdpa or auto"
    if settings.use_liger_kernel:
        yield "use_liger_kernel", "liger-kernel", "liger_kernel", "set use_liger_kernel=false"

"""What a machine lacks is told when a run is planned and when it is started, not by a trainer that fails."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import pytest

from store import Store
from store.errors import BadInput
from workbench.runs import launch, plan
from workbench.runs.options import RunOptions
from workbench.runs.requirements import check_packages
from workbench.runs.training import TrainingSettings

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"nproc_per_node": 64}, "nproc_per_node = 64, and this machine has"),
    ({"num_virtual_tokens": 250}, "num_virtual_tokens = 250 leaves no room"),
    ({"probes": ("nothing:here",)}, "probe 'nothing:here'"),
]


@pytest.mark.parametrize(("settings", "reason"), REFUSED)
def test_a_plan_is_refused_for_what_a_start_is(stock: Store, settings: dict[str, Any], reason: str) -> None:
    """A plan that cannot be started helps nobody."""
    options = RunOptions("causal", "d", "t", "prompt-tuning", settings=TrainingSettings(**settings))
    with pytest.raises(BadInput, match=reason):
        plan.plan(stock, options)
    with pytest.raises(BadInput, match=reason):
        launch.submit(stock, options)
    assert stock.runs.list() == []


@pytest.mark.parametrize(
    ("settings", "module", "package"),
    [
        ({"report_to": "wandb"}, "wandb", "wandb"),
        ({"attn_implementation": "flash_attention_2"}, "flash_attn", "flash-attn"),
        ({"use_liger_kernel": True}, "liger_kernel", "liger-kernel"),
    ],
)
def test_a_package_that_is_missing_is_named(settings: dict[str, Any], module: str, package: str) -> None:
    """With what to do without it."""
    if find_spec(module) is not None:
        pytest.skip(f"{package} is installed")
    with pytest.raises(BadInput, match=f"needs the package {package}, which is not installed") as refused:
        check_packages(TrainingSettings(**settings))
    assert f"pip install {package}" in refused.value.remedy and ", or " in refused.value.remedy
    check_packages(TrainingSettings())

"""What a trainer's environment must hold so that the same run yields the same bits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def environment(settings: Mapping[str, Any]) -> dict[str, str]:
    """Variables to start a trainer with.

    Args:
        settings: The run's, as the catalog holds them.
    """
    # Sets of names come in the same order in every process: PEFT writes one into the adapter's config.
    always = {"PYTHONHASHSEED": "0"}
    if not settings.get("deterministic"):
        return always
    # CUDA reads the first when it starts: https://docs.nvidia.com/cuda/cublas/#results-reproducibility
    return {**always, "CUBLAS_WORKSPACE_CONFIG": ":4096:8", "FLASH_ATTENTION_DETERMINISTIC": "1"}

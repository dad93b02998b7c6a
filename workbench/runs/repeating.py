"""What a trainer's environment must hold so that a GPU repeats its results to the bit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def environment(settings: Mapping[str, Any]) -> dict[str, str]:
    """Variables to start a trainer with; none unless the run is to be deterministic.

    Args:
        settings: The run's, as the catalog holds them.
    """
    if not settings.get("deterministic"):
        return {}
    # CUDA reads the first when it starts: https://docs.nvidia.com/cuda/cublas/#results-reproducibility
    return {"CUBLAS_WORKSPACE_CONFIG": ":4096:8", "FLASH_ATTENTION_DETERMINISTIC": "1"}

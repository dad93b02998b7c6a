"""The libraries that decide what a run computes, and their versions here; none of them is imported."""

from __future__ import annotations

from importlib import metadata

PACKAGES = ("torch", "transformers", "peft", "accelerate", "bitsandbytes", "tokenizers", "safetensors")


def version(package: str) -> str | None:
    """An installed package's version."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None

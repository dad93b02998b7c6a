"""Which split of a dataset is held out: by the names that people give them."""

from __future__ import annotations

from store.datasets import Dataset

VALIDATION_NAMES = ("validation", "valid", "val", "dev", "eval")


def validation_split(dataset: Dataset, trained_split: str) -> str | None:
    """The split whose loss is followed during training, if the dataset has one."""
    return next((name for name in VALIDATION_NAMES if name in dataset.splits and name != trained_split), None)


def held_out_split(dataset: Dataset) -> str:
    """The split to judge a model by: validation, else test, else the first there is."""
    named = (name for name in (*VALIDATION_NAMES, "test") if dataset.splits.get(name))
    return next(named, None) or next((name for name, rows in dataset.splits.items() if rows), "train")

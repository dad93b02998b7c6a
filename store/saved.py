"""Folders that `save_to_disk` of the `datasets` library wrote: which Arrow files they name, by split."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from store.configs import read_json
from store.errors import BadInput
from store.files import check_name
from store.splits import DEFAULT_SPLIT, SourceFile, numbered

STATE = "state.json"
SPLITS_FILE = "dataset_dict.json"


def is_saved(folder: Path) -> bool:
    """Tell whether a folder is one of them: a single dataset, or one with splits."""
    return (folder / STATE).is_file() or (folder / SPLITS_FILE).is_file()


def find_saved(folder: Path, split: str | None = None) -> list[SourceFile]:
    """Return a saved dataset's Arrow files, in their order.

    Args:
        folder: the folder.
        split: what to call the rows of a single dataset; of one with splits, the only split wanted.
    Raises:
        BadInput: a file that it names is not there, or no such split.
    """
    if not (folder / SPLITS_FILE).is_file():
        state = read_json(folder / STATE)
        chosen = split or _name_of(state.get("_split")) or DEFAULT_SPLIT
        return numbered([(path, check_name(chosen)) for path in _arrow_files(folder, state)])
    names = _texts(read_json(folder / SPLITS_FILE).get("splits"))
    if not names or (split is not None and split not in names):
        wanted = "splits" if split is None else f"split {split!r}"
        raise BadInput(f"{folder} has no {wanted}", f"its {SPLITS_FILE} names: {', '.join(names) or 'none'}")
    files = []
    for name in names if split is None else [split]:
        part = folder / check_name(name)
        if not (part / STATE).is_file():
            raise BadInput(f"{folder} lacks its split {name!r}", "save it again, or copy it whole")
        files += [(path, name) for path in _arrow_files(part, read_json(part / STATE))]
    return numbered(files)


def _arrow_files(folder: Path, state: dict[str, Any]) -> list[Path]:
    listed = state.get("_data_files")
    entries = listed if isinstance(listed, list) else []
    names = _texts([entry.get("filename") for entry in entries if isinstance(entry, dict)])
    if not names:
        raise BadInput(f"{folder / STATE} names no data file", "save the dataset again with save_to_disk")
    if state.get("_indices_files") or state.get("_indices_data_files"):
        raise BadInput(f"{folder} is a selection of rows", "save it again with flatten_indices()")
    for name in names:
        if "/" in name or not (folder / name).is_file():
            raise BadInput(f"{folder} lacks its file {name!r}", "save it again, or copy it whole")
    return [folder / name for name in names]


def _texts(values: Any) -> list[str]:
    return [value for value in values if isinstance(value, str)] if isinstance(values, list) else []


def _name_of(value: Any) -> str | None:
    # A joined split is called `train+test`, a slice `train[:10%]`: these are no names.
    return value if isinstance(value, str) and value.replace("_", "").isalnum() else None

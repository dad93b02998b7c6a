"""Which files make a dataset, and the split of each, told by their names; nothing in them is looked at."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from store.errors import BadInput
from store.files import check_name
from store.rows import SUFFIXES

DEFAULT_SPLIT = "train"
SPLITS = ("train", "validation", "test")  # in the order in which they are listed

# Words in a file's name; digits and capitals end a word, as in TestSet-1 and dev32.
_WORDS = {
    "train": re.compile(r"(?<![a-z])train(ing)?(?![a-z])"),
    "validation": re.compile(r"(?<![a-z])(validation|valid|val|dev)(?![a-z])"),
    "test": re.compile(r"(?<![a-z])test(?![a-z])"),
}
_SHARD = re.compile(r"-\d{5}-of-\d{5}$")
_ABOUT = re.compile(r"(readme|licen[cs]e|source|notice|about)", re.IGNORECASE)


@dataclass(frozen=True)
class SourceFile:
    """A file to take in.

    Args:
        path: where it lies.
        split: the split of its rows.
        named: the user or the file's name told that split.
        stored_name: what to call the copy in the dataset's folder.
    """

    path: Path
    split: str
    named: bool
    stored_name: str


def find_files(source: Path, split: str | None) -> list[SourceFile]:
    """Return the data files of a path, each with its split.

    Args:
        source: a file, or a folder whose files are named after their splits (train, validation, test).
        split: the split of a single file.
    Raises:
        BadInput: nothing there, or a file whose split cannot be told.
    """
    if source.is_file():
        chosen = check_name(split) if split else DEFAULT_SPLIT
        return [SourceFile(source, chosen, split is not None, f"{chosen}{source.suffix.lower()}")]
    if not source.is_dir():
        raise BadInput(
            f"there is no file {str(source)!r}", "name a data file, or a folder with one file per split"
        )
    files = sorted(path for path in source.iterdir() if path.is_file() and path.suffix.lower() in SUFFIXES)
    files = [path for path in files if not _ABOUT.fullmatch(path.stem)]
    if not files:
        raise BadInput(f"{source} holds no data file", f"data files end in {', '.join(SUFFIXES)}")
    if len(files) == 1 or split:
        if len(files) > 1:
            raise BadInput(
                f"{source} holds {len(files)} data files, not one {split!r}", "name the file itself"
            )
        return find_files(files[0], split)
    return _by_split(source, files)


def _by_split(folder: Path, files: list[Path]) -> list[SourceFile]:
    found: dict[str, list[Path]] = {split: [] for split in SPLITS}
    for path in files:
        found[_split_of(path)].append(path)
    for split, paths in found.items():
        if len(paths) > 1 and not all(_SHARD.search(path.stem) for path in paths):
            names = " and ".join(path.name for path in paths[:2])
            raise BadInput(
                f"in {folder} both {names} look like the split {split!r}", "add them one by one with --split"
            )
    return [
        SourceFile(
            path, split, True, f"{split}{f'-{number:05}' if len(paths) > 1 else ''}{path.suffix.lower()}"
        )
        for split, paths in found.items()
        for number, path in enumerate(paths)
    ]


def _split_of(path: Path) -> str:
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", _SHARD.sub("", path.stem)).lower()
    matching = [split for split, pattern in _WORDS.items() if pattern.search(words)]
    if len(matching) != 1:
        raise BadInput(
            f"the split of {path.name} cannot be told by its name",
            "name it train, validation or test, or add the files one by one with --split",
        )
    return matching[0]

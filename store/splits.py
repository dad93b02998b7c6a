"""Which files make a dataset, and the split of each, told by their names; nothing in them is looked at."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from store.compressed import plain_name
from store.errors import BadInput
from store.files import NAME, check_name
from store.rows import SUFFIXES

DEFAULT_SPLIT = "train"
DEFAULT_CONFIG = "default"
SPLITS = ("train", "validation", "test")  # in the order in which they are listed
MAX_FOLDER_DEPTH = 3
MAX_FILES = 10_000

# Words in a file's name; digits and capitals end a word, as in TestSet-1 and dev32.
_WORDS = {
    "train": re.compile(r"(?<![a-z])train(ing)?(?![a-z])"),
    "validation": re.compile(r"(?<![a-z])(validation|valid|val|dev)(?![a-z])"),
    "test": re.compile(r"(?<![a-z])test(?![a-z])"),
}
_SHARD = re.compile(r"-\d{5}-of-\d{5}$")
# The shards of a split with a longer name, as `train_sft` beside `train_gen`.
_LONGER = re.compile(r"(train|validation|valid|val|dev|test)[_.]\w+")
_ABOUT = re.compile(
    r"(readme|licen[cs]e|source|notice|about)\.\w+|(config|state|dataset_infos?|dataset_dict)\.json",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class SourceFile:
    """A file to take in.

    Args:
        path: where it lies.
        split: the split of its rows.
        named: the user or the file's name told that split.
        stored_name: what to call the copy in the dataset's folder, without the ending of a compression.
        cached: the file is the Hub cache's own, never rewritten, so that it can be linked, not copied.
    """

    path: Path
    split: str
    named: bool
    stored_name: str
    cached: bool = False


@dataclass(frozen=True)
class Placed:
    """What the name of a file says, relative to the dataset's folder.

    Args:
        name: the relative name.
        split: the split; None when it does not tell.
        config: the configuration that its folder stands for.
        shard: it is one of several parts, by its name or by its folder.
    """

    name: str
    split: str | None
    config: str
    shard: bool

    @property
    def suffix(self) -> str:
        """The ending that tells the format."""
        return plain_name(Path(self.name)).suffix.lower()

    @property
    def stem(self) -> str:
        """The file's name without endings and shard number."""
        return _SHARD.sub("", plain_name(Path(self.name)).stem)


def find_files(source: Path, split: str | None = None, config: str | None = None) -> list[SourceFile]:
    """Return the data files of a path, each with its split.

    Args:
        source: a file; or a folder whose files, or the folders in it, are named after their splits.
        split: the split of a single file, or the only one wanted of a folder.
        config: the configuration wanted, where the folder holds several, each in a folder of its own.
    Raises:
        BadInput: nothing there, a file whose split cannot be told, or several configurations.
    """
    if source.is_file():
        chosen = check_name(split) if split else DEFAULT_SPLIT
        return [SourceFile(source, chosen, split is not None, _stored(chosen, source.name))]
    if not source.is_dir():
        raise BadInput(
            f"there is no file {str(source)!r}",
            "name a data file, a folder with one file per split, or owner/name of a dataset of the Hub",
        )
    placed = choose_config(placed_names(_data_files(source)), config, str(source))
    if not placed:
        raise BadInput(f"{source} holds no data file", f"data files end in {', '.join(SUFFIXES)}")
    if len(placed) == 1 and "/" not in placed[0].name:
        return find_files(source / placed[0].name, split)
    files = [(source / name, of) for name, of in by_split(_told(source, placed), str(source), split)]
    return numbered(files)


def _data_files(folder: Path) -> list[str]:
    """Name the data files of a folder; those in the folders below it only when there is none beside them."""
    names = []
    for current, folders, files in os.walk(folder):
        here = Path(current).relative_to(folder)
        names += [(here / name).as_posix() for name in files if (Path(current) / name).is_file()]
        at_top = not here.parts and placed_names(names)
        deep = len(here.parts) >= MAX_FOLDER_DEPTH - 1
        folders[:] = [] if at_top or deep else sorted(name for name in folders if not name.startswith("."))
        if len(names) > MAX_FILES:
            raise BadInput(f"{folder} holds more than {MAX_FILES:,} files", "name the folder of one dataset")
    return names


def placed_names(names: Iterable[str]) -> list[Placed]:
    """Pick the names of data files, and say what each tells: its split, its configuration."""
    return [_place(name) for name in sorted(names) if _is_data(PurePosixPath(name))]


def _is_data(name: PurePosixPath) -> bool:
    plain = plain_name(Path(name))
    hidden = any(part.startswith((".", "__")) for part in name.parts)
    return plain.suffix.lower() in SUFFIXES and not hidden and not _ABOUT.fullmatch(plain.name)


def _place(name: str) -> Placed:
    stem = plain_name(Path(name)).stem
    folders = list(PurePosixPath(name).parent.parts)
    bare, sharded = _SHARD.sub("", stem), bool(_SHARD.search(stem))
    split: str | None
    if sharded and NAME.fullmatch(bare) and (_LONGER.fullmatch(bare) or folders[-1:] == ["data"]):
        split = next((key for key, word in _WORDS.items() if word.fullmatch(bare.lower())), bare)
    else:
        split = _word(bare)
    if split is None and folders and (of_folder := _word(folders[-1])) is not None:
        split, sharded = of_folder, True
        folders.pop()
    elif folders and _word(folders[-1]) == split:
        folders.pop()
    if folders[:1] == ["data"]:
        folders.pop(0)
    return Placed(name, split, "/".join(folders) or DEFAULT_CONFIG, sharded)


def _word(text: str) -> str | None:
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", text).lower()
    matching = [split for split, pattern in _WORDS.items() if pattern.search(words)]
    return matching[0] if len(matching) == 1 else None


def choose_config(placed: list[Placed], config: str | None, source: str) -> list[Placed]:
    """Keep the files of one configuration.

    Raises:
        BadInput: there are several and none is chosen, or there is none of that name.
    """
    known = sorted({each.config for each in placed})
    if config is None and (DEFAULT_CONFIG in known or len(known) <= 1):
        config = DEFAULT_CONFIG if DEFAULT_CONFIG in known else "".join(known)
    if config not in known and known:
        shown = ", ".join(known[:12]) + (" …" if len(known) > 12 else "")
        what = f"{source} holds {len(known)} configurations"
        if config is not None:
            what = f"{source} has no configuration {config!r}"
        raise BadInput(what, f"choose one with --config: {shown}")
    return [each for each in placed if each.config == config]


def _told(folder: Path, placed: list[Placed]) -> list[Placed]:
    """Refuse files whose split their names do not tell, unless they are the parts of one."""
    unclear = [each for each in placed if each.split is None]
    if len(unclear) == len(placed) and len({each.stem for each in placed}) == 1:
        return placed
    for each in unclear:
        raise BadInput(
            f"the split of {each.name} cannot be told by its name",
            "name it train, validation or test, or add the files one by one with --split",
        )
    for split in {each.split for each in placed}:
        same = [each for each in placed if each.split == split]
        if len(same) > 1 and not all(each.shard for each in same):
            names = " and ".join(each.name for each in same[:2])
            raise BadInput(
                f"in {folder} both {names} look like the split {split!r}", "add them one by one with --split"
            )
    return placed


def by_split(placed: list[Placed], source: str, wanted: str | None) -> list[tuple[str, str]]:
    """Return the files' names with their splits, split by split; those that do not tell are `train`.

    Args:
        placed: the files.
        source: what to call the whole in errors.
        wanted: keep this split alone.
    Raises:
        BadInput: there is no such split.
    """
    found: dict[str, list[str]] = {}
    for each in placed:
        found.setdefault(each.split or DEFAULT_SPLIT, []).append(each.name)
    if wanted is not None and wanted not in found:
        raise BadInput(f"{source} has no split {wanted!r}", f"it has {', '.join(found)}; or name a file")
    order = sorted(found, key=lambda each: SPLITS.index(each) if each in SPLITS else len(SPLITS))
    return [(name, split) for split in order if wanted in (None, split) for name in found[split]]


def numbered(files: list[tuple[Path, str]], *, cached: bool = False) -> list[SourceFile]:
    """Give each file its name in the store: its split, and a number where there are many of it."""
    counts, reached = Counter(split for _, split in files), Counter[str]()
    made = []
    for path, split in files:
        stored = _stored(split if counts[split] == 1 else f"{split}-{reached[split]:05}", path.name)
        reached[split] += 1
        made.append(SourceFile(path, check_name(split), True, stored, cached))
    return made


def _stored(stem: str, name: str) -> str:
    return f"{stem}{plain_name(Path(name)).suffix.lower()}"

"""Where a dataset comes from: a path, or the data files of a Hub repository, fetched at one commit."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from store.compressed import plain_name
from store.errors import BadInput, Unavailable
from store.files import shown
from store.rows import SUFFIXES
from store.saved import find_saved, is_saved
from store.sizes import bytes_text
from store.sources import HUB_ID, hub_errors, silent
from store.splits import (
    DEFAULT_CONFIG,
    SPLITS,
    Placed,
    SourceFile,
    by_split,
    choose_config,
    find_files,
    numbered,
    placed_names,
)

Tell = Callable[[str], None]

# Of a repository with the same rows in several formats, the first of these is taken.
KINDS = (
    (".parquet", ".pq"),
    (".arrow", ".feather"),
    (".jsonl", ".ndjson"),
    (".csv", ".tsv", ".tab"),
    (".json",),
    (".txt", ".text"),
)
_ADDRESS = re.compile(r"(?:hf://)?(?:datasets/)?(?P<id>[^@/]+/[^@/]+)(?:@(?P<revision>.+))?")
RESERVE_BYTES = 256 * 1024**2


@dataclass(frozen=True)
class Origin:
    """Where a dataset's rows come from.

    Args:
        files: the files, with their splits.
        source: what the user can name to get them again; for the Hub with its commit.
    """

    files: list[SourceFile]
    source: str


@dataclass(frozen=True)
class _Repository:
    id: str
    commit: str
    sizes: dict[str, int]
    card: dict[str, Any]


def find_data(
    source: str | Path,
    split: str | None = None,
    *,
    revision: str | None = None,
    config: str | None = None,
    tell: Tell | None = None,
) -> Origin:
    """Find the data files of a path, or bring those of a Hub dataset to the Hub's cache.

    Args:
        source: a file, a folder, or `owner/name` of a dataset where there is no such path.
        split: the split of a single file; of a source with several, the only one wanted.
        revision: a branch, tag or commit of the Hub's repository.
        config: the configuration, where there are several.
        tell: called with a line about what is being fetched.
    Raises:
        BadInput: nothing there, or the files do not say what they are.
        NotFound: the Hub has no such repository or revision, or none that is open to this user.
        Unavailable: the Hub does not answer, or the disk is too small.
    """
    address = _address(source)
    if address is not None:
        revision = revision or address["revision"]
        return _from_hub(address["id"], revision, config, split, tell or (lambda _: None))
    if revision is not None:
        raise BadInput(f"{source} is no dataset of the Hub and has no revision", "leave --revision out")
    path = Path(source).expanduser().absolute()
    saved = path.is_dir() and is_saved(path)
    files = find_saved(path, split) if saved else find_files(path, split, config)
    return Origin(files, shown(path))


def name_of(source: str | Path) -> str:
    """Return a name for a source, of any characters, without looking at what it holds."""
    address = _address(source)
    if address is not None:
        return address["id"].split("/")[1]
    path = Path(source).expanduser().absolute()
    return path.name if path.is_dir() else plain_name(path).stem


def _address(source: str | Path) -> re.Match[str] | None:
    """Read the address of a Hub repository; a path that exists, or ends as a data file does, is a path."""
    match, path = _ADDRESS.fullmatch(str(source)), Path(source).expanduser()
    if match is None or not HUB_ID.fullmatch(match["id"]) or plain_name(path).suffix.lower() in SUFFIXES:
        return None
    return match if str(source).startswith("hf://") or not path.exists() else None


def _from_hub(
    repository: str, revision: str | None, config: str | None, split: str | None, tell: Tell
) -> Origin:
    with hub_errors(repository, revision, "dataset"):
        about = _look_up(repository, revision)
        chosen = _choose(about, config, split)
        bytes = sum(about.sizes[name] for name, _ in chosen)
        count = "1 file" if len(chosen) == 1 else f"{len(chosen)} files"
        tell(f"fetching {count}, {bytes_text(bytes)}, of {repository} at {about.commit[:12]}")
        paths = [(_fetch(about, name, tell), of) for name, of in chosen]
    return Origin(numbered(paths, cached=True), f"hf://datasets/{repository}@{about.commit}")


def _look_up(repository: str, revision: str | None) -> _Repository:
    # Half a second and its HTTP stack: only this way of adding needs it.
    from huggingface_hub import HfApi

    info = HfApi().dataset_info(repository, revision=revision, files_metadata=True)
    sizes = {entry.rfilename: entry.size or 0 for entry in info.siblings or ()}
    card = info.card_data.to_dict() if info.card_data is not None else {}  # type: ignore[no-untyped-call]
    return _Repository(repository, str(info.sha), sizes, card)


def _choose(about: _Repository, config: str | None, split: str | None) -> list[tuple[str, str]]:
    """Choose the files of one configuration: as the repository's card says, else as their names do."""
    described = _described(about, config)
    placed = described or choose_config(placed_names(about.sizes), config, about.id)
    if not placed:
        raise BadInput(
            f"{about.id} holds no data file that can be read here",
            "try --revision refs/convert/parquet, or download it and convert it to JSONL or Parquet",
        )
    if not described:
        placed = _of_one_kind(placed)
    return by_split(placed, about.id, split)


def _of_one_kind(placed: list[Placed]) -> list[Placed]:
    """Keep one format, and of it the files that tell their split, where some do."""
    told = [each for each in placed if each.split is not None] or placed
    kind = next(kind for kind in KINDS if any(each.suffix in kind for each in told))
    return [each for each in told if each.suffix in kind]


def _described(about: _Repository, config: str | None) -> list[Placed]:
    """Return the files that the card's `configs` name for a configuration; none when it names none."""
    entries = about.card.get("configs")
    configs = [each for each in entries if isinstance(each, dict)] if isinstance(entries, list) else []
    by_name = {str(each.get("config_name", DEFAULT_CONFIG)): each for each in configs}
    if not by_name:
        return []
    default = next((name for name, each in by_name.items() if each.get("default") is True), DEFAULT_CONFIG)
    chosen = config or (next(iter(by_name)) if len(by_name) == 1 else default)
    empty = [Placed("", None, name, shard=False) for name in by_name]
    choose_config(empty, chosen if config or chosen in by_name else None, about.id)
    return _matching(placed_names(about.sizes), by_name[chosen], chosen)


def _matching(placed: list[Placed], described: dict[str, Any], config: str) -> list[Placed]:
    folder = str(described.get("data_dir") or "").strip("./")
    inside = [each for each in placed if not folder or each.name.startswith(f"{folder}/")]
    data_files = described.get("data_files")
    if data_files is None:
        return _of_one_kind(inside) if folder else []
    found = []
    for split, patterns in _patterns(data_files):
        for each in inside:
            if any(_glob(f"{folder}/{pattern}" if folder else pattern, each.name) for pattern in patterns):
                found.append(Placed(each.name, split or each.split, config, each.shard))
    order = {split: number for number, split in enumerate(SPLITS)}
    return sorted(found, key=lambda each: order.get(each.split or "", len(order)))


def _patterns(data_files: Any) -> list[tuple[str | None, list[str]]]:
    if isinstance(data_files, dict):
        return [(str(split), _texts(paths)) for split, paths in data_files.items()]
    if isinstance(data_files, list) and all(isinstance(each, dict) for each in data_files):
        return [(str(each.get("split", SPLITS[0])), _texts(each.get("path"))) for each in data_files]
    return [(None, _texts(data_files))]


def _texts(value: Any) -> list[str]:
    return [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, str)]


def _glob(pattern: str, name: str) -> bool:
    pieces = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", pattern.removeprefix("./"))
    return re.fullmatch("".join(pieces.get(part) or re.escape(part) for part in parts), name) is not None


def _fetch(about: _Repository, name: str, tell: Tell) -> Path:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.constants import HF_HUB_CACHE

    size = about.sizes[name]
    existing = next(parent for parent in (Path(HF_HUB_CACHE), *Path(HF_HUB_CACHE).parents) if parent.exists())
    if size > shutil.disk_usage(existing).free - RESERVE_BYTES:
        raise Unavailable(
            f"{name} of {about.id} is {bytes_text(size)}, more than is free on the disk of the Hub's cache",
            "free some space, or let HF_HOME name a folder on a larger disk",
        )
    done = 0

    def advance(count: float) -> None:
        nonlocal done
        done += int(count)
        tell(f"fetching {name}: {bytes_text(done)} of {bytes_text(size)}")

    return Path(
        hf_hub_download(
            about.id, name, repo_type="dataset", revision=about.commit, tqdm_class=silent(advance)
        )
    )

"""Where a model comes from: a folder on this machine, or a Hub repository brought to its cache first."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from store.errors import BadInput, NotFound, Unavailable
from store.files import shown

# Only what is read: safetensors, JSON, the tokenizer's tables and the chat template. No code, no pickles.
HUB_FILES = (
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "model.safetensors.index.json",
    "model-*-of-*.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "chat_template.jinja",
)
HUB_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Source:
    """A folder to take a model from.

    Args:
        folder: where the files lie now.
        origin: the path or repository that the user named.
        revision: the commit of the repository; None for a folder.
        cached: the files are the Hub cache's own, never rewritten, so that they can be linked, not copied.
    """

    folder: Path
    origin: str
    revision: str | None
    cached: bool


def find_source(source: str, revision: str | None = None) -> Source:
    """Return the folder of a path, or download a Hub repository's safe files to the Hub cache.

    Args:
        source: a folder, or `owner/name` when there is no such folder.
        revision: a branch, tag or commit of the repository.
    Raises:
        BadInput: the source is neither, or a revision is given for a folder.
        NotFound: the Hub has no such repository or revision, or none that is open to this user.
        Unavailable: the Hub does not answer.
    """
    folder = Path(source).expanduser()
    if folder.is_dir():
        if revision is not None:
            raise BadInput(f"{source} is a folder and has no revision {revision!r}", "leave --revision out")
        return Source(folder.resolve(), shown(folder.absolute()), None, cached=False)
    if folder.exists():
        raise BadInput(f"{source} is a file, not a model's folder", "name the folder that holds config.json")
    if HUB_ID.fullmatch(source):
        return _download(source, revision)
    raise BadInput(
        f"there is no folder {source!r}", "name a transformers folder, or owner/name for a Hub repository"
    )


def _download(repository: str, revision: str | None) -> Source:
    # Half a second and its HTTP stack: only this function needs it.
    from huggingface_hub import snapshot_download

    with hub_errors(repository, revision, "model"):
        folder = snapshot_download(
            repository, revision=revision, allow_patterns=list(HUB_FILES), tqdm_class=silent()
        )
    path = Path(folder)
    return Source(path, repository, path.name, cached=True)


@contextlib.contextmanager
def hub_errors(repository: str, revision: str | None, kind: Literal["model", "dataset"]) -> Iterator[None]:
    """Turn what the Hub's library raises into our errors.

    Raises:
        NotFound: there is no such repository or revision, or it is not open to this user.
        Unavailable: the Hub does not answer.
    """
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    page = _page(repository, kind)
    here, noun = ("folder", "repository") if kind == "model" else ("file or folder", "dataset")
    try:
        yield
    except GatedRepoError as error:
        raise NotFound(
            f"{repository} is gated on the Hub", f"accept its terms at {page}, then `hf auth login`"
        ) from error
    except RevisionNotFoundError as error:
        raise NotFound(f"{repository} has no revision {revision!r}", f"see {page}/commits") from error
    except RepositoryNotFoundError as error:
        raise NotFound(
            f"there is no {here} {repository!r} here, and the Hub has no open {noun} of that name",
            "check the spelling; for a private one `hf auth login` first",
        ) from error
    except hub_failures() as error:
        raise Unavailable(
            f"{repository} could not be downloaded: {reason(error)}",
            f"check the network, or name a local {here}",
        ) from error


def hub_failures() -> tuple[type[Exception], ...]:
    """What the Hub's library raises when the Hub does not answer, or refuses."""
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled

    # The library's own error derives from OSError and from whatever its HTTP client of the day raises.
    bases = cast("tuple[type[Exception], ...]", HfHubHTTPError.__bases__)
    return (LocalEntryNotFoundError, OfflineModeIsEnabled, *bases)


def reason(error: BaseException) -> str:
    """The first line of an error, or its kind when it says nothing."""
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__


def silent(advance: Callable[[float], None] | None = None) -> type:
    """Make the Hub's progress bar without drawing: the terminal belongs to the caller.

    Args:
        advance: called with the number of bytes that came.
    """
    from huggingface_hub.utils import tqdm  # type: ignore[attr-defined]

    class Silent(tqdm):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **{**options, "disable": True})  # type: ignore[no-untyped-call]

        def update(self, n: float | None = 1) -> None:
            if advance is not None:
                advance(n or 0)

    return Silent


def _page(repository: str, kind: Literal["model", "dataset"]) -> str:
    from huggingface_hub import constants

    return f"{constants.ENDPOINT}/{'datasets/' if kind == 'dataset' else ''}{repository}"

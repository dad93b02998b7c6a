"""Adapters on the Hub: a repository of the user's own, by the token of the Hub's own login alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from store import Store
from store.adapters import README
from store.errors import BadInput, NotFound, Unavailable
from store.files import staging
from store.sources import HUB_ID, hub_failures, reason
from workbench.adapters import cards, exporting
from workbench.adapters.asking import Tell
from workbench.adapters.exporting import Wish

FORMATS = ("peft", "merged")


@dataclass(frozen=True)
class Pushed:
    """What is on the Hub now: the repository, its page, the commit, and what to know of it."""

    adapter: str
    repository: str
    url: str
    commit: str
    warnings: tuple[str, ...]


def push(
    store: Store,
    name: str,
    repository: str,
    *,
    private: bool = False,
    revision: str | None = None,
    format: str = "peft",
    tell: Tell | None = None,
) -> Pushed:
    """Write an adapter's files to a repository of the Hub, which is made where it is missing.

    Args:
        store: An open store.
        name: The adapter.
        repository: `owner/name`.
        private: Make it private, where it is new.
        revision: A branch, made where it is missing; None is the main one.
        format: `peft`, or `merged` for the whole model.
        tell: Called with how far it is.

    Raises:
        BadInput: No such format, or the repository's name cannot be one.
        NotFound: No such adapter, or the Hub does not know the user.
        Unavailable: The Hub does not answer, or refuses.
    """
    if not HUB_ID.fullmatch(repository):
        raise BadInput(f"{repository!r} cannot be a repository", "name it owner/name")
    if format not in FORMATS:
        raise BadInput(f"the format {format!r} is not pushed", f"choose from {', '.join(FORMATS)}")
    adapter = store.adapters.get(name)
    base = store.models.get(adapter.model)
    with staging(store.root) as folder:
        check = exporting.write(store, name, folder, Wish(format), tell)
        card = folder / README
        card.write_text(cards.for_the_hub(card.read_text(encoding="utf-8"), base), encoding="utf-8")
        if tell is not None:
            tell(f"sending to {repository}")
        url, commit = _upload(folder, repository, private, revision, f"Adapter {name}")
    warnings = list(check["warnings"]) if check else []
    if not HUB_ID.fullmatch(base.source):
        warnings.append(f"its base {base.name!r} came from a folder: nobody else can tell which model it is")
    return Pushed(name, repository, url, commit, tuple(warnings))


def _upload(
    folder: Path, repository: str, private: bool, revision: str | None, message: str
) -> tuple[str, str]:
    """Send a folder's files in one commit; return the repository's page and the commit's id."""
    # Half a second and its HTTP stack: only this function needs it.
    from huggingface_hub import HfApi
    from huggingface_hub.utils import disable_progress_bars  # type: ignore[attr-defined]

    disable_progress_bars()  # the terminal belongs to the caller
    api = HfApi()
    with _explained(repository):
        url = api.create_repo(repository, private=private or None, exist_ok=True)
        if revision is not None:
            api.create_branch(repository, branch=revision, exist_ok=True)
        made = api.upload_folder(
            repo_id=repository, folder_path=folder, revision=revision, commit_message=message
        )
    return str(url), str(made.oid)


@contextmanager
def _explained(repository: str) -> Iterator[None]:
    from huggingface_hub.errors import HfHubHTTPError

    # ValueError: a card that the Hub calls invalid.
    failures: tuple[type[Exception], ...] = (*hub_failures(), ValueError)
    try:
        yield
    except failures as error:
        answer = error.response if isinstance(error, HfHubHTTPError) else None
        if answer is not None and answer.status_code in (401, 403, 404):
            raise NotFound(
                f"the Hub does not let this user write to {repository} ({answer.status_code})",
                "`hf auth login`, or set HF_TOKEN, with a token that may write there",
            ) from error
        raise Unavailable(
            f"{repository} could not be written: {reason(error)}", "check the network, or try again later"
        ) from error

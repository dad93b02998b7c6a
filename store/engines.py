"""Engines elsewhere: which OpenAI-compatible server answers for a base model instead of a process of ours.

Nothing is asked of it here. Of its token only the name of the variable that holds it is kept.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from store.db import write
from store.errors import BadInput, NotFound

if TYPE_CHECKING:
    from sqlite_utils import Database

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class RemoteEngine:
    """Where a base model is served.

    Args:
        model: our name of the base model.
        url: the server's address, without `/v1` at its end.
        served_name: its own name of the model; None takes the only one that it serves.
        token_variable: the environment variable that holds its token; None shows none.
    """

    model: str
    url: str
    served_name: str | None = None
    token_variable: str | None = None


class Engines:
    """The engines elsewhere that one store knows, one for a model."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def put(
        self, model: str, url: str, *, served_name: str | None = None, token_variable: str | None = None
    ) -> RemoteEngine:
        """Let a server answer for a model, in the place of any other.

        Raises:
            BadInput: the address is none, or neither https nor on this machine; the variable's name is none.
            NotFound: no such model.
        """
        if token_variable is not None and not _VARIABLE.fullmatch(token_variable):
            raise BadInput(
                f"{token_variable!r} is no name of a variable", "name the variable that holds the token"
            )
        engine = RemoteEngine(model, _checked(url), served_name, token_variable)
        with write(self._db):
            if not self._db.table("models").count_where("name = ?", [model]):
                raise NotFound(f"no model named {model!r}", "add it: workbench model add")
            self._db.table("engines").upsert(asdict(engine), pk="model")
        return engine

    def get(self, model: str) -> RemoteEngine | None:
        """Return a model's engine, None where a process of ours answers."""
        for row in self._db.table("engines").rows_where("model = ?", [model]):
            return RemoteEngine(**row)
        return None

    def remove(self, model: str) -> None:
        """Let a process of ours answer again.

        Raises:
            NotFound: none is registered.
        """
        if self.get(model) is None:
            raise NotFound(f"model {model!r} has no engine elsewhere", "there is nothing to remove")
        with write(self._db):
            self._db.table("engines").delete(model)


def _checked(url: str) -> str:
    """The address as it is kept."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 (reading it checks it)
    except ValueError as error:
        raise BadInput(f"{url!r} is no address ({error})", "write it like http://127.0.0.1:8000") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadInput(f"{url!r} is no address of a server", "write it like http://127.0.0.1:8000")
    if (
        parts.username is not None
        or parts.query
        or parts.fragment
        or not url.isascii()
        or not url.isprintable()
    ):
        raise BadInput(
            "an engine's address is a host, a port and a path", "keep a token in a variable: --token-env"
        )
    if parts.scheme == "http" and not _is_loopback(parts):
        raise BadInput(
            f"{parts.hostname} is another machine, and http would show it prompts and token in the clear",
            "use https, or a tunnel to a port of this machine",
        )
    path = parts.path.rstrip("/").removesuffix("/v1").rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{path}"


def _is_loopback(parts: SplitResult) -> bool:
    try:
        return ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return parts.hostname == "localhost"

"""Prompts that somebody typed, each once, the latest used first, no more than one looks through."""

from __future__ import annotations

import builtins
import time
from pathlib import Path
from typing import TYPE_CHECKING

from store.db import storable, write

if TYPE_CHECKING:
    from sqlite_utils import Database

KEPT = 200


class Prompts:
    """The history of one store."""

    def __init__(self, root: Path, db: Database) -> None:
        self._root = root
        self._db = db

    def use(self, text: str) -> None:
        """Keep a prompt as the one used last; what was used longest ago is forgotten."""
        with write(self._db):
            self._db.execute(
                "insert or replace into prompts (text, used) values (?, ?)", [storable(text), time.time()]
            )
            self._db.execute(
                """delete from prompts where text not in
                   (select text from prompts order by used desc, rowid desc limit ?)""",
                [KEPT],
            )

    def list(self) -> builtins.list[str]:
        """Return the prompts, the latest used first."""
        return [
            text for (text,) in self._db.execute("select text from prompts order by used desc, rowid desc")
        ]
